// From texts to the operations of a program.
//
// Snippets are expanded where they are used, with their indentation written into the literals, and
// so are the blocks that replace those of a parent. Only what includes itself, or is named by a
// value, is compiled apart, to be called, with indentation at rendering.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/template/ast.h"
#include "core/template/declaration.h"
#include "core/template/program.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

// A name in the order of first use.
struct Name {
  std::string_view text;
  bool variable = false;  // declared or inferred
  bool used = false;      // the first of a path
  uint32_t snippet = 0;   // of a variable: where it comes from
};

// A line of a table of snippets, or its head.
struct Choice {
  std::string_view name;
  uint32_t op = 0;  // the first operation, or how many lines follow
};

// A program before it is laid out. Operations name names by their index; texts are offsets in the
// pool.
struct Draft {
  std::vector<Op> ops;
  std::vector<uint32_t> positions;  // of the tags of operations
  std::vector<uint32_t> parts;      // the first operation of each
  std::string pool;                 // all literals, in order
  std::vector<uint16_t> paths;      // for kLoad: how many names follow the first one, and which
  std::vector<FilterCall> filters;
  std::vector<Literal> literals;  // kLoadLiteral has an index into them
  std::vector<Choice> choices;    // tables of snippets by name; each starts with a count
  std::vector<Name> names;
  std::vector<uint32_t> inferred;  // names of variables, in order of first use
  std::vector<Declaration> declarations;
  std::vector<std::string_view> snippets = {{}};  // names; the first stands for none
  std::vector<TextSource> sources;
  std::vector<std::string_view> texts;  // of the parts, then of the snippets
};

// A text without so many blanks at its start, or without those that there are.
std::string_view Stripped(std::string_view text, uint32_t blanks);

class Compiler {
 public:
  Compiler(const Source& source, const Limits& limits, Draft* draft, Error* error);
  bool Run();

 private:
  struct Overrides;
  // Where a text is being expanded.
  struct Context {
    const Ast* ast = nullptr;
    std::string_view snippet = {};         // name; empty: a part
    std::string indent = {};               // before each of its lines
    uint32_t strip = 0;                    // blanks taken from the start of each of its lines
    bool called = false;                   // lines also get the indentation in force at rendering
    const Overrides* overrides = nullptr;  // of its blocks
  };
  // A block that replaces others of its name. Its own blocks are those of the text it stands in.
  struct Override {
    const Ast* ast = nullptr;
    std::string_view snippet;
    const Overrides* overrides = nullptr;
    uint32_t node = 0;
  };
  // The blocks in the body of a parent, and those that take precedence.
  struct Overrides {
    const Overrides* outer = nullptr;
    uint32_t depth = 1;
    std::map<std::string_view, Override> blocks;

    const Override* Find(std::string_view name) const;
  };
  // A snippet together with what replaces its blocks.
  using Variant = std::pair<std::string_view, const Overrides*>;
  struct Link {  // of the chain of snippets that are being expanded
    Variant variant;
    uint32_t sections = 0;  // open around it
  };
  // A section or condition that is open in a text.
  struct Open {
    uint32_t op = 0;               // of a section
    bool opaque = false;           // which may have members
    std::vector<uint32_t> failed;  // jumps to the next branch of a condition
    std::vector<uint32_t> done;    // and to its end
  };
  struct Callee {
    Variant variant;
    bool outside = false;  // called from outside of all sections
    uint32_t op = kNotCompiled;
  };
  static constexpr uint32_t kNotCompiled = UINT32_MAX;

  bool Fail(Code code, const Context& context, size_t position, std::string_view message,
            std::string_view hint = {});
  bool AddDeclarations(const Context& context);
  bool AddDeclaration(const Context& context, Declaration declaration);
  bool RefuseDeclaration(const Declaration& first, const Declaration& second);
  bool AddPlaceholders(const Context& context);
  bool RefuseVariable(const Context& context, const Node& node, std::string_view name);
  bool CompileParts();
  bool CompileCallees();
  bool AddTexts();
  bool CompileCallee(size_t index);
  bool Expand(const Context& context) {
    return ExpandRange(context, 0, static_cast<uint32_t>(context.ast->nodes.size()));
  }
  bool ExpandRange(const Context& context, uint32_t begin, uint32_t end);
  bool ExpandNode(const Context& context, const Node& node, std::vector<Open>* open);
  bool ExpandBranch(const Context& context, const Node& node, Open* open);
  bool CloseBranch(const Context& context, const Node& node, const Open& open);
  bool EmitCondition(const Context& context, const Node& node, uint32_t index, bool sense,
                     std::vector<uint32_t>* jumps);
  bool EmitTest(const Context& context, const Node& node, const Term& term, bool sense,
                std::vector<uint32_t>* jumps);
  bool EmitOperand(const Context& context, const Node& node, const Operand& operand);
  void Land(const std::vector<uint32_t>& jumps);

  bool ExpandSnippet(const Context& context, const Node& node);
  bool ExpandVariant(const Context& context, const Node& node, const Ast* ast, Variant variant);
  bool CountExpansion(const Context& context, const Node& node);
  bool CountNode(const Context& context, const Node& node);
  bool IndentOf(const Ast& ast, uint32_t begin, uint32_t end, std::string_view* indent);
  const Ast* FindSnippet(const Context& context, const Node& node, std::string_view name,
                         bool* missing);
  const Ast* ParseSnippet(const Context& context, const Node& node, std::string_view name,
                          std::string_view text, Syntax syntax);
  bool ReadOverrides(const Context& context, const Node& parent, const Overrides** overrides);
  bool ExpandOverride(const Context& context, const Node& block, const Override& override);

  bool Indentation(const Context& context, const Node& node, std::string_view blanks,
                   std::string* indent);

  uint32_t AddCallee(Variant variant);
  bool Call(const Context& context, const Node& node, Variant variant);
  bool EmitCall(const Context& context, const Node& node, OpCode code, uint32_t arg);
  bool ExpandDynamic(const Context& context, const Node& node, const Overrides* overrides);
  bool FindChoices(const Context& context, const Node& node, json::Value* values);
  bool AddChoices(const Context& context, const Node& node, json::Value values,
                  const Overrides* overrides, uint32_t* at);

  bool Emit(const Context& context, const Node& node, OpCode code, uint16_t name = 0,
            uint8_t flags = 0, uint32_t arg = 0);
  bool OpenSection(const Context& context, const Node& node, Open* open);
  bool IsOpaque(const Context& context, const Node& node) const;
  std::span<const FilterCall> FiltersOf(const Context& context, const Node& node) const;
  bool EmitFiltered(const Context& context, const Node& node, std::span<const FilterCall> filters,
                    uint8_t flags);
  bool EmitValue(const Context& context, const Node& node, OpCode first, uint8_t flags);
  bool EmitLoad(const Context& context, const Node& node);
  bool Flush(const Context& context, const Node& node);
  bool StartLine(const Context& context, const Node& node);
  bool AddText(const Context& context, const Node& node, bool line_start);
  bool CheckPool(const Context& context, const Node& node);
  uint32_t SnippetNumber(std::string_view name);
  void MarkSource(const Context& context);

  bool CheckPath(const Context& context, const Node& node, std::string_view path);
  bool CheckElse(const Context& context, const Node& node);
  bool CheckTop(const Context& context, const Node& node);

  bool Intern(const Context& context, const Node& node, std::string_view text, uint16_t* id);
  bool UseVariable(const Context& context, const Node& node, std::string_view text, uint16_t* id);
  const Declaration* FindDeclaration(std::string_view name) const;

  const Source& source_;
  const Limits& limits_;
  Draft* draft_;
  Error* error_;
  bool declares_ = false;  // declarations were given, which have all names
  size_t declared_ = 0;    // so many declarations; those behind are of placeholders
  std::unordered_map<std::string_view, uint16_t> ids_;
  std::unordered_map<std::string_view, uint32_t> snippet_numbers_;
  std::deque<Ast> parts_;
  std::map<std::string_view, Ast> snippets_;  // parsed so far
  std::deque<Overrides> overrides_;
  std::map<std::pair<const Node*, const Overrides*>, const Overrides*> overrides_of_;
  std::map<const Node*, std::optional<std::string_view>> indents_;  // by the node of the block
  std::vector<Link> chain_;
  std::map<Variant, uint32_t> callee_numbers_;
  std::vector<Callee> callees_;
  std::map<std::tuple<const char*, const Overrides*, bool>, uint32_t> choices_of_;
  std::optional<bool> line_start_;  // overrules that of the first node that leaves a trace
  uint32_t sections_ = 0;           // open around what is being compiled
  uint32_t outside_ = 0;            // so many of them are none of the text's
  uint32_t contexts_ = 0;           // so many of them have a value of their own for the dot
  uint32_t opaque_ = 0;             // so many may have members: a name may be one of these
  uint32_t expansions_ = 0;         // of snippets, blocks and filters; each counts as an operation
  uint64_t visited_ = 0;            // nodes looked at, over and over in snippets
  size_t literal_bytes_ = 0;        // of strings in tags
  uint32_t literal_ = 0;            // where in the pool the literal of the next operation starts
  bool indent_ = false;             // and whether it starts a line
};

}  // namespace promptreg::tmpl
