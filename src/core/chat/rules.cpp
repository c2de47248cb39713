#include "core/chat/rules.h"

#include <algorithm>

namespace promptreg::chat {
namespace {

using json::Kind;
using json::Value;
using tmpl::ErrorText;

constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool", "developer"};

bool IsText(Value value) {
  return value.kind() == Kind::kString;
}

bool Refuse(std::string_view before, Value culprit, ErrorText* problem) {
  *problem << before;
  AppendDescription(culprit, problem);
  return false;
}

bool Refuse(std::string_view words, ErrorText* problem) {
  *problem << words;
  return false;
}

// The first key of an object that is none of those given; empty: there is none.
std::string_view UnknownKey(Value object, std::initializer_list<std::string_view> known) {
  for (json::Cursor cursor(object); cursor.Next();) {
    if (std::find(known.begin(), known.end(), cursor.key()) == known.end()) return cursor.key();
  }
  return {};
}

bool CheckKeys(Value object, std::initializer_list<std::string_view> known, ErrorText* problem) {
  const std::string_view key = UnknownKey(object, known);
  if (key.empty()) return true;
  *problem << "has an unknown key ";
  AppendQuoted(key, problem);
  return false;
}

bool CheckPlaceholder(Value item, ErrorText* problem) {
  const Value name = item.Find("name");
  const Value required = item.Find("required");
  if (name.missing()) return Refuse("is a placeholder without a name", problem);
  if (!IsText(name)) return Refuse("cannot have as its name ", name, problem);
  if (!required.missing() && required.kind() != Kind::kTrue && required.kind() != Kind::kFalse) {
    return Refuse("must have true or false as required, not ", required, problem);
  }
  return CheckKeys(item, {"type", "name", "required"}, problem);
}

bool CheckExamples(Value item, ErrorText* problem) {
  const Value examples = item.Find("examples");
  if (examples.kind() != Kind::kArray || examples.size() == 0) {
    return Refuse("has no list of examples", problem);
  }
  uint64_t number = 0;
  for (json::Cursor cursor(examples); cursor.Next();) {
    ++number;
    const Value pair = cursor.value();
    if (IsText(pair.Find("user")) && IsText(pair.Find("assistant")) && pair.size() == 2) continue;
    *problem << "has an example, number " << number
             << ", that is no object with the texts user and assistant";
    return false;
  }
  return CheckKeys(item, {"type", "examples"}, problem);
}

bool CheckItem(Value item, ErrorText* problem) {
  switch (TypeOf(item)) {
    case ItemType::kPlaceholder:
      return CheckPlaceholder(item, problem);
    case ItemType::kExamples:
      return CheckExamples(item, problem);
    case ItemType::kMessage:
      break;
  }
  return CheckMessage(item, problem, [] { return true; });
}

void Explain(Value item, tmpl::Error* error) {
  ErrorText detail(error->detail), hint(error->hint);
  switch (TypeOf(item)) {
    case ItemType::kPlaceholder:
      detail << "A placeholder has a name, and may have required, true or false.";
      hint << R"(For example {"type": "placeholder", "name": "history", "required": false}.)";
      return;
    case ItemType::kExamples:
      detail << "Examples are a list of pairs, each with the templates user and assistant and "
                "nothing else.";
      hint << R"(For example {"type": "examples", "examples": [{"user": "2 + 2", )"
              R"("assistant": "4"}]}.)";
      return;
    case ItemType::kMessage:
      detail << kMessageRules;
      hint << R"(For example [{"role": "system", "content": "You are {{persona}}."}, )"
              R"({"role": "user", "content": "{{question}}"}].)";
      return;
  }
}

}  // namespace

bool CheckEnvelope(Value message, ErrorText* problem) {
  if (message.kind() != Kind::kObject) {
    return Refuse("must be an object, not ", message, problem);
  }
  const Value role = message.Find("role");
  if (role.missing()) return Refuse("has no role", problem);
  if (!IsText(role) ||
      std::find(std::begin(kRoles), std::end(kRoles), role.string()) == std::end(kRoles)) {
    return Refuse("cannot have as its role ", role, problem);
  }
  const Value content = message.Find("content");
  if (IsText(content)) return true;
  if (content.kind() == Kind::kArray) {
    return content.size() > 0 || Refuse("has a content without parts", problem);
  }
  const Value calls = message.Find("tool_calls");
  if (!content.missing() && content.kind() != Kind::kNull) {
    return Refuse("cannot have as its content ", content, problem);
  }
  return (calls.kind() == Kind::kArray && calls.size() > 0) ||
         Refuse("has no content, and no tool_calls", problem);
}

bool CheckPart(Value part, uint64_t number, ErrorText* problem) {
  const Value type = part.Find("type");
  const bool text = IsText(type) && type.string() == "text";
  if (IsText(type) && (!text || IsText(part.Find("text")))) return true;
  *problem << "has no " << (text ? "text" : "type") << " in its part " << number;
  return false;
}

bool CheckItems(Value items, tmpl::Error* error) noexcept {
  *error = tmpl::Error();
  error->code = tmpl::Code::kInvalidMessages;
  if (items.kind() != Kind::kArray || items.size() == 0) {
    ErrorText(error->message) << "messages must be a JSON array with at least one message";
    return false;
  }
  uint64_t number = 0;
  for (json::Cursor cursor(items); cursor.Next();) {
    ++number;
    char text[sizeof(error->message)];
    ErrorText problem(text);
    if (CheckItem(cursor.value(), &problem)) continue;
    ErrorText(error->message) << "message " << number << " " << text;
    Explain(cursor.value(), error);
    return false;
  }
  error->code = tmpl::Code::kOk;
  return true;
}

}  // namespace promptreg::chat
