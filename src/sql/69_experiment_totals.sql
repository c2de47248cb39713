-- Counting for experiments: rows that the watermark has not passed become totals of users, and totals become moments of
-- variants. Whatever the order in which rows arrive, the result is the same.
--
-- A user counts for the variant that he was served first, with what happened under it. Who was served several is rare
-- (a change of weights moves as few users as possible), and is reported. Executions without a user count nowhere: only
-- users are assigned.

-- Moments {n, mean x, mean y, sum of squares about the mean of x, the same of y, sum of products about the means}, joined by
-- Chan's formula. With sign -1 the second are taken out of the first.
CREATE FUNCTION promptreg.comoments_join(a double precision[], b double precision[], sign integer) RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  n double precision := a[1] + sign * b[1];
  share double precision;
  dx double precision := b[2] - a[2];
  dy double precision := b[3] - a[3];
BEGIN
  IF b[1] = 0 THEN
    RETURN a;
  ELSIF n <= 0 THEN
    RETURN '{0,0,0,0,0,0}'::double precision[];
  END IF;
  share := sign * b[1] / n;
  RETURN ARRAY[n, a[2] + dx * share, a[3] + dy * share,
    greatest(a[4] + sign * b[4] + dx * dx * a[1] * share, 0), greatest(a[5] + sign * b[5] + dy * dy * a[1] * share, 0),
    a[6] + sign * b[6] + dx * dy * a[1] * share];
END;
$$;
COMMENT ON FUNCTION promptreg.comoments_join(double precision[], double precision[], integer) IS
  'Moments of two groups together (sign 1), or of one without a part of it (sign -1)';

CREATE FUNCTION promptreg.comoments_add(a double precision[], b double precision[]) RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN promptreg.comoments_join(a, b, 1);
COMMENT ON FUNCTION promptreg.comoments_add(double precision[], double precision[]) IS 'Of the aggregate comoments_merge';

CREATE AGGREGATE promptreg.comoments_merge(double precision[]) (
  SFUNC = promptreg.comoments_add, STYPE = double precision[], COMBINEFUNC = promptreg.comoments_add,
  INITCOND = '{0,0,0,0,0,0}', PARALLEL = SAFE
);
COMMENT ON AGGREGATE promptreg.comoments_merge(double precision[]) IS 'Moments of several groups together';

-- Users come and go one by one, and sums that are brought up to date round: a share of all may come out beyond 1 by 1e-16.
CREATE FUNCTION promptreg.as_share(mean double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN mean > 1 THEN 1 WHEN mean < 0 THEN 0 ELSE mean END;
COMMENT ON FUNCTION promptreg.as_share(double precision) IS 'The mean of a proportion without the rounding that leads out of 0 to 1';

-- All there is was made of rows that will come again, except for experiments that ended before the oldest row.
CREATE FUNCTION promptreg.forget_experiments() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  oldest timestamptz := (SELECT min(e.at) FROM promptreg.executions e);
  again bigint[] := ARRAY(SELECT x.id FROM promptreg.experiments x
                           WHERE (x.stopped_at IS NULL OR x.stopped_at >= oldest)
                             AND NOT EXISTS (SELECT FROM promptreg.experiment_closings c WHERE c.experiment_id = x.id));
BEGIN
  DELETE FROM promptreg.experiment_stats s WHERE s.experiment_id = ANY (again);
  DELETE FROM promptreg.experiment_sketches s WHERE s.experiment_id = ANY (again);
  DELETE FROM promptreg.experiment_totals t WHERE t.experiment_id = ANY (again);
  DELETE FROM promptreg.experiment_exposures e WHERE e.experiment_id = ANY (again);
  DELETE FROM promptreg.experiment_users u WHERE u.experiment_id = ANY (again);
  PERFORM promptreg.forget_bandit_counts(again);
END;
$$;
COMMENT ON FUNCTION promptreg.forget_experiments() IS 'Discards what was counted of rows that exist';

CREATE FUNCTION promptreg.attach_metrics() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO promptreg.experiment_metrics (experiment_id, metric, taken)
  SELECT x.id, m.name, false
    FROM promptreg.experiments x, promptreg.metrics m
   WHERE x.started_at IS NOT NULL AND m.archived_at IS NULL
     AND NOT EXISTS (SELECT FROM promptreg.experiment_closings c WHERE c.experiment_id = x.id)
  ON CONFLICT DO NOTHING;
END;
COMMENT ON FUNCTION promptreg.attach_metrics() IS 'Has every experiment that started judged by every metric that is not archived';

-- First which experiment has which prompt: else every execution would meet every experiment of its environment.
CREATE FUNCTION promptreg.counting_experiments()
RETURNS TABLE (id bigint, key text, prompt text, environment text, started_at timestamptz, low timestamptz, high timestamptz)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT x.id, x.key, p.name, x.environment, x.started_at, x.started_at - interval '14 days',
         coalesce(x.stopped_at + interval '1 day', 'infinity')
    FROM promptreg.experiments x JOIN promptreg.prompts p ON p.id = x.prompt_id
   WHERE x.started_at IS NOT NULL AND NOT EXISTS (SELECT FROM promptreg.experiment_closings c WHERE c.experiment_id = x.id)
  OFFSET 0;
END;
COMMENT ON FUNCTION promptreg.counting_experiments() IS
  'Experiments that started and are not closed, with the prompts whose executions count for them, and from when until when';

-- Only variants that the experiment has or had: anything can be logged.
CREATE FUNCTION promptreg.add_exposures(low xid8, high xid8) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO promptreg.experiment_users AS u (experiment_id, user_id, variant, first_at, executions)
  SELECT x.id, e.user_id, e.variant, min(e.at), count(*)
    FROM promptreg.executions e
    JOIN promptreg.counting_experiments() x ON x.key = e.experiment AND x.environment = e.environment AND x.prompt = e.prompt
    JOIN (SELECT DISTINCT w.experiment_id, k.key FROM ONLY promptreg.weights w, unnest(w.keys) AS k (key)) v
      ON v.experiment_id = x.id AND v.key = e.variant
   WHERE e.xid >= add_exposures.low AND e.xid < add_exposures.high AND e.user_id IS NOT NULL AND e.at >= x.low AND e.at < x.high
   GROUP BY x.id, e.user_id, e.variant
  ON CONFLICT ON CONSTRAINT experiment_users_pkey DO UPDATE
     SET first_at = least(u.first_at, excluded.first_at), executions = u.executions + excluded.executions, changed = true;
END;
COMMENT ON FUNCTION promptreg.add_exposures(xid8, xid8) IS 'Notes which users were served which variants';

CREATE FUNCTION promptreg.recorded_user(user_id text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'promptreg_recorded_user';
COMMENT ON FUNCTION promptreg.recorded_user(text) IS 'A user as promptreg.user_privacy has executions record him';

-- Overrides name users as applications pass them; executions may have their hashes.
CREATE FUNCTION promptreg.override_periods()
RETURNS TABLE (experiment_id bigint, user_id text, low timestamptz, high timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT o.experiment_id, u.user_id, o.set_at, o.high
    FROM (SELECT r.experiment_id, r.user_id, r.variant, r.set_at,
                 lead(r.set_at, 1, 'infinity') OVER (PARTITION BY r.experiment_id, r.user_id ORDER BY r.number) AS high
            FROM ONLY promptreg.overrides r) o,
         LATERAL (SELECT o.user_id UNION SELECT promptreg.recorded_user(o.user_id)) u
   WHERE o.variant IS NOT NULL;
END;
COMMENT ON FUNCTION promptreg.override_periods() IS 'When which users had an override: what they were served then was no matter of chance';

-- Which variant is a user's own may change: an earlier execution may arrive late. Then his totals count elsewhere. Who had an
-- override when he came has none: chance did not decide what he got.
CREATE FUNCTION promptreg.settle_exposures() RETURNS SETOF bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH seen AS MATERIALIZED (
    SELECT u.* FROM promptreg.experiment_users u
     WHERE (u.experiment_id, u.user_id) IN (SELECT c.experiment_id, c.user_id FROM promptreg.experiment_users c WHERE c.changed)
  ), forced AS (
    SELECT DISTINCT u.experiment_id, u.user_id, u.variant
      FROM seen u
      JOIN promptreg.override_periods() o
        ON o.experiment_id = u.experiment_id AND o.user_id = u.user_id AND o.low <= u.first_at AND o.high > u.first_at
  ), place AS MATERIALIZED (
    SELECT u.experiment_id, u.user_id, u.variant, u.executions, u.own AS was_own, u.number AS old_number, u.counted_executions,
           row_number() OVER (PARTITION BY u.experiment_id, u.user_id ORDER BY u.first_at, u.variant COLLATE "C") = 1
             AND f.user_id IS NULL AS own,
           coalesce((SELECT max(w.number) FROM ONLY promptreg.weights w
                      WHERE w.experiment_id = u.experiment_id AND w.set_at <= u.first_at), 1) AS number
      FROM seen u LEFT JOIN forced f ON f.experiment_id = u.experiment_id AND f.user_id = u.user_id AND f.variant = u.variant
  ), placed AS (
    UPDATE promptreg.experiment_users u
       SET own = p.own, number = p.number, counted_executions = p.executions, changed = false
      FROM place p
     WHERE u.experiment_id = p.experiment_id AND u.user_id = p.user_id AND u.variant = p.variant
  ), elsewhere AS MATERIALIZED (
    -- With the metric, which comes before the user in the key: so that few users are found by the index.
    SELECT p.experiment_id, m.metric, p.user_id, p.variant
      FROM place p JOIN promptreg.experiment_metrics m ON m.experiment_id = p.experiment_id
     WHERE p.own <> p.was_own OR p.number IS DISTINCT FROM p.old_number
  ), moved AS (
    UPDATE promptreg.experiment_totals t
       SET changed = true
      FROM elsewhere p
     WHERE t.experiment_id = p.experiment_id AND t.metric = p.metric AND t.user_id = p.user_id AND t.variant = p.variant AND NOT t.changed
  ), difference AS (
    SELECT d.experiment_id, d.variant, d.number, sum(d.users) AS users, sum(d.executions) AS executions
      FROM (SELECT p.experiment_id, p.variant, p.number, 1 AS users, p.executions FROM place p WHERE p.own
             UNION ALL
            SELECT p.experiment_id, p.variant, p.old_number, -1, -p.counted_executions FROM place p WHERE p.was_own) d
     GROUP BY d.experiment_id, d.variant, d.number
  ), written AS (
    INSERT INTO promptreg.experiment_exposures AS e (experiment_id, variant, number, users, executions)
    SELECT d.experiment_id, d.variant, d.number, d.users, d.executions FROM difference d
    ON CONFLICT ON CONSTRAINT experiment_exposures_pkey DO UPDATE
       SET users = e.users + excluded.users, executions = e.executions + excluded.executions
  )
  SELECT DISTINCT p.experiment_id FROM place p;
END;
COMMENT ON FUNCTION promptreg.settle_exposures() IS
  'Finds the own variants of users who were served something new, and counts them there; returns the experiments that changed';

-- Executions count for an experiment that name it, and as variant '' those of the two weeks before it, where they can
-- explain a part of what users do anyway. What comes more than a day after its end is no part of it: so that it is known of which
-- time the executions are that count for it. (Without SET, so that it is planned with the query that asks.)
CREATE FUNCTION promptreg.counted_variant(
  experiment text, variant text, at timestamptz, key text, started_at timestamptz, low timestamptz, high timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN at < low OR at >= high THEN NULL
            WHEN experiment = key THEN nullif(variant, '')
            WHEN at < started_at THEN '' END;
COMMENT ON FUNCTION promptreg.counted_variant(text, text, timestamptz, text, timestamptz, timestamptz, timestamptz) IS
  'As which variant an execution counts for an experiment: empty, as history before it; NULL, not at all';

-- Something that is counted from the beginning need not look at all executions there are, but at those that may concern it: other
-- partitions are not even opened.
CREATE FUNCTION promptreg.counting_bounds(
  experiments bigint[], OUT prompts text[], OUT since timestamptz, OUT until timestamptz, OUT anything boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  SELECT array_agg(DISTINCT x.prompt), min(x.low), max(x.high) INTO prompts, since, until
    FROM promptreg.counting_experiments() x WHERE x.id = ANY (experiments);
  anything := EXISTS (SELECT FROM promptreg.executions e
                       WHERE e.at >= since AND e.at < until AND e.prompt = ANY (prompts) AND e.user_id IS NOT NULL);
END;
$$;
COMMENT ON FUNCTION promptreg.counting_bounds(bigint[]) IS
  'Of which prompts, and from when until when, executions can count for experiments, and whether there are any';

-- Of transactions from low up to high; of these prompts and this time only, where it is not all. NULL: all.
CREATE FUNCTION promptreg.served_executions(
  low xid8, high xid8, experiments bigint[], prompts text[], since timestamptz, until timestamptz)
RETURNS TABLE (experiment_id bigint, user_id text, variant text, at timestamptz, request_id text, xid xid8, latency_ms double precision,
               time_to_first_token_ms double precision, tokens_in bigint, tokens_out bigint, tokens_cached bigint, cost_usd numeric,
               failed boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT x.id, e.user_id, promptreg.counted_variant(e.experiment, e.variant, e.at, x.key, x.started_at, x.low, x.high), e.at, e.request_id,
         e.xid, e.latency_ms, e.time_to_first_token_ms, e.tokens_in, e.tokens_out, e.tokens_cached, e.cost_usd,
         e.error_class IS NOT NULL OR e.error IS NOT NULL
    FROM promptreg.counting_experiments() x
    JOIN promptreg.executions e ON e.prompt = x.prompt AND e.environment = x.environment
   WHERE e.xid >= served_executions.low AND e.xid < served_executions.high AND e.user_id IS NOT NULL
     AND e.at >= coalesce(since, '-infinity') AND e.at < coalesce(until, 'infinity')
     AND (prompts IS NULL OR e.prompt = ANY (prompts)) AND (experiments IS NULL OR x.id = ANY (experiments))
     AND promptreg.counted_variant(e.experiment, e.variant, e.at, x.key, x.started_at, x.low, x.high) IS NOT NULL;
END;
COMMENT ON FUNCTION promptreg.served_executions(xid8, xid8, bigint[], text[], timestamptz, timestamptz) IS
  'Executions that count for experiments, recorded by transactions from low up to high; with an empty variant those before the experiment';

-- Executions are looked up for outcomes, whatever the planner thinks of how many there are: what is new costs, not what there is.
CREATE FUNCTION promptreg.late_outcomes(low xid8, high xid8)
RETURNS TABLE (experiment_id bigint, user_id text, variant text, served_at timestamptz, name text, scorer text, value double precision,
               delay interval)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT x.id, o.user_id, promptreg.counted_variant(o.experiment, o.variant, o.served_at, x.key, x.started_at, x.low, x.high), o.served_at, o.name,
         o.scorer, o.value, o.at - o.served_at
    FROM (SELECT o.name, o.scorer, o.value, o.at, e.prompt, e.environment, e.experiment, e.variant, e.user_id, e.at AS served_at
            FROM promptreg.outcomes o,
                 LATERAL (SELECT e.prompt, e.environment, e.experiment, e.variant, e.user_id, e.at, e.xid FROM promptreg.executions e
                           WHERE e.request_id = o.request_id OFFSET 0) e
           WHERE o.xid >= late_outcomes.low AND o.xid < late_outcomes.high AND o.value IS NOT NULL AND e.xid < late_outcomes.low
             AND e.user_id IS NOT NULL AND late_outcomes.low > '0'
          OFFSET 0) o
    JOIN promptreg.counting_experiments() x ON x.prompt = o.prompt AND x.environment = o.environment
   WHERE promptreg.counted_variant(o.experiment, o.variant, o.served_at, x.key, x.started_at, x.low, x.high) IS NOT NULL;
END;
COMMENT ON FUNCTION promptreg.late_outcomes(xid8, xid8) IS
  'Outcomes recorded by transactions from low up to high whose executions were recorded before, for experiments';

-- Values by source. An outcome counts in the run in which the later one of it and its execution arrives.
CREATE FUNCTION promptreg.experiment_values(
  low xid8, high xid8, experiments bigint[] DEFAULT NULL, prompts text[] DEFAULT NULL, since timestamptz DEFAULT NULL,
  until timestamptz DEFAULT NULL)
RETURNS TABLE (experiment_id bigint, user_id text, variant text, at timestamptz, source text, value double precision,
               delay interval)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT s.experiment_id, s.user_id, s.variant, s.at, v.source, v.value, NULL::interval
    FROM promptreg.served_executions(low, high, experiments, prompts, since, until) s,
         LATERAL (VALUES ('executions', 1), ('latency_ms', s.latency_ms), ('time_to_first_token_ms', s.time_to_first_token_ms),
                         ('tokens_in', s.tokens_in), ('tokens_out', s.tokens_out), ('tokens_cached', s.tokens_cached),
                         ('cost_usd', s.cost_usd::double precision), ('error', s.failed::integer)) AS v (source, value)
   WHERE v.value IS NOT NULL
   UNION ALL
  SELECT o.experiment_id, o.user_id, o.variant, o.served_at, n.source, o.value, o.delay
    FROM (SELECT s.experiment_id, s.user_id, s.variant, s.at AS served_at, o.name, o.scorer, o.value, o.at - s.at AS delay
            FROM promptreg.served_executions(low, high, experiments, prompts, since, until) s JOIN promptreg.outcomes o ON o.request_id = s.request_id
           WHERE o.xid < high
           UNION ALL
          SELECT l.experiment_id, l.user_id, l.variant, l.served_at, l.name, l.scorer, l.value, l.delay
            FROM promptreg.late_outcomes(low, high) l) o,
         LATERAL (VALUES (o.name), ('score/' || o.scorer)) AS n (source)
   WHERE o.value IS NOT NULL AND n.source IS NOT NULL;
END;
COMMENT ON FUNCTION promptreg.experiment_values(xid8, xid8, bigint[], text[], timestamptz, timestamptz) IS
  'Values of executions and outcomes that count for experiments, where the later of the two was recorded from low up to high; at: of the execution; delay: of an outcome after it';

-- Every execution gives each metric a row, with zeros where it has no value: who never converted counts as well. In
-- PL/pgSQL, so that the plan knows how many transactions there are; without sorting, because it takes the groups for few
-- and would sort millions of names of users, which takes three times as long as hashing them.
CREATE FUNCTION promptreg.add_totals(
  low xid8, high xid8, taken boolean, experiments bigint[] DEFAULT NULL, prompts text[] DEFAULT NULL, since timestamptz DEFAULT NULL,
  until timestamptz DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_sort = off
AS $$
BEGIN
  WITH wanted AS MATERIALIZED (
    -- By source: of a metric, of its denominator, or neither.
    SELECT em.experiment_id, m.name, m.kind, m.attribution_window, s.source, bool_or(s.source = m.source) AS is_source,
           bool_or(s.source = coalesce(CASE m.denominator WHEN 'observations' THEN m.source ELSE m.denominator END, '')) AS is_denominator,
           coalesce(m.denominator = 'observations', false) AS counts
      FROM promptreg.experiment_metrics em
      JOIN promptreg.metrics m ON m.name = em.metric,
           LATERAL (VALUES ('executions'), (m.source), (m.denominator)) AS s (source)
     WHERE em.taken = add_totals.taken AND s.source IS NOT NULL
     GROUP BY em.experiment_id, m.name, s.source
  ), added AS MATERIALIZED (
    SELECT w.experiment_id, w.name, v.user_id, v.variant,
           count(*) FILTER (WHERE w.is_source) AS n,
           coalesce(sum(v.value) FILTER (WHERE w.is_source), 0) AS total,
           coalesce(sum(CASE WHEN w.counts THEN 1 ELSE v.value END) FILTER (WHERE w.is_denominator), 0) AS denominator
      FROM wanted w JOIN promptreg.experiment_values(low, high, experiments, prompts, since, until) v ON v.experiment_id = w.experiment_id AND v.source = w.source
     WHERE (v.delay IS NULL OR w.attribution_window IS NULL OR v.delay <= w.attribution_window)
       AND (v.variant <> '' OR w.kind IN ('mean', 'count'))
     GROUP BY w.experiment_id, w.name, v.user_id, v.variant
  ), history AS (
    -- What users did before changes what they count with in their own variants.
    UPDATE promptreg.experiment_totals t
       SET changed = true
      FROM added a
     WHERE a.variant = '' AND t.experiment_id = a.experiment_id AND t.metric = a.name AND t.user_id = a.user_id AND t.variant <> ''
       AND NOT EXISTS (SELECT FROM added again WHERE again.experiment_id = t.experiment_id AND again.name = t.metric
                          AND again.user_id = t.user_id AND again.variant = t.variant)
  )
  INSERT INTO promptreg.experiment_totals AS t (experiment_id, metric, user_id, variant, n, total, denominator, changed)
  SELECT a.experiment_id, a.name, a.user_id, a.variant, a.n, a.total, a.denominator, a.variant <> '' FROM added a
  ON CONFLICT ON CONSTRAINT experiment_totals_pkey DO UPDATE
     SET n = t.n + excluded.n, total = t.total + excluded.total, denominator = t.denominator + excluded.denominator,
         changed = excluded.changed;
END;
$$;
COMMENT ON FUNCTION promptreg.add_totals(xid8, xid8, boolean, bigint[], text[], timestamptz, timestamptz) IS
  'Adds what was recorded to the totals of users, for the metrics of which earlier rows have been taken, or have not';

-- Times at which the weights changed, by number: width_bucket finds in them which were in force.
CREATE FUNCTION promptreg.setting_times(experiment_id bigint) RETURNS timestamptz[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN ARRAY(SELECT w.set_at FROM ONLY promptreg.weights w WHERE w.experiment_id = setting_times.experiment_id ORDER BY w.number);
COMMENT ON FUNCTION promptreg.setting_times(bigint) IS 'When the rows of weights of an experiment came into force, in their order';

-- Values stay with the variant that was served: nothing can be taken out of a sketch again, and who was served several is
-- rare. So the sketches, too, are the same whatever the order of arrival.
CREATE FUNCTION promptreg.add_sketches(
  low xid8, high xid8, taken boolean, experiments bigint[] DEFAULT NULL, prompts text[] DEFAULT NULL, since timestamptz DEFAULT NULL,
  until timestamptz DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM promptreg.metrics m WHERE m.kind = 'quantile') THEN
    RETURN;
  END IF;
  WITH wanted AS MATERIALIZED (
    SELECT em.experiment_id, em.metric, m.source, m.attribution_window, promptreg.setting_times(em.experiment_id) AS times
      FROM promptreg.experiment_metrics em JOIN promptreg.metrics m ON m.name = em.metric AND m.kind = 'quantile'
     WHERE em.taken = add_sketches.taken
  )
  INSERT INTO promptreg.experiment_sketches AS s (experiment_id, metric, variant, number, sketch)
  SELECT m.experiment_id, m.metric, v.variant, n.number, promptreg.sketch(v.value, promptreg.experiment_sketch_error())
    FROM wanted m
    JOIN promptreg.experiment_values(low, high, experiments, prompts, since, until) v ON v.experiment_id = m.experiment_id AND v.source = m.source,
         LATERAL (SELECT greatest(width_bucket(v.at, m.times), 1) AS number) n
   WHERE v.variant <> '' AND (v.delay IS NULL OR m.attribution_window IS NULL OR v.delay <= m.attribution_window)
     AND NOT EXISTS (SELECT FROM promptreg.override_periods() o
                      WHERE o.experiment_id = m.experiment_id AND o.user_id = v.user_id AND o.low <= v.at AND o.high > v.at)
   GROUP BY m.experiment_id, m.metric, v.variant, n.number
  ON CONFLICT ON CONSTRAINT experiment_sketches_pkey DO UPDATE
     SET sketch = promptreg.merge_sketches(s.sketch, excluded.sketch);
END;
$$;
COMMENT ON FUNCTION promptreg.add_sketches(xid8, xid8, boolean, bigint[], text[], timestamptz, timestamptz) IS
  'Adds what was recorded to the sketches of variants, for the quantiles of which earlier rows have been taken, or have not';

CREATE FUNCTION promptreg.experiment_sketch_error() RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 0.001;
COMMENT ON FUNCTION promptreg.experiment_sketch_error() IS 'Relative error of the sketches of experiments';

-- The value that a user has by his totals; NULL: does not count. Of a quantile, how many values he adds to the sketch.
CREATE FUNCTION promptreg.unit_value(kind text, cap double precision, n bigint, total double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE kind
  WHEN 'proportion' THEN CASE WHEN total > 0 THEN 1 ELSE 0 END
  WHEN 'mean' THEN least(total / nullif(n, 0), cap)
  WHEN 'quantile' THEN nullif(n, 0)
  ELSE least(total, cap) END;
COMMENT ON FUNCTION promptreg.unit_value(text, double precision, bigint, double precision) IS
  'The value that a user counts with; NULL: none';

-- What changed users counted with is taken out, and what they have now put in.
CREATE FUNCTION promptreg.settle_totals() RETURNS SETOF bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH unit AS MATERIALIZED (
    SELECT t.experiment_id, t.metric, t.user_id, t.variant, t.counted_number, t.counted_history, t.counted_value, t.counted_other,
           CASE WHEN v.value IS NOT NULL THEN u.number END AS number, v.value, v.history, v.other
      FROM promptreg.experiment_totals t
      JOIN promptreg.metrics m ON m.name = t.metric
      LEFT JOIN promptreg.experiment_users u ON u.experiment_id = t.experiment_id AND u.user_id = t.user_id AND u.variant = t.variant
      LEFT JOIN promptreg.experiment_totals b
        ON b.experiment_id = t.experiment_id AND b.metric = t.metric AND b.user_id = t.user_id AND b.variant = '',
           LATERAL (SELECT CASE WHEN u.own OR m.kind = 'quantile' AND NOT EXISTS (
                                       SELECT FROM promptreg.override_periods() o WHERE o.experiment_id = u.experiment_id
                                          AND o.user_id = u.user_id AND o.low <= u.first_at AND o.high > u.first_at)
                                THEN promptreg.unit_value(m.kind, m.cap, t.n, t.total) END AS value,
                           promptreg.unit_value(m.kind, m.cap, b.n, b.total) AS before) y,
           LATERAL (SELECT y.value, m.kind <> 'ratio' AND b.user_id IS NOT NULL AND y.before IS NOT NULL AS history,
                           CASE m.kind WHEN 'ratio' THEN t.denominator ELSE coalesce(y.before, 0) END AS other) v
     WHERE t.changed AND t.variant <> ''
  ), settled AS (
    UPDATE promptreg.experiment_totals t
       SET changed = false, counted_number = u.number, counted_history = u.history, counted_value = u.value, counted_other = u.other
      FROM unit u
     WHERE t.experiment_id = u.experiment_id AND t.metric = u.metric AND t.user_id = u.user_id AND t.variant = u.variant
  ), part AS (
    SELECT u.experiment_id, u.metric, u.variant, u.number, u.history, true AS new, u.value, u.other
      FROM unit u WHERE u.number IS NOT NULL
     UNION ALL
    SELECT u.experiment_id, u.metric, u.variant, u.counted_number, u.counted_history, false, u.counted_value, u.counted_other
      FROM unit u WHERE u.counted_number IS NOT NULL
  ), sums AS (
    SELECT p.experiment_id, p.metric, p.variant, p.number, p.history, p.new, min(p.value) AS least, max(p.value) AS greatest,
           ARRAY[count(*), avg(p.value), avg(p.other), regr_sxx(p.value, p.value), regr_sxx(p.other, p.other),
                 regr_sxy(p.value, p.other)] AS moments
      FROM part p GROUP BY p.experiment_id, p.metric, p.variant, p.number, p.history, p.new
  ), difference AS (
    SELECT s.experiment_id, s.metric, s.variant, s.number, s.history,
           min(s.least) FILTER (WHERE s.new) AS least, max(s.greatest) FILTER (WHERE s.new) AS greatest,
           coalesce(promptreg.comoments_merge(s.moments) FILTER (WHERE s.new), '{0,0,0,0,0,0}') AS new,
           coalesce(promptreg.comoments_merge(s.moments) FILTER (WHERE NOT s.new), '{0,0,0,0,0,0}') AS old
      FROM sums s GROUP BY s.experiment_id, s.metric, s.variant, s.number, s.history
  ), written AS (
    INSERT INTO promptreg.experiment_stats AS s (experiment_id, metric, variant, number, history, moments, least, greatest)
    SELECT d.experiment_id, d.metric, d.variant, d.number, d.history,
           promptreg.comoments_join(promptreg.comoments_join(coalesce(s.moments, '{0,0,0,0,0,0}'), d.old, -1), d.new, 1),
           d.least, d.greatest
      FROM difference d
      LEFT JOIN promptreg.experiment_stats s ON s.experiment_id = d.experiment_id AND s.metric = d.metric
       AND s.variant = d.variant AND s.number = d.number AND s.history = d.history
    ON CONFLICT ON CONSTRAINT experiment_stats_pkey DO UPDATE
       SET moments = excluded.moments, least = least(s.least, excluded.least), greatest = greatest(s.greatest, excluded.greatest)
  )
  SELECT DISTINCT u.experiment_id FROM unit u;
END;
COMMENT ON FUNCTION promptreg.settle_totals() IS 'Brings the statistics up to the totals of users; returns the experiments that changed';

CREATE FUNCTION promptreg.anything_recorded(low xid8, high xid8) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN EXISTS (SELECT FROM promptreg.executions e WHERE e.xid >= low AND e.xid < high)
    OR EXISTS (SELECT FROM promptreg.outcomes o WHERE o.xid >= low AND o.xid < high);
COMMENT ON FUNCTION promptreg.anything_recorded(xid8, xid8) IS
  'Whether transactions from low up to high recorded executions or outcomes: cheaper than to plan what would be done with none';

CREATE FUNCTION promptreg.count_new_metrics(high xid8) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  experiments bigint[] := ARRAY(SELECT DISTINCT m.experiment_id FROM promptreg.experiment_metrics m WHERE NOT m.taken);
  bounds record;
BEGIN
  IF experiments = '{}' THEN
    RETURN;
  END IF;
  bounds := promptreg.counting_bounds(experiments);
  IF bounds.anything THEN
    PERFORM promptreg.add_totals('0', high, false, experiments, bounds.prompts, bounds.since, bounds.until);
    PERFORM promptreg.add_sketches('0', high, false, experiments, bounds.prompts, bounds.since, bounds.until);
  END IF;
  UPDATE promptreg.experiment_metrics m SET taken = true WHERE NOT m.taken;
END;
$$;
COMMENT ON FUNCTION promptreg.count_new_metrics(xid8) IS 'Counts what was recorded before for metrics that are new to an experiment';

-- One after the other: the lock of the watermark lasts until the end of the transaction.
CREATE FUNCTION promptreg.refresh_experiments() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  range record;
  changed bigint[];
BEGIN
  SELECT t.* INTO STRICT range FROM promptreg.take_rows('experiments') AS t;
  LOCK TABLE promptreg.metrics IN SHARE MODE;
  IF range.rebuild THEN
    PERFORM promptreg.forget_experiments();
  END IF;
  PERFORM promptreg.attach_metrics();
  IF promptreg.anything_recorded(range.low, range.high) THEN
    PERFORM promptreg.add_exposures(range.low, range.high);
    PERFORM promptreg.add_totals(range.low, range.high, true);
    PERFORM promptreg.add_sketches(range.low, range.high, true);
  END IF;
  PERFORM promptreg.count_new_metrics(range.high);
  PERFORM promptreg.count_for_bandits(range.low, range.high);
  changed := ARRAY(SELECT promptreg.settle_exposures());
  changed := ARRAY(SELECT unnest(changed) UNION SELECT promptreg.settle_totals() UNION SELECT promptreg.outdated_figures());
  PERFORM promptreg.try_write_figures(c.id) FROM unnest(changed) AS c (id) ORDER BY c.id;
  RETURN cardinality(changed);
END;
$$;
COMMENT ON FUNCTION promptreg.refresh_experiments() IS
  'Counts what was recorded by transactions that have ended; returns how many experiments changed. Whenever and however often it is called, each row counts once';

-- Nothing to do where nothing can be written, where another session is at it, or where this transaction looks at the past.
CREATE FUNCTION promptreg.try_refresh_experiments() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF current_setting('transaction_read_only')::boolean OR current_setting('transaction_isolation') <> 'read committed'
     OR NOT (SELECT pg_try_advisory_xact_lock(l.class, l.key) FROM promptreg.lock_key('maintenance: experiments') AS l) THEN
    RETURN false;
  END IF;
  PERFORM promptreg.refresh_experiments();
  RETURN true;
END;
$$;
COMMENT ON FUNCTION promptreg.try_refresh_experiments() IS 'Refreshes unless that has to wait or cannot be done; whether it did';
