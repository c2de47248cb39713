#include "core/template/pattern.h"

#include <algorithm>
#include <charconv>

#include "core/template/error_text.h"
#include "core/template/program.h"
#include "core/template/encoding.h"

namespace promptreg::tmpl {
namespace {

// Compiling takes half a microsecond for an instruction, and more than RE2's bound of memory lets
// it make comes to nothing: the larger of them is some 3 ms.
constexpr size_t kLeastMemory = size_t{32} << 10;
constexpr size_t kMostMemory = size_t{128} << 10;
// Before it compiles anything it parses, and takes 70 microseconds for each class of Unicode.
constexpr size_t kLongest = 1000;
constexpr int kMostClasses = 20;

// Instructions of the pattern that are tried times bytes of the text: what the slowest of RE2's
// engines does, at six nanoseconds for each.
constexpr size_t kMostSteps = 1'250'000;
constexpr size_t kStepsOfOperation = 64;
// Of one class, what can be tried at a time are the first bytes of its characters, or what may
// follow one of them.
constexpr size_t kWidestClass = 128;

constexpr size_t kInstructionBytes = 8;
constexpr size_t kOtherBytes = 4096;   // of an RE2 object
constexpr size_t kLeastCounted = 100;  // instructions, for what every pattern takes

bool ReadNumber(std::string_view* text, uint32_t* number) {
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (problem != std::errc()) return false;
  // {01} is no count to RE2.
  if (text->front() == '0' && end != text->data() + 1) return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return true;
}

// {3}, {3,} or {3,5}, and no more of them than RE2 takes.
bool ReadCount(std::string_view text, Repetition* repetition) {
  constexpr uint32_t kMost = 1000;
  if (text.size() < 3 || text.front() != '{' || text.back() != '}') return false;
  text = text.substr(1, text.size() - 2);
  if (!ReadNumber(&text, &repetition->least) || repetition->least > kMost) return false;
  repetition->most = text.empty() ? repetition->least : UINT32_MAX;
  if (text.empty()) return true;
  if (text.front() != ',') return false;
  text.remove_prefix(1);
  if (text.empty()) return true;
  return ReadNumber(&text, &repetition->most) && text.empty() && repetition->most <= kMost &&
         repetition->least <= repetition->most;
}

// [..] at the start of a text: where it ends. 0: it does not.
size_t BracketLength(std::string_view text) {
  size_t i = 1;
  if (i < text.size() && text[i] == '^') ++i;
  if (i < text.size() && text[i] == ']') ++i;
  while (i < text.size() && text[i] != ']') {
    if (text[i] == '\\') {
      i += 2;
    } else if (text.substr(i, 2) == "[:") {
      const size_t end = text.find(":]", i + 2);
      i = end == std::string_view::npos ? i + 1 : end + 2;
    } else {
      ++i;
    }
  }
  return i < text.size() ? i + 1 : 0;
}

// What stands for one character of a class, at the start of a text: how long it is. 0: there is
// none.
size_t ClassLength(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == '.') return 1;
  if (text[0] == '[') return BracketLength(text);
  if (text[0] != '\\' || text.size() < 2) return 0;
  if (std::string_view("dDsSwW").find(text[1]) != std::string_view::npos) return 2;
  if (text[1] != 'p' && text[1] != 'P') return 0;
  if (text.size() < 3) return 0;
  if (text[2] != '{') return 3;
  const size_t end = text.find('}');
  return end == std::string_view::npos ? 0 : end + 1;
}

int CountUnicodeClasses(std::string_view text) {
  int count = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') continue;
    ++i;
    if (text[i] == 'p' || text[i] == 'P') ++count;
  }
  return count;
}

bool IsTooLong(std::string_view text, std::string* problem) {
  if (text.size() > kLongest) {
    *problem = "it has more than " + std::to_string(kLongest) + " bytes";
    return true;
  }
  if (CountUnicodeClasses(text) <= kMostClasses) return false;
  *problem = "it has more than " + std::to_string(kMostClasses) + " classes of Unicode";
  return true;
}

}  // namespace

Repetition ReadRepetition(std::string_view pattern) {
  // The whole text must match anyway.
  if (pattern.starts_with('^')) pattern.remove_prefix(1);
  if (pattern.ends_with('$') && !pattern.ends_with("\\$")) pattern.remove_suffix(1);
  const size_t length = ClassLength(pattern);
  if (length == 0) return {};
  Repetition repetition = {.character = pattern.substr(0, length)};
  const std::string_view rest = pattern.substr(length);
  if (rest == "*") return repetition;
  if (rest == "+") {
    repetition.least = 1;
    return repetition;
  }
  return ReadCount(rest, &repetition) ? repetition : Repetition{};
}

// With little memory if that is enough, and counted as what it is.
std::unique_ptr<Pattern> Pattern::Compile(std::string_view text, std::string* problem) {
  if (IsTooLong(text, problem)) return nullptr;
  Repetition repetition = ReadRepetition(text);
  std::string repeated;
  if (!repetition.character.empty()) {
    repeated.append(repetition.character).append("*");
    text = repeated;
  }
  RE2::Options options(RE2::Quiet);
  options.set_never_capture(true);
  for (const size_t memory : {kLeastMemory, kMostMemory}) {
    options.set_max_mem(static_cast<int64_t>(memory));
    auto pattern = std::make_unique<Pattern>(Key{}, text, options, repetition);
    if (pattern->expression_.ok()) return pattern;
    *problem = pattern->expression_.error();
    if (pattern->expression_.error_code() != RE2::ErrorPatternTooLarge) break;
  }
  return nullptr;
}

bool Pattern::RefusesLength(size_t bytes) const {
  constexpr size_t kLongestCharacter = 4;
  return !repetition_.character.empty() &&
         (bytes < repetition_.least || bytes / kLongestCharacter > repetition_.most);
}

bool Pattern::Matches(std::string_view text) const {
  if (!repetition_.character.empty()) {
    if (RefusesLength(text.size())) return false;
    const uint64_t characters = CountCharacters(text, nullptr);
    if (characters < repetition_.least || characters > repetition_.most) return false;
  }
  return RE2::FullMatch(View(text), expression_);
}

size_t Pattern::instructions() const {
  return static_cast<size_t>(std::max(expression_.ProgramSize(), 1));
}

// How many instructions can be tried for a byte.
size_t Pattern::Width() const {
  return repetition_.character.empty() ? instructions() : std::min(instructions(), kWidestClass);
}

size_t Pattern::most_bytes() const {
  // Longer texts are refused by their length.
  if (!repetition_.character.empty() && repetition_.most != UINT32_MAX) return SIZE_MAX;
  return kMostSteps / Width();
}

uint64_t Pattern::Operations(std::string_view text) const {
  if (RefusesLength(text.size())) return 0;
  return uint64_t{text.size()} * Width() / kStepsOfOperation;
}

// RE2 gives two thirds of its memory to the program that matches forwards; half of what that leaves
// is for the states of such matches as these.
size_t Pattern::memory() const {
  const size_t program = instructions() * kInstructionBytes;
  const size_t share = memory_ / 3 * 2;
  return kOtherBytes + program + (share > program ? (share - program) / 2 : 0);
}

const Pattern* PatternSet::Add(std::string_view text, std::string* problem) {
  const auto known = patterns_.find(text);
  if (known != patterns_.end()) return known->second.get();
  std::unique_ptr<Pattern> pattern = Pattern::Compile(text, problem);
  if (pattern == nullptr) return nullptr;
  instructions_ += std::max(pattern->instructions(), kLeastCounted);
  memory_ += pattern->memory();
  return patterns_.emplace(text, std::move(pattern)).first->second.get();
}

bool CompilePatterns(ProgramView program, const volatile std::sig_atomic_t* interrupt,
                     Patterns** patterns, Error* error) {
  *patterns = nullptr;
  *error = Error();
  const uint32_t count = program.variable_count();
  std::unique_ptr<Patterns> made;
  for (uint32_t i = 0; i < count; ++i) {
    const Variable variable = program.variable(i);
    if (variable.pattern.missing()) continue;
    if (interrupt != nullptr && *interrupt != 0) {
      error->code = Code::kInterrupted;
      return false;
    }
    if (made == nullptr) {
      made = std::make_unique<Patterns>();
      made->of_variable.resize(count);
    }
    std::string problem;
    made->of_variable[i] = made->set.Add(variable.pattern.string(), &problem);
    if (made->of_variable[i] != nullptr) continue;
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
  return sizeof(patterns) + patterns.of_variable.size() * sizeof(void*) + patterns.set.memory();
}

void ReleasePatterns(Patterns* patterns) noexcept {
  const std::unique_ptr<Patterns> last(patterns);
}

}  // namespace promptreg::tmpl
