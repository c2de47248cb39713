#include <algorithm>
#include <cstring>

#include "core/json/escape.h"
#include "core/json/layout.h"
#include "core/json/numeric.h"
#include "core/json/outline.h"

namespace promptreg::json {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kPiece = 64 * 1024;  // of a text, between two looks at the caller's flag
constexpr uint32_t kLot = 1024;       // of notes
constexpr size_t kWord = 8;
constexpr size_t kLongestNumber = 200'000;       // no numeric has as many digits
constexpr uint64_t kMost = layout::kLengthMask;  // bytes of a layout, and of a text

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool IsOfNumber(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

class Scanner {
 public:
  Scanner(std::string_view text, const ParseOptions& options, Interrupt interrupt, Outline* outline)
      : options_(options),
        interrupt_(interrupt),
        outline_(outline),
        at_(text.data()),
        end_(text.data() + text.size()) {
    outline->text = text;
    outline->count = outline->made_length = outline->depth = 0;
  }

  Outcome Run() noexcept {
    if (outline_->text.size() > kMost || !ReadAll()) return outcome_;
    if (!SkipBlanks() || at_ != end_) return outcome_;
    outline_->size = static_cast<uint32_t>(size_);
    return Outcome::kOk;
  }

 private:
  // The innermost container that is open keeps the one around it where it will say what comes next.
  bool ReadAll() noexcept {
    bool value_follows = true;
    do {
      if (value_follows) {
        value_follows = false;
        if (!ReadValue(&value_follows)) return false;
      } else if (!CloseOrGoOn(&value_follows)) {
        return false;
      }
    } while (open_ != kNone);
    return true;
  }

  // *opened: it was the start of a container that is not empty; its first value follows.
  bool ReadValue(bool* opened) noexcept {
    if (!SkipBlanks() || at_ == end_) return false;
    switch (*at_) {
      case '"':
        ++at_;
        return ReadString();
      case '{':
        return Open(Kind::kObject, opened);
      case '[':
        return Open(Kind::kArray, opened);
      case 't':
        return ReadWord("true", Kind::kTrue);
      case 'f':
        return ReadWord("false", Kind::kFalse);
      case 'n':
        return ReadWord("null", Kind::kNull);
      default:
        return ReadNumber();
    }
  }

  bool Open(Kind kind, bool* opened) noexcept {
    if (depth_ == options_.max_depth) return false;
    ++at_;
    if (!Add(kind, {}, false)) return false;
    outline_->depth = std::max(outline_->depth, ++depth_);
    Note& note = outline_->notes.data[outline_->count - 1];
    note.next = open_;
    open_ = outline_->count - 1;
    if (Take(kind == Kind::kObject ? '}' : ']')) {
      Close();
      return true;
    }
    *opened = true;
    return GoOn(kind);
  }

  void Close() noexcept {
    Note& note = outline_->notes.data[open_];
    open_ = note.next;
    note.next = outline_->count;
    --depth_;
  }

  // Behind a value within a container.
  bool CloseOrGoOn(bool* value_follows) noexcept {
    const Kind kind = outline_->notes.data[open_].kind;
    if (Take(kind == Kind::kObject ? '}' : ']')) {
      Close();
      return true;
    }
    *value_follows = true;
    return Take(',') && GoOn(kind);
  }

  // Before a member of the innermost container.
  bool GoOn(Kind kind) noexcept {
    ++outline_->notes.data[open_].length;
    return kind == Kind::kArray || (Take('"') && ReadString() && Take(':'));
  }

  bool ReadWord(std::string_view word, Kind kind) noexcept {
    if (std::string_view(at_, static_cast<size_t>(end_ - at_)).substr(0, word.size()) != word) {
      return false;
    }
    at_ += word.size();
    return Add(kind, {}, false);
  }

  bool ReadNumber() noexcept {
    const char* begin = at_;
    const char* const stop = begin + std::min(static_cast<size_t>(end_ - begin), kLongestNumber);
    while (at_ < stop && IsOfNumber(*at_)) ++at_;
    const std::string_view number(begin, static_cast<size_t>(at_ - begin));
    if (!Reserve(NumberRoom(number.size()))) return false;
    const size_t size = ParseNumber(number, outline_->made.data + outline_->made_length);
    return size > 0 && AddMade(Kind::kNumber, size);
  }

  // Behind the opening quotation mark.
  bool ReadString() noexcept {
    const char* begin = at_;
    if (!SkipPlain()) return false;
    if (*at_ != '"') return ReadEscaped(begin);
    ++at_;
    return Add(Kind::kString,
               {static_cast<uint32_t>(begin - outline_->text.data()),
                static_cast<uint32_t>(at_ - 1 - begin)},
               false);
  }

  // To the next byte of a string that does not stand for itself; false: there is none.
  bool SkipPlain() noexcept {
    for (;;) {
      const size_t piece = std::min(static_cast<size_t>(end_ - at_), kPiece);
      const size_t plain = PlainPrefix(at_, piece);
      at_ += plain;
      if (plain < piece) return true;
      if (at_ == end_ || !Poll()) return false;
    }
  }

  // A string in which SkipPlain has stopped for the first time. Without its escapes it is shorter.
  bool ReadEscaped(const char* begin) noexcept {
    if (!Reserve(static_cast<size_t>(end_ - begin) + kWord)) return false;
    char* const made = outline_->made.data + outline_->made_length;
    std::memcpy(made, begin, static_cast<size_t>(at_ - begin));
    char* out = made + (at_ - begin);
    while (*at_ == '\\') {
      if (!ReadEscape(&out) || !CopyPlain(&out)) return false;
    }
    return *at_++ == '"' && AddMade(Kind::kString, static_cast<size_t>(out - made));
  }

  // What SkipPlain does, with a copy, of whole words for speed.
  bool CopyPlain(char** out) noexcept {
    const char* poll = at_ + kPiece;
    while (end_ - at_ >= static_cast<ptrdiff_t>(kWord)) {
      std::memcpy(*out, at_, kWord);
      const size_t plain = PlainOfEight(at_);
      *out += plain;
      at_ += plain;
      if (plain < kWord) return true;
      if (at_ > poll) {
        if (!Poll()) return false;
        poll = at_ + kPiece;
      }
    }
    while (at_ < end_ && !NeedsEscape(*at_)) *(*out)++ = *at_++;
    return at_ < end_;
  }

  bool ReadEscape(char** out) noexcept {
    if (++at_ == end_) return false;
    char meaning = *at_++;
    switch (meaning) {
      case 'u':
        return ReadCodeUnit(out);
      case '"':
      case '\\':
      case '/':
        break;
      case 'b':
        meaning = '\b';
        break;
      case 'f':
        meaning = '\f';
        break;
      case 'n':
        meaning = '\n';
        break;
      case 'r':
        meaning = '\r';
        break;
      case 't':
        meaning = '\t';
        break;
      default:
        return false;
    }
    *(*out)++ = meaning;
    return true;
  }

  bool ReadHex(uint32_t* unit) noexcept {
    if (end_ - at_ < 4) return false;
    *unit = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = *at_++;
      const char lower = static_cast<char>(c | 0x20);
      uint32_t digit;
      if (c >= '0' && c <= '9') {
        digit = static_cast<uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        digit = static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        return false;
      }
      *unit = *unit << 4 | digit;
    }
    return true;
  }

  bool ReadCodeUnit(char** out) noexcept {
    uint32_t character, low;
    if (!ReadHex(&character) || character == 0) return false;
    if (character >= 0xDC00 && character < 0xE000) return false;
    if (character >= 0xD800 && character < 0xDC00) {
      if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return false;
      at_ += 2;
      if (!ReadHex(&low) || low < 0xDC00 || low > 0xDFFF) return false;
      character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
    }
    if (character >= 0x80 && !options_.utf8) return false;
    Append(character, out);
    return true;
  }

  static void Append(uint32_t character, char** out) noexcept {
    const auto put = [&](uint32_t byte) { *(*out)++ = static_cast<char>(byte); };
    if (character < 0x80) return put(character);
    if (character < 0x800) {
      put(0xC0 | character >> 6);
    } else if (character < 0x10000) {
      put(0xE0 | character >> 12);
      put(0x80 | (character >> 6 & 0x3F));
    } else {
      put(0xF0 | character >> 18);
      put(0x80 | (character >> 12 & 0x3F));
      put(0x80 | (character >> 6 & 0x3F));
    }
    put(0x80 | (character & 0x3F));
  }

  bool Take(char c) noexcept {
    if (!SkipBlanks() || at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  // False: interrupted.
  bool SkipBlanks() noexcept {
    size_t count = 0;
    while (at_ < end_ && IsBlank(*at_)) {
      ++at_;
      if (++count % kPiece == 0 && !Poll()) return false;
    }
    return true;
  }

  bool Poll() noexcept {
    if (interrupt_ == nullptr || *interrupt_ == 0) return true;
    outcome_ = Outcome::kInterrupted;
    return false;
  }

  bool Reserve(size_t bytes) noexcept {
    if (outline_->made.Reserve(outline_->made_length + bytes)) return true;
    outcome_ = Outcome::kOutOfMemory;
    return false;
  }

  // What has been made and is not noted yet.
  bool AddMade(Kind kind, size_t size) noexcept {
    const uint32_t begin = outline_->made_length;
    outline_->made_length += static_cast<uint32_t>(size);
    return Add(kind, {begin, static_cast<uint32_t>(size)}, true);
  }

  struct Range {
    uint32_t begin = 0, length = 0;
  };
  bool Add(Kind kind, Range range, bool made) noexcept {
    constexpr uint64_t kEntry = 4, kPadding = 3, kHeader = 4;
    size_ += kEntry + kPadding + kHeader + range.length;
    const uint32_t count = outline_->count++;
    if (size_ > kMost || (count % kLot == 0 && !Poll())) return false;
    if (!outline_->notes.Reserve(size_t{count} + 1)) {
      outcome_ = Outcome::kOutOfMemory;
      return false;
    }
    outline_->notes.data[count] = {.begin = range.begin,
                                   .length = range.length,
                                   .next = count + 1,
                                   .kind = kind,
                                   .made = made};
    return true;
  }

  const ParseOptions& options_;
  const Interrupt interrupt_;
  Outline* const outline_;
  const char* at_;
  const char* const end_;
  uint32_t open_ = kNone;  // the innermost container that is
  uint32_t depth_ = 0;
  uint64_t size_ = 4;  // the root's own header, of a scalar
  Outcome outcome_ = Outcome::kRefused;
};

}  // namespace

Outcome Scan(std::string_view text, const ParseOptions& options, Interrupt interrupt,
             Outline* outline) noexcept {
  return Scanner(text, options, interrupt, outline).Run();
}

}  // namespace promptreg::json
