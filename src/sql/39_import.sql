-- Prompts of other tools, converted when they are committed.

CREATE FUNCTION promptreg.import_langfuse(messages jsonb) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_import_langfuse';
COMMENT ON FUNCTION promptreg.import_langfuse(jsonb) IS
  'Messages of Langfuse in this language; an error with the position for what has no counterpart in it';

-- What was imported stays with the version.
CREATE FUNCTION promptreg.keep_original(metadata jsonb, syntax text, template text, messages jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF keep_original.metadata ? 'original' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR046',
      MESSAGE = 'metadata.original is where an import keeps what was imported',
      HINT = 'Use another key.';
  END IF;
  RETURN keep_original.metadata || jsonb_build_object('original', jsonb_strip_nulls(jsonb_build_object('syntax', keep_original.syntax, 'template', keep_original.template))
    || CASE WHEN keep_original.messages IS NULL THEN '{}' ELSE jsonb_build_object('messages', keep_original.messages) END);
END;
$$;
COMMENT ON FUNCTION promptreg.keep_original(jsonb, text, text, jsonb) IS
  'Metadata of a version that is imported, with the template or the messages as they were';

CREATE FUNCTION promptreg.import_dotprompt(source text, kind text) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_import_dotprompt';
COMMENT ON FUNCTION promptreg.import_dotprompt(text, text) IS
  'What a file of Dotprompt says in this language: kind, messages, params, and where it says so model and variables; kind text: refuse a chat';

-- Which kind a prompt gets that a template is registered for.
CREATE FUNCTION promptreg.kind_of_template(template text, syntax text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF syntax = 'dotprompt' AND template IS NOT NULL THEN
    RETURN promptreg.import_dotprompt(source => template, kind => 'chat') ->> 'kind';
  END IF;
  RETURN 'text';
END;
$$;
COMMENT ON FUNCTION promptreg.kind_of_template(text, text) IS
  'The kind of prompt that a template makes: text, or for a file of Dotprompt with roles chat';
