// Composing the texts of an Error in place: nothing is allocated, and what does not fit is cut
// between characters and ends in "...".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/json/value.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

class ErrorText {
 public:
  template <size_t kSize>
  explicit ErrorText(char (&buffer)[kSize]) : buffer_(buffer), capacity_(kSize - 1) {
    buffer_[0] = '\0';
  }
  ErrorText(char* buffer, size_t size) : buffer_(buffer), capacity_(size - 1) { buffer_[0] = '\0'; }
  ErrorText& operator<<(std::string_view text);
  ErrorText& operator<<(uint64_t number);
  size_t left() const { return capacity_ - length_; }

 private:
  char* buffer_;
  size_t capacity_;
  size_t length_ = 0;
  bool full_ = false;
};

// Where all that is wrong with so many things is listed, with room for so many bytes about each:
// in the scratch, or in the error where there is no memory.
ErrorText StartList(size_t count, size_t bytes, Scratch* scratch, Error* error);

// Takes a list that fits there into the error.
void FinishList(Error* error);

// The longest prefix of at most `bytes` bytes that does not end within a character.
std::string_view CutText(std::string_view text, size_t bytes);

// `text` in double quotes, shortened to about 40 characters, with control characters escaped.
void AppendQuoted(std::string_view text, ErrorText* out);

// Says what a value is, such as: the string "5".
void AppendDescription(json::Value value, ErrorText* out);

// Sets line and column of an offset in a text, and shows the line with a caret under the place in
// detail. snippet: the name of the snippet that the text belongs to, or empty.
void SetPosition(std::string_view text, size_t offset, std::string_view snippet,
                 const Encoding* encoding, Error* error);

}  // namespace promptreg::tmpl
