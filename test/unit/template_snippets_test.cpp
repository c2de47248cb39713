// Snippets of versions: finding them in texts, and compiling with all of them known.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

// The names, or "!" and why not.
std::string Names(std::vector<std::string> texts, const Json& declarations = {},
                  tmpl::Syntax syntax = tmpl::Syntax::kMustache) {
  const std::vector<std::string_view> parts(texts.begin(), texts.end());
  tmpl::Source source;
  source.parts = parts;
  source.syntax = syntax;
  source.declarations = declarations.value();
  std::vector<std::string> names;
  tmpl::Error error;
  if (!tmpl::FindSnippets(source, {}, &names, &error)) {
    return "!" + std::to_string(error.part) + " " + error.message;
  }
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : " ") + name;
  return joined;
}

// Compiled as a version is: every snippet is there, or says why not.
std::string RenderVersion(const std::string& text, const Json& variables, const Json& snippets,
                          const Json& declarations = {}) {
  Template source = {.texts = {text}, .declarations = declarations, .snippets = snippets};
  source.snippets_exist = true;
  return source.Render(variables);
}

TEST(Snippets, NamesComeOnceAndInOrder) {
  EXPECT_EQ(Names({"{{> b}}{{#x}}{{> a@3}}{{/x}}{{> b}}", "{{> a@production}} {{> b}}"}),
            "b a@3 a@production");
  EXPECT_EQ(Names({"{{<layout}}{{$body}}{{> inner}}{{/body}}{{/layout}}"}), "layout inner");
  EXPECT_EQ(Names({"{{#if x}}{{> a}}{{else}}{{> b}}{{/if}}"}), "a b");
  EXPECT_EQ(Names({"none {{x}} {{! {{> comment}} }}"}), "");
  EXPECT_EQ(Names({"{{> a}} {x}"}, {}, tmpl::Syntax::kFString), "");
  EXPECT_EQ(Names({"{{> a}}"}, {}, tmpl::Syntax::kNone), "");
  EXPECT_EQ(Names({}), "");
}

TEST(Snippets, DynamicNamesStandForTheValuesOfAnEnum) {
  const Json declarations = R"([{"name": "w", "type": "enum", "values": ["b", "a@1"]},
                                {"name": "s", "type": "string"}])";
  EXPECT_EQ(Names({"{{> a}}{{>*w}}"}, declarations), "a b a@1");
  EXPECT_EQ(Names({"x", "{{>*s}}"}, declarations),
            "!1 dynamic name \"s\" is not declared as an enum");
  EXPECT_EQ(Names({"{{>*w.x}}"}, declarations),
            "!0 dynamic name \"w.x\" is not declared as an enum");
  EXPECT_EQ(Names({"{{>*w}}"}), "!0 dynamic name \"w\" is not declared as an enum");
}

TEST(Snippets, WhatCannotBeParsedIsToldWithItsPart) {
  EXPECT_EQ(Names({"{{> a}}", "{{#x}}"}).substr(0, 3), "!1 ");
  EXPECT_EQ(Names({"{{> a}}"}, "[1]").substr(0, 1), "!");
}

TEST(Snippets, OneThatIsMissingIsAnErrorInAVersion) {
  EXPECT_EQ(Render("[{{> a}}]", "{}"), "[]");
  EXPECT_EQ(RenderVersion("[{{> a}}]", "{}", "{}"), "!snippet \"a\" does not exist");
  EXPECT_EQ(RenderVersion("[{{> a}}]", "{}", R"({"a": {"problem": "is archived"}})"),
            "!snippet \"a\" is archived");
  EXPECT_EQ(RenderVersion("[{{> a}}]", "{}", R"({"a": 1})"), "!snippet \"a\" must be a string");
  EXPECT_EQ(RenderVersion("[{{> a}}]", "{}", R"({"a": {"text": "x", "syntax": "perl"}})"),
            "!snippet \"a\" must be a string");
}

TEST(Snippets, EachHasItsOwnSyntax) {
  const Json snippets = R"({"m": {"text": "{{x}} {x}", "syntax": "mustache"},
                            "f": {"text": "{x} {{x}}", "syntax": "fstring"},
                            "n": {"text": "{x} {{x}}", "syntax": "none"}})";
  EXPECT_EQ(RenderVersion("{{> m}}|{{> f}}|{{> n}}", R"({"x": 1})", snippets),
            "1 {x}|1 {x}|{x} {{x}}");
}

// A snippet that declares a variable.
std::string Declaring(std::string_view declarations, std::string_view text = "{{declared}}") {
  return R"({"text": ")" + std::string(text) + R"(", "syntax": "mustache", "variables": )" +
         std::string(declarations) + "}";
}

TEST(Snippets, BringTheirDeclarations) {
  const Json snippets =
      R"({"a": )" + Declaring(R"([{"name": "declared", "type": "integer", "required": true}])") +
      "}";
  // What no declaration has is inferred where the source declares nothing.
  EXPECT_EQ(RenderVersion("{{> a}} {{x}}", R"({"declared": 1, "x": "y"})", snippets), "1 y");
  EXPECT_EQ(RenderVersion("{{> a}} {{x}}", R"({"x": "y"})", snippets),
            "!variable \"declared\" is missing");
  EXPECT_EQ(RenderVersion("{{> a}} {{x}}", R"({"declared": 1, "x": "y"})", snippets, "[]"),
            "!variable \"x\" is not declared");
  EXPECT_EQ(RenderVersion("{{> a}}", R"({"declared": 1})", snippets, "[]"), "1");
  // The source's own come first.
  EXPECT_EQ(RenderVersion("{{> a}}", R"({"declared": "s"})", snippets, R"([{"name": "declared"}])"),
            "s");
}

TEST(Snippets, AreTheOriginOfVariables) {
  Template source = {.texts = {"{{x}}{{> a}}{{#l}}{{y}}{{/l}}{{> b}}{{z}}"},
                     .snippets = Json(R"({"a": )" + Declaring(R"([{"name": "declared"}])") +
                                      R"(, "b": "{{x}}{{z}}{{only}}"})")};
  ASSERT_TRUE(source.Compile()) << source.error.message;
  std::string variables;
  for (uint32_t i = 0; i < source.view().variable_count(); ++i) {
    const tmpl::Variable variable = source.view().variable(i);
    EXPECT_EQ(variable.declared, variable.name == "declared");
    variables += std::string(variable.name) + ":" + std::string(variable.snippet) + " ";
  }
  EXPECT_EQ(variables, "declared:a x: l: y: z: only:b ");
}

TEST(Snippets, MustNotContradictEachOther) {
  const auto render = [](std::string_view left, std::string_view right,
                         const Json& declarations = {}) {
    return RenderVersion("{{> a}}{{> b}}", R"({"declared": "1"})",
                         R"({"a": )" + Declaring(left) + R"(, "b": )" + Declaring(right) + "}",
                         declarations);
  };
  EXPECT_EQ(render(R"([{"name": "declared", "description": "x", "max": 3}])",
                   R"([{"name": "declared", "example": "y", "max": 3}])"),
            "11");
  constexpr char kRefused[] = "!snippets \"a\" and \"b\" declare variable \"declared\" differently";
  EXPECT_EQ(render(R"([{"name": "declared"}])", R"([{"name": "declared", "type": "integer"}])"),
            kRefused);
  EXPECT_EQ(render(R"([{"name": "declared", "default": ["x"], "type": "array"}])",
                   R"([{"name": "declared", "default": ["y"], "type": "array"}])"),
            kRefused);
  EXPECT_EQ(render(R"([{"name": "declared"}])", R"([{"name": "declared", "type": "integer"}])",
                   R"([{"name": "declared"}])"),
            "11");
}

}  // namespace
}  // namespace promptreg::testing
