-- Registering: create what is missing, commit what is new, and say which version has this content. Running it again
-- changes nothing, which is what continuous integration and deploy scripts need.

CREATE FUNCTION promptreg.ensure_prompt(name text, kind text, description text, tags text[], team text)
RETURNS promptreg.prompts
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.check_name(ensure_prompt.name);
  IF NOT EXISTS (SELECT FROM promptreg.names n WHERE n.name = ensure_prompt.name) THEN
    -- Refused in the same words as for a prompt that exists.
    PERFORM promptreg.authorize("right" => 'author', name => ensure_prompt.name, env => NULL,
                                asked_name => ensure_prompt.name);
    BEGIN
      PERFORM promptreg._prompt_create(name => ensure_prompt.name, description => ensure_prompt.description,
        kind => ensure_prompt.kind, tags => ensure_prompt.tags, team => ensure_prompt.team);
    EXCEPTION WHEN SQLSTATE 'PR041' THEN
      -- Somebody else has just created it. A snapshot from before that cannot go on from there.
      IF NOT EXISTS (SELECT FROM promptreg.names n WHERE n.name = ensure_prompt.name) THEN
        RAISE EXCEPTION USING
          ERRCODE = 'serialization_failure',
          MESSAGE = format('could not serialize access due to concurrent creation of prompt "%s"', ensure_prompt.name),
          HINT = 'The transaction might succeed if retried.';
      END IF;
    END;
  END IF;
  RETURN promptreg.open_prompt(name => ensure_prompt.name, "right" => 'author');
END;
$$;
COMMENT ON FUNCTION promptreg.ensure_prompt(text, text, text, text[], text) IS 'The prompt of a name, created if it is missing';

CREATE FUNCTION promptreg.register_content(
  prompt promptreg.prompts, template text, messages jsonb, variables jsonb, model text, params jsonb, message text,
  syntax text, escape text, metadata jsonb
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  draft promptreg.draft := promptreg.make_draft(kind => prompt.kind, template => template, messages => messages,
    variables => variables, model => model, params => params, syntax => syntax, escape => escape,
    metadata => metadata);
  locked promptreg.prompts := promptreg.lock_for_commit(prompt => register_content.prompt, draft => draft);
  existing integer;
BEGIN
  SELECT max(v.version) INTO existing
    FROM promptreg.versions v
   WHERE v.prompt_id = prompt.id AND v.content_hash = draft.content_hash;
  RETURN coalesce(existing, promptreg.commit_version(prompt => locked, draft => draft,
    message => register_content.message, parent_version => NULL, branch => 'main'));
END;
$$;
COMMENT ON FUNCTION promptreg.register_content(promptreg.prompts, text, jsonb, jsonb, text, jsonb, text, text, text, jsonb) IS
  'The newest version of a prompt with this content, committed if there is none';

CREATE FUNCTION promptreg._prompt_register(
  name text, template text, variables jsonb DEFAULT NULL, model text DEFAULT NULL, params jsonb DEFAULT NULL,
  message text DEFAULT NULL, syntax text DEFAULT 'mustache', escape text DEFAULT 'none', metadata jsonb DEFAULT NULL,
  description text DEFAULT NULL, tags text[] DEFAULT '{}', team text DEFAULT NULL
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN promptreg.register_content(
    prompt => promptreg.ensure_prompt(name => name, description => description, tags => tags, team => team,
      kind => promptreg.kind_of_template(template => template, syntax => syntax)),
    template => template, messages => NULL, variables => variables, model => model, params => params,
    message => message, syntax => syntax, escape => escape, metadata => metadata);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_register(text, text, jsonb, text, jsonb, text, text, text, jsonb, text, text[], text) IS
  'Creates a text prompt (a chat prompt for a file of Dotprompt with roles) if it is missing and commits the content unless a version has it already; returns that version''s number. Right: author';

CREATE FUNCTION promptreg._prompt_register(
  name text, messages jsonb, variables jsonb DEFAULT NULL, model text DEFAULT NULL, params jsonb DEFAULT NULL,
  message text DEFAULT NULL, syntax text DEFAULT 'mustache', escape text DEFAULT 'none', metadata jsonb DEFAULT NULL,
  description text DEFAULT NULL, tags text[] DEFAULT '{}', team text DEFAULT NULL
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN promptreg.register_content(
    prompt => promptreg.ensure_prompt(name => name, kind => 'chat', description => description, tags => tags, team => team),
    template => NULL, messages => messages, variables => variables, model => model, params => params,
    message => message, syntax => syntax, escape => escape, metadata => metadata);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_register(text, jsonb, jsonb, text, jsonb, text, text, text, jsonb, text, text[], text) IS
  'Creates a chat prompt if it is missing and commits the content unless a version has it already; returns that version''s number. Right: author';
