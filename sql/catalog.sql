-- Rules that every object of the extension keeps, asked of the catalog, so that a new one cannot forget them.

CREATE TEMPORARY VIEW members AS
SELECT d.classid, d.objid FROM pg_depend d
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'promptreg');

-- Everything has a comment: functions, types, tables, views and their columns.
SELECT pg_describe_object(m.classid, m.objid, 0) AS without_comment
  FROM members m
 WHERE obj_description(m.objid, (SELECT c.relname FROM pg_class c WHERE c.oid = m.classid)) IS NULL
   AND m.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_type'::regclass, 'pg_namespace'::regclass)
   AND NOT EXISTS (SELECT FROM pg_class c WHERE m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relkind IN ('S', 'i', 'c'))
   AND NOT EXISTS (SELECT FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid WHERE m.classid = 'pg_type'::regclass AND t.oid = m.objid AND c.relkind IN ('r', 'p', 'v'))
   AND NOT EXISTS (SELECT FROM pg_type t WHERE m.classid = 'pg_type'::regclass AND t.oid = m.objid AND t.typcategory = 'A')
 ORDER BY 1;
SELECT c.relname, a.attname AS column_without_comment
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'c') AND a.attnum > 0 AND NOT a.attisdropped
   AND col_description(c.oid, a.attnum) IS NULL AND c.relname <> 'draft'
 ORDER BY 1, a.attnum;
-- The views that BI tools read have plain columns only: no array, no composite value, nothing that wants a cast. All but the
-- stream of exposures, which would have to be sorted as a whole, come in order.
CREATE TEMPORARY VIEW bi AS
SELECT c.oid, c.relname FROM pg_class c
 WHERE c.oid = ANY ('{promptreg.version_comparison,promptreg.version_hourly,promptreg.version_daily,promptreg.model_comparison,promptreg.experiment_results,promptreg.experiment_viewed,promptreg.experiment_status,promptreg.release_activity,promptreg.route_status,promptreg.version_status,promptreg.snippet_graph,promptreg.resolve_stats}'::regclass[]);
SELECT format_type(a.atttypid, NULL) AS type
  FROM bi b JOIN pg_attribute a ON a.attrelid = b.oid WHERE a.attnum > 0 GROUP BY 1 ORDER BY 1;
SELECT b.relname AS without_order FROM bi b WHERE pg_get_viewdef(b.oid) !~ '\n  ORDER BY ' ORDER BY 1;
-- Amounts have a unit: milliseconds, US dollars, tokens, a share from 0 to 1, hours, or what is counted.
SELECT b.relname, a.attname, col_description(b.oid, a.attnum) AS without_unit FROM bi b JOIN pg_attribute a ON a.attrelid = b.oid
 WHERE a.attnum > 0 AND (a.attname ~ '_(ms|usd|hours|rate)(_|$)' OR a.attname ~ '^(tokens|cost|latency|lead_time|coverage|holdout_share)')
   AND col_description(b.oid, a.attnum) !~ '(milliseconds|US dollars|hours|[Ss]hare|[Tt]okens|whose cost is known)' ORDER BY 1, 2;
-- The comment on a public function says which right it takes.
SELECT p.proname FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
 WHERE p.pronamespace = 'public'::regnamespace AND obj_description(p.oid, 'pg_proc') !~ 'Right: (resolve|read|author|release|admin)' ORDER BY 1;

-- pg_dump takes every table and every sequence along, and of the environments those that are not in every installation.
SELECT c.relname AS not_dumped
  FROM pg_class c JOIN members m ON m.objid = c.oid AND m.classid = 'pg_class'::regclass, pg_extension e
 WHERE e.extname = 'promptreg' AND c.relkind IN ('r', 'p', 'S') AND c.oid <> ALL (e.extconfig);
SELECT c.relname, f.condition FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS f (relation, condition) JOIN pg_class c ON c.oid = f.relation
 WHERE e.extname = 'promptreg' AND f.condition <> '';
-- Foreign keys among the tables form no cycle, so that data can be restored in one order.
WITH RECURSIVE refers AS (
  SELECT DISTINCT c.conrelid AS one, c.confrelid AS other FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = 'promptreg'::regnamespace
), reaches AS (
  SELECT one, other FROM refers UNION SELECT r.one, f.other FROM reaches r JOIN refers f ON f.one = r.other
)
SELECT one::regclass AS in_a_cycle FROM reaches WHERE one = other;
-- No column of a type whose values do not survive a dump.
SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
   AND a.atttypid IN ('regclass'::regtype, 'regproc'::regtype, 'regprocedure'::regtype, 'regrole'::regtype, 'regtype'::regtype, 'oid'::regtype, 'xid'::regtype);

-- Functions in SQL and PL/pgSQL pin their search path, or have a body that was bound when they were created.
SELECT p.oid::regprocedure AS unpinned
  FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass JOIN pg_language l ON l.oid = p.prolang
 WHERE l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL
   AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
 ORDER BY 1;
-- One function runs with the rights of its owner.
SELECT p.oid::regprocedure AS security_definer FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass WHERE p.prosecdef;
-- Dynamic SQL nowhere but where none of a caller's text can be in it: where partitions are made, from names and times, and
-- where a maintenance task is called by its name.
SELECT p.oid::regprocedure AS dynamic_sql FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass WHERE p.prosrc ~* '\mexecute\M';

-- No string in a function's body means something else with standard_conforming_strings off.
SELECT p.oid::regprocedure AS plain_backslash FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass JOIN pg_language l ON l.oid = p.prolang
 WHERE l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL AND strpos(regexp_replace(p.prosrc, $re$E'([^'\\]|\\.|'')*'$re$, '', 'g'), $b$\$b$) > 0 ORDER BY 1;

-- What applications call on the hot path only reads and may run in parallel workers.
SELECT p.proname FROM pg_proc p WHERE p.proname ~ '^prompt_(resolve|render|messages|assign|explain|render_version|render_template)$' AND p.pronamespace = 'public'::regnamespace
   AND (p.provolatile <> 's' OR p.proparallel <> 's' OR p.proisstrict) ORDER BY 1;
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'promptreg'::regnamespace AND p.proname IN ('hash64', 'slot', 'pick_variant') AND (p.provolatile <> 'i' OR p.proparallel <> 's' OR NOT p.proisstrict);
-- Only the process that was called knows the caller: no function that asks for it, by whatever way, may run in a parallel worker.
WITH RECURSIVE bodies AS (
  SELECT p.oid, p.proname, p.proparallel, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS body FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
), asks AS (
  SELECT b.oid, b.proname, b.proparallel FROM bodies b WHERE b.body ~ '^promptreg_(caller|allowed|authorize)$'
  UNION SELECT b.oid, b.proname, b.proparallel FROM asks a JOIN bodies b ON strpos(b.body, 'promptreg.' || a.proname || '(') > 0
)
SELECT a.oid::regprocedure AS asks_for_the_caller_in_workers FROM asks a WHERE a.proparallel = 's' ORDER BY 1;
-- Every public function has its implementation with the same arguments, defaults and result; none has two homes.
SELECT p.proname AS without_implementation FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'prompt\_%' AND p.prosrc = 'promptreg_invoke'
   AND NOT EXISTS (SELECT FROM pg_proc i WHERE i.pronamespace = 'promptreg'::regnamespace AND i.proname = '_' || p.proname
                      AND pg_get_function_arguments(i.oid) = pg_get_function_arguments(p.oid) AND pg_get_function_result(i.oid) = pg_get_function_result(p.oid)
                      AND i.provolatile = p.provolatile AND i.proretset = p.proretset);
SELECT i.proname AS without_entry FROM pg_proc i
 WHERE i.pronamespace = 'promptreg'::regnamespace AND i.proname LIKE '\_prompt\_%'
   AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND '_' || p.proname = i.proname AND p.proargtypes = i.proargtypes AND p.prosrc = 'promptreg_invoke');

-- Tables: a primary key or a reason, no trigger that logical replication or a replica would not fire, no column without
-- a rule for NULL that history is hashed over.
SELECT c.relname AS without_primary_key FROM pg_class c WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r' AND c.relname !~ '_[0-9]+$'
   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) ORDER BY 1;
SELECT t.tgrelid::regclass AS "table", t.tgname AS not_always FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'promptreg'::regnamespace AND NOT t.tgisinternal AND t.tgenabled <> 'A' ORDER BY 1, 2;
SELECT c.relname AS without_truncate_trigger FROM pg_class c WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r' AND c.relname !~ '_[0-9]+$'
   AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 32 <> 0) ORDER BY 1;
-- No index was left half-built.
SELECT count(*) AS invalid FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'promptreg'::regnamespace AND NOT i.indisvalid;

-- No two functions of the extension can be confused by a call with untyped literals but those that are meant to be.
SELECT p.proname, count(*) AS signatures FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass GROUP BY p.pronamespace, p.proname HAVING count(*) > 1 ORDER BY 1;
