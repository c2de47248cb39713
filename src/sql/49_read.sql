-- Reading prompts and versions.

CREATE TYPE promptreg.version_detail AS (
  prompt         text,
  version        integer,
  kind           text,
  template       text,
  messages       jsonb,
  variables      jsonb,
  model          text,
  params         jsonb,
  metadata       jsonb,
  syntax         text,
  escape         text,
  parent_version integer,
  branch         text,
  message        text,
  author         text,
  created_at     timestamptz,
  status         text,
  environments   text[],
  content_hash   bytea,
  chain_hash     bytea
);
COMMENT ON TYPE promptreg.version_detail IS 'A version as its readers see it';
COMMENT ON COLUMN promptreg.version_detail.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.version_detail.version IS 'Number of the version';
COMMENT ON COLUMN promptreg.version_detail.kind IS 'text or chat';
COMMENT ON COLUMN promptreg.version_detail.template IS 'Template of a text prompt; NULL for chat';
COMMENT ON COLUMN promptreg.version_detail.messages IS 'Messages of a chat prompt; NULL for text';
COMMENT ON COLUMN promptreg.version_detail.variables IS 'Declarations of variables; NULL: inferred from the templates';
COMMENT ON COLUMN promptreg.version_detail.model IS 'Model the version was written for';
COMMENT ON COLUMN promptreg.version_detail.params IS 'Parameters of the model call';
COMMENT ON COLUMN promptreg.version_detail.metadata IS 'Anything else worth keeping';
COMMENT ON COLUMN promptreg.version_detail.syntax IS 'Template syntax';
COMMENT ON COLUMN promptreg.version_detail.escape IS 'Escape mode';
COMMENT ON COLUMN promptreg.version_detail.parent_version IS 'Version it was made from';
COMMENT ON COLUMN promptreg.version_detail.branch IS 'Branch it was committed on';
COMMENT ON COLUMN promptreg.version_detail.message IS 'Commit message';
COMMENT ON COLUMN promptreg.version_detail.author IS 'Role that committed it';
COMMENT ON COLUMN promptreg.version_detail.created_at IS 'When it was committed';
COMMENT ON COLUMN promptreg.version_detail.status IS 'draft, testing, active or archived';
COMMENT ON COLUMN promptreg.version_detail.environments IS 'Environments that serve it now';
COMMENT ON COLUMN promptreg.version_detail.content_hash IS 'SHA-256 over the canonical form of what the version says';
COMMENT ON COLUMN promptreg.version_detail.chain_hash IS 'Chain hash';

CREATE FUNCTION promptreg.version_details(prompt promptreg.prompts) RETURNS SETOF promptreg.version_detail
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT (version_details.prompt).name, v.version, (version_details.prompt).kind,
         CASE (version_details.prompt).kind WHEN 'text' THEN v.messages -> 0 ->> 'content' END,
         CASE (version_details.prompt).kind WHEN 'chat' THEN v.messages END,
         v.variables, v.model, v.params, v.metadata, v.syntax, v.escape, v.parent_version, v.branch, v.message,
         v.author, v.created_at, s.status, coalesce(string_to_array(s.environments, ', '), '{}'), v.content_hash, v.chain_hash
    FROM ONLY promptreg.versions v
    -- By name, too, which the view, ordered as it is, looks up by index.
    JOIN promptreg.version_status s ON s.prompt = (version_details.prompt).name AND s.version_id = v.id
   WHERE v.prompt_id = (version_details.prompt).id;
END;
COMMENT ON FUNCTION promptreg.version_details(promptreg.prompts) IS 'The versions of a prompt as readers see them';

CREATE FUNCTION promptreg.served_version(prompt promptreg.prompts, env text) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  served integer;
BEGIN
  IF served_version.env = 'latest' THEN
    RETURN prompt.head_version;
  END IF;
  PERFORM promptreg.check_environment(served_version.env);
  SELECT r.version INTO served FROM promptreg.routes r
   WHERE r.prompt_id = prompt.id AND r.environment = served_version.env;
  IF served IS NULL THEN
    PERFORM promptreg.raise_not_deployed(served_version.prompt, served_version.env);
  END IF;
  RETURN served;
END;
$$;
COMMENT ON FUNCTION promptreg.served_version(promptreg.prompts, text) IS 'The version deployed in an environment, or an error';

CREATE FUNCTION promptreg.chosen_version(prompt promptreg.prompts, version integer, env text) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF chosen_version.version IS NULL AND (prompt.head_version > 0 OR chosen_version.env <> 'latest') THEN
    RETURN promptreg.served_version(chosen_version.prompt, chosen_version.env);
  END IF;
  IF chosen_version.env <> 'latest' THEN
    PERFORM promptreg.check_environment(chosen_version.env);
  END IF;
  PERFORM promptreg.check_version(chosen_version.prompt, coalesce(chosen_version.version, prompt.head_version));
  RETURN chosen_version.version;
END;
$$;
COMMENT ON FUNCTION promptreg.chosen_version(promptreg.prompts, integer, text) IS
  'The version with a number, or (NULL) the one that an environment serves; an error where there is none';

CREATE FUNCTION promptreg.version_detail(prompt promptreg.prompts, version integer) RETURNS promptreg.version_detail
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  detail promptreg.version_detail;
BEGIN
  PERFORM promptreg.check_version(version_detail.prompt, version_detail.version);
  SELECT d.* INTO detail FROM promptreg.version_details(version_detail.prompt) d WHERE d.version = version_detail.version;
  RETURN detail;
END;
$$;
COMMENT ON FUNCTION promptreg.version_detail(promptreg.prompts, integer) IS 'A version as readers see it, or an error';

CREATE FUNCTION promptreg._prompt_get(name text, version integer DEFAULT NULL) RETURNS promptreg.version_detail
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_get.name, "right" => 'read');
BEGIN
  RETURN promptreg.version_detail(target, coalesce(_prompt_get.version, target.head_version));
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_get(text, integer) IS
  'A version of a prompt by its number, or the newest. Right: read';

CREATE FUNCTION promptreg._prompt_get(name text, env text) RETURNS promptreg.version_detail
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_get.name, "right" => 'read');
BEGIN
  RETURN promptreg.version_detail(target, promptreg.served_version(target, _prompt_get.env));
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_get(text, text) IS
  'The version of a prompt that is deployed in an environment; latest: the newest. Right: read';

CREATE FUNCTION promptreg._prompt_get(name text, version integer, env text) RETURNS promptreg.version_detail
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.open_prompt(name => _prompt_get.name, "right" => 'read');
  RAISE EXCEPTION USING
    ERRCODE = 'PR046',
    MESSAGE = 'both a version and an environment are given',
    DETAIL = format('Version %s, environment %s.', _prompt_get.version, _prompt_get.env),
    HINT = 'Give one of them, or neither for the newest version.';
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_get(text, integer, text) IS
  'An error: a version is chosen by its number or by an environment, not by both. Right: read';

CREATE FUNCTION promptreg._prompt_history(name text) RETURNS SETOF promptreg.version_detail
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
    SELECT d.*
      FROM promptreg.version_details(promptreg.open_prompt(name => _prompt_history.name, "right" => 'read')) d
     ORDER BY d.version DESC;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_history(text) IS 'All versions of a prompt, newest first. Right: read';

CREATE FUNCTION promptreg._prompt_deployments(name text, env text DEFAULT NULL) RETURNS SETOF promptreg.deployment
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_deployments.name, "right" => 'read');
BEGIN
  IF _prompt_deployments.env IS NOT NULL THEN
    PERFORM promptreg.check_environment(_prompt_deployments.env);
  END IF;
  RETURN QUERY
    SELECT target.name, d.environment, d.version, d.previous, d.event, d.number, d.reason, d.deployed_by, d.deployed_at
      FROM ONLY promptreg.deployments d
     WHERE d.prompt_id = target.id AND (_prompt_deployments.env IS NULL OR d.environment = _prompt_deployments.env)
     ORDER BY d.id DESC;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_deployments(text, text) IS
  'Promotions, rollbacks and retirements of a prompt, newest first. Right: read';

CREATE TYPE promptreg.prompt_overview AS (
  prompt       text,
  kind         text,
  description  text,
  tags         text[],
  team         text,
  head_version integer,
  served       jsonb,
  aliases      text[],
  created_by   text,
  created_at   timestamptz,
  archived_at  timestamptz
);
COMMENT ON TYPE promptreg.prompt_overview IS 'A prompt in a list';
COMMENT ON COLUMN promptreg.prompt_overview.prompt IS 'Name';
COMMENT ON COLUMN promptreg.prompt_overview.kind IS 'text or chat';
COMMENT ON COLUMN promptreg.prompt_overview.description IS 'What the prompt is for';
COMMENT ON COLUMN promptreg.prompt_overview.tags IS 'Tags';
COMMENT ON COLUMN promptreg.prompt_overview.team IS 'Who owns it';
COMMENT ON COLUMN promptreg.prompt_overview.head_version IS 'Number of the newest version; 0: none';
COMMENT ON COLUMN promptreg.prompt_overview.served IS 'Version served in each environment, as an object';
COMMENT ON COLUMN promptreg.prompt_overview.aliases IS 'Its other names';
COMMENT ON COLUMN promptreg.prompt_overview.created_by IS 'Role that created it';
COMMENT ON COLUMN promptreg.prompt_overview.created_at IS 'When it was created';
COMMENT ON COLUMN promptreg.prompt_overview.archived_at IS 'When it was archived; NULL while in use';

CREATE FUNCTION promptreg.overview(prompt promptreg.prompts) RETURNS promptreg.prompt_overview
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN ROW((prompt).name, (prompt).kind, (prompt).description, (prompt).tags, (prompt).team, (prompt).head_version,
  (SELECT coalesce(jsonb_object_agg(r.environment, r.version), '{}') FROM promptreg.routes r
    WHERE r.prompt_id = (prompt).id AND r.version IS NOT NULL),
  ARRAY(SELECT n.name FROM promptreg.names n
         WHERE n.prompt_id = (prompt).id AND n.name <> (prompt).name ORDER BY n.name),
  (prompt).created_by, (prompt).created_at, (prompt).archived_at)::promptreg.prompt_overview;
COMMENT ON FUNCTION promptreg.overview(promptreg.prompts) IS 'A prompt as it stands in lists';

CREATE FUNCTION promptreg._prompt_list(
  tag text DEFAULT NULL, folder text DEFAULT NULL, team text DEFAULT NULL, archived boolean DEFAULT false
) RETURNS SETOF promptreg.prompt_overview
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  prefix text := rtrim(_prompt_list.folder, '/') || '/';
  found promptreg.prompts;
BEGIN
  PERFORM promptreg.allowed('read', NULL);
  FOR found IN
    SELECT p.* FROM promptreg.prompts p
     WHERE (_prompt_list.tag IS NULL OR _prompt_list.tag = ANY (p.tags))
       AND (prefix IS NULL OR starts_with(p.name, prefix))
       AND (_prompt_list.team IS NULL OR p.team = _prompt_list.team)
       AND (p.archived_at IS NOT NULL) = coalesce(_prompt_list.archived, false)
       AND promptreg.allowed('read', p.name)
     ORDER BY p.name COLLATE "C"
  LOOP
    RETURN NEXT promptreg.overview(found);
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_list(text, text, text, boolean) IS
  'Prompts that the caller may read, by tag, folder (with its subfolders) and team; archived => true lists the archived ones';

CREATE FUNCTION promptreg._prompt_search(query text) RETURNS SETOF promptreg.prompt_overview
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  words text[] := regexp_split_to_array(lower(trim(coalesce(_prompt_search.query, ''))), '[[:space:]]+');
  found promptreg.prompts;
BEGIN
  PERFORM promptreg.allowed('read', NULL);
  FOR found IN
    SELECT p.* FROM promptreg.prompts p
     WHERE promptreg.allowed('read', p.name)
       AND (SELECT bool_and(strpos(lower(concat_ws(E'\n', p.name, p.description, p.team, array_to_string(p.tags, E'\n'))), w.word) > 0)
              FROM unnest(words) AS w (word))
     ORDER BY p.archived_at IS NOT NULL, p.name COLLATE "C"
  LOOP
    RETURN NEXT promptreg.overview(found);
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_search(text) IS
  'Prompts that the caller may read whose name, description, tags and team contain every word of the query, archived ones last';

CREATE TYPE promptreg.variable AS (
  name        text,
  type        text,
  required    boolean,
  nullable    boolean,
  "default"   jsonb,
  pattern     text,
  min         numeric,
  max         numeric,
  "values"    text[],
  description text,
  example     jsonb,
  trusted     boolean,
  filter      text,
  coerce      boolean,
  used        boolean,
  source      text,
  snippet     text
);
COMMENT ON TYPE promptreg.variable IS 'A variable of a version';
COMMENT ON COLUMN promptreg.variable.name IS 'Name; a dotted name in a template is that of its first part';
COMMENT ON COLUMN promptreg.variable.type IS 'string, number, integer, boolean, array, object or enum; messages: a placeholder; any: of any type, as what is inferred is';
COMMENT ON COLUMN promptreg.variable.required IS 'Whether leaving it out is an error';
COMMENT ON COLUMN promptreg.variable.nullable IS 'Whether null is a value';
COMMENT ON COLUMN promptreg.variable."default" IS 'Used where it is left out';
COMMENT ON COLUMN promptreg.variable.pattern IS 'Regular expression for the whole of the string';
COMMENT ON COLUMN promptreg.variable.min IS 'Least value, length or number of elements';
COMMENT ON COLUMN promptreg.variable.max IS 'Greatest value, length or number of elements';
COMMENT ON COLUMN promptreg.variable."values" IS 'Values of an enum';
COMMENT ON COLUMN promptreg.variable.description IS 'For people';
COMMENT ON COLUMN promptreg.variable.example IS 'A value that it may have';
COMMENT ON COLUMN promptreg.variable.trusted IS 'Whether what comes in is the application''s own';
COMMENT ON COLUMN promptreg.variable.filter IS 'Filters of tags that have none';
COMMENT ON COLUMN promptreg.variable.coerce IS 'Whether a value of another type is taken for what it says';
COMMENT ON COLUMN promptreg.variable.used IS 'Whether a template uses it';
COMMENT ON COLUMN promptreg.variable.source IS 'declared, placeholder, or inferred from its use';
COMMENT ON COLUMN promptreg.variable.snippet IS 'Snippet that declares it, or in which alone it is used, as templates name it; NULL: the version itself';

CREATE FUNCTION promptreg.version_variables(name text, version integer, env text) RETURNS jsonb
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'promptreg_version_variables';
COMMENT ON FUNCTION promptreg.version_variables(text, integer, text) IS
  'The variables of a version, compiled with the snippets of an environment: declarations, and what was inferred. Right: read';

CREATE FUNCTION promptreg._prompt_variables(name text, version integer DEFAULT NULL, env text DEFAULT 'latest')
RETURNS SETOF promptreg.variable
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_variables.name, "right" => 'read');
  number integer := promptreg.chosen_version(target, _prompt_variables.version, _prompt_variables.env);
BEGIN
  RETURN QUERY
    SELECT v.value ->> 'name', v.value ->> 'type', coalesce((v.value ->> 'required')::boolean, false),
           coalesce((v.value ->> 'nullable')::boolean, false), v.value -> 'default', v.value ->> 'pattern',
           (v.value ->> 'min')::numeric, (v.value ->> 'max')::numeric,
           CASE WHEN v.value ? 'values' THEN ARRAY(SELECT jsonb_array_elements_text(v.value -> 'values')) END,
           v.value ->> 'description', v.value -> 'example', coalesce((v.value ->> 'trusted')::boolean, false),
           v.value ->> 'filter', coalesce((v.value ->> 'coerce')::boolean, false), (v.value ->> 'used')::boolean,
           CASE WHEN v.value ->> 'type' = 'messages' THEN 'placeholder'
                WHEN (v.value ->> 'declared')::boolean THEN 'declared'
                ELSE 'inferred' END,
           v.value ->> 'snippet'
      FROM jsonb_array_elements(promptreg.version_variables(target.name, number, _prompt_variables.env)) WITH ORDINALITY AS v (value, ordinality)
     ORDER BY v.ordinality;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_variables(text, integer, text) IS
  'The variables of a version, by default the one that the environment serves, and of its snippets there: declared, placeholders, or inferred from the templates. Right: read';
