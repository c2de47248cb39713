-- Experiments: starting and ending.

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

-- Keys are unique in the database, so one that is taken tells that it exists. Those that default_experiment_key makes would
-- tell of prompts: only who may release a prompt can take a key that looks like one of its own, whether there is one or not.
CREATE FUNCTION promptreg.check_experiment_key(key text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stem text := "substring"(check_experiment_key.key, '^(.+)-[0-9]+$');
  owned record;
BEGIN
  PERFORM promptreg.check_name(check_experiment_key.key, 'an experiment');
  SELECT "left"(stem, -char_length(s.suffix)) AS prompt, e.name AS environment INTO owned
    FROM promptreg.environments e, LATERAL (SELECT '-' || "left"(e.name, 40)) AS s (suffix)
   WHERE (e.builtin OR promptreg.allowed('resolve', NULL, e.name))
     AND "right"(stem, char_length(s.suffix)) = s.suffix AND char_length(stem) > char_length(s.suffix)
     AND NOT promptreg.allowed('release', "left"(stem, -char_length(s.suffix)), e.name)
   ORDER BY e.name LIMIT 1;
  IF owned.prompt IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: release on %s in %s', promptreg.shown(owned.prompt), owned.environment),
      DETAIL = format('%s could be the key of an experiment on it.', promptreg.shown(check_experiment_key.key)),
      HINT = 'Choose another key, or leave it out.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_experiment_key(text) IS
  'Error unless a text can be the key of an experiment that the caller starts';

CREATE FUNCTION promptreg.check_no_experiment(prompt promptreg.prompts, env text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running text;
BEGIN
  SELECT x.key INTO running FROM promptreg.experiments x
   WHERE x.prompt_id = prompt.id AND x.environment = check_no_experiment.env AND promptreg.is_live(x.state);
  IF running IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR050',
      MESSAGE = format('experiment "%s" is already running for prompt "%s" in %s', running, prompt.name, check_no_experiment.env),
      HINT = 'Stop it with prompt_experiment_stop, or change its weights with prompt_experiment_set_weights.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_no_experiment(promptreg.prompts, text) IS 'Error if an experiment runs on a route';

-- Who compares variants compares them with this one.
CREATE FUNCTION promptreg.default_control(keys text[], control text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF control <> ALL (keys) THEN
    PERFORM promptreg.raise_invalid_experiment(problem => format('there is no variant "%s" that could be the control', control),
                                               hint => format('The variants are: %s.', array_to_string(keys, ', ')));
  END IF;
  RETURN coalesce(control, CASE WHEN 'control' = ANY (keys) THEN 'control' ELSE keys[1] END);
END;
$$;
COMMENT ON FUNCTION promptreg.default_control(text[], text) IS 'The control: as given, the variant of that name, or the first';

CREATE FUNCTION promptreg.create_experiment(experiment promptreg.experiments) RETURNS promptreg.experiments
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  row promptreg.experiments;
BEGIN
  INSERT INTO promptreg.experiments (key, prompt_id, environment, kind, state, salt, coverage_ppm, namespace_id, namespace_lo_ppm,
                                     namespace_hi_ppm, holdout_id, control, control_ppm, description)
  VALUES (experiment.key, experiment.prompt_id, experiment.environment, experiment.kind, 'draft',
          replace(gen_random_uuid()::text, '-', ''), experiment.coverage_ppm, experiment.namespace_id, experiment.namespace_lo_ppm,
          experiment.namespace_hi_ppm, experiment.holdout_id, experiment.control, experiment.control_ppm, experiment.description)
  RETURNING * INTO row;
  RETURN row;
EXCEPTION WHEN unique_violation THEN
  RAISE EXCEPTION USING
    ERRCODE = 'PR041',
    MESSAGE = format('experiment "%s" already exists', experiment.key),
    HINT = 'Choose another key.';
END;
$$;
COMMENT ON FUNCTION promptreg.create_experiment(promptreg.experiments) IS
  'Inserts an experiment, with a salt of its own; it is a draft until its first row of weights is appended';

-- What is fixed for the life of an experiment, as the audit record of its creation keeps it.
CREATE FUNCTION promptreg.experiment_as_json(experiment promptreg.experiments) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN jsonb_strip_nulls(jsonb_build_object(
  'kind', experiment.kind, 'salt', experiment.salt, 'control', experiment.control, 'control_ppm', experiment.control_ppm,
  'namespace', (SELECT n.name FROM promptreg.namespaces n WHERE n.id = experiment.namespace_id),
  'namespace_lo_ppm', experiment.namespace_lo_ppm, 'namespace_hi_ppm', experiment.namespace_hi_ppm,
  'holdout', (SELECT h.name FROM promptreg.holdouts h WHERE h.id = experiment.holdout_id)));
COMMENT ON FUNCTION promptreg.experiment_as_json(promptreg.experiments) IS
  'What is fixed for the life of an experiment, as its audit record keeps it';

-- Starts what was created, or only keeps it as a draft.
CREATE FUNCTION promptreg.begin_experiment(
  prompt promptreg.prompts, experiment promptreg.experiments, variants jsonb, state text, accept_differences boolean, reason text
) RETURNS promptreg.experiments
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  setting promptreg.weights;
  created promptreg.experiments;
BEGIN
  setting.state := begin_experiment.state;
  setting.keys := promptreg.variant_keys(variants);
  setting.versions := promptreg.variant_versions(variants);
  setting.ppm := promptreg.to_ppm(experiment => begin_experiment.experiment, keys => setting.keys,
                                  weights => promptreg.variant_weights(variants));
  setting.coverage_ppm := experiment.coverage_ppm;
  setting.holdout_ppm := promptreg.holdout_ppm(experiment.holdout_id);
  IF setting.state = 'running' THEN
    PERFORM promptreg.check_servable(prompt => begin_experiment.prompt, env => experiment.environment, versions => setting.versions,
                                     accept_differences => begin_experiment.accept_differences);
    PERFORM promptreg.check_no_experiment(begin_experiment.prompt, experiment.environment);
    PERFORM promptreg.check_namespace_free(begin_experiment.experiment);
  END IF;
  created := promptreg.create_experiment(begin_experiment.experiment);
  PERFORM promptreg.append_weights(experiment => created, setting => setting,
    event => CASE setting.state WHEN 'draft' THEN 'experiment_created' ELSE 'experiment_started' END,
    reason => begin_experiment.reason, details => promptreg.experiment_as_json(created));
  RETURN created;
END;
$$;
COMMENT ON FUNCTION promptreg.begin_experiment(promptreg.prompts, promptreg.experiments, jsonb, text, boolean, text) IS
  'Creates an experiment on a prompt that the caller has locked and was authorized for';

CREATE FUNCTION promptreg._prompt_experiment_start(
  name text, env text, variants jsonb, coverage numeric DEFAULT 1, key text DEFAULT NULL, description text DEFAULT NULL,
  reason text DEFAULT NULL, state text DEFAULT 'running', namespace text DEFAULT NULL, namespace_from numeric DEFAULT 0,
  namespace_to numeric DEFAULT 1, holdout text DEFAULT NULL, control text DEFAULT NULL, control_share numeric DEFAULT NULL,
  accept_differences boolean DEFAULT false
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_for_change(name => _prompt_experiment_start.name, "right" => 'release',
                                                        env => _prompt_experiment_start.env);
  wanted promptreg.experiments;
BEGIN
  PERFORM promptreg.check_environment(_prompt_experiment_start.env);
  PERFORM promptreg.check_choice(_prompt_experiment_start.state, '{running,draft}', 'state');
  PERFORM promptreg.check_variants(_prompt_experiment_start.variants);
  PERFORM promptreg.check_version(target, v.version)
     FROM unnest(promptreg.variant_versions(_prompt_experiment_start.variants)) AS v (version);
  IF _prompt_experiment_start.key IS NOT NULL THEN
    PERFORM promptreg.check_experiment_key(_prompt_experiment_start.key);
  END IF;
  wanted.key := coalesce(_prompt_experiment_start.key, promptreg.default_experiment_key(target, _prompt_experiment_start.env));
  wanted.prompt_id := target.id;
  wanted.environment := _prompt_experiment_start.env;
  wanted.kind := 'experiment';
  wanted.coverage_ppm := promptreg.share_to_ppm(_prompt_experiment_start.coverage, 'coverage',
                                                'Coverage is the share of users enrolled, from 0 to 1.');
  wanted.control := promptreg.default_control(keys => promptreg.variant_keys(_prompt_experiment_start.variants),
                                              control => _prompt_experiment_start.control);
  wanted.control_ppm := promptreg.control_share_to_ppm(_prompt_experiment_start.control_share);
  wanted.description := _prompt_experiment_start.description;
  wanted := promptreg.place_in_namespace(experiment => wanted, namespace => _prompt_experiment_start.namespace,
    "from" => _prompt_experiment_start.namespace_from, "to" => _prompt_experiment_start.namespace_to);
  wanted.holdout_id := promptreg.holdout_id(_prompt_experiment_start.holdout);
  PERFORM promptreg.begin_experiment(prompt => target, experiment => wanted, variants => _prompt_experiment_start.variants,
    state => _prompt_experiment_start.state, accept_differences => _prompt_experiment_start.accept_differences,
    reason => _prompt_experiment_start.reason);
  RETURN wanted.key;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_start(text, text, jsonb, numeric, text, text, text, text, text, numeric, numeric, text, text, numeric, boolean) IS
  'Splits the traffic of a deployed prompt between versions: [{"key", "version", "weight"}]; coverage: share of users enrolled. Returns the key. Right: release';

CREATE FUNCTION promptreg.stop_experiment(experiment promptreg.experiments, winner text, reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  setting promptreg.weights := promptreg.next_weights(experiment.id);
BEGIN
  setting.state := 'stopped';
  UPDATE promptreg.experiments x SET winner = stop_experiment.winner WHERE x.id = experiment.id;
  PERFORM promptreg.append_weights(experiment => stop_experiment.experiment, setting => setting, event => 'experiment_stopped',
    reason => stop_experiment.reason, details => jsonb_build_object('winner', stop_experiment.winner));
  PERFORM promptreg.remove_rollout_guards(stop_experiment.experiment);
END;
$$;
COMMENT ON FUNCTION promptreg.stop_experiment(promptreg.experiments, text, text) IS
  'Ends an experiment that the caller has locked, and with it the guards of a rollout';

CREATE FUNCTION promptreg.end_experiment(prompt promptreg.prompts, env text, reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments;
BEGIN
  SELECT x.* INTO running FROM promptreg.experiments x
   WHERE x.prompt_id = prompt.id AND x.environment = end_experiment.env AND promptreg.is_live(x.state)
     FOR NO KEY UPDATE;
  IF running.id IS NOT NULL THEN
    PERFORM promptreg.stop_experiment(experiment => running, winner => NULL, reason => end_experiment.reason);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.end_experiment(promptreg.prompts, text, text) IS 'Ends the experiment that runs on a route, if any';

CREATE FUNCTION promptreg.version_of_variant(experiment promptreg.experiments, variant text) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  last promptreg.weights := promptreg.last_weights(experiment.id);
BEGIN
  IF variant <> ALL (last.keys) THEN
    PERFORM promptreg.raise_invalid_experiment(
      problem => format('experiment "%s" has no variant "%s"', experiment.key, variant),
      hint => format('Its variants are: %s.', (SELECT string_agg(k.key, ', ' ORDER BY k.key) FROM unnest(last.keys) AS k (key))));
  END IF;
  RETURN last.versions[array_position(last.keys, variant)];
END;
$$;
COMMENT ON FUNCTION promptreg.version_of_variant(promptreg.experiments, text) IS
  'The version behind a variant; NULL for no variant, and an error for one that is none';

CREATE FUNCTION promptreg._prompt_experiment_stop(key text, winner text DEFAULT NULL, reason text DEFAULT NULL)
RETURNS promptreg.deployment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments := promptreg.open_experiment(_prompt_experiment_stop.key);
  winning_version integer := promptreg.version_of_variant(running, _prompt_experiment_stop.winner);
  target promptreg.prompts;
BEGIN
  SELECT p.* INTO STRICT target FROM promptreg.prompts p WHERE p.id = running.prompt_id;
  PERFORM promptreg.stop_experiment(experiment => running, winner => _prompt_experiment_stop.winner,
                                    reason => _prompt_experiment_stop.reason);
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
