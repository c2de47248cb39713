// What the value of a variable must be like, and saying how one is not.
#pragma once

#include <csignal>
#include <cstdint>
#include <string_view>

#include "core/json/value.h"
#include "core/template/error_text.h"
#include "core/template/pattern.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

// Of numbers the value is bounded, of strings how many characters and of arrays how many elements
// they have. Values that are missing have no bound.
struct Rules {
  Type type = Type::kAny;
  json::Value values;    // of an enum: an array of strings
  json::Value min, max;  // numbers
  json::Value pattern;   // a string
  const Pattern* compiled = nullptr;
  const Encoding* encoding = nullptr;  // of values
};

enum class Broken : uint8_t {
  kNothing,
  kType,
  kMin,
  kMax,
  kPattern,
  kTooLong,
  kNoPattern,
  kInterrupted  // it is not known
};

// The first rule that a value, which is neither missing nor null, does not keep. interrupt: polled
// while characters are counted; may be null.
Broken FindBroken(json::Value value, const Rules& rules,
                  const volatile std::sig_atomic_t* interrupt);

// As in: must be a number, not the string "5".
void ExplainBroken(Broken broken, json::Value value, const Rules& rules, ErrorText* out);

// Of a value that has bounds other than its own: what is bounded, in characters of the encoding or
// in elements. False: the flag was raised meanwhile.
bool CountBounded(json::Value value, const Encoding* encoding,
                  const volatile std::sig_atomic_t* interrupt, uint64_t* count);

// Whether a value, not null, is of a type; `values` are those of an enum.
bool HasType(json::Value value, Type type, json::Value values);

// Whether a section over such a value may have members within reach.
bool MayHaveMembers(Type type);

std::string_view TypeName(Type type);

// As in: must be a number.
std::string_view TypePhrase(Type type);

// False: no type has this name.
bool FindType(std::string_view name, Type* type);

}  // namespace promptreg::tmpl
