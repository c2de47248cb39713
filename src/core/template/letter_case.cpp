#include "core/template/letter_case.h"

#include <algorithm>
#include <iterator>

namespace promptreg::tmpl {
namespace {

struct CaseRange {
  uint32_t first, last, step;
  int32_t add;
};

#include "core/template/letter_case.inc"

template <size_t kSize>
uint32_t Map(const CaseRange (&ranges)[kSize], uint32_t character) {
  const CaseRange* range =
      std::lower_bound(std::begin(ranges), std::end(ranges), character,
                       [](const CaseRange& at, uint32_t wanted) { return at.last < wanted; });
  if (range == std::end(ranges) || character < range->first ||
      (character - range->first) % range->step != 0) {
    return character;
  }
  return character + static_cast<uint32_t>(range->add);
}

}  // namespace

uint32_t ToUpper(uint32_t character) {
  if (character < 0x80) return character - (character >= 'a' && character <= 'z' ? 32 : 0);
  return Map(kToUpper, character);
}

uint32_t ToLower(uint32_t character) {
  if (character < 0x80) return character + (character >= 'A' && character <= 'Z' ? 32 : 0);
  return Map(kToLower, character);
}

}  // namespace promptreg::tmpl
