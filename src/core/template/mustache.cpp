// Mustache. Tags that the language reserves for filters, conditions, inheritance and the like are
// refused here, and so is everything in delimiters that is no tag: nothing is dropped in silence.
#include <algorithm>
#include <string>
#include <vector>

#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

constexpr std::string_view kBlank = " \t\r\n\v\f";
constexpr std::string_view kBracesHint = "Write \\{{ for braces that are no tag.";

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
      return Fail(node.position, "section \"" + QuoteTag(ast_->Text(node)) + "\" is not closed",
                  "Close it with " + open_ + "/" + QuoteTag(ast_->Text(node)) + close_ + ".");
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

  // Whether nothing but blanks surrounds [tag, end) on its line; *line is where that line starts
  // and *next where the next one does.
  bool IsStandalone(size_t tag, size_t end, size_t* line, size_t* next) const {
    size_t before = tag;
    while (before > done_ && (text_[before - 1] == ' ' || text_[before - 1] == '\t')) --before;
    if (before > 0 && text_[before - 1] != '\n') return false;
    while (end < text_.size() && (text_[end] == ' ' || text_[end] == '\t')) ++end;
    if (end < text_.size()) {
      if (text_[end] == '\r' && end + 1 < text_.size()) ++end;
      if (text_[end] != '\n') return false;
      ++end;
    }
    *line = before;
    *next = end;
    return true;
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
        sigil != '\0' && std::string_view("{=!#^/>&").find(sigil) != std::string_view::npos;
    if (has_sigil) {
      ++at;
    } else {
      sigil = '\0';
    }
    const size_t content_end = text_.find(closing, at);
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
    if (!silent && !CheckContent(node, content, tag, end)) return false;

    size_t line = tag, next = end;
    node.standalone = node.type != NodeType::kVariable && IsStandalone(tag, end, &line, &next);
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
    return silent || AddTag(node);
  }

  bool CheckContent(const Node& node, std::string_view content, size_t tag, size_t end) {
    const std::string_view whole = text_.substr(tag, end - tag);
    const char first = content.empty() ? '\0' : content[0];
    const std::string_view reserved = node.type == NodeType::kVariable && !node.raw ? "<$@" : "@";
    std::string_view problem;
    std::string_view hint = kBracesHint;
    if (content.empty()) {
      problem = "an empty tag";
    } else if (reserved.find(first) != std::string_view::npos ||
               (node.type == NodeType::kSnippet && first == '*')) {
      problem = first == '@'   ? "a name that starts with @"
                : first == '*' ? "a dynamic name"
                               : "a tag for inheritance";
      hint = "Tags of this kind are reserved.";
    } else if (node.type == NodeType::kSnippet) {
      problem = SnippetProblem(content);
    } else {
      problem = PathProblem(content);
      if (problem == "white space" || problem == "a pipe") {
        hint =
            "Names have no white space and no pipes, which are reserved for conditions and "
            "filters.";
      }
    }
    if (problem.empty()) return true;
    return Fail(tag, "invalid tag " + QuoteTag(whole) + ": " + std::string(problem), hint);
  }

  // Snippets are named like prompts, with folders and a version or an environment: a/b@3.
  static std::string_view SnippetProblem(std::string_view name) {
    if (name.size() > 1000) return "a name that is too long";
    for (const char c : name) {
      if (kBlank.find(c) != std::string_view::npos) return "white space";
      if (c == '|') return "a pipe";
      if (static_cast<unsigned char>(c) < 0x20 ||
          std::string_view("\"'`(){}[]<>\\").find(c) != std::string_view::npos) {
        return "a character that no name has";
      }
    }
    return {};
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
    if (node.type == NodeType::kSection || node.type == NodeType::kInverted) {
      if (sections_.size() >= limits_.nesting) {
        return Fail(node.position,
                    "sections are nested more than " + std::to_string(limits_.nesting) + " deep",
                    {}, Code::kNestingTooDeep);
      }
      sections_.push_back(index);
    } else if (node.type == NodeType::kClose) {
      const std::string name = QuoteTag(ast_->Text(node));
      if (sections_.empty()) {
        return Fail(node.position, "section \"" + name + "\" is closed but not open", {});
      }
      Node& opened = ast_->nodes[sections_.back()];
      if (ast_->Text(opened) != ast_->Text(node)) {
        const auto line = 1 + std::count(text_.begin(), text_.begin() + opened.position, '\n');
        return Fail(node.position,
                    "section \"" + name + "\" is closed where \"" + QuoteTag(ast_->Text(opened)) +
                        "\" is open",
                    "Section \"" + QuoteTag(ast_->Text(opened)) + "\" was opened on line " +
                        std::to_string(line) + ".");
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
  std::vector<uint32_t> sections_;  // that are open
  uint32_t tags_ = 0;
};

}  // namespace

bool ParseMustache(std::string_view text, const Limits& limits, Ast* ast, Fault* fault) {
  return Parser(text, limits, ast, fault).Run();
}

}  // namespace promptreg::tmpl
