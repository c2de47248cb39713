-- What experiments have shown: rows for people and BI tools, and a verdict.

CREATE FUNCTION promptreg.open_experiment_to_read(key text) RETURNS promptreg.experiments
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found promptreg.experiments;
  prompt_name text;
BEGIN
  SELECT x.* INTO found FROM promptreg.experiments x WHERE x.key = open_experiment_to_read.key;
  SELECT p.name INTO prompt_name FROM promptreg.prompts p WHERE p.id = found.prompt_id;
  IF NOT promptreg.allowed('read', coalesce(prompt_name, '')) OR found.id IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR005',
      MESSAGE = format('experiment %s does not exist', promptreg.shown(open_experiment_to_read.key)),
      HINT = 'It may also belong to a prompt that you have no right to read.';
  END IF;
  RETURN found;
END;
$$;
COMMENT ON FUNCTION promptreg.open_experiment_to_read(text) IS 'The experiment of a key, the caller''s right to read its prompt checked';

-- Comparisons are adjusted together with those of the same role: Holm for primary ones, Benjamini and Hochberg for
-- secondary ones, none for guardrails, which had rather sound too often. Where nothing has varied in either group there is only the
-- anytime p value, and it counts as a comparison all the same.
CREATE VIEW promptreg.experiment_results WITH (security_invoker = true) AS
WITH adjusted AS (
  SELECT g.experiment_id, k.metric, k.variant, k.p_fixed, k.p_anytime
    FROM (SELECT f.experiment_id, m.role, array_agg(f.metric ORDER BY f.metric, f.variant) AS metrics,
                 array_agg(f.variant ORDER BY f.metric, f.variant) AS variants,
                 array_agg(coalesce(f.p_fixed, 1) ORDER BY f.metric, f.variant) AS p_fixed,
                 array_agg(coalesce(f.p_anytime, 1) ORDER BY f.metric, f.variant) AS p_anytime
            FROM promptreg.experiment_figures f JOIN promptreg.metrics m ON m.name = f.metric
           WHERE f.p_fixed IS NOT NULL OR f.p_anytime IS NOT NULL
           GROUP BY f.experiment_id, m.role) g,
         LATERAL unnest(g.metrics, g.variants,
           CASE g.role WHEN 'primary' THEN promptreg.holm(g.p_fixed) WHEN 'secondary' THEN promptreg.benjamini_hochberg(g.p_fixed) ELSE g.p_fixed END,
           CASE g.role WHEN 'primary' THEN promptreg.holm(g.p_anytime) WHEN 'secondary' THEN promptreg.benjamini_hochberg(g.p_anytime) ELSE g.p_anytime END)
           AS k (metric, variant, p_fixed, p_anytime)
)
SELECT x.key AS experiment, p.name AS prompt, x.environment, x.state, f.metric, m.role, m.kind, m.direction, f.variant, v.version,
       f.variant = coalesce(x.control, 'control') AS is_control, f.users, coalesce(e.executions, 0) AS executions,
       f.mean, f.sd, f.adjusted AS cuped, f.difference, f.lift, f.ci_low, f.ci_high, f.p_fixed,
       CASE WHEN f.p_fixed IS NOT NULL
            THEN coalesce(min(f.users) OVER (PARTITION BY f.experiment_id, f.metric) >= l.users_per_variant, false) END AS fixed_valid,
       f.anytime_low, f.anytime_high, f.p_anytime, f.anytime_difference, f.p_best, f.expected_loss, f.minimum_detectable_effect,
       CASE WHEN f.p_fixed IS NOT NULL THEN a.p_fixed END AS p_adjusted, CASE WHEN f.p_anytime IS NOT NULL THEN a.p_anytime END AS p_anytime_adjusted, f.as_of,
       f.settings
  FROM promptreg.experiment_figures f
  JOIN promptreg.experiments x ON x.id = f.experiment_id
  JOIN promptreg.prompts p ON p.id = x.prompt_id
  JOIN promptreg.metrics m ON m.name = f.metric
  LEFT JOIN promptreg.variants v ON v.experiment_id = f.experiment_id AND v.key = f.variant
  LEFT JOIN promptreg.experiment_plans l ON l.experiment_id = f.experiment_id
  LEFT JOIN adjusted a ON a.experiment_id = f.experiment_id AND a.metric = f.metric AND a.variant = f.variant
  LEFT JOIN LATERAL (SELECT sum(s.executions)::bigint AS executions
                       FROM promptreg.experiment_exposures s
                      WHERE s.experiment_id = f.experiment_id AND s.variant = f.variant AND s.number >= f.since) e ON true
 ORDER BY x.key, f.metric, f.variant;
COMMENT ON VIEW promptreg.experiment_results IS
  'What experiments have shown, a row for each metric and variant, as of the last refresh (prompt_maintain, prompt_experiment_report)';
COMMENT ON COLUMN promptreg.experiment_results.experiment IS 'Key of the experiment';
COMMENT ON COLUMN promptreg.experiment_results.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.experiment_results.environment IS 'Environment';
COMMENT ON COLUMN promptreg.experiment_results.state IS 'State of the experiment: draft, running, paused or stopped';
COMMENT ON COLUMN promptreg.experiment_results.version IS 'Version behind the variant';
COMMENT ON COLUMN promptreg.experiment_results.is_control IS 'Whether the others are compared with it';
COMMENT ON COLUMN promptreg.experiment_results.executions IS 'Executions of these users with this variant';
COMMENT ON COLUMN promptreg.experiment_results.fixed_valid IS 'Whether every variant has the users that were planned: before, p_fixed says little';
COMMENT ON COLUMN promptreg.experiment_results.cuped IS 'Whether what users did before the experiment is taken out of mean and sd';
COMMENT ON COLUMN promptreg.experiment_results.p_adjusted IS
  'p_fixed adjusted for all comparisons of its role: Holm for primary, Benjamini and Hochberg for secondary metrics';
COMMENT ON COLUMN promptreg.experiment_results.p_anytime_adjusted IS 'p_anytime adjusted in the same way';

DO $$
DECLARE
  "column" record;
BEGIN
  -- The others mean what those of the tables mean.
  FOR "column" IN
    SELECT a.attname AS name, col_description(t.attrelid, t.attnum) AS comment
      FROM pg_attribute a
      JOIN pg_attribute t ON t.attname = a.attname AND t.attnum > 0
       AND t.attrelid IN ('promptreg.experiment_figures'::regclass, 'promptreg.metrics'::regclass)
     WHERE a.attrelid = 'promptreg.experiment_results'::regclass AND a.attnum > 0
       AND col_description(a.attrelid, a.attnum) IS NULL
  LOOP
    EXECUTE format('COMMENT ON COLUMN promptreg.experiment_results.%I IS %L', "column".name, "column".comment);
  END LOOP;
END;
$$;

-- VOLATILE, so that it sees what the refresh has written. prompt_experiment_report and prompt_experiment_decision are
-- STABLE around it because they run on a read-only server, where the refresh is left out.
CREATE FUNCTION promptreg.fresh_results(experiment promptreg.experiments) RETURNS SETOF promptreg.experiment_results
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.try_refresh_experiments();
  RETURN QUERY SELECT r.* FROM promptreg.experiment_results r WHERE r.experiment = fresh_results.experiment.key;
END;
$$;
COMMENT ON FUNCTION promptreg.fresh_results(promptreg.experiments) IS 'Results of an experiment, brought up to date where that is possible';

CREATE FUNCTION promptreg._prompt_experiment_report(key text)
RETURNS TABLE (
  metric text, role text, kind text, direction text, variant text, version integer, users bigint, executions bigint,
  mean double precision, sd double precision, cuped boolean, lift double precision, ci_low double precision, ci_high double precision,
  p_fixed double precision, fixed_valid boolean, p_adjusted double precision,
  anytime_low double precision, anytime_high double precision, p_anytime double precision,
  p_best double precision, expected_loss double precision, minimum_detectable_effect double precision, as_of timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  reported promptreg.experiments := promptreg.open_experiment_to_read(_prompt_experiment_report.key);
BEGIN
  RETURN QUERY
    SELECT r.metric, r.role, r.kind, r.direction, r.variant, r.version, r.users, r.executions, r.mean, r.sd, r.cuped, r.lift, r.ci_low,
           r.ci_high, r.p_fixed, r.fixed_valid, r.p_adjusted, r.anytime_low, r.anytime_high, r.p_anytime, r.p_best,
           r.expected_loss, r.minimum_detectable_effect, r.as_of
      FROM promptreg.fresh_results(reported) AS r
     ORDER BY array_position('{primary,secondary,guardrail}'::text[], r.role), r.metric, NOT r.is_control, r.variant;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_report(text) IS
  'What an experiment has shown: a row for each metric and variant, the control first. Right: read';
