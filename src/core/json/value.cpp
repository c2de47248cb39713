#include "core/json/value.h"

#include "core/json/layout.h"
#include "core/json/numeric.h"

namespace promptreg::json {

using layout::CompareKeys;
using layout::Decode;
using layout::End;
using layout::Entry;
using layout::kCountMask;
using layout::kLengthMask;
using layout::kObjectFlag;
using layout::kScalarFlag;
using layout::kStride;
using layout::Load32;
using layout::Offset;

Value Value::FromContainer(const void* container) {
  const auto* data = static_cast<const char*>(container);
  const uint32_t header = Load32(data);
  if ((header & kObjectFlag) != 0) return Make(Kind::kObject, data, 0);
  if ((header & kScalarFlag) == 0) return Make(Kind::kArray, data, 0);
  const uint32_t entry = Entry(data + 4, 0);
  return Decode(entry, data + 8, 0, End(entry, 0));
}

bool Value::Truthy() const {
  switch (kind_) {
    case Kind::kMissing:
    case Kind::kNull:
    case Kind::kFalse:
      return false;
    case Kind::kTrue:
    case Kind::kObject:
      return true;
    case Kind::kNumber:
      return !NumberIsZero(*this);
    case Kind::kString:
      return length_ != 0;
    case Kind::kArray:
      return size() != 0;
  }
  return false;
}

uint32_t Value::size() const {
  return kind_ == Kind::kArray || kind_ == Kind::kObject ? Load32(data_) & kCountMask : 0;
}

namespace {

// The index of a key in an object's entries, or `count`.
uint32_t FindKey(const char* entries, const char* base, uint32_t count, std::string_view key) {
  // The first of every 32 entries says where its key ends, that is, where the next one starts: so
  // the second key of each group can be compared without adding up lengths.
  uint32_t group = 0;
  uint32_t groups = (count + kStride - 1) / kStride;
  while (groups > 1) {
    const uint32_t middle = group + groups / 2;
    const uint32_t index = middle * kStride + 1;
    if (index >= count) {  // the last group is its first key alone
      const uint32_t offset = Offset(entries, index - 1);
      const uint32_t end = End(Entry(entries, index - 1), offset);
      const int order = CompareKeys({base + offset, end - offset}, key);
      if (order == 0) return index - 1;
      if (order < 0) return count;
      groups = groups / 2;
      continue;
    }
    const uint32_t offset = Entry(entries, index - 1) & kLengthMask;
    const std::string_view candidate(base + offset, Entry(entries, index) & kLengthMask);
    const int order = CompareKeys(candidate, key);
    if (order == 0) return index;
    if (order < 0) {
      groups -= groups / 2;
      group = middle;
    } else {
      groups = groups / 2;
    }
  }
  // From the second key of the group to the first of the next; of the first group also its first
  // key.
  uint32_t index = group * kStride;
  uint32_t offset = 0;
  if (index > 0) offset = Entry(entries, index++) & kLengthMask;
  const uint32_t last = count - group * kStride > kStride ? (group + 1) * kStride : count - 1;
  for (; index <= last; ++index) {
    const uint32_t end = End(Entry(entries, index), offset);
    const uint32_t length = end - offset;
    if (length >= key.size()) {
      if (length > key.size()) return count;
      const int order = std::memcmp(base + offset, key.data(), length);
      if (order == 0) return index;
      if (order > 0) return count;
    }
    offset = end;
  }
  return count;
}

template <typename Word>
bool SameWord(const char* left, const char* right) {
  Word a, b;
  std::memcpy(&a, left, sizeof(a));
  std::memcpy(&b, right, sizeof(b));
  return a == b;
}

// Keys are too short for a call of memcmp to pay.
bool SameBytes(const char* left, const char* right, size_t length) {
  if (length >= 8) {
    for (size_t i = 0; i + 8 <= length; i += 8) {
      if (!SameWord<uint64_t>(left + i, right + i)) return false;
    }
    return SameWord<uint64_t>(left + length - 8, right + length - 8);
  }
  if (length >= 4) {
    return SameWord<uint32_t>(left, right) &&
           SameWord<uint32_t>(left + length - 4, right + length - 4);
  }
  for (size_t i = 0; i < length; ++i) {
    if (left[i] != right[i]) return false;
  }
  return true;
}

// Objects of which no entry but the first has an offset, and that one's is its length.
constexpr uint32_t kSmallObject = kStride / 2;

Value FindInSmall(const char* entries, uint32_t count, std::string_view key) {
  const char* base = entries + size_t{count} * 8;
  uint32_t offset = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t length = Entry(entries, i) & kLengthMask;
    if (length > key.size()) break;
    if (length == key.size() && SameBytes(base + offset, key.data(), length)) {
      for (uint32_t j = i; j < count + i; ++j) offset += Entry(entries, j) & kLengthMask;
      const uint32_t entry = Entry(entries, count + i);
      return Decode(entry, base, offset, offset + (entry & kLengthMask));
    }
    offset += length;
  }
  return {};
}

// Apart, so that the other case, which is the common one, needs few registers.
[[gnu::noinline]] Value FindInLarge(const char* entries, uint32_t count, std::string_view key) {
  const char* base = entries + size_t{count} * 8;
  const uint32_t index = FindKey(entries, base, count, key);
  if (index == count) return {};
  const uint32_t offset = Offset(entries, count + index);
  const uint32_t entry = Entry(entries, count + index);
  return Decode(entry, base, offset, End(entry, offset));
}

}  // namespace

Value Value::Find(std::string_view key) const {
  if (kind_ != Kind::kObject) return {};
  const uint32_t count = Load32(data_) & kCountMask;
  const char* entries = data_ + 4;
  return count <= kSmallObject ? FindInSmall(entries, count, key)
                               : FindInLarge(entries, count, key);
}

Cursor::Cursor(Value container) {
  if (container.kind() != Kind::kArray && container.kind() != Kind::kObject) return;
  object_ = container.kind() == Kind::kObject;
  count_ = container.size();
  entries_ = container.data() + 4;
  base_ = entries_ + size_t{count_} * (object_ ? 8 : 4);
  if (object_) value_offset_ = Offset(entries_, count_);
}

bool Cursor::Next() {
  if (index_ == count_) return false;
  uint32_t value_index = index_;
  if (object_) {
    const uint32_t end = End(Entry(entries_, index_), key_offset_);
    key_ = {base_ + key_offset_, end - key_offset_};
    key_offset_ = end;
    value_index += count_;
  }
  const uint32_t entry = Entry(entries_, value_index);
  const uint32_t end = End(entry, value_offset_);
  value_ = Decode(entry, base_, value_offset_, end);
  value_offset_ = end;
  ++index_;
  return true;
}

}  // namespace promptreg::json
