-- Recording executions and outcomes.
CREATE ROLE regress_logger;
CREATE ROLE regress_pipeline;
SELECT prompt_register('log/a', 'a1'), prompt_register('log/a', 'a2'), prompt_register('log/b', 'b1');
SELECT prompt_rename('log/a', 'log/renamed');

-- One execution, with everything and with nothing.
SELECT prompt_log('log/a', 2, 'staging', 'user-1', 'full', 'exp', 'b', 'model-x', 812.5, 90, 1000, 200, 300, 0.0125, 'timeout', 'too slow',
                  'stop', '{"trace": 7}', '2024-05-06 07:08:09.5+02');
SELECT to_jsonb(e) - 'xid' AS execution FROM promptreg.executions e WHERE request_id = 'full' \gx
BEGIN;
SELECT length(prompt_log('log/a', 1)) AS made_up;
SELECT prompt, version, environment, experiment, user_id, at BETWEEN now() AND clock_timestamp() AS now, cost_usd, xid = pg_current_xact_id_if_assigned() AS same
  FROM promptreg.executions WHERE environment = 'production' AND prompt = 'log/a';
COMMIT;
-- By another name of the prompt; for a prompt that is not here.
SELECT prompt_log('log/renamed', 1, request_id => 'renamed'), prompt_log('elsewhere', 3, request_id => 'elsewhere');
SELECT request_id, prompt FROM promptreg.executions WHERE request_id IN ('renamed', 'elsewhere') ORDER BY 1;

-- What cannot be recorded.
CALL test.fails($$SELECT prompt_log(NULL, 1)$$);
CALL test.fails($$SELECT prompt_log('', 1)$$);
CALL test.fails($$SELECT prompt_log('log/a', NULL)$$);
CALL test.fails($$SELECT prompt_log('log/a', 0)$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, env => NULL)$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, latency_ms => -1)$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, latency_ms => 'NaN')$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, time_to_first_token_ms => 'Infinity')$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, tokens_in => -1)$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, tokens_out => 1000000000001)$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, cost_usd => 'NaN')$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, cost_usd => -0.01)$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, cost_usd => 1e-31)$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, at => now() + interval '25 hours')$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, at => 'infinity')$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, at => '1999-12-31 23:59:59+00')$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, metadata => '[1]')$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, metadata => jsonb_build_object('x', repeat('x', 1048576)))$$);
CALL test.fails($$SELECT prompt_log('log/a', 1, request_id => '')$$);
CALL test.fails($$SELECT prompt_log(repeat('x', 801), 1)$$);
-- The table says the same to plain INSERT and COPY.
SELECT regexp_replace(split_part(test.error_of(statement), E'\n', 1), '(executions|outcomes)_(\d+|default)"', '\1"') AS error FROM unnest(ARRAY[
  $$INSERT INTO promptreg.executions (prompt, version, latency_ms) VALUES ('log/a', 1, 'NaN')$$,
  $$INSERT INTO promptreg.executions (prompt, version, cost_usd) VALUES ('log/a', 1, 'Infinity')$$,
  $$INSERT INTO promptreg.executions (prompt, version, at) VALUES ('log/a', 1, '-infinity')$$,
  $$INSERT INTO promptreg.outcomes (request_id, name, value) VALUES ('x', 'rating', 3.5)$$,
  $$INSERT INTO promptreg.outcomes (request_id, name, value) VALUES ('x', 'rating', NULL)$$,
  $$INSERT INTO promptreg.outcomes (request_id, name, value) VALUES ('x', 'other', 1)$$]) AS statement;

-- Numbers are what PostgreSQL itself would read, whatever their form.
SELECT prompt_log_many((SELECT jsonb_agg(jsonb_build_object('name', 'numbers', 'version', 1, 'request_id', n::text, 'latency_ms', n)) FROM unnest('{0,1e-9,0.1,812.5,123.45678901234567,99999999.999999999,1e12,403.428793492739,5e-324,0.30000000000000004}'::numeric[]) AS n));
SELECT count(*), bool_and(latency_ms = request_id::double precision) AS same FROM promptreg.executions WHERE prompt = 'numbers';

-- Batches: what cannot be recorded is left out and named, or nothing is recorded.
SELECT prompt_log_many('[
  {"name": "log/a", "version": 1, "request_id": "m1", "latency_ms": 1e2, "tokens_in": 5, "at": "2024-05-06T07:08:09Z", "metadata": {"a": [1, {"b": null}]}},
  {"prompt": "log/renamed", "version": 2, "environment": "staging", "request_id": "m2", "cost_usd": 0.10, "user_id": null},
  {"name": "elsewhere", "version": 3, "request_id": "m3"}]');
SELECT request_id, at AT TIME ZONE 'UTC' AS at, prompt, version, environment, user_id, latency_ms, tokens_in, cost_usd, metadata
  FROM promptreg.executions WHERE request_id LIKE 'm_' AND request_id <> 'm2' AND at < '2025-01-01' ORDER BY 1;
SELECT request_id, prompt, environment, cost_usd FROM promptreg.executions WHERE request_id IN ('m2', 'm3') ORDER BY 1;
SELECT prompt_log_many('[7, {}, {"name": "log/a"}, {"name": "log/a", "version": 1, "latency": 5}, {"name": "log/a", "version": 1.5},
  {"name": "log/a", "version": "1"}, {"name": "log/a", "version": 3000000000}, {"name": "log/a", "version": -1e400}, {"name": "log/a", "version": 1, "latency_ms": -1},
  {"name": "log/a", "version": 1, "tokens_in": 1e30}, {"name": "log/a", "version": 1, "at": "yesterday at noon"}, {"name": "log/a", "version": 1, "at": "infinity"},
  {"name": "log/a", "version": 1, "at": 5}, {"name": "log/a", "prompt": "log/b", "version": 1}, {"name": "log/a", "version": 1, "metadata": []},
  {"name": ["log/a"], "version": 1}, {"name": "log/a", "version": 1, "cost_usd": "0.1"}, null, {"name": "log/a", "version": 1, "request_id": "good"}]');
SELECT count(*) FROM promptreg.executions WHERE request_id = 'good';
CALL test.fails($$SELECT prompt_log_many('[{"name": "log/a", "version": 1, "request_id": "none"}, {"name": "log/a", "version": 0}]', 'abort')$$);
SELECT count(*) FROM promptreg.executions WHERE request_id = 'none';
SELECT prompt_log_many('[]');
-- However large, however odd: the bad ones are named, the good ones stay, and with 'abort' none does.
SELECT prompt_log_many(jsonb_build_array('{"name": "log/a", "version": 1, "request_id": "beside"}'::jsonb,
  jsonb_build_object('name', 'log/a', 'version', 1, 'metadata', jsonb_build_object('x', repeat('x', 100000000))), jsonb_build_object('name', 'log/a', 'version', 1, 'error', repeat('x', 1048577)),
  jsonb_build_object('name', repeat('x', 801), 'version', 1), jsonb_build_object('name', 'log/a', 'version', 1, 'env', repeat('x', 101)),
  '{"name": "log/a", "version": 1, "latency_ms": -0.5}'::jsonb, '{"name": "log/a", "version": 1, "latency_ms": "NaN"}'::jsonb, '{"name": "log/a", "version": 1, "latency_ms": 1e13}'::jsonb, '{"name": "log/a", "version": 1, "cost_usd": -1}'::jsonb,
  jsonb_build_object('name', 'log/a', 'version', 1, 'at', now() + interval '25 hours'), '{"name": "log/a", "version": 1, "at": "1999-12-31T23:59:59Z"}'::jsonb, '{"name": "log/a", "version": 1, "at": "294277-01-01"}'::jsonb, '{"name": "log/a", "version": 1, "at": "-infinity"}'::jsonb,
  '[[{"name": "log/a", "version": 1}]]'::jsonb, '"x"'::jsonb, 'true'::jsonb));
SELECT count(*) FROM promptreg.executions WHERE request_id = 'beside';
CALL test.fails($$SELECT prompt_log_many(jsonb_build_array('{"name": "log/a", "version": 1, "request_id": "aborted"}'::jsonb, jsonb_build_object('name', 'log/a', 'version', 1, 'metadata', jsonb_build_object('x', repeat('x', 100000000)))), 'abort')$$);
SELECT count(*) FROM promptreg.executions WHERE request_id = 'aborted';
-- What is larger still, up to 1 GB, no jsonb holds.
SELECT test.error_of($$SELECT prompt_log('log/a', 1, metadata => jsonb_build_object('x', repeat('x', 300000000)))$$) ~ '^54000' AS refused;
SELECT split_part(test.error_of($$SELECT prompt_log_many('[{"name": "log/a", "version": 1}')$$), E'\n', 1) AS error;
CALL test.fails($$SELECT prompt_log_many('7')$$);
-- Only the first twenty are listed.
SELECT prompt_log_many((SELECT jsonb_agg(jsonb_build_object('name', 'log/a', 'version', 0)) FROM generate_series(1, 25)));
-- Many prompts, environments and days in one batch; names are shortened where they are shown.
SELECT prompt_log_many((SELECT jsonb_agg(jsonb_build_object('name', 'many/' || i % 50, 'env', 'e' || i % 7, 'version', 1 + i % 3, 'at', timestamptz '2023-01-15 12:00Z' + i * interval '5 hours')) FROM generate_series(0, 999) i));
SELECT count(*), count(DISTINCT (prompt, environment)) AS targets, count(DISTINCT tableoid) AS partitions, min(at) AT TIME ZONE 'UTC' AS first, max(at) AT TIME ZONE 'UTC' AS last,
       count(*) FILTER (WHERE prompt = 'many/' || i % 50 AND environment = 'e' || i % 7 AND version = 1 + i % 3) AS as_given
  FROM (SELECT e.*, e.tableoid, extract(epoch FROM e.at - timestamptz '2023-01-15 12:00Z')::integer / 18000 AS i FROM promptreg.executions e WHERE prompt LIKE 'many/%') e;
CALL test.fails($$SELECT prompt_log_many('{"name": "log/a", "version": 1}')$$);
CALL test.fails($$SELECT prompt_log_many(NULL)$$);
CALL test.fails($$SELECT prompt_log_many('[]', 'ignore')$$);

-- Rights: who may resolve a prompt in an environment may log it there, by function; a GRANT on the table opens INSERT and COPY.
SELECT prompt_grant('log/a', 'resolve', 'regress_logger', 'production'), prompt_grant('else*', 'resolve', 'regress_logger');
SET ROLE regress_logger;
SELECT prompt_log('log/renamed', 1, request_id => 'by role'), prompt_log('elsewhere', 1, 'anywhere', request_id => 'by role, elsewhere');
CALL test.fails($$SELECT prompt_log('log/a', 1, 'staging')$$);
CALL test.fails($$SELECT prompt_log('log/b', 1)$$);
CALL test.fails($$SELECT prompt_log('no such prompt', 1)$$);
SELECT prompt_log_many('[{"name": "log/a", "version": 1}, {"name": "log/b", "version": 1}, {"name": "no such prompt", "version": 1}, {"name": "log/a", "version": 1, "env": "staging"}]');
SELECT prompt_log_many(jsonb_build_array(jsonb_build_object('name', repeat('ä', 300), 'version', 1)));
SELECT prompt_log_many((SELECT jsonb_agg(jsonb_build_object('name', CASE WHEN i % 2 = 0 THEN 'else/' || i % 40 ELSE 'hidden/' || i % 30 END, 'version', 1, 'request_id', 'mixed')) FROM generate_series(1, 200) i));
SELECT prompt_feedback('by role', thumbs => true);
CALL test.fails('SELECT count(*) FROM promptreg.executions');
CALL test.fails($$INSERT INTO promptreg.executions (prompt, version) VALUES ('log/a', 1)$$);
RESET ROLE;
SELECT count(*), count(DISTINCT prompt) AS prompts FROM promptreg.executions WHERE request_id = 'mixed';
GRANT INSERT (at, request_id, prompt, version, environment, latency_ms) ON promptreg.executions TO regress_pipeline;
SET ROLE regress_pipeline;
INSERT INTO promptreg.executions (at, prompt, version) VALUES ('2024-05-07', 'by pipeline', 1);
COPY promptreg.executions (at, prompt, version, latency_ms) FROM stdin;
2024-05-08	by pipeline	2	3.25
2019-05-08	by pipeline	2	\N
\.
CALL test.fails($$INSERT INTO promptreg.executions (prompt, version, xid) VALUES ('log/a', 1, '3')$$);
CALL test.fails($$SELECT prompt_log('log/a', 1)$$);
CALL test.fails($$SELECT prompt_feedback('full', rating => 3)$$);
RESET ROLE;
SELECT tableoid::regclass, at, version, latency_ms FROM promptreg.executions WHERE prompt = 'by pipeline' ORDER BY at;
REVOKE ALL ON promptreg.executions FROM regress_pipeline;

-- Feedback: any number of outcomes, before the execution too.
SELECT prompt_feedback('full', 5), prompt_feedback('later', thumbs => false, score => 0.25, scorer => 'judge', conversion => true, comment => 'ok', edited => false, accepted => true, metadata => '{"by": "x"}');
SELECT request_id, name, scorer, value, comment, metadata FROM promptreg.outcomes WHERE request_id IN ('full', 'later') ORDER BY 1, 2;
CALL test.fails($$SELECT prompt_feedback(NULL, 1)$$);
CALL test.fails($$SELECT prompt_feedback('x')$$);
CALL test.fails($$SELECT prompt_feedback('x', 0)$$);
CALL test.fails($$SELECT prompt_feedback('x', 6)$$);
CALL test.fails($$SELECT prompt_feedback('x', score => 'NaN')$$);
CALL test.fails($$SELECT prompt_feedback('x', 1, scorer => 'judge')$$);
CALL test.fails($$SELECT prompt_feedback('x', 1, metadata => '1')$$);
CALL test.fails($$SELECT prompt_feedback('x', 1, metadata => jsonb_build_object('x', repeat('x', 1048576)))$$);
CALL test.fails($$SELECT prompt_feedback('x', comment => repeat('x', 1048577))$$);
CALL test.fails($$SELECT prompt_feedback('x', score => '-Infinity')$$);
CALL test.fails($$SELECT prompt_feedback('x', 1, at => 'infinity')$$);

-- Prices: the longest pattern that fits, at the price of the time; a cost that is given stays.
SELECT prompt_model_price('gpt-*', 2, 8, valid_from => '2024-01-01'), prompt_model_price('gpt-x_mini', 0.5, 1, 0.1, '2024-01-01'), prompt_model_price('gpt-*', 1, 4, 0.5, '2024-06-01');
SELECT prompt_log('log/a', 1, request_id => 'p' || i, model => model, tokens_in => 1000000, tokens_out => 1000000, tokens_cached => 400000, at => at::timestamptz)
  FROM (VALUES (1, 'gpt-x', '2024-03-01'), (2, 'gpt-x', '2024-06-01'), (3, 'gpt-x_mini', '2024-06-02'), (4, 'gpt-xxmini', '2024-06-02'), (5, 'gpt-x', '2023-12-31'), (6, 'other', '2024-06-02')) AS v (i, model, at);
SELECT prompt_log_many((SELECT jsonb_agg(to_jsonb(v) || '{"name": "log/a", "version": 1, "tokens_in": 1000000, "tokens_out": 1000000, "tokens_cached": 400000}')
  FROM (VALUES ('q1', 'gpt-x', '2024-03-01'), ('q2', 'gpt-x', '2024-06-01'), ('q3', 'gpt-x_mini', '2024-06-02'), ('q4', 'gpt-xxmini', '2024-06-02'), ('q5', 'gpt-x', '2023-12-31'), ('q6', 'other', '2024-06-02')) AS v (request_id, model, at)));
SELECT p.model, p.at::date, p.cost_usd, q.cost_usd AS in_a_batch FROM promptreg.executions p JOIN promptreg.executions q ON q.request_id = 'q' || right(p.request_id, 1)
 WHERE p.request_id ~ '^p[0-9]$' ORDER BY p.request_id;
SELECT prompt_log('log/a', 1, request_id => 'p7', model => 'gpt-x', tokens_in => 1, cost_usd => 9), prompt_log('log/a', 1, request_id => 'p8', model => 'gpt-x');
SELECT request_id, cost_usd FROM promptreg.executions WHERE request_id IN ('p7', 'p8') ORDER BY 1;
-- A cost that comes out too large is an entry that cannot be recorded, and no other entry's fault.
SELECT prompt_model_price('dear', 600, 1200, 600, '2024-01-01');
CALL test.fails($$SELECT prompt_log('log/a', 1, model => 'dear', tokens_in => 1000000000000, tokens_out => 1000000000000)$$);
SELECT prompt_log_many('[{"name": "log/a", "version": 1, "request_id": "dear1", "model": "dear", "tokens_in": 10},
  {"name": "log/a", "version": 1, "request_id": "dear2", "model": "dear", "tokens_in": 1000000000000, "tokens_out": 1000000000000},
  {"name": "log/a", "version": 1, "request_id": "dear3", "model": "dear", "tokens_in": 2000000, "tokens_cached": 1000000000000},
  {"name": "log/a", "version": 1, "request_id": "dear4", "model": "dear", "tokens_out": 2000000},
  {"name": "log/a", "version": 1, "request_id": "dear5", "model": "unknown", "tokens_out": 1000000000000}]');
SELECT request_id, cost_usd FROM promptreg.executions WHERE request_id ~ '^dear' ORDER BY 1;
DELETE FROM promptreg.model_prices WHERE pattern = 'dear';
-- Set again, it is replaced.
SELECT prompt_model_price('gpt-*', 3, 4, 0.5, '2024-06-01');
SELECT pattern, valid_from::date, usd_per_million_in, usd_per_million_out, usd_per_million_cached FROM promptreg.model_prices ORDER BY 1, 2;
CALL test.fails($$SELECT prompt_model_price('gpt-*', -1, 1)$$);
CALL test.fails($$SELECT prompt_model_price('gpt-*', 'NaN', 1)$$);
CALL test.fails($$SELECT prompt_model_price('', 1, 1)$$);
CALL test.fails($$SELECT prompt_model_price('x', NULL, 1)$$);
SET ROLE regress_logger;
CALL test.fails($$SELECT prompt_model_price('gpt-*', 1, 1)$$);
RESET ROLE;

-- Users as hashes: HMAC-SHA-256, the same in every language.
SET promptreg.user_privacy = 'hash';
-- Without a key they are recorded all the same, with a warning once in a session.
SELECT prompt_log('log/a', 1, user_id => 'ada', request_id => 'no key 1');
SELECT prompt_log_many('[{"name": "log/a", "version": 1, "user_id": "ada", "request_id": "no key 2"}]');
SELECT count(*), count(DISTINCT user_id) AS users, bool_or(user_id = 'ada') AS plain FROM promptreg.executions WHERE request_id ~ '^no key';
SET promptreg.user_privacy_key = 'Jefe';
SELECT prompt_log('log/a', 1, user_id => 'what do ya want for nothing?', request_id => 'h1'), prompt_log('log/a', 1, request_id => 'h2'),
       prompt_log_many('[{"name": "log/a", "version": 1, "user_id": "what do ya want for nothing?", "request_id": "h3"}]');
SELECT request_id, user_id FROM promptreg.executions WHERE request_id ~ '^h[0-9]$' ORDER BY 1;
SET ROLE regress_logger;
CALL test.fails($$SET promptreg.user_privacy = 'plain'$$);
SELECT left(test.error_of($$SHOW promptreg.user_privacy_key$$), 5) AS sqlstate;  -- the wording changes from version to version
RESET ROLE;
RESET promptreg.user_privacy;
RESET promptreg.user_privacy_key;

-- Partitions: by month, in UTC whatever the session's time zone. Other times than about now wait in the default partition, which is drained
-- when theirs is made.
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'promptreg.executions'::regclass AND c.relname < 'executions_2025' ORDER BY 1;
SET TimeZone = 'Asia/Kolkata';
SELECT prompt_log('log/a', 1, at => '2019-05-31 23:30:00+00', request_id => 'drains'), prompt_log('log/a', 1, at => '2019-06-01 00:00:00+00', request_id => 'next month');
SELECT tableoid::regclass, request_id FROM promptreg.executions WHERE at BETWEEN '2019-05-31' AND '2019-06-02' ORDER BY 2;
SELECT t, promptreg.make_partition('executions', t) AS made FROM unnest('{2019-05-31 23:30:00+00,2019-06-01 00:00:00+00,2019-06-30 12:00:00+00}'::timestamptz[]) t;
RESET TimeZone;
SELECT e.tableoid::regclass, request_id, pg_get_expr(c.relpartbound, c.oid) FROM promptreg.executions e JOIN pg_class c ON c.oid = e.tableoid
 WHERE e.at BETWEEN '2019-05-31' AND '2019-06-02' ORDER BY 1;
SELECT tableoid::regclass, prompt FROM promptreg.executions WHERE at < '2019-05-20';
SELECT count(*) FROM ONLY promptreg.executions_default WHERE at < '2019-07-01';
SET promptreg.partition_interval = 'day';
SELECT promptreg.make_partition('executions', '2019-06-02') AS in_the_month, promptreg.make_partition('executions', '2019-07-02') AS a_day;
RESET promptreg.partition_interval;
-- A month that has partitions by day goes on with them.
SELECT promptreg.make_partition('executions', '2019-07-03') AS another_day;
SELECT prompt_log('log/a', 1, at => '2019-06-02', request_id => 'in the month'), prompt_log('log/a', 1, at => '2019-07-02', request_id => 'a day'), prompt_log('log/a', 1, at => '2019-07-03', request_id => 'another day');
SELECT tableoid::regclass, request_id FROM promptreg.executions WHERE at BETWEEN '2019-06-02' AND '2019-07-10' ORDER BY 2;
SELECT indexdef FROM pg_indexes WHERE tablename = 'executions_20190702' ORDER BY 1;
SELECT relrowsecurity, relreplident, obj_description(oid, 'pg_class') FROM pg_class WHERE relname = 'executions_20190702';

-- Who records makes the partition of a time about now.
CREATE PROCEDURE test.drop_partitions() LANGUAGE plpgsql AS $$
DECLARE
  name regclass;
BEGIN
  FOR name IN SELECT i.inhrelid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent IN ('promptreg.executions'::regclass, 'promptreg.outcomes'::regclass) AND c.relname !~ 'default$' LOOP
    EXECUTE format('DROP TABLE %s', name);
  END LOOP;
END;
$$;
CREATE VIEW test.months AS
SELECT request_id, CASE WHEN tableoid::regclass::text ~ 'default$' THEN 'waits' WHEN tableoid::regclass::text = 'promptreg.' || promptreg.partition_name('executions', at, 'month') THEN 'month'
                        WHEN tableoid::regclass::text = 'promptreg.' || promptreg.partition_name('executions', at, 'day') THEN 'day' END AS place
  FROM promptreg.executions WHERE prompt = 'log/now' ORDER BY at;
CALL test.drop_partitions();
SELECT prompt_log('log/now', 1, request_id => 'now'), prompt_log('log/now', 1, request_id => 'the month before', at => date_trunc('month', now(), 'UTC') - interval '1 hour'),
       prompt_log('log/now', 1, request_id => 'two before', at => (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month 1 hour') AT TIME ZONE 'UTC');
SELECT * FROM test.months;
SELECT error FROM prompt_maintain('{partitions}');
SELECT * FROM test.months;
-- Also while a statement reads the table.
CALL test.drop_partitions();
INSERT INTO promptreg.executions (at, request_id, prompt, version) VALUES ('2018-03-01', 'read', 'log/now', 1);
SELECT prompt_log('log/now', 1, request_id => 'while reading') FROM promptreg.executions LIMIT 1;
SELECT * FROM test.months;
-- By day: a batch over many days is recorded whole, by a role without rights of its own, and makes no more than a few.
CALL test.drop_partitions();
TRUNCATE promptreg.executions;
SET promptreg.partition_interval = 'day';
SELECT prompt_grant('log/now', 'resolve', 'regress_logger');
SET ROLE regress_logger;
SELECT prompt_log_many((SELECT jsonb_agg(jsonb_build_object('name', 'log/now', 'version', 1, 'at', now() - i * interval '1 day')) FROM generate_series(0, 2999) i));
RESET ROLE;
SELECT place, count(*) FROM test.months GROUP BY 1 ORDER BY 1;
SELECT (regexp_match(result, '^(\d+) partitions made'))[1]::integer BETWEEN 20 AND 60 AS a_few, error FROM prompt_maintain('{partitions}');
SELECT place, count(*) BETWEEN 20 AND 60 AS a_few FROM test.months GROUP BY 1 ORDER BY 1;
SELECT prompt_revoke('log/now', 'resolve', 'regress_logger');
RESET promptreg.partition_interval;
TRUNCATE promptreg.executions;

-- A partition that was taken back with its transaction is made again.
CALL test.drop_partitions();
BEGIN;
SELECT prompt_log('log/now', 1, request_id => 'taken back'), prompt_log('log/now', 1, request_id => 'taken back');
ROLLBACK;
CALL test.fails($$SELECT prompt_log_many(jsonb_build_array('{"name": "log/now", "version": 1}'::jsonb, '{}'::jsonb), 'abort')$$);
SELECT prompt_log('log/now', 1, request_id => 'made again');
SELECT * FROM test.months;

-- A partition that is detached is none, and keeps its name: what comes for its time waits, and moves when it is gone.
SELECT promptreg.make_partition('executions', '2018-05-05') AS made;
ALTER TABLE promptreg.executions DETACH PARTITION promptreg.executions_201805;
SELECT promptreg.partition_exists('executions', '2018-05-05'), promptreg.make_partition('executions', '2018-05-05') AS made;
INSERT INTO promptreg.executions (at, request_id, prompt, version) VALUES ('2018-05-05', 'detached', 'log/now', 1);
SELECT result ~ ' made' AS done, error FROM prompt_maintain('{partitions}');
ALTER TABLE promptreg.executions_201805 RENAME TO executions_201805_old;
SELECT error FROM prompt_maintain('{partitions}');
SELECT * FROM test.months;
DROP TABLE promptreg.executions_201805_old;
INSERT INTO promptreg.executions (at, request_id, prompt, version) VALUES ('2024-05-06', 'full', 'log/a', 2);
DROP VIEW test.months;
DROP PROCEDURE test.drop_partitions();

-- Constraints say the same after a dump, word for word: else partitions could not be attached when it is restored.
DO $$
DECLARE
  c record;
BEGIN
  FOR c IN SELECT conrelid, conname, pg_get_constraintdef(oid) AS def FROM pg_constraint
            WHERE conrelid IN ('promptreg.executions'::regclass, 'promptreg.outcomes'::regclass) AND contype = 'c' ORDER BY 2 LOOP
    EXECUTE format('CREATE TEMPORARY TABLE again (LIKE %s)', c.conrelid::regclass);
    EXECUTE format('ALTER TABLE again ADD CONSTRAINT %I %s', c.conname, c.def);
    IF c.def <> (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'again'::regclass AND contype = 'c') THEN
      RAISE NOTICE '% changes', c.conname;
    END IF;
    DROP TABLE again;
  END LOOP;
END;
$$;

-- Watermarks: low and high of one run are the next run's low.
SELECT low, rebuild FROM promptreg.take_rows('test') \gset first_
SELECT :'first_low' AS low, :'first_rebuild' AS rebuild;
SELECT xid AS high FROM promptreg.watermarks WHERE consumer = 'test' \gset
SELECT low = :'high'::xid8 AS goes_on, high >= low AS forward, rebuild FROM promptreg.take_rows('test');
BEGIN;
SELECT high FROM promptreg.take_rows('test') \gset rolled_back_
ROLLBACK;
SELECT low <= :'rolled_back_high'::xid8 AS stays FROM promptreg.take_rows('test');
-- Restored from another server: what was made of the rows is made anew, of all of them, once.
UPDATE promptreg.watermarks SET system_identifier = 1;
UPDATE promptreg.executions SET xid = '4000000000000' WHERE request_id = 'full';
SELECT low, rebuild FROM promptreg.take_rows('test');
SELECT low > '0' AS low, rebuild FROM promptreg.take_rows('test');
SELECT xid FROM promptreg.executions WHERE request_id = 'full';

-- Also where nobody had taken any; what this transaction has written is no sign of it.
DELETE FROM promptreg.watermarks;
UPDATE promptreg.executions SET xid = '4000000000000' WHERE request_id = 'full';
SELECT low, rebuild FROM promptreg.take_rows('test');
SELECT xid FROM promptreg.executions WHERE request_id = 'full';
DELETE FROM promptreg.watermarks;
BEGIN;
SELECT prompt_log('log/a', 1, request_id => 'own');
SELECT promptreg.is_restored();
ROLLBACK;
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.model_prices;
SELECT prompt_revoke('log/a', 'resolve', 'regress_logger', 'production'), prompt_revoke('else*', 'resolve', 'regress_logger');
DROP ROLE regress_logger;
DROP ROLE regress_pipeline;
