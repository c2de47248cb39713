// What a backend remembers: compiled versions and routes, within a bound of memory.
//
// A Version is immutable. A Route says what a name and environment lead to; it is true for a
// snapshot if it was read in the present generation (invalidation.h) and the snapshot sees the
// transactions that made it so. Both are single blocks of memory, to touch few cache lines. Entries
// are freed only by TrimCache, which runs before a call looks anything up, and a route by the one
// that replaces it: no pointer that a call holds is ever freed under it.
#pragma once

#include "core/template/template.h"
#include "pg/pointer_table.h"
#include "pg/server.h"

namespace promptreg::pg {

struct Version {
  int64 id;
  uint64 fingerprint;  // of the content, so that an id which means something else is noticed
  int32 number;
  bool chat;
  uint32 references;  // routes in the cache that lead here
  uint64 last_used;
  const text* model;  // nullptr: none
  const Jsonb* params;
  const Jsonb* messages;  // chat: the stored messages
  tmpl::ProgramView program;
  tmpl::Patterns* patterns;  // of the program, or nullptr; freed with the version
  mutable uint32 text_size;  // of the last rendering: about what the next one needs
};

struct Variant {
  std::string_view key;
  const text* key_text;
  uint32 weight_ppm;
  Version* version;
};

// A user who gets a variant whatever the hash says.
struct Override {
  std::string_view user;
  uint32 variant;
};

struct Route {
  uint64 hash;
  uint64 generation;
  uint64 last_used;
  TransactionId changed_by[2];  // transactions that made the route and the name what they are
  bool being_changed;           // by a transaction that was running when the route was read
  std::string_view asked_name;  // the key: the name as asked for, and the environment
  std::string_view environment;
  std::string_view prompt_name;  // the name rights are decided on
  const text* prompt_text;
  const text* environment_text;
  Version* deployed;
  const text* experiment;  // nullptr: none
  bool rollout;            // of a new version, rather than a comparison
  std::string_view salt;
  uint32 coverage_ppm;
  std::string_view holdout;
  uint32 holdout_ppm;           // 0: nobody is held out
  std::string_view name_space;  // empty: none
  uint32 namespace_lo_ppm;
  uint32 namespace_hi_ppm;
  uint32 variant_count;
  uint32 override_count;
  Variant* variants;
  Override* overrides;  // by user, in byte order
  // The role that was last found to have the right to resolve this, and when.
  Oid authorized_role;
  uint64 authorized_at;
};

struct CacheStatistics {
  uint32 routes;
  uint32 versions;
  uint64 bytes;
  uint64 route_hits;
  uint64 route_misses;
  uint64 compiled;
};

// Frees what was least recently used until the cache is within its bound, and everything if the
// extension was created anew. To be called at the beginning of a call, when no pointers into the
// cache are held.
void TrimCache();

// Memory for entries. TrimCache keeps it within the bound.
MemoryContext CacheMemory();

uint64 RouteHash(std::string_view name, std::string_view environment);
Route* FindRoute(uint64 hash, std::string_view name, std::string_view environment);

// The route's block of memory must come from CacheMemory(); one with the same key is replaced.
void InsertRoute(Route* route);

Version* FindVersion(int64 id, uint64 fingerprint);
void InsertVersion(Version* version);

// Gives a version that was inserted its patterns, which are the cache's from then on.
void AttachPatterns(Version* version, tmpl::Patterns* patterns);

// Frees a version that could not be completed.
void ForgetVersion(Version* version);

CacheStatistics GetCacheStatistics();
void CountRouteMiss();
void CountRouteHit();

}  // namespace promptreg::pg
