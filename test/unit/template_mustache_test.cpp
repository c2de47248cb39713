// What templates mean. The specification's own tests are run by template_spec_test; these hold what
// it says and what it leaves open, whether its files are there or not.
#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

std::string RenderHtml(std::string text, const Json& variables) {
  Template source = {.texts = {std::move(text)},
                     .escape = tmpl::Escape::kHtml,
                     .snippets = "{}",
                     .require_object = false};
  return source.Render(variables);
}

TEST(Mustache, Interpolation) {
  EXPECT_EQ(Render("", "{}"), "");
  EXPECT_EQ(Render("no tags at all", "{}"), "no tags at all");
  EXPECT_EQ(Render("Hello {{name}}!", R"({"name":"Ann"})"), "Hello Ann!");
  EXPECT_EQ(Render("{{a}}{{b}}{{a}}", R"({"a":"1","b":"2"})"), "121");
  EXPECT_EQ(Render("{{  a }}|{{\ta\n}}|{{& a }}|{{{ a }}}", R"({"a":"x"})"), "x|x|x|x");
  EXPECT_EQ(Render("[{{missing}}]", "{}"), "[]");
  EXPECT_EQ(Render("{{a-b}} {{a_1}} {{größe}} {{変数}}", R"({"a-b":1,"a_1":2,"größe":3,"変数":4})"),
            "1 2 3 4");
}

TEST(Mustache, ValuesPrintAsJsonStoresThem) {
  EXPECT_EQ(Render("{{v}}", R"({"v":12.50})"), "12.50");
  EXPECT_EQ(Render("{{v}}", R"({"v":-0.001})"), "-0.001");
  EXPECT_EQ(Render("{{v}}", R"({"v":true})"), "true");
  EXPECT_EQ(Render("{{v}}", R"({"v":false})"), "false");
  EXPECT_EQ(Render("[{{v}}]", R"({"v":null})"), "[]");
  EXPECT_EQ(Render("{{v}}", R"({"v":{"b":[1,"x\ny"],"a":null}})"), R"({"a":null,"b":[1,"x\ny"]})");
  EXPECT_EQ(Render("{{v}}", R"({"v":[]})"), "[]");
}

TEST(Mustache, ValuesAreNeverExpandedAgain) {
  EXPECT_EQ(Render("{{a}}", R"({"a":"{{b}} {{> s}}","b":"no"})", R"({"s":"no"})"), "{{b}} {{> s}}");
}

TEST(Mustache, HtmlEscapingWhereAsked) {
  const Json variables(R"({"v":"<a href=\"x\">&'</a>","w":{"k":"<\"&>"},"n":5})");
  EXPECT_EQ(RenderHtml("{{v}}", variables), "&lt;a href=&quot;x&quot;&gt;&amp;'&lt;/a&gt;");
  EXPECT_EQ(RenderHtml("{{{v}}} {{&v}}", variables), "<a href=\"x\">&'</a> <a href=\"x\">&'</a>");
  EXPECT_EQ(RenderHtml("{{w}}", variables), "{&quot;k&quot;:&quot;&lt;\\&quot;&amp;&gt;&quot;}");
  EXPECT_EQ(RenderHtml("{{{w}}}{{n}}", variables), R"({"k":"<\"&>"}5)");
  EXPECT_EQ(Render("{{v}}", variables), "<a href=\"x\">&'</a>");
}

// Every special character at every place within the words that are looked at together, and none
// other.
TEST(Mustache, HtmlEscapingFindsEveryByte) {
  for (int byte = 1; byte < 128; ++byte) {
    for (size_t place = 0; place < 18; ++place) {
      std::string value(18, 'a');
      value[place] = static_cast<char>(byte);
      std::string expected = value;
      const std::string entity = byte == '&'   ? "&amp;"
                                 : byte == '<' ? "&lt;"
                                 : byte == '>' ? "&gt;"
                                 : byte == '"' ? "&quot;"
                                               : std::string(1, static_cast<char>(byte));
      expected.replace(place, 1, entity);
      json::Builder builder;
      builder.BeginObject();
      builder.Key("v");
      builder.String(value);
      builder.EndObject();
      const std::string bytes = builder.Finish();
      Template source = {.texts = {"{{v}}"}, .escape = tmpl::Escape::kHtml};
      ASSERT_TRUE(source.Compile());
      const ScratchPointer scratch(tmpl::NewScratch());
      std::string_view output;
      ASSERT_EQ(tmpl::Bind(source.view(), json::Value::FromContainer(bytes.data()), true, {},
                           scratch.get(), &source.error),
                tmpl::Code::kOk);
      ASSERT_EQ(tmpl::Render(source.view(), 0, {}, scratch.get(), &output, &source.error),
                tmpl::Code::kOk);
      ASSERT_EQ(output, expected);
    }
  }
}

TEST(Mustache, DottedNames) {
  const Json variables(
      R"({"a":{"b":{"c":"deep"},"n":null},"b":{"c":"other"},"s":"text","l":[{"x":1}]})");
  EXPECT_EQ(Render("{{a.b.c}}", variables), "deep");
  EXPECT_EQ(Render("[{{a.x.c}}{{a.b.c.d}}{{s.x}}{{l.x}}{{a.n.x}}{{x.y}}]", variables), "[]");
  EXPECT_EQ(Render("{{#a.b}}{{c}}{{/a.b}}", variables), "deep");
  EXPECT_EQ(Render("{{^a.b.x}}none{{/a.b.x}}", variables), "none");
}

// The first part walks the stack of contexts, the rest only what it found.
TEST(Mustache, DottedNamesDoNotFallThrough) {
  EXPECT_EQ(Render("{{#in}}[{{a.x}}]{{/in}}", R"({"a":{"x":"outer"},"in":{"a":{}}})"), "[]");
  EXPECT_EQ(Render("{{#in}}[{{a.x}}]{{/in}}", R"({"a":{"x":"outer"},"in":{}})"), "[outer]");
  EXPECT_EQ(Render("{{#in}}[{{a.x}}]{{/in}}", R"({"a":{"x":"outer"},"in":{"a":null}})"), "[]");
}

TEST(Mustache, InnerNullIsFound) {
  EXPECT_EQ(Render("{{#in}}[{{x}}]{{^x}}no{{/x}}{{/in}}", R"({"x":"outer","in":{"x":null}})"),
            "[]no");
  EXPECT_EQ(Render("{{#in}}[{{x}}]{{/in}}", R"({"x":"outer","in":{"x":false}})"), "[false]");
}

TEST(Mustache, SectionsByTruth) {
  const auto chosen = [](const std::string& value) {
    return Render("{{#v}}yes{{/v}}{{^v}}no{{/v}}", "{\"v\":" + value + "}");
  };
  for (const char* falsy : {"null", "false", "0", "0.0", "\"\"", "[]"})
    EXPECT_EQ(chosen(falsy), "no") << falsy;
  for (const char* truthy : {"true", "1", "0.1", "\"0\"", "{}", "[0]"})
    EXPECT_EQ(chosen(truthy), "yes") << truthy;
  EXPECT_EQ(Render("{{#v}}yes{{/v}}{{^v}}no{{/v}}", "{}"), "no");
}

TEST(Mustache, SectionsOverLists) {
  EXPECT_EQ(Render("{{#l}}<{{.}}>{{/l}}", R"({"l":[1,"a",true,null,[2,3],{"x":1}]})"),
            "<1><a><true><><[2,3]><{\"x\":1}>");
  EXPECT_EQ(Render("{{#l}}{{n}},{{/l}}", R"({"l":[{"n":1},{"n":2},{}],"n":"outer"})"),
            "1,2,outer,");
  EXPECT_EQ(Render("{{#l}}{{#.}}{{.}}{{/.}};{{/l}}", R"({"l":[[1,2],[],[3]]})"), "12;;3;");
  EXPECT_EQ(Render("{{#a}}{{#b}}{{x}}{{y}}{{z}} {{/b}}{{/a}}",
                   R"({"z":"Z","a":[{"x":1,"b":[{"y":2},{"y":3}]},{"x":4,"b":{"y":5}}]})"),
            "12Z 13Z 45Z ");
}

TEST(Mustache, LongListsAreWalkedWhole) {
  std::string list = "[", expected;
  for (int i = 0; i < 1000; ++i) {
    list += (i > 0 ? "," : "") + std::to_string(i);
    expected += std::to_string(i) + " ";
  }
  EXPECT_EQ(Render("{{#l}}{{.}} {{/l}}", "{\"l\":" + list + "]}"), expected);
}

// A condition pushes a context that has no names: the names around it stay in reach.
TEST(Mustache, ConditionsKeepTheNamesAround) {
  EXPECT_EQ(Render("{{#in}}{{#flag}}{{a}}{{b}}{{/flag}}{{/in}}",
                   R"({"b":"B","in":{"flag":true,"a":"A"}})"),
            "AB");
  EXPECT_EQ(Render("{{#s}}{{.}} {{a}}{{/s}}", R"({"s":"text","a":1})"), "text 1");
}

TEST(Mustache, RootThatIsNoObject) {
  EXPECT_EQ(Render("{{.}}", "\"text\""), "text");
  EXPECT_EQ(Render("{{#.}}{{n}};{{/.}}", R"([{"n":1},{"n":2}])"), "1;2;");
  EXPECT_EQ(Render("[{{a}}]", "5"), "[]");
  EXPECT_EQ(Render("[{{.}}{{a}}]", ""), "[]");
  EXPECT_EQ(Render("{{.}}", R"({"a":1})"), R"({"a":1})");
}

TEST(Mustache, Comments) {
  EXPECT_EQ(Render("a{{! anything: \"b\" | # }}c", "{}"), "ac");
  EXPECT_EQ(Render("a\n  {{! alone }}  \nb", "{}"), "a\nb");
  EXPECT_EQ(Render("a\r\n{{! alone }}\r\nb", "{}"), "a\r\nb");
  EXPECT_EQ(Render("a\n{{!\n two\n lines }}\nb", "{}"), "a\nb");
  EXPECT_EQ(Render("{{!}}x{{!a}}{{!b}}y", "{}"), "xy");
}

TEST(Mustache, StandaloneTagsTakeTheirLine) {
  const Json variables(R"({"t":true})");
  EXPECT_EQ(Render("a\n{{#t}}\nb\n{{/t}}\nc\n", variables), "a\nb\nc\n");
  EXPECT_EQ(Render("a\r\n {{#t}}\t\r\nb\r\n{{/t}}\r\nc", variables), "a\r\nb\r\nc");
  EXPECT_EQ(Render("{{#t}}\na\n{{/t}}", variables), "a\n");
  EXPECT_EQ(Render("a\n{{^f}}\nb\n{{/f}}", variables), "a\nb\n");
  EXPECT_EQ(Render("a {{#t}} \nb\n{{/t}}\n", variables), "a  \nb\n");
  EXPECT_EQ(Render("{{#t}}{{/t}}\n", variables), "\n");
  EXPECT_EQ(Render("  {{t}}\n", variables), "  true\n");
  EXPECT_EQ(Render("{{#t}} \r{{/t}}", variables), " \r");
}

TEST(Mustache, Delimiters) {
  EXPECT_EQ(Render("{{=<% %>=}}<%a%> {{a}} <%={{ }}=%>{{a}}", R"({"a":1})"), "1 {{a}} 1");
  EXPECT_EQ(Render("{{= | | =}}|a| |#a|x|/a|", R"({"a":1})"), "1 x");
  EXPECT_EQ(Render("a\n{{=| |=}}\nb", "{}"), "a\nb");
  EXPECT_EQ(Render("{{=<% %>=}}<%{a}%><%&a%>", R"({"a":1})"), "11");
  EXPECT_EQ(Render("{{=| |=}}|>s| {{a}}", R"({"a":1})", R"({"s":"{{a}}|a|{{=! !=}}"})"),
            "1|a| {{a}}");
}

TEST(Mustache, BackslashMakesBracesLiteral) {
  EXPECT_EQ(Render(R"(\{{a}} {{a}})", R"({"a":1})"), "{{a}} 1");
  EXPECT_EQ(Render(R"({"x":\{{"y":1}}})", "{}"), R"({"x":{{"y":1}}})");
  EXPECT_EQ(Render(R"(C:\\{{a}})", R"({"a":"dir"})"), R"(C:\dir)");
  EXPECT_EQ(Render(R"(\{{{a}}}\{{)", R"({"a":1})"), "{{{a}}}{{");
  EXPECT_EQ(Render(R"(a\b \ {{a}}\)", R"({"a":1})"), R"(a\b \ 1\)");
  EXPECT_EQ(Render(R"({{=<% %>=}}\<%a%>)", R"({"a":1})"), R"(\1)");
}

TEST(Mustache, BracesBesideTags) {
  EXPECT_EQ(Render(R"({"x":{{a}}})", R"({"a":1})"), R"({"x":1})");
  EXPECT_EQ(Render(R"({"x":{{{a}}}})", R"({"a":1})"), R"({"x":1})");
  EXPECT_EQ(Render("{ a } }} } {", "{}"), "{ a } }} } {");
}

TEST(Snippets, AreInserted) {
  EXPECT_EQ(Render("<{{> s}}>", R"({"a":1})", R"({"s":"{{a}}!"})"), "<1!>");
  EXPECT_EQ(Render("{{>a/b@3}}{{>t@production}}", "{}", R"({"a/b@3":"x","t@production":"y"})"),
            "xy");
  EXPECT_EQ(Render("{{#l}}{{>s}}{{/l}}", R"({"l":[{"n":1},{"n":2}]})", R"({"s":"{{n}};"})"),
            "1;2;");
  EXPECT_EQ(Render("[{{>s}}]", "{}"), "[]");
}

TEST(Snippets, WithoutAnyTheyAreUndefined) {
  Template source = {.texts = {"a\n  {{> tone}}"}};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, tmpl::Code::kUndefinedSnippet);
  EXPECT_STREQ(source.error.message, "snippet \"tone\" does not exist");
  EXPECT_EQ(source.error.line, 2U);
  EXPECT_EQ(source.error.column, 3U);
}

TEST(Snippets, MustBeTexts) {
  Template source = {.texts = {"{{>s}}"}, .snippets = R"({"s":5})"};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, tmpl::Code::kUndefinedSnippet);
  EXPECT_STREQ(source.error.message, "snippet \"s\" must be a string");
}

TEST(Snippets, IndentationIsForTemplateLinesNotForValues) {
  EXPECT_EQ(Render("x\n  {{>s}}\ny\n", R"({"v":"1\n2"})", R"({"s":"a\n{{v}}\nb\n"})"),
            "x\n  a\n  1\n2\n  b\ny\n");
  EXPECT_EQ(Render("  {{>s}}", "{}", R"({"s":"a\nb"})"), "  a\n  b");
  EXPECT_EQ(Render("\t{{>s}}\n", "{}", R"({"s":"a\r\nb\r\n"})"), "\ta\r\n\tb\r\n");
  EXPECT_EQ(Render("  {{>s}} x\n", "{}", R"({"s":"a\nb\n"})"), "  a\nb\n x\n");
}

TEST(Snippets, IndentationAddsUp) {
  EXPECT_EQ(Render("  {{>a}}\n", "{}", R"({"a":"a\n {{>b}}\nz\n","b":"b\nc\n"})"),
            "  a\n   b\n   c\n  z\n");
  EXPECT_EQ(Render("  {{>a}}\n", "{}", R"({"a":"{{>b}} x\n","b":"b\nc"})"), "  b\nc x\n");
}

TEST(Snippets, IndentationInSections) {
  const Json snippets(R"({"s":"{{#l}}\n- {{.}}\n{{/l}}\nend\n","t":"{{#l}}x{{.}}\n{{/l}}y\n"})");
  EXPECT_EQ(Render("  {{>s}}\n", R"({"l":[1,2]})", snippets), "  - 1\n  - 2\n  end\n");
  EXPECT_EQ(Render("  {{>t}}\n", R"({"l":[1,2]})", snippets), "  x1\n  x2\n  y\n");
}

TEST(Snippets, RecurseThroughSections) {
  const Json tree(R"({"n":"a","c":[{"n":"b","c":[{"n":"d","c":[]}]},{"n":"e","c":[]}]})");
  EXPECT_EQ(Render("{{>t}}", tree, R"-({"t":"{{n}}({{#c}}{{>t}}{{/c}})"})-"), "a(b(d())e())");
}

TEST(Snippets, RecursionIndents) {
  const Json tree(R"({"n":"a","c":[{"n":"b","c":[{"n":"d","c":[]}]},{"n":"e","c":[]}]})");
  const Json snippets(R"({"t":"{{n}}\n{{#c}}\n  {{>t}}\n{{/c}}\n"})");
  EXPECT_EQ(Render("{{>t}}", tree, snippets), "a\n  b\n    d\n  e\n");
  EXPECT_EQ(Render("> {{>t}}", tree, snippets), "> a\n  b\n    d\n  e\n");
  EXPECT_EQ(Render(" {{>t}}\n.", tree, snippets), " a\n   b\n     d\n   e\n.");
}

// What is not standalone takes none of the indentation around it, and it is back afterwards.
TEST(Snippets, RecursionOnALineOfItsOwnEndsIndentation) {
  const Json tree(R"({"n":"a","c":{"n":"b","c":{"n":"c","c":false}}})");
  EXPECT_EQ(Render("  {{>t}}\n", tree, R"({"t":"{{n}}\n{{#c}}<{{>t}}>{{/c}}\n.\n"})"),
            "  a\n  <b\n<c\n\n.\n>\n.\n>\n  .\n");
}

TEST(Snippets, RecursionWithinALineOfAnIndentedOne) {
  const Json tree(
      R"({"n":"a","c":{"n":"b","d":{"n":"e","c":{"n":"f","c":0,"d":0},"d":0},"c":0},"d":0})");
  const Json snippets(R"({"t":"{{n}}\n{{#c}}\n  {{>t}}\n{{/c}}\n{{#d}}<{{>t}}>{{/d}}.\n"})");
  EXPECT_EQ(Render("{{>t}}", tree, snippets), "a\n  b\n  <e\n  f\n  .\n.\n>.\n.\n");
}

TEST(Snippets, MutualRecursion) {
  const Json chain(R"({"v":1,"n":{"v":2,"n":{"v":3,"n":{"v":4,"n":null}}}})");
  EXPECT_EQ(Render("{{>a}}", chain,
                   R"({"a":"a{{v}} {{#n}}{{>b}}{{/n}}","b":"b{{v}} {{#n}}{{>a}}{{/n}}"})"),
            "a1 b2 a3 b4 ");
}

TEST(Snippets, EndlessRecursionIsRefused) {
  for (const char* snippets : {R"({"a":"x{{>a}}"})", R"({"a":"{{>b}}","b":"{{>c}}","c":"{{>a}}"})",
                               R"({"a":"{{#s}}{{>b}}{{/s}}","b":"{{>b}}"})"}) {
    Template source = {.texts = {"{{>a}}"}, .snippets = snippets};
    EXPECT_FALSE(source.Compile()) << snippets;
    EXPECT_EQ(source.code, tmpl::Code::kSnippetTooDeep) << snippets;
    EXPECT_NE(std::string(source.error.message).find("includes itself"), std::string::npos)
        << source.error.message;
  }
}

TEST(Parts, RenderByThemselvesFromOneBinding) {
  Template source = {.texts = {"You help {{name}}.", "", "{{question}} {{name}}"}};
  const Json variables(R"({"name":"Ann","question":"Why?"})");
  EXPECT_EQ(source.Render(variables, 0), "You help Ann.");
  EXPECT_EQ(source.RenderAgain(variables, 1), "");
  EXPECT_EQ(source.RenderAgain(variables, 2), "Why? Ann");
  EXPECT_EQ(source.view().part_count(), 3U);
  EXPECT_EQ(source.view().size(), source.program.size());
}

TEST(Parts, ErrorsNameThePart) {
  Template source = {.texts = {"fine", "also", "{{#a}}"}};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.error.part, 2U);
}

TEST(Program, CanBeMoved) {
  Template source = {.texts = {"{{#l}}{{a.b}} {{> s}}{{/l}}{{d}}"},
                     .declarations = R"([{"name":"l","type":"array"},{"name":"d","default":"D"}])",
                     .snippets = R"({"s":"{{x}};{{#y}}{{>s}}{{/y}}"})"};
  ASSERT_TRUE(source.Compile());
  const Json variables(R"({"l":[{"a":{"b":1},"x":2,"y":{"x":3,"y":0}}]})");
  const std::string first = source.RenderAgain(variables);
  EXPECT_EQ(first, "1 2;3;D");
  const std::string copy = source.program;
  source.program.assign(source.program.size(), '\xFF');
  source.program = copy;
  EXPECT_EQ(source.RenderAgain(variables), first);
}

TEST(Program, EqualSourcesCompileToEqualBytes) {
  Template one = {.texts = {"{{a}} {{#b}}{{c.d}}{{/b}} {{>s}}"}, .snippets = R"({"s":"{{e}}"})"};
  Template two = one;
  ASSERT_TRUE(one.Compile());
  ASSERT_TRUE(two.Compile());
  EXPECT_EQ(one.program, two.program);
}

}  // namespace
}  // namespace promptreg::testing
