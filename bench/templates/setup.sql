-- The three workloads as prompts that are deployed. Expects the psql variables library (the path of pieces.c, built)
-- and files (where the workloads are).
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION promptreg;
CREATE SCHEMA bench;
CREATE FUNCTION bench.keep(pieces text[]) RETURNS void LANGUAGE c AS :'library', 'pieces_keep';
CREATE FUNCTION bench.copy(name text, env text, user_id text, vars jsonb) RETURNS text
  LANGUAGE c STABLE PARALLEL SAFE COST 10 AS :'library', 'pieces_copy';
CREATE FUNCTION bench.cpu_ns() RETURNS bigint LANGUAGE c VOLATILE AS :'library', 'pieces_cpu_ns';

CREATE TABLE bench.workloads AS
SELECT name, pg_read_file(path || '.template') AS template, pg_read_file(path || '.variables.json') AS variables,
       pg_read_file(path || '.snippets.json')::jsonb AS snippets, pg_read_file(path || '.output') AS output,
       ARRAY(SELECT jsonb_array_elements_text(pg_read_file(path || '.pieces.json')::jsonb)) AS pieces
  FROM (SELECT name, :'files' || '/' || name AS path FROM unnest('{a,b,c}'::text[]) n (name)) f;

-- Snippets are prompts of their own, served where the workloads are.
SELECT prompt_register(s.key, s.value), prompt_promote(s.key, 1, 'production')
  FROM bench.workloads w, jsonb_each_text(w.snippets) s;
SELECT prompt_register(name, template), prompt_promote(name, 1, 'production') FROM bench.workloads;
