// The tests that the Mustache specification publishes, read from its own files where they are.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

std::filesystem::path Directory() {
  const char* named = std::getenv("PROMPTREG_MUSTACHE_SPEC");
  if (named != nullptr && *named != '\0') return named;
  return std::filesystem::path(PROMPTREG_SOURCE_DIR).parent_path() / "shared/data/mustache-spec";
}

struct Tally {
  int run = 0;
  std::set<std::string> failed;
};

void RunFile(const std::string& name, tmpl::Escape escape, bool report, Tally* tally) {
  std::ifstream file(Directory() / (name + ".json"));
  ASSERT_TRUE(file.is_open()) << name;
  const nlohmann::json suite = nlohmann::json::parse(file);
  for (const nlohmann::json& test : suite["tests"]) {
    const std::string title = name + ": " + test["name"].get<std::string>();
    Template source = {.texts = {test["template"].get<std::string>()},
                       .escape = escape,
                       .snippets = Json(test.value("partials", nlohmann::json::object()).dump()),
                       .require_object = false};
    const std::string output = source.Render(Json(test["data"].dump()));
    const std::string expected = test["expected"].get<std::string>();
    ++tally->run;
    if (output != expected) tally->failed.insert(title);
    if (report) {
      EXPECT_EQ(output, expected) << title << "\n" << source.texts[0];
    }
  }
}

constexpr const char* kModules[] = {"comments", "delimiters", "interpolation", "inverted",
                                    "partials", "sections",   "~inheritance",  "~dynamic-names"};
constexpr int kTests = 184;

TEST(MustacheSpecification, AllButLambdasWithHtmlEscaping) {
  if (!std::filesystem::exists(Directory())) {
    GTEST_SKIP() << "no specification in " << Directory() << "; set PROMPTREG_MUSTACHE_SPEC";
  }
  Tally tally;
  for (const char* name : kModules) RunFile(name, tmpl::Escape::kHtml, true, &tally);
  EXPECT_EQ(tally.run, kTests);
}

TEST(MustacheSpecification, WithoutEscapingOnlyTheEscapingTestsDiffer) {
  if (!std::filesystem::exists(Directory())) {
    GTEST_SKIP() << "no specification in " << Directory() << "; set PROMPTREG_MUSTACHE_SPEC";
  }
  Tally tally;
  for (const char* name : kModules) RunFile(name, tmpl::Escape::kNone, false, &tally);
  EXPECT_EQ(tally.run, kTests);
  EXPECT_EQ(tally.failed,
            (std::set<std::string>{"interpolation: HTML Escaping",
                                   "interpolation: Implicit Iterators - HTML Escaping",
                                   "sections: Implicit Iterator - HTML Escaping"}));
}

}  // namespace
}  // namespace promptreg::testing
