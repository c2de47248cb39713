-- Namespaces and holdouts: what several experiments share.

CREATE FUNCTION promptreg.control_share_to_ppm(share numeric) RETURNS integer
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF share >= 1 THEN
    PERFORM promptreg.raise_invalid_experiment(problem => format('the share of the control is %s', share),
                                               hint => 'It leaves nothing for the other variants.');
  END IF;
  RETURN CASE WHEN share IS NOT NULL
              THEN promptreg.share_to_ppm(share, 'the share of the control', 'A share is a number from 0 to below 1.') END;
END;
$$;
COMMENT ON FUNCTION promptreg.control_share_to_ppm(numeric) IS 'The fixed share of a control as parts per million; NULL for none';

CREATE FUNCTION promptreg.raise_undefined_shared(what text, name text, known text[], how text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR070',
    MESSAGE = format('%s %s does not exist', raise_undefined_shared.what, promptreg.shown(raise_undefined_shared.name)),
    HINT = promptreg.did_you_mean(name => raise_undefined_shared.name, candidates => known, otherwise => how);
END;
$$;
COMMENT ON FUNCTION promptreg.raise_undefined_shared(text, text, text[], text) IS 'The error for a namespace or a holdout that does not exist';

CREATE FUNCTION promptreg._prompt_namespace_create(name text, description text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  PERFORM promptreg.check_name(_prompt_namespace_create.name, 'a namespace');
  INSERT INTO promptreg.namespaces (name, description, created_by, created_at)
  VALUES (_prompt_namespace_create.name, _prompt_namespace_create.description, promptreg.caller(), clock_timestamp());
  PERFORM promptreg.audit(event => 'namespace_created', after => jsonb_build_object('namespace', _prompt_namespace_create.name));
  RETURN _prompt_namespace_create.name;
EXCEPTION WHEN unique_violation THEN
  RAISE EXCEPTION USING
    ERRCODE = 'PR041',
    MESSAGE = format('namespace "%s" already exists', _prompt_namespace_create.name);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_namespace_create(text, text) IS
  'Creates a namespace, whose slots experiments divide among them. Right: admin on every prompt';

CREATE FUNCTION promptreg.place_in_namespace(experiment promptreg.experiments, namespace text, "from" numeric, "to" numeric)
RETURNS promptreg.experiments
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  hint CONSTANT text := 'A range goes from a share to a greater one, both from 0 to 1.';
BEGIN
  IF place_in_namespace.namespace IS NULL THEN
    RETURN experiment;
  END IF;
  SELECT n.id INTO experiment.namespace_id FROM promptreg.namespaces n WHERE n.name = place_in_namespace.namespace;
  IF experiment.namespace_id IS NULL THEN
    PERFORM promptreg.raise_undefined_shared(what => 'namespace', name => place_in_namespace.namespace,
      known => ARRAY(SELECT n.name FROM promptreg.namespaces n), how => 'Create it with prompt_namespace_create.');
  END IF;
  experiment.namespace_lo_ppm := promptreg.share_to_ppm("from", 'the beginning of the range', hint);
  experiment.namespace_hi_ppm := promptreg.share_to_ppm("to", 'the end of the range', hint);
  IF experiment.namespace_lo_ppm >= experiment.namespace_hi_ppm THEN
    PERFORM promptreg.raise_invalid_experiment(problem => format('the range from %s to %s is empty', "from", "to"), hint => hint);
  END IF;
  RETURN experiment;
END;
$$;
COMMENT ON FUNCTION promptreg.place_in_namespace(promptreg.experiments, text, numeric, numeric) IS
  'An experiment with its range of a namespace; unchanged without one';

-- The namespace is locked, so that of two experiments that start at once the second sees the first.
CREATE FUNCTION promptreg.check_namespace_free(experiment promptreg.experiments) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  namespace text;
  taken text;
BEGIN
  SELECT n.name INTO namespace FROM promptreg.namespaces n WHERE n.id = experiment.namespace_id FOR NO KEY UPDATE;
  SELECT string_agg(format('%s has %s to %s.', CASE WHEN promptreg.allowed('read', p.name) THEN format('Experiment "%s"', x.key)
                                                    ELSE 'Another experiment' END,
                           trim_scale(x.namespace_lo_ppm / 1e6), trim_scale(x.namespace_hi_ppm / 1e6)),
                    E'\n' ORDER BY x.namespace_lo_ppm) INTO taken
    FROM promptreg.experiments x JOIN promptreg.prompts p ON p.id = x.prompt_id
   WHERE x.namespace_id = experiment.namespace_id AND promptreg.is_live(x.state)
     AND x.namespace_lo_ppm < experiment.namespace_hi_ppm AND experiment.namespace_lo_ppm < x.namespace_hi_ppm;
  IF taken IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR057',
      MESSAGE = format('the range from %s to %s of namespace "%s" is taken', trim_scale(experiment.namespace_lo_ppm / 1e6),
                       trim_scale(experiment.namespace_hi_ppm / 1e6), namespace),
      DETAIL = taken,
      HINT = 'Take a range that is free, or stop what has it.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_namespace_free(promptreg.experiments) IS
  'Error if a live experiment has a part of the same range of the namespace';

CREATE FUNCTION promptreg.holdout_id(name text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found bigint;
BEGIN
  SELECT h.id INTO found FROM promptreg.holdouts h WHERE h.name = holdout_id.name;
  IF found IS NULL AND holdout_id.name IS NOT NULL THEN
    PERFORM promptreg.raise_undefined_shared(what => 'holdout', name => holdout_id.name,
      known => ARRAY(SELECT h.name FROM promptreg.holdouts h), how => 'Create it with prompt_holdout.');
  END IF;
  RETURN found;
END;
$$;
COMMENT ON FUNCTION promptreg.holdout_id(text) IS 'Internal key of a holdout; NULL for no name, and an error for one that is none';

-- The lock keeps the share from changing until the experiment that is being started can be seen.
CREATE FUNCTION promptreg.holdout_ppm(holdout_id bigint) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  share integer;
BEGIN
  SELECT h.share_ppm INTO share FROM promptreg.holdouts h WHERE h.id = holdout_ppm.holdout_id FOR SHARE;
  RETURN coalesce(share, 0);
END;
$$;
COMMENT ON FUNCTION promptreg.holdout_ppm(bigint) IS 'The share of a holdout, which stays until the transaction ends';

-- Prompts come before what they share, as where an experiment starts or goes on: else two of them could wait for each other.
CREATE FUNCTION promptreg.lock_held_prompts(holdout text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  id bigint;
BEGIN
  FOR id IN SELECT DISTINCT x.prompt_id FROM promptreg.experiments x JOIN promptreg.holdouts h ON h.id = x.holdout_id
             WHERE h.name = lock_held_prompts.holdout AND x.state <> 'stopped' ORDER BY x.prompt_id LOOP
    PERFORM promptreg.lock_prompt(id);
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg.lock_held_prompts(text) IS 'Locks the prompts whose experiments have a holdout, in the order of prompts';

CREATE FUNCTION promptreg._prompt_holdout(name text, share numeric, description text DEFAULT NULL, reason text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  before promptreg.holdouts;
  ppm integer;
  running promptreg.experiments;
  setting promptreg.weights;
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  PERFORM promptreg.check_name(_prompt_holdout.name, 'a holdout');
  ppm := promptreg.share_to_ppm(_prompt_holdout.share, 'the share of a holdout', 'It is the share of users held out, from 0 to 1.');
  INSERT INTO promptreg.holdouts (name, share_ppm, description, created_by, created_at)
  VALUES (_prompt_holdout.name, 0, _prompt_holdout.description, promptreg.caller(), clock_timestamp())
  ON CONFLICT DO NOTHING;
  PERFORM promptreg.lock_held_prompts(_prompt_holdout.name);
  SELECT h.* INTO STRICT before FROM promptreg.holdouts h WHERE h.name = _prompt_holdout.name FOR NO KEY UPDATE;
  UPDATE promptreg.holdouts h SET share_ppm = ppm, description = coalesce(_prompt_holdout.description, h.description) WHERE h.id = before.id;
  PERFORM promptreg.audit(event => 'holdout_set', reason => _prompt_holdout.reason,
    before => jsonb_build_object('holdout', before.name, 'share_ppm', before.share_ppm),
    after => jsonb_build_object('holdout', before.name, 'share_ppm', ppm));
  FOR running IN SELECT x.* FROM promptreg.experiments x WHERE x.holdout_id = before.id AND x.state <> 'stopped'
                  ORDER BY x.prompt_id, x.id LOOP
    PERFORM promptreg.lock_prompt(running.prompt_id);
    SELECT x.* INTO STRICT running FROM promptreg.experiments x WHERE x.id = running.id FOR UPDATE;
    CONTINUE WHEN running.state = 'stopped';
    setting := promptreg.next_weights(running.id);
    setting.holdout_ppm := ppm;
    PERFORM promptreg.append_weights(experiment => running, setting => setting, event => 'experiment_holdout',
                                     reason => coalesce(_prompt_holdout.reason, format('holdout %s', before.name)));
  END LOOP;
  RETURN before.name;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_holdout(text, numeric, text, text) IS
  'Creates a holdout, or gives it another share, 0 to end it: its users get the deployed version in all experiments of it. Right: admin on every prompt';
