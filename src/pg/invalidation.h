// When what a backend remembers of the registry is no longer true.
//
// Triggers on the tables behind routes and grants invalidate the relation cache's entry of
// promptreg.cache_signal, an empty table that no query mentions. PostgreSQL carries the message in
// the commit record to all backends and hot standbys, and applies it to the sending backend at the
// end of the command and again when the command is undone.
#pragma once

#include "pg/server.h"

namespace promptreg::pg {

// Registers the callbacks; once per process.
void InitInvalidation();

// Processes what other backends have sent; a flag test when there is nothing.
inline void ReceiveInvalidations() {
  AcceptInvalidationMessages();
}

// Changes whenever routes or grants may have changed.
uint64 Generation();

// Changes when the extension has been created anew: version ids and types are others then. Looks
// the extension up if it was invalidated, so call it before using anything remembered.
uint64 InstallationEpoch();

// The role that owns the extension's tables.
Oid ExtensionOwner();

// Whether the running transaction has changed routes or grants itself. Its own snapshot rules then;
// nothing is served from or put into the cache until it ends.
bool TransactionChangedRegistry();

}  // namespace promptreg::pg
