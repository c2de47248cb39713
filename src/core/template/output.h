// The text that a rendering makes: a buffer with a bound, which looks for interrupts as it fills.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "core/json/emit.h"
#include "core/json/numeric.h"
#include "core/template/scratch.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

class Output {
 public:
  // Writes into `room` first, if there is any, and moves to the buffer when that is too small.
  Output(Buffer<char>* buffer, Scratch* scratch, size_t limit,
         const volatile std::sig_atomic_t* interrupt, std::span<char> room = {}) noexcept
      : buffer_(buffer), scratch_(scratch), interrupt_(interrupt), limit_(limit), room_(room) {
    begin_ = at_ = room_.empty() ? buffer->data : room_.data();
    const size_t capacity = room_.empty() ? buffer->capacity : room_.size();
    end_ = at_ == nullptr ? at_ : at_ + std::min({capacity, limit_, kPollBytes});
  }

  // Room for `bytes` more, or null and a code.
  char* Reserve(size_t bytes) noexcept {
    return bytes <= static_cast<size_t>(end_ - at_) ? at_ : Grow(bytes);
  }
  void Advance(char* end) noexcept { at_ = end; }

  bool Append(const char* text, size_t length) noexcept {
    char* at = Reserve(length);
    if (at == nullptr) return length == 0 && code_ == Code::kOk;
    Copy(text, length, at);
    at_ = at + length;
    return true;
  }

  bool Put(char c) noexcept {
    ++marks_;
    char* at = Reserve(1);
    if (at == nullptr) return false;
    *at = c;
    at_ = at + 1;
    return true;
  }

  bool Fill(char c, size_t count) noexcept {
    char* at = Reserve(count);
    if (at == nullptr) return count == 0 && code_ == Code::kOk;
    std::memset(at, c, count);
    at_ = at + count;
    return true;
  }

  // A value as it prints. False: code() says why, or it is nested too deep.
  bool Print(json::Value value, uint32_t json_depth) noexcept;

  bool Number(json::Value value) noexcept {
    if (end_ - at_ >= json::kSmallIntegerDigits) {
      char* end = json::WriteSmallInteger(value, at_);
      if (end != nullptr) {
        at_ = end;
        return true;
      }
    }
    char* at = Reserve(json::NumberTextLength(value));
    if (at == nullptr) return false;
    at_ = json::WriteNumber(value, at);
    return true;
  }

  json::Cursor* Level(uint32_t depth) noexcept {
    if (!scratch_->levels.Reserve(size_t{depth} + 1)) {
      code_ = Code::kOutOfMemory;
      return nullptr;
    }
    return &scratch_->levels.data[depth];
  }

  bool AppendHtml(const char* text, size_t length) noexcept;

  // False: the caller's flag is up.
  bool Poll() noexcept {
    if (interrupt_ == nullptr || *interrupt_ == 0) return true;
    code_ = Code::kInterrupted;
    return false;
  }

  void CountMark() noexcept { ++marks_; }
  // How many characters were put one by one, as the brackets and commas of JSON are, since this was
  // asked last.
  uint64_t TakeMarks() noexcept { return std::exchange(marks_, 0); }

  Code code() const noexcept { return code_; }
  size_t size() const noexcept { return static_cast<size_t>(at_ - begin_); }
  std::string_view text() const noexcept {
    if (begin_ == nullptr) return "";  // not null, also of nothing
    return {begin_, size()};
  }

 private:
  static constexpr size_t kPollBytes = size_t{1} << 20;

  // Most pieces of a template are too short for a call to pay.
  static void Copy(const char* from, size_t length, char* to) noexcept {
    if (length > 16) {
      std::memcpy(to, from, length);
    } else if (length >= 8) {
      CopyEnds<8>(from, length, to);
    } else if (length >= 4) {
      CopyEnds<4>(from, length, to);
    } else if (length > 0) {
      to[0] = from[0];
      to[length / 2] = from[length / 2];
      to[length - 1] = from[length - 1];
    }
  }
  template <size_t kBytes>
  static void CopyEnds(const char* from, size_t length, char* to) noexcept {
    char first[kBytes], last[kBytes];
    std::memcpy(first, from, kBytes);
    std::memcpy(last, from + length - kBytes, kBytes);
    std::memcpy(to, first, kBytes);
    std::memcpy(to + length - kBytes, last, kBytes);
  }

  char* Grow(size_t bytes) noexcept;
  bool Extend(size_t bytes) noexcept;

  Buffer<char>* buffer_;
  Scratch* scratch_;
  const volatile std::sig_atomic_t* interrupt_;
  size_t limit_;
  std::span<char> room_;  // none: the text is in the buffer
  char* begin_;
  char* at_;
  char* end_;  // of what may be written without a closer look
  uint64_t marks_ = 0;
  Code code_ = Code::kOk;
};

// A sink for JSON whose text is escaped for HTML.
class HtmlOutput {
 public:
  explicit HtmlOutput(Output* out) noexcept : out_(out) {}
  bool Put(char c) noexcept {
    out_->CountMark();
    return out_->AppendHtml(&c, 1);
  }
  bool Append(const char* text, size_t length) noexcept { return out_->AppendHtml(text, length); }
  bool Number(json::Value value) noexcept { return out_->Number(value); }
  json::Cursor* Level(uint32_t depth) noexcept { return out_->Level(depth); }

 private:
  Output* out_;
};

}  // namespace promptreg::tmpl
