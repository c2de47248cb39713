// Where each byte of a rendering comes from.
#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

// The output with each value in brackets behind its variable, "Hello name[Ada]!", and what comes
// from a snippet in braces behind its name; "!" and the message where it fails. Traced and ordinary
// renderings are held to be the same.
std::string Traced(const char* text, const Json& variables, Template source = {}) {
  source.texts = {text};
  source.require_object = false;
  if (!source.Compile()) return std::string("!") + source.error.message;
  const std::string plain = source.RenderAgain(variables);
  const ScratchPointer scratch(tmpl::NewScratch());
  const tmpl::RenderOptions options = {.limits = source.limits};
  tmpl::Error error;
  std::string_view output;
  std::span<const tmpl::Span> spans;
  tmpl::Code code =
      tmpl::Bind(source.view(), variables.value(), false, options, scratch.get(), &error);
  if (code == tmpl::Code::kOk) {
    code = tmpl::RenderTraced(source.view(), 0, options, scratch.get(), &output, &spans, &error);
  }
  if (code != tmpl::Code::kOk) return std::string("!") + error.message;
  EXPECT_EQ(output, plain);
  std::string marked;
  size_t at = 0;
  for (const tmpl::Span& span : spans) {
    EXPECT_EQ(at, span.begin);
    EXPECT_LT(span.begin, span.end);
    std::string piece(output.substr(span.begin, span.end - span.begin));
    if (!span.name.empty()) piece = std::string(span.name) + "[" + piece + "]";
    if (!span.snippet.empty()) piece = std::string(span.snippet) + "{" + piece + "}";
    marked += piece;
    at = span.end;
  }
  EXPECT_EQ(at, output.size());
  return marked;
}

TEST(Spans, AreThoseOfValues) {
  EXPECT_EQ(Traced("", "{}"), "");
  EXPECT_EQ(Traced("Hello", "{}"), "Hello");
  EXPECT_EQ(Traced("{{x}}", R"({"x":"a"})"), "x[a]");
  EXPECT_EQ(Traced("Hello {{x}}{{y}}, {{x}}!", R"({"x":"a","y":"b"})"), "Hello x[a]y[b], x[a]!");
  EXPECT_EQ(Traced("-{{x}}-", R"({"x":""})"), "--");
  EXPECT_EQ(Traced("-{{x}}-", "{}"), "--");
  EXPECT_EQ(Traced("{{x}} {{y}} {{z}}", R"({"x":1.50,"y":true,"z":{"a":[null]}})"),
            "x[1.50] y[true] z[{\"a\":[null]}]");
  EXPECT_EQ(Traced("{{x}}", R"({"x":"{{y}}"})"), "x[{{y}}]");
  EXPECT_EQ(Traced("{{.}}", R"("a")"), ".[a]");
}

TEST(Spans, OfPathsNameTheVariable) {
  EXPECT_EQ(Traced("{{a.b.c}}", R"({"a":{"b":{"c":"x"}}})"), "a[x]");
}

TEST(Spans, WithinSectionsNameTheVariableOfTheContext) {
  constexpr char kDocs[] = R"({"docs":[{"t":"a","u":{"v":"b"}},{"t":"c"}],"t":"T","q":"Q"})";
  EXPECT_EQ(Traced("{{#docs}}<{{t}}>{{/docs}}", kDocs), "<docs[a]><docs[c]>");
  EXPECT_EQ(Traced("{{#docs}}{{u.v}}{{q}};{{/docs}}", kDocs), "docs[b]q[Q];q[Q];");
  EXPECT_EQ(Traced("{{#docs}}{{#u}}{{v}}{{t}}{{q}}{{/u}}{{/docs}}", kDocs), "docs[b]docs[a]q[Q]");
  EXPECT_EQ(Traced("{{#docs}}{{#q}}{{.}}{{t}}{{/q}}{{/docs}}", kDocs), "q[Q]docs[a]q[Q]docs[c]");
  EXPECT_EQ(Traced("{{#l}}{{.}},{{/l}}{{^m}}{{n}}{{/m}}", R"({"l":["a",["b"]],"n":"c"})"),
            "l[a],l[[\"b\"]],n[c]");
  EXPECT_EQ(Traced("{{#a}}{{#b}}{{#.}}{{.}}{{/.}}{{/b}}{{/a}}", R"({"a":{"b":["x"]}})"), "a[x]");
  EXPECT_EQ(Traced("{{#.}}{{.}}{{/.}}", "[1,2]"), ".[1].[2]");
}

TEST(Spans, OfFiltersAreWhatTheyMake) {
  EXPECT_EQ(Traced("{{x | upper | truncate(5)}}", R"({"x":"abcdefgh"})"), "x[AB...]");
  EXPECT_EQ(Traced("{{x | default(\"none\")}}", "{}"), "x[none]");
  EXPECT_EQ(Traced("{{#d}}{{a.b | json}}{{/d}}", R"({"d":{"a":{"b":"c"}}})"), "d[\"c\"]");
}

TEST(Spans, AreNoneOfLoopNames) {
  EXPECT_EQ(Traced("{{#l}}{{@index1}}. {{.}}{{^@last}}, {{/@last}}{{/l}}", R"({"l":["a","b"]})"),
            "1. l[a], 2. l[b]");
}

TEST(Spans, OfEscapedValuesAreTheEscapedText) {
  EXPECT_EQ(Traced("<{{x}}>", R"({"x":"<"})", {.texts = {}, .escape = tmpl::Escape::kHtml}),
            "<x[&lt;]>");
}

TEST(Spans, OfSnippetsNameThem) {
  const auto traced = [](const char* text, const Json& variables, const char* snippets) {
    return Traced(text, variables, {.texts = {}, .snippets = Json(snippets)});
  };
  EXPECT_EQ(traced("a{{> s}}b", "{}", R"({"s":"-"})"), "as{-}b");
  EXPECT_EQ(traced("{{> s}}", "{}", R"({"s":"-"})"), "s{-}");
  EXPECT_EQ(traced("{{> s}}{{> s}}{{> t}}", "{}", R"({"s":"-","t":"+"})"), "s{--}t{+}");
  EXPECT_EQ(traced("a{{> s}}b{{x}}", R"({"x":"1"})", R"({"s":"{{x}}"})"), "as{x[1]}bx[1]");
  EXPECT_EQ(traced("{{> s}}b", R"({"x":"1"})", R"({"s":"{{x}}"})"), "s{x[1]}b");
  EXPECT_EQ(traced("{{> s}}", R"({"x":"1"})", R"({"s":"<{{> t}}>","t":"{{x}}t"})"),
            "s{<}t{x[1]}t{t}s{>}");
  EXPECT_EQ(traced("  {{> s}}\nend", R"({"x":"a\nb"})", R"({"s":"1 {{x}}\n2"})"),
            "s{  1 }s{x[a\nb]}s{\n  2}end");
  EXPECT_EQ(traced("{{#l}}{{> s}},{{/l}}", R"({"l":[1,2]})", R"({"s":"{{@index1}}:{{.}}"})"),
            "s{1:}s{l[1]},s{2:}s{l[2]},");
}

TEST(Spans, OfSnippetsThatAreCalledNameThem) {
  EXPECT_EQ(Traced("{{> s}}", R"({"v":"a","s":{"v":"b","s":{"v":"c","s":null}}})",
                   {.texts = {}, .snippets = Json(R"({"s":"{{v}}{{#s}}({{> s}}){{/s}}"})")}),
            "s{v[a]}s{(}s{s[b]}s{(}s{s[c]}s{))}");
  EXPECT_EQ(
      Traced("<{{>*w}}>", R"({"w":"t"})", {.texts = {}, .snippets = Json(R"({"s":"S","t":"T"})")}),
      "<t{T}>");
}

TEST(Spans, OfBlocksNameTheTextTheyStandIn) {
  const Json snippets = R"({"p":"[{{$a}}A{{/a}}{{$b}}B{{/b}}]"})";
  EXPECT_EQ(Traced("{{<p}}{{$a}}own{{/a}}{{/p}}", "{}", {.texts = {}, .snippets = snippets}),
            "p{[}ownp{B]}");
}

TEST(Spans, AreNoneWhereRenderingFails) {
  Template source;
  source.limits.output_bytes = 3;
  EXPECT_EQ(Traced("{{x}}", R"({"x":"abcd"})", source),
            "!rendering exceeds the limit of 3 bytes of output");
}

}  // namespace
}  // namespace promptreg::testing
