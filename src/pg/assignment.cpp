#include "pg/assignment.h"

#include <algorithm>

#include "core/assign/assign.h"
#include "pg/errors.h"
#include "pg/server.h"

namespace promptreg::pg {
namespace {

// Assignments hash UTF-8, whatever the encoding of the database.
std::string_view Utf8(std::string_view text) {
  if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII) return text;
  const char* converted = pg_server_to_any(text.data(), static_cast<int>(text.size()), PG_UTF8);
  return {converted, converted == text.data() ? text.size() : strlen(converted)};
}

constexpr uint32 kFewVariants = 8;

const Variant* PickVariant(const Route& route, std::string_view user) {
  assign::Variant few[kFewVariants];
  assign::Variant* variants = few;
  if (route.variant_count > kFewVariants) {
    variants = static_cast<assign::Variant*>(palloc(sizeof(assign::Variant) * route.variant_count));
  }
  for (uint32 i = 0; i < route.variant_count; ++i) {
    variants[i] = {.key = Utf8(route.variants[i].key), .weight_ppm = route.variants[i].weight_ppm};
  }
  const int picked = assign::PickVariant(route.salt, user, {variants, route.variant_count});
  return picked < 0 ? nullptr : &route.variants[picked];
}

const Variant* FindOverride(const Route& route, std::string_view user) {
  const Override* end = route.overrides + route.override_count;
  const Override* found = std::lower_bound(
      static_cast<const Override*>(route.overrides), end, user,
      [](const Override& entry, std::string_view key) { return entry.user < key; });
  return found != end && found->user == user ? &route.variants[found->variant] : nullptr;
}

// The order of docs/assignment.md. `unit` is the user in UTF-8. nullptr: not enrolled.
const Variant* Decide(const Route& route, std::string_view user, std::string_view unit, uint32 slot,
                      Step* step) {
  *step = Step::kOverride;
  const Variant* variant = FindOverride(route, user);
  if (variant != nullptr) return variant;
  if (route.holdout_ppm > 0) {
    *step = Step::kHoldout;
    if (assign::HoldoutSlot(Utf8(route.holdout), unit) < route.holdout_ppm) return nullptr;
  }
  if (!route.name_space.empty()) {
    *step = Step::kNamespace;
    const uint32 place = assign::NamespaceSlot(Utf8(route.name_space), unit);
    if (place < route.namespace_lo_ppm || place >= route.namespace_hi_ppm) return nullptr;
  }
  *step = Step::kCoverage;
  if (slot >= route.coverage_ppm) return nullptr;
  *step = Step::kVariant;
  return PickVariant(route, unit);
}

}  // namespace

const char* ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kDeployed:
      return "deployed";
    case Reason::kExperiment:
      return "experiment";
    case Reason::kControl:
      return "control";
    case Reason::kOverride:
      return "override";
    case Reason::kRollout:
      return "rollout";
    case Reason::kLatest:
      return "latest";
  }
  return "deployed";
}

const char* StepName(Step step) {
  switch (step) {
    case Step::kNone:
      return nullptr;
    case Step::kOverride:
      return "override";
    case Step::kHoldout:
      return "holdout";
    case Step::kNamespace:
      return "namespace";
    case Step::kCoverage:
      return "coverage";
    case Step::kVariant:
      return "variant";
  }
  return nullptr;
}

Assignment Assign(const Route& route, std::optional<std::string_view> user) {
  Assignment assignment = {.version = route.deployed,
                           .variant = nullptr,
                           .reason = Reason::kDeployed,
                           .step = Step::kNone,
                           .slot = {}};
  if (route.environment == "latest") {
    assignment.reason = Reason::kLatest;
    return assignment;
  }
  if (route.experiment == nullptr || !user) return assignment;

  const std::string_view unit = Utf8(*user);
  assignment.reason = Reason::kControl;
  assignment.slot = assign::CoverageSlot(route.salt, unit);
  assignment.variant = Decide(route, *user, unit, *assignment.slot, &assignment.step);
  if (assignment.variant == nullptr) return assignment;
  assignment.version = assignment.variant->version;
  assignment.reason = assignment.step == Step::kOverride ? Reason::kOverride
                      : route.rollout                    ? Reason::kRollout
                                                         : Reason::kExperiment;
  return assignment;
}

namespace {

constexpr size_t kMostKeys = 1000;

struct TextArray {
  std::string_view* values;
  int count;
};

TextArray ReadTextArray(ArrayType* array, const char* what) {
  Datum* elements;
  bool* nulls;
  TextArray result = {};
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &result.count);
  result.values =
      static_cast<std::string_view*>(palloc(sizeof(std::string_view) * (result.count + 1)));
  for (int i = 0; i < result.count; ++i) {
    if (nulls[i])
      ereport(ERROR,
              (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", what)));
    result.values[i] = Utf8(TextView(DatumGetTextPP(elements[i])));
  }
  return result;
}

}  // namespace
}  // namespace promptreg::pg

namespace assign = promptreg::assign;
namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_hash64);
PG_FUNCTION_INFO_V1(promptreg_slot);
PG_FUNCTION_INFO_V1(promptreg_pick_variant);
Datum promptreg_hash64(PG_FUNCTION_ARGS);
Datum promptreg_slot(PG_FUNCTION_ARGS);
Datum promptreg_pick_variant(PG_FUNCTION_ARGS);

Datum promptreg_hash64(PG_FUNCTION_ARGS) {
  const pg::TextArray parts = pg::ReadTextArray(PG_GETARG_ARRAYTYPE_P(0), "a part");
  PG_RETURN_INT64(
      static_cast<int64>(assign::Hash({parts.values, static_cast<size_t>(parts.count)})));
}

Datum promptreg_slot(PG_FUNCTION_ARGS) {
  PG_RETURN_INT32(static_cast<int32>(assign::Slot(static_cast<uint64>(PG_GETARG_INT64(0)))));
}

Datum promptreg_pick_variant(PG_FUNCTION_ARGS) {
  const pg::TextArray keys = pg::ReadTextArray(PG_GETARG_ARRAYTYPE_P(2), "a key");
  Datum* weights;
  bool* nulls;
  int weight_count;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), INT4OID, sizeof(int32), true, TYPALIGN_INT, &weights,
                    &nulls, &weight_count);
  if (weight_count != keys.count) {
    ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                    errmsg("there are %d keys but %d weights", keys.count, weight_count)));
  }
  if (static_cast<size_t>(keys.count) > pg::kMostKeys) {
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
             errmsg("there are %d variants, at most %zu are allowed", keys.count, pg::kMostKeys)));
  }
  auto* variants =
      static_cast<assign::Variant*>(palloc(sizeof(assign::Variant) * (keys.count + 1)));
  for (int i = 0; i < keys.count; ++i) {
    const int32 weight = nulls[i] ? -1 : DatumGetInt32(weights[i]);
    if (weight < 0 || weight > static_cast<int32>(assign::kSlots)) {
      ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                      errmsg("weight %d is out of range", i + 1),
                      errdetail("Weights are parts per million, from 0 to 1000000.")));
    }
    variants[i] = {.key = keys.values[i], .weight_ppm = static_cast<uint32>(weight)};
  }
  const int picked = assign::PickVariant(pg::Utf8(pg::TextView(PG_GETARG_TEXT_PP(0))),
                                         pg::Utf8(pg::TextView(PG_GETARG_TEXT_PP(1))),
                                         {variants, static_cast<size_t>(keys.count)});
  if (picked < 0) PG_RETURN_NULL();
  // The key as it was given, not as it was converted.
  Datum* given;
  bool* given_nulls;
  int given_count;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &given,
                    &given_nulls, &given_count);
  PG_RETURN_DATUM(given[picked]);
}
}
