// Snippets that are compiled apart, to be called: those that include themselves, and those that a
// value names.
#include <algorithm>

#include "core/json/layout.h"
#include "core/template/compiler.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {

uint32_t Compiler::AddCallee(Variant variant) {
  const auto [found, added] =
      callee_numbers_.try_emplace(variant, static_cast<uint32_t>(callees_.size()));
  if (added) callees_.push_back({.variant = variant});
  if (sections_ == outside_) callees_[found->second].outside = true;
  return found->second;
}

// Callees call others, which adds to the list while it is worked off. Those outside of all sections
// come first: what they use is a variable, also for those that only they know of.
bool Compiler::CompileCallees() {
  for (const bool outside : {true, false}) {
    for (bool found = true; found;) {
      found = false;
      for (size_t i = 0; i < callees_.size(); ++i) {
        if (callees_[i].op != kNotCompiled || (outside && !callees_[i].outside)) continue;
        if (!CompileCallee(i)) return false;
        found = true;
      }
    }
  }
  for (Op& op : draft_->ops) {
    if (op.code == OpCode::kCall) op.arg = callees_[op.arg].op;
  }
  for (Choice& choice : draft_->choices) {
    if (!choice.name.empty()) choice.op = callees_[choice.op].op;
  }
  return true;
}

bool Compiler::CompileCallee(size_t index) {
  const Variant variant = callees_[index].variant;
  callees_[index].op = static_cast<uint32_t>(draft_->ops.size());
  sections_ = 1;
  outside_ = callees_[index].outside ? 1 : 0;
  opaque_ = contexts_ = 1 - outside_;
  chain_.assign(1, {.variant = variant, .sections = sections_});
  const Context context = {.ast = &snippets_.at(variant.first),
                           .snippet = variant.first,
                           .called = true,
                           .overrides = variant.second};
  return Expand(context) && Emit(context, {}, OpCode::kReturn);
}

bool Compiler::Call(const Context& context, const Node& node, Variant variant) {
  return EmitCall(context, node, OpCode::kCall, AddCallee(variant));
}

bool Compiler::EmitCall(const Context& context, const Node& node, OpCode code, uint32_t arg) {
  std::string indent;
  if (node.standalone && !Indentation(context, node, context.ast->Indent(node), &indent)) {
    return false;
  }
  // The indentation in force is only that of this text's caller if this text is called itself.
  const uint8_t flags = node.standalone && context.called ? kNestFlag : 0;
  if (!Emit(context, node, code, static_cast<uint16_t>(indent.size()), flags, arg)) return false;
  draft_->pool += indent;
  literal_ = static_cast<uint32_t>(draft_->pool.size());
  return CheckPool(context, node);
}

bool Compiler::ExpandDynamic(const Context& context, const Node& node, const Overrides* overrides) {
  json::Value values;
  uint32_t choices;
  return FindChoices(context, node, &values) &&
         AddChoices(context, node, values, overrides, &choices) && EmitLoad(context, node) &&
         EmitCall(context, node, OpCode::kDispatch, choices);
}

// The snippets that a dynamic name may mean: the values of its enum, or all there are.
bool Compiler::FindChoices(const Context& context, const Node& node, json::Value* values) {
  const std::string_view name = context.ast->Text(node);
  if (source_.snippets.kind() != json::Kind::kObject) {
    return Fail(Code::kUndefinedSnippet, context, node.position,
                "there are no snippets for the dynamic name \"" + QuoteTag(name) + "\"");
  }
  *values = source_.snippets;
  if (!declares_ && declared_ == 0) return true;
  const Declaration* declaration = FindDeclaration(name);
  if (declaration != nullptr && declaration->rules.type == Type::kEnum) {
    *values = declaration->rules.values;
    return true;
  }
  return Fail(Code::kUndeclaredVariable, context, node.position,
              "dynamic name \"" + QuoteTag(name) + "\" is not declared as an enum",
              "Declare a variable with the names of the snippets as its values.");
}

bool Compiler::AddChoices(const Context& context, const Node& node, json::Value values,
                          const Overrides* overrides, uint32_t* at) {
  const auto [known, added] =
      choices_of_.try_emplace({values.data(), overrides, sections_ == outside_},
                              static_cast<uint32_t>(draft_->choices.size()));
  *at = known->second;
  if (!added) return true;
  std::vector<Choice> choices;
  for (json::Cursor cursor(values); cursor.Next();) {
    const std::string_view name = cursor.object() ? cursor.key() : cursor.value().string();
    if (!CountExpansion(context, node)) return false;
    bool missing;
    if (FindSnippet(context, node, name, &missing) == nullptr) {
      return missing && Fail(Code::kUndefinedSnippet, context, node.position,
                             "snippet \"" + QuoteTag(name) + "\" does not exist");
    }
    const uint32_t callee = AddCallee({name, overrides});
    if (!name.empty()) choices.push_back({.name = name, .op = callee});
  }
  std::sort(choices.begin(), choices.end(), [](const Choice& left, const Choice& right) {
    return json::layout::CompareKeys(left.name, right.name) < 0;
  });
  draft_->choices.push_back({.name = {}, .op = static_cast<uint32_t>(choices.size())});
  draft_->choices.insert(draft_->choices.end(), choices.begin(), choices.end());
  return true;
}

}  // namespace promptreg::tmpl
