// Snippets, parents and blocks: the parts of the compiler that bring texts together.
//
// A parent is a snippet of which blocks are replaced by those in the body of its tag. Both are
// known when a template is compiled, so that inheritance costs nothing at rendering.
#include <algorithm>

#include "core/template/compiler.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

// The blanks at the start of the first line that leaves a trace, of the nodes of a body that starts
// on a line of its own. False: there is no such line, or it does not.
bool FindIndent(const Ast& ast, uint32_t begin, uint32_t end, std::string_view* indent) {
  for (uint32_t i = begin; i < end; ++i) {
    const Node& node = ast.nodes[i];
    if (node.type != NodeType::kText) {
      const bool placed = node.type == NodeType::kSnippet || node.type == NodeType::kParent ||
                          node.type == NodeType::kBlock;
      if (node.standalone && !placed) continue;
      *indent = node.standalone ? ast.Indent(node) : std::string_view();
      return node.standalone || node.line_start;
    }
    if (node.length == 0) continue;
    if (!node.line_start) return false;
    const std::string_view text = ast.Text(node);
    for (size_t start = 0; start < text.size();) {
      const size_t first = std::min(text.find_first_not_of(" \t", start), text.size());
      if (first == text.size() || (text[first] != '\n' && text[first] != '\r')) {
        *indent = text.substr(start, first - start);
        return true;
      }
      start = std::min(text.find('\n', first), text.size() - 1) + 1;
    }
  }
  return false;
}

}  // namespace

std::string_view Stripped(std::string_view text, uint32_t blanks) {
  const size_t first = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(std::min<size_t>(first, blanks));
}

// What was replaced furthest from the parent counts.
const Compiler::Override* Compiler::Overrides::Find(std::string_view name) const {
  const Override* found = nullptr;
  for (const Overrides* at = this; at != nullptr; at = at->outer) {
    const auto block = at->blocks.find(name);
    if (block != at->blocks.end()) found = &block->second;
  }
  return found;
}

bool Compiler::CountExpansion(const Context& context, const Node& node) {
  if (++expansions_ + draft_->ops.size() <= limits_.program_operations) return true;
  return Fail(Code::kProgramTooLarge, context, node.position,
              "template with its snippets exceeds the limit of " +
                  std::to_string(limits_.program_operations) + " operations");
}

// A snippet of many nodes that make no operation can be used often.
bool Compiler::CountNode(const Context& context, const Node& node) {
  constexpr uint64_t kNodesOfAnOperation = 64;
  if (++visited_ <= limits_.program_operations * kNodesOfAnOperation) return true;
  return Fail(Code::kProgramTooLarge, context, node.position,
              "template with its snippets has too many parts");
}

// Null: *missing, or an error.
const Ast* Compiler::FindSnippet(const Context& context, const Node& node, std::string_view name,
                                 bool* missing) {
  *missing = false;
  if (source_.snippets.kind() != json::Kind::kObject) {
    Fail(Code::kUndefinedSnippet, context, node.position,
         "snippet \"" + QuoteTag(name) + "\" does not exist");
    return nullptr;
  }
  const json::Value text = source_.snippets.Find(name);
  *missing = text.missing() && !source_.snippets_exist;
  if (*missing) return nullptr;
  if (text.kind() == json::Kind::kString) {
    return ParseSnippet(context, node, name, text.string(), source_.syntax);
  }
  const json::Value problem = text.Find("problem");
  Syntax syntax;
  if (text.kind() == json::Kind::kObject && problem.missing() &&
      FindSyntax(text.Find("syntax").string(), &syntax)) {
    return ParseSnippet(context, node, name, text.Find("text").string(), syntax);
  }
  Fail(Code::kUndefinedSnippet, context, node.position,
       "snippet \"" + QuoteTag(name) + "\" " +
           (text.missing()      ? "does not exist"
            : problem.missing() ? "must be a string"
                                : std::string(problem.string())));
  return nullptr;
}

const Ast* Compiler::ParseSnippet(const Context& context, const Node& node, std::string_view name,
                                  std::string_view text, Syntax syntax) {
  const auto [found, added] = snippets_.try_emplace(name);
  Ast* ast = &found->second;
  if (!added) return ast;
  Fault fault;
  if (Parse(text, syntax, limits_, ast, &fault)) return ast;
  if (fault.code == Code::kTemplateTooLarge) {
    Fail(fault.code, context, node.position,
         "snippet \"" + QuoteTag(name) + "\": " + fault.message);
  } else {
    Fail(fault.code, {.ast = ast, .snippet = name}, fault.position,
         "snippet \"" + QuoteTag(name) + "\": " + fault.message, fault.hint);
  }
  return nullptr;
}

bool Compiler::ExpandSnippet(const Context& context, const Node& node) {
  const Overrides* overrides = context.overrides;
  if (node.type == NodeType::kParent && !ReadOverrides(context, node, &overrides)) return false;
  if (node.dynamic) return ExpandDynamic(context, node, overrides);
  const std::string_view name = context.ast->Text(node);
  bool missing;
  const Ast* ast = FindSnippet(context, node, name, &missing);
  if (ast == nullptr) return missing;
  return CountExpansion(context, node) && ExpandVariant(context, node, ast, {name, overrides});
}

bool Compiler::ExpandVariant(const Context& context, const Node& node, const Ast* ast,
                             Variant variant) {
  const std::string_view name = variant.first;
  for (size_t i = 0; i < chain_.size(); ++i) {
    if (chain_[i].variant != variant) continue;
    if (chain_[i].sections != sections_) return Call(context, node, variant);
    std::string path;
    for (size_t j = i; j < chain_.size() && path.size() < 200; ++j)
      path += QuoteTag(chain_[j].variant.first) + " > ";
    return Fail(
        Code::kSnippetTooDeep, context, node.position,
        "snippet \"" + QuoteTag(name) + "\" includes itself without end: " + path + QuoteTag(name),
        "Include it within a section, so that the data can end it.");
  }
  if (sections_ > 0 && callee_numbers_.contains(variant)) return Call(context, node, variant);
  if (chain_.size() >= limits_.snippet_depth) {
    return Fail(Code::kSnippetTooDeep, context, node.position,
                "snippets are nested more than " + std::to_string(limits_.snippet_depth) + " deep");
  }
  chain_.push_back({.variant = variant, .sections = sections_});
  Context inner = {.ast = ast, .snippet = name, .overrides = variant.second};
  if (node.standalone) {
    if (!Indentation(context, node, context.ast->Indent(node), &inner.indent)) return false;
    inner.called = context.called;
  }
  if (!Expand(inner)) return false;
  chain_.pop_back();
  return true;
}

// The blocks in the body of a parent. One that adds nothing to those in force is as if it had none,
// so that a snippet that includes itself comes back to where it was.
bool Compiler::ReadOverrides(const Context& context, const Node& parent,
                             const Overrides** overrides) {
  const auto [known, added] =
      overrides_of_.try_emplace({&parent, context.overrides}, context.overrides);
  *overrides = known->second;
  if (!added) return true;
  const std::vector<Node>& nodes = context.ast->nodes;
  Overrides own = {.outer = context.overrides, .blocks = {}};
  if (own.outer != nullptr) own.depth = own.outer->depth + 1;
  bool adds = false;
  for (uint32_t i = static_cast<uint32_t>(&parent - nodes.data()) + 1; i < parent.match; ++i) {
    const Node& node = nodes[i];
    if (!CountNode(context, node)) return false;
    if (node.type == NodeType::kText) continue;
    if (node.type != NodeType::kBlock) {
      return Fail(Code::kSyntax, context, node.position,
                  "tag within a parent that is in none of its blocks",
                  "Of what a parent contains only its blocks are used.");
    }
    if (!CountExpansion(context, node)) return false;
    const std::string_view name = context.ast->Text(node);
    const Override override = {
        .ast = context.ast, .snippet = context.snippet, .overrides = context.overrides, .node = i};
    if (!own.blocks.try_emplace(name, override).second) {
      return Fail(Code::kSyntax, context, node.position,
                  "block \"" + QuoteTag(name) + "\" is given twice");
    }
    adds = adds || context.overrides == nullptr || context.overrides->Find(name) == nullptr;
    i = node.match;
  }
  if (!adds) return true;
  // Each look-up of a block goes through all of them.
  if (own.depth > limits_.snippet_depth) {
    return Fail(Code::kSnippetTooDeep, context, parent.position,
                "parents are nested more than " + std::to_string(limits_.snippet_depth) + " deep");
  }
  *overrides = known->second = &overrides_.emplace_back(std::move(own));
  return true;
}

// Of the body of a block; found once, because it may have to be looked for far.
bool Compiler::IndentOf(const Ast& ast, uint32_t begin, uint32_t end, std::string_view* indent) {
  const auto [found, added] = indents_.try_emplace(&ast.nodes[begin]);
  if (added && FindIndent(ast, begin + 1, end, indent)) found->second = *indent;
  if (found->second) *indent = *found->second;
  return found->second.has_value();
}

// The lines of a block lose the indentation that they have where they are written, and get that of
// the lines they replace.
bool Compiler::ExpandOverride(const Context& context, const Node& block, const Override& override) {
  if (!CountExpansion(context, block)) return false;
  const Node& given = override.ast->nodes[override.node];
  const Node& given_end = override.ast->nodes[given.match];
  const Node& block_end = context.ast->nodes[block.match];
  Context inner = {.ast = override.ast,
                   .snippet = override.snippet,
                   .indent = context.indent,
                   .called = context.called,
                   .overrides = override.overrides};
  std::string_view indent;
  if (IndentOf(*override.ast, override.node, given.match, &indent)) {
    inner.strip = static_cast<uint32_t>(indent.size());
  }
  if (block.standalone) {
    const auto index = static_cast<uint32_t>(&block - context.ast->nodes.data());
    if (!IndentOf(*context.ast, index, block.match, &indent)) {
      indent = context.ast->Indent(block);
    }
    if (!Indentation(context, block, indent, &inner.indent)) return false;
  }
  line_start_ = block.standalone;
  if (!ExpandRange(inner, override.node + 1, given.match)) return false;
  const bool empty = line_start_.has_value();
  line_start_.reset();
  // What replaces whole lines ends in one.
  if (!empty && block_end.standalone && !given_end.standalone && !given_end.line_start) {
    const std::string_view line = context.ast->text.substr(0, block_end.next);
    const size_t end = line.ends_with("\r\n") ? 2 : line.ends_with('\n') ? 1 : 0;
    draft_->pool += line.substr(line.size() - end);
  }
  return true;
}

// The indentation of what stands behind such blanks on a line. It is bounded because each line
// repeats it.
bool Compiler::Indentation(const Context& context, const Node& node, std::string_view blanks,
                           std::string* indent) {
  constexpr size_t kMostBlanks = 1000;
  blanks = Stripped(blanks, context.strip);
  if (context.indent.size() + blanks.size() > kMostBlanks) {
    return Fail(Code::kProgramTooLarge, context, node.position,
                "snippet is indented by more than " + std::to_string(kMostBlanks) + " blanks");
  }
  *indent = context.indent;
  *indent += blanks;
  return true;
}

}  // namespace promptreg::tmpl
