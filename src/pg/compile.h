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
  tmpl::Syntax syntax = tmpl::Syntax::kMustache;
  tmpl::Escape escape = tmpl::Escape::kNone;
  const tmpl::Encoding* encoding = DatabaseEncoding();
  bool strict = false;  // it is new, not a version that exists
};

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
