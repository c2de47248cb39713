#include "core/template/output.h"

namespace promptreg::tmpl {

char* Output::Grow(size_t bytes) noexcept {
  if (!Poll()) return nullptr;
  const size_t used = size();
  if (bytes > limit_ - used) {
    code_ = Code::kOutputTooLarge;
    return nullptr;
  }
  if (!Extend(used + bytes)) {
    code_ = Code::kOutOfMemory;
    return nullptr;
  }
  const size_t capacity = room_.empty() ? buffer_->capacity : room_.size();
  at_ = begin_ + used;
  end_ = begin_ + std::min({capacity, limit_, used + bytes + kPollBytes});
  return at_;
}

// Memory for so many bytes in all.
bool Output::Extend(size_t bytes) noexcept {
  if (bytes <= room_.size()) return true;
  // Not much more than may be used: the limit is a bound of the memory as well.
  constexpr size_t kLeast = 16 * 1024;
  const size_t used = size();
  if (!buffer_->Reserve(std::max(bytes, kLeast))) return false;
  if (!room_.empty()) std::memcpy(buffer_->data, begin_, used);
  begin_ = buffer_->data;
  room_ = {};
  return true;
}

bool Output::Print(json::Value value, uint32_t json_depth) noexcept {
  switch (value.kind()) {
    case json::Kind::kString:
      return Append(value.data(), value.length());
    case json::Kind::kNumber:
      return Number(value);
    case json::Kind::kMissing:
    case json::Kind::kNull:
      return true;
    default:
      return json::Emit(value, json_depth, 0, *this) == json::Emitted::kOk;
  }
}

namespace {

bool IsHtml(char c) {
  return c == '&' || c == '<' || c == '>' || c == '"';
}

std::string_view Entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return "&quot;";
  }
}

size_t PlainHtmlPrefix(const char* text, size_t length) {
  size_t at = 0;
  for (; at + 8 <= length; at += 8) {
    uint64_t word;
    std::memcpy(&word, text + at, sizeof(word));
    // < and > differ in one bit.
    if ((json::BytesEqual(word, '&') | json::BytesEqual(word | 0x0202020202020202, '>') |
         json::BytesEqual(word, '"')) != 0) {
      break;
    }
  }
  while (at < length && !IsHtml(text[at])) ++at;
  return at;
}

}  // namespace

bool Output::AppendHtml(const char* text, size_t length) noexcept {
  constexpr size_t kPiece = 64 * 1024;
  while (length > 0) {
    const size_t plain = PlainHtmlPrefix(text, std::min(length, kPiece));
    if (!Append(text, plain)) return false;
    text += plain;
    length -= plain;
    if (length > 0 && IsHtml(*text)) {
      const std::string_view entity = Entity(*text);
      if (!Append(entity.data(), entity.size())) return false;
      ++text;
      --length;
    }
  }
  return true;
}

}  // namespace promptreg::tmpl
