-- The greatest relative error of the quantiles of drawn.v; an error if that is not what is guaranteed, unless parallel workers make
-- the sketch, and unless it is byte for byte the one that a single process makes.
SET max_parallel_workers_per_gather = 2;
SET work_mem = '1GB';
DO $$
DECLARE
  plan text := '';
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN SELECT promptreg.sketch(v) FROM drawn' LOOP
    plan := plan || line;
  END LOOP;
  IF plan !~ 'Partial Aggregate.*Parallel Seq Scan' THEN RAISE EXCEPTION 'no parallel plan: %', plan; END IF;
END;
$$;
CREATE TEMPORARY TABLE parallel AS SELECT promptreg.sketch(v) AS sketch FROM drawn;
SET max_parallel_workers_per_gather = 0;
CREATE TEMPORARY TABLE quantiles AS
SELECT q, exact, promptreg.quantile(p.sketch, q) AS estimate, pg_column_size(promptreg.sketch_send(p.sketch)) AS bytes, p.sketch::text = s.serial::text AS same
  FROM parallel p, (SELECT array_agg(n / 100.0 ORDER BY n)::double precision[] || '{0.999,0.0001}' AS qs FROM generate_series(0, 100) n) w,
       LATERAL (SELECT promptreg.sketch(v) AS serial, percentile_disc(w.qs) WITHIN GROUP (ORDER BY v) AS exacts FROM drawn) s,
       unnest(w.qs, s.exacts) AS u (q, exact);
DO $$
BEGIN
  IF NOT (SELECT bool_and(same) FROM quantiles) THEN RAISE EXCEPTION 'parallel workers made another sketch'; END IF;
  IF NOT (SELECT bool_and(abs(estimate - exact) <= 0.01 * abs(exact) * (1 + 1e-9)) FROM quantiles) THEN RAISE EXCEPTION 'a quantile is not within 1 %%'; END IF;
END;
$$;
SELECT format('%s %%, in %s bytes', round((100 * max(CASE WHEN exact = estimate THEN 0 ELSE abs(estimate - exact) / abs(exact) END))::numeric, 4), max(bytes)) FROM quantiles;
