-- What guards do. All of it is one transaction: the route, the experiment, the event, the audit record and its NOTIFY.

-- Rollbacks by guards since somebody last deployed something: when the cause lies elsewhere, such as an outage of the
-- provider, going back further and further helps nobody.
CREATE FUNCTION promptreg.guard_rollbacks_in_a_row(prompt_id bigint, env text) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT count(*) FROM promptreg.deployments d
   WHERE d.prompt_id = guard_rollbacks_in_a_row.prompt_id AND d.environment = guard_rollbacks_in_a_row.env
     AND d.number > (SELECT coalesce(max(p.number), 0) FROM promptreg.deployments p
                      WHERE p.prompt_id = d.prompt_id AND p.environment = d.environment
                        AND NOT EXISTS (SELECT FROM promptreg.guard_events e WHERE e.deployment_id = p.id));
END;
COMMENT ON FUNCTION promptreg.guard_rollbacks_in_a_row(bigint, text) IS
  'How many of a route''s newest deployments are rollbacks by guards';

-- Users who are lost under one variant more than under another make comparisons worthless, those of guards, rollouts and
-- bandits too. VOLATILE: it looks at what a refresh has just written.
CREATE FUNCTION promptreg.split_hold(experiment_id bigint) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT format('the traffic of the experiment is not split as its weights say (p = %s)',
                ltrim(to_char(least(s.p_fixed, s.p_anytime), '9.99EEEE')))
    FROM promptreg.experiment_splits s
   WHERE s.experiment_id = split_hold.experiment_id AND least(s.p_fixed, s.p_anytime) < 0.001;
END;
COMMENT ON FUNCTION promptreg.split_hold(bigint) IS 'Why an experiment cannot be judged by its users: a mismatch of the sample ratio; NULL: there is none';

-- NULL: nothing stands against it. A limit compares with nothing, so that no split can mislead it.
CREATE FUNCTION promptreg.guard_hold(guard promptreg.guards, deployed boolean, experiment_id bigint) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN CASE
  WHEN guard.severity = 'alert' THEN NULL
  WHEN NOT deployed THEN CASE WHEN guard.rule = 'concurrent' THEN promptreg.split_hold(guard_hold.experiment_id) END
  WHEN guard.severity <> 'rollback' THEN NULL
  WHEN (promptreg.last_deployment(guard.prompt_id, guard.environment)).rollback_to IS NULL
    THEN 'there is nothing to roll back to'
  WHEN promptreg.guard_rollbacks_in_a_row(prompt_id => guard.prompt_id, env => guard.environment) >= guard.max_rollbacks
    THEN format('guards have rolled back %s times in a row; somebody has to look', guard.max_rollbacks) END;
COMMENT ON FUNCTION promptreg.guard_hold(promptreg.guards, boolean, bigint) IS 'Why a guard that has fired does not act';

-- What a guard is to do about a version: about the deployed one, or about a variant of the experiment.
CREATE FUNCTION promptreg.guard_action(guard promptreg.guards, deployed boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN guard.severity = 'alert' OR guard.severity = 'pause' AND deployed THEN 'alerted'
  WHEN guard.severity = 'pause' THEN 'experiment_paused'
  WHEN deployed THEN 'rolled_back'
  ELSE 'experiment_stopped' END;
COMMENT ON FUNCTION promptreg.guard_action(promptreg.guards, boolean) IS 'What a guard does when it fires';

CREATE FUNCTION promptreg.act_for_guard(
  guard promptreg.guards, prompt promptreg.prompts, action text, experiment_id bigint, reason text
) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  words text := format('guard %s: %s', guard.name, act_for_guard.reason);
BEGIN
  CASE act_for_guard.action
    WHEN 'rolled_back' THEN
      RETURN (promptreg.rollback(prompt => act_for_guard.prompt, env => guard.environment, to_version => NULL,
                                 reason => words, idempotency_key => NULL)).id;
    WHEN 'experiment_stopped' THEN
      PERFORM promptreg.end_experiment(prompt => act_for_guard.prompt, env => guard.environment, reason => words);
    WHEN 'experiment_paused' THEN
      PERFORM promptreg._prompt_experiment_pause(
        key => (SELECT x.key FROM promptreg.experiments x WHERE x.id = act_for_guard.experiment_id), reason => words);
    ELSE NULL;
  END CASE;
  RETURN NULL;
END;
$$;
COMMENT ON FUNCTION promptreg.act_for_guard(promptreg.guards, promptreg.prompts, text, bigint, text) IS
  'Rolls back, stops or pauses; returns the deployment it made';

CREATE FUNCTION promptreg.fire_guard(
  guard promptreg.guards, prompt promptreg.prompts, verdict promptreg.guard_verdict, deployed integer, experiment_id bigint
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  is_deployed boolean := verdict.version = fire_guard.deployed;
  hold text := promptreg.guard_hold(guard => fire_guard.guard, deployed => is_deployed, experiment_id => fire_guard.experiment_id);
  action text := CASE WHEN hold IS NOT NULL THEN 'held'
                      ELSE promptreg.guard_action(guard => fire_guard.guard, deployed => is_deployed) END;
  reason text := concat_ws('; ', verdict.reason, 'not acted upon: ' || hold);
  numbers jsonb := verdict.numbers || jsonb_strip_nulls(jsonb_build_object('held', promptreg.hold_without_figures(hold)));
  deployment bigint;
BEGIN
  IF NOT guard.dry_run THEN
    deployment := promptreg.act_for_guard(guard => fire_guard.guard, prompt => fire_guard.prompt, action => action,
                                          experiment_id => fire_guard.experiment_id, reason => verdict.reason);
  END IF;
  INSERT INTO promptreg.guard_events (guard_id, at, version, action, dry_run, reason, numbers, deployment_id, experiment_id)
  VALUES (guard.id, clock_timestamp(), verdict.version, action, guard.dry_run, reason, numbers, deployment,
          CASE WHEN NOT is_deployed THEN fire_guard.experiment_id END);
  PERFORM promptreg.audit(event => 'guard_fired', prompt => prompt.name, environment => guard.environment,
    version => verdict.version, reason => reason,
    after => numbers || jsonb_build_object('guard', guard.name, 'action', action, 'dry_run', guard.dry_run));
  RETURN CASE WHEN action = 'held' OR NOT guard.dry_run THEN action ELSE 'dry_run' END;
END;
$$;
COMMENT ON FUNCTION promptreg.fire_guard(promptreg.guards, promptreg.prompts, promptreg.guard_verdict, integer, bigint) IS
  'Does what a guard says, and records it; returns what was done';

-- What guards did before somebody deployed or started something was about another situation: a hotfix is guarded from its first call.
CREATE FUNCTION promptreg.last_event_of_guard(guard promptreg.guards, version integer, held text) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT max(e.at)
    FROM promptreg.guard_events e
   WHERE e.guard_id = (guard).id
     AND CASE WHEN last_event_of_guard.held IS NULL THEN e.action <> 'held'
              ELSE e.action = 'held' AND e.version = last_event_of_guard.version AND e.numbers ->> 'held' = last_event_of_guard.held END
     AND e.at > coalesce((SELECT max(d.deployed_at) FROM promptreg.deployments d
                           WHERE d.prompt_id = (guard).prompt_id AND d.environment = (guard).environment
                             AND NOT EXISTS (SELECT FROM promptreg.guard_events g WHERE g.deployment_id = d.id)), '-infinity')
     AND e.at > coalesce((SELECT max(x.started_at) FROM promptreg.experiments x
                           WHERE x.prompt_id = (guard).prompt_id AND x.environment = (guard).environment), '-infinity');
END;
COMMENT ON FUNCTION promptreg.last_event_of_guard(promptreg.guards, integer, text) IS
  'When a guard last acted, or with held when it last said why it does not about a version, since somebody last deployed or started something';

CREATE FUNCTION promptreg.is_cooling_down(guard promptreg.guards) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN coalesce(promptreg.last_event_of_guard(guard => is_cooling_down.guard, version => NULL, held => NULL)
                > clock_timestamp() - guard.cool_down, false);
COMMENT ON FUNCTION promptreg.is_cooling_down(promptreg.guards) IS 'Whether a guard has acted lately';

-- Figures in a reason change with every look; without them it is the same reason.
CREATE FUNCTION promptreg.hold_without_figures(hold text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN split_part(hold, ' (', 1);
COMMENT ON FUNCTION promptreg.hold_without_figures(text) IS 'Why a guard does not act, the same as long as the reason stays';

-- Told once in a cool-down, as long as it stays so; looked at again every time.
CREATE FUNCTION promptreg.is_held_as_told(guard promptreg.guards, version integer, hold text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN coalesce(promptreg.last_event_of_guard(guard => is_held_as_told.guard, version => is_held_as_told.version,
                                              held => promptreg.hold_without_figures(is_held_as_told.hold))
                > clock_timestamp() - guard.cool_down, false);
COMMENT ON FUNCTION promptreg.is_held_as_told(promptreg.guards, integer, text) IS
  'Whether it was recorded lately that a guard does not act about a version for this reason';

-- The prompt is locked before the route is looked at again: what has changed meanwhile is judged the next time. Whoever holds
-- the prompt, or that of a snippet, may be waiting for one that this session holds: a guard does not wait, and finds the rule
-- broken again at the next look.
CREATE FUNCTION promptreg.answer_verdict(guard promptreg.guards, verdict promptreg.guard_verdict, deployed integer, experiment_id bigint)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
AS $$
DECLARE
  locked promptreg.prompts;
  hold text;
BEGIN
  IF promptreg.is_cooling_down(guard) THEN
    RETURN 'cooling_down';
  END IF;
  IF verdict.version <> answer_verdict.deployed THEN
    PERFORM promptreg.try_refresh_experiments();  -- how the traffic is split now
  END IF;
  hold := promptreg.guard_hold(guard => answer_verdict.guard, deployed => verdict.version = answer_verdict.deployed,
                               experiment_id => answer_verdict.experiment_id);
  IF promptreg.is_held_as_told(guard => answer_verdict.guard, version => verdict.version, hold => hold) THEN
    RETURN 'held';
  END IF;
  IF NOT promptreg.try_lock_prompt(prompt_id => guard.prompt_id, wait => false) THEN
    RETURN 'busy';
  END IF;
  SELECT p.* INTO STRICT locked FROM promptreg.prompts p WHERE p.id = guard.prompt_id;
  IF promptreg.is_cooling_down(guard) OR NOT EXISTS (
       SELECT FROM promptreg.watched_routes() AS w
        WHERE (w.guard).id = (answer_verdict.guard).id AND w.version = answer_verdict.deployed
          AND w.experiment_id IS NOT DISTINCT FROM answer_verdict.experiment_id) THEN
    RETURN 'changed';
  END IF;
  RETURN promptreg.fire_guard(guard => answer_verdict.guard, prompt => locked, verdict => answer_verdict.verdict,
                              deployed => answer_verdict.deployed, experiment_id => answer_verdict.experiment_id);
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
  RETURN 'busy';
END;
$$;
COMMENT ON FUNCTION promptreg.answer_verdict(promptreg.guards, promptreg.guard_verdict, integer, bigint) IS
  'Fires a guard whose rule is broken, unless it has fired lately, the route has changed or somebody else is changing it';

CREATE FUNCTION promptreg.check_guards(prompt_id bigint DEFAULT NULL, env text DEFAULT NULL)
RETURNS TABLE (prompt text, environment text, guard text, version integer, state text, reason text, numbers jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  refreshed boolean := promptreg.refresh_guards();
  watched record;
  verdict promptreg.guard_verdict;
BEGIN
  FOR watched IN
    SELECT w.guard, w.prompt, w.version, w.experiment_id FROM promptreg.watched_routes() AS w
     WHERE (check_guards.prompt_id IS NULL OR (w.guard).prompt_id = check_guards.prompt_id)
       AND (check_guards.env IS NULL OR (w.guard).environment = check_guards.env)
     ORDER BY (w.guard).prompt_id, (w.guard).environment, (w.guard).id
  LOOP
    prompt := watched.prompt;
    environment := (watched.guard).environment;
    guard := (watched.guard).name;
    FOR verdict IN
      SELECT j.* FROM promptreg.judge_guard(guard => watched.guard, deployed => watched.version,
                                            experiment_id => watched.experiment_id) AS j ORDER BY j.version
    LOOP
      version := verdict.version;
      state := verdict.state;
      reason := verdict.reason;
      numbers := verdict.numbers;
      IF NOT refreshed THEN
        state := 'busy';
        reason := 'another session is judging the guards';
      ELSIF state = 'broken' THEN
        state := promptreg.answer_verdict(guard => watched.guard, verdict => verdict, deployed => watched.version,
                                          experiment_id => watched.experiment_id);
      END IF;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg.check_guards(bigint, text) IS
  'Takes up what came in, judges, and acts; leaves that to another session that is at it';

-- Recording must not fail because a guard does.
CREATE FUNCTION promptreg.check_guards_now_and_then(request_id text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  every integer := current_setting('promptreg.guard_check_every')::integer;
  route record;
BEGIN
  IF every = 0 OR random() * every >= 1 THEN
    RETURN;
  END IF;
  SELECT g.prompt_id, g.environment INTO route
    FROM promptreg.executions e
    JOIN promptreg.prompts p ON p.name = e.prompt
    JOIN promptreg.guards g ON g.prompt_id = p.id AND g.environment = e.environment AND g.removed_at IS NULL
   WHERE e.request_id = check_guards_now_and_then.request_id LIMIT 1;
  IF FOUND THEN
    PERFORM promptreg.check_guards(prompt_id => route.prompt_id, env => route.environment);
  END IF;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING USING
    MESSAGE = format('guards could not be judged: %s', SQLERRM),
    ERRCODE = SQLSTATE;
END;
$$;
COMMENT ON FUNCTION promptreg.check_guards_now_and_then(text) IS
  'Judges the guards of an execution''s route, at every so many calls (promptreg.guard_check_every)';

CREATE FUNCTION promptreg._prompt_guard_check(name text DEFAULT NULL, env text DEFAULT NULL)
RETURNS TABLE (prompt text, environment text, guard text, version integer, state text, reason text, numbers jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts;
BEGIN
  IF _prompt_guard_check.env IS NOT NULL THEN
    PERFORM promptreg.check_environment(_prompt_guard_check.env);
  END IF;
  IF _prompt_guard_check.name IS NULL THEN
    PERFORM promptreg.authorize_names('release', '*');
  ELSE
    target := promptreg.open_prompt(name => _prompt_guard_check.name, "right" => 'release', env => _prompt_guard_check.env);
  END IF;
  RETURN QUERY SELECT c.* FROM promptreg.check_guards(prompt_id => target.id, env => _prompt_guard_check.env) AS c;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_guard_check(text, text) IS
  'Judges the guards of a prompt, or of all, and acts; a row for each guard and version with its state. May be called at any time. Right: release';

CREATE FUNCTION promptreg._prompt_guards(name text DEFAULT NULL, env text DEFAULT NULL)
RETURNS TABLE (prompt text, environment text, guard text, metric text, scorer text, rule text, better text,
  threshold double precision, tolerance double precision, relative boolean, severity text, min_count bigint,
  max_staleness interval, dry_run boolean, cool_down interval, max_rollbacks integer, alpha double precision,
  set_by text, set_at timestamptz, last_fired_at timestamptz, last_action text, last_reason text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts;
BEGIN
  IF _prompt_guards.name IS NULL THEN
    PERFORM promptreg.allowed('read', NULL);
  ELSE
    target := promptreg.open_prompt(name => _prompt_guards.name, "right" => 'read');
  END IF;
  RETURN QUERY
    SELECT p.name, g.environment, g.name, g.metric, g.scorer, g.rule, g.better, g.threshold, g.tolerance, g.relative,
           g.severity, g.min_count, g.max_staleness, g.dry_run, g.cool_down, g.max_rollbacks, g.alpha, g.set_by, g.set_at,
           e.at, e.action, e.reason
      FROM promptreg.guards g
      JOIN promptreg.prompts p ON p.id = g.prompt_id
      LEFT JOIN LATERAL (SELECT v.at, v.action, v.reason FROM promptreg.guard_events v
                          WHERE v.guard_id = g.id ORDER BY v.id DESC LIMIT 1) AS e ON true
     WHERE g.removed_at IS NULL AND (target.id IS NULL OR g.prompt_id = target.id)
       AND (_prompt_guards.env IS NULL OR g.environment = _prompt_guards.env)
       AND promptreg.allowed('read', p.name)
     ORDER BY p.name, g.environment, g.name;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_guards(text, text) IS
  'The guards of a prompt, or of all that the caller may read, and what they did last. Right: read';

CREATE FUNCTION promptreg.maintain_guards() RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT concat_ws(', ', count(DISTINCT (c.prompt, c.environment, c.guard)) || ' guards',
                   count(*) FILTER (WHERE c.state IN ('rolled_back', 'experiment_stopped', 'experiment_paused', 'alerted', 'dry_run')) || ' fired',
                   nullif(count(*) FILTER (WHERE c.state = 'held'), 0) || ' held',
                   nullif(count(*) FILTER (WHERE c.state = 'busy'), 0) || ' busy',
                   nullif(count(*) FILTER (WHERE c.state = 'blind'), 0) || ' blind')
    FROM promptreg.check_guards() AS c;
END;
COMMENT ON FUNCTION promptreg.maintain_guards() IS 'Task of prompt_maintain: judges all guards';
