// The canonical bytes of a record, over which history is hashed. docs/history.md specifies them.
#include <algorithm>
#include <string>

#include "core/json/write.h"
#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"

namespace promptreg::pg {
namespace {

// Deeper than what jsonb_in accepts with the default max_stack_depth.
constexpr uint32 kMostDepth = 100'000;

struct Field {
  std::string_view name;
  Datum value;
  Oid type;
};

bool IsUtf8() {
  return GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII;
}

// The canonical form is UTF-8, whatever the encoding of the database.
std::string_view Utf8(std::string_view text) {
  if (IsUtf8()) return text;
  const char* converted = pg_server_to_any(text.data(), static_cast<int>(text.size()), PG_UTF8);
  return {converted, converted == text.data() ? text.size() : strlen(converted)};
}

// The same value with its strings in UTF-8, since keys are sorted by their bytes in UTF-8.
Jsonb* InUtf8(Jsonb* value) {
  if (IsUtf8()) return value;
  JsonbIterator* iterator = JsonbIteratorInit(&value->root);
  JsonbParseState* state = nullptr;
  JsonbValue* result = nullptr;
  JsonbValue part;
  JsonbIteratorToken token;
  while ((token = JsonbIteratorNext(&iterator, &part, false)) != WJB_DONE) {
    const bool carries = token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM;
    if (carries && part.type == jbvString) {
      const std::string_view utf8 =
          Utf8({part.val.string.val, static_cast<size_t>(part.val.string.len)});
      part.val.string.val = const_cast<char*>(utf8.data());
      part.val.string.len = static_cast<int>(utf8.size());
    }
    const bool begins_scalar = token == WJB_BEGIN_ARRAY && part.val.array.rawScalar;
    result = pushJsonbValue(&state, token, carries || begins_scalar ? &part : nullptr);
  }
  return JsonbValueToJsonb(result);
}

void AppendText(StringInfo out, std::string_view text) {
  appendStringInfoChar(out, '"');
  for (const char c : text) {
    switch (c) {
      case '"':
        appendStringInfoString(out, "\\\"");
        break;
      case '\\':
        appendStringInfoString(out, "\\\\");
        break;
      case '\b':
        appendStringInfoString(out, "\\b");
        break;
      case '\t':
        appendStringInfoString(out, "\\t");
        break;
      case '\n':
        appendStringInfoString(out, "\\n");
        break;
      case '\f':
        appendStringInfoString(out, "\\f");
        break;
      case '\r':
        appendStringInfoString(out, "\\r");
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          appendStringInfo(out, "\\u%04x", static_cast<unsigned>(c));
        } else {
          appendStringInfoChar(out, c);
        }
    }
  }
  appendStringInfoChar(out, '"');
}

void AppendHex(StringInfo out, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  appendStringInfoChar(out, '"');
  for (const char c : bytes) {
    appendStringInfoChar(out, kDigits[static_cast<unsigned char>(c) >> 4]);
    appendStringInfoChar(out, kDigits[static_cast<unsigned char>(c) & 15]);
  }
  appendStringInfoChar(out, '"');
}

// "YYYY-MM-DDTHH:MM:SS.ffffffZ", always in UTC.
void AppendTimestamp(StringInfo out, TimestampTz value) {
  struct pg_tm tm;
  fsec_t microseconds;
  if (TIMESTAMP_NOT_FINITE(value) ||
      timestamp2tm(value, nullptr, &tm, &microseconds, nullptr, nullptr) != 0 || tm.tm_year <= 0) {
    ereport(ERROR,
            (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
  }
  appendStringInfo(out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\"", tm.tm_year, tm.tm_mon,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, static_cast<int>(microseconds));
}

void AppendJson(StringInfo out, Jsonb* value) {
  const json::Value view = JsonView(InUtf8(value));
  char* buffer = nullptr;
  size_t size = 0;
  bool written = false;
  const Caught caught = Guarded([&] {
    std::string text;
    written = json::AppendCanonical(view, kMostDepth, &text);
    if (!written) return;
    if (text.size() > MaxAllocSize) throw std::bad_alloc();
    size = text.size();
    buffer = static_cast<char*>(
        MemoryContextAllocExtended(CurrentMemoryContext, size + 1, MCXT_ALLOC_NO_OOM));
    if (buffer == nullptr) throw std::bad_alloc();
    memcpy(buffer, text.data(), size);
  });
  ReportCaught(caught);
  if (!written)
    ereport(ERROR, (errcode(kJsonTooDeep), errmsg("JSON is nested too deeply to be hashed")));
  appendBinaryStringInfo(out, buffer, static_cast<int>(size));
  pfree(buffer);
}

void AppendValue(StringInfo out, const Field& field) {
  switch (field.type) {
    case TEXTOID:
      AppendText(out, Utf8(TextView(DatumGetTextPP(field.value))));
      break;
    case BYTEAOID:
      AppendHex(out, TextView(DatumGetTextPP(field.value)));
      break;
    case INT4OID:
      appendStringInfo(out, "%d", DatumGetInt32(field.value));
      break;
    case INT8OID:
      appendStringInfo(out, INT64_FORMAT, DatumGetInt64(field.value));
      break;
    case BOOLOID:
      appendStringInfoString(out, DatumGetBool(field.value) ? "true" : "false");
      break;
    case TIMESTAMPTZOID:
      AppendTimestamp(out, DatumGetTimestampTz(field.value));
      break;
    case JSONBOID:
      AppendJson(out, DatumGetJsonbP(field.value));
      break;
    default:
      ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                      errmsg("type %s has no canonical form", format_type_be(field.type))));
  }
}

constexpr int kMostFields = FUNC_MAX_ARGS / 2;

int ReadFields(FunctionCallInfo fcinfo, Field* fields) {
  const int arguments = PG_NARGS();
  if (get_fn_expr_variadic(fcinfo->flinfo) || arguments % 2 != 0 || arguments > 2 * kMostFields) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("canonical_record takes names and values in turn")));
  }
  int count = 0;
  for (int i = 0; i < arguments; i += 2) {
    const Oid name_type = get_fn_expr_argtype(fcinfo->flinfo, i);
    if (PG_ARGISNULL(i))
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a name is NULL")));
    if (name_type != TEXTOID && name_type != UNKNOWNOID) {
      ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                      errmsg("a name is of type %s, not text", format_type_be(name_type))));
    }
    if (PG_ARGISNULL(i + 1)) continue;
    const std::string_view name = name_type == UNKNOWNOID ? std::string_view(PG_GETARG_CSTRING(i))
                                                          : TextView(PG_GETARG_TEXT_PP(i));
    const Oid type = get_fn_expr_argtype(fcinfo->flinfo, i + 1);
    fields[count++] = {.name = name, .value = PG_GETARG_DATUM(i + 1), .type = type};
    if (type == UNKNOWNOID) {
      fields[count - 1].value = PointerGetDatum(cstring_to_text(PG_GETARG_CSTRING(i + 1)));
      fields[count - 1].type = TEXTOID;
    }
  }
  std::sort(fields, fields + count, [](const Field& a, const Field& b) { return a.name < b.name; });
  return count;
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_canonical_record);
Datum promptreg_canonical_record(PG_FUNCTION_ARGS);

// (VARIADIC "any": name, value, name, value ...) -> bytea
Datum promptreg_canonical_record(PG_FUNCTION_ARGS) {
  pg::Field fields[pg::kMostFields];
  const int count = pg::ReadFields(fcinfo, fields);
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoChar(&out, '{');
  for (int i = 0; i < count; ++i) {
    if (i > 0) appendStringInfoChar(&out, ',');
    pg::AppendText(&out, fields[i].name);
    appendStringInfoChar(&out, ':');
    pg::AppendValue(&out, fields[i]);
  }
  appendStringInfoChar(&out, '}');
  PG_RETURN_BYTEA_P(
      reinterpret_cast<bytea*>(pg::NewText({out.data, static_cast<size_t>(out.len)})));
}
}
