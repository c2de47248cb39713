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

DROP FUNCTION test.start, test.log;
TRUNCATE promptreg.metrics, promptreg.experiment_metrics, promptreg.experiment_plans, promptreg.experiment_allocations, promptreg.experiment_totals, promptreg.experiment_stats, promptreg.experiment_sketches, promptreg.experiment_figures,
  promptreg.experiment_users, promptreg.experiment_exposures, promptreg.experiment_splits, promptreg.executions, promptreg.outcomes, promptreg.rollups, promptreg.watermarks, promptreg.bandit_sources, promptreg.bandit_units, promptreg.bandit_hours;
