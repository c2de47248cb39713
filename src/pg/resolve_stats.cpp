#include "pg/resolve_stats.h"

#include "pg/settings.h"

extern "C" {
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif
}

namespace promptreg::pg {
namespace {

constexpr uint32 kSlots = 4096;
constexpr uint32 kMostProbes = 64;
constexpr int kMostEnvironmentBytes = 100;

// A slot is taken by the first who finds it free, and given back by a reset: `state` goes from free
// to being written to ready, and back. Slots are as large as cache lines are, so that versions do
// not disturb each other. `count` has above the count itself how often the slot was given back:
// whoever still adds to it for the version that had it before notices.
enum : uint32 { kFree, kBeingWritten, kReady };
struct alignas(128) Slot {
  pg_atomic_uint32 state;
  Oid database;
  int64 version_id;
  pg_atomic_uint64 count;
  pg_atomic_uint64 last_at;
  uint8 environment_size;
  char environment[kMostEnvironmentBytes];
};
constexpr int kCountBits = 48;
constexpr uint64 kCountMask = (UINT64CONST(1) << kCountBits) - 1;
constexpr uint64 kOneUse = UINT64CONST(1) << kCountBits;

struct Counters {
  pg_atomic_uint64 uncounted;            // no slot was free for them
  alignas(128) pg_atomic_uint32 resets;  // after each, slots may be free, or for another version
  Slot slots[kSlots];
};

Counters* counters = nullptr;

void Initialize(void* memory) {
  auto* fresh = static_cast<Counters*>(memory);
  memset(fresh, 0, sizeof(*fresh));
  pg_atomic_init_u64(&fresh->uncounted, 0);
  pg_atomic_init_u32(&fresh->resets, 0);
  for (Slot& slot : fresh->slots) {
    pg_atomic_init_u32(&slot.state, kFree);
    pg_atomic_init_u64(&slot.count, 0);
    pg_atomic_init_u64(&slot.last_at, 0);
  }
}

shmem_request_hook_type previous_request = nullptr;
shmem_startup_hook_type previous_startup = nullptr;

// What ShmemInitStruct returns is aligned to a cache line already.
void Request() {
  if (previous_request != nullptr) previous_request();
  RequestAddinShmemSpace(sizeof(Counters));
}

void Startup() {
  if (previous_startup != nullptr) previous_startup();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found;
  void* memory = ShmemInitStruct("promptreg resolve counters", sizeof(Counters), &found);
  if (!found) Initialize(memory);
  LWLockRelease(AddinShmemInitLock);
  counters = static_cast<Counters*>(memory);
}

#if PG_VERSION_NUM >= 170000
constexpr int64 kMicrosecondsToRetry = INT64CONST(60000000);

// Where an error can be taken back. A parallel query makes no subtransactions.
bool MayAttach() {
  return IsTransactionState() && !IsInParallelMode();
}

// That the memory cannot be had is no reason for a resolve to fail. The server holds locks on its
// registry when it says so, on which every other session would wait for ever: only the end of a
// (sub)transaction lets go of them. Returns NULL then.
Counters* AttachSegment() {
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  Counters* volatile found_counters = nullptr;
  BeginInternalSubTransaction(nullptr);
  PG_TRY();
  {
    bool found;
    found_counters = static_cast<Counters*>(
        GetNamedDSMSegment("promptreg resolve counters 2", sizeof(Counters), Initialize, &found));
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    found_counters = nullptr;
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
  return found_counters;
}

// In later calls again, but not in each: shared memory that is full stays so for a while.
void TryToAttach() {
  static TimestampTz failed_at = 0;
  const TimestampTz now = GetCurrentStatementStartTimestamp();
  if (!MayAttach() || (failed_at != 0 && now - failed_at < kMicrosecondsToRetry)) return;
  counters = AttachSegment();
  failed_at = counters == nullptr ? now : 0;
}
#else
void TryToAttach() {}
#endif

Counters* Attached() {
  if (counters == nullptr) TryToAttach();
  return counters;
}

// What is counted together, in memory of one's own.
struct Key {
  int64 version_id;
  uint8 environment_size;
  char environment[kMostEnvironmentBytes];

  [[nodiscard]] std::string_view Environment() const { return {environment, environment_size}; }
};

bool Is(const Key& key, int64 version_id, std::string_view environment) {
  return key.version_id == version_id && key.Environment() == environment;
}

uint64 Hash(const Key& key) {
  uint64 hash =
      static_cast<uint64>(key.version_id) * UINT64CONST(0x9E3779B97F4A7C15) ^ MyDatabaseId;
  for (const char byte : key.Environment()) {
    hash = (hash ^ static_cast<uint8>(byte)) * UINT64CONST(0x100000001B3);
  }
  return hash;
}

// A slot and the use of it that is meant.
struct Place {
  Slot* slot;
  uint64 use;  // the upper bits of its count
};

// What a slot has, if it has it from the first look to the last one.
bool ReadSlot(Slot& slot, Key* key, uint64* count) {
  if (pg_atomic_read_u32(&slot.state) != kReady) return false;
  *count = pg_atomic_read_u64(&slot.count);
  pg_read_barrier();
  if (slot.database != MyDatabaseId) return false;
  key->version_id = slot.version_id;
  key->environment_size = slot.environment_size;
  memcpy(key->environment, slot.environment, key->environment_size);
  pg_read_barrier();
  return pg_atomic_read_u32(&slot.state) == kReady &&
         (pg_atomic_read_u64(&slot.count) & ~kCountMask) == (*count & ~kCountMask);
}

bool Take(Slot& slot, const Key& key) {
  uint32 state = kFree;
  if (!pg_atomic_compare_exchange_u32(&slot.state, &state, kBeingWritten)) return false;
  slot.database = MyDatabaseId;
  slot.version_id = key.version_id;
  slot.environment_size = key.environment_size;
  memcpy(slot.environment, key.environment, key.environment_size);
  pg_write_barrier();
  pg_atomic_write_u32(&slot.state, kReady);
  return true;
}

// Those that come later have no slot: the first free one is taken only when all are looked through,
// because a reset leaves free ones before others. Between two who come for the same new version
// at the same moment, both may take one: the view adds them up.
Place FindSlot(const Key& key) {
  const auto first = static_cast<uint32>(Hash(key) >> 32);
  for (const bool take : {false, true}) {
    for (uint32 i = 0; i < kMostProbes; ++i) {
      Slot& slot = counters->slots[(first + i) % kSlots];
      if (take) (void)Take(slot, key);
      Key found;
      uint64 count;
      if (ReadSlot(slot, &found, &count) && Is(found, key.version_id, key.Environment())) {
        return {&slot, count & ~kCountMask};
      }
    }
  }
  return {nullptr, 0};
}

// Names of environments that this session resolves in: entries have the number.
constexpr int kEnvironments = 64;
Key environments[kEnvironments];  // without a version
int environments_size = 0;

// What this session resolves: where it is counted, and the resolves of the running transaction that
// are not in their slot yet. They are added at once when it ends, so that backends that serve the
// same versions do not wait for each other's cache lines at every call. Where no slot was free
// there is none until the next reset: looking through 64 slots costs more than rendering.
struct alignas(64) Entry {
  int64 version_id;  // 0: not used
  int environment;
  uint32 resets;
  uint64 count;
  TimestampTz last_at;
  Place place;
};
constexpr uint32 kEntries = 1024;
constexpr uint32 kEntriesTried = 8;
Entry entries[kEntries];
uint16 unflushed[kEntries];  // those with a count
uint32 unflushed_size = 0;

// False if the slot has been given back since.
bool AddTo(const Place& place, uint64 added, TimestampTz last_at) {
  uint64 count = pg_atomic_read_u64(&place.slot->count);
  do {
    if ((count & ~kCountMask) != place.use) return false;
  } while (!pg_atomic_compare_exchange_u64(&place.slot->count, &count, count + added));
  pg_atomic_write_u64(&place.slot->last_at, static_cast<uint64>(last_at));
  return true;
}

void Find(Entry& entry) {
  Key key = environments[entry.environment];
  key.version_id = entry.version_id;
  entry.resets = pg_atomic_read_u32(&counters->resets);
  entry.place = FindSlot(key);
}

void Flush(Entry& entry) {
  if (entry.count == 0) return;
  const uint64 count = entry.count;
  entry.count = 0;
  if (entry.place.slot != nullptr) {
    if (AddTo(entry.place, count, entry.last_at)) return;
    Find(entry);
    if (entry.place.slot != nullptr && AddTo(entry.place, count, entry.last_at)) return;
  }
  pg_atomic_fetch_add_u64(&counters->uncounted, count);
}

void FlushAll() {
  while (unflushed_size > 0) Flush(entries[unflushed[--unflushed_size]]);
}

// An entry that was flushed when another version took it may stand there already.
void Remember(const Entry& entry) {
  if (unflushed_size == kEntries) FlushAll();
  unflushed[unflushed_size++] = static_cast<uint16>(&entry - entries);
}

void OnTransactionEnd(XactEvent, void*) noexcept {
  FlushAll();
}

int EnvironmentNumber(std::string_view name) {
  for (int i = 0; i < environments_size; ++i) {
    if (environments[i].Environment() == name) return i;
  }
  if (environments_size == kEnvironments) {
    FlushAll();
    memset(static_cast<void*>(entries), 0, sizeof(entries));
    environments_size = 0;
  }
  Key& key = environments[environments_size];
  key.environment_size = static_cast<uint8>(name.size());
  memcpy(key.environment, name.data(), name.size());
  return environments_size++;
}

// The entry of a version, for which another may have to go.
Entry& EntryFor(int64 version_id, int environment) {
  const uint64 mixed =
      (static_cast<uint64>(version_id) + (static_cast<uint64>(environment) << 48)) *
      UINT64CONST(0x9E3779B97F4A7C15);
  const auto first = static_cast<uint32>(mixed >> 54);
  Entry* chosen = &entries[first];
  for (uint32 i = 0; i < kEntriesTried; ++i) {
    Entry& entry = entries[(first + i) % kEntries];
    if (entry.version_id == version_id && entry.environment == environment) return entry;
    if (entry.version_id == 0) {
      chosen = &entry;
      break;
    }
  }
  Flush(*chosen);
  chosen->version_id = version_id;
  chosen->environment = environment;
  Find(*chosen);
  return *chosen;
}

void PutRow(ReturnSetInfo* result, const Key& key, uint64 count, uint64 last_at) {
  Datum values[] = {Int64GetDatum(key.version_id), PointerGetDatum(NewText(key.Environment())),
                    Int64GetDatum(static_cast<int64>(count)),
                    TimestampTzGetDatum(static_cast<int64>(last_at))};
  bool nulls[] = {false, false, false, false};
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

// Whoever makes it being written is alone with it.
void GiveBack(Slot& slot) {
  uint32 state = kReady;
  if (slot.database != MyDatabaseId ||
      !pg_atomic_compare_exchange_u32(&slot.state, &state, kBeingWritten)) {
    return;
  }
  if (slot.database != MyDatabaseId) {
    pg_atomic_write_u32(&slot.state, kReady);
    return;
  }
  uint64 count = pg_atomic_read_u64(&slot.count);
  while (!pg_atomic_compare_exchange_u64(&slot.count, &count, (count & ~kCountMask) + kOneUse)) {
  }
  slot.database = InvalidOid;
  pg_write_barrier();
  pg_atomic_write_u32(&slot.state, kFree);
}

}  // namespace

void InitResolveStats() {
  RegisterXactCallback(OnTransactionEnd, nullptr);
  if (!process_shared_preload_libraries_in_progress) return;
  previous_request = shmem_request_hook;
  shmem_request_hook = Request;
  previous_startup = shmem_startup_hook;
  shmem_startup_hook = Startup;
}

void CountResolve(int64 version_id, const text* environment) {
  if (!CountsResolves()) return;
  Counters* all = Attached();
  if (all == nullptr) return;
  const std::string_view name = TextView(environment);
  if (name.size() > kMostEnvironmentBytes) {
    pg_atomic_fetch_add_u64(&all->uncounted, 1);
    return;
  }
  Entry& entry = EntryFor(version_id, EnvironmentNumber(name));
  if (entry.resets != pg_atomic_read_u32(&all->resets)) {
    Flush(entry);
    Find(entry);
  }
  if (entry.count++ == 0) Remember(entry);
  entry.last_at = GetCurrentStatementStartTimestamp();
}

}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_resolve_counts);
PG_FUNCTION_INFO_V1(promptreg_uncounted_resolves);
PG_FUNCTION_INFO_V1(promptreg_reset_resolve_counts);
Datum promptreg_resolve_counts(PG_FUNCTION_ARGS);
Datum promptreg_uncounted_resolves(PG_FUNCTION_ARGS);
Datum promptreg_reset_resolve_counts(PG_FUNCTION_ARGS);

// () RETURNS SETOF (version_id, environment, resolves, last_at); of this database.
Datum promptreg_resolve_counts(PG_FUNCTION_ARGS) {
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  pg::Counters* all = pg::Attached();
  if (all == nullptr) return static_cast<Datum>(0);
  pg::FlushAll();
  for (pg::Slot& slot : all->slots) {
    pg::Key key;
    uint64 count;
    if (!pg::ReadSlot(slot, &key, &count) || (count & pg::kCountMask) == 0) continue;
    pg::PutRow(result, key, count & pg::kCountMask, pg_atomic_read_u64(&slot.last_at));
  }
  return static_cast<Datum>(0);
}

// How many found no slot, in all databases; NULL if there are no counters.
Datum promptreg_uncounted_resolves(PG_FUNCTION_ARGS) {
  pg::Counters* all = pg::Attached();
  if (all == nullptr) PG_RETURN_NULL();
  pg::FlushAll();
  PG_RETURN_INT64(static_cast<int64>(pg_atomic_read_u64(&all->uncounted)));
}

// Gives back the slots of this database, for any; true if there are counters. What other sessions
// have pending counts from now on.
Datum promptreg_reset_resolve_counts(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  pg::Counters* all = pg::Attached();
  if (all == nullptr) PG_RETURN_BOOL(false);
  pg::FlushAll();
  for (pg::Slot& slot : all->slots) pg::GiveBack(slot);
  pg_atomic_write_u64(&all->uncounted, 0);
  pg_atomic_fetch_add_u32(&all->resets, 1);
  PG_RETURN_BOOL(true);
}
}
