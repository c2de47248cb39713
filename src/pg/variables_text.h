// Variables that come as the text of JSON, and not as jsonb.
#pragma once

#include "core/json/value.h"
#include "pg/server.h"

namespace promptreg::pg {

// What jsonb_in makes of the text, and the same errors. The result is in the current context.
json::Value ReadJsonText(const text* given);

}  // namespace promptreg::pg
