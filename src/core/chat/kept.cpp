#include "core/chat/kept.h"

#include "core/template/braces.h"

namespace promptreg::chat {

using json::Kind;
using json::Value;

namespace {

class Finder {
 public:
  Finder(size_t most, std::vector<KeptTag>* found) : most_(most), found_(found) {}

  void LookAtPart(Value part, const Place& place) {
    rendered_ = TextOfPart(part);
    place_ = place;
    LookAt(part, {}, 0);
  }

 private:
  void LookAt(Value value, const std::string& path, uint32_t depth) {
    constexpr uint32_t kMostDepth = 16;
    if (found_->size() >= most_ || depth > kMostDepth) return;
    if (value.kind() == Kind::kString) return LookAtText(value, path);
    if (value.kind() != Kind::kArray && value.kind() != Kind::kObject) return;
    for (json::Cursor cursor(value); cursor.Next();) {
      std::string inner = path;
      if (cursor.object()) {
        if (!inner.empty()) inner += ".";
        inner += cursor.key();
      }
      LookAt(cursor.value(), inner, depth + 1);
    }
  }

  void LookAtText(Value value, const std::string& path) {
    if (!rendered_.missing() && value.data() == rendered_.data()) return;
    size_t at = 0, end = 0;
    const std::string_view name = tmpl::NextInBraces(value.string(), 2, &at, &end);
    if (name.empty()) return;
    found_->push_back(
        {.place = place_, .key = path, .tag = std::string(value.string().substr(at, end - at))});
  }

  const size_t most_;
  std::vector<KeptTag>* const found_;
  Value rendered_;
  Place place_;
};

}  // namespace

std::vector<KeptTag> FindKeptTags(Value messages, size_t most) {
  std::vector<KeptTag> found;
  Finder finder(most, &found);
  uint32_t item = 0;
  for (json::Cursor cursor(messages); cursor.Next();) {
    ++item;
    const Value content = cursor.value().Find("content");
    if (TypeOf(cursor.value()) != ItemType::kMessage || content.kind() != Kind::kArray) continue;
    uint32_t number = 0;
    for (json::Cursor part(content); part.Next();) {
      finder.LookAtPart(part.value(), {.item = item, .part = ++number});
    }
  }
  return found;
}

}  // namespace promptreg::chat
