// Compiling the templates of a version.
#pragma once

#include "core/chat/chat.h"
#include "core/template/template.h"
#include "pg/encoding.h"
#include "pg/server.h"

namespace promptreg::pg {

// How a version's templates are to be read.
struct TemplateSource {
  json::Value messages;   // what core/chat reads
  json::Value variables;  // declarations; missing: infer
  json::Value snippets;
  bool snippets_exist = false;  // one that is missing is an error
  bool checked = false;         // the declarations are stored ones, which were checked at commit
  tmpl::Syntax syntax = tmpl::Syntax::kMustache;
  tmpl::Escape escape = tmpl::Escape::kNone;
  const tmpl::Encoding* encoding = DatabaseEncoding();
  bool strict = false;  // it is new, not a version that exists
};

// Runs attempt(interrupt), which gives up with kInterrupted if the flag is raised, until it
// succeeds or fails. Returns what it does. CHECK_FOR_INTERRUPTS ends the statement if it was a
// cancel; where interrupts are held off, they are let be.
template <typename Attempt>
bool Interruptibly(const tmpl::Error& error, Attempt&& attempt) {
  const volatile sig_atomic_t* interrupt = &InterruptPending;
  while (!attempt(interrupt)) {
    if (error.code != tmpl::Code::kInterrupted) return false;
    CHECK_FOR_INTERRUPTS();
    if (InterruptPending) interrupt = nullptr;
  }
  return true;
}

// Errors for a name that is no syntax or escape mode.
tmpl::Syntax ParseSyntax(std::string_view name);
tmpl::Escape ParseEscape(std::string_view name);

// The arguments of a function: (messages jsonb, variables jsonb, syntax text, escape text, snippets
// jsonb).
TemplateSource ReadComposition(FunctionCallInfo fcinfo);

// What the core compiles: `text`, or the messages where there is none. Within Guarded.
tmpl::Source Input(const std::string_view* text, const TemplateSource& source,
                   chat::Contents* contents);

// Whether it takes a chat::Place to say which text is meant.
bool HasPlaces(const TemplateSource& source, const chat::Contents& contents);

// Compiles into `context`, behind `reserved` bytes that are left for the caller, who gets the start
// of the block. ereport(ERROR) if it does not compile.
char* CompileTemplates(const TemplateSource& source, MemoryContext context, size_t reserved,
                       size_t* program_size);

// The same without keeping what was compiled. False: *error says why; `where` names the template
// that it is in, nullptr if there is but one.
bool TryTemplates(const TemplateSource& source, tmpl::Error* error, const char** where);

// The names of the snippets that the templates use, as a datum of type text[].
ArrayType* FindSnippetNames(const TemplateSource& source);

// CompileTemplates for one text.
char* CompileText(std::string_view text, const TemplateSource& source, MemoryContext context,
                  size_t* program_size);

}  // namespace promptreg::pg
