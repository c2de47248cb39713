-- Results where nothing varies, where computing fails, and where the setting of an experiment changes while it runs.
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks;
SELECT count(prompt_register('settings', v)) FROM unnest('{one,two,three,four}'::text[]) v;
SELECT (prompt_promote('settings', 1, 'production')).version;
CREATE FUNCTION test.start(key text, env text DEFAULT 'production', control integer DEFAULT 1, b integer DEFAULT 1) RETURNS text LANGUAGE sql
RETURN prompt_experiment_start('settings', env, jsonb_build_array(jsonb_build_object('key', 'control', 'version', 1, 'weight', control),
                                                                  jsonb_build_object('key', 'b', 'version', 2, 'weight', b)), key => key);
CREATE FUNCTION test.log(key text, variant text, user_id text, converted boolean DEFAULT false, latency double precision DEFAULT NULL, env text DEFAULT 'production') RETURNS text LANGUAGE sql
BEGIN ATOMIC
  SELECT prompt_feedback(key || user_id, conversion => true) WHERE converted;
  SELECT prompt_log('settings', 1, user_id => user_id, request_id => key || user_id, env => env, experiment => key, variant => variant, latency_ms => latency);
END;

-- Everybody does it: there is nothing more to find, and other experiments have figures all the same.
SELECT prompt_metric_define('done', 'proportion', 'conversion', role => 'primary');
SELECT test.start('all');
SELECT count(test.log('all', v, v || i, true)) FROM generate_series(1, 3) i, unnest('{control,b}'::text[]) v;
SELECT variant, users, mean, sd, lift, p_fixed, p_best, minimum_detectable_effect FROM prompt_experiment_report('all');
-- Users who become converted one after the other, each in a refresh of its own: sums round, shares stay from 0 to 1.
WITH RECURSIVE step AS (
  SELECT n, 0 AS k, ARRAY[n, 0, 0, 0, 0, 0]::double precision[] AS m FROM generate_series(2, 120) n
   UNION ALL
  SELECT n, k + 1, promptreg.comoments_join(promptreg.comoments_join(m, '{1,0,0,0,0,0}', -1), '{1,1,0,0,0,0}', 1) FROM step WHERE k < n
)
SELECT bool_or(m[2] > 1) AS rounded, max(promptreg.as_share(m[2])) AS greatest, promptreg.as_share(-1e-17) AS least, promptreg.as_share(NULL) FROM step;
UPDATE promptreg.experiment_stats SET moments[2] = 1.0000000000000002 WHERE metric = 'done';
SELECT test.log('all', 'b', 'one more', true);
SELECT variant, users, mean, p_fixed, round(p_best::numeric, 9) AS p_best FROM prompt_experiment_report('all');
SELECT prompt_experiment_set_allocation('all', 'thompson', min_count => 1, attribution_window => '0');
SELECT result FROM prompt_maintain('{experiments}');
UPDATE promptreg.bandit_hours SET moments[2] = CASE variant WHEN 'b' THEN 1.0000000000000002 ELSE -1e-16 END;
SELECT variant, old_share, new_share > old_share AS more FROM prompt_experiment_rebalance('all');
UPDATE promptreg.metrics SET direction = 'down' WHERE name = 'done';
UPDATE promptreg.bandit_hours SET moments[2] = CASE variant WHEN 'b' THEN 1.0000000000000002 ELSE -1e-16 END;
SELECT variant, new_share < 0.5 AS less FROM prompt_experiment_rebalance('all');
UPDATE promptreg.metrics SET direction = 'up' WHERE name = 'done';
SELECT prompt_experiment_stop('all');

-- One whose figures fail says so, and the others go on.
SELECT test.start('good'), (prompt_promote('settings', 1, 'staging')).version, test.start('bad', 'staging');
CREATE FUNCTION test.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.experiment_id = (SELECT x.id FROM promptreg.experiments x WHERE x.key = 'bad') THEN
    RAISE EXCEPTION 'no figures today' USING ERRCODE = '22023';
  END IF;
  RETURN new;
END;
$$;
CREATE TRIGGER refuse BEFORE INSERT ON promptreg.experiment_figures FOR EACH ROW EXECUTE FUNCTION test.refuse();
SELECT count(test.log('good', v, v, true)), count(test.log('bad', v, v, true, env => 'staging')) FROM unnest('{control,b}'::text[]) v;
SELECT result, error FROM prompt_maintain('{experiments}');
SELECT variant, users, mean FROM prompt_experiment_report('good');
SELECT count(*) FROM prompt_experiment_report('bad');
DROP TRIGGER refuse ON promptreg.experiment_figures;
DROP FUNCTION test.refuse;
-- The next thing that is counted makes up for it.
SELECT test.log('bad', 'b', 'one more', true, env => 'staging');
SELECT variant, users FROM prompt_experiment_report('bad');
SELECT prompt_experiment_stop('good'), prompt_experiment_stop('bad');

-- Every call of b fails and none of the control: nothing varies in either, and it is proven all the same.
SELECT prompt_metric_define('failures', 'mean', 'error', direction => 'down', role => 'primary');
SELECT test.start('fails');
INSERT INTO promptreg.executions (request_id, prompt, version, user_id, experiment, variant, error)
SELECT 'fails' || v || i, 'settings', 1, v || i, 'fails', v, CASE v WHEN 'b' THEN 'x' END FROM generate_series(1, 600) i, unnest('{control,b}'::text[]) v;
SELECT decision, variant, reason FROM prompt_experiment_decision('fails');
SELECT metric, variant, users, mean, sd, p_fixed, p_anytime < 1e-9 AS p_anytime, p_adjusted, p_anytime_adjusted < 0.001 AS p_anytime_adjusted
  FROM promptreg.experiment_results WHERE experiment = 'fails' AND role = 'primary' ORDER BY 1, 2;
SELECT prompt_experiment_stop('fails'), prompt_metric_archive('failures');

-- Weights change while behaviour drifts: 9:1 when a tenth of both converts, then 1:1 when three tenths do. All together b looks far
-- better; within the settings of the weights nothing differs.
SELECT test.start('drift', control => 9);
CREATE PROCEDURE test.serve(key text, variant text, low integer, high integer, converted integer, slow double precision DEFAULT 1) LANGUAGE sql AS $$
  INSERT INTO promptreg.executions (request_id, prompt, version, user_id, experiment, variant, latency_ms, cost_usd)
  SELECT key || variant || i, 'settings', 1, variant || i, key, variant, slow * (100 + i * 7919 % 101), i % 7 FROM generate_series(low, high) i;
  INSERT INTO promptreg.outcomes (request_id, name, value) SELECT key || variant || i, 'conversion', 1 FROM generate_series(low, low + converted - 1) i;
$$;
SELECT prompt_metric_define('speed', 'mean', 'latency_ms', direction => 'down'), prompt_metric_define('cost by ms', 'ratio', 'cost_usd', 'latency_ms'),
       prompt_metric_define('slowest', 'quantile', 'latency_ms', direction => 'down', quantile => 0.9);
CALL test.serve('drift', 'control', 1, 4500, 450);
CALL test.serve('drift', 'b', 1, 500, 50);
SELECT prompt_experiment_set_weights('drift', '{"control": 1, "b": 1}');
CALL test.serve('drift', 'control', 5001, 6500, 450, 3);
CALL test.serve('drift', 'b', 5001, 6500, 450, 3);
SELECT variant, users, mean, lift, p_fixed, p_anytime, round(p_best::numeric, 1) AS p_best FROM prompt_experiment_report('drift') WHERE metric = 'done';
SELECT decision, reason FROM prompt_experiment_decision('drift');
-- The other kinds, too, are compared within settings; users and means are what was seen.
SELECT metric, r.variant, r.users, round(r.mean::numeric, 3) AS mean, abs(r.lift) < 0.01 AS equal, r.ci_low < 0 AND r.ci_high > 0 AS within, r.p_anytime, x.settings
  FROM prompt_experiment_report('drift') r JOIN promptreg.experiment_results x USING (metric, variant) WHERE metric <> 'done' AND x.experiment = 'drift';
-- A setting without users of both says nothing about their difference; one user alone borrows the spread of the others.
SELECT prompt_experiment_set_weights('drift', '{"control": 1, "b": 1}');
CALL test.serve('drift', 'b', 7001, 7500, 500);
SELECT prompt_experiment_set_weights('drift', '{"control": 1, "b": 1}');
CALL test.serve('drift', 'b', 8001, 8300, 200);
CALL test.serve('drift', 'control', 8001, 8001, 1, 2);
SELECT prompt_experiment_set_weights('drift', '{"control": 1, "b": 1}');
CALL test.serve('drift', 'control', 9001, 9100, 10);
CALL test.serve('drift', 'b', 9001, 9300, 20);
-- All of it again from the raw rows.
CREATE VIEW test.again AS
WITH unit AS (
  SELECT e.user_id, e.variant, max(w.number) AS number, max(o.value) IS NOT NULL AS done, e.latency_ms, e.cost_usd::double precision AS cost
    FROM promptreg.executions e JOIN promptreg.experiments x ON x.key = e.experiment JOIN promptreg.weights w ON w.experiment_id = x.id AND w.set_at <= e.at
    LEFT JOIN promptreg.outcomes o USING (request_id) WHERE e.experiment = 'drift' GROUP BY e.user_id, e.variant, e.latency_ms, e.cost_usd
), figure AS (
  SELECT 'done' AS metric, variant, number, done::integer::double precision AS y, 1::double precision AS x FROM unit
   UNION ALL SELECT 'speed', variant, number, latency_ms, 1 FROM unit
   UNION ALL SELECT 'cost by ms', variant, number, cost, latency_ms FROM unit
), cell AS (
  SELECT metric, variant, number, count(*)::double precision AS n, avg(y) AS y, avg(x) AS x FROM figure GROUP BY 1, 2, 3
), weight AS (
  SELECT metric, number, a.n * b.n / (a.n + b.n) AS w FROM cell a JOIN cell b USING (metric, number) WHERE a.variant = 'control' AND b.variant = 'b'
), mean AS (
  SELECT metric, variant, sum(w * y) / sum(w * x) AS r, sum(w * x) / sum(w) AS x, sum(w) AS w FROM cell JOIN weight USING (metric, number) GROUP BY 1, 2
), residual AS (
  SELECT metric, f.variant, number, var_samp(f.y - m.r * f.x) AS s2, regr_sxx(f.y - m.r * f.x, f.y - m.r * f.x) AS ss, count(*) AS n
    FROM figure f JOIN mean m USING (metric, variant) JOIN weight USING (metric, number) GROUP BY 1, 2, 3
), pooled AS (
  SELECT metric, variant, sum(ss) / sum(n - 1) AS s2 FROM residual GROUP BY 1, 2
), error AS (
  SELECT metric, variant, sum(w.w ^ 2 * coalesce(r.s2, p.s2) / r.n) / m.w ^ 2 / m.x ^ 2 AS se2
    FROM residual r JOIN weight w USING (metric, number) JOIN mean m USING (metric, variant) JOIN pooled p USING (metric, variant) GROUP BY 1, 2, m.w, m.x
)
SELECT metric, b.r - a.r AS difference, (b.r - a.r) / a.r AS lift, 1.959963984540054 * sqrt(eb.se2 / a.r ^ 2 + ea.se2 * b.r ^ 2 / a.r ^ 4) AS reach, sqrt(ea.se2 + eb.se2) AS se
  FROM mean a JOIN mean b USING (metric) JOIN error ea USING (metric) JOIN error eb USING (metric)
 WHERE a.variant = 'control' AND b.variant = 'b' AND ea.variant = 'control' AND eb.variant = 'b';
SELECT promptreg.refresh_experiments();
SELECT metric, r.settings, round(r.difference::numeric, 3) AS difference, abs(r.difference - a.difference) < 1e-9 AS difference, abs(r.lift - a.lift) < 1e-9 AS lift,
       abs(r.ci_high - a.lift - a.reach) < 1e-9 AS ci, metric <> 'done' OR abs(r.p_fixed / promptreg.normal_p_value(a.difference / a.se) - 1) < 1e-6 AS p
  FROM promptreg.experiment_results r JOIN test.again a USING (metric) WHERE r.experiment = 'drift' AND r.variant = 'b' ORDER BY 1;
-- Many looks at equal variants whose weights and behaviour change together: seldom found.
SELECT setseed(0.25);
WITH cell AS MATERIALIZED (
  SELECT e, v, k, n, (SELECT count(*) FROM generate_series(1, n) WHERE random() < k / 10.0 AND e + k > 0)::double precision AS s
    FROM generate_series(1, 200) e, (VALUES ('a', 1, 900), ('b', 1, 100), ('a', 2, 500), ('b', 2, 500), ('a', 4, 200), ('b', 4, 800)) c (v, k, n)
), stratified AS (
  SELECT e, array_agg(ROW('m', 'proportion', 'up', v, k, false, ARRAY[n, s / n, 0, s * (1 - s / n), 0, 0], NULL, NULL)::promptreg.experiment_cell) AS cells FROM cell GROUP BY e
)
SELECT avg((c.p_fixed < 0.05)::integer) BETWEEN 0.02 AND 0.08 AS fixed, avg((c.p_anytime < 0.05)::integer) <= 0.05 AS anytime, bool_and(c.settings = 3) AS settings
  FROM stratified, LATERAL promptreg.compare_with_control(cells, 'a') c;
SELECT prompt_experiment_stop('drift');
-- Nobody of the control does it: that is no more certain with several settings than with as many users in one.
SELECT u.settings, round(p.p_best::numeric, 2) AS p_best
  FROM (VALUES (1, ARRAY[20]), (2, ARRAY[10, 10])) u (settings, n), promptreg.experiments x,
       LATERAL (SELECT array_agg(ROW('m', 'proportion', 'up', v, k, false, ARRAY[u.n[k], m, 0, u.n[k] * m * (1 - m), 0, 0], NULL, NULL)::promptreg.experiment_cell) AS cells
                  FROM generate_series(1, u.settings) k, (VALUES ('control', 0), ('b', 0.1)) c (v, m)) c, LATERAL promptreg.experiment_posteriors(x.id, c.cells) p
 WHERE x.key = 'drift' AND p.variant = 'b' ORDER BY 1;
-- A real effect of five points under the same drift is found, with this size.
SELECT test.start('effect', control => 9);
CALL test.serve('effect', 'control', 1, 9000, 900);
CALL test.serve('effect', 'b', 1, 1000, 150);
SELECT prompt_experiment_set_weights('effect', '{"control": 1, "b": 1}');
CALL test.serve('effect', 'control', 10001, 13000, 900);
CALL test.serve('effect', 'b', 10001, 13000, 1050);
SELECT decision, variant, reason FROM prompt_experiment_decision('effect');
SELECT r.variant, r.users, round(r.mean::numeric, 2) AS mean, round(r.difference::numeric, 12) AS difference, r.p_fixed < 1e-6 AS p, r.p_best > 0.99 AS best
  FROM promptreg.experiment_results r WHERE r.experiment = 'effect' AND r.metric = 'done' ORDER BY 1;
-- With a third variant that comes later, all are compared where all have users.
SELECT prompt_experiment_set_variants('effect', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}, {"key": "c", "version": 3, "weight": 1}]');
CALL test.serve('effect', 'control', 20001, 20100, 50);
CALL test.serve('effect', 'b', 20001, 20100, 52);
CALL test.serve('effect', 'c', 20001, 20100, 90);
SELECT promptreg.refresh_experiments();
SELECT r.variant, r.users, round(r.mean::numeric, 2) AS mean, round(r.difference::numeric, 12) AS difference, round(r.p_best::numeric, 3) AS p_best, r.settings
  FROM promptreg.experiment_results r WHERE r.experiment = 'effect' AND r.metric = 'done' ORDER BY 1;
SELECT prompt_experiment_stop('effect');

-- Another version behind a key starts anew, at once: what the old one has proven says nothing about it.
SELECT test.start('version');
CALL test.serve('version', 'control', 1, 1000, 100);
CALL test.serve('version', 'b', 1, 1000, 300);
SELECT decision, variant, users_min FROM prompt_experiment_decision('version');
SELECT prompt_experiment_set_variants('version', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 4, "weight": 1}]');
SELECT decision, variant, users_min, reason FROM prompt_experiment_decision('version');
SELECT variant, version, users FROM prompt_experiment_report('version') WHERE metric = 'done';
-- Neither do users count who came before, with what they do now.
CALL test.serve('version', 'b', 1001, 1600, 60);
CALL test.serve('version', 'control', 1001, 1600, 60);
INSERT INTO promptreg.executions (request_id, prompt, version, user_id, experiment, variant, latency_ms) SELECT 'again' || i, 'settings', 4, 'b' || i, 'version', 'b', 500 FROM generate_series(1, 1000) i;
SELECT decision, anytime, users_min, reason FROM prompt_experiment_decision('version');
SELECT metric, variant, users, executions, round(mean::numeric, 3) AS mean, round(lift::numeric, 3) AS lift, p_anytime FROM prompt_experiment_report('version') WHERE metric IN ('done', 'slowest');
-- Another version of the control: everything starts anew.
SELECT prompt_experiment_set_variants('version', '[{"key": "control", "version": 3, "weight": 1}, {"key": "b", "version": 4, "weight": 1}]');
CALL test.serve('version', 'b', 2001, 2200, 40);
CALL test.serve('version', 'control', 2001, 2200, 60);
SELECT variant, version, users, executions, round(mean::numeric, 9) AS mean, round(p_anytime::numeric, 9) AS p_anytime FROM prompt_experiment_report('version') WHERE metric = 'done';
-- Other weights only, and a variant that goes: everybody counts on.
SELECT prompt_experiment_set_variants('version', '[{"key": "control", "version": 3, "weight": 2}, {"key": "c", "version": 2, "weight": 1}]');
CALL test.serve('version', 'control', 3001, 3010, 1);
SELECT variant, version, users, executions, round(mean::numeric, 9) AS mean, round(p_anytime::numeric, 9) AS p_anytime FROM prompt_experiment_report('version') WHERE metric = 'done';
SELECT prompt_experiment_stop('version');

-- What is older than two weeks before the start, or younger than a day after the end, does not count, whenever it arrives.
SELECT test.start('bounds');
INSERT INTO promptreg.executions (prompt, version, user_id, experiment, variant, latency_ms, at) SELECT 'settings', 1, 'bounds' || d, 'bounds', 'b', 5, now() + d * interval '1 day' FROM unnest('{-15,-13,0}'::integer[]) d;
SELECT metric, users FROM prompt_experiment_report('bounds') WHERE metric IN ('speed', 'slowest');
SELECT prompt_experiment_stop('bounds');
INSERT INTO promptreg.executions (prompt, version, user_id, experiment, variant, latency_ms, at) SELECT 'settings', 1, 'after' || d, 'bounds', 'b', 5, now() + d * interval '1 hour' FROM unnest('{1,23,25}'::integer[]) d;
SELECT metric, users FROM prompt_experiment_report('bounds') WHERE metric IN ('speed', 'slowest');
-- A metric that is new to it counts the same executions, and reads no partition of another time.
SELECT prompt_metric_define('calls', 'count', 'executions');
SELECT metric, users FROM prompt_experiment_report('bounds') WHERE metric = 'calls';
SELECT b.prompts, x.started_at - b.since AS before, b.until - x.stopped_at AS after, b.anything FROM promptreg.experiments x, LATERAL promptreg.counting_bounds(ARRAY[x.id]) b WHERE x.key = 'bounds';
CREATE FUNCTION test.partitions_read(since text, until text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  line text;
  found bigint := 0;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN SELECT FROM promptreg.experiment_values(''0'', ''9'', ''{1}'', ''{settings}'', %L, %L)', since, until) LOOP
    found := found + (line ~ ' on executions_2')::integer;
  END LOOP;
  RETURN found;
END;
$$;
SELECT promptreg.make_partition('executions', '2019-01-05'), promptreg.make_partition('executions', '2019-03-05');
SELECT test.partitions_read('2019-03-02', '2019-03-20') AS of_one_month_read_twice, test.partitions_read('2019-01-01', '2019-03-20') > 2 AS of_all_more;
DROP FUNCTION test.partitions_read;
DROP TABLE promptreg.executions_201901, promptreg.executions_201903;

-- Who has an override when he comes was not assigned by chance, and counts nowhere: neither in a comparison, nor in the split.
SELECT test.start('override');
SELECT count(prompt_experiment_override('override', 'b' || i, 'b')) FROM generate_series(1, 150) i;
SET promptreg.user_privacy = 'hash';
SET promptreg.user_privacy_key = 'key';
SELECT prompt_experiment_override('override', 'hashed', 'b');
SELECT prompt_experiment_set_allocation('override', 'thompson', 'done', min_count => 1, attribution_window => '0');
CALL test.serve('override', 'b', 1, 350, 150);
CALL test.serve('override', 'control', 1, 200, 50);
SELECT test.log('override', 'b', 'hashed', latency => 7);
SELECT metric, variant, users, executions, round(mean::numeric, 3) AS mean FROM prompt_experiment_report('override') WHERE metric IN ('done', 'slowest');
SELECT users_min, users_in_several_variants, sample_ratio_p FROM prompt_experiment_decision('override');
SELECT h.variant, sum(h.moments[1]) AS counted FROM promptreg.bandit_hours h JOIN promptreg.experiments x ON x.id = h.experiment_id WHERE x.key = 'override' GROUP BY 1 ORDER BY 1;
-- Taken back, it leaves him out still; one that comes later leaves him in. Who was served several, first by chance, is said.
SELECT prompt_experiment_override('override', 'b1'), prompt_experiment_override('override', 'b200', 'control');
INSERT INTO promptreg.executions (request_id, prompt, version, user_id, experiment, variant, latency_ms) SELECT 'more' || u, 'settings', 1, u, 'override', 'control', 100 FROM unnest('{b1,b200}'::text[]) u;
SELECT metric, variant, users FROM prompt_experiment_report('override') WHERE metric = 'done';
SELECT promptreg.count(k.sketch), k.variant FROM promptreg.experiment_sketches k JOIN promptreg.experiments x ON x.id = k.experiment_id WHERE x.key = 'override' ORDER BY 2;
SELECT users_in_several_variants FROM prompt_experiment_decision('override');
RESET promptreg.user_privacy;
RESET promptreg.user_privacy_key;
SELECT prompt_experiment_stop('override');

DROP VIEW test.again;
DROP PROCEDURE test.serve;
DROP FUNCTION test.start, test.log;
TRUNCATE promptreg.metrics, promptreg.experiment_metrics, promptreg.experiment_plans, promptreg.experiment_allocations, promptreg.experiment_totals, promptreg.experiment_stats, promptreg.experiment_sketches, promptreg.experiment_figures,
  promptreg.experiment_users, promptreg.experiment_exposures, promptreg.experiment_splits, promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks, promptreg.bandit_sources, promptreg.bandit_units, promptreg.bandit_hours;
