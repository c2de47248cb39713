// What compiles and is refused in texts that are new: names that nobody means as such, and the dot
// where it goes around declarations. Versions that were stored before must go on to compile.
#include <algorithm>

#include "core/template/compiler.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

std::string_view NameHint(std::string_view problem, Syntax syntax) {
  if (problem == "a number") {
    return "Elements of a list have no numbers: use a section over it, or the filters first and "
           "last. "
           "Write \\{{ for braces that are no tag.";
  }
  return syntax == Syntax::kFString ? "Names are letters, digits, _ and -. Write {{ and }} for "
                                      "braces that are no variable, or "
                                      "declare a variable of this name."
                                    : "Names are letters, digits, _ and -, joined by dots. Write "
                                      "\\{{ for braces that are no tag, "
                                      "or declare a variable of this name.";
}

}  // namespace

// The first name of a path may be any that is declared.
bool Compiler::CheckPath(const Context& context, const Node& node, std::string_view path) {
  // Mustache lets dynamic names have stars, which lead nowhere.
  if (!source_.strict || !context.snippet.empty() || node.dynamic) return true;
  for (size_t start = 0; start <= path.size();) {
    const size_t dot = std::min(path.find('.', start), path.size());
    const std::string_view name = path.substr(start, dot - start);
    const std::string_view problem = IdentifierProblem(name);
    if (!problem.empty() && (start > 0 || FindDeclaration(name) == nullptr)) {
      return Fail(Code::kSyntax, context, node.position,
                  "invalid name \"" + QuoteTag(path) + "\": " + std::string(problem),
                  NameHint(problem, source_.syntax));
    }
    start = dot + 1;
  }
  return true;
}

// Called for what stands in a section or a condition.
bool Compiler::CheckElse(const Context& context, const Node& node) {
  if (!source_.strict || !context.snippet.empty() || context.ast->Text(node) != "else" ||
      FindDeclaration("else") != nullptr) {
    return true;
  }
  return Fail(Code::kSyntax, context, node.position,
              "invalid tag {{else}}: it belongs to no condition",
              "Sections have no else: close the section, and write {{^x}}..{{/x}} for what stands "
              "there without x.");
}

// Outside of all sections the dot is all variables at once, whatever their declarations say.
bool Compiler::CheckTop(const Context& context, const Node& node) {
  if (!source_.strict || !declares_ || contexts_ > 0) return true;
  return Fail(Code::kUndeclaredVariable, context, node.position,
              "outside of sections, the dot is all variables, declared or not",
              "Name the variable that is meant.");
}

}  // namespace promptreg::tmpl
