#include "pg/encoding.h"

#include <algorithm>

#include "core/template/letter_case.h"

namespace promptreg::pg {
namespace {

// Letters with two cases that any encoding of a server has are below this.
constexpr uint32 kMostLetters = 0x10000;

int CharacterLength(const char* character) noexcept {
  return pg_encoding_mblen(GetDatabaseEncoding(), character);
}

// From Unicode into the encoding of the database.
class Converter {
 public:
  Converter() : procedure_(FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding())) {}
  bool ok() const { return OidIsValid(procedure_); }

  // A character, in the current memory context. Empty: the encoding does not have it.
  std::string_view Convert(uint32 character) const {
    unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {};
    unicode_to_utf8(character, utf8);
    const int length = pg_utf_mblen(utf8);
    char converted[16];
    const int done = pg_do_encoding_conversion_buf(
        procedure_, PG_UTF8, GetDatabaseEncoding(), utf8, length,
        reinterpret_cast<unsigned char*>(converted), sizeof(converted), true);
    if (done != length) return {};
    const size_t size = strlen(converted);
    return {pnstrdup(converted, size), size};
  }

 private:
  const Oid procedure_;
};

// The letters of the encoding that have another case, which the encoding has as well.
std::span<const tmpl::LetterPair> Letters(const Converter& converter,
                                          uint32_t (*change)(uint32_t)) {
  constexpr uint32 kFirst = 0x80;  // beyond ASCII
  tmpl::LetterPair* pairs = nullptr;
  size_t count = 0, room = 0;
  for (uint32 letter = kFirst; letter < kMostLetters; ++letter) {
    const uint32 other = change(letter);
    if (other == letter || other < kFirst) continue;
    const std::string_view from = converter.Convert(letter);
    const std::string_view to = from.empty() ? from : converter.Convert(other);
    if (to.empty()) continue;
    if (count == room) {
      room = room * 2 + 64;
      const size_t size = room * sizeof(tmpl::LetterPair);
      pairs =
          static_cast<tmpl::LetterPair*>(pairs == nullptr ? palloc(size) : repalloc(pairs, size));
    }
    pairs[count++] = {.from = from, .to = to};
  }
  std::sort(pairs, pairs + count, [](const tmpl::LetterPair& left, const tmpl::LetterPair& right) {
    return left.from < right.from;
  });
  return {pairs, count};
}

}  // namespace

const tmpl::Encoding* DatabaseEncoding() {
  static tmpl::Encoding encoding = {.length = nullptr};
  if (GetDatabaseEncoding() == PG_UTF8) return nullptr;
  if (encoding.length != nullptr) return &encoding;
  // As long as the process, whose encoding never changes.
  const MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
  if (GetDatabaseEncoding() != PG_SQL_ASCII) {
    const Converter converter;
    if (converter.ok()) {
      encoding.upper = Letters(converter, tmpl::ToUpper);
      encoding.lower = Letters(converter, tmpl::ToLower);
    }
  }
  MemoryContextSwitchTo(before);
  encoding.length = CharacterLength;
  return &encoding;
}

const char* ValidText(const char* text) {
  const tmpl::Encoding* encoding = DatabaseEncoding();
  if (encoding == nullptr) return text;
  char* valid = pstrdup(text);
  tmpl::ReplaceTorn({valid, strlen(valid)}, *encoding);
  return valid;
}

}  // namespace promptreg::pg
