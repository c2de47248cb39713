// Rows of the registry's tables by their unique keys, read without a statement. A statement costs
// several times what it looks up, and a route takes five.
//
// A row is what a query would have found under the active snapshot: the same scan of an index, with
// the same locks, which are kept to the end of the transaction. Nobody's rights are looked at.
#pragma once

#include "pg/query.h"
#include "pg/server.h"

namespace promptreg::pg {

inline constexpr int kMostColumns = 12;

struct IndexedTable {
  const char* name;
  const char* index;
  int key_count;
  const char* columns[kMostColumns];  // those of the key first
  // What the columns' numbers are in the table that was found last.
  Oid relation = InvalidOid;
  uint64 epoch = 0;
  AttrNumber numbers[kMostColumns] = {};
};

// A row while it is being read: its bytes may lie in a shared buffer.
struct IndexedRow {
  const IndexedTable* table;
  Row row;
  // The number of a column for Row, from the place of its name in the table's list.
  int operator[](int column) const { return table->numbers[column]; }
};

struct IndexedScan {
  Relation relation = nullptr;
  SysScanDesc scan = nullptr;
  HeapTuple tuple = nullptr;
};

IndexedScan BeginIndexedScan(IndexedTable* table, const Datum* keys);
void EndIndexedScan(IndexedScan* scan);

// Calls visit(const IndexedRow&) for the first row with the keys, if there is one; keys may be
// fewer than the index has. False: there is none.
template <typename Visit>
bool FindIndexed(IndexedTable* table, const Datum* keys, Visit&& visit) {
  IndexedScan scan = BeginIndexedScan(table, keys);
  const bool found = HeapTupleIsValid(scan.tuple);
  if (found) visit(IndexedRow{table, Row(scan.tuple, RelationGetDescr(scan.relation))});
  EndIndexedScan(&scan);
  return found;
}

}  // namespace promptreg::pg
