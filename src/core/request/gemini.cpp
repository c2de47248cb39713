// Google's generateContent. The model, and whether to stream, stand in its URL.
#include <map>

#include "core/json/parse.h"
#include "core/request/conversation.h"
#include "core/request/providers.h"

namespace promptreg::request {
namespace {

using json::Kind;
using json::Value;

class Writer {
 public:
  Writer(const Input& input, Params* params, ProblemList* problems, json::Builder* out)
      : input_(input), params_(params), problems_(problems), out_(out) {}

  void Run() {
    const Conversation conversation = ReadConversation(input_.messages, problems_);
    WriteSystem(conversation.system);
    out_->Key("contents");
    out_->BeginArray();
    for (const Turn& turn : conversation.turns) WriteTurn(turn);
    out_->EndArray();

    params_->Take("stream", ParamType::kBoolean);
    params_->Take("stream_options", ParamType::kObject);
    WriteGenerationConfig();
    WriteTools();
    WriteToolConfig();
    if (params_->Take("parallel_tool_calls", ParamType::kBoolean).kind() == Kind::kFalse) {
      params_->Refuse("parallel_tool_calls", "the API cannot turn them off");
    }
    params_->TakeOff({"logit_bias", "store"});
  }

 private:
  void WriteSystem(const std::vector<Message>& system) {
    if (system.empty()) return;
    out_->Key("systemInstruction");
    out_->BeginObject();
    out_->Key("parts");
    out_->BeginArray();
    for (const Message& message : system) {
      for (const Part& part : ReadParts(message, problems_)) {
        if (part.type == Part::Type::kText) {
          WriteText(part.text);
        } else {
          problems_->Add(At(message, "instructions are text alone"));
        }
      }
    }
    out_->EndArray();
    out_->EndObject();
  }

  void WriteTurn(const Turn& turn) {
    out_->BeginObject();
    Put(out_, "role", turn.assistant ? "model" : "user");
    out_->Key("parts");
    out_->BeginArray();
    for (const Message& message : turn.messages) {
      if (message.value.Find("role").string() == "tool") {
        WriteResult(message);
        continue;
      }
      for (const Part& part : ReadParts(message, problems_)) WritePart(part);
      for (const ToolCall& call : ReadToolCalls(message, input_.utf8, problems_)) WriteCall(call);
    }
    out_->EndArray();
    out_->EndObject();
  }

  void WriteText(std::string_view text) {
    out_->BeginObject();
    Put(out_, "text", text);
    out_->EndObject();
  }

  void WritePart(const Part& part) {
    if (part.type == Part::Type::kText) return WriteText(part.text);
    out_->BeginObject();
    out_->Key(part.data.empty() ? "fileData" : "inlineData");
    out_->BeginObject();
    if (part.data.empty()) {
      const std::string_view type = MediaTypeOf(part.url);
      if (!type.empty()) Put(out_, "mimeType", type);
      Put(out_, "fileUri", part.url);
    } else {
      Put(out_, "mimeType", part.media_type);
      Put(out_, "data", part.data);
    }
    out_->EndObject();
    out_->EndObject();
  }

  // By the end of the path; empty: the API has to find out.
  static std::string_view MediaTypeOf(std::string_view url) {
    constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
        {".png", "image/png"},   {".jpg", "image/jpeg"},  {".jpeg", "image/jpeg"},
        {".webp", "image/webp"}, {".heic", "image/heic"}, {".heif", "image/heif"}};
    const std::string_view path = url.substr(0, url.find_first_of("?#"));
    for (const auto& [ending, type] : kTypes) {
      if (path.ends_with(ending)) return type;
    }
    return {};
  }

  void WriteCall(const ToolCall& call) {
    names_.insert_or_assign(call.id, call.name);
    out_->BeginObject();
    out_->Key("functionCall");
    out_->BeginObject();
    if (!call.id.empty()) Put(out_, "id", call.id);
    Put(out_, "name", call.name);
    Put(out_, "args", Value::FromContainer(call.arguments.data()));
    out_->EndObject();
    const Value extra = call.value.Find("extra_content").Find("google");
    const Value signature = extra.Find("thought_signature");
    if (signature.kind() == Kind::kString) Put(out_, "thoughtSignature", signature);
    out_->EndObject();
  }

  // The API wants the name of the function, which the message that made the call has.
  void WriteResult(const Message& message) {
    const Value id = message.value.Find("tool_call_id");
    std::string_view name;
    if (id.kind() == Kind::kString) {
      const auto found = names_.find(id.string());
      if (found != names_.end()) name = found->second;
    }
    const Value own = message.value.Find("name");
    if (name.empty() && own.kind() == Kind::kString) name = own.string();
    if (name.empty()) {
      problems_->Add(At(message, "no call before it has its tool_call_id, and it has no name"));
      return;
    }
    out_->BeginObject();
    out_->Key("functionResponse");
    out_->BeginObject();
    if (id.kind() == Kind::kString) Put(out_, "id", id);
    Put(out_, "name", name);
    out_->Key("response");
    WriteResponse(message);
    out_->EndObject();
    out_->EndObject();
  }

  // A JSON object as it is, another text as its output.
  void WriteResponse(const Message& message) {
    std::string text;
    for (const Part& part : ReadParts(message, problems_)) {
      if (part.type != Part::Type::kText) {
        problems_->Add(At(message, "the result of a tool is text alone"));
      }
      text += part.text;
    }
    const std::string object = json::Parse(text, {.utf8 = input_.utf8});
    if (!object.empty() && Value::FromContainer(object.data()).kind() == Kind::kObject) {
      out_->Add(Value::FromContainer(object.data()));
      return;
    }
    out_->BeginObject();
    Put(out_, "output", text);
    out_->EndObject();
  }

  void WriteGenerationConfig() {
    struct Name {
      std::string_view name, key;
      ParamType type;
    };
    constexpr Name kNames[] = {{"temperature", "temperature", ParamType::kAmount},
                               {"top_p", "topP", ParamType::kPart},
                               {"top_k", "topK", ParamType::kCount},
                               {"n", "candidateCount", ParamType::kPositive},
                               {"seed", "seed", ParamType::kInteger},
                               {"presence_penalty", "presencePenalty", ParamType::kNumber},
                               {"frequency_penalty", "frequencyPenalty", ParamType::kNumber},
                               {"logprobs", "responseLogprobs", ParamType::kBoolean},
                               {"top_logprobs", "logprobs", ParamType::kCount}};
    json::Builder config;
    config.BeginObject();
    for (const auto& [name, key, type] : kNames) {
      const Value value = params_->Take(name, type);
      if (!value.missing()) Put(&config, key, value);
    }
    const Value newer = params_->Take("max_completion_tokens", ParamType::kPositive);
    const Value older = params_->Take("max_tokens", ParamType::kPositive);
    if (!newer.missing() || !older.missing()) {
      Put(&config, "maxOutputTokens", newer.missing() ? older : newer);
    }
    const Value stop = params_->Take("stop", ParamType::kTexts);
    if (!stop.missing()) PutList(&config, "stopSequences", stop);
    WriteResponseFormat(&config);
    WriteThinking(&config);
    config.EndObject();
    const std::string container = config.Finish();
    const Value value = Value::FromContainer(container.data());
    if (value.size() > 0) Put(out_, "generationConfig", value);
  }

  void WriteResponseFormat(json::Builder* config) {
    const Value format = params_->Take("response_format");
    if (format.missing()) return;
    const Value type = format.Find("type");
    const std::string_view name = type.kind() == Kind::kString ? type.string() : "";
    if (name != "text" && name != "json_object" && name != "json_schema") {
      params_->Refuse("response_format", "it can be text, json_object or json_schema");
      return;
    }
    if (name == "text") return;
    Put(config, "responseMimeType", "application/json");
    if (name == "json_schema") {
      const Value schema = SchemaOf(format, params_);
      if (!schema.missing()) Put(config, "responseJsonSchema", schema);
    }
  }

  void WriteThinking(json::Builder* config) {
    const Value effort = params_->Take("reasoning_effort");
    if (effort.missing()) return;
    for (const std::string_view level : {"minimal", "low", "medium", "high"}) {
      if (effort.kind() != Kind::kString || effort.string() != level) continue;
      config->Key("thinkingConfig");
      config->BeginObject();
      Put(config, "thinkingLevel", effort);
      config->EndObject();
      return;
    }
    params_->Refuse("reasoning_effort", "it can be minimal, low, medium or high");
  }

  void WriteTools() {
    const std::vector<Function> functions = TakeFunctions(params_);
    if (functions.empty()) return;
    out_->Key("tools");
    out_->BeginArray();
    out_->BeginObject();
    out_->Key("functionDeclarations");
    out_->BeginArray();
    for (const Function& function : functions) WriteFunction(function);
    out_->EndArray();
    out_->EndObject();
    out_->EndArray();
  }

  // The API has no word for strict.
  void WriteFunction(const Function& function) {
    out_->BeginObject();
    Put(out_, "name", function.name);
    if (!function.description.missing()) Put(out_, "description", function.description);
    if (!function.parameters.missing()) Put(out_, "parametersJsonSchema", function.parameters);
    out_->EndObject();
  }

  void WriteToolConfig() {
    const Value choice = params_->Take("tool_choice");
    if (choice.missing()) return;
    const Value name = choice.Find("function").Find("name");
    const std::string_view word = choice.kind() == Kind::kString ? choice.string() : "";
    const bool known = word == "none" || word == "auto" || word == "required";
    if (!known && name.kind() != Kind::kString) {
      params_->Refuse("tool_choice", "it can be none, auto, required or a function");
      return;
    }
    out_->Key("toolConfig");
    out_->BeginObject();
    out_->Key("functionCallingConfig");
    out_->BeginObject();
    Put(out_, "mode", word == "none" ? "NONE" : word == "auto" ? "AUTO" : "ANY");
    if (!known) PutList(out_, "allowedFunctionNames", name);
    out_->EndObject();
    out_->EndObject();
  }

  const Input& input_;
  Params* const params_;
  ProblemList* const problems_;
  json::Builder* const out_;
  std::map<std::string_view, std::string_view> names_;  // of functions, by the ids of their calls
};

}  // namespace

void WriteGemini(const Input& input, Params* params, ProblemList* problems, json::Builder* out) {
  Writer(input, params, problems, out).Run();
}

}  // namespace promptreg::request
