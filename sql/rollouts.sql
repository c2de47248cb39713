-- Rollouts: a version takes over step by step, while guards compare it with the one it replaces.

SELECT prompt_register('rollouts/a', 'v' || v) FROM generate_series(1, 4) AS v;
SELECT (prompt_promote('rollouts/a', 1, 'production')).version;
CREATE VIEW test.status AS
SELECT s.version, s.previous, s.state, s.step, s.steps, s.share_percent, s.held, s.promoted
  FROM promptreg.rollout_status s WHERE s.prompt = 'rollouts/a' ORDER BY s.started_at DESC LIMIT 1;
-- Executions of both versions, a share of them with errors.
CREATE PROCEDURE test.serve(previous integer, previous_errors integer, new integer, new_errors integer) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM prompt_log_many(jsonb_agg(jsonb_build_object('name', 'rollouts/a', 'version', v, 'error_class', CASE WHEN i <= errors THEN 'timeout' END)))
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
SELECT * FROM test.status;
-- Who has the new version keeps it.
SELECT count(*) FILTER (WHERE a.variant <> 'new') AS lost FROM before, prompt_assign('rollouts/a', 'production', 'user-' || n) AS a;
CALL test.fails($$SELECT prompt_rollout('rollouts/a', 3, 'production')$$);
CALL test.fails($$SELECT prompt_promote('rollouts/a', 3, 'production')$$);
SELECT result FROM prompt_maintain('{rollouts}');
SELECT * FROM test.status;
SELECT version, reason FROM prompt_assign('rollouts/a', 'production', 'user-1');
SELECT event, version, previous, reason FROM prompt_deployments('rollouts/a') LIMIT 1;
SELECT result FROM prompt_maintain('{rollouts}');

-- It is not time yet; a pause holds it, and a resumption begins the step anew.
SELECT prompt_rollout('rollouts/a', 3, 'production', steps => '{20,100}', guards => '[]') AS key \gset
SELECT result FROM prompt_maintain('{rollouts}');
SELECT next_at > now() + interval '50 minutes' AS in_an_hour, held FROM promptreg.rollout_status WHERE experiment = :'key';
SELECT prompt_experiment_pause(:'key') AS paused;
SELECT result FROM prompt_maintain('{rollouts}');
SELECT * FROM test.status;
-- A rollback, or a stop, ends it.
SELECT prompt_experiment_stop(:'key', reason => 'no more') IS NULL AS nothing_promoted;
SELECT result FROM prompt_maintain('{rollouts}');
SELECT version, state, promoted FROM test.status;

-- A guard that has seen nothing, or too little, does not let it advance.
SELECT prompt_rollout('rollouts/a', 3, 'production', steps => '{20,50,100}', step_interval => '0') AS key \gset
SELECT guard, metric, rule, severity FROM prompt_guards('rollouts/a');
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT * FROM test.status;
CALL test.serve(2, 8, 3, 7);
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT * FROM test.status;
-- The last step: as with every promotion, the route has a deployment more, and the rollout's guard is gone.
CALL test.serve(2, 8, 3, 7);
SELECT result FROM prompt_maintain('{guards,rollouts}');
SELECT version, promoted, held FROM test.status;
SELECT count(*) AS guards FROM prompt_guards('rollouts/a');

-- A version that is worse is stopped by the guard, and the deployed one stays.
SELECT prompt_rollout('rollouts/a', 4, 'production', steps => '{20,50,100}', step_interval => '0', guards => '[{"metric": "error", "tolerance": 0.01}, {"metric": "latency_ms", "severity": "alert"}]') AS key \gset
CALL test.serve(3, 8, 4, 160);
SELECT task, result FROM prompt_maintain('{guards,rollouts}');
SELECT version, state, step, held, promoted FROM test.status;
SELECT version, reason FROM prompt_assign('rollouts/a', 'production', 'user-1');
SELECT count(*) AS guards FROM prompt_guards('rollouts/a');

-- What cannot be started.
SELECT error FROM test.errors_of($$SELECT prompt_rollout('rollouts/a', 4, 'production', steps => %L)$$, '{}', '{100}', '{1,5}', '{5,5,100}', '{5,1,100}', '{0,100}', '{1,NULL,100}', '{-1,100}', '{1,100,101}');
SELECT error FROM test.errors_of($$SELECT prompt_rollout('rollouts/a', 4, 'production', guards => %L)$$, 'null', '{}', '[1]', '[{"metrik": "error"}]', '[{"metric": "x"}]', '[{"metric": "error", "rule": "limit"}]');
SELECT error FROM test.errors_of('SELECT prompt_rollout(%s)', $$'rollouts/a', 3, 'production'$$, $$'rollouts/a', 9, 'production'$$, $$'rollouts/a', 1, 'staging'$$, $$'rollouts/a', 1, 'nowhere'$$, $$'rollouts/none', 1, 'production'$$,
  $$'rollouts/a', 4, 'production', step_interval => '-1 s'$$, $$'rollouts/a', 4, 'production', step_interval => NULL$$);
SELECT state, count(*) FROM promptreg.rollout_status WHERE prompt = 'rollouts/a' GROUP BY 1;
SELECT * FROM prompt_verify('rollouts/a');
