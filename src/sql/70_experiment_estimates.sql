-- From sufficient statistics to estimates: what was observed of variants, and what of it may be compared.

-- The standard error of a quantile by McKean and Schrader (1984): the 95 % interval between the order statistics of
-- binomial rank, q n -/+ 1.96 sqrt(q (1 - q) n) (Conover, Practical Nonparametric Statistics, 3.2), divided by 2 * 1.96.
-- Values of one user may depend on each other in whatever way: with m of them from each, the share of values below a
-- point has at most the variance of (sum m)^2 / sum m^2 independent ones, so that sum m^2 / sum m values say no more than
-- one. What the sketch cannot tell apart widens the interval. Below 5 values on either side there is no interval.
CREATE FUNCTION promptreg.quantile_estimate(
  sketch promptreg.sketch, q double precision, moments double precision[], OUT value double precision, OUT standard_error double precision)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  z constant double precision := 1.959963984540054;
  n double precision := promptreg.count(sketch) * (moments[1] * moments[2]) / (moments[4] + moments[1] * moments[2] ^ 2);
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

CREATE TYPE promptreg.experiment_cell AS (
  metric         text,
  kind           text,
  direction      text,
  variant        text,
  number         integer,
  adjusted       boolean,
  moments        double precision[],
  value          double precision,
  standard_error double precision
);
COMMENT ON TYPE promptreg.experiment_cell IS 'What is known of a variant by a metric from users who came under one setting of the weights';
COMMENT ON COLUMN promptreg.experiment_cell.metric IS 'The metric';
COMMENT ON COLUMN promptreg.experiment_cell.kind IS 'Its kind';
COMMENT ON COLUMN promptreg.experiment_cell.direction IS 'up: more is better; down: less is better';
COMMENT ON COLUMN promptreg.experiment_cell.variant IS 'The variant';
COMMENT ON COLUMN promptreg.experiment_cell.number IS 'Number of the weights in force when the users came; of quantiles, when the values came';
COMMENT ON COLUMN promptreg.experiment_cell.adjusted IS 'Whether what users did before the experiment is taken out of the moments (CUPED)';
COMMENT ON COLUMN promptreg.experiment_cell.moments IS 'Moments of users; of quantiles, how many values, and users of the variant';
COMMENT ON COLUMN promptreg.experiment_cell.value IS 'The quantile of these values';
COMMENT ON COLUMN promptreg.experiment_cell.standard_error IS 'Standard error of the quantile';

CREATE FUNCTION promptreg.control_of(experiment_id bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT coalesce(x.control, (SELECT v.key FROM promptreg.variants v WHERE v.experiment_id = x.id
                               ORDER BY v.key <> 'control', v.key COLLATE "C" LIMIT 1))
    FROM promptreg.experiments x WHERE x.id = control_of.experiment_id;
END;
COMMENT ON FUNCTION promptreg.control_of(bigint) IS 'The variant that the others are compared with';

-- Another version behind a key is another variant: what was seen of the one says nothing about the other. Who came before stays out,
-- whatever he is served since.
CREATE FUNCTION promptreg.comparable_since(experiment_id bigint) RETURNS TABLE (variant text, since integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH served AS (
    SELECT k.key, k.version, w.number, first_value(k.version) OVER (PARTITION BY k.key ORDER BY w.number DESC) AS now
      FROM ONLY promptreg.weights w, unnest(w.keys, w.versions) AS k (key, version)
     WHERE w.experiment_id = comparable_since.experiment_id
  ), own AS (
    SELECT s.key, coalesce(max(s.number) FILTER (WHERE s.version <> s.now), 0) + 1 AS since FROM served s GROUP BY s.key
  )
  SELECT o.key, greatest(o.since, c.since)
    FROM own o LEFT JOIN own c ON c.key = promptreg.control_of(comparable_since.experiment_id);
END;
COMMENT ON FUNCTION promptreg.comparable_since(bigint) IS
  'Since which row of weights variants and the control have had the versions that they have now';

-- Of quantiles, how many values users have tells how much values are worth.
CREATE FUNCTION promptreg.values_of_users(experiment_id bigint)
RETURNS TABLE (metric text, quantile double precision, direction text, variant text, since integer, users double precision,
               moments double precision[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT m.name, m.quantile, m.direction, s.variant, v.since, sum(s.moments[1]) FILTER (WHERE s.number >= v.since),
         promptreg.comoments_merge(s.moments)
    FROM promptreg.experiment_stats s
    JOIN promptreg.metrics m ON m.name = s.metric AND m.kind = 'quantile'
    JOIN promptreg.comparable_since(values_of_users.experiment_id) v ON v.variant = s.variant
   WHERE s.experiment_id = values_of_users.experiment_id AND s.moments[1] > 0
   GROUP BY m.name, s.variant, v.since
  HAVING sum(s.moments[1]) FILTER (WHERE s.number >= v.since) > 0;
END;
COMMENT ON FUNCTION promptreg.values_of_users(bigint) IS
  'Of the quantiles of an experiment: the moments of how many values users have, and the users that count';

-- CUPED: what users did before the experiment explains a part of what they do in it, and assignment has nothing to do
-- with it: values less theta times (before less its mean) have the same mean and less spread. Theta and the mean are those
-- of all variants together; theta from what varies within cells.
CREATE FUNCTION promptreg.experiment_cells(experiment_id bigint) RETURNS SETOF promptreg.experiment_cell
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH stratum AS (
    SELECT m.name AS metric, m.kind, m.direction, s.variant, s.number, s.history, s.moments
      FROM promptreg.experiment_stats s
      JOIN promptreg.metrics m ON m.name = s.metric AND m.kind <> 'quantile'
      JOIN promptreg.comparable_since(experiment_cells.experiment_id) v ON v.variant = s.variant AND s.number >= v.since
     WHERE s.experiment_id = experiment_cells.experiment_id AND s.moments[1] > 0
  ), before AS (
    SELECT s.metric, sum(s.moments[6]) / sum(s.moments[5]) AS theta, sum(s.moments[1] * s.moments[3]) / sum(s.moments[1]) AS mean
      FROM stratum s WHERE s.history GROUP BY s.metric HAVING sum(s.moments[5]) > 0
  )
  SELECT s.metric, s.kind, s.direction, s.variant, s.number, bool_or(b.theta IS NOT NULL),
         promptreg.comoments_merge(CASE WHEN b.theta IS NULL THEN s.moments ELSE ARRAY[
           s.moments[1], s.moments[2] - b.theta * (s.moments[3] - b.mean), s.moments[3],
           greatest(s.moments[4] - 2 * b.theta * s.moments[6] + b.theta ^ 2 * s.moments[5], 0), s.moments[5],
           s.moments[6] - b.theta * s.moments[5]] END), NULL::double precision, NULL::double precision
    FROM stratum s LEFT JOIN before b ON b.metric = s.metric AND s.history
   GROUP BY s.metric, s.kind, s.direction, s.variant, s.number
   UNION ALL
  SELECT v.metric, 'quantile', v.direction, v.variant, s.number, false, ARRAY[promptreg.count(s.sketch), v.users],
         q.value, q.standard_error
    FROM promptreg.values_of_users(experiment_cells.experiment_id) v
    JOIN promptreg.experiment_sketches s
      ON s.experiment_id = experiment_cells.experiment_id AND s.metric = v.metric AND s.variant = v.variant AND s.number >= v.since,
         LATERAL promptreg.quantile_estimate(s.sketch, v.quantile, v.moments) q;
END;
COMMENT ON FUNCTION promptreg.experiment_cells(bigint) IS 'What is known of the variants of an experiment, by metric and setting of the weights';

-- A ratio is linear in both its parts near its value (delta method).
CREATE FUNCTION promptreg.moments_estimate(kind text, moments double precision[], OUT mean double precision, OUT sd double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT r.mean,
         CASE WHEN moments[1] < 2 THEN NULL
              WHEN kind = 'ratio'
              THEN sqrt(greatest(moments[4] - 2 * r.mean * moments[6] + r.mean ^ 2 * moments[5], 0) / (moments[1] - 1)) / abs(nullif(moments[3], 0))
              ELSE sqrt(moments[4] / (moments[1] - 1)) END
    FROM (SELECT CASE kind WHEN 'ratio' THEN moments[2] / nullif(moments[3], 0)
                           WHEN 'proportion' THEN promptreg.as_share(moments[2]) ELSE moments[2] END AS mean) r;
END;
COMMENT ON FUNCTION promptreg.moments_estimate(text, double precision[]) IS 'Mean or ratio of users and its standard deviation';

-- All users that count for a variant together, whatever the weights were when they came: what was observed.
CREATE FUNCTION promptreg.experiment_estimates(experiment_id bigint, cells promptreg.experiment_cell[])
RETURNS TABLE (metric text, variant text, users double precision, mean double precision, sd double precision, adjusted boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH merged AS (
    SELECT c.metric, c.kind, c.variant, bool_or(c.adjusted) AS adjusted, promptreg.comoments_merge(c.moments) AS m
      FROM unnest(cells) AS c WHERE c.kind <> 'quantile' GROUP BY c.metric, c.kind, c.variant
  ), sketched AS (
    SELECT s.metric, s.variant, promptreg.sketch_merge(s.sketch) AS sketch
      FROM promptreg.experiment_sketches s
     WHERE s.experiment_id = experiment_estimates.experiment_id
       AND (s.metric, s.variant, s.number) IN (SELECT c.metric, c.variant, c.number FROM unnest(cells) AS c)
     GROUP BY s.metric, s.variant
  )
  SELECT g.metric, g.variant, g.m[1], e.mean, e.sd, g.adjusted
    FROM merged g, LATERAL promptreg.moments_estimate(g.kind, g.m) e
   UNION ALL
  SELECT v.metric, v.variant, v.users, q.value, CASE WHEN v.users >= 2 THEN q.standard_error * sqrt(v.users) END, false
    FROM promptreg.values_of_users(experiment_estimates.experiment_id) v
    JOIN sketched s ON s.metric = v.metric AND s.variant = v.variant,
         LATERAL promptreg.quantile_estimate(s.sketch, v.quantile, v.moments) q;
END;
COMMENT ON FUNCTION promptreg.experiment_estimates(bigint, promptreg.experiment_cell[]) IS
  'Users, mean and standard deviation of the variants of an experiment, by metric, as they were observed';

-- Behaviour drifts, and weights change: then users of a variant that has grown are later ones, and all users put together differ
-- between variants that do the same (Simpson's paradox). Within a setting k of the weights nothing but chance decides who gets
-- what. So variants are compared within settings, and settings put together with weights that do not look at outcomes
-- (of two variants a and b those of Cochran, Biometrics 10, 1954, and of Mantel and Haenszel, JNCI 22, 1959):
--
--   w_k = 1 / sum over v of 1 / n_vk      (of two: n_ak n_bk / (n_ak + n_bk)),   over settings in which all of them have users
--   mean_v = sum w_k mean_vk / sum w_k    standard error_v^2 = sum w_k^2 s_vk^2 / n_vk / (sum w_k)^2
--   sd_v = standard error_v sqrt(n_v)     n_v: users in these settings
--
-- s_vk^2 is the variance of users in k; where there is one user only, the variance within the other settings together. A ratio is
-- that of the weighted means of its parts, and its variance that of residuals about it within settings (the combined ratio
-- estimate: Cochran, Sampling Techniques, 3rd edition, 6.11). Users have values of a quantile in several settings, and
-- depend on themselves: standard errors are added up as if what is found in one setting were found in all, sum w_k se_vk / sum w_k.
--
-- With one setting all of it is what it was.
CREATE FUNCTION promptreg.estimates_within_settings(cells promptreg.experiment_cell[], variants text[])
RETURNS TABLE (metric text, kind text, direction text, variant text, users double precision, mean double precision, sd double precision,
               settings bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH cell AS (
    SELECT c.metric, c.kind, c.direction, c.variant, c.number, c.moments AS m, c.moments[1] AS n, c.value, c.standard_error,
           count(*) OVER setting = count(*) FILTER (WHERE c.standard_error IS NOT NULL OR c.kind <> 'quantile') OVER setting AS known,
           count(*) OVER setting AS present, 1 / sum(1 / c.moments[1]) OVER setting AS weight
      FROM unnest(cells) AS c
     WHERE c.variant = ANY (estimates_within_settings.variants)
    WINDOW setting AS (PARTITION BY c.metric, c.number)
  ), common AS (
    -- Settings with too few values for the error of a quantile are left out, where others have enough.
    SELECT c.*, bool_or(c.known) OVER (PARTITION BY c.metric) AS any_known
      FROM cell c JOIN (SELECT a.metric, count(DISTINCT a.variant) AS variants FROM cell a GROUP BY a.metric) v ON v.metric = c.metric
     WHERE c.present = v.variants AND v.variants > 1
  ), used AS (
    SELECT c.*, c.weight / sum(c.weight) OVER same AS share, sum(c.n) OVER same AS users,
           sum(c.weight * c.m[2]) OVER same / nullif(sum(c.weight * c.m[3]) OVER same, 0) AS ratio
      FROM common c WHERE c.known OR NOT c.any_known
    WINDOW same AS (PARTITION BY c.metric, c.variant)
  ), spread AS (
    SELECT u.*, CASE u.kind WHEN 'ratio' THEN greatest(u.m[4] - 2 * u.ratio * u.m[6] + u.ratio ^ 2 * u.m[5], 0) ELSE u.m[4] END AS squares
      FROM used u
  ), pooled AS (
    SELECT s.*, coalesce(s.squares / nullif(s.n - 1, 0), sum(s.squares) OVER same / nullif(sum(s.n - 1) OVER same, 0)) AS variance
      FROM spread s
    WINDOW same AS (PARTITION BY s.metric, s.variant)
  )
  SELECT p.metric, p.kind, p.direction, p.variant, CASE p.kind WHEN 'quantile' THEN max(p.m[2]) ELSE max(p.users) END,
         CASE p.kind WHEN 'ratio' THEN max(p.ratio) WHEN 'quantile' THEN sum(p.share * p.value)
                     WHEN 'proportion' THEN promptreg.as_share(sum(p.share * p.m[2])) ELSE sum(p.share * p.m[2]) END,
         CASE p.kind WHEN 'quantile' THEN CASE WHEN max(p.m[2]) >= 2 THEN sum(p.share * p.standard_error) * sqrt(max(p.m[2])) END
                     ELSE sqrt(sum(p.share ^ 2 * p.variance * (p.users / p.n)))
                          / CASE p.kind WHEN 'ratio' THEN abs(nullif(sum(p.share * p.m[3]), 0)) ELSE 1 END END,
         count(*)
    FROM pooled p
   GROUP BY p.metric, p.kind, p.direction, p.variant;
END;
COMMENT ON FUNCTION promptreg.estimates_within_settings(promptreg.experiment_cell[], text[]) IS
  'Users, mean and standard deviation of variants as they may be compared with each other: within settings of the weights in which all have users';

-- Which of the variants that the experiment has now is best, by posteriors; less is more where the direction is down. Shares that
-- were put together from several settings are as certain as m (1 - m) / standard error^2 users of one; where nothing varies within
-- settings, as their users.
CREATE FUNCTION promptreg.experiment_posteriors(experiment_id bigint, cells promptreg.experiment_cell[])
RETURNS TABLE (metric text, variant text, p_best double precision, expected_loss double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH estimate AS (
    SELECT e.metric, e.kind, e.variant, e.users, e.sd, CASE e.direction WHEN 'up' THEN e.mean ELSE -e.mean END AS mean,
           CASE WHEN e.kind = 'proportion' THEN CASE e.direction WHEN 'up' THEN e.mean ELSE 1 - e.mean END END AS share,
           CASE WHEN e.settings > 1 AND e.sd > 0 THEN least(e.mean * (1 - e.mean) / e.sd ^ 2, 1e5) * e.users END AS worth
      FROM promptreg.estimates_within_settings(experiment_posteriors.cells,
             ARRAY(SELECT k.key FROM promptreg.variants k WHERE k.experiment_id = experiment_posteriors.experiment_id)) e
  ), grouped AS (
    SELECT e.metric, e.kind, array_agg(e.variant ORDER BY e.variant) AS variants, array_agg(e.users ORDER BY e.variant) AS users,
           array_agg(e.mean ORDER BY e.variant) AS means, array_agg(e.sd ORDER BY e.variant) AS sds,
           array_agg(1 + coalesce(nullif(e.worth, 0) * e.share, round(e.users * e.share)) ORDER BY e.variant) AS alpha,
           array_agg(1 + coalesce(nullif(e.worth, 0) * (1 - e.share), round(e.users * (1 - e.share))) ORDER BY e.variant) AS beta
      FROM estimate e
     GROUP BY e.metric, e.kind
    HAVING e.kind = 'proportion' OR bool_and(coalesce(e.users >= 2 AND e.sd > 0 AND e.mean IS NOT NULL, false))
  )
  SELECT g.metric, u.variant, u.p, u.loss
    FROM grouped g,
         LATERAL unnest(g.variants,
           CASE g.kind WHEN 'proportion' THEN promptreg.prob_best(g.alpha, g.beta) ELSE promptreg.prob_best_means(g.means, g.sds, g.users) END,
           CASE g.kind WHEN 'proportion' THEN promptreg.expected_loss(g.alpha, g.beta) ELSE promptreg.expected_loss_means(g.means, g.sds, g.users) END)
           AS u (variant, p, loss);
END;
COMMENT ON FUNCTION promptreg.experiment_posteriors(bigint, promptreg.experiment_cell[]) IS
  'P(best) and expected loss of the variants that an experiment has now, by metric';
