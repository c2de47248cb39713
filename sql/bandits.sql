-- Bandits: choosing one, what counts for it, when weights move and when they stay.
TRUNCATE promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks;
CREATE ROLE regress_bandits;
SELECT count(prompt_register('bandit/' || p, 'v' || v)), count(DISTINCT p) FROM unnest('{a,b,c}'::text[]) p, generate_series(1, 3) v;
SELECT count(prompt_promote('bandit/' || p, 1, 'production')) FROM unnest('{a,b,c}'::text[]) p;
SELECT prompt_metric_define('bought', 'proportion', 'conversion', role => 'primary', attribution_window => '1 hour'),
       prompt_metric_define('took', 'mean', 'latency_ms', direction => 'down'), prompt_metric_define('failed', 'ratio', 'error', 'executions', 'down'),
       prompt_metric_define('stars', 'mean', 'rating'), prompt_metric_define('a median', 'quantile', 'latency_ms', quantile => 0.5, direction => 'down', role => 'primary');
CREATE FUNCTION test.start(name text, keys text[] DEFAULT '{control,b}', control_share numeric DEFAULT NULL) RETURNS text LANGUAGE sql RETURN prompt_experiment_start('bandit/' || left(name, 1), 'production',
  (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('key', k, 'version', n, 'weight', CASE WHEN k <> 'control' OR control_share IS NULL THEN 1 END)) ORDER BY n) FROM unnest(keys) WITH ORDINALITY k (k, n)),
  key => 'bandit-' || name, control_share => control_share);
-- A number of users, of whom the first so many buy, some hours ago.
CREATE FUNCTION test.visits(name text, variant text, users integer, buyers integer, hours double precision DEFAULT 3, latency_ms integer DEFAULT NULL, label text DEFAULT 'u') RETURNS bigint LANGUAGE sql
BEGIN ATOMIC
  SELECT count(prompt_log('bandit/' || left(name, 1), 1, experiment => 'bandit-' || name, variant => visits.variant, user_id => label || variant || i,
           request_id => concat_ws('/', label, name, variant, hours, i), at => now() - hours * interval '1 hour', latency_ms => visits.latency_ms + i % 10, error => CASE WHEN i <= buyers THEN 'x' END))
       + 0 * count(prompt_feedback(concat_ws('/', label, name, variant, hours, i), conversion => i <= buyers, rating => 1 + i % 5, at => now() - hours * interval '1 hour'))
    FROM generate_series(1, users) i;
END;
CREATE FUNCTION test.weights(name text) RETURNS TABLE (number integer, weights jsonb, reason text) LANGUAGE sql
BEGIN ATOMIC
  SELECT w.number, promptreg.weights_as_json(w.keys, w.ppm), regexp_replace(w.reason, '\d{4}-\d\d-\d\d \d\d:\d\d', '<time>') FROM promptreg.weights w JOIN promptreg.experiments x ON x.id = w.experiment_id WHERE x.key = 'bandit-' || weights.name ORDER BY w.number DESC LIMIT 1;
END;

-- Fixed unless somebody chooses otherwise.
SELECT test.start('a');
SELECT * FROM prompt_experiment_rebalance('bandit-a');
SELECT * FROM prompt_experiment_rebalance();
SELECT prompt_experiment_set_allocation('bandit-a', reason => 'let it learn');
SELECT experiment, reason, before, after FROM promptreg.audit_log WHERE event = 'experiment_allocation' ORDER BY id DESC LIMIT 1;
SELECT * FROM prompt_experiment_rebalance();
SELECT split_part(error, E'\n', 1) AS error FROM test.errors_of($$SELECT prompt_experiment_set_allocation('bandit-a', %s)$$,
  $$'epsilon'$$, $$NULL$$, $$floor => 0$$, $$floor => 0.51$$, $$floor => 'NaN'$$, $$floor => NULL$$, $$min_count => 0$$, $$min_count => NULL$$, $$attribution_window => '-1 s'$$, $$half_life => '59 min'$$,
  $$metric => 'none'$$, $$'ucb1', 'took'$$, $$'kl_ucb', 'failed'$$, $$metric => 'a median'$$);
CALL test.fails($$SELECT prompt_experiment_set_allocation('bandit-none')$$);
CALL test.fails($$SELECT prompt_experiment_rebalance('bandit-none')$$);

-- 120 of 1,000 against 150: the weights that promptreg.bandit_weights gives; and the same once more gives nothing.
SELECT test.visits('a', 'control', 1000, 120), test.visits('a', 'b', 1000, 150);
SELECT user_id, variant INTO TEMPORARY assigned FROM (SELECT 'user-' || n AS user_id FROM generate_series(1, 2000) n) u, prompt_assign('bandit/a', 'production', user_id);
SELECT experiment, variant, old_share, new_share, number FROM prompt_experiment_rebalance();
SELECT * FROM test.weights('a');
SELECT promptreg.bandit_weights('thompson', '{120,150}', '{1000,1000}');
SELECT evidence - 'cut_off' - 'variants' AS settings, (evidence ->> 'cut_off')::timestamptz BETWEEN now() - interval '125 min' AND now() - interval '1 hour' AS cut_off,
       v.key, (SELECT jsonb_object_agg(f.key, trim_scale(round(f.value::numeric, 12))) FROM jsonb_each(v.value) f) AS seen
  FROM promptreg.weights w JOIN promptreg.experiments x ON x.id = w.experiment_id, jsonb_each(evidence -> 'variants') v WHERE x.key = 'bandit-a' AND w.number = 2 ORDER BY v.key;
SELECT event, regexp_replace(reason, '\d{4}-\d\d-\d\d \d\d:\d\d', '<time>') AS reason, before -> 'weights' AS before, after -> 'weights' AS after FROM promptreg.audit_log WHERE experiment = 'bandit-a' ORDER BY id DESC LIMIT 1;
SELECT event, experiment FROM prompt_changes_since((SELECT max(seq) - 1 FROM promptreg.changes));
SELECT * FROM prompt_experiment_rebalance();
-- The cache follows, users of the variant that grows stay where they are, and as many move as must.
SELECT DISTINCT o.variant AS before, n.variant AS after FROM assigned o, prompt_assign('bandit/a', 'production', o.user_id) n ORDER BY 1, 2;
SELECT count(*) FROM assigned o, prompt_assign_at('bandit/a', 'production', o.user_id, (SELECT max(set_at) - interval '1 us' FROM promptreg.weights)) n WHERE n.variant <> o.variant;
DROP TABLE assigned;
-- What came later corrects what is counted: 200 more of the control buy. So does what moves less than a point: not at all.
SELECT count(prompt_feedback(format('u/a/control/3/%s', i), conversion => true, at => now() - interval '3 hours')) FROM generate_series(121, 320) i;
SELECT variant, old_share, new_share, number FROM prompt_experiment_rebalance('bandit-a');
SELECT count(prompt_feedback(format('u/a/b/3/%s', i), conversion => true, at => now() - interval '3 hours')) FROM generate_series(151, 152) i;
SELECT variant, old_share, new_share, number, reason FROM prompt_experiment_rebalance('bandit-a');
-- Executions within the attribution window are too young, and outcomes after it too late.
SELECT test.visits('a', 'control', 1000, 0, 0.5, label => 'young'), test.visits('a', 'b', 1000, 1000, 0.5, label => 'young');
SELECT count(prompt_feedback(format('u/a/b/3/%s', i), conversion => true)) FROM generate_series(501, 1000) i;
SELECT variant, reason FROM prompt_experiment_rebalance('bandit-a');
SELECT prompt_experiment_set_allocation('bandit-a', attribution_window => '0');
SELECT variant, old_share, new_share, number FROM prompt_experiment_rebalance('bandit-a');
SELECT prompt_experiment_stop('bandit-a');
SELECT variant, reason FROM prompt_experiment_rebalance('bandit-a');
CALL test.fails($$SELECT prompt_experiment_set_allocation('bandit-a', 'fixed')$$);
SELECT promptreg.refresh_experiments() >= 0 AS refreshed;
SELECT (SELECT count(*) FROM promptreg.bandit_hours) AS hours, (SELECT count(*) FROM promptreg.bandit_units) AS units;

-- Three variants: one that has been seen too little keeps its share, one that was set to 0 stays there.
SELECT test.start('b', '{control,b,c}'), prompt_experiment_set_allocation('bandit-b', min_count => 451);
SELECT test.visits('b', 'control', 500, 100), test.visits('b', 'b', 500, 150), test.visits('b', 'c', 450, 150);
SELECT variant, old_share, new_share, number, split_part(reason, '; ', 2) AS reason FROM prompt_experiment_rebalance();
SELECT prompt_experiment_set_weights('bandit-b', '{"control": 0, "b": 3, "c": 1}'), prompt_experiment_set_allocation('bandit-b', min_count => 450);
SELECT variant, old_share, new_share, split_part(reason, '; ', 2) AS reason FROM prompt_experiment_rebalance();
-- The split is not what the weights say: nothing moves, until it is again.
SELECT prompt_experiment_set_weights('bandit-b', '{"control": 1, "b": 1, "c": 1}'), test.visits('b', 'c', 200, 0, label => 'more');
SELECT DISTINCT reason FROM prompt_experiment_rebalance();
SELECT sample_ratio_alarm FROM prompt_experiment_decision('bandit-b');
SELECT test.visits('b', 'control', 150, 30, label => 'more'), test.visits('b', 'b', 150, 45, label => 'more');
UPDATE promptreg.experiment_splits SET p_anytime = NULL;
SELECT variant, old_share, new_share FROM prompt_experiment_rebalance();
SELECT prompt_experiment_pause('bandit-b');
SELECT DISTINCT reason FROM prompt_experiment_rebalance();
SELECT result FROM prompt_maintain('{rebalance}');
SELECT prompt_experiment_stop('bandit-b');

-- A fixed share for the control; the floor is a share of the whole, and must fit.
SELECT test.start('c', '{control,b,c}', control_share => 0.4);
CALL test.fails($$SELECT prompt_experiment_set_allocation('bandit-c', floor => 0.301)$$);
SELECT prompt_experiment_set_allocation('bandit-c', 'ucb1', floor => 0.1);
SELECT test.visits('c', 'control', 400, 80), test.visits('c', 'b', 300, 60), test.visits('c', 'c', 300, 90);
SELECT variant, old_share, new_share, split_part(reason, '; ', 2) AS reason FROM prompt_experiment_rebalance();
SELECT prompt_experiment_set_allocation('bandit-c', 'kl_ucb', floor => 0.2), prompt_experiment_set_allocation('bandit-c', 'top_two');
SELECT variant, new_share FROM prompt_experiment_rebalance();
SELECT promptreg.bandit_weights('top_two', '{60,90}', '{300,300}', 0.05 / 0.6) AS of_the_rest;
SELECT prompt_experiment_stop('bandit-c');

-- Means and ratios of which less is better; other metrics; drift.
SELECT test.start('c2'), prompt_experiment_set_allocation('bandit-c2', metric => 'took');
SELECT test.visits('c2', 'control', 200, 20, 9, 100, 'm'), test.visits('c2', 'b', 200, 60, 9, 101, 'm');
SELECT variant, new_share FROM prompt_experiment_rebalance();
SELECT promptreg.bandit_weights_means('thompson', ARRAY[-avg(100 + i % 10), -avg(101 + i % 10)]::double precision[], ARRAY[stddev(i % 10), stddev(i % 10)]::double precision[], '{200,200}') FROM generate_series(1, 200) i;
SELECT prompt_experiment_set_allocation('bandit-c2', metric => 'failed'), prompt_experiment_set_weights('bandit-c2', '{"control": 1, "b": 1}');
SELECT variant, new_share > 0.9 AS better FROM prompt_experiment_rebalance();
SELECT v.key, round((v.value ->> 'mean')::numeric, 6) AS mean, round((v.value ->> 'sd')::numeric, 6) AS sd FROM promptreg.weights w, jsonb_each(evidence -> 'variants') v WHERE evidence ->> 'metric' = 'failed' ORDER BY 1;
SELECT round(stddev(i), 6) AS sd_control FROM (SELECT (n <= 20)::integer AS i FROM generate_series(1, 200) n) s;
-- Stars come within a day, so nothing counts yet.
SELECT prompt_experiment_set_allocation('bandit-c2', metric => 'stars');
SELECT DISTINCT reason FROM prompt_experiment_rebalance();
-- With a half-life of three hours what is six hours older counts a quarter.
SELECT prompt_experiment_set_allocation('bandit-c2', metric => 'bought', half_life => '3 hours', attribution_window => '2 hours'), prompt_experiment_set_weights('bandit-c2', '{"control": 1, "b": 1}');
SELECT test.visits('c2', 'control', 200, 100, 3, 100, 'm'), test.visits('c2', 'b', 200, 20, 3, 101, 'm');
SELECT variant, new_share > 0.9 AS better FROM prompt_experiment_rebalance();
SELECT v.key, v.value ->> 'count' AS count, abs((v.value ->> 'n')::float8 - e.n) < 1e-9 AS n, abs((v.value ->> 'mean')::float8 - e.mean) < 1e-12 AS mean, round(e.new / e.old, 6) AS times
  FROM promptreg.weights w, jsonb_each(evidence -> 'variants') v,
       LATERAL (SELECT sum(d.weight * d.users) AS n, sum(d.weight * d.users * d.mean) / sum(d.weight * d.users) AS mean, max(d.weight)::numeric AS new, min(d.weight)::numeric AS old
                  FROM (SELECT h.moments[1] AS users, h.moments[2] AS mean, 0.5 ^ (extract(epoch FROM (evidence ->> 'cut_off')::timestamptz - h.hour - interval '1 hour') / 10800) AS weight
                          FROM promptreg.bandit_hours h WHERE h.experiment_id = w.experiment_id AND h.variant = v.key) d) e
 WHERE w.evidence ? 'half_life_s' ORDER BY 1;
-- While a bandit lives by a metric, the metric keeps its meaning.
SELECT split_part(test.error_of($$SELECT prompt_metric_define('bought', 'proportion', 'accepted', role => 'primary')$$), E'\n', 1) AS error;
-- Under a later definition of primary metrics it stays with the one it has.
SELECT prompt_experiment_set_allocation('bandit-c2'), prompt_metric_define('a first', 'proportion', 'accepted', role => 'primary');
SELECT count(*) FROM prompt_experiment_rebalance();
SELECT metric FROM promptreg.bandit_sources s JOIN promptreg.experiments x ON x.id = s.experiment_id WHERE x.key = 'bandit-c2';

-- Whatever the order of arrival, the same as from the raw rows, also after all has come again.
SELECT setseed(0.5);
DO $$
DECLARE
  id text;
BEGIN
  FOR i IN 1 .. 400 LOOP
    id := 'i' || (random() * 300)::integer;
    IF random() < 0.6 THEN
      PERFORM prompt_log('bandit/c', 1, user_id => 'x' || (random() * 20)::integer, request_id => id, experiment => 'bandit-c2', variant => CASE WHEN random() < 0.5 THEN 'b' ELSE 'control' END, at => now() - random() * interval '9 hours');
    ELSE
      PERFORM prompt_feedback(id, conversion => random() < 0.4, at => now() - random() * interval '9 hours');
    END IF;
    IF random() < 0.3 THEN COMMIT; END IF;
    IF random() < 0.05 THEN PERFORM promptreg.refresh_experiments(); COMMIT; END IF;
  END LOOP;
END;
$$;
CREATE VIEW test.raw AS
SELECT variant, hour, count(*) AS users, avg((bought > 0)::integer) AS mean
  FROM (SELECT e.variant, date_trunc('hour', e.at, 'UTC') AS hour, e.user_id, sum(coalesce(o.bought, 0)) AS bought
          FROM promptreg.executions e LEFT JOIN LATERAL (SELECT sum(o.value) AS bought FROM promptreg.outcomes o WHERE o.request_id = e.request_id AND o.name = 'conversion' AND o.at - e.at <= interval '1 hour') o ON true
         WHERE e.experiment = 'bandit-c2' GROUP BY 1, 2, 3) u GROUP BY 1, 2;
CREATE VIEW test.counted AS
SELECT h.variant, h.hour, h.moments FROM promptreg.bandit_hours h JOIN promptreg.experiments x ON x.id = h.experiment_id WHERE x.key = 'bandit-c2' AND h.moments[1] > 0;
SELECT promptreg.refresh_experiments() >= 0 AS refreshed;
SELECT count(*) > 10 AS hours, count(*) FILTER (WHERE r.users IS DISTINCT FROM h.moments[1] OR abs(r.mean - h.moments[2]) > 1e-9 OR abs(r.users * r.mean * (1 - r.mean) - h.moments[4]) > 1e-9) AS different
  FROM test.raw r FULL JOIN test.counted h USING (variant, hour);
UPDATE promptreg.watermarks SET system_identifier = 1;
SELECT promptreg.refresh_experiments() >= 0 AS refreshed;
SELECT count(*) FILTER (WHERE r.users IS DISTINCT FROM h.moments[1] OR abs(r.mean - h.moments[2]) > 1e-9) AS different FROM test.raw r FULL JOIN test.counted h USING (variant, hour);
DROP VIEW test.raw, test.counted;

-- One that fails leaves the others alone. Rights: release, for each.
SELECT test.start('b2'), prompt_experiment_set_allocation('bandit-b2', metric => 'bought');
SELECT test.visits('b2', 'control', 500, 100, label => 'again'), test.visits('b2', 'b', 500, 150, label => 'again');
SELECT prompt_experiment_set_weights('bandit-c2', '{"control": 1, "b": 1}');
CREATE FUNCTION test.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.experiment_id = (SELECT id FROM promptreg.experiments WHERE key = 'bandit-b2') THEN RAISE 'not this one'; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON promptreg.weights FOR EACH ROW EXECUTE FUNCTION test.refuse();
SELECT DISTINCT experiment, number IS NOT NULL AS moved, left(reason, 26) AS reason FROM prompt_experiment_rebalance() ORDER BY 1;
SELECT prompt_experiment_set_weights('bandit-c2', '{"control": 1, "b": 1}');
SELECT result FROM prompt_maintain('{rebalance}');
CALL test.fails($$SELECT prompt_experiment_rebalance('bandit-b2')$$);
DROP TRIGGER refuse ON promptreg.weights;
DROP FUNCTION test.refuse;
SET ROLE regress_bandits;
CALL test.fails($$SELECT prompt_experiment_rebalance()$$);
CALL test.fails($$SELECT prompt_experiment_rebalance('bandit-b2')$$);
CALL test.fails($$SELECT prompt_experiment_set_allocation('bandit-b2')$$);
RESET ROLE;
SELECT prompt_experiment_set_weights('bandit-c2', '{"control": 1, "b": 1}'), prompt_grant('bandit/b', 'release', 'regress_bandits');
SET ROLE regress_bandits;
SELECT experiment, variant, new_share, number FROM prompt_experiment_rebalance();
RESET ROLE;
SELECT set_by FROM promptreg.weights w JOIN promptreg.experiments x ON x.id = w.experiment_id WHERE x.key = 'bandit-b2' ORDER BY w.id DESC LIMIT 1;
SELECT prompt_revoke('bandit/b', 'release', 'regress_bandits');
-- Fixed again: what was counted goes. A rollout has its steps.
SELECT prompt_experiment_set_allocation('bandit-b2', 'fixed'), prompt_experiment_set_allocation('bandit-c2', 'fixed');
SELECT promptreg.refresh_experiments() >= 0 AS refreshed;
SELECT (SELECT count(*) FROM promptreg.bandit_hours) AS hours, (SELECT count(*) FROM promptreg.bandit_units) AS units;
SELECT * FROM prompt_experiment_rebalance();
SELECT key, (prompt_experiment_stop(key)).version FROM promptreg.experiments WHERE key LIKE 'bandit-%' AND state <> 'stopped' ORDER BY 1;
SELECT prompt_rollout('bandit/a', 2, 'production') AS rollout \gset
SELECT test.error_of(format('SELECT prompt_experiment_set_allocation(%L)', :'rollout')) AS error;
SELECT prompt_experiment_stop(:'rollout'), (SELECT result FROM prompt_maintain('{rollouts}')) AS rollouts;
SELECT * FROM prompt_verify();
DROP FUNCTION test.start, test.visits, test.weights;
DROP ROLE regress_bandits;
TRUNCATE promptreg.metrics, promptreg.experiment_metrics, promptreg.experiment_plans, promptreg.experiment_totals, promptreg.experiment_stats, promptreg.experiment_sketches, promptreg.experiment_figures,
  promptreg.experiment_users, promptreg.experiment_exposures, promptreg.experiment_splits, promptreg.experiment_allocations, promptreg.bandit_sources, promptreg.bandit_units, promptreg.bandit_hours,
  promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks;
