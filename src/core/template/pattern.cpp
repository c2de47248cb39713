#include "core/template/pattern.h"

#include <algorithm>

#include "core/template/error_text.h"
#include "core/template/program.h"

namespace promptreg::tmpl {
namespace {

constexpr size_t kLeastMemory = size_t{32} << 10;
constexpr size_t kMostMemory = size_t{2048} << 10;

// Instructions of the pattern times bytes of the text: what the slowest of RE2's engines does.
constexpr size_t kMostSteps = 4'000'000;
constexpr size_t kStepsOfOperation = 64;

size_t Instructions(const RE2& expression) {
  return static_cast<size_t>(std::max(expression.ProgramSize(), 1));
}

}  // namespace

// With the least memory that is enough, which is also what it is counted as.
std::unique_ptr<Pattern> Pattern::Compile(std::string_view text, std::string* problem) {
  RE2::Options options(RE2::Quiet);
  options.set_never_capture(true);
  for (size_t memory = kLeastMemory;; memory *= 4) {
    options.set_max_mem(static_cast<int64_t>(memory));
    auto pattern = std::make_unique<Pattern>(Key{}, text, options, memory);
    if (pattern->expression_.ok()) return pattern;
    const bool too_large = pattern->expression_.error_code() == RE2::ErrorPatternTooLarge;
    if (too_large && memory < kMostMemory) continue;
    *problem = pattern->expression_.error();
    return nullptr;
  }
}

bool Pattern::Matches(std::string_view text) const {
  return RE2::FullMatch(View(text), expression_);
}

size_t Pattern::most_bytes() const {
  return kMostSteps / Instructions(expression_);
}

uint64_t Pattern::Operations(std::string_view text) const {
  return uint64_t{text.size()} * Instructions(expression_) / kStepsOfOperation;
}

bool CompilePatterns(ProgramView program, Patterns** patterns, Error* error) {
  *patterns = nullptr;
  const uint32_t count = program.variable_count();
  std::unique_ptr<Patterns> made;
  for (uint32_t i = 0; i < count; ++i) {
    const Variable variable = program.variable(i);
    if (variable.pattern.missing()) continue;
    if (made == nullptr) {
      made = std::make_unique<Patterns>();
      made->of_variable.resize(count);
    }
    std::string problem;
    made->of_variable[i] = Pattern::Compile(variable.pattern.string(), &problem);
    if (made->of_variable[i] != nullptr) continue;
    *error = Error();
    error->code = Code::kInvalidDeclaration;
    ErrorText message(error->message);
    message << "variable ";
    AppendQuoted(variable.name, &message);
    message << ": invalid pattern: " << problem;
    return false;
  }
  *patterns = made.release();
  return true;
}

size_t PatternsSize(const Patterns& patterns) {
  size_t size = sizeof(patterns) + patterns.of_variable.size() * sizeof(patterns.of_variable[0]);
  for (const std::unique_ptr<Pattern>& pattern : patterns.of_variable) {
    if (pattern != nullptr) size += pattern->memory();
  }
  return size;
}

void ReleasePatterns(Patterns* patterns) noexcept {
  const std::unique_ptr<Patterns> last(patterns);
}

}  // namespace promptreg::tmpl
