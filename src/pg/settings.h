// Settings (GUCs) of the extension.
#pragma once

#include "core/template/template.h"

namespace promptreg::pg {

void DefineSettings();

// Bound of the cache of one backend, in bytes.
size_t CacheBound();

// Limits of the template engine as they are set now.
tmpl::Limits TemplateLimits();

}  // namespace promptreg::pg
