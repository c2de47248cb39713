// Who calls. Functions of the control plane run as the owner of the extension; this remembers the
// role that was in force where the public function was called, and whether a check of its rights
// was made.
#pragma once

#include "pg/server.h"

namespace promptreg::pg {

// The role that the innermost public function was called by; outside of one, the current user. An
// error in a parallel worker that was started inside of one: it does not know the caller.
Oid CallerRole();

// To be called by every check of rights.
void NoteRightsCheck();

struct CallFrame {
  Oid caller = InvalidOid;
  bool rights_checked = false;
  // What the caller has set jit to. Plans of these functions are for a few rows, whatever the
  // planner thinks of functions in FROM: compiling one took 160 ms of a promotion of 2 ms.
  bool jit = false;
  // What the caller has set max_parallel_workers_per_gather to. Frames are of this process alone,
  // so a worker would not know the caller; 0 rules out parallel plans, forced ones too.
  int workers = 0;
  CallFrame* outer = nullptr;
};
void EnterOwner(Oid owner, CallFrame* frame, Oid* saved_user, int* saved_context);
void LeaveOwner(CallFrame* frame, Oid saved_user, int saved_context);

// In a PG_CATCH block: passes the error on. The extension's own errors lose their CONTEXT, which
// would only list internal functions, and tell a caller by which way a refusal came.
[[noreturn]] void PassErrorOn(MemoryContext context);

// Runs body() as `owner` with the present caller remembered, and restores both however body() ends.
// body() must not hold objects with destructors across server calls.
template <typename Body>
CallFrame AsOwner(Oid owner, Body&& body) {
  CallFrame frame;
  Oid saved_user;
  int saved_context;
  const MemoryContext context = CurrentMemoryContext;
  EnterOwner(owner, &frame, &saved_user, &saved_context);
  PG_TRY();
  { body(); }
  PG_CATCH();
  {
    LeaveOwner(&frame, saved_user, saved_context);
    PassErrorOn(context);
  }
  PG_END_TRY();
  LeaveOwner(&frame, saved_user, saved_context);
  return frame;
}

}  // namespace promptreg::pg
