#include "pg/execution.h"

#include <iterator>

#include "core/json/numeric.h"
#include "pg/settings.h"

extern "C" {
#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/uuid.h"
}

namespace promptreg::pg {
namespace {

enum class Kind : uint8 {
  kTime,
  kText,
  kLongText,
  kVersion,
  kTokens,
  kMilliseconds,
  kCost,
  kObject
};

struct Column {
  std::string_view name;  // as prompt_log's argument is called
  Kind kind;
  bool required;
};

constexpr Column kColumns[kExecutionColumns] = {
    {"at", Kind::kTime, true},
    {"request_id", Kind::kText, true},
    {"name", Kind::kText, true},
    {"version", Kind::kVersion, true},
    {"env", Kind::kText, true},
    {"experiment", Kind::kText, false},
    {"variant", Kind::kText, false},
    {"user_id", Kind::kText, false},
    {"model", Kind::kText, false},
    {"latency_ms", Kind::kMilliseconds, false},
    {"time_to_first_token_ms", Kind::kMilliseconds, false},
    {"tokens_in", Kind::kTokens, false},
    {"tokens_out", Kind::kTokens, false},
    {"tokens_cached", Kind::kTokens, false},
    {"cost_usd", Kind::kCost, false},
    {"error_class", Kind::kText, false},
    {"error", Kind::kLongText, false},
    {"finish_reason", Kind::kText, false},
    {"metadata", Kind::kObject, false},
};

// The keys of a batch's entries: the columns' names, and what the table calls two of them. In the
// order in which jsonb keeps keys, by length and then by bytes.
struct Key {
  std::string_view name;
  ExecutionColumn column;
};
constexpr Key kKeys[] = {
    {"at", kExecutionAt},
    {"env", kExecutionEnvironment},
    {"name", kExecutionPrompt},
    {"error", kExecutionError},
    {"model", kExecutionModel},
    {"prompt", kExecutionPrompt},
    {"user_id", kExecutionUserId},
    {"variant", kExecutionVariant},
    {"version", kExecutionVersion},
    {"cost_usd", kExecutionCost},
    {"metadata", kExecutionMetadata},
    {"tokens_in", kExecutionTokensIn},
    {"experiment", kExecutionExperiment},
    {"latency_ms", kExecutionLatency},
    {"request_id", kExecutionRequestId},
    {"tokens_out", kExecutionTokensOut},
    {"environment", kExecutionEnvironment},
    {"error_class", kExecutionErrorClass},
    {"finish_reason", kExecutionFinishReason},
    {"tokens_cached", kExecutionTokensCached},
    {"time_to_first_token_ms", kExecutionTimeToFirstToken},
};

constexpr bool ComesBefore(std::string_view left, std::string_view right) {
  return left.size() != right.size() ? left.size() < right.size() : left < right;
}

static_assert([] {
  for (size_t i = 1; i < std::size(kKeys); ++i) {
    if (!ComesBefore(kKeys[i - 1].name, kKeys[i].name)) return false;
  }
  for (int column = 0; column < kExecutionColumns; ++column) {
    bool found = false;
    for (const Key& key : kKeys) found |= key.column == column && key.name == kColumns[column].name;
    if (!found) return false;
  }
  return true;
}());

// The constraints of promptreg.executions say the same; keep both in step.
constexpr int kMostNameBytes = 800;
constexpr int kMostEnvironmentBytes = 100;
constexpr int kMostLongBytes = 1024 * 1024;
constexpr int64 kMostTokens = INT64CONST(1000000000000);
constexpr double kMostMilliseconds = 1e12;
constexpr double kMostCost = 1e9;
constexpr int kMostCostScale = 30;

const char* Problem(ExecutionColumn column, const char* what) {
  return psprintf("%s %s", kColumns[column].name.data(), what);
}

TimestampTz TimeOf(int year) {
  return (date2j(year, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

int MostBytes(ExecutionColumn column) {
  if (column == kExecutionEnvironment) return kMostEnvironmentBytes;
  return kColumns[column].kind == Kind::kText ? kMostNameBytes : kMostLongBytes;
}

const char* CheckSize(ExecutionColumn column, Size size) {
  if (size <= static_cast<Size>(MostBytes(column))) return nullptr;
  return Problem(column, psprintf("has %zu bytes, more than %d", size, MostBytes(column)));
}

const char* CheckText(ExecutionColumn column, Datum value) {
  const Size size = VARSIZE_ANY_EXHDR(DatumGetPointer(value));
  if (size == 0 && kColumns[column].required) return Problem(column, "is empty");
  return CheckSize(column, size);
}

// A clock that is a little ahead is no reason to lose an execution.
const char* CheckTime(TimestampTz at) {
  if (at < TimeOf(2000)) return Problem(kExecutionAt, "is before the year 2000");
  if (at > GetCurrentTimestamp() + USECS_PER_DAY) {
    return Problem(kExecutionAt, "is more than a day in the future");
  }
  return nullptr;
}

// A numeric on its own, as the core reads those within jsonb.
json::Value NumberView(Datum value) {
  const char* varlena = DatumGetPointer(value);
  return json::Value::Make(json::Kind::kNumber, varlena, VARSIZE_ANY(varlena));
}

const char* CheckCost(Datum value) {
  const json::Value number = NumberView(value);
  const double cost = json::NumberToDouble(number);
  if (cost < 0) return Problem(kExecutionCost, "is negative");
  // NaN included.
  if (!(cost <= kMostCost)) return Problem(kExecutionCost, "is out of range");
  if (json::NumberScale(number) > kMostCostScale) {
    return Problem(kExecutionCost, psprintf("has more than %d decimals", kMostCostScale));
  }
  return nullptr;
}

const char* CheckObject(Datum value) {
  Jsonb* object = DatumGetJsonbP(value);
  if (!JB_ROOT_IS_OBJECT(object)) return Problem(kExecutionMetadata, "is no JSON object");
  return CheckSize(kExecutionMetadata, VARSIZE(object));
}

const char* CheckValue(ExecutionColumn column, Datum value) {
  switch (kColumns[column].kind) {
    case Kind::kTime:
      return CheckTime(DatumGetTimestampTz(value));
    case Kind::kText:
    case Kind::kLongText:
      return CheckText(column, value);
    case Kind::kVersion:
      return DatumGetInt32(value) < 1 ? Problem(column, "is not positive") : nullptr;
    case Kind::kTokens: {
      const int64 tokens = DatumGetInt64(value);
      if (tokens < 0) return Problem(column, "is negative");
      return tokens > kMostTokens ? Problem(column, "is out of range") : nullptr;
    }
    case Kind::kMilliseconds: {
      const double milliseconds = DatumGetFloat8(value);
      if (milliseconds < 0) return Problem(column, "is negative");
      // NaN included.
      return milliseconds <= kMostMilliseconds ? nullptr : Problem(column, "is out of range");
    }
    case Kind::kCost:
      return CheckCost(value);
    case Kind::kObject:
      return CheckObject(value);
  }
  return nullptr;
}

void MakeRequestId(Execution* execution) {
  const Datum uuid = DirectFunctionCall1(gen_random_uuid, 0);
  const char* id = DatumGetCString(DirectFunctionCall1(uuid_out, uuid));
  execution->Set(kExecutionRequestId, PointerGetDatum(cstring_to_text(id)));
}

// Settings may be read in any order, so that none of the two can be refused for the other; and no
// record is lost for want of a key. Without one, whoever has the hashes can try all the users there
// may be.
void WarnOfMissingKey() {
  static bool warned = false;
  if (warned) return;
  warned = true;
  ereport(WARNING,
          (errmsg("users are hashed without a key, so that the hashes can be guessed"),
           errhint("Set promptreg.user_privacy_key in postgresql.conf to a long random text.")));
}

// HMAC-SHA-256 in hexadecimal, so that whoever has no key cannot try all the users there may be.
text* HashUser(const text* user) {
  const std::string_view key = UserPrivacyKey();
  if (key.empty()) WarnOfMissingKey();
  uint8 digest[PG_SHA256_DIGEST_LENGTH];
  pg_hmac_ctx* context = pg_hmac_create(PG_SHA256);
  if (context == nullptr ||
      pg_hmac_init(context, reinterpret_cast<const uint8*>(key.data()), key.size()) < 0 ||
      pg_hmac_update(context, reinterpret_cast<const uint8*>(VARDATA_ANY(user)),
                     VARSIZE_ANY_EXHDR(user)) < 0 ||
      pg_hmac_final(context, digest, sizeof(digest)) < 0) {
    elog(ERROR, "promptreg: the user cannot be hashed");
  }
  pg_hmac_free(context);
  constexpr char kDigits[] = "0123456789abcdef";
  char hexadecimal[2 * sizeof(digest)];
  for (size_t i = 0; i < sizeof(digest); ++i) {
    hexadecimal[2 * i] = kDigits[digest[i] >> 4];
    hexadecimal[2 * i + 1] = kDigits[digest[i] & 15];
  }
  return NewText({hexadecimal, sizeof(hexadecimal)});
}

const char* KindName(json::Kind kind) {
  switch (kind) {
    case json::Kind::kFalse:
    case json::Kind::kTrue:
      return "a boolean";
    case json::Kind::kNumber:
      return "a number";
    case json::Kind::kString:
      return "a string";
    case json::Kind::kArray:
      return "an array";
    case json::Kind::kObject:
      return "an object";
    default:
      return "null";
  }
}

Datum NumberDatum(json::Value number) {
  return PointerGetDatum(number.data());
}

// What timestamptz_in reads, but it does not give up on what cannot be read.
bool ParseTime(std::string_view written, TimestampTz* at) {
  char* fields[MAXDATEFIELDS];
  int types[MAXDATEFIELDS];
  char buffer[MAXDATELEN + MAXDATEFIELDS];
  const char* copy = pnstrdup(written.data(), written.size());
  int count;
  if (ParseDateTime(copy, buffer, sizeof(buffer), fields, types, MAXDATEFIELDS, &count) != 0) {
    return false;
  }
  int type;
  struct pg_tm time = {};
  fsec_t fraction;
  int zone;
#if PG_VERSION_NUM >= 160000
  DateTimeErrorExtra extra;
  const int error = DecodeDateTime(fields, types, count, &type, &time, &fraction, &zone, &extra);
#else
  const int error = DecodeDateTime(fields, types, count, &type, &time, &fraction, &zone);
#endif
  return error == 0 && type == DTK_DATE && tm2timestamp(&time, fraction, &zone, at) == 0;
}

Datum CopyObject(json::Value object) {
  auto* copy = static_cast<Jsonb*>(palloc(VARHDRSZ + object.length()));
  SET_VARSIZE(copy, VARHDRSZ + object.length());
  memcpy(&copy->root, object.data(), object.length());
  return JsonbPGetDatum(copy);
}

// An integer of at most 15 digits, so that a double holds it exactly.
bool ReadInteger(json::Value value, int64* integer) {
  if (!json::NumberIsInteger(value)) return false;
  const double number = json::NumberToDouble(value);
  *integer = number > 1e15 ? INT64CONST(1000000000000000)
             : number < 0  ? -1
                           : static_cast<int64>(number);
  return true;
}

const char* ReadValue(ExecutionColumn column, json::Value value, Execution* execution) {
  const auto is_no = [&](const char* expected) {
    return Problem(column, psprintf("is %s, not %s", KindName(value.kind()), expected));
  };
  // What is too large is not copied first.
  const auto is_too_large = [&] { return CheckSize(column, value.length()); };
  switch (kColumns[column].kind) {
    case Kind::kText:
    case Kind::kLongText:
      if (value.kind() != json::Kind::kString) return is_no("a string");
      if (const char* problem = is_too_large(); problem != nullptr) return problem;
      execution->Set(column, PointerGetDatum(NewText(value.string())));
      return nullptr;
    case Kind::kTime: {
      TimestampTz at;
      if (value.kind() != json::Kind::kString) return is_no("a string");
      if (!ParseTime(value.string(), &at)) return Problem(column, "is no date and time");
      execution->Set(column, TimestampTzGetDatum(at));
      return nullptr;
    }
    case Kind::kObject:
      if (value.kind() != json::Kind::kObject) return is_no("an object");
      if (const char* problem = is_too_large(); problem != nullptr) return problem;
      execution->Set(column, CopyObject(value));
      return nullptr;
    default:
      break;
  }
  if (value.kind() != json::Kind::kNumber) return is_no("a number");
  const Kind kind = kColumns[column].kind;
  if (kind == Kind::kCost) {
    execution->Set(column, NumberDatum(value));
    return nullptr;
  }
  if (kind == Kind::kMilliseconds) {
    execution->Set(column, Float8GetDatum(json::NumberToDouble(value)));
    return nullptr;
  }
  int64 integer;
  if (!ReadInteger(value, &integer)) return Problem(column, "is no integer");
  if (kind == Kind::kVersion) {
    if (integer > PG_INT32_MAX) return Problem(column, "is out of range");
    execution->Set(column, Int32GetDatum(static_cast<int32>(integer)));
  } else {
    execution->Set(column, Int64GetDatum(integer));
  }
  return nullptr;
}

}  // namespace

const Oid kExecutionTypes[kExecutionColumns] = {
    TIMESTAMPTZOID, TEXTOID, TEXTOID,   INT4OID,   TEXTOID, TEXTOID, TEXTOID,
    TEXTOID,        TEXTOID, FLOAT8OID, FLOAT8OID, INT8OID, INT8OID, INT8OID,
    NUMERICOID,     TEXTOID, TEXTOID,   TEXTOID,   JSONBOID};

const char* ExecutionColumnName(int column) {
  switch (column) {
    case kExecutionPrompt:
      return "prompt";
    case kExecutionEnvironment:
      return "environment";
    default:
      return kColumns[column].name.data();
  }
}

void ClearExecution(Execution* execution) {
  for (int column = 0; column < kExecutionColumns; ++column) {
    execution->values[column] = 0;
    execution->nulls[column] = true;
  }
}

text* RecordedUser(text* user) {
  return UserPrivacyHashes() ? HashUser(user) : user;
}

const char* CompleteExecution(Execution* execution) {
  if (!execution->Has(kExecutionAt)) {
    execution->Set(kExecutionAt, TimestampTzGetDatum(GetCurrentTimestamp()));
  }
  if (!execution->Has(kExecutionRequestId)) MakeRequestId(execution);
  for (int i = 0; i < kExecutionColumns; ++i) {
    const auto column = static_cast<ExecutionColumn>(i);
    if (execution->Has(column)) {
      const char* problem = CheckValue(column, execution->values[column]);
      if (problem != nullptr) return problem;
    } else if (kColumns[column].required) {
      return Problem(column, "is missing");
    }
  }
  if (execution->Has(kExecutionUserId)) {
    text* user = DatumGetTextPP(execution->values[kExecutionUserId]);
    execution->Set(kExecutionUserId, PointerGetDatum(RecordedUser(user)));
  }
  return nullptr;
}

const char* CheckComputedCost(const Execution& execution) {
  const char* problem = CheckCost(execution.values[kExecutionCost]);
  if (problem == nullptr) return nullptr;
  return psprintf("%s, as computed from its tokens and the price of its model", problem);
}

const char* ReadExecution(json::Value entry, Execution* execution) {
  ClearExecution(execution);
  if (entry.kind() != json::Kind::kObject) {
    return psprintf("it is %s, not an object", KindName(entry.kind()));
  }
  // Keys come in their order: those that are known are walked once, beside them.
  const Key* known = std::begin(kKeys);
  json::Cursor pairs(entry);
  while (pairs.Next()) {
    while (known != std::end(kKeys) && ComesBefore(known->name, pairs.key())) ++known;
    if (known == std::end(kKeys) || known->name != pairs.key()) {
      const int shown = pg_mbcliplen(pairs.key().data(), static_cast<int>(pairs.key().size()), 100);
      return psprintf("there is no \"%s\"", pnstrdup(pairs.key().data(), static_cast<Size>(shown)));
    }
    const ExecutionColumn column = known->column;
    if (pairs.value().kind() == json::Kind::kNull) continue;
    if (execution->Has(column)) return Problem(column, "is given twice");
    const char* problem = ReadValue(column, pairs.value(), execution);
    if (problem != nullptr) return problem;
  }
  // As the arguments' default says.
  if (!execution->Has(kExecutionEnvironment)) {
    execution->Set(kExecutionEnvironment, PointerGetDatum(cstring_to_text("production")));
  }
  return CompleteExecution(execution);
}

}  // namespace promptreg::pg
