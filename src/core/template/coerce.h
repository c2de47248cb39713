// Making a value of the type that a variable wants, for variables that ask for it: a string that is
// a number or true or false becomes one, and a number, true or false becomes its text.
#pragma once

#include <cstddef>

#include "core/json/value.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

// How many bytes Coerce may need.
size_t CoercedSpace(json::Value value, Type type);

// Replaces the value if it can be made into one of the type, else leaves it as it is; returns how
// many bytes of `memory` it lives in. Throws std::bad_alloc.
size_t Coerce(Type type, char* memory, json::Value* value);

}  // namespace promptreg::tmpl
