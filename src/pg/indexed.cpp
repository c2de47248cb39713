#include "pg/indexed.h"

#include "pg/invalidation.h"

namespace promptreg::pg {
namespace {

void LookUpColumns(IndexedTable* table, Oid relation, uint64 epoch) {
  for (int i = 0; i < kMostColumns && table->columns[i] != nullptr; ++i) {
    table->numbers[i] = get_attnum(relation, table->columns[i]);
    if (table->numbers[i] == InvalidAttrNumber)
      elog(ERROR, "column promptreg.%s.%s is missing", table->name, table->columns[i]);
  }
  table->relation = relation;
  table->epoch = epoch;
}

ScanKeyData Key(const IndexedTable& table, int number, TupleDesc columns, Datum value) {
  const AttrNumber attribute = table.numbers[number];
  const Form_pg_attribute column = TupleDescAttr(columns, attribute - 1);
  const RegProcedure equal = column->atttypid == INT8OID   ? F_INT8EQ
                             : column->atttypid == INT4OID ? F_INT4EQ
                                                           : F_TEXTEQ;
  ScanKeyData key;
  ScanKeyEntryInitialize(&key, 0, attribute, BTEqualStrategyNumber, InvalidOid,
                         column->attcollation, equal, value);
  return key;
}

}  // namespace

IndexedScan BeginIndexedScan(IndexedTable* table, const Datum* keys) {
  const uint64 epoch = InstallationEpoch();
  const Oid schema = get_namespace_oid("promptreg", false);
  const Oid oid = get_relname_relid(table->name, schema);
  if (!OidIsValid(oid)) elog(ERROR, "table promptreg.%s is missing", table->name);
  IndexedScan result;
  result.relation = table_open(oid, AccessShareLock);
  if (oid != table->relation || epoch != table->epoch) LookUpColumns(table, oid, epoch);
  // The index after the table, whose lock an index that is being replaced waits for.
  const Oid index = get_relname_relid(table->index, schema);
  ScanKeyData scan_keys[kMostColumns];
  for (int i = 0; i < table->key_count; ++i) {
    scan_keys[i] = Key(*table, i, RelationGetDescr(result.relation), keys[i]);
  }
  result.scan = systable_beginscan(result.relation, index, OidIsValid(index), GetActiveSnapshot(),
                                   table->key_count, scan_keys);
  result.tuple = systable_getnext(result.scan);
  return result;
}

void EndIndexedScan(IndexedScan* scan) {
  systable_endscan(scan->scan);
  table_close(scan->relation, NoLock);
}

}  // namespace promptreg::pg
