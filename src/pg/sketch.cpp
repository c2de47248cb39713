// The type promptreg.sketch, its aggregates and the functions that read it.
//
// The state of an aggregate is a Sketch in the aggregate's memory context, which frees it: it has
// no destructor, and takes its memory from there.
#include "core/sketch/sketch.h"

#include <cmath>
#include <memory>

#include "pg/server.h"

extern "C" {
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
}

namespace promptreg::pg {
namespace {

using sketch::Sketch;

void* Allocate(void* context, size_t bytes) {
  return MemoryContextAllocExtended(static_cast<MemoryContext>(context), bytes, MCXT_ALLOC_NO_OOM);
}

void Release(void*, void* block) {
  pfree(block);
}

sketch::Memory MemoryOf(MemoryContext context) {
  return {context, Allocate, Release};
}

[[noreturn]] void RunOut() {
  ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                  errdetail("A sketch cannot grow.")));
  pg_unreachable();
}

[[noreturn]] void RefuseBytes() {
  ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("this is no sketch")));
  pg_unreachable();
}

Sketch* NewSketch(double error, MemoryContext context) {
  void* place = MemoryContextAlloc(context, sizeof(Sketch));
  return std::construct_at(static_cast<Sketch*>(place), error, MemoryOf(context));
}

double CheckedError(double error) {
  if (!Sketch::IsValidError(error)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("relative_error must be between %g and %g", sketch::kLeastError,
                           sketch::kGreatestError)));
  }
  return error;
}

double ErrorOf(std::string_view bytes) {
  const std::optional<double> error = Sketch::EncodedError(bytes);
  if (!error) RefuseBytes();
  return *error;
}

void MergeBytes(Sketch* into, std::string_view bytes) {
  switch (into->MergeEncoded(bytes)) {
    case Sketch::Decoded::kOk:
      return;
    case Sketch::Decoded::kInvalid:
      RefuseBytes();
    case Sketch::Decoded::kOutOfMemory:
      RunOut();
    case Sketch::Decoded::kOtherError:
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("sketches with different relative errors cannot be merged"),
                      errdetail("One has %g, the other %g.", into->error(), ErrorOf(bytes))));
  }
}

// A sketch is stored as a varlena of its encoded bytes, as bytea is.
std::string_view Bytes(Datum datum) {
  const struct varlena* value = PG_DETOAST_DATUM_PACKED(datum);
  return {VARDATA_ANY(value), static_cast<size_t>(VARSIZE_ANY_EXHDR(value))};
}

Sketch* Decode(std::string_view bytes, MemoryContext context) {
  Sketch* decoded = NewSketch(ErrorOf(bytes), context);
  MergeBytes(decoded, bytes);
  return decoded;
}

Datum Encode(const Sketch& from) {
  const size_t size = from.EncodedSize();
  auto* value = static_cast<struct varlena*>(palloc(VARHDRSZ + size));
  SET_VARSIZE(value, VARHDRSZ + size);
  from.Encode(VARDATA(value));
  return PointerGetDatum(value);
}

MemoryContext AggregateContext(FunctionCallInfo fcinfo) {
  MemoryContext context;
  if (AggCheckCallContext(fcinfo, &context) == 0) {
    elog(ERROR, "aggregate function called in non-aggregate context");
  }
  return context;
}

Sketch* State(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? nullptr : reinterpret_cast<Sketch*>(PG_GETARG_POINTER(argument));
}

Datum StateOrNull(FunctionCallInfo fcinfo, Sketch* state) {
  if (state == nullptr) PG_RETURN_NULL();
  PG_RETURN_POINTER(state);
}

double CheckedFraction(double q) {
  // NaN included.
  if (!(q >= 0 && q <= 1)) {
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("a quantile must be between 0 and 1, not %g", q)));
  }
  return q;
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;
using promptreg::sketch::Sketch;  // NOLINT: only for the entry points below

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_sketch_in);
PG_FUNCTION_INFO_V1(promptreg_sketch_out);
PG_FUNCTION_INFO_V1(promptreg_sketch_recv);
PG_FUNCTION_INFO_V1(promptreg_sketch_send);
PG_FUNCTION_INFO_V1(promptreg_sketch_add);
PG_FUNCTION_INFO_V1(promptreg_sketch_add_merged);
PG_FUNCTION_INFO_V1(promptreg_sketch_combine);
PG_FUNCTION_INFO_V1(promptreg_sketch_serialize);
PG_FUNCTION_INFO_V1(promptreg_sketch_deserialize);
PG_FUNCTION_INFO_V1(promptreg_sketch_finish);
PG_FUNCTION_INFO_V1(promptreg_sketch_merge_two);
PG_FUNCTION_INFO_V1(promptreg_sketch_quantile);
PG_FUNCTION_INFO_V1(promptreg_sketch_quantiles);
PG_FUNCTION_INFO_V1(promptreg_sketch_count);
Datum promptreg_sketch_in(PG_FUNCTION_ARGS);
Datum promptreg_sketch_out(PG_FUNCTION_ARGS);
Datum promptreg_sketch_recv(PG_FUNCTION_ARGS);
Datum promptreg_sketch_send(PG_FUNCTION_ARGS);
Datum promptreg_sketch_add(PG_FUNCTION_ARGS);
Datum promptreg_sketch_add_merged(PG_FUNCTION_ARGS);
Datum promptreg_sketch_combine(PG_FUNCTION_ARGS);
Datum promptreg_sketch_serialize(PG_FUNCTION_ARGS);
Datum promptreg_sketch_deserialize(PG_FUNCTION_ARGS);
Datum promptreg_sketch_finish(PG_FUNCTION_ARGS);
Datum promptreg_sketch_merge_two(PG_FUNCTION_ARGS);
Datum promptreg_sketch_quantile(PG_FUNCTION_ARGS);
Datum promptreg_sketch_quantiles(PG_FUNCTION_ARGS);
Datum promptreg_sketch_count(PG_FUNCTION_ARGS);

// The text form is bytea's, in hexadecimal.
Datum promptreg_sketch_in(PG_FUNCTION_ARGS) {
  const Datum bytes = DirectFunctionCall1(byteain, PG_GETARG_DATUM(0));
  pg::Decode(pg::Bytes(bytes), CurrentMemoryContext);
  PG_RETURN_DATUM(bytes);
}

Datum promptreg_sketch_out(PG_FUNCTION_ARGS) {
  const std::string_view bytes = pg::Bytes(PG_GETARG_DATUM(0));
  char* const written = static_cast<char*>(palloc(bytes.size() * 2 + 3));
  written[0] = '\\';
  written[1] = 'x';
  char* const end = written + 2 + hex_encode(bytes.data(), bytes.size(), written + 2);
  *end = '\0';
  PG_RETURN_CSTRING(written);
}

Datum promptreg_sketch_recv(PG_FUNCTION_ARGS) {
  auto* message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int size = message->len - message->cursor;
  auto* value = static_cast<struct varlena*>(palloc(VARHDRSZ + static_cast<Size>(size)));
  SET_VARSIZE(value, VARHDRSZ + size);
  pq_copymsgbytes(message, VARDATA(value), size);
  pg::Decode(pg::Bytes(PointerGetDatum(value)), CurrentMemoryContext);
  PG_RETURN_POINTER(value);
}

Datum promptreg_sketch_send(PG_FUNCTION_ARGS) {
  PG_RETURN_POINTER(PG_GETARG_BYTEA_P_COPY(0));
}

// (state, value double precision [, relative_error double precision])
Datum promptreg_sketch_add(PG_FUNCTION_ARGS) {
  MemoryContext context = pg::AggregateContext(fcinfo);
  Sketch* state = pg::State(fcinfo, 0);
  if (PG_ARGISNULL(1)) return pg::StateOrNull(fcinfo, state);
  const double value = PG_GETARG_FLOAT8(1);
  if (!std::isfinite(value)) {
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("a sketch takes finite numbers only, not %g", value)));
  }
  if (state == nullptr) {
    const bool given = PG_NARGS() > 2 && !PG_ARGISNULL(2);
    state = pg::NewSketch(
        given ? pg::CheckedError(PG_GETARG_FLOAT8(2)) : promptreg::sketch::kDefaultError, context);
  }
  if (!state->Add(value)) pg::RunOut();
  PG_RETURN_POINTER(state);
}

// (state, sketch)
Datum promptreg_sketch_add_merged(PG_FUNCTION_ARGS) {
  MemoryContext context = pg::AggregateContext(fcinfo);
  Sketch* state = pg::State(fcinfo, 0);
  if (PG_ARGISNULL(1)) return pg::StateOrNull(fcinfo, state);
  const std::string_view bytes = pg::Bytes(PG_GETARG_DATUM(1));
  if (state == nullptr) state = pg::NewSketch(pg::ErrorOf(bytes), context);
  pg::MergeBytes(state, bytes);
  PG_RETURN_POINTER(state);
}

Datum promptreg_sketch_combine(PG_FUNCTION_ARGS) {
  MemoryContext context = pg::AggregateContext(fcinfo);
  Sketch* one = pg::State(fcinfo, 0);
  const Sketch* other = pg::State(fcinfo, 1);
  if (other == nullptr) return pg::StateOrNull(fcinfo, one);
  if (one == nullptr) one = pg::NewSketch(other->error(), context);
  if (one->error() != other->error()) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("sketches with different relative errors cannot be merged"),
                    errdetail("One has %g, the other %g.", one->error(), other->error())));
  }
  if (!one->Merge(*other)) pg::RunOut();
  PG_RETURN_POINTER(one);
}

Datum promptreg_sketch_serialize(PG_FUNCTION_ARGS) {
  pg::AggregateContext(fcinfo);
  PG_RETURN_DATUM(pg::Encode(*pg::State(fcinfo, 0)));
}

Datum promptreg_sketch_deserialize(PG_FUNCTION_ARGS) {
  pg::AggregateContext(fcinfo);
  PG_RETURN_POINTER(pg::Decode(pg::Bytes(PG_GETARG_DATUM(0)), CurrentMemoryContext));
}

Datum promptreg_sketch_finish(PG_FUNCTION_ARGS) {
  const Sketch* state = pg::State(fcinfo, 0);
  if (state == nullptr) PG_RETURN_NULL();
  PG_RETURN_DATUM(pg::Encode(*state));
}

// NULL is a sketch of nothing.
Datum promptreg_sketch_merge_two(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) && PG_ARGISNULL(1)) PG_RETURN_NULL();
  if (PG_ARGISNULL(0)) PG_RETURN_DATUM(PG_GETARG_DATUM(1));
  if (PG_ARGISNULL(1)) PG_RETURN_DATUM(PG_GETARG_DATUM(0));
  Sketch* merged = pg::Decode(pg::Bytes(PG_GETARG_DATUM(0)), CurrentMemoryContext);
  pg::MergeBytes(merged, pg::Bytes(PG_GETARG_DATUM(1)));
  PG_RETURN_DATUM(pg::Encode(*merged));
}

Datum promptreg_sketch_quantile(PG_FUNCTION_ARGS) {
  const double q = pg::CheckedFraction(PG_GETARG_FLOAT8(1));
  const Sketch* decoded = pg::Decode(pg::Bytes(PG_GETARG_DATUM(0)), CurrentMemoryContext);
  const std::optional<double> value = decoded->Quantile(q);
  if (!value) PG_RETURN_NULL();
  PG_RETURN_FLOAT8(*value);
}

// One result for each element, NULL for NULL.
Datum promptreg_sketch_quantiles(PG_FUNCTION_ARGS) {
  const Sketch* decoded = pg::Decode(pg::Bytes(PG_GETARG_DATUM(0)), CurrentMemoryContext);
  ArrayType* fractions = PG_GETARG_ARRAYTYPE_P(1);
  Datum* elements;
  bool* nulls;
  int count;
  deconstruct_array(fractions, FLOAT8OID, sizeof(float8), true, TYPALIGN_DOUBLE, &elements, &nulls,
                    &count);
  for (int i = 0; i < count; ++i) {
    CHECK_FOR_INTERRUPTS();
    if (nulls[i]) continue;
    const std::optional<double> value =
        decoded->Quantile(pg::CheckedFraction(DatumGetFloat8(elements[i])));
    nulls[i] = !value;
    if (value) elements[i] = Float8GetDatum(*value);
  }
  PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, nulls, ARR_NDIM(fractions),
                                           ARR_DIMS(fractions), ARR_LBOUND(fractions), FLOAT8OID,
                                           sizeof(float8), true, TYPALIGN_DOUBLE));
}

Datum promptreg_sketch_count(PG_FUNCTION_ARGS) {
  const Sketch* decoded = pg::Decode(pg::Bytes(PG_GETARG_DATUM(0)), CurrentMemoryContext);
  PG_RETURN_INT64(static_cast<int64>(decoded->count()));
}
}
