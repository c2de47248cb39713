-- Experiments: starting, changing weights, stopping.

-- Relative weights as integer parts per million that add up to 1,000,000, by largest remainder; ties go to the
-- smaller key in byte order. NULL when they add up to nothing.
CREATE FUNCTION promptreg.weights_to_ppm(keys text[], weights numeric[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH shares AS (
    SELECT w.ordinality, w.key, w.weight * 1000000 / nullif(sum(w.weight) OVER (), 0) AS share
      FROM unnest(keys, weights) WITH ORDINALITY AS w (key, weight, ordinality)
  ), ranked AS (
    SELECT s.ordinality, floor(s.share) AS whole,
           row_number() OVER (ORDER BY s.share - floor(s.share) DESC, s.key COLLATE "C") AS rank,
           1000000 - sum(floor(s.share)) OVER () AS missing
      FROM shares s
  )
  SELECT array_agg((r.whole + CASE WHEN r.rank <= r.missing THEN 1 ELSE 0 END)::integer ORDER BY r.ordinality)
         FILTER (WHERE r.whole IS NOT NULL)
    FROM ranked r;
END;
COMMENT ON FUNCTION promptreg.weights_to_ppm(text[], numeric[]) IS
  'Relative weights as parts per million that add up to 1000000, by largest remainder';

CREATE FUNCTION promptreg.raise_invalid_experiment(problem text, hint text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR055',
    MESSAGE = raise_invalid_experiment.problem,
    HINT = coalesce(raise_invalid_experiment.hint,
      'Variants look like [{"key": "control", "version": 6, "weight": 0.9}, {"key": "b", "version": 7, "weight": 0.1}].');
END;
$$;
COMMENT ON FUNCTION promptreg.raise_invalid_experiment(text, text) IS 'The error for variants or weights that are not valid';

CREATE FUNCTION promptreg.check_weight(weight jsonb, key text) RETURNS numeric
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(jsonb_typeof(weight), '') <> 'number' OR (weight #>> '{}')::numeric NOT BETWEEN 0 AND 1000000000 THEN
    PERFORM promptreg.raise_invalid_experiment(
      problem => format('the weight of variant "%s" is %s', check_weight.key, coalesce(weight::text, 'missing')),
      hint => 'Weights are numbers from 0 to 1000000000, relative to each other.');
  END IF;
  RETURN (weight #>> '{}')::numeric;
END;
$$;
COMMENT ON FUNCTION promptreg.check_weight(jsonb, text) IS 'A weight as a number, or an error';

CREATE FUNCTION promptreg.check_variant(variant jsonb, index bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  problem text;
BEGIN
  problem := CASE
    WHEN jsonb_typeof(variant) <> 'object' THEN format('it is %s, not an object', jsonb_typeof(variant))
    WHEN coalesce(jsonb_typeof(variant -> 'key'), '') <> 'string' THEN 'it has no key'
    WHEN NOT promptreg.is_valid_name(variant ->> 'key') THEN 'its key is not valid'
    WHEN coalesce(jsonb_typeof(variant -> 'version'), '') <> 'number' OR variant ->> 'version' !~ '^[1-9][0-9]{0,8}$'
      THEN 'its version is no number of a version'
    WHEN variant - '{key,version,weight}'::text[] <> '{}' THEN 'it has keys besides key, version and weight'
  END;
  IF problem IS NOT NULL THEN
    PERFORM promptreg.raise_invalid_experiment(format('variant %s is not valid: %s', check_variant.index, problem));
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_variant(jsonb, bigint) IS 'Error unless one variant of an experiment is valid; index counts from 1';

CREATE FUNCTION promptreg.check_variants(variants jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  duplicate text;
BEGIN
  IF coalesce(jsonb_typeof(variants), '') <> 'array' OR jsonb_array_length(variants) NOT BETWEEN 2 AND 100 THEN
    PERFORM promptreg.raise_invalid_experiment('variants must be a JSON array of 2 to 100 variants');
  END IF;
  PERFORM promptreg.check_variant(variant => v.value, index => v.ordinality)
     FROM jsonb_array_elements(variants) WITH ORDINALITY AS v (value, ordinality) ORDER BY v.ordinality;
  SELECT v.value ->> 'key' INTO duplicate
    FROM jsonb_array_elements(variants) AS v (value) GROUP BY 1 HAVING count(*) > 1 LIMIT 1;
  IF duplicate IS NOT NULL THEN
    PERFORM promptreg.raise_invalid_experiment(format('there are two variants with the key "%s"', duplicate));
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_variants(jsonb) IS 'Error unless the variants of an experiment are valid';

CREATE FUNCTION promptreg.append_weights(
  experiment promptreg.experiments, keys text[], weights numeric[], reason text
) RETURNS promptreg.weights
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  last promptreg.weights;
  row promptreg.weights;
BEGIN
  SELECT w.* INTO last FROM ONLY promptreg.weights w
   WHERE w.experiment_id = experiment.id ORDER BY w.number DESC LIMIT 1;
  row.experiment_id := experiment.id;
  row.number := coalesce(last.number, 0) + 1;
  row.keys := append_weights.keys;
  row.ppm := promptreg.weights_to_ppm(append_weights.keys, append_weights.weights);
  IF row.ppm IS NULL THEN
    PERFORM promptreg.raise_invalid_experiment(problem => 'the weights add up to 0', hint => 'Give at least one variant a positive weight.');
  END IF;
  row.reason := append_weights.reason;
  row.set_by := promptreg.caller();
  row.set_at := greatest(clock_timestamp(), last.set_at);
  row.previous_hash := last.chain_hash;
  row.chain_hash := promptreg.weights_hash(experiment.key, row);
  INSERT INTO promptreg.weights (experiment_id, number, keys, ppm, reason, set_by, set_at, previous_hash, chain_hash)
  VALUES (row.experiment_id, row.number, row.keys, row.ppm, row.reason, row.set_by, row.set_at, row.previous_hash,
          row.chain_hash);
  RETURN row;
END;
$$;
COMMENT ON FUNCTION promptreg.append_weights(promptreg.experiments, text[], numeric[], text) IS 'Appends a row of weights';

CREATE FUNCTION promptreg.weights_as_json(keys text[], ppm integer[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT jsonb_object_agg(w.key, w.ppm) FROM unnest(keys, ppm) AS w (key, ppm));
COMMENT ON FUNCTION promptreg.weights_as_json(text[], integer[]) IS 'Weights as an object, parts per million by key';

-- Marks the route as changed: a cached route compares the row's xmin with its snapshot.
CREATE FUNCTION promptreg.set_route_experiment(prompt_id bigint, env text, experiment_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE promptreg.routes r
     SET experiment_id = set_route_experiment.experiment_id, changed_at = clock_timestamp()
   WHERE r.prompt_id = set_route_experiment.prompt_id AND r.environment = set_route_experiment.env;
END;
COMMENT ON FUNCTION promptreg.set_route_experiment(bigint, text, bigint) IS
  'Sets or clears the experiment of a route; called again for every change of an experiment that runs on it';

CREATE FUNCTION promptreg.default_experiment_key(prompt promptreg.prompts, env text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stem text := format('%s-%s-', "left"(prompt.name, 150), "left"(default_experiment_key.env, 40));
  number bigint;
BEGIN
  SELECT count(*) + 1 INTO number FROM promptreg.experiments x
   WHERE x.prompt_id = prompt.id AND x.environment = default_experiment_key.env;
  WHILE EXISTS (SELECT FROM promptreg.experiments x WHERE x.key = stem || number) LOOP
    number := number + 1;
  END LOOP;
  RETURN stem || number;
END;
$$;
COMMENT ON FUNCTION promptreg.default_experiment_key(promptreg.prompts, text) IS
  'A key that is free, made from prompt, environment and the number of the experiment there';

CREATE FUNCTION promptreg.create_experiment(
  prompt promptreg.prompts, env text, coverage numeric, key text, description text
) RETURNS promptreg.experiments
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  row promptreg.experiments;
  new_key text := coalesce(create_experiment.key,
                           promptreg.default_experiment_key(create_experiment.prompt, create_experiment.env));
BEGIN
  IF create_experiment.coverage IS NULL OR create_experiment.coverage NOT BETWEEN 0 AND 1 THEN
    PERFORM promptreg.raise_invalid_experiment(format('coverage is %s', coalesce(create_experiment.coverage::text, 'NULL')),
      'Coverage is the share of users enrolled, from 0 to 1.');
  END IF;
  INSERT INTO promptreg.experiments (key, prompt_id, environment, state, salt, coverage_ppm, description, started_by, started_at)
  VALUES (new_key, prompt.id, create_experiment.env, 'running', replace(gen_random_uuid()::text, '-', ''),
          round(create_experiment.coverage * 1000000)::integer, create_experiment.description, promptreg.caller(), clock_timestamp())
  RETURNING * INTO row;
  RETURN row;
EXCEPTION WHEN unique_violation THEN
  RAISE EXCEPTION USING
    ERRCODE = 'PR041',
    MESSAGE = format('experiment "%s" already exists', new_key),
    HINT = 'Choose another key.';
END;
$$;
COMMENT ON FUNCTION promptreg.create_experiment(promptreg.prompts, text, numeric, text, text) IS 'Inserts a running experiment';

CREATE FUNCTION promptreg.check_no_experiment(prompt promptreg.prompts, env text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running text;
BEGIN
  SELECT x.key INTO running FROM promptreg.experiments x
   WHERE x.prompt_id = prompt.id AND x.environment = check_no_experiment.env AND x.state IN ('running', 'paused');
  IF running IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR050',
      MESSAGE = format('experiment "%s" is already running for prompt "%s" in %s', running, prompt.name, check_no_experiment.env),
      HINT = 'Stop it with prompt_experiment_stop, or change its weights with prompt_experiment_set_weights.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_no_experiment(promptreg.prompts, text) IS 'Error if an experiment runs on a route';

CREATE FUNCTION promptreg._prompt_experiment_start(
  name text, env text, variants jsonb, coverage numeric DEFAULT 1, key text DEFAULT NULL, description text DEFAULT NULL,
  reason text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_for_change(name => _prompt_experiment_start.name, "right" => 'release',
                                                        env => _prompt_experiment_start.env);
  started promptreg.experiments;
  set_weights promptreg.weights;
BEGIN
  PERFORM promptreg.check_environment(_prompt_experiment_start.env);
  PERFORM promptreg.check_variants(_prompt_experiment_start.variants);
  PERFORM promptreg.check_version(target, (v.value ->> 'version')::integer)
     FROM jsonb_array_elements(_prompt_experiment_start.variants) AS v (value);
  IF (promptreg.last_deployment(target.id, _prompt_experiment_start.env)).version IS NULL THEN
    PERFORM promptreg.raise_not_deployed(target, _prompt_experiment_start.env);
  END IF;
  IF _prompt_experiment_start.key IS NOT NULL THEN
    PERFORM promptreg.check_name(_prompt_experiment_start.key, 'an experiment');
  END IF;
  PERFORM promptreg.check_no_experiment(target, _prompt_experiment_start.env);
  PERFORM promptreg.check_variant_snippets(target, (v.value ->> 'version')::integer, _prompt_experiment_start.env)
     FROM jsonb_array_elements(_prompt_experiment_start.variants) AS v (value);
  started := promptreg.create_experiment(prompt => target, env => _prompt_experiment_start.env,
    coverage => _prompt_experiment_start.coverage, key => _prompt_experiment_start.key,
    description => _prompt_experiment_start.description);
  INSERT INTO promptreg.variants (experiment_id, key, prompt_id, version)
  SELECT started.id, v.value ->> 'key', target.id, (v.value ->> 'version')::integer
    FROM jsonb_array_elements(_prompt_experiment_start.variants) AS v (value);
  set_weights := promptreg.append_weights(experiment => started,
    keys => (SELECT array_agg(v.value ->> 'key' ORDER BY v.ordinality)
               FROM jsonb_array_elements(_prompt_experiment_start.variants) WITH ORDINALITY AS v (value, ordinality)),
    weights => (SELECT array_agg(promptreg.check_weight(weight => v.value -> 'weight', key => v.value ->> 'key') ORDER BY v.ordinality)
                  FROM jsonb_array_elements(_prompt_experiment_start.variants) WITH ORDINALITY AS v (value, ordinality)),
    reason => coalesce(_prompt_experiment_start.reason, 'start'));
  PERFORM promptreg.set_route_experiment(target.id, started.environment, started.id);
  PERFORM promptreg.audit(event => 'experiment_started', prompt => target.name, environment => started.environment,
    experiment => started.key, reason => _prompt_experiment_start.reason,
    after => jsonb_build_object('variants', _prompt_experiment_start.variants, 'coverage_ppm', started.coverage_ppm, 'salt', started.salt,
      'number', set_weights.number, 'weights', promptreg.weights_as_json(set_weights.keys, set_weights.ppm),
      'chain_hash', encode(set_weights.chain_hash, 'hex')));
  RETURN started.key;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_start(text, text, jsonb, numeric, text, text, text) IS
  'Splits the traffic of a deployed prompt between versions: [{"key", "version", "weight"}]; coverage: share of users enrolled. Returns the key. Right: release';

-- The prompt is locked before the experiment is looked at: weights, stops, promotions and rollbacks of one prompt
-- come one after the other.
CREATE FUNCTION promptreg.open_experiment(key text) RETURNS promptreg.experiments
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found promptreg.experiments;
  prompt_name text;
BEGIN
  SELECT x.* INTO found FROM promptreg.experiments x WHERE x.key = open_experiment.key;
  SELECT p.name INTO prompt_name FROM promptreg.prompts p WHERE p.id = found.prompt_id;
  IF NOT promptreg.allowed('release', coalesce(prompt_name, ''), found.environment) THEN
    found := NULL;
  END IF;
  IF found.id IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR005',
      MESSAGE = format('experiment %s does not exist', promptreg.shown(open_experiment.key)),
      HINT = 'It may also belong to a prompt that you have no right to release.';
  END IF;
  PERFORM promptreg.open_prompt(name => prompt_name, "right" => 'release', env => found.environment, lock => true);
  SELECT x.* INTO STRICT found FROM promptreg.experiments x WHERE x.id = found.id FOR UPDATE;
  IF found.state = 'stopped' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR056',
      MESSAGE = format('experiment "%s" has ended', found.key),
      DETAIL = format('It was stopped by %s at %s%s.', found.stopped_by, found.stopped_at, coalesce(': ' || found.stop_reason, ''));
  END IF;
  RETURN found;
END;
$$;
COMMENT ON FUNCTION promptreg.open_experiment(text) IS
  'The experiment of a key, the caller''s right to release its prompt checked, locked; an error if it has ended';

CREATE FUNCTION promptreg.check_weight_keys(experiment promptreg.experiments, weights jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  variant_keys text[];
BEGIN
  SELECT array_agg(v.key ORDER BY v.key) INTO variant_keys FROM promptreg.variants v WHERE v.experiment_id = experiment.id;
  IF coalesce(jsonb_typeof(weights), '') <> 'object'
     OR (SELECT array_agg(k.key ORDER BY k.key) FROM jsonb_object_keys(weights) AS k (key)) IS DISTINCT FROM variant_keys THEN
    PERFORM promptreg.raise_invalid_experiment(
      problem => format('the weights of experiment "%s" must be a JSON object with a weight for each variant', experiment.key),
      hint => format('Its variants are: %s.', array_to_string(variant_keys, ', ')));
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_weight_keys(promptreg.experiments, jsonb) IS 'Error unless new weights name exactly the variants';

CREATE FUNCTION promptreg._prompt_experiment_set_weights(key text, weights jsonb, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments := promptreg.open_experiment(_prompt_experiment_set_weights.key);
  last promptreg.weights;
  set_weights promptreg.weights;
BEGIN
  PERFORM promptreg.check_weight_keys(running, _prompt_experiment_set_weights.weights);
  SELECT w.* INTO last FROM ONLY promptreg.weights w
   WHERE w.experiment_id = running.id ORDER BY w.number DESC LIMIT 1;
  set_weights := promptreg.append_weights(experiment => running, keys => last.keys,
    weights => (SELECT array_agg(promptreg.check_weight(weight => _prompt_experiment_set_weights.weights -> k.key, key => k.key) ORDER BY k.ordinality)
                  FROM unnest(last.keys) WITH ORDINALITY AS k (key, ordinality)),
    reason => _prompt_experiment_set_weights.reason);
  PERFORM promptreg.set_route_experiment(running.prompt_id, running.environment, running.id);
  PERFORM promptreg.audit(event => 'experiment_weights',
    prompt => (SELECT p.name FROM promptreg.prompts p WHERE p.id = running.prompt_id),
    environment => running.environment, experiment => running.key, reason => _prompt_experiment_set_weights.reason,
    before => promptreg.weights_as_json(last.keys, last.ppm),
    after => jsonb_build_object('weights', promptreg.weights_as_json(set_weights.keys, set_weights.ppm),
                                'number', set_weights.number, 'chain_hash', encode(set_weights.chain_hash, 'hex')));
  RETURN set_weights.number;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_set_weights(text, jsonb, text) IS
  'Gives the variants of a running experiment new weights, {"key": weight, ...}, relative to each other; returns the number of the row of weights. Right: release';

CREATE FUNCTION promptreg.stop_experiment(experiment promptreg.experiments, prompt text, winner text, reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE promptreg.experiments x
     SET state = 'stopped', stopped_by = promptreg.caller(), stopped_at = greatest(clock_timestamp(), x.started_at),
         stop_reason = stop_experiment.reason, winner = stop_experiment.winner
   WHERE x.id = experiment.id;
  PERFORM promptreg.set_route_experiment(experiment.prompt_id, experiment.environment, NULL);
  PERFORM promptreg.audit(event => 'experiment_stopped', prompt => stop_experiment.prompt,
    environment => experiment.environment, experiment => experiment.key, reason => stop_experiment.reason,
    after => jsonb_build_object('winner', stop_experiment.winner));
END;
$$;
COMMENT ON FUNCTION promptreg.stop_experiment(promptreg.experiments, text, text, text) IS 'Ends an experiment that the caller has locked';

CREATE FUNCTION promptreg.end_experiment(prompt promptreg.prompts, env text, reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments;
BEGIN
  SELECT x.* INTO running FROM promptreg.experiments x
   WHERE x.prompt_id = prompt.id AND x.environment = end_experiment.env AND x.state IN ('running', 'paused')
     FOR UPDATE;
  IF running.id IS NOT NULL THEN
    PERFORM promptreg.stop_experiment(experiment => running, prompt => prompt.name, winner => NULL, reason => end_experiment.reason);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.end_experiment(promptreg.prompts, text, text) IS 'Ends the experiment that runs on a route, if any';

CREATE FUNCTION promptreg._prompt_experiment_stop(key text, winner text DEFAULT NULL, reason text DEFAULT NULL)
RETURNS promptreg.deployment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments := promptreg.open_experiment(_prompt_experiment_stop.key);
  target promptreg.prompts;
  winning_version integer;
BEGIN
  SELECT p.* INTO STRICT target FROM promptreg.prompts p WHERE p.id = running.prompt_id;
  SELECT v.version INTO winning_version FROM promptreg.variants v
   WHERE v.experiment_id = running.id AND v.key = _prompt_experiment_stop.winner;
  IF _prompt_experiment_stop.winner IS NOT NULL AND winning_version IS NULL THEN
    PERFORM promptreg.raise_invalid_experiment(
      problem => format('experiment "%s" has no variant "%s"', running.key, _prompt_experiment_stop.winner),
      hint => format('Its variants are: %s.', (SELECT string_agg(v.key, ', ' ORDER BY v.key)
                                                 FROM promptreg.variants v WHERE v.experiment_id = running.id)));
  END IF;
  PERFORM promptreg.stop_experiment(experiment => running, prompt => target.name,
    winner => _prompt_experiment_stop.winner, reason => _prompt_experiment_stop.reason);
  IF winning_version IS NULL THEN
    RETURN NULL;
  END IF;
  RETURN promptreg.as_deployment(target.name, promptreg.promote(prompt => target, version => winning_version,
    env => running.environment, reason => coalesce(_prompt_experiment_stop.reason,
      format('variant %s won experiment %s', _prompt_experiment_stop.winner, running.key)),
    end_experiment => false, idempotency_key => NULL));
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_stop(text, text, text) IS
  'Ends an experiment; with winner, promotes that variant''s version in the same transaction and returns the deployment. Right: release';
