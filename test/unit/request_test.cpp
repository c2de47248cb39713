#include "core/request/request.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/request/merge.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

using request::Provider;

constexpr Provider kAll[] = {Provider::kOpenAi, Provider::kAnthropic, Provider::kGemini};

// "!" and the problems where there are any.
std::string Request(Provider provider, const Json& messages, const Json& params,
                    std::string_view model = "m") {
  request::Problems problems;
  const std::string body = request::Build(provider,
                                          {.messages = messages.value(),
                                           .has_model = !model.empty(),
                                           .model = model,
                                           .params = params.value()},
                                          &problems);
  if (body.empty()) return "!" + problems.lines;
  return Compact(json::Value::FromContainer(body.data()));
}

// Equal but for the order of keys.
void ExpectJson(const std::string& actual, const char* expected) {
  ASSERT_NE(actual.substr(0, 1), "!") << actual;
  EXPECT_EQ(nlohmann::json::parse(actual), nlohmann::json::parse(expected));
}

constexpr char kUser[] = R"([{"role":"user","content":"U"}])";

// The body's members that a case is about.
std::string Member(const std::string& body, std::string_view key) {
  if (body.starts_with('!')) return body;
  const auto parsed = nlohmann::json::parse(body);
  return parsed.contains(key) ? parsed[std::string(key)].dump() : "-";
}
std::string Anthropic(const char* messages, const char* params = R"({"max_tokens":9})") {
  return Request(Provider::kAnthropic, messages, params);
}
std::string Gemini(const char* messages, const char* params = "{}") {
  return Request(Provider::kGemini, messages, params);
}
// What anthropic makes of parameters, beside max_tokens.
std::string AnthropicParams(const std::string& params) {
  return Request(Provider::kAnthropic, kUser, R"({"max_tokens":9,)" + params + "}");
}
std::string GeminiParams(const std::string& params) {
  return Request(Provider::kGemini, kUser, "{" + params + "}");
}

TEST(Providers, AreFoundByTheirNames) {
  for (const Provider provider : kAll) {
    Provider found;
    ASSERT_TRUE(request::FindProvider(request::ProviderName(provider), &found));
    EXPECT_EQ(found, provider);
    EXPECT_NE(request::kProviderNames.find(request::ProviderName(provider)), std::string::npos);
  }
  Provider found;
  EXPECT_FALSE(request::FindProvider("", &found));
  EXPECT_FALSE(request::FindProvider("OpenAI", &found));
}

TEST(OpenAi, TakesEverythingAsItIs) {
  constexpr char kMessages[] =
      R"([{"role":"developer","content":"D","name":"x"},
          {"role":"user","content":[{"type":"text","text":"a"},{"type":"anything"}]},
          {"role":"user","content":""}])";
  ExpectJson(Request(Provider::kOpenAi, kMessages,
                     R"({"temperature":1.5,"logit_bias":{"50256":-100},"seed":null,"new":[1]})"),
             (R"({"model":"m","temperature":1.5,"logit_bias":{"50256":-100},"seed":null,"new":[1],
                  "messages":)" +
              std::string(kMessages) + "}")
                 .c_str());
}

TEST(Sections, AreMergedIntoTheirOwnProvidersBody) {
  constexpr char kParams[] =
      R"({"temperature":0.5,"max_tokens":9,
          "openai":{"seed":1,"temperature":null,"metadata":{"a":"b"}},
          "anthropic":{"top_k":3,"metadata":{"user_id":"u"},"model":"claude"},
          "gemini":{"generationConfig":{"topK":3},"safetySettings":[]}})";
  ExpectJson(Request(Provider::kOpenAi, kUser, kParams),
             R"({"model":"m","max_tokens":9,"seed":1,"metadata":{"a":"b"},
                 "messages":[{"role":"user","content":"U"}]})");
  ExpectJson(Request(Provider::kAnthropic, kUser, kParams),
             R"({"model":"claude","max_tokens":9,"temperature":0.5,"top_k":3,
                 "metadata":{"user_id":"u"},"messages":[{"role":"user","content":"U"}]})");
  ExpectJson(Request(Provider::kGemini, kUser, kParams),
             R"({"generationConfig":{"temperature":0.5,"maxOutputTokens":9,"topK":3},
                 "safetySettings":[],"contents":[{"role":"user","parts":[{"text":"U"}]}]})");
}

TEST(Sections, DecideOnNeutralParametersOfTheSameName) {
  EXPECT_EQ(Member(AnthropicParams(R"("seed":1,"anthropic":{"seed":null})"), "seed"), "-");
  EXPECT_EQ(
      Member(AnthropicParams(R"("metadata":{"a":"b"},"anthropic":{"metadata":{}})"), "metadata"),
      "{}");
  EXPECT_EQ(AnthropicParams(R"("seed":1,"openai":{"seed":null})"),
            "!params.seed: there is no such parameter");
}

TEST(Sections, AreObjects) {
  for (const Provider provider : kAll) {
    const std::string name(request::ProviderName(provider));
    EXPECT_EQ(Request(provider, kUser, R"({"max_tokens":9,")" + name + R"(":5})"),
              "!params." + name + ": it must be an object of parameters for this provider alone");
    EXPECT_EQ(Request(provider, kUser, R"({"max_tokens":9,")" + name + R"(":null})").front(), '{');
  }
}

std::string Merged(const char* target, const char* patch) {
  json::Builder builder;
  if (!request::AddMerged(Json(target).value(), Json(patch).value(), 64, &builder)) return "!";
  const std::string container = builder.Finish();
  return Compact(json::Value::FromContainer(container.data()));
}

// The examples of RFC 7396, appendix A, in jsonb's order of keys.
TEST(Merge, IsThatOfTheStandard) {
  EXPECT_EQ(Merged(R"({"a":"b"})", R"({"a":"c"})"), R"({"a":"c"})");
  EXPECT_EQ(Merged(R"({"a":"b"})", R"({"b":"c"})"), R"({"a":"b","b":"c"})");
  EXPECT_EQ(Merged(R"({"a":"b"})", R"({"a":null})"), R"({})");
  EXPECT_EQ(Merged(R"({"a":"b","b":"c"})", R"({"a":null})"), R"({"b":"c"})");
  EXPECT_EQ(Merged(R"({"a":["b"]})", R"({"a":"c"})"), R"({"a":"c"})");
  EXPECT_EQ(Merged(R"({"a":"c"})", R"({"a":["b"]})"), R"({"a":["b"]})");
  EXPECT_EQ(Merged(R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})"), R"({"a":{"b":"d"}})");
  EXPECT_EQ(Merged(R"({"a":[{"b":"c"}]})", R"({"a":[1]})"), R"({"a":[1]})");
  EXPECT_EQ(Merged(R"(["a","b"])", R"(["c","d"])"), R"(["c","d"])");
  EXPECT_EQ(Merged(R"({"a":"b"})", R"(["c"])"), R"(["c"])");
  EXPECT_EQ(Merged(R"({"a":"foo"})", "null"), "null");
  EXPECT_EQ(Merged(R"({"e":null})", R"({"a":1})"), R"({"a":1,"e":null})");
  EXPECT_EQ(Merged(R"([1,2])", R"({"a":"b","c":null})"), R"({"a":"b"})");
  EXPECT_EQ(Merged(R"({})", R"({"a":{"bb":{"ccc":null}}})"), R"({"a":{"bb":{}}})");
}

TEST(Merge, HasALimitOfDepth) {
  const auto nested = [](size_t depth) {
    std::string text = "1";
    for (size_t i = 0; i < depth; ++i) text = "{\"a\":" + text + "}";
    return text;
  };
  EXPECT_EQ(Merged("{}", nested(64).c_str()), nested(64));
  EXPECT_EQ(Merged("{}", nested(65).c_str()), "!");
  EXPECT_EQ(Request(Provider::kOpenAi, kUser, R"({"openai":)" + nested(65) + "}"),
            "!params.openai: it is nested more than 64 deep");
}

TEST(Build, NamesAllProblemsAtOnce) {
  EXPECT_EQ(Request(Provider::kAnthropic, R"([{"role":"system","content":"S"}])",
                    R"({"seed":1,"audio":{},"model":"x"})", ""),
            "!params.model: it belongs to the version itself\n"
            "params.seed: there is no such parameter\n"
            "params.audio: there is no such parameter\n"
            "there is no message to answer\n"
            "the version names no model\n"
            "params.max_tokens: it is required");
  EXPECT_EQ(Request(Provider::kOpenAi, kUser, "{}", ""), "!the version names no model");
  EXPECT_EQ(Request(Provider::kGemini, kUser, "{}", "").front(), '{');
  EXPECT_EQ(Request(Provider::kOpenAi, kUser, R"({"messages":[]})"),
            "!params.messages: it belongs to the version itself");
}

TEST(Build, ListsSoManyProblems) {
  std::string params = R"({"max_tokens":1)";
  for (int i = 10; i < 40; ++i) {
    params += ",\"" + std::to_string(i) + std::string(400, 'x') + "\":1";
  }
  request::Problems problems;
  const Json messages(kUser), all(params + "}");
  EXPECT_EQ(
      request::Build(
          Provider::kAnthropic,
          {.messages = messages.value(), .has_model = true, .model = "m", .params = all.value()},
          &problems),
      "");
  EXPECT_EQ(problems.count, 30U);
  EXPECT_LT(problems.lines.size(), 4000U);
}

TEST(Anthropic, KeepsInstructionsApart) {
  ExpectJson(Anthropic(R"([{"role":"system","content":"S"},{"role":"user","content":"U"}])"),
             R"({"model":"m","max_tokens":9,"system":"S",
                 "messages":[{"role":"user","content":"U"}]})");
  EXPECT_EQ(Member(Anthropic(R"([{"role":"developer","content":"D"},{"role":"user","content":"U"},
                                 {"role":"system","content":[{"type":"text","text":"a"},
                                  {"type":"text","text":""},{"type":"text","text":"b",
                                   "cache_control":{"type":"ephemeral"}}]}])"),
                   "system"),
            R"([{"text":"D","type":"text"},{"text":"a","type":"text"},)"
            R"({"cache_control":{"type":"ephemeral"},"text":"b","type":"text"}])");
  EXPECT_EQ(Member(Anthropic(R"([{"role":"system","content":""},{"role":"user","content":"U"}])"),
                   "system"),
            "-");
  EXPECT_EQ(Anthropic(R"([{"role":"user","content":"U"},{"role":"system","content":[
                {"type":"image_url","image_url":{"url":"https://x/y.png"}}]}])"),
            "!message 2: instructions are text alone");
}

TEST(Anthropic, TakesTurns) {
  EXPECT_EQ(Member(Anthropic(R"([{"role":"user","content":"a"},{"role":"assistant","content":""},
                                 {"role":"user","content":"b"},{"role":"assistant","content":"c"},
                                 {"role":"user","content":"d"}])"),
                   "messages"),
            R"([{"content":[{"text":"a","type":"text"},{"text":"b","type":"text"}],"role":"user"},)"
            R"({"content":"c","role":"assistant"},{"content":"d","role":"user"}])");
}

TEST(Anthropic, HasToolsResultsInTheUsersTurn) {
  EXPECT_EQ(
      Member(Anthropic(
                 R"([{"role":"user","content":"U"},
                     {"role":"assistant","content":"I look.","tool_calls":[
                       {"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
                       {"id":"2","type":"function","function":{"name":"g","arguments":""}}]},
                     {"role":"tool","tool_call_id":"1","content":"one"},
                     {"role":"tool","tool_call_id":"2","content":[{"type":"text","text":"two"}]},
                     {"role":"user","content":"V"}])"),
             "messages"),
      R"([{"content":"U","role":"user"},)"
      R"({"content":[{"text":"I look.","type":"text"},)"
      R"({"id":"1","input":{"a":1},"name":"f","type":"tool_use"},)"
      R"({"id":"2","input":{},"name":"g","type":"tool_use"}],"role":"assistant"},)"
      R"({"content":[{"content":[{"text":"one","type":"text"}],"tool_use_id":"1","type":"tool_result"},)"
      R"({"content":[{"text":"two","type":"text"}],"tool_use_id":"2","type":"tool_result"},)"
      R"({"text":"V","type":"text"}],"role":"user"}])");
}

TEST(Anthropic, HasImagesAndDocuments) {
  EXPECT_EQ(Member(Anthropic(
                       R"([{"role":"user","content":[
                      {"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},
                      {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
                      {"type":"file","file":{"filename":"a.pdf",
                        "file_data":"data:application/pdf;x=y;base64,BBBB"}}]}])"),
                   "messages"),
            R"([{"content":[{"source":{"type":"url","url":"https://x/y.png"},"type":"image"},)"
            R"({"source":{"data":"AAAA","media_type":"image/png","type":"base64"},"type":"image"},)"
            R"({"source":{"data":"BBBB","media_type":"application/pdf","type":"base64"},)"
            R"("title":"a.pdf","type":"document"}],"role":"user"}])");
  EXPECT_EQ(Anthropic(R"([{"role":"user","content":[{"type":"input_audio",
                           "input_audio":{"data":"AA","format":"wav"}}]}])"),
            "!message 1: it has audio, which the API does not take");
}

TEST(Anthropic, ConvertsParameters) {
  ExpectJson(AnthropicParams(R"("temperature":1,"top_p":0.5,"top_k":7,"stop":"x","stream":true,
                 "stream_options":{"include_usage":true},"user":"u","n":1,"frequency_penalty":0,
                 "presence_penalty":0.0,"logprobs":false,"logit_bias":{},"store":false,
                 "seed":null,"response_format":{"type":"text"},"reasoning_effort":"low")"),
             R"({"model":"m","max_tokens":9,"temperature":1,"top_p":0.5,"top_k":7,"stream":true,
                 "stop_sequences":["x"],"metadata":{"user_id":"u"},"output_config":{"effort":"low"},
                 "messages":[{"role":"user","content":"U"}]})");
  EXPECT_EQ(Member(AnthropicParams(R"("stop":["a","b"])"), "stop_sequences"), R"(["a","b"])");
  EXPECT_EQ(Member(AnthropicParams(R"("max_completion_tokens":5)"), "max_tokens"), "5");
  EXPECT_EQ(Member(AnthropicParams(R"("user":"u","safety_identifier":"s")"), "metadata"),
            R"({"user_id":"s"})");
  EXPECT_EQ(Member(AnthropicParams(R"("response_format":{"type":"json_schema",
              "json_schema":{"name":"x","strict":true,"schema":{"type":"object"}}})"),
                   "output_config"),
            R"({"format":{"schema":{"type":"object"},"type":"json_schema"}})");
}

TEST(Anthropic, RefusesWhatItCannotSay) {
  EXPECT_EQ(AnthropicParams(R"("temperature":1.1)"), "!params.temperature: it is at most 1");
  EXPECT_EQ(AnthropicParams(R"("n":2)"), "!params.n: the API gives one answer");
  EXPECT_EQ(AnthropicParams(R"("frequency_penalty":0.5)"),
            "!params.frequency_penalty: there is no such parameter");
  EXPECT_EQ(AnthropicParams(R"("response_format":{"type":"json_object"})"),
            "!params.response_format: it can be text or json_schema");
  EXPECT_EQ(AnthropicParams(R"("reasoning_effort":"minimal")"),
            "!params.reasoning_effort: it can be low, medium, high or xhigh");
  EXPECT_EQ(AnthropicParams(R"("tool_choice":"sometimes")"),
            "!params.tool_choice: it can be none, auto, required or a function");
  EXPECT_EQ(AnthropicParams(R"("tool_choice":{"type":"allowed_tools"})"),
            "!params.tool_choice: it can be none, auto, required or a function");
  EXPECT_EQ(AnthropicParams(R"("tools":[{"type":"web_search"}])"),
            "!params.tools: only functions can be converted");
}

// What is converted must be what it is converted to; for OpenAI everything stays as it is.
TEST(Params, AreOfTheirTypes) {
  struct Case {
    const char* params;
    const char* problem;
  };
  const Case cases[] = {
      {R"("temperature":"hot")", "temperature: it must be a number, and not negative"},
      {R"("temperature":-1)", "temperature: it must be a number, and not negative"},
      {R"("top_p":1.5)", "top_p: it must be a number from 0 to 1"},
      {R"("top_p":[1])", "top_p: it must be a number from 0 to 1"},
      {R"("top_k":0.5)", "top_k: it must be a whole number, and not negative"},
      {R"("n":"1")", "n: it must be a whole number from 1 on"},
      {R"("stream":"yes")", "stream: it must be true or false"},
      {R"("stream_options":true)", "stream_options: it must be an object"},
      {R"("stop":["a",1])", "stop: it must be a text or a list of texts"},
      {R"("stop":{})", "stop: it must be a text or a list of texts"},
      {R"("parallel_tool_calls":"no")", "parallel_tool_calls: it must be true or false"},
      {R"("tools":{"type":"function","function":{"name":"x"}})", "tools: it must be a list"},
      {R"("tools":"x")", "tools: it must be a list"},
      {R"("tools":["x"])", "tools: only functions can be converted"},
      {R"("tools":[{"type":"function","function":{}}])", "tools: tool 1: the function has no name"},
      {R"("tools":[{"function":{"name":"a"}},{"function":{"name":""}}])",
       "tools: tool 2: the function has no name"},
      {R"("tools":[{"function":{"name":1}}])", "tools: tool 1: the function has no name"},
      {R"("tools":[{"function":{"name":"a","description":["b"]}}])",
       "tools: tool 1: its description must be a text"},
      {R"("tools":[{"function":{"name":"a","parameters":"b"}}])",
       "tools: tool 1: its parameters must be a schema, which is an object"},
      {R"("tools":[{"function":{"name":"a","strict":"b"}}])",
       "tools: tool 1: strict must be true or false"},
      {R"("response_format":{"type":"json_schema","json_schema":{"name":"x"}})",
       "response_format: json_schema has no schema"},
      {R"("response_format":{"type":"json_schema"})", "response_format: json_schema has no schema"},
      {R"("response_format":{"type":"json_schema","json_schema":{"schema":"x"}})",
       "response_format: the schema must be an object"},
  };
  for (const Case& test : cases) {
    const std::string problem = std::string("!params.") + test.problem;
    EXPECT_EQ(AnthropicParams(test.params), problem);
    EXPECT_EQ(GeminiParams(test.params), problem);
    const std::string params = std::string("{") + test.params + "}";
    EXPECT_EQ(Request(Provider::kOpenAi, kUser, params).front(), '{') << test.params;
  }
  EXPECT_EQ(AnthropicParams(R"("user":5)"), "!params.user: it must be a text");
  EXPECT_EQ(GeminiParams(R"("seed":1.5)"), "!params.seed: it must be a whole number");
  EXPECT_EQ(GeminiParams(R"("presence_penalty":"x")"),
            "!params.presence_penalty: it must be a number");
  EXPECT_EQ(GeminiParams(R"("logprobs":1)"), "!params.logprobs: it must be true or false");
  for (const char* tokens : {"1.5", "0", "-1", "\"9\"", "true"}) {
    const std::string params = std::string(R"({"max_tokens":)") + tokens + "}";
    EXPECT_EQ(Request(Provider::kAnthropic, kUser, params),
              "!params.max_tokens: it must be a whole number from 1 on");
    EXPECT_EQ(Request(Provider::kGemini, kUser, params),
              "!params.max_tokens: it must be a whole number from 1 on");
  }
  EXPECT_EQ(Request(Provider::kAnthropic, kUser, R"({"anthropic":{"max_tokens":"9"}})"),
            "!params.anthropic.max_tokens: it must be a whole number from 1 on");
}

TEST(Anthropic, ConvertsTools) {
  EXPECT_EQ(Member(AnthropicParams(R"("tools":[
              {"type":"function","cache_control":{"type":"ephemeral"},"function":{"name":"f",
                "description":"D","strict":true,"parameters":{"type":"object","properties":{}}}},
              {"type":"function","function":{"name":"g"}}])"),
                   "tools"),
            R"([{"cache_control":{"type":"ephemeral"},"description":"D",)"
            R"("input_schema":{"properties":{},"type":"object"},"name":"f","strict":true},)"
            R"({"input_schema":{"type":"object"},"name":"g"}])");
  const auto choice = [](const char* params) {
    return Member(AnthropicParams(params), "tool_choice");
  };
  EXPECT_EQ(choice(R"("tools":[])"), "-");
  EXPECT_EQ(choice(R"("tool_choice":"none","parallel_tool_calls":false)"), R"({"type":"none"})");
  EXPECT_EQ(choice(R"("tool_choice":"auto")"), R"({"type":"auto"})");
  EXPECT_EQ(choice(R"("tool_choice":"required")"), R"({"type":"any"})");
  EXPECT_EQ(choice(R"("tool_choice":{"type":"function","function":{"name":"f"}})"),
            R"({"name":"f","type":"tool"})");
  EXPECT_EQ(choice(R"("parallel_tool_calls":true)"), "-");
  EXPECT_EQ(choice(R"("parallel_tool_calls":false)"),
            R"({"disable_parallel_tool_use":true,"type":"auto"})");
}

TEST(Gemini, HasContentsAndInstructions) {
  ExpectJson(Gemini(R"([{"role":"system","content":"S"},{"role":"developer","content":"D"},
                        {"role":"user","content":"a"},{"role":"user","content":"b"},
                        {"role":"assistant","content":"c"}])"),
             R"({"systemInstruction":{"parts":[{"text":"S"},{"text":"D"}]},
                 "contents":[{"role":"user","parts":[{"text":"a"},{"text":"b"}]},
                             {"role":"model","parts":[{"text":"c"}]}]})");
  EXPECT_EQ(Gemini(R"([{"role":"system","content":"S"}])"), "!there is no message to answer");
}

TEST(Gemini, HasCallsAndTheirResults) {
  constexpr char kCall[] =
      R"([{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"},
            "extra_content":{"google":{"thought_signature":"sig"}}},
          {"id":"2","function":{"name":"g","arguments":{"a":1}}}]},
          {"role":"tool","tool_call_id":"2","content":"{\"b\":2}"},
          {"role":"tool","tool_call_id":"1","content":"plain"},
          {"role":"tool","tool_call_id":"3","name":"h","content":""}])";
  EXPECT_EQ(
      Member(Gemini(kCall), "contents"),
      R"([{"parts":[{"functionCall":{"args":{},"id":"1","name":"f"},"thoughtSignature":"sig"},)"
      R"({"functionCall":{"args":{"a":1},"id":"2","name":"g"}}],"role":"model"},)"
      R"({"parts":[{"functionResponse":{"id":"2","name":"g","response":{"b":2}}},)"
      R"({"functionResponse":{"id":"1","name":"f","response":{"output":"plain"}}},)"
      R"({"functionResponse":{"id":"3","name":"h","response":{"output":""}}}],"role":"user"}])");
  EXPECT_EQ(Gemini(R"([{"role":"tool","tool_call_id":"1","content":"x"}])"),
            "!message 1: no call before it has its tool_call_id, and it has no name");
}

TEST(Gemini, HasData) {
  EXPECT_EQ(
      Member(Gemini(R"([{"role":"user","content":[
                  {"type":"image_url","image_url":{"url":"https://x/y.png?z#w"}},
                  {"type":"image_url","image_url":{"url":"https://x/y"}},
                  {"type":"image_url","image_url":{"url":"data:image/webp;base64,AAAA"}},
                  {"type":"input_audio","input_audio":{"data":"BB","format":"mp3"}},
                  {"type":"file","file":{"file_data":"data:application/pdf;base64,CC"}}]}])"),
             "contents"),
      R"([{"parts":[{"fileData":{"fileUri":"https://x/y.png?z#w","mimeType":"image/png"}},)"
      R"({"fileData":{"fileUri":"https://x/y"}},{"inlineData":{"data":"AAAA","mimeType":"image/webp"}},)"
      R"({"inlineData":{"data":"BB","mimeType":"audio/mpeg"}},)"
      R"({"inlineData":{"data":"CC","mimeType":"application/pdf"}}],"role":"user"}])");
}

TEST(Gemini, ConvertsParameters) {
  ExpectJson(GeminiParams(R"("temperature":2,"top_p":0.5,"top_k":4,"n":2,"seed":5,"max_tokens":6,
          "presence_penalty":0.1,"frequency_penalty":0.2,"logprobs":true,"top_logprobs":3,
          "stop":["x"],"stream":true,"stream_options":{},"parallel_tool_calls":true,
          "reasoning_effort":"high","logit_bias":{},"store":false,
          "response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object"}}})"),
             R"({"contents":[{"role":"user","parts":[{"text":"U"}]}],
          "generationConfig":{"temperature":2,"topP":0.5,"topK":4,"candidateCount":2,"seed":5,
            "maxOutputTokens":6,"presencePenalty":0.1,"frequencyPenalty":0.2,
            "responseLogprobs":true,"logprobs":3,"stopSequences":["x"],
            "thinkingConfig":{"thinkingLevel":"high"},"responseMimeType":"application/json",
            "responseJsonSchema":{"type":"object"}}})");
  const auto config = [](const char* params) {
    return Member(GeminiParams(params), "generationConfig");
  };
  EXPECT_EQ(config(R"("max_tokens":6,"max_completion_tokens":7)"), R"({"maxOutputTokens":7})");
  EXPECT_EQ(config(R"("stop":"x")"), R"({"stopSequences":["x"]})");
  EXPECT_EQ(config(R"("response_format":{"type":"text"},"temperature":null)"), "-");
  EXPECT_EQ(config(R"("response_format":{"type":"json_object"})"),
            R"({"responseMimeType":"application/json"})");
}

TEST(Gemini, RefusesWhatItCannotSay) {
  EXPECT_EQ(GeminiParams(R"("user":"u")"), "!params.user: there is no such parameter");
  EXPECT_EQ(GeminiParams(R"("parallel_tool_calls":false)"),
            "!params.parallel_tool_calls: the API cannot turn them off");
  EXPECT_EQ(GeminiParams(R"("reasoning_effort":"xhigh")"),
            "!params.reasoning_effort: it can be minimal, low, medium or high");
  EXPECT_EQ(GeminiParams(R"("response_format":"json")"),
            "!params.response_format: it can be text, json_object or json_schema");
  EXPECT_EQ(GeminiParams(R"("tool_choice":"any")"),
            "!params.tool_choice: it can be none, auto, required or a function");
}

TEST(Gemini, ConvertsTools) {
  ExpectJson(GeminiParams(R"("tools":[{"type":"function","function":{"name":"f","description":"D",
                 "strict":true,"parameters":{"type":"object"}}},
                 {"type":"function","function":{"name":"g"}}],
                 "tool_choice":{"type":"function","function":{"name":"f"}})"),
             R"({"contents":[{"role":"user","parts":[{"text":"U"}]}],
                 "tools":[{"functionDeclarations":[
                   {"name":"f","description":"D","parametersJsonSchema":{"type":"object"}},
                   {"name":"g"}]}],
                 "toolConfig":{"functionCallingConfig":
                   {"mode":"ANY","allowedFunctionNames":["f"]}}})");
  const auto mode = [](const char* word) {
    return Member(GeminiParams("\"tool_choice\":\"" + std::string(word) + "\""), "toolConfig");
  };
  EXPECT_EQ(mode("none"), R"({"functionCallingConfig":{"mode":"NONE"}})");
  EXPECT_EQ(mode("auto"), R"({"functionCallingConfig":{"mode":"AUTO"}})");
  EXPECT_EQ(mode("required"), R"({"functionCallingConfig":{"mode":"ANY"}})");
}

// What neither can read in messages; OpenAI's own API is the judge there.
TEST(Conversions, NameTheMessageAndThePart) {
  const auto problem = [](const std::string& messages) {
    const std::string anthropic = Request(Provider::kAnthropic, messages, R"({"max_tokens":9})");
    EXPECT_EQ(Request(Provider::kGemini, messages, "{}"), anthropic);
    EXPECT_EQ(Request(Provider::kOpenAi, messages, "{}").front(), '{');
    return anthropic;
  };
  const auto part = [&](const std::string& text) {
    return problem(R"([{"role":"user","content":[{"type":"text","text":"a"},)" + text + "]}]");
  };
  EXPECT_EQ(part(R"({"type":"video"})"),
            "!message 1: part 2: its type is not text, image_url, input_audio or file");
  EXPECT_EQ(part(R"({"type":"text"})"), "!message 1: part 2: it has no text");
  EXPECT_EQ(part(R"("x")"),
            "!message 1: part 2: its type is not text, image_url, input_audio or file");
  for (const char* url : {"", "ftp://x", "data:image/png,AA", "data:;base64,AA",
                          "data:image/png;base64,", "data:image/png;base64"}) {
    EXPECT_EQ(part(R"({"type":"image_url","image_url":{"url":")" + std::string(url) + "\"}}"),
              "!message 1: part 2: its image_url.url is neither http(s) nor base64 data");
  }
  EXPECT_EQ(part(R"({"type":"file","file":{"file_id":"x"}})"),
            "!message 1: part 2: its file.file_data is no base64 data; ids of files mean nothing "
            "here");
  EXPECT_EQ(part(R"({"type":"input_audio","input_audio":{"data":"A","format":"flac"}})"),
            "!message 1: part 2: its input_audio has no data, or a format other than wav and mp3");
  const auto call = [&](const std::string& text) {
    return problem(R"([{"role":"user","content":"U"},{"role":"assistant","tool_calls":[)" + text +
                   "]}]");
  };
  EXPECT_EQ(call(R"({"id":"1","type":"custom","custom":{}})"),
            "!message 2: a tool call is not of a function");
  for (const char* arguments : {"{", "[]", "1", "null"}) {
    EXPECT_EQ(
        call(R"({"id":"1","function":{"name":"f","arguments":")" + std::string(arguments) + "\"}}"),
        "!message 2: the arguments of the call of f are not the text of a JSON object");
  }
  EXPECT_EQ(problem(R"([{"role":"user","content":"U"},{"role":"x","content":"U"}])"),
            "!message 2: its role is not known");
}

}  // namespace
}  // namespace promptreg::testing
