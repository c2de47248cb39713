// Declarations of variables.
#pragma once

#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"
#include "core/template/ast.h"
#include "core/template/rules.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

struct Declaration {
  std::string_view name;
  Rules rules = {.type = Type::kString};
  bool required = false;
  bool nullable = false;
  bool trusted = false;
  bool coerce = false;
  json::Value default_value;
  std::vector<FilterCall> filters;  // of tags that have none of their own
  json::Value source;               // the object it was read from
  std::string_view snippet;         // that it comes from; empty: none
};

// Whether two declarations of a name mean the same; what is for people does not count.
bool SameRules(const Declaration& left, const Declaration& right);

struct ReadOptions {
  const Encoding* encoding = nullptr;  // of all texts; nullptr: UTF-8
  bool checked = false;  // as NormalizeDeclarations made them: patterns are not compiled again
  const volatile std::sig_atomic_t* interrupt = nullptr;  // polled before each pattern
};

// From an array of objects, or an object by name. False: *error says why.
bool ReadDeclarations(json::Value given, const ReadOptions& options,
                      std::vector<Declaration>* declarations, Error* error);

}  // namespace promptreg::tmpl
