// Which variables a version cannot do without.
#include <algorithm>

#include "pg/errors.h"
#include "pg/load.h"

namespace pg = promptreg::pg;
namespace tmpl = promptreg::tmpl;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_required_variables);
Datum promptreg_required_variables(PG_FUNCTION_ARGS);

// (name text, version integer, env text) -> text[]; env says which snippets go in
Datum promptreg_required_variables(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2)) {
    ereport(ERROR, (errcode(pg::kInvalidArgument),
                    errmsg("the name of the prompt, the version or the environment is NULL")));
  }
  std::string_view prompt;
  const pg::Version* version = pg::OpenVersion(
      pg::TextView(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1),
      {.environment = pg::TextView(PG_GETARG_TEXT_PP(2)), .chosen = nullptr}, &prompt);
  const uint32 known = version->program.variable_count();
  auto* names = static_cast<std::string_view*>(palloc(sizeof(std::string_view) * (known + 1)));
  int count = 0;
  for (uint32 i = 0; i < known; ++i) {
    const tmpl::Variable variable = version->program.variable(i);
    if (variable.required && variable.default_value.missing()) names[count++] = variable.name;
  }
  std::sort(names, names + count);
  auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * (known + 1)));
  for (int i = 0; i < count; ++i) elements[i] = PointerGetDatum(pg::NewText(names[i]));
  PG_RETURN_ARRAYTYPE_P(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}
}
