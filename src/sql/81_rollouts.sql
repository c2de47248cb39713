-- Rollouts: starting, advancing, ending. docs/guards.md says how they judge.

CREATE FUNCTION promptreg.raise_invalid_rollout(problem text, hint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR071',
    MESSAGE = raise_invalid_rollout.problem,
    HINT = raise_invalid_rollout.hint;
END;
$$;
COMMENT ON FUNCTION promptreg.raise_invalid_rollout(text, text) IS 'The error for a rollout that is not valid';

CREATE FUNCTION promptreg.check_rollout(steps numeric[], step_interval interval, guards jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unknown text;
BEGIN
  IF coalesce(cardinality(steps), 0) NOT BETWEEN 2 AND 100 OR array_position(steps, NULL) IS NOT NULL
     OR steps[1] < 0.01 OR steps[cardinality(steps)] <> 100
     OR EXISTS (SELECT FROM unnest(steps[:cardinality(steps) - 1], steps[2:]) AS s (step, next) WHERE NOT s.step < s.next) THEN
    PERFORM promptreg.raise_invalid_rollout(problem => 'the steps of the rollout are not valid',
      hint => 'Steps are shares of the users in percent, at least 0.01, each greater than the one before, the last one 100: {1,5,10,25,50,100}.');
  ELSIF step_interval IS NULL OR step_interval < '0' THEN
    PERFORM promptreg.raise_invalid_rollout(problem => 'the interval between the steps is missing or negative', hint => 'For example 1 hour.');
  ELSIF coalesce(jsonb_typeof(guards), '') <> 'array'
        OR EXISTS (SELECT FROM jsonb_array_elements(guards) AS g (value) WHERE jsonb_typeof(g.value) <> 'object') THEN
    PERFORM promptreg.raise_invalid_rollout(problem => 'guards must be a JSON array of objects',
      hint => 'Each has arguments of prompt_guard_set: [{"metric": "error", "tolerance": 0.01}]. An empty array lets time alone decide.');
  END IF;
  SELECT k.key INTO unknown FROM jsonb_array_elements(guards) AS g (value), jsonb_object_keys(g.value) AS k (key)
   WHERE k.key <> ALL ('{metric,rule,threshold,tolerance,relative,severity,scorer,better,min_count,max_staleness,dry_run,cool_down,max_rollbacks,alpha}'::text[]) LIMIT 1;
  IF unknown IS NOT NULL THEN
    PERFORM promptreg.raise_invalid_rollout(problem => format('%s is nothing that a guard of a rollout has', promptreg.shown(unknown)),
      hint => 'See prompt_guard_set; the name is made by the rollout.');
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_rollout(numeric[], interval, jsonb) IS 'Error unless steps, interval and guards of a rollout are valid';

-- rollout/error, rollout/limit/error: a guard for each metric, scorer and rule.
CREATE FUNCTION promptreg.rollout_guard_name(guard jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN concat_ws('/', 'rollout', nullif(guard ->> 'rule', 'concurrent'), guard ->> 'metric', guard ->> 'scorer');
COMMENT ON FUNCTION promptreg.rollout_guard_name(jsonb) IS 'The name that a rollout gives one of its guards';

CREATE FUNCTION promptreg.check_rollout_guards(prompt_id bigint, env text, guards jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  name text;
BEGIN
  SELECT n.name INTO name
    FROM jsonb_array_elements(guards) AS g (value), LATERAL (SELECT promptreg.rollout_guard_name(g.value) AS name) AS n
   GROUP BY n.name HAVING count(*) > 1 ORDER BY n.name LIMIT 1;
  IF FOUND THEN
    PERFORM promptreg.raise_invalid_rollout(
      problem => format('two guards of the rollout would be called %s', promptreg.shown(name)),
      hint => 'A rollout has one guard for each metric, scorer and rule. Set others with prompt_guard_set.');
  END IF;
  SELECT s.name INTO name
    FROM jsonb_array_elements(guards) AS g (value),
         LATERAL promptreg.standing_guard(prompt_id => check_rollout_guards.prompt_id, env => check_rollout_guards.env,
                                          guard => promptreg.rollout_guard_name(g.value)) AS s
   WHERE s.id IS NOT NULL ORDER BY s.name LIMIT 1;
  IF FOUND THEN
    PERFORM promptreg.raise_invalid_rollout(
      problem => format('the route has a guard called %s already', promptreg.shown(name)),
      hint => 'Remove it with prompt_guard_remove, or set it again under another name: the end of the rollout would remove it.');
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_rollout_guards(bigint, text, jsonb) IS
  'Error if guards of a rollout have the same name, or that of one on the route';

CREATE FUNCTION promptreg.set_rollout_guard(prompt text, env text, guard jsonb) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT promptreg._prompt_guard_set(name => set_rollout_guard.prompt, env => set_rollout_guard.env, metric => g.metric,
    rule => coalesce(g.rule, 'concurrent'), threshold => g.threshold, tolerance => coalesce(g.tolerance, 0),
    relative => coalesce(g.relative, false), severity => coalesce(g.severity, 'rollback'), scorer => g.scorer, better => g.better,
    guard => promptreg.rollout_guard_name(set_rollout_guard.guard), min_count => coalesce(g.min_count, 100),
    max_staleness => coalesce(g.max_staleness, '1 hour'), dry_run => coalesce(g.dry_run, false),
    cool_down => coalesce(g.cool_down, '1 hour'), max_rollbacks => coalesce(g.max_rollbacks, 2), alpha => coalesce(g.alpha, 0.05))
    FROM jsonb_to_record(guard) AS g (metric text, rule text, threshold double precision, tolerance double precision, relative boolean,
      severity text, scorer text, better text, min_count bigint, max_staleness interval, dry_run boolean, cool_down interval,
      max_rollbacks integer, alpha double precision);
END;
COMMENT ON FUNCTION promptreg.set_rollout_guard(text, text, jsonb) IS 'Sets a guard for the time of a rollout';

CREATE FUNCTION promptreg.rollout_weights(share numeric) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object('previous', 100 - share, 'new', share);
COMMENT ON FUNCTION promptreg.rollout_weights(numeric) IS 'Weights of a rollout at a share in percent';

CREATE FUNCTION promptreg._prompt_rollout(
  name text, version integer, env text, steps numeric[] DEFAULT '{1,5,10,25,50,100}', step_interval interval DEFAULT '1 hour',
  guards jsonb DEFAULT '[{"metric": "error"}]', reason text DEFAULT NULL, accept_differences boolean DEFAULT false
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_for_change(name => _prompt_rollout.name, "right" => 'release', env => _prompt_rollout.env);
  wanted promptreg.experiments;
  deployed integer;
BEGIN
  PERFORM promptreg.check_environment(_prompt_rollout.env);
  PERFORM promptreg.check_version(target, _prompt_rollout.version);
  PERFORM promptreg.check_rollout(steps => _prompt_rollout.steps, step_interval => _prompt_rollout.step_interval, guards => _prompt_rollout.guards);
  deployed := (promptreg.last_deployment(target.id, _prompt_rollout.env)).version;
  IF deployed IS NULL THEN
    PERFORM promptreg.raise_not_deployed(target, _prompt_rollout.env);
  ELSIF deployed = _prompt_rollout.version THEN
    PERFORM promptreg.raise_invalid_rollout(problem => format('version %s of prompt "%s" is already served in %s', deployed, target.name, _prompt_rollout.env),
                                            hint => 'There is nothing to roll out.');
  END IF;
  wanted.key := promptreg.default_experiment_key(target, _prompt_rollout.env);
  wanted.prompt_id := target.id;
  wanted.environment := _prompt_rollout.env;
  wanted.kind := 'rollout';
  wanted.coverage_ppm := 1000000;
  wanted.control := 'previous';
  wanted.description := format('rollout of version %s', _prompt_rollout.version);
  wanted := promptreg.begin_experiment(prompt => target, experiment => wanted, state => 'running',
    variants => jsonb_build_array(
      jsonb_build_object('key', 'previous', 'version', deployed, 'weight', 100 - _prompt_rollout.steps[1]),
      jsonb_build_object('key', 'new', 'version', _prompt_rollout.version, 'weight', _prompt_rollout.steps[1])),
    accept_differences => _prompt_rollout.accept_differences, reason => _prompt_rollout.reason);
  PERFORM promptreg.check_rollout_guards(prompt_id => target.id, env => _prompt_rollout.env, guards => _prompt_rollout.guards);
  INSERT INTO promptreg.rollouts (experiment_id, version, previous, steps, step_interval, guards, step)
  VALUES (wanted.id, _prompt_rollout.version, deployed, _prompt_rollout.steps, _prompt_rollout.step_interval,
          ARRAY(SELECT promptreg.set_rollout_guard(prompt => target.name, env => _prompt_rollout.env, guard => g.value)
                  FROM jsonb_array_elements(_prompt_rollout.guards) AS g (value)), 1);
  RETURN wanted.key;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_rollout(text, integer, text, numeric[], interval, jsonb, text, boolean) IS
  'Lets a version take over step by step, in percent of the users, while guards compare it with the version it replaces; prompt_maintain advances it. Returns the key of the experiment that splits the traffic. Right: release';

-- Every step is judged by its own calls: as many as a guard needs have come in since it began, of both versions if it compares.
CREATE FUNCTION promptreg.step_hold(guard promptreg.guards, rollout promptreg.rollouts, number integer) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT format('%s values of version %s%s since step %s began; %s are needed', s.new, (rollout).version,
                CASE WHEN (guard).rule = 'concurrent' THEN format(' and %s beside it', s.beside) ELSE '' END, (rollout).step, (guard).min_count)
    FROM (SELECT coalesce(sum(c.n) FILTER (WHERE c.version = (rollout).version), 0) AS new,
                 coalesce(sum(c.n) FILTER (WHERE c.version = (rollout).previous), 0) AS beside
            FROM promptreg.guard_counts c WHERE c.guard_id = (guard).id AND c.number = step_hold.number) AS s
   WHERE s.new < (guard).min_count OR (guard).rule = 'concurrent' AND s.beside < (guard).min_count;
END;
COMMENT ON FUNCTION promptreg.step_hold(promptreg.guards, promptreg.rollouts, integer) IS
  'Why a guard cannot judge a step of a rollout yet; NULL: it can';

-- Nothing advances on what was not judged: no guard that may act may have too few values or only old ones, nor on what
-- cannot be.
CREATE FUNCTION promptreg.rollout_guard_hold(experiment promptreg.experiments, rollout promptreg.rollouts) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT format('guard %s: %s', g.name, h.reason)
    FROM promptreg.guards g
    LEFT JOIN LATERAL promptreg.judge_guard(guard => g, deployed => (rollout).previous, experiment_id => (experiment).id) AS j
      ON j.version = (rollout).version
   CROSS JOIN LATERAL (
     SELECT CASE WHEN j.state = 'ok' THEN promptreg.step_hold(guard => g, rollout => rollout_guard_hold.rollout,
                                                              number => (promptreg.last_weights((experiment).id)).number)
                 ELSE coalesce(j.reason, format('it does not judge version %s', (rollout).version)) END AS reason) AS h
   WHERE g.prompt_id = (experiment).prompt_id AND g.environment = (experiment).environment AND g.removed_at IS NULL
     AND g.severity <> 'alert' AND NOT g.dry_run AND h.reason IS NOT NULL
   ORDER BY g.id LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.rollout_guard_hold(promptreg.experiments, promptreg.rollouts) IS
  'Why guards do not let a rollout advance; NULL: they do';

CREATE FUNCTION promptreg.rollout_hold(experiment promptreg.experiments, rollout promptreg.rollouts) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN coalesce(promptreg.split_hold(experiment.id), promptreg.rollout_guard_hold(rollout_hold.experiment, rollout_hold.rollout));
COMMENT ON FUNCTION promptreg.rollout_hold(promptreg.experiments, promptreg.rollouts) IS
  'Why a rollout may not advance; NULL: it may';

-- Called where experiments end: another rollout of the route, which has guards of the same names, can only begin afterwards.
CREATE FUNCTION promptreg.remove_rollout_guards(experiment promptreg.experiments) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT promptreg.remove_guard(g)
    FROM promptreg.rollouts r
    JOIN promptreg.guards g ON g.prompt_id = (experiment).prompt_id AND g.environment = (experiment).environment AND g.name = ANY (r.guards)
   WHERE r.experiment_id = (experiment).id AND g.removed_at IS NULL;
END;
COMMENT ON FUNCTION promptreg.remove_rollout_guards(promptreg.experiments) IS
  'Removes the guards of a rollout that ends; of another experiment there are none';

-- The next step, or the promotion that ends it. Errors, such as conditions that a promotion does not meet, are the
-- caller's to catch.
CREATE FUNCTION promptreg.take_step(experiment promptreg.experiments, rollout promptreg.rollouts, prompt promptreg.prompts) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  next integer := rollout.step + 1;
  said text := format('rollout, step %s of %s: %s %%', next, cardinality(rollout.steps), rollout.steps[next]);
  setting promptreg.weights := promptreg.next_weights(experiment.id);
BEGIN
  IF next = cardinality(rollout.steps) THEN
    PERFORM promptreg.stop_experiment(experiment => take_step.experiment, winner => 'new', reason => said);
    PERFORM promptreg.promote(prompt => take_step.prompt, version => rollout.version, env => experiment.environment, reason => said,
                              end_experiment => false, idempotency_key => NULL);
    UPDATE promptreg.rollouts r SET step = next, held = NULL WHERE r.experiment_id = rollout.experiment_id;
    RETURN 'promoted';
  END IF;
  PERFORM promptreg.check_servable(prompt => take_step.prompt, env => experiment.environment, versions => ARRAY[rollout.version],
                                   accept_differences => true);
  setting.ppm := promptreg.to_ppm(experiment => take_step.experiment, keys => setting.keys,
                                  weights => promptreg.rollout_weights(rollout.steps[next]));
  PERFORM promptreg.append_weights(experiment => take_step.experiment, setting => setting, event => 'experiment_weights', reason => said);
  UPDATE promptreg.rollouts r SET step = next, held = NULL WHERE r.experiment_id = rollout.experiment_id;
  RETURN 'advanced';
END;
$$;
COMMENT ON FUNCTION promptreg.take_step(promptreg.experiments, promptreg.rollouts, promptreg.prompts) IS
  'Gives a version its next share of the users, or all of them';

-- Whoever waits for maintenance must know why: nothing is written where the same is said already.
CREATE FUNCTION promptreg.hold_rollout(rollout promptreg.rollouts, reason text) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE promptreg.rollouts r SET held = hold_rollout.reason
   WHERE r.experiment_id = (rollout).experiment_id AND r.held IS DISTINCT FROM hold_rollout.reason;
  SELECT 'held';
END;
COMMENT ON FUNCTION promptreg.hold_rollout(promptreg.rollouts, text) IS 'Notes why a rollout does not advance';

-- Waits for nobody for long: who holds a prompt that this step needs, such as that of a snippet, may be waiting for one that
-- maintenance holds.
CREATE FUNCTION promptreg.try_step(experiment promptreg.experiments, rollout promptreg.rollouts, number integer) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
AS $$
DECLARE
  current promptreg.experiments;
  target promptreg.prompts;
  reason text;
  detail text;
BEGIN
  IF NOT promptreg.try_lock_prompt(prompt_id => experiment.prompt_id, wait => false) THEN
    RETURN 'busy';
  END IF;
  SELECT x.* INTO STRICT current FROM promptreg.experiments x WHERE x.id = experiment.id FOR NO KEY UPDATE;
  SELECT p.* INTO STRICT target FROM promptreg.prompts p WHERE p.id = experiment.prompt_id;
  IF current.state <> 'running' OR (promptreg.last_weights(current.id)).number <> try_step.number THEN
    RETURN 'waiting';
  END IF;
  RETURN promptreg.take_step(experiment => current, rollout => try_step.rollout, prompt => target);
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
  RETURN 'busy';
WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
  RETURN promptreg.hold_rollout(rollout => try_step.rollout, reason => concat_ws(E'\n', reason, nullif(detail, '')));
END;
$$;
COMMENT ON FUNCTION promptreg.try_step(promptreg.experiments, promptreg.rollouts, integer) IS
  'Takes a step from the weights of a number, unless somebody else is changing the prompt (busy) or something stands against it (held)';

-- Looked at before anything is locked: most times there is nothing to do, and who rolls back must not wait for that.
CREATE FUNCTION promptreg.advance_rollout(experiment_id bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  experiment promptreg.experiments;
  rollout promptreg.rollouts;
  setting promptreg.weights := promptreg.last_weights(advance_rollout.experiment_id);
  reason text;
BEGIN
  SELECT x.* INTO STRICT experiment FROM promptreg.experiments x WHERE x.id = advance_rollout.experiment_id;
  SELECT r.* INTO STRICT rollout FROM promptreg.rollouts r WHERE r.experiment_id = advance_rollout.experiment_id;
  IF experiment.state <> 'running'
     OR clock_timestamp() < setting.set_at + rollout.step_interval THEN
    RETURN 'waiting';
  END IF;
  reason := promptreg.rollout_hold(experiment, rollout);
  IF reason IS NOT NULL THEN
    RETURN promptreg.hold_rollout(rollout => rollout, reason => reason);
  END IF;
  RETURN promptreg.try_step(experiment => experiment, rollout => rollout, number => setting.number);
END;
$$;
COMMENT ON FUNCTION promptreg.advance_rollout(bigint) IS
  'Takes the next step of a rollout if it is time and nothing stands against it: advanced, promoted, waiting, held or busy';

CREATE FUNCTION promptreg.maintain_rollouts() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  id bigint;
  said text[] := ARRAY[]::text[];
BEGIN
  FOR id IN SELECT r.experiment_id FROM promptreg.rollouts r JOIN promptreg.experiments x ON x.id = r.experiment_id
             WHERE promptreg.is_live(x.state) ORDER BY x.prompt_id, x.id LOOP
    said := array_append(said, promptreg.advance_rollout(id));
  END LOOP;
  RETURN coalesce((SELECT string_agg(format('%s %s', s.n, s.outcome), ', ' ORDER BY s.outcome)
                     FROM (SELECT o.outcome, count(*) AS n FROM unnest(said) AS o (outcome) GROUP BY 1) AS s), 'none');
END;
$$;
COMMENT ON FUNCTION promptreg.maintain_rollouts() IS 'Task of prompt_maintain: advances rollouts';

CREATE VIEW promptreg.rollout_status WITH (security_invoker = true) AS
SELECT p.name AS prompt, x.environment, x.key AS experiment, r.version, r.previous, x.state, r.step,
       cardinality(r.steps) AS steps, r.steps[r.step] AS share_percent,
       CASE WHEN x.state = 'running'
            THEN (SELECT max(w.set_at) FROM promptreg.weights w WHERE w.experiment_id = x.id) + r.step_interval END AS next_at,
       CASE WHEN x.state <> 'stopped' THEN r.held END AS held, x.started_by, x.started_at, x.stopped_at, x.stop_reason, x.winner IS NOT DISTINCT FROM 'new' AS promoted
  FROM promptreg.rollouts r
  JOIN promptreg.experiments x ON x.id = r.experiment_id
  JOIN promptreg.prompts p ON p.id = x.prompt_id;
COMMENT ON VIEW promptreg.rollout_status IS 'Rollouts, and where they stand';
COMMENT ON COLUMN promptreg.rollout_status.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.rollout_status.environment IS 'Environment';
COMMENT ON COLUMN promptreg.rollout_status.experiment IS 'Key of the experiment that splits the traffic';
COMMENT ON COLUMN promptreg.rollout_status.version IS 'Version that takes over';
COMMENT ON COLUMN promptreg.rollout_status.previous IS 'Version that it replaces';
COMMENT ON COLUMN promptreg.rollout_status.state IS 'running, paused or stopped';
COMMENT ON COLUMN promptreg.rollout_status.step IS 'Number of the step it is at';
COMMENT ON COLUMN promptreg.rollout_status.steps IS 'Number of steps';
COMMENT ON COLUMN promptreg.rollout_status.share_percent IS 'Share of the users who get the version, in percent';
COMMENT ON COLUMN promptreg.rollout_status.next_at IS 'When it may advance; NULL: it is paused or has ended';
COMMENT ON COLUMN promptreg.rollout_status.held IS 'Why it did not advance when it was last looked at';
COMMENT ON COLUMN promptreg.rollout_status.started_by IS 'Role that started it';
COMMENT ON COLUMN promptreg.rollout_status.started_at IS 'When it started';
COMMENT ON COLUMN promptreg.rollout_status.stopped_at IS 'When it ended';
COMMENT ON COLUMN promptreg.rollout_status.stop_reason IS 'Why it ended';
COMMENT ON COLUMN promptreg.rollout_status.promoted IS 'Whether it ended with the promotion of the version';
