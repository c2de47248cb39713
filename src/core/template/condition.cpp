// Conditions: comparisons and truths of names and literals, joined by and, or, not and parentheses.
#include "core/template/lexer.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

using Token = Lexer::Token;

struct Sign {
  std::string_view sign;
  Comparison comparison;
};
constexpr Sign kSigns[] = {
    {"==", Comparison::kEqual},  {"!=", Comparison::kDifferent},
    {"<", Comparison::kLess},    {"<=", Comparison::kLessEqual},
    {">", Comparison::kGreater}, {">=", Comparison::kGreaterEqual},
};
constexpr std::string_view kHint =
    "Conditions are made of names, strings in double quotes, numbers, true, false, null, == != < "
    "<= "
    "> >=, and, or, not, and parentheses.";

// Recursive only into parentheses, which are counted.
class ConditionParser {
 public:
  ConditionParser(std::string_view text, const Limits& limits, Ast* ast, Fault* fault)
      : start_(static_cast<uint32_t>(text.data() - ast->text.data())),
        limits_(limits),
        lexer_(text),
        ast_(ast),
        fault_(fault) {}

  bool Run(uint32_t* root) {
    if (!ReadJoined(TermType::kOr, root)) return false;
    if (lexer_.token() == Token::kEnd) return true;
    return Fail("expected and, or, or the end of the condition, found " + lexer_.Quote());
  }

 private:
  bool Fail(std::string message, Code code = Code::kSyntax) {
    fault_->code = code;
    fault_->position = start_ + lexer_.position();
    fault_->message = std::move(message);
    fault_->hint = kHint;
    return false;
  }

  bool IsWord(std::string_view word) const {
    return lexer_.token() == Token::kWord && lexer_.word() == word;
  }

  bool AddTerm(Term term, uint32_t* index) {
    if (ast_->terms.size() >= limits_.program_operations) {
      return Fail(
          "conditions of more than " + std::to_string(limits_.program_operations) + " terms in all",
          Code::kProgramTooLarge);
    }
    *index = static_cast<uint32_t>(ast_->terms.size());
    ast_->terms.push_back(std::move(term));
    return true;
  }

  // One or more parts, joined by or, each of one or more joined by and.
  bool ReadJoined(TermType type, uint32_t* index) {
    const auto read = [&](uint32_t* part) {
      return type == TermType::kOr ? ReadJoined(TermType::kAnd, part) : ReadPart(part);
    };
    const std::string_view word = type == TermType::kOr ? "or" : "and";
    if (!read(index)) return false;
    if (!IsWord(word)) return true;
    uint32_t last = *index;
    Term group;
    group.type = type;
    group.first = last;
    while (IsWord(word)) {
      lexer_.Next();
      uint32_t part;
      if (!read(&part)) return false;
      ast_->terms[last].next = part;
      last = part;
    }
    return AddTerm(std::move(group), index);
  }

  bool ReadPart(uint32_t* index) {
    bool negated = false;
    for (; IsWord("not"); lexer_.Next()) negated = !negated;
    if (lexer_.Take("(")) {
      if (++depth_ > limits_.nesting) {
        return Fail("parentheses are nested more than " + std::to_string(limits_.nesting) + " deep",
                    Code::kNestingTooDeep);
      }
      if (!ReadJoined(TermType::kOr, index)) return false;
      if (!lexer_.Take(")")) {
        return Fail("expected and, or, or a closing parenthesis, found " + lexer_.Quote());
      }
      --depth_;
    } else {
      Term term;
      if (!ReadOperand(&term.left) || !ReadComparison(&term)) return false;
      if (!AddTerm(std::move(term), index)) return false;
    }
    if (negated) ast_->terms[*index].negated = !ast_->terms[*index].negated;
    return true;
  }

  bool ReadComparison(Term* term) {
    for (const Sign& sign : kSigns) {
      if (!lexer_.Take(sign.sign)) continue;
      term->comparison = sign.comparison;
      return ReadOperand(&term->right);
    }
    return true;
  }

  bool ReadOperand(Operand* operand) {
    operand->begin = start_ + static_cast<uint32_t>(lexer_.position());
    if (lexer_.TakeLiteral(&operand->literal)) return true;
    if (lexer_.token() != Token::kWord || IsWord("and") || IsWord("or") || IsWord("not")) {
      return Fail("expected a name or a literal, found " + lexer_.Quote());
    }
    const std::string_view path = lexer_.word();
    Special special;
    const std::string_view problem = path[0] != '@'                ? PathProblem(path)
                                     : FindSpecial(path, &special) ? std::string_view()
                                                                   : "an unknown name";
    if (!problem.empty()) {
      return Fail("invalid name \"" + QuoteTag(path) + "\": " + std::string(problem));
    }
    operand->length = static_cast<uint32_t>(path.size());
    lexer_.Next();
    return true;
  }

  const uint32_t start_;
  const Limits& limits_;
  Lexer lexer_;
  Ast* ast_;
  Fault* fault_;
  uint32_t depth_ = 0;
};

}  // namespace

bool ParseCondition(std::string_view text, const Limits& limits, Ast* ast, uint32_t* root,
                    Fault* fault) {
  return ConditionParser(text, limits, ast, fault).Run(root);
}

}  // namespace promptreg::tmpl
