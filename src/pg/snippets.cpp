// What the control plane asks about templates that use snippets.
#include "pg/compile.h"
#include "pg/errors.h"
#include "pg/jsonb.h"
#include "pg/query.h"

namespace promptreg::pg {
namespace {

Query conditions_query = {
    "SELECT promptreg.snippet_conditions($1, $2, $3)", 3, {INT8OID, TEXTOID, INT4OID}};

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;
namespace tmpl = promptreg::tmpl;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_snippet_names);
PG_FUNCTION_INFO_V1(promptreg_check_composition);
PG_FUNCTION_INFO_V1(promptreg_composition_problem);
PG_FUNCTION_INFO_V1(promptreg_snippet_conditions_now);
Datum promptreg_snippet_names(PG_FUNCTION_ARGS);
Datum promptreg_check_composition(PG_FUNCTION_ARGS);
Datum promptreg_composition_problem(PG_FUNCTION_ARGS);
Datum promptreg_snippet_conditions_now(PG_FUNCTION_ARGS);

// (messages jsonb, variables jsonb, syntax text) -> text[]
Datum promptreg_snippet_names(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(2)) elog(ERROR, "snippet_names: argument is NULL");
  pg::TemplateSource source;
  source.messages = pg::JsonView(PG_GETARG_JSONB_P(0));
  if (!PG_ARGISNULL(1)) source.variables = pg::JsonView(PG_GETARG_JSONB_P(1));
  source.syntax = pg::ParseSyntax(pg::TextView(PG_GETARG_TEXT_PP(2)));
  PG_RETURN_ARRAYTYPE_P(pg::FindSnippetNames(source));
}

Datum promptreg_check_composition(PG_FUNCTION_ARGS) {
  tmpl::Error error;
  const char* where;
  pg::TemplateSource source = pg::ReadComposition(fcinfo);
  source.strict = true;
  if (!pg::TryTemplates(source, &error, &where)) {
    pg::ReportTemplateError(error, where);
  }
  PG_RETURN_VOID();
}

Datum promptreg_composition_problem(PG_FUNCTION_ARGS) {
  tmpl::Error error;
  const char* where;
  if (pg::TryTemplates(pg::ReadComposition(fcinfo), &error, &where)) PG_RETURN_NULL();
  const char* message = pg::ValidText(error.message);
  if (where != nullptr) message = psprintf("%s: %s", where, message);
  PG_RETURN_TEXT_P(cstring_to_text(message));
}

// (prompt_id bigint, env text, version integer) -> jsonb
//
// With the rows of the prompts in question locked, what a snapshot of now shows stays true until
// this transaction ends; what that of a REPEATABLE READ transaction shows may be true no more.
Datum promptreg_snippet_conditions_now(PG_FUNCTION_ARGS) {
  const Datum parameters[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2)};
  char nulls[4] = "   ";
  for (int i = 0; i < 3; ++i) {
    if (PG_ARGISNULL(i)) nulls[i] = 'n';
  }
  const MemoryContext caller_context = CurrentMemoryContext;
  Jsonb* conditions = nullptr;
  pg::Reading(pg::View::kOfNow, [&] {
    pg::Run(&pg::conditions_query, parameters, nulls);
    Jsonb* found = pg::Row(0).Json(1);
    if (found == nullptr) return;
    conditions = static_cast<Jsonb*>(MemoryContextAlloc(caller_context, VARSIZE(found)));
    memcpy(conditions, found, VARSIZE(found));
  });
  if (conditions == nullptr) PG_RETURN_NULL();
  PG_RETURN_POINTER(conditions);
}
}
