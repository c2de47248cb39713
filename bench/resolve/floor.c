/*
 * The floors that resolving is measured against: functions of the same signatures that only hand
 * back constants, so that what they cost is the protocol and the executor.
 *
 * FLOOR_BYTES (from the makefile) is the size of their text.
 */
#include "postgres.h"

#include <time.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(floor_empty);
PG_FUNCTION_INFO_V1(floor_copy);
PG_FUNCTION_INFO_V1(floor_text);
PG_FUNCTION_INFO_V1(floor_row);
PG_FUNCTION_INFO_V1(floor_cpu_ns);

static text* make_text(Size bytes) {
  text* made = MemoryContextAlloc(TopMemoryContext, VARHDRSZ + bytes);

  SET_VARSIZE(made, VARHDRSZ + bytes);
  memset(VARDATA(made), 'x', bytes);
  return made;
}

/* Returns nothing. */
Datum floor_empty(PG_FUNCTION_ARGS) {
  PG_RETURN_NULL();
}

/* Returns a fresh copy of 1 KB. */
Datum floor_copy(PG_FUNCTION_ARGS) {
  static text* original = NULL;
  text* copy = palloc(VARHDRSZ + 1024);

  if (original == NULL) original = make_text(1024);
  memcpy(copy, original, VARHDRSZ + 1024);
  PG_RETURN_TEXT_P(copy);
}

/* Returns the same text every time, without a copy. */
Datum floor_text(PG_FUNCTION_ARGS) {
  static text* constant = NULL;

  if (constant == NULL) constant = make_text(FLOOR_BYTES);
  PG_RETURN_TEXT_P(constant);
}

/* The row that floor_row returns; columns as in promptreg.resolution. */
static HeapTupleHeader make_row(FunctionCallInfo fcinfo) {
  static char letters[FLOOR_BYTES + 1];
  char* columns[] = {"2000000000000000123",
                     "5",
                     "2505",
                     "production",
                     "checkout-tone",
                     "control",
                     "experiment",
                     letters,
                     NULL,
                     "large-2",
                     "{\"max_tokens\": 800, \"temperature\": 0.2}"};
  TupleDesc descriptor;
  MemoryContext caller;
  HeapTuple row;

  memset(letters, 'x', FLOOR_BYTES);
  if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "floor_row must return a row");
  if (descriptor->natts != lengthof(columns)) elog(ERROR, "floor_row has other columns");
  row = BuildTupleFromCStrings(TupleDescGetAttInMetadata(descriptor), columns);
  caller = MemoryContextSwitchTo(TopMemoryContext);
  row = heap_copytuple(row);
  MemoryContextSwitchTo(caller);
  return DatumGetHeapTupleHeader(HeapTupleGetDatum(row));
}

/* Returns the same row every time, without a copy. */
Datum floor_row(PG_FUNCTION_ARGS) {
  static HeapTupleHeader constant = NULL;

  if (constant == NULL) constant = make_row(fcinfo);
  PG_RETURN_HEAPTUPLEHEADER(constant);
}

/* CPU time of this backend in nanoseconds: steadier than the clock where others use the machine. */
Datum floor_cpu_ns(PG_FUNCTION_ARGS) {
  struct timespec used;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  PG_RETURN_INT64((int64)used.tv_sec * 1000000000 + used.tv_nsec);
}
