// Which version of a route a user gets.
#pragma once

#include <optional>

#include "pg/cache.h"

namespace promptreg::pg {

enum class Reason : uint8 { kDeployed, kExperiment, kControl, kOverride, kRollout, kLatest };
inline constexpr size_t kReasons = static_cast<size_t>(Reason::kLatest) + 1;

// The step at which a running experiment decided.
enum class Step : uint8 { kNone, kOverride, kHoldout, kNamespace, kCoverage, kVariant };

const char* ReasonName(Reason reason);
const char* StepName(Step step);  // nullptr for kNone

struct Assignment {
  const Version* version;
  const Variant* variant;  // nullptr: none
  Reason reason;
  Step step;
  std::optional<uint32> slot;  // coverage slot of the user, where an experiment runs
};

// `user` in the database's encoding; none: the deployed version.
Assignment Assign(const Route& route, std::optional<std::string_view> user);

}  // namespace promptreg::pg
