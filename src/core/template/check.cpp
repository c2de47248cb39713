#include "core/template/check.h"

#include <algorithm>
#include <cstring>

#include "core/json/numeric.h"
#include "core/template/coerce.h"
#include "core/template/error_text.h"
#include "core/template/rules.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;
using json::Value;

class Checker {
 public:
  Checker(const Layout& program, const Patterns* patterns, const RenderOptions& options,
          Scratch* scratch, Error* error)
      : program_(program),
        patterns_(patterns),
        options_(options),
        scratch_(scratch),
        slots_(scratch->slots.data),
        error_(error),
        detail_(error->detail) {}

  Code Run() {
    if (!ReserveCoerced()) return Stop(Code::kOutOfMemory, "out of memory");
    for (uint32_t i = 0; i < program_.header().variable_count; ++i) {
      if (options_.interrupt != nullptr && *options_.interrupt != 0)
        return Stop(Code::kInterrupted, "rendering was interrupted");
      if (!Check(i)) return Stop(Code::kInterrupted, "rendering was interrupted");
      if (scratch_->operations > options_.limits.render_operations) {
        *error_ = Error();
        ErrorText(error_->message) << "checking variables exceeds the limit of "
                                   << options_.limits.render_operations << " operations";
        return error_->code = Code::kTooManyOperations;
      }
    }
    if (missing_ + invalid_ == 0) return Code::kOk;
    Conclude();
    return error_->code;
  }

 private:
  Code Stop(Code code, std::string_view message) {
    *error_ = Error();
    ErrorText(error_->message) << message;
    return error_->code = code;
  }

  // What is made of other values stays where it is until the next Bind.
  bool ReserveCoerced() {
    size_t space = 0;
    for (uint32_t i = 0; i < program_.header().variable_count; ++i) {
      const VariableEntry& variable = program_.variables()[i];
      if ((variable.flags & kCoerceFlag) != 0)
        space += CoercedSpace(slots_[variable.slot], variable.type);
    }
    return scratch_->coerced.Reserve(space);
  }

  Rules RulesOf(uint32_t index) const {
    const VariableEntry& variable = program_.variables()[index];
    const Value declaration = program_.container(variable.declaration);
    Rules rules = {.type = variable.type};
    rules.encoding = options_.encoding;
    if (variable.type == Type::kEnum) rules.values = declaration.Find("values");
    if ((variable.flags & kBoundedFlag) == 0) return rules;
    rules.min = declaration.Find("min");
    rules.max = declaration.Find("max");
    rules.pattern = declaration.Find("pattern");
    if (patterns_ != nullptr) rules.compiled = patterns_->of_variable[index];
    return rules;
  }

  // False: it was interrupted.
  bool Check(uint32_t index) {
    const VariableEntry& variable = program_.variables()[index];
    if ((variable.flags & kDeclaredFlag) == 0) return true;
    Value& value = slots_[variable.slot];
    const bool nullable = (variable.flags & kNullableFlag) != 0;
    if (value.missing() || (value.kind() == Kind::kNull && !nullable)) {
      Default(variable, &value);
      return true;
    }
    if (value.kind() == Kind::kNull) return true;
    const Rules rules = RulesOf(index);
    Value made = value;
    if ((variable.flags & kCoerceFlag) != 0)
      used_ += Coerce(variable.type, scratch_->coerced.data + used_, &made);
    Charge(made, rules);
    const Broken broken = FindBroken(made, rules, options_.interrupt);
    if (broken == Broken::kInterrupted) return false;
    if (broken == Broken::kNothing) {
      value = made;
      return true;
    }
    if (invalid_++ == 0 && missing_ == 0) first_ = program_.name(variable.slot);
    if (!Begin(variable)) return true;
    detail_ << " ";
    ExplainBroken(broken, made, rules, &detail_);
    return true;
  }

  void Default(const VariableEntry& variable, Value* value) {
    const Value given = *value;
    *value = program_.container(variable.declaration).Find("default");
    if (!value->missing() || (variable.flags & kRequiredFlag) == 0) return;
    if (missing_++ == 0) first_ = program_.name(variable.slot);
    if (!Begin(variable)) return;
    detail_ << " is missing, " << TypePhrase(variable.type) << " is required";
    if (!given.missing()) detail_ << ", not null";
  }

  // Characters are counted and patterns matched in time that grows with the text.
  void Charge(Value value, const Rules& rules) {
    constexpr uint64_t kBytes = 1024;
    if (value.kind() != Kind::kString) return;
    if (!rules.min.missing() || !rules.max.missing())
      scratch_->operations += value.string().size() / kBytes;
    if (rules.compiled != nullptr && value.string().size() <= rules.compiled->most_bytes())
      scratch_->operations += rules.compiled->Operations(value.string());
  }

  // The start of a line about a variable, as long as there is room for lines.
  bool Begin(const VariableEntry& variable) {
    constexpr uint64_t kListed = 1000;
    constexpr size_t kLine = 1200;  // at most
    if (missing_ + invalid_ == 1) {
      const uint64_t most = std::min<uint64_t>(program_.header().variable_count, kListed);
      detail_ = StartList(most, kLine, scratch_, error_);
    } else if (missing_ + invalid_ > kListed || detail_.left() < kLine) {
      unlisted_++;
      return false;
    } else {
      detail_ << "\n";
    }
    AppendQuoted(program_.name(variable.slot), &detail_);
    return true;
  }

  // A variable alone is named in the message.
  void Conclude() {
    error_->code = missing_ > 0 ? Code::kMissingVariable : Code::kInvalidVariable;
    if (unlisted_ > 0) detail_ << "\nand " << unlisted_ << " more";
    FinishList(error_);
    ErrorText message(error_->message);
    if (missing_ + invalid_ == 1) {
      message << "variable ";
      AppendQuoted(first_, &message);
      message << (missing_ > 0 ? " is missing" : " is invalid");
      return;
    }
    if (missing_ > 0)
      message << missing_ << (missing_ == 1 ? " variable is" : " variables are") << " missing";
    if (missing_ > 0 && invalid_ > 0) message << " and ";
    if (invalid_ > 0)
      message << invalid_ << (invalid_ == 1 ? " variable is" : " variables are") << " invalid";
  }

  const Layout& program_;
  const Patterns* const patterns_;
  const RenderOptions& options_;
  Scratch* const scratch_;
  Value* const slots_;
  Error* const error_;
  ErrorText detail_;
  std::string_view first_;
  size_t used_ = 0;  // of the memory for what was coerced
  uint64_t missing_ = 0, invalid_ = 0, unlisted_ = 0;
};

}  // namespace

Code CheckVariables(const Layout& program, const Patterns* patterns, const RenderOptions& options,
                    Scratch* scratch, Error* error) {
  *error = Error();
  return Checker(program, patterns, options, scratch, error).Run();
}

}  // namespace promptreg::tmpl
