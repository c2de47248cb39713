#include "core/chat/history.h"

#include <algorithm>

#include "core/template/error_text.h"
#include "core/template/scratch.h"

namespace promptreg::chat {
namespace {

using json::Kind;
using json::Value;
using tmpl::Code;
using tmpl::ErrorText;

constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool", "developer"};

class Checker {
 public:
  Checker(std::string_view placeholder, const tmpl::RenderOptions& options, tmpl::Scratch* scratch,
          tmpl::Error* error)
      : placeholder_(placeholder), options_(options), scratch_(scratch), error_(error) {}

  Code Run(Value list) {
    if (list.kind() != Kind::kArray) {
      ErrorText message = Fail();
      message << " must be a list of messages, not ";
      AppendDescription(list, &message);
      return error_->code;
    }
    for (json::Cursor cursor(list); cursor.Next();) {
      ++number_;
      const Code code = Spend(cursor.value().length());
      if (code != Code::kOk) return code;
      if (!CheckMessage(cursor.value())) return error_->code;
    }
    return Code::kOk;
  }

 private:
  ErrorText Fail() {
    *error_ = tmpl::Error();
    error_->code = Code::kInvalidMessages;
    ErrorText(error_->detail)
        << "A message is an object with a role (system, user, assistant, tool or developer) and a "
           "content, which is a string, a list of parts, or null where there are tool_calls.";
    ErrorText(error_->hint) << "For example [{\"role\": \"user\", \"content\": \"Hello!\"}].";
    ErrorText message(error_->message);
    message << "placeholder ";
    AppendQuoted(placeholder_, &message);
    return message;
  }

  ErrorText FailMessage() {
    ErrorText message = Fail();
    message << ": message " << number_ << " ";
    return message;
  }

  bool CheckMessage(Value message) {
    if (message.kind() != Kind::kObject) {
      ErrorText text = FailMessage();
      text << "must be an object, not ";
      AppendDescription(message, &text);
      return false;
    }
    const Value role = message.Find("role");
    const bool known =
        role.kind() == Kind::kString &&
        std::find(std::begin(kRoles), std::end(kRoles), role.string()) != std::end(kRoles);
    if (!known) {
      ErrorText text = FailMessage();
      if (role.missing()) {
        text << "has no role";
      } else {
        text << "cannot have as its role ";
        AppendDescription(role, &text);
      }
      return false;
    }
    return CheckContent(message, message.Find("content"));
  }

  bool CheckContent(Value message, Value content) {
    if (content.kind() == Kind::kString) return true;
    if (content.kind() == Kind::kArray && content.size() > 0) return CheckParts(content);
    const bool absent = content.missing() || content.kind() == Kind::kNull;
    const Value calls = message.Find("tool_calls");
    if (absent && calls.kind() == Kind::kArray && calls.size() > 0) return true;
    ErrorText text = FailMessage();
    if (content.kind() == Kind::kArray) {
      text << "has a content without parts";
    } else if (absent) {
      text << "has no content, and no tool_calls";
    } else {
      text << "cannot have as its content ";
      AppendDescription(content, &text);
    }
    return false;
  }

  bool CheckParts(Value content) {
    uint64_t number = 0;
    for (json::Cursor cursor(content); cursor.Next();) {
      ++number;
      if (Spend(0) != Code::kOk) return false;
      const Value part = cursor.value();
      const Value type = part.Find("type");
      const bool text = type.kind() == Kind::kString && type.string() == "text";
      if (type.kind() == Kind::kString && (!text || part.Find("text").kind() == Kind::kString)) {
        continue;
      }
      FailMessage() << "has no " << (text ? "text" : "type") << " in its part " << number;
      return false;
    }
    return true;
  }

  // Counts one operation, and bytes of output.
  Code Spend(uint64_t bytes) {
    constexpr uint64_t kPoll = 1024;
    const tmpl::Limits& limits = options_.limits;
    scratch_->bytes += bytes;
    if (++scratch_->operations % kPoll == 0 && options_.interrupt != nullptr &&
        *options_.interrupt != 0) {
      Stop(Code::kInterrupted) << "rendering was interrupted";
      return Code::kInterrupted;
    }
    if (scratch_->operations > limits.render_operations) {
      Stop(Code::kTooManyOperations)
          << "rendering exceeds the limit of " << limits.render_operations << " operations";
      return Code::kTooManyOperations;
    }
    if (scratch_->bytes > limits.output_bytes) {
      Stop(Code::kOutputTooLarge) << "rendering exceeds the limit of " << limits.output_bytes
                                  << " bytes of output";
      return Code::kOutputTooLarge;
    }
    return Code::kOk;
  }

  ErrorText Stop(Code code) {
    *error_ = tmpl::Error();
    error_->code = code;
    return ErrorText(error_->message);
  }

  const std::string_view placeholder_;
  const tmpl::RenderOptions& options_;
  tmpl::Scratch* const scratch_;
  tmpl::Error* const error_;
  uint64_t number_ = 0;  // of the message
};

}  // namespace

Code CheckHistory(std::string_view placeholder, Value list, const tmpl::RenderOptions& options,
                  tmpl::Scratch* scratch, tmpl::Error* error) noexcept {
  return Checker(placeholder, options, scratch, error).Run(list);
}

}  // namespace promptreg::chat
