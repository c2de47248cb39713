// The parameters that describe what a model may call and how it is to answer.
#include "core/request/params.h"

namespace promptreg::request {

using json::Kind;
using json::Value;

namespace {

bool IsAbsent(Value value) {
  return value.missing() || value.kind() == Kind::kNull;
}

// A member that is there and not null.
Value Given(Value object, std::string_view key) {
  const Value value = object.Find(key);
  return value.kind() == Kind::kNull ? Value() : value;
}

// Empty: nothing is wrong.
std::string_view FunctionProblem(const Function& function) {
  if (function.name.kind() != Kind::kString || function.name.length() == 0) {
    return "the function has no name";
  }
  const Value description = function.description, parameters = function.parameters;
  if (!IsAbsent(description) && description.kind() != Kind::kString) {
    return "its description must be a text";
  }
  if (!IsAbsent(parameters) && parameters.kind() != Kind::kObject) {
    return "its parameters must be a schema, which is an object";
  }
  const bool strict =
      function.strict.kind() == Kind::kTrue || function.strict.kind() == Kind::kFalse;
  return IsAbsent(function.strict) || strict ? "" : "strict must be true or false";
}

}  // namespace

std::vector<Function> TakeFunctions(Params* params) {
  std::vector<Function> functions;
  const Value tools = params->Take("tools", ParamType::kArray);
  if (tools.kind() != Kind::kArray) return functions;
  uint32_t number = 0;
  for (json::Cursor cursor(tools); cursor.Next();) {
    ++number;
    const Value given = cursor.value().Find("function");
    if (given.kind() != Kind::kObject) {
      params->Refuse("tools", "only functions can be converted");
      continue;
    }
    const Function function = {.tool = cursor.value(),
                               .name = Given(given, "name"),
                               .description = Given(given, "description"),
                               .parameters = Given(given, "parameters"),
                               .strict = Given(given, "strict")};
    const std::string_view problem = FunctionProblem(function);
    if (problem.empty()) {
      functions.push_back(function);
    } else {
      params->Refuse("tools", "tool " + std::to_string(number) + ": " + std::string(problem));
    }
  }
  return functions;
}

Value SchemaOf(Value format, Params* params) {
  const Value schema = format.Find("json_schema").Find("schema");
  if (schema.kind() == Kind::kObject) return schema;
  params->Refuse("response_format",
                 schema.missing() ? "json_schema has no schema" : "the schema must be an object");
  return {};
}

}  // namespace promptreg::request
