#include "pg/compile.h"

#include <span>
#include <string>

#include "core/chat/chat.h"
#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"
#include "pg/settings.h"

namespace promptreg::pg {

tmpl::Syntax ParseSyntax(std::string_view name) {
  if (name == "mustache") return tmpl::Syntax::kMustache;
  if (name == "fstring") return tmpl::Syntax::kFString;
  if (name == "none") return tmpl::Syntax::kNone;
  ereport(ERROR, (errcode(kInvalidArgument),
                  errmsg("\"%s\" is no syntax", pnstrdup(name.data(), name.size())),
                  errhint("Use one of: mustache, fstring, none.")));
  pg_unreachable();
}

tmpl::Escape ParseEscape(std::string_view name) {
  if (name == "none") return tmpl::Escape::kNone;
  if (name == "html") return tmpl::Escape::kHtml;
  ereport(ERROR, (errcode(kInvalidArgument),
                  errmsg("\"%s\" is no escape mode", pnstrdup(name.data(), name.size())),
                  errhint("Use one of: none, html.")));
  pg_unreachable();
}

namespace {

// Compiles `text`, or the messages where there is none. The error says which of several texts it is
// in.
char* Compile(const std::string_view* text, const TemplateSource& source, MemoryContext context,
              size_t reserved, size_t* program_size) {
  tmpl::Error error;
  char where[64] = "";
  bool compiled = false;
  char* block = nullptr;
  const tmpl::Limits limits = TemplateLimits();
  const Caught caught = Guarded([&] {
    std::string program;
    chat::Contents contents;
    if (text == nullptr) contents = chat::ReadContents(source.messages);
    const tmpl::Source input = {.parts = text != nullptr ? std::span(text, 1) : contents.texts,
                                .syntax = source.syntax,
                                .escape = source.escape,
                                .declarations = source.variables,
                                .placeholders = contents.placeholders,
                                .snippets = source.snippets};
    compiled = tmpl::Compile(input, limits, &program, &error);
    if (!compiled) {
      if (source.messages.size() > 1 && error.line > 0) {
        chat::DescribePlace(contents.places[error.part], where, sizeof(where));
      }
      return;
    }
    if (program.size() > MaxAllocSize - reserved) throw std::bad_alloc();
    block = static_cast<char*>(
        MemoryContextAllocExtended(context, reserved + program.size(), MCXT_ALLOC_NO_OOM));
    if (block == nullptr) throw std::bad_alloc();
    memcpy(block + reserved, program.data(), program.size());
    *program_size = program.size();
  });
  ReportCaught(caught);
  if (!compiled) ReportTemplateError(error, where[0] != '\0' ? where : nullptr);
  return block;
}

}  // namespace

char* CompileTemplates(const TemplateSource& source, MemoryContext context, size_t reserved,
                       size_t* program_size) {
  return Compile(nullptr, source, context, reserved, program_size);
}

char* CompileText(std::string_view text, const TemplateSource& source, MemoryContext context,
                  size_t* program_size) {
  return Compile(&text, source, context, 0, program_size);
}

}  // namespace promptreg::pg

namespace json = promptreg::json;
namespace pg = promptreg::pg;
namespace tmpl = promptreg::tmpl;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_check_templates);
Datum promptreg_check_templates(PG_FUNCTION_ARGS);

// (messages jsonb, variables jsonb, syntax text, escape text): the declarations in stored form
Datum promptreg_check_templates(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
    elog(ERROR, "check_templates: argument is NULL");
  pg::TemplateSource source;
  source.messages = pg::JsonView(PG_GETARG_JSONB_P(0));
  source.syntax = pg::ParseSyntax(pg::TextView(PG_GETARG_TEXT_PP(2)));
  source.escape = pg::ParseEscape(pg::TextView(PG_GETARG_TEXT_PP(3)));

  Jsonb* declarations = nullptr;
  if (!PG_ARGISNULL(1)) {
    const json::Value given = pg::JsonView(PG_GETARG_JSONB_P(1));
    tmpl::Error error;
    bool valid = false;
    const pg::Caught caught = pg::Guarded([&] {
      std::string container;
      valid = tmpl::NormalizeDeclarations(given, &container, &error);
      if (!valid) return;
      if (container.size() > MaxAllocSize - VARHDRSZ) throw std::bad_alloc();
      declarations = static_cast<Jsonb*>(MemoryContextAllocExtended(
          CurrentMemoryContext, container.size() + VARHDRSZ, MCXT_ALLOC_NO_OOM));
      if (declarations == nullptr) throw std::bad_alloc();
      SET_VARSIZE(declarations, container.size() + VARHDRSZ);
      memcpy(VARDATA(declarations), container.data(), container.size());
    });
    pg::ReportCaught(caught);
    if (!valid) pg::ReportTemplateError(error, nullptr);
    source.variables = pg::JsonView(declarations);
  }

  size_t size;
  pfree(pg::CompileTemplates(source, CurrentMemoryContext, 0, &size));
  if (declarations == nullptr) PG_RETURN_NULL();
  PG_RETURN_POINTER(declarations);
}
}
