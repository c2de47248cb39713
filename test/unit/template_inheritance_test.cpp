// Parents, blocks and dynamic names, where the specification's own tests do not look.
#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

TEST(Inheritance, BlocksBelongToTheTextTheyStandIn) {
  // A block within what replaces it is not replaced by it again.
  EXPECT_EQ(Render("{{<p}}{{$a}}[{{$a}}inner{{/a}}]{{/a}}{{/p}}", "{}",
                   R"({"p": "<{{$a}}default{{/a}}>"})"),
            "<[inner]>");
  EXPECT_EQ(Render("{{<p}}{{$a}}{{x}}{{/a}}{{/p}}", R"({"x": 1, "l": [{"x": 2}, {"x": 3}]})",
                   R"({"p": "{{#l}}{{$a}}{{/a}},{{/l}}"})"),
            "2,3,");
}

TEST(Inheritance, ReplacedLinesTakeTheIndentationOfTheirPlace) {
  EXPECT_EQ(Render("{{<p}}\n{{$b}}\n    - {{x}}\n      {{y}}\n{{/b}}\n{{/p}}\nend",
                   R"({"x": "1\n2", "y": 3})", R"({"p": "Rules:\n  {{$b}}\n  none\n  {{/b}}\n"})"),
            "Rules:\n  - 1\n2\n    3\nend");
  EXPECT_EQ(
      Render("  {{<p}}\n  {{$b}}x{{/b}}\n  {{/p}}\n", "{}", R"({"p": "a\n {{$b}}\n {{/b}}\nb\n"})"),
      "  a\n   x\n  b\n");
  EXPECT_EQ(
      Render("{{<p}}{{$b}}\r\nx\r\n{{/b}}{{/p}}\r\n", "{}", R"({"p": "a\r\n  {{$b}}{{/b}}\r\nb"})"),
      "a\r\n  x\r\nb");
  EXPECT_EQ(Render("{{$b}}\n  kept\n    as it is\n{{/b}}\n", "{}"), "  kept\n    as it is\n");
  EXPECT_EQ(Render("{{<p}}{{$b}}\n  {{#l}}\n  * {{.}}\n  {{/l}}\n{{/b}}{{/p}}", R"({"l": [1, 2]})",
                   R"({"p": "A {{$b}}{{/b}} B"})"),
            "A * 1\n* 2\n B");
}

TEST(Inheritance, ParentsIncludeThemselvesThroughSections) {
  EXPECT_EQ(
      Render(
          "{{<node}}{{$tag}}*{{/tag}}{{/node}}",
          R"({"v": 1, "k": [{"v": 2, "k": [{"v": 3, "k": []}]}, {"v": 4, "k": []}]})",
          R"j({"node": "{{$tag}}-{{/tag}}{{v}}({{#k}}{{<node}}{{$tag}}+{{/tag}}{{/node}}{{/k}})"})j"),
      "*1(*2(*3())*4())");
  Template endless = {.texts = {"{{>p}}"},
                      .snippets = R"({"p": "{{<p}}{{$a}}x{{/a}}{{/p}}{{$a}}{{/a}}"})"};
  EXPECT_EQ(endless.Render("{}"), "!snippet \"p\" includes itself without end: p > p");
}

TEST(Inheritance, RefusesWhatWouldVanish) {
  EXPECT_EQ(Render("{{<p}}{{x}}{{/p}}", "{}", R"({"p": ""})"),
            "!tag within a parent that is in none of its blocks");
  EXPECT_EQ(Render("{{<p}}{{$a}}{{/a}}{{$a}}{{/a}}{{/p}}", "{}", R"({"p": ""})"),
            "!block \"a\" is given twice");
  EXPECT_EQ(Render("{{<p}}", "{}"), "!parent \"p\" is not closed");
  EXPECT_EQ(Render("{{$b}}{{/c}}", "{}"), "!section \"c\" is closed where \"b\" is open");
}

TEST(Inheritance, EntangledParentsEnd) {
  std::string wide = "{{<p}}";
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "b" + std::to_string(i);
    wide.append("{{$").append(name).append("}}{{>p}}{{/").append(name).append("}}");
  }
  wide += "{{/p}}";
  EXPECT_EQ(Render(wide, "{}", R"({"p": "{{$b0}}{{/b0}}{{$b1}}{{/b1}}x"})"), "xxx");
  // Each of two parents multiplies the other.
  Template source = {.texts = {"{{>a}}"}};
  source.snippets =
      R"({"a": "{{#s}}{{<b}}{{$x}}{{>a}}{{/x}}{{/b}}{{<b}}{{$y}}{{>b}}{{/y}}{{/b}}{{/s}}",
          "b": "{{$x}}{{/x}}{{$y}}{{/y}}{{#t}}{{<a}}{{$z}}{{>b}}{{/z}}{{/a}}{{/t}}{{>a}}"})";
  source.Render("{}");
  EXPECT_TRUE(source.code == tmpl::Code::kOk || source.code == tmpl::Code::kProgramTooLarge ||
              source.code == tmpl::Code::kSnippetTooDeep);
}

TEST(DynamicNames, AreLimitedToADeclaredEnum) {
  Template source = {.texts = {"{{>*tone}}!"}};
  source.snippets = R"({"warm": "Dear {{name}}", "cold": "{{name}}", "other": "{{"})";
  source.declarations =
      R"([{"name": "tone", "type": "enum", "values": ["warm", "cold"]}, {"name": "name"}])";
  EXPECT_EQ(source.Render(R"({"tone": "warm", "name": "Ada"})"), "Dear Ada!");
  EXPECT_EQ(source.RenderAgain(R"({"tone": "cold", "name": "Ada"})"), "Ada!");
  EXPECT_EQ(source.RenderAgain(R"({"name": "Ada"})"), "!");
  source.declarations = R"([{"name": "tone"}, {"name": "name"}])";
  EXPECT_EQ(source.Render("{}"), "!dynamic name \"tone\" is not declared as an enum");
  source.declarations = R"([{"name": "tone", "type": "enum", "values": ["lost"]}])";
  EXPECT_EQ(source.Render("{}"), "!snippet \"lost\" does not exist");
  source.declarations = R"([{"name": "tone", "type": "enum", "values": ["warm"]}])";
  EXPECT_EQ(source.Render("{}"), "!variable \"name\" is not declared");
}

TEST(DynamicNames, TakeNothingButAString) {
  for (const char* value : {"1", "null", "[\"a\"]", "true", "\"\"", "\"b\""}) {
    EXPECT_EQ(Render("[{{>*n}}]", std::string(R"({"n": )") + value + "}", R"({"a": "x"})"), "[]");
  }
  EXPECT_EQ(Render("{{#l}}{{>*.}}{{/l}}", R"({"l": ["a", "b", "c"]})", R"({"a": "1", "b": "2"})"),
            "12");
}

TEST(DynamicNames, HaveNoEmptyParts) {
  for (const char* text : {"{{>*}}", "{{>*.*}}", "{{>**.}}", "{{>*a..b}}"}) {
    Template source = {.texts = {text}, .snippets = "{}"};
    EXPECT_FALSE(source.Compile()) << text;
    EXPECT_EQ(source.code, tmpl::Code::kSyntax);
  }
}

TEST(DynamicNames, NameParentsToo) {
  EXPECT_EQ(Render("{{<*n}}{{$b}}new{{/b}}{{/*n}}", R"({"n": "p"})",
                   R"({"p": "<{{$b}}old{{/b}}>", "q": ""})"),
            "<new>");
}

TEST(DynamicNames, RecursionEndsAtItsLimit) {
  Template source = {.texts = {"{{>*n}}"}, .snippets = R"({"a": "{{>*n}}"})"};
  EXPECT_EQ(source.Render(R"({"n": "a"})"), "!rendering includes snippets more than 32 deep");
  EXPECT_EQ(source.code, tmpl::Code::kSnippetTooDeep);
}

}  // namespace
}  // namespace promptreg::testing
