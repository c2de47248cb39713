-- Every PL/pgSQL function passes plpgsql_check, where that extension can be had.
SELECT count(*) = 0 AS skip FROM pg_available_extensions WHERE name = 'plpgsql_check' \gset
\if :skip
\echo SKIP: the extension plpgsql_check is not available
\quit
\endif
SET client_min_messages = error;
CREATE EXTENSION plpgsql_check SCHEMA test;
RESET client_min_messages;

SELECT count(*) > 50 AS many FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace = 'promptreg'::regnamespace AND l.lanname = 'plpgsql';
-- Newer versions of plpgsql_check also dislike parameters called "right" and functions whose volatility is not that of
-- every expression in them (format is STABLE); both are meant.
CREATE TEMPORARY VIEW findings AS
SELECT DISTINCT p.oid::regprocedure AS function, t.tgrelid::regclass AS "table", c.lineno, c.level, c.message, c.detail
  FROM pg_proc p
  JOIN pg_language l ON l.oid = p.prolang
  LEFT JOIN pg_trigger t ON t.tgfoid = p.oid,
       test.plpgsql_check_function_tb(p.oid, coalesce(t.tgrelid, 0), fatal_errors => false) AS c
 WHERE p.pronamespace = 'promptreg'::regnamespace AND l.lanname = 'plpgsql' AND (p.prorettype <> 'trigger'::regtype OR t.tgrelid IS NOT NULL)
   AND c.message !~ '^routine is marked as .* but expression is' AND c.message !~ 'is reserved keyword';
-- Trigger functions are checked with each table that they are on.
SELECT * FROM findings ORDER BY 1, 2, 3;
-- It does find something, where there is something.
CREATE FUNCTION test.faulty() RETURNS integer LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT none FROM promptreg.prompts); END$$;
SELECT level, message FROM test.plpgsql_check_function_tb('test.faulty()');
DROP FUNCTION test.faulty();
DROP VIEW findings;
SET client_min_messages = error;
DROP EXTENSION plpgsql_check;
