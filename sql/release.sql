-- Several changes in one statement, all or nothing.

SELECT prompt_register('release/' || p, p || v) FROM unnest('{a,b,c}'::text[]) AS p, generate_series(1, 2) AS v;
SELECT prompt, environment, event, version, previous, number, reason FROM prompt_release('[
  {"prompt": "release/c", "version": 1, "environment": "production"},
  {"prompt": "release/a", "version": 1, "environment": "production", "action": "promote", "reason": "own reason"},
  {"prompt": "release/b", "version": 2, "environment": "staging"}]', 'autumn');
SELECT prompt, environment, event, version, previous, number, reason FROM prompt_release('[
  {"prompt": "release/a", "version": 2, "environment": "production"},
  {"prompt": "release/c", "version": 2, "environment": "production"},
  {"prompt": "release/c", "environment": "production", "action": "rollback"},
  {"prompt": "release/b", "environment": "staging", "action": "retire", "end_experiment": true},
  {"prompt": "release/b", "version": 1, "environment": "production"},
  {"prompt": "release/b", "version": 1, "environment": "development"}]');
SELECT prompt, version, event, environment FROM prompt_release('[{"prompt": "release/a", "version": 1, "environment": "production", "action": "rollback"}]');
SELECT prompt, environment, version FROM promptreg.route_status WHERE prompt LIKE 'release/%' ORDER BY 1, 2;

-- One that fails undoes all.
CALL test.fails($$SELECT prompt_release('[{"prompt": "release/a", "version": 2, "environment": "production"},
  {"prompt": "release/b", "version": 9, "environment": "production"}]')$$);
CALL test.fails($$SELECT prompt_release('[{"prompt": "release/a", "version": 2, "environment": "production"},
  {"prompt": "release/no-such-name-here", "version": 1, "environment": "production"}]')$$);
CALL test.fails($$SELECT prompt_release('[{"prompt": "release/a", "version": 2, "environment": "production"},
  {"prompt": "release/b", "environment": "nowhere", "version": 1}]')$$);
CALL test.fails($$SELECT prompt_release('[{"prompt": "release/a", "version": 2, "environment": "production"},
  {"prompt": "release/b", "environment": "staging", "action": "retire"}]')$$);
CALL test.fails($$SELECT prompt_release('[{"prompt": "release/a", "version": 2, "environment": "production"},
  {"prompt": "release/c", "environment": "production", "action": "rollback"}]')$$);
SELECT prompt, environment, version FROM promptreg.route_status WHERE prompt LIKE 'release/%' ORDER BY 1, 2;

-- An experiment on one of the routes.
SELECT prompt_experiment_start('release/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'release-x');
CALL test.fails($$SELECT prompt_release('[{"prompt": "release/c", "version": 2, "environment": "production"},
  {"prompt": "release/a", "version": 2, "environment": "production"}]')$$);
SELECT prompt, version FROM prompt_release('[{"prompt": "release/c", "version": 2, "environment": "production"},
  {"prompt": "release/a", "version": 2, "environment": "production", "end_experiment": true}]');
SELECT state, stop_reason FROM promptreg.experiments WHERE key = 'release-x';

-- By another name of the prompt.
SELECT prompt_rename('release/b', 'release/bee');
SELECT prompt, version, previous FROM prompt_release('[{"prompt": "release/bee", "version": 2, "environment": "production"}]');

-- Sent again with its keys, a release does nothing and returns what it has done: no rollback goes one further back.
SELECT count(*) FROM (SELECT prompt_register('release/k', 'k' || v) FROM generate_series(1, 3) AS v) AS r;
SELECT count(*) FROM (SELECT prompt_promote('release/k', v, 'production'), prompt_promote('release/k', v, 'staging') FROM generate_series(1, 3) AS v) AS r;
PREPARE send AS SELECT environment, event, version, previous, number FROM prompt_release('[
  {"prompt": "release/k", "environment": "production", "action": "rollback", "idempotency_key": "incident 7"},
  {"prompt": "release/k", "environment": "staging", "action": "retire", "idempotency_key": "incident 7"},
  {"prompt": "release/k", "version": 1, "environment": "development", "idempotency_key": "incident 7"}]');
EXECUTE send;
EXECUTE send;
SELECT environment, version FROM promptreg.route_status WHERE prompt = 'release/k' ORDER BY 1;
-- A key that belongs to something else undoes all.
CALL test.fails($$SELECT prompt_release('[{"prompt": "release/k", "version": 2, "environment": "development"},
  {"prompt": "release/k", "version": 3, "environment": "production", "idempotency_key": "incident 7"}]')$$);
CALL test.fails($$SELECT prompt_release('[{"prompt": "release/k", "version": 2, "environment": "development", "idempotency_key": 7}]')$$);
DEALLOCATE send;
SELECT environment, version FROM promptreg.route_status WHERE prompt = 'release/k' ORDER BY 1;

-- What is no release. The message names the change.
CALL test.fails($$SELECT prompt_release(NULL)$$);
CALL test.fails($$SELECT prompt_release('[{"prompt": "release/a", "version": 1, "environment": "production"}, {"prompt": 1}]')$$);
SELECT * FROM test.errors_of('SELECT prompt_release(%L)', 'null', '{}', '[]', '1', '"x"', '[1]', '[null]', '[[]]', '[{}]',
  '[{"prompt": "release/a"}]',
  '[{"prompt": "release/a", "environment": null, "version": 1}]',
  '[{"prompt": "release/a", "environment": "production"}]',
  '[{"prompt": "release/a", "environment": "production", "version": null}]',
  '[{"prompt": "release/a", "environment": "production", "version": "1.5"}]',
  '[{"prompt": "release/a", "environment": "production", "version": 1.5}]',
  '[{"prompt": "release/a", "environment": "production", "version": 0}]',
  '[{"prompt": "release/a", "environment": "production", "version": -1}]',
  '[{"prompt": "release/a", "environment": "production", "version": 9999999999}]',
  '[{"prompt": "release/a", "environment": "production", "version": [1]}]',
  '[{"prompt": "release/a", "environment": "production", "version": true}]',
  '[{"prompt": "release/a", "environment": "production", "version": 1, "action": "deploy"}]',
  '[{"prompt": "release/a", "environment": "production", "version": 1, "action": null}]',
  '[{"prompt": "release/a", "environment": "production", "version": 1, "action": 1}]',
  '[{"prompt": "release/a", "environment": "production", "version": 1, "end_experiment": "yes"}]',
  '[{"prompt": "release/a", "environment": "production", "version": 1, "env": "staging", "zeal": 1}]',
  '[{"prompt": "", "environment": "production", "version": 1}]',
  '[{"prompt": "release/a", "environment": "", "version": 1}]',
  '[{"prompt": "release/a", "environment": "latest", "version": 1}]',
  '[{"prompt": "release/a", "environment": "production", "version": 1, "reason": {"a": 1}}]');
SELECT * FROM prompt_verify('release/a');
