// The variables of a version.
#include <new>
#include <string>

#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"
#include "pg/load.h"

namespace promptreg::pg {
namespace {

Jsonb* Describe(tmpl::ProgramView program) {
  Jsonb* variables = nullptr;
  const Caught caught = Guarded([&] {
    const std::string container = tmpl::DescribeVariables(program);
    if (container.empty() || container.size() > MaxAllocSize - VARHDRSZ) throw std::bad_alloc();
    variables = static_cast<Jsonb*>(MemoryContextAllocExtended(
        CurrentMemoryContext, container.size() + VARHDRSZ, MCXT_ALLOC_NO_OOM));
    if (variables == nullptr) throw std::bad_alloc();
    SET_VARSIZE(variables, container.size() + VARHDRSZ);
    memcpy(VARDATA(variables), container.data(), container.size());
  });
  ReportCaught(caught);
  return variables;
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_version_variables);
Datum promptreg_version_variables(PG_FUNCTION_ARGS);

// (name text, version integer) -> jsonb, of all variables that the compiled version has
Datum promptreg_version_variables(PG_FUNCTION_ARGS) {
  std::string_view prompt;
  const pg::Version* version =
      pg::OpenVersion(pg::TextView(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1),
                      {.environment = "latest", .chosen = nullptr}, &prompt);
  PG_RETURN_JSONB_P(pg::Describe(version->program));
}
}
