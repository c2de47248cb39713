#include "pg/caller.h"

namespace promptreg::pg {
namespace {

// Frames live on the stack of the functions that push them, which pop them however they end.
CallFrame* innermost = nullptr;

// Nothing but a frame of the process that started this worker runs the extension's code with this
// in force, which workers take over as they do the user.
bool IsInFrameOfLeader() {
  return innermost == nullptr && IsParallelWorker() && InNoForceRLSOperation();
}

}  // namespace

Oid CallerRole() {
  if (IsInFrameOfLeader()) elog(ERROR, "the caller was asked for in a parallel worker");
  return innermost != nullptr ? innermost->caller : GetUserId();
}

void NoteRightsCheck() {
  if (innermost != nullptr) innermost->rights_checked = true;
}

void EnterOwner(Oid owner, CallFrame* frame, Oid* saved_user, int* saved_context) {
  frame->caller = CallerRole();
  frame->outer = innermost;
  frame->jit = jit_enabled;
  jit_enabled = false;
  frame->workers = max_parallel_workers_per_gather;
  max_parallel_workers_per_gather = 0;
  GetUserIdAndSecContext(saved_user, saved_context);
  SetUserIdAndSecContext(owner,
                         *saved_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
  innermost = frame;
}

void LeaveOwner(CallFrame* frame, Oid saved_user, int saved_context) {
  innermost = frame->outer;
  jit_enabled = frame->jit;
  max_parallel_workers_per_gather = frame->workers;
  SetUserIdAndSecContext(saved_user, saved_context);
}

void PassErrorOn(MemoryContext context) {
  const int code = geterrcode();
  const bool own = (code & 0xFFF) == (MAKE_SQLSTATE('P', 'R', '0', '0', '0') & 0xFFF);
  if (!own && code != ERRCODE_INSUFFICIENT_PRIVILEGE) PG_RE_THROW();
  MemoryContextSwitchTo(context);
  ErrorData* error = CopyErrorData();
  FlushErrorState();
  error->context = nullptr;
  ReThrowError(error);
}

}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_caller);
Datum promptreg_caller(PG_FUNCTION_ARGS);

Datum promptreg_caller(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_TEXT_P(cstring_to_text(GetUserNameFromId(pg::CallerRole(), false)));
}
}
