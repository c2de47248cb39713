-- Rolling up: raw rows that a watermark has not passed are added to the rollups of their hour and day. An outcome belongs
-- to the hour of its execution, and counts in the run in which the later one of the two arrives, so that neither has to
-- be remembered: executions that are new with all their outcomes, and outcomes that are new with the executions that are not.

CREATE FUNCTION promptreg.series_key(
  prompt text, version integer, environment text, experiment text, variant text, model text
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(promptreg.canonical_record('prompt', prompt, 'version', version, 'environment', environment,
                                         'experiment', experiment, 'variant', variant, 'model', model));
COMMENT ON FUNCTION promptreg.series_key(text, integer, text, text, text, text) IS 'Key of what is rolled up together';

-- The two sums, once over a range of transactions for the run, once over all after the watermark for the views. What they cost is
-- to depend on what is new, not on what there is and not on what the planner knows of it: partitioned tables have no statistics of
-- their own, and a plan that looks expensive is compiled first, which takes longer than the rest together. So new rows are found by
-- the index on xid, and what belongs to them is looked up row by row (OFFSET 0 keeps the planner from another order). Both ends of
-- the range are given, and a condition that every row fulfils, since the planner takes each for one that few do; pg_backend_pid
-- is one of a single process, without parallel workers, whose start takes longer, too.
DO $$
DECLARE
  of_executions constant text := $query$
    SELECT date_trunc('hour', e.at, 'UTC') AS starts_at, e.prompt, e.version, e.environment, e.experiment, e.variant, e.model,
           count(*) AS executions,
           count(*) FILTER (WHERE e.error_class IS NOT NULL OR e.error IS NOT NULL) AS errors,
           min(e.at) AS first_at, max(e.at) AS last_at,
           promptreg.moments(e.latency_ms) AS latency,
           promptreg.moments(e.time_to_first_token_ms) AS time_to_first_token,
           promptreg.moments(c.tokens) AS tokens, promptreg.moments(e.cost_usd::double precision) AS cost,
           coalesce(sum(e.tokens_in), 0) AS tokens_in, coalesce(sum(e.tokens_out), 0) AS tokens_out,
           coalesce(sum(e.tokens_cached), 0) AS tokens_cached, coalesce(sum(e.cost_usd), 0) AS cost_usd,
           promptreg.sketch(e.latency_ms) AS latency_sketch,
           promptreg.sketch(e.time_to_first_token_ms) AS time_to_first_token_sketch,
           promptreg.sketch(c.tokens) AS tokens_sketch, promptreg.sketch(e.cost_usd::double precision) AS cost_sketch
      FROM promptreg.executions e,
           LATERAL (SELECT CASE WHEN e.tokens_in IS NOT NULL OR e.tokens_out IS NOT NULL
                                THEN (coalesce(e.tokens_in, 0) + coalesce(e.tokens_out, 0))::double precision END AS tokens) c
     WHERE e.xid >= %1$s AND e.xid < %2$s AND e.prompt = e.prompt || '' AND pg_backend_pid() <> 0
     GROUP BY 1, 2, 3, 4, 5, 6, 7 $query$;
  of_outcomes constant text := $query$
    SELECT date_trunc('hour', p.at, 'UTC') AS starts_at, p.prompt, p.version, p.environment, p.experiment, p.variant, p.model,
           count(*) FILTER (WHERE p.name = 'rating' AND p.value = 1) AS rating_1,
           count(*) FILTER (WHERE p.name = 'rating' AND p.value = 2) AS rating_2,
           count(*) FILTER (WHERE p.name = 'rating' AND p.value = 3) AS rating_3,
           count(*) FILTER (WHERE p.name = 'rating' AND p.value = 4) AS rating_4,
           count(*) FILTER (WHERE p.name = 'rating' AND p.value = 5) AS rating_5,
           count(*) FILTER (WHERE p.name = 'thumbs' AND p.value = 1) AS thumbs_up,
           count(*) FILTER (WHERE p.name = 'thumbs' AND p.value = 0) AS thumbs_down,
           promptreg.moments(p.value) FILTER (WHERE p.name = 'score') AS score,
           count(*) FILTER (WHERE p.name = 'conversion' AND p.value = 1) AS converted,
           count(*) FILTER (WHERE p.name = 'conversion' AND p.value = 0) AS not_converted,
           count(*) FILTER (WHERE p.name = 'edited' AND p.value = 1) AS edited,
           count(*) FILTER (WHERE p.name = 'edited' AND p.value = 0) AS not_edited,
           count(*) FILTER (WHERE p.name = 'accepted' AND p.value = 1) AS accepted,
           count(*) FILTER (WHERE p.name = 'accepted' AND p.value = 0) AS not_accepted,
           count(*) FILTER (WHERE p.name = 'comment') AS comments
      FROM (SELECT e.at, e.prompt, e.version, e.environment, e.experiment, e.variant, e.model, o.name, o.value
              FROM (SELECT n.* FROM promptreg.executions n
                     WHERE n.xid >= %1$s AND n.xid < %2$s AND n.prompt = n.prompt || '' AND pg_backend_pid() <> 0 OFFSET 0) e,
                   LATERAL (SELECT m.name, m.value FROM promptreg.outcomes m
                             WHERE m.request_id = e.request_id AND m.xid < %2$s OFFSET 0) o
             WHERE e.request_id = e.request_id || ''
             UNION ALL
            SELECT e.at, e.prompt, e.version, e.environment, e.experiment, e.variant, e.model, o.name, o.value
              FROM (SELECT n.* FROM promptreg.outcomes n
                     WHERE n.xid >= %1$s AND n.xid < %2$s AND n.name = n.name || '' AND pg_backend_pid() <> 0 OFFSET 0) o,
                   LATERAL (SELECT m.* FROM promptreg.executions m
                             WHERE m.request_id = o.request_id AND m.xid < %1$s OFFSET 0) e
             WHERE o.request_id = o.request_id || '' AND %1$s > '0') p
     GROUP BY 1, 2, 3, 4, 5, 6, 7 $query$;
  watermark constant text :=
    $sql$coalesce((SELECT w.xid FROM promptreg.watermarks w WHERE w.consumer = 'rollups'), '0')$sql$;
  ever constant text := $sql$'18446744073709551615'$sql$;
BEGIN
  EXECUTE 'CREATE VIEW promptreg.execution_tail AS ' || format(of_executions, watermark, ever);
  EXECUTE 'CREATE VIEW promptreg.outcome_tail AS ' || format(of_outcomes, watermark, ever);
  EXECUTE 'CREATE FUNCTION promptreg.sum_executions(low xid8, high xid8) RETURNS SETOF promptreg.execution_tail
           LANGUAGE sql STABLE BEGIN ATOMIC ' || format(of_executions, 'low', 'high') || '; END';
  EXECUTE 'CREATE FUNCTION promptreg.sum_outcomes(low xid8, high xid8) RETURNS SETOF promptreg.outcome_tail
           LANGUAGE sql STABLE BEGIN ATOMIC ' || format(of_outcomes, 'low', 'high') || '; END';
END;
$$;
COMMENT ON VIEW promptreg.execution_tail IS 'Executions that are not rolled up yet, by hour';
COMMENT ON VIEW promptreg.outcome_tail IS 'Outcomes that are not rolled up yet, or belong to an execution that is not, by hour of the execution';
COMMENT ON FUNCTION promptreg.sum_executions(xid8, xid8) IS 'Executions of transactions from low up to high, by hour';
COMMENT ON FUNCTION promptreg.sum_outcomes(xid8, xid8) IS
  'Outcomes of executions by hour of the execution, where the later of the two was recorded by transactions from low up to high';

CREATE FUNCTION promptreg.add_executions(low xid8, high xid8) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
  WITH hours AS MATERIALIZED (
    SELECT s.*, promptreg.series_key(s.prompt, s.version, s.environment, s.experiment, s.variant, s.model) AS key
      FROM promptreg.sum_executions(low, high) s
  ), periods AS (
    SELECT 'hour' AS grain, h.* FROM hours h
     UNION ALL
    SELECT 'day', date_trunc('day', h.starts_at, 'UTC') AS starts_at, h.prompt, h.version, h.environment, h.experiment, h.variant,
           h.model, sum(h.executions)::bigint, sum(h.errors)::bigint, min(h.first_at), max(h.last_at),
           promptreg.moments_merge(h.latency), promptreg.moments_merge(h.time_to_first_token),
           promptreg.moments_merge(h.tokens), promptreg.moments_merge(h.cost),
           sum(h.tokens_in), sum(h.tokens_out), sum(h.tokens_cached), sum(h.cost_usd),
           promptreg.sketch_merge(h.latency_sketch), promptreg.sketch_merge(h.time_to_first_token_sketch),
           promptreg.sketch_merge(h.tokens_sketch), promptreg.sketch_merge(h.cost_sketch), h.key
      FROM hours h
     GROUP BY 2, h.prompt, h.version, h.environment, h.experiment, h.variant, h.model, h.key
  ), added AS (
    INSERT INTO promptreg.rollups AS r (
      grain, starts_at, key, prompt, version, environment, experiment, variant, model, executions, errors, first_at, last_at,
      latency, time_to_first_token, tokens, cost, tokens_in, tokens_out, tokens_cached, cost_usd,
      latency_sketch, time_to_first_token_sketch, tokens_sketch, cost_sketch)
    SELECT p.grain, p.starts_at, p.key, p.prompt, p.version, p.environment, p.experiment, p.variant, p.model, p.executions,
           p.errors, p.first_at, p.last_at, p.latency, p.time_to_first_token, p.tokens, p.cost, p.tokens_in, p.tokens_out,
           p.tokens_cached, p.cost_usd, p.latency_sketch, p.time_to_first_token_sketch, p.tokens_sketch, p.cost_sketch
      FROM periods p
        ON CONFLICT ON CONSTRAINT rollups_pkey DO UPDATE SET
           executions = r.executions + excluded.executions, errors = r.errors + excluded.errors,
           first_at = least(r.first_at, excluded.first_at), last_at = greatest(r.last_at, excluded.last_at),
           latency = float8_combine(r.latency, excluded.latency),
           time_to_first_token = float8_combine(r.time_to_first_token, excluded.time_to_first_token),
           tokens = float8_combine(r.tokens, excluded.tokens), cost = float8_combine(r.cost, excluded.cost),
           tokens_in = r.tokens_in + excluded.tokens_in, tokens_out = r.tokens_out + excluded.tokens_out,
           tokens_cached = r.tokens_cached + excluded.tokens_cached, cost_usd = r.cost_usd + excluded.cost_usd,
           latency_sketch = promptreg.merge_sketches(r.latency_sketch, excluded.latency_sketch),
           time_to_first_token_sketch = promptreg.merge_sketches(r.time_to_first_token_sketch, excluded.time_to_first_token_sketch),
           tokens_sketch = promptreg.merge_sketches(r.tokens_sketch, excluded.tokens_sketch),
           cost_sketch = promptreg.merge_sketches(r.cost_sketch, excluded.cost_sketch)
  )
  SELECT coalesce(sum(h.executions), 0)::bigint FROM hours h;
END;
COMMENT ON FUNCTION promptreg.add_executions(xid8, xid8) IS
  'Adds executions of transactions from low up to high to their rollups; returns how many';

-- By index also in partitions of a few pages, of which there may be hundreds.
CREATE FUNCTION promptreg.add_outcomes(low xid8, high xid8) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off
BEGIN ATOMIC
  WITH hours AS MATERIALIZED (
    SELECT s.*, promptreg.series_key(s.prompt, s.version, s.environment, s.experiment, s.variant, s.model) AS key
      FROM promptreg.sum_outcomes(low, high) s
  ), periods AS (
    SELECT g.grain, date_trunc(g.grain, h.starts_at, 'UTC') AS starts_at, h.key,
           sum(h.rating_1)::bigint AS rating_1, sum(h.rating_2)::bigint AS rating_2, sum(h.rating_3)::bigint AS rating_3,
           sum(h.rating_4)::bigint AS rating_4, sum(h.rating_5)::bigint AS rating_5,
           sum(h.thumbs_up)::bigint AS thumbs_up, sum(h.thumbs_down)::bigint AS thumbs_down,
           promptreg.moments_merge(h.score) AS score,
           sum(h.converted)::bigint AS converted, sum(h.not_converted)::bigint AS not_converted,
           sum(h.edited)::bigint AS edited, sum(h.not_edited)::bigint AS not_edited,
           sum(h.accepted)::bigint AS accepted, sum(h.not_accepted)::bigint AS not_accepted,
           sum(h.comments)::bigint AS comments
      FROM hours h, (VALUES ('hour'), ('day')) AS g (grain)
     GROUP BY 1, 2, 3
  )
  UPDATE promptreg.rollups r
     SET rating_1 = r.rating_1 + p.rating_1, rating_2 = r.rating_2 + p.rating_2, rating_3 = r.rating_3 + p.rating_3,
         rating_4 = r.rating_4 + p.rating_4, rating_5 = r.rating_5 + p.rating_5, thumbs_up = r.thumbs_up + p.thumbs_up,
         thumbs_down = r.thumbs_down + p.thumbs_down, score = float8_combine(r.score, p.score),
         converted = r.converted + p.converted, not_converted = r.not_converted + p.not_converted,
         edited = r.edited + p.edited, not_edited = r.not_edited + p.not_edited, accepted = r.accepted + p.accepted,
         not_accepted = r.not_accepted + p.not_accepted, comments = r.comments + p.comments
    FROM periods p
   WHERE r.grain = p.grain AND r.starts_at = p.starts_at AND r.key = p.key;
END;
COMMENT ON FUNCTION promptreg.add_outcomes(xid8, xid8) IS
  'Adds outcomes to the rollups of their executions, where the later of the two was recorded by transactions from low up to high';

-- What is left of older days stays: their rows or outcomes were dropped, and nothing else remembers them. Retention drops whole
-- days of an environment.
CREATE FUNCTION promptreg.discard_rollups() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM promptreg.rollups r
   WHERE (date_trunc('day', r.starts_at, 'UTC'), r.environment) IN (
           SELECT DISTINCT date_trunc('day', e.at, 'UTC'), e.environment FROM promptreg.executions e)
     AND NOT promptreg.is_history(r.starts_at, r.environment);
END;
COMMENT ON FUNCTION promptreg.discard_rollups() IS
  'Removes the rollups of days whose executions and outcomes all exist, to make them anew';

CREATE FUNCTION promptreg.roll_up() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  range record;
  taken bigint;
BEGIN
  SELECT t.* INTO STRICT range FROM promptreg.take_rows('rollups') AS t;
  IF range.rebuild THEN
    PERFORM promptreg.discard_rollups();
    range.low := '3';  -- not what mark_history has marked
  END IF;
  taken := promptreg.add_executions(range.low, range.high);
  PERFORM promptreg.add_outcomes(range.low, range.high);
  RETURN taken;
END;
$$;
COMMENT ON FUNCTION promptreg.roll_up() IS
  'Rolls up what was recorded by transactions that have ended; returns how many executions. Whenever and however often it is called, each row counts once';

-- The rollups of one grain and what is not rolled up yet. Every column has one type in all parts, so that conditions reach
-- the indexes below.
DO $$
DECLARE
  measures constant text := $query$
    SELECT r.starts_at, r.prompt, r.version, r.environment, r.experiment, r.variant, r.model, r.executions, r.errors,
           r.first_at, r.last_at, r.latency, r.time_to_first_token, r.tokens, r.cost, r.tokens_in, r.tokens_out,
           r.tokens_cached, r.cost_usd, r.latency_sketch, r.time_to_first_token_sketch, r.tokens_sketch, r.cost_sketch,
           r.rating_1, r.rating_2, r.rating_3, r.rating_4, r.rating_5, r.thumbs_up, r.thumbs_down, r.score, r.converted,
           r.not_converted, r.edited, r.not_edited, r.accepted, r.not_accepted, r.comments
      FROM promptreg.rollups r WHERE r.grain = %L
     UNION ALL
    SELECT e.*, none.count, none.count, none.count, none.count, none.count, none.count, none.count, none.moments,
           none.count, none.count, none.count, none.count, none.count, none.count, none.count
      FROM promptreg.execution_tail e, (SELECT 0::bigint AS count, '{0,0,0}'::double precision[] AS moments) none
     UNION ALL
    SELECT o.starts_at, o.prompt, o.version, o.environment, o.experiment, o.variant, o.model, none.count, none.count,
           NULL::timestamptz, NULL::timestamptz, none.moments, none.moments, none.moments, none.moments,
           none.sum, none.sum, none.sum, none.sum,
           NULL::promptreg.sketch, NULL::promptreg.sketch, NULL::promptreg.sketch, NULL::promptreg.sketch,
           o.rating_1, o.rating_2, o.rating_3, o.rating_4, o.rating_5, o.thumbs_up, o.thumbs_down, o.score, o.converted,
           o.not_converted, o.edited, o.not_edited, o.accepted, o.not_accepted, o.comments
      FROM promptreg.outcome_tail o,
           (SELECT 0::bigint AS count, 0::numeric AS sum, '{0,0,0}'::double precision[] AS moments) none $query$;
  "column" record;
BEGIN
  EXECUTE 'CREATE VIEW promptreg.hourly_measures AS ' || format(measures, 'hour');
  EXECUTE 'CREATE VIEW promptreg.daily_measures AS ' || format(measures, 'day');
  -- They mean what those of the rollups mean.
  FOR "column" IN
    SELECT a.attrelid::regclass AS view, a.attname AS name, col_description(t.attrelid, t.attnum) AS comment
      FROM pg_attribute a JOIN pg_attribute t ON t.attname = a.attname AND t.attrelid = 'promptreg.rollups'::regclass
     WHERE a.attrelid IN ('promptreg.execution_tail'::regclass, 'promptreg.outcome_tail'::regclass,
                          'promptreg.hourly_measures'::regclass, 'promptreg.daily_measures'::regclass)
       AND a.attnum > 0
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', "column".view, "column".name, "column".comment);
  END LOOP;
END;
$$;
COMMENT ON VIEW promptreg.hourly_measures IS
  'The rollups of hours and what is not rolled up yet: always current. Several rows of the same hour are to be added up';
COMMENT ON VIEW promptreg.daily_measures IS
  'The rollups of days and, by hour, what is not rolled up yet: always current. Several rows of the same day are to be added up';
