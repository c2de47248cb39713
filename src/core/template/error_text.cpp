#include "core/template/error_text.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/json/escape.h"
#include "core/json/numeric.h"
#include "core/template/encoding.h"
#include "core/template/scratch.h"

namespace promptreg::tmpl {
namespace {

constexpr std::string_view kEllipsis = "...";

bool StartsCharacter(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

}  // namespace

std::string_view CutText(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && !StartsCharacter(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

ErrorText StartList(size_t count, size_t bytes, Scratch* scratch, Error* error) {
  const size_t room = (count + 1) * bytes;
  if (room <= sizeof(error->detail) || !scratch->list.Reserve(room))
    return ErrorText(error->detail);
  error->list = scratch->list.data;
  return ErrorText(scratch->list.data, room);
}

void FinishList(Error* error) {
  if (error->list == nullptr) return;
  const size_t size = std::strlen(error->list) + 1;
  if (size > sizeof(error->detail)) return;
  std::memcpy(error->detail, error->list, size);
  error->list = nullptr;
}

ErrorText& ErrorText::operator<<(std::string_view text) {
  if (full_ || text.empty()) return *this;
  if (text.size() <= left()) {
    std::memcpy(buffer_ + length_, text.data(), text.size());
    length_ += text.size();
  } else {
    full_ = true;
    const size_t room = capacity_ - kEllipsis.size();
    if (length_ <= room) {
      const std::string_view cut = CutText(text, room - length_);
      std::memcpy(buffer_ + length_, cut.data(), cut.size());
      length_ += cut.size();
    } else {
      length_ = CutText({buffer_, length_}, room).size();
    }
    std::memcpy(buffer_ + length_, kEllipsis.data(), kEllipsis.size());
    length_ += kEllipsis.size();
  }
  buffer_[length_] = '\0';
  return *this;
}

ErrorText& ErrorText::operator<<(uint64_t number) {
  char digits[20];
  const auto result = std::to_chars(digits, digits + sizeof(digits), number);
  return *this << std::string_view(digits, static_cast<size_t>(result.ptr - digits));
}

void AppendQuoted(std::string_view text, ErrorText* out) {
  constexpr size_t kShown = 40;
  size_t characters = 0, bytes = 0;
  while (bytes < text.size()) {
    if (StartsCharacter(text[bytes]) && ++characters > kShown) break;
    if (bytes >= kShown * 4) break;
    ++bytes;
  }
  const std::string_view shown = CutText(text, bytes);
  *out << "\"";
  size_t plain = 0;
  for (size_t i = 0; i < shown.size(); ++i) {
    if (static_cast<unsigned char>(shown[i]) >= 0x20) continue;
    char escape[6];
    *out << shown.substr(plain, i - plain)
         << std::string_view(escape, json::WriteEscape(shown[i], escape));
    plain = i + 1;
  }
  *out << shown.substr(plain);
  if (shown.size() < text.size()) *out << kEllipsis;
  *out << "\"";
}

void AppendDescription(json::Value value, ErrorText* out) {
  switch (value.kind()) {
    case json::Kind::kMissing:
      *out << "nothing";
      break;
    case json::Kind::kNull:
      *out << "null";
      break;
    case json::Kind::kFalse:
      *out << "false";
      break;
    case json::Kind::kTrue:
      *out << "true";
      break;
    case json::Kind::kArray:
      *out << "an array";
      break;
    case json::Kind::kObject:
      *out << "an object";
      break;
    case json::Kind::kString:
      *out << "the string ";
      AppendQuoted(value.string(), out);
      break;
    case json::Kind::kNumber: {
      char digits[64];
      *out << "the number";
      const size_t length = json::NumberTextLength(value);
      if (length <= sizeof(digits)) {
        json::WriteNumber(value, digits);
        *out << " " << std::string_view(digits, length);
      } else {
        *out << " of " << length << " digits";
      }
      break;
    }
  }
}

namespace {

// How many columns of a terminal a character takes.
int Width(std::string_view character) {
  const auto byte = [&](size_t i) {
    return i < character.size() ? static_cast<unsigned char>(character[i]) & 0x3FU : 0U;
  };
  if (character.size() < 3) return 1;
  const uint32_t code =
      character.size() == 3
          ? (static_cast<unsigned char>(character[0]) & 0x0FU) << 12 | byte(1) << 6 | byte(2)
          : (static_cast<unsigned char>(character[0]) & 0x07U) << 18 | byte(1) << 12 |
                byte(2) << 6 | byte(3);
  struct Range {
    uint32_t first, last;
  };
  static constexpr Range kWide[] = {{0x1100, 0x115F}, {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
                                    {0xF900, 0xFAFF}, {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
                                    {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};
  const bool wide = std::any_of(std::begin(kWide), std::end(kWide), [&](const Range& range) {
    return code >= range.first && code <= range.last;
  });
  return wide ? 2 : 1;
}

// What surrounds a place in a text: the line, and of a long one so many characters before and
// behind the place.
struct Surroundings {
  size_t start = 0, end = 0;   // of the line
  size_t first = 0, last = 0;  // of what is shown
};

constexpr uint64_t kBefore = 60, kAfter = 40;

size_t NextCharacter(std::string_view text, size_t at, const Encoding* encoding) {
  if (encoding != nullptr) return at + CharacterBytes(text.substr(at), *encoding);
  ++at;
  while (at < text.size() && !StartsCharacter(text[at])) ++at;
  return at;
}

Surroundings FindSurroundings(std::string_view text, size_t offset, const Encoding* encoding) {
  Surroundings around;
  const size_t newline = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  around.start = newline == std::string_view::npos ? 0 : newline + 1;
  around.end = std::min(text.find('\n', offset), text.size());
  if (around.end > around.start && around.end > offset && text[around.end - 1] == '\r')
    --around.end;
  around.first = around.start;
  const std::string_view before = text.substr(around.start, offset - around.start);
  const uint64_t characters = CountCharacters(before, encoding);
  for (uint64_t i = kBefore; i < characters; ++i) {
    around.first = NextCharacter(text, around.first, encoding);
  }
  around.last = offset;
  for (uint64_t i = 0; i < kAfter && around.last < around.end; ++i) {
    around.last = NextCharacter(text.substr(0, around.end), around.last, encoding);
  }
  return around;
}

bool IsWide(std::string_view character, const Encoding* encoding) {
  return encoding == nullptr ? Width(character) == 2 : character.size() > 1;
}

}  // namespace

void SetPosition(std::string_view text, size_t offset, std::string_view snippet,
                 const Encoding* encoding, Error* error) {
  offset = std::min(offset, text.size());
  const Surroundings around = FindSurroundings(text, offset, encoding);
  const std::string_view before = text.substr(around.start, offset - around.start);
  error->line = 1 + static_cast<uint32_t>(std::count(
                        text.begin(), text.begin() + static_cast<ptrdiff_t>(around.start), '\n'));
  error->column = 1 + static_cast<uint32_t>(CountCharacters(before, encoding));

  ErrorText detail(error->detail);
  detail << "Line " << error->line << ", column " << error->column;
  if (!snippet.empty()) {
    detail << " of snippet ";
    AppendQuoted(snippet, &detail);
  }
  detail << ":\n";
  if (around.first > around.start) detail << kEllipsis;
  detail << text.substr(around.first, around.last - around.first);
  if (around.last < around.end) detail << kEllipsis;
  detail << "\n";
  if (around.first > around.start) detail << "   ";
  for (size_t at = around.first; at < offset;) {
    const size_t next = NextCharacter(text.substr(0, offset), at, encoding);
    if (text[at] == '\t') {
      detail << "\t";
    } else {
      detail << (IsWide(text.substr(at, next - at), encoding) ? "  " : " ");
    }
    at = next;
  }
  detail << "^";
}

}  // namespace promptreg::tmpl
