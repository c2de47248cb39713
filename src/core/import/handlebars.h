// The tags of Handlebars, as Dotprompt uses them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace promptreg::imports {

struct Expression {
  enum class Type : uint8_t { kPath, kString, kNumber, kTrue, kFalse, kNull };
  Type type = Type::kPath;
  size_t position = 0;
  std::string_view text;  // as written, a string with its quotes
  std::string string;     // what a string says
  // Of a path:
  uint32_t up = 0;                         // how many ../ it starts with
  bool data = false;                       // it starts with @
  bool explicit_this = false;              // it starts with this or a dot
  std::vector<std::string_view> segments;  // none: this

  bool IsName(std::string_view name) const {
    return type == Type::kPath && up == 0 && !data && !explicit_this && segments.size() == 1 &&
           segments[0] == name;
  }
};

struct Argument {
  std::string_view name;
  Expression value;
};

struct Tag {
  enum class Type : uint8_t { kValue, kOpen, kElse, kClose, kPartial, kComment };
  Type type = Type::kValue;
  bool raw = false;  // {{{x}}} or {{&x}}
  size_t begin = 0, end = 0;
  std::string_view comment;
  std::string_view partial;       // its name
  std::vector<Expression> words;  // the first one, and its arguments
  std::vector<Argument> named;    // arguments with names
};

struct TagProblem {
  size_t position = 0;
  std::string message;
  std::string hint;
};

// The tag that text has at `begin`, where it has two braces. False: *problem says why it is none
// that can be imported.
bool ReadTag(std::string_view text, size_t begin, Tag* tag, TagProblem* problem);

}  // namespace promptreg::imports
