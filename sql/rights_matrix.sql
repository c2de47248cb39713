-- Every public function, called as every kind of role. The list of functions comes from the catalog: a new one appears
-- here by itself, and so does one that forgot to check a right.

CREATE ROLE regress_m_owner SUPERUSER;
CREATE ROLE regress_m_nobody;
CREATE ROLE regress_m_resolve;
CREATE ROLE regress_m_read;
CREATE ROLE regress_m_author;
CREATE ROLE regress_m_release;
CREATE ROLE regress_m_admin;
SELECT prompt_register('matrix/a', 'one'), prompt_register('matrix/a', 'two');
SELECT (prompt_promote('matrix/a', 1, 'production')).version, (prompt_promote('matrix/a', 2, 'production')).version;
SELECT prompt_grant('matrix/*', r, 'regress_m_' || r) FROM unnest('{resolve,read,author,release,admin}'::text[]) AS r;

-- What happens to a call: "ok", or the SQLSTATE. Nothing of it stays.
CREATE FUNCTION test.outcome(role text, call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL client_min_messages = error;
  BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE call;
    RAISE EXCEPTION 'take it back' USING ERRCODE = 'ZZZZZ';
  EXCEPTION
    WHEN SQLSTATE 'ZZZZZ' THEN RETURN 'ok';
    WHEN OTHERS THEN RETURN SQLSTATE;
  END;
END;
$$;
-- A good value for each argument, by its name; the same prompt for all.
CREATE FUNCTION test.argument(name text, function text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE
  WHEN name = 'name' AND function = 'prompt_create' THEN $$'matrix/new'$$
  WHEN name = 'name' AND function = 'prompt_environment_create' THEN $$'matrix-env'$$
  WHEN name = 'name' THEN $$'matrix/a'$$
  WHEN name = 'new_name' THEN $$'matrix/other'$$
  WHEN name = 'env' AND function = 'prompt_grant' THEN 'NULL'
  WHEN name = 'env' THEN $$'production'$$
  WHEN name = 'version' THEN '1'
  WHEN name = 'template' THEN $$'text'$$
  WHEN name = 'messages' THEN $$'[{"role": "user", "content": "x"}]'$$
  WHEN name = 'variants' THEN $$'[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]'$$
  WHEN name = 'changes' THEN $$'[{"prompt": "matrix/a", "version": 1, "environment": "production"}]'$$
  WHEN name = 'weights' THEN $$'{"x": 1, "y": 2}'$$
  WHEN name = 'key' THEN $$'matrix-x'$$
  WHEN name IN ('coverage', 'share') THEN '0.5'
  WHEN name = 'user_id' THEN $$'u'$$
  WHEN name = 'pattern' THEN $$'matrix/*'$$
  WHEN name = 'right' THEN $$'read'$$
  WHEN name = 'role' THEN $$'regress_m_nobody'$$
  WHEN name = 'query' THEN $$'matrix'$$
  WHEN name = 'at' THEN 'now()'
  WHEN name = 'executions' THEN $$'[{"name": "matrix/a", "version": 1}]'$$
  WHEN name = 'request_id' THEN $$'matrix-1'$$
  WHEN name LIKE 'usd\_%' THEN '1'
  ELSE 'NULL'
END;
CREATE FUNCTION test.calls(with_values boolean) RETURNS TABLE (function text, arguments text, call text) LANGUAGE sql BEGIN ATOMIC
  SELECT p.proname::text, pg_get_function_identity_arguments(p.oid),
         format('SELECT public.%I(%s)', p.proname,
           (SELECT string_agg(format('%s::%s', CASE WHEN with_values THEN test.argument(a.name, p.proname::text) ELSE 'NULL' END, format_type(a.type, NULL)), ', ' ORDER BY a.n)
              FROM unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY AS a (name, type, n)
             WHERE a.n <= p.pronargs - CASE WHEN with_values THEN p.pronargdefaults ELSE 0 END
                OR (with_values AND p.proname = 'prompt_revoke' AND false)))
    FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
   WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'prompt\_%';
END;

-- Required arguments only. 42501 and PR001: refused; other codes: the call got past the check of rights.
SELECT c.function, left(c.arguments, 34) AS arguments,
       test.outcome('regress_m_owner', c.call) AS owner, test.outcome('regress_m_nobody', c.call) AS nobody, test.outcome('regress_m_resolve', c.call) AS resolve,
       test.outcome('regress_m_read', c.call) AS read, test.outcome('regress_m_author', c.call) AS author, test.outcome('regress_m_release', c.call) AS release, test.outcome('regress_m_admin', c.call) AS admin
  FROM test.calls(true) c WHERE c.function NOT LIKE 'prompt\_experiment\_%' OR c.function = 'prompt_experiment_start'
 ORDER BY c.function COLLATE "C", c.arguments COLLATE "C";
SELECT prompt_experiment_start('matrix/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'matrix-x');
SELECT c.function,
       test.outcome('regress_m_owner', c.call) AS owner, test.outcome('regress_m_nobody', c.call) AS nobody, test.outcome('regress_m_resolve', c.call) AS resolve,
       test.outcome('regress_m_read', c.call) AS read, test.outcome('regress_m_author', c.call) AS author, test.outcome('regress_m_release', c.call) AS release, test.outcome('regress_m_admin', c.call) AS admin
  FROM test.calls(true) c WHERE c.function LIKE 'prompt\_experiment\_%' AND c.function <> 'prompt_experiment_start'
 ORDER BY c.function COLLATE "C";

-- Nobody gets anywhere without a right, except with what takes none: these answer with nothing of the registry.
SELECT c.function, left(c.arguments, 40) AS arguments, test.outcome('regress_m_nobody', c.call) AS outcome
  FROM test.calls(true) c WHERE test.outcome('regress_m_nobody', c.call) NOT IN ('42501', 'PR001', 'PR005') ORDER BY 1;
SET ROLE regress_m_nobody;
SELECT (SELECT count(*) FROM prompt_list()) + (SELECT count(*) FROM prompt_list(archived => true)) + (SELECT count(*) FROM prompt_search('')) + (SELECT count(*) FROM prompt_changes_since())
     + (SELECT count(*) FROM prompt_environments()) + (SELECT count(*) FROM prompt_grants()) AS rows_for_nobody, prompt_allowed('resolve', 'matrix/a') AS allowed;
RESET ROLE;

-- NULL for every argument is an error with a code of its own or an empty answer, never a crash, for each kind of role.
SELECT c.function, left(c.arguments, 34) AS arguments, test.outcome('regress_m_owner', c.call) AS owner, test.outcome('regress_m_nobody', c.call) AS nobody, test.outcome('regress_m_admin', c.call) AS admin
  FROM test.calls(false) c ORDER BY c.function COLLATE "C", c.arguments COLLATE "C";

-- Nothing of all this stayed, and history is whole.
SELECT count(*) AS versions, (SELECT string_agg(name, ' ' ORDER BY name) FROM promptreg.names WHERE name LIKE 'matrix/%') AS names FROM prompt_history('matrix/a');
SELECT prompt_experiment_stop('matrix-x');
SELECT count(*) FROM (SELECT prompt_revoke(pattern, "right", role, environment) FROM prompt_grants() WHERE role LIKE 'regress_m_%') AS r;
DROP ROLE regress_m_owner, regress_m_nobody, regress_m_resolve, regress_m_read, regress_m_author, regress_m_release, regress_m_admin;
SELECT * FROM prompt_verify('matrix/a');
