// Lays a draft out as a program.
#pragma once

#include <string>

#include "core/template/compiler.h"

namespace promptreg::tmpl {

bool Link(const Draft& draft, std::string* program, Error* error);

}  // namespace promptreg::tmpl
