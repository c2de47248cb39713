-- Installing the extension, and what it brings.
\set SHOW_CONTEXT never

-- A schema promptreg that somebody else made before is not taken over.
CREATE SCHEMA promptreg;
CREATE EXTENSION promptreg;
DROP SCHEMA promptreg;

CREATE EXTENSION promptreg;
CREATE EXTENSION promptreg;

SELECT extname, extrelocatable FROM pg_extension WHERE extname = 'promptreg';

-- What applications call stands in the first schema of the search path, everything else in promptreg.
\a
SELECT p.proname AS function, pg_get_function_identity_arguments(p.oid) AS arguments,
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
       p.proparallel = 's' AS parallel_safe
  FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
 WHERE p.pronamespace = 'public'::regnamespace
 ORDER BY 1, pg_get_function_identity_arguments(p.oid) COLLATE "C";

SELECT p.proname AS function, pg_get_function_result(p.oid) AS result
  FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
 WHERE p.pronamespace = 'public'::regnamespace
 ORDER BY 1, pg_get_function_identity_arguments(p.oid) COLLATE "C";
\a

-- Only arguments at the end have defaults, so that every call can leave them out.
SELECT p.proname AS function, pg_get_function_arguments(p.oid) AS arguments
  FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND p.proname IN ('prompt_resolve', 'prompt_promote', 'prompt_experiment_start')
 ORDER BY 1;

SELECT c.relname AS relation, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'c' THEN 'type' END AS kind
  FROM pg_class c
 WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind IN ('r', 'v', 'c')
 ORDER BY 2, 1;

-- Nothing stands anywhere else.
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS elsewhere
  FROM pg_depend d
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'promptreg')
   AND pg_describe_object(d.classid, d.objid, d.objsubid) !~ ' promptreg(\.|$)'
   AND pg_describe_object(d.classid, d.objid, d.objsubid) !~ '^function prompt_';

SELECT name, rank, description, builtin FROM promptreg.environments ORDER BY rank;

-- Helpers of the other tests. They print an error as SQLSTATE, message, detail and hint, with what differs from run
-- to run masked.
CREATE SCHEMA test;
GRANT USAGE ON SCHEMA test TO PUBLIC;

CREATE FUNCTION test.masked(text) RETURNS text LANGUAGE sql
RETURN regexp_replace(regexp_replace(regexp_replace($1,
  '\m(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d(\.\d+)? \d{4} \S+?(?=[,.:]? |[.:]?$|[.:]?\n)', '<time>', 'g'),
  '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?', '<time>', 'g'),
  '\mby \S+ at <time>', 'by <role> at <time>', 'g');

CREATE FUNCTION test.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text;
  message text;
  detail text;
  hint text;
BEGIN
  EXECUTE statement;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
                          hint = PG_EXCEPTION_HINT;
  RETURN test.masked(concat_ws(E'\n', state || ': ' || message, 'DETAIL:  ' || nullif(detail, ''),
                               'HINT:  ' || nullif(hint, '')));
END;
$$;

CREATE PROCEDURE test.fails(statement text) LANGUAGE plpgsql AS $$
DECLARE
  error text := test.error_of(statement);
BEGIN
  IF error IS NULL THEN
    RAISE WARNING 'this did not fail';
  ELSE
    RAISE INFO '%', error;
  END IF;
END;
$$;

-- The first line of the error that a statement gives with each of several values in the place of %L.
CREATE FUNCTION test.errors_of(statement text, VARIADIC choices text[]) RETURNS TABLE (value text, error text)
LANGUAGE sql BEGIN ATOMIC
  SELECT c.value, coalesce(split_part(test.error_of(format(statement, c.value)), E'\n', 1), 'none')
    FROM unnest(choices) WITH ORDINALITY AS c (value, ordinality) ORDER BY c.ordinality;
END;

CALL test.fails('SELECT 1');
CALL test.fails('SELECT 1 / 0');
SELECT test.masked('by ada at Fri Nov 21 03:10:11.5 2025 PST.'), test.masked('by ada at 2025-11-21 03:10:11+00: why');
