-- Experiments through their states, and what changes while they run.

SELECT prompt_create('states/a');
SELECT count(prompt_commit('states/a', 'v' || i)) FROM generate_series(1, 4) AS i;
SELECT prompt_commit('states/a', '{{name}}', variables => '[{"name": "name", "required": true}]');
SELECT (prompt_promote('states/a', 1, 'production')).version;
CREATE VIEW test.split AS
SELECT a.reason, a.variant, a.version, count(*) > 50 AS some
  FROM generate_series(1, 2000) AS n, prompt_assign('states/a', 'production', 'user-' || n) AS a GROUP BY 1, 2, 3 ORDER BY 2, 1;
CREATE VIEW test.steps AS
SELECT w.number, w.state, w.keys, w.versions, w.ppm, w.coverage_ppm, w.reason
  FROM promptreg.weights w JOIN promptreg.experiments x ON x.id = w.experiment_id WHERE x.key = 'states-x' ORDER BY w.number;

-- A draft splits nothing, and stands in nobody's way.
SELECT prompt_experiment_start('states/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]',
  key => 'states-x', state => 'draft', description => 'waiting');
SELECT * FROM test.split;
SELECT experiment, state, coverage, control, started_at IS NULL AS not_started FROM promptreg.experiment_status WHERE prompt = 'states/a';
SELECT (prompt_promote('states/a', 1, 'staging')).version;
CALL test.fails($$SELECT prompt_experiment_pause('states-x')$$);
SELECT prompt_experiment_set_weights('states-x', '{"control": 1, "b": 3}'), prompt_experiment_override('states-x', 'early', 'b');
SELECT version, reason FROM prompt_assign('states/a', 'production', 'early');
SELECT prompt_experiment_resume('states-x', 'go');
SELECT * FROM test.split;
SELECT version, reason FROM prompt_assign('states/a', 'production', 'early');
CALL test.fails($$SELECT prompt_experiment_resume('states-x')$$);

-- A draft cannot start where another runs, but can be stopped.
SELECT prompt_experiment_start('states/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'states-y', state => 'draft');
CALL test.fails($$SELECT prompt_experiment_resume('states-y')$$);
SELECT prompt_experiment_stop('states-y') IS NULL AS stopped;
SELECT experiment FROM promptreg.route_status WHERE prompt = 'states/a' AND environment = 'production';
CALL test.fails($$SELECT prompt_experiment_resume('states-y')$$);
CALL test.fails($$SELECT prompt_experiment_start('states/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', state => 'paused')$$);

-- Paused, everybody gets the deployed version; resumed, everybody the variant of before.
CREATE TEMP TABLE before AS SELECT n, a.variant FROM generate_series(1, 500) AS n, prompt_assign('states/a', 'production', 'user-' || n) AS a;
SELECT prompt_experiment_pause('states-x', 'incident');
SELECT * FROM test.split;
CALL test.fails($$SELECT prompt_experiment_pause('states-x')$$);
CALL test.fails($$SELECT prompt_promote('states/a', 2, 'production')$$);
CALL test.fails($$SELECT prompt_experiment_start('states/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]')$$);
SELECT prompt_experiment_resume('states-x');
SELECT count(*) AS moved FROM before, prompt_assign('states/a', 'production', 'user-' || n) AS a WHERE a.variant IS DISTINCT FROM before.variant;

-- Coverage: raising it enrols more and moves nobody.
SELECT prompt_experiment_set_coverage('states-x', 0.3, 'less');
SELECT * FROM test.split;
SELECT coverage FROM promptreg.experiment_status WHERE experiment = 'states-x';
SELECT prompt_experiment_set_coverage('states-x', 0.6);
SELECT count(*) FILTER (WHERE a.variant IS NOT NULL) BETWEEN 220 AND 380 AS about_enrolled, count(*) FILTER (WHERE a.variant <> before.variant) AS moved
  FROM before, prompt_assign('states/a', 'production', 'user-' || n) AS a;
SELECT error FROM test.errors_of($$SELECT prompt_experiment_set_coverage('states-x', %s)$$, '-0.1', '1.1', 'NULL');
SELECT prompt_experiment_set_coverage('states-x', 1);

-- Variants: another version behind a key moves nobody; a new key takes its share evenly; a key that goes frees only its own.
SELECT prompt_experiment_set_variants('states-x', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 3, "weight": 3}]', 'better wording');
SELECT count(*) FILTER (WHERE a.variant <> before.variant) AS moved, count(*) FILTER (WHERE a.variant = 'b' AND a.version = 3) > 300 AS new_version
  FROM before, prompt_assign('states/a', 'production', 'user-' || n) AS a;
SELECT prompt_experiment_set_variants('states-x', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 3, "weight": 3}, {"key": "c", "version": 4, "weight": 4}]');
SELECT before.variant || ' -> ' || a.variant AS move FROM before, prompt_assign('states/a', 'production', 'user-' || n) AS a WHERE a.variant <> before.variant GROUP BY 1 ORDER BY 1;
SELECT prompt_experiment_set_variants('states-x', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 3}]');
SELECT count(*) AS moved FROM before, prompt_assign('states/a', 'production', 'user-' || n) AS a WHERE a.variant <> before.variant;
SELECT error FROM test.errors_of($$SELECT prompt_experiment_set_variants('states-x', %L)$$, '[]', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]',
  '[{"key": "control", "version": 99, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', '[{"key": "control", "version": 1, "weight": 0}, {"key": "b", "version": 2, "weight": 0}]');
SELECT v.key, v.version, v.weight_ppm FROM promptreg.variants v JOIN promptreg.experiments x ON x.id = v.experiment_id WHERE x.key = 'states-x' ORDER BY v.key;
SELECT * FROM test.steps;

-- Versions that require what the deployed one does not are shown, and taken only if that is accepted.
CALL test.fails($$SELECT prompt_experiment_set_variants('states-x', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 5, "weight": 3}]')$$);
SELECT prompt_experiment_set_variants('states-x', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 5, "weight": 3}]', accept_differences => true);
SELECT prompt_experiment_pause('states-x');
CALL test.fails($$SELECT prompt_experiment_resume('states-x')$$);
SELECT prompt_experiment_resume('states-x', accept_differences => true);
SELECT prompt_experiment_stop('states-x') IS NULL AS stopped;
-- So are versions that do not require what the deployed one does.
SELECT prompt_register('states/b', '{{name}} {{product}}', variables => '[{"name": "name", "required": true}, {"name": "product", "required": true}]'),
       prompt_register('states/b', '{{product}} {{shop}} {{city}}', variables => '[{"name": "product", "required": true}, {"name": "shop", "required": true}, {"name": "city", "required": true}]'),
       prompt_register('states/b', '{{name}} {{product}} {{note}}', variables => '[{"name": "name", "required": true}, {"name": "product", "required": true}, {"name": "note", "required": false}]'),
       prompt_register('states/b', 'nothing'), (prompt_promote('states/b', 1, 'production')).version;
CALL test.fails($$SELECT prompt_experiment_start('states/b', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}, {"key": "c", "version": 3, "weight": 1}, {"key": "d", "version": 4, "weight": 1}]')$$);
SELECT prompt_experiment_stop(prompt_experiment_start('states/b', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', accept_differences => true)) IS NULL AS stopped;
SELECT prompt_experiment_stop(prompt_experiment_start('states/b', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "c", "version": 3, "weight": 1}]')) IS NULL AS stopped;
CALL test.fails($$SELECT prompt_experiment_start('states/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 5, "weight": 1}]')$$);

-- Overrides: first of all decisions, whatever coverage and weights say, until they are taken back.
SELECT prompt_experiment_start('states/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 0}]', key => 'states-o', coverage => 0);
SELECT prompt_experiment_override('states-o', 'tester', 'b', 'QA'), prompt_experiment_override('states-o', '', 'control'), prompt_experiment_override('states-o', 'żółw', 'b');
SELECT u, a.experiment, a.variant, a.version, a.reason FROM unnest('{tester,"",żółw,Tester,other}'::text[]) AS u, prompt_assign('states/a', 'production', u) AS a;
SELECT prompt_render('states/a', 'production', 'tester');
SELECT prompt_explain('states/a', 'production', 'tester') #>> '{experiment,decided_by}' AS decided_by, prompt_explain('states/a', 'production', 'other') #>> '{experiment,decided_by}' AS others;
SELECT prompt_experiment_override('states-o', 'tester', 'control');
SELECT variant, reason FROM prompt_assign('states/a', 'production', 'tester');
SELECT prompt_experiment_override('states-o', 'tester');
SELECT variant, reason FROM prompt_assign('states/a', 'production', 'tester');
SELECT o.number, o.user_id, o.variant, o.reason, o.set_by = current_user AS mine FROM promptreg.overrides o JOIN promptreg.experiments x ON x.id = o.experiment_id WHERE x.key = 'states-o' ORDER BY 1;
-- A variant that goes takes its overrides along.
SELECT prompt_experiment_override('states-o', 'tester', 'b');
SELECT prompt_experiment_set_variants('states-o', '[{"key": "control", "version": 1, "weight": 1}, {"key": "c", "version": 3, "weight": 1}]');
SELECT variant, reason FROM prompt_assign('states/a', 'production', 'tester');
CALL test.fails($$SELECT prompt_experiment_override('states-o', 'tester', 'b')$$);
CALL test.fails($$SELECT prompt_experiment_override('states-o', NULL, 'c')$$);
CALL test.fails($$SELECT prompt_experiment_override('states-none', 'tester', 'c')$$);
SELECT count(prompt_experiment_override('states-o', 'many ' || n, 'c')) FROM generate_series(1, 997) AS n;
CALL test.fails($$SELECT prompt_experiment_override('states-o', 'one more', 'c')$$);
SELECT prompt_experiment_override('states-o', 'many 1', 'control') AS changed;
SELECT count(*) AS overridden FROM generate_series(1, 997) AS n, prompt_assign('states/a', 'production', 'many ' || n) AS a WHERE a.reason = 'override' AND a.variant = 'c';
SELECT prompt_experiment_stop('states-o') IS NULL AS stopped;

-- A control with a fixed share: the others divide the rest.
SELECT prompt_experiment_start('states/a', 'production', '[{"key": "b", "version": 2, "weight": 1}, {"key": "old", "version": 1}, {"key": "c", "version": 3, "weight": 3}]',
  key => 'states-c', control => 'old', control_share => 0.2);
SELECT v.key, v.weight_ppm FROM promptreg.variants v JOIN promptreg.experiments x ON x.id = v.experiment_id WHERE x.key = 'states-c' ORDER BY v.key;
SELECT prompt_experiment_set_weights('states-c', '{"b": 1, "c": 1}');
SELECT v.key, v.weight_ppm FROM promptreg.variants v JOIN promptreg.experiments x ON x.id = v.experiment_id WHERE x.key = 'states-c' ORDER BY v.key;
SELECT error FROM test.errors_of($$SELECT prompt_experiment_set_weights('states-c', %L)$$, '{"b": 1, "c": 1, "old": 1}', '{"b": 1}', '{"b": 0, "c": 0}', '{"b": 1, "c": 1, "d": 1}');
SELECT prompt_experiment_stop('states-c') IS NULL AS stopped;
SELECT error FROM test.errors_of($$SELECT prompt_experiment_start('states/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', %s)$$,
  'control => $$z$$', 'control_share => 0.5', 'control_share => 1', 'control_share => -0.1', $$control_share => 'NaN'$$);

-- Only the functions change them.
CALL test.fails($$UPDATE promptreg.overrides SET variant = 'b'$$);
CALL test.fails($$UPDATE promptreg.experiments SET control = 'b' WHERE key = 'states-c'$$);
SELECT * FROM prompt_verify('states/a');
SELECT event, count(*) FROM promptreg.audit_log WHERE prompt = 'states/a' AND event LIKE 'experiment%' GROUP BY 1 ORDER BY 1;
