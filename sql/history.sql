-- History is append-only, for everybody and by every path.

SELECT prompt_register('history/a', 'one'), prompt_register('history/a', 'two');
SELECT prompt_rename('history/a', 'history/alias');
SELECT (prompt_promote('history/a', 1, 'production')).version;
SELECT prompt_experiment_start('history/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'history-x');
SET client_min_messages = warning;

-- Every table of history, with every way to change a row. Also as a replica, where ordinary triggers do not fire.
CREATE FUNCTION test.attempts() RETURNS TABLE (name text, update text, delete text, truncate text, truncate_cascade text) LANGUAGE plpgsql AS $$
DECLARE
  columns text;
BEGIN
  FOREACH name IN ARRAY '{versions,deployments,weights,audit_log,changes,names,overrides,prompts,routes,experiments,environments}'::text[] LOOP
    SELECT string_agg(format('%I = %I', a.attname, a.attname), ', ') INTO columns
      FROM pg_attribute a WHERE a.attrelid = ('promptreg.' || name)::regclass AND a.attnum > 0 AND a.attidentity <> 'a';
    update := left(test.error_of(format('UPDATE promptreg.%I SET %s', name, columns)), 5);
    delete := left(test.error_of(format('DELETE FROM promptreg.%I', name)), 5);
    truncate := left(test.error_of(format('TRUNCATE promptreg.%I', name)), 5);
    truncate_cascade := left(test.error_of(format('TRUNCATE promptreg.%I CASCADE', name)), 5);
    RETURN NEXT;
  END LOOP;
END;
$$;
SELECT * FROM test.attempts();
SET session_replication_role = replica;
SELECT * FROM test.attempts();
RESET session_replication_role;
SET session_replication_role = local;
SELECT count(*) FROM test.attempts() WHERE 'PR060' IN (update, delete, truncate, truncate_cascade);
RESET session_replication_role;

-- The columns of prompts, experiments and routes that say what happened are fixed; the state of an experiment and of a
-- route is not.
SELECT * FROM test.errors_of($$UPDATE promptreg.prompts SET %I = DEFAULT WHERE name = 'history/a'$$, 'name', 'kind', 'created_by', 'created_at');
SELECT * FROM test.errors_of($$UPDATE promptreg.experiments SET %I = DEFAULT WHERE key = 'history-x'$$, 'key', 'prompt_id', 'environment', 'salt');
CALL test.fails($$UPDATE promptreg.versions SET message = 'better' WHERE version = 1$$);
CALL test.fails($$DELETE FROM promptreg.audit_log$$);

-- Upserts and merges.
CALL test.fails($$INSERT INTO promptreg.versions OVERRIDING SYSTEM VALUE SELECT v.* FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id WHERE p.name = 'history/a' AND v.version = 1
  ON CONFLICT (prompt_id, version) DO UPDATE SET message = 'changed'$$);
CALL test.fails($$INSERT INTO promptreg.deployments OVERRIDING SYSTEM VALUE SELECT d.* FROM promptreg.deployments d ON CONFLICT (id) DO UPDATE SET reason = 'changed'$$);
CALL test.fails($$INSERT INTO promptreg.changes SELECT c.* FROM promptreg.changes c ON CONFLICT (seq) DO UPDATE SET record_hash = EXCLUDED.record_hash$$);
CALL test.fails($$MERGE INTO promptreg.versions v USING (SELECT 1) AS one ON true WHEN MATCHED THEN UPDATE SET message = 'merged'$$);
CALL test.fails($$MERGE INTO promptreg.weights w USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE$$);
-- Through a view, a rule-free one that PostgreSQL lets one update, and by a cascade from a prompt.
CREATE VIEW test.versions AS SELECT * FROM promptreg.versions;
CALL test.fails($$UPDATE test.versions SET message = 'through a view'$$);
CALL test.fails($$DELETE FROM promptreg.prompts$$);
CALL test.fails($$WITH gone AS (DELETE FROM promptreg.versions RETURNING 1) SELECT count(*) FROM gone$$);

-- Rows that contradict what is there are refused as well.
CREATE TEMPORARY TABLE version AS SELECT v.* FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id WHERE p.name = 'history/a' AND v.version = 2;
CREATE FUNCTION test.insert_version(changed text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  columns text;
  expressions text;
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
         string_agg(CASE WHEN a.attname = changed THEN value WHEN a.attname = 'version' THEN '3' WHEN a.attname = 'parent_version' THEN '2' WHEN a.attname = 'previous_hash' THEN 'chain_hash' ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum)
    INTO columns, expressions
    FROM pg_attribute a WHERE a.attrelid = 'promptreg.versions'::regclass AND a.attnum > 0 AND a.attname <> 'id' AND NOT a.attisdropped;
  RETURN substring(test.error_of(format('INSERT INTO promptreg.versions (%s) SELECT %s FROM version', columns, expressions)) FROM '(\d{5}: .*?)(\n|$)');
END;
$$;
SELECT test.insert_version(changed, value) AS error
  FROM (VALUES ('version', '2'), ('version', '0'), ('version', '1'), ('prompt_id', '0'), ('messages', $$'[]'::jsonb$$), ('messages', $$'{}'::jsonb$$), ('variables', $$'{}'::jsonb$$),
               ('params', $$'[]'::jsonb$$), ('metadata', $$'1'::jsonb$$), ('syntax', $$'x'$$), ('escape', $$'x'$$), ('parent_version', '3'), ('parent_version', '0'),
               ('branch', $$''$$), ('content_hash', $$'\x00'::bytea$$), ('previous_hash', 'NULL'), ('previous_hash', 'previous_hash'), ('chain_hash', $$'\x'::bytea$$), ('author', 'NULL'), ('created_at', 'NULL')) AS cases (changed, value);
-- Two chains cannot fork: a predecessor has one successor.
SELECT count(*) AS unique_predecessors FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
 WHERE i.indisunique AND a.attname = 'previous_hash' AND i.indrelid::regclass::text ~ '^promptreg\.(versions|deployments|weights|changes)$';

-- At most one experiment runs on a route, by an index and not by a check before.
SELECT error FROM test.errors_of($$INSERT INTO promptreg.experiments (key, prompt_id, environment, state, salt, coverage_ppm) SELECT 'history-y', x.prompt_id, x.environment, %L, 's', 0 FROM promptreg.experiments x WHERE x.key = 'history-x'$$, 'running', 'paused', 'other');
-- A route serves a version of its own prompt, and an experiment of its own.
SELECT error FROM test.errors_of($$UPDATE promptreg.routes SET version = %s WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'history/a')$$, '99', '0');
SELECT prompt_register('history/other', 'one');
SELECT (prompt_promote('history/other', 1, 'production')).version;
SELECT error FROM test.errors_of($$UPDATE promptreg.routes SET experiment_id = (SELECT id FROM promptreg.experiments WHERE key = %L) WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'history/other')$$, 'history-x');
SELECT error FROM test.errors_of($$UPDATE promptreg.routes SET deployment_id = (SELECT d.id FROM promptreg.deployments d JOIN promptreg.prompts p ON p.id = d.prompt_id WHERE p.name = %L LIMIT 1)
  WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'history/other')$$, 'history/a');
-- The rows of weights can be assigned by: every variant once, with a version, and parts that add up to a million.
SELECT value, error FROM test.errors_of($$INSERT INTO promptreg.weights (experiment_id, number, state, keys, versions, ppm, coverage_ppm, set_by, set_at, previous_hash, chain_hash)
  SELECT w.experiment_id, 2, 'running', %s, 1000000, 'x', now(), w.chain_hash, sha256('x') FROM promptreg.weights w JOIN promptreg.experiments x ON x.id = w.experiment_id WHERE x.key = 'history-x'$$,
  $$'{a,a}', '{1,1}', '{500000,500000}'$$, $$'{a,b}', '{99,1}', '{7,7}'$$, $$'{a,b}', '{1,1}', '{500000,500001}'$$, $$'{a,b}', '{1,1}', '{1000001,-1}'$$, $$'{a,b}', '{1,0}', '{500000,500000}'$$,
  $$'{a,b}', '{1}', '{500000,500000}'$$, $$'{a,b}', '{1,1}', '{1000000}'$$, $$'{a,NULL}', '{1,1}', '{500000,500000}'$$, $$'{}', '{}', '{}'$$, $$'{a,b}', '{1,1}', '{2147483647,2147483647}'$$);
-- Archiving takes away nothing: what was archived keeps its history.
SELECT prompt_experiment_stop('history-x');
SELECT (prompt_retire('history/a', 'production')).event;
SELECT prompt_archive('history/a');
SELECT count(*) AS versions, (SELECT count(*) FROM prompt_deployments('history/a')) AS deployments FROM prompt_history('history/a');
RESET client_min_messages;
SELECT * FROM prompt_verify('history/a');
