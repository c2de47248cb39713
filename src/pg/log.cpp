// Recording executions: prompt_log, and reading the batches of prompt_log_many.
#include "core/json/value.h"
#include "pg/caller.h"
#include "pg/errors.h"
#include "pg/execution.h"
#include "pg/invalidation.h"
#include "pg/jsonb.h"
#include "pg/rights.h"

namespace promptreg::pg {
namespace {

// A statement that is prepared once and kept. Its SQL qualifies every name.
struct Statement {
  const char* sql;
  int parameter_count;
  const Oid* parameter_types;
  SPIPlanPtr plan = nullptr;
};

uint64 Execute(Statement* statement, const Datum* values, const bool* nulls) {
  if (statement->plan == nullptr) {
    SPIPlanPtr plan = SPI_prepare(statement->sql, statement->parameter_count,
                                  const_cast<Oid*>(statement->parameter_types));
    if (plan == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    if (SPI_keepplan(plan) != 0) elog(ERROR, "SPI_keepplan failed");
    statement->plan = plan;
  }
  char flags[kExecutionColumns];
  for (int i = 0; i < statement->parameter_count; ++i)
    flags[i] = nulls != nullptr && nulls[i] ? 'n' : ' ';
  const int result = SPI_execute_plan(statement->plan, const_cast<Datum*>(values), flags, false, 0);
  if (result < 0) elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
  return SPI_processed;
}

const Oid kNameTypes[] = {TEXTOID};
Statement own_name_statement = {
    "SELECT p.name FROM promptreg.names n JOIN promptreg.prompts p"
    " ON p.id OPERATOR(pg_catalog.=) n.prompt_id WHERE n.name OPERATOR(pg_catalog.=) $1",
    1, kNameTypes};

const Oid kPartitionTypes[] = {TIMESTAMPTZOID};
Statement partition_statement = {"SELECT promptreg.prepare_partitions('executions', ARRAY[$1])", 1,
                                 kPartitionTypes};
Statement partition_exists_statement = {
    "SELECT 1 WHERE promptreg.partition_exists('executions', $1)", 1, kPartitionTypes};

const Oid kCostTypes[] = {TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID};
Statement cost_statement = {"SELECT promptreg.model_cost($1, $2, $3, $4, $5)", 5, kCostTypes};

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

constexpr size_t kMostNameBytes = 800;

// What the last call found out, for the next one, which is mostly about the same prompt and day.
struct Remembered {
  uint64 generation;
  TimestampTz partition_day;  // has a partition; if it is dropped, the default one takes the rows
  size_t asked_size;
  size_t own_size;
  char asked_name[kMostNameBytes];
  char own_name[kMostNameBytes];
};
Remembered remembered = {};

bool Remember(std::string_view asked, std::string_view own) {
  if (asked.size() > kMostNameBytes || own.size() > kMostNameBytes) return false;
  memcpy(remembered.asked_name, asked.data(), asked.size());
  memcpy(remembered.own_name, own.data(), own.size());
  remembered.asked_size = asked.size();
  remembered.own_size = own.size();
  return true;
}

// The prompt's own name, whatever name it was called by. One that is not in this database keeps the
// name that it has. Every change of a name moves the generation on.
Datum OwnName(Datum asked) {
  ReceiveInvalidations();
  const std::string_view asked_name = TextView(DatumGetTextPP(asked));
  if (remembered.generation == Generation() && remembered.asked_size > 0 &&
      asked_name == std::string_view(remembered.asked_name, remembered.asked_size)) {
    return PointerGetDatum(NewText({remembered.own_name, remembered.own_size}));
  }
  const uint64 generation = Generation();
  Datum own = asked;
  if (Execute(&own_name_statement, &asked, nullptr) > 0) {
    bool is_null;
    own = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
  }
  remembered.asked_size = 0;
  // A name that this transaction has given or read under an old snapshot is nothing to remember.
  if (!TransactionChangedRegistry() && !IsolationUsesXactSnapshot() &&
      Remember(asked_name, TextView(DatumGetTextPP(own)))) {
    remembered.generation = generation;
  }
  return own;
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

void AddCost(Execution* execution) {
  if (execution->Has(kExecutionCost) || !execution->Has(kExecutionModel)) return;
  constexpr ExecutionColumn kColumns[] = {kExecutionModel, kExecutionAt, kExecutionTokensIn,
                                          kExecutionTokensOut, kExecutionTokensCached};
  Datum values[5];
  bool nulls[5];
  for (int i = 0; i < 5; ++i) {
    values[i] = execution->values[kColumns[i]];
    nulls[i] = execution->nulls[kColumns[i]];
  }
  if (nulls[2] && nulls[3]) return;
  Execute(&cost_statement, values, nulls);
  bool is_null;
  const Datum cost = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
  if (!is_null) execution->Set(kExecutionCost, cost);
}

void EnsurePartition(const Execution& execution) {
  const Datum at = execution.values[kExecutionAt];
  const TimestampTz time = DatumGetTimestampTz(at);
  const TimestampTz day = time - time % USECS_PER_DAY;
  if (day == remembered.partition_day) return;
  if (Execute(&partition_exists_statement, &at, nullptr) == 0) {
    Execute(&partition_statement, &at, nullptr);
  }
  remembered.partition_day = day;
}

}  // namespace
}  // namespace promptreg::pg

namespace json = promptreg::json;
namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_log);
PG_FUNCTION_INFO_V1(promptreg_read_executions);
PG_FUNCTION_INFO_V1(promptreg_execution_days);
Datum promptreg_log(PG_FUNCTION_ARGS);
Datum promptreg_read_executions(PG_FUNCTION_ARGS);
Datum promptreg_execution_days(PG_FUNCTION_ARGS);

Datum promptreg_log(PG_FUNCTION_ARGS) {
  pg::Execution execution;
  pg::ReadArguments(fcinfo, &execution);
  const char* problem = pg::CompleteExecution(&execution);
  if (problem != nullptr) {
    ereport(ERROR, (errcode(pg::kInvalidExecution),
                    errmsg("the execution cannot be recorded: %s", problem)));
  }
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  pg::ResolveName(&execution);
  pg::EnsurePartition(execution);
  pg::AddCost(&execution);
  pg::Execute(&pg::insert_statement, execution.values, execution.nulls);
  SPI_finish();
  PG_RETURN_DATUM(execution.values[pg::kExecutionRequestId]);
}

// (executions jsonb) RETURNS SETOF (index, problem, the columns of an execution)
Datum promptreg_read_executions(PG_FUNCTION_ARGS) {
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  constexpr int kBefore = 2;
  if (result->setDesc->natts != kBefore + pg::kExecutionColumns) {
    elog(ERROR, "the function does not return what the library fills in");
  }
  MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "promptreg batch", ALLOCSET_DEFAULT_SIZES);
  json::Cursor entries(pg::JsonView(PG_GETARG_JSONB_P(0)));
  for (int64 index = 1; entries.Next(); ++index) {
    CHECK_FOR_INTERRUPTS();
    MemoryContext old = MemoryContextSwitchTo(context);
    pg::Execution execution;
    const char* problem = pg::ReadExecution(entries.value(), &execution);
    Datum values[kBefore + pg::kExecutionColumns] = {Int64GetDatum(index), 0};
    bool nulls[kBefore + pg::kExecutionColumns] = {false, problem == nullptr};
    if (problem != nullptr) values[1] = PointerGetDatum(cstring_to_text(problem));
    for (int column = 0; column < pg::kExecutionColumns; ++column) {
      values[kBefore + column] = execution.values[column];
      nulls[kBefore + column] = problem != nullptr || execution.nulls[column];
    }
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    MemoryContextSwitchTo(old);
    MemoryContextReset(context);
  }
  MemoryContextDelete(context);
  return static_cast<Datum>(0);
}

// (executions jsonb) RETURNS SETOF timestamptz. A batch has few days, mostly one, in runs.
Datum promptreg_execution_days(PG_FUNCTION_ARGS) {
  InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  json::Cursor entries(pg::JsonView(PG_GETARG_JSONB_P(0)));
  MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "promptreg batch", ALLOCSET_SMALL_SIZES);
  MemoryContext old = MemoryContextSwitchTo(context);
  TimestampTz last = DT_NOBEGIN;
  while (entries.Next()) {
    CHECK_FOR_INTERRUPTS();
    TimestampTz at;
    if (!pg::ReadExecutionTime(entries.value(), &at)) continue;
    MemoryContextReset(context);
    const TimestampTz day = at - at % USECS_PER_DAY;
    if (day == last) continue;
    last = day;
    Datum value = TimestampTzGetDatum(day);
    bool is_null = false;
    tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
  }
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
  return static_cast<Datum>(0);
}
}
