// Tags that have a line of a text for themselves, which in this language and in Handlebars vanishes
// with them.
#pragma once

#include <cstddef>
#include <string_view>

namespace promptreg::imports {

inline bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}

// Whether a line starts at `at` or before blanks in front of it, which do not go beyond `from`.
inline bool StartsLine(std::string_view text, size_t at, size_t from = 0) {
  while (at > from && IsBlank(text[at - 1])) --at;
  return at == 0 || text[at - 1] == '\n';
}

// Whether nothing but blanks follows on the line; *next is where the next one starts.
inline bool EndsLine(std::string_view text, size_t at, size_t* next) {
  while (at < text.size() && IsBlank(text[at])) ++at;
  if (at < text.size() && text[at] == '\r' && at + 1 < text.size()) ++at;
  if (at < text.size() && text[at++] != '\n') return false;
  *next = at;
  return true;
}

// Says nothing, and keeps tags beside it from having the line for themselves.
inline constexpr std::string_view kGuard = "{{!}}";

}  // namespace promptreg::imports
