// JSON's escapes within strings.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace promptreg::json {

// Eight bytes at a time: a high bit is set where a byte may match, and none if no byte does.
inline uint64_t BytesEqual(uint64_t word, unsigned char byte) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t difference = word ^ (kOnes * byte);
  return (difference - kOnes) & ~difference & (kOnes << 7);
}

inline uint64_t BytesBelow(uint64_t word, unsigned char bound) {  // bound <= 128
  constexpr uint64_t kOnes = 0x0101010101010101;
  return (word - kOnes * bound) & ~word & (kOnes << 7);
}

inline bool NeedsEscape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

// Whether any of so many bytes does; written so that compilers look at all of them at once.
inline constexpr size_t kBlock = 32;
inline bool BlockNeedsEscape(const char* text) {
  unsigned char found = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    found |= static_cast<unsigned char>((byte < 0x20) | (byte == '"') | (byte == '\\'));
  }
  return found != 0;
}

// How many of eight bytes at the start stand for themselves.
inline size_t PlainOfEight(const char* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof(word));
  const uint64_t found = BytesBelow(word, 0x20) | BytesEqual(word, '"') | BytesEqual(word, '\\');
  if (found == 0) return 8;
  // Bits above the first one may be wrong.
  if constexpr (std::endian::native == std::endian::little) {
    return static_cast<size_t>(std::countr_zero(found)) / 8;
  }
  size_t at = 0;
  while (at < 8 && !NeedsEscape(text[at])) ++at;
  return at;
}

// How many bytes at the start stand for themselves.
inline size_t PlainPrefix(const char* text, size_t length) {
  size_t at = 0;
  while (at + kBlock <= length && !BlockNeedsEscape(text + at)) at += kBlock;
  while (at + 8 <= length) {
    const size_t plain = PlainOfEight(text + at);
    at += plain;
    if (plain < 8) return at;
  }
  while (at < length && !NeedsEscape(text[at])) ++at;
  return at;
}

// At most 6 bytes; returns how many.
inline size_t WriteEscape(char c, char* out) {
  char letter = 0;
  switch (c) {
    case '\b':
      letter = 'b';
      break;
    case '\t':
      letter = 't';
      break;
    case '\n':
      letter = 'n';
      break;
    case '\f':
      letter = 'f';
      break;
    case '\r':
      letter = 'r';
      break;
    case '"':
    case '\\':
      letter = c;
      break;
    default:
      break;
  }
  out[0] = '\\';
  if (letter != 0) {
    out[1] = letter;
    return 2;
  }
  constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  std::memcpy(out + 1, "u00", 3);
  out[4] = kHex[byte >> 4];
  out[5] = kHex[byte & 15];
  return 6;
}

}  // namespace promptreg::json
