// The functions that applications call before every model call. They only read.
#include <optional>

#include "pg/assignment.h"
#include "pg/compile.h"
#include "pg/errors.h"
#include "pg/jsonb.h"
#include "pg/load.h"
#include "pg/render.h"
#include "pg/request.h"
#include "pg/resolve_stats.h"
#include "pg/spans.h"
#include "pg/variables_text.h"

namespace promptreg::pg {
namespace {

[[noreturn]] void RefuseNull(const char* argument) {
  ereport(ERROR, (errcode(kInvalidArgument), errmsg("the %s is NULL", argument)));
  pg_unreachable();
}

// (name text, env text, user_id text, vars jsonb), as all of these functions begin.
struct Request {
  std::string_view name;
  std::string_view environment;
  std::optional<std::string_view> user;
};

Request ReadRequest(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) RefuseNull("name of the prompt");
  if (PG_ARGISNULL(1)) RefuseNull("environment");
  Request request = {.name = TextView(PG_GETARG_TEXT_PP(0)),
                     .environment = TextView(PG_GETARG_TEXT_PP(1)),
                     .user = {}};
  if (!PG_ARGISNULL(2)) request.user = TextView(PG_GETARG_TEXT_PP(2));
  return request;
}

json::Value ReadVariables(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? EmptyObject() : JsonView(PG_GETARG_JSONB_P(argument));
}

// {} for NULL.
Jsonb* ReadSnippetVersions(FunctionCallInfo fcinfo, int argument) {
  Jsonb* given = PG_ARGISNULL(argument)
                     ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")))
                     : PG_GETARG_JSONB_P(argument);
  if (!JB_ROOT_IS_OBJECT(given)) {
    ereport(ERROR, (errcode(kInvalidArgument),
                    errmsg("snippets must be a JSON object of version numbers by name")));
  }
  return given;
}

// The row type of the function's result. Kept by PostgreSQL's own cache, which notices when the
// type changes.
TupleDesc ResultRow(FunctionCallInfo fcinfo) {
  static Oid function = InvalidOid;
  static Oid type = InvalidOid;
  if (fcinfo->flinfo->fn_oid != function) {
    type = get_func_rettype(fcinfo->flinfo->fn_oid);
    function = fcinfo->flinfo->fn_oid;
  }
  return lookup_type_cache(type, TYPECACHE_TUPDESC)->tupDesc;
}

void CheckColumns(TupleDesc row, int expected) {
  if (row == nullptr || row->natts != expected) {
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("the result type has other columns than expected"),
                    errdetail("The library and the SQL of the extension do not belong together."),
                    errhint("Run ALTER EXTENSION promptreg UPDATE, then reconnect.")));
  }
}

Datum OptionalText(const text* value, bool* is_null) {
  *is_null = value == nullptr;
  return PointerGetDatum(value);
}

// reason as a text datum; the four of them are made once.
const text* ReasonText(Reason reason) {
  static const text* texts[kReasons] = {};
  const auto index = static_cast<size_t>(reason);
  if (texts[index] == nullptr) {
    MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
    texts[index] = cstring_to_text(ReasonName(reason));
    MemoryContextSwitchTo(old);
  }
  return texts[index];
}

void RefuseKind(const Route& route) {
  ereport(ERROR, (errcode(kKindMismatch),
                  errmsg("prompt \"%s\" is a chat prompt: it has messages, not one text",
                         pnstrdup(route.prompt_name.data(), route.prompt_name.size())),
                  errhint("Use prompt_messages or prompt_resolve.")));
}

text* ServeText(const Request& request, json::Value variables) {
  const Route* route = OpenRoute(request.name, request.environment);
  const Version& version = *Assign(*route, request.user).version;
  if (version.chat) RefuseKind(*route);
  text* rendered = RenderText(version, variables);
  CountResolve(version.id, route->environment_text);
  return rendered;
}

}  // namespace
}  // namespace promptreg::pg

namespace json = promptreg::json;
namespace pg = promptreg::pg;
namespace tmpl = promptreg::tmpl;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_resolve);
PG_FUNCTION_INFO_V1(promptreg_render);
PG_FUNCTION_INFO_V1(promptreg_render_text);
PG_FUNCTION_INFO_V1(promptreg_messages);
PG_FUNCTION_INFO_V1(promptreg_request);
PG_FUNCTION_INFO_V1(promptreg_spans);
PG_FUNCTION_INFO_V1(promptreg_assign);
PG_FUNCTION_INFO_V1(promptreg_render_version);
PG_FUNCTION_INFO_V1(promptreg_render_template);
Datum promptreg_resolve(PG_FUNCTION_ARGS);
Datum promptreg_render(PG_FUNCTION_ARGS);
Datum promptreg_render_text(PG_FUNCTION_ARGS);
Datum promptreg_messages(PG_FUNCTION_ARGS);
Datum promptreg_request(PG_FUNCTION_ARGS);
Datum promptreg_spans(PG_FUNCTION_ARGS);
Datum promptreg_assign(PG_FUNCTION_ARGS);
Datum promptreg_render_version(PG_FUNCTION_ARGS);
Datum promptreg_render_template(PG_FUNCTION_ARGS);

Datum promptreg_resolve(PG_FUNCTION_ARGS) {
  const pg::Request request = pg::ReadRequest(fcinfo);
  const json::Value variables = pg::ReadVariables(fcinfo, 3);
  const pg::Route* route = pg::OpenRoute(request.name, request.environment);
  const pg::Assignment assigned = pg::Assign(*route, request.user);
  const pg::Version& version = *assigned.version;
  const bool enrolled = assigned.variant != nullptr;

  constexpr int kColumns = 11;
  TupleDesc row = pg::ResultRow(fcinfo);
  pg::CheckColumns(row, kColumns);
  Datum values[kColumns] = {};
  bool nulls[kColumns] = {};
  values[0] = PointerGetDatum(route->prompt_text);
  values[1] = Int32GetDatum(version.number);
  values[2] = Int64GetDatum(version.id);
  values[3] = PointerGetDatum(route->environment_text);
  values[4] = pg::OptionalText(assigned.slot ? route->experiment : nullptr, &nulls[4]);
  values[5] = pg::OptionalText(enrolled ? assigned.variant->key_text : nullptr, &nulls[5]);
  values[6] = PointerGetDatum(pg::ReasonText(assigned.reason));
  nulls[7] = version.chat;
  nulls[8] = !version.chat;
  if (version.chat) {
    values[8] = PointerGetDatum(pg::RenderMessages(version, variables));
  } else {
    values[7] = PointerGetDatum(pg::RenderText(version, variables));
  }
  pg::CountResolve(version.id, route->environment_text);
  values[9] = pg::OptionalText(version.model, &nulls[9]);
  values[10] = PointerGetDatum(version.params);
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(row, values, nulls)));
}

Datum promptreg_render(PG_FUNCTION_ARGS) {
  const pg::Request request = pg::ReadRequest(fcinfo);
  PG_RETURN_TEXT_P(pg::ServeText(request, pg::ReadVariables(fcinfo, 3)));
}

// The same with vars text. PostgreSQL reads a jsonb before it calls the function: first, then, what
// is wrong with that.
Datum promptreg_render_text(PG_FUNCTION_ARGS) {
  const json::Value variables =
      PG_ARGISNULL(3) ? pg::EmptyObject() : pg::ReadJsonText(PG_GETARG_TEXT_PP(3));
  PG_RETURN_TEXT_P(pg::ServeText(pg::ReadRequest(fcinfo), variables));
}

Datum promptreg_messages(PG_FUNCTION_ARGS) {
  const pg::Request request = pg::ReadRequest(fcinfo);
  const json::Value variables = pg::ReadVariables(fcinfo, 3);
  const pg::Route* route = pg::OpenRoute(request.name, request.environment);
  const pg::Version& version = *pg::Assign(*route, request.user).version;
  Jsonb* messages = pg::RenderMessages(version, variables);
  pg::CountResolve(version.id, route->environment_text);
  PG_RETURN_JSONB_P(messages);
}

// The same, and (provider text)
Datum promptreg_request(PG_FUNCTION_ARGS) {
  const pg::Request request = pg::ReadRequest(fcinfo);
  const json::Value variables = pg::ReadVariables(fcinfo, 3);
  if (PG_ARGISNULL(4)) pg::RefuseNull("provider");
  const promptreg::request::Provider provider =
      pg::ParseProvider(pg::TextView(PG_GETARG_TEXT_PP(4)));
  const pg::Route* route = pg::OpenRoute(request.name, request.environment);
  const pg::Version& version = *pg::Assign(*route, request.user).version;
  Jsonb* body = pg::BuildRequest(provider, *route, version, pg::RenderMessages(version, variables));
  pg::CountResolve(version.id, route->environment_text);
  PG_RETURN_JSONB_P(body);
}

Datum promptreg_spans(PG_FUNCTION_ARGS) {
  const pg::Request request = pg::ReadRequest(fcinfo);
  const json::Value variables = pg::ReadVariables(fcinfo, 3);
  const pg::Route* route = pg::OpenRoute(request.name, request.environment);
  const pg::Version& version = *pg::Assign(*route, request.user).version;
  InitMaterializedSRF(fcinfo, 0);
  pg::AddSpans(version, variables, reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo));
  PG_RETURN_VOID();
}

Datum promptreg_assign(PG_FUNCTION_ARGS) {
  const pg::Request request = pg::ReadRequest(fcinfo);
  const pg::Route* route = pg::OpenRoute(request.name, request.environment);
  const pg::Assignment assigned = pg::Assign(*route, request.user);

  constexpr int kColumns = 5;
  TupleDesc row = pg::ResultRow(fcinfo);
  pg::CheckColumns(row, kColumns);
  Datum values[kColumns] = {};
  bool nulls[kColumns] = {};
  values[0] = pg::OptionalText(assigned.slot ? route->experiment : nullptr, &nulls[0]);
  values[1] = pg::OptionalText(assigned.variant != nullptr ? assigned.variant->key_text : nullptr,
                               &nulls[1]);
  values[2] = Int32GetDatum(assigned.version->number);
  values[3] = PointerGetDatum(pg::ReasonText(assigned.reason));
  values[4] = Int32GetDatum(static_cast<int32>(assigned.slot.value_or(0)));
  nulls[4] = !assigned.slot;
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(row, values, nulls)));
}

// (name text, version integer, vars jsonb, snippets jsonb)
Datum promptreg_render_version(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) pg::RefuseNull("name of the prompt");
  if (PG_ARGISNULL(1)) pg::RefuseNull("version");
  const json::Value variables = pg::ReadVariables(fcinfo, 2);
  std::string_view prompt;
  const pg::Version* version =
      pg::OpenVersion(pg::TextView(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1),
                      {.environment = "", .chosen = pg::ReadSnippetVersions(fcinfo, 3)}, &prompt);
  if (!version->chat) PG_RETURN_TEXT_P(pg::RenderText(*version, variables));
  Jsonb* messages = pg::RenderMessages(*version, variables);
  PG_RETURN_TEXT_P(cstring_to_text(JsonbToCString(nullptr, &messages->root, VARSIZE(messages))));
}

// (template text, vars jsonb, snippets jsonb, escape text, syntax text)
Datum promptreg_render_template(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) pg::RefuseNull("template");
  if (PG_ARGISNULL(3)) pg::RefuseNull("escape mode");
  if (PG_ARGISNULL(4)) pg::RefuseNull("syntax");
  const std::string_view content = pg::TextView(PG_GETARG_TEXT_PP(0));
  pg::TemplateSource source;
  source.strict = true;
  source.snippets = pg::ReadVariables(fcinfo, 2);
  source.escape = pg::ParseEscape(pg::TextView(PG_GETARG_TEXT_PP(3)));
  source.syntax = pg::ParseSyntax(pg::TextView(PG_GETARG_TEXT_PP(4)));
  if (source.snippets.kind() != json::Kind::kObject) {
    ereport(ERROR, (errcode(pg::kInvalidArgument),
                    errmsg("snippets must be a JSON object of texts by name")));
  }
  size_t size;
  char* program = pg::CompileText(content, source, CurrentMemoryContext, &size);
  pg::Rendering rendering(tmpl::ProgramView(program), pg::ReadVariables(fcinfo, 1), false);
  text* result = pg::NewText(rendering.Render(0));
  rendering.Finish();
  PG_RETURN_TEXT_P(result);
}
}
