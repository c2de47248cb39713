#include "core/json/parse.h"

#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

std::string Parsed(std::string_view text, const json::ParseOptions& options = {}) {
  const std::string container = json::Parse(text, options);
  return container.empty() ? "!" : Compact(json::Value::FromContainer(container.data()));
}

TEST(Parse, ReadsWhatJsonAllows) {
  for (const char* text : {"null", "true", "false", "0", "-1.50", "\"\"", "\"a\"", "[]", "{}",
                           "[1,[2,{}],\"x\"]", R"({"a":{"b":[null]},"c":true})"}) {
    EXPECT_EQ(Parsed(text), text);
  }
  EXPECT_EQ(Parsed(" \t\r\n[ 1 , { \"a\" : [ ] } ] "), "[1,{\"a\":[]}]");
  EXPECT_EQ(Parsed(R"({"a":1,"a":2})"), R"({"a":2})");
  EXPECT_EQ(Parsed("1e3"), "1000");
}

TEST(Parse, RefusesEverythingElse) {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "True",
                           "01",
                           "+1",
                           "1.",
                           ".5",
                           "-",
                           "NaN",
                           "'a'",
                           "\"a",
                           "\"\t\"",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "[",
                           "]",
                           "[}",
                           "{]",
                           "{",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{\"a\" 1}",
                           "1 2",
                           "[] []",
                           "{\"a\":1]",
                           "[1}",
                           "\"\\x\"",
                           "\"\\",
                           "\"\\u12",
                           "\"\\u12g4\"",
                           "\"\\u0000\"",
                           "\"\\ud800\"",
                           "\"\\ud800x\"",
                           "\"\\ud800\\n\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\ud800\"",
                           "// x\n1"}) {
    EXPECT_EQ(Parsed(text), "!") << text;
  }
}

TEST(Parse, ReadsEscapes) {
  EXPECT_EQ(Parsed(R"("\"\\\/\b\f\n\r\t\u0001")"), R"("\"\\/\b\f\n\r\t\u0001")");
  EXPECT_EQ(Parsed(R"("\u00e9\u20AC\ud83d\ude00")"), "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
  EXPECT_EQ(Parsed(R"({"\u0061":1})"), R"({"a":1})");
}

TEST(Parse, WritesOnlyAsciiIntoOtherEncodings) {
  EXPECT_EQ(Parsed(R"("\u007e")", {.utf8 = false}), "\"~\"");
  EXPECT_EQ(Parsed(R"("\u00e9")", {.utf8 = false}), "!");
}

TEST(Parse, HasALimitOfDepth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(Parsed(nested(64)), nested(64));
  EXPECT_EQ(Parsed(nested(65)), "!");
  EXPECT_EQ(Parsed("1", {.max_depth = 0}), "1");
  EXPECT_EQ(Parsed(std::string(1'000'000, '[')), "!");
}

}  // namespace
}  // namespace promptreg::testing
