#include "core/request/request.h"

#include "core/json/builder.h"
#include "core/request/merge.h"
#include "core/request/params.h"
#include "core/request/problem_list.h"
#include "core/request/providers.h"

namespace promptreg::request {

using json::Kind;
using json::Value;

namespace {

constexpr Provider kProviders[] = {Provider::kOpenAi, Provider::kAnthropic, Provider::kGemini};

// What a body must have that only the version can say.
void CheckBody(Provider provider, Value body, Value section, ProblemList* problems) {
  const char* const list = provider == Provider::kGemini ? "contents" : "messages";
  if (body.Find(list).size() == 0) problems->Add("there is no message to answer");
  if (provider == Provider::kGemini) return;
  if (body.Find("model").kind() != Kind::kString) problems->Add("the version names no model");
  if (provider != Provider::kAnthropic) return;
  const Value limit = section.Find("max_tokens");
  if (body.Find("max_tokens").missing()) problems->Add("params.max_tokens: it is required");
  if (!limit.missing() && limit.kind() != Kind::kNumber && limit.kind() != Kind::kNull) {
    problems->Add("params.anthropic.max_tokens: it must be a whole number from 1 on");
  }
}

}  // namespace

std::string_view ProviderName(Provider provider) {
  switch (provider) {
    case Provider::kOpenAi:
      return "openai";
    case Provider::kAnthropic:
      return "anthropic";
    case Provider::kGemini:
      break;
  }
  return "gemini";
}

bool FindProvider(std::string_view name, Provider* provider) {
  for (const Provider known : kProviders) {
    if (ProviderName(known) != name) continue;
    *provider = known;
    return true;
  }
  return false;
}

std::string Build(Provider provider, const Input& input, Problems* problems) {
  ProblemList list(problems);
  Params params(input, provider, &list);
  for (const std::string_view name : {"model", "messages"}) {
    if (!params.Take(name).missing()) params.Refuse(name, "it belongs to the version itself");
  }
  json::Builder builder;
  builder.BeginObject();
  switch (provider) {
    case Provider::kOpenAi:
      WriteOpenAi(input, &builder);
      break;
    case Provider::kAnthropic:
      WriteAnthropic(input, &params, &list, &builder);
      params.RefuseRest();
      break;
    case Provider::kGemini:
      WriteGemini(input, &params, &list, &builder);
      params.RefuseRest();
      break;
  }
  builder.EndObject();
  std::string body = builder.Finish();
  if (body.empty()) return {};

  constexpr uint32_t kMaxDepth = 64;
  if (params.section().size() > 0) {
    json::Builder merged;
    if (!AddMerged(Value::FromContainer(body.data()), params.section(), kMaxDepth, &merged)) {
      params.Refuse(params.provider(), "it is nested more than 64 deep");
      return {};
    }
    body = merged.Finish();
    if (body.empty()) return {};
  }
  CheckBody(provider, Value::FromContainer(body.data()), params.section(), &list);
  if (problems->count > 0) body.clear();
  return body;
}

}  // namespace promptreg::request
