#include "pg/record.h"

#include "pg/invalidation.h"

namespace promptreg::pg {
namespace {

const Oid kNameTypes[] = {TEXTOID};
Statement own_name_statement = {
    "SELECT p.name FROM promptreg.names n JOIN promptreg.prompts p"
    " ON p.id OPERATOR(pg_catalog.=) n.prompt_id WHERE n.name OPERATOR(pg_catalog.=) $1",
    1, kNameTypes};

const Oid kCostTypes[] = {TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID};
Statement cost_statement = {"SELECT promptreg.model_cost($1, $2, $3, $4, $5)", 5, kCostTypes};

const Oid kTimeTypes[] = {TEXTOID, TIMESTAMPTZOID};
Statement lacks_partition_statement = {"SELECT 1 WHERE promptreg.lacks_partition($1, $2)", 2,
                                       kTimeTypes};
Statement partition_statement = {"SELECT promptreg.prepare_partitions($1, ARRAY[$2])", 2,
                                 kTimeTypes};

const Oid kTimesTypes[] = {TEXTOID, TIMESTAMPTZARRAYOID};
Statement partitions_statement = {"SELECT promptreg.prepare_partitions($1, $2)", 2, kTimesTypes};

constexpr const char* kPartitionedNames[] = {"executions", "outcomes"};

constexpr size_t kMostNameBytes = 800;

// What the last call found out, for the next one, which is mostly about the same prompt and day.
struct Remembered {
  uint64 generation;
  // Of each relation one that lacks no partition; if its own is dropped, the default one takes the
  // rows.
  TimestampTz partition_days[2];
  size_t asked_size;
  size_t own_size;
  char asked_name[kMostNameBytes];
  char own_name[kMostNameBytes];
};
Remembered remembered = {};

// The transaction that made a partition last: it may be taken back, and the partition with it.
FullTransactionId made_in = InvalidFullTransactionId;

bool MayLosePartition() {
  return FullTransactionIdIsValid(made_in) &&
         FullTransactionIdEquals(made_in, GetTopFullTransactionIdIfAny());
}

// After a partition could not be made none is tried for a while: each try may wait for a lock.
constexpr int64 kPostponedFor = 60 * USECS_PER_SEC;
TimestampTz postponed_until = 0;
bool warned = false;

bool PartitionsPostponed() {
  return postponed_until != 0 && GetCurrentTimestamp() < postponed_until;
}

bool Remember(std::string_view asked, std::string_view own) {
  if (asked.size() > kMostNameBytes || own.size() > kMostNameBytes) return false;
  memcpy(remembered.asked_name, asked.data(), asked.size());
  memcpy(remembered.own_name, own.data(), own.size());
  remembered.asked_size = asked.size();
  remembered.own_size = own.size();
  return true;
}

}  // namespace

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

// Every change of a name moves the generation on.
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

bool NeedsCost(const Execution& execution) {
  return !execution.Has(kExecutionCost) && execution.Has(kExecutionModel) &&
         (execution.Has(kExecutionTokensIn) || execution.Has(kExecutionTokensOut));
}

const char* AddCost(Execution* execution) {
  if (!NeedsCost(*execution)) return nullptr;
  constexpr ExecutionColumn kColumns[] = {kExecutionModel, kExecutionAt, kExecutionTokensIn,
                                          kExecutionTokensOut, kExecutionTokensCached};
  Datum values[5];
  bool nulls[5];
  for (int i = 0; i < 5; ++i) {
    values[i] = execution->values[kColumns[i]];
    nulls[i] = execution->nulls[kColumns[i]];
  }
  Execute(&cost_statement, values, nulls);
  bool is_null;
  const Datum cost = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
  if (is_null) return nullptr;
  execution->Set(kExecutionCost, cost);
  return CheckComputedCost(*execution);
}

void EnsurePartition(Partitioned relation, TimestampTz at) {
  const auto i = static_cast<size_t>(relation);
  const TimestampTz day = at - at % USECS_PER_DAY;
  if (day == remembered.partition_days[i] || PartitionsPostponed()) return;
  const Datum values[] = {CStringGetTextDatum(kPartitionedNames[i]), TimestampTzGetDatum(at)};
  if (Execute(&lacks_partition_statement, values, nullptr) > 0) {
    Execute(&partition_statement, values, nullptr);
    made_in = GetTopFullTransactionId();
  } else if (!MayLosePartition()) {
    remembered.partition_days[i] = day;
  }
}

void EnsurePartitions(Partitioned relation, Datum times) {
  if (PartitionsPostponed()) return;
  const auto i = static_cast<size_t>(relation);
  const Datum values[] = {CStringGetTextDatum(kPartitionedNames[i]), times};
  Execute(&partitions_statement, values, nullptr);
  made_in = GetTopFullTransactionId();
}

}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_ensure_partition);
Datum promptreg_ensure_partition(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(promptreg_partitions_postponed);
Datum promptreg_partitions_postponed(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(promptreg_postpone_partitions);
Datum promptreg_postpone_partitions(PG_FUNCTION_ARGS);

// (relation text, at timestamptz)
Datum promptreg_ensure_partition(PG_FUNCTION_ARGS) {
  const auto relation = pg::TextView(PG_GETARG_TEXT_PP(0)) == "outcomes"
                            ? pg::Partitioned::kOutcomes
                            : pg::Partitioned::kExecutions;
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  pg::EnsurePartition(relation, PG_GETARG_TIMESTAMPTZ(1));
  SPI_finish();
  PG_RETURN_VOID();
}

Datum promptreg_partitions_postponed(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(pg::PartitionsPostponed());
}

// (problem text, expected boolean)
Datum promptreg_postpone_partitions(PG_FUNCTION_ARGS) {
  pg::postponed_until = GetCurrentTimestamp() + pg::kPostponedFor;
  const bool warns = !PG_GETARG_BOOL(1) && !pg::warned;
  pg::warned |= warns;
  ereport(warns ? WARNING : LOG,
          (errmsg("a partition of executions or outcomes could not be made: %s",
                  text_to_cstring(PG_GETARG_TEXT_PP(0))),
           errhint("What is recorded waits in the default partition for prompt_maintain().")));
  PG_RETURN_VOID();
}
}
