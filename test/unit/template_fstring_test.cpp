#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

std::string RenderAs(tmpl::Syntax syntax, std::string text, const Json& variables) {
  Template source = {.texts = {std::move(text)}, .syntax = syntax};
  return source.Render(variables);
}

TEST(FString, InsertsVariables) {
  const Json variables(R"({"x":"1","y_z":2.50,"o":{"a":[true]}})");
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, "", variables), "");
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, "a {x} b {y_z}{x}", variables), "a 1 b 2.501");
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, "{o}", variables), R"({"a":[true]})");
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, "[{missing}]", variables), "[]");
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, "{größe}", R"({"größe":"L"})"), "L");
}

TEST(FString, DoubledBracesAreBraces) {
  const Json variables(R"({"x":"1"})");
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, R"({{"a": {x}}})", variables), R"({"a": 1})");
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, R"({{"a": {x}}}})", variables),
            "!closing brace without an opening one");
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, "{{{x}}}", variables), "{1}");
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, "{{x}} {{{{}}}}", variables), "{x} {{}}");
}

TEST(FString, RefusesEverythingElse) {
  struct Case {
    const char* text;
    const char* message;
    uint32_t column;
  };
  for (const Case& test :
       {Case{"a {x", "brace is not closed", 3},
        {"a } b", "closing brace without an opening one", 3},
        {"{}", "invalid variable {}: an empty name", 1},
        {"{ x }", "invalid variable { x }: white space", 1},
        {"{x!r}", "invalid variable {x!r}: a character that no name has", 1},
        {"{x:>3}", "invalid variable {x:>3}: a character that no name has", 1},
        {"{a.b}", "invalid variable {a.b}: a character that no name has", 1},
        {"{a[0]}", "invalid variable {a[0]}: a character that no name has", 1},
        {"é{\"a\": 1}", "invalid variable {\"a\": 1}: a character that no name has", 2},
        {"{a{b}}", "brace is not closed", 1}}) {
    Template source = {.texts = {test.text}, .syntax = tmpl::Syntax::kFString};
    EXPECT_FALSE(source.Compile()) << test.text;
    EXPECT_EQ(source.code, tmpl::Code::kSyntax);
    EXPECT_STREQ(source.error.message, test.message);
    EXPECT_EQ(source.error.column, test.column) << test.text;
    EXPECT_STREQ(source.error.hint, "Write {{ and }} for braces that are no variable.");
  }
}

TEST(FString, MustacheMeansNothing) {
  EXPECT_EQ(RenderAs(tmpl::Syntax::kFString, "{{#a}} {{>b}}", "{}"), "{#a} {>b}");
}

TEST(FString, EscapesForHtmlWhereAsked) {
  Template source = {
      .texts = {"{a}"}, .syntax = tmpl::Syntax::kFString, .escape = tmpl::Escape::kHtml};
  EXPECT_EQ(source.Render(R"({"a":"<"})"), "&lt;");
}

TEST(NoSyntax, LeavesTheTextAsItIs) {
  const std::string text = "{{a}} {b} }} {{{ \\{{ \r\n{{#x}}\n";
  EXPECT_EQ(RenderAs(tmpl::Syntax::kNone, text, R"({"a":1})"), text);
  EXPECT_EQ(RenderAs(tmpl::Syntax::kNone, "", "{}"), "");
}

TEST(NoSyntax, HasTheSizeLimit) {
  Template source = {
      .texts = {"12345"}, .syntax = tmpl::Syntax::kNone, .limits = {.template_bytes = 4}};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, tmpl::Code::kTemplateTooLarge);
}

}  // namespace
}  // namespace promptreg::testing
