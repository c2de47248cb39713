// The entry of every public function of the control plane. It runs promptreg._<name>, the function
// with the same arguments, as the owner of the extension, with the caller remembered.
//
// SECURITY DEFINER would do nearly the same, but leave no way to know whose rights to check:
// session_user is not the role that SET ROLE, a definer function or VACUUM put in force.
#include "pg/caller.h"
#include "pg/server.h"

namespace promptreg::pg {
namespace {

struct Target {
  FmgrInfo function;
  Oid owner;
  bool writes;
};

Target* FindTarget(FmgrInfo* entry) {
  HeapTuple entry_tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(entry->fn_oid));
  if (!HeapTupleIsValid(entry_tuple))
    elog(ERROR, "cache lookup failed for function %u", entry->fn_oid);
  auto* entry_form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(entry_tuple));

  const char* name = psprintf("_%s", NameStr(entry_form->proname));
  const Oid schema = get_namespace_oid("promptreg", false);
  HeapTuple tuple =
      SearchSysCache3(PROCNAMEARGSNSP, CStringGetDatum(name),
                      PointerGetDatum(&entry_form->proargtypes), ObjectIdGetDatum(schema));
  if (!HeapTupleIsValid(tuple)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                    errmsg("function promptreg.%s does not exist", name),
                    errdetail("The library and the SQL of the extension do not belong together."),
                    errhint("Run ALTER EXTENSION promptreg UPDATE.")));
  }
  auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
  auto* target = static_cast<Target*>(MemoryContextAlloc(entry->fn_mcxt, sizeof(Target)));
  target->owner = form->proowner;
  target->writes = form->provolatile == PROVOLATILE_VOLATILE;
  fmgr_info_cxt(form->oid, &target->function, entry->fn_mcxt);
  target->function.fn_expr = entry->fn_expr;
  ReleaseSysCache(tuple);
  ReleaseSysCache(entry_tuple);
  return target;
}

void CheckWritable(const FmgrInfo* entry) {
  if (!XactReadOnly) return;
  const bool standby = RecoveryInProgress();
  ereport(ERROR,
          (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
           errmsg("cannot execute %s in a read-only transaction", get_func_name(entry->fn_oid)),
           standby ? errdetail("This server is a standby.") : 0,
           standby ? errhint("Connect to the primary server.") : 0));
}

}  // namespace
}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_invoke);
Datum promptreg_invoke(PG_FUNCTION_ARGS);

Datum promptreg_invoke(PG_FUNCTION_ARGS) {
  FmgrInfo* const entry = fcinfo->flinfo;
  if (entry->fn_extra == nullptr) entry->fn_extra = pg::FindTarget(entry);
  auto* const target = static_cast<pg::Target*>(entry->fn_extra);

  if (target->writes) pg::CheckWritable(entry);

  volatile Datum result = 0;
  pg::CallFrame frame;
  PG_TRY();
  {
    frame = pg::AsOwner(target->owner, [&] {
      fcinfo->flinfo = &target->function;
      result = FunctionCallInvoke(fcinfo);
    });
  }
  PG_FINALLY();
  { fcinfo->flinfo = entry; }
  PG_END_TRY();

  // Fails closed: a function that forgot to ask has its work undone.
  if (!frame.rights_checked) {
    elog(ERROR, "function %s made no check of rights", get_func_name(entry->fn_oid));
  }
  return result;
}
}
