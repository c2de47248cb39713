#include "core/template/compiler.h"

#include <algorithm>
#include <new>

#include "core/template/error_text.h"
#include "core/template/link.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

constexpr size_t kMostNames = 0xFFF0;
constexpr size_t kMostParts = 10'000;

}  // namespace

Compiler::Compiler(const Source& source, const Limits& limits, Draft* draft, Error* error)
    : source_(source), limits_(limits), draft_(draft), error_(error) {}

bool Compiler::Run() {
  const Ast nothing;
  const Context context = {.ast = &nothing};
  return AddDeclarations(context) && AddPlaceholders(context) && CompileParts() &&
         CompileCallees() && AddTexts();
}

bool Compiler::AddTexts() {
  draft_->texts.assign(source_.parts.begin(), source_.parts.end());
  for (const std::string_view name : draft_->snippets) {
    const auto found = snippets_.find(name);
    draft_->texts.push_back(found == snippets_.end() ? std::string_view() : found->second.text);
  }
  return true;
}

// Those of the source come before those of its snippets, which must not contradict each other.
bool Compiler::AddDeclarations(const Context& context) {
  std::vector<Declaration> read;
  const ReadOptions options = {
      .encoding = source_.encoding, .checked = source_.checked, .interrupt = source_.interrupt};
  declares_ = !source_.declarations.missing() && source_.declarations.kind() != json::Kind::kNull;
  if (declares_) {
    if (!ReadDeclarations(source_.declarations, options, &read, error_)) return false;
    for (Declaration& declaration : read) {
      if (!AddDeclaration(context, std::move(declaration))) return false;
    }
  }
  for (json::Cursor cursor(source_.snippets); cursor.object() && cursor.Next();) {
    const json::Value variables = cursor.value().Find("variables");
    if (variables.kind() != json::Kind::kArray) continue;
    if (!ReadDeclarations(variables, options, &read, error_)) return false;
    for (Declaration& declaration : read) {
      declaration.snippet = cursor.key();
      if (!AddDeclaration(context, std::move(declaration))) return false;
    }
  }
  declared_ = draft_->declarations.size();
  return true;
}

bool Compiler::AddDeclaration(const Context& context, Declaration declaration) {
  uint16_t id;
  if (!Intern(context, {}, declaration.name, &id)) return false;
  if (id < draft_->declarations.size()) {
    const Declaration& first = draft_->declarations[id];
    return first.snippet.empty() || SameRules(first, declaration) ||
           RefuseDeclaration(first, declaration);
  }
  draft_->names[id].variable = true;
  draft_->names[id].snippet = SnippetNumber(declaration.snippet);
  draft_->declarations.push_back(std::move(declaration));
  return true;
}

bool Compiler::RefuseDeclaration(const Declaration& first, const Declaration& second) {
  error_->code = Code::kSnippetConflict;
  ErrorText(error_->message) << "snippets \"" << QuoteTag(first.snippet) << "\" and \""
                             << QuoteTag(second.snippet) << "\" declare variable \""
                             << QuoteTag(first.name) << "\" differently";
  ErrorText(error_->hint) << "Declare it in the prompt itself: that comes before its snippets.";
  return false;
}

// A placeholder is a variable of its own type, which no text may use.
bool Compiler::AddPlaceholders(const Context& context) {
  for (const Placeholder& placeholder : source_.placeholders) {
    const std::string_view problem = NameProblem(placeholder.name);
    if (!problem.empty()) {
      error_->code = Code::kPlaceholderName;
      ErrorText(error_->message) << "\"" << QuoteTag(placeholder.name)
                                 << "\" cannot name a placeholder: " << problem;
      return false;
    }
    const size_t known = draft_->names.size();
    uint16_t id;
    if (!Intern(context, {}, placeholder.name, &id)) return false;
    if (id < known) {
      const bool twice = id >= declared_;
      error_->code = Code::kPlaceholderName;
      ErrorText(error_->message) << (twice ? "two placeholders have the name \""
                                           : "a placeholder and a variable have the name \"")
                                 << QuoteTag(placeholder.name) << "\"";
      ErrorText(error_->hint)
          << (twice ? "What is passed for it is inserted in one place."
                    : "Placeholders are not declared: give one of them another name.");
      return false;
    }
    draft_->names[id].variable = draft_->names[id].used = true;
    Declaration& declaration = draft_->declarations.emplace_back();
    declaration.name = placeholder.name;
    declaration.rules.type = Type::kMessages;
    declaration.required = placeholder.required;
  }
  return true;
}

bool Compiler::RefuseVariable(const Context& context, const Node& node, std::string_view name) {
  return Fail(Code::kPlaceholderName, context, node.position,
              "\"" + QuoteTag(name) + "\" is a placeholder, and no variable for a text",
              "Give one of them another name.");
}

bool Compiler::Fail(Code code, const Context& context, size_t position, std::string_view message,
                    std::string_view hint) {
  error_->code = code;
  ErrorText(error_->message) << message;
  ErrorText(error_->hint) << hint;
  SetPosition(context.ast->text, position, context.snippet, source_.encoding, error_);
  return false;
}

bool Compiler::CompileParts() {
  if (source_.parts.size() > kMostParts) {
    error_->code = Code::kProgramTooLarge;
    ErrorText(error_->message) << "more than " << kMostParts << " texts in one template";
    return false;
  }
  for (const std::string_view part : source_.parts) {
    error_->part = static_cast<uint32_t>(draft_->parts.size());
    Fault fault;
    Ast* ast = &parts_.emplace_back();
    const Context context = {.ast = ast};
    if (!Parse(part, source_.syntax, limits_, ast, &fault)) {
      return Fail(fault.code, context, fault.position, fault.message, fault.hint);
    }
    draft_->parts.push_back(static_cast<uint32_t>(draft_->ops.size()));
    if (!Expand(context) || !Emit(context, {}, OpCode::kEnd)) return false;
  }
  return true;
}

bool Compiler::ExpandRange(const Context& context, uint32_t begin, uint32_t end) {
  std::vector<Open> open;
  for (uint32_t i = begin; i < end; ++i) {
    const Node& node = context.ast->nodes[i];
    if (!CountNode(context, node) || !ExpandNode(context, node, &open)) return false;
    // The body of a parent is not for output, nor is that of a block that was replaced.
    const bool replaced = node.type == NodeType::kBlock && context.overrides != nullptr &&
                          context.overrides->Find(context.ast->Text(node)) != nullptr;
    if (node.type == NodeType::kParent || replaced) i = node.match;
  }
  return true;
}

bool Compiler::ExpandNode(const Context& context, const Node& node, std::vector<Open>* open) {
  bool line_start = node.line_start;
  const bool trace = node.type == NodeType::kText ? node.length > 0 : !node.standalone;
  if (trace && line_start_) {
    line_start = *line_start_;
    line_start_.reset();
  }
  if (node.type == NodeType::kText) return AddText(context, node, line_start);
  if (line_start && !StartLine(context, node)) return false;
  switch (node.type) {
    case NodeType::kText:
      break;
    case NodeType::kVariable: {
      const bool inside = !open->empty() || sections_ > 0;
      if (inside && !CheckElse(context, node)) return false;
      const bool escape = source_.escape == Escape::kHtml && !node.raw;
      const uint8_t flags = escape ? kEscapeFlag : 0;
      const std::span<const FilterCall> filters = FiltersOf(context, node);
      if (!filters.empty()) return EmitFiltered(context, node, filters, flags);
      return EmitValue(context, node, OpCode::kPrintSlot, flags);
    }
    case NodeType::kSection:
    case NodeType::kInverted:
      return OpenSection(context, node, &open->emplace_back());
    case NodeType::kIf:
      return ExpandBranch(context, node, &open->emplace_back());
    case NodeType::kElse:
      return ExpandBranch(context, node, &open->back());
    case NodeType::kClose: {
      const NodeType closed = context.ast->nodes[node.match].type;
      if (closed == NodeType::kBlock) return true;
      const Open ended = std::move(open->back());
      open->pop_back();
      if (closed == NodeType::kIf) return CloseBranch(context, node, ended);
      const uint32_t opened = ended.op;
      --sections_;
      if (ended.opaque) --opaque_;
      if (closed == NodeType::kSection) {
        --contexts_;
        if (!Emit(context, node, OpCode::kEndSection, 0, 0, opened + 1)) return false;
      } else if (!Flush(context, node)) {
        return false;
      }
      draft_->ops[opened].arg = static_cast<uint32_t>(draft_->ops.size());
      return true;
    }
    case NodeType::kBlock: {
      const Override* override =
          context.overrides == nullptr ? nullptr : context.overrides->Find(context.ast->Text(node));
      return override == nullptr || ExpandOverride(context, node, *override);
    }
    case NodeType::kParent:
    case NodeType::kSnippet:
      return ExpandSnippet(context, node);
  }
  return true;
}

bool Compiler::OpenSection(const Context& context, const Node& node, Open* open) {
  const bool inverted = node.type == NodeType::kInverted;
  if (!EmitValue(context, node, inverted ? OpCode::kInvertedSlot : OpCode::kSectionSlot, 0)) {
    return false;
  }
  open->op = static_cast<uint32_t>(draft_->ops.size() - 1);
  open->opaque = !inverted && IsOpaque(context, node);
  ++sections_;
  if (!inverted) ++contexts_;
  if (open->opaque) ++opaque_;
  return true;
}

// What is declared as a plain value has no members. Among members, nobody knows.
bool Compiler::IsOpaque(const Context& context, const Node& node) const {
  const std::string_view path = context.ast->Text(node);
  if (path[0] == '@') return false;
  if (opaque_ > 0) return true;
  const Declaration* declaration = FindDeclaration(path);
  return declaration == nullptr || MayHaveMembers(declaration->rules.type);
}

bool Compiler::Emit(const Context& context, const Node& node, OpCode code, uint16_t name,
                    uint8_t flags, uint32_t arg) {
  if (draft_->ops.size() >= limits_.program_operations) {
    return Fail(Code::kProgramTooLarge, context, node.position,
                "template with its snippets exceeds the limit of " +
                    std::to_string(limits_.program_operations) + " operations");
  }
  const auto end = static_cast<uint32_t>(draft_->pool.size());
  MarkSource(context);
  draft_->ops.push_back({.code = code,
                         .flags = static_cast<uint8_t>(flags | (indent_ ? kIndentFlag : 0)),
                         .name = name,
                         .text = literal_,
                         .length = end - literal_,
                         .arg = arg});
  const bool tag = code != OpCode::kEnd && code != OpCode::kReturn;
  draft_->positions.push_back(tag ? node.position : kNoPosition);
  literal_ = end;
  indent_ = false;
  return true;
}

// Loads the register with what a tag names.
bool Compiler::EmitLoad(const Context& context, const Node& node) {
  const std::string_view path = context.ast->Text(node);
  Special special;
  if (path[0] == '@' && FindSpecial(path, &special)) {
    if (special != Special::kNow && sections_ == outside_) {
      return Fail(Code::kSyntax, context, node.position,
                  std::string(path) + " is only known within a section");
    }
    return Emit(context, node, OpCode::kLoadSpecial, static_cast<uint16_t>(special));
  }
  const auto at = static_cast<uint32_t>(draft_->paths.size());
  if (path == ".") {
    if (!CheckTop(context, node)) return false;
    draft_->paths.push_back(0);
    return Emit(context, node, OpCode::kLoadTop, 0, 0, at);
  }
  if (!CheckPath(context, node, path)) return false;
  size_t dot = std::min(path.find('.'), path.size());
  uint16_t id;
  if (!UseVariable(context, node, path.substr(0, dot), &id)) return false;
  draft_->paths.push_back(0);
  while (dot < path.size()) {
    const size_t start = dot + 1;
    dot = std::min(path.find('.', start), path.size());
    uint16_t next;
    if (!Intern(context, node, path.substr(start, dot - start), &next)) return false;
    draft_->paths.push_back(next);
    ++draft_->paths[at];
  }
  return Emit(context, node, sections_ == 0 ? OpCode::kLoadSlot : OpCode::kLoadName, id, 0, at);
}

// Those of the tag, or of the declaration of what it names.
std::span<const FilterCall> Compiler::FiltersOf(const Context& context, const Node& node) const {
  if (node.filters > 0) return {context.ast->filters.data() + node.filter, node.filters};
  const std::string_view path = context.ast->Text(node);
  const Declaration* declaration = FindDeclaration(path.substr(0, path.find('.')));
  if (declaration == nullptr) return {};
  return declaration->filters;
}

bool Compiler::EmitFiltered(const Context& context, const Node& node,
                            std::span<const FilterCall> filters, uint8_t flags) {
  const auto first = static_cast<uint32_t>(draft_->filters.size());
  constexpr size_t kMostFilters = UINT16_MAX;
  if (filters.size() > kMostFilters) {
    return Fail(Code::kProgramTooLarge, context, node.position,
                "tag has more than " + std::to_string(kMostFilters) + " filters");
  }
  for (const FilterCall& call : filters) {
    // What is escaped once is not escaped again.
    if (Escapes(call.id)) flags = 0;
    draft_->filters.push_back(call);
    literal_bytes_ += call.literal.text.size();
    if (!CountExpansion(context, node) || !CheckPool(context, node)) return false;
  }
  return EmitLoad(context, node) &&
         Emit(context, node, OpCode::kFilter, static_cast<uint16_t>(filters.size()), 0, first) &&
         Emit(context, node, OpCode::kPrintRegister, 0, flags);
}

// What a tag names: `first` is the operation for a variable's slot.
bool Compiler::EmitValue(const Context& context, const Node& node, OpCode first, uint8_t flags) {
  const std::string_view path = context.ast->Text(node);
  if (path == ".") {
    return CheckTop(context, node) && Emit(context, node, At(first, Place::kTop), 0, flags);
  }
  if (path[0] == '@' || path.find('.') != std::string_view::npos) {
    return EmitLoad(context, node) && Emit(context, node, At(first, Place::kRegister), 0, flags);
  }
  uint16_t id;
  if (!CheckPath(context, node, path) || !UseVariable(context, node, path, &id)) return false;
  return Emit(context, node, At(first, sections_ == 0 ? Place::kSlot : Place::kName), id, flags);
}

// Ends the literal that is being gathered, where an operation is going to be jumped to.
bool Compiler::Flush(const Context& context, const Node& node) {
  if (draft_->pool.size() == literal_ && !indent_) return true;
  return Emit(context, node, OpCode::kText);
}

bool Compiler::StartLine(const Context& context, const Node& node) {
  if (context.called) {
    if (!Flush(context, node)) return false;
    indent_ = true;
  }
  MarkSource(context);
  draft_->pool += context.indent;
  return true;
}

bool Compiler::AddText(const Context& context, const Node& node, bool line_start) {
  const std::string_view text = context.ast->Text(node);
  MarkSource(context);
  if (!context.called && context.indent.empty() && context.strip == 0) {
    draft_->pool += text;
    return CheckPool(context, node);
  }
  bool strip = node.line_start;
  for (size_t start = 0; start < text.size();) {
    if (line_start && !StartLine(context, node)) return false;
    if (strip) start = text.size() - Stripped(text.substr(start), context.strip).size();
    const size_t newline = text.find('\n', start);
    const size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    draft_->pool += text.substr(start, end - start);
    if (!CheckPool(context, node)) return false;
    start = end;
    line_start = strip = true;
  }
  return true;
}

// Snippets within snippets can make much of little.
bool Compiler::CheckPool(const Context& context, const Node& node) {
  const size_t bound = std::max<size_t>(limits_.output_bytes, limits_.template_bytes);
  if (draft_->pool.size() + literal_bytes_ <= bound) return true;
  return Fail(
      Code::kProgramTooLarge, context, node.position,
      "template with its snippets exceeds the limit of " + std::to_string(bound) + " bytes");
}

uint32_t Compiler::SnippetNumber(std::string_view name) {
  if (name.empty()) return 0;
  const auto [found, added] =
      snippet_numbers_.try_emplace(name, static_cast<uint32_t>(draft_->snippets.size()));
  if (added) draft_->snippets.push_back(name);
  return found->second;
}

// What is added next comes from the text that is being expanded.
void Compiler::MarkSource(const Context& context) {
  const uint32_t current = draft_->sources.empty() ? 0 : draft_->sources.back().snippet;
  if (context.snippet == draft_->snippets[current]) return;
  draft_->sources.push_back({.op = static_cast<uint32_t>(draft_->ops.size()),
                             .text = static_cast<uint32_t>(draft_->pool.size()),
                             .snippet = SnippetNumber(context.snippet)});
}

bool Compiler::Intern(const Context& context, const Node& node, std::string_view text,
                      uint16_t* id) {
  const auto [found, added] = ids_.try_emplace(text, static_cast<uint16_t>(draft_->names.size()));
  if (added) {
    if (draft_->names.size() >= kMostNames) {
      return Fail(Code::kProgramTooLarge, context, node.position, "template uses too many names");
    }
    draft_->names.push_back({.text = text});
  }
  *id = found->second;
  return true;
}

bool Compiler::UseVariable(const Context& context, const Node& node, std::string_view text,
                           uint16_t* id) {
  if (!Intern(context, node, text, id)) return false;
  if (*id >= declared_ && *id < draft_->declarations.size()) {
    return RefuseVariable(context, node, text);
  }
  Name& name = draft_->names[*id];
  name.used = true;
  const bool inferred = *id >= draft_->declarations.size();
  if (inferred && context.snippet.empty()) name.snippet = 0;
  if (name.variable) return true;
  if (!declares_) {
    name.variable = true;
    name.snippet = SnippetNumber(context.snippet);
    draft_->inferred.push_back(*id);
    return true;
  }
  if (opaque_ > 0) return true;
  Fail(Code::kUndeclaredVariable, context, node.position,
       "variable \"" + QuoteTag(text) + "\" is not declared");
  ErrorText hint(error_->hint);
  if (declared_ == 0) {
    hint << "No variables are declared.";
    return false;
  }
  hint << "Declared are ";
  for (size_t i = 0; i < declared_; ++i) {
    if (i > 0) hint << ", ";
    hint << draft_->declarations[i].name;
  }
  hint << ".";
  return false;
}

// Declarations are the first names.
const Declaration* Compiler::FindDeclaration(std::string_view name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() || found->second >= draft_->declarations.size()
             ? nullptr
             : &draft_->declarations[found->second];
}

bool Compile(const Source& source, const Limits& limits, std::string* program, Error* error) {
  *error = Error();
  Draft draft;
  return Compiler(source, limits, &draft, error).Run() && Link(draft, program, error);
}

}  // namespace promptreg::tmpl
