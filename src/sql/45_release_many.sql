-- Several releases in one statement, all or nothing.

CREATE FUNCTION promptreg.check_release(change jsonb, index bigint) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unknown text;
  problem text;
BEGIN
  IF jsonb_typeof(change) = 'object' THEN
    SELECT string_agg(k.key, ', ' ORDER BY k.key) INTO unknown
      FROM jsonb_object_keys(change) AS k (key)
     WHERE k.key NOT IN ('action', 'prompt', 'version', 'environment', 'reason', 'end_experiment', 'idempotency_key');
  END IF;
  problem := CASE
    WHEN jsonb_typeof(change) <> 'object' THEN format('it is %s, not an object', jsonb_typeof(change))
    WHEN unknown IS NOT NULL THEN format('it has unknown keys: %s', unknown)
    WHEN change ? 'action' AND coalesce(change ->> 'action', '') NOT IN ('promote', 'rollback', 'retire')
      THEN format('its action is %s', change -> 'action')
    WHEN coalesce(jsonb_typeof(change -> 'prompt'), '') <> 'string' THEN 'it names no prompt'
    WHEN coalesce(jsonb_typeof(change -> 'environment'), '') <> 'string' THEN 'it names no environment'
    WHEN coalesce(change ->> 'action', 'promote') = 'promote' AND NOT change ? 'version' THEN 'it names no version'
    WHEN change ? 'version' AND (jsonb_typeof(change -> 'version') <> 'number' OR change ->> 'version' !~ '^[1-9][0-9]{0,8}$')
      THEN format('its version is %s', change -> 'version')
    WHEN change ? 'reason' AND jsonb_typeof(change -> 'reason') <> 'string' THEN 'its reason is no text'
    WHEN change ? 'end_experiment' AND jsonb_typeof(change -> 'end_experiment') <> 'boolean'
      THEN 'its end_experiment is neither true nor false'
    WHEN change ? 'idempotency_key' AND jsonb_typeof(change -> 'idempotency_key') <> 'string' THEN 'its idempotency_key is no text'
  END;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR046',
      MESSAGE = format('change %s of the release is not valid: %s', check_release.index, problem),
      HINT = 'For example {"prompt": "support", "version": 7, "environment": "production"}; action is promote (default), rollback or retire.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_release(jsonb, bigint) IS 'Error unless one change of a release is valid; index counts from 1';

-- The arguments of prompt_promote are understood too: name for prompt, env for environment.
CREATE FUNCTION promptreg.canonical_release(change jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(change) <> 'object' OR change = '{}' THEN change
            ELSE (SELECT jsonb_object_agg(CASE WHEN k.key = 'name' AND NOT change ? 'prompt' THEN 'prompt'
                                               WHEN k.key = 'env' AND NOT change ? 'environment' THEN 'environment'
                                               ELSE k.key END, k.value)
                    FROM jsonb_each(change) AS k (key, value)) END;
COMMENT ON FUNCTION promptreg.canonical_release(jsonb) IS 'One change of a release with the keys prompt and environment';

CREATE FUNCTION promptreg.apply_release(change jsonb, reason text) RETURNS promptreg.deployment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  why text := coalesce(change ->> 'reason', apply_release.reason);
  ends boolean := coalesce((change ->> 'end_experiment')::boolean, false);
BEGIN
  RETURN CASE coalesce(change ->> 'action', 'promote')
    WHEN 'promote' THEN promptreg._prompt_promote(name => change ->> 'prompt', version => (change ->> 'version')::integer,
      env => change ->> 'environment', reason => why, end_experiment => ends, idempotency_key => change ->> 'idempotency_key')
    WHEN 'rollback' THEN promptreg._prompt_rollback(name => change ->> 'prompt', env => change ->> 'environment',
      to_version => (change ->> 'version')::integer, reason => why, idempotency_key => change ->> 'idempotency_key')
    ELSE promptreg._prompt_retire(name => change ->> 'prompt', env => change ->> 'environment', reason => why,
      end_experiment => ends, idempotency_key => change ->> 'idempotency_key')
  END;
END;
$$;
COMMENT ON FUNCTION promptreg.apply_release(jsonb, text) IS 'Carries out one change of a release';

-- All prompts are locked before anything changes, with the snippets that what is to be served can be composed of.
CREATE FUNCTION promptreg.lock_release(changes jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  prompt_ids bigint[];
  snippet_ids bigint[];
BEGIN
  SELECT array_agg(n.prompt_id),
         ARRAY(SELECT DISTINCT s.id
                 FROM jsonb_array_elements(changes) AS c (value) JOIN promptreg.names n ON n.name = c.value ->> 'prompt',
                      unnest(promptreg.snippets_below(n.prompt_id, (c.value ->> 'version')::integer)) AS s (id))
    INTO prompt_ids, snippet_ids
    FROM jsonb_array_elements(changes) AS c (value) JOIN promptreg.names n ON n.name = c.value ->> 'prompt';
  PERFORM promptreg.lock_prompts(prompt_ids => prompt_ids, snippet_ids => snippet_ids);
END;
$$;
COMMENT ON FUNCTION promptreg.lock_release(jsonb) IS 'Locks the prompts of a release, and their snippets, in one order';

CREATE FUNCTION promptreg._prompt_release(changes jsonb, reason text DEFAULT NULL) RETURNS SETOF promptreg.deployment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  change jsonb;
  all_changes jsonb;
BEGIN
  IF coalesce(jsonb_typeof(changes), '') <> 'array' OR changes = '[]' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR046',
      MESSAGE = 'a release must be a JSON array with at least one change',
      HINT = 'For example [{"prompt": "support", "version": 7, "environment": "production"}].';
  END IF;
  SELECT jsonb_agg(promptreg.canonical_release(c.value) ORDER BY c.ordinality) INTO all_changes
    FROM jsonb_array_elements(changes) WITH ORDINALITY AS c (value, ordinality);
  PERFORM promptreg.check_release(change => c.value, index => c.ordinality)
     FROM jsonb_array_elements(all_changes) WITH ORDINALITY AS c (value, ordinality) ORDER BY c.ordinality;
  PERFORM promptreg.open_prompt(name => c.value ->> 'prompt', "right" => 'release', env => c.value ->> 'environment')
     FROM jsonb_array_elements(all_changes) WITH ORDINALITY AS c (value, ordinality) ORDER BY c.ordinality;
  PERFORM promptreg.lock_release(all_changes);
  FOR change IN
    SELECT c.value FROM jsonb_array_elements(all_changes) WITH ORDINALITY AS c (value, ordinality) ORDER BY c.ordinality
  LOOP
    RETURN NEXT promptreg.apply_release(change => change, reason => _prompt_release.reason);
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_release(jsonb, text) IS
  'Several promotions, rollbacks and retirements, all or nothing: [{"prompt", "version", "environment", "action", "reason", "end_experiment", "idempotency_key"}]; name and env are understood too. Right: release on each';
