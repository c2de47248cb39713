-- Maintenance of telemetry: partitions ahead, the default partition drained, what is too old dropped.
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks, promptreg.retention_state;
CREATE VIEW test.partitions AS
SELECT relation, name, low, high FROM unnest('{executions,outcomes}'::text[]) relation, promptreg.partition_list(relation);

-- Ahead: this month and two more; by day, this day and a week.
SELECT result ~ '^\d+ partitions made, \d+ dropped, 0 rows deleted$' AS done, error FROM prompt_maintain('{partitions}');
SELECT relation, count(*), min(low) = date_trunc('month', now(), 'UTC') AS from_now FROM test.partitions WHERE high > now() GROUP BY 1 ORDER BY 1;
SELECT result FROM prompt_maintain('{partitions}');
SET promptreg.partition_interval = 'day';
SELECT result FROM prompt_maintain('{partitions}');
RESET promptreg.partition_interval;

-- Drained: what waits in the default partition gets one. Nothing is dropped before it is rolled up, however old it is.
INSERT INTO promptreg.executions (at, request_id, prompt, version, environment)
SELECT t, 'r' || to_char(t, 'YYYYMMDD'), 'ret/a', 1, e FROM unnest('{production,development}'::text[]) e, unnest(ARRAY['2017-02-03', now() - interval '40 days', now() - interval '400 days']) AS t;
INSERT INTO promptreg.outcomes (at, request_id, name, value) SELECT now() - interval '400 days', 'r20170203', 'thumbs', 1;
SELECT count(*) > 0 AS waiting FROM ONLY promptreg.executions_default;
SELECT error FROM prompt_maintain('{partitions}');
SELECT count(*) FROM promptreg.executions_default;
SELECT count(*) FROM promptreg.executions WHERE prompt = 'ret/a';
SELECT executions, thumbs_up FROM promptreg.version_comparison WHERE prompt = 'ret/a';
SELECT result FROM prompt_maintain('{rollups}');
SELECT result ~ '[1-9]\d* dropped' AS dropped FROM prompt_maintain('{partitions}');
SELECT environment, count(*), min(at) > now() - interval '12 months' AS younger FROM promptreg.executions WHERE prompt = 'ret/a' GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM test.partitions WHERE high < now() - interval '12 months';
-- What was counted stays counted.
SELECT environment, executions, thumbs_up FROM promptreg.version_comparison WHERE prompt = 'ret/a';

-- By environment; a consumer that is behind keeps the rows.
SELECT prompt_retention('executions', '30 days', env => 'development');
SELECT low IS NOT NULL AS taken FROM promptreg.take_rows('behind');
INSERT INTO promptreg.executions (at, request_id, prompt, version, environment) VALUES (now() - interval '50 days', 'late', 'ret/a', 1, 'development');
SELECT result FROM prompt_maintain('{rollups}');
SELECT result FROM prompt_maintain('{partitions}');
SELECT environment, request_id = 'late' AS late FROM promptreg.executions WHERE prompt = 'ret/a' ORDER BY 1, 2;
-- Once a day for each rule; set again, at once.
SELECT low IS NOT NULL AS taken FROM promptreg.take_rows('behind');
SELECT result FROM prompt_maintain('{partitions}');
SELECT prompt_retention('executions', '30 days', env => 'development');
SELECT result FROM prompt_maintain('{partitions}');
SELECT environment FROM promptreg.executions WHERE prompt = 'ret/a';
SELECT environment, executions FROM promptreg.version_comparison WHERE prompt = 'ret/a';
-- For ever; for all without a rule of their own.
SELECT prompt_retention('executions', NULL, env => 'development'), prompt_retention('executions', '10 days'), prompt_retention('outcomes', '3 months');
SELECT relation, environment, keep FROM promptreg.retention ORDER BY 1, 2;
SELECT result ~ '[1-9]\d* rows deleted' AS deleted FROM prompt_maintain('{partitions}');
SELECT count(*) FROM promptreg.executions WHERE prompt = 'ret/a';
-- A database restored into another server: nothing is dropped until every consumer has begun anew.
INSERT INTO promptreg.executions (at, prompt, version) VALUES (now() - interval '20 days', 'ret/a', 1);
UPDATE promptreg.watermarks SET system_identifier = 1;
SELECT prompt_retention('executions', '10 days');
SELECT result ~ ' 0 rows deleted' AS kept FROM prompt_maintain('{partitions}');
SELECT result FROM prompt_maintain('{rollups}');
SELECT count(*) FROM promptreg.executions WHERE prompt = 'ret/a';

-- What was dropped before a restore into another server stays counted: feedback whose executions are kept longer, a late execution of a day
-- whose others are gone, and environments that keep less. What was recorded and not rolled up yet counts, too.
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks, promptreg.retention_state;
DELETE FROM promptreg.retention;
INSERT INTO promptreg.executions (at, request_id, prompt, version) SELECT now() - i * interval '1 month', 'kept' || i, 'ret/kept', 1 FROM generate_series(0, 6) i;
INSERT INTO promptreg.outcomes (at, request_id, name, value) SELECT now() - i * interval '1 month', 'kept' || i, 'rating', 5 FROM generate_series(0, 6) i;
INSERT INTO promptreg.executions (at, prompt, version) SELECT '2024-03-05', 'ret/late', 1 FROM generate_series(1, 1000);
INSERT INTO promptreg.executions (at, prompt, version, environment) SELECT now() - interval '2 months', 'ret/env', 1, e FROM unnest('{production,development,development}'::text[]) e;
SELECT result FROM prompt_maintain('{rollups}');
SELECT prompt_retention('outcomes', '3 months'), prompt_retention('executions', '30 days', 'development');
SELECT substring(result, '\d+ rows deleted') AS result, error FROM prompt_maintain('{partitions}');
SELECT count(*) FROM promptreg.outcomes;
INSERT INTO promptreg.executions (at, prompt, version) VALUES ('2024-03-05', 'ret/late', 1);
INSERT INTO promptreg.executions (at, prompt, version, environment) VALUES (now() - interval '2 months', 'ret/env', 1, 'development');
SELECT result FROM prompt_maintain('{rollups}');
CREATE VIEW test.restored AS SELECT prompt, environment, executions, ratings FROM promptreg.version_comparison WHERE prompt ~ '^ret/(kept|late|env)' ORDER BY 1, 2;
SELECT * FROM test.restored;
-- Not rolled up yet.
INSERT INTO promptreg.executions (at, prompt, version) VALUES ('2024-03-05', 'ret/late', 1), (now(), 'ret/late', 1);
INSERT INTO promptreg.outcomes (request_id, name, value) VALUES ('kept6', 'rating', 1), ('kept0', 'rating', 1);
SELECT * FROM test.restored;
UPDATE promptreg.watermarks SET system_identifier = 1;
SELECT promptreg.roll_up() > 0 AS rolled_up;
SELECT * FROM test.restored;
SELECT sum(executions) AS executions, sum(ratings) AS ratings FROM promptreg.version_hourly WHERE prompt ~ '^ret/(kept|late|env)';
-- Again, and after what is new here.
UPDATE promptreg.watermarks SET system_identifier = 1;
INSERT INTO promptreg.outcomes (request_id, name, value) VALUES ('kept6', 'rating', 1);
SELECT promptreg.roll_up() > 0 AS rolled_up;
SELECT * FROM test.restored;
-- Numbers of a server that has had more transactions.
UPDATE promptreg.executions SET xid = '4000000000000' WHERE xid > '2';
UPDATE promptreg.outcomes SET xid = '4000000000000';
UPDATE promptreg.watermarks SET system_identifier = 1, xid = '4000000000001';
INSERT INTO promptreg.executions (at, prompt, version) VALUES (now(), 'ret/late', 1);
SELECT promptreg.roll_up() > 0 AS rolled_up;
SELECT * FROM test.restored;
SELECT promptreg.roll_up() AS rolled_up;
DROP VIEW test.restored;

-- Where nothing is set for the others, theirs are looked for once a day, too.
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks, promptreg.retention_state;
DELETE FROM promptreg.retention;
SELECT prompt_retention('executions', '24 months', 'production');
INSERT INTO promptreg.executions (at, prompt, version, environment) SELECT now() - interval '18 months', 'ret/implicit', 1, e FROM unnest('{production,staging}'::text[]) e;
SELECT error FROM prompt_maintain('{rollups}');
SELECT substring(result, '\d+ rows deleted') AS result, error FROM prompt_maintain('{partitions}');
SELECT environment, applied_to = date_trunc('day', now() - interval '12 months', 'UTC') AS today FROM promptreg.retention_state WHERE applied_to IS NOT NULL;
INSERT INTO promptreg.executions (at, prompt, version, environment) VALUES (now() - interval '18 months', 'ret/implicit', 1, 'staging');
SELECT error FROM prompt_maintain('{rollups}');
SELECT substring(result, '\d+ rows deleted') AS result, error FROM prompt_maintain('{partitions}');
UPDATE promptreg.retention_state SET applied_to = applied_to - interval '1 day';
SELECT substring(result, '\d+ rows deleted') AS result, error FROM prompt_maintain('{partitions}');

-- Rollups by hour, by environment or all; those by day stay, and the totals with them. An hour that a late execution makes anew goes again.
TRUNCATE promptreg.executions, promptreg.rollups, promptreg.watermarks;
INSERT INTO promptreg.executions (at, request_id, prompt, version, environment, latency_ms)
SELECT date_trunc('day', now(), 'UTC') - d * interval '1 day', 'h' || d || e, 'ret/h', 1, e, 5 FROM unnest('{5,9}'::integer[]) d, unnest('{production,development}'::text[]) e;
SELECT result FROM prompt_maintain('{rollups}');
CREATE VIEW test.hours AS SELECT environment, count(*) FILTER (WHERE grain = 'hour') AS hours, count(*) FILTER (WHERE grain = 'day') AS days FROM promptreg.rollups WHERE prompt = 'ret/h' GROUP BY 1 ORDER BY 1;
DELETE FROM promptreg.retention;
SELECT substring(result, '\d+ rows deleted') AS result FROM prompt_maintain('{partitions}');
SELECT * FROM test.hours;
SELECT prompt_retention('rollups', '3 days', env => 'development'), prompt_retention('rollups', '7 days');
SELECT substring(result, '\d+ rows deleted') AS result FROM prompt_maintain('{partitions}');
SELECT * FROM test.hours;
SELECT substring(result, '\d+ rows deleted') AS result FROM prompt_maintain('{partitions}');
INSERT INTO promptreg.executions (at, request_id, prompt, version, environment) VALUES (now() - interval '9 days', 'late', 'ret/h', 1, 'production');
INSERT INTO promptreg.outcomes (request_id, name, value) VALUES ('h9production', 'thumbs', 1);
SELECT result FROM prompt_maintain('{rollups}');
SELECT substring(result, '\d+ rows deleted') AS result FROM prompt_maintain('{partitions}');
SELECT * FROM test.hours;
SELECT environment, executions, thumbs_up FROM promptreg.version_comparison WHERE prompt = 'ret/h';
SELECT sum(executions) FROM promptreg.version_hourly WHERE prompt = 'ret/h';
SELECT from_n, (SELECT from_n FROM prompt_compare('ret/h', 1, 1, since => now() - interval '30 days') LIMIT 1) AS by_hour FROM prompt_compare('ret/h', 1, 1) LIMIT 1;
SELECT prompt_retention('rollups', NULL, env => 'development'), prompt_retention('rollups', '1 day');
SELECT substring(result, '\d+ rows deleted') AS result FROM prompt_maintain('{partitions}');
SELECT * FROM test.hours;
DROP VIEW test.hours;

-- Of experiments that ended longer ago than executions are kept, users are forgotten and figures stay. What comes late counts no more.
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks;
DELETE FROM promptreg.retention;
SELECT prompt_register('ret/x', 'one'), prompt_register('ret/x', 'two'), (prompt_promote('ret/x', 1, 'production')).version;
SELECT prompt_metric_define('ret calls', 'count', 'executions', role => 'primary');
SELECT prompt_experiment_start('ret/x', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'ret/x');
SELECT prompt_experiment_override('ret/x', 'tester', 'b');
SELECT count(prompt_log('ret/x', 1, user_id => u, experiment => 'ret/x', variant => v)) FROM (VALUES ('alice', 'b'), ('alice', 'control'), ('bob', 'b'), ('carol', 'control')) s (u, v);
SELECT variant, users, mean FROM prompt_experiment_report('ret/x');
SELECT prompt_experiment_stop('ret/x');
CREATE VIEW test.users AS SELECT (SELECT count(*) FROM promptreg.experiment_users u WHERE u.experiment_id = x.id) AS users,
    (SELECT count(*) FROM promptreg.experiment_totals t WHERE t.experiment_id = x.id) AS totals
  FROM promptreg.experiments x WHERE x.key = 'ret/x';
ALTER TABLE promptreg.experiments DISABLE TRIGGER fixed_columns;
CREATE TABLE test.ended AS SELECT x.id, x.started_at, x.stopped_at FROM promptreg.experiments x WHERE x.key = 'ret/x';
UPDATE promptreg.experiments SET stopped_at = now() - interval '15 days', started_at = now() - interval '20 days' WHERE key = 'ret/x';
UPDATE promptreg.executions SET at = now() - interval '16 days' WHERE prompt = 'ret/x';
SELECT result FROM prompt_maintain('{experiments}');
SELECT * FROM test.users;
SELECT prompt_retention('executions', '10 days'), prompt_retention('executions', NULL, env => 'production');
SELECT result FROM prompt_maintain('{experiments}');
SELECT prompt_retention('executions', '10 days', env => 'production');
SELECT result FROM prompt_maintain('{experiments}');
SELECT * FROM test.users;
SELECT prompt_log('ret/x', 1, user_id => 'alice', experiment => 'ret/x', variant => 'b', at => now() - interval '16 days'), prompt_metric_define('ret late', 'mean', 'latency_ms') \g (format=unaligned tuples_only=on) /dev/null
SELECT result FROM prompt_maintain('{experiments}');
SELECT metric, variant, users, mean FROM prompt_experiment_report('ret/x');
SELECT users_in_several_variants FROM prompt_experiment_decision('ret/x');
-- Restored into another server, too.
UPDATE promptreg.watermarks SET system_identifier = 1;
SELECT result FROM prompt_maintain('{experiments}');
SELECT metric, variant, users, mean FROM prompt_experiment_report('ret/x');
SELECT * FROM test.users;
UPDATE promptreg.experiments x SET started_at = e.started_at, stopped_at = e.stopped_at FROM test.ended e WHERE x.id = e.id;
ALTER TABLE promptreg.experiments ENABLE ALWAYS TRIGGER fixed_columns;
DROP TABLE test.ended;
DROP VIEW test.users;

CALL test.fails($$SELECT prompt_retention('prompts', '1 year')$$);
CALL test.fails($$SELECT prompt_retention('executions', '23 hours')$$);
CALL test.fails($$SELECT prompt_retention('executions', '-1 year', 'staging')$$);
-- No time is so long ago.
CALL test.fails($$SELECT prompt_retention('executions', '9999 years')$$);
CALL test.fails($$SELECT prompt_retention('rollups', '1000 years 1 day', 'staging')$$);
SELECT prompt_retention('executions', '1000 years'), prompt_retention('rollups', '1000 years'), prompt_retention('outcomes', NULL);
SELECT error FROM prompt_maintain('{partitions}');
UPDATE promptreg.retention SET keep = '9999 years';
SELECT error FROM prompt_maintain('{partitions}');
CALL test.fails($$SELECT prompt_retention('outcomes', '1 year', 'staging')$$);

DELETE FROM promptreg.retention;
TRUNCATE promptreg.metrics, promptreg.experiment_metrics, promptreg.experiment_plans, promptreg.experiment_allocations, promptreg.experiment_totals, promptreg.experiment_stats, promptreg.experiment_sketches, promptreg.experiment_figures,
  promptreg.experiment_users, promptreg.experiment_exposures, promptreg.experiment_splits, promptreg.experiment_closings, promptreg.bandit_sources, promptreg.bandit_units, promptreg.bandit_hours,
  promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks, promptreg.retention_state;
DROP VIEW test.partitions;
