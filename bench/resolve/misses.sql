-- Cost of a call that finds nothing in the cache, and of what it can't do without: one compilation and one look-up by
-- index from inside a function. For the database with many prompts. Prints "key value" lines, nanoseconds of CPU time.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' '
SET jit = off;
SET work_mem = '64MB';

CREATE FUNCTION pg_temp.look_up(prompt text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT t.template FROM bench.templates t WHERE t.name = prompt);
END;
$$;
CREATE FUNCTION pg_temp.nothing(prompt text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN prompt;
END;
$$;

CREATE TEMP TABLE loops (key text PRIMARY KEY, cache_size text, query text, ns float8[] DEFAULT '{}');
INSERT INTO loops (key, cache_size, query)
SELECT key, cache_size, format('SELECT count(%s) FROM generate_series(1, 2000) i, bench.vars', call)
  FROM (VALUES
    ('arguments', '16MB', '(2000000000000001000 + i)::text'),
    ('hit', '16MB', $$prompt_render((2000000000000001000 + i)::text, 'production', 'u', vars)$$),
    ('miss', '64kB', $$prompt_render((2000000000000001000 + i)::text, 'production', 'u', vars)$$),
    ('nothing', '16MB', '(pg_temp.nothing((2000000000000001000 + i)::text))'),
    ('look_up', '16MB', '(pg_temp.look_up((2000000000000001000 + i)::text))')) f (key, cache_size, call);
INSERT INTO loops (key, cache_size, query) VALUES
  ('compile', '16MB', 'SELECT count(prompt_render_template(t.template, vars))
     FROM (SELECT template FROM bench.templates ORDER BY name LIMIT 2000) t, bench.vars'),
  ('templates', '16MB', 'SELECT count(t.template)
     FROM (SELECT template FROM bench.templates ORDER BY name LIMIT 2000) t, bench.vars');

DO $$
DECLARE
  one loops;
  used bigint;
BEGIN
  FOR round IN 0 .. 5 LOOP  -- the first warms up
    FOR one IN SELECT * FROM loops ORDER BY key LOOP
      PERFORM set_config('promptreg.cache_size', one.cache_size, false);
      EXECUTE one.query;  -- fills the cache as far as it may be filled
      used := bench.cpu_ns();
      EXECUTE one.query;
      used := bench.cpu_ns() - used;
      IF round > 0 THEN
        UPDATE loops SET ns = ns || (used::float8 / 2000) WHERE key = one.key;
      END IF;
    END LOOP;
  END LOOP;
END;
$$;

WITH m AS (
  SELECT key, percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS ns FROM loops, unnest(ns) n GROUP BY key)
SELECT 'ns_' || m.key, round((m.ns - base.ns)::numeric, 1)
  FROM (VALUES ('hit', 'arguments'), ('miss', 'arguments'), ('look_up', 'nothing'), ('compile', 'templates')) f (key, base_key)
  JOIN m USING (key) JOIN m base ON base.key = f.base_key;
