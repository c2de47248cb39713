// Chat prompts without a server: what is compiled, what is rendered, what may be passed.
#include "core/chat/chat.h"

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

// Compiles and renders messages; "!" and the message where it fails.
struct Chat {
  Json messages;
  Json declarations = {};
  tmpl::Syntax syntax = tmpl::Syntax::kMustache;
  tmpl::Limits limits = {};
  const volatile std::sig_atomic_t* interrupt = nullptr;

  std::string program = {};
  tmpl::Error error = {};

  bool Compile() {
    const chat::Contents contents = chat::ReadContents(messages.value());
    const tmpl::Source source = {.parts = contents.texts,
                                 .syntax = syntax,
                                 .declarations = declarations.value(),
                                 .placeholders = contents.placeholders,
                                 .snippets = {}};
    return tmpl::Compile(source, limits, &program, &error);
  }

  std::string Render(const Json& variables) {
    if (!Compile()) return std::string("!") + error.message;
    const ScratchPointer scratch(tmpl::NewScratch());
    const tmpl::RenderOptions options = {.limits = limits, .interrupt = interrupt};
    const tmpl::ProgramView view(program.data());
    tmpl::Code code = tmpl::Bind(view, variables.value(), true, options, scratch.get(), &error);
    std::string result;
    if (code == tmpl::Code::kOk) {
      code = chat::Render(messages.value(), view, variables.value(), options, scratch.get(),
                          &result, &error);
    }
    if (code != tmpl::Code::kOk) return std::string("!") + error.message;
    return Compact(json::Value::FromContainer(result.data()));
  }
};

std::string Repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

TEST(Chat, MessagesKeepTheirOtherKeys) {
  Chat chat = {.messages = R"([{"role":"user","name":"{{x}}","content":"{{x}}"},
                               {"role":"assistant","tool_calls":[{"id":"{{x}}"}]}])"};
  EXPECT_EQ(chat.Render(R"({"x":"1"})"), R"([{"name":"{{x}}","role":"user","content":"1"},)"
                                         R"({"role":"assistant","tool_calls":[{"id":"{{x}}"}]}])");
}

TEST(Chat, PlaceholdersTakeMessagesAsTheyAre) {
  Chat chat = {.messages = R"([{"role":"system","content":"{{x}}"},
                               {"type":"placeholder","name":"h"},
                               {"role":"user","content":"{{x}}{{x}}"}])"};
  EXPECT_EQ(chat.Render(R"({"x":"1","h":[{"role":"tool","content":"{{x}}","a":[{}]}]})"),
            R"([{"role":"system","content":"1"},{"a":[{}],"role":"tool","content":"{{x}}"},)"
            R"({"role":"user","content":"11"}])");
  EXPECT_EQ(chat.Render(R"({"h":[]})"),
            R"([{"role":"system","content":""},{"role":"user","content":""}])");
  EXPECT_EQ(chat.Render(R"({"x":1})"), "!variable \"h\" is missing");
  EXPECT_EQ(chat.error.code, tmpl::Code::kMissingVariable);
}

TEST(Chat, OptionalPlaceholdersAreDropped) {
  Chat chat = {.messages = R"([{"type":"placeholder","name":"h","required":false}])"};
  EXPECT_EQ(chat.Render("{}"), "[]");
  EXPECT_EQ(chat.Render(R"({"h":null})"), "[]");
  EXPECT_EQ(chat.Render(R"({"h":1})"),
            "!placeholder \"h\" must be a list of messages, not the number 1");
}

TEST(Chat, PlaceholdersAreVariables) {
  Chat chat = {.messages = R"([{"role":"user","content":"{{b}}"},
                               {"type":"placeholder","name":"h"},
                               {"type":"placeholder","name":"o","required":false}])"};
  ASSERT_TRUE(chat.Compile());
  const tmpl::ProgramView view(chat.program.data());
  ASSERT_EQ(view.variable_count(), 3U);
  int lists = 0;
  for (uint32_t i = 0; i < 3; ++i) {
    const tmpl::Variable variable = view.variable(i);
    EXPECT_TRUE(variable.used);
    if (variable.type != tmpl::Type::kMessages) continue;
    ++lists;
    EXPECT_EQ(variable.required, variable.name == "h");
  }
  EXPECT_EQ(lists, 2);
}

TEST(Chat, NamesOfPlaceholdersAreTheirOwn) {
  for (const char* text : {"{{h}}", "{{h.x}}", "{{#h}}{{/h}}", "{{#x}}{{h}}{{/x}}", "{{h | json}}",
                           "{{#if a == h}}{{/if}}", "{{^h}}{{/h}}"}) {
    Chat chat = {.messages = std::string(R"([{"role":"user","content":")") + text +
                             R"("},{"type":"placeholder","name":"h"}])"};
    EXPECT_FALSE(chat.Compile()) << text;
    EXPECT_EQ(chat.error.code, tmpl::Code::kPlaceholderName) << text;
    EXPECT_EQ(chat.error.line, 1U) << text;
  }
  Chat twice = {.messages =
                    R"([{"type":"placeholder","name":"h"},{"type":"placeholder","name":"h"}])"};
  EXPECT_FALSE(twice.Compile());
  EXPECT_EQ(twice.error.code, tmpl::Code::kPlaceholderName);
  Chat declared = {.messages = R"([{"type":"placeholder","name":"h"}])",
                   .declarations = R"([{"name":"h"}])"};
  EXPECT_FALSE(declared.Compile());
  EXPECT_EQ(declared.error.code, tmpl::Code::kPlaceholderName);
  // What is a member by its place in the name is none of theirs.
  Chat member = {.messages =
                     R"([{"type":"placeholder","name":"h"},{"role":"user","content":"{{x.h}}"}])"};
  EXPECT_EQ(member.Render(R"({"h":[],"x":{"h":1}})"), R"([{"role":"user","content":"1"}])");
}

TEST(Chat, PartsThatAreTextsOrUrlsAreRendered) {
  Chat chat = {.messages = R"([{"role":"user","content":[
      {"type":"text","text":"{{x}}","z":"{{x}}"},
      {"type":"image_url","image_url":{"url":"{{x}}","detail":"{{x}}"}},
      {"type":"image_url","image_url":"{{x}}"},
      {"type":"file","file":{"file_id":"{{x}}"}},
      {"text":"{{x}}"}, 5,
      {"type":"text","text":"{{x}}."}]}])"};
  EXPECT_EQ(chat.Render(R"({"x":"1"})"),
            R"([{"role":"user","content":[{"z":"{{x}}","text":"1","type":"text"},)"
            R"({"type":"image_url","image_url":{"url":"1","detail":"{{x}}"}},)"
            R"({"type":"image_url","image_url":"{{x}}"},)"
            R"({"file":{"file_id":"{{x}}"},"type":"file"},)"
            R"({"text":"{{x}}"},5,{"text":"1.","type":"text"}]}])");
}

TEST(Chat, ExamplesArePairs) {
  Chat chat = {.messages = R"([{"type":"examples","examples":[
      {"user":"{{x}}","assistant":"a"},{"user":"b","assistant":"{{x}}!"}]}])"};
  EXPECT_EQ(chat.Render(R"({"x":"1"})"),
            R"([{"role":"user","content":"1"},{"role":"assistant","content":"a"},)"
            R"({"role":"user","content":"b"},{"role":"assistant","content":"1!"}])");
}

TEST(Chat, ErrorsKnowTheirPlace) {
  const Json messages = R"([{"role":"user","content":"a"},
      {"role":"user","content":[{"type":"x"},{"type":"text","text":"b"}]},
      {"type":"examples","examples":[{"user":"c","assistant":"d"}]}])";
  const chat::Contents contents = chat::ReadContents(messages.value());
  std::vector<std::string> places;
  for (const chat::Place& place : contents.places) {
    char text[64];
    chat::DescribePlace(place, text, sizeof(text));
    places.emplace_back(text);
  }
  EXPECT_EQ(places, (std::vector<std::string>{"message 1", "message 2, part 2",
                                              "message 3, example 1, user",
                                              "message 3, example 1, assistant"}));
}

TEST(Chat, SystemAndDeveloperMessagesAreInstructions) {
  const Json messages = R"([{"role":"system","content":"a"},{"role":"user","content":"b"},
      {"role":"developer","content":[{"type":"x"},{"type":"text","text":"c"}]},
      {"type":"examples","examples":[{"user":"d","assistant":"e"}]},{"role":"tool","content":"f"}])";
  EXPECT_EQ(chat::ReadContents(messages.value()).instructions,
            (std::vector<bool>{true, false, true, false, false, false}));
}

// Empty: nothing is wrong.
std::string Problem(const char* items) {
  tmpl::Error error;
  const Json messages(items);
  if (chat::CheckItems(messages.value(), &error)) return "";
  EXPECT_EQ(error.code, tmpl::Code::kInvalidMessages);
  return error.message;
}

TEST(Chat, ListsAreCheckedItemByItem) {
  EXPECT_EQ(Problem(R"([{"role":"user","content":""},{"type":"placeholder","name":"h"},
      {"type":"placeholder","name":"i","required":false},{"role":"tool","content":[{"type":"a"}]},
      {"type":"examples","examples":[{"user":"","assistant":""}]},
      {"role":"assistant","tool_calls":[{}],"x":1}])"),
            "");
  EXPECT_EQ(Problem("{}"), "messages must be a JSON array with at least one message");
  EXPECT_EQ(Problem("[]"), "messages must be a JSON array with at least one message");
  EXPECT_EQ(Problem(R"([{"role":"user","content":""},5])"),
            "message 2 must be an object, not the number 5");
  EXPECT_EQ(Problem(R"([{"type":"placeholder"}])"), "message 1 is a placeholder without a name");
  EXPECT_EQ(Problem(R"([{"type":"placeholder","name":"a","x":1}])"),
            "message 1 has an unknown key \"x\"");
  EXPECT_EQ(Problem(R"([{"type":"placeholder","name":"a","required":0}])"),
            "message 1 must have true or false as required, not the number 0");
  EXPECT_EQ(Problem(R"([{"type":"examples","examples":{}}])"), "message 1 has no list of examples");
  EXPECT_EQ(Problem(R"([{"type":"examples","examples":[{"user":"a","assistant":"b","x":"c"}]}])"),
            "message 1 has an example, number 1, that is no object with the texts user and "
            "assistant");
}

// What is wrong with a message is the same, wherever it comes from.
TEST(Chat, RulesOfMessagesAreTheSameForAll) {
  for (const auto& [message, problem] : std::vector<std::pair<std::string, std::string>>{
           {"1", "must be an object, not the number 1"},
           {"{}", "has no role"},
           {R"({"role":"robot","content":""})", "cannot have as its role the string \"robot\""},
           {R"({"role":null,"content":""})", "cannot have as its role null"},
           {R"({"role":"user"})", "has no content, and no tool_calls"},
           {R"({"role":"user","content":null,"tool_calls":[]})",
            "has no content, and no tool_calls"},
           {R"({"role":"user","content":1,"tool_calls":[1]})",
            "cannot have as its content the number 1"},
           {R"({"role":"user","content":[]})", "has a content without parts"},
           {R"({"role":"user","content":["x"]})", "has no type in its part 1"},
           {R"({"role":"user","content":[{"type":"a"},{"type":"text"}]})",
            "has no text in its part 2"}}) {
    EXPECT_EQ(Problem(("[" + message + "]").c_str()), "message 1 " + problem);
    Chat chat = {.messages = R"([{"type":"placeholder","name":"h"}])"};
    EXPECT_EQ(chat.Render(R"({"h":[)" + message + "]}"),
              "!placeholder \"h\": message 1 " + problem);
    EXPECT_EQ(chat.error.code, tmpl::Code::kInvalidHistory);
  }
}

TEST(Chat, TextsAreThoseOfTheFinishedMessages) {
  const Json stored = R"([{"role":"user","content":"a"},{"type":"placeholder","name":"h"},
      {"type":"placeholder","name":"none","required":false},
      {"type":"examples","examples":[{"user":"b","assistant":"c"}]},
      {"role":"user","content":[{"type":"x"},{"type":"text","text":"d"}]}])";
  const Json variables = R"({"h":[{"role":"user","content":"p"},{"role":"tool","tool_calls":[1]},
      {"role":"user","content":[{"type":"x"},{"type":"text","text":"q"},
                                {"type":"image_url","image_url":{"url":"r"}}]}]})";
  const ScratchPointer scratch(tmpl::NewScratch());
  std::vector<chat::Text> texts;
  tmpl::Error error;
  const auto list = [&](const Json& given) {
    return chat::ListTexts(stored.value(), given.value(), {}, scratch.get(), &texts, &error);
  };
  ASSERT_EQ(list(variables), tmpl::Code::kOk);
  std::string all;
  for (const chat::Text& text : texts) {
    all += std::to_string(text.message) + "/" + std::to_string(text.part) + ":" +
           (text.placeholder.empty() ? std::to_string(text.index) : std::string(text.passed)) + " ";
  }
  EXPECT_EQ(all, "0/-1:0 1/-1:p 3/1:q 3/2:r 4/-1:1 5/-1:2 6/1:3 ");
  EXPECT_EQ(list(R"({"h":5})"), tmpl::Code::kInvalidHistory);
  EXPECT_EQ(list("{}"), tmpl::Code::kOk);
  EXPECT_EQ(texts.size(), 4U);
}

TEST(Chat, LimitsHoldForWhatIsPassed) {
  Chat chat = {.messages = R"([{"type":"placeholder","name":"h"}])"};
  const std::string many = R"({"h":[)" + Repeated(R"({"role":"user","content":"x"},)", 9999) +
                           R"({"role":"user","content":"x"}]})";
  EXPECT_EQ(chat.Render(many).size(),
            10000 * std::string_view(R"({"role":"user","content":"x"},)").size() + 1);
  chat.limits.render_operations = 9999;
  EXPECT_EQ(chat.Render(many), "!rendering exceeds the limit of 9999 operations");
  chat.limits.render_operations = 10'000;
  EXPECT_NE(chat.Render(many)[0], '!');
  chat.limits.output_bytes = 1000;
  EXPECT_EQ(chat.Render(many), "!rendering exceeds the limit of 1000 bytes of output");
  chat.limits = {};
  const volatile std::sig_atomic_t raised = 1;
  chat.interrupt = &raised;
  EXPECT_EQ(chat.Render(many), "!rendering was interrupted");
  EXPECT_EQ(chat.error.code, tmpl::Code::kInterrupted);
}

TEST(Chat, AnythingStoredIsRendered) {
  for (const char* text :
       {"[]", "[1]", "[null,[]]", "[{}]", R"([{"type":"placeholder"}])", R"([{"type":"examples"}])",
        R"([{"type":"examples","examples":[1,{}]}])", R"([{"role":1,"content":[[]]}])"}) {
    Chat chat = {.messages = text};
    EXPECT_NE(chat.Render("{}")[0], '!') << text;
  }
}

}  // namespace
}  // namespace promptreg::testing
