// Recording a batch of executions, prompt_log_many: its entries are read once, into a tuplestore
// that one INSERT then reads as the relation "batch".
#include "core/json/value.h"
#include "pg/caller.h"
#include "pg/jsonb.h"
#include "pg/record.h"
#include "pg/rights.h"

extern "C" {
#include "common/hashfn.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"
}

namespace promptreg::pg {
namespace {

#define PROMPTREG_COLUMNS                                                                \
  "at, request_id, prompt, version, environment, experiment, variant, user_id, model,"   \
  " latency_ms, time_to_first_token_ms, tokens_in, tokens_out, tokens_cached, cost_usd," \
  " error_class, error, finish_reason, metadata"

// The name goes before any table's, so that none that a caller has can take its place.
Statement insert_statement = {"INSERT INTO promptreg.executions (" PROMPTREG_COLUMNS
                              ") SELECT " PROMPTREG_COLUMNS " FROM batch",
                              0, nullptr};

// Each model is looked up once for each time at which a price of any model changes.
Statement insert_with_costs_statement = {
    "WITH priced AS MATERIALIZED ("
    " SELECT m.model, s.since,"
    "  lead(s.since, 1, 'infinity') OVER (PARTITION BY m.model ORDER BY s.since) AS until,"
    "  promptreg.price_at(m.model, s.since) AS price"
    " FROM (SELECT DISTINCT b.model FROM batch b WHERE b.cost_usd IS NULL AND b.model IS NOT NULL)"
    "  m, (SELECT DISTINCT p.valid_from AS since FROM promptreg.model_prices p) s)"
    " INSERT INTO promptreg.executions (" PROMPTREG_COLUMNS
    ") SELECT b.at, b.request_id, b.prompt, b.version, b.environment, b.experiment, b.variant,"
    "  b.user_id, b.model, b.latency_ms, b.time_to_first_token_ms, b.tokens_in, b.tokens_out,"
    "  b.tokens_cached, coalesce(b.cost_usd,"
    "   promptreg.cost_of(c.price, b.tokens_in, b.tokens_out, b.tokens_cached)),"
    "  b.error_class, b.error, b.finish_reason, b.metadata"
    " FROM batch b LEFT JOIN priced c ON c.model = b.model AND b.cost_usd IS NULL"
    "  AND b.at >= c.since AND b.at < c.until",
    0, nullptr};

#undef PROMPTREG_COLUMNS

// What the registry says of a prompt and an environment that entries name.
struct Target {
  std::string_view asked_name;  // empty: a free place
  std::string_view environment;
  uint32 hash;
  bool allowed;
  Datum own_name;
};

// The targets of a batch, each looked up once: an open hash table.
struct Targets {
  Target* places;
  uint32 capacity;  // a power of two
  uint32 count;
};

struct Batch {
  MemoryContext context;  // of what lasts as long as the batch
  TupleDesc descriptor;
  Tuplestorestate* rows;
  Targets targets;
  ArrayBuildState* days;  // in which rows lie; a run of the same day is one
  TimestampTz last_day;
  bool wants_costs;
  int64 refused;
  StringInfoData problems;  // of the first ones
};

constexpr int64 kMostProblems = 20;
constexpr int kMostShownCharacters = 200;

Target* NewPlaces(const Batch& batch, uint32 capacity) {
  return static_cast<Target*>(MemoryContextAllocZero(batch.context, sizeof(Target) * capacity));
}

// The place of a target, or the one that it is to take.
Target* FindPlace(const Targets& targets, std::string_view name, std::string_view environment,
                  uint32 hash) {
  for (uint32 i = hash;; ++i) {
    Target* place = &targets.places[i & (targets.capacity - 1)];
    if (place->asked_name.empty()) return place;
    if (place->hash == hash && place->asked_name == name && place->environment == environment) {
      return place;
    }
  }
}

void Grow(Batch* batch) {
  const Targets old = batch->targets;
  batch->targets.capacity = old.capacity * 2;
  batch->targets.places = NewPlaces(*batch, batch->targets.capacity);
  for (uint32 i = 0; i < old.capacity; ++i) {
    const Target& target = old.places[i];
    if (target.asked_name.empty()) continue;
    *FindPlace(batch->targets, target.asked_name, target.environment, target.hash) = target;
  }
  pfree(old.places);
}

uint32 Hash(std::string_view bytes) {
  return hash_bytes(reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()));
}

std::string_view Keep(MemoryContext context, std::string_view value) {
  char* copy = static_cast<char*>(MemoryContextAlloc(context, value.size()));
  memcpy(copy, value.data(), value.size());
  return {copy, value.size()};
}

Datum KeepDatum(MemoryContext context, Datum value) {
  MemoryContext old = MemoryContextSwitchTo(context);
  const Datum copy = datumCopy(value, false, -1);
  MemoryContextSwitchTo(old);
  return copy;
}

// Rights are decided on the prompt's own name.
const Target& FindTarget(Batch* batch, const Execution& execution) {
  const Datum asked = execution.values[kExecutionPrompt];
  const std::string_view name = TextView(DatumGetTextPP(asked));
  const std::string_view environment =
      TextView(DatumGetTextPP(execution.values[kExecutionEnvironment]));
  const uint32 hash = hash_combine(Hash(name), Hash(environment));
  Target* target = FindPlace(batch->targets, name, environment, hash);
  if (!target->asked_name.empty()) return *target;

  const Datum own_name = OwnName(asked);
  *target = {
      Keep(batch->context, name), Keep(batch->context, environment), hash,
      Allowed(CallerRole(), Right::kResolve, TextView(DatumGetTextPP(own_name)), environment),
      KeepDatum(batch->context, own_name)};
  if (++batch->targets.count * 2 > batch->targets.capacity) {
    Grow(batch);
    return *FindPlace(batch->targets, name, environment, hash);
  }
  return *target;
}

const char* Shown(std::string_view value) {
  const auto size = static_cast<int>(value.size());
  if (pg_mbstrlen_with_len(value.data(), size) <= kMostShownCharacters) {
    return psprintf("\"%.*s\"", size, value.data());
  }
  const int shown = pg_mbcharcliplen(value.data(), size, kMostShownCharacters - 3);
  return psprintf("\"%.*s...\"", shown, value.data());
}

void Refuse(Batch* batch, int64 index, const char* problem) {
  if (++batch->refused > kMostProblems) return;
  appendStringInfo(&batch->problems, "%sentry " INT64_FORMAT ": %s", batch->refused > 1 ? "\n" : "",
                   index, problem);
}

// Costs are computed for all entries at once, by the INSERT. What may be more than a cost can be,
// at the highest price there is, is computed before, so that it is known which entry it is of.
bool MayCostTooMuch(const Execution& execution) {
  constexpr int64 kTokensThatNeverDo = 1'000'000;
  int64 tokens = 0;
  for (const ExecutionColumn column :
       {kExecutionTokensIn, kExecutionTokensOut, kExecutionTokensCached}) {
    if (execution.Has(column)) tokens += DatumGetInt64(execution.values[column]);
  }
  return tokens > kTokensThatNeverDo && NeedsCost(execution);
}

void NoteDay(Batch* batch, TimestampTz at) {
  const TimestampTz day = at - at % USECS_PER_DAY;
  if (batch->days != nullptr && day == batch->last_day) return;
  batch->last_day = day;
  batch->days = accumArrayResult(batch->days, TimestampTzGetDatum(day), false, TIMESTAMPTZOID,
                                 batch->context);
}

// What becomes of one entry; in a memory context of its own.
void TakeEntry(Batch* batch, int64 index, json::Value entry) {
  Execution execution;
  const char* problem = ReadExecution(entry, &execution);
  if (problem != nullptr) return Refuse(batch, index, problem);
  const Target& target = FindTarget(batch, execution);
  if (!target.allowed) {
    return Refuse(batch, index,
                  psprintf("prompt %s does not exist in %s", Shown(target.asked_name),
                           Shown(target.environment)));
  }
  execution.Set(kExecutionPrompt, target.own_name);
  if (MayCostTooMuch(execution)) {
    problem = AddCost(&execution);
    if (problem != nullptr) return Refuse(batch, index, problem);
  }
  NoteDay(batch, DatumGetTimestampTz(execution.values[kExecutionAt]));
  batch->wants_costs |= NeedsCost(execution);
  tuplestore_putvalues(batch->rows, batch->descriptor, execution.values, execution.nulls);
}

void TakeEntries(Batch* batch, json::Value entries) {
  MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "promptreg entry", ALLOCSET_DEFAULT_SIZES);
  MemoryContext old = MemoryContextSwitchTo(context);
  json::Cursor cursor(entries);
  for (int64 index = 1; cursor.Next(); ++index) {
    CHECK_FOR_INTERRUPTS();
    TakeEntry(batch, index, cursor.value());
    MemoryContextReset(context);
  }
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
}

TupleDesc DescribeRows() {
  TupleDesc descriptor = CreateTemplateTupleDesc(kExecutionColumns);
  for (int column = 0; column < kExecutionColumns; ++column) {
    TupleDescInitEntry(descriptor, static_cast<AttrNumber>(column + 1), ExecutionColumnName(column),
                       kExecutionTypes[column], -1, 0);
  }
  return descriptor;
}

// In a memory context that lasts longer than SPI's.
void StartBatch(Batch* batch) {
  *batch = {};
  batch->context = CurrentMemoryContext;
  batch->descriptor = DescribeRows();
  batch->rows = tuplestore_begin_heap(false, false, work_mem);
  batch->targets.capacity = 16;
  batch->targets.places = NewPlaces(*batch, batch->targets.capacity);
  initStringInfo(&batch->problems);
}

int64 InsertRows(const Batch& batch) {
  auto* relation = static_cast<EphemeralNamedRelation>(palloc0(sizeof(EphemeralNamedRelationData)));
  relation->md.name = pstrdup("batch");
  relation->md.tupdesc = batch.descriptor;
  relation->md.enrtype = ENR_NAMED_TUPLESTORE;
  relation->md.enrtuples = static_cast<double>(tuplestore_tuple_count(batch.rows));
  relation->reldata = batch.rows;
  const int result = SPI_register_relation(relation);
  if (result < 0) {
    elog(ERROR, "SPI_register_relation failed: %s", SPI_result_code_string(result));
  }
  Statement* statement = batch.wants_costs ? &insert_with_costs_statement : &insert_statement;
  return static_cast<int64>(Execute(statement, nullptr, nullptr));
}

// Returns how many were recorded.
int64 Record(Batch* batch, json::Value entries) {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  TakeEntries(batch, entries);
  int64 recorded = 0;
  if (batch->days != nullptr) {
    if (batch->days->nelems == 1) {
      EnsurePartition(Partitioned::kExecutions, batch->last_day);
    } else {
      EnsurePartitions(Partitioned::kExecutions,
                       makeArrayResult(batch->days, CurrentMemoryContext));
    }
    recorded = InsertRows(*batch);
  }
  SPI_finish();
  return recorded;
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_record_executions);
Datum promptreg_record_executions(PG_FUNCTION_ARGS);

// (executions jsonb) RETURNS (recorded, refused, problems)
Datum promptreg_record_executions(PG_FUNCTION_ARGS) {
  TupleDesc descriptor;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "the function does not return what the library fills in");
  }
  pg::NoteRightsCheck();
  pg::Batch batch;
  pg::StartBatch(&batch);
  const promptreg::json::Value entries = pg::JsonView(PG_GETARG_JSONB_P(0));
  const int64 recorded = pg::Record(&batch, entries);
  tuplestore_end(batch.rows);
  Datum values[] = {
      Int64GetDatum(recorded), Int64GetDatum(batch.refused),
      batch.refused > 0 ? PointerGetDatum(cstring_to_text(batch.problems.data)) : Datum{0}};
  bool nulls[] = {false, false, batch.refused == 0};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
}
