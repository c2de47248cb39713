#include "core/template/program.h"

namespace promptreg::tmpl {

size_t ProgramView::size() const {
  return Layout(base_).header().size;
}
uint32_t ProgramView::part_count() const {
  return Layout(base_).header().part_count;
}
uint32_t ProgramView::variable_count() const {
  return Layout(base_).header().variable_count;
}

Variable ProgramView::variable(uint32_t index) const {
  const Layout layout(base_);
  const VariableEntry& entry = layout.variables()[index];
  Variable variable;
  variable.name = layout.name(entry.slot);
  variable.type = entry.type;
  variable.required = (entry.flags & kRequiredFlag) != 0;
  variable.nullable = (entry.flags & kNullableFlag) != 0;
  variable.declared = (entry.flags & kDeclaredFlag) != 0;
  variable.used = (entry.flags & kUsedFlag) != 0;
  variable.trusted = (entry.flags & kTrustedFlag) != 0;
  variable.coerce = (entry.flags & kCoerceFlag) != 0;
  variable.snippet = layout.snippet(entry.snippet);
  variable.declaration = layout.container(entry.declaration);
  variable.default_value = variable.declaration.Find("default");
  variable.values = variable.declaration.Find("values");
  variable.min = variable.declaration.Find("min");
  variable.max = variable.declaration.Find("max");
  variable.pattern = variable.declaration.Find("pattern");
  return variable;
}

}  // namespace promptreg::tmpl
