-- Two versions side by side, and what is wrong with what was recorded.

-- The metrics of one version: how many observations, their mean and standard deviation; of shares the mean says all. Without a
-- beginning they come from days, which are fewer than hours and never too old.
CREATE FUNCTION promptreg.version_metrics(prompt text, version integer, env text, since timestamptz)
RETURNS TABLE ("position" integer, metric text, unit text, better text, share boolean, n double precision, mean double precision, sd double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH m AS (
    SELECT sum(h.executions)::double precision AS executions, sum(h.errors)::double precision AS errors,
           promptreg.moments_merge(h.latency) AS latency, promptreg.moments_merge(h.time_to_first_token) AS first_token,
           promptreg.moments_merge(h.tokens) AS tokens, promptreg.moments_merge(h.cost) AS cost, promptreg.moments_merge(h.score) AS score,
           sum(h.rating_1 + h.rating_2 + h.rating_3 + h.rating_4 + h.rating_5)::double precision AS ratings,
           sum(h.rating_1 + 2 * h.rating_2 + 3 * h.rating_3 + 4 * h.rating_4 + 5 * h.rating_5)::double precision AS stars,
           sum(h.rating_1 + 4 * h.rating_2 + 9 * h.rating_3 + 16 * h.rating_4 + 25 * h.rating_5)::double precision AS squares,
           sum(h.thumbs_up)::double precision AS up, sum(h.thumbs_up + h.thumbs_down)::double precision AS thumbs,
           sum(h.converted)::double precision AS converted, sum(h.converted + h.not_converted)::double precision AS conversions,
           sum(h.edited)::double precision AS edited, sum(h.edited + h.not_edited)::double precision AS edits,
           sum(h.accepted)::double precision AS accepted, sum(h.accepted + h.not_accepted)::double precision AS acceptances
      FROM (SELECT d.* FROM promptreg.daily_measures d WHERE version_metrics.since IS NULL
             UNION ALL
            SELECT s.* FROM promptreg.hourly_measures s WHERE s.starts_at >= date_trunc('hour', version_metrics.since, 'UTC')) h
     WHERE h.prompt = version_metrics.prompt AND h.version = version_metrics.version AND h.environment = version_metrics.env
  )
  SELECT v.position, v.metric, v.unit, v.better, v.share, coalesce(v.n, 0), v.total / nullif(v.n, 0),
         sqrt(greatest(v.squares, 0) / nullif(v.n - 1, 0))
    FROM m, LATERAL (VALUES
      (1, 'error_rate', 'share', 'lower', true, m.executions, m.errors, NULL::double precision),
      (2, 'latency_ms', 'milliseconds', 'lower', false, m.latency[1], m.latency[2], m.latency[3]),
      (3, 'time_to_first_token_ms', 'milliseconds', 'lower', false, m.first_token[1], m.first_token[2], m.first_token[3]),
      (4, 'tokens', 'tokens', NULL, false, m.tokens[1], m.tokens[2], m.tokens[3]),
      (5, 'cost_usd', 'US dollars', 'lower', false, m.cost[1], m.cost[2], m.cost[3]),
      (6, 'rating', '1 to 5', 'higher', false, m.ratings, m.stars, m.squares - m.stars ^ 2 / nullif(m.ratings, 0)),
      (7, 'thumbs_up_rate', 'share', 'higher', true, m.thumbs, m.up, NULL),
      (8, 'score', 'as scored', 'higher', false, m.score[1], m.score[2], m.score[3]),
      (9, 'conversion_rate', 'share', 'higher', true, m.conversions, m.converted, NULL),
      (10, 'edited_rate', 'share', 'lower', true, m.edits, m.edited, NULL),
      (11, 'accepted_rate', 'share', 'higher', true, m.acceptances, m.accepted, NULL))
      AS v ("position", metric, unit, better, share, n, total, squares);
END;
COMMENT ON FUNCTION promptreg.version_metrics(text, integer, text, timestamptz) IS
  'The metrics of a version in an environment: observations, mean and standard deviation';

-- Where nothing varies within either version, as with constant tokens, the versions say nothing of how much values vary, but
-- together they do: then the spread of all values about their common mean is taken for both.
CREATE FUNCTION promptreg.spreads(
  n_a double precision, mean_a double precision, own_a double precision, n_b double precision, mean_b double precision, own_b double precision,
  OUT sd_a double precision, OUT sd_b double precision, OUT error double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT s.a, s.b, sqrt(s.a ^ 2 / n_a + s.b ^ 2 / n_b)
    FROM (SELECT CASE WHEN own_a = 0 AND own_b = 0 AND n_a + n_b > 1
                      THEN abs(mean_b - mean_a) * sqrt(n_a * n_b / ((n_a + n_b) * (n_a + n_b - 1))) END AS sd) common,
         LATERAL (SELECT coalesce(common.sd, own_a) AS a, coalesce(common.sd, own_b) AS b) s;
END;
COMMENT ON FUNCTION promptreg.spreads(double precision, double precision, double precision, double precision, double precision, double precision) IS
  'Standard deviations to compare two groups by, and the standard error of the difference of their means; 0: all values are the same';

-- Shares by the pooled z test and Newcombe's interval, means by Welch's; p values adjusted by Holm for all metrics at once. Where
-- nothing varies at all there is nothing to test, and no difference.
CREATE FUNCTION promptreg.compare_versions(prompt text, version_a integer, version_b integer, env text, since timestamptz)
RETURNS TABLE (
  metric text, unit text, from_n bigint, from_mean double precision, to_n bigint, to_mean double precision,
  difference double precision, ci_low double precision, ci_high double precision, p_value double precision, verdict text,
  minimum_detectable_effect double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH tested AS (
    SELECT a."position", a.metric, a.unit, a.better, a.n AS n_a, a.mean AS mean_a, b.n AS n_b, b.mean AS mean_b, t.ci_low, t.ci_high, t.p_value,
           coalesce(t.enough, false) AS enough, t.error
      FROM promptreg.version_metrics(compare_versions.prompt, version_a, env, since) a
      JOIN promptreg.version_metrics(compare_versions.prompt, version_b, env, since) b ON b.metric = a.metric
      LEFT JOIN LATERAL (
        SELECT p.ci_low, p.ci_high, p.p_value, true AS enough, s.error
          FROM promptreg.two_proportion_test(a.mean * a.n, a.n, b.mean * b.n, b.n) p,
               promptreg.spreads(a.n, a.mean, sqrt(a.mean * (1 - a.mean)), b.n, b.mean, sqrt(b.mean * (1 - b.mean))) s
         WHERE a.share AND a.n > 0 AND b.n > 0
         UNION ALL
        SELECT w.ci_low, w.ci_high, w.p_value, true, s.error
          FROM promptreg.spreads(a.n, a.mean, a.sd, b.n, b.mean, b.sd) s,
               promptreg.welch_t_test(a.mean, s.sd_a, a.n, b.mean, s.sd_b, b.n) w
         WHERE NOT a.share AND a.n > 1 AND b.n > 1) t ON true
  ), adjusted AS (
    SELECT k.metric, k.p
      FROM (SELECT array_agg(d.metric ORDER BY d."position") AS metrics, promptreg.holm(array_agg(d.p_value ORDER BY d."position")) AS ps
              FROM tested d WHERE d.p_value IS NOT NULL) h, unnest(h.metrics, h.ps) AS k (metric, p)
  )
  SELECT d.metric, d.unit, d.n_a::bigint, d.mean_a, d.n_b::bigint, d.mean_b, d.mean_b - d.mean_a, d.ci_low, d.ci_high, j.p,
         CASE WHEN NOT d.enough OR j.p IS NULL AND d.mean_b <> d.mean_a THEN 'not enough data'
              WHEN j.p IS NULL OR j.p >= 0.05 THEN 'no difference shown'
              WHEN d.better IS NULL THEN 'different'
              WHEN (d.mean_b < d.mean_a) = (d.better = 'lower') THEN 'better'
              ELSE 'worse' END,
         2.801585218 * nullif(d.error, 0)
    FROM tested d LEFT JOIN adjusted j ON j.metric = d.metric
   ORDER BY d."position";
END;
COMMENT ON FUNCTION promptreg.compare_versions(text, integer, integer, text, timestamptz) IS
  'Two versions of a prompt side by side, metric by metric';

-- Telemetry has names that the registry does not: rights are decided on the name that a prompt has or would have.
CREATE FUNCTION promptreg.authorize_telemetry(name text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  own_name text;
BEGIN
  PERFORM promptreg.check_name(authorize_telemetry.name);
  SELECT p.name INTO own_name
    FROM promptreg.names n JOIN promptreg.prompts p ON p.id = n.prompt_id WHERE n.name = authorize_telemetry.name;
  own_name := coalesce(own_name, authorize_telemetry.name);
  PERFORM promptreg.authorize("right" => 'read', name => own_name, env => NULL, asked_name => authorize_telemetry.name);
  RETURN own_name;
END;
$$;
COMMENT ON FUNCTION promptreg.authorize_telemetry(text) IS
  'The own name of a prompt that may be in another database; error unless the caller may read it';

CREATE FUNCTION promptreg._prompt_compare(
  name text, "from" integer, "to" integer, env text DEFAULT 'production', since timestamptz DEFAULT NULL
) RETURNS TABLE (
  metric text, unit text, from_n bigint, from_mean double precision, to_n bigint, to_mean double precision,
  difference double precision, ci_low double precision, ci_high double precision, p_value double precision, verdict text,
  minimum_detectable_effect double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  own_name text := promptreg.authorize_telemetry(_prompt_compare.name);
BEGIN
  RETURN QUERY
    SELECT c.metric, c.unit, c.from_n, c.from_mean, c.to_n, c.to_mean, c.difference, c.ci_low, c.ci_high, c.p_value, c.verdict,
           c.minimum_detectable_effect
      FROM promptreg.compare_versions(prompt => own_name, version_a => _prompt_compare."from", version_b => _prompt_compare."to",
                                      env => _prompt_compare.env, since => _prompt_compare.since) AS c;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_compare(text, integer, integer, text, timestamptz) IS
  'Compares two versions metric by metric in an environment, optionally since the hour of a time: difference (to minus from) with its 95 % interval, p value of one look, adjusted for the number of metrics, verdict, and the difference that so many executions show four times of five. Right: read';

CREATE FUNCTION promptreg._prompt_telemetry_problems()
RETURNS TABLE (problem text, prompt text, version integer, environment text, count bigint, first_at timestamptz, last_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.allowed('read', NULL);
  RETURN QUERY
    WITH recorded AS (
      SELECT d.prompt, d.version, d.environment, d.experiment, d.variant, d.model, sum(d.executions)::bigint AS count,
             sum(greatest(d.tokens[1] - d.cost[1], 0))::bigint AS unpriced, min(d.first_at) AS first_at, max(d.last_at) AS last_at
        FROM promptreg.daily_measures d WHERE promptreg.allowed('read', d.prompt) GROUP BY 1, 2, 3, 4, 5, 6
    ), judged AS (
      SELECT CASE WHEN p.id IS NULL AND n.name IS NOT NULL THEN 'recorded under an alias'
                  WHEN p.id IS NULL THEN 'unknown prompt'
                  WHEN v.id IS NULL THEN 'unknown version'
                  WHEN e.name IS NULL AND r.environment <> 'latest' THEN 'unknown environment' END AS problem, r.*
        FROM recorded r
        LEFT JOIN promptreg.prompts p ON p.name = r.prompt
        LEFT JOIN promptreg.names n ON n.name = r.prompt
        LEFT JOIN promptreg.versions v ON v.prompt_id = p.id AND v.version = r.version
        LEFT JOIN promptreg.environments e ON e.name = r.environment
       UNION ALL
      -- A variant may have been taken out of its experiment since. Whoever does not know the prompt knows no experiment of it.
      SELECT CASE WHEN x.id IS NULL THEN format('unknown experiment %s', promptreg.shown(r.experiment))
                  WHEN NOT EXISTS (SELECT FROM promptreg.weights w WHERE w.experiment_id = x.id AND r.variant = ANY (w.keys))
                    THEN format('unknown variant %s of experiment %s', promptreg.shown(r.variant), promptreg.shown(x.key)) END, r.*
        FROM recorded r
        JOIN promptreg.prompts p ON p.name = r.prompt
        LEFT JOIN promptreg.experiments x ON x.key = r.experiment
       WHERE r.experiment IS NOT NULL AND (x.id IS NULL OR r.variant IS NOT NULL)
    )
    SELECT j.problem, j.prompt, j.version, j.environment, sum(j.count)::bigint, min(j.first_at), max(j.last_at)
      FROM judged j WHERE j.problem IS NOT NULL GROUP BY 1, 2, 3, 4
     UNION ALL
    SELECT format('model %s has no price', promptreg.shown(r.model)), NULL, NULL, NULL, sum(r.unpriced)::bigint, min(r.first_at), max(r.last_at)
      FROM recorded r
     WHERE r.model IS NOT NULL AND r.unpriced > 0 AND (promptreg.price_at(r.model, now())).pattern IS NULL
     GROUP BY r.model
     UNION ALL
    SELECT 'outcome of no execution', NULL, NULL, NULL, count(*), min(o.at), max(o.at)
      FROM promptreg.outcomes o
     WHERE promptreg.allowed('read', '*') AND NOT EXISTS (SELECT FROM promptreg.executions x WHERE x.request_id = o.request_id)
    HAVING count(*) > 0
     UNION ALL
    SELECT 'execution without a partition', NULL, NULL, NULL, count(*), min(x.at), max(x.at)
      FROM promptreg.executions_default x WHERE promptreg.allowed('read', '*') HAVING count(*) > 0
     UNION ALL
    SELECT format('consumer %s is behind', promptreg.shown(w.consumer)), NULL, NULL, NULL, t.count, t.first_at, t.last_at
      FROM promptreg.watermarks w,
           LATERAL (SELECT count(*), min(u.at) AS first_at, max(u.at) AS last_at
                      FROM (SELECT x.at FROM promptreg.executions x WHERE x.xid >= w.xid
                             UNION ALL SELECT o.at FROM promptreg.outcomes o WHERE o.xid >= w.xid) u) t
     WHERE promptreg.allowed('read', '*') AND w.advanced_at < now() - interval '1 day' AND t.count > 0
     UNION ALL
    SELECT 'resolve without room to be counted', NULL, NULL, NULL, u.count, NULL, NULL
      FROM promptreg.uncounted_resolves() AS u (count) WHERE promptreg.allowed('read', '*') AND u.count > 0
     ORDER BY 1, 2, 3, 4;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_telemetry_problems() IS
  'What was recorded and does not fit: executions of prompts, versions, environments, experiments and variants that the registry does not have, models without a price, outcomes of no execution, executions that wait for a partition, consumers that have taken nothing for a day, resolves that found no room to be counted. Right: read, for each prompt';
