// The library's beginning.
#include "pg/invalidation.h"
#include "pg/resolve_stats.h"
#include "pg/rights.h"
#include "pg/server.h"
#include "pg/settings.h"
#include "pg/worker.h"

namespace pg = promptreg::pg;

extern "C" {

#ifdef PG_MODULE_MAGIC_EXT
PG_MODULE_MAGIC_EXT(.name = "promptreg", .version = PROMPTREG_VERSION);
#else
PG_MODULE_MAGIC;
#endif

void _PG_init(void);

void _PG_init(void) {
  pg::DefineSettings();
  pg::InitInvalidation();
  pg::InitRights();
  pg::InitResolveStats();
  pg::RegisterWorker();
}
}
