#include "core/import/langfuse.h"

#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

// "!" and the message with its place where it fails.
std::string Convert(std::string_view text) {
  std::string mustache;
  tmpl::Error error;
  if (imports::ConvertLangfuse(text, &mustache, &error)) return mustache;
  EXPECT_EQ(error.code, tmpl::Code::kNoCounterpart);
  return "!" + std::to_string(error.line) + ":" + std::to_string(error.column) + " " +
         error.message;
}

TEST(Langfuse, Converts) {
  const struct {
    const char *text, *mustache;
  } cases[] = {
      {"", ""},
      {"no tags { } }} @@@ @ {", "no tags { } }} @@@ @ {"},
      {"Do you like {{movie}}?", "Do you like {{movie}}?"},
      {"{{ movie }}{{\tname2 }}{{größe}}{{a_b-c}}", "{{movie}}{{name2}}{{größe}}{{a_b-c}}"},
      {"{\"a\": {{x}}}", "{\"a\": {{x}}}"},
      {"{{x}}}}{{y}}", "{{x}}}}{{y}}"},
      // Backslashes are text.
      {R"(\{{x}} \\{{x}} {{x}}\{{y}} \ {{x}})", R"(\\{{x}} \\\{{x}} {{x}}\\{{y}} \ {{x}})"},
      {"a @@@langfusePrompt:name=tone|version=3@@@ b", "a {{> tone@3}} b"},
      {"a @@@langfusePrompt:name=a/b|label=production@@@", "a {{> a/b@production}}"},
      {"\\@@@langfusePrompt:name=a|version=1@@@@@@", "\\\\{{> a@1}}@@@"},
      // The line stays.
      {"@@@langfusePrompt:name=a|version=1@@@", "{{> a@1}}{{!}}"},
      {"a\n  @@@langfusePrompt:name=a|version=1@@@ \r\nb", "a\n  {{> a@1}}{{!}} \r\nb"},
      {"{{x}} @@@langfusePrompt:name=a|version=1@@@\n", "{{x}} {{> a@1}}\n"},
      {"@@@langfusePrompt:name=a|version=1@@@{{x}}", "{{> a@1}}{{x}}"},
  };
  for (const auto& expected : cases) EXPECT_EQ(Convert(expected.text), expected.mustache);
}

TEST(Langfuse, RefusesWithThePosition) {
  constexpr char kKind[] = "Langfuse has variables, not sections, comments or partials";
  constexpr char kReference[] = "@@@langfusePrompt:";
  const struct {
    std::string text, problem;
  } cases[] = {
      {"a {{#x}}b{{/x}}", std::string("!1:3 invalid tag {{#x}}: ") + kKind},
      {"a\nä {{! x }}", std::string("!2:3 invalid tag {{! x }}: ") + kKind},
      {"{{> tone}}", std::string("!1:1 invalid tag {{> tone}}: ") + kKind},
      {"{{{x}}}", std::string("!1:1 invalid tag {{{x}}: ") + kKind},
      {"{{$x}}", std::string("!1:1 invalid tag {{$x}}: ") + kKind},
      {"{{}}", "!1:1 invalid tag {{}}: an empty tag"},
      {"{{ }}", "!1:1 invalid tag {{ }}: an empty tag"},
      {"{{a.b}}",
       "!1:1 invalid tag {{a.b}}: some of Langfuse's SDKs take a dot as a part of the name, others "
       "do not"},
      {"{{a b}}", "!1:1 invalid tag {{a b}}: white space"},
      {"{{ \"a\": 1 }}", "!1:1 invalid tag {{ \"a\": 1 }}: a character that no name has"},
      {"{{x | upper}}", "!1:1 invalid tag {{x | upper}}: white space"},
      {"{{@now}}", "!1:1 invalid tag {{@now}}: a character that no name has"},
      {"x {{y", "!1:3 tag is not closed"},
      {kReference, "!1:1 reference is not closed"},
      {std::string(kReference) + "name=a|version=1\n@@@", "!1:1 reference is not closed"},
      {std::string(kReference) + "name=a@@@", "!1:1 invalid reference"},
      {std::string(kReference) + "version=1|name=a@@@", "!1:1 invalid reference"},
      {std::string(kReference) + "name=a|version=1|label=b@@@",
       "!1:1 invalid reference: an equals sign in a name"},
      {std::string(kReference) + "name=a|version=x@@@",
       "!1:1 invalid reference: a version that is no number"},
      {std::string(kReference) + "name=|version=1@@@", "!1:1 invalid reference: an empty name"},
      {std::string(kReference) + "name=a|label=@@@", "!1:1 invalid reference: an empty name"},
      {std::string(kReference) + "name=a|label=1@@@",
       "!1:1 invalid reference: a label that is a number names a version here"},
      {std::string(kReference) + "name=a|label=b@c@@@",
       "!1:1 invalid reference: a character that no name has"},
      {std::string(kReference) + "name=a b|version=1@@@", "!1:1 invalid reference: white space"},
      {std::string(kReference) + "name=*a|version=1@@@",
       "!1:1 invalid reference: a name that starts with a star"},
      {std::string("{") + kReference + "name=a|version=1@@@",
       "!1:2 a brace stands directly before the reference"},
  };
  for (const auto& expected : cases) EXPECT_EQ(Convert(expected.text), expected.problem);
}

// Rendered as Langfuse's SDKs do: from its documentation of variables and of composability.
TEST(Langfuse, RendersTheSame) {
  const Json snippets = R"({"a@production": "Be\nkind.", "b@2": "[{{movie}}]"})";
  const struct {
    const char *text, *rendered;
  } cases[] = {
      {"As a {{criticlevel}} movie critic, do you like {{movie}}?",
       "As a expert movie critic, do you like Dune 2?"},
      {"Path: C:\\{{movie}}", "Path: C:\\Dune 2"},
      {"  @@@langfusePrompt:name=a|label=production@@@\n{{movie}}", "  Be\nkind.\nDune 2"},
      {"@@@langfusePrompt:name=b|version=2@@@\n\nx", "[Dune 2]\n\nx"},
  };
  for (const auto& expected : cases) {
    EXPECT_EQ(
        Render(Convert(expected.text), R"({"criticlevel": "expert", "movie": "Dune 2"})", snippets),
        expected.rendered);
  }
}

std::string Messages(const Json& messages) {
  std::string container;
  chat::Place place;
  tmpl::Error error;
  if (imports::ConvertLangfuseMessages(messages.value(), &container, &place, &error)) {
    return Compact(json::Value::FromContainer(container.data()));
  }
  return "!" + std::to_string(place.item) + " " + error.message;
}

TEST(Langfuse, ConvertsMessages) {
  EXPECT_EQ(Messages(
                R"([{"type":"chatmessage","role":"system","content":"\\{{ x }}"},
              {"type":"placeholder","name":"history"},
              {"role":"assistant","content":null,"tool_calls":[{"a":"{{ x }}"}]}])"),
            R"([{"role":"system","content":"\\\\{{x}}"},{"name":"history","type":"placeholder"},)"
            R"({"role":"assistant","content":null,"tool_calls":[{"a":"{{ x }}"}]}])");
  EXPECT_EQ(Messages(R"([{"role":"user","content":"x"},{"role":"user","content":"{{#x}}"}])"),
            "!2 invalid tag {{#x}}: Langfuse has variables, not sections, comments or partials");
  EXPECT_EQ(Messages(R"([{"role":"user","content":[{"type":"text","text":"x"}]}])"),
            "!1 messages of Langfuse have a text as their content, not parts");
  EXPECT_EQ(Messages(R"([{"type":"examples","examples":[]}])"),
            "!1 Langfuse has no lists of examples");
}

TEST(Langfuse, TakesLinearTime) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "{{x}} \\@@@langfusePrompt:name=a|version=1@@@ \n";
  EXPECT_EQ(Convert(text).substr(0, 23), "{{x}} \\\\{{> a@1}} \n{{x}");
}

}  // namespace
}  // namespace promptreg::testing
