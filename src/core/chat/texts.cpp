#include <new>

#include "core/chat/chat.h"
#include "core/chat/history.h"
#include "core/template/error_text.h"

namespace promptreg::chat {
namespace {

using json::Kind;
using json::Value;
using tmpl::Code;

class Lister {
 public:
  explicit Lister(std::vector<Text>* texts) : texts_(texts) {}

  void AddMessage(Value content) {
    if (content.kind() == Kind::kString) AddText(content);
    int32_t part = 0;
    for (json::Cursor cursor(content); content.kind() == Kind::kArray && cursor.Next(); ++part) {
      const Value text = TextOfPart(cursor.value());
      if (!text.missing()) AddText(text, part);
    }
    ++message_;
  }

  void AddExamples(Value examples) {
    for (json::Cursor cursor(examples); cursor.Next();) {
      for (const std::string_view role : {"user", "assistant"}) {
        const Value text = cursor.value().Find(role);
        if (text.kind() == Kind::kString) AddMessage(text);
      }
    }
  }

  void AddPassed(std::string_view placeholder, Value list) {
    placeholder_ = placeholder;
    for (json::Cursor cursor(list); cursor.Next();) AddMessage(cursor.value().Find("content"));
    placeholder_ = {};
  }

 private:
  void AddText(Value text, int32_t part = -1) {
    Text& added = texts_->emplace_back();
    added.message = message_;
    added.part = part;
    added.placeholder = placeholder_;
    if (placeholder_.empty()) {
      added.index = index_++;
    } else {
      added.passed = text.string();
    }
  }

  std::vector<Text>* const texts_;
  std::string_view placeholder_;  // that is being replaced
  uint32_t message_ = 0;
  uint32_t index_ = 0;
};

}  // namespace

Code ListTexts(Value stored, Value variables, const tmpl::RenderOptions& options,
               tmpl::Scratch* scratch, std::vector<Text>* texts, tmpl::Error* error) noexcept {
  try {
    texts->clear();
    Lister lister(texts);
    for (json::Cursor cursor(stored); cursor.Next();) {
      const Value item = cursor.value();
      switch (TypeOf(item)) {
        case ItemType::kMessage:
          lister.AddMessage(item.Find("content"));
          break;
        case ItemType::kExamples:
          lister.AddExamples(item.Find("examples"));
          break;
        case ItemType::kPlaceholder: {
          const Value list = PassedFor(item, variables);
          if (list.missing()) break;
          const std::string_view name = item.Find("name").string();
          const Code code = CheckHistory(name, list, options, scratch, error);
          if (code != Code::kOk) return code;
          lister.AddPassed(name, list);
          break;
        }
      }
    }
    return Code::kOk;
  } catch (const std::bad_alloc&) {
    *error = tmpl::Error();
    error->code = Code::kOutOfMemory;
    tmpl::ErrorText(error->message) << "out of memory";
    return error->code;
  }
}

}  // namespace promptreg::chat
