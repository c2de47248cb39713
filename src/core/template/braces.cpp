#include "core/template/braces.h"

#include <algorithm>

namespace promptreg::tmpl {
namespace {

// Names that programs use, so that {3} and {a, b} are none.
bool StartsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool ContinuesName(char c) {
  return StartsName(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

// How many equal characters there are from a place on.
size_t Run(std::string_view text, size_t at) {
  const size_t end = text.find_first_not_of(text[at], at);
  return std::min(end, text.size()) - at;
}

}  // namespace

std::string_view NextInBraces(std::string_view text, size_t braces, size_t* at, size_t* end) {
  for (size_t open = text.find('{', *at); open != std::string_view::npos;
       open = text.find('{', *end)) {
    *at = open;
    *end = open + Run(text, open);
    if (*end - open != braces) continue;
    const auto skip_blanks = [&](size_t from) {
      return braces < 2 ? from : std::min(text.find_first_not_of(' ', from), text.size());
    };
    const size_t first = skip_blanks(*end);
    size_t last = first;
    if (last < text.size() && StartsName(text[last])) {
      while (last < text.size() && ContinuesName(text[last])) ++last;
    }
    const size_t close = skip_blanks(last);
    if (last == first || close == text.size() || text[close] != '}') continue;
    if (Run(text, close) != braces) continue;
    *end = close + braces;
    return text.substr(first, last - first);
  }
  return {};
}

}  // namespace promptreg::tmpl
