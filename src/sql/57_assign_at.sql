-- Who got what, then: the decisions of the past from the rows that were in force.

CREATE FUNCTION promptreg.weights_at(prompt_id bigint, env text, at timestamptz) RETURNS promptreg.weights
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT w FROM ONLY promptreg.weights w JOIN promptreg.experiments x ON x.id = w.experiment_id
         WHERE x.prompt_id = weights_at.prompt_id AND x.environment = weights_at.env AND w.state = 'running'
           AND w.number = (SELECT max(last.number) FROM ONLY promptreg.weights last
                            WHERE last.experiment_id = x.id AND last.set_at <= weights_at.at)
         ORDER BY x.id DESC LIMIT 1);
COMMENT ON FUNCTION promptreg.weights_at(bigint, text, timestamptz) IS
  'The row of weights that split the traffic of a route at a time; NULL: none did';

-- The steps of docs/assignment.md, as Assign() in src/pg/assignment.cpp takes them.
CREATE FUNCTION promptreg.variant_at(experiment promptreg.experiments, setting promptreg.weights, user_id text, at timestamptz,
                                     OUT variant text, OUT reason text, OUT slot integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  namespace text := (SELECT n.name FROM promptreg.namespaces n WHERE n.id = experiment.namespace_id);
  holdout text := (SELECT h.name FROM promptreg.holdouts h WHERE h.id = experiment.holdout_id);
BEGIN
  slot := promptreg.slot(promptreg.hash64('pr1', 'cov', experiment.salt, variant_at.user_id));
  SELECT o.variant INTO variant_at.variant FROM promptreg.overrides_in_force(experiment.id, variant_at.at) o
   WHERE o.user_id = variant_at.user_id AND o.variant = ANY (setting.keys);
  IF variant_at.variant IS NOT NULL THEN
    reason := 'override';
    RETURN;
  END IF;
  reason := 'control';
  IF holdout IS NOT NULL
     AND promptreg.slot(promptreg.hash64('pr1', 'hold', holdout, variant_at.user_id)) < setting.holdout_ppm THEN
    RETURN;
  ELSIF namespace IS NOT NULL
        AND promptreg.slot(promptreg.hash64('pr1', 'ns', namespace, variant_at.user_id))
            NOT BETWEEN experiment.namespace_lo_ppm AND experiment.namespace_hi_ppm - 1 THEN
    RETURN;
  ELSIF slot >= setting.coverage_ppm THEN
    RETURN;
  END IF;
  variant_at.variant := promptreg.pick_variant(experiment.salt, variant_at.user_id, setting.keys, setting.ppm);
  reason := CASE WHEN variant_at.variant IS NULL THEN 'control' ELSE experiment.kind END;
END;
$$;
COMMENT ON FUNCTION promptreg.variant_at(promptreg.experiments, promptreg.weights, text, timestamptz) IS
  'Variant of a user under a row of weights, and the overrides of a time';

CREATE FUNCTION promptreg._prompt_assign_at(name text, env text, user_id text, at timestamptz) RETURNS promptreg.assignment
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_assign_at.name, "right" => 'read');
  setting promptreg.weights;
  experiment promptreg.experiments;
  decided record;
  result promptreg.assignment;
BEGIN
  PERFORM promptreg.check_environment(_prompt_assign_at.env);
  SELECT d.version INTO result.version
    FROM ONLY promptreg.deployments d
   WHERE d.prompt_id = target.id AND d.environment = _prompt_assign_at.env AND d.deployed_at <= _prompt_assign_at.at
   ORDER BY d.number DESC LIMIT 1;
  IF result.version IS NULL THEN
    RETURN NULL;
  END IF;
  result.reason := 'deployed';
  setting := promptreg.weights_at(prompt_id => target.id, env => _prompt_assign_at.env, at => _prompt_assign_at.at);
  IF setting.id IS NULL OR _prompt_assign_at.user_id IS NULL THEN
    RETURN result;
  END IF;
  SELECT x.* INTO STRICT experiment FROM promptreg.experiments x WHERE x.id = setting.experiment_id;
  SELECT v.* INTO decided FROM promptreg.variant_at(experiment => experiment, setting => setting,
                                                    user_id => _prompt_assign_at.user_id, at => _prompt_assign_at.at) v;
  result.experiment := experiment.key;
  result.variant := decided.variant;
  result.reason := decided.reason;
  result.slot := decided.slot;
  IF decided.variant IS NOT NULL THEN
    result.version := setting.versions[array_position(setting.keys, decided.variant)];
  END IF;
  RETURN result;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_assign_at(text, text, text, timestamptz) IS
  'What prompt_assign gave a user at a time, replayed from history; NULL: nothing was deployed. Right: read';
