#include "pg/cache.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "pg/invalidation.h"
#include "pg/settings.h"

namespace promptreg::pg {
namespace {

MemoryContext memory = nullptr;
uint64 filled_in_epoch = 0;
uint64 clock = 0;  // counts uses; the smallest last_used is the least recent
uint64 last_used_route = 0, last_used_version = 0;
PointerTable<Route> routes;
PointerTable<Version> versions;
CacheStatistics statistics = {};
uint64 pattern_bytes = 0;  // of all versions; outside of the memory context

uint64 VersionHash(int64 id) {
  // Ids are consecutive: spread them, and keep the low bits good.
  uint64 hash = static_cast<uint64>(id) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 32);
}

void FreeRoute(Route* route) {
  routes.Remove(route->hash, route);
  --route->deployed->references;
  for (uint32 i = 0; i < route->variant_count; ++i) --route->variants[i].version->references;
  pfree(route);
}

void FreePatterns(Version* version) {
  if (version->patterns == nullptr) return;
  pattern_bytes -= tmpl::PatternsSize(*version->patterns);
  tmpl::ReleasePatterns(version->patterns);
  version->patterns = nullptr;
}

void FreeVersion(Version* version) {
  FreePatterns(version);
  versions.Remove(VersionHash(version->id), version);
  pfree(version);
}

// Entries are allocated one by one (CacheMemory), so what is freed is no longer in here.
uint64 Used() {
  return MemoryContextMemAllocated(memory, true) + pattern_bytes;
}

void Reset() {
  versions.ForEach([](Version* version) { FreePatterns(version); });
  if (memory != nullptr) MemoryContextReset(memory);
  routes = {};
  versions = {};
}

// What was used last stays, however large it is: a call that follows would only have to load it
// again.
bool IsEvictable(const Route* route) {
  return route->last_used != last_used_route;
}
// Versions that a route leads to stay as long as it.
bool IsEvictable(const Version* version) {
  return version->references == 0 && version->last_used != last_used_version;
}

// Frees the eighth that was least recently used. False: there was nothing to free.
bool Evict() {
  const uint32 count = routes.count() + versions.count();
  auto* ages = static_cast<uint64*>(palloc(sizeof(uint64) * count));
  auto* victims = static_cast<void**>(palloc(sizeof(void*) * count));
  uint32 n = 0;
  routes.ForEach([&](const Route* route) {
    if (IsEvictable(route)) ages[n++] = route->last_used;
  });
  versions.ForEach([&](const Version* version) {
    if (IsEvictable(version)) ages[n++] = version->last_used;
  });
  if (n == 0) {
    pfree(victims);
    pfree(ages);
    return false;
  }
  std::nth_element(ages, ages + n / 8, ages + n);
  const uint64 threshold = ages[n / 8];

  // Removing moves entries within a table, so the victims are collected first.
  n = 0;
  routes.ForEach([&](Route* route) {
    if (route->last_used <= threshold && IsEvictable(route)) victims[n++] = route;
  });
  for (uint32 i = 0; i < n; ++i) FreeRoute(static_cast<Route*>(victims[i]));
  n = 0;
  versions.ForEach([&](Version* version) {
    if (version->last_used <= threshold && IsEvictable(version)) victims[n++] = version;
  });
  for (uint32 i = 0; i < n; ++i) FreeVersion(static_cast<Version*>(victims[i]));
  pfree(victims);
  pfree(ages);
  return true;
}

}  // namespace

void TrimCache() {
  if (InstallationEpoch() != filled_in_epoch) {
    Reset();
    filled_in_epoch = InstallationEpoch();
  }
  if (memory == nullptr || Used() <= CacheBound()) return;
  while (Used() > CacheBound() && Evict()) continue;
  // The arrays may be from a time when there was more in them.
  routes.Shrink(memory);
  versions.Shrink(memory);
}

MemoryContext CacheMemory() {
  if (memory == nullptr) {
    // With blocks of the smallest size, every entry gets one of its own, as large as it asks for,
    // which goes back when the entry is freed. In larger blocks, freed chunks would stay, so that
    // evicting freed nothing; and sizes would be rounded up to the next power of two.
    memory = AllocSetContextCreate(CacheMemoryContext, "promptreg cache", 0, 1024, 1024);
  }
  return memory;
}

uint64 RouteHash(std::string_view name, std::string_view environment) {
  return XXH3_64bits_withSeed(name.data(), name.size(),
                              XXH3_64bits(environment.data(), environment.size()));
}

Route* FindRoute(uint64 hash, std::string_view name, std::string_view environment) {
  Route* route = routes.Find(hash, [&](const Route& candidate) {
    return candidate.asked_name == name && candidate.environment == environment;
  });
  if (route != nullptr) route->last_used = last_used_route = ++clock;
  return route;
}

void InsertRoute(Route* route) {
  Route* old = FindRoute(route->hash, route->asked_name, route->environment);
  if (old != nullptr) FreeRoute(old);
  ++route->deployed->references;
  for (uint32 i = 0; i < route->variant_count; ++i) ++route->variants[i].version->references;
  route->last_used = last_used_route = ++clock;
  routes.Insert(CacheMemory(), route->hash, route);
}

Version* FindVersion(int64 id, uint64 fingerprint) {
  Version* version = versions.Find(VersionHash(id), [&](const Version& candidate) {
    return candidate.id == id && candidate.fingerprint == fingerprint;
  });
  if (version != nullptr) version->last_used = last_used_version = ++clock;
  return version;
}

void InsertVersion(Version* version) {
  version->last_used = last_used_version = ++clock;
  versions.Insert(CacheMemory(), VersionHash(version->id), version);
  ++statistics.compiled;
}

void AttachPatterns(Version* version, tmpl::Patterns* patterns) {
  if (patterns == nullptr) return;
  version->patterns = patterns;
  version->program = tmpl::ProgramView(version->program.data(), patterns);
  pattern_bytes += tmpl::PatternsSize(*patterns);
}

void ForgetVersion(Version* version) {
  FreeVersion(version);
}

CacheStatistics GetCacheStatistics() {
  CacheStatistics result = statistics;
  result.routes = routes.count();
  result.versions = versions.count();
  result.bytes = memory != nullptr ? Used() : 0;
  return result;
}

void CountRouteMiss() {
  ++statistics.route_misses;
}
void CountRouteHit() {
  ++statistics.route_hits;
}

}  // namespace promptreg::pg
