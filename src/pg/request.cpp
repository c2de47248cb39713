#include "pg/request.h"

#include <algorithm>
#include <string>

#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"

namespace promptreg::pg {
namespace {

[[noreturn]] void RefuseRequest(request::Provider provider, const Route& route, uint32 count,
                                const char* problems) {
  const std::string_view api = request::ProviderName(provider);
  const char* prompt = pnstrdup(route.prompt_name.data(), route.prompt_name.size());
  const char* name = pnstrdup(api.data(), api.size());
  ereport(
      ERROR,
      (errcode(kUnsupportedRequest),
       count == 1 ? errmsg("prompt \"%s\" cannot be sent to %s: %s", prompt, name, problems)
                  : errmsg("prompt \"%s\" cannot be sent to %s: %u problems", prompt, name, count),
       count == 1 ? 0 : errdetail("%s", problems),
       errhint("What is for one provider alone stands under its name in params, such as "
               "{\"openai\": {\"seed\": 1}, \"anthropic\": {\"model\": \"...\", \"max_tokens\": "
               "1024}}.")));
  pg_unreachable();
}

}  // namespace

request::Provider ParseProvider(std::string_view name) {
  request::Provider provider;
  if (request::FindProvider(name, &provider)) return provider;
  ereport(ERROR, (errcode(kUndefinedProvider),
                  errmsg("\"%s\" is no provider", pnstrdup(name.data(), name.size())),
                  errhint("Use one of: %.*s.", static_cast<int>(request::kProviderNames.size()),
                          request::kProviderNames.data())));
  pg_unreachable();
}

Jsonb* BuildRequest(request::Provider provider, const Route& route, const Version& version,
                    Jsonb* messages) {
  request::Input input;
  input.messages = JsonView(messages);
  input.has_model = version.model != nullptr;
  if (input.has_model) input.model = TextView(version.model);
  input.params = JsonView(const_cast<Jsonb*>(version.params));
  input.utf8 = GetDatabaseEncoding() == PG_UTF8;

  Jsonb* result = nullptr;
  uint32 count = 0;
  char lines[4096];
  const Caught caught = Guarded([&] {
    request::Problems problems;
    const std::string body = request::Build(provider, input, &problems);
    count = problems.count;
    lines[problems.lines.copy(lines, sizeof(lines) - 1)] = '\0';
    if (body.empty()) return;
    if (body.size() > MaxAllocSize - VARHDRSZ) throw std::bad_alloc();
    result = static_cast<Jsonb*>(MemoryContextAllocExtended(
        CurrentMemoryContext, body.size() + VARHDRSZ, MCXT_ALLOC_NO_OOM));
    if (result == nullptr) throw std::bad_alloc();
    SET_VARSIZE(result, body.size() + VARHDRSZ);
    memcpy(VARDATA(result), body.data(), body.size());
  });
  ReportCaught(caught);
  if (count > 0) RefuseRequest(provider, route, count, lines);
  if (result == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("the request is too large for a jsonb value")));
  }
  return result;
}

}  // namespace promptreg::pg
