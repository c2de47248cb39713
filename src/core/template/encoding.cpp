#include "core/template/encoding.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/template/letter_case.h"

namespace promptreg::tmpl {

size_t CharacterBytes(std::string_view text, const Encoding& encoding) {
  const int length = encoding.length(text.data());
  return std::min(static_cast<size_t>(std::max(length, 1)), text.size());
}

namespace {

// Eight bytes at a time: those that go on with a character begin with the bits 10.
uint64_t CountUtf8(std::string_view text) {
  constexpr uint64_t kLowBits = 0x0101010101010101;
  uint64_t inner = 0;
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof(word));
    inner += static_cast<uint64_t>(std::popcount((word >> 7) & ~(word >> 6) & kLowBits));
  }
  for (; at < text.size(); ++at) inner += (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  return text.size() - inner;
}

}  // namespace

uint64_t CountCharacters(std::string_view text, const Encoding* encoding) {
  if (encoding == nullptr) return CountUtf8(text);
  uint64_t count = 0;
  for (; !text.empty(); text.remove_prefix(CharacterBytes(text, *encoding))) ++count;
  return count;
}

size_t WholeCharacters(std::string_view text, size_t bytes, const Encoding* encoding) {
  if (encoding == nullptr || text.size() <= bytes) return std::min(text.size(), bytes);
  size_t whole = 0;
  while (whole < bytes) whole += CharacterBytes(text.substr(whole), *encoding);
  return whole;
}

std::string_view ChangeCase(std::string_view character, bool upper, const Encoding& encoding,
                            char* ascii) {
  const auto byte = static_cast<unsigned char>(character[0]);
  if (character.size() == 1 && byte < 0x80) {
    *ascii = static_cast<char>(upper ? ToUpper(byte) : ToLower(byte));
    return {ascii, 1};
  }
  const std::span<const LetterPair> pairs = upper ? encoding.upper : encoding.lower;
  const auto found = std::lower_bound(
      pairs.begin(), pairs.end(), character,
      [](const LetterPair& pair, std::string_view wanted) { return pair.from < wanted; });
  return found != pairs.end() && found->from == character ? found->to : character;
}

void ReplaceTorn(std::span<char> text, const Encoding& encoding) {
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  while (!text.empty()) {
    const auto length = static_cast<size_t>(std::max(encoding.length(text.data()), 1));
    const std::span<char> character = text.first(std::min(length, text.size()));
    const auto torn = std::find_if(character.begin(), character.end(), ascii);
    const bool whole = length == 1 || (character.size() == length && torn == character.end());
    const size_t left =
        whole ? length : std::max<size_t>(static_cast<size_t>(torn - character.begin()), 1);
    if (!whole) std::fill_n(text.begin(), left, '?');
    text = text.subspan(left);
  }
}

}  // namespace promptreg::tmpl
