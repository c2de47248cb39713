#include <cstring>
#include <new>

#include "core/json/layout.h"
#include "core/template/check.h"
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
  const uint32_t count = program.header().bound_count;
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
  const uint32_t count = program.header().bound_count;
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

Code Fail(Code code, Error* error) {
  error->code = code;
  return code;
}

}  // namespace

Code Bind(ProgramView program, Value variables, bool require_object, const RenderOptions& options,
          Scratch* scratch, Error* error) noexcept {
  constexpr size_t kKept = size_t{1} << 20;
  for (Buffer<char>* buffer :
       {&scratch->out, &scratch->texts[0], &scratch->texts[1], &scratch->coerced, &scratch->list}) {
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
  const uint32_t count = layout.header().bound_count;
  const uint32_t slot_count = layout.header().slot_count;
  if (!scratch->slots.Reserve(slot_count)) {
    *error = Error();
    ErrorText(error->message) << "out of memory";
    return Fail(Code::kOutOfMemory, error);
  }
  Value* slots = scratch->slots.data;
  for (uint32_t i = count; i < slot_count; ++i) slots[i] = Value();
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
  try {
    return CheckVariables(layout, program.patterns(), options, scratch, error);
  } catch (const std::bad_alloc&) {
    *error = Error();
    ErrorText(error->message) << "out of memory";
    return Fail(Code::kOutOfMemory, error);
  }
}

}  // namespace promptreg::tmpl
