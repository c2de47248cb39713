// Texts in the encoding of a database that is not UTF-8. In all of them a byte below 0x80 is a
// character of ASCII, and no part of another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace promptreg::tmpl {

// A letter beyond ASCII, and the same in the other case.
struct LetterPair {
  std::string_view from, to;
};

struct Encoding {
  int (*length)(const char*) noexcept;     // bytes of a character, which its first one tells
  std::span<const LetterPair> upper = {};  // of what has another case; sorted
  std::span<const LetterPair> lower = {};
};

// Bytes of the character at the start of a text, which is not empty: never more than there are.
size_t CharacterBytes(std::string_view text, const Encoding& encoding);

// nullptr: UTF-8.
uint64_t CountCharacters(std::string_view text, const Encoding* encoding);

// Where to cut a text after about so many bytes, so that the characters of both parts are together
// those of the text. nullptr: UTF-8, of which any cut will do.
size_t WholeCharacters(std::string_view text, size_t bytes, const Encoding* encoding);

// A character in the other case, or itself. `ascii` is room for one byte.
std::string_view ChangeCase(std::string_view character, bool upper, const Encoding& encoding,
                            char* ascii);

// Makes question marks of what shortening a text by bytes has left of characters: what follows it
// is ASCII or the end.
void ReplaceTorn(std::span<char> text, const Encoding& encoding);

}  // namespace promptreg::tmpl
