// Rules of declared variables beyond their type: bounds, patterns, coercion, filters.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/template/encoding.h"
#include "core/template/pattern.h"
#include "core/template/rules.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

using tmpl::Code;

Template Declared(std::string text, const std::string& declarations) {
  return {.texts = {std::move(text)}, .declarations = declarations, .snippets = "{}"};
}

// Of one variable "v": what comes out for a value, or what is wrong with it.
std::string Check(const std::string& rules, const std::string& value) {
  Template source = Declared("{{v}}", R"([{"name":"v",)" + rules + "}]");
  const std::string output = source.Render("{\"v\":" + value + "}");
  return source.code == Code::kInvalidVariable ? source.error.detail : output;
}

// Why a declaration is refused.
std::string Mistake(const std::string& rules) {
  Template source = Declared("", R"([{"name":"v",)" + rules + "}]");
  return source.Compile() ? "none" : source.error.message;
}

TEST(Rules, BoundTheValueOfNumbers) {
  const std::string rules = R"("type":"number","min":-1.5,"max":1e2)";
  for (const char* good : {"-1.5", "0", "100", "1.0e2"}) EXPECT_EQ(Check(rules, good)[0], good[0]);
  EXPECT_EQ(Check(rules, "-1.51"), "\"v\" must be at least -1.5, not the number -1.51");
  EXPECT_EQ(Check(rules, "100.1"), "\"v\" must be at most 100, not the number 100.1");
  EXPECT_EQ(Check(rules, "\"5\""), "\"v\" must be a number, not the string \"5\"");
  EXPECT_EQ(Check(R"("type":"integer","min":1)", "0"),
            "\"v\" must be at least 1, not the number 0");
}

TEST(Rules, BoundTheLengthOfStringsInCharacters) {
  const std::string rules = R"("min":2,"max":3)";
  EXPECT_EQ(Check(rules, "\"äö\""), "äö");
  EXPECT_EQ(Check(rules, "\"äö😀\""), "äö😀");
  EXPECT_EQ(Check(rules, "\"ä\""), "\"v\" must have at least 2 characters, not 1: \"ä\"");
  EXPECT_EQ(Check(rules, "\"\""), "\"v\" must have at least 2 characters, not 0");
  EXPECT_EQ(Check(rules, "\"abcd\""), "\"v\" must have at most 3 characters, not 4: \"abcd\"");
}

TEST(Rules, BoundTheElementsOfArrays) {
  const std::string rules = R"("type":"array","min":1,"max":2)";
  EXPECT_EQ(Check(rules, "[1,2]"), "[1,2]");
  EXPECT_EQ(Check(rules, "[]"), "\"v\" must have at least 1 elements, not 0");
  EXPECT_EQ(Check(rules, "[1,2,3]"), "\"v\" must have at most 2 elements, not 3");
}

TEST(Rules, CharactersAreCountedAsLongAsNobodyAsksToStop) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(tmpl::CountCharacters(text, nullptr), static_cast<uint64_t>(i));
    text += i % 4 == 0 ? "a" : i % 4 == 1 ? "é" : i % 4 == 2 ? "€" : "😀";
  }
  const Json value("\"" + std::string(3'000'000, 'x') + "\"");
  volatile std::sig_atomic_t raised = 0;
  uint64_t count = 0;
  EXPECT_TRUE(tmpl::CountBounded(value.value(), nullptr, &raised, &count));
  EXPECT_EQ(count, 3'000'000u);
  raised = 1;
  EXPECT_FALSE(tmpl::CountBounded(value.value(), nullptr, &raised, &count));
}

TEST(Rules, PatternsMatchTheWholeText) {
  const std::string rules = R"("pattern":"[A-Z]{2}-\\d+|x")";
  EXPECT_EQ(Check(rules, "\"NW-20417\""), "NW-20417");
  EXPECT_EQ(Check(rules, "\"x\""), "x");
  for (const char* bad : {"NW-20417 ", " NW-1", "NW-1\\n", "xx", ""}) {
    EXPECT_EQ(Check(rules, "\"" + std::string(bad) + "\""),
              "\"v\" must match the pattern \"[A-Z]{2}-\\d+|x\", not be the string \"" +
                  std::string(bad) + "\"");
  }
  EXPECT_EQ(Check(R"("pattern":"\\p{L}+")", "\"größe\""), "größe");
}

// A pattern that backtracking engines take for ever on, and a text that is too long to be tried.
TEST(Rules, PatternsTakeLinearTimeAndBoundedText) {
  const std::string rules = R"("pattern":"(a|a|a)*(a|a)*b")";
  EXPECT_EQ(Check(rules, "\"" + std::string(20'000, 'a') + "\"").substr(0, 22),
            "\"v\" must match the pat");
  const std::string wide = R"("pattern":"([a-z]{1,40}.){20}")";
  EXPECT_EQ(Check(wide, "\"" + std::string(100'000, 'a') + "\"").substr(0, 18),
            "\"v\" must have at m");
}

TEST(Rules, MatchingCountsAsOperations) {
  Template source = Declared("{{v}}", R"([{"name":"v","pattern":"[a-z]*"}])");
  source.limits.render_operations = 100;
  EXPECT_EQ(source.Render("{\"v\":\"abc\"}"), "abc");
  EXPECT_EQ(source.Render("{\"v\":\"" + std::string(10'000, 'a') + "\"}").substr(0, 30),
            "!checking variables exceeds th");
  EXPECT_EQ(source.code, Code::kTooManyOperations);
}

TEST(Rules, WithoutReadyPatternsNothingPasses) {
  Template source = Declared("{{v}}", R"([{"name":"v","pattern":"a"}])");
  ASSERT_TRUE(source.Compile());
  const ScratchPointer scratch(tmpl::NewScratch());
  const Json variables("{\"v\":\"a\"}");
  EXPECT_EQ(tmpl::Bind(source.view(), variables.value(), true, {}, scratch.get(), &source.error),
            Code::kInvalidVariable);
}

// What is counted here and not by RE2 is what RE2 says.
TEST(Rules, RepeatedClassesMeanWhatTheyMeanToRe2) {
  const std::string texts[] = {"",    "a",     "ab",   "abc", "aé",  "é😀",      "a b", "]",
                               "]]]", "a{01}", "a\nb", "\n",  "-'.", "12",      "$",   "a$",
                               "^a",  "ab\n",  "aa-",  "[]",  ":]",  "aaaaaaaa"};
  const std::string classes[] = {"[a-z]",     "[^a-z]", ".",    "\\pL",  "\\p{L}", "\\P{^Latin}",
                                 "\\d",       "\\S",    "[]a]", "[^]a]", "[\\]a]", "[[:alpha:]\\-]",
                                 "[\\p{L}a]", "a",      "\\n",  "(?s).", "[a]b",   "[[:a]"};
  const std::string counts[] = {"*",      "+",      "?",    "",      "{2}",   "{0}",
                                "{1,2}",  "{2,}",   "{01}", "{,2}",  "{2,1}", "{1}{2}",
                                "{1,2}?", "{1001}", "*?",   "{1, 2}"};
  int read = 0;
  for (const std::string& character : classes) {
    for (const std::string& count : counts) {
      for (const std::string& pattern :
           {character + count, "^" + character + count, character + count + "$",
            character + count + "\\$", "(" + character + count + ")"}) {
        const RE2 expression(pattern, RE2::Quiet);
        std::string problem;
        const auto compiled = tmpl::Pattern::Compile(pattern, &problem);
        ASSERT_EQ(compiled != nullptr, expression.ok()) << pattern;
        if (compiled == nullptr) continue;
        read += tmpl::ReadRepetition(pattern).character.empty() ? 0 : 1;
        for (const std::string& text : texts) {
          ASSERT_EQ(compiled->Matches(text), RE2::FullMatch(text, expression))
              << pattern << " " << text;
        }
      }
    }
  }
  EXPECT_GT(read, 150);
}

TEST(Rules, RepeatedClassesOfUnicodeAreCompiledOnce) {
  std::string problem;
  const auto once = tmpl::Pattern::Compile("[\\p{L}\\p{M} .'-]+", &problem);
  const auto repeated = tmpl::Pattern::Compile("[\\p{L}\\p{M} .'-]{1,40}", &problem);
  ASSERT_NE(once, nullptr);
  ASSERT_NE(repeated, nullptr);
  EXPECT_EQ(once->instructions(), repeated->instructions());
  EXPECT_EQ(once->memory(), repeated->memory());
  EXPECT_LT(once->memory(), 100'000);
  EXPECT_TRUE(repeated->Matches("Ada Lovelace-Müller"));
  EXPECT_FALSE(repeated->Matches(std::string(41, 'x')));
  EXPECT_GT(once->most_bytes(), 5'000);
  // Too long for its pattern is no question of time.
  EXPECT_EQ(repeated->most_bytes(), SIZE_MAX);
  EXPECT_EQ(repeated->Operations(std::string(1'000'000, 'x')), 0);
}

// Compiling has to end in milliseconds.
TEST(Rules, PatternsThatAreLargeAreRefused) {
  std::string classes, sets;
  for (int i = 0; i < 21; ++i) classes += "\\\\pL|";
  for (int i = 0; i < 1001; ++i) sets += 'a';
  EXPECT_EQ(Mistake("\"pattern\":\"" + classes + "a\""),
            "variable \"v\": invalid pattern: it has more than 20 classes of Unicode");
  EXPECT_EQ(Mistake("\"pattern\":\"" + sets + "\""),
            "variable \"v\": invalid pattern: it has more than 1000 bytes");
  for (const char* large :
       {"(\\\\pL|1){1,20}",
        "[xy]{0,1000}[xy]{0,1000}[xy]{0,1000}[xy]{0,1000}[xy]{0,1000}[xy]{0,1000}", ".{0,1000}x"}) {
    EXPECT_EQ(Mistake("\"pattern\":\"" + std::string(large) + "\""),
              "variable \"v\": invalid pattern: pattern too large - compile failed");
  }
}

std::string DeclaredPatterns(int count, const std::string& before, const std::string& after) {
  std::string declarations = "[";
  for (int i = 0; i < count; ++i) {
    declarations += (i > 0 ? "," : "") + std::string("{\"name\":\"v") + std::to_string(i) +
                    "\",\"pattern\":\"" + before + (after.empty() ? "" : std::to_string(i)) +
                    after + "\"}";
  }
  return declarations + "]";
}

TEST(Rules, PatternsOfAVersionAreBoundedTogether) {
  const std::string letters = "\\\\pL+ \\\\pL+";
  Template many = Declared("", DeclaredPatterns(60, letters, "x"));
  EXPECT_FALSE(many.Compile());
  EXPECT_EQ(many.error.code, Code::kPatternsTooLarge);
  EXPECT_STREQ(many.error.message,
               "the patterns of the variables compile to more than 100000 instructions");
  EXPECT_TRUE(Declared("", DeclaredPatterns(30, letters, "x")).Compile());
  EXPECT_TRUE(Declared("", DeclaredPatterns(500, letters, "")).Compile());
}

// Stored declarations are not tried again, and new ones are compiled only as long as nobody asks
// to stop.
TEST(Rules, PatternsAreCompiledWhenDeclarationsAreChecked) {
  const Json declarations(R"([{"name":"v","pattern":"a(","default":"A"}])");
  const volatile std::sig_atomic_t raised = 1;
  tmpl::Source source = {.parts = {}, .declarations = declarations.value()};
  std::string program;
  tmpl::Error error;
  EXPECT_FALSE(tmpl::Compile(source, {}, &program, &error));
  EXPECT_EQ(error.code, Code::kInvalidDeclaration);
  source.interrupt = &raised;
  EXPECT_FALSE(tmpl::Compile(source, {}, &program, &error));
  EXPECT_EQ(error.code, Code::kInterrupted);
  EXPECT_FALSE(
      tmpl::NormalizeDeclarations(declarations.value(), nullptr, &raised, &program, &error));
  EXPECT_EQ(error.code, Code::kInterrupted);
  source.checked = true;
  EXPECT_TRUE(tmpl::Compile(source, {}, &program, &error));
  tmpl::Patterns* patterns;
  const tmpl::ProgramView view(program.data());
  EXPECT_FALSE(tmpl::CompilePatterns(view, &raised, &patterns, &error));
  EXPECT_EQ(error.code, Code::kInterrupted);
  EXPECT_FALSE(tmpl::CompilePatterns(view, nullptr, &patterns, &error));
  EXPECT_EQ(error.code, Code::kInvalidDeclaration);
  EXPECT_EQ(patterns, nullptr);
}

TEST(Rules, PatternsAreCountedAsTheMemoryTheyMayTake) {
  Template source = Declared("", R"([{"name":"a","pattern":"a"},{"name":"b"},
      {"name":"c","pattern":"(\\pL+\\s){3}"},{"name":"d","pattern":"a"}])");
  ASSERT_TRUE(source.Compile());
  tmpl::Patterns* patterns;
  ASSERT_TRUE(tmpl::CompilePatterns(source.view(), nullptr, &patterns, &source.error));
  EXPECT_GT(tmpl::PatternsSize(*patterns), 3 * 1198 * 8);
  EXPECT_LT(tmpl::PatternsSize(*patterns), 100'000);
  EXPECT_EQ(patterns->of_variable[0], patterns->of_variable[3]);
  tmpl::ReleasePatterns(patterns);
  Template none = Declared("", R"([{"name":"a"}])");
  ASSERT_TRUE(none.Compile());
  ASSERT_TRUE(tmpl::CompilePatterns(none.view(), nullptr, &patterns, &none.error));
  EXPECT_EQ(patterns, nullptr);
}

TEST(Rules, CoercionIsAskedFor) {
  struct Case {
    const char* rules;
    const char* value;
    const char* result;
  };
  for (const Case& test : {
           Case{R"("type":"number","coerce":true)", "\"5.50\"", "5.50"},
           {R"("type":"number","coerce":true)", "\"-1e3\"", "-1000"},
           {R"("type":"number","coerce":true)", "7", "7"},
           {R"("type":"number","coerce":true)", "\"5 \"",
            "\"v\" must be a number, not the string \"5 \""},
           {R"("type":"number","coerce":true)", "\"\"",
            "\"v\" must be a number, not the string \"\""},
           {R"("type":"number","coerce":true)", "true", "\"v\" must be a number, not true"},
           {R"("type":"integer","coerce":true,"max":9)", "\"12\"",
            "\"v\" must be at most 9, not the number 12"},
           {R"("type":"integer","coerce":true)", "\"1.5\"",
            "\"v\" must be an integer, not the number 1.5"},
           {R"("type":"boolean","coerce":true)", "\"true\"", "true"},
           {R"("type":"boolean","coerce":true)", "\"false\"", "false"},
           {R"("type":"boolean","coerce":true)", "\"yes\"",
            "\"v\" must be true or false, not the string \"yes\""},
           {R"("type":"boolean","coerce":true)", "1",
            "\"v\" must be true or false, not the number 1"},
           {R"("type":"string","coerce":true)", "1.50", "1.50"},
           {R"("type":"string","coerce":true)", "true", "true"},
           {R"("type":"string","coerce":true)", "[]", "\"v\" must be a string, not an array"},
           {R"("pattern":"\\d{4}","coerce":true)", "2024", "2024"},
           {R"("type":"enum","values":["1","2"],"coerce":true)", "2", "2"},
       }) {
    EXPECT_EQ(Check(test.rules, test.value), test.result) << test.rules << test.value;
  }
  // A falsy string becomes a falsy value; several live side by side.
  Template source = Declared("{{#b}}yes{{/b}}{{^b}}no{{/b}} {{n}} {{s}} {{m}}",
                             R"([{"name":"b","type":"boolean","coerce":true},
      {"name":"n","type":"number","coerce":true},{"name":"s","coerce":true},
      {"name":"m","type":"number","coerce":true}])");
  EXPECT_EQ(source.Render(R"({"b":"false","n":"12345678901234567890.5","s":0.10,"m":"-3"})"),
            "no 12345678901234567890.5 0.10 -3");
}

TEST(Rules, DeclaredFiltersApplyWhereTheTagHasNone) {
  const std::string xml = R"([{"name":"v","filter":"trim | xml","nullable":true}])";
  const Json value(R"({"v":" <a> "})");
  EXPECT_EQ(Declared("[{{v}}]", xml).Render(value), "[&lt;a&gt;]");
  EXPECT_EQ(Declared("[{{{v}}}][{{& v}}]", xml).Render(value), "[&lt;a&gt;][&lt;a&gt;]");
  EXPECT_EQ(Declared("[{{v | upper}}]", xml).Render(value), "[ <A> ]");
  EXPECT_EQ(Declared("{{#v}}{{.}}{{/v}}", xml).Render(value), " <a> ");
  EXPECT_EQ(Declared("[{{v}}]", xml).Render(R"({"v":null})"), "[]");
  Template fstring = Declared("[{v}]", xml);
  fstring.syntax = tmpl::Syntax::kFString;
  EXPECT_EQ(fstring.Render(value), "[&lt;a&gt;]");
  Template html = Declared("{{v}}", xml);
  html.escape = tmpl::Escape::kHtml;
  EXPECT_EQ(html.Render(value), "&lt;a&gt;");
  EXPECT_EQ(Declared("{{v.x}}", R"([{"name":"v","type":"object","filter":"json"}])")
                .Render(R"({"v":{"x":"\""}})"),
            R"("\"")");
}

TEST(Rules, DeclarationsThatBreakTheirOwn) {
  struct Case {
    const char* rules;
    const char* mistake;
  };
  for (const Case& test : {
           Case{R"("min":3,"max":2)", "variable \"v\": min is greater than max"},
           {R"("min":1.5)",
            "variable \"v\": min must be a number of characters, not the number 1.5"},
           {R"("max":-1)", "variable \"v\": max must be a number of characters, not the number -1"},
           {R"("type":"array","max":"1")",
            "variable \"v\": max must be a number of elements, not the string \"1\""},
           {R"("type":"number","min":"1")",
            "variable \"v\": min must be a number, not the string \"1\""},
           {R"("type":"boolean","min":1)",
            "variable \"v\": min is for numbers, integers, strings and arrays"},
           {R"("type":"number","min":1,"default":0)",
            "variable \"v\": default must be at least 1, not the number 0"},
           {R"("max":2,"example":"abc")",
            "variable \"v\": example must have at most 2 characters, not 3: \"abc\""},
           {R"("pattern":"[a-z]+","default":"A")",
            "variable \"v\": default must match the pattern \"[a-z]+\", not be the string \"A\""},
           {R"("pattern":"a(")", "variable \"v\": invalid pattern: missing ): a("},
           {R"x("pattern":"(?=a)")x",
            "variable \"v\": invalid pattern: invalid perl operator: (?="},
           {R"("pattern":5)", "variable \"v\": pattern must be a string, not the number 5"},
           {R"("type":"number","pattern":"a")",
            "variable \"v\": a pattern is for the type string alone"},
           {R"x("pattern":"((\\pL{1,99}){1,10})")x",
            "variable \"v\": invalid pattern: pattern too large - compile failed"},
           {R"("filter":"xmll")",
            "variable \"v\": invalid filter \"xmll\": unknown filter \"xmll\""},
           {R"("filter":"trim |")",
            "variable \"v\": invalid filter \"trim |\": expected a filter, found the end "
            "of the tag"},
           {R"("filter":true)", "variable \"v\": filter must be a string, not true"},
           {R"("trusted":"no")",
            "variable \"v\": trusted must be true or false, not the string \"no\""},
           {R"("coerce":1)", "variable \"v\": coerce must be true or false, not the number 1"},
           {R"("type":"array","coerce":true)", "variable \"v\": nothing is coerced into an array"},
           {R"("coerce":true,"default":5)",
            "variable \"v\": default must be a string, not the number 5"},
           {R"("example":null)", "variable \"v\": example must be a string, not null"},
           {R"("nullable":true,"example":null)", "none"},
           {R"("min":0,"max":0,"pattern":"","default":"")", "none"},
       }) {
    EXPECT_EQ(Mistake(test.rules), test.mistake) << test.rules;
  }
}

// A section over a plain value, or an inverted one, has no members that a name could mean.
TEST(Rules, UndeclaredNamesInSections) {
  const std::string declarations = R"([{"name":"vip","type":"boolean"},{"name":"l","type":"array"},
      {"name":"o","type":"object"}])";
  for (const char* text :
       {"{{#vip}}{{x}}{{/vip}}", "{{^l}}{{x}}{{/l}}", "{{#vip}}{{^o}}{{x}}{{/o}}{{/vip}}",
        "{{#if vip}}{{x}}{{/if}}", "{{#l}}{{/l}}{{#vip}}{{x}}{{/vip}}"}) {
    Template source = Declared(text, declarations);
    EXPECT_FALSE(source.Compile()) << text;
    EXPECT_EQ(source.code, Code::kUndeclaredVariable) << text;
  }
  for (const char* text : {"{{#l}}{{x}}{{/l}}", "{{#o}}{{^l}}{{x}}{{/l}}{{/o}}",
                           "{{#l}}{{#vip}}{{x}}{{/vip}}{{/l}}"}) {
    EXPECT_TRUE(Declared(text, declarations).Compile()) << text;
  }
}

// What was not declared, and so not checked, is not seen, not even from within a section.
TEST(Rules, UndeclaredValuesAreNotSeen) {
  Template source = Declared("{{#l}}{{x}}{{/l}}", R"([{"name":"l","type":"array"}])");
  EXPECT_EQ(source.Render(R"({"l":[{"x":1},{}],"x":2})"), "1");
  source.declarations = R"([{"name":"l","type":"array"},{"name":"x","type":"number"}])";
  EXPECT_EQ(source.Render(R"({"l":[{"x":1},{}],"x":2})"), "12");
}

}  // namespace
}  // namespace promptreg::testing
