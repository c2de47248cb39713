-- What is measured: 500 prompts with five versions each, templates of 1 to 2 KB with six variables, a third of the
-- prompts in an experiment. They are called 2000000000000000001 and so on, because pgbench can make numbers only.
-- Expects the psql variables floor (the library's path) and vars (the JSON that is rendered).
\set ON_ERROR_STOP on
SET client_min_messages = warning;

CREATE EXTENSION promptreg;
CREATE ROLE bench_app LOGIN;  -- an application: may resolve in production, nothing else
SELECT prompt_grant('*', 'resolve', 'bench_app', 'production');
GRANT SET ON PARAMETER promptreg.count_resolves TO bench_app;  -- to measure what counting costs

CREATE SCHEMA bench;
CREATE TABLE bench.vars AS SELECT :'vars'::jsonb AS vars;

-- A template that has about that many bytes when rendered.
CREATE FUNCTION bench.template(prompt text, version integer, bytes integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT format('Prompt %s, version %s. ', prompt, version) || string_agg(
           left(repeat('Answer as a support agent of our company, politely and to the point. ', 40), bytes / 6 - length(v.value) - 12)
             || ' ' || v.key || ': {{' || v.key || '}}.' || E'\n', '' ORDER BY v.key)
    FROM bench.vars, jsonb_each_text(vars) v;
$$;

CREATE FUNCTION bench.add_prompt(prompt text, bytes integer, variants integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR version IN 1 .. 5 LOOP
    PERFORM prompt_register(prompt, bench.template(prompt, version, bytes), model => 'large-2'::text,
                            params => '{"temperature": 0.2, "max_tokens": 800}'::jsonb);
  END LOOP;
  PERFORM prompt_promote(prompt, 5, 'production');
  IF variants > 1 THEN
    PERFORM prompt_experiment_start(prompt, 'production',
      (SELECT jsonb_agg(jsonb_build_object('key', chr(96 + i), 'version', 6 - (1 + i % 2), 'weight', 1))
         FROM generate_series(1, variants) i));
  END IF;
END;
$$;

SELECT count(bench.add_prompt((2000000000000000000 + i)::text, 1000 + i * 2, CASE WHEN i % 3 = 0 THEN 2 END)) FROM generate_series(1, 500) i;
SELECT bench.add_prompt('bench/plain', 1024, 1), bench.add_prompt('bench/split', 1024, 2), bench.add_prompt('bench/eight', 1024, 8);

-- Rows that want a prompt each, ten at a time.
CREATE TABLE bench.tickets (id integer PRIMARY KEY, batch integer, prompt text, user_id text, vars jsonb);
INSERT INTO bench.tickets
SELECT i, i / 10, (2000000000000000001 + i * 7919 % 500)::text, (700000000000 + i)::text, vars
  FROM generate_series(0, 9999) i, bench.vars;
CREATE INDEX ON bench.tickets (batch);

CREATE FUNCTION bench.floor_empty(name text, env text, user_id text, vars jsonb) RETURNS text
  LANGUAGE c STABLE PARALLEL SAFE COST 10 AS :'floor', 'floor_empty';
CREATE FUNCTION bench.floor_copy(name text, env text, user_id text, vars jsonb) RETURNS text
  LANGUAGE c STABLE PARALLEL SAFE COST 10 AS :'floor', 'floor_copy';
CREATE FUNCTION bench.floor_text(name text, env text, user_id text, vars jsonb) RETURNS text
  LANGUAGE c STABLE PARALLEL SAFE COST 10 AS :'floor', 'floor_text';
CREATE FUNCTION bench.floor_row(name text, env text, user_id text, vars jsonb) RETURNS promptreg.resolution
  LANGUAGE c STABLE PARALLEL SAFE COST 10 AS :'floor', 'floor_row';
CREATE FUNCTION bench.cpu_ns() RETURNS bigint LANGUAGE c VOLATILE AS :'floor', 'floor_cpu_ns';

GRANT USAGE ON SCHEMA bench TO bench_app;
