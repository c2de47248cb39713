// Errors while rendering say which tag they are about.
#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg {
namespace {

using testing::Template;
using tmpl::Code;

TEST(Places, ErrorsOfRenderingSayWhere) {
  Template date = {
      .texts = {
          "Hello {{name}},\nordered {{order.placed | date(\"%F\")}} and {{due | date(\"%F\")}}."}};
  EXPECT_EQ(date.Render(R"({"order":{"placed":"yesterday"}})"),
            "!filter \"date\" got the string \"yesterday\"");
  EXPECT_EQ(date.error.line, 2U);
  EXPECT_EQ(date.error.column, 9U);
  EXPECT_STREQ(
      date.error.detail,
      "Line 2, column 9:\nordered {{order.placed | date(\"%F\")}} and {{due ...\n        ^");

  const std::string deep = std::string(70, '[') + std::string(70, ']');
  Template json = {.texts = {"{{a}} {{b}}"}};
  json.Render("{\"b\":" + deep + "}");
  EXPECT_EQ(json.code, Code::kJsonTooDeep);
  EXPECT_STREQ(json.error.detail, "Line 1, column 7:\n{{a}} {{b}}\n      ^");
  json.texts = {"a\n{{#l}}{{b | json}}{{/l}}"};
  json.Render("{\"l\":[1],\"b\":" + deep + "}");
  EXPECT_EQ(json.error.line, 2U);
  EXPECT_EQ(json.error.column, 7U);

  Template large = {.texts = {"x{{a}}{{b}}"}};
  large.limits.output_bytes = 10;
  large.Render(R"({"a":"12345","b":"123456"})");
  EXPECT_EQ(large.code, Code::kOutputTooLarge);
  EXPECT_EQ(large.error.column, 7U);

  Template loops = {.texts = {"{{#l}}{{#l}}{{#l}}x{{/l}}{{/l}}{{/l}}"}};
  loops.limits.render_operations = 50;
  loops.Render(R"({"l":[1,2,3,4,5]})");
  EXPECT_EQ(loops.code, Code::kTooManyOperations);
  EXPECT_EQ(loops.error.line, 1U);
}

TEST(Places, SnippetsAreNamed) {
  Template source = {.texts = {"a\n{{> s}} {{> t}}"},
                     .snippets = R"({"s":"fine {{x}}","t":"b\n {{x | date(\"%F\")}}"})"};
  source.Render(R"({"x":"now"})");
  EXPECT_STREQ(source.error.detail,
               "Line 2, column 2 of snippet \"t\":\n {{x | date(\"%F\")}}\n ^");
  Template recursive = {.texts = {"{{> s}}"}, .snippets = R"({"s":"{{v}}{{#c}}\n {{> s}}{{/c}}"})"};
  recursive.limits.snippet_depth = 3;
  recursive.Render(R"({"c":{"c":{"c":{"c":{"c":0}}}}})");
  EXPECT_EQ(recursive.code, Code::kSnippetTooDeep);
  EXPECT_STREQ(recursive.error.detail, "Line 2, column 2 of snippet \"s\":\n {{> s}}{{/c}}\n ^");
}

TEST(Places, BlocksStandWhereTheyAreWritten) {
  Template source = {.texts = {"{{<s}}{{$b}}{{x | date(\"%F\")}}{{/b}}{{/s}}"},
                     .snippets = R"({"s":"one\ntwo {{$b}}{{/b}}"})"};
  source.Render(R"({"x":"now"})");
  EXPECT_EQ(source.error.line, 1U);
  EXPECT_EQ(source.error.column, 13U);
}

TEST(Places, EachTextHasItsOwn) {
  Template source = {.texts = {"one", "two\n{{x | date(\"%F\")}}"}};
  source.Render(R"({"x":"now"})", 1);
  EXPECT_EQ(source.error.part, 1U);
  EXPECT_EQ(source.error.line, 2U);
}

}  // namespace
}  // namespace promptreg
