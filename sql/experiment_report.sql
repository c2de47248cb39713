-- What experiments have shown: figures that can be checked by hand, and against the raw rows whatever the order of arrival.
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks;
CREATE ROLE regress_report;
SELECT prompt_register('report/a', 'one'), prompt_register('report/a', 'two'), (prompt_promote('report/a', 1, 'production')).version;
CREATE FUNCTION test.start(key text) RETURNS text LANGUAGE sql RETURN prompt_experiment_start('report/a', 'production',
  '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => key);
CREATE FUNCTION test.log(key text, variant text, user_id text, request_id text, cost_usd numeric DEFAULT NULL, at timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql
RETURN prompt_log('report/a', 1, user_id => user_id, request_id => request_id, experiment => key, variant => variant, cost_usd => cost_usd, at => at);

-- 120 of 1000 against 150 of 1000 convert.
SELECT prompt_metric_define('converted', 'proportion', 'conversion', role => 'primary');
SELECT test.start('report-p');
SELECT prompt_experiment_plan('report-p', 1000);
SELECT count(test.log('report-p', v, v || i, v || i)) FROM generate_series(1, 1000) i, unnest('{control,b}'::text[]) v;
SELECT count(prompt_feedback(v || i, conversion => i <= CASE v WHEN 'b' THEN 150 ELSE 120 END)) FROM generate_series(1, 1000) i, unnest('{control,b}'::text[]) v;
SELECT metric, role, variant, version, users, executions, mean, lift, p_fixed::numeric(14,12), fixed_valid, p_adjusted::numeric(14,12), p_best::numeric(14,12),
       expected_loss::numeric(14,12) FROM prompt_experiment_report('report-p');
-- The interval of the lift by the delta method, the confidence sequence as the functions give them.
SELECT abs(r.ci_high - 0.25 - 1.959963984540054 * sqrt(b.sd ^ 2 / 1000 / 0.12 ^ 2 + c.sd ^ 2 * 0.15 ^ 2 / 1000 / 0.12 ^ 4)) < 1e-12 AS ci,
       abs(r.p_anytime - (promptreg.confidence_sequence(0.03, sqrt(b.sd ^ 2 / 1000 + c.sd ^ 2 / 1000), 2000)).p_value) < 1e-12 AS p, r.anytime_low < r.ci_low AS wider
  FROM prompt_experiment_report('report-p') r, prompt_experiment_report('report-p') c, LATERAL (SELECT sqrt(0.15 * 0.85 * 1000 / 999) AS sd) b WHERE r.variant = 'b' AND c.variant = 'control';
SELECT * FROM prompt_experiment_decision('report-p') \gx
-- Twice as many of b convert: proven. What was proven stays so.
SELECT count(prompt_feedback('b' || i, conversion => true)) FROM generate_series(151, 400) i;
SELECT decision, variant, reason, fixed, anytime, bayes FROM prompt_experiment_decision('report-p') \gx
SELECT p_anytime AS before FROM prompt_experiment_report('report-p') WHERE variant = 'b' \gset
SELECT count(prompt_feedback('control' || i, conversion => true)) FROM generate_series(121, 350) i;
SELECT mean, p_anytime <= :before AS kept FROM prompt_experiment_report('report-p') WHERE variant = 'b';
-- The difference turns. What was proven stays below 0.05, but is no verdict any more, and the contrary, of which it never was, neither.
SELECT count(prompt_feedback('control' || i, conversion => true)) FROM generate_series(351, 600) i;
SELECT promptreg.refresh_experiments();
SELECT r.difference < 0 AS turned, r.p_anytime <= :before AS kept, r.anytime_difference > 0 AS of_another FROM promptreg.experiment_results r WHERE r.experiment = 'report-p' AND r.variant = 'b';
SELECT decision, variant, anytime FROM prompt_experiment_decision('report-p');
-- Many more of control: the split is alarming, and nothing else counts.
SELECT count(test.log('report-p', 'control', 'more' || i, 'more' || i)) FROM generate_series(1, 400) i;
SELECT decision, variant, reason, sample_ratio_p < 0.001 AS p, sample_ratio_alarm FROM prompt_experiment_decision('report-p');
-- What cannot be: other variants, other prompts, no user.
SELECT count(test.log('report-p', 'c', 'u', 'c')), count(test.log('report-p', 'control', NULL, 'none')),
       count(prompt_log('other', 1, user_id => 'u', experiment => 'report-p', variant => 'b'));
SELECT variant, users, executions FROM prompt_experiment_report('report-p');
-- On a server that only reads, and under a snapshot of the past: as of the last refresh.
SELECT test.log('report-p', 'b', 'unseen', 'unseen');
BEGIN READ ONLY;
SELECT variant, users FROM prompt_experiment_report('report-p');
SELECT users_min FROM prompt_experiment_decision('report-p');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT users FROM prompt_experiment_report('report-p') WHERE variant = 'b';
COMMIT;
SELECT users FROM prompt_experiment_report('report-p') WHERE variant = 'b';
SELECT prompt_experiment_stop('report-p');

-- Ratio: 6 by 8, residuals -0.5, 0.5, 0. Mean with a cap. Less than a hundred users: no anytime.
SELECT prompt_metric_define('per call', 'ratio', 'cost_usd', 'executions'), prompt_metric_define('stars', 'mean', 'rating', cap => 4), prompt_metric_define('calls', 'count', 'executions', cap => 3);
SELECT test.start('report-r');
SELECT test.log('report-r', 'control', u, u || i, cost) FROM (VALUES ('x', 1, 1), ('x', 2, 0), ('y', 1, 2), ('y', 2, 0), ('z', 1, 3), ('z', 2, 0), ('z', 3, 0), ('z', 4, 0)) v (u, i, cost);
SELECT prompt_feedback('x1', 5), prompt_feedback('x2', 5), prompt_feedback('z3', 1), prompt_feedback('z4', 2);
SELECT metric, variant, users, mean, sd, p_anytime FROM prompt_experiment_report('report-r');
-- An outcome before its execution; later than its window it does not count.
SELECT prompt_metric_define('soon', 'mean', 'score', attribution_window => '1 hour');
SELECT prompt_feedback('early', score => 7), test.log('report-r', 'b', 'e', 'early'), prompt_feedback('early', score => 100, at => clock_timestamp() + interval '2 hours'), prompt_feedback('x1', score => 3, scorer => 'judge');
SELECT metric, variant, users, mean FROM prompt_experiment_report('report-r') WHERE metric = 'soon';
SELECT prompt_experiment_stop('report-r');

-- Quantiles: order statistics of all values, with as much certainty as so many users can give. Who has every value twice knows no more.
SELECT prompt_metric_define('median', 'quantile', 'latency_ms', direction => 'down', quantile => 0.5), prompt_metric_define('p95', 'quantile', 'latency_ms', direction => 'down', quantile => 0.95),
       prompt_metric_define('stars p10', 'quantile', 'rating', quantile => 0.1);
SELECT test.start('report-q');
SELECT count(prompt_log('report/a', 1, user_id => v || i, request_id => 'q' || v || i, experiment => 'report-q', variant => v, latency_ms => i * CASE v WHEN 'b' THEN 2 ELSE 1 END))
  FROM generate_series(1, 1000) i, unnest('{control,b}'::text[]) v;
SELECT prompt_feedback('qb1', 5);
CREATE TABLE test.once AS SELECT * FROM prompt_experiment_report('report-q') WHERE kind = 'quantile';
-- 1.96 sqrt(0.5 0.5 1000) = 31 ranks on either side of the median, 13.5 of the 95th percentile.
SELECT metric, variant, users, executions, abs(mean / CASE metric WHEN 'median' THEN 500 ELSE 950 END / CASE variant WHEN 'b' THEN 2 ELSE 1 END - 1) < 0.001 AS within,
       round((1.96 * sd / sqrt(users) / CASE variant WHEN 'b' THEN 2 ELSE 1 END)::numeric) AS reach, abs(lift - 1) < 0.003 AS lift, ci_low < 1 AND ci_high > 1 AND anytime_low < ci_low AS intervals,
       p_fixed < 1e-9 AS p, p_anytime < 1e-3 AS p_anytime, p_best > 0.999 AS best, minimum_detectable_effect > 2.8 * sd / sqrt(users) AS effect FROM test.once WHERE metric <> 'stars p10';
SELECT metric, variant, users, mean, sd, lift, p_anytime FROM test.once WHERE metric = 'stars p10';
SELECT count(prompt_log('report/a', 1, user_id => v || i, experiment => 'report-q', variant => v, latency_ms => i * CASE v WHEN 'b' THEN 2 ELSE 1 END)) FROM generate_series(1, 1000) i, unnest('{control,b}'::text[]) v;
SELECT o.metric, o.variant, r.users, r.executions, abs(r.mean / o.mean - 1) < 0.003 AS same, abs(r.sd / o.sd - 1) < 0.1 AS as_certain
  FROM prompt_experiment_report('report-q') r JOIN test.once o USING (metric, variant) WHERE metric <> 'stars p10';
SELECT prompt_experiment_stop('report-q');
DROP TABLE test.once;
-- The interval holds the median of skewed values in 95 % of samples, also where each user has several values close to each other, and where some have many.
SELECT setseed(0.5);
WITH unit AS MATERIALIZED (
  SELECT s, u, exp(sqrt(-2 * ln(1 - random())) * cos(6.283185307179586 * random())) AS own, 1 + (random() * 4)::integer * (random() * 2)::integer AS n FROM generate_series(1, 400) s, generate_series(1, 300) u
), sample AS (
  SELECT s, promptreg.sketch(own * (0.99 + 0.02 * random()), 0.001) AS sketch FROM unit, generate_series(1, n) GROUP BY s
), size AS (
  SELECT s, ARRAY[count(*), avg(n), 0, regr_sxx(n, n), 0, 0]::double precision[] AS moments FROM unit GROUP BY s
)
SELECT avg((abs(q.value - 1) <= 1.96 * q.standard_error)::integer) BETWEEN 0.925 AND 0.98 AS covers
  FROM sample JOIN size USING (s), LATERAL promptreg.quantile_estimate(sketch, 0.5, moments) q;

-- CUPED: calls before the experiment explain those in it: y = 2x - 1 and y = 2x. What is left has no spread.
SELECT prompt_metric_define('tokens', 'count', 'tokens_out');
SELECT count(prompt_log('report/a', 1, user_id => v || x, tokens_out => x, at => now() - interval '3 days')) FROM unnest('{control,b}'::text[]) v, generate_series(1, 3) x;
SELECT count(prompt_log('report/a', 1, user_id => 'control1', tokens_out => 1000, at => now() - interval '15 days')), count(prompt_log('report/b', 1, user_id => 'control1', tokens_out => 1000, at => now() - interval '3 days'));
SELECT test.start('report-c');
SELECT count(prompt_log('report/a', 1, user_id => v || x, tokens_out => CASE v WHEN 'b' THEN 2 * x ELSE 2 * x - 1 END, experiment => 'report-c', variant => v)) FROM unnest('{control,b}'::text[]) v, generate_series(1, 3) x;
SELECT variant, users, cuped, mean, sd FROM prompt_experiment_report('report-c') WHERE metric = 'tokens';
-- One more day of history that arrives late; a user without.
SELECT count(prompt_log('report/a', 1, user_id => 'b3', tokens_out => 5, at => now() - interval '2 days')), count(prompt_log('report/a', 1, user_id => 'new', tokens_out => 9, experiment => 'report-c', variant => 'b'));
SELECT variant, users, cuped, mean, sd FROM prompt_experiment_report('report-c') WHERE metric = 'tokens';
SELECT prompt_experiment_stop('report-c');

-- Whatever the order of arrival, the same as from the raw rows: many small transactions, users of several variants, late and
-- early outcomes, executions that turn out to be first; a refresh every now and then.
SELECT prompt_metric_define('errors', 'ratio', 'error', 'executions', 'down', role => 'guardrail'), prompt_metric_define('rated', 'ratio', 'rating', 'observations');
SELECT test.start('report-i');
SELECT setseed(0.25);
DO $$
DECLARE
  id text;
BEGIN
  FOR i IN 1 .. 600 LOOP
    id := 'i' || (random() * 400)::integer;
    IF random() < 0.6 THEN
      PERFORM prompt_log('report/a', 1, user_id => 'u' || (random() * 60)::integer, request_id => id, experiment => CASE WHEN random() < 0.8 THEN 'report-i' END,
        variant => CASE WHEN random() < 0.3 THEN 'b' ELSE 'control' END, cost_usd => (random() * 5)::numeric(6,3), latency_ms => exp(random() * 8), tokens_out => (random() * 100)::integer,
        error => CASE WHEN random() < 0.2 THEN 'x' END, at => (SELECT x.started_at FROM promptreg.experiments x WHERE x.key = 'report-i') + (random() * 20 - 8) * interval '1 hour');
    ELSE
      PERFORM prompt_feedback(id, rating => CASE WHEN random() < 0.5 THEN 1 + (random() * 4)::integer END, score => random() * 10, conversion => random() < 0.3);
    END IF;
    IF random() < 0.3 THEN COMMIT; END IF;
    IF random() < 0.02 THEN PERFORM promptreg.refresh_experiments(); COMMIT; END IF;
    IF random() < 0.02 THEN ROLLBACK; END IF;
  END LOOP;
END;
$$;
CREATE VIEW test.figures AS
SELECT f.metric, f.variant, f.users, f.mean, f.sd FROM promptreg.experiment_figures f JOIN promptreg.experiments x ON x.id = f.experiment_id WHERE x.key = 'report-i';
SELECT count(*) > 10 AS rows, bool_and(users > 0) AS users, bool_or(cuped) AS cuped FROM prompt_experiment_report('report-i');
SELECT users_in_several_variants > 10 AS several FROM prompt_experiment_decision('report-i');
CREATE TABLE test.bit_by_bit AS SELECT * FROM test.figures;
SELECT sum(users) = (SELECT count(DISTINCT user_id) FROM promptreg.experiment_users u WHERE u.experiment_id = e.experiment_id) AS all_users
  FROM promptreg.experiment_exposures e JOIN promptreg.experiments x ON x.id = e.experiment_id WHERE x.key = 'report-i' GROUP BY e.experiment_id;
-- Restored into another server, everything comes again, once.
UPDATE promptreg.watermarks SET system_identifier = 1;
SELECT count(*) FROM prompt_experiment_report('report-i') HAVING count(*) < 10;
CREATE VIEW test.differences AS
SELECT metric, variant, f.users, p.users AS again_users, f.mean, p.mean AS again_mean, f.sd, p.sd AS again_sd FROM test.bit_by_bit f FULL JOIN test.figures p USING (metric, variant)
 WHERE f.users IS DISTINCT FROM p.users OR abs(f.mean - p.mean) > 1e-9 * greatest(abs(p.mean), 1) OR abs(f.sd - p.sd) > 1e-9 * greatest(p.sd, 1);
SELECT * FROM test.differences;
-- By hand, for one metric of each kind.
WITH e AS MATERIALIZED (SELECT DISTINCT ON (user_id, at, variant, request_id, cost_usd) * FROM promptreg.executions WHERE experiment = 'report-i'),
own AS MATERIALIZED (SELECT DISTINCT ON (user_id) user_id, variant FROM e ORDER BY user_id, at, variant COLLATE "C"),
unit AS MATERIALIZED (SELECT user_id, variant, sum(cost_usd)::double precision AS cost, count(*) AS calls, count(error)::double precision AS errors FROM e JOIN own USING (user_id, variant) GROUP BY 1, 2)
SELECT f.metric, f.variant, f.users = u.users AS users, abs(f.mean - CASE f.metric WHEN 'per call' THEN u.cost ELSE u.errors END) < 1e-9 AS mean
  FROM test.figures f JOIN (SELECT variant, count(*) AS users, sum(cost) / sum(calls) AS cost, sum(errors) / sum(calls) AS errors FROM unit GROUP BY 1) u USING (variant)
 WHERE f.metric IN ('per call', 'errors') ORDER BY 1, 2;
-- The quantile of all values that were served with the variant, to whomever.
SELECT f.variant, f.users = e.users AS users, abs(f.mean / e.p95 - 1) < 0.001001 AS p95
  FROM test.figures f JOIN (SELECT variant, count(DISTINCT user_id) AS users, percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms) AS p95
                              FROM promptreg.executions WHERE experiment = 'report-i' GROUP BY 1) e USING (variant) WHERE f.metric = 'p95' ORDER BY 1;
-- A metric that is defined late counts from the beginning.
SELECT prompt_metric_define('late', 'mean', 'cost_usd');
SELECT count(*) FROM prompt_experiment_report('report-i') WHERE metric = 'late';

-- The view shows what one may read.
SELECT prompt_grant('report/a', 'read', 'regress_report');
GRANT USAGE ON SCHEMA promptreg TO regress_report;
GRANT SELECT ON promptreg.experiment_results, promptreg.experiment_figures, promptreg.experiments, promptreg.prompts, promptreg.metrics, promptreg.variants, promptreg.weights,
  promptreg.experiment_plans, promptreg.experiment_exposures TO regress_report;
SET ROLE regress_report;
SELECT experiment, metric, variant, is_control FROM promptreg.experiment_results WHERE experiment = 'report-c' AND metric = 'tokens' ORDER BY variant;
RESET ROLE;
SELECT prompt_revoke('report/a', 'read', 'regress_report');
SET ROLE regress_report;
SELECT count(*) FROM promptreg.experiment_results;
RESET ROLE;
SELECT count(*) AS without_comment FROM pg_attribute a WHERE a.attrelid = 'promptreg.experiment_results'::regclass AND a.attnum > 0 AND col_description(a.attrelid, a.attnum) IS NULL;
REVOKE ALL ON ALL TABLES IN SCHEMA promptreg FROM regress_report;
REVOKE ALL ON SCHEMA promptreg FROM regress_report;
DROP ROLE regress_report;
SELECT prompt_experiment_stop('report-i');
-- Between equal variants, looked at 49 times each: the anytime p value is below 0.05 in less than 5 % of them, the other far more often.
SELECT setseed(0.5);
WITH draw AS MATERIALIZED (SELECT e, i, (random() < 0.1)::integer AS a, (random() < 0.1)::integer AS b FROM generate_series(1, 150) e, generate_series(1, 1500) i),
path AS (SELECT e, i, sum(a) OVER w / i::float8 AS a, sum(b) OVER w / i::float8 AS b FROM draw WINDOW w AS (PARTITION BY e ORDER BY i)),
look AS (SELECT e, c.p_anytime, c.p_fixed FROM path, LATERAL promptreg.compare_estimates('mean', i, a, sqrt(a * (1 - a)), i, b, sqrt(b * (1 - b))) c WHERE i >= 60 AND i % 30 = 0)
SELECT avg((p.anytime < 0.05)::integer) <= 0.05 AS anytime, avg((p.fixed < 0.05)::integer) > 0.15 AS fixed
  FROM (SELECT e, coalesce(min(p_anytime), 1) AS anytime, min(p_fixed) AS fixed FROM look GROUP BY e) p;
DROP VIEW test.differences, test.figures;
DROP TABLE test.bit_by_bit;
DROP FUNCTION test.start, test.log;
TRUNCATE promptreg.metrics, promptreg.experiment_metrics, promptreg.experiment_plans, promptreg.experiment_allocations, promptreg.experiment_totals, promptreg.experiment_stats, promptreg.experiment_sketches, promptreg.experiment_figures,
  promptreg.experiment_users, promptreg.experiment_exposures, promptreg.experiment_splits, promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks;
