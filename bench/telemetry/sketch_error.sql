-- The greatest relative error of the quantiles of drawn.v; an error unless parallel workers make the sketch, and unless it is
-- byte for byte the one that a single process makes.
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
SELECT format('%s %%, %s bytes%s', round((100 * max(CASE WHEN e.exact = e.estimate THEN 0 ELSE abs(e.estimate - e.exact) / abs(e.exact) END))::numeric, 4),
              max(e.bytes), CASE WHEN bool_and(e.same) THEN '' ELSE ', NOT THE SAME IN PARALLEL' END)
  FROM (SELECT exact, promptreg.quantile(p.sketch, q) AS estimate, pg_column_size(p.sketch::text) / 2 AS bytes, p.sketch::text = s.serial::text AS same
          FROM parallel p,
               (SELECT promptreg.sketch(v) AS serial,
                       percentile_disc((SELECT array_agg(n / 100.0 ORDER BY n) FROM generate_series(0, 100) n)::double precision[] || '{0.999,0.0001}') WITHIN GROUP (ORDER BY v) AS exacts
                  FROM drawn) s,
               unnest((SELECT array_agg(n / 100.0 ORDER BY n) FROM generate_series(0, 100) n)::double precision[] || '{0.999,0.0001}', s.exacts) AS u (q, exact)) e;
