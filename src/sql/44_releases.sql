-- Promotion, rollback, retirement: every change of a route appends a deployment, updates the route and writes an
-- audit record in one transaction. Writers of one prompt wait for each other on the prompt's row.

CREATE TYPE promptreg.deployment AS (
  prompt      text,
  environment text,
  version     integer,
  previous    integer,
  event       text,
  number      integer,
  reason      text,
  deployed_by text,
  deployed_at timestamptz
);
COMMENT ON TYPE promptreg.deployment IS 'What a promotion, rollback or retirement did';
COMMENT ON COLUMN promptreg.deployment.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.deployment.environment IS 'Environment';
COMMENT ON COLUMN promptreg.deployment.version IS 'Version served from then on; NULL: nothing';
COMMENT ON COLUMN promptreg.deployment.previous IS 'Version served until then; NULL: nothing';
COMMENT ON COLUMN promptreg.deployment.event IS 'promoted, rolled_back or retired';
COMMENT ON COLUMN promptreg.deployment.number IS 'Number of the deployment within prompt and environment';
COMMENT ON COLUMN promptreg.deployment.reason IS 'Why';
COMMENT ON COLUMN promptreg.deployment.deployed_by IS 'Role that did it';
COMMENT ON COLUMN promptreg.deployment.deployed_at IS 'When';

CREATE FUNCTION promptreg.as_deployment(prompt text, record promptreg.deployments) RETURNS promptreg.deployment
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ROW(prompt, record.environment, record.version, record.previous, record.event, record.number, record.reason,
           record.deployed_by, record.deployed_at)::promptreg.deployment;
COMMENT ON FUNCTION promptreg.as_deployment(text, promptreg.deployments) IS 'A deployment as callers see it';

CREATE FUNCTION promptreg.last_deployment(prompt_id bigint, env text) RETURNS promptreg.deployments
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT d FROM ONLY promptreg.deployments d
         WHERE d.prompt_id = last_deployment.prompt_id AND d.environment = last_deployment.env
         ORDER BY d.number DESC LIMIT 1);
COMMENT ON FUNCTION promptreg.last_deployment(bigint, text) IS 'The newest deployment of a route';

-- A request that is sent again, because its answer was lost, finds what it has done. With the prompt locked, the first
-- of two has finished when the second looks.
CREATE FUNCTION promptreg.deployment_of_key(
  prompt_id bigint, env text, event text, version integer, idempotency_key text
) RETURNS promptreg.deployments
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  done promptreg.deployments;
BEGIN
  SELECT d.* INTO done
    FROM ONLY promptreg.deployments d
   WHERE d.prompt_id = deployment_of_key.prompt_id AND d.environment = deployment_of_key.env
     AND d.idempotency_key = deployment_of_key.idempotency_key;
  IF done.event <> deployment_of_key.event OR done.version <> deployment_of_key.version THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR046',
      MESSAGE = format('idempotency key %s belongs to another request', promptreg.shown(done.idempotency_key)),
      DETAIL = format('Deployment %s has it: %s, version %s.', done.number, done.event, coalesce(done.version::text, 'none')),
      HINT = 'Use a new key for every request, and the same one only to send it again.';
  END IF;
  RETURN done;
END;
$$;
COMMENT ON FUNCTION promptreg.deployment_of_key(bigint, text, text, integer, text) IS
  'The deployment that an earlier request with this key made; an error if that request asked for something else';

-- The only place that appends to deployments and moves a route. An experiment on the route must have ended before.
CREATE FUNCTION promptreg.deploy(
  prompt promptreg.prompts, env text, event text, version integer, rollback_to integer, reason text,
  idempotency_key text
) RETURNS promptreg.deployments
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  last promptreg.deployments := promptreg.last_deployment(prompt.id, deploy.env);
  row promptreg.deployments;
BEGIN
  row.prompt_id := prompt.id;
  row.environment := deploy.env;
  row.number := coalesce(last.number, 0) + 1;
  row.event := deploy.event;
  row.version := deploy.version;
  row.previous := last.version;
  row.rollback_to := deploy.rollback_to;
  row.reason := deploy.reason;
  row.idempotency_key := deploy.idempotency_key;
  row.deployed_by := promptreg.caller();
  row.deployed_at := greatest(clock_timestamp(), last.deployed_at);
  row.previous_hash := last.chain_hash;
  row.chain_hash := promptreg.deployment_hash(prompt.name, row);
  INSERT INTO promptreg.deployments (prompt_id, environment, number, event, version, previous, rollback_to, reason,
                                     idempotency_key, deployed_by, deployed_at, previous_hash, chain_hash)
  VALUES (row.prompt_id, row.environment, row.number, row.event, row.version, row.previous, row.rollback_to, row.reason,
          row.idempotency_key, row.deployed_by, row.deployed_at, row.previous_hash, row.chain_hash)
  RETURNING id INTO row.id;
  INSERT INTO promptreg.routes AS r (prompt_id, environment, version, deployment_id, changed_at)
  VALUES (row.prompt_id, row.environment, row.version, row.id, row.deployed_at)
  ON CONFLICT (prompt_id, environment) DO UPDATE
    SET version = EXCLUDED.version, deployment_id = EXCLUDED.deployment_id, changed_at = EXCLUDED.changed_at;
  PERFORM promptreg.audit(event => row.event, prompt => prompt.name, environment => row.environment,
    version => row.version, previous => row.previous, reason => row.reason,
    before => jsonb_build_object('version', row.previous),
    after => jsonb_build_object('version', row.version, 'deployment', row.number,
                                'chain_hash', encode(row.chain_hash, 'hex')));
  RETURN row;
END;
$$;
COMMENT ON FUNCTION promptreg.deploy(promptreg.prompts, text, text, integer, integer, text, text) IS
  'Appends a deployment, moves the route and writes the audit record';

CREATE FUNCTION promptreg.unmet_conditions(prompt promptreg.prompts, version integer, env text, end_experiment boolean)
RETURNS TABLE (condition text, detail text, hint text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT 'experiment_running', format('Experiment "%s" is running in %s.', x.key, x.environment),
         'End it with prompt_experiment_stop, or promote with end_experiment => true.'
    FROM promptreg.experiments x
   WHERE x.prompt_id = (unmet_conditions.prompt).id AND x.environment = unmet_conditions.env
     AND x.state IN ('running', 'paused') AND NOT unmet_conditions.end_experiment
  UNION ALL
  SELECT c.condition, c.detail, c.hint
    FROM ROWS FROM (jsonb_to_recordset(promptreg.snippet_conditions_now(
           (unmet_conditions.prompt).id, unmet_conditions.env, unmet_conditions.version))
           AS (condition text, detail text, hint text)) c;
END;
COMMENT ON FUNCTION promptreg.unmet_conditions(promptreg.prompts, integer, text, boolean) IS
  'What stands against promoting a version: the one list that prompt_promote and prompt_promotable share';

CREATE FUNCTION promptreg.check_promotable(prompt promptreg.prompts, version integer, env text, end_experiment boolean)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unmet record;
BEGIN
  PERFORM promptreg.lock_snippets(prompt.id, check_promotable.version, env);
  SELECT string_agg(u.detail, E'\n' ORDER BY u.condition, u.detail) AS details, string_agg(DISTINCT u.hint, E'\n') AS hints,
         bool_and(u.condition = 'experiment_running') AS only_experiment INTO unmet
    FROM promptreg.unmet_conditions(prompt, version, env, end_experiment) u;
  IF unmet.details IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = CASE WHEN unmet.only_experiment THEN 'PR050' ELSE 'PR051' END,
      MESSAGE = format('version %s of prompt "%s" cannot be promoted to %s', check_promotable.version, prompt.name,
                       check_promotable.env),
      DETAIL = unmet.details,
      HINT = unmet.hints;
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_promotable(promptreg.prompts, integer, text, boolean) IS
  'Error that lists everything that stands against promoting a version';

CREATE FUNCTION promptreg.check_version(prompt promptreg.prompts, version integer) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF check_version.version IS NULL OR check_version.version NOT BETWEEN 1 AND prompt.head_version THEN
    PERFORM promptreg.raise_undefined_version(prompt => check_version.prompt, version => check_version.version);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_version(promptreg.prompts, integer) IS 'Error unless a prompt has a version';

CREATE FUNCTION promptreg._prompt_promotable(name text, version integer, env text)
RETURNS TABLE (condition text, detail text, hint text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_promotable.name, "right" => 'read');
BEGIN
  PERFORM promptreg.check_environment(_prompt_promotable.env);
  PERFORM promptreg.check_version(target, _prompt_promotable.version);
  RETURN QUERY
    SELECT 'archived', format('Prompt "%s" is archived.', target.name), 'Bring it back with prompt_unarchive first.'
     WHERE target.archived_at IS NOT NULL
    UNION ALL
    SELECT u.condition, u.detail, u.hint
      FROM promptreg.unmet_conditions(target, _prompt_promotable.version, _prompt_promotable.env, false) u;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_promotable(text, integer, text) IS
  'What stands against promoting a version to an environment, one row each; no rows: nothing does. Right: read';

CREATE FUNCTION promptreg._prompt_promote(
  name text, version integer, env text, reason text DEFAULT NULL, end_experiment boolean DEFAULT false,
  idempotency_key text DEFAULT NULL
) RETURNS promptreg.deployment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_for_change(name => _prompt_promote.name, "right" => 'release',
    env => _prompt_promote.env, version => _prompt_promote.version);
  done promptreg.deployments;
BEGIN
  PERFORM promptreg.check_environment(_prompt_promote.env);
  PERFORM promptreg.check_version(target, _prompt_promote.version);
  done := promptreg.deployment_of_key(prompt_id => target.id, env => _prompt_promote.env, event => 'promoted',
    version => _prompt_promote.version, idempotency_key => _prompt_promote.idempotency_key);
  IF done.id IS NULL THEN
    done := promptreg.promote(prompt => target, version => _prompt_promote.version, env => _prompt_promote.env,
      reason => _prompt_promote.reason, end_experiment => coalesce(_prompt_promote.end_experiment, false),
      idempotency_key => _prompt_promote.idempotency_key);
  END IF;
  RETURN promptreg.as_deployment(target.name, done);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_promote(text, integer, text, text, boolean, text) IS
  'Serves a version in an environment from COMMIT on. Promoting what is already served changes nothing; a running experiment on the route refuses it unless end_experiment. Right: release';

CREATE FUNCTION promptreg.promote(
  prompt promptreg.prompts, version integer, env text, reason text, end_experiment boolean, idempotency_key text
) RETURNS promptreg.deployments
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  last promptreg.deployments := promptreg.last_deployment(prompt.id, promote.env);
BEGIN
  IF promote.end_experiment THEN
    PERFORM promptreg.end_experiment(prompt => promote.prompt, env => promote.env, reason => 'ended by a promotion');
  END IF;
  IF last.version = promote.version THEN
    RAISE NOTICE 'version % of prompt "%" is already served in %', promote.version, prompt.name, promote.env;
    -- A key must be remembered, so it gets a deployment of its own, which a rollback passes over.
    RETURN CASE WHEN promote.idempotency_key IS NULL THEN last
                ELSE promptreg.deploy(prompt => promote.prompt, env => promote.env, event => 'promoted',
                  version => promote.version, rollback_to => last.rollback_to, reason => promote.reason,
                  idempotency_key => promote.idempotency_key) END;
  END IF;
  PERFORM promptreg.check_promotable(prompt => promote.prompt, version => promote.version, env => promote.env,
                                     end_experiment => promote.end_experiment);
  -- After a retirement, the way back leads to what was served before it: rollback_to always names a served version.
  RETURN promptreg.deploy(prompt => promote.prompt, env => promote.env, event => 'promoted', version => promote.version,
    rollback_to => CASE WHEN last.version IS NULL THEN last.rollback_to ELSE last.number END, reason => promote.reason, idempotency_key => promote.idempotency_key);
END;
$$;
COMMENT ON FUNCTION promptreg.promote(promptreg.prompts, integer, text, text, boolean, text) IS
  'Promotes a version of a prompt that the caller has locked and was authorized for';

-- A rollback returns to the deployment that rollback_to of the present one names, and takes over where that one would
-- return to: so the next rollback goes one further back, not to and fro.
CREATE FUNCTION promptreg.rollback_target(prompt promptreg.prompts, env text, to_version integer, current promptreg.deployments)
RETURNS promptreg.deployments
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.deployments;
BEGIN
  IF rollback_target.to_version IS NOT NULL THEN
    PERFORM promptreg.check_version(rollback_target.prompt, rollback_target.to_version);
  END IF;
  SELECT d.* INTO target
    FROM ONLY promptreg.deployments d
   WHERE d.prompt_id = prompt.id AND d.environment = rollback_target.env
     AND CASE WHEN rollback_target.to_version IS NULL THEN d.number = current.rollback_to
              ELSE d.version = rollback_target.to_version END
   ORDER BY d.number DESC LIMIT 1;
  IF target.id IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR052',
      MESSAGE = format('prompt "%s" cannot be rolled back in %s', prompt.name, rollback_target.env),
      DETAIL = CASE WHEN rollback_target.to_version IS NOT NULL
                      THEN format('Version %s was never served there.', rollback_target.to_version)
                    WHEN current.id IS NULL THEN 'Nothing was ever served there.'
                    ELSE format('Nothing was served there before version %s.', current.version) END,
      HINT = 'Promote a version with prompt_promote, or take the prompt out of service with prompt_retire.';
  END IF;
  RETURN target;
END;
$$;
COMMENT ON FUNCTION promptreg.rollback_target(promptreg.prompts, text, integer, promptreg.deployments) IS
  'The deployment a rollback returns to';

CREATE FUNCTION promptreg.rollback(
  prompt promptreg.prompts, env text, to_version integer, reason text, idempotency_key text
) RETURNS promptreg.deployments
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.deployments := promptreg.rollback_target(
    prompt => rollback.prompt, env => rollback.env, to_version => rollback.to_version,
    current => promptreg.last_deployment(prompt.id, rollback.env));
BEGIN
  PERFORM promptreg.end_experiment(prompt => rollback.prompt, env => rollback.env, reason => 'ended by a rollback');
  IF target.version IS NOT NULL THEN
    PERFORM promptreg.check_snippets(prompt => rollback.prompt, version => target.version, env => rollback.env);
  END IF;
  RETURN promptreg.deploy(prompt => rollback.prompt, env => rollback.env,
    event => 'rolled_back', version => target.version,
    rollback_to => target.rollback_to, reason => rollback.reason, idempotency_key => rollback.idempotency_key);
END;
$$;
COMMENT ON FUNCTION promptreg.rollback(promptreg.prompts, text, integer, text, text) IS
  'Rolls back a route of a prompt that the caller has locked and was authorized for';

CREATE FUNCTION promptreg._prompt_rollback(
  name text, env text, to_version integer DEFAULT NULL, reason text DEFAULT NULL, idempotency_key text DEFAULT NULL
) RETURNS promptreg.deployment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_for_change(name => _prompt_rollback.name, "right" => 'release',
                                                        env => _prompt_rollback.env);
  done promptreg.deployments;
BEGIN
  PERFORM promptreg.check_environment(_prompt_rollback.env);
  done := promptreg.deployment_of_key(prompt_id => target.id, env => _prompt_rollback.env, event => 'rolled_back',
    version => _prompt_rollback.to_version, idempotency_key => _prompt_rollback.idempotency_key);
  IF done.id IS NULL THEN
    done := promptreg.rollback(prompt => target, env => _prompt_rollback.env, to_version => _prompt_rollback.to_version,
      reason => _prompt_rollback.reason, idempotency_key => _prompt_rollback.idempotency_key);
  END IF;
  RETURN promptreg.as_deployment(target.name, done);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_rollback(text, text, integer, text, text) IS
  'Serves what was served before, or to_version if it was ever served there; again: one further back. Ends a running experiment on the route. Right: release';

CREATE FUNCTION promptreg.retire(
  prompt promptreg.prompts, env text, reason text, end_experiment boolean, idempotency_key text
) RETURNS promptreg.deployments
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  last promptreg.deployments := promptreg.last_deployment(prompt.id, retire.env);
BEGIN
  IF last.version IS NULL THEN
    PERFORM promptreg.raise_not_deployed(prompt => retire.prompt, env => retire.env);
  END IF;
  IF retire.end_experiment THEN
    PERFORM promptreg.end_experiment(prompt => retire.prompt, env => retire.env, reason => 'ended by a retirement');
  ELSIF EXISTS (SELECT FROM promptreg.experiments x WHERE x.prompt_id = prompt.id AND x.environment = retire.env
                   AND x.state IN ('running', 'paused')) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR050',
      MESSAGE = format('prompt "%s" cannot be retired from %s while an experiment is running', prompt.name, retire.env),
      HINT = 'End it with prompt_experiment_stop, or retire with end_experiment => true.';
  END IF;
  PERFORM promptreg.check_unused(prompt => retire.prompt, env => retire.env,
    message => format('prompt "%s" is used as a snippet in %s', prompt.name, retire.env));
  RETURN promptreg.deploy(prompt => retire.prompt, env => retire.env, event => 'retired', version => NULL,
    rollback_to => last.number, reason => retire.reason, idempotency_key => retire.idempotency_key);
END;
$$;
COMMENT ON FUNCTION promptreg.retire(promptreg.prompts, text, text, boolean, text) IS
  'Takes a prompt that the caller has locked and was authorized for out of service';

CREATE FUNCTION promptreg._prompt_retire(
  name text, env text, reason text DEFAULT NULL, end_experiment boolean DEFAULT false, idempotency_key text DEFAULT NULL
) RETURNS promptreg.deployment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_retire.name, "right" => 'release',
                                                    env => _prompt_retire.env, lock => true);
  done promptreg.deployments;
BEGIN
  PERFORM promptreg.check_environment(_prompt_retire.env);
  done := promptreg.deployment_of_key(prompt_id => target.id, env => _prompt_retire.env, event => 'retired',
    version => NULL, idempotency_key => _prompt_retire.idempotency_key);
  IF done.id IS NULL THEN
    done := promptreg.retire(prompt => target, env => _prompt_retire.env, reason => _prompt_retire.reason,
      end_experiment => coalesce(_prompt_retire.end_experiment, false),
      idempotency_key => _prompt_retire.idempotency_key);
  END IF;
  RETURN promptreg.as_deployment(target.name, done);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_retire(text, text, text, boolean, text) IS
  'Takes a prompt out of service in an environment; prompt_rollback brings it back. Right: release';

CREATE FUNCTION promptreg.raise_not_deployed(prompt promptreg.prompts, env text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  served text;
BEGIN
  SELECT string_agg(format('%s (version %s)', r.environment, r.version), ', ' ORDER BY r.environment) INTO served
    FROM promptreg.routes r
   WHERE r.prompt_id = prompt.id AND r.version IS NOT NULL;
  RAISE EXCEPTION USING
    ERRCODE = 'PR002',
    MESSAGE = format('prompt "%s" is not deployed in %s', prompt.name, raise_not_deployed.env),
    DETAIL = CASE WHEN served IS NULL THEN 'It is not deployed anywhere.'
                  ELSE format('It is deployed in %s.', served) END,
    HINT = CASE WHEN prompt.head_version = 0 THEN 'It has no versions yet; add one with prompt_commit.'
                ELSE format('Promote a version with prompt_promote; the newest is %s.', prompt.head_version) END;
END;
$$;
COMMENT ON FUNCTION promptreg.raise_not_deployed(promptreg.prompts, text) IS 'The error for a prompt that is not served in an environment';

CREATE FUNCTION promptreg._prompt_deployed_at(name text, env text, at timestamptz, OUT version integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_deployed_at.name, "right" => 'read');
BEGIN
  PERFORM promptreg.check_environment(_prompt_deployed_at.env);
  SELECT d.version INTO _prompt_deployed_at.version
    FROM ONLY promptreg.deployments d
   WHERE d.prompt_id = target.id AND d.environment = _prompt_deployed_at.env AND d.deployed_at <= _prompt_deployed_at.at
   ORDER BY d.number DESC LIMIT 1;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_deployed_at(text, text, timestamptz) IS
  'The version that was deployed in an environment at a time; NULL: none. Right: read';
