// The values of one execution on their way into promptreg.executions: what may be in them, and
// reading them from JSON.
#pragma once

#include "core/json/value.h"
#include "pg/server.h"

namespace promptreg::pg {

// In the order of the table.
enum ExecutionColumn : int {
  kExecutionAt,
  kExecutionRequestId,
  kExecutionPrompt,
  kExecutionVersion,
  kExecutionEnvironment,
  kExecutionExperiment,
  kExecutionVariant,
  kExecutionUserId,
  kExecutionModel,
  kExecutionLatency,
  kExecutionTimeToFirstToken,
  kExecutionTokensIn,
  kExecutionTokensOut,
  kExecutionTokensCached,
  kExecutionCost,
  kExecutionErrorClass,
  kExecutionError,
  kExecutionFinishReason,
  kExecutionMetadata,
  kExecutionColumns
};

struct Execution {
  Datum values[kExecutionColumns];
  bool nulls[kExecutionColumns];

  bool Has(ExecutionColumn column) const { return !nulls[column]; }
  void Set(ExecutionColumn column, Datum value) {
    values[column] = value;
    nulls[column] = false;
  }
};

// Type of each column, for a statement's parameters, and its name in the table.
extern const Oid kExecutionTypes[kExecutionColumns];
const char* ExecutionColumnName(int column);

// Everything NULL.
void ClearExecution(Execution* execution);

// The user as promptreg.user_privacy has it recorded.
text* RecordedUser(text* user);

// Fills in what was left out (time, request_id), replaces the user as promptreg.user_privacy says,
// and checks all values. Returns what is wrong with them, nullptr if nothing is.
const char* CompleteExecution(Execution* execution);

// What is wrong with a cost that was computed, nullptr if nothing is.
const char* CheckComputedCost(const Execution& execution);

// One entry of a batch, an object with the names of prompt_log's arguments as keys. Returns what is
// wrong with it, nullptr if nothing is.
const char* ReadExecution(json::Value entry, Execution* execution);

}  // namespace promptreg::pg
