-- Committing versions.

-- What a version says, checked and hashed, before it has a number.
CREATE TYPE promptreg.draft AS (
  messages     jsonb,
  variables    jsonb,
  model        text,
  params       jsonb,
  metadata     jsonb,
  syntax       text,
  escape       text,
  content_hash bytea
);
COMMENT ON TYPE promptreg.draft IS 'Checked content of a version that has no number yet';

CREATE FUNCTION promptreg.check_object(value jsonb, what text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF jsonb_typeof(check_object.value) <> 'object' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR046',
      MESSAGE = format('%s must be a JSON object, not %s', check_object.what, jsonb_typeof(check_object.value)),
      HINT = 'For example {"temperature": 0.2}.';
  END IF;
  RETURN coalesce(check_object.value, '{}');
END;
$$;
COMMENT ON FUNCTION promptreg.check_object(jsonb, text) IS 'A JSON object, {} for NULL, an error for anything else';

CREATE FUNCTION promptreg.check_chat(messages jsonb) RETURNS void
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_check_chat';
COMMENT ON FUNCTION promptreg.check_chat(jsonb) IS 'Error unless the messages of a chat prompt are a list of messages, placeholders and examples';

CREATE FUNCTION promptreg.check_messages(kind text, template text, messages jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF kind = 'text' AND template IS NOT NULL THEN
    RETURN jsonb_build_array(jsonb_build_object('role', 'user', 'content', template));
  ELSIF kind = 'text' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR043',
      MESSAGE = CASE WHEN messages IS NULL THEN 'the template is missing' ELSE 'a text prompt takes a template, not messages' END,
      HINT = 'Pass template => ''...'', or create a prompt of kind chat; the kind of a prompt is fixed.';
  ELSIF messages IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR043',
      MESSAGE = CASE WHEN template IS NULL THEN 'the messages are missing' ELSE 'a chat prompt takes messages, not a template' END,
      HINT = 'Pass messages => ''[{"role": "user", "content": "..."}]''; the kind of a prompt is fixed.';
  END IF;
  PERFORM promptreg.check_chat(messages);
  RETURN messages;
END;
$$;
COMMENT ON FUNCTION promptreg.check_messages(text, text, jsonb) IS
  'The messages of a version, from a template or a list, checked against the kind of the prompt';

CREATE FUNCTION promptreg.check_choice(value text, choices text[], what text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF check_choice.value = ANY (check_choice.choices) THEN
    RETURN check_choice.value;
  END IF;
  RAISE EXCEPTION USING
    ERRCODE = 'PR046',
    MESSAGE = format('%s is no %s', promptreg.shown(check_choice.value), check_choice.what),
    HINT = format('Use one of: %s.', array_to_string(check_choice.choices, ', '));
END;
$$;
COMMENT ON FUNCTION promptreg.check_choice(text, text[], text) IS 'A text that must be one of several, or an error';

-- A file of Dotprompt says more than a template. What the caller passes comes first.
CREATE FUNCTION promptreg.read_dotprompt(draft promptreg.draft, kind text, source text) RETURNS promptreg.draft
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  result  promptreg.draft := draft;
  content jsonb := promptreg.import_dotprompt(source => read_dotprompt.source, kind => read_dotprompt.kind);
BEGIN
  result.messages := content -> 'messages';
  result.variables := coalesce(draft.variables, content -> 'variables');
  result.model := coalesce(draft.model, content ->> 'model');
  result.params := (content -> 'params') || draft.params;
  RETURN result;
END;
$$;
COMMENT ON FUNCTION promptreg.read_dotprompt(promptreg.draft, text, text) IS 'A draft with what a file of Dotprompt says';

-- What a version says in the syntax that it is stored with: another tool's is converted here, once and for all.
CREATE FUNCTION promptreg.read_content(draft promptreg.draft, kind text, template text, messages jsonb)
RETURNS promptreg.draft
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  result promptreg.draft := draft;
BEGIN
  IF draft.syntax = 'dotprompt' AND template IS NOT NULL THEN
    result := promptreg.read_dotprompt(draft => read_content.draft, kind => read_content.kind, source => template);
  ELSIF draft.syntax = 'dotprompt' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR043',
      MESSAGE = 'a file of Dotprompt is a template, not messages',
      HINT = 'Pass template => ''...'': its roles make the messages of a chat prompt.';
  ELSE
    result.messages := promptreg.check_messages(kind => kind, template => template, messages => messages);
  END IF;
  IF draft.syntax = 'langfuse' THEN
    result.messages := promptreg.import_langfuse(result.messages);
  END IF;
  IF draft.syntax IN ('langfuse', 'dotprompt') THEN
    result.metadata := promptreg.keep_original(metadata => draft.metadata, syntax => draft.syntax,
                                               template => template, messages => messages);
    result.syntax := 'mustache';
  END IF;
  RETURN result;
END;
$$;
COMMENT ON FUNCTION promptreg.read_content(promptreg.draft, text, text, jsonb) IS
  'A draft with its messages, converted from the syntax of another tool if it is in one';

CREATE FUNCTION promptreg.make_draft(
  kind text, template text, messages jsonb, variables jsonb, model text, params jsonb, syntax text, escape text,
  metadata jsonb
) RETURNS promptreg.draft
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  draft promptreg.draft;
BEGIN
  draft.variables := variables;
  draft.model := model;
  draft.params := promptreg.check_object(params, 'params');
  draft.metadata := promptreg.check_object(metadata, 'metadata');
  draft.syntax := promptreg.check_choice(syntax, '{mustache,fstring,none,langfuse,dotprompt}', 'syntax');
  draft.escape := promptreg.check_choice(escape, '{none,html}', 'escape mode');
  draft := promptreg.read_content(draft => draft, kind => make_draft.kind, template => make_draft.template,
                                  messages => make_draft.messages);
  draft.variables := promptreg.check_templates(messages => draft.messages, variables => draft.variables,
                                               syntax => draft.syntax, escape => draft.escape);
  draft.content_hash := promptreg.content_hash(kind => make_draft.kind, messages => draft.messages,
                                               variables => draft.variables, model => draft.model,
                                               params => draft.params, syntax => draft.syntax, escape => draft.escape);
  RETURN draft;
END;
$$;
COMMENT ON FUNCTION promptreg.make_draft(text, text, jsonb, jsonb, text, jsonb, text, text, jsonb) IS
  'Checks everything about the content of a version and compiles its templates: a version that exists can be rendered';

-- The version a commit builds on: the head of its branch, or for a new branch the version it forks from.
CREATE FUNCTION promptreg.check_parent(prompt promptreg.prompts, branch text, parent_version integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  head record;
BEGIN
  PERFORM promptreg.check_name(check_parent.branch, 'a branch');
  SELECT v.version, v.author, v.created_at INTO head
    FROM promptreg.versions v
   WHERE v.prompt_id = prompt.id AND v.branch = check_parent.branch
   ORDER BY v.version DESC LIMIT 1;
  IF head.version IS NULL THEN
    PERFORM promptreg.check_fork(prompt => check_parent.prompt, branch => check_parent.branch,
                                 parent_version => check_parent.parent_version);
    RETURN check_parent.parent_version;
  ELSIF check_parent.parent_version <> head.version THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR040',
      MESSAGE = format('version %s of prompt "%s" is no longer the head of branch %s', check_parent.parent_version,
                       prompt.name, check_parent.branch),
      DETAIL = format('The head is version %s, committed by %s at %s.', head.version, head.author, head.created_at),
      HINT = format('Look at version %s, then commit on top of it.', head.version);
  END IF;
  RETURN head.version;
END;
$$;
COMMENT ON FUNCTION promptreg.check_parent(promptreg.prompts, text, integer) IS
  'The parent of the next version on a branch; an error where the caller worked on a version that is not the head any more';

CREATE FUNCTION promptreg.check_fork(prompt promptreg.prompts, branch text, parent_version integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF check_fork.parent_version IS NULL AND prompt.head_version > 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR040',
      MESSAGE = format('branch %s of prompt "%s" does not exist', check_fork.branch, prompt.name),
      HINT = 'To start it, say which version it forks from with parent_version.';
  ELSIF check_fork.parent_version NOT BETWEEN 1 AND prompt.head_version THEN
    PERFORM promptreg.raise_undefined_version(prompt => check_fork.prompt, version => check_fork.parent_version);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_fork(promptreg.prompts, text, integer) IS
  'Error unless a new branch may start from a version';

CREATE FUNCTION promptreg.raise_undefined_version(prompt promptreg.prompts, version integer) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR004',
    MESSAGE = CASE WHEN prompt.head_version = 0 THEN format('prompt "%s" has no versions', prompt.name)
                   ELSE format('prompt "%s" has no version %s', prompt.name,
                               coalesce(raise_undefined_version.version::text, 'NULL')) END,
    HINT = CASE WHEN prompt.head_version = 0 THEN 'Add one with prompt_commit.'
                ELSE format('Its newest version is %s.', prompt.head_version) END;
END;
$$;
COMMENT ON FUNCTION promptreg.raise_undefined_version(promptreg.prompts, integer) IS 'The error for a version that does not exist';

-- The prompt's row is locked: numbers have no gaps and no repeats.
CREATE FUNCTION promptreg.commit_version(
  prompt promptreg.prompts, draft promptreg.draft, message text, parent_version integer, branch text
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  row promptreg.versions;
BEGIN
  row.parent_version := promptreg.check_parent(prompt => commit_version.prompt, branch => commit_version.branch,
                                               parent_version => commit_version.parent_version);
  UPDATE promptreg.prompts p SET head_version = p.head_version + 1
   WHERE p.id = prompt.id RETURNING p.head_version INTO STRICT row.version;
  SELECT v.chain_hash, greatest(clock_timestamp(), v.created_at) INTO row.previous_hash, row.created_at
    FROM ONLY promptreg.versions v WHERE v.prompt_id = prompt.id AND v.version = row.version - 1;
  row.created_at := coalesce(row.created_at, clock_timestamp());
  row.author := promptreg.caller();
  row.branch := commit_version.branch;
  row.message := commit_version.message;
  row.metadata := draft.metadata;
  row.content_hash := draft.content_hash;
  row.chain_hash := promptreg.version_hash(prompt.name, row);
  INSERT INTO promptreg.versions (prompt_id, version, messages, variables, model, params, metadata, syntax, escape,
                                  parent_version, branch, message, author, created_at, content_hash, previous_hash,
                                  chain_hash)
  VALUES (prompt.id, row.version, draft.messages, draft.variables, draft.model, draft.params, row.metadata,
          draft.syntax, draft.escape, row.parent_version, row.branch, row.message, row.author, row.created_at,
          row.content_hash, row.previous_hash, row.chain_hash);
  PERFORM promptreg.record_snippet_uses(prompt_id => prompt.id, version => row.version,
    messages => draft.messages, variables => draft.variables, syntax => draft.syntax);
  PERFORM promptreg.raise_warnings(prompt_id => prompt.id, version => row.version);
  PERFORM promptreg.raise_broken_users(prompt_id => prompt.id);
  PERFORM promptreg.audit(event => 'committed', prompt => prompt.name, version => row.version,
    previous => row.parent_version, reason => row.message,
    after => jsonb_strip_nulls(jsonb_build_object(
      'branch', row.branch, 'content_hash', encode(row.content_hash, 'hex'),
      'chain_hash', encode(row.chain_hash, 'hex'), 'snippets', promptreg.uses_as_json(prompt.id, row.version))));
  RETURN row.version;
END;
$$;
COMMENT ON FUNCTION promptreg.commit_version(promptreg.prompts, promptreg.draft, text, integer, text) IS
  'Appends a version to a prompt whose row the caller has locked';

-- Only the snippets that the new version names matter: those of theirs it takes as they are served.
CREATE FUNCTION promptreg.lock_for_commit(prompt promptreg.prompts, draft promptreg.draft) RETURNS promptreg.prompts
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  snippets bigint[] := ARRAY(SELECT f.snippet_id
    FROM unnest(promptreg.snippet_names(draft.messages, draft.variables, draft.syntax)) AS n (name), promptreg.find_snippet(n.name) f
   WHERE f.snippet_id IS NOT NULL);
  locked promptreg.prompts := promptreg.lock_prompt(prompt_id => prompt.id, snippet_ids => snippets);
BEGIN
  PERFORM promptreg.check_unarchived(locked);
  RETURN locked;
END;
$$;
COMMENT ON FUNCTION promptreg.lock_for_commit(promptreg.prompts, promptreg.draft) IS
  'Locks a prompt, and the snippets that a version to be committed names; an error if the prompt is archived';

CREATE FUNCTION promptreg.commit_content(
  name text, template text, messages jsonb, variables jsonb, model text, params jsonb, message text,
  parent_version integer, branch text, syntax text, escape text, metadata jsonb
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => commit_content.name, "right" => 'author');
  draft promptreg.draft := promptreg.make_draft(kind => target.kind, template => commit_content.template,
    messages => commit_content.messages, variables => commit_content.variables, model => commit_content.model,
    params => commit_content.params, syntax => commit_content.syntax, escape => commit_content.escape,
    metadata => commit_content.metadata);
BEGIN
  RETURN promptreg.commit_version(
    prompt => promptreg.lock_for_commit(prompt => target, draft => draft), draft => draft,
    message => commit_content.message, parent_version => commit_content.parent_version,
    branch => commit_content.branch);
END;
$$;
COMMENT ON FUNCTION promptreg.commit_content(text, text, jsonb, jsonb, text, jsonb, text, integer, text, text, text, jsonb) IS
  'Commits a version from a template or from messages';

CREATE FUNCTION promptreg._prompt_commit(
  name text, template text, variables jsonb DEFAULT NULL, model text DEFAULT NULL, params jsonb DEFAULT NULL,
  message text DEFAULT NULL, parent_version integer DEFAULT NULL, branch text DEFAULT 'main',
  syntax text DEFAULT 'mustache', escape text DEFAULT 'none', metadata jsonb DEFAULT NULL
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN promptreg.commit_content(name => name, template => template, messages => NULL, variables => variables,
    model => model, params => params, message => message, parent_version => parent_version, branch => branch,
    syntax => syntax, escape => escape, metadata => metadata);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_commit(text, text, jsonb, text, jsonb, text, integer, text, text, text, jsonb) IS
  'Commits a new version of a text prompt and returns its number. parent_version: refuse if it is no longer the head. Right: author';

CREATE FUNCTION promptreg._prompt_commit(
  name text, messages jsonb, variables jsonb DEFAULT NULL, model text DEFAULT NULL, params jsonb DEFAULT NULL,
  message text DEFAULT NULL, parent_version integer DEFAULT NULL, branch text DEFAULT 'main',
  syntax text DEFAULT 'mustache', escape text DEFAULT 'none', metadata jsonb DEFAULT NULL
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN promptreg.commit_content(name => name, template => NULL, messages => messages, variables => variables,
    model => model, params => params, message => message, parent_version => parent_version, branch => branch,
    syntax => syntax, escape => escape, metadata => metadata);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_commit(text, jsonb, jsonb, text, jsonb, text, integer, text, text, text, jsonb) IS
  'Commits a new version of a chat prompt and returns its number. parent_version: refuse if it is no longer the head. Right: author';
