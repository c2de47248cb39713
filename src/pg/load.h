// From a name and an environment to a route, and from a version's id to its compiled form.
#pragma once

#include <string_view>

#include "pg/compose.h"

namespace promptreg::pg {

// What is served under a name in an environment, as the running statement's snapshot sees it, the
// caller's right to resolve it checked. From the cache where that has the answer, else from the
// tables. ereport(ERROR) if nothing is.
const Route* OpenRoute(std::string_view name, std::string_view environment);

// A version by name and number, with the snippets that a composition says, the caller's right to
// read it checked. `prompt` is set to its canonical name.
const Version* OpenVersion(std::string_view name, int32 number, const Composition& composition,
                           std::string_view* prompt);

}  // namespace promptreg::pg
