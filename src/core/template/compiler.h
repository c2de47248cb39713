// From texts to the operations of a program.
//
// Snippets are expanded where they are used, with their indentation written into the literals. Only
// one that includes itself is compiled as a block of its own, to be called, with indentation at
// rendering.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/template/ast.h"
#include "core/template/declaration.h"
#include "core/template/program.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

// A name in the order of first use.
struct Name {
  std::string_view text;
  bool root = false;    // the first of a path, or declared: may be a variable
  bool used = false;    // the first of a path
  bool needed = false;  // used outside of all sections: nothing but a variable can be meant
};

// A program before it is laid out. Operations name names by their index; texts are offsets in the
// pool.
struct Draft {
  std::vector<Op> ops;
  std::vector<uint32_t> parts;  // the first operation of each
  std::string pool;             // all literals, in order
  std::vector<uint16_t> paths;  // for kLoad: how many names follow the first one, and which
  std::vector<Name> names;
  std::vector<uint32_t> inferred;  // names that are needed, in order of first use
  std::vector<Declaration> declarations;
  bool declared = false;  // declarations were given
};

class Compiler {
 public:
  Compiler(const Source& source, const Limits& limits, Draft* draft, Error* error);
  bool Run();

 private:
  // Where a text is being expanded.
  struct Context {
    const Ast* ast = nullptr;
    std::string_view snippet = {};  // name; empty: a part
    std::string indent = {};        // before each of its lines
    bool called = false;            // lines also get the indentation in force at rendering
  };
  struct Link {  // of the chain of snippets that are being expanded
    std::string_view name;
    uint32_t sections = 0;  // open around it
  };

  bool Fail(Code code, const Context& context, size_t position, std::string_view message,
            std::string_view hint = {});
  bool CompileParts();
  bool CompileBlocks();
  bool Expand(const Context& context);
  bool ExpandNode(const Context& context, const Node& node, std::vector<uint32_t>* open);
  bool ExpandSnippet(const Context& context, const Node& node);
  bool Indentation(const Context& context, const Node& node, std::string* indent);
  bool Call(const Context& context, const Node& node, std::string_view name);
  const Ast* ParseSnippet(const Context& context, const Node& node, std::string_view name,
                          std::string_view text);

  bool Emit(const Context& context, const Node& node, OpCode code, uint16_t name = 0,
            uint8_t flags = 0, uint32_t arg = 0);
  bool EmitValue(const Context& context, const Node& node, OpCode first, uint8_t flags);
  bool Flush(const Context& context, const Node& node);
  bool StartLine(const Context& context, const Node& node);
  bool AddText(const Context& context, const Node& node);
  bool CheckPool(const Context& context, const Node& node);

  bool Intern(const Context& context, const Node& node, std::string_view text, uint16_t* id);
  bool UseVariable(const Context& context, const Node& node, std::string_view text, uint16_t* id);

  const Source& source_;
  const Limits& limits_;
  Draft* draft_;
  Error* error_;
  std::vector<bool> declared_names_;  // by id
  std::unordered_map<std::string_view, uint16_t> ids_;
  std::map<std::string_view, Ast> snippets_;  // parsed so far
  std::vector<Link> chain_;
  std::unordered_map<std::string_view, uint32_t> blocks_;  // of recursive snippets, by number
  std::deque<std::string_view> block_names_;
  std::vector<uint32_t> block_ops_;
  uint32_t sections_ = 0;    // open around what is being compiled
  uint32_t expansions_ = 0;  // of snippets; each counts as an operation
  uint32_t literal_ = 0;     // where in the pool the literal of the next operation starts
  bool indent_ = false;      // and whether it starts a line
};

}  // namespace promptreg::tmpl
