-- Cost of one call inside one backend, in nanoseconds of CPU time, without what it costs to make the arguments. Prints
-- "key value" lines. Expects the psql variable rounds.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' '
SET jit = off;

CREATE TEMP TABLE measured (key text, ns float8);

-- What is measured takes turns; the first round warms up.
CREATE PROCEDURE pg_temp.measure(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
  work bench.workloads;
  variables jsonb;
  calls integer;
  base bigint;
  used bigint;
  made text;
  call text;
BEGIN
  FOR round IN 0 .. rounds LOOP
    FOR work IN SELECT * FROM bench.workloads ORDER BY name LOOP
      variables := work.variables::jsonb;  -- made here, so that it is neither compressed nor elsewhere
      calls := 40000000 / (400 + length(work.output));
      PERFORM bench.keep(work.pieces);
      FOREACH call IN ARRAY '{"NULL::text", bench.copy, prompt_render}'::text[] LOOP
        IF round = 0 AND call <> 'NULL::text' THEN
          EXECUTE format('SELECT %s($1, ''production'', NULL, $2)', call) INTO made USING work.name, variables;
          IF made IS DISTINCT FROM work.output THEN
            RAISE EXCEPTION '% renders something else for %', call, work.name;
          END IF;
        END IF;
        used := bench.cpu_ns();
        EXECUTE CASE call WHEN 'NULL::text'
          THEN 'SELECT count(i::text) FROM generate_series(1, $3) i WHERE $1 IS NOT NULL AND $2 IS NOT NULL'
          ELSE format('SELECT count(%s($1, ''production'', i::text, $2)) FROM generate_series(1, $3) i', call) END
          USING work.name, variables, calls;
        used := bench.cpu_ns() - used;
        IF call = 'NULL::text' THEN
          base := used;
        ELSIF round > 0 THEN
          INSERT INTO measured
          VALUES (CASE call WHEN 'bench.copy' THEN 'copy_server_' ELSE 'server_' END || work.name,
                  (used - base)::float8 / calls);
        END IF;
      END LOOP;
    END LOOP;
  END LOOP;
END;
$$;
CALL pg_temp.measure(:rounds);

-- The same from variables as text, with what it takes to read them. The CASE keeps the planner from doing that once for all calls.
CREATE PROCEDURE pg_temp.measure_reading(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
  work bench.workloads;
  calls integer;
  used bigint;
  call text;
BEGIN
  FOR round IN 1 .. rounds LOOP
    FOR work IN SELECT * FROM bench.workloads ORDER BY name LOOP
      calls := 100000000 / (2000 + 10 * length(work.output));
      FOREACH call IN ARRAY '{jsonb, text}'::text[] LOOP
        used := bench.cpu_ns();
        EXECUTE format('SELECT count(%s($1, ''production'', i::text, (CASE WHEN i > 0 THEN $2 END)::%s)) FROM generate_series(1, $3) i',
                       CASE call WHEN 'jsonb' THEN 'prompt_render' ELSE 'prompt_render_text' END, call)
          USING work.name, work.variables, calls;
        INSERT INTO measured VALUES ('read_' || call || '_' || work.name, (bench.cpu_ns() - used)::float8 / calls);
      END LOOP;
    END LOOP;
  END LOOP;
END;
$$;
CALL pg_temp.measure_reading(:rounds);

SELECT key, round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ns))::numeric, 1) FROM measured GROUP BY key ORDER BY key;
