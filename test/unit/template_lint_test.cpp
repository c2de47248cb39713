// Warnings about templates that are valid.
#include "core/template/lint.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/template/braces.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

struct Linted {
  std::vector<std::string> texts;
  std::vector<bool> instructions = {};
  Json declarations = {};
  Json snippets = {};
  tmpl::Syntax syntax = tmpl::Syntax::kMustache;

  std::vector<tmpl::Warning> warnings = {};

  bool Run(tmpl::Error* error) {
    const std::vector<std::string_view> parts(texts.begin(), texts.end());
    const tmpl::Source source = {.parts = parts,
                                 .syntax = syntax,
                                 .declarations = declarations.value(),
                                 .snippets = snippets.value()};
    return tmpl::FindWarnings(source, instructions, {}, &warnings, error);
  }

  // As in: unused_variable x; single_braces y 2:5.
  std::string Codes() {
    tmpl::Error error;
    if (!Run(&error)) return std::string("!") + error.message;
    std::string codes;
    for (const tmpl::Warning& warning : warnings) {
      if (!codes.empty()) codes += "; ";
      codes += std::string(tmpl::LintName(warning.lint)) + " " + warning.variable;
      if (!warning.snippet.empty()) codes += " in " + warning.snippet;
      if (warning.line == 0) continue;
      codes += " " + std::to_string(warning.line) + ":" + std::to_string(warning.column);
    }
    return codes;
  }
};

std::string Codes(const char* text, const Json& declarations = {}, const Json& snippets = {}) {
  return Linted{.texts = {text}, .declarations = declarations, .snippets = snippets}.Codes();
}

// Of a text that is an instruction.
std::string System(const char* text, const Json& declarations = {}, const Json& snippets = {}) {
  return Linted{
      .texts = {text}, .instructions = {true}, .declarations = declarations, .snippets = snippets}
      .Codes();
}

TEST(Lint, SaysNothingOfWhatIsRight) {
  EXPECT_EQ(Codes(""), "");
  EXPECT_EQ(Codes("Hello {{name}}, {{#list}}{{.}}{{/list}}"), "");
  EXPECT_EQ(Codes("{{a}}", R"([{"name": "a"}])"), "");
}

TEST(Lint, NeedsATemplateThatCompiles) {
  EXPECT_EQ(Codes("{{a"), "!tag is not closed");
}

TEST(Lint, FindsUnusedVariables) {
  EXPECT_EQ(Codes("{{b}}", R"([{"name": "a"}, {"name": "b"}, {"name": "c"}])"),
            "unused_variable a; unused_variable c");
  EXPECT_EQ(
      Codes("{{#if a == \"x\"}}{{/if}}{{^b}}{{/b}}{{c}}{{> s}}",
            R"([{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "e"}])", R"({"s": "{{e}}"})"),
      "");
  // Those of a snippet are its own affair.
  EXPECT_EQ(Codes("{{> s}}", {},
                  R"({"s": {"text": "", "syntax": "mustache", "variables": [{"name": "a"}]}})"),
            "");
}

TEST(Lint, FindsSingleBraces) {
  EXPECT_EQ(Codes("Hello {name}!"), "single_braces name 1:7");
  EXPECT_EQ(Codes("a\nä {größe}, {größe} and\n\"{b.c}\""),
            "single_braces größe 2:3; single_braces b.c 3:2");
  for (const char* text :
       {"{}", "{1}", "{a, b}", "{\"a\": 1}", "{ a }", "x^{n}", "\\frac{a}{b}", "${HOME}", "a{2,3}",
        "\\{{name}}", "{{! {name} }}", "{{=<% %>=}}{{name}}", "{name", "{na me}", "{{{name}}}",
        "if (x) { return; }", "}{", "{{x | default(\"{name}\")}}"}) {
    EXPECT_EQ(Codes(text), "") << text;
  }
  // Where there is such a variable, braces around its name are no accident.
  EXPECT_EQ(Codes("${name} {{name}}"), "single_braces name 1:2");
  EXPECT_EQ(Codes("x{a.b}", R"([{"name": "a"}])"), "unused_variable a; single_braces a.b 1:2");
  Linted plain = {.texts = {"{name} {{name}}"}, .syntax = tmpl::Syntax::kNone};
  EXPECT_EQ(plain.Codes(), "");
}

TEST(Lint, FindsDoubleBracesInFStrings) {
  const auto codes = [](const char* text) {
    return Linted{.texts = {text}, .syntax = tmpl::Syntax::kFString}.Codes();
  };
  EXPECT_EQ(codes("Hello {{name}}, {{ name }}, {{ other }}"),
            "double_braces name 1:7; double_braces other 1:29");
  for (const char* text : {"{name}", "{{{name}}}", "{{\"a\": 1}}", "{{}}", "{{1}}", "{{a}} }}",
                           "{{{{a}}}}", "{{a b}}"}) {
    EXPECT_EQ(codes(text), std::string_view(text) == "{{a}} }}" ? "double_braces a 1:1" : "")
        << text;
  }
}

TEST(Lint, FindsUntrustedVariablesInInstructions) {
  EXPECT_EQ(System("You are {{persona}}."), "untrusted_instructions persona 1:9");
  EXPECT_EQ(System("{{a}} {{a}} {{b.c}}"),
            "untrusted_instructions a 1:1; untrusted_instructions b 1:13");
  EXPECT_EQ(System("{{a}}{{b}}", R"([{"name": "a", "trusted": true}, {"name": "b"}])"),
            "untrusted_instructions b 1:6");
  EXPECT_EQ(System("{{a | xml}}"), "untrusted_instructions a 1:1");
  // Only what is inserted counts, and only what can say something.
  EXPECT_EQ(System("{{#a}}x{{/a}}{{^a}}y{{/a}}{{#if a == \"b\"}}z{{/if}}{{@now}}"), "");
  EXPECT_EQ(System("{{#l}}{{@index}}{{/l}}{{l | length}}{{d | date(\"%Y\")}}{{a | present}}"), "");
  EXPECT_EQ(System("{{n}}{{i}}{{b}}{{e}}{{d}}",
                   R"json([{"name": "n", "type": "number"}, {"name": "i", "type": "integer"},
                       {"name": "b", "type": "boolean"}, {"name": "d", "filter": "date(\"%Y\")"},
                       {"name": "e", "type": "enum", "values": ["x"]}])json"),
            "");
}

TEST(Lint, KnowsWhichVariableAPartBelongsTo) {
  const Json docs = R"([{"name": "docs", "type": "array"}, {"name": "tone", "trusted": true}])";
  EXPECT_EQ(System("{{tone}}{{#docs}}{{title}}{{/docs}}", docs),
            "untrusted_instructions docs 1:18");
  EXPECT_EQ(System("{{tone}}{{#docs}}{{.}}{{/docs}}", docs), "untrusted_instructions docs 1:18");
  EXPECT_EQ(System("{{#docs}}{{tone}}{{/docs}}", docs), "");
  EXPECT_EQ(System("{{#docs}}{{#parts}}{{text}}{{/parts}}{{/docs}}{{tone}}", docs),
            "untrusted_instructions docs 1:20");
  EXPECT_EQ(System("{{#tone}}{{.}}{{/tone}}{{#docs}}{{/docs}}", docs), "");
  EXPECT_EQ(System("{{#x}}{{y}}{{/x}}", R"([{"name": "x", "type": "any"}])"),
            "untrusted_instructions x 1:7");
  EXPECT_EQ(System("{{#vip}}{{name}}{{/vip}}"), "untrusted_instructions name 1:9");
  EXPECT_EQ(System("{{.}}", "[]"), "untrusted_instructions . 1:1");
}

TEST(Lint, LooksIntoSnippets) {
  EXPECT_EQ(System("a {{> s}}", {}, R"({"s": "{{> t}}", "t": "{{x}}"})"),
            "untrusted_instructions x in t 1:1");
  EXPECT_EQ(
      System("{{#l}}{{> s}}{{/l}}", R"([{"name": "l", "type": "array"}])", R"({"s": "\n {{.}}"})"),
      "untrusted_instructions l in s 2:2");
  EXPECT_EQ(System("{{> s}}", {}, R"({"s": {"text": "{x} {{x}}", "syntax": "fstring"}})"),
            "untrusted_instructions x in s 1:1");
  EXPECT_EQ(System("{{#x}}{{> s}}{{/x}}", {}, R"({"s": "{{#x}}{{> s}}{{/x}}{{y}}"})"),
            "untrusted_instructions y in s 1:20");
  EXPECT_EQ(System("{{>*w}}", R"([{"name": "w", "type": "enum", "values": ["s", "t"]},
                                  {"name": "x"}, {"name": "y"}])",
                   R"({"s": "{{x}}", "t": "{{y}}"})"),
            "untrusted_instructions x in s 1:1; untrusted_instructions y in t 1:1");
  // What is replaced is not there.
  EXPECT_EQ(System("{{<p}}{{$a}}own{{/a}}{{/p}}", {}, R"({"p": "{{$a}}{{x}}{{/a}}{{$b}}{{/b}}"})"),
            "");
  EXPECT_EQ(System("{{<p}}{{$a}}{{y}}{{/a}}{{/p}}", {}, R"({"p": "{{$a}}{{x}}{{/a}}"})"),
            "untrusted_instructions y 1:13");
}

TEST(Lint, TellsTextsApart) {
  Linted linted = {.texts = {"{{a}}", "{{b}} {c}", "{{a}}"}, .instructions = {false, true, true}};
  EXPECT_EQ(linted.Codes(),
            "single_braces c 1:7; untrusted_instructions b 1:1; untrusted_instructions a 1:1");
  EXPECT_EQ(linted.warnings[0].part, 1U);
  EXPECT_EQ(linted.warnings[2].part, 2U);
}

TEST(Lint, FindsFiltersThatDoNotReach) {
  const Json declarations = R"([{"name": "docs", "type": "array", "filter": "xml"},
                                {"name": "note", "filter": "trim | xml"}])";
  EXPECT_EQ(Codes("{{note}}{{docs}}{{#docs}}{{title}}{{/docs}}", declarations),
            "filter_not_reached docs 1:26");
  EXPECT_EQ(Codes("{{note}}{{#docs}}{{.}}{{/docs}}", declarations), "filter_not_reached docs 1:18");
  EXPECT_EQ(Codes("{{note}}{{#docs}}{{title | json}}{{note}}{{@index}}{{/docs}}", declarations),
            "");
  EXPECT_EQ(Codes("{{docs}}{{#note}}{{.}}{{/note}}", declarations), "filter_not_reached note 1:18");
  Linted linted = {.texts = {"{{docs}}{{#note}}{{.}}{{/note}}"}, .declarations = declarations};
  linted.Codes();
  EXPECT_EQ(linted.warnings[0].hint, "Write it into the tag: {{. | trim | xml}}.");
}

TEST(Lint, FindsComparisonsThatDoNotDepend) {
  const Json declarations = R"([{"name": "tier", "type": "enum", "values": ["free", "pro"]},
                                {"name": "seats", "type": "integer"}, {"name": "name"},
                                {"name": "on", "type": "boolean"},
                                {"name": "any", "type": "any"},
                                {"name": "list", "type": "array"}])";
  const auto codes = [&](const std::string& condition) {
    const std::string all = Codes(("{{#if " + condition + "}}{{/if}}").c_str(), declarations);
    const size_t found = all.find("constant_comparison");
    return found == std::string::npos ? "" : all.substr(found);
  };
  EXPECT_EQ(codes("tier == \"fre\""), "constant_comparison tier 1:1");
  EXPECT_EQ(codes("tier == \"free\" or not (seats > \"10\")"), "constant_comparison seats 1:1");
  EXPECT_EQ(codes("1 == name"), "constant_comparison name 1:1");
  EXPECT_EQ(codes("on != \"true\""), "constant_comparison on 1:1");
  EXPECT_EQ(codes("list == 1"), "constant_comparison list 1:1");
  EXPECT_EQ(codes("tier == \"pro\" and seats > 10 and name == \"\" and on == true"), "");
  EXPECT_EQ(codes("tier == null and tier == name and name.x == 1 and @now == 1 and on"), "");
  EXPECT_EQ(codes("any == 1 or any == \"x\""), "");
  // A member of the list may be meant.
  EXPECT_EQ(Codes("{{#list}}{{#if seats == \"x\"}}{{/if}}{{/list}}{{tier}}{{name}}{{on}}{{any}}",
                  declarations),
            "");
}

TEST(Lint, ExplainsItself) {
  Linted linted = {.texts = {"Dear {name},\n  you"}, .declarations = R"([{"name": "x"}])"};
  linted.Codes();
  ASSERT_EQ(linted.warnings.size(), 2U);
  EXPECT_EQ(linted.warnings[0].message, "variable \"x\" is declared and not used");
  EXPECT_EQ(linted.warnings[0].detail, "");
  EXPECT_EQ(linted.warnings[1].message, "{name} is text, not the value of a variable");
  EXPECT_EQ(linted.warnings[1].detail, "Line 1, column 6:\nDear {name},\n     ^");
}

TEST(Lint, IsBounded) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "{x" + std::to_string(i) + "} ";
  Linted linted = {.texts = {text}};
  tmpl::Error error;
  ASSERT_TRUE(linted.Run(&error));
  EXPECT_EQ(linted.warnings.size(), 101U);
  EXPECT_EQ(linted.warnings.back().message, "there are 900 more warnings");
  // Snippets that multiply are looked at as long as a program may be, at most.
  std::string snippets = "{";
  for (int i = 0; i < 20; ++i) {
    const std::string next = "{{#a}}{{> s" + std::to_string(i + 1) + "}}{{/a}}";
    const std::string other = "{{#b}}{{> s" + std::to_string(i + 1) + "}}{{/b}}";
    snippets += "\"s" + std::to_string(i) + "\": \"" + next + other + "\", ";
  }
  snippets += "\"s20\": \"x\"}";
  Linted nested = {.texts = {"{{> s10}}"}, .instructions = {true}, .snippets = Json(snippets)};
  EXPECT_EQ(nested.Codes(), "");
}

TEST(Braces, AreFoundOneAfterAnother) {
  size_t at = 0, end = 0;
  const std::string_view text = "{{a}} {b} {c {d}";
  EXPECT_EQ(tmpl::NextInBraces(text, 1, &at, &end), "b");
  EXPECT_EQ(at, 6U);
  EXPECT_EQ(end, 9U);
  at = end;
  EXPECT_EQ(tmpl::NextInBraces(text, 1, &at, &end), "d");
  at = end;
  EXPECT_EQ(tmpl::NextInBraces(text, 1, &at, &end), "");
}

TEST(Lint, NamesOfHandlebars) {
  EXPECT_EQ(Codes("{{#l}}{{this}}{{/l}}"), "handlebars_name this 1:7");
  EXPECT_EQ(Codes("{{#l}}{{this.name}} {{#if this}}{{/if}}{{/l}}"), "handlebars_name this 1:7");
  EXPECT_EQ(Codes("{{#l}}{{#if not this.a}}{{/if}}{{/l}}"), "handlebars_name this 1:17");
  EXPECT_EQ(Codes("{{#this}}{{/this}}{{this_}}"), "handlebars_name this 1:1");
  EXPECT_EQ(Codes("{{this}}", R"([{"name":"this"}])"), "");
}

TEST(Lint, MembersOfWhatHasNone) {
  const char* const declared =
      R"([{"name":"s"},{"name":"n","type":"number"},{"name":"e","type":"enum","values":["a"]},
      {"name":"b","type":"boolean"},{"name":"l","type":"array"},{"name":"o","type":"object"},{"name":"a","type":"any"}])";
  EXPECT_EQ(
      Codes("{{s.x}} {{n.x}} {{#e.x}}{{/e.x}} {{^b.x}}{{/b.x}} {{#if l.x == 1}}{{/if}} {{o.x}} "
            "{{a.x}}{{s.y}}",
            declared),
      "member_of_plain_value s 1:1; member_of_plain_value n 1:9; member_of_plain_value e 1:17; "
      "member_of_plain_value b 1:34; member_of_plain_value l 1:57");
  EXPECT_EQ(Codes("{{s}}{{n}}{{e}}{{b}}{{l}}{{o}}{{a}}{{#l}}{{s.x}}{{/l}}", declared), "");
}

TEST(Lint, AllVariablesAtOnceAreUntrusted) {
  EXPECT_EQ(System("Data: {{.}}"), "untrusted_instructions . 1:7");
  EXPECT_EQ(System("{{#.}}{{.}}{{/.}}"), "untrusted_instructions . 1:7");
  EXPECT_EQ(System("{{> s}}", {}, R"({"s":"{{. | json}}"})"), "untrusted_instructions . in s 1:1");
  EXPECT_EQ(System("{{. | length}} {{#l}}{{@index}}{{/l}}"), "");
  EXPECT_EQ(Codes("Data: {{.}}"), "");
}

}  // namespace
}  // namespace promptreg::testing
