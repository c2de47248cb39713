// What messages must be like: those that are committed, and those that are passed for placeholders.
#pragma once

#include <cstdint>

#include "core/chat/chat.h"
#include "core/json/value.h"
#include "core/template/error_text.h"

namespace promptreg::chat {

// What a message is, for the details of errors.
inline constexpr std::string_view kMessageRules =
    "A message is an object with a role (system, user, assistant, tool or developer) and a "
    "content, which is a string, a list of parts, or null where there are tool_calls.";

// The parts of CheckMessage: all but the parts of its content, and one of these.
bool CheckEnvelope(json::Value message, tmpl::ErrorText* problem);
bool CheckPart(json::Value part, uint64_t number, tmpl::ErrorText* problem);

// Whether a value is a message. Otherwise *problem says why not, as in: has no role. step() is
// called for each part of the content; false from it ends the check, too.
template <typename Step>
bool CheckMessage(json::Value message, tmpl::ErrorText* problem, Step&& step) {
  if (!CheckEnvelope(message, problem)) return false;
  const json::Value content = message.Find("content");
  if (content.kind() != json::Kind::kArray) return true;
  uint64_t number = 0;
  for (json::Cursor cursor(content); cursor.Next();) {
    if (!step() || !CheckPart(cursor.value(), ++number, problem)) return false;
  }
  return true;
}

}  // namespace promptreg::chat
