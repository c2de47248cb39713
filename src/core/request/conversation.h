// Messages the way providers want them that keep instructions apart and take turns strictly.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/json/builder.h"
#include "core/json/value.h"
#include "core/request/problem_list.h"

namespace promptreg::request {

struct Message {
  json::Value value;
  uint32_t number = 0;  // from 1, of the prompt's
};

// Messages in a row that one side says. Results of tools are the user's.
struct Turn {
  bool assistant = false;
  std::vector<Message> messages;
};

struct Conversation {
  std::vector<Message> system;  // of the roles system and developer, wherever they stood
  std::vector<Turn> turns;
};

// What is empty is left out: messages without content and calls.
Conversation ReadConversation(json::Value messages, ProblemList* problems);

// A part of a message's content; a text alone is one part of type text.
struct Part {
  enum class Type { kText, kImage, kAudio, kFile };
  Type type = Type::kText;
  std::string_view text;        // kText
  std::string_view url;         // of an image that is elsewhere
  std::string_view media_type;  // of data, such as image/png
  std::string_view data;        // base64
  std::string_view name;        // of a file
  json::Value value;            // the whole part; missing: a text alone
};

// The parts that are not empty. What cannot be read is a problem.
std::vector<Part> ReadParts(const Message& message, ProblemList* problems);

// The content of a message that is nothing but one text; false: it is something else.
bool IsPlainText(const Message& message);

// A call of a tool that the assistant made. `arguments` is an object, read from the JSON text that
// the message holds.
struct ToolCall {
  std::string_view id;
  std::string_view name;
  std::string arguments;  // container
  json::Value value;      // the whole call
};
std::vector<ToolCall> ReadToolCalls(const Message& message, bool utf8, ProblemList* problems);

// "message 3: TEXT"
std::string At(const Message& message, std::string_view text);

// A member of the object that is being built.
void Put(json::Builder* out, std::string_view key, json::Value value);
void Put(json::Builder* out, std::string_view key, std::string_view text);

// A string, or a list of them, as a list.
void PutList(json::Builder* out, std::string_view key, json::Value value);

}  // namespace promptreg::request
