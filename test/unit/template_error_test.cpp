// Errors: what they say, and where they point.
#include <string>

#include <gtest/gtest.h>

#include "core/template/error_text.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

struct Case {
  std::string text;
  std::string message;
  uint32_t line, column;
};

TEST(SyntaxErrors, SayWhatAndWhere) {
  for (const Case& test : {
           Case{"ab {{x", "tag is not closed", 1, 4},
           {"{{{x}}", "tag is not closed", 1, 1},
           {"{{! x", "tag is not closed", 1, 1},
           {"{{=<% %>}}", "tag is not closed", 1, 1},
           {"{{}}", "invalid tag {{}}: an empty tag", 1, 1},
           {"a\n{{ }}", "invalid tag {{ }}: an empty tag", 2, 1},
           {"{{#}}{{/}}", "invalid tag {{#}}: an empty tag", 1, 1},
           {"{{&}}", "invalid tag {{&}}: an empty tag", 1, 1},
           {R"({"a":{{"b":1}}})", R"(invalid tag {{"b":1}}: a character that no name has)", 1, 6},
           {"{{b:1}}", "invalid tag {{b:1}}: a character that no name has", 1, 1},
           {"{{x y}}", "invalid tag {{x y}}: white space", 1, 1},
           {"{{x\u00A0}}", "invalid tag {{x\u00A0}}: white space beyond ASCII", 1, 1},
           {"{{#x|trim}}", "invalid tag {{#x|trim}}: a pipe", 1, 1},
           {"{{@other}}", "invalid tag {{@other}}: an unknown name", 1, 1},
           {"{{$@first}}{{/@first}}", "invalid tag {{$@first}}: a character that no name has", 1,
            1},
           {"{{>*}}", "invalid tag {{>*}}: an empty name", 1, 1},
           {"{{>a b}}", "invalid tag {{>a b}}: white space", 1, 1},
           {"{{>\"a\"}}", "invalid tag {{>\"a\"}}: a character that no name has", 1, 1},
           {"{{a..b}}", "invalid tag {{a..b}}: an empty name", 1, 1},
           {"{{.a}}", "invalid tag {{.a}}: an empty name", 1, 1},
           {"{{a.}}", "invalid tag {{a.}}: an empty name", 1, 1},
           {"{{a\nb}}", "invalid tag {{a b}}: white space", 1, 1},
           {"{{#a}}\n{{#b}}\n{{/b}}", "section \"a\" is not closed", 1, 1},
           {"x\n{{/a}}", "section \"a\" is closed but not open", 2, 1},
           {"{{#a}}\n  {{/b}}", "section \"b\" is closed where \"a\" is open", 2, 3},
           {"{{#a}}{{^b}}{{/a}}{{/b}}", "section \"a\" is closed where \"b\" is open", 1, 13},
           {"{{=<% %> %>=}}", "invalid delimiters {{=<% %> %>=}}", 1, 1},
           {"{{=<%=}}", "invalid delimiters {{=<%=}}", 1, 1},
           {"{{=a= b=}}", "invalid delimiters {{=a= b=}}", 1, 1},
           {"{{= =}}", "invalid delimiters {{= =}}", 1, 1},
           {"äöü€😀 {{x", "tag is not closed", 1, 7},
           {"a\r\nb\r\n {{x", "tag is not closed", 3, 2},
           {"{{" + std::string(1001, 'a') + "}}",
            "invalid tag {{" + std::string(58, 'a') + "...: a name that is too long", 1, 1},
       }) {
    Template source = {.texts = {test.text}, .snippets = "{}"};
    EXPECT_FALSE(source.Compile()) << test.text;
    EXPECT_EQ(source.code, tmpl::Code::kSyntax) << test.text;
    EXPECT_EQ(source.error.message, test.message);
    EXPECT_EQ(source.error.line, test.line) << test.text;
    EXPECT_EQ(source.error.column, test.column) << test.text;
  }
}

std::string DetailOf(std::string text) {
  Template source = {.texts = {std::move(text)}};
  EXPECT_FALSE(source.Compile());
  return source.error.detail;
}

TEST(SyntaxErrors, ShowTheLineWithACaret) {
  EXPECT_EQ(DetailOf("first\nHello {{name} and\nlast"),
            "Line 2, column 7:\nHello {{name} and\n      ^");
  EXPECT_EQ(DetailOf("{{x"), "Line 1, column 1:\n{{x\n^");
  EXPECT_EQ(DetailOf("a\r\n\tb {{x\r\nc"), "Line 2, column 4:\n\tb {{x\n\t  ^");
  EXPECT_EQ(DetailOf("größe {{x"), "Line 1, column 7:\ngröße {{x\n      ^");
  EXPECT_EQ(DetailOf("日本 {{x"), "Line 1, column 4:\n日本 {{x\n     ^");
}

TEST(SyntaxErrors, ShowPartOfALongLine) {
  const std::string before(1000, 'b'), after(1000, 'a');
  EXPECT_EQ(DetailOf(before + "{{x y}}" + after),
            "Line 1, column 1001:\n..." + before.substr(0, 60) + "{{x y}}" + after.substr(0, 33) +
                "...\n" + std::string(63, ' ') + "^");
  // Characters stay whole.
  std::string wide;
  for (int i = 0; i < 500; ++i) wide += "😀";
  const std::string detail = DetailOf(wide + "{{x" + wide);
  EXPECT_TRUE(nlohmann::json(detail).dump().size() > 0);  // throws unless it is UTF-8
  EXPECT_NE(detail.find("column 501:"), std::string::npos);
}

TEST(SyntaxErrors, HintAtLiteralBraces) {
  Template source = {.texts = {R"({{"b":1}})"}};
  EXPECT_FALSE(source.Compile());
  EXPECT_STREQ(source.error.hint, "Write \\{{ for braces that are no tag.");
}

TEST(SyntaxErrors, InSnippetsNameTheSnippet) {
  Template source = {.texts = {"a", "b {{> tone}}"}, .snippets = R"({"tone":"be\nkind {{x y}}"})"};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, tmpl::Code::kSyntax);
  EXPECT_STREQ(source.error.message, "snippet \"tone\": invalid tag {{x y}}: white space");
  EXPECT_STREQ(source.error.detail, "Line 2, column 6 of snippet \"tone\":\nkind {{x y}}\n     ^");
  EXPECT_EQ(source.error.part, 1U);
}

TEST(SyntaxErrors, UnusedSnippetsMayBeAnything) {
  EXPECT_EQ(Render("{{>a}}", "{}", R"({"a":"x","b":"{{"})"), "x");
}

TEST(ErrorText, IsCutBetweenCharacters) {
  char buffer[12];
  tmpl::ErrorText(buffer) << "12345678901";
  EXPECT_STREQ(buffer, "12345678901");
  tmpl::ErrorText(buffer) << "123456789012";
  EXPECT_STREQ(buffer, "12345678...");
  tmpl::ErrorText(buffer) << "1234567€9012";
  EXPECT_STREQ(buffer, "1234567...");
  tmpl::ErrorText(buffer) << "12345€"
                          << "6789"
                          << "more";
  EXPECT_STREQ(buffer, "12345€...");
  tmpl::ErrorText(buffer) << "1234567890"
                          << "€€"
                          << "x";
  EXPECT_STREQ(buffer, "12345678...");
  tmpl::ErrorText(buffer) << uint64_t{1234} << uint64_t{0};
  EXPECT_STREQ(buffer, "12340");
}

TEST(ErrorText, QuotesShortenedValues) {
  const auto quoted = [](std::string_view text) {
    char buffer[300];
    tmpl::ErrorText out(buffer);
    tmpl::AppendQuoted(text, &out);
    return std::string(buffer);
  };
  EXPECT_EQ(quoted("a"), "\"a\"");
  EXPECT_EQ(quoted("a\nb\x01"), "\"a\\nb\\u0001\"");
  EXPECT_EQ(quoted(std::string(40, 'x')), "\"" + std::string(40, 'x') + "\"");
  EXPECT_EQ(quoted(std::string(41, 'x')), "\"" + std::string(40, 'x') + "...\"");
  std::string faces, forty;
  for (int i = 0; i < 50; ++i) faces += "😀";
  for (int i = 0; i < 40; ++i) forty += "😀";
  EXPECT_EQ(quoted(faces), "\"" + forty + "...\"");
}

}  // namespace
}  // namespace promptreg::testing
