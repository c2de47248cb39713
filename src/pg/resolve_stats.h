// Counts of resolves by version and environment, in shared memory: nothing is written to a table.
// Where there is no shared memory for them, nothing is counted.
#pragma once

#include "pg/server.h"

namespace promptreg::pg {

// In _PG_init: asks for the memory if the library is preloaded.
void InitResolveStats();

// One more resolve of a version. Lock-free, and never an error.
void CountResolve(int64 version_id, const text* environment);

}  // namespace promptreg::pg
