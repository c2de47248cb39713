-- Rollouts: a version takes over step by step, while guards compare it with the one it replaces.

SELECT prompt_register('rollouts/a', 'v' || v) FROM generate_series(1, 4) AS v;
SELECT (prompt_promote('rollouts/a', 1, 'production')).version;
CREATE VIEW test.rollout_state AS
SELECT s.version, s.previous, s.state, s.step, s.steps, s.share_percent, s.held, s.promoted
  FROM promptreg.rollout_status s WHERE s.prompt = 'rollouts/a' ORDER BY s.started_at DESC LIMIT 1;
-- Executions of both versions, a share of them with errors.
CREATE PROCEDURE test.serve(previous integer, previous_errors integer, new integer, new_errors integer) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM prompt_log_many(jsonb_agg(jsonb_build_object('name', 'rollouts/a', 'version', v, 'user_id', concat(v, '-', i), 'error_class', CASE WHEN i <= errors THEN 'timeout' END)))
     FROM (VALUES (serve.previous, serve.previous_errors), (serve.new, serve.new_errors)) AS versions (v, errors), generate_series(1, 400) AS i;
  COMMIT;
END;
$$;

-- Two steps by time alone; the last one is a promotion.
SELECT prompt_rollout('rollouts/a', 2, 'production', steps => '{10,50,100}', step_interval => '0', guards => '[]', reason => 'new wording');
SELECT reason, variant, version, count(*) > 50 AS some FROM generate_series(1, 2000) AS n, prompt_assign('rollouts/a', 'production', 'user-' || n) GROUP BY 1, 2, 3 ORDER BY 2;
SELECT reason, version FROM prompt_resolve('rollouts/a', 'production');
CREATE TEMP TABLE before AS SELECT n FROM generate_series(1, 2000) AS n, prompt_assign('rollouts/a', 'production', 'user-' || n) AS a WHERE a.variant = 'new';
SELECT task, result, error FROM prompt_maintain('{rollouts}');
SELECT * FROM test.rollout_state;
-- Who has the new version keeps it.
SELECT count(*) FILTER (WHERE a.variant <> 'new') AS lost FROM before, prompt_assign('rollouts/a', 'production', 'user-' || n) AS a;
CALL test.fails($$SELECT prompt_rollout('rollouts/a', 3, 'production')$$);
CALL test.fails($$SELECT prompt_promote('rollouts/a', 3, 'production')$$);
SELECT result FROM prompt_maintain('{rollouts}');
SELECT * FROM test.rollout_state;
SELECT version, reason FROM prompt_assign('rollouts/a', 'production', 'user-1');
SELECT event, version, previous, reason FROM prompt_deployments('rollouts/a') LIMIT 1;
SELECT result FROM prompt_maintain('{rollouts}');

-- It is not time yet; a pause holds it, and a resumption begins the step anew.
SELECT prompt_rollout('rollouts/a', 3, 'production', steps => '{20,100}', guards => '[]') AS key \gset
SELECT result FROM prompt_maintain('{rollouts}');
SELECT next_at > now() + interval '50 minutes' AS in_an_hour, held FROM promptreg.rollout_status WHERE experiment = :'key';
SELECT prompt_experiment_pause(:'key') AS paused;
SELECT result FROM prompt_maintain('{rollouts}');
SELECT * FROM test.rollout_state;
-- A rollback, or a stop, ends it.
SELECT prompt_experiment_stop(:'key', reason => 'no more') IS NULL AS nothing_promoted;
SELECT result FROM prompt_maintain('{rollouts}');
SELECT version, state, promoted FROM test.rollout_state;

-- A guard that has seen nothing, or too little, does not let it advance.
SELECT prompt_rollout('rollouts/a', 3, 'production', steps => '{20,50,100}', step_interval => '0') AS key \gset
SELECT guard, metric, rule, severity FROM prompt_guards('rollouts/a');
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT * FROM test.rollout_state;
CALL test.serve(2, 8, 3, 7);
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT * FROM test.rollout_state;
-- The last step: as with every promotion, the route has a deployment more, and the rollout's guard is gone.
CALL test.serve(2, 8, 3, 7);
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT version, promoted, held FROM test.rollout_state;
SELECT count(*) AS guards FROM prompt_guards('rollouts/a');

-- A version that is worse is stopped by the guard, and the deployed one stays.
SELECT prompt_rollout('rollouts/a', 4, 'production', steps => '{20,50,100}', step_interval => '0', guards => '[{"metric": "error", "tolerance": 0.01}, {"metric": "latency_ms", "severity": "alert"}]') AS key \gset
CALL test.serve(3, 8, 4, 160);
SELECT task, result FROM prompt_maintain('{guards,rollouts}');
SELECT version, state, step, held, promoted FROM test.rollout_state;
SELECT version, reason FROM prompt_assign('rollouts/a', 'production', 'user-1');
SELECT count(*) AS guards FROM prompt_guards('rollouts/a');

-- A guard that pauses: nothing goes on until somebody resumes.
SELECT prompt_rollout('rollouts/a', 4, 'production', steps => '{20,50,100}', step_interval => '0', guards => '[{"metric": "error", "tolerance": 0.01, "severity": "pause", "min_count": 400}]') AS key \gset
CALL test.serve(3, 8, 4, 160);
SELECT task, result FROM prompt_maintain('{guards,rollouts}');
SELECT version, state, step, share_percent FROM test.rollout_state;
SELECT DISTINCT version, reason FROM generate_series(1, 200) AS n, prompt_assign('rollouts/a', 'production', 'user-' || n);
SELECT result FROM prompt_maintain('{rollouts}');
SELECT prompt_experiment_resume(:'key') AS resumed;
SELECT result FROM prompt_maintain('{rollouts}');
SELECT version, state, step, held LIKE 'guard rollout/error: error of version 4 is 0.4%' AS still_held FROM test.rollout_state;
-- A rollback ends it, and goes back to what was served before the deployed version, as always.
SELECT version, previous, event FROM prompt_rollback('rollouts/a', 'production');
SELECT result FROM prompt_maintain('{rollouts}');
SELECT version, state, promoted FROM test.rollout_state;
SELECT count(*) AS guards FROM prompt_guards('rollouts/a');

-- What stands against a promotion stands against every step, the first, a further one and the last. Here it is made to.
CREATE PROCEDURE test.freeze() LANGUAGE plpgsql AS $$
BEGIN
  ALTER FUNCTION promptreg.check_promotable(promptreg.prompts, integer, text, boolean) RENAME TO check_promotable_thawed;
  CREATE FUNCTION promptreg.check_promotable(prompt promptreg.prompts, version integer, env text, end_experiment boolean) RETURNS void LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION USING ERRCODE = ''PR051'', MESSAGE = ''frozen'', DETAIL = ''Until Monday.''; END';
END;
$$;
CREATE PROCEDURE test.thaw() LANGUAGE plpgsql AS $$
BEGIN
  DROP FUNCTION promptreg.check_promotable(promptreg.prompts, integer, text, boolean);
  ALTER FUNCTION promptreg.check_promotable_thawed(promptreg.prompts, integer, text, boolean) RENAME TO check_promotable;
END;
$$;
CALL test.freeze();
CALL test.fails($$SELECT prompt_rollout('rollouts/a', 4, 'production', guards => '[]')$$);
CALL test.thaw();
SELECT prompt_rollout('rollouts/a', 4, 'production', steps => '{20,50,100}', step_interval => '0', guards => '[]') AS key \gset
CALL test.freeze();
SELECT result FROM prompt_maintain('{rollouts}');
SELECT version, state, step, held FROM test.rollout_state;
CALL test.thaw();
SELECT result FROM prompt_maintain('{rollouts}');
SELECT version, state, step, held FROM test.rollout_state;
CALL test.freeze();
SELECT result FROM prompt_maintain('{rollouts}');
SELECT version, state, step, held FROM test.rollout_state;
CALL test.fails(format('SELECT prompt_experiment_stop(%L, %L)', :'key', 'new'));
SELECT version, state, step FROM test.rollout_state;
CALL test.thaw();
DROP PROCEDURE test.freeze(), test.thaw();

-- Users who get lost hold it, with or without guards.
SELECT count(prompt_log('rollouts/a', 4, user_id => 'lost ' || n, experiment => :'key', variant => 'new')) FROM generate_series(1, 200) AS n;
SELECT result FROM prompt_maintain('{experiments,rollouts}') WHERE task = 'rollouts';
SELECT version, step, held FROM test.rollout_state;
SELECT prompt_experiment_stop(:'key') IS NULL AS nothing_promoted;
SELECT result FROM prompt_maintain('{rollouts}');
SELECT (prompt_promote('rollouts/a', 3, 'production')).version;

-- The guards of a rollout end with it, and those of the next one are its own, whenever maintenance comes by.
SELECT prompt_rollout('rollouts/a', 4, 'production', steps => '{20,50,100}', step_interval => '0') AS key \gset
SELECT prompt_experiment_stop(:'key') IS NULL AS nothing_promoted;
SELECT count(*) AS guards FROM prompt_guards('rollouts/a');
SELECT prompt_rollout('rollouts/a', 4, 'production', steps => '{20,50,100}', step_interval => '0',
  guards => '[{"metric": "error", "tolerance": 0.01}, {"metric": "error", "rule": "limit", "threshold": 0.2}]') AS key \gset
SELECT result FROM prompt_maintain('{rollouts}');
SELECT guard, rule, tolerance, threshold FROM prompt_guards('rollouts/a');
CALL test.serve(3, 8, 4, 400);
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT version, state, promoted, (SELECT count(*) FROM prompt_guards('rollouts/a')) AS guards FROM test.rollout_state;
-- Two that would have one name; and one that has the name of somebody's.
CALL test.fails($$SELECT prompt_rollout('rollouts/a', 4, 'production', guards => '[{"metric": "error", "tolerance": 0.01}, {"metric": "error", "severity": "alert"}]')$$);
SELECT prompt_guard_set('rollouts/a', 'production', 'error', guard => 'rollout/error', severity => 'alert');
CALL test.fails($$SELECT prompt_rollout('rollouts/a', 4, 'production')$$);
SELECT prompt_guard_remove('rollouts/a', 'production', 'rollout/error');

-- What changes with time is no difference of versions: errors go from 1 to 6 % while the share of the new version grows ...
CREATE PROCEDURE test.serve_step(key text, previous integer, previous_errors integer, new integer, new_errors integer) LANGUAGE sql
BEGIN ATOMIC
  SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'rollouts/a', 'version', v.version, 'user_id', concat_ws(' ', v.variant, v.n, i), 'experiment', serve_step.key,
           'variant', v.variant, 'error_class', CASE WHEN i <= v.errors THEN 'timeout' END)))
    FROM (VALUES (3, 'previous', serve_step.previous, serve_step.previous_errors), (4, 'new', serve_step.new, serve_step.new_errors)) AS v (version, variant, n, errors),
         generate_series(1, v.n) AS i;
END;
SELECT prompt_rollout('rollouts/a', 4, 'production', steps => '{5,50,100}', step_interval => '0', guards => '[{"metric": "error", "tolerance": 0.01}]') AS key \gset
CALL test.serve_step(:'key', 3800, 38, 200, 2);
SELECT result FROM prompt_maintain('{guards,rollouts}');
CALL test.serve_step(:'key', 1000, 60, 1000, 60);
SELECT state, reason FROM prompt_guard_check('rollouts/a');
SELECT count(*) FROM prompt_experiment_stop(:'key');
-- ... and does not hide one: it fails more often at each step, though taken together the versions look alike.
SELECT prompt_rollout('rollouts/a', 4, 'production', steps => '{5,50,100}', step_interval => '0', guards => '[{"metric": "error", "tolerance": 0.01}]') AS key \gset
CALL test.serve_step(:'key', 3800, 380, 200, 20);
SELECT result FROM prompt_maintain('{guards,rollouts}');
CALL test.serve_step(:'key', 1000, 10, 1000, 100);
SELECT state, reason FROM prompt_guard_check('rollouts/a');
SELECT state, promoted FROM test.rollout_state;
DROP PROCEDURE test.serve_step;

-- Each step is judged by its own calls: without new ones it holds, whatever was seen before. Nobody but the steps sets its weights.
SELECT prompt_rollout('rollouts/a', 4, 'production', steps => '{20,50,100}', step_interval => '0') AS key \gset
CALL test.serve(3, 8, 4, 8);
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT version, step, held FROM test.rollout_state;
SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'rollouts/a', 'version', 4, 'user_id', 'n' || i))) FROM generate_series(1, 100) AS i;
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT version, step, held FROM test.rollout_state;
CALL test.fails(format('SELECT prompt_experiment_set_weights(%L, %L)', :'key', '{"previous": 0, "new": 1}'));
CALL test.fails(format('SELECT prompt_experiment_set_coverage(%L, 0.5)', :'key'));
CALL test.fails(format('SELECT prompt_experiment_set_variants(%L, %L)', :'key', '[{"key": "previous", "version": 3, "weight": 1}, {"key": "new", "version": 2, "weight": 1}]'));
SELECT version, step, share_percent FROM test.rollout_state;
SELECT count(*) FROM prompt_experiment_stop(:'key');

-- What cannot be started.
SELECT error FROM test.errors_of($$SELECT prompt_rollout('rollouts/a', 4, 'production', steps => %L)$$, '{}', '{100}', '{1,5}', '{5,5,100}', '{5,1,100}', '{0,100}', '{1,NULL,100}', '{-1,100}', '{1,100,101}');
SELECT error FROM test.errors_of($$SELECT prompt_rollout('rollouts/a', 4, 'production', guards => %L)$$, 'null', '{}', '[1]', '[{"metrik": "error"}]', '[{"metric": "x"}]', '[{"metric": "error", "rule": "limit"}]');
SELECT error FROM test.errors_of('SELECT prompt_rollout(%s)', $$'rollouts/a', 3, 'production'$$, $$'rollouts/a', 9, 'production'$$, $$'rollouts/a', 1, 'staging'$$, $$'rollouts/a', 1, 'nowhere'$$, $$'rollouts/none', 1, 'production'$$,
  $$'rollouts/a', 4, 'production', step_interval => '-1 s'$$, $$'rollouts/a', 4, 'production', step_interval => NULL$$);
SELECT state, count(*) FROM promptreg.rollout_status WHERE prompt = 'rollouts/a' GROUP BY 1;
SELECT * FROM prompt_verify('rollouts/a');
