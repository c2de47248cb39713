// Which snippets texts include, before what those say is known.
#include <algorithm>
#include <unordered_set>

#include "core/template/compiler.h"
#include "core/template/error_text.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

// The values that a dynamic name can have. Missing: it is not declared as an enum.
json::Value EnumValues(const std::vector<Declaration>& declarations, std::string_view name) {
  const auto found =
      std::find_if(declarations.begin(), declarations.end(), [&](const Declaration& declaration) {
        return declaration.name == name && declaration.rules.type == Type::kEnum;
      });
  return found == declarations.end() ? json::Value() : found->rules.values;
}

// Names in the order in which they come, each once.
class Names {
 public:
  explicit Names(std::vector<std::string>* list) : list_(list) {}
  void Add(std::string_view name) {
    if (seen_.insert(std::string(name)).second) list_->emplace_back(name);
  }
  size_t size() const { return seen_.size(); }

 private:
  std::vector<std::string>* list_;
  std::unordered_set<std::string> seen_;
};

bool Fail(Code code, std::string_view text, size_t position, std::string_view message,
          std::string_view hint, const Encoding* encoding, Error* error) {
  error->code = code;
  ErrorText(error->message) << message;
  ErrorText(error->hint) << hint;
  SetPosition(text, position, {}, encoding, error);
  return false;
}

bool AddNames(const Ast& ast, const std::vector<Declaration>& declarations,
              const Encoding* encoding, Names* names, Error* error) {
  constexpr size_t kMostNames = 10'000;
  for (const Node& node : ast.nodes) {
    if (node.type != NodeType::kSnippet && node.type != NodeType::kParent) continue;
    const std::string_view name = ast.Text(node);
    if (!node.dynamic) {
      names->Add(name);
    } else {
      const json::Value values = EnumValues(declarations, name);
      if (values.missing()) {
        return Fail(Code::kUndeclaredVariable, ast.text, node.position,
                    "dynamic name \"" + QuoteTag(name) + "\" is not declared as an enum",
                    "Declare a variable with the names of the snippets as its values.", encoding,
                    error);
      }
      for (json::Cursor cursor(values); cursor.Next();) names->Add(cursor.value().string());
    }
    if (names->size() > kMostNames) {
      return Fail(Code::kProgramTooLarge, ast.text, node.position,
                  "template names too many snippets", {}, encoding, error);
    }
  }
  return true;
}

}  // namespace

bool FindSnippets(const Source& source, const Limits& limits, std::vector<std::string>* names,
                  Error* error) {
  *error = Error();
  names->clear();
  Names found(names);
  std::vector<Declaration> declarations;
  const json::Value& given = source.declarations;
  if (!given.missing() && given.kind() != json::Kind::kNull &&
      !ReadDeclarations(
          given,
          {.encoding = source.encoding, .checked = source.checked, .interrupt = source.interrupt},
          &declarations, error)) {
    return false;
  }
  for (size_t part = 0; part < source.parts.size(); ++part) {
    error->part = static_cast<uint32_t>(part);
    Ast ast;
    Fault fault;
    if (!Parse(source.parts[part], source.syntax, limits, &ast, &fault)) {
      return Fail(fault.code, source.parts[part], fault.position, fault.message, fault.hint,
                  source.encoding, error);
    }
    if (!AddNames(ast, declarations, source.encoding, &found, error)) return false;
  }
  return true;
}

}  // namespace promptreg::tmpl
