#include <new>
#include <utility>

#include "core/chat/chat.h"
#include "core/chat/history.h"
#include "core/json/assemble.h"
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
    uint64_t count = 0;
    for (json::Cursor cursor(items); cursor.Next();) count += CountMessages(cursor.value());
    if (count > json::layout::kCountMask) return TooLarge();
    Open list = json_.Begin(false, static_cast<uint32_t>(count));
    for (json::Cursor cursor(items); cursor.Next();) {
      if (!Item(cursor.value(), &list)) return error_->code;
    }
    if (!json_.ok()) return TooLarge();
    *messages = std::move(json_.bytes());
    return Code::kOk;
  }

 private:
  using Open = json::Assembler::Open;

  Code TooLarge() {
    *error_ = tmpl::Error();
    error_->code = Code::kOutputTooLarge;
    tmpl::ErrorText(error_->message) << "messages are too large for a jsonb value";
    return error_->code;
  }

  static bool IsText(Value value) { return value.kind() == Kind::kString; }

  // How many messages an item becomes.
  uint32_t CountMessages(Value item) const {
    uint32_t count = 0;
    switch (TypeOf(item)) {
      case ItemType::kMessage:
        return 1;
      case ItemType::kPlaceholder:
        return PassedFor(item, variables_).size();
      case ItemType::kExamples:
        for (json::Cursor cursor(item.Find("examples")); cursor.Next();) {
          count += IsText(cursor.value().Find("user")) + IsText(cursor.value().Find("assistant"));
        }
        return count;
    }
    return count;
  }

  bool Item(Value item, Open* list) {
    switch (TypeOf(item)) {
      case ItemType::kPlaceholder:
        return Placeholder(item, list);
      case ItemType::kExamples:
        for (json::Cursor cursor(item.Find("examples")); cursor.Next();) {
          if (!Example("user", cursor.value(), list) ||
              !Example("assistant", cursor.value(), list)) {
            return false;
          }
        }
        return true;
      case ItemType::kMessage:
        break;
    }
    return Replaced(item, "content", list,
                    [&](Value content, Open* message) { return Content(content, message); });
  }

  // Messages that are passed are copied byte by byte: nothing in them is read as a template.
  bool Placeholder(Value item, Open* list) {
    const Value passed = PassedFor(item, variables_);
    if (passed.missing()) return true;
    if (CheckHistory(item.Find("name").string(), passed, options_, scratch_, error_) != Code::kOk) {
      return false;
    }
    for (json::Cursor cursor(passed); cursor.Next();) json_.Add(cursor.value(), list);
    return true;
  }

  bool Example(std::string_view role, Value example, Open* list) {
    if (!IsText(example.Find(role))) return true;
    Open message = json_.BeginIn(list, true, 2);
    json_.Key("role", &message);
    json_.Key("content", &message);
    json_.String(role, &message);
    if (!Text(&message)) return false;
    json_.EndIn(list);
    return true;
  }

  bool Content(Value content, Open* message) {
    if (IsText(content)) return Text(message);
    if (content.kind() != Kind::kArray) return Copy(content, message);
    Open parts = json_.BeginIn(message, false, content.size());
    for (json::Cursor cursor(content); cursor.Next();) {
      const Value part = cursor.value();
      if (TextOfPart(part).missing() ? !Copy(part, &parts) : !Part(part, &parts)) return false;
    }
    json_.EndIn(message);
    return true;
  }

  // An object that has a template, directly or in what its `image_url` is.
  bool Part(Value part, Open* parts) {
    const bool text = part.Find("type").string() == "text";
    if (text) return Replaced(part, "text", parts, [&](Value, Open* open) { return Text(open); });
    return Replaced(part, "image_url", parts, [&](Value image, Open* outer) {
      return Replaced(image, "url", outer, [&](Value, Open* open) { return Text(open); });
    });
  }

  // A copy of an object in which `write` writes the value of one key; of anything else, a copy.
  template <typename Write>
  bool Replaced(Value object, std::string_view key, Open* outer, Write&& write) {
    if (object.kind() != Kind::kObject) return Copy(object, outer);
    Open open = json_.BeginIn(outer, true, object.size());
    for (json::Cursor cursor(object); cursor.Next();) json_.Key(cursor.key(), &open);
    for (json::Cursor cursor(object); cursor.Next();) {
      if (cursor.key() != key) {
        json_.Add(cursor.value(), &open);
      } else if (!write(cursor.value(), &open)) {
        return false;
      }
    }
    json_.EndIn(outer);
    return true;
  }

  bool Copy(Value value, Open* open) {
    json_.Add(value, open);
    return true;
  }

  // The next text.
  bool Text(Open* open) {
    std::string_view output;
    if (tmpl::Render(program_, part_++, options_, scratch_, &output, error_) != Code::kOk) {
      return false;
    }
    json_.String(output, open);
    return true;
  }

  const tmpl::ProgramView program_;
  const Value variables_;
  const tmpl::RenderOptions& options_;
  tmpl::Scratch* const scratch_;
  tmpl::Error* const error_;
  json::Assembler json_;
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
