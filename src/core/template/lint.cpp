// Walks the texts with their snippets, knowing which variable each section is over.
#include "core/template/lint.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/template/braces.h"
#include "core/template/error_text.h"
#include "core/template/parser.h"
#include "core/template/rules.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;
using json::Value;

constexpr size_t kMostWarnings = 100;

// Of such a value nobody can make a sentence.
bool IsPlain(Type type) {
  return type == Type::kNumber || type == Type::kInteger || type == Type::kBoolean ||
         type == Type::kEnum;
}

bool IsPlainFilter(FilterId id) {
  return id == FilterId::kLength || id == FilterId::kPresent || id == FilterId::kDate;
}

class Linter {
 public:
  Linter(const Source& source, const Limits& limits, ProgramView program,
         std::vector<Warning>* warnings)
      : source_(source), limits_(limits), warnings_(warnings) {
    for (uint32_t i = 0; i < program.variable_count(); ++i) {
      const Variable variable = program.variable(i);
      variables_.emplace(variable.name, variable);
      if (variable.declared && !variable.used && variable.snippet.empty()) AddUnused(variable);
    }
  }

  // At the end: how many there were that were too many to tell.
  void AddRest() {
    if (untold_ == 0) return;
    Warning& warning = warnings_->emplace_back();
    warning.lint = Lint::kMoreWarnings;
    warning.message = "there are " + std::to_string(untold_) + " more warnings";
    warning.hint = "Correct those that are told first.";
  }

  void LintPart(uint32_t part, bool instructions) {
    part_ = part;
    instructions_ = instructions;
    seen_.clear();
    sections_.clear();
    Ast ast;
    Fault fault;
    const std::string_view text = source_.parts[part];
    if (source_.syntax == Syntax::kFString) FindDoubleBraces(text);
    if (!Parse(text, source_.syntax, limits_, &ast, &fault)) return;
    if (source_.syntax == Syntax::kMustache) FindSingleBraces(ast);
    Walk({.ast = &ast}, 0, static_cast<uint32_t>(ast.nodes.size()));
  }

 private:
  // A section that is open: the variable that it is over, if that is known, and whether a name
  // within may be a member of it.
  struct Section {
    std::string_view variable;
    bool opaque = false;
    bool root = false;  // it is over all variables at once
  };
  // A text that is being walked, with the names of its blocks that are replaced.
  struct Place {
    const Ast* ast = nullptr;
    std::string_view snippet = {};
    std::set<std::string_view> replaced = {};
  };

  Warning* Add(Lint lint, std::string_view variable, std::string message, std::string hint) {
    if (!told_.emplace(lint, variable).second) return nullptr;
    if (warnings_->size() >= kMostWarnings) {
      ++untold_;
      return nullptr;
    }
    Warning& warning = warnings_->emplace_back();
    warning.lint = lint;
    warning.variable = variable;
    warning.part = part_;
    warning.message = std::move(message);
    warning.hint = std::move(hint);
    return &warning;
  }

  void AddAt(std::string_view text, std::string_view snippet, size_t position, Lint lint,
             std::string_view variable, std::string message, std::string hint) {
    Warning* const warning = Add(lint, variable, std::move(message), std::move(hint));
    if (warning == nullptr) return;
    Error error;
    SetPosition(text, position, snippet, source_.encoding, &error);
    warning->snippet = snippet;
    warning->line = error.line;
    warning->column = error.column;
    warning->detail = error.detail;
  }

  void AddUnused(const Variable& variable) {
    Add(Lint::kUnusedVariable, variable.name,
        "variable \"" + QuoteTag(variable.name) + "\" is declared and not used",
        "Use it in a template, or take its declaration out.");
  }

  // Braces are also those of programs and formulas: {x} is only told of where it looks like none
  // of these, or where there is such a variable.
  void FindSingleBraces(const Ast& ast) {
    for (const Node& node : ast.nodes) {
      if (node.type != NodeType::kText) continue;
      const std::string_view text = ast.Text(node);
      size_t at = 0, end = 0;
      for (;; at = end) {
        const std::string_view name = NextInBraces(text, 1, &at, &end);
        if (name.empty()) break;
        const char before = at == 0 ? ' ' : text[at - 1];
        const bool alone =
            std::string_view(" \t\r\n\"'`([<>:,.;=/#*-").find(before) != std::string_view::npos;
        if (!alone && !variables_.contains(name.substr(0, name.find('.')))) continue;
        const std::string tag = QuoteTag(name);
        AddAt(ast.text, {}, node.begin + at, Lint::kSingleBraces, name,
              "{" + tag + "} is text, not the value of a variable",
              "Write {{" + tag + "}} to insert one. Leave it if the braces are meant.");
      }
    }
  }

  void FindDoubleBraces(std::string_view text) {
    size_t at = 0, end = 0;
    for (;; at = end) {
      const std::string_view name = NextInBraces(text, 2, &at, &end);
      if (name.empty()) break;
      std::string tag = "{";
      tag.append(QuoteTag(name)).append("}");
      std::string warning = "{";
      warning.append(tag).append("} is the text ").append(tag);
      warning.append(", not the value of a variable");
      AddAt(text, {}, at, Lint::kDoubleBraces, name, std::move(warning),
            "Write " + tag + " to insert one. Leave it if the braces are meant.");
    }
  }

  void Walk(const Place& place, uint32_t begin, uint32_t end) {
    const std::vector<Node>& nodes = place.ast->nodes;
    constexpr uint64_t kNodesOfAnOperation = 64;
    for (uint32_t i = begin; i < end; ++i) {
      if (++visited_ > limits_.program_operations * kNodesOfAnOperation) return;
      const Node& node = nodes[i];
      switch (node.type) {
        case NodeType::kVariable:
          LintPath(place, node.position, place.ast->Text(node));
          LintTag(place, node);
          break;
        case NodeType::kInverted:
          LintPath(place, node.position, place.ast->Text(node));
          break;
        case NodeType::kSection:
          LintPath(place, node.position, place.ast->Text(node));
          sections_.push_back(OpenSection(place.ast->Text(node)));
          break;
        case NodeType::kClose:
          if (nodes[node.match].type == NodeType::kSection) sections_.pop_back();
          break;
        case NodeType::kIf:
        case NodeType::kElse:
          LintCondition(place, node, node.condition);
          break;
        case NodeType::kBlock:
          if (place.replaced.contains(place.ast->Text(node))) i = node.match;
          break;
        case NodeType::kParent:
        case NodeType::kSnippet:
          WalkSnippet(place, node);
          break;
        case NodeType::kText:
          break;
      }
    }
  }

  const Variable* Find(std::string_view name) const {
    const auto found = variables_.find(name);
    return found == variables_.end() ? nullptr : &found->second;
  }

  const Section* InnermostOpaque() const {
    const auto found = std::find_if(sections_.rbegin(), sections_.rend(),
                                    [](const Section& section) { return section.opaque; });
    return found == sections_.rend() ? nullptr : &*found;
  }

  // The variable that a path leads into. Within a section over a variable that is declared as a
  // list or object, what is not declared is a member of that.
  std::string_view VariableOf(std::string_view path) const {
    if (path == ".") return sections_.empty() ? std::string_view() : sections_.back().variable;
    if (path[0] == '@') return {};
    const std::string_view root = path.substr(0, path.find('.'));
    const Variable* const variable = Find(root);
    if (variable != nullptr && variable->declared) return root;
    const Section* const outer = InnermostOpaque();
    const Variable* const list = outer == nullptr ? nullptr : Find(outer->variable);
    return list != nullptr && list->declared ? list->name : root;
  }

  // Whether a path leads to all variables at once.
  bool IsRoot(std::string_view path) const {
    return path == "." && (sections_.empty() || sections_.back().root);
  }

  Section OpenSection(std::string_view path) const {
    if (path[0] == '@') return {};
    if (IsRoot(path)) return {.variable = {}, .opaque = true, .root = true};
    const std::string_view name = VariableOf(path);
    const Variable* const variable = Find(name);
    return {.variable = name,
            .opaque = variable == nullptr || !variable->declared || MayHaveMembers(variable->type)};
  }

  // What a snippet says about its own variables was told when it was committed.
  static bool IsToldBy(std::string_view snippet, const Variable& variable) {
    return !snippet.empty() && variable.snippet == snippet;
  }

  // A name that means something in Handlebars, or that leads nowhere.
  void LintPath(const Place& place, size_t position, std::string_view path) {
    const size_t dot = path.find('.');
    const std::string_view root = path.substr(0, dot);
    const Variable* const variable = Find(root);
    const bool declared = variable != nullptr && variable->declared;
    const std::string tag = QuoteTag(path);
    if (root == "this" && !declared) {
      AddAt(place.ast->text, place.snippet, position, Lint::kHandlebarsName, root,
            "{{" + tag + "}} is a variable with the name \"this\", not the current item",
            dot == std::string_view::npos
                ? "Write {{.}} for the item."
                : "Write {{" + QuoteTag(path.substr(dot + 1)) + "}} for the member of the item.");
    }
    if (path == "." || dot == std::string_view::npos || !declared || variable->type == Type::kAny ||
        variable->type == Type::kObject || IsToldBy(place.snippet, *variable) ||
        InnermostOpaque() != nullptr) {
      return;
    }
    const bool list = variable->type == Type::kArray;
    AddAt(place.ast->text, place.snippet, position, Lint::kMemberOfPlainValue, root,
          "{{" + tag + "}} is always empty: \"" + QuoteTag(root) + "\" is declared as " +
              std::string(TypePhrase(variable->type)),
          list ? "Use a section over it, or the filters first and last."
               : "Declare it as an object, or leave the member out.");
  }

  void LintPaths(const Place& place, const Operand& operand) {
    if (operand.length == 0) return;
    LintPath(place, operand.begin, place.ast->text.substr(operand.begin, operand.length));
  }

  // What an instruction holds that nobody has named.
  void LintRoot(const Place& place, const Node& node) {
    if (!instructions_ || HasPlainFilter(place, node, {})) return;
    AddAt(place.ast->text, place.snippet, node.position, Lint::kUntrustedText, ".",
          "all variables at once are inserted into instructions",
          "Name those that are meant, and declare them.");
  }

  void LintTag(const Place& place, const Node& node) {
    const std::string_view path = place.ast->Text(node);
    if (IsRoot(path)) return LintRoot(place, node);
    const std::string_view name = VariableOf(path);
    const Variable* const variable = Find(name);
    if (variable == nullptr) return;
    const bool named = path.substr(0, path.find('.')) == name;
    const Value filter = variable->declaration.Find("filter");
    const std::string_view declared = filter.kind() == Kind::kString ? filter.string() : "";
    if (node.filters == 0 && !named && !declared.empty() && !IsToldBy(place.snippet, *variable)) {
      const std::string tag = QuoteTag(path);
      AddAt(place.ast->text, place.snippet, node.position, Lint::kFilterNotReached, name,
            "the filter declared for \"" + QuoteTag(name) + "\" does not reach {{" + tag + "}}",
            "Write it into the tag: {{" + tag + " | " + QuoteTag(declared) + "}}.");
    }
    if (instructions_ && !variable->trusted && !IsPlain(variable->type) &&
        !HasPlainFilter(place, node, named ? declared : std::string_view())) {
      AddAt(place.ast->text, place.snippet, node.position, Lint::kUntrustedText, name,
            "untrusted variable \"" + QuoteTag(name) + "\" is inserted into instructions",
            "Insert it in a message of role user, or declare it with \"trusted\": true if nobody "
            "outside says what it is.");
    }
  }

  bool HasPlainFilter(const Place& place, const Node& node, std::string_view declared) const {
    const auto plain = [](const FilterCall& call) { return IsPlainFilter(call.id); };
    const auto first = place.ast->filters.begin() + node.filter;
    if (node.filters > 0) return std::any_of(first, first + node.filters, plain);
    Ast ast;
    Fault fault;
    return !declared.empty() && ParseFilters(declared, &ast, &fault) &&
           std::any_of(ast.filters.begin(), ast.filters.end(), plain);
  }

  void LintCondition(const Place& place, const Node& node, uint32_t index) {
    for (; index != kNoTerm; index = place.ast->terms[index].next) {
      const Term& term = place.ast->terms[index];
      if (term.type != TermType::kTest) {
        LintCondition(place, node, term.first);
        continue;
      }
      LintPaths(place, term.left);
      LintPaths(place, term.right);
      if (term.comparison != Comparison::kTruth) {
        LintComparison(place, node, term.left, term.right);
        LintComparison(place, node, term.right, term.left);
      }
    }
  }

  // What is declared as one type and compared with a literal of another, or with a text that is
  // none of its values.
  void LintComparison(const Place& place, const Node& node, const Operand& operand,
                      const Operand& other) {
    if (operand.length == 0 || other.length != 0 || InnermostOpaque() != nullptr) return;
    const std::string_view path = place.ast->text.substr(operand.begin, operand.length);
    const Variable* const variable = Find(path);
    if (variable == nullptr || !variable->declared || IsToldBy(place.snippet, *variable)) return;
    const Literal& literal = other.literal;
    if (literal.kind == Kind::kNull || MayBeLike(*variable, literal)) return;
    const bool text = literal.kind == Kind::kString;
    std::string value = text                            ? "\"" + QuoteTag(literal.text) + "\""
                        : literal.kind == Kind::kNumber ? QuoteTag(literal.text)
                        : literal.kind == Kind::kTrue   ? "true"
                                                        : "false";
    const bool no_value = variable->type == Type::kEnum && text;
    std::string hint =
        no_value ? "It is none of the values that are declared."
                 : "It " + std::string(TypePhrase(variable->type)) +
                       ", and values of different types are never equal, less or greater.";
    AddAt(place.ast->text, place.snippet, node.position, Lint::kConstantComparison, variable->name,
          "\"" + QuoteTag(path) + "\" compared with " + value + " has always the same result",
          std::move(hint));
  }

  static bool MayBeLike(const Variable& variable, const Literal& literal) {
    switch (variable.type) {
      case Type::kAny:
        return true;
      case Type::kString:
        return literal.kind == Kind::kString;
      case Type::kNumber:
      case Type::kInteger:
        return literal.kind == Kind::kNumber;
      case Type::kBoolean:
        return literal.kind == Kind::kTrue || literal.kind == Kind::kFalse;
      case Type::kEnum:
        if (literal.kind != Kind::kString) return false;
        for (json::Cursor cursor(variable.values); cursor.Next();) {
          if (cursor.value().string() == literal.text) return true;
        }
        return false;
      default:
        return false;
    }
  }

  void WalkSnippet(const Place& place, const Node& node) {
    Place inner;
    if (node.type == NodeType::kParent) {
      inner.replaced = place.replaced;
      for (uint32_t i = static_cast<uint32_t>(&node - place.ast->nodes.data()) + 1; i < node.match;
           ++i) {
        const Node& block = place.ast->nodes[i];
        if (block.type != NodeType::kBlock) continue;
        inner.replaced.insert(place.ast->Text(block));
        i = block.match;
      }
    }
    const std::string_view name = place.ast->Text(node);
    if (!node.dynamic) return WalkNamed(name, &inner);
    const Variable* const which = Find(name);
    if (which == nullptr) return;
    for (json::Cursor cursor(which->values); cursor.Next();) {
      WalkNamed(cursor.value().string(), &inner);
    }
  }

  // What was walked in the same surroundings has nothing new to tell.
  void WalkNamed(std::string_view name, Place* place) {
    const Section* const outer = InnermostOpaque();
    std::string surroundings(name);
    for (const std::string_view part :
         {outer == nullptr ? std::string_view() : outer->variable,
          sections_.empty() ? std::string_view() : sections_.back().variable}) {
      surroundings += '\n';
      surroundings += part;
    }
    for (const std::string_view block : place->replaced) {
      surroundings += '\n';
      surroundings += block;
    }
    if (!seen_.insert(std::move(surroundings)).second || depth_ >= limits_.snippet_depth) return;
    place->ast = FindSnippet(name);
    if (place->ast == nullptr) return;
    place->snippet = name;
    ++depth_;
    Walk(*place, 0, static_cast<uint32_t>(place->ast->nodes.size()));
    --depth_;
  }

  const Ast* FindSnippet(std::string_view name) {
    const Value snippet = source_.snippets.Find(name);
    const bool text = snippet.kind() == Kind::kString;
    Syntax syntax = source_.syntax;
    if (!text && !FindSyntax(snippet.Find("syntax").string(), &syntax)) return nullptr;
    const auto [found, added] = snippets_.try_emplace(name);
    Fault fault;
    if (added) {
      const Value content = text ? snippet : snippet.Find("text");
      Parse(content.string(), syntax, limits_, &found->second, &fault);
    }
    return &found->second;
  }

  const Source& source_;
  const Limits& limits_;
  std::vector<Warning>* const warnings_;
  std::unordered_map<std::string_view, Variable> variables_;
  std::map<std::string_view, Ast> snippets_;
  std::set<std::pair<Lint, std::string_view>> told_;
  std::set<std::string> seen_;  // snippets in their surroundings, in this part
  std::vector<Section> sections_;
  uint32_t part_ = 0;
  uint32_t depth_ = 0;
  uint64_t untold_ = 0;   // warnings
  uint64_t visited_ = 0;  // nodes, over and over in snippets
  bool instructions_ = false;
};

}  // namespace

std::string_view LintName(Lint lint) {
  switch (lint) {
    case Lint::kUnusedVariable:
      return "unused_variable";
    case Lint::kSingleBraces:
      return "single_braces";
    case Lint::kDoubleBraces:
      return "double_braces";
    case Lint::kUntrustedText:
      return "untrusted_instructions";
    case Lint::kFilterNotReached:
      return "filter_not_reached";
    case Lint::kConstantComparison:
      return "constant_comparison";
    case Lint::kHandlebarsName:
      return "handlebars_name";
    case Lint::kMemberOfPlainValue:
      return "member_of_plain_value";
    case Lint::kTagInKeptKey:
      return "tag_in_kept_key";
    case Lint::kMoreWarnings:
      return "more_warnings";
  }
  return {};
}

bool FindWarnings(const Source& source, const std::vector<bool>& instructions, const Limits& limits,
                  std::vector<Warning>* warnings, Error* error) {
  warnings->clear();
  std::string program;
  if (!Compile(source, limits, &program, error)) return false;
  Linter linter(source, limits, ProgramView(program.data()), warnings);
  for (uint32_t i = 0; i < source.parts.size(); ++i) {
    linter.LintPart(i, i < instructions.size() && instructions[i]);
  }
  linter.AddRest();
  return true;
}

}  // namespace promptreg::tmpl
