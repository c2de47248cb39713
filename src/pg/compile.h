// Compiling the templates of a version.
#pragma once

#include "core/template/template.h"
#include "pg/server.h"

namespace promptreg::pg {

// How a version's templates are to be read.
struct TemplateSource {
  json::Value messages;   // what core/chat reads
  json::Value variables;  // declarations; missing: infer
  json::Value snippets;
  tmpl::Syntax syntax = tmpl::Syntax::kMustache;
  tmpl::Escape escape = tmpl::Escape::kNone;
};

// Errors for a name that is no syntax or escape mode.
tmpl::Syntax ParseSyntax(std::string_view name);
tmpl::Escape ParseEscape(std::string_view name);

// Compiles into `context`, behind `reserved` bytes that are left for the caller, who gets the start
// of the block. ereport(ERROR) if it does not compile.
char* CompileTemplates(const TemplateSource& source, MemoryContext context, size_t reserved,
                       size_t* program_size);

// The same for one text.
char* CompileText(std::string_view text, const TemplateSource& source, MemoryContext context,
                  size_t* program_size);

}  // namespace promptreg::pg
