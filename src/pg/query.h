// Reading the registry's tables from C++, as the owner of the extension.
#pragma once

#include "pg/server.h"

namespace promptreg::pg {

// One statement, prepared once per process and kept. Its SQL must qualify every name, operators
// included: it is parsed under the caller's search_path.
struct Query {
  const char* sql;
  int parameter_count;
  Oid parameter_types[4];
  SPIPlanPtr plan = nullptr;
};

// Which state of the tables a reader sees.
enum class View { kOfStatement, kOfNow };

// Connects to SPI as the owner, with the view in force, around body(). Rows that body() keeps must
// be copied to the memory context that was current before.
template <typename Body>
void Reading(View view, Body&& body);

// The view alone.
void PushView(View view);
void PopView(View view);

// Runs the query within Reading; the rows are in SPI_tuptable. Returns their number. nulls: 'n' for
// each parameter that is NULL, ' ' for the others; nullptr: none is.
uint64 Run(Query* query, const Datum* parameters, const char* nulls = nullptr);

// Columns of a row, of SPI_tuptable for one, from 1. Pointers are valid until the end of Reading.
struct Row {
  HeapTuple tuple;
  TupleDesc descriptor;
  explicit Row(uint64 index)
      : tuple(SPI_tuptable->vals[index]), descriptor(SPI_tuptable->tupdesc) {}
  Row(HeapTuple read, TupleDesc columns) : tuple(read), descriptor(columns) {}
  Datum Get(int column, bool* is_null) const {
    return SPI_getbinval(tuple, descriptor, column, is_null);
  }
  bool IsNull(int column) const;
  std::string_view Text(int column) const;  // empty for NULL
  const text* TextOrNull(int column) const;
  int32 Int32(int column) const;
  int64 Int64(int column) const;
  bool Bool(int column) const;
  TransactionId Xid(int column) const;
  Jsonb* Json(int column) const;  // nullptr for NULL
};

}  // namespace promptreg::pg

#include "pg/caller.h"
#include "pg/invalidation.h"

namespace promptreg::pg {

inline void PushView(View view) {
  // The catalog snapshot, unlike GetLatestSnapshot, is to be had in a parallel worker too.
  if (view == View::kOfNow) PushActiveSnapshot(GetCatalogSnapshot(InvalidOid));
}
inline void PopView(View view) {
  if (view == View::kOfNow) PopActiveSnapshot();
}

template <typename Body>
void Reading(View view, Body&& body) {
  PushView(view);
  AsOwner(ExtensionOwner(), [&] {
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    body();
    SPI_finish();
  });
  PopView(view);
}

}  // namespace promptreg::pg
