-- Recording which snippets a version uses.

-- The uses as history records them.
CREATE FUNCTION promptreg.uses_as_json(prompt_id bigint, version integer) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT jsonb_object_agg(u.reference, jsonb_strip_nulls(jsonb_build_object(
                 'prompt', p.name, 'version', u.snippet_version, 'environment', u.environment)))
          FROM ONLY promptreg.snippet_uses u JOIN promptreg.prompts p ON p.id = u.snippet_id
         WHERE u.prompt_id = uses_as_json.prompt_id AND u.version = uses_as_json.version);
COMMENT ON FUNCTION promptreg.uses_as_json(bigint, integer) IS 'The snippets that a version names, as an object; NULL: none';

-- Called with the version in place, so that a template can include itself through a section.
CREATE FUNCTION promptreg.record_snippet_uses(prompt_id bigint, version integer, messages jsonb, variables jsonb, syntax text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  names text[] := promptreg.snippet_names(messages, variables, syntax);
BEGIN
  IF cardinality(names) = 0 THEN
    RETURN;
  END IF;
  PERFORM FROM promptreg.prompts p
    WHERE p.id IN (SELECT (promptreg.find_snippet(n.name)).snippet_id FROM unnest(names) AS n (name))
      AND p.id <> record_snippet_uses.prompt_id
    ORDER BY p.id FOR SHARE;
  INSERT INTO promptreg.snippet_uses (prompt_id, version, reference, snippet_id, snippet_version, environment)
  SELECT record_snippet_uses.prompt_id, record_snippet_uses.version, n.name, f.snippet_id, f.snippet_version, f.environment
    FROM unnest(names) AS n (name), promptreg.find_snippet(n.name) f
   WHERE f.problem IS NULL;
  PERFORM promptreg.check_composition(o.messages, o.variables, o.syntax, o.escape, o.snippets || coalesce(b.problems, '{}'))
     FROM promptreg.compose(record_snippet_uses.prompt_id, record_snippet_uses.version, 'latest') o,
          (SELECT jsonb_object_agg(n.name, jsonb_build_object('problem', f.problem)) AS problems
             FROM unnest(names) AS n (name), promptreg.find_snippet(n.name) f
            WHERE f.problem IS NOT NULL) b;
END;
$$;
COMMENT ON FUNCTION promptreg.record_snippet_uses(bigint, integer, jsonb, jsonb, text) IS
  'Records which snippets a version names, and refuses what could not be rendered with them';
