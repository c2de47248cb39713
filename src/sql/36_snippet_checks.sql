-- Whom a change of a snippet would concern, and what stands against it.
--
-- Locks: who is about to serve or commit a version that uses snippets shares a lock on the rows of those; who changes
-- what a prompt serves holds its own row. So neither decides by what the other is changing. promptreg.lock_prompts says in
-- which order they are taken.

CREATE FUNCTION promptreg.snippet_conditions_now(prompt_id bigint, env text, version integer) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_snippet_conditions_now';
COMMENT ON FUNCTION promptreg.snippet_conditions_now(bigint, text, integer) IS
  'snippet_conditions under a snapshot of now at every isolation level; call it with the prompt locked';

-- What users get of a prompt: the deployed versions and those of running experiments.
CREATE FUNCTION promptreg.served_versions(prompt_id bigint) RETURNS TABLE (version integer, environment text)
LANGUAGE plpgsql STABLE ROWS 3 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  SELECT r.version, r.environment FROM promptreg.routes r
   WHERE r.prompt_id = served_versions.prompt_id AND r.version IS NOT NULL
  UNION
  SELECT a.version, r.environment
    FROM promptreg.routes r JOIN promptreg.variants a ON a.experiment_id = r.experiment_id
   WHERE r.prompt_id = served_versions.prompt_id;
END;
$$;
COMMENT ON FUNCTION promptreg.served_versions(bigint) IS 'Versions of a prompt that are served, and where';

-- env NULL: those that use it in any way, the newest versions of prompts in use included.
CREATE FUNCTION promptreg.snippet_users(snippet_id bigint, env text)
RETURNS TABLE (prompt_id bigint, prompt text, version integer, environment text)
LANGUAGE plpgsql STABLE ROWS 3 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  WITH RECURSIVE above (id) AS (
    SELECT u.prompt_id FROM promptreg.snippet_uses u WHERE u.snippet_id = snippet_users.snippet_id
    UNION
    SELECT u.prompt_id FROM above a JOIN promptreg.snippet_uses u ON u.snippet_id = a.id
  )
  SELECT p.id, p.name, s.version, s.environment
    FROM above a
    JOIN promptreg.prompts p ON p.id = a.id,
         LATERAL (SELECT v.version, v.environment FROM promptreg.served_versions(a.id) v
                  UNION ALL
                  SELECT p.head_version, 'latest' WHERE env IS NULL AND p.archived_at IS NULL) s
   WHERE p.id <> snippet_users.snippet_id
     AND EXISTS (SELECT FROM promptreg.snippet_closure(p.id, s.version, s.environment) c
                  WHERE c.snippet_id = snippet_users.snippet_id AND (env IS NULL OR c.environment = env))
   ORDER BY p.name COLLATE "C", s.environment COLLATE "C", s.version;
END;
$$;
COMMENT ON FUNCTION promptreg.snippet_users(bigint, text) IS
  'Versions that users get into which a prompt goes as a snippet, as it is served in an environment; env NULL: in whatever way';

-- env NULL: the prompt is to be archived; version NULL: it is to be taken out of service there.
CREATE FUNCTION promptreg.snippet_conditions(prompt_id bigint, env text, version integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT jsonb_agg(jsonb_build_object('condition', f.condition, 'detail', f.detail, 'hint', f.hint) ORDER BY f.condition, f.number)
      FROM (SELECT 'snippets' AS condition, 0 AS number, format('It cannot be rendered there: %s.', c.problem) AS detail,
                   'Promote the snippets first, or commit a version that does without.' AS hint
              FROM (SELECT promptreg.composition_problem(o.messages, o.variables, o.syntax, o.escape, o.snippets) AS problem
                      FROM promptreg.compose(snippet_conditions.prompt_id, snippet_conditions.version, env,
                             moved_id => snippet_conditions.prompt_id, moved_env => env,
                             moved_version => snippet_conditions.version) o
                     WHERE EXISTS (SELECT FROM promptreg.snippet_uses u
                                    WHERE u.prompt_id = snippet_conditions.prompt_id AND u.version = snippet_conditions.version)) c
             WHERE c.problem IS NOT NULL
            UNION ALL
            SELECT 'snippet_users', u.number::integer,
                   format('Version %s of prompt "%s"%s uses it%s.', u.version, u.prompt,
                          CASE u.environment WHEN 'latest' THEN ', its newest,' ELSE ' in ' || u.environment END, ': ' || u.problem),
                   'Change the prompts that use it first.'
              FROM (SELECT s.*, row_number() OVER () AS number,
                           CASE WHEN snippet_conditions.version IS NOT NULL THEN (
                             SELECT promptreg.composition_problem(o.messages, o.variables, o.syntax, o.escape, o.snippets)
                               FROM promptreg.compose(s.prompt_id, s.version, s.environment,
                                      moved_id => snippet_conditions.prompt_id, moved_env => env,
                                      moved_version => snippet_conditions.version) o) END AS problem
                      FROM promptreg.snippet_users(snippet_conditions.prompt_id, env) s) u
             WHERE u.problem IS NOT NULL OR snippet_conditions.version IS NULL) f);
END;
$$;
COMMENT ON FUNCTION promptreg.snippet_conditions(bigint, text, integer) IS
  'What its snippets and its users have against serving a version of a prompt, against serving none, or (env NULL) against archiving it; NULL: nothing';

CREATE FUNCTION promptreg.lock_snippets(prompt_id bigint, version integer, env text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  locked bigint[] := ARRAY[lock_snippets.prompt_id];
  next bigint[];
BEGIN
  -- Once the row of a snippet is locked, what it serves stays, and so do the snippets that it uses. Most have been locked
  -- with the prompt; what was committed meanwhile can have brought more.
  LOOP
    SELECT array_agg(DISTINCT c.snippet_id) INTO next
      FROM promptreg.snippet_closure(lock_snippets.prompt_id, lock_snippets.version, env) c
     WHERE c.snippet_id <> ALL (locked);
    EXIT WHEN next IS NULL;
    PERFORM FROM promptreg.prompts p WHERE p.id = ANY (next) ORDER BY p.id FOR SHARE;
    locked := locked || next;
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg.lock_snippets(bigint, integer, text) IS
  'Keeps what the snippets of a version serve in an environment as it is until the transaction ends';

CREATE FUNCTION promptreg.raise_snippets(message text, in_use boolean, conditions jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = CASE WHEN in_use THEN 'PR061' ELSE 'PR062' END,
    MESSAGE = message,
    DETAIL = (SELECT string_agg(f.value ->> 'detail', E'\n' ORDER BY f.ordinality)
                FROM jsonb_array_elements(conditions) WITH ORDINALITY AS f (value, ordinality)),
    HINT = (SELECT string_agg(DISTINCT f.value ->> 'hint', E'\n') FROM jsonb_array_elements(conditions) AS f (value));
END;
$$;
COMMENT ON FUNCTION promptreg.raise_snippets(text, boolean, jsonb) IS 'The error for conditions that snippet_conditions found';

-- A rollback passes over gates, but not over this: what it would serve could not be rendered.
CREATE FUNCTION promptreg.check_snippets(prompt promptreg.prompts, version integer, env text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  conditions jsonb;
BEGIN
  PERFORM promptreg.lock_snippets(prompt.id, check_snippets.version, env);
  conditions := promptreg.snippet_conditions_now(prompt.id, env, check_snippets.version);
  IF conditions IS NOT NULL THEN
    PERFORM promptreg.raise_snippets(
      format('version %s of prompt "%s" cannot be served in %s', check_snippets.version, prompt.name, env), false, conditions);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_snippets(promptreg.prompts, integer, text) IS
  'Error unless a version can be served with the snippets and to the users that there are; locks the snippets';

CREATE FUNCTION promptreg.check_unused(prompt promptreg.prompts, env text, message text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  conditions jsonb := promptreg.snippet_conditions_now(prompt.id, env, NULL);
BEGIN
  IF conditions IS NOT NULL THEN
    PERFORM promptreg.raise_snippets(message, true, conditions);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_unused(promptreg.prompts, text, text) IS
  'Error if a prompt is used as a snippet, as it is served in an environment or (NULL) in whatever way; call it with the prompt locked';
