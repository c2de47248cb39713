// prompt_explain: why a user gets what prompt_resolve returns.
#include <optional>

#include "pg/assignment.h"
#include "pg/errors.h"
#include "pg/jsonb.h"
#include "pg/load.h"
#include "pg/rights.h"

namespace promptreg::pg {
namespace {

// Writes one JSON object, key by key.
class ObjectWriter {
 public:
  explicit ObjectWriter(JsonbParseState** state) : state_(state) {
    pushJsonbValue(state_, WJB_BEGIN_OBJECT, nullptr);
  }
  JsonbValue* End() { return pushJsonbValue(state_, WJB_END_OBJECT, nullptr); }

  void Key(std::string_view key) {
    JsonbValue value = String(key);
    pushJsonbValue(state_, WJB_KEY, &value);
  }
  void Text(std::string_view key, std::optional<std::string_view> text) {
    Key(key);
    JsonbValue value;
    value.type = jbvNull;
    if (text) value = String(*text);
    pushJsonbValue(state_, WJB_VALUE, &value);
  }
  void Number(std::string_view key, std::optional<int64> number) {
    Key(key);
    JsonbValue value;
    value.type = jbvNull;
    if (number) {
      value.type = jbvNumeric;
      value.val.numeric = int64_to_numeric(*number);
    }
    pushJsonbValue(state_, WJB_VALUE, &value);
  }
  void Bool(std::string_view key, bool flag) {
    Key(key);
    JsonbValue value;
    value.type = jbvBool;
    value.val.boolean = flag;
    pushJsonbValue(state_, WJB_VALUE, &value);
  }
  static JsonbValue String(std::string_view text) {
    JsonbValue value;
    value.type = jbvString;
    value.val.string.val = const_cast<char*>(text.data());
    value.val.string.len = static_cast<int>(text.size());
    return value;
  }

 private:
  JsonbParseState** state_;
};

void WriteNames(JsonbParseState** state, const std::string_view* names, uint32 count) {
  pushJsonbValue(state, WJB_BEGIN_ARRAY, nullptr);
  for (uint32 i = 0; i < count; ++i) {
    JsonbValue value = ObjectWriter::String(names[i]);
    pushJsonbValue(state, WJB_ELEM, &value);
  }
  pushJsonbValue(state, WJB_END_ARRAY, nullptr);
}

void WriteExperiment(JsonbParseState** state, const Route& route, const Assignment& assigned) {
  ObjectWriter experiment(state);
  experiment.Text("key", TextView(route.experiment));
  experiment.Number("coverage_ppm", route.coverage_ppm);
  experiment.Number("slot", assigned.slot ? std::optional<int64>(*assigned.slot) : std::nullopt);
  const char* step = StepName(assigned.step);
  experiment.Text("decided_by",
                  step != nullptr ? std::optional<std::string_view>(step) : std::nullopt);
  experiment.Bool("enrolled", assigned.variant != nullptr);
  experiment.Text(
      "variant", assigned.variant != nullptr ? std::optional(assigned.variant->key) : std::nullopt);
  experiment.Key("variants");
  pushJsonbValue(state, WJB_BEGIN_ARRAY, nullptr);
  for (uint32 i = 0; i < route.variant_count; ++i) {
    ObjectWriter variant(state);
    variant.Text("key", route.variants[i].key);
    variant.Number("version", route.variants[i].version->number);
    variant.Number("weight_ppm", route.variants[i].weight_ppm);
    variant.End();
  }
  pushJsonbValue(state, WJB_END_ARRAY, nullptr);
  experiment.End();
}

// {"reference": version}
JsonbValue* WriteSnippets(JsonbParseState** state, const Version& version) {
  ObjectWriter snippets(state);
  for (uint32 i = 0; i < version.snippet_count; ++i) {
    snippets.Number(version.snippets[i].reference, version.snippets[i].number);
  }
  return snippets.End();
}

// Names the version requires and did not get, and names it got and does not use.
void WriteVariables(ObjectWriter* root, JsonbParseState** state, const Version& version,
                    json::Value given) {
  const uint32 known = version.program.variable_count();
  auto* names =
      static_cast<std::string_view*>(palloc(sizeof(std::string_view) * (known + given.size() + 1)));
  uint32 count = 0;
  for (uint32 i = 0; i < known; ++i) {
    const tmpl::Variable variable = version.program.variable(i);
    const json::Value value = given.Find(variable.name);
    const bool absent =
        value.missing() || (value.kind() == json::Kind::kNull && !variable.nullable);
    if (variable.required && absent && variable.default_value.missing())
      names[count++] = variable.name;
  }
  root->Key("missing_variables");
  WriteNames(state, names, count);

  count = 0;
  json::Cursor cursor(given);
  while (cursor.Next()) {
    bool used = false;
    for (uint32 i = 0; i < known && !used; ++i) {
      const tmpl::Variable variable = version.program.variable(i);
      used = variable.used && variable.name == cursor.key();
    }
    if (!used) names[count++] = cursor.key();
  }
  root->Key("unused_variables");
  WriteNames(state, names, count);
}

void WriteCache(ObjectWriter* root, JsonbParseState** state, bool from_cache) {
  const CacheStatistics statistics = GetCacheStatistics();
  root->Key("cache");
  ObjectWriter cache(state);
  cache.Bool("hit", from_cache);
  cache.Number("routes", statistics.routes);
  cache.Number("versions", statistics.versions);
  cache.Number("bytes", static_cast<int64>(statistics.bytes));
  cache.Number("hits", static_cast<int64>(statistics.route_hits));
  cache.Number("misses", static_cast<int64>(statistics.route_misses));
  cache.Number("compiled", static_cast<int64>(statistics.compiled));
  cache.End();
}

}  // namespace
}  // namespace promptreg::pg

namespace json = promptreg::json;
namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_explain);
PG_FUNCTION_INFO_V1(promptreg_snippets);
Datum promptreg_explain(PG_FUNCTION_ARGS);
Datum promptreg_snippets(PG_FUNCTION_ARGS);

// (name text, env text, user_id text, vars jsonb) -> jsonb
Datum promptreg_explain(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) {
    ereport(ERROR, (errcode(pg::kInvalidArgument),
                    errmsg("the name of the prompt or the environment is NULL")));
  }
  std::optional<std::string_view> user;
  if (!PG_ARGISNULL(2)) user = pg::TextView(PG_GETARG_TEXT_PP(2));
  const json::Value given =
      PG_ARGISNULL(3) ? pg::EmptyObject() : pg::JsonView(PG_GETARG_JSONB_P(3));
  if (given.kind() != json::Kind::kObject) {
    ereport(ERROR, (errcode(pg::kVariablesNotObject), errmsg("variables must be a JSON object")));
  }

  const uint64 hits = pg::GetCacheStatistics().route_hits;
  const pg::Route* route =
      pg::OpenRoute(pg::TextView(PG_GETARG_TEXT_PP(0)), pg::TextView(PG_GETARG_TEXT_PP(1)));
  const bool from_cache = pg::GetCacheStatistics().route_hits != hits;
  if (!pg::Allowed(pg::CallerRole(), pg::Right::kRead, route->prompt_name, std::nullopt)) {
    // Who may resolve it knows that it exists.
    ereport(ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
             errmsg("permission denied: read on prompt \"%s\"",
                    pnstrdup(route->asked_name.data(), route->asked_name.size())),
             errhint("prompt_explain shows versions and weights, so it takes the right read.")));
  }
  const pg::Assignment assigned = pg::Assign(*route, user);

  JsonbParseState* state = nullptr;
  pg::ObjectWriter root(&state);
  root.Text("prompt", route->prompt_name);
  root.Text("environment", route->environment);
  root.Text("user_id", user);
  root.Number("deployed_version", route->deployed->number);
  root.Number("version", assigned.version->number);
  root.Text("reason", pg::ReasonName(assigned.reason));
  root.Text("kind", assigned.version->chat ? "chat" : "text");
  root.Key("experiment");
  if (route->experiment != nullptr) {
    pg::WriteExperiment(&state, *route, assigned);
  } else {
    JsonbValue null_value;
    null_value.type = jbvNull;
    pushJsonbValue(&state, WJB_VALUE, &null_value);
  }
  root.Key("snippets");
  pg::WriteSnippets(&state, *assigned.version);
  pg::WriteVariables(&root, &state, *assigned.version, given);
  pg::WriteCache(&root, &state, from_cache);
  PG_RETURN_JSONB_P(JsonbValueToJsonb(root.End()));
}

// (name text, env text, user_id text) -> jsonb
Datum promptreg_snippets(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) {
    ereport(ERROR, (errcode(pg::kInvalidArgument),
                    errmsg("the name of the prompt or the environment is NULL")));
  }
  std::optional<std::string_view> user;
  if (!PG_ARGISNULL(2)) user = pg::TextView(PG_GETARG_TEXT_PP(2));
  const pg::Route* route =
      pg::OpenRoute(pg::TextView(PG_GETARG_TEXT_PP(0)), pg::TextView(PG_GETARG_TEXT_PP(1)));
  JsonbParseState* state = nullptr;
  PG_RETURN_JSONB_P(
      JsonbValueToJsonb(pg::WriteSnippets(&state, *pg::Assign(*route, user).version)));
}
}
