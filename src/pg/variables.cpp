// The variables of a version.
#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"
#include "pg/load.h"

namespace promptreg::pg {
namespace {

Jsonb* Describe(tmpl::ProgramView program) {
  Jsonb* variables = nullptr;
  const Caught caught = Guarded([&] { variables = NewJsonb(tmpl::DescribeVariables(program)); });
  ReportCaught(caught);
  return variables;
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_version_variables);
Datum promptreg_version_variables(PG_FUNCTION_ARGS);

// (name text, version integer, env text) -> jsonb, of all variables that the version has with the
// snippets of an environment
Datum promptreg_version_variables(PG_FUNCTION_ARGS) {
  std::string_view prompt;
  const pg::Version* version = pg::OpenVersion(
      pg::TextView(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1),
      {.environment = pg::TextView(PG_GETARG_TEXT_PP(2)), .chosen = nullptr}, &prompt);
  PG_RETURN_JSONB_P(pg::Describe(version->program));
}
}
