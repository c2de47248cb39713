-- Periodic maintenance.

-- Every task runs, each says what it did, and the view remembers.
SELECT task, result IS NOT NULL AS has_result, error, duration_ms >= 0 AS timed FROM prompt_maintain() WHERE task = 'notifications';
SELECT bool_and(error IS NULL) AS all_good, count(*) = (SELECT count(*) FROM promptreg.maintenance) AS all_tasks FROM prompt_maintain();
SELECT task, last_run_at <= now() + interval '1 minute' AS has_run, duration_ms >= 0 AS timed, result, error, runs, failures
  FROM promptreg.maintenance WHERE task = 'notifications';
SELECT bool_and(description <> '') AS described, bool_and(runs >= 2) AS counted FROM promptreg.maintenance;

-- Guards act before what may take long, and what others need comes before them.
SELECT task FROM promptreg.maintenance_tasks();

-- Some of them.
SELECT task, error FROM prompt_maintain('{notifications}');
SELECT count(*) FROM prompt_maintain('{}');
SELECT runs FROM promptreg.maintenance WHERE task = 'notifications';
SELECT * FROM test.errors_of('SELECT * FROM prompt_maintain(%L)', '{no_such_task}', '{notifications,NULL}');

-- A task that fails undoes what it did, says why, and does not keep the others from running.
CREATE TABLE test.left_behind (x integer);
BEGIN;
ALTER EXTENSION promptreg DROP FUNCTION promptreg.maintain_notifications();
CREATE OR REPLACE FUNCTION promptreg.maintain_notifications() RETURNS text LANGUAGE plpgsql
AS $$ BEGIN INSERT INTO test.left_behind VALUES (1); RAISE EXCEPTION 'out of luck' USING ERRCODE = 'P0777'; END $$;
SELECT task, result, error FROM prompt_maintain('{notifications}');
SELECT count(*) FROM test.left_behind;
SELECT task, error FROM prompt_maintain() WHERE error IS NOT NULL;
SELECT result, error, failures FROM promptreg.maintenance WHERE task = 'notifications';
ROLLBACK;
SELECT error, failures FROM promptreg.maintenance WHERE task = 'notifications';

-- Rights: admin on everything; others see no runs.
CREATE ROLE regress_maintainer;
SELECT prompt_grant('a/*', 'admin', 'regress_maintainer');
GRANT SELECT ON promptreg.maintenance, promptreg.maintenance_runs TO regress_maintainer;
SET ROLE regress_maintainer;
SELECT * FROM test.errors_of('SELECT * FROM prompt_maintain(%s)', '');
SELECT task, runs FROM promptreg.maintenance WHERE task = 'notifications';
RESET ROLE;
SELECT prompt_grant('*', 'admin', 'regress_maintainer');
SET ROLE regress_maintainer;
SELECT task, error FROM prompt_maintain('{notifications}');
SELECT task, runs FROM promptreg.maintenance WHERE task = 'notifications';
RESET ROLE;
DROP OWNED BY regress_maintainer;
SELECT count(prompt_revoke(pattern, "right", role)) FROM prompt_grants() WHERE role = 'regress_maintainer';
DROP ROLE regress_maintainer;
DROP TABLE test.left_behind;
