// Anthropic's messages API.
#include "core/json/numeric.h"
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
    if (input_.has_model) Put(out_, "model", input_.model);
    const Conversation conversation = ReadConversation(input_.messages, problems_);
    WriteSystem(conversation.system);
    out_->Key("messages");
    out_->BeginArray();
    for (const Turn& turn : conversation.turns) WriteTurn(turn);
    out_->EndArray();

    WriteSampling();
    WriteTools();
    WriteToolChoice();
    WriteOutputConfig();
  }

 private:
  // One text is a string, several are blocks.
  void WriteSystem(const std::vector<Message>& system) {
    if (system.empty()) return;
    out_->Key("system");
    if (system.size() == 1 && IsPlainText(system[0])) {
      out_->Add(system[0].value.Find("content"));
      return;
    }
    out_->BeginArray();
    for (const Message& message : system) {
      for (const Part& part : ReadParts(message, problems_)) {
        if (part.type == Part::Type::kText) {
          WriteText(part);
        } else {
          problems_->Add(At(message, "instructions are text alone"));
        }
      }
    }
    out_->EndArray();
  }

  void WriteTurn(const Turn& turn) {
    out_->BeginObject();
    Put(out_, "role", turn.assistant ? "assistant" : "user");
    out_->Key("content");
    if (turn.messages.size() == 1 && IsPlainText(turn.messages[0])) {
      out_->Add(turn.messages[0].value.Find("content"));
    } else {
      out_->BeginArray();
      for (const Message& message : turn.messages) WriteMessage(message);
      out_->EndArray();
    }
    out_->EndObject();
  }

  void WriteMessage(const Message& message) {
    const Value id = message.value.Find("tool_call_id");
    const bool result = message.value.Find("role").string() == "tool";
    if (result && id.kind() != Kind::kString) {
      problems_->Add(At(message, "it has no tool_call_id"));
      return;
    }
    if (result) {
      out_->BeginObject();
      Put(out_, "type", "tool_result");
      Put(out_, "tool_use_id", id);
      out_->Key("content");
      out_->BeginArray();
    }
    for (const Part& part : ReadParts(message, problems_)) WritePart(message, part);
    if (result) {
      out_->EndArray();
      out_->EndObject();
    }
    for (const ToolCall& call : ReadToolCalls(message, input_.utf8, problems_)) {
      if (call.id.empty()) problems_->Add(At(message, "a tool call has no id"));
      out_->BeginObject();
      Put(out_, "type", "tool_use");
      Put(out_, "id", call.id);
      Put(out_, "name", call.name);
      Put(out_, "input", Value::FromContainer(call.arguments.data()));
      out_->EndObject();
    }
  }

  void WriteText(const Part& part) {
    out_->BeginObject();
    Put(out_, "type", "text");
    Put(out_, "text", part.text);
    WriteCacheControl(part.value);
    out_->EndObject();
  }

  void WritePart(const Message& message, const Part& part) {
    if (part.type == Part::Type::kText) return WriteText(part);
    if (part.type == Part::Type::kAudio) {
      problems_->Add(At(message, "it has audio, which the API does not take"));
      return;
    }
    out_->BeginObject();
    Put(out_, "type", part.type == Part::Type::kImage ? "image" : "document");
    out_->Key("source");
    out_->BeginObject();
    if (part.data.empty()) {
      Put(out_, "type", "url");
      Put(out_, "url", part.url);
    } else {
      Put(out_, "type", "base64");
      Put(out_, "media_type", part.media_type);
      Put(out_, "data", part.data);
    }
    out_->EndObject();
    if (!part.name.empty()) Put(out_, "title", part.name);
    WriteCacheControl(part.value);
    out_->EndObject();
  }

  void WriteCacheControl(Value from) {
    const Value control = from.Find("cache_control");
    if (control.kind() == Kind::kObject) Put(out_, "cache_control", control);
  }

  void Copy(std::string_view name, ParamType type) {
    const Value value = params_->Take(name, type);
    if (!value.missing()) Put(out_, name, value);
  }

  void WriteSampling() {
    const Value newer = params_->Take("max_completion_tokens", ParamType::kPositive);
    const Value older = params_->Take("max_tokens", ParamType::kPositive);
    if (!newer.missing() || !older.missing()) {
      Put(out_, "max_tokens", newer.missing() ? older : newer);
    }
    const Value temperature = params_->Take("temperature", ParamType::kAmount);
    if (temperature.kind() == Kind::kNumber && Compare(temperature, "1") > 0) {
      params_->Refuse("temperature", "it is at most 1");
    } else if (!temperature.missing()) {
      Put(out_, "temperature", temperature);
    }
    Copy("top_p", ParamType::kPart);
    Copy("top_k", ParamType::kCount);
    Copy("stream", ParamType::kBoolean);
    params_->Take("stream_options", ParamType::kObject);  // what it can ask for is always sent
    const Value stop = params_->Take("stop", ParamType::kTexts);
    if (!stop.missing()) PutList(out_, "stop_sequences", stop);
    const Value safety = params_->Take("safety_identifier", ParamType::kText);
    const Value user = params_->Take("user", ParamType::kText);
    if (!safety.missing() || !user.missing()) {
      out_->Key("metadata");
      out_->BeginObject();
      Put(out_, "user_id", safety.missing() ? user : safety);
      out_->EndObject();
    }
    const Value count = params_->Take("n", ParamType::kPositive);
    if (count.kind() == Kind::kNumber && json::NumberIsInteger(count) && Compare(count, "1") > 0) {
      params_->Refuse("n", "the API gives one answer");
    }
    params_->TakeOff({"frequency_penalty", "presence_penalty", "logprobs", "top_logprobs",
                      "logit_bias", "store"});
  }

  void WriteTools() {
    const std::vector<Function> functions = TakeFunctions(params_);
    if (functions.empty()) return;
    out_->Key("tools");
    out_->BeginArray();
    for (const Function& function : functions) WriteFunction(function);
    out_->EndArray();
  }

  void WriteFunction(const Function& function) {
    out_->BeginObject();
    Put(out_, "name", function.name);
    if (!function.description.missing()) Put(out_, "description", function.description);
    if (!function.strict.missing()) Put(out_, "strict", function.strict);
    out_->Key("input_schema");
    if (function.parameters.kind() == Kind::kObject) {
      out_->Add(function.parameters);
    } else {
      out_->BeginObject();
      Put(out_, "type", "object");
      out_->EndObject();
    }
    WriteCacheControl(function.tool);
    out_->EndObject();
  }

  void WriteToolChoice() {
    const Value choice = params_->Take("tool_choice");
    const Value parallel = params_->Take("parallel_tool_calls", ParamType::kBoolean);
    const bool serial = parallel.kind() == Kind::kFalse;
    if (choice.missing() && !serial) return;
    std::string_view type = "auto";
    const Value name = choice.Find("function").Find("name");
    if (choice.kind() == Kind::kString) {
      const std::string_view word = choice.string();
      type = word == "required" ? "any" : word == "auto" || word == "none" ? word : "";
    } else if (name.kind() == Kind::kString) {
      type = "tool";
    } else if (!choice.missing()) {
      type = {};
    }
    if (type.empty()) {
      params_->Refuse("tool_choice", "it can be none, auto, required or a function");
      return;
    }
    out_->Key("tool_choice");
    out_->BeginObject();
    Put(out_, "type", type);
    if (type == "tool") Put(out_, "name", name);
    if (serial && type != "none") {
      out_->Key("disable_parallel_tool_use");
      out_->Bool(true);
    }
    out_->EndObject();
  }

  void WriteOutputConfig() {
    const Value effort = params_->Take("reasoning_effort");
    const Value format = params_->Take("response_format");
    const Value type = format.Find("type");
    const bool schema = type.kind() == Kind::kString && type.string() == "json_schema";
    const bool text = type.kind() == Kind::kString && type.string() == "text";
    if (!format.missing() && !schema && !text) {
      params_->Refuse("response_format", "it can be text or json_schema");
    }
    if (!effort.missing() && !IsEffort(effort)) {
      params_->Refuse("reasoning_effort", "it can be low, medium, high or xhigh");
    }
    if (effort.missing() && !schema) return;
    out_->Key("output_config");
    out_->BeginObject();
    if (!effort.missing()) Put(out_, "effort", effort);
    if (schema) {
      out_->Key("format");
      out_->BeginObject();
      Put(out_, "type", "json_schema");
      const Value given = SchemaOf(format, params_);
      if (!given.missing()) Put(out_, "schema", given);
      out_->EndObject();
    }
    out_->EndObject();
  }

  static bool IsEffort(Value value) {
    if (value.kind() != Kind::kString) return false;
    for (const std::string_view level : {"low", "medium", "high", "xhigh"}) {
      if (value.string() == level) return true;
    }
    return false;
  }

  const Input& input_;
  Params* const params_;
  ProblemList* const problems_;
  json::Builder* const out_;
};

}  // namespace

void WriteAnthropic(const Input& input, Params* params, ProblemList* problems, json::Builder* out) {
  Writer(input, params, problems, out).Run();
}

}  // namespace promptreg::request
