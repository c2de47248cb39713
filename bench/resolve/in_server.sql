-- Cost of one call inside one backend, in nanoseconds of CPU time: the median of several interleaved rounds, without
-- what it costs to make the arguments. Prints "key value" lines. Expects the psql variable rounds.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' '
SET jit = off;
SET work_mem = '64MB';

CREATE TEMP TABLE loops (key text PRIMARY KEY, base text, calls integer, query text, counted boolean DEFAULT true, ns float8[] DEFAULT '{}');

-- $1: number of calls, $2: the variables. i::text makes a user, uniform.name one of 500 prompts.
INSERT INTO loops (key, base, calls, query) VALUES
  ('arguments', NULL, 100000, 'SELECT count(i::text) FROM generate_series(1, $1) i WHERE $2 IS NOT NULL'),
  ('uniform_arguments', NULL, 50000,
   'SELECT count((2000000000000000001 + i * 7919 % 500)::text) + count(i::text) FROM generate_series(1, $1) i WHERE $2 IS NOT NULL');
INSERT INTO loops (key, base, calls, query)
SELECT key, 'arguments', calls, format('SELECT count(%s) FROM generate_series(1, $1) i', call)
  FROM (VALUES
    ('empty', 100000, $$bench.floor_empty('bench/plain', 'production', i::text, $2)$$),
    ('copy', 100000, $$bench.floor_copy('bench/plain', 'production', i::text, $2)$$),
    ('render', 100000, $$prompt_render('bench/plain', 'production', i::text, $2)$$),
    ('render_split', 100000, $$prompt_render('bench/split', 'production', i::text, $2)$$),
    ('render_eight', 100000, $$prompt_render('bench/eight', 'production', i::text, $2)$$),
    ('resolve', 100000, $$prompt_resolve('bench/plain', 'production', i::text, $2)$$),
    ('resolve_split', 100000, $$prompt_resolve('bench/split', 'production', i::text, $2)$$),
    ('resolve_eight', 100000, $$prompt_resolve('bench/eight', 'production', i::text, $2)$$)) f (key, calls, call);
INSERT INTO loops (key, base, calls, query)
SELECT key, 'uniform_arguments', calls, format(
         'SELECT count(%s((2000000000000000001 + i * 7919 %% 500)::text, ''production'', i::text, $2)) FROM generate_series(1, $1) i', call)
  FROM (VALUES
    ('uniform_render', 50000, 'prompt_render'), ('uniform_flat', 10000, 'flat.render'),
    ('uniform_normalised', 2000, 'normalised.render')) f (key, calls, call);
-- The same loop with resolves counted in shared memory and without, its arguments included: of one prompt, and of another in each call.
INSERT INTO loops (key, calls, query, counted)
SELECT l.key || '_' || c.suffix, 3 * l.calls, l.query, c.counted
  FROM loops l, (VALUES ('counted', true), ('uncounted', false)) c (suffix, counted) WHERE l.key IN ('render', 'uniform_render');

CREATE PROCEDURE pg_temp.measure(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
  one loops;
  used bigint;
  variables jsonb := (SELECT vars FROM bench.vars);
BEGIN
  FOR round IN 0 .. rounds LOOP  -- the first warms up
    FOR one IN SELECT * FROM loops ORDER BY key LOOP
      PERFORM set_config('promptreg.count_resolves', one.counted::text, false);
      used := bench.cpu_ns();
      EXECUTE one.query USING one.calls, variables;
      used := bench.cpu_ns() - used;
      IF round > 0 THEN
        UPDATE loops SET ns = ns || (used::float8 / one.calls) WHERE key = one.key;
      END IF;
    END LOOP;
  END LOOP;
END;
$$;
CALL pg_temp.measure(:rounds);

WITH medians AS (
  SELECT key, base, percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS ns
    FROM loops, unnest(ns) n GROUP BY key, base)
SELECT 'ns_' || m.key, round((m.ns - coalesce(b.ns, 0))::numeric, 1)
  FROM medians m LEFT JOIN medians b ON b.key = m.base ORDER BY 1;
-- Of a few nanoseconds more or less the fastest rounds tell most.
SELECT 'least_ns_' || key, round(min(n)::numeric, 2) FROM loops, unnest(ns) n WHERE key LIKE '%counted' GROUP BY key ORDER BY 1;
