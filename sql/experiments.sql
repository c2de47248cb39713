-- Experiments: starting, weights, coverage, ending, and what promotions and rollbacks do to them.

SELECT prompt_create('experiments/a');
SELECT count(prompt_commit('experiments/a', 'v' || i)) FROM generate_series(1, 4) AS i;
SELECT (prompt_promote('experiments/a', 1, 'production')).version;

SELECT prompt_experiment_start('experiments/a', 'production',
  '[{"key": "control", "version": 1, "weight": 0.9}, {"key": "b", "version": 2, "weight": 0.1}]',
  description => 'Is it better?', reason => 'Tuesday meeting');
SELECT key, environment, state, length(salt) AS salt, coverage_ppm, description, started_by = current_user AS mine, winner
  FROM promptreg.experiments WHERE key LIKE 'experiments/%';
SELECT v.key, v.version FROM promptreg.variants v JOIN promptreg.experiments x ON x.id = v.experiment_id
 WHERE x.key LIKE 'experiments/%' ORDER BY v.key;
SELECT prompt, version, experiment FROM promptreg.route_status WHERE prompt = 'experiments/a';
SELECT version, status FROM prompt_history('experiments/a') ORDER BY version;

-- Users are split; nobody without a name is.
SELECT reason, variant, version, count(*) BETWEEN 850 AND 950 OR count(*) BETWEEN 50 AND 150 AS as_weighted
  FROM generate_series(1, 1000) AS n, prompt_assign('experiments/a', 'production', 'user-' || n) GROUP BY 1, 2, 3 ORDER BY 2;
SELECT * FROM prompt_assign('experiments/a');
SELECT experiment, variant, reason, slot IS NULL AS no_slot FROM prompt_assign('experiments/a', user_id => NULL);
SELECT experiment, variant, reason FROM prompt_resolve('experiments/a');
SELECT reason, experiment, variant IS NOT NULL AS enrolled FROM prompt_assign('experiments/a', user_id => '');
-- The same user gets the same, in every function.
SELECT count(*) AS disagreements
  FROM generate_series(1, 500) AS n, prompt_assign('experiments/a', 'production', 'user-' || n) AS a,
       prompt_resolve('experiments/a', 'production', 'user-' || n) AS r
 WHERE (a.experiment, a.variant, a.version, a.reason) IS DISTINCT FROM (r.experiment, r.variant, r.version, r.reason)
    OR r.text <> 'v' || a.version OR prompt_render('experiments/a', 'production', 'user-' || n) <> r.text;

-- Weights: any non-negative numbers, relative to each other, kept as parts per million by largest remainder.
SELECT prompt_experiment_set_weights('experiments/a-production-1', '{"control": 0.5, "b": 0.5}', 'looks fine');
SELECT prompt_experiment_set_weights('experiments/a-production-1', '{"b": 1, "control": 2}');
SELECT prompt_experiment_set_weights('experiments/a-production-1', '{"b": 0, "control": 7}');
SELECT DISTINCT variant, version FROM generate_series(1, 200) AS n, prompt_assign('experiments/a', 'production', 'user-' || n);
SELECT prompt_experiment_set_weights('experiments/a-production-1', '{"b": 1e9, "control": 0.000001}');
SELECT w.number, w.keys, w.ppm, w.reason, w.set_by = current_user AS mine
  FROM promptreg.weights w JOIN promptreg.experiments x ON x.id = w.experiment_id
 WHERE x.key = 'experiments/a-production-1' ORDER BY w.number;
SELECT keys, weights, promptreg.weights_to_ppm(keys, weights) AS ppm,
       (SELECT sum(p) FROM unnest(promptreg.weights_to_ppm(keys, weights)) AS p) AS sum
  FROM (VALUES ('{a,b,c}'::text[], '{1,1,1}'::numeric[]), ('{c,b,a}', '{1,1,1}'), ('{a,b,c,d,e,f,g}', '{1,1,1,1,1,1,1}'),
               ('{a,b}', '{0.3333335,0.6666665}'), ('{a,b}', '{1,0}'), ('{a,b}', '{0.0000001,1}'), ('{a,B}', '{0.5000005,0.4999995}'),
               ('{a,b}', '{0,0}'), ('{a,b,c}', '{999999999,1000000000,0.5}'), ('{b,ą,a}', '{1,1,1}')) AS cases (keys, weights);
SELECT error FROM test.errors_of($$SELECT prompt_experiment_set_weights('experiments/a-production-1', %L)$$,
  'null', '[]', '1', '{}', '{"control": 1}', '{"control": 1, "b": 1, "c": 1}', '{"control": 1, "B": 1}', '{"control": 0, "b": 0}',
  '{"control": -1, "b": 1}', '{"control": "1", "b": 1}', '{"control": null, "b": 1}', '{"control": 1e10, "b": 1}', '{"control": true, "b": 1}');
CALL test.fails($$SELECT prompt_experiment_set_weights('experiments/a-production-1', NULL)$$);
CALL test.fails($$SELECT prompt_experiment_set_weights('experiments/none', '{}')$$);
CALL test.fails($$SELECT prompt_experiment_set_weights(NULL, '{}')$$);

-- While it runs: no second one, no promotion; a rollback ends it.
CALL test.fails($$SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]')$$);
CALL test.fails($$SELECT prompt_promote('experiments/a', 3, 'production')$$);
CALL test.fails($$SELECT prompt_retire('experiments/a', 'production')$$);
CALL test.fails($$SELECT prompt_archive('experiments/a')$$);
SELECT version, previous FROM prompt_promote('experiments/a', 3, 'production', end_experiment => true);
SELECT state, stopped_by = current_user AS mine, stopped_at >= started_at AS in_order, stop_reason, winner FROM promptreg.experiments WHERE key = 'experiments/a-production-1';
SELECT * FROM prompt_assign('experiments/a', 'production', 'user-1');
SELECT version, status FROM prompt_history('experiments/a') ORDER BY version;
CALL test.fails($$SELECT prompt_experiment_stop('experiments/a-production-1')$$);
CALL test.fails($$SELECT prompt_experiment_set_weights('experiments/a-production-1', '{"control": 1, "b": 1}')$$);

SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'experiments/mine');
SELECT version, previous, event FROM prompt_rollback('experiments/a', 'production');
SELECT state, stop_reason FROM promptreg.experiments WHERE key = 'experiments/mine';
SELECT version, reason FROM prompt_assign('experiments/a', 'production', 'user-1');

-- Promoting what is served already, but ending the experiment on it.
SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'experiments/same');
SELECT version, number FROM prompt_promote('experiments/a', 1, 'production');
SELECT state FROM promptreg.experiments WHERE key = 'experiments/same';
SELECT version, number FROM prompt_promote('experiments/a', 1, 'production', end_experiment => true);
SELECT state, stop_reason FROM promptreg.experiments WHERE key = 'experiments/same';

-- A retirement ends it if told to.
SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'experiments/retired');
SELECT version FROM prompt_retire('experiments/a', 'production', end_experiment => true);
SELECT state, stop_reason FROM promptreg.experiments WHERE key = 'experiments/retired';

-- Stopping, with and without a winner. The winner's version is promoted in the same statement.
CALL test.fails($$SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]')$$);
SELECT (prompt_promote('experiments/a', 2, 'production')).version;
SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "control", "version": 2, "weight": 1}, {"key": "b", "version": 4, "weight": 1}]', key => 'experiments/b wins');
CALL test.fails($$SELECT prompt_experiment_stop('experiments/b wins', 'c')$$);
CALL test.fails($$SELECT prompt_experiment_stop('experiments/none')$$);
CALL test.fails($$SELECT prompt_experiment_stop(NULL)$$);
SELECT state FROM promptreg.experiments WHERE key = 'experiments/b wins';
SELECT version, previous, event, reason FROM prompt_experiment_stop('experiments/b wins', 'b');
SELECT state, winner, stop_reason FROM promptreg.experiments WHERE key = 'experiments/b wins';
SELECT prompt_render('experiments/a', 'production', 'user-1');
SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "control", "version": 4, "weight": 1}, {"key": "b", "version": 1, "weight": 1}]', key => 'experiments/control wins');
SELECT version, previous, event, number FROM prompt_experiment_stop('experiments/control wins', winner => 'control', reason => 'no difference');
SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "control", "version": 4, "weight": 1}, {"key": "b", "version": 1, "weight": 1}]', key => 'experiments/nobody wins');
SELECT prompt_experiment_stop('experiments/nobody wins', reason => 'boring') IS NULL AS nothing_deployed;
SELECT state, winner, stop_reason FROM promptreg.experiments WHERE key = 'experiments/nobody wins';

-- Coverage: who is not enrolled gets the deployed version, and raising it moves nobody between variants.
SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', coverage => 0.25, key => 'experiments/quarter');
SELECT coverage_ppm FROM promptreg.experiments WHERE key = 'experiments/quarter';
SELECT reason, variant, version, count(*) BETWEEN 80 AND 170 OR (reason = 'control' AND count(*) BETWEEN 700 AND 800) AS as_expected,
       bool_and(slot < 250000) AS slots_below, bool_and(slot >= 250000) AS slots_above
  FROM generate_series(1, 1000) AS n, prompt_assign('experiments/a', 'production', 'user-' || n) GROUP BY 1, 2, 3 ORDER BY 2;
SELECT prompt_experiment_stop('experiments/quarter');
SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', coverage => 0, key => 'experiments/nobody');
SELECT reason, experiment, variant, version, count(*) FROM generate_series(1, 100) AS n, prompt_assign('experiments/a', 'production', 'user-' || n) GROUP BY 1, 2, 3, 4;
SELECT experiment, variant, reason FROM prompt_resolve('experiments/a', 'production', 'user-1');
SELECT prompt_experiment_stop('experiments/nobody');
SELECT error FROM test.errors_of($$SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', coverage => %s)$$,
  '-0.1', '1.1', 'NULL', $$'NaN'$$, $$'Infinity'$$);

-- In different environments at the same time.
SELECT (prompt_promote('experiments/a', 1, 'staging')).version;
SELECT prompt_experiment_start('experiments/a', 'staging', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]'),
       prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]');
SELECT environment, experiment FROM promptreg.route_status WHERE prompt = 'experiments/a' ORDER BY 1;
-- Equal keys and weights, another experiment: another randomisation.
SELECT count(*) BETWEEN 400 AND 600 AS independent
  FROM generate_series(1, 1000) AS n
 WHERE (prompt_assign('experiments/a', 'staging', 'user-' || n)).variant = (prompt_assign('experiments/a', 'production', 'user-' || n)).variant;
SELECT prompt_experiment_stop('experiments/a-staging-1'), prompt_experiment_stop(key) FROM promptreg.experiments WHERE key LIKE 'experiments/a-production-%' AND state = 'running';

-- What cannot be started.
SELECT error FROM test.errors_of($$SELECT prompt_experiment_start('experiments/a', 'production', %L)$$,
  'null', '{}', '1', '[]', '[{"key": "x", "version": 1, "weight": 1}]', '[1, 2]', '[null, null]', '[{}, {}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"version": 2, "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": null, "version": 2, "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "", "version": 2, "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": " x", "version": 2, "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "x", "version": 2, "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": "2", "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 1.5, "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 0, "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 99, "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 99999999999, "weight": 1}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": "1"}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": -1}]',
  '[{"key": "x", "version": 1, "weight": 0}, {"key": "y", "version": 2, "weight": 0}]',
  '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1, "wait": 1}]');
SELECT error FROM test.errors_of($$SELECT prompt_experiment_start('experiments/a', 'production', %s)$$,
  $$(SELECT jsonb_agg(jsonb_build_object('key', 'k' || n, 'version', 1, 'weight', 1)) FROM generate_series(1, 101) AS n)$$, 'NULL');
CALL test.fails($$SELECT prompt_experiment_start('experiments/a', 'development', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]')$$);
CALL test.fails($$SELECT prompt_experiment_start('experiments/a', 'latest', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]')$$);
CALL test.fails($$SELECT prompt_experiment_start('experiments/a', NULL, '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]')$$);
CALL test.fails($$SELECT prompt_experiment_start('experiments/none', 'production', '[]')$$);
CALL test.fails($$SELECT prompt_experiment_start(NULL, 'production', '[]')$$);
CALL test.fails($$SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'experiments/mine')$$);
CALL test.fails($$SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => '')$$);
-- A failed start leaves no experiment behind.
SELECT count(*) AS running FROM promptreg.experiments x JOIN promptreg.prompts p ON p.id = x.prompt_id WHERE p.name = 'experiments/a' AND state = 'running';

-- One hundred variants, and keys of all kinds.
SELECT prompt_experiment_start('experiments/a', 'production', (SELECT jsonb_agg(jsonb_build_object('key', 'k' || n, 'version', 1 + n % 4, 'weight', n)) FROM generate_series(1, 100) AS n), key => 'experiments/hundred');
SELECT sum(p), count(*), min(p) > 0 AS positive FROM promptreg.weights w JOIN promptreg.experiments x ON x.id = w.experiment_id, unnest(w.ppm) AS p WHERE x.key = 'experiments/hundred';
SELECT (prompt_experiment_stop('experiments/hundred', 'k100')).version;
SELECT prompt_experiment_start('experiments/a', 'production', '[{"key": "it''s", "version": 1, "weight": 1}, {"key": "żółw 🦄", "version": 2, "weight": 1}]', key => 'experiments/"quoted"');
SELECT variant FROM generate_series(1, 100) AS n, prompt_assign('experiments/a', 'production', 'u' || n) GROUP BY variant ORDER BY variant COLLATE "C";
SELECT prompt_experiment_set_weights('experiments/"quoted"', '{"it''s": 1, "żółw 🦄": 0}');
SELECT prompt_experiment_stop('experiments/"quoted"');

-- A key made by default is not one that somebody chose before.
SELECT prompt_register('experiments/d', 'one');
SELECT (prompt_promote('experiments/d', 1, 'production')).version;
SELECT prompt_experiment_start('experiments/d', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 1, "weight": 1}]', key => 'experiments/d-production-2');
SELECT prompt_experiment_stop('experiments/d-production-2');
SELECT prompt_experiment_start('experiments/d', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 1, "weight": 1}]');

-- Names that are long make keys that fit, and are told apart.
SELECT prompt_register(repeat('ż', 200), 'one'), prompt_register(repeat('ż', 199) || 'x', 'one');
SELECT (prompt_promote(repeat('ż', 200), 1, 'production')).version, (prompt_promote(repeat('ż', 199) || 'x', 1, 'production')).version;
SELECT length(prompt_experiment_start(repeat('ż', 200), 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 1, "weight": 1}]'));
SELECT length(prompt_experiment_start(repeat('ż', 199) || 'x', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 1, "weight": 1}]'));

SELECT event, experiment, reason, before, after - '{chain_hash,salt}'::text[] AS after FROM promptreg.audit_log
 WHERE experiment IN ('experiments/a-production-1', 'experiments/b wins') ORDER BY id;
SELECT * FROM prompt_verify('experiments/a');
