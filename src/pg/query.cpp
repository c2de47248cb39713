#include "pg/query.h"

namespace promptreg::pg {

uint64 Run(Query* query, const Datum* parameters, const char* nulls) {
  if (query->plan == nullptr) {
    SPIPlanPtr plan = SPI_prepare(query->sql, query->parameter_count, query->parameter_types);
    if (plan == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    if (SPI_keepplan(plan) != 0) elog(ERROR, "SPI_keepplan failed");
    query->plan = plan;
  }
  const int result = SPI_execute_plan(query->plan, const_cast<Datum*>(parameters), nulls, true, 0);
  if (result != SPI_OK_SELECT)
    elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
  return SPI_processed;
}

bool Row::IsNull(int column) const {
  bool is_null;
  Get(column, &is_null);
  return is_null;
}

std::string_view Row::Text(int column) const {
  bool is_null;
  const Datum value = Get(column, &is_null);
  return is_null ? std::string_view() : TextView(DatumGetTextPP(value));
}

const text* Row::TextOrNull(int column) const {
  bool is_null;
  const Datum value = Get(column, &is_null);
  return is_null ? nullptr : DatumGetTextPP(value);
}

int32 Row::Int32(int column) const {
  bool is_null;
  const Datum value = Get(column, &is_null);
  return is_null ? 0 : DatumGetInt32(value);
}

int64 Row::Int64(int column) const {
  bool is_null;
  const Datum value = Get(column, &is_null);
  return is_null ? 0 : DatumGetInt64(value);
}

bool Row::Bool(int column) const {
  bool is_null;
  const Datum value = Get(column, &is_null);
  return !is_null && DatumGetBool(value);
}

TransactionId Row::Xid(int column) const {
  bool is_null;
  const Datum value = Get(column, &is_null);
  return is_null ? FrozenTransactionId : DatumGetTransactionId(value);
}

Jsonb* Row::Json(int column) const {
  bool is_null;
  const Datum value = Get(column, &is_null);
  return is_null ? nullptr : DatumGetJsonbP(value);
}

}  // namespace promptreg::pg
