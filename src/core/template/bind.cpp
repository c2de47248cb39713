#include <algorithm>

#include "core/json/layout.h"
#include "core/template/declaration.h"
#include "core/template/error_text.h"
#include "core/template/program.h"
#include "core/template/scratch.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;
using json::Value;
namespace layout = json::layout;

// Bits of the kinds that each name accepts, shifted so that the lowest bit is for the value that is
// there.
uint8_t Acceptance(const NameEntry& name, Value value) {
  return static_cast<uint8_t>(name.accept >> static_cast<uint8_t>(value.kind()));
}

// Of a large object few keys are wanted.
bool BindByLookup(const Layout& program, Value object, Value* slots) {
  const NameEntry* names = program.names();
  const uint32_t count = program.header().slot_count;
  uint8_t accepted = 1;
  for (uint32_t i = 0; i < count; ++i) {
    slots[i] = object.Find({program.base() + names[i].text, names[i].length});
    accepted &= Acceptance(names[i], slots[i]);
  }
  return (accepted & 1) != 0;
}

// Both the names and the object's keys are sorted: one pass over the two. False: some value is not
// accepted as it is.
bool BindByMerge(const Layout& program, Value object, Value* slots) {
  const NameEntry* names = program.names();
  const uint32_t count = program.header().slot_count;
  const uint32_t size = object.size();
  const char* entries = object.data() + 4;
  const char* values = entries + size_t{size} * 4;
  const char* base = values + size_t{size} * 4;
  uint32_t key_begin = 0, value_begin = layout::Offset(entries, size);
  uint32_t key = 0, key_end = 0, value_end = 0, entry = 0;
  const auto read = [&] {
    if (key == size) return;
    key_end = layout::End(layout::Entry(entries, key), key_begin);
    entry = layout::Entry(values, key);
    value_end = layout::End(entry, value_begin);
  };
  const auto advance = [&] {
    ++key;
    key_begin = key_end;
    value_begin = value_end;
    read();
  };
  read();
  uint8_t accepted = 1;
  for (uint32_t i = 0; i < count; ++i) {
    const NameEntry& name = names[i];
    Value value;
    while (key < size) {
      const uint32_t length = key_end - key_begin;
      if (length > name.length) break;
      if (length == name.length) {
        const int order = std::memcmp(base + key_begin, program.base() + name.text, length);
        if (order > 0) break;
        if (order == 0) {
          value = layout::Decode(entry, base, value_begin, value_end);
          advance();
          break;
        }
      }
      advance();
    }
    slots[i] = value;
    accepted &= Acceptance(name, value);
  }
  return (accepted & 1) != 0;
}

// Goes through the variables once more: fills in defaults, and lists everything that is wrong.
class Checker {
 public:
  Checker(const Layout& program, Value* slots, Error* error)
      : program_(program), slots_(slots), error_(error), detail_(error->detail) {}

  Code Run() {
    for (uint32_t i = 0; i < program_.header().variable_count; ++i) Check(program_.variables()[i]);
    if (missing_ + invalid_ == 0) return Code::kOk;
    Conclude();
    return error_->code;
  }

 private:
  void Check(const VariableEntry& variable) {
    Value& value = slots_[variable.slot];
    const bool nullable = (variable.flags & kNullableFlag) != 0;
    if (value.missing() || (value.kind() == Kind::kNull && !nullable)) {
      const Value given = value;
      value = program_.container(variable.default_value);
      if (!value.missing() || (variable.flags & kRequiredFlag) == 0) return;
      if (missing_++ == 0) first_ = program_.name(variable.slot);
      if (!Begin(variable)) return;
      detail_ << " is missing, " << TypePhrase(variable.type) << " is required";
      if (!given.missing()) detail_ << ", not null";
      return;
    }
    if (value.kind() == Kind::kNull ||
        HasType(value, variable.type, program_.container(variable.values)))
      return;
    if (invalid_++ == 0 && missing_ == 0) first_ = program_.name(variable.slot);
    if (!Begin(variable)) return;
    detail_ << " must be ";
    if (variable.type == Type::kEnum) {
      DescribeValues(program_.container(variable.values));
    } else {
      detail_ << TypePhrase(variable.type);
    }
    detail_ << ", not ";
    AppendDescription(value, &detail_);
  }

  // The start of a line about a variable, as long as there is room for lines.
  bool Begin(const VariableEntry& variable) {
    constexpr size_t kLine = 400;
    if (detail_.left() < kLine) {
      unlisted_++;
      unlisted_names_ << (unlisted_ > 1 ? ", " : "") << program_.name(variable.slot);
      return false;
    }
    if (missing_ + invalid_ > 1) detail_ << "\n";
    AppendQuoted(program_.name(variable.slot), &detail_);
    return true;
  }

  void DescribeValues(Value values) {
    constexpr uint32_t kShown = 5;
    uint32_t shown = 0;
    for (json::Cursor cursor(values); shown < kShown && cursor.Next(); ++shown) {
      if (shown > 0) detail_ << (shown + 1 == values.size() ? " or " : ", ");
      AppendQuoted(cursor.value().string(), &detail_);
    }
    if (values.size() > kShown) detail_ << " or another of its " << values.size() << " values";
  }

  // A variable alone is named in the message.
  void Conclude() {
    error_->code = missing_ > 0 ? Code::kMissingVariable : Code::kInvalidVariable;
    if (unlisted_ > 0) detail_ << "\nand: " << std::string_view(unlisted_text_);
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
  Value* slots_;
  Error* error_;
  ErrorText detail_;
  char unlisted_text_[320];
  ErrorText unlisted_names_{unlisted_text_};
  std::string_view first_;
  uint64_t missing_ = 0, invalid_ = 0, unlisted_ = 0;
};

Code Fail(Code code, Error* error) {
  error->code = code;
  return code;
}

}  // namespace

Code Bind(ProgramView program, Value variables, bool require_object, const RenderOptions&,
          Scratch* scratch, Error* error) noexcept {
  constexpr size_t kKept = size_t{1} << 20;
  for (Buffer<char>* buffer : {&scratch->out, &scratch->texts[0], &scratch->texts[1]}) {
    if (buffer->capacity > kKept) buffer->Free();
  }
  if (scratch->spans.capacity > kKept / sizeof(Span)) scratch->spans.Free();
  scratch->operations = scratch->bytes = 0;
  scratch->root = variables;
  if (variables.kind() != Kind::kObject && !variables.missing() && require_object) {
    *error = Error();
    ErrorText message(error->message);
    message << "variables must be a JSON object, not ";
    AppendDescription(variables, &message);
    return Fail(Code::kNotAnObject, error);
  }
  const Layout layout(program.data());
  const uint32_t count = layout.header().slot_count;
  if (!scratch->slots.Reserve(count)) {
    *error = Error();
    ErrorText(error->message) << "out of memory";
    return Fail(Code::kOutOfMemory, error);
  }
  Value* slots = scratch->slots.data;
  bool accepted;
  if (variables.kind() == Kind::kObject && variables.size() > 0) {
    // A look-up costs some ten steps of the merge.
    accepted = variables.size() / 16 > count ? BindByLookup(layout, variables, slots)
                                             : BindByMerge(layout, variables, slots);
  } else {
    accepted = true;
    for (uint32_t i = 0; i < count; ++i) {
      slots[i] = Value();
      accepted = accepted && (Acceptance(layout.names()[i], Value()) & 1) != 0;
    }
  }
  if (accepted) return Code::kOk;
  *error = Error();
  return Checker(layout, slots, error).Run();
}

}  // namespace promptreg::tmpl
