// Recording one execution: prompt_log.
#include "pg/caller.h"
#include "pg/errors.h"
#include "pg/record.h"
#include "pg/rights.h"

namespace promptreg::pg {
namespace {

Statement insert_statement = {
    "INSERT INTO promptreg.executions (at, request_id, prompt, version, environment, experiment,"
    " variant, user_id, model, latency_ms, time_to_first_token_ms, tokens_in, tokens_out,"
    " tokens_cached, cost_usd, error_class, error, finish_reason, metadata) VALUES ($1, $2, $3, $4,"
    " $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    kExecutionColumns, kExecutionTypes};

// Where prompt_log's arguments go, in their order.
constexpr ExecutionColumn kArguments[] = {kExecutionPrompt,
                                          kExecutionVersion,
                                          kExecutionEnvironment,
                                          kExecutionUserId,
                                          kExecutionRequestId,
                                          kExecutionExperiment,
                                          kExecutionVariant,
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
                                          kExecutionAt};
static_assert(sizeof(kArguments) / sizeof(kArguments[0]) == kExecutionColumns);

bool IsVarlena(ExecutionColumn column) {
  const Oid type = kExecutionTypes[column];
  return type == TEXTOID || type == JSONBOID || type == NUMERICOID;
}

void ReadArguments(FunctionCallInfo fcinfo, Execution* execution) {
  ClearExecution(execution);
  for (int i = 0; i < kExecutionColumns; ++i) {
    if (PG_ARGISNULL(i)) continue;
    const ExecutionColumn column = kArguments[i];
    const Datum value = PG_GETARG_DATUM(i);
    execution->Set(column, IsVarlena(column) ? PointerGetDatum(PG_DETOAST_DATUM(value)) : value);
  }
}

// Rights are decided on the prompt's own name.
void ResolveName(Execution* execution) {
  const Datum asked = execution->values[kExecutionPrompt];
  execution->Set(kExecutionPrompt, OwnName(asked));
  NoteRightsCheck();
  const std::string_view name = TextView(DatumGetTextPP(execution->values[kExecutionPrompt]));
  const std::string_view environment =
      TextView(DatumGetTextPP(execution->values[kExecutionEnvironment]));
  if (!Allowed(CallerRole(), Right::kResolve, name, environment)) {
    RefuseRight(Right::kResolve, name, environment, TextView(DatumGetTextPP(asked)));
  }
}

void RefuseExecution(const char* problem) {
  ereport(ERROR,
          (errcode(kInvalidExecution), errmsg("the execution cannot be recorded: %s", problem)));
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_log);
PG_FUNCTION_INFO_V1(promptreg_recorded_user);
Datum promptreg_log(PG_FUNCTION_ARGS);
Datum promptreg_recorded_user(PG_FUNCTION_ARGS);

Datum promptreg_recorded_user(PG_FUNCTION_ARGS) {
  PG_RETURN_TEXT_P(pg::RecordedUser(PG_GETARG_TEXT_PP(0)));
}

Datum promptreg_log(PG_FUNCTION_ARGS) {
  pg::Execution execution;
  pg::ReadArguments(fcinfo, &execution);
  const char* problem = pg::CompleteExecution(&execution);
  if (problem != nullptr) pg::RefuseExecution(problem);
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  pg::ResolveName(&execution);
  pg::EnsurePartition(pg::Partitioned::kExecutions,
                      DatumGetTimestampTz(execution.values[pg::kExecutionAt]));
  problem = pg::AddCost(&execution);
  if (problem != nullptr) pg::RefuseExecution(problem);
  pg::Execute(&pg::insert_statement, execution.values, execution.nulls);
  SPI_finish();
  PG_RETURN_DATUM(execution.values[pg::kExecutionRequestId]);
}
}
