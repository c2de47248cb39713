// Patterns of variables, by RE2: whatever the pattern, compiling it takes milliseconds, and a match
// linear time and bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <re2/re2.h>
#include <re2/stringpiece.h>

#include "core/template/template.h"

namespace promptreg::tmpl {

// What a pattern says of a text: every character is one of a class, and so many are there. RE2
// compiles [a-z]{1,40} to forty copies of the class, and one of Unicode's letters is 1,200
// instructions; so characters are counted here, and the class is compiled once, as [a-z]*.
struct Repetition {
  std::string_view character;  // the class; empty: the pattern is something else
  uint32_t least = 0;
  uint32_t most = UINT32_MAX;
};
Repetition ReadRepetition(std::string_view pattern);

class Pattern {
  struct Key {};  // only Compile has it

 public:
  Pattern(Key, std::string_view text, const RE2::Options& options, const Repetition& repetition)
      : expression_(View(text), options),
        repetition_(repetition),
        memory_(static_cast<size_t>(options.max_mem())) {}

  // nullptr: *problem says why it is no pattern.
  static std::unique_ptr<Pattern> Compile(std::string_view text, std::string* problem);

  // Whether it matches the whole of a text, which has at most most_bytes().
  bool Matches(std::string_view text) const;

  // A match cannot be interrupted, so no text may be longer than what is matched in some
  // milliseconds.
  size_t most_bytes() const;
  // What matching a text costs, in operations of a rendering.
  uint64_t Operations(std::string_view text) const;

  size_t instructions() const;  // that it is compiled to
  size_t memory() const;        // at most, in bytes

 private:
  // Some builds of RE2 have a view of their own.
  static re2::StringPiece View(std::string_view text) { return {text.data(), text.size()}; }
  size_t Width() const;
  bool RefusesLength(size_t bytes) const;

  RE2 expression_;
  Repetition repetition_;
  size_t memory_;
};

// Patterns, each compiled once.
class PatternSet {
 public:
  // The texts must live as long as the set. nullptr: *problem says why one is no pattern.
  const Pattern* Add(std::string_view text, std::string* problem);

  size_t instructions() const { return instructions_; }  // of all; of a small one, as of a larger
  size_t memory() const { return memory_; }

 private:
  std::unordered_map<std::string_view, std::unique_ptr<Pattern>> patterns_;
  size_t instructions_ = 0;
  size_t memory_ = 0;
};

// Of all variables of a version together.
inline constexpr size_t kMostInstructions = 100'000;

struct Patterns {
  PatternSet set;
  std::vector<const Pattern*> of_variable;  // nullptr: it has none
};

}  // namespace promptreg::tmpl
