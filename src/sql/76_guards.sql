-- Guards of routes: setting, removing, listing.

CREATE FUNCTION promptreg.raise_invalid_guard(problem text, hint text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR072',
    MESSAGE = format('the guard is not valid: %s', raise_invalid_guard.problem),
    HINT = coalesce(raise_invalid_guard.hint, 'See the documentation of prompt_guard_set.');
END;
$$;
COMMENT ON FUNCTION promptreg.raise_invalid_guard(text, text) IS 'The error for a guard that is not valid';

-- What can be guarded: where its values come from, whether they are 0 or 1, and which way is better.
CREATE FUNCTION promptreg.guard_metrics()
RETURNS TABLE (metric text, is_outcome boolean, is_share boolean, better text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  VALUES ('error', false, true, 'lower'), ('latency_ms', false, false, 'lower'),
         ('time_to_first_token_ms', false, false, 'lower'), ('tokens_in', false, false, 'lower'),
         ('tokens_out', false, false, 'lower'), ('cost_usd', false, false, 'lower'),
         ('rating', true, false, 'higher'), ('thumbs', true, true, 'higher'), ('score', true, false, 'higher'),
         ('conversion', true, true, 'higher'), ('edited', true, true, 'lower'), ('accepted', true, true, 'higher');
END;
COMMENT ON FUNCTION promptreg.guard_metrics() IS 'What guards can watch';

CREATE FUNCTION promptreg.check_guard(guard promptreg.guards) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  is_share boolean;
  problem text;
BEGIN
  SELECT m.is_share INTO is_share FROM promptreg.guard_metrics() AS m WHERE m.metric = guard.metric;
  problem := CASE
    WHEN is_share IS NULL THEN format('%s is no metric', promptreg.shown(guard.metric))
    WHEN guard.scorer IS NOT NULL AND guard.metric <> 'score' THEN 'only a score has a scorer'
    WHEN coalesce(guard.name, '') = '' OR octet_length(guard.name) > 800 THEN 'its name is empty or has more than 800 bytes'
    WHEN guard.rule IS NULL OR guard.rule NOT IN ('concurrent', 'limit', 'window')
      THEN format('%s is no rule', promptreg.shown(guard.rule))
    WHEN guard.better IS NULL OR guard.better NOT IN ('higher', 'lower')
      THEN format('better is %s, not higher or lower', promptreg.shown(guard.better))
    WHEN guard.severity IS NULL OR guard.severity NOT IN ('rollback', 'pause', 'alert')
      THEN format('%s is no severity', promptreg.shown(guard.severity))
    WHEN guard.rule = 'concurrent' AND guard.threshold IS NOT NULL THEN 'a concurrent guard has a tolerance, no threshold'
    WHEN guard.rule <> 'concurrent' AND guard.threshold IS NULL THEN format('a guard with the rule %s needs a threshold', guard.rule)
    WHEN guard.rule = 'limit' AND NOT is_share
      THEN format('a limit is for shares; %s is no share', guard.metric)
    WHEN guard.rule = 'limit' AND NOT (guard.threshold > 0 AND guard.threshold < 1)
      THEN format('the threshold of a limit is a share between 0 and 1, not %s', guard.threshold)
    WHEN guard.rule = 'window' AND guard.severity <> 'alert'
      THEN 'a window fires without reason too often to do more than alert'
    WHEN NOT guard.threshold BETWEEN -1e12 AND 1e12 THEN 'its threshold is out of range'
    WHEN NOT coalesce(guard.tolerance BETWEEN 0 AND 1e12, false) THEN 'its tolerance is negative or out of range'
    WHEN NOT coalesce(guard.min_count >= 1, false) THEN 'min_count is less than 1'
    WHEN NOT coalesce(guard.max_staleness > '0', false) THEN 'max_staleness is not positive'
    WHEN NOT coalesce(guard.cool_down >= '0', false) THEN 'cool_down is negative'
    WHEN NOT coalesce(guard.max_rollbacks BETWEEN 0 AND 100, false) THEN 'max_rollbacks is not between 0 and 100'
    WHEN NOT coalesce(guard.alpha > 0 AND guard.alpha < 0.5, false) THEN 'alpha is not between 0 and 0.5'
  END;
  IF problem IS NOT NULL THEN
    PERFORM promptreg.raise_invalid_guard(problem => problem,
      hint => CASE WHEN is_share IS NULL THEN format('Metrics are: %s.',
                (SELECT string_agg(m.metric, ', ') FROM promptreg.guard_metrics() AS m)) END);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_guard(promptreg.guards) IS 'Error unless a guard is valid';

CREATE FUNCTION promptreg.standing_guard(prompt_id bigint, env text, guard text) RETURNS promptreg.guards
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT g FROM promptreg.guards g
         WHERE g.prompt_id = standing_guard.prompt_id AND g.environment = standing_guard.env
           AND g.name = standing_guard.guard AND g.removed_at IS NULL);
COMMENT ON FUNCTION promptreg.standing_guard(bigint, text, text) IS 'The guard of a name on a route';

-- A guard that changes is a new one, with counts of its own: nothing it saw under another rule decides.
CREATE FUNCTION promptreg._prompt_guard_set(
  name text, env text, metric text, rule text DEFAULT 'concurrent', threshold double precision DEFAULT NULL,
  tolerance double precision DEFAULT 0, relative boolean DEFAULT false, severity text DEFAULT 'rollback',
  scorer text DEFAULT NULL, better text DEFAULT NULL, guard text DEFAULT NULL, min_count bigint DEFAULT 100,
  max_staleness interval DEFAULT '1 hour', dry_run boolean DEFAULT false, cool_down interval DEFAULT '1 hour',
  max_rollbacks integer DEFAULT 2, alpha double precision DEFAULT 0.05
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_for_change(name => _prompt_guard_set.name, "right" => 'release',
                                                        env => _prompt_guard_set.env);
  row promptreg.guards;
BEGIN
  PERFORM promptreg.check_environment(_prompt_guard_set.env);
  row.prompt_id := target.id;
  row.environment := _prompt_guard_set.env;
  row.metric := _prompt_guard_set.metric;
  row.scorer := _prompt_guard_set.scorer;
  row.name := coalesce(_prompt_guard_set.guard, concat_ws('/', row.metric, row.scorer));
  row.rule := _prompt_guard_set.rule;
  row.better := coalesce(_prompt_guard_set.better,
                         (SELECT m.better FROM promptreg.guard_metrics() AS m WHERE m.metric = row.metric), 'higher');
  row.threshold := _prompt_guard_set.threshold;
  row.tolerance := _prompt_guard_set.tolerance;
  row.relative := coalesce(_prompt_guard_set.relative, false);
  row.min_count := _prompt_guard_set.min_count;
  row.max_staleness := _prompt_guard_set.max_staleness;
  row.severity := _prompt_guard_set.severity;
  row.dry_run := coalesce(_prompt_guard_set.dry_run, false);
  row.cool_down := _prompt_guard_set.cool_down;
  row.max_rollbacks := _prompt_guard_set.max_rollbacks;
  row.alpha := _prompt_guard_set.alpha;
  PERFORM promptreg.check_guard(row);
  PERFORM promptreg.remove_guard(promptreg.standing_guard(prompt_id => target.id, env => row.environment, guard => row.name));
  INSERT INTO promptreg.guards (prompt_id, environment, name, metric, scorer, rule, better, threshold, tolerance, relative,
                                min_count, max_staleness, severity, dry_run, cool_down, max_rollbacks, alpha, set_by, set_at)
  VALUES (row.prompt_id, row.environment, row.name, row.metric, row.scorer, row.rule, row.better, row.threshold, row.tolerance,
          row.relative, row.min_count, row.max_staleness, row.severity, row.dry_run, row.cool_down, row.max_rollbacks,
          row.alpha, promptreg.caller(), clock_timestamp())
  RETURNING * INTO row;
  PERFORM promptreg.audit(event => 'guard_set', prompt => target.name, environment => row.environment,
                          after => to_jsonb(row) - '{id,prompt_id,environment,set_by,set_at,removed_at}'::text[]);
  RETURN row.name;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_guard_set(text, text, text, text, double precision, double precision, boolean, text, text, text, text, bigint, interval, boolean, interval, integer, double precision) IS
  'Sets a guard on what a prompt serves in an environment, in place of one of the same name, and returns its name. Right: release';

-- What it has seen goes with the next look at the others: deleting it here would wait for a look that has not committed.
CREATE FUNCTION promptreg.remove_guard(guard promptreg.guards) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE promptreg.guards g SET removed_at = greatest(clock_timestamp(), g.set_at) WHERE g.id = guard.id;
END;
COMMENT ON FUNCTION promptreg.remove_guard(promptreg.guards) IS 'Removes a guard, if there is one; its events stay';

CREATE FUNCTION promptreg._prompt_guard_remove(name text, env text, guard text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target promptreg.prompts := promptreg.open_prompt(name => _prompt_guard_remove.name, "right" => 'release',
                                                    env => _prompt_guard_remove.env, lock => true);
  found promptreg.guards;
BEGIN
  PERFORM promptreg.check_environment(_prompt_guard_remove.env);
  found := promptreg.standing_guard(prompt_id => target.id, env => _prompt_guard_remove.env,
                                    guard => _prompt_guard_remove.guard);
  IF found.id IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR073',
      MESSAGE = format('prompt "%s" has no guard %s in %s', target.name, promptreg.shown(_prompt_guard_remove.guard),
                       _prompt_guard_remove.env),
      HINT = 'prompt_guards lists them.';
  END IF;
  PERFORM promptreg.remove_guard(found);
  PERFORM promptreg.audit(event => 'guard_removed', prompt => target.name, environment => found.environment,
                          before => jsonb_build_object('name', found.name));
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_guard_remove(text, text, text) IS 'Removes a guard; what it has done stays on record. Right: release';
