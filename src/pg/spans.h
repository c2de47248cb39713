// The origin of each byte of a finished prompt.
#pragma once

#include "pg/cache.h"
#include "pg/server.h"

namespace promptreg::pg {

// Renders a version and adds a row of promptreg.span for each piece of its messages.
void AddSpans(const Version& version, json::Value variables, ReturnSetInfo* result);

}  // namespace promptreg::pg
