-- From sufficient statistics to figures: estimates of variants, comparisons with the control.

-- Before so many users in both, a standard deviation may be far off and a p value that is kept for ever by chance.
CREATE FUNCTION promptreg.anytime_min_users() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 100;
COMMENT ON FUNCTION promptreg.anytime_min_users() IS 'Users of each of two variants below which they are not compared at any time';

-- The standard error of a quantile by McKean and Schrader (1984): the 95 % interval between the order statistics of
-- binomial rank, q n -/+ 1.96 sqrt(q (1 - q) n) (Conover, Practical Nonparametric Statistics, 3.2), divided by 2 * 1.96.
-- Values of one user may depend on each other in whatever way: with m of them from each, the share of values below a
-- point has at most the variance of (sum m)^2 / sum m^2 independent ones, and so many are taken for n. What the sketch
-- cannot tell apart widens the interval. Below 5 values on either side there is no interval.
CREATE FUNCTION promptreg.quantile_estimate(
  sketch promptreg.sketch, q double precision, moments double precision[], OUT value double precision, OUT standard_error double precision)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  z constant double precision := 1.959963984540054;
  n double precision := (moments[1] * moments[2]) ^ 2 / (moments[4] + moments[1] * moments[2] ^ 2);
  reach double precision := z * sqrt(q * (1 - q) / n);
  ends double precision[];
BEGIN
  value := promptreg.quantile(sketch, q);
  IF n * least(q, 1 - q) >= 5 THEN
    ends := promptreg.quantiles(sketch, ARRAY[q - reach, q + reach]);
    standard_error := (ends[2] - ends[1] + promptreg.experiment_sketch_error() * (abs(ends[1]) + abs(ends[2]))) / (2 * z);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.quantile_estimate(promptreg.sketch, double precision, double precision[]) IS
  'A quantile and its standard error, where moments are those of how many values users have; NULL: too few values';

-- CUPED: what users did before the experiment explains a part of what they do in it, and assignment has nothing to do
-- with it: values less theta times (before less its mean) have the same mean and less spread. Theta and the mean are those
-- of all variants together. A ratio is linear in both its parts near its value (delta method).
CREATE FUNCTION promptreg.experiment_estimates(experiment_id bigint)
RETURNS TABLE (metric text, kind text, direction text, variant text, users double precision, mean double precision, sd double precision,
               adjusted boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH stratum AS (
    SELECT m.name AS metric, m.kind, m.direction, m.quantile, s.variant, s.history, s.moments
      FROM promptreg.experiment_stats s JOIN promptreg.metrics m ON m.name = s.metric
     WHERE s.experiment_id = experiment_estimates.experiment_id AND s.moments[1] > 0
  ), before AS (
    SELECT s.metric, sum(s.moments[6]) / sum(s.moments[5]) AS theta, sum(s.moments[1] * s.moments[3]) / sum(s.moments[1]) AS mean
      FROM stratum s WHERE s.history GROUP BY s.metric HAVING sum(s.moments[5]) > 0
  ), merged AS (
    SELECT s.metric, s.kind, s.direction, s.quantile, s.variant, bool_or(b.theta IS NOT NULL) AS adjusted,
           promptreg.comoments_merge(CASE WHEN b.theta IS NULL THEN s.moments ELSE ARRAY[
             s.moments[1], s.moments[2] - b.theta * (s.moments[3] - b.mean), s.moments[3],
             greatest(s.moments[4] - 2 * b.theta * s.moments[6] + b.theta ^ 2 * s.moments[5], 0), s.moments[5],
             s.moments[6] - b.theta * s.moments[5]] END) AS m
      FROM stratum s LEFT JOIN before b ON b.metric = s.metric AND s.history
     GROUP BY s.metric, s.kind, s.direction, s.quantile, s.variant
  )
  SELECT g.metric, g.kind, g.direction, g.variant, g.m[1], r.mean,
         CASE WHEN g.m[1] < 2 THEN NULL
              WHEN g.kind = 'quantile' THEN q.standard_error * sqrt(g.m[1])
              WHEN g.kind = 'ratio'
              THEN sqrt(greatest(g.m[4] - 2 * r.mean * g.m[6] + r.mean ^ 2 * g.m[5], 0) / (g.m[1] - 1)) / abs(nullif(g.m[3], 0))
              ELSE sqrt(g.m[4] / (g.m[1] - 1)) END,
         g.adjusted
    FROM merged g
    LEFT JOIN promptreg.experiment_sketches s
      ON s.experiment_id = experiment_estimates.experiment_id AND s.metric = g.metric AND s.variant = g.variant AND g.kind = 'quantile'
    LEFT JOIN LATERAL promptreg.quantile_estimate(s.sketch, g.quantile, g.m) q ON true,
         LATERAL (SELECT CASE g.kind WHEN 'ratio' THEN g.m[2] / nullif(g.m[3], 0) WHEN 'quantile' THEN q.value
                                     WHEN 'proportion' THEN promptreg.as_share(g.m[2]) ELSE g.m[2] END AS mean) r;
END;
COMMENT ON FUNCTION promptreg.experiment_estimates(bigint) IS 'Users, mean and standard deviation of the variants of an experiment, by metric';

-- Which is best, by posteriors; less is more where the direction is down.
CREATE FUNCTION promptreg.experiment_posteriors(experiment_id bigint)
RETURNS TABLE (metric text, variant text, p_best double precision, expected_loss double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH grouped AS (
    SELECT e.metric, e.kind, array_agg(e.variant ORDER BY e.variant) AS variants,
           array_agg(e.users ORDER BY e.variant) AS users,
           array_agg(CASE e.direction WHEN 'up' THEN e.mean ELSE -e.mean END ORDER BY e.variant) AS means,
           array_agg(e.sd ORDER BY e.variant) AS sds,
           array_agg(1 + round(e.users * CASE e.direction WHEN 'up' THEN e.mean ELSE 1 - e.mean END) ORDER BY e.variant) AS alpha,
           array_agg(1 + round(e.users * CASE e.direction WHEN 'up' THEN 1 - e.mean ELSE e.mean END) ORDER BY e.variant) AS beta
      FROM promptreg.experiment_estimates(experiment_posteriors.experiment_id) e
     GROUP BY e.metric, e.kind
    HAVING count(*) > 1 AND (e.kind = 'proportion' OR bool_and(coalesce(e.users >= 2 AND e.sd > 0 AND e.mean IS NOT NULL, false)))
  )
  SELECT g.metric, u.variant, u.p, u.loss
    FROM grouped g,
         LATERAL unnest(g.variants,
           CASE g.kind WHEN 'proportion' THEN promptreg.prob_best(g.alpha, g.beta) ELSE promptreg.prob_best_means(g.means, g.sds, g.users) END,
           CASE g.kind WHEN 'proportion' THEN promptreg.expected_loss(g.alpha, g.beta) ELSE promptreg.expected_loss_means(g.means, g.sds, g.users) END)
           AS u (variant, p, loss);
END;
COMMENT ON FUNCTION promptreg.experiment_posteriors(bigint) IS 'P(best) and expected loss of the variants of an experiment, by metric';

CREATE FUNCTION promptreg.control_of(experiment_id bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT coalesce(x.control, (SELECT v.key FROM promptreg.variants v WHERE v.experiment_id = x.id
                               ORDER BY v.key <> 'control', v.key COLLATE "C" LIMIT 1))
    FROM promptreg.experiments x WHERE x.id = control_of.experiment_id;
END;
COMMENT ON FUNCTION promptreg.control_of(bigint) IS 'The variant that the others are compared with';

-- Where nothing has varied in either group, as when every call of one version fails and none of the other, the groups say
-- nothing of how much values vary, but together they do: then the spread of all values about their common mean is taken.
CREATE FUNCTION promptreg.error_of_difference(
  n_a double precision, mean_a double precision, sd_a double precision,
  n_b double precision, mean_b double precision, sd_b double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN sd_a > 0 OR sd_b > 0 THEN sqrt(sd_a ^ 2 / n_a + sd_b ^ 2 / n_b)
            ELSE abs(mean_b - mean_a) / sqrt(greatest(n_a + n_b - 1, 1)) END;
COMMENT ON FUNCTION promptreg.error_of_difference(double precision, double precision, double precision, double precision, double precision, double precision) IS
  'Standard error of the difference of two means; 0: all values are the same';

-- Two estimates side by side: z = 1.96 for the interval of one look, by the delta method for the lift.
CREATE FUNCTION promptreg.compare_estimates(
  kind text, users_a double precision, mean_a double precision, sd_a double precision,
  users_b double precision, mean_b double precision, sd_b double precision,
  OUT difference double precision, OUT lift double precision, OUT ci_low double precision, OUT ci_high double precision,
  OUT p_fixed double precision, OUT anytime_low double precision, OUT anytime_high double precision, OUT p_anytime double precision,
  OUT minimum_detectable_effect double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  se double precision := sqrt(sd_a ^ 2 / users_a + sd_b ^ 2 / users_b);
  se_lift double precision;
BEGIN
  difference := mean_b - mean_a;
  IF mean_a > 0 THEN
    lift := difference / mean_a;
    se_lift := sqrt(sd_b ^ 2 / (users_b * mean_a ^ 2) + sd_a ^ 2 * mean_b ^ 2 / (users_a * mean_a ^ 4));
    ci_low := lift - 1.959963984540054 * se_lift;
    ci_high := lift + 1.959963984540054 * se_lift;
  END IF;
  IF kind = 'proportion' THEN
    p_fixed := (promptreg.two_proportion_test(round(mean_a * users_a), users_a, round(mean_b * users_b), users_b)).p_value;
    minimum_detectable_effect := CASE WHEN mean_a < 1 THEN promptreg.minimum_detectable_effect(mean_a, least(users_a, users_b)) END;
  ELSIF se > 0 THEN
    p_fixed := (promptreg.welch_t_test(mean_a, sd_a, users_a, mean_b, sd_b, users_b)).p_value;
    minimum_detectable_effect := 2.801585218 * se;
  END IF;
  se := promptreg.error_of_difference(users_a, mean_a, sd_a, users_b, mean_b, sd_b);
  IF se > 0 AND least(users_a, users_b) >= promptreg.anytime_min_users() THEN
    p_anytime := (promptreg.confidence_sequence(difference, se, users_a + users_b)).p_value;
    SELECT c.ci_low, c.ci_high INTO anytime_low, anytime_high
      FROM promptreg.confidence_sequence(lift, se_lift, users_a + users_b) AS c WHERE se_lift > 0;
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.compare_estimates(text, double precision, double precision, double precision, double precision, double precision, double precision) IS
  'Estimate b against a: difference, lift, intervals, p values and what could be seen';

-- Counts that the weights in force predict, summed over their periods.
CREATE FUNCTION promptreg.write_split(experiment_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  counts bigint[];
  expected double precision[];
  fixed double precision;
  anytime double precision;
BEGIN
  SELECT array_agg(c.users ORDER BY c.key), array_agg(c.expected ORDER BY c.key) INTO counts, expected
    FROM (SELECT k.key, sum(k.ppm / 1e6 * n.users)::double precision AS expected, coalesce(sum(e.users), 0)::bigint AS users
            FROM (SELECT e.number, sum(e.users) AS users FROM promptreg.experiment_exposures e
                   WHERE e.experiment_id = write_split.experiment_id GROUP BY e.number) n
            JOIN ONLY promptreg.weights w ON w.experiment_id = write_split.experiment_id AND w.number = n.number
           CROSS JOIN LATERAL unnest(w.keys, w.ppm) AS k (key, ppm)
            LEFT JOIN promptreg.experiment_exposures e
              ON e.experiment_id = write_split.experiment_id AND e.number = n.number AND e.variant = k.key
           GROUP BY k.key HAVING sum(k.ppm) > 0) c;
  IF cardinality(counts) > 1 AND (SELECT sum(u.users) FROM unnest(counts) AS u (users)) > 0 THEN
    fixed := CASE WHEN (SELECT min(u.users) FROM unnest(expected) AS u (users)) >= 5
                  THEN (promptreg.sample_ratio_test(counts, expected)).p_value END;
    anytime := (promptreg.sample_ratio_sequential(counts, expected)).p_value;
  END IF;
  INSERT INTO promptreg.experiment_splits AS s (experiment_id, p_fixed, p_anytime, as_of)
  VALUES (write_split.experiment_id, fixed, anytime, clock_timestamp())
  ON CONFLICT ON CONSTRAINT experiment_splits_pkey DO UPDATE
     SET p_fixed = excluded.p_fixed, p_anytime = least(s.p_anytime, excluded.p_anytime), as_of = excluded.as_of;
END;
$$;
COMMENT ON FUNCTION promptreg.write_split(bigint) IS 'Compares the users of variants with what the weights predict';

-- p_anytime is valid at every look, so the least one so far is: it is kept, with the difference that it was of, which may
-- have turned since.
CREATE FUNCTION promptreg.write_figures(experiment_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM promptreg.experiment_figures f
   WHERE f.experiment_id = write_figures.experiment_id
     AND (f.metric, f.variant) NOT IN (SELECT e.metric, e.variant FROM promptreg.experiment_estimates(write_figures.experiment_id) e);
  WITH estimate AS MATERIALIZED (
    SELECT e.* FROM promptreg.experiment_estimates(write_figures.experiment_id) e
  ), figure AS (
    SELECT e.metric, e.variant, e.users, e.mean, e.sd, e.adjusted, c.*, p.p_best, p.expected_loss
      FROM estimate e
      LEFT JOIN estimate a ON a.metric = e.metric AND a.variant = promptreg.control_of(write_figures.experiment_id) AND a.variant <> e.variant
      LEFT JOIN promptreg.experiment_posteriors(write_figures.experiment_id) p ON p.metric = e.metric AND p.variant = e.variant
      LEFT JOIN LATERAL promptreg.compare_estimates(e.kind, a.users, a.mean, a.sd, e.users, e.mean, e.sd) c ON a.variant IS NOT NULL
  )
  INSERT INTO promptreg.experiment_figures AS f (
    experiment_id, metric, variant, users, mean, sd, adjusted, difference, lift, ci_low, ci_high, p_fixed, anytime_low, anytime_high,
    p_anytime, anytime_difference, p_best, expected_loss, minimum_detectable_effect, as_of)
  SELECT write_figures.experiment_id, n.metric, n.variant, n.users::bigint, n.mean, n.sd, n.adjusted, n.difference, n.lift, n.ci_low,
         n.ci_high, n.p_fixed, n.anytime_low, n.anytime_high, n.p_anytime,
         CASE WHEN n.p_anytime IS NOT NULL THEN n.difference END, n.p_best, n.expected_loss, n.minimum_detectable_effect,
         clock_timestamp()
    FROM figure n
  ON CONFLICT ON CONSTRAINT experiment_figures_pkey DO UPDATE
     SET users = excluded.users, mean = excluded.mean, sd = excluded.sd, adjusted = excluded.adjusted,
         difference = excluded.difference, lift = excluded.lift, ci_low = excluded.ci_low, ci_high = excluded.ci_high,
         p_fixed = excluded.p_fixed, anytime_low = excluded.anytime_low, anytime_high = excluded.anytime_high,
         p_anytime = least(f.p_anytime, excluded.p_anytime),
         anytime_difference = CASE WHEN coalesce(excluded.p_anytime >= f.p_anytime, excluded.p_anytime IS NULL)
                                   THEN f.anytime_difference ELSE excluded.anytime_difference END, p_best = excluded.p_best, expected_loss = excluded.expected_loss,
         minimum_detectable_effect = excluded.minimum_detectable_effect, as_of = excluded.as_of;
  SELECT promptreg.write_split(write_figures.experiment_id);
END;
COMMENT ON FUNCTION promptreg.write_figures(bigint) IS 'Computes the figures of an experiment from its sufficient statistics';

-- One that fails is undone alone, and leaves the others to be done.
CREATE FUNCTION promptreg.try_write_figures(experiment_id bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  state text;
  message text;
BEGIN
  PERFORM promptreg.write_figures(try_write_figures.experiment_id);
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
  RAISE WARNING USING
    MESSAGE = format('figures of experiment "%s" could not be computed: %s: %s',
                     (SELECT x.key FROM promptreg.experiments x WHERE x.id = try_write_figures.experiment_id), state, message),
    ERRCODE = state;
  RETURN false;
END;
$$;
COMMENT ON FUNCTION promptreg.try_write_figures(bigint) IS
  'Computes the figures of an experiment; an error is a WARNING, and the figures stay those of before. Whether it succeeded';
