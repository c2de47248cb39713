-- Bandits: choosing one, and counting for it. src/sql/27_bandits.sql says what is counted, and why by the hour.

CREATE FUNCTION promptreg.check_allocation(allocation promptreg.experiment_allocations) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kind text := (SELECT m.kind FROM promptreg.metrics m WHERE m.name = allocation.metric);
  problem text;
BEGIN
  problem := CASE
    WHEN coalesce(allocation.floor NOT BETWEEN 0.001 AND 0.5, true)
      THEN 'floor is a share from 0.001 to 0.5: a variant without users could never show that it is better'
    WHEN coalesce(allocation.min_count NOT BETWEEN 1 AND 1000000000, true) THEN 'min_count is from 1 to 1000000000'
    WHEN allocation.attribution_window < interval '0' THEN 'attribution_window is negative'
    WHEN allocation.half_life < interval '1 hour' THEN 'half_life is less than an hour'
    WHEN allocation.metric IS NOT NULL AND kind IS NULL THEN format('there is no metric "%s"', allocation.metric)
    WHEN kind = 'quantile' THEN format('metric "%s" is a quantile, of which no bandit learns', allocation.metric)
    WHEN allocation.algorithm IN ('ucb1', 'kl_ucb') AND kind <> 'proportion'
      THEN format('%s needs a proportion, and metric "%s" is none', allocation.algorithm, allocation.metric)
  END;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR090',
      MESSAGE = 'the allocation is not valid: ' || problem,
      HINT = CASE WHEN allocation.metric IS NOT NULL AND kind IS NULL THEN 'prompt_metrics() lists them.'
                  ELSE 'What is left out has a default that fits most.' END;
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_allocation(promptreg.experiment_allocations) IS 'Error unless the settings of a bandit are valid';

-- Rollouts have their own way of changing weights. Every variant must be able to have its floor.
CREATE FUNCTION promptreg.check_bandit_fits(experiment promptreg.experiments, floor double precision) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  variants integer := cardinality((promptreg.last_weights(experiment.id)).keys) - (experiment.control_ppm IS NOT NULL)::integer;
  rest double precision := 1 - coalesce(experiment.control_ppm, 0) / 1e6;
BEGIN
  IF experiment.kind <> 'experiment' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR091',
      MESSAGE = format('experiment "%s" is a rollout, whose weights follow its steps', experiment.key);
  ELSIF variants * check_bandit_fits.floor > rest THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR090',
      MESSAGE = format('the allocation is not valid: %s variants of at least %s each are more than the %s there is to divide',
                       variants, check_bandit_fits.floor, rest),
      HINT = 'Choose a smaller floor.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_bandit_fits(promptreg.experiments, double precision) IS
  'Error unless a bandit with this floor can set the weights of an experiment';

CREATE FUNCTION promptreg.allocation_as_json(allocation promptreg.experiment_allocations) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN allocation.algorithm <> 'fixed' THEN jsonb_strip_nulls(jsonb_build_object(
  'algorithm', allocation.algorithm, 'metric', allocation.metric, 'floor', allocation.floor, 'min_count', allocation.min_count,
  'attribution_window_s', extract(epoch FROM allocation.attribution_window), 'half_life_s', extract(epoch FROM allocation.half_life)))
  ELSE '{"algorithm": "fixed"}' END;
COMMENT ON FUNCTION promptreg.allocation_as_json(promptreg.experiment_allocations) IS 'Settings of a bandit as audit records show them';

CREATE FUNCTION promptreg._prompt_experiment_set_allocation(
  key text, algorithm text DEFAULT 'thompson', metric text DEFAULT NULL, floor double precision DEFAULT 0.05,
  min_count bigint DEFAULT 100, attribution_window interval DEFAULT NULL, half_life interval DEFAULT NULL, reason text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  changed promptreg.experiments := promptreg.open_experiment(_prompt_experiment_set_allocation.key);
  old promptreg.experiment_allocations;
  new promptreg.experiment_allocations;
BEGIN
  PERFORM promptreg.check_choice(_prompt_experiment_set_allocation.algorithm, '{fixed,thompson,top_two,ucb1,kl_ucb}', 'allocation');
  new := ROW(changed.id, _prompt_experiment_set_allocation.algorithm, _prompt_experiment_set_allocation.metric,
             _prompt_experiment_set_allocation.floor, _prompt_experiment_set_allocation.min_count,
             _prompt_experiment_set_allocation.attribution_window, _prompt_experiment_set_allocation.half_life,
             promptreg.caller(), clock_timestamp());
  PERFORM promptreg.check_allocation(new);
  IF new.algorithm <> 'fixed' THEN
    PERFORM promptreg.check_bandit_fits(changed, new.floor);
  END IF;
  SELECT a.* INTO old FROM promptreg.experiment_allocations a WHERE a.experiment_id = changed.id;
  INSERT INTO promptreg.experiment_allocations AS a (experiment_id, algorithm, metric, floor, min_count, attribution_window,
                                                     half_life, set_by, set_at)
  VALUES (new.experiment_id, new.algorithm, new.metric, new.floor, new.min_count, new.attribution_window, new.half_life,
          new.set_by, new.set_at)
  ON CONFLICT ON CONSTRAINT experiment_allocations_pkey DO UPDATE
     SET algorithm = excluded.algorithm, metric = excluded.metric, floor = excluded.floor, min_count = excluded.min_count,
         attribution_window = excluded.attribution_window, half_life = excluded.half_life, set_by = excluded.set_by,
         set_at = excluded.set_at;
  PERFORM promptreg.audit(event => 'experiment_allocation', experiment => changed.key, environment => changed.environment,
    prompt => (SELECT p.name FROM promptreg.prompts p WHERE p.id = changed.prompt_id),
    reason => _prompt_experiment_set_allocation.reason,
    before => CASE WHEN old.experiment_id IS NOT NULL THEN promptreg.allocation_as_json(old) END,
    after => promptreg.allocation_as_json(new));
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_set_allocation(text, text, text, double precision, bigint, interval, interval, text) IS
  'How the weights of an experiment come about: fixed, or by a bandit (thompson, top_two, ucb1, kl_ucb) that prompt_experiment_rebalance runs. Right: release';

CREATE FUNCTION promptreg.forget_bandit_counts(experiments bigint[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM promptreg.bandit_hours h WHERE h.experiment_id = ANY (experiments);
  DELETE FROM promptreg.bandit_units u WHERE u.experiment_id = ANY (experiments);
END;
COMMENT ON FUNCTION promptreg.forget_bandit_counts(bigint[]) IS 'Discards what was counted by the hour';

-- Without a metric of its own a bandit takes the first primary one, and stays with it when others are defined later.
CREATE FUNCTION promptreg.wanted_bandit_sources() RETURNS TABLE (experiment_id bigint, metric text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT w.experiment_id, w.metric
    FROM (SELECT a.experiment_id,
                 coalesce(a.metric,
                          (SELECT s.metric FROM promptreg.bandit_sources s JOIN promptreg.metrics m ON m.name = s.metric
                            WHERE s.experiment_id = a.experiment_id AND m.role = 'primary' AND m.kind <> 'quantile'),
                          (SELECT e.metric FROM promptreg.experiment_metrics e JOIN promptreg.metrics m ON m.name = e.metric
                            WHERE e.experiment_id = a.experiment_id AND m.role = 'primary' AND m.kind <> 'quantile'
                            ORDER BY e.metric COLLATE "C" LIMIT 1)) AS metric
            FROM promptreg.experiment_allocations a
            JOIN promptreg.experiments x ON x.id = a.experiment_id
           WHERE a.algorithm <> 'fixed' AND promptreg.is_live(x.state)) w
   WHERE w.metric IS NOT NULL;
END;
COMMENT ON FUNCTION promptreg.wanted_bandit_sources() IS 'Which metric is to be counted by the hour for which live experiment';

CREATE FUNCTION promptreg.choose_bandit_sources() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stale bigint[] := ARRAY(SELECT s.experiment_id FROM promptreg.bandit_sources s
                           WHERE NOT EXISTS (SELECT FROM promptreg.wanted_bandit_sources() w
                                              WHERE w.experiment_id = s.experiment_id AND w.metric = s.metric));
BEGIN
  PERFORM promptreg.forget_bandit_counts(stale);
  DELETE FROM promptreg.bandit_sources s WHERE s.experiment_id = ANY (stale);
  INSERT INTO promptreg.bandit_sources (experiment_id, metric, taken)
  SELECT w.experiment_id, w.metric, false FROM promptreg.wanted_bandit_sources() w
  ON CONFLICT DO NOTHING;
END;
$$;
COMMENT ON FUNCTION promptreg.choose_bandit_sources() IS 'Begins and ends the counting by the hour; what has ended is discarded';

-- As promptreg.add_totals, by the hour of the execution; in PL/pgSQL, so that the plan knows how many transactions there
-- are.
CREATE FUNCTION promptreg.add_bandit_units(
  low xid8, high xid8, taken boolean, experiments bigint[] DEFAULT NULL, prompts text[] DEFAULT NULL, since timestamptz DEFAULT NULL,
  until timestamptz DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
  WITH source AS MATERIALIZED (
    SELECT s.experiment_id, m.source, m.denominator, m.attribution_window
      FROM promptreg.bandit_sources s JOIN promptreg.metrics m ON m.name = s.metric
     WHERE s.taken = add_bandit_units.taken
  )
  INSERT INTO promptreg.bandit_units AS u (experiment_id, user_id, variant, hour, n, total, denominator)
  SELECT s.experiment_id, v.user_id, v.variant, date_trunc('hour', v.at, 'UTC'),
         count(*) FILTER (WHERE v.source = s.source),
         coalesce(sum(v.value) FILTER (WHERE v.source = s.source), 0),
         coalesce(sum(CASE WHEN s.denominator = 'observations' THEN 1 ELSE v.value END)
                    FILTER (WHERE v.source = CASE s.denominator WHEN 'observations' THEN s.source ELSE s.denominator END), 0)
    FROM source s JOIN promptreg.experiment_values(low, high, experiments, prompts, since, until) v ON v.experiment_id = s.experiment_id
   WHERE v.variant <> '' AND (v.source = 'executions' OR v.source = s.source OR v.source = s.denominator)
     AND (v.delay IS NULL OR s.attribution_window IS NULL OR v.delay <= s.attribution_window)
     AND NOT EXISTS (SELECT FROM promptreg.override_periods() o
                      WHERE o.experiment_id = s.experiment_id AND o.user_id = v.user_id AND o.low <= v.at AND o.high > v.at)
   GROUP BY s.experiment_id, v.user_id, v.variant, date_trunc('hour', v.at, 'UTC')
  ON CONFLICT ON CONSTRAINT bandit_units_pkey DO UPDATE
     SET n = u.n + excluded.n, total = u.total + excluded.total, denominator = u.denominator + excluded.denominator,
         changed = true;
END;
$$;
COMMENT ON FUNCTION promptreg.add_bandit_units(xid8, xid8, boolean, bigint[], text[], timestamptz, timestamptz) IS
  'Adds what was recorded to the totals of users by the hour, for the bandits of which earlier rows have been taken, or have not';

-- What changed users counted with is taken out, and what they have now put in.
CREATE FUNCTION promptreg.settle_bandit_units() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH unit AS MATERIALIZED (
    SELECT u.experiment_id, u.user_id, u.variant, u.hour, u.counted_value, u.counted_other,
           promptreg.unit_value(m.kind, m.cap, u.n, u.total) AS value, CASE m.kind WHEN 'ratio' THEN u.denominator ELSE 0 END AS other
      FROM promptreg.bandit_units u
      JOIN promptreg.bandit_sources s ON s.experiment_id = u.experiment_id
      JOIN promptreg.metrics m ON m.name = s.metric
     WHERE u.changed
  ), settled AS (
    UPDATE promptreg.bandit_units u
       SET changed = false, counted_value = n.value, counted_other = n.other
      FROM unit n
     WHERE u.experiment_id = n.experiment_id AND u.user_id = n.user_id AND u.variant = n.variant AND u.hour = n.hour
  ), part AS (
    SELECT u.experiment_id, u.variant, u.hour, true AS new, u.value, u.other FROM unit u WHERE u.value IS NOT NULL
     UNION ALL
    SELECT u.experiment_id, u.variant, u.hour, false, u.counted_value, u.counted_other FROM unit u WHERE u.counted_value IS NOT NULL
  ), sums AS (
    SELECT p.experiment_id, p.variant, p.hour, p.new,
           ARRAY[count(*), avg(p.value), avg(p.other), regr_sxx(p.value, p.value), regr_sxx(p.other, p.other),
                 regr_sxy(p.value, p.other)] AS moments
      FROM part p GROUP BY p.experiment_id, p.variant, p.hour, p.new
  ), difference AS (
    SELECT s.experiment_id, s.variant, s.hour,
           coalesce(promptreg.comoments_merge(s.moments) FILTER (WHERE s.new), '{0,0,0,0,0,0}') AS new,
           coalesce(promptreg.comoments_merge(s.moments) FILTER (WHERE NOT s.new), '{0,0,0,0,0,0}') AS old
      FROM sums s GROUP BY s.experiment_id, s.variant, s.hour
  )
  INSERT INTO promptreg.bandit_hours AS h (experiment_id, variant, hour, moments)
  SELECT d.experiment_id, d.variant, d.hour,
         promptreg.comoments_join(promptreg.comoments_join(coalesce(h.moments, '{0,0,0,0,0,0}'), d.old, -1), d.new, 1)
    FROM difference d
    LEFT JOIN promptreg.bandit_hours h ON h.experiment_id = d.experiment_id AND h.variant = d.variant AND h.hour = d.hour
  ON CONFLICT ON CONSTRAINT bandit_hours_pkey DO UPDATE SET moments = excluded.moments;
END;
COMMENT ON FUNCTION promptreg.settle_bandit_units() IS 'Brings the statistics by the hour up to the totals of users';

CREATE FUNCTION promptreg.count_for_bandits(low xid8, high xid8) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  untaken bigint[];
  bounds record;
BEGIN
  PERFORM promptreg.choose_bandit_sources();
  IF EXISTS (SELECT FROM promptreg.bandit_sources s WHERE s.taken)
     AND promptreg.anything_recorded(count_for_bandits.low, count_for_bandits.high) THEN
    PERFORM promptreg.add_bandit_units(count_for_bandits.low, count_for_bandits.high, true);
  END IF;
  untaken := ARRAY(SELECT s.experiment_id FROM promptreg.bandit_sources s WHERE NOT s.taken);
  IF untaken <> '{}' THEN
    bounds := promptreg.counting_bounds(untaken);
    IF bounds.anything THEN
      PERFORM promptreg.add_bandit_units('0', count_for_bandits.high, false, untaken, bounds.prompts, bounds.since, bounds.until);
    END IF;
    UPDATE promptreg.bandit_sources s SET taken = true WHERE NOT s.taken;
  END IF;
  PERFORM promptreg.settle_bandit_units();
END;
$$;
COMMENT ON FUNCTION promptreg.count_for_bandits(xid8, xid8) IS
  'Counts by the hour what was recorded by transactions from low up to high; part of promptreg.refresh_experiments';
