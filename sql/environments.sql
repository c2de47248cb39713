-- Environments: what exists, creating more, names. Nothing of it stays: other tests list environments in hints.
BEGIN;
SET LOCAL client_min_messages = warning;

SELECT * FROM prompt_environments();
SELECT prompt_environment_create('eu-production', 'Production in Europe', 3000);
SELECT prompt_environment_create('environments.canary_1');
SELECT * FROM prompt_environments();

CALL test.fails($$SELECT prompt_environment_create('staging')$$);
CALL test.fails($$SELECT prompt_environment_create('eu-production')$$);
CALL test.fails($$SELECT prompt_environment_create('latest')$$);
CALL test.fails($$SELECT prompt_environment_create(NULL)$$);
SELECT left(error, 60) AS error FROM test.errors_of('SELECT prompt_environment_create(%L)', '', ' ', 'a b', '-a', '_a', 'a/b', 'ą', E'a\n', repeat('e', 101));
SELECT left(prompt_environment_create(repeat('e', 100)), 10), prompt_environment_create('1');
CALL test.fails($$SELECT prompt_environment_create('environments.x', rank => -1)$$);
CALL test.fails($$SELECT prompt_environment_create('environments.x', rank => 1000001)$$);
CALL test.fails($$SELECT prompt_environment_create('environments.x', rank => NULL)$$);
SELECT prompt_environment_create('environments.low', rank => 0), prompt_environment_create('environments.high', rank => 1000000);

-- A prompt can be served in it; its rank says whether that is production.
SELECT prompt_register('environments/a', 'one'), prompt_register('environments/a', 'two');
SELECT (prompt_promote('environments/a', 1, 'environments.canary_1')).environment, (prompt_promote('environments/a', 2, 'eu-production')).environment;
SELECT version, status, environments FROM prompt_history('environments/a');
SELECT prompt_render('environments/a', 'environments.canary_1'), prompt_render('environments/a', 'eu-production');
CALL test.fails($$SELECT prompt_render('environments/a', 'production')$$);
CALL test.fails($$SELECT prompt_render('environments/a', 'eu_production')$$);
CALL test.fails($$SELECT prompt_promote('environments/a', 1, 'Staging')$$);
CALL test.fails($$SELECT prompt_promote('environments/a', 1, 'something quite different')$$);

-- Those of every installation cannot be changed, by nobody.
CALL test.fails($$UPDATE promptreg.environments SET rank = 1 WHERE name = 'production'$$);
CALL test.fails($$DELETE FROM promptreg.environments WHERE name = 'staging'$$);
CALL test.fails($$TRUNCATE promptreg.environments CASCADE$$);
CALL test.fails($$INSERT INTO promptreg.environments (name, rank, created_by, created_at) VALUES ('latest', 1, 'x', 'epoch')$$);
-- One that is in use cannot be removed.
CALL test.fails($$DELETE FROM promptreg.environments WHERE name = 'eu-production'$$);

SELECT event, environment, after FROM promptreg.audit_log WHERE event = 'environment_created' AND length(environment) < 100 ORDER BY id;

ROLLBACK;
