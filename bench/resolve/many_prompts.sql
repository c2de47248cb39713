-- Fills a copy of the benchmark's database up to a large number of prompts, straight into the tables because that is
-- quick; the hashes are not real. Expects the psql variable prompts.
\set ON_ERROR_STOP on
BEGIN;

CREATE TABLE bench.templates AS
SELECT i, (2000000000000000000 + i)::text AS name,
       bench.template((2000000000000000000 + i)::text, 1, 1000 + i % 500 * 2) AS template
  FROM generate_series(501, :prompts) i;
CREATE UNIQUE INDEX ON bench.templates (name);

INSERT INTO promptreg.prompts (name, kind, head_version, created_by, created_at)
SELECT name, 'text', 1, 'bench', now() FROM bench.templates;
INSERT INTO promptreg.names (name, prompt_id, created_by, created_at)
SELECT name, p.id, 'bench', now() FROM bench.templates JOIN promptreg.prompts p USING (name);
INSERT INTO promptreg.versions (prompt_id, version, messages, model, params, metadata, syntax, escape, branch, author,
                                created_at, content_hash, chain_hash)
SELECT p.id, 1, jsonb_build_array(jsonb_build_object('role', 'user', 'content', t.template)), 'large-2',
       '{"temperature": 0.2, "max_tokens": 800}', '{}', 'mustache', 'none', 'main', 'bench', now(),
       sha256(t.name::bytea), sha256(t.name::bytea)
  FROM bench.templates t JOIN promptreg.prompts p USING (name);
INSERT INTO promptreg.deployments (prompt_id, environment, number, event, version, deployed_by, deployed_at, chain_hash)
SELECT p.id, 'production', 1, 'promoted', 1, 'bench', now(), sha256(t.name::bytea)
  FROM bench.templates t JOIN promptreg.prompts p USING (name);
INSERT INTO promptreg.routes (prompt_id, environment, version, deployment_id, changed_at)
SELECT d.prompt_id, d.environment, 1, d.id, now()
  FROM bench.templates t JOIN promptreg.prompts p USING (name)
  JOIN promptreg.deployments d ON d.prompt_id = p.id;

COMMIT;
GRANT SELECT ON bench.templates TO bench_app;
VACUUM ANALYZE;
