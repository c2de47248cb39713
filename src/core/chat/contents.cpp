#include <cstdio>

#include "core/chat/chat.h"

namespace promptreg::chat {

using json::Kind;
using json::Value;

namespace {

bool IsString(Value value, std::string_view text) {
  return value.kind() == Kind::kString && value.string() == text;
}

void AddText(Value text, const Place& place, Contents* contents, bool instructions = false) {
  if (text.kind() != Kind::kString) return;
  contents->texts.push_back(text.string());
  contents->places.push_back(place);
  contents->instructions.push_back(instructions);
}

void AddExamples(Value examples, uint32_t item, Contents* contents) {
  uint32_t number = 0;
  for (json::Cursor cursor(examples); cursor.Next();) {
    ++number;
    for (const std::string_view role : {"user", "assistant"}) {
      AddText(cursor.value().Find(role), {.item = item, .part = number, .role = role}, contents);
    }
  }
}

void AddMessage(Value message, uint32_t item, Contents* contents) {
  const Value content = message.Find("content"), role = message.Find("role");
  const bool instructions = IsString(role, "system") || IsString(role, "developer");
  AddText(content, {.item = item}, contents, instructions);
  if (content.kind() != Kind::kArray) return;
  uint32_t number = 0;
  for (json::Cursor part(content); part.Next();) {
    AddText(TextOfPart(part.value()), {.item = item, .part = ++number}, contents, instructions);
  }
}

void AddPlaceholder(Value item, Contents* contents) {
  const Value name = item.Find("name");
  if (name.kind() != Kind::kString) return;
  contents->placeholders.push_back(
      {.name = name.string(), .required = item.Find("required").kind() != Kind::kFalse});
}

}  // namespace

ItemType TypeOf(Value item) {
  if (!item.Find("role").missing()) return ItemType::kMessage;
  const Value type = item.Find("type");
  if (IsString(type, "placeholder")) return ItemType::kPlaceholder;
  return IsString(type, "examples") ? ItemType::kExamples : ItemType::kMessage;
}

Value TextOfPart(Value part) {
  const Value type = part.Find("type");
  Value text;
  if (IsString(type, "text")) text = part.Find("text");
  if (IsString(type, "image_url")) text = part.Find("image_url").Find("url");
  return text.kind() == Kind::kString ? text : Value();
}

Contents ReadContents(Value messages) {
  Contents contents;
  uint32_t number = 0;
  for (json::Cursor cursor(messages); cursor.Next();) {
    ++number;
    const Value item = cursor.value();
    switch (TypeOf(item)) {
      case ItemType::kMessage:
        AddMessage(item, number, &contents);
        break;
      case ItemType::kPlaceholder:
        AddPlaceholder(item, &contents);
        break;
      case ItemType::kExamples:
        AddExamples(item.Find("examples"), number, &contents);
        break;
    }
  }
  return contents;
}

void DescribePlace(const Place& place, char* buffer, size_t size) {
  if (place.part == 0) {
    std::snprintf(buffer, size, "message %u", place.item);
  } else if (place.role.empty()) {
    std::snprintf(buffer, size, "message %u, part %u", place.item, place.part);
  } else {
    std::snprintf(buffer, size, "message %u, example %u, %.*s", place.item, place.part,
                  static_cast<int>(place.role.size()), place.role.data());
  }
}

}  // namespace promptreg::chat
