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

// A slot is taken for good by the first who finds it free: `state` goes from free to being written
// to ready. Slots are as large as cache lines are, so that versions do not disturb each other.
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

struct Counters {
  pg_atomic_uint64 uncounted;  // no slot was free for them
  Slot slots[kSlots];
};

Counters* counters = nullptr;

void Initialize(void* memory) {
  auto* fresh = static_cast<Counters*>(memory);
  memset(fresh, 0, sizeof(*fresh));
  pg_atomic_init_u64(&fresh->uncounted, 0);
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
        GetNamedDSMSegment("promptreg resolve counters", sizeof(Counters), Initialize, &found));
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

uint32 FirstSlot(int64 version_id, std::string_view environment) {
  uint64 hash = static_cast<uint64>(version_id) * UINT64CONST(0x9E3779B97F4A7C15) ^ MyDatabaseId;
  for (const char byte : environment) {
    hash = (hash ^ static_cast<uint8>(byte)) * UINT64CONST(0x100000001B3);
  }
  return static_cast<uint32>(hash >> 32) % kSlots;
}

bool IsFor(const Slot& slot, int64 version_id, std::string_view environment) {
  return slot.version_id == version_id && slot.database == MyDatabaseId &&
         environment == std::string_view(slot.environment, slot.environment_size);
}

// Between two who come for the same new version at the same moment, the second may pass the slot
// that the first is writing and take another: the view adds them up.
Slot* FindSlot(Counters* all, int64 version_id, std::string_view environment) {
  const uint32 first = FirstSlot(version_id, environment);
  for (uint32 i = 0; i < kMostProbes; ++i) {
    Slot& slot = all->slots[(first + i) % kSlots];
    uint32 state = pg_atomic_read_u32(&slot.state);
    if (state == kFree && pg_atomic_compare_exchange_u32(&slot.state, &state, kBeingWritten)) {
      slot.database = MyDatabaseId;
      slot.version_id = version_id;
      slot.environment_size = static_cast<uint8>(environment.size());
      memcpy(slot.environment, environment.data(), environment.size());
      pg_write_barrier();
      pg_atomic_write_u32(&slot.state, kReady);
      return &slot;
    }
    if (state != kReady) continue;
    pg_read_barrier();
    if (IsFor(slot, version_id, environment)) return &slot;
  }
  return nullptr;
}

// Resolves of the running transaction that are not in their slot yet. Most of one transaction are
// of one version: they are added at once, when it ends or another version comes, so that backends
// that serve the same version do not wait for each other's cache line at every call.
struct Pending {
  Slot* slot;
  uint64 count;
  TimestampTz last_at;
};
Pending pending = {};

void Flush() noexcept {
  if (pending.count == 0) return;
  pg_atomic_fetch_add_u64(&pending.slot->count, pending.count);
  pg_atomic_write_u64(&pending.slot->last_at, static_cast<uint64>(pending.last_at));
  pending.count = 0;
}

void OnTransactionEnd(XactEvent, void*) noexcept {
  Flush();
}

void PutRow(ReturnSetInfo* result, const Slot& slot, uint64 count) {
  const Datum environment = PointerGetDatum(NewText({slot.environment, slot.environment_size}));
  Datum values[] = {
      Int64GetDatum(slot.version_id), environment, Int64GetDatum(static_cast<int64>(count)),
      TimestampTzGetDatum(
          static_cast<int64>(pg_atomic_read_u64(const_cast<pg_atomic_uint64*>(&slot.last_at))))};
  bool nulls[] = {false, false, false, false};
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
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
  if (pending.slot == nullptr || !IsFor(*pending.slot, version_id, name)) {
    Flush();
    pending.slot = name.size() <= kMostEnvironmentBytes ? FindSlot(all, version_id, name) : nullptr;
    if (pending.slot == nullptr) {
      pg_atomic_fetch_add_u64(&all->uncounted, 1);
      return;
    }
  }
  ++pending.count;
  pending.last_at = GetCurrentStatementStartTimestamp();
}

}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_resolve_counts);
PG_FUNCTION_INFO_V1(promptreg_reset_resolve_counts);
Datum promptreg_resolve_counts(PG_FUNCTION_ARGS);
Datum promptreg_reset_resolve_counts(PG_FUNCTION_ARGS);

// () RETURNS SETOF (version_id, environment, resolves, last_at); of this database.
Datum promptreg_resolve_counts(PG_FUNCTION_ARGS) {
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  pg::Counters* all = pg::Attached();
  if (all == nullptr) return static_cast<Datum>(0);
  pg::Flush();
  for (pg::Slot& slot : all->slots) {
    if (pg_atomic_read_u32(&slot.state) != pg::kReady) continue;
    pg_read_barrier();
    if (slot.database != MyDatabaseId) continue;
    const uint64 count = pg_atomic_read_u64(&slot.count);
    if (count > 0) pg::PutRow(result, slot, count);
  }
  return static_cast<Datum>(0);
}

// Sets the counts of this database to zero; true if there are counters.
Datum promptreg_reset_resolve_counts(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  pg::Counters* all = pg::Attached();
  if (all == nullptr) PG_RETURN_BOOL(false);
  pg::Flush();
  for (pg::Slot& slot : all->slots) {
    if (pg_atomic_read_u32(&slot.state) != pg::kReady || slot.database != MyDatabaseId) continue;
    pg_atomic_write_u64(&slot.count, 0);
  }
  PG_RETURN_BOOL(true);
}
}
