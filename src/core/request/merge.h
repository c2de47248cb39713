// JSON merge patches, RFC 7396.
#pragma once

#include <cstdint>

#include "core/json/builder.h"
#include "core/json/value.h"

namespace promptreg::request {

// Adds the target as the patch changes it. False, and something that is no use: objects of the
// patch are within one another more than max_depth deep.
bool AddMerged(json::Value target, json::Value patch, uint32_t max_depth, json::Builder* out);

}  // namespace promptreg::request
