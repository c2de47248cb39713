// The bytes of PostgreSQL's jsonb, for the parts of the core that walk them in their inner loops.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/json/value.h"

namespace promptreg::json::layout {

// A container's first word: the number of elements or pairs, and what it is.
inline constexpr uint32_t kCountMask = 0x0FFFFFFF;
inline constexpr uint32_t kScalarFlag = 0x10000000;  // with kArrayFlag: a scalar at the root
inline constexpr uint32_t kObjectFlag = 0x20000000;
inline constexpr uint32_t kArrayFlag = 0x40000000;

// An entry: a type, and where the value ends (with kHasOffset) or how long it is.
inline constexpr uint32_t kLengthMask = 0x0FFFFFFF;
inline constexpr uint32_t kTypeMask = 0x70000000;
inline constexpr uint32_t kString = 0x00000000;
inline constexpr uint32_t kNumeric = 0x10000000;
inline constexpr uint32_t kFalse = 0x20000000;
inline constexpr uint32_t kTrue = 0x30000000;
inline constexpr uint32_t kNull = 0x40000000;
inline constexpr uint32_t kContainer = 0x50000000;
inline constexpr uint32_t kHasOffset = 0x80000000;
inline constexpr uint32_t kStride = 32;  // every so many entries one has an offset

inline uint32_t Load32(const char* at) {
  uint32_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

inline uint32_t Entry(const char* entries, uint32_t index) {
  return Load32(entries + size_t{index} * 4);
}

// Where a value ends that starts at `offset`.
inline uint32_t End(uint32_t entry, uint32_t offset) {
  return (entry & kHasOffset) != 0 ? entry & kLengthMask : offset + (entry & kLengthMask);
}

// Where the value of an index starts; looks at up to kStride entries before it.
inline uint32_t Offset(const char* entries, uint32_t index) {
  uint32_t offset = 0;
  while (index > 0) {
    const uint32_t entry = Entry(entries, --index);
    offset += entry & kLengthMask;
    if ((entry & kHasOffset) != 0) break;
  }
  return offset;
}

// Numbers and containers are aligned to 4 bytes; their entries' lengths include the padding.
inline uint32_t Align(uint32_t offset) {
  return (offset + 3) & ~uint32_t{3};
}

// The size of a varlena with its header, which is 4 bytes long, or 1 for short values.
inline uint32_t VarlenaSize(const char* data) {
  if constexpr (std::endian::native == std::endian::little) {
    const auto first = static_cast<unsigned char>(data[0]);
    return (first & 1) != 0 ? first >> 1 : Load32(data) >> 2;
  } else {
    const auto first = static_cast<unsigned char>(data[0]);
    return (first & 0x80) != 0 ? first & 0x7F : Load32(data) & 0x3FFFFFFF;
  }
}

inline bool VarlenaIsShort(const char* data) {
  const auto first = static_cast<unsigned char>(data[0]);
  return std::endian::native == std::endian::little ? (first & 1) != 0 : (first & 0x80) != 0;
}

// The value of an entry whose bytes are base + [offset, end).
inline Value Decode(uint32_t entry, const char* base, uint32_t offset, uint32_t end) {
  switch (entry & kTypeMask) {
    case kString:
      return Value::Make(Kind::kString, base + offset, end - offset);
    case kNumeric: {
      const char* data = base + Align(offset);
      return Value::Make(Kind::kNumber, data, VarlenaSize(data));
    }
    case kFalse:
      return Value::Make(Kind::kFalse, nullptr, 0);
    case kTrue:
      return Value::Make(Kind::kTrue, nullptr, 0);
    case kContainer: {
      const char* data = base + Align(offset);
      return Value::Make((Load32(data) & kObjectFlag) != 0 ? Kind::kObject : Kind::kArray, data,
                         end - Align(offset));
    }
    default:
      return Value::Make(Kind::kNull, nullptr, 0);
  }
}

// How jsonb orders keys: by length, then by bytes. Negative, zero or positive.
inline int CompareKeys(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  return std::memcmp(left.data(), right.data(), left.size());
}

}  // namespace promptreg::json::layout
