// Mustache. Everything in delimiters that is no tag is refused here: nothing is dropped in silence.
#include <algorithm>
#include <string>
#include <vector>

#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

constexpr std::string_view kBlank = " \t\r\n\v\f";
constexpr std::string_view kBracesHint = "Write \\{{ for braces that are no tag.";

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

class Parser {
 public:
  Parser(std::string_view text, const Limits& limits, Ast* ast, Fault* fault)
      : text_(text), limits_(limits), ast_(ast), fault_(fault) {}

  bool Run() {
    size_t from = 0;  // where to look for the next tag
    for (;;) {
      const size_t tag = text_.find(open_, from);
      if (tag == std::string_view::npos) break;
      // A backslash takes the meaning from {{, and another backslash takes it from the backslash.
      if (open_ == "{{" && tag > done_ && text_[tag - 1] == '\\') {
        const bool literal = tag < done_ + 2 || text_[tag - 2] != '\\';
        AddText(tag - 1);
        done_ = tag;
        if (literal) {
          from = tag + open_.size();
          continue;
        }
      }
      if (!ReadTag(tag)) return false;
      from = done_;
    }
    AddText(text_.size());
    if (!sections_.empty()) {
      const Node& node = ast_->nodes[sections_.back()];
      return Fail(node.position, Describe(node) + " is not closed",
                  "Close it with " + open_ + "/" + NameOf(node) + close_ + ".");
    }
    return true;
  }

 private:
  bool Fail(size_t position, std::string message, std::string_view hint,
            Code code = Code::kSyntax) {
    fault_->code = code;
    fault_->position = position;
    fault_->message = std::move(message);
    fault_->hint = hint;
    return false;
  }

  // The text from where we are up to `end`.
  void AddText(size_t end) {
    if (end <= done_) return;
    Node node;
    node.begin = node.position = static_cast<uint32_t>(done_);
    node.length = static_cast<uint32_t>(end - done_);
    node.line_start = line_start_;
    line_start_ = text_[end - 1] == '\n';
    ast_->nodes.push_back(node);
  }

  // A node's name as it is written in its tag.
  std::string NameOf(const Node& node) const {
    return (node.dynamic ? "*" : "") + QuoteTag(ast_->Text(node));
  }

  std::string Describe(const Node& node) const {
    const std::string_view kind = node.type == NodeType::kParent  ? "parent"
                                  : node.type == NodeType::kBlock ? "block"
                                  : node.type == NodeType::kIf    ? "condition"
                                                                  : "section";
    return std::string(kind) + " \"" + NameOf(node) + "\"";
  }

  // Where the blanks before a tag start.
  size_t BlanksBefore(size_t tag) const {
    while (tag > done_ && IsBlank(text_[tag - 1])) --tag;
    return tag;
  }

  bool StartsLine(size_t at) const { return at == 0 || text_[at - 1] == '\n'; }

  // Whether nothing but blanks follows on the line; *next is where the next one starts.
  bool EndsLine(size_t end, size_t* next) const {
    while (end < text_.size() && IsBlank(text_[end])) ++end;
    if (end < text_.size()) {
      if (text_[end] == '\r' && end + 1 < text_.size()) ++end;
      if (text_[end] != '\n') return false;
      ++end;
    }
    *next = end;
    return true;
  }

  // Whether nothing but blanks surrounds [tag, end) on its line; *line is where that line starts
  // and *next where the next one does.
  bool IsStandalone(size_t tag, size_t end, size_t* line, size_t* next) const {
    const size_t before = BlanksBefore(tag);
    if (!StartsLine(before) || !EndsLine(end, next)) return false;
    *line = before;
    return true;
  }

  // Tags of inheritance may share a line that they then replace together. Called for one of them
  // after it has become the last node; true: it was the last one of such a line.
  bool EndsStandaloneLine(size_t tag, size_t before, size_t end, size_t* next) {
    if (run_end_ != before || BlanksSkipped(before, tag) != tag) {
      // Not where the one before it left off: does it start a line?
      size_t line = tag;
      while (line > before && IsBlank(text_[line - 1])) --line;
      run_end_ = SIZE_MAX;
      if (!StartsLine(line)) return false;
      run_first_ = ast_->nodes.size() - 1;
      run_indent_ = static_cast<uint32_t>(tag - line);
    }
    run_end_ = end;
    if (!EndsLine(end, next)) return false;
    // Blanks between and before the tags have become text.
    for (size_t i = run_first_; i < ast_->nodes.size(); ++i) {
      Node& node = ast_->nodes[i];
      if (node.type == NodeType::kText) {
        node.length = 0;
      } else {
        node.standalone = true;
        node.line_start = false;
      }
    }
    ast_->nodes[run_first_].indent = run_indent_;
    if (run_indent_ > 0) ast_->nodes[run_first_ - 1].length -= run_indent_;
    ast_->nodes.back().next = static_cast<uint32_t>(*next);
    return true;
  }

  size_t BlanksSkipped(size_t at, size_t end) const {
    while (at < end && IsBlank(text_[at])) ++at;
    return at;
  }

  bool ReadTag(size_t tag) {
    size_t at = tag + open_.size();
    std::string closing = close_;
    char sigil = at < text_.size() ? text_[at] : '\0';
    if (sigil != '{') {
      at = std::min(text_.find_first_not_of(kBlank, at), text_.size());
      sigil = at < text_.size() ? text_[at] : '\0';
    }
    if (sigil == '{') closing.insert(0, "}");
    if (sigil == '=') closing.insert(0, "=");
    const bool has_sigil =
        sigil != '\0' && std::string_view("{=!#^/><$&").find(sigil) != std::string_view::npos;
    if (has_sigil) {
      ++at;
    } else {
      sigil = '\0';
    }
    const size_t content_end = FindClosing(sigil, closing, at);
    if (content_end == std::string_view::npos) {
      return Fail(tag, "tag is not closed",
                  open_ == "{{" ? std::string(kBracesHint) : "It ends with " + closing + ".");
    }
    const std::string_view content = Trim(text_.substr(at, content_end - at));
    const size_t end = content_end + closing.size();

    Node node;
    node.position = static_cast<uint32_t>(tag);
    node.begin = static_cast<uint32_t>(content.data() - text_.data());
    node.length = static_cast<uint32_t>(content.size());
    if (content.empty()) node.begin = static_cast<uint32_t>(at);
    switch (sigil) {
      case '!':
        break;
      case '=':
        if (!SetDelimiters(content, tag, end)) return false;
        break;
      case '#':
        node.type = NodeType::kSection;
        break;
      case '^':
        node.type = NodeType::kInverted;
        break;
      case '<':
        node.type = NodeType::kParent;
        break;
      case '$':
        node.type = NodeType::kBlock;
        break;
      case '/':
        node.type = NodeType::kClose;
        break;
      case '>':
        node.type = NodeType::kSnippet;
        break;
      default:
        node.type = NodeType::kVariable;
        node.raw = sigil != '\0';
    }
    const bool silent = sigil == '!' || sigil == '=';
    if (!silent && !CheckContent(&node, tag, end)) return false;

    size_t line = tag, next = end;
    const size_t before = done_;
    const bool inherits = Inherits(node);
    node.standalone =
        node.type != NodeType::kVariable && !inherits && IsStandalone(tag, end, &line, &next);
    if (node.standalone) {
      AddText(line);
      node.indent = static_cast<uint32_t>(tag - line);
    } else {
      AddText(tag);
      if (!silent) node.line_start = line_start_;
    }
    if (node.standalone) {
      line_start_ = true;
    } else if (!silent) {
      line_start_ = false;
    }
    done_ = next;
    if (silent) return true;
    if (!AddTag(node)) return false;
    if (inherits && EndsStandaloneLine(tag, before, end, &done_)) line_start_ = true;
    return true;
  }

  // Delimiters within a string do not close a tag, unless nothing else does.
  size_t FindClosing(char sigil, const std::string& closing, size_t at) const {
    const size_t first = text_.find(closing, at);
    if (sigil == '!' || sigil == '=') return first;
    bool in_string = false;
    for (size_t end = first; end != std::string_view::npos; end = text_.find(closing, end + 1)) {
      for (; at < end; ++at) {
        if (in_string && text_[at] == '\\') {
          ++at;
        } else if (text_[at] == '"') {
          in_string = !in_string;
        }
      }
      if (!in_string) return end;
    }
    return first;
  }

  // Whether a tag belongs to a parent or a block.
  bool Inherits(const Node& node) const {
    const auto inherits = [](NodeType type) {
      return type == NodeType::kParent || type == NodeType::kBlock;
    };
    return inherits(node.type) || (node.type == NodeType::kClose && !sections_.empty() &&
                                   inherits(ast_->nodes[sections_.back()].type));
  }

  bool CheckContent(Node* tag_node, size_t tag, size_t end) {
    Node& node = *tag_node;
    std::string_view content = ast_->Text(node);
    const std::string_view whole = text_.substr(tag, end - tag);
    const char first = content.empty() ? '\0' : content[0];
    std::string_view problem;
    std::string_view hint = kBracesHint;
    if (content.empty()) {
      problem = "an empty tag";
    } else if (const size_t word = ConditionWord(node, content); word > 0) {
      return ReadCondition(&node, content, word);
    } else if (node.type == NodeType::kSnippet || node.type == NodeType::kParent) {
      if (first == '*') {
        TakeStar(&node);
        // More stars are allowed and lead nowhere: nothing is named so.
        std::string path(ast_->Text(node));
        std::replace(path.begin(), path.end(), '*', 'x');
        problem = PathProblem(path);
      } else {
        problem = SnippetProblem(content);
      }
    } else if (node.type == NodeType::kClose && !sections_.empty() &&
               ClosesParent(&node, ast_->nodes[sections_.back()])) {
      return true;
    } else {
      if (node.type == NodeType::kVariable && content.find('|') != std::string_view::npos) {
        if (!ReadFilters(&node, content)) return false;
        content = ast_->Text(node);
      }
      Special special;
      if (first != '@' || node.type == NodeType::kBlock) {
        problem = PathProblem(content);
      } else if (!FindSpecial(content, &special)) {
        problem = "an unknown name";
        hint = SpecialNames();
      }
      if (problem == "a pipe") hint = "Filters are for values.";
      if (problem == "white space" && content.starts_with("else")) {
        hint = "This belongs into {{#if}} or {{#unless}}, outside of the sections within them.";
      }
    }
    if (problem.empty()) return true;
    return Fail(tag, "invalid tag " + QuoteTag(whole) + ": " + std::string(problem), hint);
  }

  // How long the first word is of a tag that belongs to a condition; 0: it does not. What could be
  // a name is one, but for an else directly within a condition.
  size_t ConditionWord(const Node& node, std::string_view content) const {
    const size_t word = std::min(content.find_first_of(kBlank), content.size());
    const std::string_view first = content.substr(0, word);
    if (node.type == NodeType::kSection) {
      return word < content.size() && (first == "if" || first == "unless") ? word : 0;
    }
    const bool within = !sections_.empty() && ast_->nodes[sections_.back()].type == NodeType::kIf;
    return within && node.type == NodeType::kVariable && !node.raw && first == "else" ? word : 0;
  }

  bool ReadCondition(Node* node, std::string_view content, size_t word) {
    std::string_view condition = Trim(content.substr(word));
    if (node->type == NodeType::kSection) {
      node->type = NodeType::kIf;
    } else {
      node->type = NodeType::kElse;
      Node& opened = ast_->nodes[sections_.back()];
      if (opened.otherwise) {
        return Fail(node->position, "else follows an else without a condition", {});
      }
      opened.otherwise = condition.empty();
      if (condition.empty()) return true;
      if (!condition.starts_with("if") || condition.size() < 3 ||
          kBlank.find(condition[2]) == std::string_view::npos) {
        return Fail(node->position, "invalid tag: else is followed by if or by nothing",
                    "Write else if and a condition.");
      }
      condition = Trim(condition.substr(2));
    }
    node->length = static_cast<uint32_t>(word);
    return ParseCondition(condition, limits_, ast_, &node->condition, fault_);
  }

  // The name of a value ends at the first pipe.
  bool ReadFilters(Node* node, std::string_view content) {
    const size_t pipe = content.find('|');
    const std::string_view filters = content.substr(pipe + 1);
    node->length = static_cast<uint32_t>(Trim(content.substr(0, pipe)).size());
    node->filter = static_cast<uint32_t>(ast_->filters.size());
    Fault fault;
    if (!ParseFilters(filters, ast_, &fault)) {
      return Fail(static_cast<size_t>(filters.data() - text_.data()) + fault.position,
                  std::move(fault.message), fault.hint);
    }
    node->filters = static_cast<uint32_t>(ast_->filters.size()) - node->filter;
    filters_ += node->filters;
    if (filters_ <= limits_.program_operations) return true;
    return Fail(node->position, "template has too many filters", {}, Code::kProgramTooLarge);
  }

  // Behind the star is a path.
  void TakeStar(Node* node) const {
    const std::string_view path = Trim(ast_->Text(*node).substr(1));
    node->dynamic = true;
    node->begin = static_cast<uint32_t>(path.empty() ? node->begin : path.data() - text_.data());
    node->length = static_cast<uint32_t>(path.size());
  }

  // The names of parents are not those of sections.
  bool ClosesParent(Node* node, const Node& opened) const {
    if (opened.type != NodeType::kParent) return false;
    Node close = *node;
    if (opened.dynamic && ast_->Text(close)[0] == '*') TakeStar(&close);
    if (close.dynamic != opened.dynamic || ast_->Text(close) != ast_->Text(opened)) return false;
    *node = close;
    return true;
  }

  bool SetDelimiters(std::string_view content, size_t tag, size_t end) {
    const size_t gap = content.find_first_of(kBlank);
    const size_t second =
        gap == std::string_view::npos ? gap : content.find_first_not_of(kBlank, gap);
    if (second == std::string_view::npos ||
        content.find_first_of(kBlank, second) != std::string_view::npos ||
        content.find('=') != std::string_view::npos) {
      return Fail(tag, "invalid delimiters " + QuoteTag(text_.substr(tag, end - tag)),
                  "Write two delimiters with a blank between them, without any equals sign.");
    }
    open_ = content.substr(0, gap);
    close_ = content.substr(second);
    return true;
  }

  bool AddTag(Node node) {
    if (++tags_ > limits_.program_operations) {
      return Fail(node.position,
                  "template has more than " + std::to_string(limits_.program_operations) + " tags",
                  {}, Code::kProgramTooLarge);
    }
    const auto index = static_cast<uint32_t>(ast_->nodes.size());
    if (node.type != NodeType::kVariable && node.type != NodeType::kSnippet &&
        node.type != NodeType::kElse && node.type != NodeType::kClose) {
      if (sections_.size() >= limits_.nesting) {
        return Fail(node.position,
                    "sections are nested more than " + std::to_string(limits_.nesting) + " deep",
                    {}, Code::kNestingTooDeep);
      }
      sections_.push_back(index);
    } else if (node.type == NodeType::kClose) {
      if (sections_.empty()) {
        return Fail(node.position, Describe(node) + " is closed but not open", {});
      }
      Node& opened = ast_->nodes[sections_.back()];
      if (ast_->Text(opened) != ast_->Text(node) || node.dynamic != opened.dynamic) {
        const auto line = 1 + std::count(text_.begin(), text_.begin() + opened.position, '\n');
        return Fail(node.position,
                    Describe(node) + " is closed where \"" + NameOf(opened) + "\" is open",
                    "\"" + NameOf(opened) + "\" was opened on line " + std::to_string(line) + ".");
      }
      opened.match = index;
      node.match = sections_.back();
      sections_.pop_back();
    }
    ast_->nodes.push_back(node);
    return true;
  }

  const std::string_view text_;
  const Limits& limits_;
  Ast* ast_;
  Fault* fault_;
  std::string open_ = "{{", close_ = "}}";
  size_t done_ = 0;                 // everything before this is in the nodes
  bool line_start_ = true;          // nothing of this line is in the nodes yet
  std::vector<uint32_t> sections_;  // that are open, and parents and blocks
  uint32_t tags_ = 0, filters_ = 0;
  // Tags of inheritance that have a line for themselves so far: where the last one ends, the node
  // of the first one, and the blanks before it.
  size_t run_end_ = SIZE_MAX;
  size_t run_first_ = 0;
  uint32_t run_indent_ = 0;
};

}  // namespace

bool ParseMustache(std::string_view text, const Limits& limits, Ast* ast, Fault* fault) {
  return Parser(text, limits, ast, fault).Run();
}

}  // namespace promptreg::tmpl
