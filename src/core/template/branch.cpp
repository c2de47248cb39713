// Conditions as jumps: the part of the compiler for {{#if}} and {{#unless}}.
#include "core/template/compiler.h"

namespace promptreg::tmpl {

// Goes on to the next operation where a condition does not come out as `sense`; where it does it
// jumps, and those jumps are added to a list, as they do not know where to yet.
bool Compiler::EmitCondition(const Context& context, const Node& node, uint32_t index, bool sense,
                             std::vector<uint32_t>* jumps) {
  const Term& term = context.ast->terms[index];
  if (term.negated) sense = !sense;
  if (term.type == TermType::kTest) return EmitTest(context, node, term, sense, jumps);

  // One part is enough to decide a group one way, and all are needed for the other.
  const bool enough = term.type == TermType::kOr;
  std::vector<uint32_t> decided;
  for (uint32_t part = term.first; part != kNoTerm; part = context.ast->terms[part].next) {
    const bool last = context.ast->terms[part].next == kNoTerm;
    if (!EmitCondition(context, node, part, last ? sense : enough,
                       last || sense == enough ? jumps : &decided)) {
      return false;
    }
  }
  Land(decided);
  return true;
}

bool Compiler::EmitTest(const Context& context, const Node& node, const Term& term, bool sense,
                        std::vector<uint32_t>* jumps) {
  if (!EmitOperand(context, node, term.left) ||
      (term.comparison != Comparison::kTruth && !EmitOperand(context, node, term.right))) {
    return false;
  }
  const auto name =
      static_cast<uint16_t>(static_cast<uint16_t>(term.comparison) | (sense ? kSenseBit : 0));
  jumps->push_back(static_cast<uint32_t>(draft_->ops.size()));
  return Emit(context, node, OpCode::kBranch, name);
}

bool Compiler::EmitOperand(const Context& context, const Node& node, const Operand& operand) {
  if (operand.length > 0) {
    Node path = node;
    path.begin = path.position = operand.begin;
    path.length = operand.length;
    return EmitLoad(context, path);
  }
  literal_bytes_ += operand.literal.text.size();
  draft_->literals.push_back(operand.literal);
  return CheckPool(context, node) && Emit(context, node, OpCode::kLoadLiteral, 0, 0,
                                          static_cast<uint32_t>(draft_->literals.size() - 1));
}

// Jumps end at the next operation.
void Compiler::Land(const std::vector<uint32_t>& jumps) {
  for (const uint32_t jump : jumps) {
    draft_->ops[jump].arg = static_cast<uint32_t>(draft_->ops.size());
  }
}

bool Compiler::ExpandBranch(const Context& context, const Node& node, Open* open) {
  if (node.type == NodeType::kElse) {
    open->done.push_back(static_cast<uint32_t>(draft_->ops.size()));
    if (!Emit(context, node, OpCode::kJump)) return false;
    Land(open->failed);
    open->failed.clear();
    if (node.condition == kNoTerm) return true;
  }
  const bool unless = node.type == NodeType::kIf && context.ast->Text(node) == "unless";
  return EmitCondition(context, node, node.condition, unless, &open->failed);
}

bool Compiler::CloseBranch(const Context& context, const Node& node, const Open& open) {
  if (!Flush(context, node)) return false;
  Land(open.failed);
  Land(open.done);
  return true;
}

}  // namespace promptreg::tmpl
