#include "core/json/parse.h"

#include "core/json/builder.h"

namespace promptreg::json {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options) : text_(text), options_(options) {}

  // Without recursion: `open_` says which containers are open.
  bool Run() {
    bool value_follows = true;
    do {
      if (value_follows) {
        SkipBlanks();
        value_follows = false;
        if (!ReadValue(&value_follows)) return false;
      } else if (!CloseOrGoOn(&value_follows)) {
        return false;
      }
    } while (!open_.empty());
    SkipBlanks();
    return at_ == text_.size();
  }

  std::string Finish() { return builder_.Finish(); }

 private:
  static bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static bool EndsScalar(char c) {
    return IsBlank(c) || c == ',' || c == ']' || c == '}' || c == ':';
  }

  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }
  bool Take(char c) {
    SkipBlanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // *opened: it was the start of a container that is not empty; its first value follows.
  bool ReadValue(bool* opened) {
    if (Take('{')) return Open(true, opened);
    if (Take('[')) return Open(false, opened);
    std::string string;
    if (Take('"')) {
      if (!ReadString(&string)) return false;
      builder_.String(string);
      return true;
    }
    const size_t begin = at_;
    while (at_ < text_.size() && !EndsScalar(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (word == "null") {
      builder_.Null();
    } else if (word == "true" || word == "false") {
      builder_.Bool(word == "true");
    } else {
      return builder_.Number(word);
    }
    return true;
  }

  bool Open(bool object, bool* opened) {
    if (open_.size() == options_.max_depth) return false;
    open_.push_back(object ? '}' : ']');
    if (object) {
      builder_.BeginObject();
    } else {
      builder_.BeginArray();
    }
    if (Take(open_.back())) {
      Close();
      return true;
    }
    *opened = true;
    return !object || ReadKey();
  }

  void Close() {
    if (open_.back() == '}') {
      builder_.EndObject();
    } else {
      builder_.EndArray();
    }
    open_.pop_back();
  }

  bool ReadKey() {
    std::string key;
    if (!Take('"') || !ReadString(&key) || !Take(':')) return false;
    builder_.Key(key);
    return true;
  }

  // Behind a value within a container.
  bool CloseOrGoOn(bool* value_follows) {
    if (Take(open_.back())) {
      Close();
      return true;
    }
    *value_follows = true;
    return Take(',') && (open_.back() == ']' || ReadKey());
  }

  // Behind the opening quotation mark.
  bool ReadString(std::string* string) {
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        string->push_back(c);
      } else if (at_ == text_.size() || !ReadEscape(text_[at_++], string)) {
        return false;
      }
    }
    return false;
  }

  bool ReadEscape(char c, std::string* string) {
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (c == 'u') return ReadCodeUnit(string);
    const size_t index = kLetters.find(c);
    if (index == std::string_view::npos) return false;
    string->push_back(kMeanings[index]);
    return true;
  }

  bool ReadHex(uint32_t* unit) {
    if (text_.size() - at_ < 4) return false;
    *unit = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
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

  bool ReadCodeUnit(std::string* string) {
    uint32_t character, low;
    if (!ReadHex(&character) || character == 0) return false;
    if (character >= 0xDC00 && character < 0xE000) return false;
    if (character >= 0xD800 && character < 0xDC00) {
      if (text_.substr(at_, 2) != "\\u") return false;
      at_ += 2;
      if (!ReadHex(&low) || low < 0xDC00 || low > 0xDFFF) return false;
      character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
    }
    if (character >= 0x80 && !options_.utf8) return false;
    AppendCharacter(character, string);
    return true;
  }

  static void AppendCharacter(uint32_t character, std::string* string) {
    const auto put = [&](uint32_t byte) { string->push_back(static_cast<char>(byte)); };
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

  const std::string_view text_;
  const ParseOptions& options_;
  size_t at_ = 0;
  std::string open_;  // what closes each container
  Builder builder_;
};

}  // namespace

std::string Parse(std::string_view text, const ParseOptions& options) {
  Parser parser(text, options);
  return parser.Run() ? parser.Finish() : std::string();
}

}  // namespace promptreg::json
