-- Rollups and the views over them. The views must say at every moment what the raw rows say.
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks;
CREATE ROLE regress_bi;
SELECT promptreg.make_partition('executions', now()) IS NOT NULL AS partition;
SELECT prompt_register('roll/a', 'a1'), prompt_register('roll/a', 'a2'), prompt_register('roll/b', 'b1');

-- What the raw rows say, and where the view says otherwise.
CREATE VIEW test.raw AS
SELECT e.prompt, e.version, e.environment, count(*) AS executions, count(*) FILTER (WHERE coalesce(e.error_class, e.error) IS NOT NULL) AS errors,
       avg(e.latency_ms) AS latency_ms_mean, stddev_samp(e.latency_ms) AS latency_ms_stddev,
       percentile_disc('{0.5,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY e.latency_ms) AS latency,
       coalesce(sum(e.tokens_in), 0) AS tokens_in, coalesce(sum(e.tokens_out), 0) AS tokens_out, coalesce(sum(e.cost_usd), 0) AS cost_usd,
       percentile_disc('{0.5,0.95}'::float8[]) WITHIN GROUP (ORDER BY e.cost_usd::float8) AS cost, min(e.at) AS first_at, max(e.at) AS last_at,
       sum(o.ratings)::bigint AS ratings, sum(o.stars) AS stars, sum(o.up)::bigint AS thumbs_up, sum(o.down)::bigint AS thumbs_down, sum(o.scores)::bigint AS scores, sum(o.total) AS total,
       sum(o.comments)::bigint AS comments
  FROM promptreg.executions e, LATERAL (
    SELECT count(*) FILTER (WHERE name = 'rating') AS ratings, coalesce(sum(value) FILTER (WHERE name = 'rating'), 0) AS stars,
           count(*) FILTER (WHERE name = 'thumbs' AND value = 1) AS up, count(*) FILTER (WHERE name = 'thumbs' AND value = 0) AS down,
           count(*) FILTER (WHERE name = 'score') AS scores, coalesce(sum(value) FILTER (WHERE name = 'score'), 0) AS total, count(*) FILTER (WHERE name = 'comment') AS comments
      FROM promptreg.outcomes o WHERE o.request_id = e.request_id) o
 GROUP BY 1, 2, 3;
CREATE FUNCTION test.near(a double precision, b double precision, error double precision DEFAULT 1e-9) RETURNS boolean LANGUAGE sql
RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= error * greatest(abs(a), abs(b)), false);
CREATE VIEW test.differences AS
SELECT coalesce(r.prompt, v.prompt) AS prompt, r.executions AS raw, v.executions AS view
  FROM test.raw r FULL JOIN promptreg.version_comparison v ON v.prompt = r.prompt AND v.version = r.version AND v.environment = r.environment
 WHERE (r.executions, r.errors, r.tokens_in, r.tokens_out, r.cost_usd, r.first_at, r.last_at, r.ratings, r.thumbs_up, r.thumbs_down, r.scores, r.comments)
       IS DISTINCT FROM (v.executions, v.errors, v.tokens_in, v.tokens_out, v.cost_usd, v.first_at, v.last_at, v.ratings, v.thumbs_up, v.thumbs_down, v.scores, v.comments)
    OR NOT test.near(r.latency_ms_mean, v.latency_ms_mean) OR NOT test.near(r.latency_ms_stddev, v.latency_ms_stddev) OR NOT test.near(r.stars / nullif(r.ratings, 0), v.rating_mean)
    OR NOT test.near(r.total / nullif(r.scores, 0), v.score_mean)
    OR NOT test.near(r.latency[1], v.latency_ms_p50, 0.0102) OR NOT test.near(r.latency[2], v.latency_ms_p95, 0.0102) OR NOT test.near(r.latency[3], v.latency_ms_p99, 0.0102)
    OR NOT test.near(r.cost[1], v.cost_usd_p50, 0.0102) OR NOT test.near(r.cost[2], v.cost_usd_p95, 0.0102);
CREATE VIEW test.totals AS
SELECT (SELECT array[sum(executions), sum(errors), sum(ratings), sum(tokens_in), sum(cost_usd)] FROM promptreg.version_hourly) = raw AS hourly,
       (SELECT array[sum(executions), sum(errors), sum(ratings), sum(tokens_in), sum(cost_usd)] FROM promptreg.version_daily) = raw AS daily,
       (SELECT array[sum(executions), sum(errors), sum(ratings), sum(tokens_in), sum(cost_usd)] FROM promptreg.model_comparison) = raw AS models
  FROM (SELECT array[sum(executions), sum(errors), sum(ratings), sum(tokens_in), sum(cost_usd)] AS raw FROM test.raw) r;

-- Nothing yet.
SELECT count(*) FROM promptreg.version_comparison;
SELECT promptreg.roll_up() AS rolled_up;
SELECT setseed(0.5);
INSERT INTO promptreg.executions (at, request_id, prompt, version, environment, experiment, variant, model, latency_ms, time_to_first_token_ms, tokens_in, tokens_out, cost_usd, error_class, error, user_id)
SELECT '2025-03-30 22:00Z'::timestamptz + i * interval '97 seconds', 'r' || i, 'roll/' || CASE WHEN i % 3 = 0 THEN 'b' ELSE 'a' END, 1 + i % 2, CASE WHEN i % 5 = 0 THEN 'staging' ELSE 'production' END,
       CASE WHEN i % 4 = 0 THEN 'x' END, CASE WHEN i % 4 = 0 THEN 'v' || i % 3 END, CASE WHEN i % 7 > 0 THEN 'm' || i % 2 END, CASE WHEN i % 11 > 0 THEN exp(random() * 8) END, random() * 100,
       CASE WHEN i % 13 > 0 THEN i END, i % 50, CASE WHEN i % 6 > 0 THEN i * 0.0001 END, CASE WHEN i % 17 = 0 THEN 'timeout' END, CASE WHEN i % 19 = 0 THEN 'gone' END, 'u' || i % 40
  FROM generate_series(1, 3000) i;
SELECT prompt_feedback('r' || i, rating => 1 + i % 5, thumbs => i % 3 > 0, score => random(), scorer => 'judge', comment => CASE WHEN i % 4 = 0 THEN 'x' END) IS NULL AS failed FROM generate_series(1, 600, 7) i GROUP BY 1;
-- Not rolled up, rolled up, and rolled up again.
SELECT * FROM test.differences;
SELECT promptreg.roll_up() AS rolled_up;
SELECT * FROM test.differences;
SELECT * FROM test.totals;
SELECT promptreg.roll_up() AS rolled_up;
SELECT * FROM test.differences;
-- Late outcomes correct their hour; outcomes that came before their execution count when it comes; two executions of one request_id.
SELECT prompt_feedback('r' || i, rating => 1 + i % 2, thumbs => false) + prompt_feedback('later' || i, 5) AS outcomes FROM generate_series(1, 5) i;
SELECT * FROM test.differences;
SELECT promptreg.roll_up() AS rolled_up;
SELECT * FROM test.differences;
INSERT INTO promptreg.executions (at, request_id, prompt, version, latency_ms) SELECT '2025-04-01', 'later' || i, 'roll/a', 1, i FROM generate_series(1, 3) i;
INSERT INTO promptreg.executions (at, request_id, prompt, version, latency_ms) SELECT '2025-04-01', 'r' || i, 'roll/b', 1, i FROM generate_series(1, 3) i;
SELECT * FROM test.differences;
SELECT promptreg.roll_up() AS rolled_up;
SELECT * FROM test.differences;
SELECT * FROM test.totals;
-- One transaction sees what it wrote; another's roll-up does not take it.
BEGIN;
INSERT INTO promptreg.executions (request_id, prompt, version, latency_ms) VALUES ('own', 'roll/a', 2, 7);
SELECT * FROM test.differences;
SELECT promptreg.roll_up() AS rolled_up;
SELECT * FROM test.differences;
COMMIT;
SELECT promptreg.roll_up() AS rolled_up;
SELECT * FROM test.differences;
-- Restored into another server: everything that still exists is made anew, once.
UPDATE promptreg.watermarks SET system_identifier = 1;
UPDATE promptreg.executions SET xid = '4000000000000' WHERE request_id < 'r5';
SELECT promptreg.roll_up() AS rolled_up;
SELECT * FROM test.differences;
SELECT * FROM test.totals;
SELECT promptreg.roll_up() AS rolled_up;

-- By hour and by day, in UTC whatever the session's time zone.
SET TimeZone = 'Asia/Kathmandu';
SELECT day, sum(executions) FROM promptreg.version_daily WHERE day < '2025-04-05' GROUP BY day ORDER BY day;
SELECT to_char(hour AT TIME ZONE 'UTC', 'MM-DD HH24:MI') AS hour, sum(executions) FROM promptreg.version_hourly WHERE hour < '2025-03-31 01:00Z' GROUP BY 1 ORDER BY 1;
RESET TimeZone;
SELECT prompt, environment, model, executions, ratings FROM promptreg.model_comparison;
SELECT experiment_id, variation_id, count(*), count(DISTINCT user_id) AS users, min("timestamp") AT TIME ZONE 'UTC' AS first FROM promptreg.experiment_viewed GROUP BY 1, 2 ORDER BY 1, 2;
-- Nothing that a BI tool could choke on.
SELECT DISTINCT format_type(a.atttypid, NULL) AS type FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relname IN ('version_comparison', 'version_hourly', 'version_daily', 'model_comparison', 'experiment_viewed', 'release_activity') AND a.attnum > 0 ORDER BY 1;

-- Two versions side by side.
INSERT INTO promptreg.executions (at, request_id, prompt, version, latency_ms, error_class)
SELECT '2025-05-01', 'c' || i, 'roll/compare', 1 + i % 2, 500 + i % 2 * 50 + i % 97, CASE WHEN i % 20 = 0 OR i % 21 = 0 THEN 'x' END FROM generate_series(1, 2000) i;
INSERT INTO promptreg.outcomes (request_id, name, value) SELECT 'c' || i, 'thumbs', CASE WHEN i % 2 = 0 THEN (i % 10 < 6)::integer ELSE (i % 9 < 8)::integer END FROM generate_series(1, 2000) i;
SELECT metric, unit, from_n, round(from_mean::numeric, 4) AS from_mean, to_n, round(to_mean::numeric, 4) AS to_mean, round(difference::numeric, 4) AS difference,
       round(ci_low::numeric, 4) AS ci_low, round(ci_high::numeric, 4) AS ci_high, round(p_value::numeric, 6) AS p_value, verdict FROM prompt_compare('roll/compare', 1, 2);
SELECT count(*) FROM prompt_compare('roll/compare', 1, 2, since => '2025-05-02') WHERE verdict <> 'not enough data';
SELECT DISTINCT verdict FROM prompt_compare('roll/a', 1, 99);
-- What never varies differs all the same; what never varies at all does not.
INSERT INTO promptreg.executions (at, prompt, version, tokens_in) SELECT '2025-05-01', 'roll/constant', 1 + i % 2, 500 + i % 2 * 100 FROM generate_series(1, 2000) i;
SELECT metric, from_n, from_mean, to_n, to_mean, p_value < 1e-9 AS certain, verdict, round(minimum_detectable_effect::numeric, 3) AS minimum_detectable_effect
  FROM prompt_compare('roll/constant', 1, 2) WHERE from_n > 0;
SELECT metric, round(minimum_detectable_effect::numeric, 4) AS minimum_detectable_effect FROM prompt_compare('roll/compare', 1, 2) WHERE from_n > 0;
CALL test.fails($$SELECT prompt_compare(NULL, 1, 2)$$);

-- What does not fit.
INSERT INTO promptreg.executions (at, prompt, version, environment) VALUES ('2025-05-01', 'roll/a', 7, 'production'), ('2025-05-01', 'roll/a', 1, 'the moon');
SELECT problem, prompt, version, environment, count FROM prompt_telemetry_problems() WHERE prompt LIKE 'roll/%' OR prompt IS NULL;

-- Rights: the views need a GRANT of SELECT on themselves only, and show what the reader may read.
GRANT SELECT ON promptreg.version_comparison, promptreg.version_hourly, promptreg.version_daily, promptreg.model_comparison, promptreg.experiment_viewed, promptreg.release_activity, promptreg.rollups TO regress_bi;
SELECT prompt_grant('roll/a', 'read', 'regress_bi');
SELECT (prompt_promote('roll/a', 1, 'staging')).version, (prompt_promote('roll/b', 1, 'staging')).version;
SET ROLE regress_bi;
SELECT DISTINCT prompt FROM promptreg.version_comparison;
SELECT (SELECT count(DISTINCT prompt) FROM promptreg.version_hourly) AS hourly, (SELECT count(DISTINCT prompt) FROM promptreg.version_daily) AS daily, (SELECT count(DISTINCT prompt) FROM promptreg.model_comparison) AS models,
       (SELECT count(DISTINCT prompt) FROM promptreg.experiment_viewed) AS viewed, (SELECT count(DISTINCT prompt) FROM promptreg.release_activity) AS releases, (SELECT count(DISTINCT prompt) FROM promptreg.rollups) AS rollups;
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$BEGIN IF $1 <> 'roll/a' THEN RAISE NOTICE 'seen %', $1; END IF; RETURN true; END$$;
SELECT count(*) > 0 AS some FROM promptreg.version_comparison WHERE pg_temp.leak(prompt);
SELECT count(*) > 0 AS some FROM promptreg.experiment_viewed WHERE pg_temp.leak(prompt);
DROP FUNCTION pg_temp.leak(text);
SELECT metric FROM prompt_compare('roll/a', 1, 2) LIMIT 1;
CALL test.fails($$SELECT prompt_compare('roll/b', 1, 2)$$);
SELECT DISTINCT prompt FROM prompt_telemetry_problems();
CALL test.fails('SELECT * FROM promptreg.hourly_measures');
CALL test.fails('SELECT promptreg.roll_up()');
RESET ROLE;
SELECT prompt, environment, promotions, rollbacks, lead_time_hours_mean BETWEEN 0 AND 0.1 AS lead_time FROM promptreg.release_activity WHERE prompt LIKE 'roll/%';

-- Experiments, variants and models that are not known.
SELECT (prompt_promote('roll/a', 1, 'production')).version;
SELECT prompt_experiment_start('roll/a', 'production', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'known') IS NOT NULL AS started;
SELECT prompt_model_price('priced*', 1, 1);
INSERT INTO promptreg.executions (at, request_id, prompt, version, experiment, variant, model, tokens_in, cost_usd) VALUES
  (now(), 'known', 'roll/a', 1, 'known', 'a', 'priced', 5, NULL), (now(), 'known', 'roll/a', 1, 'known', 'c', 'unpriced', 5, NULL), (now(), 'known', 'roll/a', 1, 'misspelt', 'a', 'unpriced', 5, 1),
  (now(), 'known', 'roll/a', 1, 'misspelt', 'b', NULL, 5, NULL), (now(), 'known', 'roll/a', 2, 'known', 'b', 'unpriced', NULL, NULL), (now(), 'known', 'roll/a', 2, 'known', NULL, NULL, NULL, NULL);
SELECT problem, prompt, version, environment, count FROM prompt_telemetry_problems() WHERE problem ~ 'known|misspelt|priced' AND problem !~ 'unknown (prompt|version|environment)|experiment "x"';
SELECT prompt_model_price('unpriced', 1, 1);
SELECT count(*) FROM prompt_telemetry_problems() WHERE problem ~ 'priced';
SELECT (prompt_experiment_stop('known', 'a')).version AS winner;
DELETE FROM promptreg.model_prices;
-- Who has taken nothing for a day is named, and may be forgotten.
SELECT low, rebuild FROM promptreg.take_rows('gone');
INSERT INTO promptreg.executions (at, prompt, version) VALUES ('2025-05-01', 'roll/a', 1);
SELECT count(*) FROM prompt_telemetry_problems() WHERE problem ~ 'consumer';
UPDATE promptreg.watermarks SET advanced_at = now() - interval '25 hours' WHERE consumer = 'gone';
SELECT problem, count, first_at = '2025-05-01' AS since FROM prompt_telemetry_problems() WHERE problem ~ 'consumer';
SELECT promptreg.forget_consumer('gone') AS gone, promptreg.forget_consumer('gone') AS again;
SELECT count(*) FROM prompt_telemetry_problems() WHERE problem ~ 'consumer';

-- The plan: an index on rollups, and of raw rows only those after the watermark.
SELECT promptreg.roll_up() > 0 AS rolled_up;
ANALYZE promptreg.rollups, promptreg.executions, promptreg.outcomes;
DO $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT * FROM promptreg.version_comparison WHERE prompt = ''roll/a''' LOOP
    IF line ~ 'Seq Scan on (rollups|executions_default)' THEN RAISE NOTICE '%', line; END IF;
  END LOOP;
END;
$$;

SELECT prompt_revoke('roll/a', 'read', 'regress_bi');
DROP VIEW test.totals, test.differences, test.raw;
DROP FUNCTION test.near(double precision, double precision, double precision);
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks;
DROP OWNED BY regress_bi;
DROP ROLE regress_bi;
