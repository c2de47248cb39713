#include "pg/compile.h"

#include <span>
#include <string>
#include <vector>

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

TemplateSource ReadComposition(FunctionCallInfo fcinfo) {
  for (const int argument : {0, 2, 3, 4}) {
    if (PG_ARGISNULL(argument)) elog(ERROR, "argument %d is NULL", argument + 1);
  }
  TemplateSource source;
  source.messages = JsonView(PG_GETARG_JSONB_P(0));
  if (!PG_ARGISNULL(1)) source.variables = JsonView(PG_GETARG_JSONB_P(1));
  source.syntax = ParseSyntax(TextView(PG_GETARG_TEXT_PP(2)));
  source.escape = ParseEscape(TextView(PG_GETARG_TEXT_PP(3)));
  source.snippets = JsonView(PG_GETARG_JSONB_P(4));
  source.snippets_exist = true;
  source.checked = true;
  return source;
}

bool HasPlaces(const TemplateSource& source, const chat::Contents& contents) {
  return source.messages.size() > 1 || contents.places.size() > 1;
}

tmpl::Source Input(const std::string_view* text, const TemplateSource& source,
                   chat::Contents* contents) {
  if (text == nullptr) *contents = chat::ReadContents(source.messages);
  return {.parts = text != nullptr ? std::span(text, 1) : contents->texts,
          .syntax = source.syntax,
          .escape = source.escape,
          .declarations = source.variables,
          .placeholders = contents->placeholders,
          .snippets = source.snippets,
          .snippets_exist = source.snippets_exist,
          .encoding = source.encoding,
          .strict = source.strict,
          .checked = source.checked};
}

namespace {

// Why texts do not compile, and in which of several texts.
struct Failure {
  tmpl::Error error;
  char where[64] = "";

  const char* place() const { return where[0] != '\0' ? where : nullptr; }
};

void Locate(const TemplateSource& source, const chat::Contents& contents, Failure* failure) {
  if (!HasPlaces(source, contents) || failure->error.line == 0) return;
  chat::DescribePlace(contents.places[failure->error.part], failure->where, sizeof(failure->where));
}

// nullptr: *failure says why it does not compile.
char* Compile(const std::string_view* text, const TemplateSource& source, MemoryContext context,
              size_t reserved, size_t* program_size, Failure* failure) {
  char* block = nullptr;
  const tmpl::Limits limits = TemplateLimits();
  const auto attempt = [&](const volatile sig_atomic_t* interrupt) {
    const Caught caught = Guarded([&] {
      std::string program;
      chat::Contents contents;
      tmpl::Source input = Input(text, source, &contents);
      input.interrupt = interrupt;
      if (!tmpl::Compile(input, limits, &program, &failure->error)) {
        return Locate(source, contents, failure);
      }
      if (program.size() > MaxAllocSize - reserved) throw std::bad_alloc();
      block = static_cast<char*>(
          MemoryContextAllocExtended(context, reserved + program.size(), MCXT_ALLOC_NO_OOM));
      if (block == nullptr) throw std::bad_alloc();
      memcpy(block + reserved, program.data(), program.size());
      *program_size = program.size();
    });
    ReportCaught(caught);
    return block != nullptr;
  };
  Interruptibly(failure->error, attempt);
  return block;
}

}  // namespace

char* CompileTemplates(const TemplateSource& source, MemoryContext context, size_t reserved,
                       size_t* program_size) {
  Failure failure;
  char* block = Compile(nullptr, source, context, reserved, program_size, &failure);
  if (block == nullptr) ReportTemplateError(failure.error, failure.place());
  return block;
}

bool TryTemplates(const TemplateSource& source, tmpl::Error* error, const char** where) {
  Failure failure;
  size_t size;
  char* block = Compile(nullptr, source, CurrentMemoryContext, 0, &size, &failure);
  if (block == nullptr) {
    *error = failure.error;
    *where = failure.place() != nullptr ? pstrdup(failure.where) : nullptr;
    return false;
  }
  pfree(block);
  return true;
}

char* CompileText(std::string_view text, const TemplateSource& source, MemoryContext context,
                  size_t* program_size) {
  Failure failure;
  char* block = Compile(&text, source, context, 0, program_size, &failure);
  if (block == nullptr) ReportTemplateError(failure.error, nullptr);
  return block;
}

ArrayType* FindSnippetNames(const TemplateSource& source) {
  Failure failure;
  bool found = false;
  char** names = nullptr;
  int count = 0;
  const tmpl::Limits limits = TemplateLimits();
  const Caught caught = Guarded([&] {
    std::vector<std::string> list;
    chat::Contents contents;
    const tmpl::Source input = Input(nullptr, source, &contents);
    found = tmpl::FindSnippets(input, limits, &list, &failure.error);
    if (!found) return Locate(source, contents, &failure);
    const auto allocate = [](size_t size) {
      void* memory = MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_NO_OOM);
      return memory != nullptr ? static_cast<char*>(memory) : throw std::bad_alloc();
    };
    names = reinterpret_cast<char**>(allocate(sizeof(char*) * (list.size() + 1)));
    for (const std::string& name : list) {
      char* copy = allocate(name.size() + 1);
      memcpy(copy, name.c_str(), name.size() + 1);
      names[count++] = copy;
    }
  });
  ReportCaught(caught);
  if (!found) ReportTemplateError(failure.error, failure.place());
  auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<size_t>(count + 1)));
  for (int i = 0; i < count; ++i) elements[i] = CStringGetTextDatum(names[i]);
  return construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT);
}

}  // namespace promptreg::pg

namespace json = promptreg::json;
namespace pg = promptreg::pg;
namespace tmpl = promptreg::tmpl;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_check_chat);
PG_FUNCTION_INFO_V1(promptreg_check_templates);
Datum promptreg_check_chat(PG_FUNCTION_ARGS);
Datum promptreg_check_templates(PG_FUNCTION_ARGS);

Datum promptreg_check_chat(PG_FUNCTION_ARGS) {
  tmpl::Error error;
  if (!promptreg::chat::CheckItems(pg::JsonView(PG_GETARG_JSONB_P(0)), &error)) {
    pg::ReportTemplateError(error, nullptr);
  }
  PG_RETURN_VOID();
}

// (messages jsonb, variables jsonb, syntax text, escape text): the declarations in stored form
Datum promptreg_check_templates(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
    elog(ERROR, "check_templates: argument is NULL");
  pg::TemplateSource source;
  source.strict = true;
  source.messages = pg::JsonView(PG_GETARG_JSONB_P(0));
  source.syntax = pg::ParseSyntax(pg::TextView(PG_GETARG_TEXT_PP(2)));
  source.escape = pg::ParseEscape(pg::TextView(PG_GETARG_TEXT_PP(3)));

  Jsonb* declarations = nullptr;
  if (!PG_ARGISNULL(1)) {
    const json::Value given = pg::JsonView(PG_GETARG_JSONB_P(1));
    tmpl::Error error;
    bool valid = false;
    const auto normalize = [&](const volatile sig_atomic_t* interrupt) {
      const pg::Caught caught = pg::Guarded([&] {
        std::string container;
        valid = tmpl::NormalizeDeclarations(given, source.encoding, interrupt, &container, &error);
        if (valid) declarations = pg::NewJsonb(container);
      });
      pg::ReportCaught(caught);
      return valid;
    };
    if (!pg::Interruptibly(error, normalize)) pg::ReportTemplateError(error, nullptr);
    source.variables = pg::JsonView(declarations);
    source.checked = true;
  }

  // With snippets, they are compiled once those are known.
  if (ARR_NDIM(pg::FindSnippetNames(source)) == 0) {
    size_t size;
    pfree(pg::CompileTemplates(source, CurrentMemoryContext, 0, &size));
  }
  if (declarations == nullptr) PG_RETURN_NULL();
  PG_RETURN_POINTER(declarations);
}
}
