#include "pg/load.h"

#include "pg/block.h"
#include "pg/compose.h"
#include "pg/indexed.h"
#include "pg/jsonb.h"
#include "pg/rights.h"

namespace promptreg::pg {
namespace {

Query route_query = {
    "SELECT p.name, r.xmin, r.xmax, n.xmin, x.key, x.id, " PROMPTREG_VERSION_PARTS
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
    "SELECT p.name, v.xmin, v.xmax, n.xmin, NULL::pg_catalog.text, "
    "0::pg_catalog.int8, " PROMPTREG_VERSION_PARTS
    "  FROM promptreg.names n"
    "  JOIN promptreg.prompts p ON p.id OPERATOR(pg_catalog.=) n.prompt_id"
    "  JOIN promptreg.versions v ON v.prompt_id OPERATOR(pg_catalog.=) p.id"
    "                           AND v.version OPERATOR(pg_catalog.=) p.head_version"
    " WHERE n.name OPERATOR(pg_catalog.=) $1",
    1,
    {TEXTOID}};

// What an experiment's newest row of weights says, one row for each variant.
Query experiment_query = {
    "SELECT x.kind, x.salt, w.coverage_ppm, h.name, w.holdout_ppm, s.name, x.namespace_lo_ppm,"
    "       x.namespace_hi_ppm, t.key, t.ppm, " PROMPTREG_VERSION_PARTS
    "  FROM promptreg.experiments x"
    "  CROSS JOIN LATERAL (SELECT * FROM ONLY promptreg.weights w"
    "         WHERE w.experiment_id OPERATOR(pg_catalog.=) x.id ORDER BY w.number DESC LIMIT 1) w"
    "  CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(w.keys), pg_catalog.unnest(w.versions),"
    "                                pg_catalog.unnest(w.ppm)) WITH ORDINALITY"
    "                     AS t (key, version, ppm, position)"
    "  JOIN promptreg.versions v ON v.prompt_id OPERATOR(pg_catalog.=) x.prompt_id"
    "                           AND v.version OPERATOR(pg_catalog.=) t.version"
    "  LEFT JOIN promptreg.holdouts h ON h.id OPERATOR(pg_catalog.=) x.holdout_id"
    "  LEFT JOIN promptreg.namespaces s ON s.id OPERATOR(pg_catalog.=) x.namespace_id"
    " WHERE x.id OPERATOR(pg_catalog.=) $1"
    " ORDER BY t.position",
    1,
    {INT8OID}};

Query overrides_query = {
    "SELECT o.user_id, o.variant FROM promptreg.overrides_in_force($1) o", 1, {INT8OID}};

Query version_id_query = {
    "SELECT p.name, " PROMPTREG_VERSION_PARTS
    "  FROM promptreg.names n"
    "  JOIN promptreg.prompts p ON p.id OPERATOR(pg_catalog.=) n.prompt_id"
    "  JOIN promptreg.versions v ON v.prompt_id OPERATOR(pg_catalog.=) p.id"
    " WHERE n.name OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2",
    2,
    {TEXTOID, INT4OID}};

Query unresolved_query = {"SELECT promptreg.raise_unresolved($1, $2)", 2, {TEXTOID, TEXTOID}};
Query open_prompt_query = {
    "SELECT promptreg.check_version(promptreg.open_prompt($1, 'read'), $2)", 2, {TEXTOID, INT4OID}};

std::string_view KeyOf(const text* value) {
  return TextView(value);
}

struct VariantParts {
  std::string_view key;
  int32 weight_ppm;
  VersionParts version;
};

struct ExperimentParts {
  std::string_view key;
  bool rollout;
  std::string_view salt;
  int32 coverage_ppm;
  std::string_view holdout;
  int32 holdout_ppm;
  std::string_view name_space;
  int32 namespace_lo_ppm;
  int32 namespace_hi_ppm;
  uint32 variant_count;
  VariantParts* variants;
  uint32 override_count;
  Override* overrides;
};

// What the queries of a route found, before it is laid out in one block.
struct RouteParts {
  std::string_view prompt;
  TransactionId changed_by[2];
  bool being_changed;
  VersionParts deployed;
  Followed followed;
  bool has_experiment;
  ExperimentParts experiment;
};

// Overrides of variants that the experiment no longer has count for nothing.
void ReadOverrides(int64 id, ExperimentParts* parts) {
  const Datum parameters[] = {Int64GetDatum(id)};
  const uint64 count = Run(&overrides_query, parameters);
  parts->overrides = static_cast<Override*>(palloc(sizeof(Override) * (count + 1)));
  for (uint64 i = 0; i < count; ++i) {
    const Row row(i);
    for (uint32 variant = 0; variant < parts->variant_count; ++variant) {
      if (parts->variants[variant].key != row.Text(2)) continue;
      parts->overrides[parts->override_count++] = {.user = row.Text(1), .variant = variant};
    }
  }
}

void ReadExperiment(int64 id, ExperimentParts* parts) {
  const Datum parameters[] = {Int64GetDatum(id)};
  const uint64 count = Run(&experiment_query, parameters);
  if (count == 0) elog(ERROR, "experiment %lld has no weights", static_cast<long long>(id));
  const Row first(0);
  parts->rollout = first.Text(1) == "rollout";
  parts->salt = first.Text(2);
  parts->coverage_ppm = first.Int32(3);
  parts->holdout = first.Text(4);
  parts->holdout_ppm = first.Int32(5);
  parts->name_space = first.Text(6);
  if (!first.IsNull(6)) {
    parts->namespace_lo_ppm = first.Int32(7);
    parts->namespace_hi_ppm = first.Int32(8);
  }
  parts->variants = static_cast<VariantParts*>(palloc0(sizeof(VariantParts) * count));
  parts->variant_count = static_cast<uint32>(count);
  for (uint64 i = 0; i < count; ++i) {
    const Row variant(i);
    parts->variants[i] = {.key = variant.Text(9),
                          .weight_ppm = variant.Int32(10),
                          .version = ReadVersionParts(variant, 11)};
  }
  ReadOverrides(id, parts);
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
  parts->deployed = ReadVersionParts(row, 7);
  parts->has_experiment = !row.IsNull(5);
  if (parts->has_experiment) {
    parts->experiment.key = row.Text(5);
    ReadExperiment(row.Int64(6), &parts->experiment);
  }
  const Composition composition = {.environment = environment, .chosen = nullptr};
  ReadSnippets(composition, &parts->deployed, &parts->followed);
  for (uint32 i = 0; i < parts->experiment.variant_count; ++i) {
    ReadSnippets(composition, &parts->experiment.variants[i].version, &parts->followed);
  }
  return true;
}

IndexedTable names_table = {"names", "names_pkey", 1, {"name", "prompt_id"}};
IndexedTable prompts_table = {"prompts", "prompts_pkey", 1, {"id", "name", "kind"}};
IndexedTable routes_table = {
    "routes", "routes_pkey", 2, {"prompt_id", "environment", "version", "experiment_id"}};
IndexedTable uses_table = {"snippet_uses", "snippet_uses_pkey", 2, {"prompt_id", "version"}};
IndexedTable versions_table = {"versions",
                               "versions_prompt_id_version_key",
                               2,
                               {"prompt_id", "version", "id", "content_hash", "messages",
                                "variables", "syntax", "escape", "model", "params"}};

// What most routes are: one version, without snippets.
struct PlainRoute {
  RouteParts parts;
  int64 prompt_id;
  bool chat;
  bool served;
  bool plain;
};

void ReadPlainVersion(const IndexedRow& version, const Composition& composition,
                      PlainRoute* found) {
  const Row& row = version.row;
  VersionParts& parts = found->parts.deployed;
  parts.id = row.Int64(version[2]);
  parts.fingerprint = FingerprintOf(row.Text(version[3]));
  parts.prompt_id = found->prompt_id;
  if (FindVersion(parts.id, parts.fingerprint) != nullptr) return;
  MakeVersion(parts, composition,
              {.number = parts.number,
               .chat = found->chat,
               .messages = row.Json(version[4]),
               .variables = row.Json(version[5]),
               .syntax = row.Text(version[6]),
               .escape = row.Text(version[7]),
               .model = row.TextOrNull(version[8]),
               .params = row.Json(version[9])});
}

// The same rows as route_query and version_query, under the active snapshot.
void ReadPlainRoute(std::string_view name, std::string_view environment, PlainRoute* found) {
  RouteParts& parts = found->parts;
  found->plain = true;
  const Datum name_key = PointerGetDatum(NewText(name));
  const bool named = FindIndexed(&names_table, &name_key, [&](const IndexedRow& row) {
    found->prompt_id = row.row.Int64(row[1]);
    parts.changed_by[1] = row.row.Xid(MinTransactionIdAttributeNumber);
  });
  if (!named) return;
  const Datum route_key[] = {Int64GetDatum(found->prompt_id),
                             PointerGetDatum(NewText(environment))};
  found->served = FindIndexed(&routes_table, route_key, [&](const IndexedRow& row) {
    parts.changed_by[0] = row.row.Xid(MinTransactionIdAttributeNumber);
    parts.being_changed = BeingChanged(row.row.Xid(MaxTransactionIdAttributeNumber));
    parts.deployed.number = row.row.Int32(row[2]);  // 0: it was retired
    found->plain = row.row.IsNull(row[3]);
  });
  found->served = found->served && parts.deployed.number != 0;
  if (!found->served || !found->plain) return;
  const Datum version_key[] = {Int64GetDatum(found->prompt_id),
                               Int32GetDatum(parts.deployed.number)};
  found->plain = !FindIndexed(&uses_table, version_key, [](const IndexedRow&) {});
  if (!found->plain) return;
  const Datum prompt_key = Int64GetDatum(found->prompt_id);
  FindIndexed(&prompts_table, &prompt_key, [&](const IndexedRow& row) {
    parts.prompt = TextView(NewText(row.row.Text(row[1])));
    found->chat = row.row.Text(row[2]) == "chat";
  });
  const Composition composition = {.environment = environment, .chosen = nullptr};
  found->served = FindIndexed(&versions_table, version_key, [&](const IndexedRow& row) {
    ReadPlainVersion(row, composition, found);
  });
}

size_t ExperimentSpace(const ExperimentParts& parts) {
  size_t size = TextSpace(parts.key) + TextSpace(parts.salt) + TextSpace(parts.holdout) +
                TextSpace(parts.name_space) + MAXALIGN(sizeof(Override) * parts.override_count);
  for (uint32 i = 0; i < parts.variant_count; ++i) size += TextSpace(parts.variants[i].key);
  for (uint32 i = 0; i < parts.override_count; ++i) size += TextSpace(parts.overrides[i].user);
  return size;
}

void LayOutExperiment(const ExperimentParts& parts, Version* const* versions, Block* layout,
                      Route* route) {
  route->experiment = layout->AddText(parts.key);
  route->rollout = parts.rollout;
  route->salt = KeyOf(layout->AddText(parts.salt));
  route->coverage_ppm = static_cast<uint32>(parts.coverage_ppm);
  route->holdout = KeyOf(layout->AddText(parts.holdout));
  route->holdout_ppm = static_cast<uint32>(parts.holdout_ppm);
  route->name_space = KeyOf(layout->AddText(parts.name_space));
  route->namespace_lo_ppm = static_cast<uint32>(parts.namespace_lo_ppm);
  route->namespace_hi_ppm = static_cast<uint32>(parts.namespace_hi_ppm);
  for (uint32 i = 0; i < parts.variant_count; ++i) {
    const text* key = layout->AddText(parts.variants[i].key);
    route->variants[i] = {.key = KeyOf(key),
                          .key_text = key,
                          .weight_ppm = static_cast<uint32>(parts.variants[i].weight_ppm),
                          .version = versions[i]};
  }
  route->variant_count = parts.variant_count;
  if (parts.override_count == 0) return;
  route->overrides =
      static_cast<Override*>(layout->Add(parts.overrides, sizeof(Override) * parts.override_count));
  route->override_count = parts.override_count;
  for (uint32 i = 0; i < parts.override_count; ++i) {
    route->overrides[i].user = KeyOf(layout->AddText(parts.overrides[i].user));
  }
}

Route* LayOutRoute(const RouteParts& parts, std::string_view name, std::string_view environment,
                   MemoryContext context) {
  const ExperimentParts& experiment = parts.experiment;
  const size_t head =
      MAXALIGN(sizeof(Route)) + MAXALIGN(sizeof(Variant) * experiment.variant_count);
  const size_t followed = sizeof(TransactionId) * parts.followed.count;
  const size_t size = head + MAXALIGN(followed) + TextSpace(name) + TextSpace(parts.prompt) +
                      TextSpace(environment) + ExperimentSpace(experiment);

  // Versions first: loading one can fail, and then nothing is left behind.
  const Composition composition = {.environment = environment, .chosen = nullptr};
  Version* const deployed = LoadVersion(parts.deployed, composition);
  auto* versions =
      static_cast<Version**>(palloc(sizeof(Version*) * (experiment.variant_count + 1)));
  for (uint32 i = 0; i < experiment.variant_count; ++i) {
    versions[i] = LoadVersion(experiment.variants[i].version, composition);
  }

  char* block = static_cast<char*>(MemoryContextAllocZero(context, size));
  auto* route = new (block) Route{};
  route->hash = RouteHash(name, environment);
  route->changed_by[0] = parts.changed_by[0];
  route->changed_by[1] = parts.changed_by[1];
  route->being_changed = parts.being_changed || parts.followed.being_changed;
  route->deployed = deployed;
  route->variants = reinterpret_cast<Variant*>(block + MAXALIGN(sizeof(Route)));

  Block layout(block, head);
  route->followed_count = parts.followed.count;
  route->followed = static_cast<TransactionId*>(layout.Add(parts.followed.changed_by, followed));
  route->asked_name = KeyOf(layout.AddText(name));
  route->environment_text = layout.AddText(environment);
  route->environment = KeyOf(route->environment_text);
  route->prompt_text = layout.AddText(parts.prompt);
  route->prompt_name = KeyOf(route->prompt_text);
  if (parts.has_experiment) LayOutExperiment(experiment, versions, &layout, route);
  return route;
}

// nullptr in *route: nothing is served. False: it is no plain route.
bool LoadPlainRoute(std::string_view name, std::string_view environment, View view,
                    MemoryContext context, Route** route) {
  MemoryContext reading =
      AllocSetContextCreate(CurrentMemoryContext, "promptreg loading", ALLOCSET_SMALL_SIZES);
  MemoryContext outer = MemoryContextSwitchTo(reading);
  PushView(view);
  PlainRoute found = {};
  ReadPlainRoute(name, environment, &found);
  if (found.plain && found.served) *route = LayOutRoute(found.parts, name, environment, context);
  PopView(view);
  MemoryContextSwitchTo(outer);
  MemoryContextDelete(reading);
  return found.plain;
}

Route* LoadRoute(std::string_view name, std::string_view environment, View view,
                 MemoryContext context) {
  Route* route = nullptr;
  if (environment != "latest" && LoadPlainRoute(name, environment, view, context, &route))
    return route;
  Reading(view, [&] {
    RouteParts parts = {};
    if (ReadRouteParts(name, environment, &parts))
      route = LayOutRoute(parts, name, environment, context);
  });
  return route;
}

// A row that vacuum has frozen keeps its old xmin, which can lie in the future once transaction ids
// have wrapped around. A visible row cannot have been made by a transaction that has not begun.
TransactionId Normalized(TransactionId xid) {
  return TransactionIdFollowsOrEquals(xid, ReadNextTransactionId()) ? FrozenTransactionId : xid;
}

// Whether a snapshot sees a committed transaction. What this transaction did itself is never in the
// cache.
bool Sees(Snapshot snapshot, TransactionId xid) {
  if (xid == FrozenTransactionId || TransactionIdPrecedes(xid, snapshot->xmin)) return true;
  // In a long life of a session ids wrap around: what seems to come is long past.
  if (Normalized(xid) == FrozenTransactionId) return true;
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

const Version* OpenVersion(std::string_view name, int32 number, const Composition& composition,
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
    CheckChosen(parts, composition);
    Followed followed = {};
    ReadSnippets(composition, &parts, &followed);
    version = LoadVersion(parts, composition);
  });
  return version;
}

}  // namespace promptreg::pg
