#include "pg/invalidation.h"

#include "pg/server.h"

namespace promptreg::pg {
namespace {

uint64 generation = 1;
uint64 epoch = 0;
// promptreg.cache_signal when it was last looked up. It stays while a new look is due: a message
// that arrives in between must count too.
Oid signal_table = InvalidOid;
bool look_up = true;
Oid owner = InvalidOid;
bool transaction_changed_registry = false;

// Callbacks run in places where nothing may fail: they only set flags.
void OnRelcacheInvalidation(Datum, Oid relation) noexcept {
  if (relation != InvalidOid && relation != signal_table && signal_table != InvalidOid) return;
  ++generation;
  look_up = true;
}

void OnTransactionEnd(XactEvent event, void*) noexcept {
  switch (event) {
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
      transaction_changed_registry = false;
      break;
    default:
      break;
  }
}

void LookUpInstallation() {
  const uint64 before = generation;
  const Oid schema = get_namespace_oid("promptreg", true);
  const Oid relation = OidIsValid(schema) ? get_relname_relid("cache_signal", schema) : InvalidOid;
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("table promptreg.cache_signal does not exist"),
                    errhint("Create the extension promptreg in this database.")));
  }
  owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
  ReleaseSysCache(tuple);
  look_up = generation != before;  // a message that arrived meanwhile asks for another look
  if (relation != signal_table) {
    ++epoch;
    ++generation;
    signal_table = relation;
  }
}

}  // namespace

void InitInvalidation() {
  CacheRegisterRelcacheCallback(OnRelcacheInvalidation, 0);
  RegisterXactCallback(OnTransactionEnd, nullptr);
}

uint64 Generation() {
  return generation;
}

uint64 InstallationEpoch() {
  if (look_up) LookUpInstallation();
  return epoch;
}

Oid ExtensionOwner() {
  if (look_up) LookUpInstallation();
  return owner;
}

bool TransactionChangedRegistry() {
  return transaction_changed_registry;
}

namespace {

void NoteChange(const Trigger& trigger) {
  transaction_changed_registry = true;
  InstallationEpoch();
  CacheInvalidateRelcacheByRelid(signal_table);
  if (trigger.tgnargs != 1 || strcmp(trigger.tgargs[0], "announce") != 0) return;
  SharedInvalidationMessage message = {};
  message.rc.id = SHAREDINVALRELCACHE_ID;
  message.rc.dbId = MyDatabaseId;
  message.rc.relId = signal_table;
  SendSharedInvalidMessages(&message, 1);
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_invalidate_cache);
Datum promptreg_invalidate_cache(PG_FUNCTION_ARGS);

Datum promptreg_invalidate_cache(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("promptreg.invalidate_cache can only be called as a trigger")));
  }
  pg::NoteChange(*reinterpret_cast<TriggerData*>(fcinfo->context)->tg_trigger);
  return PointerGetDatum(nullptr);
}
}
