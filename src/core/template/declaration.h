// Declarations of variables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

struct Declaration {
  std::string_view name;
  Type type = Type::kString;
  bool required = false;
  bool nullable = false;
  json::Value default_value;
  json::Value values;  // of an enum: an array of strings
  json::Value source;  // the object it was read from
};

// From an array of objects, or an object by name. False: *error says why.
bool ReadDeclarations(json::Value given, std::vector<Declaration>* declarations, Error* error);

// Whether a value, not null, is of a type; `values` are those of an enum.
bool HasType(json::Value value, Type type, json::Value values);

std::string_view TypeName(Type type);

// As in: must be a number.
std::string_view TypePhrase(Type type);

}  // namespace promptreg::tmpl
