// The template language: compile once, render many times.
//
// A version's texts (one for a text prompt, one per message of a chat prompt) compile together into
// one Program: a flat, position-independent, immutable block of bytes that a cache can copy,
// measure and share. Rendering reads values in place from a json::Value and writes into a Scratch
// that is reused between calls.
//
// Nothing here throws except std::bad_alloc (from Compile), and nothing calls back into the caller:
// work is bounded by Limits, and a flag that the caller owns can interrupt it.
#pragma once

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"

namespace promptreg::tmpl {

enum class Syntax : uint8_t { kMustache, kFString, kNone };
enum class Escape : uint8_t { kNone, kHtml };

// What may be spent on one template and on one rendering.
struct Limits {
  uint32_t template_bytes = 1U << 20;    // one text
  uint32_t nesting = 64;                 // open sections, in the text and at rendering
  uint32_t snippet_depth = 32;           // snippets within snippets
  uint32_t program_operations = 10'000;  // after snippets are expanded
  uint64_t render_operations =
      1'000'000;                      // executed in one rendering; an empty loop body counts as one
  uint32_t output_bytes = 16U << 20;  // of one rendering
  uint32_t json_depth = 64;           // of a variable's value when printed as JSON
};

enum class Code : uint8_t {
  kOk,
  kInterrupted,  // the caller's flag was raised
  kOutOfMemory,
  kSyntax,         // line and column are set
  kNoCounterpart,  // an import says what this language cannot; line and column are set
  kUndefinedSnippet,
  kInvalidDeclaration,
  kUndeclaredVariable,  // used in a text, absent from the declarations given
  kNotAnObject,         // variables of a prompt must be a JSON object
  kMissingVariable,     // all missing names are listed
  kUnknownVariable,     // not one of the program's; all are listed
  kSnippetConflict,     // two snippets declare a variable differently
  kPlaceholderName,     // a placeholder has the name of a variable or of another one
  kInvalidMessages,     // messages of a prompt are not what such a list is made of
  kInvalidHistory,      // what is passed for a placeholder is no list of messages
  kInvalidVariable,     // a rule of its declaration is broken; all are listed
  kTemplateTooLarge,
  kNestingTooDeep,
  kSnippetTooDeep,
  kProgramTooLarge,
  kTooManyOperations,
  kOutputTooLarge,
  kJsonTooDeep,
  kPatternsTooLarge,  // of all variables together
};

// One failure, in a fixed-size trivially destructible form so that it can cross a longjmp. Texts
// are NUL-terminated, valid UTF-8 where what they quote is, and shortened with "..." when they do
// not fit.
struct Error {
  Code code = Code::kOk;
  uint32_t part = 0;           // index of the text in Source::parts
  uint32_t line = 0;           // from 1; 0: no position
  uint32_t column = 0;         // from 1, in characters
  char message[256];           // what was wrong, lower case, without a final period
  char detail[1024];           // the line with a caret under the column, or the list of names
  char hint[256];              // what to do
  const char* list = nullptr;  // for detail, where all that is wrong does not fit there: in the
                               // scratch, until its next Bind

  Error() { message[0] = detail[0] = hint[0] = '\0'; }
};

// How texts are encoded (encoding.h).
struct Encoding;

// A name that stands for a list of messages (core/chat), not for anything in a text.
struct Placeholder {
  std::string_view name;
  bool required = true;
};

struct Source {
  std::span<const std::string_view> parts;  // the texts
  Syntax syntax = Syntax::kMustache;
  Escape escape = Escape::kNone;
  json::Value declarations;  // array of objects, see docs/templates.md; missing: infer
  std::span<const Placeholder> placeholders = {};
  json::Value snippets;         // object by name of what {{> name}} inserts: a text, or {"text",
                                // "syntax", "variables"}, or {"problem"}, why there is none;
                                // missing: none. Declarations of snippets are added to the source's
  bool snippets_exist = false;  // one that is not among them is an error, not nothing
  const Encoding* encoding = nullptr;  // of all texts; nullptr: UTF-8
  bool strict = false;   // refuse also what compiles and is surely a mistake, as is right for texts
                         // that are new; not in snippets, which are not
  bool checked = false;  // NormalizeDeclarations has made all declarations: their patterns,
                         // which take time to compile, are not looked at again
  const volatile std::sig_atomic_t* interrupt = nullptr;  // polled if they are
};

// Compiles into *program (replaced). False: *error says why.
bool Compile(const Source& source, const Limits& limits, std::string* program, Error* error);

// The names of the snippets that the texts of a source include, each once, in order. A dynamic name
// stands for all values of the enum it must be declared as. False: *error says why.
bool FindSnippets(const Source& source, const Limits& limits, std::vector<std::string>* names,
                  Error* error);

// Brings declarations, an array of objects or an object by name, into the array form that Compile
// and the registry store, with every key checked. False: *error says why.
bool NormalizeDeclarations(json::Value declarations, const Encoding* encoding,
                           const volatile std::sig_atomic_t* interrupt,
                           std::string* jsonb_container, Error* error);

enum class Type : uint8_t {
  kAny,
  kString,
  kNumber,
  kInteger,
  kBoolean,
  kArray,
  kObject,
  kEnum,
  kMessages
};

struct Variable {
  std::string_view name;
  Type type = Type::kAny;
  bool required = false;
  bool nullable = false;
  bool trusted = false;
  bool coerce = false;
  bool declared = false;     // false: inferred from its use
  bool used = false;         // false: declared, but in no text
  std::string_view snippet;  // that declares it, or in which alone it is used; empty: none
  json::Value declaration;   // the object; of what is inferred missing, as are these parts of it
  json::Value default_value, values, min, max, pattern;
};

// The patterns of a program's variables, ready for matching.
struct Patterns;

// A view of a compiled program; the bytes must be 8-byte aligned and outlive it.
class ProgramView {
 public:
  ProgramView() = default;
  explicit ProgramView(const void* bytes, const Patterns* patterns = nullptr)
      : base_(static_cast<const char*>(bytes)), patterns_(patterns) {}
  const char* data() const { return base_; }
  const Patterns* patterns() const { return patterns_; }
  size_t size() const;  // bytes
  uint32_t part_count() const;
  uint32_t variable_count() const;
  Variable variable(uint32_t index) const;  // in order of declaration, or of first use

 private:
  const char* base_ = nullptr;
  const Patterns* patterns_ = nullptr;
};

// What a program whose variables have patterns must be viewed with to be bound; nullptr for others.
// They are not part of its bytes. Throws std::bad_alloc. False: *error says why.
bool CompilePatterns(ProgramView program, const volatile std::sig_atomic_t* interrupt,
                     Patterns** patterns, Error* error);
size_t PatternsSize(const Patterns& patterns);  // bytes, at most
void ReleasePatterns(Patterns* patterns) noexcept;

// The variables as an array of objects, in a jsonb container: each declaration as it was given, and
// for all of them name, type, "declared" and "used".
std::string DescribeVariables(ProgramView program);

// Working memory for rendering, reused between calls. Trivially destructible by design: it lives as
// long as its owner says and is freed by Release().
struct Scratch;
Scratch* NewScratch() noexcept;  // nullptr: out of memory
void ReleaseScratch(Scratch* scratch) noexcept;
// Gives back what large renderings took, more than 1 MB of a kind. Their results are gone; what an
// error lists stays.
void TrimScratch(Scratch* scratch) noexcept;

struct RenderOptions {
  Limits limits;
  const volatile std::sig_atomic_t* interrupt = nullptr;  // polled; non-zero: kInterrupted
  int64_t now = 0;            // {{@now}}, in microseconds since 2000-01-01 00:00 UTC
  std::span<char> room = {};  // where a rendered text goes if it fits; otherwise into the scratch
  const Encoding* encoding = nullptr;  // of all texts; nullptr: UTF-8
};

// Binds variables to the program's names: defaults filled in, required ones and types checked (all
// problems in one error). `variables` must stay valid until the last Render. Clears the scratch's
// output. require_object: a prompt's variables must be an object; a bare template takes any value
// as its root.
Code Bind(ProgramView program, json::Value variables, bool require_object,
          const RenderOptions& options, Scratch* scratch, Error* error) noexcept;

// Whether every variable given, an object's, is one of the program's. False: *error lists those
// that are not, and which one was probably meant.
bool CheckKnown(ProgramView program, json::Value variables, Scratch* scratch,
                Error* error) noexcept;

// Renders one text after Bind. The result, unless it is in the caller's room, stays valid until the
// next Bind or Render with this scratch.
Code Render(ProgramView program, uint32_t part, const RenderOptions& options, Scratch* scratch,
            std::string_view* output, Error* error) noexcept;

// Bytes of a rendered text, and where they come from.
struct Span {
  size_t begin = 0;
  size_t end = 0;
  std::string_view name;     // of the variable whose value, or a part of it, they are; "." for all
                             // variables at once; empty: they are text of a template
  std::string_view snippet;  // in which that text, or the tag of the value, stands; empty: none
};

// The same, and the origins of the result: in order, without gaps. They stay valid as long as the
// result does.
Code RenderTraced(ProgramView program, uint32_t part, const RenderOptions& options,
                  Scratch* scratch, std::string_view* output, std::span<const Span>* spans,
                  Error* error) noexcept;

}  // namespace promptreg::tmpl
