// The newest change, whatever snapshot the transaction has.
#include "pg/query.h"

namespace pg = promptreg::pg;

namespace {

pg::Query last_change_query = {
    "SELECT c.seq, c.chain_hash FROM ONLY promptreg.changes c ORDER BY c.seq DESC LIMIT 1", 0, {}};

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_last_change);
Datum promptreg_last_change(PG_FUNCTION_ARGS);

// () -> (seq bigint, chain_hash bytea)
//
// A REPEATABLE READ transaction would see an old newest change and number its own wrongly. With the
// lock of commit_order held, what a snapshot of now shows stays true until this transaction ends.
Datum promptreg_last_change(PG_FUNCTION_ARGS) {
  TupleDesc row_type;
  if (get_call_result_type(fcinfo, nullptr, &row_type) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "not a row type");
  Datum values[2] = {};
  bool nulls[2] = {true, true};
  const MemoryContext caller_context = CurrentMemoryContext;
  pg::Reading(pg::View::kOfNow, [&] {
    if (pg::Run(&last_change_query, nullptr) == 0) return;
    const pg::Row row(0);
    values[0] = row.Get(1, &nulls[0]);
    const MemoryContext spi_context = MemoryContextSwitchTo(caller_context);
    values[1] = datumCopy(row.Get(2, &nulls[1]), false, -1);
    MemoryContextSwitchTo(spi_context);
  });
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row_type), values, nulls)));
}
}
