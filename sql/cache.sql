-- The cache cannot be seen: within one session, every answer is what the tables say at that moment.

SELECT prompt_create('cache/a');
SELECT count(prompt_commit('cache/a', 'v' || n)) FROM generate_series(1, 5) AS n;
SELECT (prompt_promote('cache/a', 1, 'production')).version;
SELECT prompt_render('cache/a') AS filled, prompt_render('cache/a') AS from_cache;
CREATE FUNCTION test.hit(name text DEFAULT 'cache/a') RETURNS boolean LANGUAGE sql RETURN (prompt_explain(name) #>> '{cache,hit}')::boolean;
SELECT test.hit();

-- An own promotion is visible before COMMIT and gone after ROLLBACK, and the cache does not remember it.
BEGIN;
SELECT (prompt_promote('cache/a', 2, 'production')).version;
SELECT prompt_render('cache/a'), test.hit();
SELECT prompt_render('cache/a') AS again;
ROLLBACK;
SELECT prompt_render('cache/a'), test.hit() IS NOT NULL AS answered;
SELECT prompt_render('cache/a'), test.hit();

-- The same with savepoints, nested, released and rolled back.
BEGIN;
SELECT prompt_render('cache/a');
SAVEPOINT one;
SELECT (prompt_promote('cache/a', 2, 'production')).version;
SELECT prompt_render('cache/a');
SAVEPOINT two;
SELECT (prompt_promote('cache/a', 3, 'production')).version;
SELECT prompt_render('cache/a');
ROLLBACK TO two;
SELECT prompt_render('cache/a');
RELEASE two;
ROLLBACK TO one;
SELECT prompt_render('cache/a');
SELECT (prompt_promote('cache/a', 4, 'production')).version;
RELEASE one;
SELECT prompt_render('cache/a');
COMMIT;
SELECT prompt_render('cache/a');
SELECT prompt_render('cache/a'), test.hit();

-- Subtransactions of PL/pgSQL.
DO $$
BEGIN
  BEGIN
    PERFORM prompt_promote('cache/a', 5, 'production');
    RAISE NOTICE 'inside: %', prompt_render('cache/a');
    RAISE EXCEPTION 'undo';
  EXCEPTION WHEN raise_exception THEN
    RAISE NOTICE 'after: %', prompt_render('cache/a');
  END;
  PERFORM prompt_promote('cache/a', 1, 'production');
  RAISE NOTICE 'then: %', prompt_render('cache/a');
END;
$$;
SELECT prompt_render('cache/a');

-- What did not exist, exists; what is gone, is gone. Errors are not remembered.
CALL test.fails($$SELECT prompt_render('cache/new')$$);
SELECT prompt_register('cache/new', 'new');
CALL test.fails($$SELECT prompt_render('cache/new')$$);
SELECT (prompt_promote('cache/new', 1, 'production')).version;
SELECT prompt_render('cache/new');
SELECT (prompt_retire('cache/new', 'production')).version;
CALL test.fails($$SELECT prompt_render('cache/new')$$);
SELECT (prompt_rollback('cache/new', 'production')).version;
SELECT prompt_render('cache/new');
BEGIN;
SELECT prompt_register('cache/undone', 'x');
SELECT (prompt_promote('cache/undone', 1, 'production')).version;
SELECT prompt_render('cache/undone');
ROLLBACK;
CALL test.fails($$SELECT prompt_render('cache/undone')$$);
SELECT prompt_register('cache/undone', 'another x');
SELECT (prompt_promote('cache/undone', 1, 'production')).version;
SELECT prompt_render('cache/undone');

-- Other names of a prompt.
CALL test.fails($$SELECT prompt_render('cache/alias')$$);
BEGIN;
SELECT prompt_rename('cache/a', 'cache/alias');
SELECT prompt_render('cache/alias');
ROLLBACK;
CALL test.fails($$SELECT prompt_render('cache/alias')$$);
SELECT prompt_rename('cache/a', 'cache/alias');
SELECT prompt_render('cache/alias');
SELECT (prompt_promote('cache/a', 2, 'production')).version;
SELECT prompt_render('cache/alias'), prompt_render('cache/a');

-- Experiments: start, weights, stop, each also rolled back.
SELECT (prompt_assign('cache/a', user_id => 'u')).variant;
BEGIN;
SELECT prompt_experiment_start('cache/a', 'production', '[{"key": "x", "version": 3, "weight": 1}, {"key": "y", "version": 4, "weight": 0}]', key => 'cache-x');
SELECT prompt_render('cache/a', user_id => 'u'), prompt_render('cache/alias', user_id => 'u');
ROLLBACK;
SELECT prompt_render('cache/a', user_id => 'u');
SELECT prompt_experiment_start('cache/a', 'production', '[{"key": "x", "version": 3, "weight": 1}, {"key": "y", "version": 4, "weight": 0}]', key => 'cache-x');
SELECT prompt_render('cache/a', user_id => 'u'), prompt_render('cache/a');
BEGIN;
SELECT prompt_experiment_set_weights('cache-x', '{"x": 0, "y": 1}');
SELECT prompt_render('cache/a', user_id => 'u');
ROLLBACK;
SELECT prompt_render('cache/a', user_id => 'u');
SELECT prompt_experiment_set_weights('cache-x', '{"x": 0, "y": 1}');
SELECT prompt_render('cache/a', user_id => 'u');
BEGIN;
SELECT (prompt_experiment_stop('cache-x', 'y')).version;
SELECT prompt_render('cache/a', user_id => 'u'), prompt_render('cache/a');
ROLLBACK;
SELECT prompt_render('cache/a', user_id => 'u'), prompt_render('cache/a');
SELECT (prompt_experiment_stop('cache-x', 'y')).version;
SELECT prompt_render('cache/a', user_id => 'u'), prompt_render('cache/a');

-- latest follows every commit.
SELECT prompt_render('cache/a', 'latest');
BEGIN;
SELECT prompt_commit('cache/a', 'v6');
SELECT prompt_render('cache/a', 'latest');
ROLLBACK;
SELECT prompt_render('cache/a', 'latest');
SELECT prompt_commit('cache/a', 'the sixth');
SELECT prompt_render('cache/a', 'latest'), prompt_render_version('cache/a', 6);

-- The snapshot of a statement counts: an open cursor goes on seeing what it saw, and a statement that promotes does
-- not see it itself.
BEGIN;
DECLARE c CURSOR FOR SELECT n, prompt_render('cache/a') FROM generate_series(1, 4) AS n;
FETCH 2 FROM c;
SELECT (prompt_promote('cache/a', 1, 'production')).version;
FETCH 2 FROM c;
SELECT prompt_render('cache/a');
COMMIT;
WITH promoted AS MATERIALIZED (SELECT (prompt_promote('cache/a', 2, 'production')).version) SELECT version, prompt_render('cache/a') FROM promoted;
SELECT prompt_render('cache/a');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT prompt_render('cache/a');
SELECT (prompt_promote('cache/a', 3, 'production')).version;
SELECT prompt_render('cache/a');
COMMIT;
SELECT prompt_render('cache/a');

-- Plans that are kept and prepared statements do not hide a change; nor do changes of the tables by hand.
PREPARE render AS SELECT prompt_render('cache/a');
EXECUTE render;
SET plan_cache_mode = force_generic_plan;
EXECUTE render;
SELECT (prompt_promote('cache/a', 4, 'production')).version;
EXECUTE render;
UPDATE promptreg.routes SET version = 5 WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'cache/a');
EXECUTE render;
UPDATE promptreg.routes SET version = 4 WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'cache/a');
EXECUTE render;
RESET plan_cache_mode;
DEALLOCATE render;

-- A full cache flush, and tables that were rewritten or vacuumed.
SELECT prompt_render('cache/a');
VACUUM (FREEZE) promptreg.routes, promptreg.names, promptreg.versions;
SELECT prompt_render('cache/a');
VACUUM FULL promptreg.routes;
SELECT prompt_render('cache/a');
REINDEX TABLE promptreg.routes;
DISCARD ALL;
SELECT prompt_render('cache/a');
SELECT prompt_render('cache/a'), test.hit();

-- A table that is created and dropped has nothing to do with it.
CREATE TABLE test.unrelated (); DROP TABLE test.unrelated;
SELECT prompt_render('cache/a'), test.hit();
SELECT * FROM prompt_verify('cache/a');
