// {{#if}} and {{#unless}}.
#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

TEST(Conditions, Hold) {
  const Json variables = R"({"t": "b", "n": 10, "d": 1.50, "z": 0, "e": "", "l": [], "o": {"k": 2},
                             "yes": true, "no": false, "nil": null, "five": "5", "big": 1e30,
                             "m": -3, "a-b": 1})";
  for (const auto& [condition, holds] : {
           std::pair<std::string, bool>{"n", true},
           {"z", false},
           {"e", false},
           {"l", false},
           {"o", true},
           {"nil", false},
           {"missing", false},
           {"not missing", true},
           {"not not n", true},
           {"n == 10", true},
           {"n==10.00", true},
           {"n != 10", false},
           {"n > 9.999999999999999999999999999999999", true},
           {"n >= 10", true},
           {"n < 10", false},
           {"n <= 10", true},
           {"d == 1.5", true},
           {"d < 1.50000000000000000000000001", true},
           {"m < -2.9", true},
           {"m > -10000", true},
           {"m < z", true},
           {"big > 999999999999999999999999999999", true},
           {"big == 1e30", true},
           {"five == 5", false},
           {"five != 5", true},
           {"five < 6", false},
           {"five >= 5", false},
           {"five == \"5\"", true},
           {"t > \"a\" and t < \"c\"", true},
           {"t <= \"b\"", true},
           {"t < \"ba\"", true},
           {"yes == true", true},
           {"yes == 1", false},
           {"no == false", true},
           {"yes > no", false},
           {"nil == null", true},
           {"missing == null", true},
           {"z == null", false},
           {"l == l", false},
           {"l != l", true},
           {"o.k == 2", true},
           {"o.x.y == null", true},
           {"a-b == 1", true},
           {"n > 5 and t == \"b\" or no", true},
           {"no and no or yes", true},
           {"no and (no or yes)", false},
           {"yes or no and no", true},
           {"not (yes and no)", true},
           {"not yes or not no", true},
           {"not n == 10", false},
           {"(((n)))", true},
           {"true and not false", true},
           {"\"}}\" == \"}}\"", true},
           {"1 < 2", true},
       }) {
    EXPECT_EQ(Render("{{#if " + condition + "}}1{{else}}0{{/if}}", variables), holds ? "1" : "0")
        << condition;
    EXPECT_EQ(Render("{{#unless " + condition + "}}1{{else}}0{{/unless}}", variables),
              holds ? "0" : "1")
        << condition;
  }
}

// Every condition of three parts against every assignment.
TEST(Conditions, TruthTables) {
  for (int value = 0; value < 8; ++value) {
    const bool a = (value & 1) != 0, b = (value & 2) != 0, c = (value & 4) != 0;
    const auto text = [](bool truth) { return truth ? "true" : "false"; };
    const Json variables =
        std::string("{\"a\": ") + text(a) + ", \"b\": " + text(b) + ", \"c\": " + text(c) + "}";
    for (const auto& [condition, holds] : {
             std::pair<std::string, bool>{"a and b and c", a && b && c},
             {"a or b or c", a || b || c},
             {"a and b or c", (a && b) || c},
             {"a or b and c", a || (b && c)},
             {"(a or b) and c", (a || b) && c},
             {"not (a or b) and c", !(a || b) && c},
             {"not (a and b) or not c", !(a && b) || !c},
             {"a and (b or not c)", a && (b || !c)},
             {"not (a and (b or not (c and a)))", !(a && (b || !(c && a)))},
         }) {
      EXPECT_EQ(Render("{{#if " + condition + "}}1{{/if}}", variables), holds ? "1" : "")
          << condition << " " << value;
    }
  }
}

TEST(Conditions, Branches) {
  Template source = {
      .texts = {"a{{#if n > 10}}large{{else if n > 5}}middle{{else if n}}small{{else}}"
                "none{{/if}}z"}};
  EXPECT_EQ(source.Render(R"({"n": 11})"), "alargez");
  EXPECT_EQ(source.RenderAgain(R"({"n": 6})"), "amiddlez");
  EXPECT_EQ(source.RenderAgain(R"({"n": 1})"), "asmallz");
  EXPECT_EQ(source.RenderAgain("{}"), "anonez");
  EXPECT_EQ(Render("{{#if a}}{{#if b}}1{{else}}2{{/if}}{{else}}3{{/if}}", R"({"a": 1})"), "2");
}

TEST(Conditions, LinesOfTheirOwnVanish) {
  EXPECT_EQ(Render("x\n  {{#if a == 1}}  \n  one\n{{else if a}}\n  more\n  {{else}}\r\n  none\n"
                   "{{/if}}\ny",
                   R"({"a": 2})"),
            "x\n  more\ny");
  EXPECT_EQ(
      Render("  {{>s}}\n", R"({"a": 1})", R"({"s": "{{#if a}}\nx\n{{else}}\ny\n{{/if}}\nz\n"})"),
      "  x\n  z\n");
}

TEST(Conditions, KeepTheContext) {
  EXPECT_EQ(Render("{{#l}}{{#if x > @index}}{{x}}{{^@last}},{{/@last}}{{/if}}{{/l}}",
                   R"({"l": [{"x": 1}, {"x": 1}, {"x": 3}]})"),
            "1,3");
  EXPECT_EQ(Render("{{#l}}{{#if @index == @index1}}!{{/if}}{{#if . == \"b\"}}{{.}}{{/if}}{{/l}}",
                   R"({"l": ["a", "b"]})"),
            "b");
  // What is used outside of all sections is a variable, also within a condition.
  Template source = {.texts = {"{{#if a}}{{b}}{{/if}}"}, .declarations = R"([{"name": "a"}])"};
  EXPECT_EQ(source.Render("{}"), "!variable \"b\" is not declared");
  source = {.texts = {"{{#if a}}{{b}}{{else if c.d}}{{/if}}"}};
  ASSERT_TRUE(source.Compile());
  EXPECT_EQ(source.view().variable_count(), 3u);
}

TEST(Conditions, WhatCouldBeANameIsOne) {
  EXPECT_EQ(Render("{{#if}}{{x}}{{/if}}{{else}}", R"({"if": true, "x": "x", "else": "x"})"), "xx");
}

TEST(Conditions, MistakesAreRefusedWhereTheyAre) {
  struct Mistake {
    std::string text, message;
    uint32_t column;
  };
  for (const Mistake& test : {
           Mistake{"{{#if a b}}{{/if}}",
                   "expected and, or, or the end of the condition, found \"b\"", 9},
           {"{{#if a ==}}{{/if}}", "expected a name or a literal, found the end of the tag", 11},
           {"{{#if and}}{{/if}}", "expected a name or a literal, found \"and\"", 7},
           {"{{#if a = 1}}{{/if}}",
            "expected and, or, or the end of the condition, found a sign that means nothing here",
            9},
           {"{{#if a < b < c}}{{/if}}",
            "expected and, or, or the end of the condition, found \"<\"", 13},
           {"{{#if (a}}{{/if}}",
            "expected and, or, or a closing parenthesis, found the end of the tag", 9},
           {"{{#if f(a)}}{{/if}}", "expected and, or, or the end of the condition, found \"(\"", 8},
           {"{{#if a..b}}{{/if}}", "invalid name \"a..b\": an empty name", 7},
           {"{{#if @nope}}{{/if}}", "invalid name \"@nope\": an unknown name", 7},
           {"{{#if @first}}{{/if}}", "@first is only known within a section", 7},
           {"{{#if a | upper}}{{/if}}",
            "expected and, or, or the end of the condition, found \"|\"", 9},
           {"{{#if a}}", "condition \"if\" is not closed", 1},
           {"{{#if a}}{{/unless}}", "section \"unless\" is closed where \"if\" is open", 10},
           {"{{#if a}}{{else}}{{else}}{{/if}}", "else follows an else without a condition", 18},
           {"{{#if a}}{{else b}}{{/if}}", "invalid tag: else is followed by if or by nothing", 10},
           {"{{else if a}}", "invalid tag {{else if a}}: white space", 1},
           {"{{^if a}}{{/if}}", "invalid tag {{^if a}}: white space", 1},
       }) {
    Template source = {.texts = {test.text}};
    EXPECT_FALSE(source.Compile()) << test.text;
    EXPECT_EQ(source.error.message, test.message);
    EXPECT_EQ(source.error.column, test.column) << test.text;
  }
}

TEST(Conditions, HostileOnesEnd) {
  const auto repeat = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  const auto code = [](const std::string& text) {
    Template source = {.texts = {text}};
    source.Compile();
    return source.code;
  };
  EXPECT_EQ(code("{{#if " + repeat("(", 100'000) + "a"), tmpl::Code::kSyntax);
  EXPECT_EQ(code("{{#if " + repeat("(", 100'000) + "}}"), tmpl::Code::kNestingTooDeep);
  EXPECT_EQ(code("{{#if " + repeat("not ", 100'000) + "a}}{{/if}}"), tmpl::Code::kOk);
  EXPECT_EQ(code("{{#if a" + repeat(" and a", 4'000) + "}}{{/if}}"), tmpl::Code::kOk);
  EXPECT_EQ(code("{{#if a" + repeat(" or a", 100'000) + "}}{{/if}}"), tmpl::Code::kProgramTooLarge);
  EXPECT_EQ(code(repeat("{{#if a}}", 65)), tmpl::Code::kNestingTooDeep);
  EXPECT_EQ(code("{{#if a}}" + repeat("{{else if a}}", 20'000) + "{{/if}}"),
            tmpl::Code::kProgramTooLarge);
  EXPECT_EQ(code(repeat("{{#if \"", 100'000)), tmpl::Code::kSyntax);
  EXPECT_EQ(code(repeat("{{x | default(\"}}", 60'000)), tmpl::Code::kSyntax);
  Template self = {.texts = {"{{>s}}"}, .snippets = R"({"s": "{{#if a}}{{>s}}{{/if}}"})"};
  EXPECT_EQ(self.Render("{}"), "!snippet \"s\" includes itself without end: s > s");
}

TEST(Conditions, ComparingLongTextsCounts) {
  const std::string big(1 << 20, 'a');
  Template source = {.texts = {"{{#l}}{{#if a == b}}x{{/if}}{{/l}}"}};
  source.limits.render_operations = 10'000;
  std::string list = "[1";
  for (int i = 0; i < 50; ++i) list += ",1";
  EXPECT_EQ(source.Render("{\"a\": \"" + big + "\", \"b\": \"" + big + "\", \"l\": " + list + "]}"),
            "!rendering exceeds the limit of 10000 operations");
}

}  // namespace
}  // namespace promptreg::testing
