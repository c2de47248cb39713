-- Prompts: finding one with the caller's right to it checked, creating, archiving, renaming.

-- A text in a message: quoted and shortened.
CREATE FUNCTION promptreg.shown(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NULL THEN 'NULL' WHEN char_length(value) > 200 THEN '"' || "left"(value, 197) || '..."'
            ELSE '"' || value || '"' END;
COMMENT ON FUNCTION promptreg.shown(text) IS 'A text as messages show it: in quotes, shortened; NULL without quotes';

CREATE FUNCTION promptreg.check_name(name text, what text DEFAULT 'a prompt') RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF promptreg.is_valid_name(check_name.name) IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR042',
      MESSAGE = CASE WHEN check_name.name IS NULL THEN format('the name of %s is missing', check_name.what)
                     ELSE format('%s cannot name %s', promptreg.shown(check_name.name), check_name.what) END,
      DETAIL = 'A name has 1 to 200 characters, no control characters, no white space at either end, and no empty folder between, before or behind slashes.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_name(text, text) IS 'Error unless a text can name a prompt, a branch, an experiment or a variant';

-- However many prompts there are, few are compared letter by letter: those of about the same length that begin and end most
-- like the name.
CREATE FUNCTION promptreg.readable_names(alike text) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  longest_difference integer := greatest(2, octet_length(alike) / 3);  -- as in promptreg.nearest
BEGIN
  IF NOT promptreg.allowed('read', NULL) THEN
    RETURN '{}'::text[];
  END IF;
  RETURN ARRAY(
    SELECT n.name
      FROM promptreg.names n JOIN promptreg.prompts p ON p.id = n.prompt_id
     WHERE octet_length(n.name) BETWEEN octet_length(alike) - longest_difference AND octet_length(alike) + longest_difference
       AND promptreg.allowed('read', p.name)
     ORDER BY promptreg.common_ends(n.name, alike) DESC
     LIMIT 1000);
END;
$$;
COMMENT ON FUNCTION promptreg.readable_names(text) IS 'Names of prompts that the caller may read and that look like a name, for hints';

CREATE FUNCTION promptreg.did_you_mean(name text, candidates text[], otherwise text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  near text[] := promptreg.nearest(did_you_mean.name, did_you_mean.candidates);
BEGIN
  IF cardinality(near) > 0 THEN
    RETURN format('Did you mean "%s"?', array_to_string(near, '", "'));
  END IF;
  RETURN did_you_mean.otherwise;
END;
$$;
COMMENT ON FUNCTION promptreg.did_you_mean(text, text[], text) IS 'A hint that names what looks like a name, or else another hint';

CREATE FUNCTION promptreg.raise_undefined_prompt(name text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR001',
    MESSAGE = format('prompt %s does not exist', promptreg.shown(raise_undefined_prompt.name)),
    HINT = promptreg.did_you_mean(raise_undefined_prompt.name, promptreg.readable_names(raise_undefined_prompt.name),
      CASE WHEN promptreg.allowed('read', '*') THEN 'Create it with prompt_create or prompt_register.'
           ELSE 'It may also exist without your having a right to it.' END);
END;
$$;
COMMENT ON FUNCTION promptreg.raise_undefined_prompt(text) IS 'The error for a prompt that does not exist';

-- For what names no prompt yet, or many: here a refusal can say so, since it depends on the caller's rights alone.
CREATE FUNCTION promptreg.authorize_names("right" text, pattern text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT promptreg.allowed(authorize_names."right", authorize_names.pattern) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: %s on %s', authorize_names."right", promptreg.shown(authorize_names.pattern)),
      HINT = 'It takes a grant on a pattern that covers this one, from somebody with the right admin on it.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.authorize_names(text, text) IS
  'Error unless the caller has a right on every name that a pattern stands for';

-- For what is about no prompt in particular.
CREATE FUNCTION promptreg.authorize_any("right" text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT promptreg.allowed(authorize_any."right", NULL) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: %s on any prompt', authorize_any."right");
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.authorize_any(text) IS 'Error unless the caller has a right on at least one name';

-- Locks: who changes a prompt holds its row, and shares the rows of all snippets that its versions can be composed of, so
-- that what they serve stays. Rows are locked before anything changes, in the order of their keys, whoever locks them and
-- for what: so two calls that want some of the same rows wait for each other, and never in a circle. (What another
-- transaction commits while a call waits can still add a snippet to them, which is then locked last, by lock_snippets.)
CREATE FUNCTION promptreg.lock_prompts(prompt_ids bigint[], snippet_ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  next bigint;
BEGIN
  FOR next IN SELECT DISTINCT k.id FROM unnest(prompt_ids || snippet_ids) AS k (id) ORDER BY k.id LOOP
    IF next = ANY (prompt_ids) THEN
      PERFORM FROM promptreg.prompts p WHERE p.id = next FOR NO KEY UPDATE;
    ELSE
      PERFORM FROM promptreg.prompts p WHERE p.id = next FOR SHARE;
    END IF;
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg.lock_prompts(bigint[], bigint[]) IS
  'Locks prompts against other writers, and keeps snippets as they are, until the transaction ends';

CREATE FUNCTION promptreg.snippets_below(prompt_id bigint, version integer DEFAULT NULL) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN ARRAY(
    WITH RECURSIVE below (id) AS (
      SELECT u.snippet_id FROM promptreg.snippet_uses u
       WHERE u.prompt_id = snippets_below.prompt_id
         AND u.version BETWEEN coalesce(snippets_below.version, 1) AND coalesce(snippets_below.version, 2147483647)
      UNION
      SELECT u.snippet_id FROM below b JOIN promptreg.snippet_uses u ON u.prompt_id = b.id
    )
    SELECT b.id FROM below b);
END;
$$;
COMMENT ON FUNCTION promptreg.snippets_below(bigint, integer) IS
  'All prompts that a version, or (NULL) any version of a prompt can be composed of, whatever is served of them';

-- Writers of one prompt come one after the other. The lock is an UPDATE that changes nothing: unlike FOR UPDATE it leaves
-- a trace for transactions with an older snapshot, which fail with serialization_failure instead of deciding by what is
-- no longer true.
CREATE FUNCTION promptreg.lock_prompt(prompt_id bigint, snippet_ids bigint[] DEFAULT NULL) RETURNS promptreg.prompts
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  snippets bigint[] := coalesce(lock_prompt.snippet_ids, promptreg.snippets_below(lock_prompt.prompt_id));
  locked promptreg.prompts;
BEGIN
  IF cardinality(snippets) > 0 THEN
    PERFORM promptreg.lock_prompts(prompt_ids => ARRAY[lock_prompt.prompt_id], snippet_ids => snippets);
  END IF;
  UPDATE promptreg.prompts p SET head_version = p.head_version
   WHERE p.id = lock_prompt.prompt_id RETURNING p.* INTO STRICT locked;
  RETURN locked;
END;
$$;
COMMENT ON FUNCTION promptreg.lock_prompt(bigint, bigint[]) IS
  'Locks a prompt against other writers until the transaction ends, and snippets with it: by default all that its versions can be composed of';

-- Rights are decided on the name before anything is said of whether the prompt exists.
CREATE FUNCTION promptreg.open_prompt(
  name text, "right" text, env text DEFAULT NULL, lock boolean DEFAULT false, version integer DEFAULT NULL
) RETURNS promptreg.prompts
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found promptreg.prompts;
BEGIN
  PERFORM promptreg.check_name(open_prompt.name);
  SELECT p.* INTO found
    FROM promptreg.names n JOIN promptreg.prompts p ON p.id = n.prompt_id
   WHERE n.name = open_prompt.name;
  PERFORM promptreg.authorize("right" => open_prompt."right", name => coalesce(found.name, open_prompt.name),
                              env => open_prompt.env, asked_name => open_prompt.name);
  IF found.id IS NULL THEN
    PERFORM promptreg.raise_undefined_prompt(open_prompt.name);
  END IF;
  IF open_prompt.lock THEN
    RETURN promptreg.lock_prompt(prompt_id => found.id, snippet_ids => promptreg.snippets_below(found.id, open_prompt.version));
  END IF;
  RETURN found;
END;
$$;
COMMENT ON FUNCTION promptreg.open_prompt(text, text, text, boolean, integer) IS
  'The prompt of a name, the caller''s right to it checked; with lock, writers of the same prompt wait for each other, and version says which is to be served';

CREATE FUNCTION promptreg.check_unarchived(prompt promptreg.prompts) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF prompt.archived_at IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR053',
      MESSAGE = format('prompt "%s" is archived', prompt.name),
      HINT = 'Bring it back with prompt_unarchive first.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_unarchived(promptreg.prompts) IS 'Error if a prompt is archived';

CREATE FUNCTION promptreg.open_for_change(name text, "right" text, env text DEFAULT NULL, version integer DEFAULT NULL)
RETURNS promptreg.prompts
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found promptreg.prompts := promptreg.open_prompt(name => open_for_change.name, "right" => open_for_change."right",
    env => open_for_change.env, lock => true, version => open_for_change.version);
BEGIN
  PERFORM promptreg.check_unarchived(found);
  RETURN found;
END;
$$;
COMMENT ON FUNCTION promptreg.open_for_change(text, text, text, integer) IS
  'Like open_prompt with lock, and an error if the prompt is archived';

CREATE FUNCTION promptreg._prompt_create(
  name text, description text DEFAULT NULL, kind text DEFAULT 'text', tags text[] DEFAULT '{}', team text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  new_id bigint;
  at timestamptz := clock_timestamp();
BEGIN
  PERFORM promptreg.check_name(_prompt_create.name);
  PERFORM promptreg.authorize_names('author', _prompt_create.name);
  IF _prompt_create.kind IS NULL OR _prompt_create.kind NOT IN ('text', 'chat') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR043',
      MESSAGE = format('%s is no kind of prompt', promptreg.shown(_prompt_create.kind)),
      HINT = 'Use text (one template) or chat (a list of messages).';
  END IF;
  BEGIN
    INSERT INTO promptreg.prompts (name, kind, description, tags, team, created_by, created_at)
    VALUES (_prompt_create.name, _prompt_create.kind, _prompt_create.description,
            array_remove(coalesce(_prompt_create.tags, '{}'), NULL), _prompt_create.team, promptreg.caller(), at)
    RETURNING id INTO new_id;
    INSERT INTO promptreg.names (name, prompt_id, created_by, created_at)
    VALUES (_prompt_create.name, new_id, promptreg.caller(), at);
  EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR041',
      MESSAGE = format('prompt "%s" already exists', _prompt_create.name),
      HINT = 'Add a version with prompt_commit, or use prompt_register, which creates what is missing.';
  END;
  PERFORM promptreg.audit(event => 'created', prompt => _prompt_create.name,
    after => jsonb_build_object('kind', _prompt_create.kind, 'description', _prompt_create.description,
                                'tags', _prompt_create.tags, 'team', _prompt_create.team));
  RETURN _prompt_create.name;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_create(text, text, text, text[], text) IS
  'Creates a prompt without versions. kind: text or chat. Returns its name. Right: author';

CREATE FUNCTION promptreg._prompt_archive(name text, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_archive.name, "right" => 'author', lock => true);
  served text;
BEGIN
  SELECT string_agg(r.environment, ', ' ORDER BY r.environment) INTO served
    FROM promptreg.routes r WHERE r.prompt_id = target.id AND r.version IS NOT NULL;
  IF served IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR054',
      MESSAGE = format('prompt "%s" is in use', target.name),
      DETAIL = format('It is served in %s.', served),
      HINT = 'Take it out of service with prompt_retire first.';
  END IF;
  PERFORM promptreg.check_unused(target, NULL, format('prompt "%s" is used as a snippet', target.name));
  IF target.archived_at IS NULL THEN
    UPDATE promptreg.prompts p SET archived_at = clock_timestamp() WHERE p.id = target.id;
    PERFORM promptreg.audit(event => 'archived', prompt => target.name, reason => _prompt_archive.reason);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_archive(text, text) IS
  'Archives a prompt that is served nowhere: it is kept, left out of lists, and refuses changes. Right: author';

CREATE FUNCTION promptreg._prompt_unarchive(name text, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_unarchive.name, "right" => 'author', lock => true);
BEGIN
  IF target.archived_at IS NOT NULL THEN
    UPDATE promptreg.prompts p SET archived_at = NULL WHERE p.id = target.id;
    PERFORM promptreg.audit(event => 'unarchived', prompt => target.name, reason => _prompt_unarchive.reason);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_unarchive(text, text) IS 'Brings an archived prompt back. Right: author';

CREATE FUNCTION promptreg._prompt_rename(name text, new_name text, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_for_change(name => _prompt_rename.name, "right" => 'admin');
BEGIN
  PERFORM promptreg.check_name(_prompt_rename.new_name);
  PERFORM promptreg.authorize_names('admin', _prompt_rename.new_name);
  BEGIN
    INSERT INTO promptreg.names (name, prompt_id, created_by, created_at)
    VALUES (_prompt_rename.new_name, target.id, promptreg.caller(), clock_timestamp());
  EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR041',
      MESSAGE = format('prompt "%s" already exists', _prompt_rename.new_name);
  END;
  PERFORM promptreg.audit(event => 'renamed', prompt => target.name, reason => _prompt_rename.reason,
                          after => jsonb_build_object('alias', _prompt_rename.new_name));
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_rename(text, text, text) IS
  'Gives a prompt another name; the old one goes on working, and history keeps it. Right: admin on both names';
