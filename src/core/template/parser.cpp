#include "core/template/parser.h"

namespace promptreg::tmpl {

bool Parse(std::string_view text, Syntax syntax, const Limits& limits, Ast* ast, Fault* fault) {
  ast->text = text;
  ast->nodes.clear();
  ast->filters.clear();
  ast->terms.clear();
  if (text.size() > limits.template_bytes) {
    fault->code = Code::kTemplateTooLarge;
    fault->message = "text of " + std::to_string(text.size()) + " bytes exceeds the limit of " +
                     std::to_string(limits.template_bytes) + " bytes for a template";
    return false;
  }
  switch (syntax) {
    case Syntax::kMustache:
      return ParseMustache(text, limits, ast, fault);
    case Syntax::kFString:
      return ParseFString(text, limits, ast, fault);
    case Syntax::kNone:
      break;
  }
  if (!text.empty()) {
    Node node;
    node.line_start = true;
    node.length = static_cast<uint32_t>(text.size());
    ast->nodes.push_back(node);
  }
  return true;
}

bool FindSyntax(std::string_view name, Syntax* syntax) {
  if (name == "mustache") {
    *syntax = Syntax::kMustache;
  } else if (name == "fstring") {
    *syntax = Syntax::kFString;
  } else if (name == "none") {
    *syntax = Syntax::kNone;
  } else {
    return false;
  }
  return true;
}

}  // namespace promptreg::tmpl
