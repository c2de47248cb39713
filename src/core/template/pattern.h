// Patterns of variables, by RE2: whatever the pattern, a match takes linear time and bounded
// memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <re2/re2.h>
#include <re2/stringpiece.h>

#include "core/template/template.h"

namespace promptreg::tmpl {

class Pattern {
  struct Key {};  // only Compile has it

 public:
  Pattern(Key, std::string_view text, const RE2::Options& options, size_t memory)
      : expression_(View(text), options), memory_(memory) {}

  // nullptr: *problem says why it is no pattern.
  static std::unique_ptr<Pattern> Compile(std::string_view text, std::string* problem);

  // Whether it matches the whole of a text, which has at most most_bytes().
  bool Matches(std::string_view text) const;

  // A match cannot be interrupted, so no text may be longer than what is matched in some
  // milliseconds.
  size_t most_bytes() const;
  // What matching a text costs, in operations of a rendering.
  uint64_t Operations(std::string_view text) const;

  size_t memory() const { return memory_; }  // at most, in bytes

 private:
  // Some builds of RE2 have a view of their own.
  static re2::StringPiece View(std::string_view text) { return {text.data(), text.size()}; }

  RE2 expression_;
  size_t memory_;
};

struct Patterns {
  std::vector<std::unique_ptr<Pattern>> of_variable;  // nullptr: it has none
};

}  // namespace promptreg::tmpl
