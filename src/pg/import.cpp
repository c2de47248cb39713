// Converting prompts of other tools, for those who commit them.
#include <string>

#include "core/import/langfuse.h"
#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"

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

}  // namespace
}  // namespace promptreg::pg

namespace chat = promptreg::chat;
namespace imports = promptreg::imports;
namespace json = promptreg::json;
namespace pg = promptreg::pg;
namespace tmpl = promptreg::tmpl;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_import_langfuse);
Datum promptreg_import_langfuse(PG_FUNCTION_ARGS);

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
}
