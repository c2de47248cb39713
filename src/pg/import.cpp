// Converting prompts of other tools, for those who commit them.
#include <string>

#include "core/import/dotprompt.h"
#include "core/import/langfuse.h"
#include "core/json/write.h"
#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"
#include "pg/settings.h"

namespace promptreg::pg {
namespace {

// Of a container that the core made, in a call that Guarded is around.
Jsonb* CopyContainer(const std::string& container) {
  if (container.empty() || container.size() > MaxAllocSize - VARHDRSZ) throw std::bad_alloc();
  auto* copy = static_cast<Jsonb*>(MemoryContextAllocExtended(
      CurrentMemoryContext, container.size() + VARHDRSZ, MCXT_ALLOC_NO_OOM));
  if (copy == nullptr) throw std::bad_alloc();
  SET_VARSIZE(copy, container.size() + VARHDRSZ);
  memcpy(VARDATA(copy), container.data(), container.size());
  return copy;
}

// JSON of what a file of Dotprompt says, in UTF-8; nullptr: *error says why it cannot be converted.
char* ConvertDotprompt(std::string_view source, bool must_be_text, tmpl::Error* error) {
  char* text = nullptr;
  const Caught caught = Guarded([&] {
    std::string container;
    if (!imports::ConvertDotprompt(source, must_be_text, &container, error)) return;
    constexpr uint32 kMostDepth = 100;  // of YAML and of the messages around it
    std::string written;
    if (container.empty() ||
        !json::AppendCompact(json::Value::FromContainer(container.data()), kMostDepth, &written) ||
        written.size() >= MaxAllocSize) {
      throw std::bad_alloc();
    }
    text = static_cast<char*>(
        MemoryContextAllocExtended(CurrentMemoryContext, written.size() + 1, MCXT_ALLOC_NO_OOM));
    if (text == nullptr) throw std::bad_alloc();
    memcpy(text, written.c_str(), written.size() + 1);
  });
  ReportCaught(caught);
  return text;
}

// YAML and its positions are those of UTF-8. In another encoding of the database its texts are
// converted there and back.
char* FromUtf8(char* text) {
  return pg_any_to_server(text, static_cast<int>(strlen(text)), PG_UTF8);
}

template <size_t kSize>
void ConvertInPlace(char (&text)[kSize]) {
  const char* converted = FromUtf8(text);
  if (converted == text) return;
  const int length = pg_mbcliplen(converted, static_cast<int>(strlen(converted)), kSize - 1);
  memcpy(text, converted, static_cast<size_t>(length));
  text[length] = '\0';
}

}  // namespace
}  // namespace promptreg::pg

namespace chat = promptreg::chat;
namespace imports = promptreg::imports;
namespace json = promptreg::json;
namespace pg = promptreg::pg;
namespace tmpl = promptreg::tmpl;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_import_langfuse);
PG_FUNCTION_INFO_V1(promptreg_import_dotprompt);
Datum promptreg_import_langfuse(PG_FUNCTION_ARGS);
Datum promptreg_import_dotprompt(PG_FUNCTION_ARGS);

// (messages jsonb) -> jsonb
Datum promptreg_import_langfuse(PG_FUNCTION_ARGS) {
  const json::Value messages = pg::JsonView(PG_GETARG_JSONB_P(0));
  Jsonb* converted = nullptr;
  tmpl::Error error;
  char where[64];
  const pg::Caught caught = pg::Guarded([&] {
    std::string container;
    chat::Place place;
    if (imports::ConvertLangfuseMessages(messages, &container, &place, &error)) {
      converted = pg::CopyContainer(container);
    } else {
      chat::DescribePlace(place, where, sizeof(where));
    }
  });
  pg::ReportCaught(caught);
  if (converted == nullptr) {
    pg::ReportTemplateError(error, messages.size() > 1 ? where : nullptr);
  }
  PG_RETURN_JSONB_P(converted);
}

// (source text, kind text) -> jsonb
Datum promptreg_import_dotprompt(PG_FUNCTION_ARGS) {
  const std::string_view given = pg::TextView(PG_GETARG_TEXT_PP(0));
  const bool must_be_text = pg::TextView(PG_GETARG_TEXT_PP(1)) == "text";
  std::string_view source = given;
  const char* utf8 = pg_server_to_any(given.data(), static_cast<int>(given.size()), PG_UTF8);
  if (utf8 != given.data()) source = utf8;
  tmpl::Error error;
  if (source.size() > pg::TemplateLimits().template_bytes) {
    ereport(ERROR, (errcode(pg::kTemplateTooLarge),
                    errmsg("template of %zu bytes exceeds the limit", source.size()),
                    errdetail("The limit is the setting promptreg.max_template_size.")));
  }
  char* converted = pg::ConvertDotprompt(source, must_be_text, &error);
  if (converted == nullptr) {
    pg::ConvertInPlace(error.message);
    pg::ConvertInPlace(error.detail);
    pg::ConvertInPlace(error.hint);
    pg::ReportTemplateError(error, nullptr);
  }
  PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(pg::FromUtf8(converted))));
}
}
