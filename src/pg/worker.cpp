#include "pg/worker.h"

#include "pg/server.h"
#include "pg/settings.h"

extern "C" {
#include "commands/extension.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
}

namespace promptreg::pg {
namespace {

constexpr int kRestartSeconds = 30;

// One transaction. An error outside of the tasks, which catch their own, ends the process: the
// postmaster starts it again.
void Maintain() {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  pgstat_report_activity(STATE_RUNNING, "promptreg maintenance");
  // The extension may be created, or dropped, while the worker waits.
  if (OidIsValid(get_extension_oid("promptreg", true))) {
    SPI_connect();
    if (SPI_execute("SELECT pg_catalog.count(*) FROM promptreg.run_maintenance()", false, 0) !=
        SPI_OK_SELECT) {
      elog(ERROR, "promptreg maintenance failed");
    }
    SPI_finish();
  }
  PopActiveSnapshot();
  CommitTransactionCommand();
  pgstat_report_stat(true);
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
  while (true) {
    pg::Maintain();
    pg::Wait();
  }
}
}
