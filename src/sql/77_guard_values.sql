-- What guards see: the values of executions and outcomes since the route last changed, taken up once each.

-- A guard looks at a route from when it was set, the route's version was deployed, or its experiment started, whichever
-- is later: what came before was another situation.
CREATE FUNCTION promptreg.watched_routes()
RETURNS TABLE (guard promptreg.guards, prompt text, version integer, experiment_id bigint, since timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT g, p.name, r.version, x.id, greatest(g.set_at, d.deployed_at, x.started_at)
    FROM promptreg.guards g
    JOIN promptreg.prompts p ON p.id = g.prompt_id
    JOIN promptreg.routes r ON r.prompt_id = g.prompt_id AND r.environment = g.environment AND r.version IS NOT NULL
    JOIN promptreg.deployments d ON d.id = r.deployment_id
    LEFT JOIN promptreg.experiments x ON x.id = r.experiment_id AND x.state = 'running'
   WHERE g.removed_at IS NULL;
END;
COMMENT ON FUNCTION promptreg.watched_routes() IS 'Guards that stand on what is served, and since when they look at it';

CREATE FUNCTION promptreg.execution_value(execution promptreg.executions, metric text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE metric
  WHEN 'error' THEN (execution.error_class IS NOT NULL OR execution.error IS NOT NULL)::integer
  WHEN 'latency_ms' THEN execution.latency_ms
  WHEN 'time_to_first_token_ms' THEN execution.time_to_first_token_ms
  WHEN 'tokens_in' THEN execution.tokens_in
  WHEN 'tokens_out' THEN execution.tokens_out
  WHEN 'cost_usd' THEN execution.cost_usd END;
COMMENT ON FUNCTION promptreg.execution_value(promptreg.executions, text) IS 'What an execution says of a metric; NULL: nothing';

-- An outcome counts when both it and its execution have arrived, whichever came first.
--
-- What is compared must have been drawn by lot: calls without a user always get the deployed version, testers what somebody
-- gave them, and those of another experiment what that one says.
CREATE FUNCTION promptreg.new_guard_values(low xid8, high xid8)
RETURNS TABLE (guard_id bigint, since timestamptz, version integer, number integer, user_id text, at timestamptz, value double precision,
               keep boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH watched AS MATERIALIZED (
    SELECT (w.guard).id, (w.guard).environment, (w.guard).metric, (w.guard).scorer, w.prompt, w.since, m.is_outcome,
           (w.guard).rule = 'window' AS keep, (w.guard).rule = 'concurrent' AS compares, w.experiment_id, x.key AS experiment
      FROM promptreg.watched_routes() AS w
      JOIN promptreg.guard_metrics() AS m ON m.metric = (w.guard).metric
      LEFT JOIN promptreg.experiments x ON x.id = w.experiment_id
     -- Without an experiment there is nothing to compare.
     WHERE (w.guard).rule <> 'concurrent' OR x.id IS NOT NULL
  ), new_executions AS MATERIALIZED (
    SELECT e FROM promptreg.executions e
     WHERE e.xid >= new_guard_values.low AND e.xid < new_guard_values.high
       AND e.at >= (SELECT min(w.since) FROM watched w) AND e.prompt IN (SELECT w.prompt FROM watched w)
  ), new_outcomes AS MATERIALIZED (
    SELECT o.request_id, o.name, o.scorer, o.value FROM promptreg.outcomes o
     WHERE o.xid >= new_guard_values.low AND o.xid < new_guard_values.high
       AND o.name IN (SELECT w.metric FROM watched w)
  ), overridden AS MATERIALIZED (
    SELECT o.experiment_id, o.user_id, o.set_at, o.variant,
           lead(o.set_at, 1, 'infinity') OVER (PARTITION BY o.experiment_id, o.user_id ORDER BY o.number) AS until
      FROM ONLY promptreg.overrides o WHERE o.experiment_id IN (SELECT w.experiment_id FROM watched w WHERE w.compares)
  ), new_values AS (
    SELECT w, n.e, promptreg.execution_value(n.e, w.metric) AS value
      FROM watched w JOIN new_executions n ON (n.e).prompt = w.prompt AND (n.e).environment = w.environment AND (n.e).at >= w.since
     WHERE NOT w.is_outcome AND promptreg.execution_value(n.e, w.metric) IS NOT NULL
    UNION ALL
    SELECT w, e, o.value
      FROM watched w
      JOIN new_outcomes o ON o.name = w.metric AND o.scorer IS NOT DISTINCT FROM w.scorer
      JOIN promptreg.executions e ON e.request_id = o.request_id AND e.prompt = w.prompt AND e.environment = w.environment
                                 AND e.at >= w.since AND e.xid < new_guard_values.high
     WHERE w.is_outcome
    UNION ALL
    SELECT w, n.e, o.value
      FROM watched w
      JOIN new_executions n ON (n.e).prompt = w.prompt AND (n.e).environment = w.environment AND (n.e).at >= w.since
      JOIN promptreg.outcomes o ON o.request_id = (n.e).request_id AND o.name = w.metric
                               AND o.scorer IS NOT DISTINCT FROM w.scorer AND o.xid < new_guard_values.low
     WHERE w.is_outcome
  )
  SELECT (v.w).id, (v.w).since, (v.e).version,
         -- Newest first: most of what comes in was served under the weights that are in force now.
         CASE WHEN (v.w).keep THEN 0
              ELSE coalesce((SELECT n.number FROM ONLY promptreg.weights n
                              WHERE n.experiment_id = (v.w).experiment_id AND n.set_at <= (v.e).at
                              ORDER BY n.number DESC LIMIT 1), 0) END,
         CASE WHEN (v.w).compares THEN (v.e).user_id END, (v.e).at, v.value, (v.w).keep
    FROM new_values v
   WHERE NOT (v.w).compares
      OR (v.e).user_id IS NOT NULL AND coalesce((v.e).experiment = (v.w).experiment, true)
         AND NOT EXISTS (SELECT FROM overridden o
                          WHERE o.experiment_id = (v.w).experiment_id AND o.user_id = (v.e).user_id AND o.variant IS NOT NULL
                            AND (v.e).at >= o.set_at AND (v.e).at < o.until);
END;
COMMENT ON FUNCTION promptreg.new_guard_values(xid8, xid8) IS
  'What came in for guards in a range of transactions; with the user where users are compared';

-- Moments are merged by Chan's formula. Products of a user change for each two rows of weights of which one has something new.
-- Nobody can tell the planner how many users there are; who sorts many by name for a join takes much longer than who hashes a few.
CREATE FUNCTION promptreg.count_guard_values(low xid8, high xid8) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp SET enable_mergejoin = off
BEGIN ATOMIC
  WITH value AS MATERIALIZED (
    SELECT v.* FROM promptreg.new_guard_values(count_guard_values.low, count_guard_values.high) AS v
  ), added AS MATERIALIZED (
    SELECT v.guard_id, v.version, v.user_id, v.number, count(*) AS n, sum(v.value) AS total
      FROM value v WHERE v.user_id IS NOT NULL GROUP BY v.guard_id, v.version, v.user_id, v.number
  ), old AS MATERIALIZED (
    SELECT u.guard_id, u.version, u.user_id, u.number, u.n, u.total
      FROM (SELECT DISTINCT a.guard_id, a.version, a.user_id FROM added a) AS t
      JOIN promptreg.guard_users u ON u.guard_id = t.guard_id AND u.version = t.version AND u.user_id = t.user_id
  ), state AS MATERIALIZED (
    SELECT guard_id, version, user_id, number, a.n IS NOT NULL AS changed,
           coalesce(o.n, 0)::double precision AS n_before, coalesce(o.total, 0) AS before,
           (coalesce(o.n, 0) + coalesce(a.n, 0))::double precision AS n_after, coalesce(o.total, 0) + coalesce(a.total, 0) AS after
      FROM old o FULL JOIN added a USING (guard_id, version, user_id, number)
  ), products AS (
    INSERT INTO promptreg.guard_products AS p (guard_id, version, number, other, users, totals, total_n, n_total, ns)
    SELECT x.guard_id, x.version, x.number, y.number, count(*) FILTER (WHERE x.n_before = 0 OR y.n_before = 0),
           sum(x.after * y.after - x.before * y.before), sum(x.after * y.n_after - x.before * y.n_before),
           sum(x.n_after * y.after - x.n_before * y.before), sum(x.n_after * y.n_after - x.n_before * y.n_before)
      FROM state x
      JOIN state y ON y.guard_id = x.guard_id AND y.version = x.version AND y.user_id = x.user_id AND y.number >= x.number
     WHERE x.changed OR y.changed
     GROUP BY x.guard_id, x.version, x.number, y.number
    ON CONFLICT ON CONSTRAINT guard_products_pkey DO UPDATE
       SET users = p.users + excluded.users, totals = p.totals + excluded.totals, total_n = p.total_n + excluded.total_n,
           n_total = p.n_total + excluded.n_total, ns = p.ns + excluded.ns
  ), users AS (
    INSERT INTO promptreg.guard_users AS u (guard_id, version, user_id, number, n, total)
    SELECT a.guard_id, a.version, a.user_id, a.number, a.n, a.total FROM added a
    ON CONFLICT ON CONSTRAINT guard_users_pkey DO UPDATE SET n = u.n + excluded.n, total = u.total + excluded.total
  )
  INSERT INTO promptreg.guard_counts AS c (guard_id, version, number, since, n, mean, squares, recent, newest_at)
  SELECT v.guard_id, v.version, v.number, v.since, count(*), avg(v.value), coalesce(var_pop(v.value) * count(*), 0),
         coalesce((array_agg(v.value ORDER BY v.at DESC) FILTER (WHERE v.keep))[1:1000], '{}'), max(v.at)
    FROM value v
   GROUP BY v.guard_id, v.version, v.number, v.since
  ON CONFLICT (guard_id, version, number) DO UPDATE
     SET n = c.n + excluded.n,
         mean = c.mean + (excluded.mean - c.mean) * excluded.n / (c.n + excluded.n),
         squares = c.squares + excluded.squares
           + (excluded.mean - c.mean) ^ 2 * (c.n::double precision * excluded.n / (c.n + excluded.n)),
         recent = (excluded.recent || c.recent)[1:1000],
         newest_at = greatest(c.newest_at, excluded.newest_at);
END;
COMMENT ON FUNCTION promptreg.count_guard_values(xid8, xid8) IS 'Adds what came in to what guards have seen';

CREATE FUNCTION promptreg.forget_guard_counts(everything boolean) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH gone AS (
    DELETE FROM promptreg.guard_counts c
     WHERE forget_guard_counts.everything
        OR NOT EXISTS (SELECT FROM promptreg.watched_routes() AS w WHERE (w.guard).id = c.guard_id AND w.since = c.since)
    RETURNING c.guard_id
  ), products AS (
    DELETE FROM promptreg.guard_products p WHERE p.guard_id IN (SELECT g.guard_id FROM gone g)
  )
  DELETE FROM promptreg.guard_users u WHERE u.guard_id IN (SELECT g.guard_id FROM gone g);
END;
COMMENT ON FUNCTION promptreg.forget_guard_counts(boolean) IS 'Discards what guards saw of routes that have changed, or all';

-- False: another session is at it.
CREATE FUNCTION promptreg.refresh_guards() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  taken record;
BEGIN
  IF NOT (SELECT pg_try_advisory_xact_lock(l.class, l.key) FROM promptreg.lock_key('guards') AS l) THEN
    RETURN false;
  END IF;
  SELECT t.low, t.high, t.rebuild INTO taken FROM promptreg.take_rows('guards') AS t;
  PERFORM promptreg.forget_guard_counts(taken.rebuild);
  PERFORM promptreg.count_guard_values(low => taken.low, high => taken.high);
  RETURN true;
END;
$$;
COMMENT ON FUNCTION promptreg.refresh_guards() IS 'Takes up what has come in since the last time';

CREATE FUNCTION promptreg.seen_by_guard(guard_id bigint, version integer) RETURNS promptreg.guard_counts
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH seen AS (
    SELECT c.* FROM promptreg.guard_counts c WHERE c.guard_id = seen_by_guard.guard_id AND c.version = seen_by_guard.version
  ), whole AS (
    SELECT sum(s.n)::bigint AS n, sum(s.n * s.mean) / sum(s.n) AS mean FROM seen s
  )
  SELECT s.guard_id, s.version, max(s.number), s.since, w.n, w.mean, sum(s.squares + s.n * (s.mean - w.mean) ^ 2),
         (SELECT r.recent FROM seen r ORDER BY r.number DESC LIMIT 1), max(s.newest_at)
    FROM seen s, whole w
   GROUP BY s.guard_id, s.version, s.since, w.n, w.mean;
END;
COMMENT ON FUNCTION promptreg.seen_by_guard(bigint, integer) IS 'All that a guard has seen of a version; NULL: nothing';

-- A watermark stops at the oldest transaction that writes, in whatever database: what came after it is not seen before it ends.
CREATE FUNCTION promptreg.holder_of_watermark(mark xid8) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT h.holder
    FROM (SELECT a.backend_xid AS xid,
                 format('process %s has a transaction open since %s; see pg_stat_activity, and end it', a.pid, a.xact_start) AS holder
            FROM pg_stat_activity a
           UNION ALL
          SELECT p.transaction,
                 format('transaction %L is prepared since %s; see pg_prepared_xacts, and commit it or roll it back', p.gid, p.prepared)
            FROM pg_prepared_xacts p) AS h
   WHERE h.xid = holder_of_watermark.mark::xid LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.holder_of_watermark(xid8) IS 'Who keeps a watermark where it is, and what to do about it; NULL: nobody, or it has just ended';

CREATE FUNCTION promptreg.guard_blindness(guard promptreg.guards) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  mark promptreg.watermarks;
BEGIN
  SELECT w.* INTO mark FROM promptreg.watermarks w
   WHERE w.consumer = 'guards' AND w.advanced_at < clock_timestamp() - least(guard.max_staleness, interval '5 minutes');
  IF NOT FOUND
     OR NOT EXISTS (SELECT FROM promptreg.executions e WHERE e.xid >= mark.xid)
        AND NOT EXISTS (SELECT FROM promptreg.outcomes o WHERE o.xid >= mark.xid) THEN
    RETURN NULL;
  END IF;
  RETURN format('what was recorded since %s has not been seen: %s', mark.advanced_at,
                coalesce(promptreg.holder_of_watermark(mark.xid), 'nobody has looked; call prompt_maintain'));
END;
$$;
COMMENT ON FUNCTION promptreg.guard_blindness(promptreg.guards) IS
  'Why a guard does not see what is recorded now; NULL: it does, or nothing is recorded';
