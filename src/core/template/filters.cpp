#include "core/template/filters.h"

#include <algorithm>

#include "core/json/layout.h"
#include "core/json/numeric.h"
#include "core/template/date.h"
#include "core/template/encoding.h"
#include "core/template/letter_case.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;
using json::Value;

Value String(std::string_view text) {
  return Value::Make(Kind::kString, text.data(), static_cast<uint32_t>(text.size()));
}

bool StartsCharacter(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

bool IsBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Work on a long text goes in pieces, with a look for interrupts between them.
constexpr size_t kPiece = size_t{1} << 20;

constexpr uint64_t kWorkOfJson = 5;  // for a byte

bool Absent(Value value) {
  return value.missing() || value.kind() == Kind::kNull ||
         (value.kind() == Kind::kString && value.length() == 0);
}

// The character at the start, and how many bytes it takes; one byte for what is no UTF-8.
uint32_t Decode(std::string_view text, size_t* length) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const uint32_t lead = byte(0);
  const size_t size = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  *length = 1;
  if (size == 1 || size > text.size()) return lead;
  uint32_t character = lead & (0xFFU >> (size + 1));
  for (size_t i = 1; i < size; ++i) character = character << 6 | (byte(i) & 0x3F);
  *length = size;
  return character;
}

size_t Encode(uint32_t character, char* out) {
  const auto tail = [&](int shift) {
    return static_cast<char>(0x80 | ((character >> shift) & 0x3F));
  };
  if (character < 0x80) {
    out[0] = static_cast<char>(character);
    return 1;
  }
  if (character < 0x800) {
    out[0] = static_cast<char>(0xC0 | character >> 6);
    out[1] = tail(0);
    return 2;
  }
  if (character < 0x10000) {
    out[0] = static_cast<char>(0xE0 | character >> 12);
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | character >> 18);
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

// What stands for a character in XML; empty: itself. Most control characters cannot be written.
std::string_view XmlEntity(char c, std::string_view unwritable) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&apos;";
    case '\t':
    case '\n':
    case '\r':
      return {};
    default:
      return static_cast<unsigned char>(c) < 0x20 ? unwritable : std::string_view();
  }
}

}  // namespace

bool Filters::Apply(uint32_t first, uint32_t count, Value* value) noexcept {
  work_ = 0;
  for (uint32_t i = 0; i < count; ++i) {
    constexpr uint64_t kWorkOfACall = 256;
    work_ += kWorkOfACall + (value->kind() == Kind::kString ? value->length() : 0);
    *value = ApplyOne(program_.filters()[first + i], *value);
    if (code_ != Code::kOk) return false;
  }
  return true;
}

Value Filters::ApplyOne(const FilterEntry& filter, Value value) noexcept {
  const auto number = static_cast<uint32_t>(filter.number);
  switch (filter.id) {
    case FilterId::kDefault:
      return Absent(value) ? program_.container(filter.literal) : value;
    case FilterId::kPresent:
      return Value::Make(Absent(value) ? Kind::kFalse : Kind::kTrue, nullptr, 0);
    case FilterId::kJson:
      return Json(value, number);
    case FilterId::kLength:
      return Length(value);
    case FilterId::kJoin:
      return Join(value, program_.container(filter.literal).string());
    case FilterId::kFirst:
      if (value.kind() != Kind::kArray) return Limit(value, 1);
      {
        json::Cursor cursor(value);
        return cursor.Next() ? cursor.value() : Value();
      }
    case FilterId::kLast:
      return Last(value);
    case FilterId::kLimit:
      return Limit(value, number);
    case FilterId::kDate:
      return Date(value, filter);
    default:
      break;
  }
  // The others are for texts; what is not there stays so.
  if (value.missing() || value.kind() == Kind::kNull) return value;
  value = Text(value);
  if (code_ != Code::kOk) return value;
  const std::string_view text = value.string();
  switch (filter.id) {
    case FilterId::kXml:
    case FilterId::kHtml:
      return Markup(text, filter.id == FilterId::kXml);
    case FilterId::kUpper:
    case FilterId::kLower:
      return Case(text, filter.id == FilterId::kUpper);
    case FilterId::kTruncate:
      return Truncate(text, number);
    case FilterId::kIndent:
      return Indent(text, number);
    case FilterId::kFence:
      return Fence(text, filter.literal == 0 ? std::string_view("")
                                             : program_.container(filter.literal).string());
    default:
      return Trim(text);
  }
}

// False: the caller's flag is up.
bool Filters::Poll() noexcept {
  if (options_.interrupt == nullptr || *options_.interrupt == 0) return true;
  code_ = Code::kInterrupted;
  return false;
}

Output Filters::Begin() noexcept {
  return Output(&scratch_->texts[buffer_], scratch_, options_.limits.output_bytes,
                options_.interrupt);
}

Value Filters::Finish(const Output& out) noexcept {
  if (code_ == Code::kOk) code_ = out.code();
  const std::string_view text = out.text();
  buffer_ ^= 1;
  work_ += text.size();
  return String(text);
}

// A value as it prints.
Value Filters::Text(Value value) noexcept {
  if (value.kind() == Kind::kString) return value;
  Output out = Begin();
  if (!out.Print(value, options_.limits.json_depth) && out.code() == Code::kOk) {
    code_ = Code::kJsonTooDeep;
  }
  work_ += out.size() * (kWorkOfJson - 1);
  return Finish(out);
}

Value Filters::Number(uint64_t number) noexcept {
  const size_t size = json::MakeInteger(number, number_);
  return Value::Make(Kind::kNumber, number_, static_cast<uint32_t>(size));
}

Value Filters::Json(Value value, uint32_t indent) noexcept {
  Output out = Begin();
  if (json::Emit(value, options_.limits.json_depth, indent, out) == json::Emitted::kTooDeep) {
    code_ = Code::kJsonTooDeep;
  }
  work_ += out.size() * (kWorkOfJson - 1);
  return Finish(out);
}

Value Filters::Markup(std::string_view text, bool xml) noexcept {
  Output out = Begin();
  if (!xml) {
    out.AppendHtml(text.data(), text.size());
    return Finish(out);
  }
  const std::string_view unwritable = options_.encoding == nullptr ? "\uFFFD" : "?";
  size_t plain = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view entity = XmlEntity(text[i], unwritable);
    if (entity.empty() && i - plain < kPiece) continue;
    if (!out.Append(text.data() + plain, i - plain) || !out.Append(entity.data(), entity.size())) {
      return Finish(out);
    }
    plain = i + (entity.empty() ? 0 : 1);
  }
  out.Append(text.data() + plain, text.size() - plain);
  return Finish(out);
}

Value Filters::Case(std::string_view text, bool upper) noexcept {
  if (options_.encoding != nullptr) return CaseOfEncoding(text, upper);
  Output out = Begin();
  work_ += text.size();
  for (size_t at = 0; at < text.size();) {
    size_t length;
    const uint32_t character = Decode(text.substr(at), &length);
    const uint32_t other = upper ? ToUpper(character) : ToLower(character);
    char bytes[4];
    const bool written = other == character ? out.Append(text.data() + at, length)
                                            : out.Append(bytes, Encode(other, bytes));
    if (!written) break;
    at += length;
  }
  return Finish(out);
}

Value Filters::CaseOfEncoding(std::string_view text, bool upper) noexcept {
  Output out = Begin();
  work_ += text.size();
  while (!text.empty()) {
    const std::string_view character = text.substr(0, CharacterBytes(text, *options_.encoding));
    char ascii;
    const std::string_view other = ChangeCase(character, upper, *options_.encoding, &ascii);
    if (!out.Append(other.data(), other.size())) break;
    text.remove_prefix(character.size());
  }
  return Finish(out);
}

// At most so many characters in an encoding in which only a walk from the start finds them.
Filters::Walked Filters::Walk(std::string_view text, uint64_t characters) noexcept {
  Walked walked;
  while (walked.end < text.size() && walked.characters < characters) {
    if (walked.characters % kPiece == 0 && !Poll()) break;
    walked.last = walked.end;
    walked.end += CharacterBytes(text.substr(walked.end), *options_.encoding);
    ++walked.characters;
  }
  return walked;
}

uint64_t Filters::Count(std::string_view text) noexcept {
  if (options_.encoding != nullptr) return Walk(text, UINT64_MAX).characters;
  uint64_t count = 0;
  for (; !text.empty() && Poll(); text.remove_prefix(std::min(text.size(), kPiece))) {
    const std::string_view piece = text.substr(0, kPiece);
    count += static_cast<uint64_t>(std::count_if(piece.begin(), piece.end(), StartsCharacter));
  }
  return count;
}

// How many bytes the first so many characters have.
size_t Filters::Prefix(std::string_view text, uint64_t characters) noexcept {
  if (options_.encoding != nullptr) return Walk(text, characters).end;
  size_t at = 0;
  while (at < text.size() && Poll()) {
    for (const size_t end = std::min(text.size(), at + kPiece); at < end; ++at) {
      if (!StartsCharacter(text[at])) continue;
      if (characters == 0) return at;
      --characters;
    }
  }
  return at;
}

Value Filters::Length(Value value) noexcept {
  if (value.kind() == Kind::kArray || value.kind() == Kind::kObject) return Number(value.size());
  return Number(Count(Text(value).string()));
}

Value Filters::Trim(std::string_view text) noexcept {
  size_t begin = 0, end = text.size();
  while (begin < end && IsBlank(text[begin]) && (begin % kPiece != 0 || Poll())) ++begin;
  while (begin < end && IsBlank(text[end - 1]) && (end % kPiece != 0 || Poll())) --end;
  return String(text.substr(begin, end - begin));
}

Value Filters::Truncate(std::string_view text, uint32_t characters) noexcept {
  constexpr std::string_view kEllipsis = "...";
  if (Prefix(text, characters) == text.size()) return String(text);
  if (characters < kEllipsis.size()) return String(kEllipsis.substr(0, characters));
  Output out = Begin();
  if (out.Append(text.data(), Prefix(text, characters - kEllipsis.size()))) {
    out.Append(kEllipsis.data(), kEllipsis.size());
  }
  return Finish(out);
}

Value Filters::Join(Value value, std::string_view separator) noexcept {
  if (value.kind() != Kind::kArray) return value;
  Output out = Begin();
  constexpr uint32_t kWorkOfAnElement = 16;
  uint32_t index = 0;
  for (json::Cursor cursor(value); cursor.Next(); ++index) {
    if (index % kPiece == 0 && !Poll()) break;
    if (index > 0 && !out.Append(separator.data(), separator.size())) break;
    if (out.Print(cursor.value(), options_.limits.json_depth)) continue;
    if (out.code() == Code::kOk) code_ = Code::kJsonTooDeep;
    break;
  }
  work_ += uint64_t{value.size()} * kWorkOfAnElement;
  return Finish(out);
}

// A shorter list is the start of a longer one, with a count of its own.
Value Filters::Limit(Value value, uint32_t count) noexcept {
  if (value.kind() == Kind::kString) {
    return String(value.string().substr(0, Prefix(value.string(), count)));
  }
  if (value.kind() != Kind::kArray || value.size() <= count) return value;
  const char* entries = value.data() + 4;
  const size_t values = json::layout::Offset(entries, count);
  const uint32_t head = json::layout::kArrayFlag | count;
  Output out = Begin();
  if (out.Append(reinterpret_cast<const char*>(&head), sizeof(head)) &&
      out.Append(entries, size_t{count} * 4)) {
    out.Append(entries + size_t{value.size()} * 4, values);
  }
  const Value list = Finish(out);
  return Value::Make(Kind::kArray, list.data(), list.length());
}

Value Filters::Last(Value value) noexcept {
  if (value.kind() == Kind::kString) {
    const std::string_view text = value.string();
    if (options_.encoding != nullptr) return String(text.substr(Walk(text, UINT64_MAX).last));
    size_t at = text.size();
    while (at > 0 && !StartsCharacter(text[--at])) continue;
    return String(text.substr(at));
  }
  if (value.kind() != Kind::kArray) return value;
  if (value.size() == 0) return {};
  const char* entries = value.data() + 4;
  const uint32_t index = value.size() - 1;
  const uint32_t begin = json::layout::Offset(entries, index);
  const uint32_t entry = json::layout::Entry(entries, index);
  return json::layout::Decode(entry, entries + size_t{value.size()} * 4, begin,
                              json::layout::End(entry, begin));
}

// Blanks before every line but the first, which stands where the tag does, and empty ones.
Value Filters::Indent(std::string_view text, uint32_t blanks) noexcept {
  Output out = Begin();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (at > 0 && text[at] != '\n' && text[at] != '\r' && !out.Fill(' ', blanks)) break;
    if (!out.Append(text.data() + at, end - at)) break;
    at = end;
  }
  return Finish(out);
}

Value Filters::Date(Value value, const FilterEntry& filter) noexcept {
  if (value.missing() || value.kind() == Kind::kNull) return value;
  Instant instant;
  bool valid = false;
  if (value.kind() == Kind::kString) {
    valid = ParseInstant(value.string(), &instant);
  } else if (value.kind() == Kind::kNumber) {
    char digits[64];
    const size_t length = json::NumberTextLength(value);
    if (length <= sizeof(digits)) {
      json::WriteNumber(value, digits);
      valid = InstantFromSeconds({digits, length}, &instant);
    }
  }
  if (!valid) {
    culprit_ = value;
    code_ = Code::kInvalidVariable;
    return value;
  }
  const std::string_view format = program_.container(filter.literal).string();
  Output out = Begin();
  const auto fields = static_cast<size_t>(std::count(format.begin(), format.end(), '%'));
  char* at = out.Reserve(format.size() + fields * kLongestField);
  if (at != nullptr) out.Advance(FormatDate(instant, filter.number, format, at));
  return Finish(out);
}

Value Filters::Fence(std::string_view text, std::string_view language) noexcept {
  constexpr size_t kLeast = 3;
  size_t run = 0, longest = kLeast - 1;
  for (size_t i = 0; i < text.size() && (i % kPiece != 0 || Poll()); ++i) {
    run = text[i] == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  Output out = Begin();
  const bool line = text.empty() || text.back() == '\n';
  if (out.Fill('`', longest + 1) && out.Append(language.data(), language.size()) && out.Put('\n') &&
      out.Append(text.data(), text.size()) && (line || out.Put('\n'))) {
    out.Fill('`', longest + 1);
  }
  return Finish(out);
}

}  // namespace promptreg::tmpl
