-- Guards: judged by what is logged, acting in one transaction.

SELECT prompt_create('guards/a');
SELECT count(prompt_commit('guards/a', 'version ' || i)) FROM generate_series(1, 4) AS i;
SELECT (prompt_promote('guards/a', v, 'production')).version FROM generate_series(1, 2) AS v;

-- n executions of a version, bad of them errors, and scores from outcomes.
CREATE PROCEDURE test.log_calls(version integer, n integer, bad integer, variant text DEFAULT NULL) LANGUAGE sql
BEGIN ATOMIC
  SELECT prompt_log_many(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', 'guards/a', 'version', log_calls.version,
    'user_id', CASE WHEN log_calls.variant IS NOT NULL THEN log_calls.variant || i END, 'latency_ms', 100 + i % 10,
    'error_class', CASE WHEN i <= log_calls.bad THEN 'timeout' END))))
    FROM generate_series(1, log_calls.n) AS i;
END;

-- A limit on the rate of errors. Nothing is decided on too few values.
SELECT prompt_guard_set('guards/a', 'production', 'error', rule => 'limit', threshold => 0.05);
CALL test.log_calls(2, 50, 10);
SELECT environment, guard, version, state, reason FROM prompt_guard_check('guards/a');
CALL test.log_calls(2, 150, 7);
SELECT guard, version, state, numbers ->> 'n' AS n FROM prompt_guard_check('guards/a', 'production');
-- Looking again changes nothing.
SELECT guard, version, state, numbers ->> 'n' AS n FROM prompt_guard_check('guards/a', 'production');
SELECT version FROM prompt_resolve('guards/a');
-- Far beyond the limit: back to the version before, with event, audit record and deployment.
CALL test.log_calls(2, 200, 60);
SELECT guard, version, state, reason FROM prompt_guard_check();
SELECT version, reason FROM prompt_resolve('guards/a');
SELECT event, version, previous, reason FROM prompt_deployments('guards/a', 'production') ORDER BY number DESC LIMIT 1;
SELECT e.version, e.action, e.dry_run, e.numbers ->> 'n' AS n, d.version AS back_to
  FROM promptreg.guard_events e JOIN promptreg.deployments d ON d.id = e.deployment_id;
SELECT event, prompt, environment, version, after ->> 'guard' AS guard, after ->> 'action' AS action
  FROM promptreg.audit_log WHERE event LIKE 'guard%' AND prompt = 'guards/a' ORDER BY id;
SELECT guard, last_action FROM prompt_guards('guards/a');

-- The version that is served again begins with nothing seen, and there is nothing further back.
SELECT * FROM prompt_guard_check('guards/a');
CALL test.log_calls(1, 200, 100);
SELECT guard, version, state FROM prompt_guard_check('guards/a');
SELECT prompt_guard_set('guards/a', 'production', 'error', rule => 'limit', threshold => 0.05, cool_down => '0');
CALL test.log_calls(1, 200, 100);
SELECT guard, version, state, reason FROM prompt_guard_check('guards/a');
SELECT version FROM prompt_resolve('guards/a');

-- Not further than so many rollbacks in a row; a promotion by somebody ends the row.
SELECT (prompt_promote('guards/a', v, 'production')).version FROM generate_series(2, 4) AS v;
SELECT prompt_guard_set('guards/a', 'production', 'error', rule => 'limit', threshold => 0.05, cool_down => '0', max_rollbacks => 1);
CALL test.log_calls(4, 200, 100);
SELECT state FROM prompt_guard_check('guards/a');
CALL test.log_calls(3, 200, 100);
SELECT state, reason FROM prompt_guard_check('guards/a');
SELECT version FROM prompt_resolve('guards/a');
SELECT (prompt_promote('guards/a', 4, 'production')).version;
CALL test.log_calls(4, 200, 100);
SELECT state FROM prompt_guard_check('guards/a');

-- Dry run: everything but the deed. Cool-down: not again so soon.
SELECT (prompt_promote('guards/a', 4, 'production')).version;
SELECT prompt_guard_set('guards/a', 'production', 'error', rule => 'limit', threshold => 0.05, dry_run => true);
CALL test.log_calls(4, 200, 100);
SELECT state FROM prompt_guard_check('guards/a');
SELECT state FROM prompt_guard_check('guards/a');
SELECT version FROM prompt_resolve('guards/a');
SELECT action, dry_run FROM promptreg.guard_events ORDER BY id DESC LIMIT 1;
SELECT prompt_guard_remove('guards/a', 'production', 'error');

-- A floor under an outcome, whichever comes first, and a window that only alerts.
SELECT prompt_guard_set('guards/a', 'production', 'thumbs', rule => 'limit', threshold => 0.6, guard => 'floor', dry_run => true);
SELECT prompt_guard_set('guards/a', 'production', 'latency_ms', rule => 'window', threshold => 50, severity => 'alert');
SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/a', 'version', 4, 'request_id', 'g' || i, 'latency_ms', 60)))
  FROM generate_series(1, 100) AS i;
SELECT guard, state FROM prompt_guard_check('guards/a') ORDER BY guard;
SELECT sum(prompt_feedback('g' || i, thumbs => i % 3 = 0)) FROM generate_series(1, 200) AS i;
SELECT guard, version, state, numbers ->> 'n' AS n FROM prompt_guard_check('guards/a') ORDER BY guard;
SELECT prompt_guard_set('guards/a', 'production', 'thumbs', rule => 'limit', threshold => 0.6, guard => 'floor', min_count => 200, dry_run => true);
SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/a', 'version', 4, 'request_id', 'h' || i)))
  FROM generate_series(1, 100) AS i;
SELECT sum(prompt_feedback('h' || i, thumbs => i % 3 = 0)) FROM generate_series(1, 200) AS i;
SELECT guard, state, reason FROM prompt_guard_check('guards/a') WHERE guard = 'floor';
SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/a', 'version', 4, 'request_id', 'h' || i)))
  FROM generate_series(101, 200) AS i;
SELECT guard, version, state, numbers ->> 'n' AS n, round((numbers ->> 'mean')::numeric, 3) AS mean FROM prompt_guard_check('guards/a') WHERE guard = 'floor';
SELECT count(prompt_guard_remove('guards/a', 'production', guard)) FROM prompt_guards('guards/a');

-- Beside the version that it may replace: only the variants are judged, and the experiment is stopped.
SELECT (prompt_promote('guards/a', 1, 'production')).version;
SELECT prompt_experiment_start('guards/a', 'production', key => 'guarded',
  variants => '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 3, "weight": 1}]');
SELECT prompt_guard_set('guards/a', 'production', 'error', tolerance => 0.01);
CALL test.log_calls(1, 400, 20, 'control');
SELECT * FROM prompt_guard_check('guards/a');
CALL test.log_calls(3, 400, 24, 'b');
CALL test.log_calls(4, 400, 400);
SELECT version, state FROM prompt_guard_check('guards/a');
CALL test.log_calls(1, 400, 20, 'control');
CALL test.log_calls(3, 400, 100, 'b');
SELECT version, state, reason FROM prompt_guard_check('guards/a');
SELECT state, stop_reason LIKE 'guard error: %' AS by_guard FROM promptreg.experiments WHERE key = 'guarded';
SELECT version, reason FROM prompt_resolve('guards/a', user_id => 'u');
SELECT e.action, x.key FROM promptreg.guard_events e JOIN promptreg.experiments x ON x.id = e.experiment_id;

-- Nothing new to judge by: nothing is decided, however bad what there is.
SELECT (prompt_promote('guards/a', 2, 'production')).version, (prompt_promote('guards/a', 1, 'production')).version;
SELECT prompt_guard_set('guards/a', 'production', 'error', rule => 'limit', threshold => 0.05, max_staleness => '1 microsecond');
CALL test.log_calls(1, 400, 200);
SELECT state, reason LIKE 'the newest value of version 1 is of %' AS reason FROM prompt_guard_check('guards/a');
SELECT prompt_guard_remove('guards/a', 'production', 'error');

-- Tolerances: in the unit of the metric, or as a part of the mean beside it. Version 3 takes 135 ms where 1 takes 104.5.
SELECT prompt_experiment_start('guards/a', 'production', key => 'slower',
  variants => '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 3, "weight": 1}]');
SELECT prompt_guard_set('guards/a', 'production', 'latency_ms', guard => g.name, tolerance => g.tolerance, relative => g.relative, severity => 'alert')
  FROM (VALUES ('by 20 ms', 20, false), ('by 40 ms', 40, false), ('by 20 %', 0.2, true), ('by 40 %', 0.4, true)) AS g (name, tolerance, relative);
SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/a', 'version', v, 'user_id', v || '-' || i, 'latency_ms', CASE v WHEN 3 THEN 130 ELSE 100 END + i % 10)))
  FROM generate_series(1, 300) AS i, unnest('{1,3}'::integer[]) AS v;
SELECT guard, version, state, round((numbers ->> 'tolerated')::numeric, 2) AS tolerated FROM prompt_guard_check('guards/a') ORDER BY guard;
SELECT count(prompt_guard_remove('guards/a', 'production', guard)) FROM prompt_guards('guards/a');
SELECT prompt_experiment_stop('slower');

-- Compared is what was drawn by lot: not calls without a user, which all get the deployed version, nor those of testers, nor of
-- another experiment. A limit counts them all. Here none of 8000 calls without a user fails.
SELECT prompt_experiment_start('guards/a', 'production', key => 'equal',
  variants => '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 3, "weight": 1}]');
SELECT prompt_guard_set('guards/a', 'production', 'error', tolerance => 0.01);
SELECT prompt_guard_set('guards/a', 'production', 'error', guard => 'limit', rule => 'limit', threshold => 0.5);
SELECT count(prompt_experiment_override('equal', 'tester ' || n, 'b')) FROM generate_series(1, 2) AS n;
SELECT prompt_experiment_override('equal', 'tester 2') IS NOT NULL AS taken_back;
CALL test.log_calls(1, 1000, 50, 'control');
CALL test.log_calls(3, 1000, 50, 'b');
CALL test.log_calls(1, 8000, 0);
SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/a', 'version', 3, 'user_id', l.user_id, 'experiment', l.experiment, 'error_class', 'timeout')))
  FROM (VALUES ('tester 1', 'equal'), ('tester 2', 'equal'), ('somebody', 'another')) AS l (user_id, experiment), generate_series(1, 300) AS i WHERE l.user_id <> 'tester 2' OR i <= 7;
SELECT guard, version, state, numbers ->> 'n' AS n, numbers ->> 'beside_n' AS beside_n, round((numbers ->> 'mean')::numeric, 4) AS mean FROM prompt_guard_check('guards/a');
SELECT count(prompt_guard_remove('guards/a', 'production', guard)) FROM prompt_guards('guards/a');
SELECT prompt_experiment_stop('equal');

-- Traffic that is not split as the weights say makes every comparison worthless: held, and told once. A limit compares nothing.
SELECT prompt_experiment_start('guards/a', 'production', key => 'skewed',
  variants => '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 3, "weight": 1}]');
SELECT prompt_guard_set('guards/a', 'production', 'error', tolerance => 0.01, cool_down => '0');
CREATE PROCEDURE test.log_users(version integer, variant text, low integer, high integer, errors boolean) LANGUAGE sql
BEGIN ATOMIC
  SELECT prompt_log_many(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', 'guards/a', 'version', log_users.version,
    'experiment', (SELECT x.experiment FROM promptreg.route_status x WHERE x.prompt = 'guards/a' AND x.environment = 'production'),
    'variant', log_users.variant, 'user_id', log_users.variant || i, 'error_class', CASE WHEN log_users.errors THEN 'timeout' END)))) FROM generate_series(low, high) AS i;
END;
CALL test.log_users(1, 'control', 1, 400, false);
CALL test.log_users(3, 'b', 1, 200, true);
SELECT guard, version, state FROM prompt_guard_check('guards/a');
SELECT action, split_part(reason, '; ', 2) AS why FROM promptreg.guard_events ORDER BY id DESC LIMIT 1;
SELECT state FROM promptreg.experiments WHERE key = 'skewed';
SELECT prompt_guard_set('guards/a', 'production', 'error', guard => 'limit', rule => 'limit', threshold => 0.5, severity => 'pause');
CALL test.log_users(3, 'b', 201, 300, true);
CALL test.log_users(3, 'b', 201, 300, true);
SELECT guard, version, state FROM prompt_guard_check('guards/a');
SELECT prompt_guard_remove('guards/a', 'production', 'limit'), prompt_experiment_resume('skewed');
-- It stays so: who was lost is missing for good. Another experiment begins anew, and no maintenance is needed to see how its traffic is
-- split. That every call of one fails and none of the other is proof enough, though nothing varies within either.
CALL test.log_users(3, 'b', 301, 400, true);
SELECT guard, version, state FROM prompt_guard_check('guards/a');
SELECT prompt_experiment_stop('skewed'), prompt_experiment_start('guards/a', 'production', key => 'even',
  variants => '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 3, "weight": 1}]');
CALL test.log_users(1, 'control', 1, 400, false);
CALL test.log_users(3, 'b', 1, 390, true);
SELECT guard, version, state FROM prompt_guard_check('guards/a');
SELECT state FROM promptreg.experiments WHERE key = 'even';
DROP PROCEDURE test.log_users;

-- Or paused.
SELECT prompt_experiment_start('guards/a', 'production', key => 'pausing',
  variants => '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 3, "weight": 1}]');
SELECT prompt_guard_set('guards/a', 'production', 'error', tolerance => 0.01, severity => 'pause');
CALL test.log_calls(1, 400, 20, 'control');
CALL test.log_calls(3, 400, 200, 'b');
SELECT version, state FROM prompt_guard_check('guards/a');
SELECT state FROM promptreg.experiments WHERE key = 'pausing';
SELECT version FROM prompt_experiment_stop('pausing');

-- Counts are what a plain aggregate gives.
SELECT prompt_guard_set('guards/a', 'production', 'latency_ms', rule => 'window', threshold => 1000, severity => 'alert');
SELECT count(*) FROM (SELECT prompt_log('guards/a', 1, latency_ms => i) FROM generate_series(1, 1500) AS i) AS logged;
SELECT state FROM prompt_guard_check('guards/a') WHERE guard = 'latency_ms';
SELECT count(*) FROM (SELECT prompt_log('guards/a', 1, latency_ms => i) FROM generate_series(1501, 1700) AS i) AS logged;
SELECT state, reason FROM prompt_guard_check('guards/a') WHERE guard = 'latency_ms';
SELECT n, mean, round(squares) AS squares, (SELECT round(var_pop(i) * 1700) FROM generate_series(1, 1700) i) AS expected,
       cardinality(recent) AS recent
  FROM promptreg.guard_counts c JOIN promptreg.guards g ON g.id = c.guard_id WHERE g.metric = 'latency_ms' AND g.removed_at IS NULL;

-- What somebody deploys after a guard has acted is guarded from its first call, whatever the cool-down.
SELECT prompt_create('guards/b');
SELECT count(prompt_commit('guards/b', 'version ' || i)) FROM generate_series(1, 4) AS i;
SELECT count(prompt_promote('guards/b', v, 'production')) FROM generate_series(1, 2) AS v;
SELECT prompt_guard_set('guards/b', 'production', 'error', rule => 'limit', threshold => 0.05);
CREATE PROCEDURE test.fail_calls(version integer) LANGUAGE sql
BEGIN ATOMIC
  SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/b', 'version', fail_calls.version, 'error_class', 'x'))) FROM generate_series(1, 300);
END;
CALL test.fail_calls(2);
SELECT version, state FROM prompt_guard_check('guards/b');
CALL test.fail_calls(1);
SELECT version, state FROM prompt_guard_check('guards/b');
SELECT (prompt_promote('guards/b', 3, 'production', reason => 'hotfix')).version;
CALL test.fail_calls(3);
SELECT version, state FROM prompt_guard_check('guards/b');
SELECT version FROM prompt_assign('guards/b');
-- Held back, it is not silent: it says so at every look, records it once in a cool-down, and acts where it can.
SELECT prompt_guard_set('guards/b', 'production', 'error', rule => 'limit', threshold => 0.05, max_rollbacks => 0);
CALL test.fail_calls(1);
SELECT version, state FROM prompt_guard_check('guards/b');
SELECT version, state FROM prompt_guard_check('guards/b');
SELECT e.action, e.numbers ->> 'held' AS held, count(*) FROM promptreg.guard_events e JOIN promptreg.guards g ON g.id = e.guard_id
 WHERE g.prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'guards/b') AND g.removed_at IS NULL GROUP BY 1, 2;
SELECT result FROM prompt_maintain('{guards}');
SELECT prompt_experiment_start('guards/b', 'production', key => 'acts', variants => '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 4, "weight": 1}]');
CALL test.fail_calls(1);
SELECT version, state FROM prompt_guard_check('guards/b');
CALL test.fail_calls(4);
SELECT version, state FROM prompt_guard_check('guards/b');
SELECT state FROM promptreg.experiments WHERE key = 'acts';
SELECT prompt_guard_remove('guards/b', 'production', 'error');
DROP PROCEDURE test.fail_calls;

-- Beside a version that gets no calls any more nothing is concurrent.
SELECT prompt_experiment_start('guards/b', 'production', key => 'alone', variants => '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 4, "weight": 1}]');
SELECT prompt_guard_set('guards/b', 'production', 'error', max_staleness => '2 seconds');
SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/b', 'version', 1, 'user_id', 'c' || i))) FROM generate_series(1, 200) AS i;
SELECT pg_sleep(2.1);
SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/b', 'version', 4, 'user_id', 'b' || i, 'error_class', 'x'))) FROM generate_series(1, 200) AS i;
SELECT version, state, reason LIKE 'the newest value of version 1 beside it is of %' AS why FROM prompt_guard_check('guards/b');
SELECT prompt_guard_remove('guards/b', 'production', 'error'), prompt_experiment_stop('alone');

-- Users count, not calls: 20 calls a user, and 2 of 40 users of one version always fail, are no proof; 40 of 800 are.
SELECT prompt_experiment_start('guards/b', 'production', key => 'loyal', variants => '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 4, "weight": 1}]');
SELECT prompt_guard_set('guards/b', 'production', 'error', severity => 'alert', cool_down => '0');
CREATE PROCEDURE test.log_loyal(low integer, high integer) LANGUAGE sql
BEGIN ATOMIC
  SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/b', 'version', v, 'user_id', v || '-' || u, 'error_class', CASE WHEN v = 4 AND u % 20 = 0 THEN 'x' END)))
    FROM generate_series(low, high) AS u, generate_series(1, 20) AS call, unnest('{1,4}'::integer[]) AS v;
END;
CALL test.log_loyal(1, 40);
SELECT state, numbers ->> 'n' AS n, numbers ->> 'users' AS users, reason FROM prompt_guard_check('guards/b');
CALL test.log_loyal(41, 800);
SELECT state, numbers ->> 'n' AS n, numbers ->> 'users' AS users, reason FROM prompt_guard_check('guards/b');
SELECT prompt_guard_remove('guards/b', 'production', 'error');
-- The error is what all values at once give, however they came in: under three rows of weights, with users who come again.
SELECT prompt_guard_set('guards/b', 'production', 'latency_ms', severity => 'alert', min_count => 1);
CREATE PROCEDURE test.log_latencies(low integer, high integer, calls integer) LANGUAGE sql
BEGIN ATOMIC
  SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/b', 'version', v, 'user_id', v || '-' || u, 'latency_ms', 1000 + v + u * 7 % 50 + call * high % 13)))
    FROM unnest('{1,4}'::integer[]) AS v, generate_series(low, high + v) AS u, generate_series(1, calls + u % 3) AS call;
END;
CALL test.log_latencies(1, 20, 1);
SELECT state FROM prompt_guard_check('guards/b');
SELECT prompt_experiment_set_weights('loyal', '{"control": 1, "b": 3}');
CALL test.log_latencies(5, 30, 2);
SELECT state FROM prompt_guard_check('guards/b');
CALL test.log_latencies(20, 40, 1);
SELECT prompt_experiment_set_weights('loyal', '{"control": 1, "b": 9}');
CALL test.log_latencies(10, 35, 3);
SELECT state FROM prompt_guard_check('guards/b');
WITH guard AS (
  SELECT g.id, x.id AS experiment_id, g.set_at FROM promptreg.guards g, promptreg.experiments x WHERE g.metric = 'latency_ms' AND g.removed_at IS NULL AND x.key = 'loyal' AND g.prompt_id = x.prompt_id
), value AS (
  SELECT e.version, e.user_id, e.latency_ms AS value, (SELECT max(w.number) FROM promptreg.weights w WHERE w.experiment_id = g.experiment_id AND w.set_at <= e.at) AS number
    FROM promptreg.executions e, guard g WHERE e.prompt = 'guards/b' AND e.at >= g.set_at
), mean AS (
  SELECT version, number, count(*) AS n, count(DISTINCT user_id) AS users, avg(value) AS mean FROM value GROUP BY 1, 2
), share AS (
  SELECT number, a.n * b.n / (a.n + b.n)::double precision / sum(a.n * b.n / (a.n + b.n)::double precision) OVER () AS share
    FROM mean a JOIN mean b USING (number) WHERE a.version = 1 AND b.version = 4
), deviation AS (
  SELECT v.version, v.user_id, sum((v.value - m.mean) * s.share / m.n * sqrt(m.users / (m.users - 1.0))) AS deviation
    FROM value v JOIN mean m USING (version, number) JOIN share s USING (number) GROUP BY 1, 2
)
SELECT count(*) AS users, abs(sqrt(sum(deviation ^ 2)) / min(c.error) - 1) < 1e-9 AS same_error,
       abs((SELECT sum(CASE version WHEN 4 THEN share * mean ELSE -share * mean END) FROM mean JOIN share USING (number)) / min(c.mean - c.beside_mean) - 1) < 1e-9 AS same_difference,
       (SELECT count(DISTINCT number) FROM value) AS weights
  FROM deviation, guard g, promptreg.compare_seen(g.id, 4, 1) AS c;
SELECT prompt_guard_remove('guards/b', 'production', 'latency_ms'), prompt_experiment_stop('loyal');
SELECT count(*) FROM prompt_guard_check('guards/b');
SELECT (SELECT count(*) FROM promptreg.guard_users u JOIN promptreg.guards g ON g.id = u.guard_id AND g.removed_at IS NOT NULL) AS users,
       (SELECT count(*) FROM promptreg.guard_products p JOIN promptreg.guards g ON g.id = p.guard_id AND g.removed_at IS NOT NULL) AS products;
DROP PROCEDURE test.log_loyal, test.log_latencies;

-- At every so many outcomes; a guard that cannot be judged is no reason not to record.
SELECT (prompt_promote('guards/a', 4, 'production')).version;
SELECT prompt_guard_set('guards/a', 'production', 'thumbs', rule => 'limit', threshold => 0.6);
SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'guards/a', 'version', 4, 'request_id', 'e' || i))) FROM generate_series(1, 200) AS i;
SELECT sum(prompt_feedback('e' || i, thumbs => false)) FROM generate_series(1, 200) AS i;
SELECT version FROM prompt_assign('guards/a');
SET promptreg.guard_check_every = 1;
SELECT prompt_feedback('e1', rating => 1);
SELECT version FROM prompt_assign('guards/a');
SELECT prompt_feedback('no such request', rating => 1);
ALTER FUNCTION promptreg.refresh_guards() RENAME TO refresh_no_guards;
SELECT prompt_feedback('e1', rating => 1);
ALTER FUNCTION promptreg.refresh_no_guards() RENAME TO refresh_guards;
RESET promptreg.guard_check_every;
SELECT prompt_guard_remove('guards/a', 'production', 'thumbs');

-- Maintenance judges all.
SELECT task, result, error FROM prompt_maintain('{guards}');

-- Errors and rights.
SELECT * FROM test.errors_of('SELECT prompt_guard_set(''guards/a'', ''production'', %s)',
  '''speed''', '''error'', rule => ''often''', '''error'', rule => ''limit''', '''latency_ms'', rule => ''limit'', threshold => 0.5',
  '''error'', rule => ''limit'', threshold => 1', '''error'', threshold => 0.5', '''error'', better => ''up''',
  '''error'', scorer => ''x''', '''error'', severity => ''panic''', '''latency_ms'', rule => ''window'', threshold => 9',
  '''error'', tolerance => -1', '''error'', min_count => 0', '''error'', alpha => 0.5', '''error'', cool_down => ''-1 s''',
  '''error'', max_staleness => ''0''', '''error'', max_rollbacks => 101', '''error'', guard => ''''');
SELECT * FROM test.errors_of('SELECT %s', 'prompt_guard_remove(''guards/a'', ''production'', ''nothing'')',
  'prompt_guard_set(''guards/none'', ''production'', ''error'')', 'prompt_guard_set(''guards/a'', ''moon'', ''error'')',
  'prompt_guard_check(''guards/none'')', 'prompt_guard_check(env => ''moon'')');
UPDATE promptreg.guard_events SET reason = 'no reason';
DELETE FROM promptreg.guards;
CREATE ROLE regress_guard;
SELECT prompt_grant('guards/*', 'read', 'regress_guard');
SET ROLE regress_guard;
SELECT guard FROM prompt_guards() ORDER BY 1;
SELECT * FROM test.errors_of('SELECT %s', 'prompt_guard_check(''guards/a'')', 'prompt_guard_check()',
  'prompt_guard_set(''guards/a'', ''production'', ''error'')', 'prompt_guard_remove(''guards/a'', ''production'', ''error'')');
RESET ROLE;
SELECT prompt_revoke('guards/*', 'read', 'regress_guard');
DROP ROLE regress_guard;
SELECT count(*) FROM prompt_verify();
SELECT count(prompt_guard_remove(prompt, environment, guard)) FROM prompt_guards();
DROP PROCEDURE test.log_calls;
