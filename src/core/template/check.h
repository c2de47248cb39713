// The closer look at variables that were bound: defaults, coercion, and everything that is wrong.
#pragma once

#include "core/json/value.h"
#include "core/template/program.h"
#include "core/template/scratch.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

// Completes the slots of `scratch`. `patterns` are the program's own. What it costs is counted as
// operations of the rendering. Throws std::bad_alloc.
Code CheckVariables(const Layout& program, const Patterns* patterns, const RenderOptions& options,
                    Scratch* scratch, Error* error);

}  // namespace promptreg::tmpl
