#include "core/chat/history.h"

#include "core/chat/rules.h"
#include "core/template/error_text.h"
#include "core/template/scratch.h"

namespace promptreg::chat {
namespace {

using json::Kind;
using json::Value;
using tmpl::Code;
using tmpl::ErrorText;

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
      if (!Check(cursor.value())) return error_->code;
    }
    return Code::kOk;
  }

 private:
  ErrorText Fail() {
    *error_ = tmpl::Error();
    error_->code = Code::kInvalidHistory;
    ErrorText(error_->detail) << kMessageRules;
    ErrorText(error_->hint) << "For example [{\"role\": \"user\", \"content\": \"Hello!\"}].";
    ErrorText message(error_->message);
    message << "placeholder ";
    AppendQuoted(placeholder_, &message);
    return message;
  }

  // False: error_ says why, or that a limit is reached.
  bool Check(Value message) {
    char text[sizeof(error_->message)];
    ErrorText problem(text);
    if (CheckMessage(message, &problem, [&] { return Spend(0) == Code::kOk; })) return true;
    if (text[0] == '\0') return false;
    Fail() << ": message " << number_ << " " << text;
    return false;
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

Value PassedFor(Value placeholder, Value variables) {
  const Value name = placeholder.Find("name");
  if (name.kind() != Kind::kString) return {};
  const Value list = variables.Find(name.string());
  return list.kind() == Kind::kNull ? Value() : list;
}

Code CheckHistory(std::string_view placeholder, Value list, const tmpl::RenderOptions& options,
                  tmpl::Scratch* scratch, tmpl::Error* error) noexcept {
  return Checker(placeholder, options, scratch, error).Run(list);
}

}  // namespace promptreg::chat
