#include "core/request/conversation.h"

#include "core/json/parse.h"

namespace promptreg::request {

using json::Kind;
using json::Value;

namespace {

std::string_view String(Value value) {
  return value.kind() == Kind::kString ? value.string() : std::string_view();
}

// Whether a message has anything to say.
bool IsEmpty(const Message& message) {
  const Value content = message.value.Find("content");
  if (String(message.value.Find("role")) == "tool") return false;
  if (message.value.Find("tool_calls").size() > 0) return false;
  if (content.kind() != Kind::kArray) return String(content).empty();
  for (json::Cursor part(content); part.Next();) {
    const Value value = part.value();
    if (String(value.Find("type")) != "text" || !String(value.Find("text")).empty()) return false;
  }
  return true;
}

// data:image/png;base64,AAAA
bool ReadDataUrl(std::string_view url, Part* part) {
  constexpr std::string_view kEncoding = ";base64";
  const size_t comma = url.find(',');
  if (comma == std::string_view::npos) return false;
  std::string_view head = url.substr(5, comma - 5);
  if (!head.ends_with(kEncoding)) return false;
  head.remove_suffix(kEncoding.size());
  part->media_type = head.substr(0, head.find(';'));
  part->data = url.substr(comma + 1);
  return !part->media_type.empty() && !part->data.empty();
}

bool ReadUrl(std::string_view url, Part* part) {
  if (url.starts_with("data:")) return ReadDataUrl(url, part);
  part->url = url;
  return url.starts_with("https://") || url.starts_with("http://");
}

// nullptr, or what is wrong with the part.
const char* ReadPart(Value value, Part* part) {
  part->value = value;
  const std::string_view type = String(value.Find("type"));
  if (type == "text" || type == "refusal") {
    part->text = String(value.Find(type));
    return value.Find(type).kind() == Kind::kString ? nullptr : "it has no text";
  }
  if (type == "image_url") {
    part->type = Part::Type::kImage;
    const Value image = value.Find("image_url");
    const bool valid = ReadUrl(String(image.Find("url")), part);
    return valid ? nullptr : "its image_url.url is neither http(s) nor base64 data";
  }
  if (type == "input_audio") {
    part->type = Part::Type::kAudio;
    const Value audio = value.Find("input_audio");
    const std::string_view format = String(audio.Find("format"));
    part->data = String(audio.Find("data"));
    part->media_type = format == "wav" ? "audio/wav" : format == "mp3" ? "audio/mpeg" : "";
    const bool valid = !part->data.empty() && !part->media_type.empty();
    return valid ? nullptr : "its input_audio has no data, or a format other than wav and mp3";
  }
  if (type == "file") {
    part->type = Part::Type::kFile;
    const Value file = value.Find("file");
    const std::string_view data = String(file.Find("file_data"));
    part->name = String(file.Find("filename"));
    const bool valid = data.starts_with("data:") && ReadDataUrl(data, part);
    return valid ? nullptr : "its file.file_data is no base64 data; ids of files mean nothing here";
  }
  return "its type is not text, image_url, input_audio or file";
}

}  // namespace

std::string At(const Message& message, std::string_view text) {
  return "message " + std::to_string(message.number) + ": " + std::string(text);
}

Conversation ReadConversation(Value messages, ProblemList* problems) {
  Conversation conversation;
  uint32_t number = 0;
  for (json::Cursor cursor(messages); cursor.Next();) {
    const Message message = {.value = cursor.value(), .number = ++number};
    const std::string_view role = String(message.value.Find("role"));
    if (IsEmpty(message)) continue;
    if (role == "system" || role == "developer") {
      conversation.system.push_back(message);
      continue;
    }
    const bool assistant = role == "assistant";
    if (!assistant && role != "user" && role != "tool") {
      problems->Add(At(message, "its role is not known"));
      continue;
    }
    std::vector<Turn>& turns = conversation.turns;
    if (turns.empty() || turns.back().assistant != assistant) {
      turns.push_back({.assistant = assistant, .messages = {}});
    }
    turns.back().messages.push_back(message);
  }
  return conversation;
}

bool IsPlainText(const Message& message) {
  return message.value.Find("content").kind() == Kind::kString &&
         message.value.Find("tool_calls").size() == 0 &&
         String(message.value.Find("role")) != "tool";
}

std::vector<Part> ReadParts(const Message& message, ProblemList* problems) {
  std::vector<Part> parts;
  const Value content = message.value.Find("content");
  if (content.kind() != Kind::kArray) {
    Part part;
    part.text = String(content);
    if (!part.text.empty()) parts.push_back(part);
    return parts;
  }
  uint32_t number = 0;
  for (json::Cursor cursor(content); cursor.Next();) {
    ++number;
    Part part;
    const char* problem = ReadPart(cursor.value(), &part);
    if (problem != nullptr) {
      problems->Add(At(message, "part " + std::to_string(number) + ": " + problem));
    } else if (part.type != Part::Type::kText || !part.text.empty()) {
      parts.push_back(part);
    }
  }
  return parts;
}

std::vector<ToolCall> ReadToolCalls(const Message& message, bool utf8, ProblemList* problems) {
  std::vector<ToolCall> calls;
  for (json::Cursor cursor(message.value.Find("tool_calls")); cursor.Next();) {
    const Value value = cursor.value();
    const Value function = value.Find("function");
    const Value arguments = function.Find("arguments");
    ToolCall call = {.id = String(value.Find("id")),
                     .name = String(function.Find("name")),
                     .arguments = {},
                     .value = value};
    if (call.name.empty()) {
      problems->Add(At(message, "a tool call is not of a function"));
      continue;
    }
    if (arguments.kind() == Kind::kObject) {
      json::Builder copy;
      copy.Add(arguments);
      call.arguments = copy.Finish();
    } else {
      const std::string_view text = String(arguments);
      call.arguments = json::Parse(text.empty() ? "{}" : text, {.utf8 = utf8});
    }
    if (call.arguments.empty() ||
        Value::FromContainer(call.arguments.data()).kind() != Kind::kObject) {
      problems->Add(At(message, "the arguments of the call of " + std::string(call.name) +
                                    " are not the text of a JSON object"));
      continue;
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

void Put(json::Builder* out, std::string_view key, Value value) {
  out->Key(key);
  out->Add(value);
}

void Put(json::Builder* out, std::string_view key, std::string_view text) {
  out->Key(key);
  out->String(text);
}

void PutList(json::Builder* out, std::string_view key, Value value) {
  if (value.kind() == Kind::kArray) return Put(out, key, value);
  out->Key(key);
  out->BeginArray();
  out->Add(value);
  out->EndArray();
}

}  // namespace promptreg::request
