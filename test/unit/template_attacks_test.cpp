// Templates and variables that are made to hurt: what takes more work than it looks like counts, so
// that limits end it, and is done once where once is enough.
#include <ctime>
#include <string>

#include <gtest/gtest.h>

#include "core/template/scratch.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

using tmpl::Code;

std::string Repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string List(int size, std::string_view element) {
  std::string list = "[";
  for (int i = 0; i < size; ++i) list.append(i > 0 ? "," : "").append(element);
  return list + "]";
}

Json Snippets(const std::string& name, const std::string& text) {
  return Json(nlohmann::json({{name, text}}).dump());
}

// Operations that a rendering counts; none if it fails.
uint64_t Operations(const std::string& text, const std::string& variables) {
  Template source = {.texts = {text}};
  EXPECT_TRUE(source.Compile()) << source.error.message;
  const ScratchPointer scratch(tmpl::NewScratch());
  const Json json(variables);
  std::string_view output;
  if (tmpl::Bind(source.view(), json.value(), true, {}, scratch.get(), &source.error) !=
          Code::kOk ||
      tmpl::Render(source.view(), 0, {}, scratch.get(), &output, &source.error) != Code::kOk) {
    return 0;
  }
  return scratch->operations;
}

// What takes seconds where it is not bounded takes some hundredths where it is.
Code CompileCode(Template source) {
  const std::clock_t start = std::clock();
  source.Compile();
  EXPECT_LT(std::clock() - start, CLOCKS_PER_SEC) << source.texts[0].substr(0, 40);
  return source.code;
}

TEST(Attacks, LookingFarOutwardsCounts) {
  const auto text = [](int depth) {
    return Repeat("{{#o}}", depth) + "{{#l}}{{missing}}{{/l}}" + Repeat("{{/o}}", depth);
  };
  const std::string variables = "{\"o\":{\"a\":1},\"l\":" + List(100, "1") + "}";
  const uint64_t near = Operations(text(1), variables), far = Operations(text(51), variables);
  EXPECT_GE(far, near + 100 * 50);
  EXPECT_LE(far, near + 100 * 50 + 51 * 51);
  const std::string many = "{\"o\":{\"a\":1},\"l\":" + List(100'000, "1") + "}";
  Template source = {.texts = {text(60)}};
  source.Render(many);
  EXPECT_EQ(source.code, Code::kTooManyOperations);
}

TEST(Attacks, LongPathsCount) {
  EXPECT_EQ(Operations("{{a" + Repeat(".a", 40) + "}}", "{}"), Operations("{{a.a}}", "{}") + 39);
}

// The work of filters is linear in what they read and write.
TEST(Attacks, WorkOfFiltersCounts) {
  for (const char* filter : {"upper", "lower", "xml", "html", "json", "indent(2)", "fence", "trim",
                             "length", "truncate(1000)", "limit(1000)"}) {
    const std::string text = std::string("{{s | ") + filter + " | present}}";
    const auto operations = [&](size_t size) {
      return Operations(text, "{\"s\":\"" + std::string(size, 'x') + "\"}");
    };
    const uint64_t few = operations(640'000), many = operations(1'280'000);
    EXPECT_GE(few, 640'000u / 32) << filter;
    EXPECT_GE(many - few, 640'000u / 32) << filter;
    EXPECT_LE(many, 8 * 1'280'000u / 32) << filter;
  }
  EXPECT_GE(Operations(R"({{l | join("") | present}})", "{\"l\":" + List(64'000, "\"\"") + "}"),
            16'000u);
  EXPECT_GE(Operations("{{l | json | present}}", "{\"l\":" + List(64'000, "[]") + "}"), 15'000u);
  EXPECT_GE(Operations("{{l | upper | present}}", "{\"l\":" + List(64'000, "[]") + "}"), 15'000u);
  Template source = {.texts = {"{{#l}}{{s | trim | length}}{{/l}}"}};
  source.Render("{\"s\":\"" + std::string(100'000, ' ') + "\",\"l\":" + List(10'000, "1") + "}");
  EXPECT_EQ(source.code, Code::kTooManyOperations);
}

TEST(Attacks, ComparisonsCount) {
  const std::string text(1'000'000, 'x');
  EXPECT_GE(Operations("{{#if a == b}}{{/if}}", R"({"a":")" + text + R"(","b":")" + text + "\"}"),
            1'000'000u / 1024);
  Template source = {.texts = {"{{#if . == .}}{{/if}}"}, .require_object = false};
  ASSERT_TRUE(source.Compile());
  const Json number("1" + Repeat("01234567", 8'000));
  const ScratchPointer scratch(tmpl::NewScratch());
  std::string_view output;
  ASSERT_EQ(tmpl::Bind(source.view(), number.value(), false, {}, scratch.get(), &source.error),
            Code::kOk);
  ASSERT_EQ(tmpl::Render(source.view(), 0, {}, scratch.get(), &output, &source.error), Code::kOk);
  EXPECT_GE(scratch->operations, 32'000u / 64);
}

// One element more is as much more as the one before.
TEST(Attacks, LoopsAreLinear) {
  const std::string text = "{{#l}}{{#m}}{{x}}{{^@last}}, {{/@last}}{{/m}}{{/l}}";
  const auto operations = [&](int size) {
    return Operations(text, "{\"l\":" + List(size, R"({"m":[{"x":1},{"y":2}]})") + "}");
  };
  const uint64_t step = operations(101) - operations(100);
  EXPECT_EQ(operations(2100), operations(100) + 2000 * step);
}

TEST(Attacks, BlocksThatAreNotUsed) {
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{>s}}", 9'000)},
                         .snippets = Snippets("s", Repeat("{{$b}}{{/b}}", 5'000))}),
            Code::kProgramTooLarge);
  EXPECT_EQ(
      CompileCode({.texts = {"{{>s}}"}, .snippets = Snippets("s", Repeat("{{$b}}{{/b}}", 5'000))}),
      Code::kOk);
}

TEST(Attacks, TextsOfFewBytesBetweenComments) {
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{>s}}", 9'000)},
                         .snippets = Snippets("s", Repeat("x{{!}}", 170'000))}),
            Code::kProgramTooLarge);
  EXPECT_EQ(CompileCode({.texts = {Repeat("x{{!}}", 170'000)}}), Code::kOk);
}

TEST(Attacks, BodiesOfParents) {
  std::string text;
  for (int i = 0; i < 2'400; ++i) {
    const std::string name = "b" + std::to_string(i);
    text += "{{<p}}{{$" + name + "}}{{/" + name + "}}{{/p}}";
  }
  EXPECT_EQ(
      CompileCode(
          {.texts = {text},
           .snippets = Json(
               nlohmann::json({{"q", ""}, {"p", "{{<q}}" + Repeat("x{{!}}", 150'000) + "{{/q}}"}})
                   .dump())}),
      Code::kProgramTooLarge);
}

TEST(Attacks, BlankLinesOfABlockThatIsReplaced) {
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{<p}}{{$b}}{{/b}}{{/p}}", 2'000)},
                         .snippets = Snippets(
                             "p", "{{$b}}\n" + std::string(1'000'000, '\n') + "{{/b}}\n")}),
            Code::kOk);
}

TEST(Attacks, ParentsWithinParents) {
  nlohmann::json declarations = nlohmann::json::array(), snippets = nlohmann::json::object();
  for (int i = 0; i < 40; ++i) {
    const std::string number = std::to_string(i), name = "d" + number, block = "b" + number;
    declarations.push_back(
        {{"name", name}, {"type", "enum"}, {"values", {"s" + std::to_string(i + 1)}}});
    snippets["s" + number] =
        "{{<*" + name + "}}{{$" + block + "}}{{/" + block + "}}{{/*" + name + "}}";
  }
  snippets["s40"] = "{{$z}}{{/z}}";
  Template source = {.texts = {"{{>s0}}"},
                     .declarations = Json(declarations.dump()),
                     .snippets = Json(snippets.dump())};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, Code::kSnippetTooDeep) << source.error.message;
  source.texts = {"{{>s9}}"};
  EXPECT_TRUE(source.Compile()) << source.error.message;
}

TEST(Attacks, LongConditionsAndFilters) {
  EXPECT_EQ(CompileCode({.texts = {"{{#if " + Repeat("not ", 250'000) + "a}}{{/if}}"}}), Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {"{{#if " + Repeat("(", 250'000) + "a}}{{/if}}"}}),
            Code::kNestingTooDeep);
  EXPECT_EQ(CompileCode({.texts = {"{{#if a" + Repeat(" and a", 150'000) + "}}{{/if}}"}}),
            Code::kProgramTooLarge);
  EXPECT_EQ(CompileCode({.texts = {"{{#if a}}" + Repeat("{{else if a}}", 9'000) + "{{/if}}"}}),
            Code::kProgramTooLarge);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{#if a}}", 5'000) + Repeat("{{/if}}", 5'000)}}),
            Code::kNestingTooDeep);
  EXPECT_EQ(CompileCode({.texts = {"{{a" + Repeat("|trim", 200'000) + "}}"}}),
            Code::kProgramTooLarge);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{a | default(\"x", 60'000)}}), Code::kSyntax);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{! \"}}{{a}}", 4'000) + "\""}}), Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {"{{a | date(\"" + Repeat("%A", 400'000) + "\")}}"}}), Code::kOk);
}

// Arguments as large as they can be end in an error, not in memory.
TEST(Attacks, HugeArguments) {
  const std::string lines = "{\"s\":\"" + Repeat("\\nx", 50'000) + "\",\"l\":[[[[1]]]]}";
  EXPECT_EQ(Render("{{s | indent(1000)}}", lines),
            "!rendering exceeds the limit of 16777216 bytes of output");
  EXPECT_EQ(
      Render("{{s | truncate(1000000000) | length}} {{s | limit(1000000000) | length}}", lines),
      "100000 100000");
  EXPECT_EQ(Render("{{s | indent(1001)}}", lines).substr(0, 16), "!filter \"indent\"");
  EXPECT_EQ(Render("{{s | truncate(1000000001)}}", lines).substr(0, 18), "!filter \"truncate\"");
  EXPECT_EQ(Render("{{l | json(17)}}", lines).substr(0, 14), "!filter \"json\"");
  Template source = {.texts = {"{{l | join(\"" + std::string(500'000, '-') + "\")}}"}};
  source.Render("{\"l\":" + List(100, "1") + "}");
  EXPECT_EQ(source.code, Code::kOutputTooLarge);
  EXPECT_EQ(
      Render("{{d | date(\"" + Repeat("%Y", 400'000) + "\") | length}}", R"({"d":"2026-01-31"})"),
      "1600000");
}

}  // namespace
}  // namespace promptreg::testing
