-- Row-level security: where an administrator grants SELECT on the tables, each role sees the rows of what it may read.

CREATE ROLE regress_bi;
CREATE ROLE regress_bi_none;
SELECT prompt_register('tenant-a/p', 'a1'), prompt_register('tenant-a/p', 'a2'), prompt_register('tenant-b/p', 'b1');
SELECT (prompt_promote('tenant-a/p', 1, 'production')).version, (prompt_promote('tenant-b/p', 1, 'production')).version;
SELECT prompt_rename('tenant-b/p', 'tenant-a/looks-like-a');
SELECT prompt_experiment_start('tenant-a/p', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'tenant-a-x'),
       prompt_experiment_start('tenant-b/p', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 1, "weight": 1}]', key => 'tenant-b-x');
SELECT prompt_grant('tenant-a/*', 'read', 'regress_bi');
GRANT SELECT ON ALL TABLES IN SCHEMA promptreg TO regress_bi, regress_bi_none;

-- Every table has it, so that a new one cannot forget.
SELECT c.relname AS table_without FROM pg_class c WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity ORDER BY 1;
-- Views over telemetry are their owner's, whose tables nobody else needs to be let into, and ask for the right themselves;
-- four are internal.
SELECT c.relname AS view_of_its_owner FROM pg_class c WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false) ORDER BY 1;

CREATE FUNCTION test.visible() RETURNS TABLE (name text, rows bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH name IN ARRAY '{prompts,names,versions,routes,deployments,experiments,variants,weights,overrides,audit_log,changes,grants,environments,pending_changes,route_status,version_status}'::text[] LOOP
    EXECUTE format('SELECT count(*) FROM promptreg.%I', name) INTO rows;
    RETURN NEXT;
  END LOOP;
END;
$$;
SET ROLE regress_bi;
SELECT * FROM test.visible();
SELECT name FROM promptreg.prompts;
SELECT name FROM promptreg.names;
SELECT prompt, version, experiment FROM promptreg.route_status;
SELECT prompt, version, status FROM promptreg.version_status ORDER BY version;
SELECT key FROM promptreg.experiments;
SELECT DISTINCT prompt FROM promptreg.audit_log;
SELECT prompt FROM promptreg.route_status WHERE prompt LIKE 'tenant-b%';
-- A function of the reader's own that tells what it is called with, however cheap, is not called with hidden rows.
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$BEGIN RAISE NOTICE 'seen %', $1; RETURN true; END$$;
SELECT count(*) FROM promptreg.prompts WHERE pg_temp.leak(name);
DROP FUNCTION pg_temp.leak(text);
SET ROLE regress_bi_none;
SELECT * FROM test.visible() WHERE rows > 0;
RESET ROLE;

-- More rights, more rows; the administrator of everything sees everything.
SELECT prompt_grant('*', 'admin', 'regress_bi_none');
SET ROLE regress_bi_none;
SELECT count(*) >= 2 AS prompts FROM promptreg.prompts;
SELECT count(*) > 0 AS grants FROM promptreg.grants;
SELECT count(*) FROM promptreg.environments WHERE builtin;
SELECT count(*) > 0 AS without_prompt FROM promptreg.audit_log WHERE prompt IS NULL;
RESET ROLE;
SELECT prompt_revoke('*', 'admin', 'regress_bi_none');
SET ROLE regress_bi_none;
SELECT * FROM test.visible() WHERE rows > 0;
RESET ROLE;
-- Resolving in one environment shows the name of that environment, and no row of a prompt.
SELECT prompt_grant('tenant-a/p', 'resolve', 'regress_bi_none', 'staging');
SET ROLE regress_bi_none;
SELECT * FROM test.visible() WHERE rows > 0;
SELECT name FROM promptreg.environments;
RESET ROLE;

-- Writing is not granted with reading.
SET ROLE regress_bi;
SELECT error FROM test.errors_of('%s promptreg.routes', 'DELETE FROM', 'TRUNCATE', 'LOCK TABLE');
CALL test.fails('UPDATE promptreg.routes SET version = 2');
CALL test.fails($$INSERT INTO promptreg.grants (pattern, "right", role, granted_by, granted_at) VALUES ('*', 'admin', 'regress_bi', 'me', 'epoch')$$);
RESET ROLE;
-- Where somebody grants even that, row-level security still lets nothing through, for there is no policy for it.
GRANT INSERT, UPDATE, DELETE ON promptreg.grants, promptreg.routes TO regress_bi;
SET ROLE regress_bi;
CALL test.fails($$INSERT INTO promptreg.grants (pattern, "right", role, granted_by, granted_at) VALUES ('*', 'admin', 'regress_bi', 'me', 'epoch')$$);
UPDATE promptreg.routes SET version = 2 RETURNING version;
DELETE FROM promptreg.routes RETURNING version;
RESET ROLE;

REVOKE ALL ON ALL TABLES IN SCHEMA promptreg FROM regress_bi, regress_bi_none;
SELECT prompt_experiment_stop('tenant-a-x'), prompt_experiment_stop('tenant-b-x');
SELECT count(*) FROM (SELECT prompt_revoke(pattern, "right", role, environment) FROM prompt_grants() WHERE role LIKE 'regress_bi%') AS r;
DROP ROLE regress_bi, regress_bi_none;
