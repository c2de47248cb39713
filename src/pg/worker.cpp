#include "pg/worker.h"

#include "pg/server.h"
#include "pg/settings.h"

extern "C" {
#include "catalog/pg_type_d.h"
#include "commands/extension.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

namespace promptreg::pg {
namespace {

constexpr int kRestartSeconds = 30;

// An error outside of the tasks, which catch their own, ends the process: the postmaster starts it
// again.
void Begin() {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  SPI_connect();
}

void End() {
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
  pgstat_report_stat(true);
}

// The extension may be created, or dropped, while the worker waits, and between two tasks.
bool ExtensionExists() {
  return OidIsValid(get_extension_oid("promptreg", true));
}

// The names of the tasks in the order in which they run, in the given memory.
List* Tasks(MemoryContext memory) {
  List* tasks = NIL;
  Begin();
  if (ExtensionExists()) {
    if (SPI_execute("SELECT task FROM promptreg.maintenance_tasks()", true, 0) != SPI_OK_SELECT) {
      elog(ERROR, "promptreg maintenance failed");
    }
    for (uint64 row = 0; row < SPI_processed; ++row) {
      const char* task = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1);
      const MemoryContext before = MemoryContextSwitchTo(memory);
      tasks = lappend(tasks, pstrdup(task));
      MemoryContextSwitchTo(before);
    }
  }
  End();
  return tasks;
}

void Run(const char* task) {
  Begin();
  if (ExtensionExists()) {
    Oid types[] = {TEXTOID};
    Datum values[] = {CStringGetTextDatum(task)};
    constexpr char kRun[] = "SELECT pg_catalog.count(*) FROM promptreg.run_maintenance(ARRAY[$1])";
    if (SPI_execute_with_args(kRun, 1, types, values, nullptr, false, 0) != SPI_OK_SELECT) {
      elog(ERROR, "promptreg maintenance failed");
    }
  }
  End();
}

// Each task is a transaction of its own: what a guard rolls back is served at once, whatever the
// others take, and no lock is kept from one task to the next.
void Maintain() {
  pgstat_report_activity(STATE_RUNNING, "promptreg maintenance");
  MemoryContext memory =
      AllocSetContextCreate(TopMemoryContext, "promptreg maintenance", ALLOCSET_SMALL_SIZES);
  const List* tasks = Tasks(memory);
  const ListCell* cell = nullptr;
  foreach (cell, tasks) {
    Run(static_cast<const char*>(lfirst(cell)));
    CHECK_FOR_INTERRUPTS();
  }
  MemoryContextDelete(memory);
  pgstat_report_activity(STATE_IDLE, nullptr);
}

void Wait() {
  const long milliseconds = MaintenanceInterval() * 1000L;
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
                  PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
  if (!ConfigReloadPending) return;
  ConfigReloadPending = false;
  ProcessConfigFile(PGC_SIGHUP);
}

}  // namespace

void RegisterWorker() {
  if (!process_shared_preload_libraries_in_progress || MaintainedDatabase()[0] == '\0') return;
  BackgroundWorker worker = {};
  strlcpy(worker.bgw_name, "promptreg maintenance", sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, "promptreg maintenance", sizeof(worker.bgw_type));
  strlcpy(worker.bgw_library_name, "promptreg", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, "promptreg_worker_main", sizeof(worker.bgw_function_name));
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  // Not on a hot standby, which cannot write.
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = kRestartSeconds;
  RegisterBackgroundWorker(&worker);
}

}  // namespace promptreg::pg

namespace pg = promptreg::pg;

extern "C" {

PGDLLEXPORT void promptreg_worker_main(Datum);

void promptreg_worker_main(Datum) {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(pg::MaintainedDatabase(), nullptr, 0);
  SetConfigOption("application_name", "promptreg maintenance", PGC_USERSET, PGC_S_OVERRIDE);
  // Compiling the statements of a task takes longer than running them.
  SetConfigOption("jit", "off", PGC_USERSET, PGC_S_OVERRIDE);
  while (true) {
    pg::Maintain();
    pg::Wait();
  }
}
}
