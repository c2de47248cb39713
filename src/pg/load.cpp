#include "pg/load.h"

#include "pg/compile.h"
#include "pg/errors.h"
#include "pg/jsonb.h"
#include "pg/rights.h"

namespace promptreg::pg {
namespace {

#define USES_OF_V                                         \
  "SELECT FROM promptreg.snippet_uses u"                  \
  " WHERE u.prompt_id OPERATOR(pg_catalog.=) v.prompt_id" \
  "   AND u.version OPERATOR(pg_catalog.=) v.version"

Query route_query = {
    "SELECT p.name, r.xmin, r.xmax, n.xmin, x.key, x.salt, x.coverage_ppm, x.id, "
    "       v.id, v.content_hash, v.prompt_id, v.version, EXISTS (" USES_OF_V
    ")"
    "  FROM promptreg.names n"
    "  JOIN promptreg.prompts p ON p.id OPERATOR(pg_catalog.=) n.prompt_id"
    "  JOIN promptreg.routes r ON r.prompt_id OPERATOR(pg_catalog.=) p.id"
    "  JOIN promptreg.versions v ON v.prompt_id OPERATOR(pg_catalog.=) r.prompt_id"
    "                           AND v.version OPERATOR(pg_catalog.=) r.version"
    "  LEFT JOIN promptreg.experiments x ON x.id OPERATOR(pg_catalog.=) r.experiment_id"
    "                                   AND x.state OPERATOR(pg_catalog.=) 'running'"
    " WHERE n.name OPERATOR(pg_catalog.=) $1 AND r.environment OPERATOR(pg_catalog.=) $2",
    2,
    {TEXTOID, TEXTOID}};

// The same columns for "latest".
Query latest_query = {
    "SELECT p.name, v.xmin, v.xmax, n.xmin, NULL::pg_catalog.text, NULL::pg_catalog.text, 0, "
    "       0::pg_catalog.int8, v.id, v.content_hash, v.prompt_id, v.version, EXISTS (" USES_OF_V
    ")"
    "  FROM promptreg.names n"
    "  JOIN promptreg.prompts p ON p.id OPERATOR(pg_catalog.=) n.prompt_id"
    "  JOIN promptreg.versions v ON v.prompt_id OPERATOR(pg_catalog.=) p.id"
    "                           AND v.version OPERATOR(pg_catalog.=) p.head_version"
    " WHERE n.name OPERATOR(pg_catalog.=) $1",
    1,
    {TEXTOID}};

Query variants_query = {
    "SELECT t.key, t.ppm, v.id, v.content_hash, v.prompt_id, v.version, EXISTS (" USES_OF_V
    ")"
    "  FROM (SELECT w.keys, w.ppm FROM ONLY promptreg.weights w"
    "         WHERE w.experiment_id OPERATOR(pg_catalog.=) $1 ORDER BY w.number DESC LIMIT 1) AS w,"
    "       ROWS FROM (pg_catalog.unnest(w.keys), pg_catalog.unnest(w.ppm)) AS t (key, ppm)"
    "  JOIN promptreg.variants a ON a.experiment_id OPERATOR(pg_catalog.=) $1 AND a.key "
    "OPERATOR(pg_catalog.=) t.key"
    "  JOIN promptreg.versions v ON v.prompt_id OPERATOR(pg_catalog.=) a.prompt_id"
    "                           AND v.version OPERATOR(pg_catalog.=) a.version"
    " WHERE t.ppm OPERATOR(pg_catalog.>) 0",
    1,
    {INT8OID}};

Query version_query = {
    "SELECT v.version, p.kind OPERATOR(pg_catalog.=) 'chat', v.messages, v.variables, v.syntax, "
    "v.escape, v.model,"
    "       v.params"
    "  FROM promptreg.versions v JOIN promptreg.prompts p ON p.id OPERATOR(pg_catalog.=) "
    "v.prompt_id"
    " WHERE v.id OPERATOR(pg_catalog.=) $1",
    1,
    {INT8OID}};

Query version_id_query = {
    "SELECT p.name, v.id, v.content_hash, v.prompt_id, v.version, EXISTS (" USES_OF_V
    ")"
    "  FROM promptreg.names n"
    "  JOIN promptreg.prompts p ON p.id OPERATOR(pg_catalog.=) n.prompt_id"
    "  JOIN promptreg.versions v ON v.prompt_id OPERATOR(pg_catalog.=) p.id"
    " WHERE n.name OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2",
    2,
    {TEXTOID, INT4OID}};

Query closure_query = {
    "SELECT c.reference, c.snippet, c.snippet_version, c.content_hash, c.changed_by, c.changing,"
    "       c.environment IS NOT NULL"
    "  FROM promptreg.snippet_closure($1, $2, $3, $4) c",
    4,
    {INT8OID, INT4OID, TEXTOID, JSONBOID}};

Query composition_query = {
    "SELECT o.variables, o.infer, o.snippets FROM promptreg.compose($1, $2, $3, $4) o",
    4,
    {INT8OID, INT4OID, TEXTOID, JSONBOID}};

// What is wrong with versions of snippets that were chosen.
Query chosen_query = {"SELECT s.problem FROM promptreg.chosen_snippet_problems($1, $2, $3, $4) s",
                      4,
                      {INT8OID, INT4OID, TEXTOID, JSONBOID}};

Query unresolved_query = {"SELECT promptreg.raise_unresolved($1, $2)", 2, {TEXTOID, TEXTOID}};
Query open_prompt_query = {
    "SELECT promptreg.check_version(promptreg.open_prompt($1, 'read'), $2)", 2, {TEXTOID, INT4OID}};

uint64 Fingerprint(const Row& row, int column) {
  const std::string_view hash = row.Text(column);
  uint64 value = 0;
  memcpy(&value, hash.data(), std::min(hash.size(), sizeof(value)));
  return value;
}

// Lays things out one behind the other in a block of known size.
class Block {
 public:
  Block(char* begin, size_t used) : base_(begin), used_(used) {}

  void* Add(const void* source, size_t size) {
    char* to = base_ + used_;
    if (size > 0) memcpy(to, source, size);
    used_ += MAXALIGN(size);
    return to;
  }
  const text* AddText(std::string_view value) {
    char* to = base_ + used_;
    SET_VARSIZE(to, VARHDRSZ + value.size());
    if (!value.empty()) memcpy(VARDATA(to), value.data(), value.size());
    used_ += MAXALIGN(VARHDRSZ + value.size());
    return reinterpret_cast<const text*>(to);
  }
  const Jsonb* AddJsonb(const Jsonb* value) {
    return static_cast<Jsonb*>(Add(value, VARSIZE(value)));
  }

 private:
  char* base_;
  size_t used_;
};

size_t TextSpace(std::string_view value) {
  return MAXALIGN(VARHDRSZ + value.size());
}

std::string_view KeyOf(const text* value) {
  return TextView(value);
}

// A version that is asked for, and the snippets that go into it.
struct VersionParts {
  int64 id;
  uint64 fingerprint;
  int64 prompt_id;
  int32 number;
  bool composed;  // it has snippets
  uint32 snippet_count;
  SnippetVersion* snippets;
};

// The routes of snippets that versions follow.
struct Followed {
  TransactionId* changed_by;
  uint32 count;
  bool being_changed;
};

// From columns id, content_hash, prompt_id, version, and whether it uses snippets.
VersionParts ReadVersionParts(const Row& row, int column) {
  return {.id = row.Int64(column),
          .fingerprint = Fingerprint(row, column + 1),
          .prompt_id = row.Int64(column + 2),
          .number = row.Int32(column + 3),
          .composed = row.Bool(column + 4),
          .snippet_count = 0,
          .snippets = nullptr};
}

// Whether a transaction was changing a row when it was read.
bool BeingChanged(TransactionId xmax) {
  return TransactionIdIsNormal(xmax) && XidInMVCCSnapshot(xmax, GetActiveSnapshot());
}

uint64 Mixed(uint64 hash, uint64 more) {
  hash = (hash ^ more) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 29);
}

// What decides which snippets go into a version: an environment, or versions that were chosen.
struct Composition {
  std::string_view environment;
  Jsonb* chosen;  // {"reference": version}; nullptr: those that the environment serves
};

uint64 RunFor(Query* query, const VersionParts& version, const Composition& composition) {
  const Datum parameters[] = {Int64GetDatum(version.prompt_id), Int32GetDatum(version.number),
                              PointerGetDatum(NewText(composition.environment)),
                              PointerGetDatum(composition.chosen)};
  return Run(query, parameters, composition.chosen == nullptr ? "   n" : "    ");
}

// Within Reading. Snippets that are missing are told of when the version is compiled.
void ReadSnippets(const Composition& composition, VersionParts* version, Followed* followed) {
  if (!version->composed) return;
  const uint64 count = RunFor(&closure_query, *version, composition);
  version->snippets = static_cast<SnippetVersion*>(palloc(sizeof(SnippetVersion) * (count + 1)));
  version->snippet_count = static_cast<uint32>(count);
  const size_t room = sizeof(TransactionId) * (followed->count + count + 1);
  followed->changed_by = static_cast<TransactionId*>(
      followed->changed_by == nullptr ? palloc(room) : repalloc(followed->changed_by, room));
  for (uint64 i = 0; i < count; ++i) {
    const Row row(i);
    version->snippets[i] = {
        .reference = row.Text(1), .prompt = row.Text(2), .number = row.Int32(3)};
    version->fingerprint = Mixed(version->fingerprint, Fingerprint(row, 4));
    version->fingerprint = Mixed(version->fingerprint, static_cast<uint64>(row.Int32(3)));
    if (row.IsNull(5)) continue;
    followed->changed_by[followed->count++] = row.Xid(5);
    followed->being_changed = followed->being_changed || BeingChanged(row.Xid(6));
  }
}

size_t SnippetSpace(const VersionParts& version) {
  size_t space = MAXALIGN(sizeof(SnippetVersion) * version.snippet_count);
  for (uint32 i = 0; i < version.snippet_count; ++i) {
    space += MAXALIGN(version.snippets[i].reference.size()) +
             MAXALIGN(version.snippets[i].prompt.size());
  }
  return space;
}

const SnippetVersion* LayOutSnippets(const VersionParts& version, Block* layout) {
  auto* snippets = static_cast<SnippetVersion*>(
      layout->Add(version.snippets, sizeof(SnippetVersion) * version.snippet_count));
  for (uint32 i = 0; i < version.snippet_count; ++i) {
    for (std::string_view* text : {&snippets[i].reference, &snippets[i].prompt}) {
      *text = {static_cast<const char*>(layout->Add(text->data(), text->size())), text->size()};
    }
  }
  return snippets;
}

// Within Reading. The compiled version goes into the cache: it is immutable, whoever may see it.
Version* LoadVersion(const VersionParts& parts, const Composition& composition) {
  Version* cached = FindVersion(parts.id, parts.fingerprint);
  if (cached != nullptr) return cached;

  const Datum parameters[] = {Int64GetDatum(parts.id)};
  if (Run(&version_query, parameters) != 1)
    elog(ERROR, "version %lld is missing", static_cast<long long>(parts.id));
  const Row row(0);
  Jsonb* const messages = row.Json(3);
  Jsonb* variables = row.Json(4);
  Jsonb* const params = row.Json(8);
  const std::string_view model = row.Text(7);
  const bool chat = row.Bool(2);

  TemplateSource source;
  source.messages = JsonView(messages);
  source.syntax = ParseSyntax(row.Text(5));
  source.escape = ParseEscape(row.Text(6));
  if (parts.composed) {
    if (RunFor(&composition_query, parts, composition) != 1) elog(ERROR, "snippets are missing");
    const Row composed(0);
    variables = composed.Json(1);
    source.infer = composed.Bool(2);
    source.snippets = JsonView(composed.Json(3));
    source.snippets_exist = true;
  }
  if (variables != nullptr) source.variables = JsonView(variables);

  // What a rendering reads comes first and together: the version, its program, then the rest.
  const size_t rest = TextSpace(model) + MAXALIGN(VARSIZE(params)) +
                      (chat ? MAXALIGN(VARSIZE(messages)) : 0) + SnippetSpace(parts);
  size_t program_size;
  const size_t head = MAXALIGN(sizeof(Version)) + rest;
  char* block = CompileTemplates(source, CacheMemory(), head, &program_size);
  auto* version = new (block) Version{};
  version->id = parts.id;
  version->fingerprint = parts.fingerprint;
  version->number = row.Int32(1);
  version->chat = chat;
  version->program = tmpl::ProgramView(block + head);
  Block layout(block, MAXALIGN(sizeof(Version)));
  version->model = row.IsNull(7) ? nullptr : layout.AddText(model);
  version->params = layout.AddJsonb(params);
  version->messages = chat ? layout.AddJsonb(messages) : nullptr;
  version->snippet_count = parts.snippet_count;
  version->snippets = LayOutSnippets(parts, &layout);
  InsertVersion(version);
  return version;
}

// What the queries of a route found, before it is laid out in one block.
struct RouteParts {
  std::string_view prompt;
  TransactionId changed_by[2];
  bool being_changed;
  Followed followed;
  VersionParts deployed;
  bool has_experiment;
  std::string_view experiment;
  std::string_view salt;
  int32 coverage_ppm;
  int64 experiment_id;
  uint32 variant_count;
  struct {
    std::string_view key;
    int32 weight_ppm;
    VersionParts version;
  } * variants;
};

void ReadVariants(int64 experiment, RouteParts* parts) {
  const Datum parameters[] = {Int64GetDatum(experiment)};
  const uint64 count = Run(&variants_query, parameters);
  parts->variants =
      static_cast<decltype(parts->variants)>(palloc0(sizeof(*parts->variants) * (count + 1)));
  parts->variant_count = static_cast<uint32>(count);
  for (uint64 i = 0; i < count; ++i) {
    const Row variant(i);
    parts->variants[i].key = variant.Text(1);
    parts->variants[i].weight_ppm = variant.Int32(2);
    parts->variants[i].version = ReadVersionParts(variant, 3);
  }
}

bool ReadRouteParts(std::string_view name, std::string_view environment, RouteParts* parts) {
  const Datum parameters[] = {PointerGetDatum(NewText(name)),
                              PointerGetDatum(NewText(environment))};
  if (Run(environment == "latest" ? &latest_query : &route_query, parameters) == 0) return false;
  const Row row(0);
  parts->prompt = row.Text(1);
  parts->changed_by[0] = row.Xid(2);
  parts->being_changed = BeingChanged(row.Xid(3));
  parts->changed_by[1] = row.Xid(4);
  parts->deployed = ReadVersionParts(row, 9);
  parts->has_experiment = !row.IsNull(5);
  if (parts->has_experiment) {
    parts->experiment = row.Text(5);
    parts->salt = row.Text(6);
    parts->coverage_ppm = row.Int32(7);
    ReadVariants(row.Int64(8), parts);
  }
  const Composition composition = {.environment = environment, .chosen = nullptr};
  ReadSnippets(composition, &parts->deployed, &parts->followed);
  for (uint32 i = 0; i < parts->variant_count; ++i) {
    ReadSnippets(composition, &parts->variants[i].version, &parts->followed);
  }
  return true;
}

Route* LayOutRoute(const RouteParts& parts, std::string_view name, std::string_view environment,
                   MemoryContext context) {
  const size_t head = MAXALIGN(sizeof(Route)) + MAXALIGN(sizeof(Variant) * parts.variant_count);
  const size_t followed = sizeof(TransactionId) * parts.followed.count;
  size_t size = head + MAXALIGN(followed) + TextSpace(name) + TextSpace(parts.prompt) +
                TextSpace(environment) + TextSpace(parts.experiment) + TextSpace(parts.salt);
  for (uint32 i = 0; i < parts.variant_count; ++i) size += TextSpace(parts.variants[i].key);

  // Versions first: loading one can fail, and then nothing is left behind.
  const Composition composition = {.environment = environment, .chosen = nullptr};
  Version* const deployed = LoadVersion(parts.deployed, composition);
  auto* versions = static_cast<Version**>(palloc(sizeof(Version*) * (parts.variant_count + 1)));
  for (uint32 i = 0; i < parts.variant_count; ++i) {
    versions[i] = LoadVersion(parts.variants[i].version, composition);
  }

  char* block = static_cast<char*>(MemoryContextAllocZero(context, size));
  auto* route = new (block) Route{};
  route->hash = RouteHash(name, environment);
  route->changed_by[0] = parts.changed_by[0];
  route->changed_by[1] = parts.changed_by[1];
  route->being_changed = parts.being_changed || parts.followed.being_changed;
  route->deployed = deployed;
  route->coverage_ppm = static_cast<uint32>(parts.coverage_ppm);
  route->variant_count = parts.variant_count;
  route->variants = reinterpret_cast<Variant*>(block + MAXALIGN(sizeof(Route)));

  Block layout(block, head);
  route->followed_count = parts.followed.count;
  route->followed = static_cast<TransactionId*>(layout.Add(parts.followed.changed_by, followed));
  route->asked_name = KeyOf(layout.AddText(name));
  route->environment_text = layout.AddText(environment);
  route->environment = KeyOf(route->environment_text);
  route->prompt_text = layout.AddText(parts.prompt);
  route->prompt_name = KeyOf(route->prompt_text);
  route->experiment = parts.has_experiment ? layout.AddText(parts.experiment) : nullptr;
  route->salt = KeyOf(layout.AddText(parts.salt));
  for (uint32 i = 0; i < parts.variant_count; ++i) {
    const text* key = layout.AddText(parts.variants[i].key);
    route->variants[i] = {.key = KeyOf(key),
                          .key_text = key,
                          .weight_ppm = static_cast<uint32>(parts.variants[i].weight_ppm),
                          .version = versions[i]};
  }
  return route;
}

Route* LoadRoute(std::string_view name, std::string_view environment, View view,
                 MemoryContext context) {
  Route* route = nullptr;
  Reading(view, [&] {
    RouteParts parts = {};
    if (ReadRouteParts(name, environment, &parts))
      route = LayOutRoute(parts, name, environment, context);
  });
  return route;
}

// Whether a snapshot sees a committed transaction. What this transaction did itself is never in the
// cache.
bool Sees(Snapshot snapshot, TransactionId xid) {
  if (xid == FrozenTransactionId || TransactionIdPrecedes(xid, snapshot->xmin)) return true;
  return !TransactionIdIsCurrentTransactionId(xid) && !XidInMVCCSnapshot(xid, snapshot);
}

bool Sees(Snapshot snapshot, const Route& route) {
  if (snapshot->snapshot_type != SNAPSHOT_MVCC) return false;
  for (uint32 i = 0; i < route.followed_count; ++i) {
    if (!Sees(snapshot, route.followed[i])) return false;
  }
  return Sees(snapshot, route.changed_by[0]) && Sees(snapshot, route.changed_by[1]);
}

bool MadeByThisTransaction(const Route& route) {
  for (uint32 i = 0; i < route.followed_count; ++i) {
    if (TransactionIdIsCurrentTransactionId(route.followed[i])) return true;
  }
  return TransactionIdIsCurrentTransactionId(route.changed_by[0]) ||
         TransactionIdIsCurrentTransactionId(route.changed_by[1]);
}

// A row that vacuum has frozen keeps its old xmin, which can lie in the future once transaction ids
// have wrapped around. A visible row cannot have been made by a transaction that has not begun.
TransactionId Normalized(TransactionId xid) {
  return TransactionIdFollowsOrEquals(xid, ReadNextTransactionId()) ? FrozenTransactionId : xid;
}

// Reads the route as it is now and puts it into the cache. nullptr: there is none, or what there is
// cannot be shared.
Route* FillRoute(std::string_view name, std::string_view environment) {
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const uint64 generation = Generation();
    Route* route = LoadRoute(name, environment, View::kOfNow, CacheMemory());
    if (route == nullptr) return nullptr;
    ReceiveInvalidations();
    // The end of a transaction is seen before its message comes. So a route that one is changing is
    // not remembered: it announced itself, which makes every backend look again until it has ended.
    if (MadeByThisTransaction(*route) || route->being_changed) {
      pfree(route);
      return nullptr;
    }
    if (generation != Generation()) {  // it changed while it was read
      pfree(route);
      continue;
    }
    for (TransactionId& xid : route->changed_by) xid = Normalized(xid);
    for (uint32 i = 0; i < route->followed_count; ++i) {
      route->followed[i] = Normalized(route->followed[i]);
    }
    route->generation = generation;
    InsertRoute(route);
    return route;
  }
  return nullptr;
}

Route* FindOrFillRoute(std::string_view name, std::string_view environment) {
  Snapshot snapshot = GetActiveSnapshot();
  Route* route = FindRoute(RouteHash(name, environment), name, environment);
  if (route != nullptr && route->generation == Generation()) {
    CountRouteHit();
  } else {
    CountRouteMiss();
    route = FillRoute(name, environment);
  }
  return route != nullptr && Sees(snapshot, *route) ? route : nullptr;
}

// The same error, raised the same way, for what does not exist and for what the caller has no right
// to.
[[noreturn]] void RaiseUnresolved(std::string_view name, std::string_view environment) {
  const Datum parameters[] = {PointerGetDatum(NewText(name)),
                              PointerGetDatum(NewText(environment))};
  Reading(View::kOfStatement, [&] { Run(&unresolved_query, parameters); });
  elog(ERROR, "prompt cannot be resolved");
}

void CheckResolveRight(Route* route) {
  const Oid role = CallerRole();
  if (route->authorized_role == role && route->authorized_at == RightsGeneration()) return;
  const bool latest = route->environment == "latest";
  if (!Allowed(role, latest ? Right::kRead : Right::kResolve, route->prompt_name,
               route->environment)) {
    if (Allowed(role, Right::kRead, route->prompt_name, std::nullopt)) {
      RefuseRight(Right::kResolve, route->prompt_name, route->environment, route->asked_name);
    }
    RaiseUnresolved(route->asked_name, route->environment);
  }
  route->authorized_role = role;
  route->authorized_at = RightsGeneration();
}

}  // namespace

const Route* OpenRoute(std::string_view name, std::string_view environment) {
  ReceiveInvalidations();
  TrimCache();
  Route* route = nullptr;
  // The latest version changes with every commit, so it is not worth remembering.
  if (!TransactionChangedRegistry() && environment != "latest")
    route = FindOrFillRoute(name, environment);
  if (route == nullptr)
    route = LoadRoute(name, environment, View::kOfStatement, CurrentMemoryContext);
  if (route == nullptr) RaiseUnresolved(name, environment);
  CheckResolveRight(route);
  return route;
}

namespace {

// The versions of snippets that a rendering of the past needs and was not given.
void CheckChosen(const VersionParts& version, const Composition& composition) {
  const uint64 count = RunFor(&chosen_query, version, composition);
  if (count == 0) return;
  StringInfoData detail;
  initStringInfo(&detail);
  for (uint64 i = 0; i < count; ++i) {
    const std::string_view problem = Row(i).Text(1);
    if (i > 0) appendStringInfoChar(&detail, '\n');
    appendBinaryStringInfo(&detail, problem.data(), static_cast<int>(problem.size()));
  }
  ereport(ERROR,
          (errcode(kMissingSnippets), errmsg("the versions of snippets do not fit the prompt"),
           errdetail("%s", detail.data),
           errhint("Pass them as snippets, in the form in which prompt_snippets gives "
                   "them: {\"name\": version}.")));
}

}  // namespace

const Version* OpenVersion(std::string_view name, int32 number, Jsonb* snippets,
                           std::string_view* prompt) {
  ReceiveInvalidations();
  TrimCache();
  const Datum parameters[] = {PointerGetDatum(NewText(name)), Int32GetDatum(number)};
  const Version* version = nullptr;
  const MemoryContext caller_context = CurrentMemoryContext;
  Reading(View::kOfStatement, [&] {
    Run(&open_prompt_query,
        parameters);  // errors for what the caller may not read, and what does not exist
    if (Run(&version_id_query, parameters) != 1) elog(ERROR, "version is missing");
    const Row row(0);
    const std::string_view canonical = row.Text(1);
    char* copy = static_cast<char*>(MemoryContextAlloc(caller_context, canonical.size() + 1));
    if (!canonical.empty()) memcpy(copy, canonical.data(), canonical.size());
    *prompt = {copy, canonical.size()};
    VersionParts parts = ReadVersionParts(row, 2);
    const Composition composition = {.environment = "", .chosen = snippets};
    if (parts.composed || JsonView(snippets).size() > 0) CheckChosen(parts, composition);
    Followed followed = {};
    ReadSnippets(composition, &parts, &followed);
    version = LoadVersion(parts, composition);
  });
  return version;
}

}  // namespace promptreg::pg
