-- Writing audit records, and giving them their place in the order of commits.

CREATE FUNCTION promptreg.audit_record_hash(record promptreg.audit_log) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(promptreg.canonical_record(
  'id', record.id, 'at', record.at, 'event', record.event, 'prompt', record.prompt,
  'environment', record.environment, 'version', record.version, 'previous', record.previous,
  'experiment', record.experiment, 'reason', record.reason, 'before', record.before, 'after', record.after,
  'session_user_name', record.session_user_name, 'current_user_name', record.current_user_name,
  'application_name', record.application_name, 'client_address', host(record.client_address)));
COMMENT ON FUNCTION promptreg.audit_record_hash(promptreg.audit_log) IS 'SHA-256 over an audit record in canonical form';

CREATE FUNCTION promptreg.change_hash(seq bigint, record_hash bytea, previous_hash bytea) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(promptreg.canonical_record('seq', seq, 'record_hash', record_hash, 'previous_hash', previous_hash));
COMMENT ON FUNCTION promptreg.change_hash(bigint, bytea, bytea) IS 'Chain hash of a change';

CREATE FUNCTION promptreg.audit(
  event text, prompt text DEFAULT NULL, environment text DEFAULT NULL, version integer DEFAULT NULL,
  previous integer DEFAULT NULL, experiment text DEFAULT NULL, reason text DEFAULT NULL,
  before jsonb DEFAULT NULL, after jsonb DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  record_id bigint;
BEGIN
  INSERT INTO promptreg.audit_log (at, event, prompt, environment, version, previous, experiment, reason, before,
                                   after, session_user_name, current_user_name, application_name, client_address)
  VALUES (clock_timestamp(), audit.event, audit.prompt, audit.environment, audit.version, audit.previous,
          audit.experiment, audit.reason, audit.before, audit.after, session_user, promptreg.caller(),
          current_setting('application_name'), inet_client_addr())
  RETURNING id INTO record_id;
  INSERT INTO promptreg.pending_changes (audit_id) VALUES (record_id);
END;
$$;
COMMENT ON FUNCTION promptreg.audit(text, text, text, integer, integer, text, text, jsonb, jsonb) IS
  'Writes one audit record of the running transaction';

-- What listeners are told. At most 8,000 bytes fit; a reason is the only long text in it.
CREATE FUNCTION promptreg.change_payload(seq bigint, record promptreg.audit_log) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_strip_nulls(jsonb_build_object(
  'seq', seq, 'event', record.event, 'prompt', record.prompt, 'environment', record.environment,
  'version', record.version, 'previous', record.previous, 'experiment', record.experiment,
  'reason', "left"(record.reason, 500), 'by', record.current_user_name,
  'at', to_char(record.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))::text;
COMMENT ON FUNCTION promptreg.change_payload(bigint, promptreg.audit_log) IS 'The NOTIFY payload of a change';

-- A queue that somebody's stuck session has filled would make every notifying COMMIT fail. Asking for its usage also
-- moves its tail. Listeners that miss a message catch up by prompt_changes_since.
CREATE FUNCTION promptreg.notify_change(seq bigint, record promptreg.audit_log) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF pg_notification_queue_usage() > 0.5 THEN
    RAISE WARNING USING
      MESSAGE = format('change %s is not notified: the notification queue is more than half full', notify_change.seq),
      HINT = 'Find the session that listens inside an open transaction; listeners catch up by prompt_changes_since.';
    RETURN;
  END IF;
  PERFORM pg_notify('promptreg', promptreg.change_payload(notify_change.seq, notify_change.record));
END;
$$;
COMMENT ON FUNCTION promptreg.notify_change(bigint, promptreg.audit_log) IS 'Tells listeners of a change, unless the queue is nearly full';

-- SECURITY DEFINER because it runs at COMMIT, when current_user is whoever commits. It can only be fired as a
-- trigger, and uses nothing of the caller's.
CREATE FUNCTION promptreg.number_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  last record;
  next_seq bigint;
  audited promptreg.audit_log;
  hash bytea;
BEGIN
  LOCK TABLE promptreg.commit_order IN EXCLUSIVE MODE;
  SELECT l.seq, l.chain_hash INTO last FROM promptreg.last_change() AS l;
  next_seq := coalesce(last.seq, 0) + 1;
  SELECT a.* INTO STRICT audited FROM ONLY promptreg.audit_log a WHERE a.id = NEW.audit_id;
  hash := promptreg.audit_record_hash(audited);
  INSERT INTO promptreg.changes (seq, audit_id, record_hash, previous_hash, chain_hash)
  VALUES (next_seq, audited.id, hash, last.chain_hash, promptreg.change_hash(next_seq, hash, last.chain_hash));
  DELETE FROM promptreg.pending_changes p WHERE p.audit_id = NEW.audit_id;
  PERFORM promptreg.notify_change(next_seq, audited);
  RETURN NULL;
END;
$$;
COMMENT ON FUNCTION promptreg.number_change() IS 'Trigger at COMMIT: gives an audit record its seq and sends NOTIFY';

CREATE CONSTRAINT TRIGGER number_change AFTER INSERT ON promptreg.pending_changes
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION promptreg.number_change();
