#include "core/json/write.h"

#include <algorithm>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/emit.h"
#include "core/json/numeric.h"

namespace promptreg::json {
namespace {

class StringSink {
 public:
  explicit StringSink(std::string* out) : out_(out) {}
  bool Put(char c) {
    out_->push_back(c);
    return true;
  }
  bool Append(const char* text, size_t length) {
    out_->append(text, length);
    return true;
  }
  bool Number(Value value) {
    const size_t before = out_->size();
    out_->resize(before + NumberTextLength(value));
    WriteNumber(value, out_->data() + before);
    return true;
  }
  Cursor* Level(uint32_t depth) {
    if (depth == levels_.size()) levels_.emplace_back();
    return &levels_[depth];
  }

 private:
  std::string* out_;
  std::vector<Cursor> levels_;
};

using Member = std::pair<std::string_view, Value>;

// An array or object that is being written; members in the order in which they are to appear.
struct Level {
  bool object = false;
  std::vector<Member> members;
  size_t next = 0;
};

Level Open(Value value) {
  Level level;
  level.object = value.kind() == Kind::kObject;
  level.members.reserve(value.size());
  for (Cursor cursor(value); cursor.Next();) {
    level.members.emplace_back(level.object ? cursor.key() : std::string_view(), cursor.value());
  }
  if (level.object) {
    // char_traits compares as unsigned bytes.
    std::sort(level.members.begin(), level.members.end(),
              [](const Member& left, const Member& right) { return left.first < right.first; });
  }
  return level;
}

bool EmitCanonical(Value value, uint32_t max_depth, StringSink& sink) {
  std::deque<Level> levels;
  for (;;) {
    if (value.kind() == Kind::kArray || value.kind() == Kind::kObject) {
      if (levels.size() == max_depth) return false;
      levels.push_back(Open(value));
      sink.Put(levels.back().object ? '{' : '[');
    } else {
      EmitScalar(value, sink);
    }
    while (!levels.empty() && levels.back().next == levels.back().members.size()) {
      sink.Put(levels.back().object ? '}' : ']');
      levels.pop_back();
    }
    if (levels.empty()) return true;
    Level& level = levels.back();
    if (level.next > 0) sink.Put(',');
    const Member& member = level.members[level.next++];
    if (level.object) {
      EmitString(member.first, sink);
      sink.Put(':');
    }
    value = member.second;
  }
}

}  // namespace

bool AppendCompact(Value value, uint32_t max_depth, std::string* out) {
  const size_t before = out->size();
  StringSink sink(out);
  if (Emit(value, max_depth, 0, sink) == Emitted::kOk) return true;
  out->resize(before);
  return false;
}

bool AppendCanonical(Value value, uint32_t max_depth, std::string* out) {
  const size_t before = out->size();
  StringSink sink(out);
  if (EmitCanonical(value, max_depth, sink)) return true;
  out->resize(before);
  return false;
}

}  // namespace promptreg::json
