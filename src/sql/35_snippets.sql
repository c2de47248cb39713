-- Snippets: what templates name, and what that leads to.

CREATE FUNCTION promptreg.snippet_names(messages jsonb, variables jsonb, syntax text) RETURNS text[]
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_snippet_names';
COMMENT ON FUNCTION promptreg.snippet_names(jsonb, jsonb, text) IS
  'The names of the snippets in the templates of a version; a dynamic name stands for all values of its enum';

CREATE FUNCTION promptreg.check_composition(
  messages jsonb, variables jsonb, syntax text, escape text, snippets jsonb
) RETURNS void
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_check_composition';
COMMENT ON FUNCTION promptreg.check_composition(jsonb, jsonb, text, text, jsonb) IS
  'Error unless the templates of a version compile with these snippets';

CREATE FUNCTION promptreg.composition_problem(
  messages jsonb, variables jsonb, syntax text, escape text, snippets jsonb
) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_composition_problem';
COMMENT ON FUNCTION promptreg.composition_problem(jsonb, jsonb, text, text, jsonb) IS
  'Why the templates of a version do not compile with these snippets; NULL: they do';

-- The part behind the last @ of a name is a version if it is a number, and an environment if not.
CREATE FUNCTION promptreg.find_snippet(
  reference text, OUT snippet_id bigint, OUT snippet_version integer, OUT environment text, OUT problem text
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  parts text[] := regexp_match(reference, '^(.+)@([^@]+)$');
  found promptreg.prompts;
BEGIN
  SELECT p.* INTO found
    FROM promptreg.names n JOIN promptreg.prompts p ON p.id = n.prompt_id
   WHERE n.name = coalesce(parts[1], reference);
  snippet_id := found.id;
  IF parts[2] ~ '^[0-9]{1,9}$' THEN
    snippet_version := parts[2]::integer;
  ELSE
    environment := parts[2];
  END IF;
  problem := CASE
    WHEN found.id IS NULL OR NOT promptreg.allowed('read', found.name) THEN 'does not exist'
    WHEN found.kind <> 'text' THEN 'is a chat prompt: only text prompts can be inserted'
    WHEN found.archived_at IS NOT NULL THEN 'is archived'
    WHEN snippet_version NOT BETWEEN 1 AND found.head_version THEN 'does not exist: its prompt has no such version'
    WHEN environment IS NOT NULL AND NOT EXISTS (SELECT FROM promptreg.environments e WHERE e.name = find_snippet.environment)
      THEN 'does not exist: there is no such environment'
  END;
END;
$$;
COMMENT ON FUNCTION promptreg.find_snippet(text) IS
  'What the name of a snippet in a template means: a prompt, with a pinned version or an environment to follow, or the problem with it';

-- chosen gives the versions instead of the routes. moved_id, moved_env and moved_version say what would be served if it
-- were promoted.
CREATE FUNCTION promptreg.snippet_closure(
  prompt_id bigint, version integer, env text, chosen jsonb DEFAULT NULL, moved_id bigint DEFAULT NULL,
  moved_env text DEFAULT NULL, moved_version integer DEFAULT NULL
) RETURNS TABLE (reference text, snippet_id bigint, snippet text, environment text, snippet_version integer,
                 content_hash bytea, changed_by xid, changing xid, problem text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 3 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  WITH RECURSIVE used (reference, snippet_id, environment, version) AS (
    SELECT NULL::text, snippet_closure.prompt_id, NULL::text, snippet_closure.version
    UNION
    SELECT u.reference, u.snippet_id, f.environment,
           CASE WHEN u.snippet_version IS NOT NULL THEN u.snippet_version
                WHEN chosen IS NOT NULL
                  THEN CASE WHEN chosen ->> u.reference ~ '^[0-9]{1,9}$' THEN (chosen ->> u.reference)::integer END
                WHEN u.snippet_id = moved_id AND f.environment = moved_env THEN moved_version
                WHEN f.environment = 'latest'
                  THEN (SELECT nullif(p.head_version, 0) FROM promptreg.prompts p WHERE p.id = u.snippet_id)
                ELSE (SELECT r.version FROM promptreg.routes r
                       WHERE r.prompt_id = u.snippet_id AND r.environment = f.environment) END
      FROM used c
      JOIN promptreg.snippet_uses u ON u.prompt_id = c.snippet_id AND u.version = c.version,
           LATERAL (SELECT CASE WHEN u.snippet_version IS NULL THEN coalesce(u.environment, env) END) AS f (environment)
  )
  SELECT c.reference, c.snippet_id, p.name, c.environment, v.version, v.content_hash, r.xmin, r.xmax,
         CASE WHEN v.version IS NOT NULL THEN NULL
              WHEN chosen ? c.reference THEN format('has no version %s', chosen -> c.reference)
              WHEN chosen IS NOT NULL THEN 'is not among the versions given'
              WHEN c.environment = 'latest' THEN 'has no versions'
              ELSE format('is not deployed in %s', c.environment) END
    FROM used c
    JOIN promptreg.prompts p ON p.id = c.snippet_id
    LEFT JOIN promptreg.versions v ON v.prompt_id = c.snippet_id AND v.version = c.version
    LEFT JOIN promptreg.routes r ON r.prompt_id = c.snippet_id AND r.environment = c.environment
   WHERE c.reference IS NOT NULL
   ORDER BY c.reference COLLATE "C";
END;
$$;
COMMENT ON FUNCTION promptreg.snippet_closure(bigint, integer, text, jsonb, bigint, text, integer) IS
  'All snippets, those of snippets included, that a version uses in an environment, with the versions of them that go in';

CREATE FUNCTION promptreg.compose(
  prompt_id bigint, version integer, env text, chosen jsonb DEFAULT NULL, moved_id bigint DEFAULT NULL,
  moved_env text DEFAULT NULL, moved_version integer DEFAULT NULL
) RETURNS TABLE (messages jsonb, variables jsonb, syntax text, escape text, snippets jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  own promptreg.versions;
BEGIN
  SELECT v.* INTO own FROM promptreg.versions v WHERE v.prompt_id = compose.prompt_id AND v.version = compose.version;
  RETURN QUERY
  SELECT own.messages, own.variables, own.syntax, own.escape,
         coalesce(jsonb_object_agg(c.reference,
           CASE WHEN c.problem IS NOT NULL THEN jsonb_build_object('problem', c.problem)
                ELSE jsonb_build_object('text', v.messages -> 0 -> 'content', 'syntax', v.syntax, 'variables', v.variables) END)
           FILTER (WHERE c.reference IS NOT NULL), '{}')
    FROM promptreg.snippet_closure(own.prompt_id, own.version, env, chosen, moved_id, moved_env, moved_version) c
    LEFT JOIN promptreg.versions v ON v.prompt_id = c.snippet_id AND v.version = c.snippet_version;
END;
$$;
COMMENT ON FUNCTION promptreg.compose(bigint, integer, text, jsonb, bigint, text, integer) IS
  'What a version is compiled from in an environment: its messages, its declarations, and its snippets with theirs';

-- What was once served is no secret to those who may read a prompt that it went into; other versions are.
CREATE FUNCTION promptreg.chosen_snippet_problems(prompt_id bigint, version integer, env text, chosen jsonb)
RETURNS TABLE (problem text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  WITH used AS MATERIALIZED (
    SELECT c.* FROM promptreg.snippet_closure(chosen_snippet_problems.prompt_id, chosen_snippet_problems.version, env, chosen) c
  )
  SELECT format('Snippet "%s" %s.', u.reference, coalesce(u.problem, format('has no version %s', u.snippet_version)))
    FROM used u
   WHERE u.problem IS NOT NULL
      OR (u.environment IS NOT NULL AND NOT promptreg.allowed('read', u.snippet)
          AND NOT EXISTS (SELECT FROM promptreg.deployments d
                           WHERE d.prompt_id = u.snippet_id AND d.version = u.snippet_version))
  UNION ALL
  SELECT format('Snippet "%s" is pinned to version %s, not %s.', u.reference, u.snippet_version, chosen -> u.reference)
    FROM used u
   WHERE u.environment IS NULL AND chosen ? u.reference AND chosen -> u.reference <> to_jsonb(u.snippet_version)
  UNION ALL
  SELECT format('Snippet "%s" is not used by this version.', k.key)
    FROM jsonb_object_keys(chosen) AS k (key)
   WHERE k.key NOT IN (SELECT u.reference FROM used u);
END;
$$;
COMMENT ON FUNCTION promptreg.chosen_snippet_problems(bigint, integer, text, jsonb) IS
  'What is wrong with the versions of snippets with which a version is to be rendered';
