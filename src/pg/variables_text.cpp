#include "pg/variables_text.h"

#include <cstdint>

#include "core/json/outline.h"
#include "pg/errors.h"
#include "pg/jsonb.h"

namespace promptreg::pg {
namespace {

// What is larger or deeper is left to PostgreSQL's own reader, whose limits are beyond them and
// which says what is wrong. The memory that reading takes, a few times the text, is bounded by the
// first.
constexpr size_t kMostBytes = 16 * 1024 * 1024;
constexpr uint32_t kMostDepth = 1000;

// Working memory, kept between calls unless it has become large.
constexpr size_t kMostKept = 1024 * 1024;

json::Outcome Read(std::string_view text, json::Interrupt interrupt, json::Outline* outline,
                   char** container) {
  const json::ParseOptions options = {.max_depth = kMostDepth,
                                      .utf8 = GetDatabaseEncoding() == PG_UTF8};
  const json::Outcome scanned = json::Scan(text, options, interrupt, outline);
  if (scanned != json::Outcome::kOk) return scanned;
  *container = static_cast<char*>(
      MemoryContextAllocExtended(CurrentMemoryContext, outline->size, MCXT_ALLOC_NO_OOM));
  if (*container == nullptr) return json::Outcome::kOutOfMemory;
  size_t length;
  return json::Write(outline, interrupt, *container, &length);
}

// nullptr: it is to be left to PostgreSQL. No error leaves much behind in the working memory.
const char* ReadQuickly(std::string_view text) {
  static json::Outline outline;
  if (text.size() > kMostBytes) return nullptr;
  json::Interrupt interrupt = &InterruptPending;
  for (;;) {
    char* container = nullptr;
    const json::Outcome outcome = Read(text, interrupt, &outline, &container);
    if (outline.capacity() > kMostKept) outline.Free();
    if (outcome == json::Outcome::kOk) return container;
    if (outcome == json::Outcome::kRefused) return nullptr;
    if (outcome == json::Outcome::kOutOfMemory) {
      ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    }
    // An interrupt that does not end the statement is a reason to do it again.
    if (container != nullptr) pfree(container);
    CHECK_FOR_INTERRUPTS();
    if (InterruptPending) interrupt = nullptr;
  }
}

}  // namespace

json::Value ReadJsonText(const text* given) {
  const char* container = ReadQuickly(TextView(given));
  if (container != nullptr) return json::Value::FromContainer(container);
  char* copy = text_to_cstring(given);
  Jsonb* value = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(copy)));
  pfree(copy);
  return JsonView(value);
}

}  // namespace promptreg::pg
