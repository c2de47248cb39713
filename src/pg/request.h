// Bodies of requests to providers.
#pragma once

#include "core/request/request.h"
#include "pg/cache.h"
#include "pg/server.h"

namespace promptreg::pg {

// Error for a name that is no provider.
request::Provider ParseProvider(std::string_view name);

// ereport(ERROR) if the version cannot be sent to the provider.
Jsonb* BuildRequest(request::Provider provider, const Route& route, const Version& version,
                    Jsonb* messages);

}  // namespace promptreg::pg
