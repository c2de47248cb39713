// Writes containers in the jsonb layout straight into one buffer: for who knows how many members
// there will be, and gives an object's keys in the order of the layout. Builder needs neither.
//   Assembler json; Assembler::Open list = json.Begin(false, 2);
//   json.Add(value, &list); Assembler::Open object = json.BeginIn(&list, true, 1);
//   json.Key("a", &object); json.String("x", &object); json.EndIn(&list);
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "core/json/layout.h"
#include "core/json/value.h"

namespace promptreg::json {

class Assembler {
 public:
  // A container that is being written. All keys of an object come before its values.
  struct Open {
    size_t head = 0;     // where it starts
    size_t base = 0;     // where its members' bytes start
    size_t member = 0;   // where the member that is being written starts, for an inner container
    uint32_t index = 0;  // of the next entry
  };

  Open Begin(bool object, uint32_t count) {
    Open open;
    open.head = out_.size();
    open.base = open.head + 4 + size_t{count} * (object ? 8 : 4);
    out_.resize(open.base);
    Store(count | (object ? layout::kObjectFlag : layout::kArrayFlag), open.head);
    return open;
  }

  Open BeginIn(Open* outer, bool object, uint32_t count) {
    outer->member = out_.size();
    Align();
    return Begin(object, count);
  }
  void EndIn(Open* outer) { Close(layout::kContainer, outer->member, outer); }

  void String(std::string_view text, Open* open) {
    const size_t begin = out_.size();
    out_ += text;
    Close(layout::kString, begin, open);
  }
  void Key(std::string_view key, Open* open) { String(key, open); }

  // A copy of a value that is not at the root of its document.
  void Add(Value value, Open* open) {
    const size_t begin = out_.size();
    switch (value.kind()) {
      case Kind::kString:
        return String(value.string(), open);
      case Kind::kNumber:
      case Kind::kArray:
      case Kind::kObject:
        Align();
        out_.append(value.data(), value.length());
        return Close(value.kind() == Kind::kNumber ? layout::kNumeric : layout::kContainer, begin,
                     open);
      case Kind::kFalse:
        return Close(layout::kFalse, begin, open);
      case Kind::kTrue:
        return Close(layout::kTrue, begin, open);
      default:
        return Close(layout::kNull, begin, open);
    }
  }

  // False: some container got larger than the layout allows.
  bool ok() const { return !too_large_; }
  std::string& bytes() { return out_; }

 private:
  void Align() { out_.resize((out_.size() + 3) / 4 * 4, '\0'); }
  void Store(uint32_t word, size_t at) { std::memcpy(out_.data() + at, &word, sizeof(word)); }

  void Close(uint32_t type, size_t begin, Open* open) {
    const size_t end = out_.size() - open->base;
    if (end > layout::kLengthMask) too_large_ = true;
    const bool offset = open->index % layout::kStride == 0;
    const size_t measure = offset ? end : out_.size() - begin;
    const uint32_t entry = type | (static_cast<uint32_t>(measure) & layout::kLengthMask) |
                           (offset ? layout::kHasOffset : 0);
    Store(entry, open->head + 4 + size_t{open->index++} * 4);
  }

  std::string out_;
  bool too_large_ = false;
};

}  // namespace promptreg::json
