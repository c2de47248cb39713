#include <new>

#include "core/chat/chat.h"
#include "core/chat/history.h"
#include "core/json/builder.h"
#include "core/template/error_text.h"

namespace promptreg::chat {
namespace {

using json::Kind;
using json::Value;
using tmpl::Code;

// Copies the list with the texts rendered, in the order of ReadContents.
class Writer {
 public:
  Writer(tmpl::ProgramView program, Value variables, const tmpl::RenderOptions& options,
         tmpl::Scratch* scratch, tmpl::Error* error)
      : program_(program),
        variables_(variables),
        options_(options),
        scratch_(scratch),
        error_(error) {}

  Code Run(Value items, std::string* messages) {
    builder_.BeginArray();
    for (json::Cursor cursor(items); cursor.Next();) {
      if (!Item(cursor.value())) return error_->code;
    }
    builder_.EndArray();
    *messages = builder_.Finish();
    if (!messages->empty()) return Code::kOk;
    error_->code = Code::kOutputTooLarge;
    tmpl::ErrorText(error_->message) << "messages are too large for a jsonb value";
    return error_->code;
  }

 private:
  bool Item(Value item) {
    switch (TypeOf(item)) {
      case ItemType::kPlaceholder:
        return Placeholder(item.Find("name"));
      case ItemType::kExamples:
        for (json::Cursor cursor(item.Find("examples")); cursor.Next();) {
          if (!Example("user", cursor.value()) || !Example("assistant", cursor.value())) {
            return false;
          }
        }
        return true;
      case ItemType::kMessage:
        break;
    }
    return Message(item);
  }

  // Messages that are passed are copied byte by byte: nothing in them is read as a template.
  bool Placeholder(Value name) {
    if (name.kind() != Kind::kString) return true;
    const Value list = variables_.Find(name.string());
    if (list.missing() || list.kind() == Kind::kNull) return true;
    if (CheckHistory(name.string(), list, options_, scratch_, error_) != Code::kOk) return false;
    for (json::Cursor cursor(list); cursor.Next();) builder_.Add(cursor.value());
    return true;
  }

  bool Example(std::string_view role, Value example) {
    const Value text = example.Find(role);
    if (text.kind() != Kind::kString) return true;
    builder_.BeginObject();
    builder_.Key("role");
    builder_.String(role);
    builder_.Key("content");
    if (!Text()) return false;
    builder_.EndObject();
    return true;
  }

  bool Message(Value message) {
    if (message.kind() != Kind::kObject) return Copy(message);
    builder_.BeginObject();
    for (json::Cursor cursor(message); cursor.Next();) {
      builder_.Key(cursor.key());
      if (cursor.key() != "content") {
        builder_.Add(cursor.value());
      } else if (!Content(cursor.value())) {
        return false;
      }
    }
    builder_.EndObject();
    return true;
  }

  bool Content(Value content) {
    if (content.kind() == Kind::kString) return Text();
    if (content.kind() != Kind::kArray) return Copy(content);
    builder_.BeginArray();
    for (json::Cursor cursor(content); cursor.Next();) {
      const Value part = cursor.value();
      if (TextOfPart(part).missing()) {
        builder_.Add(part);
      } else if (!Part(part)) {
        return false;
      }
    }
    builder_.EndArray();
    return true;
  }

  // An object that has a template, directly or in what its `image_url` is.
  bool Part(Value part) {
    const std::string_view text_key = part.Find("type").string() == "text" ? "text" : "image_url";
    return Replaced(part, text_key, [&](Value inner) {
      if (inner.kind() == Kind::kString) return Text();
      return Replaced(inner, "url", [&](Value) { return Text(); });
    });
  }

  // A copy of an object in which `write` writes the value of one key.
  template <typename Write>
  bool Replaced(Value object, std::string_view key, Write&& write) {
    builder_.BeginObject();
    for (json::Cursor cursor(object); cursor.Next();) {
      builder_.Key(cursor.key());
      if (cursor.key() != key) {
        builder_.Add(cursor.value());
      } else if (!write(cursor.value())) {
        return false;
      }
    }
    builder_.EndObject();
    return true;
  }

  bool Copy(Value value) {
    builder_.Add(value);
    return true;
  }

  // The next text.
  bool Text() {
    std::string_view output;
    if (tmpl::Render(program_, part_++, options_, scratch_, &output, error_) != Code::kOk) {
      return false;
    }
    builder_.String(output);
    return true;
  }

  const tmpl::ProgramView program_;
  const Value variables_;
  const tmpl::RenderOptions& options_;
  tmpl::Scratch* const scratch_;
  tmpl::Error* const error_;
  json::Builder builder_;
  uint32_t part_ = 0;
};

}  // namespace

Code Render(Value stored, tmpl::ProgramView program, Value variables,
            const tmpl::RenderOptions& options, tmpl::Scratch* scratch, std::string* messages,
            tmpl::Error* error) noexcept {
  try {
    return Writer(program, variables, options, scratch, error).Run(stored, messages);
  } catch (const std::bad_alloc&) {
    *error = tmpl::Error();
    error->code = Code::kOutOfMemory;
    tmpl::ErrorText(error->message) << "out of memory";
    return error->code;
  }
}

}  // namespace promptreg::chat
