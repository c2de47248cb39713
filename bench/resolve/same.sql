-- The implementations that are compared must say the same; of prompts in an experiment, one of two versions.
DO $$
DECLARE
  different bigint;
BEGIN
  SELECT count(*) INTO different
    FROM bench.vars, generate_series(1, 500) i, LATERAL (SELECT (2000000000000000000 + i)::text) p (name)
   WHERE i % 3 <> 0
     AND NOT (prompt_render(name, 'production', '700000000001', vars) = normalised.render(name, 'production', '700000000001', vars)
          AND prompt_render(name, 'production', '700000000001', vars) = flat.render(name, 'production', '700000000001', vars));
  ASSERT different = 0, format('%s prompts are rendered differently', different);
END;
$$;
GRANT USAGE ON SCHEMA normalised, flat TO bench_app;
GRANT SELECT ON ALL TABLES IN SCHEMA bench, normalised, flat TO bench_app;
