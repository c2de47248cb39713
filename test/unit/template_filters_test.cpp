// Filters, and the names that are no variables.
#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

struct Case {
  std::string filters, value, expected;
};

TEST(Filters, WhatEachMakes) {
  for (const Case& test : {
           Case{"default(\"n/a\")", "null", "n/a"},
           {"default(\"n/a\")", "\"\"", "n/a"},
           {"default(\"n/a\")", "0", "0"},
           {"default(\"n/a\")", "false", "false"},
           {"default(\"n/a\")", "[]", "[]"},
           {"default(1.50)", "null", "1.50"},
           {"default(\"a\\\"\\\\\\n|}}{{\")", "null", "a\"\\\n|}}{{"},
           {"json", R"({"a": [1, null, "x\n"], "b": {}})", R"({"a":[1,null,"x\n"],"b":{}})"},
           {"json", "null", "null"},
           {"json(2)", R"({"a": [1, {"c": []}], "b": {}})",
            "{\n  \"a\": [\n    1,\n    {\n      \"c\": []\n    }\n  ],\n  \"b\": {}\n}"},
           {"json(0)", "[1, 2]", "[1,2]"},
           {"xml", R"("<a b='c'>&\"\u0001\t")", "&lt;a b=&apos;c&apos;&gt;&amp;&quot;\uFFFD\t"},
           {"html", R"("<'&\">")", "&lt;'&amp;&quot;&gt;"},
           {"trim", R"(" \t\n x y \r\n")", "x y"},
           {"trim", R"(" \n ")", ""},
           {"upper", R"("straße Éß жλ ǆ i")", "STRAßE Éß ЖΛ Ǆ I"},
           {"lower", R"("ÀÞ ΣΩ ЖЁ Ẁ İ")", "àþ σω жё ẁ İ"},
           {"upper", "true", "TRUE"},
           {"truncate(5)", "\"äöü€😀\"", "äöü€😀"},
           {"truncate(5)", "\"äöü€😀!\"", "äö..."},
           {"truncate(4)", "\"äöü€😀\"", "ä..."},
           {"truncate(3)", "\"äöü€😀\"", "..."},
           {"truncate(2)", "\"abcdef\"", ".."},
           {"truncate(0)", "\"abcdef\"", ""},
           {"truncate(3)", "12345", "..."},
           {"join(\", \")", R"(["a", 1, null, [2], true])", "a, 1, , [2], true"},
           {"join(\", \")", "[]", ""},
           {"join(\", \")", "\"ab\"", "ab"},
           {"length", "\"äö😀\"", "3"},
           {"length", "[1, [2, 3]]", "2"},
           {"length", R"({"a": 1})", "1"},
           {"length", "null", "0"},
           {"length", "12345", "5"},
           {"length | json", "\"\"", "0"},
           {"first", "[\"a\", \"b\"]", "a"},
           {"first", "[]", ""},
           {"first", "\"äb\"", "ä"},
           {"last", "[\"a\", {\"b\": 1}]", "{\"b\":1}"},
           {"last", "[]", ""},
           {"last", "\"bä\"", "ä"},
           {"last", "\"\"", ""},
           {"limit(2)", "[1, 2.5, 3]", "[1,2.5]"},
           {"limit(0)", "[1, 2]", "[]"},
           {"limit(9)", "[1, 2]", "[1,2]"},
           {"limit(2)", "\"äöü\"", "äö"},
           {"limit(2) | last | upper", "[\"a\", \"b\", \"c\"]", "B"},
           {"indent(2)", R"("a\n\nb\r\n\r\nc\n")", "a\n\n  b\r\n\r\n  c\n"},
           {"fence", "\"x\"", "```\nx\n```"},
           {"fence(\"sql\")", R"("a\n````\n")", "`````sql\na\n````\n`````"},
           {"fence", "\"\"", "```\n```"},
           {"present", "0", "true"},
           {"present", "null", "false"},
           {"present", "\"\"", "false"},
           {"trim | default(\"none\")", "\"  \"", "none"},
           {"upper | truncate(4) | lower | json", "\"abcdefgh\"", "\"a...\""},
       }) {
    EXPECT_EQ(Render("{{v | " + test.filters + "}}", "{\"v\": " + test.value + "}"), test.expected)
        << test.filters << " of " << test.value;
  }
  EXPECT_EQ(Render("[{{a.b|upper|default(\"-\")}}]", "{}"), "[-]");
  EXPECT_EQ(Render("{{#l}}{{. | upper}}{{/l}}", R"({"l": ["a", "b"]})"), "AB");
  EXPECT_EQ(Render("{{v | json}}", "{}"), "null");
  EXPECT_EQ(Render("{{=<% %>=}}<% v | default(\"%>\") %>", "{}"), "%>");
}

TEST(Filters, LongListsKeepTheirElements) {
  std::string list = "[";
  for (int i = 0; i < 100; ++i) list += (i > 0 ? ", " : "") + std::to_string(i * 10'007);
  for (const int count : {1, 31, 32, 33, 64, 65, 99}) {
    const std::string n = std::to_string(count);
    EXPECT_EQ(Render("{{l | limit(" + n + ") | length}} {{l | limit(" + n + ") | last}}",
                     "{\"l\": " + list + "]}"),
              n + " " + std::to_string((count - 1) * 10'007));
  }
}

TEST(Filters, Dates) {
  for (const Case& test : {
           Case{"date(\"%Y-%m-%d\")", "\"2026-01-31T23:30:00Z\"", "2026-01-31"},
           {"date(\"%F %T %z %Z\", \"+02:00\")", "\"2026-01-31T23:30:00Z\"",
            "2026-02-01 01:30:00 +0200 +02:00"},
           {"date(\"%F %H:%M %Z\", \"-05:30\")", "\"2026-03-01 02:00+02\"",
            "2026-02-28 18:30 -05:30"},
           {"date(\"%F %T\", \"UTC\")", "\"2026-01-31T12:00:00.25+0130\"", "2026-01-31 10:30:00"},
           {"date(\"%F\", \"-11:00\")", "\"2026-01-31\"", "2026-01-31"},
           {"date(\"%F %H\", \"+11:00\")", "\"2026-01-31T23:00\"", "2026-01-31 23"},
           {"date(\"%F %T.%f\")", "0", "1970-01-01 00:00:00.000000"},
           {"date(\"%F %T.%f\")", "-0.5", "1969-12-31 23:59:59.500000"},
           {"date(\"%F\")", "253402300799", "9999-12-31"},
           {"date(\"%a %A %b %B %d %e %j %I%p %u %y %s %%\")", "\"2024-02-29T13:05:09Z\"",
            "Thu Thursday Feb February 29 29 060 01PM 4 24 1709211909 %"},
           {"date(\"%j %A\")", "\"1900-12-31\"", "365 Monday"},
           {"date(\"%F\")", "\"0001-01-01\"", "0001-01-01"},
           {"date(\"%F\") | default(\"never\")", "null", "never"},
           {"date(\"%F\")", "\"2025-02-29\"", "!filter \"date\" got the string \"2025-02-29\""},
           {"date(\"%F\")", "\"tomorrow\"", "!filter \"date\" got the string \"tomorrow\""},
           {"date(\"%F\")", "\"2025-02-28T25:00Z\"",
            "!filter \"date\" got the string \"2025-02-28T25:00Z\""},
           {"date(\"%F\")", "253402300800", "!filter \"date\" got the number 253402300800"},
           {"date(\"%F\")", "[]", "!filter \"date\" got an array"},
       }) {
    EXPECT_EQ(Render("{{v | " + test.filters + "}}", "{\"v\": " + test.value + "}"), test.expected)
        << test.filters << " of " << test.value;
  }
}

TEST(Filters, MistakesAreRefusedWhereTheyAre) {
  struct Mistake {
    std::string text, message;
    uint32_t column;
  };
  for (const Mistake& test : {
           Mistake{"{{x | nope}}", "unknown filter \"nope\"", 7},
           {"{{x |}}", "expected a filter, found the end of the tag", 6},
           {"{{x | upper lower}}", "expected a pipe or the end of the tag, found \"lower\"", 13},
           {"{{x | upper()}}", "filter \"upper\" takes no argument", 14},
           {"{{x | default}}", "filter \"default\" is not written so", 14},
           {"{{x | default(y)}}", "filter \"default\" takes a string, a number, true or false", 15},
           {"{{x | truncate(\"5\")}}", "filter \"truncate\" takes a number", 16},
           {"{{x | truncate(-1)}}", "filter \"truncate\" takes a whole number from 0 to 1000000000",
            16},
           {"{{x | truncate(1.5)}}",
            "filter \"truncate\" takes a whole number from 0 to 1000000000", 16},
           {"{{x | truncate(5, 6)}}", "filter \"truncate\" is not written so", 17},
           {"{{x | json(99)}}", "filter \"json\" takes a whole number from 0 to 16", 12},
           {"{{x | date(\"%Q\")}}",
            "filter \"date\" knows only these fields: %a %A %b %B %d %e %f %F %H %I %j %m %M %p %s "
            "%S %T %u %y %Y %z %Z %%",
            12},
           {"{{x | date(\"%F\", \"Europe/Oslo\")}}",
            "filter \"date\" takes a time zone like \"+02:00\" or \"UTC\"", 18},
           {"{{x | date(\"%F\", \"+16:00\")}}",
            "filter \"date\" takes a time zone like \"+02:00\" or \"UTC\"", 18},
           {"{{x | fence(\"`\")}}",
            "filter \"fence\" takes the name of a language, without backticks and line breaks", 13},
           {"{{x | join(\"a}}", "filter \"join\" takes a string", 12},
           {"{{x y | upper}}", "invalid tag {{x y | upper}}: white space", 1},
           {"{{#x | upper}}{{/x}}", "invalid tag {{#x | upper}}: white space", 1},
           {"{{@nope}}", "invalid tag {{@nope}}: an unknown name", 1},
           {"{{@index}}", "@index is only known within a section", 1},
       }) {
    Template source = {.texts = {test.text}};
    EXPECT_FALSE(source.Compile()) << test.text;
    EXPECT_EQ(source.error.message, test.message);
    EXPECT_EQ(source.error.column, test.column) << test.text;
  }
  Template source = {.texts = {"{{x | nope}}"}};
  source.Compile();
  EXPECT_STREQ(source.error.hint,
               "Filters are default, json, xml, html, trim, upper, lower, truncate, join, length, "
               "first, last, limit, indent, date, fence, present.");
}

TEST(Filters, EscapeOnce) {
  Template source = {.texts = {"{{v}} {{v | upper}} {{v | xml}} {{v | html}} {{v | json}} "
                               "{{{v | upper}}} {{& v | upper}}"},
                     .escape = tmpl::Escape::kHtml};
  EXPECT_EQ(source.Render(R"({"v": "<"})"), "&lt; &lt; &lt; &lt; \"<\" < <");
}

TEST(Filters, HaveTheLimitsOfRenderings) {
  const std::string big(1 << 16, 'a');
  Template source = {.texts = {"{{#l}}{{v | upper | lower | length}}{{/l}}"}};
  source.limits.render_operations = 20'000;
  std::string variables = "{\"v\": \"" + big + "\", \"l\": [1";
  for (int i = 0; i < 200; ++i) variables += ",1";
  EXPECT_EQ(source.Render(variables + "]}"), "!rendering exceeds the limit of 20000 operations");
  source = {.texts = {"{{v | xml | length}}"}};
  source.limits.output_bytes = 1000;
  EXPECT_EQ(source.Render("{\"v\": \"" + std::string(251, '<') + "\"}"),
            "!rendering exceeds the limit of 1000 bytes of output");
  source = {.texts = {"{{v | json}}"}};
  source.limits.json_depth = 2;
  EXPECT_EQ(source.Render(R"({"v": [[[]]]})"), "!a value is nested more than 2 deep");
  source = {.texts = {"{{v | upper}}"}};
  source.limits.json_depth = 2;
  EXPECT_EQ(source.Render(R"({"v": [[[]]]})"), "!a value is nested more than 2 deep");
  std::string many = "{{v";
  for (int i = 0; i < 20'000; ++i) many += "|upper";
  source = {.texts = {many + "}}"}};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, tmpl::Code::kProgramTooLarge);
}

TEST(LoopNames, OfTheInnermostLoop) {
  EXPECT_EQ(
      Render("{{#l}}{{@index}}/{{@index1}}{{#@first}}F{{/@first}}{{^@last}}, {{/@last}}{{/l}}",
             R"({"l": ["a", "b", "c"]})"),
      "0/1F, 1/2, 2/3");
  EXPECT_EQ(Render("{{#l}}{{@index}}:{{#.}}{{@index}}{{^@last}},{{/@last}}{{/.}};{{/l}}",
                   R"({"l": [[1, 2], [], [3]]})"),
            "0:0,1;1:;2:0;");
  EXPECT_EQ(Render("{{#l}}{{#o}}{{@index1}}{{x}}{{/o}}{{/l}}",
                   R"({"l": [{"o": {"x": "a"}}, {"o": {"x": "b"}}]})"),
            "1a2b");
  EXPECT_EQ(Render("{{#l}}{{#@index}}{{@index}}{{/@index}}{{/l}}", R"({"l": [5, 6, 7]})"), "12");
  EXPECT_EQ(Render("{{#o}}[{{@index}}{{@first}}]{{/o}}", R"({"o": {}})"), "[]");
  EXPECT_EQ(Render("{{#l}}{{>s}}{{/l}}", R"({"l": [1, 2]})", R"({"s": "{{@index}}"})"), "01");
}

TEST(Now, PrintsInUtc) {
  Template source = {.texts = {"{{@now}} {{@now | date(\"%d.%m. %H:%M\", \"+01:00\")}}"}};
  EXPECT_EQ(source.Render("{}"), "2000-01-01T00:00:00Z 01.01. 01:00");
  source.now = 841'190'400'500'000;
  EXPECT_EQ(source.RenderAgain("{}"), "2026-08-28T00:00:00.500000Z 28.08. 01:00");
  source = {.texts = {"{{@now}}"}};
  source.now = INT64_MIN;
  EXPECT_EQ(source.Render("{}").back(), 'Z');
  source.now = INT64_MAX;
  EXPECT_EQ(source.RenderAgain("{}").back(), 'Z');
}

}  // namespace
}  // namespace promptreg::testing
