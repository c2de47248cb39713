-- prompt_verify finds what was tampered with behind the back of the triggers, by a superuser who disables them. Each
-- case is undone.

SELECT prompt_create('verify/' || p) FROM unnest('{a,b}'::text[]) AS p;
SELECT count(prompt_commit('verify/' || p, 'v' || v || ' {{x}}', variables => '[{"name": "x"}]', model => 'm', params => '{"t": 1}', message => 'm' || v, metadata => '{"a": 1}'))
  FROM unnest('{a,b}'::text[]) AS p, generate_series(1, 4) AS v;
SELECT count(prompt_promote('verify/a', v, 'production', 'r' || v, idempotency_key => 'k' || v)) FROM generate_series(1, 4) AS v;
SELECT (prompt_rollback('verify/a', 'production', reason => 'back')).version;
SELECT prompt_experiment_start('verify/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'verify-x');
SELECT prompt_experiment_set_weights('verify-x', '{"x": 1, "y": 2}', 'two'), prompt_experiment_set_weights('verify-x', '{"x": 1, "y": 3}', 'three');

-- Whole: no rows. Nor in a transaction that has changed something and not committed.
SELECT * FROM prompt_verify();
SELECT * FROM prompt_verify('verify/a');
BEGIN;
SELECT prompt_commit('verify/a', 'open'), (prompt_promote('verify/b', 1, 'staging')).version;
SELECT * FROM prompt_verify();
ROLLBACK;
CALL test.fails($$SELECT prompt_verify('verify/none')$$);
CALL test.fails($$SELECT prompt_verify('')$$);

-- Runs a statement with the triggers of all tables disabled, says what verify finds in verify/a and in everything,
-- and takes it back.
CREATE FUNCTION test.tamper(statement text, everything boolean DEFAULT false) RETURNS TABLE (finding text) LANGUAGE plpgsql AS $$
DECLARE
  broken record;
BEGIN
  BEGIN
    PERFORM set_config('client_min_messages', 'warning', true);
    EXECUTE (SELECT string_agg(format('ALTER TABLE promptreg.%I DISABLE TRIGGER ALL', c.relname), '; ') FROM pg_class c WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r');
    EXECUTE statement;
    EXECUTE (SELECT string_agg(format('ALTER TABLE promptreg.%I ENABLE ALWAYS TRIGGER %I', c.relname, t.tgname), '; ') FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
              WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r' AND NOT t.tgisinternal);
    finding := coalesce((SELECT string_agg(concat_ws(' ', v.record, v.environment, CASE WHEN v.record NOT IN ('change', 'audit_log') THEN v.number::text END || ':', v.problem), '; ')
                         FROM prompt_verify('verify/a') v), 'nothing');
    RETURN NEXT;
    IF NOT everything THEN
      RAISE EXCEPTION 'take it back' USING ERRCODE = 'ZZZZZ';
    END IF;
    finding := 'all: ' || coalesce((SELECT string_agg(concat_ws(' ', v.prompt, v.record, v.environment, CASE WHEN v.record NOT IN ('change', 'audit_log') THEN v.number::text END || ':', v.problem), '; ')
                                    FROM prompt_verify() v), 'nothing');
    RETURN NEXT;
    RAISE EXCEPTION 'take it back' USING ERRCODE = 'ZZZZZ';
  EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
    NULL;
  END;
END;
$$;
SELECT * FROM test.tamper('SELECT 1', true);

-- Every column of a version, a deployment, a row of weights and an audit record. Only the internal keys are not covered.
CREATE FUNCTION test.tamper_with(name text, condition text, everything boolean) RETURNS TABLE (changed text, finding text) LANGUAGE plpgsql AS $$
DECLARE
  a record;
BEGIN
  FOR a IN
    SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute
     WHERE attrelid = ('promptreg.' || name)::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id' ORDER BY attnum
  LOOP
    changed := a.attname;
    finding := (SELECT string_agg(t.finding, ' | ') FROM test.tamper(format('UPDATE promptreg.%I SET %I = %s WHERE %s', name, a.attname,
      CASE WHEN a.attname = 'previous_hash' OR a.attname = 'chain_hash' OR a.attname = 'content_hash' OR a.attname = 'record_hash' THEN format('set_byte(%I, 31, get_byte(%I, 31) # 1)', a.attname, a.attname)
           WHEN a.attname = 'branch' THEN $x$'other'$x$
           WHEN a.attname = 'version' AND name = 'versions' THEN '9'
           WHEN a.attname = 'number' THEN '9'
           WHEN a.attname = 'syntax' THEN $x$'none'$x$ WHEN a.attname = 'escape' THEN $x$'html'$x$
           WHEN a.attname = 'event' AND name = 'deployments' THEN $x$'rolled_back'$x$
           WHEN a.attname = 'parent_version' OR a.attname = 'rollback_to' THEN '1'
           WHEN a.attname = 'environment' AND name = 'deployments' THEN $x$'development'$x$
           WHEN a.attname = 'state' THEN $x$'paused'$x$ WHEN a.attname = 'versions' THEN $x$'{2,1}'$x$ WHEN a.attname = 'coverage_ppm' THEN '7'
           WHEN a.attname = 'keys' THEN $x$'{x,z}'$x$ WHEN a.attname = 'ppm' THEN $x$'{1,999999}'$x$
           WHEN a.attname = 'messages' THEN $x$'[{"role": "user", "content": "forged"}]'$x$ WHEN a.attname = 'variables' THEN $x$'[]'$x$
           WHEN a.type = 'text' THEN format($x$coalesce(%I, '') || '!'$x$, a.attname)
           WHEN a.type = 'integer' THEN format('coalesce(%I, 2) + 1', a.attname)
           WHEN a.type = 'bigint' THEN format('%I + 1000000', a.attname)
           WHEN a.type = 'jsonb' THEN format($x$coalesce(%I, '{}') || '{"forged": 1}'$x$, a.attname)
           WHEN a.type = 'inet' THEN $x$'10.0.0.1'$x$
           WHEN a.type = 'timestamp with time zone' THEN format($x$%I + interval '1 microsecond'$x$, a.attname) END, condition), everything) t);
    RETURN NEXT;
  END LOOP;
END;
$$;
SELECT * FROM test.tamper_with('versions', $$version = 3 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$, false);
SELECT * FROM test.tamper_with('deployments', $$number = 3 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$, false);
SELECT * FROM test.tamper_with('weights', $$number = 2 AND experiment_id = (SELECT id FROM promptreg.experiments WHERE key = 'verify-x')$$, false);
SELECT * FROM test.tamper_with('audit_log', $$prompt = 'verify/a' AND event = 'promoted' AND version = 3$$, true);
SELECT * FROM test.tamper_with('changes', $$audit_id = (SELECT id FROM promptreg.audit_log WHERE prompt = 'verify/a' AND event = 'promoted' AND version = 3)$$, true);

-- Rows removed: the first, one in the middle, the last, all.
SELECT number, finding FROM (VALUES ('= 1'), ('= 3'), ('= 4'), ('> 0')) AS which (number),
  test.tamper(format($$DELETE FROM promptreg.versions WHERE version %s AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$, number));
SELECT number, finding FROM (VALUES ('= 1'), ('= 3'), ('= 5'), ('> 0')) AS which (number),
  test.tamper(format($$DELETE FROM promptreg.deployments WHERE number %s AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$, number));
SELECT number, finding FROM (VALUES ('= 1'), ('= 2'), ('= 3'), ('> 0')) AS which (number),
  test.tamper(format($$DELETE FROM promptreg.weights WHERE number %s AND experiment_id = (SELECT id FROM promptreg.experiments WHERE key = 'verify-x')$$, number));
SELECT * FROM test.tamper($$DELETE FROM promptreg.audit_log WHERE prompt = 'verify/a' AND version = 2$$, true);
SELECT * FROM test.tamper($$DELETE FROM promptreg.changes WHERE seq = (SELECT max(seq) - 3 FROM promptreg.changes)$$, true);
SELECT * FROM test.tamper($$DELETE FROM promptreg.changes WHERE seq = (SELECT max(seq) FROM promptreg.changes)$$, true);
-- The tail of everything cut off, consistently: versions, head and audit records.
SELECT * FROM test.tamper($$DELETE FROM promptreg.versions WHERE version = 4 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/b');
  UPDATE promptreg.prompts SET head_version = 3 WHERE name = 'verify/b'$$, true);
SELECT * FROM test.tamper($$DELETE FROM promptreg.versions WHERE version = 4 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/b');
  UPDATE promptreg.prompts SET head_version = 3 WHERE name = 'verify/b'; DELETE FROM promptreg.audit_log WHERE prompt = 'verify/b' AND version = 4$$, true);

-- Two rows exchanged; the numbers of two rows exchanged.
SELECT * FROM test.tamper($$UPDATE promptreg.versions v SET messages = o.messages, content_hash = o.content_hash FROM promptreg.versions o
  WHERE v.prompt_id = o.prompt_id AND v.version + o.version = 5 AND v.version IN (2, 3) AND v.prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);
SELECT * FROM test.tamper($$ALTER TABLE promptreg.versions DROP CONSTRAINT versions_prompt_id_version_key CASCADE;
  UPDATE promptreg.versions v SET version = 5 - version, parent_version = NULL WHERE version IN (2, 3) AND v.prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);
-- A middle forged with its own hashes made right: the next link does not fit.
SELECT * FROM test.tamper($$UPDATE promptreg.versions v SET messages = '[{"role": "user", "content": "forged {{x}}"}]' WHERE version = 2 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a');
  UPDATE promptreg.versions v SET content_hash = promptreg.content_hash('text', v.messages, v.variables, v.model, v.params, v.syntax, v.escape) WHERE version = 2 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a');
  UPDATE promptreg.versions v SET chain_hash = promptreg.version_hash('verify/a', v) WHERE version = 2 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);
-- A middle forged under equal ends: content changed, every hash left as it was.
SELECT * FROM test.tamper($$UPDATE promptreg.versions v SET messages = jsonb_set(messages, '{0,content}', '"v3 {{x}}!"') WHERE version = 3 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);
-- The newest version forged with right hashes: the audit log knows better.
SELECT * FROM test.tamper($$UPDATE promptreg.versions v SET message = 'forged' WHERE version = 4 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a');
  UPDATE promptreg.versions v SET chain_hash = promptreg.version_hash('verify/a', v) WHERE version = 4 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);
-- A version, a deployment and a change added with right hashes, which nobody committed.
SELECT * FROM test.tamper($$INSERT INTO promptreg.versions (prompt_id, version, messages, params, metadata, syntax, escape, branch, author, created_at, content_hash, previous_hash, chain_hash)
  SELECT prompt_id, 5, messages, params, metadata, syntax, escape, branch, author, created_at, content_hash, chain_hash, sha256('x') FROM promptreg.versions WHERE version = 4 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a');
  UPDATE promptreg.prompts SET head_version = 5 WHERE name = 'verify/a';
  UPDATE promptreg.versions v SET chain_hash = promptreg.version_hash('verify/a', v), content_hash = promptreg.content_hash('text', v.messages, v.variables, v.model, v.params, v.syntax, v.escape) WHERE version = 5 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a');
  UPDATE promptreg.versions v SET chain_hash = promptreg.version_hash('verify/a', v) WHERE version = 5 AND prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);

-- Routes, experiments and prompts: what they say now must follow from history.
SELECT * FROM test.tamper($$UPDATE promptreg.routes SET version = 4 WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);
SELECT * FROM test.tamper($$UPDATE promptreg.routes SET experiment_id = NULL WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);
SELECT * FROM test.tamper($$DELETE FROM promptreg.routes WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);
SELECT * FROM test.tamper($$UPDATE promptreg.routes SET deployment_id = (SELECT min(id) FROM promptreg.deployments) WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/a')$$);
SELECT * FROM test.tamper($$UPDATE promptreg.experiments SET state = 'stopped', stopped_at = now() WHERE key = 'verify-x'$$);
SELECT * FROM test.tamper($$UPDATE promptreg.experiments SET salt = 'forged' WHERE key = 'verify-x'$$);
SELECT * FROM test.tamper($$UPDATE promptreg.experiments SET coverage_ppm = 1 WHERE key = 'verify-x'$$);
SELECT * FROM test.tamper($$UPDATE promptreg.experiments SET control = 'y' WHERE key = 'verify-x'$$);
SELECT * FROM test.tamper($$UPDATE promptreg.prompts SET name = 'verify/forged' WHERE name = 'verify/a'; UPDATE promptreg.prompts SET name = 'verify/a' WHERE name = 'verify/b'; UPDATE promptreg.prompts SET name = 'verify/b' WHERE name = 'verify/forged'$$);
SELECT * FROM test.tamper($$UPDATE promptreg.prompts SET kind = 'chat' WHERE name = 'verify/a'$$);
SELECT * FROM test.tamper($$UPDATE promptreg.prompts SET head_version = 9 WHERE name = 'verify/a'$$);
SELECT * FROM test.tamper($$UPDATE promptreg.names SET prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'verify/b') WHERE name = 'verify/a'$$);

-- Ways around the triggers that leave the rows alone: a child table, a rule, a disabled trigger, a column rewritten.
SELECT * FROM test.tamper($$CREATE TABLE test.child () INHERITS (promptreg.versions); INSERT INTO test.child SELECT * FROM promptreg.versions LIMIT 1$$, true);
SELECT * FROM test.tamper($$CREATE RULE quiet AS ON UPDATE TO promptreg.versions DO INSTEAD NOTHING$$, true);
SELECT * FROM test.tamper($$ALTER TABLE promptreg.names ALTER COLUMN created_by TYPE text USING upper(created_by)$$, true);
CALL test.fails($$ALTER TABLE promptreg.versions ALTER COLUMN message TYPE text USING upper(message)$$);
BEGIN;
ALTER TABLE promptreg.versions DISABLE TRIGGER append_only;
ALTER TABLE promptreg.changes ENABLE TRIGGER no_truncate;
SELECT problem FROM prompt_verify();
ROLLBACK;
BEGIN;
DROP TRIGGER append_only ON promptreg.weights;
SELECT problem FROM prompt_verify();
ROLLBACK;

-- Many prompts broken: the first of each kind of record.
SELECT * FROM test.tamper($$UPDATE promptreg.versions SET message = 'forged' WHERE prompt_id IN (SELECT id FROM promptreg.prompts WHERE name LIKE 'verify/%')$$, true);

SELECT * FROM prompt_verify();
