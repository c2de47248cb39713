// Rights: the one place that decides what a caller may do.
//
// Rights are granted on name patterns, and some of them on environments, to PostgreSQL roles
// (promptreg.grants). Superusers and whoever has the privileges of the owner of the extension may
// do everything. Like PostgreSQL's own permission checks, these follow what is committed now, not
// the snapshot of the statement.
#pragma once

#include <optional>
#include <string_view>

#include "pg/server.h"

namespace promptreg::pg {

enum class Right : uint8 { kResolve, kRead, kAuthor, kApprove, kRelease, kAdmin };

// Registers the callbacks; once per process.
void InitRights();

// Changes whenever the answer of Allowed may have changed.
uint64 RightsGeneration();

// Whether a role has a right on a name, in an environment. No name: on some name; no environment:
// in some.
bool Allowed(Oid role, Right right, std::optional<std::string_view> name,
             std::optional<std::string_view> environment);

// The error for a role that lacks a right. It shows the name that was asked for, which may be an
// alias. Who may not read the prompt is told that it does not exist, in the same words whether it
// does or not.
[[noreturn]] void RefuseRight(Right right, std::string_view name,
                              std::optional<std::string_view> environment,
                              std::string_view asked_name);

}  // namespace promptreg::pg
