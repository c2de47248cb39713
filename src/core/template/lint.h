// What is valid in templates and yet most likely a mistake, or a risk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/template/template.h"

namespace promptreg::tmpl {

enum class Lint : uint8_t {
  kUnusedVariable,      // declared, and in no text
  kSingleBraces,        // {x} in Mustache, which is text
  kDoubleBraces,        // {{x}} in an f-string, which is text in braces
  kUntrustedText,       // a variable that anybody may fill is inserted into instructions
  kFilterNotReached,    // a tag inserts a part of a variable without the filter declared for that
  kConstantComparison,  // no value that a variable may have makes a difference
  kHandlebarsName,      // {{this}}, which is a variable here
  kMemberOfPlainValue,  // {{x.y}} of what is declared as having no members
  kTagInKeptKey,        // a tag in what is kept as it is (core/chat)
  kMoreWarnings,        // there are others, which are not told
};

// As in: unused_variable.
std::string_view LintName(Lint lint);

struct Warning {
  Lint lint = Lint::kUnusedVariable;
  std::string variable;
  std::string snippet;  // that the text belongs to; empty: none
  uint32_t part = 0;    // index of the text in Source::parts
  uint32_t line = 0;    // from 1; 0: no position
  uint32_t column = 0;  // from 1, in characters
  std::string message, detail, hint;
};

// The warnings of texts, each once for a variable: first those without a position, then in the
// order of the texts. instructions: for each part, whether it is what a model is told to obey.
// False: the source does not compile, and *error says why.
bool FindWarnings(const Source& source, const std::vector<bool>& instructions, const Limits& limits,
                  std::vector<Warning>* warnings, Error* error);

}  // namespace promptreg::tmpl
