// What is refused of new texts although it compiles, and compiles on in versions that are older.
#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg {
namespace {

using testing::Template;
using tmpl::Code;

TEST(Strict, NamesAreIdentifiers) {
  struct Case {
    const char* text;
    const char* message;
    uint32_t column;
  };
  const Case cases[] = {
      {"a {{x+1}}", "invalid name \"x+1\": a mark that is in no name of a variable", 3},
      {"{{~name~}}", "invalid name \"~name~\": a mark that is in no name of a variable", 1},
      {"\\frac{{1}}{{2}}", "invalid name \"1\": a number", 6},
      {"{{user?.name}}", "invalid name \"user?.name\": a mark that is in no name of a variable", 1},
      {"{{10%}}", "invalid name \"10%\": a mark that is in no name of a variable", 1},
      {"{{x/2}}", "invalid name \"x/2\": a mark that is in no name of a variable", 1},
      {"{{?}}", "invalid name \"?\": a mark that is in no name of a variable", 1},
      {"{{-}}", "invalid name \"-\": no name begins so", 1},
      {"{{$}}", "invalid tag {{$}}: an empty tag", 1},
      {"{{items.0.name}}", "invalid name \"items.0.name\": a number", 1},
      {"{{#l}}{{a.0}}{{/l}}", "invalid name \"a.0\": a number", 7},
      {"{{#x+1}}{{/x+1}}", "invalid name \"x+1\": a mark that is in no name of a variable", 1},
      {"{{^1}}{{/1}}", "invalid name \"1\": a number", 1},
      {"{{x+1 | trim}}", "invalid name \"x+1\": a mark that is in no name of a variable", 1},
      {"{{#if a and x+1 > 2}}{{/if}}",
       "invalid name \"x+1\": a mark that is in no name of a variable", 13},
      {"{{3rd}}", "invalid name \"3rd\": no name begins so", 1},
      {"{{a.-b}}", "invalid name \"a.-b\": no name begins so", 1},
  };
  for (const Case& test : cases) {
    Template source = {.texts = {test.text}};
    EXPECT_FALSE(source.Compile()) << test.text;
    EXPECT_EQ(source.code, Code::kSyntax) << test.text;
    EXPECT_STREQ(source.error.message, test.message);
    EXPECT_EQ(source.error.column, test.column) << test.text;
    if (std::string_view(source.error.message).starts_with("invalid tag")) continue;
    source.strict = false;
    EXPECT_TRUE(source.Compile()) << "stored: " << test.text;
  }
}

TEST(Strict, HintsSayWhatToDo) {
  Template number = {.texts = {"{{items.0}}"}};
  EXPECT_FALSE(number.Compile());
  EXPECT_STREQ(number.error.hint,
               "Elements of a list have no numbers: use a section over it, or the filters first "
               "and last. Write \\{{ for braces that are no tag.");
  Template fstring = {.texts = {"{a+b}"}, .syntax = tmpl::Syntax::kFString};
  EXPECT_FALSE(fstring.Compile());
  EXPECT_STREQ(fstring.error.hint,
               "Names are letters, digits, _ and -. Write {{ and }} for braces that are no "
               "variable, or declare a variable of this name.");
}

TEST(Strict, IdentifiersOfAllAlphabetsAreNames) {
  EXPECT_EQ(testing::Render("{{größe}} {{名前}} {{имя}} {{_x}} {{a-b_9.c-1}} {{é}}",
                            R"({"größe":1,"名前":2,"имя":3,"_x":4,"a-b_9":{"c-1":5},"é":6})"),
            "1 2 3 4 5 6");
}

TEST(Strict, WhatIsDeclaredIsAName) {
  Template source = {
      .texts = {"{{x+1}} {{10%}} {{#1}}{{.}}{{/1}} {{#if a/b}}yes{{/if}}"},
      .declarations = R"([{"name":"x+1"},{"name":"10%"},{"name":"1"},{"name":"a/b"}])"};
  EXPECT_EQ(source.Render(R"({"x+1":"a","10%":"b","1":"c","a/b":"d"})"), "a b c yes");
  source = {.texts = {"{{x.a+b}}"}, .declarations = R"([{"name":"x","type":"object"}])"};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, Code::kSyntax);
}

TEST(Strict, SnippetsAreOlder) {
  Template source = {.texts = {"{{> s}}"}, .snippets = R"({"s":"{{x+1}}{{#x}}{{else}}{{/x}}"})"};
  EXPECT_EQ(source.Render(R"({"x+1":2})"), "2");
}

TEST(Strict, AnElseBelongsToACondition) {
  const char* const stray[] = {"{{#l}}a{{else}}b{{/l}}", "{{^l}}a{{else}}b{{/l}}",
                               "{{#if a}}{{#l}}x{{else}}y{{/l}}{{/if}}", "{{#l}}{{{else}}}{{/l}}",
                               "{{#if a}}{{$b}}{{else}}{{/b}}{{/if}}"};
  for (const char* text : stray) {
    Template source = {.texts = {text}};
    EXPECT_FALSE(source.Compile()) << text;
    EXPECT_STREQ(source.error.message, "invalid tag {{else}}: it belongs to no condition");
    EXPECT_STREQ(source.error.hint,
                 "Sections have no else: close the section, and write {{^x}}..{{/x}} for what "
                 "stands there without x.");
    source.strict = false;
    EXPECT_TRUE(source.Compile()) << text;
  }
  Template declared = {.texts = {"{{#l}}{{else}}{{/l}}"},
                       .declarations = R"([{"name":"l","type":"array"},{"name":"else"}])"};
  EXPECT_EQ(declared.Render(R"({"l":[1],"else":"x"})"), "x");
  EXPECT_EQ(testing::Render("{{else}}", R"({"else":1})"), "1");
}

TEST(Strict, TheDotIsWithinASection) {
  const char* const top[] = {"{{.}}",
                             "{{. | json}}",
                             "{{#.}}{{q}}{{/.}}",
                             "{{^.}}none{{/.}}",
                             "{{#if .}}x{{/if}}",
                             "{{^q}}{{.}}{{/q}}",
                             "{{#if q}}{{.}}{{/if}}",
                             "{{#q}}{{.}}{{/q}}{{.}}"};
  for (const char* text : top) {
    Template source = {.texts = {text}, .declarations = R"([{"name":"q"}])"};
    EXPECT_FALSE(source.Compile()) << text;
    EXPECT_EQ(source.code, Code::kUndeclaredVariable) << text;
    EXPECT_STREQ(source.error.message,
                 "outside of sections, the dot is all variables, declared or not");
    source.strict = false;
    EXPECT_TRUE(source.Compile()) << text;
    source = {.texts = {text}};
    EXPECT_TRUE(source.Compile()) << text;
  }
  Template inside = {.texts = {"{{#q}}{{.}}{{^z}}{{.}}{{/z}}{{#if .}}!{{/if}}{{/q}}"},
                     .declarations = R"([{"name":"q"},{"name":"z"}])"};
  EXPECT_EQ(inside.Render(R"({"q":"a"})"), "aa!");
  Template snippet = {
      .texts = {"{{> s}}"}, .declarations = R"([{"name":"q"}])", .snippets = R"({"s":"{{.}}"})"};
  EXPECT_FALSE(snippet.Compile());
  snippet.texts = {"{{#q}}{{> s}}{{/q}}"};
  EXPECT_EQ(snippet.Render(R"({"q":"a"})"), "a");
}

}  // namespace
}  // namespace promptreg
