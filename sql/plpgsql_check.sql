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
SELECT p.oid::regprocedure AS function, c.message
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang, test.plpgsql_check_function(p.oid, fatal_errors => false) AS c (message)
 WHERE p.pronamespace = 'promptreg'::regnamespace AND l.lanname = 'plpgsql' AND p.prorettype <> 'trigger'::regtype
 ORDER BY 1, 2;
-- Trigger functions, with each table they are on.
SELECT DISTINCT p.oid::regprocedure AS function, t.tgrelid::regclass AS "table", c.message
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_trigger t ON t.tgfoid = p.oid,
       test.plpgsql_check_function(p.oid, t.tgrelid, fatal_errors => false) AS c (message)
 WHERE p.pronamespace = 'promptreg'::regnamespace AND l.lanname = 'plpgsql'
 ORDER BY 1, 2, 3;
SET client_min_messages = error;
DROP EXTENSION plpgsql_check;
