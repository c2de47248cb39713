-- Experiments while they run: weights, coverage, variants, pauses, overrides.

CREATE FUNCTION promptreg.check_weight_keys(experiment promptreg.experiments, keys text[], weights jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  weighted text[] := array_remove(keys, CASE WHEN experiment.control_ppm IS NOT NULL THEN experiment.control END);
BEGIN
  IF coalesce(jsonb_typeof(weights), '') <> 'object'
     OR NOT weights ?& weighted OR weights - weighted - coalesce(experiment.control, '') <> '{}' THEN
    PERFORM promptreg.raise_invalid_experiment(
      problem => format('the weights of experiment "%s" must be a JSON object with a weight for each variant', experiment.key),
      hint => format('Its variants are: %s.', (SELECT string_agg(k.key, ', ' ORDER BY k.key) FROM unnest(weighted) AS k (key))));
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_weight_keys(promptreg.experiments, text[], jsonb) IS
  'Error unless new weights name exactly the variants that have weights';

-- A rollout knows which share it is at, and what its guards have seen of it.
CREATE FUNCTION promptreg.check_no_rollout(experiment promptreg.experiments) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF experiment.kind <> 'experiment' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR091',
      MESSAGE = format('experiment "%s" is a rollout, whose weights follow its steps', experiment.key),
      HINT = 'Pause it with prompt_experiment_pause, or stop it with prompt_experiment_stop and start another one.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_no_rollout(promptreg.experiments) IS 'Error if an experiment is a rollout: nobody but its steps changes its shares and versions';

CREATE FUNCTION promptreg._prompt_experiment_set_weights(key text, weights jsonb, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments := promptreg.open_experiment(_prompt_experiment_set_weights.key);
  setting promptreg.weights := promptreg.next_weights(running.id);
BEGIN
  PERFORM promptreg.check_no_rollout(running);
  PERFORM promptreg.check_weight_keys(running, setting.keys, _prompt_experiment_set_weights.weights);
  setting.ppm := promptreg.to_ppm(experiment => running, keys => setting.keys, weights => _prompt_experiment_set_weights.weights);
  RETURN (promptreg.append_weights(experiment => running, setting => setting, event => 'experiment_weights',
                                   reason => _prompt_experiment_set_weights.reason)).number;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_set_weights(text, jsonb, text) IS
  'Gives the variants of a running experiment new weights, {"key": weight, ...}, relative to each other; returns the number of the row of weights. Right: release';

CREATE FUNCTION promptreg._prompt_experiment_set_coverage(key text, coverage numeric, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments := promptreg.open_experiment(_prompt_experiment_set_coverage.key);
  setting promptreg.weights := promptreg.next_weights(running.id);
BEGIN
  PERFORM promptreg.check_no_rollout(running);
  setting.coverage_ppm := promptreg.share_to_ppm(_prompt_experiment_set_coverage.coverage, 'coverage',
                                                 'Coverage is the share of users enrolled, from 0 to 1.');
  RETURN (promptreg.append_weights(experiment => running, setting => setting, event => 'experiment_coverage',
                                   reason => _prompt_experiment_set_coverage.reason)).number;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_set_coverage(text, numeric, text) IS
  'Enrols another share of users, which moves nobody between variants; returns the number of the row of weights. Right: release';

CREATE FUNCTION promptreg._prompt_experiment_set_variants(
  key text, variants jsonb, reason text DEFAULT NULL, accept_differences boolean DEFAULT false
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments := promptreg.open_experiment(_prompt_experiment_set_variants.key);
  setting promptreg.weights := promptreg.next_weights(running.id);
  target promptreg.prompts;
BEGIN
  PERFORM promptreg.check_no_rollout(running);
  SELECT p.* INTO STRICT target FROM promptreg.prompts p WHERE p.id = running.prompt_id;
  PERFORM promptreg.check_variants(_prompt_experiment_set_variants.variants);
  setting.keys := promptreg.variant_keys(_prompt_experiment_set_variants.variants);
  setting.versions := promptreg.variant_versions(_prompt_experiment_set_variants.variants);
  PERFORM promptreg.check_version(target, v.version) FROM unnest(setting.versions) AS v (version);
  PERFORM promptreg.default_control(keys => setting.keys, control => running.control);
  setting.ppm := promptreg.to_ppm(experiment => running, keys => setting.keys,
                                  weights => promptreg.variant_weights(_prompt_experiment_set_variants.variants));
  IF setting.state = 'running' THEN
    PERFORM promptreg.check_servable(prompt => target, env => running.environment, versions => setting.versions,
                                     accept_differences => _prompt_experiment_set_variants.accept_differences);
  END IF;
  RETURN (promptreg.append_weights(experiment => running, setting => setting, event => 'experiment_variants',
                                   reason => _prompt_experiment_set_variants.reason)).number;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_set_variants(text, jsonb, text, boolean) IS
  'Replaces the variants: other versions, more, or fewer; users stay with a key that stays. Returns the number of the row of weights. Right: release';

CREATE FUNCTION promptreg._prompt_experiment_pause(key text, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments := promptreg.open_experiment(_prompt_experiment_pause.key);
  setting promptreg.weights := promptreg.next_weights(running.id);
BEGIN
  IF running.state <> 'running' THEN
    PERFORM promptreg.raise_wrong_state(running, 'Only what is running can be paused.');
  END IF;
  setting.state := 'paused';
  RETURN (promptreg.append_weights(experiment => running, setting => setting, event => 'experiment_paused',
                                   reason => _prompt_experiment_pause.reason)).number;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_pause(text, text) IS
  'Serves the deployed version to everybody until prompt_experiment_resume; returns the number of the row of weights. Right: release';

CREATE FUNCTION promptreg._prompt_experiment_resume(key text, reason text DEFAULT NULL, accept_differences boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  waiting promptreg.experiments := promptreg.open_experiment(_prompt_experiment_resume.key);
  setting promptreg.weights := promptreg.next_weights(waiting.id);
  target promptreg.prompts;
BEGIN
  IF waiting.state = 'running' THEN
    PERFORM promptreg.raise_wrong_state(waiting, 'Only a draft can be started, and only what is paused resumed.');
  END IF;
  SELECT p.* INTO STRICT target FROM promptreg.prompts p WHERE p.id = waiting.prompt_id;
  PERFORM promptreg.check_servable(prompt => target, env => waiting.environment, versions => setting.versions,
                                   accept_differences => _prompt_experiment_resume.accept_differences);
  IF waiting.state = 'draft' THEN
    PERFORM promptreg.check_no_experiment(target, waiting.environment);
    PERFORM promptreg.check_namespace_free(waiting);
  END IF;
  setting.state := 'running';
  setting.holdout_ppm := promptreg.holdout_ppm(waiting.holdout_id);
  RETURN (promptreg.append_weights(experiment => waiting, setting => setting,
    event => CASE waiting.state WHEN 'draft' THEN 'experiment_started' ELSE 'experiment_resumed' END,
    reason => _prompt_experiment_resume.reason)).number;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_resume(text, text, boolean) IS
  'Starts a draft, or goes on with a paused experiment: everybody gets the variant of before. Returns the number of the row of weights. Right: release';

CREATE FUNCTION promptreg.raise_wrong_state(experiment promptreg.experiments, detail text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR059',
    MESSAGE = format('experiment "%s" is %s', experiment.key,
                     CASE experiment.state WHEN 'draft' THEN 'a draft' ELSE experiment.state END),
    DETAIL = raise_wrong_state.detail;
END;
$$;
COMMENT ON FUNCTION promptreg.raise_wrong_state(promptreg.experiments, text) IS 'The error for a step that the state of an experiment does not allow';

-- A route keeps all overrides in every backend, so that their number is bounded.
CREATE FUNCTION promptreg.overrides_in_force(experiment_id bigint, at timestamptz DEFAULT 'infinity')
RETURNS TABLE (user_id text, variant text)
LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT o.user_id, o.variant
    FROM (SELECT DISTINCT ON (o.user_id COLLATE "C") o.user_id, o.variant
            FROM ONLY promptreg.overrides o
           WHERE o.experiment_id = overrides_in_force.experiment_id AND o.set_at <= overrides_in_force.at
           ORDER BY o.user_id COLLATE "C", o.number DESC) AS o
   WHERE o.variant IS NOT NULL
   ORDER BY o.user_id COLLATE "C";
END;
COMMENT ON FUNCTION promptreg.overrides_in_force(bigint, timestamptz) IS
  'Users with an override, in byte order, as they stood at a time';

CREATE FUNCTION promptreg.append_override(experiment promptreg.experiments, user_id text, variant text, reason text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  last promptreg.overrides;
  row promptreg.overrides;
BEGIN
  SELECT o.* INTO last FROM ONLY promptreg.overrides o
   WHERE o.experiment_id = experiment.id ORDER BY o.number DESC LIMIT 1;
  row.experiment_id := experiment.id;
  row.number := coalesce(last.number, 0) + 1;
  row.user_id := append_override.user_id;
  row.variant := append_override.variant;
  row.reason := append_override.reason;
  row.set_by := promptreg.caller();
  row.set_at := promptreg.next_time(experiment => append_override.experiment, after => last.set_at);
  row.previous_hash := last.chain_hash;
  row.chain_hash := promptreg.override_hash(experiment.key, row);
  INSERT INTO promptreg.overrides (experiment_id, number, user_id, variant, reason, set_by, set_at, previous_hash, chain_hash)
  VALUES (row.experiment_id, row.number, row.user_id, row.variant, row.reason, row.set_by, row.set_at, row.previous_hash,
          row.chain_hash);
  IF promptreg.is_live(experiment.state) THEN
    PERFORM promptreg.set_route_experiment(prompt_id => experiment.prompt_id, env => experiment.environment,
                                           experiment_id => experiment.id, at => row.set_at);
  END IF;
  PERFORM promptreg.audit(event => 'experiment_override',
    prompt => (SELECT p.name FROM promptreg.prompts p WHERE p.id = experiment.prompt_id),
    environment => experiment.environment, experiment => experiment.key, reason => append_override.reason,
    after => jsonb_build_object('override', row.number, 'variant', row.variant, 'chain_hash', encode(row.chain_hash, 'hex')));
  RETURN row.number;
END;
$$;
COMMENT ON FUNCTION promptreg.append_override(promptreg.experiments, text, text, text) IS
  'Appends an override, marks the route as changed and writes the audit record';

CREATE FUNCTION promptreg._prompt_experiment_override(key text, user_id text, variant text DEFAULT NULL, reason text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running promptreg.experiments := promptreg.open_experiment(_prompt_experiment_override.key);
  most CONSTANT integer := 1000;
BEGIN
  IF _prompt_experiment_override.user_id IS NULL THEN
    PERFORM promptreg.raise_invalid_experiment(problem => 'the user of an override is NULL', hint => 'Name the user that applications pass.');
  END IF;
  PERFORM promptreg.version_of_variant(running, _prompt_experiment_override.variant);
  IF _prompt_experiment_override.variant IS NOT NULL
     AND (SELECT count(*) FROM promptreg.overrides_in_force(running.id) o WHERE o.user_id <> _prompt_experiment_override.user_id) >= most THEN
    PERFORM promptreg.raise_invalid_experiment(problem => format('experiment "%s" has %s overrides, and no more are allowed', running.key, most),
      hint => 'Overrides are for testers; a share of users is a matter of weights.');
  END IF;
  RETURN promptreg.append_override(experiment => running, user_id => _prompt_experiment_override.user_id,
    variant => _prompt_experiment_override.variant, reason => _prompt_experiment_override.reason);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_override(text, text, text, text) IS
  'Gives one user a variant whatever the hash says; without variant, takes that back. Returns the number of the override. Right: release';
