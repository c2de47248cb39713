// Settings (GUCs) of the extension.
#pragma once

#include <string_view>

#include "core/template/template.h"

namespace promptreg::pg {

void DefineSettings();

// Bound of the cache of one backend, in bytes.
size_t CacheBound();

// What happens to variables that a prompt does not have.
enum class UnknownVariables { kIgnore, kWarn, kError };
UnknownVariables UnknownVariablesSetting();

// Limits of the template engine as they are set now.
tmpl::Limits TemplateLimits();

// Whether users are recorded as hashes, and the key of these.
bool UserPrivacyHashes();
std::string_view UserPrivacyKey();

// Whether resolves are counted, where there is shared memory for it.
bool CountsResolves();

// Where the background worker works (empty: there is none), and the seconds between its runs.
const char* MaintainedDatabase();
int MaintenanceInterval();

}  // namespace promptreg::pg
