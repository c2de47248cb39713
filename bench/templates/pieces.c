/*
 * The floor of a rendering inside the server: a function that copies pieces which were cut before
 * into a new text.
 */
#include "postgres.h"

#include <time.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(pieces_keep);
PG_FUNCTION_INFO_V1(pieces_copy);
PG_FUNCTION_INFO_V1(pieces_cpu_ns);

static int count;
static text** pieces;
static Size bytes;

/* (text[]): keeps the pieces that pieces_copy copies in this session. */
Datum pieces_keep(PG_FUNCTION_ARGS) {
  MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
  Datum* elements;

  deconstruct_array(PG_GETARG_ARRAYTYPE_P_COPY(0), TEXTOID, -1, false, TYPALIGN_INT, &elements,
                    NULL, &count);
  MemoryContextSwitchTo(caller);
  pieces = (text**)elements;
  bytes = 0;
  for (int i = 0; i < count; ++i) bytes += VARSIZE_ANY_EXHDR(pieces[i]);
  PG_RETURN_VOID();
}

/* The arguments of prompt_render, unread. */
Datum pieces_copy(PG_FUNCTION_ARGS) {
  text* copy = palloc(VARHDRSZ + bytes);
  char* at = VARDATA(copy);

  SET_VARSIZE(copy, VARHDRSZ + bytes);
  for (int i = 0; i < count; ++i) {
    Size length = VARSIZE_ANY_EXHDR(pieces[i]);

    memcpy(at, VARDATA_ANY(pieces[i]), length);
    at += length;
  }
  PG_RETURN_TEXT_P(copy);
}

/* CPU time of this backend in nanoseconds: steadier than the clock where others use the machine. */
Datum pieces_cpu_ns(PG_FUNCTION_ARGS) {
  struct timespec used;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  PG_RETURN_INT64((int64)used.tv_sec * 1000000000 + used.tv_nsec);
}
