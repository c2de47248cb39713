-- The one place that changes experiments: every change appends a row of weights, which says all that is in force.

CREATE FUNCTION promptreg.last_weights(experiment_id bigint) RETURNS promptreg.weights
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT w FROM ONLY promptreg.weights w
         WHERE w.experiment_id = last_weights.experiment_id ORDER BY w.number DESC LIMIT 1);
COMMENT ON FUNCTION promptreg.last_weights(bigint) IS 'The row of weights in force';

CREATE FUNCTION promptreg.next_weights(experiment_id bigint) RETURNS promptreg.weights
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  following promptreg.weights := promptreg.last_weights(experiment_id);
BEGIN
  following.evidence := NULL;
  RETURN following;
END;
$$;
COMMENT ON FUNCTION promptreg.next_weights(bigint) IS 'What is in force, to be changed and appended as the next row of weights';

CREATE FUNCTION promptreg.weights_as_json(keys text[], ppm integer[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT jsonb_object_agg(w.key, w.ppm) FROM unnest(keys, ppm) AS w (key, ppm));
COMMENT ON FUNCTION promptreg.weights_as_json(text[], integer[]) IS 'Weights as an object, parts per million by key';

CREATE FUNCTION promptreg.setting_as_json(record promptreg.weights) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN record.number IS NOT NULL THEN jsonb_build_object(
  'number', record.number, 'state', record.state, 'versions', promptreg.weights_as_json(record.keys, record.versions),
  'weights', promptreg.weights_as_json(record.keys, record.ppm), 'coverage_ppm', record.coverage_ppm,
  'holdout_ppm', record.holdout_ppm) END;
COMMENT ON FUNCTION promptreg.setting_as_json(promptreg.weights) IS 'A row of weights as audit records show it';

-- Marks the route as changed, too: a cached route compares the row's xmin with its snapshot.
CREATE FUNCTION promptreg.set_route_experiment(prompt_id bigint, env text, experiment_id bigint, at timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE promptreg.routes r
     SET experiment_id = set_route_experiment.experiment_id, changed_at = set_route_experiment.at
   WHERE r.prompt_id = set_route_experiment.prompt_id AND r.environment = set_route_experiment.env;
END;
COMMENT ON FUNCTION promptreg.set_route_experiment(bigint, text, bigint, timestamptz) IS
  'Sets or clears the experiment of a route; called again for every change of an experiment that runs on it';

-- Times on one route never run backwards, even if the clock does: so that a time tells what was in force.
CREATE FUNCTION promptreg.next_time(experiment promptreg.experiments, after timestamptz) RETURNS timestamptz
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT greatest(clock_timestamp(), next_time.after,
                  (SELECT r.changed_at FROM promptreg.routes r
                    WHERE r.prompt_id = (experiment).prompt_id AND r.environment = (experiment).environment));
END;
COMMENT ON FUNCTION promptreg.next_time(promptreg.experiments, timestamptz) IS 'When a change of an experiment comes into force';

CREATE FUNCTION promptreg.is_live(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN state IN ('running', 'paused');
COMMENT ON FUNCTION promptreg.is_live(text) IS 'Whether an experiment in this state holds its route and its range of a namespace';

-- The experiment's own row follows: state and coverage are what the newest row of weights says.
CREATE FUNCTION promptreg.apply_weights(experiment promptreg.experiments, setting promptreg.weights) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE promptreg.experiments x
     SET state = setting.state, coverage_ppm = setting.coverage_ppm,
         started_by = CASE WHEN setting.state = 'running' THEN coalesce(x.started_by, setting.set_by) ELSE x.started_by END,
         started_at = CASE WHEN setting.state = 'running' THEN coalesce(x.started_at, setting.set_at) ELSE x.started_at END,
         stopped_by = CASE WHEN setting.state = 'stopped' THEN setting.set_by END,
         stopped_at = CASE WHEN setting.state = 'stopped' THEN setting.set_at END,
         stop_reason = CASE WHEN setting.state = 'stopped' THEN setting.reason END
   WHERE x.id = experiment.id;
  IF promptreg.is_live(setting.state) OR promptreg.is_live(experiment.state) THEN
    PERFORM promptreg.set_route_experiment(prompt_id => experiment.prompt_id, env => experiment.environment,
      experiment_id => CASE WHEN promptreg.is_live(setting.state) THEN experiment.id END, at => setting.set_at);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.apply_weights(promptreg.experiments, promptreg.weights) IS
  'Makes an experiment and its route what a new row of weights says';

CREATE FUNCTION promptreg.append_weights(
  experiment promptreg.experiments, setting promptreg.weights, event text, reason text, details jsonb DEFAULT '{}'
) RETURNS promptreg.weights
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  last promptreg.weights := promptreg.last_weights(experiment.id);
  row promptreg.weights := append_weights.setting;
BEGIN
  row.experiment_id := experiment.id;
  row.number := coalesce(last.number, 0) + 1;
  row.reason := append_weights.reason;
  row.set_by := promptreg.caller();
  row.set_at := promptreg.next_time(experiment => append_weights.experiment, after => last.set_at);
  row.previous_hash := last.chain_hash;
  row.chain_hash := promptreg.weights_hash(experiment.key, row);
  INSERT INTO promptreg.weights (experiment_id, number, state, keys, versions, ppm, coverage_ppm, holdout_ppm, reason,
                                 evidence, set_by, set_at, previous_hash, chain_hash)
  VALUES (row.experiment_id, row.number, row.state, row.keys, row.versions, row.ppm, row.coverage_ppm, row.holdout_ppm,
          row.reason, row.evidence, row.set_by, row.set_at, row.previous_hash, row.chain_hash);
  PERFORM promptreg.apply_weights(experiment => append_weights.experiment, setting => row);
  PERFORM promptreg.audit(event => append_weights.event,
    prompt => (SELECT p.name FROM promptreg.prompts p WHERE p.id = experiment.prompt_id),
    environment => experiment.environment, experiment => experiment.key, reason => append_weights.reason,
    before => promptreg.setting_as_json(last),
    after => promptreg.setting_as_json(row) || append_weights.details
             || jsonb_build_object('chain_hash', encode(row.chain_hash, 'hex')));
  RETURN row;
END;
$$;
COMMENT ON FUNCTION promptreg.append_weights(promptreg.experiments, promptreg.weights, text, text, jsonb) IS
  'Appends a row of weights, makes experiment and route follow it and writes the audit record';

CREATE FUNCTION promptreg.find_experiment(key text) RETURNS promptreg.experiments
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found promptreg.experiments;
  prompt_name text;
BEGIN
  SELECT x.* INTO found FROM promptreg.experiments x WHERE x.key = find_experiment.key;
  SELECT p.name INTO prompt_name FROM promptreg.prompts p WHERE p.id = found.prompt_id;
  IF NOT promptreg.allowed('release', coalesce(prompt_name, ''), found.environment) OR found.id IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR005',
      MESSAGE = format('experiment %s does not exist', promptreg.shown(find_experiment.key)),
      HINT = 'It may also belong to a prompt that you have no right to release.';
  END IF;
  RETURN found;
END;
$$;
COMMENT ON FUNCTION promptreg.find_experiment(text) IS 'The experiment of a key, the caller''s right to release its prompt checked';

-- The prompt is locked before the experiment is looked at: weights, stops, promotions and rollbacks of one prompt
-- come one after the other. NO KEY: so as not to wait for maintenance that is counting for the experiment.
CREATE FUNCTION promptreg.open_experiment(key text) RETURNS promptreg.experiments
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found promptreg.experiments := promptreg.find_experiment(open_experiment.key);
  prompt_name text := (SELECT p.name FROM promptreg.prompts p WHERE p.id = found.prompt_id);
BEGIN
  PERFORM promptreg.open_prompt(name => prompt_name, "right" => 'release', env => found.environment, lock => true);
  SELECT x.* INTO STRICT found FROM promptreg.experiments x WHERE x.id = found.id FOR NO KEY UPDATE;
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
