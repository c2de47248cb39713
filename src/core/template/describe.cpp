#include "core/json/builder.h"
#include "core/template/rules.h"

namespace promptreg::tmpl {

std::string DescribeVariables(ProgramView program) {
  json::Builder builder;
  builder.BeginArray();
  for (uint32_t i = 0; i < program.variable_count(); ++i) {
    const Variable variable = program.variable(i);
    builder.BeginObject();
    for (json::Cursor cursor(variable.declaration); cursor.Next();) {
      builder.Key(cursor.key());
      builder.Add(cursor.value());
    }
    builder.Key("name");
    builder.String(variable.name);
    builder.Key("type");
    builder.String(TypeName(variable.type));
    builder.Key("required");
    builder.Bool(variable.required);
    builder.Key("declared");
    builder.Bool(variable.declared);
    builder.Key("used");
    builder.Bool(variable.used);
    if (!variable.snippet.empty()) {
      builder.Key("snippet");
      builder.String(variable.snippet);
    }
    builder.EndObject();
  }
  builder.EndArray();
  return builder.Finish();
}

}  // namespace promptreg::tmpl
