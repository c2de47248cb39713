-- What applications call. STABLE and PARALLEL SAFE: they only read, on a hot standby too.

CREATE TYPE promptreg.resolution AS (
  prompt      text,
  version     integer,
  version_id  bigint,
  environment text,
  experiment  text,
  variant     text,
  reason      text,
  text        text,
  messages    jsonb,
  model       text,
  params      jsonb
);
COMMENT ON TYPE promptreg.resolution IS 'A finished prompt, and how it was chosen';
COMMENT ON COLUMN promptreg.resolution.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.resolution.version IS 'Number of the version';
COMMENT ON COLUMN promptreg.resolution.version_id IS 'Internal key of the version';
COMMENT ON COLUMN promptreg.resolution.environment IS 'Environment asked for';
COMMENT ON COLUMN promptreg.resolution.experiment IS 'Key of the experiment that decided; NULL: none';
COMMENT ON COLUMN promptreg.resolution.variant IS 'Variant of the experiment; NULL: none';
COMMENT ON COLUMN promptreg.resolution.reason IS
  'deployed, experiment, control (the experiment does not enrol this user), override, rollout or latest';
COMMENT ON COLUMN promptreg.resolution.text IS 'The finished text of a text prompt';
COMMENT ON COLUMN promptreg.resolution.messages IS 'The finished messages of a chat prompt';
COMMENT ON COLUMN promptreg.resolution.model IS 'Model the version was written for';
COMMENT ON COLUMN promptreg.resolution.params IS 'Parameters of the model call';

CREATE TYPE promptreg.assignment AS (
  experiment text,
  variant    text,
  version    integer,
  reason     text,
  slot       integer
);
COMMENT ON TYPE promptreg.assignment IS 'Which version a user gets, and why';
COMMENT ON COLUMN promptreg.assignment.experiment IS 'Key of the experiment that decided; NULL: none';
COMMENT ON COLUMN promptreg.assignment.variant IS 'Variant; NULL: none';
COMMENT ON COLUMN promptreg.assignment.version IS 'Number of the version';
COMMENT ON COLUMN promptreg.assignment.reason IS 'deployed, experiment, control, override, rollout or latest';
COMMENT ON COLUMN promptreg.assignment.slot IS
  'Coverage slot of the user, 0 to 999999, compared with the coverage; NULL without an experiment or a user';

CREATE FUNCTION @extschema@.prompt_resolve(
  name text, env text DEFAULT 'production', user_id text DEFAULT NULL, vars jsonb DEFAULT '{}'
) RETURNS promptreg.resolution
LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'promptreg_resolve';
COMMENT ON FUNCTION @extschema@.prompt_resolve(text, text, text, jsonb) IS
  'The finished prompt that is served to a user in an environment, with model, parameters and the reason for the choice. Right: resolve';

CREATE FUNCTION @extschema@.prompt_render(
  name text, env text DEFAULT 'production', user_id text DEFAULT NULL, vars jsonb DEFAULT '{}'
) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'promptreg_render';
COMMENT ON FUNCTION @extschema@.prompt_render(text, text, text, jsonb) IS
  'The finished text of a text prompt that is served to a user in an environment. Right: resolve';

CREATE FUNCTION @extschema@.prompt_render_text(
  name text, env text DEFAULT 'production', user_id text DEFAULT NULL, vars text DEFAULT '{}'
) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'promptreg_render_text';
COMMENT ON FUNCTION @extschema@.prompt_render_text(text, text, text, text) IS
  'What prompt_render returns, from variables that are the text of a JSON object: faster for large ones. Right: resolve';

CREATE FUNCTION @extschema@.prompt_messages(
  name text, env text DEFAULT 'production', user_id text DEFAULT NULL, vars jsonb DEFAULT '{}'
) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'promptreg_messages';
COMMENT ON FUNCTION @extschema@.prompt_messages(text, text, text, jsonb) IS
  'The finished messages, [{"role", "content"}, ...], of a prompt of either kind. Right: resolve';

CREATE FUNCTION @extschema@.prompt_request(
  name text, env text DEFAULT 'production', user_id text DEFAULT NULL, vars jsonb DEFAULT '{}',
  provider text DEFAULT 'openai'
) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'promptreg_request';
COMMENT ON FUNCTION @extschema@.prompt_request(text, text, text, jsonb, text) IS
  'The body of a request to openai, anthropic or gemini: finished messages, model and parameters in the provider''s own form. Right: resolve';

CREATE TYPE promptreg.span AS (
  message  integer,
  part     integer,
  start    integer,
  length   integer,
  variable text,
  trusted  boolean,
  snippet  text,
  text     text
);
COMMENT ON TYPE promptreg.span IS 'A piece of a finished prompt, and where it comes from';
COMMENT ON COLUMN promptreg.span.message IS 'Which of the messages, from 0; 0 for a text prompt';
COMMENT ON COLUMN promptreg.span.part IS 'Which part of its content, from 0; NULL: the content is one text';
COMMENT ON COLUMN promptreg.span.start IS 'Where in that text it starts, in bytes, from 0';
COMMENT ON COLUMN promptreg.span.length IS 'How many bytes it has';
COMMENT ON COLUMN promptreg.span.variable IS 'The variable whose value, or a part of it, this is, or the placeholder it was passed for; NULL: the text of a template';
COMMENT ON COLUMN promptreg.span.trusted IS 'Whether it is the text of a template, or of a variable that is declared as trusted';
COMMENT ON COLUMN promptreg.span.snippet IS 'The snippet that it, or the tag of the variable, is written in, as templates name it; NULL: the version itself';
COMMENT ON COLUMN promptreg.span.text IS 'The piece itself';

CREATE FUNCTION @extschema@.prompt_spans(
  name text, env text DEFAULT 'production', user_id text DEFAULT NULL, vars jsonb DEFAULT '{}'
) RETURNS SETOF promptreg.span
LANGUAGE c STABLE PARALLEL SAFE COST 20 ROWS 20 AS 'MODULE_PATHNAME', 'promptreg_spans';
COMMENT ON FUNCTION @extschema@.prompt_spans(text, text, text, jsonb) IS
  'The texts of the finished messages in pieces, each with the variable and the snippet that it comes from: in order and without gaps. Right: resolve';

CREATE FUNCTION @extschema@.prompt_assign(
  name text, env text DEFAULT 'production', user_id text DEFAULT NULL
) RETURNS promptreg.assignment
LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'promptreg_assign';
COMMENT ON FUNCTION @extschema@.prompt_assign(text, text, text) IS
  'Which version and variant a user gets in an environment, without rendering it. Right: resolve';

CREATE FUNCTION @extschema@.prompt_render_version(
  name text, version integer, vars jsonb DEFAULT '{}', snippets jsonb DEFAULT NULL
) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'promptreg_render_version';
COMMENT ON FUNCTION @extschema@.prompt_render_version(text, integer, jsonb, jsonb) IS
  'The finished text of a version of a text prompt, deployed or not; the messages as JSON text for a chat prompt. snippets: versions of the snippets that it follows, as prompt_snippets gives them. Right: read';

CREATE FUNCTION @extschema@.prompt_snippets(name text, env text DEFAULT 'production', user_id text DEFAULT NULL) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'promptreg_snippets';
COMMENT ON FUNCTION @extschema@.prompt_snippets(text, text, text) IS
  'The versions of all snippets that go into what a user gets, {"name": version}, for prompt_render_version. Right: resolve';

CREATE FUNCTION @extschema@.prompt_render_template(
  template text, vars jsonb DEFAULT '{}', snippets jsonb DEFAULT '{}', escape text DEFAULT 'none',
  syntax text DEFAULT 'mustache'
) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'promptreg_render_template';
COMMENT ON FUNCTION @extschema@.prompt_render_template(text, jsonb, jsonb, text, text) IS
  'Renders a template that is not stored, for previews and tests; vars may be any JSON value, snippets an object of texts by name';

CREATE FUNCTION @extschema@.prompt_explain(
  name text, env text DEFAULT 'production', user_id text DEFAULT NULL, vars jsonb DEFAULT '{}'
) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'promptreg_explain';
COMMENT ON FUNCTION @extschema@.prompt_explain(text, text, text, jsonb) IS
  'Why a user gets what prompt_resolve returns: route, experiment, slot, coverage, weights, missing and unused variables, state of the cache. Right: read';

-- Which of the errors a name deserves that leads to no served version. The names in it are only those that the caller
-- may know.
CREATE FUNCTION promptreg.raise_unresolved(name text, env text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found promptreg.prompts;
BEGIN
  SELECT p.* INTO found
    FROM promptreg.names n JOIN promptreg.prompts p ON p.id = n.prompt_id
   WHERE n.name = raise_unresolved.name;
  IF found.id IS NULL OR NOT promptreg.allowed('read', found.name) THEN
    PERFORM promptreg.raise_undefined_prompt(raise_unresolved.name);
  END IF;
  IF raise_unresolved.env = 'latest' THEN
    PERFORM promptreg.raise_undefined_version(found, NULL);
  END IF;
  PERFORM promptreg.check_environment(raise_unresolved.env);
  PERFORM promptreg.raise_not_deployed(found, raise_unresolved.env);
END;
$$;
COMMENT ON FUNCTION promptreg.raise_unresolved(text, text) IS 'The error for a name and environment that lead to no served version';
