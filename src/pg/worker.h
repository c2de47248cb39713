// The optional background worker that calls maintenance.
#pragma once

namespace promptreg::pg {

// Registers the worker where the library is preloaded and promptreg.database names a database; once
// per server, after the settings are defined.
void RegisterWorker();

}  // namespace promptreg::pg
