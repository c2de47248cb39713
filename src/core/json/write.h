// JSON text of a value.
#pragma once

#include <cstdint>
#include <string>

#include "core/json/value.h"

namespace promptreg::json {

// Without white space, keys in stored order. False: arrays and objects within one another more than
// max_depth deep; *out is as it was.
bool AppendCompact(Value value, uint32_t max_depth, std::string* out);

// The one form that equal values share, for hashing: keys in the order of their bytes, no white
// space, strings with the shortest escapes, numbers as stored. It does not depend on anything but
// the value.
bool AppendCanonical(Value value, uint32_t max_depth, std::string* out);

}  // namespace promptreg::json
