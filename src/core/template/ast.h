// What a parser makes of one text: a flat list of nodes in the order of the text. Sections are a
// pair of nodes that know each other; what lies between them is their body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/template/template.h"

namespace promptreg::tmpl {

// A string, number, true, false or null that is written in a tag.
struct Literal {
  json::Kind kind = json::Kind::kMissing;
  std::string text;  // kString: decoded; kNumber: as written
};

enum class FilterId : uint8_t {
  kDefault,
  kJson,
  kXml,
  kHtml,
  kTrim,
  kUpper,
  kLower,
  kTruncate,
  kJoin,
  kLength,
  kFirst,
  kLast,
  kLimit,
  kIndent,
  kDate,
  kFence,
  kPresent,
};

// A filter with its arguments.
struct FilterCall {
  FilterId id = FilterId::kDefault;
  int32_t number = 0;  // a count; kDate: minutes east of UTC
  Literal literal;
};

enum class Comparison : uint8_t {
  kTruth,  // of the left operand alone
  kEqual,
  kDifferent,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
};

struct Operand {
  uint32_t begin = 0, length = 0;  // the path; of no length: a literal
  Literal literal;
};

inline constexpr uint32_t kNoTerm = UINT32_MAX;

enum class TermType : uint8_t { kTest, kAnd, kOr };

// A part of a condition: a test, or a group of parts.
struct Term {
  TermType type = TermType::kTest;
  bool negated = false;
  Comparison comparison = Comparison::kTruth;
  Operand left, right;
  uint32_t first = kNoTerm;  // of a group
  uint32_t next = kNoTerm;   // in the group it belongs to
};

// Names that are no variables.
enum class Special : uint8_t { kIndex, kIndex1, kFirst, kLast, kNow };

enum class NodeType : uint8_t {
  kText,
  kVariable,
  kSection,   // rendered for each element of a list, or once for another true value
  kInverted,  // rendered for a false value
  kParent,    // a snippet of which blocks are replaced by those in the body
  kBlock,     // may be replaced where the text is a parent
  kIf,        // or unless; its name is which of them
  kElse,      // of kIf, with a condition of its own or without
  kClose,     // of any of these but kElse
  kSnippet,
};

struct Node {
  NodeType type = NodeType::kText;
  bool raw = false;         // kVariable: never escaped
  bool dynamic = false;     // kSnippet, kParent: the name is that of a variable with the name
  bool otherwise = false;   // kIf: there is an else without a condition
  bool standalone = false;  // alone on its line, which it replaces
  bool line_start = false;  // the first on its line that leaves a trace in the output; kClose: at
                            // the start of a line
  uint32_t begin = 0;       // the text itself, or the name
  uint32_t length = 0;
  uint32_t position = 0;  // of the tag, for messages
  uint32_t match = 0;     // of what has a body its kClose, and the other way round
  uint32_t indent = 0;    // standalone: white space before the tag
  uint32_t filter = 0;    // kVariable: the first of its filters, and how many
  uint32_t filters = 0;
  uint32_t condition = kNoTerm;  // kIf, kElse
  uint32_t next = 0;             // kClose of a block, standalone: where the next line starts
};

struct Ast {
  std::string_view text;
  std::vector<Node> nodes;
  std::vector<FilterCall> filters;
  std::vector<Term> terms;

  std::string_view Text(const Node& node) const { return text.substr(node.begin, node.length); }
  std::string_view Indent(const Node& node) const {
    return text.substr(node.position - node.indent, node.indent);
  }
};

// Why a text cannot be parsed, and where.
struct Fault {
  Code code = Code::kSyntax;
  size_t position = 0;
  std::string message;
  std::string hint;
};

}  // namespace promptreg::tmpl
