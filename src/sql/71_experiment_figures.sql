-- From estimates to figures: comparisons with the control.

-- Before so many users in both, a standard deviation may be far off and a p value that is kept for ever by chance.
CREATE FUNCTION promptreg.anytime_min_users() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 100;
COMMENT ON FUNCTION promptreg.anytime_min_users() IS 'Users of each of two variants below which they are not compared at any time';

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

CREATE FUNCTION promptreg.normal_p_value(z double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_normal_p_value';
COMMENT ON FUNCTION promptreg.normal_p_value(double precision) IS 'Two-sided p value of a standard normal statistic';

-- Two estimates side by side: z = 1.96 for the interval of one look, by the delta method for the lift. Where proportions were
-- put together from several settings, they are no shares of users any more, and z is that of the difference.
CREATE FUNCTION promptreg.compare_estimates(
  kind text, users_a double precision, mean_a double precision, sd_a double precision,
  users_b double precision, mean_b double precision, sd_b double precision, settings bigint DEFAULT 1,
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
  IF kind = 'proportion' AND settings = 1 THEN
    p_fixed := (promptreg.two_proportion_test(round(mean_a * users_a), users_a, round(mean_b * users_b), users_b)).p_value;
    minimum_detectable_effect := CASE WHEN mean_a < 1 THEN promptreg.minimum_detectable_effect(mean_a, least(users_a, users_b)) END;
  ELSIF se > 0 THEN
    p_fixed := CASE kind WHEN 'proportion' THEN promptreg.normal_p_value(difference / se)
                         ELSE (promptreg.welch_t_test(mean_a, sd_a, users_a, mean_b, sd_b, users_b)).p_value END;
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
COMMENT ON FUNCTION promptreg.compare_estimates(text, double precision, double precision, double precision, double precision, double precision, double precision, bigint) IS
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

-- Each against the control, within the settings of the weights in which both have users. P(best) is about all at once, and
-- goes by settings in which all have users.
CREATE FUNCTION promptreg.compare_with_control(cells promptreg.experiment_cell[], control text)
RETURNS TABLE (metric text, variant text, difference double precision, lift double precision, ci_low double precision, ci_high double precision,
               p_fixed double precision, anytime_low double precision, anytime_high double precision, p_anytime double precision,
               minimum_detectable_effect double precision, settings bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH pair AS MATERIALIZED (
    SELECT v.variant AS compared, e.*
      FROM (SELECT DISTINCT c.variant FROM unnest(cells) AS c WHERE c.variant <> compare_with_control.control) v,
           LATERAL promptreg.estimates_within_settings(cells, ARRAY[compare_with_control.control, v.variant]) e
  )
  SELECT b.metric, b.variant, c.*, b.settings
    FROM pair b JOIN pair a ON a.compared = b.compared AND a.metric = b.metric AND a.variant <> b.variant,
         LATERAL promptreg.compare_estimates(b.kind, a.users, a.mean, a.sd, b.users, b.mean, b.sd, b.settings) c
   WHERE b.variant = b.compared;
END;
COMMENT ON FUNCTION promptreg.compare_with_control(promptreg.experiment_cell[], text) IS
  'Variants against the control, by metric, and within how many settings of the weights';

-- p_anytime is valid at every look, so the least one so far is: it is kept, with the difference that it was of, which may
-- have turned since. With another version behind a key it starts anew.
CREATE FUNCTION promptreg.write_figures(experiment_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  cells promptreg.experiment_cell[] := ARRAY(SELECT c FROM promptreg.experiment_cells(write_figures.experiment_id) AS c);
BEGIN
  DELETE FROM promptreg.experiment_figures f
   WHERE f.experiment_id = write_figures.experiment_id
     AND (f.metric, f.variant) NOT IN (SELECT c.metric, c.variant FROM unnest(cells) AS c);
  INSERT INTO promptreg.experiment_figures AS f (
    experiment_id, metric, variant, users, mean, sd, adjusted, difference, lift, ci_low, ci_high, p_fixed, anytime_low, anytime_high,
    p_anytime, anytime_difference, p_best, expected_loss, minimum_detectable_effect, settings, since, number, as_of)
  SELECT write_figures.experiment_id, e.metric, e.variant, e.users::bigint, e.mean, e.sd, e.adjusted, c.difference, c.lift, c.ci_low,
         c.ci_high, c.p_fixed, c.anytime_low, c.anytime_high, c.p_anytime,
         CASE WHEN c.p_anytime IS NOT NULL THEN c.difference END, p.p_best, p.expected_loss, c.minimum_detectable_effect,
         c.settings, s.since, (promptreg.last_weights(write_figures.experiment_id)).number, clock_timestamp()
    FROM promptreg.experiment_estimates(write_figures.experiment_id, cells) e
    JOIN promptreg.comparable_since(write_figures.experiment_id) s ON s.variant = e.variant
    LEFT JOIN promptreg.compare_with_control(cells, promptreg.control_of(write_figures.experiment_id)) c
      ON c.metric = e.metric AND c.variant = e.variant
    LEFT JOIN promptreg.experiment_posteriors(write_figures.experiment_id, cells) p ON p.metric = e.metric AND p.variant = e.variant
  ON CONFLICT ON CONSTRAINT experiment_figures_pkey DO UPDATE
     SET users = excluded.users, mean = excluded.mean, sd = excluded.sd, adjusted = excluded.adjusted,
         difference = excluded.difference, lift = excluded.lift, ci_low = excluded.ci_low, ci_high = excluded.ci_high,
         p_fixed = excluded.p_fixed, anytime_low = excluded.anytime_low, anytime_high = excluded.anytime_high,
         p_anytime = CASE WHEN f.since = excluded.since THEN least(f.p_anytime, excluded.p_anytime) ELSE excluded.p_anytime END,
         anytime_difference = CASE WHEN f.since = excluded.since
                                    AND coalesce(excluded.p_anytime >= f.p_anytime, excluded.p_anytime IS NULL)
                                   THEN f.anytime_difference ELSE excluded.anytime_difference END, p_best = excluded.p_best,
         expected_loss = excluded.expected_loss, minimum_detectable_effect = excluded.minimum_detectable_effect,
         settings = excluded.settings, since = excluded.since, number = excluded.number, as_of = excluded.as_of;
  PERFORM promptreg.write_split(write_figures.experiment_id);
END;
$$;
COMMENT ON FUNCTION promptreg.write_figures(bigint) IS 'Computes the figures of an experiment from its sufficient statistics';

-- Other weights may mean other versions: what was proven of those before must not be read off any longer.
CREATE FUNCTION promptreg.outdated_figures() RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT f.experiment_id
    FROM (SELECT n.experiment_id, min(n.number) AS number FROM promptreg.experiment_figures n GROUP BY n.experiment_id) f
   WHERE f.number < (SELECT max(w.number) FROM ONLY promptreg.weights w WHERE w.experiment_id = f.experiment_id);
END;
COMMENT ON FUNCTION promptreg.outdated_figures() IS 'Experiments whose weights have changed since their figures were computed';

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
