-- What periodic maintenance did last, one row per task.

CREATE TABLE promptreg.maintenance_runs (
  task        text PRIMARY KEY,
  started_at  timestamptz NOT NULL,
  finished_at timestamptz NOT NULL,
  result      text,
  error       text,
  runs        bigint NOT NULL CHECK (runs >= 1),
  failures    bigint NOT NULL CHECK (failures >= 0),
  CHECK (finished_at >= started_at),
  CHECK ((error IS NULL) = (failures = 0))
);
COMMENT ON TABLE promptreg.maintenance_runs IS 'The last run of each maintenance task; read promptreg.maintenance';
COMMENT ON COLUMN promptreg.maintenance_runs.task IS 'The task';
COMMENT ON COLUMN promptreg.maintenance_runs.started_at IS 'When it last started';
COMMENT ON COLUMN promptreg.maintenance_runs.finished_at IS 'When it last ended';
COMMENT ON COLUMN promptreg.maintenance_runs.result IS 'What it did; NULL: it failed';
COMMENT ON COLUMN promptreg.maintenance_runs.error IS 'Why it failed, SQLSTATE and message; NULL: it did not';
COMMENT ON COLUMN promptreg.maintenance_runs.runs IS 'How often it has run';
COMMENT ON COLUMN promptreg.maintenance_runs.failures IS 'How often it has failed since it last succeeded';
