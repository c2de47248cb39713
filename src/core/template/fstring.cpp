// {name} inserts a variable; {{ and }} are braces.
#include <algorithm>

#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

constexpr std::string_view kHint = "Write {{ and }} for braces that are no variable.";

bool Fail(size_t position, std::string message, Fault* fault) {
  fault->code = Code::kSyntax;
  fault->position = position;
  fault->message = std::move(message);
  fault->hint = kHint;
  return false;
}

void AddNode(NodeType type, size_t begin, size_t length, size_t position, Ast* ast) {
  if (type == NodeType::kText && length == 0) return;
  Node node;
  node.type = type;
  node.begin = static_cast<uint32_t>(begin);
  node.length = static_cast<uint32_t>(length);
  node.position = static_cast<uint32_t>(position);
  ast->nodes.push_back(node);
}

}  // namespace

bool ParseFString(std::string_view text, const Limits& limits, Ast* ast, Fault* fault) {
  uint32_t tags = 0;
  size_t done = 0;
  for (;;) {
    const size_t brace = text.find_first_of("{}", done);
    if (brace == std::string_view::npos) break;
    if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
      AddNode(NodeType::kText, done, brace + 1 - done, done, ast);
      done = brace + 2;
      continue;
    }
    AddNode(NodeType::kText, done, brace - done, done, ast);
    if (text[brace] == '}') return Fail(brace, "closing brace without an opening one", fault);
    const size_t end = text.find_first_of("{}", brace + 1);
    if (end == std::string_view::npos || text[end] == '{')
      return Fail(brace, "brace is not closed", fault);
    const std::string_view name = text.substr(brace + 1, end - brace - 1);
    const std::string_view problem = NameProblem(name);
    if (!problem.empty()) {
      return Fail(brace,
                  "invalid variable " + QuoteTag(text.substr(brace, end + 1 - brace)) + ": " +
                      std::string(problem),
                  fault);
    }
    if (++tags > limits.program_operations) {
      fault->code = Code::kProgramTooLarge;
      fault->position = brace;
      fault->message =
          "template has more than " + std::to_string(limits.program_operations) + " tags";
      return false;
    }
    AddNode(NodeType::kVariable, brace + 1, name.size(), brace, ast);
    done = end + 1;
  }
  AddNode(NodeType::kText, done, text.size() - done, done, ast);
  return true;
}

}  // namespace promptreg::tmpl
