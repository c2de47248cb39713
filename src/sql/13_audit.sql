-- Who did what, and in which order it was committed.
--
-- An audit record is written by the change it tells of, and seen with it. Its place in the order of commits is
-- assigned when the transaction commits: a deferred trigger on pending_changes takes the lock of commit_order, gives
-- the next seq, chains the hash and sends NOTIFY. So seq has no gaps and follows the order of commits, and a
-- transaction that stays open keeps nobody else from releasing.

CREATE TABLE promptreg.audit_log (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at                timestamptz NOT NULL,
  event             text NOT NULL CHECK (event <> ''),
  prompt            text,
  environment       text,
  version           integer,
  previous          integer,
  experiment        text,
  reason            text,
  before            jsonb,
  after             jsonb,
  session_user_name text NOT NULL,
  current_user_name text NOT NULL,
  application_name  text,
  client_address    inet
);
CREATE INDEX audit_log_prompt_idx ON promptreg.audit_log (prompt, id);
COMMENT ON TABLE promptreg.audit_log IS 'Audit records: every change of the registry; append-only';
COMMENT ON COLUMN promptreg.audit_log.id IS 'Internal key';
COMMENT ON COLUMN promptreg.audit_log.at IS 'When the change was made (it may have been committed later)';
COMMENT ON COLUMN promptreg.audit_log.event IS
  'What happened: created, committed, promoted, rolled_back, retired, experiment_started, granted ...';
COMMENT ON COLUMN promptreg.audit_log.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.audit_log.environment IS 'Environment';
COMMENT ON COLUMN promptreg.audit_log.version IS 'Version committed, or served from then on';
COMMENT ON COLUMN promptreg.audit_log.previous IS 'Version before';
COMMENT ON COLUMN promptreg.audit_log.experiment IS 'Key of the experiment';
COMMENT ON COLUMN promptreg.audit_log.reason IS 'Why, in the words of who did it';
COMMENT ON COLUMN promptreg.audit_log.before IS 'What the change replaced';
COMMENT ON COLUMN promptreg.audit_log.after IS 'What the change set';
COMMENT ON COLUMN promptreg.audit_log.session_user_name IS 'Role that logged in (session_user)';
COMMENT ON COLUMN promptreg.audit_log.current_user_name IS 'Role in force at the call (current_user)';
COMMENT ON COLUMN promptreg.audit_log.application_name IS 'application_name of the session';
COMMENT ON COLUMN promptreg.audit_log.client_address IS 'Address of the client; NULL for a local socket';

CREATE TABLE promptreg.changes (
  seq           bigint PRIMARY KEY CHECK (seq >= 1),
  audit_id      bigint NOT NULL UNIQUE REFERENCES promptreg.audit_log (id),
  record_hash   bytea NOT NULL CHECK (octet_length(record_hash) = 32),
  previous_hash bytea CHECK (octet_length(previous_hash) = 32),
  chain_hash    bytea NOT NULL CHECK (octet_length(chain_hash) = 32),
  UNIQUE NULLS NOT DISTINCT (previous_hash),
  CHECK ((seq = 1) = (previous_hash IS NULL))
);
COMMENT ON TABLE promptreg.changes IS
  'The order in which audit records were committed, and the hash chain over them; append-only';
COMMENT ON COLUMN promptreg.changes.seq IS 'Number of the change in the database: 1, 2, 3 in order of commits, without gaps';
COMMENT ON COLUMN promptreg.changes.audit_id IS 'The audit record';
COMMENT ON COLUMN promptreg.changes.record_hash IS 'SHA-256 over the audit record in canonical form';
COMMENT ON COLUMN promptreg.changes.previous_hash IS 'Chain hash of the change before; NULL for the first';
COMMENT ON COLUMN promptreg.changes.chain_hash IS 'SHA-256 over seq, record hash and previous hash in canonical form';

CREATE TABLE promptreg.pending_changes (
  audit_id bigint PRIMARY KEY REFERENCES promptreg.audit_log (id)
);
COMMENT ON TABLE promptreg.pending_changes IS
  'Audit records of running transactions that have no seq yet; emptied by every commit';
COMMENT ON COLUMN promptreg.pending_changes.audit_id IS 'The audit record';

CREATE TABLE promptreg.commit_order ();
COMMENT ON TABLE promptreg.commit_order IS 'Always empty: its lock orders the commits of changes';
