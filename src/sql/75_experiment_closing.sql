-- Users are forgotten with their executions: what experiments have of single users goes when an experiment ended longer ago than
-- executions are kept. Moments, sketches and figures stay, of which no user can be told.

CREATE FUNCTION promptreg.executions_cutoff(environment text) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT c.cutoff FROM promptreg.retention_cutoffs('executions') AS c
   WHERE c.environment IN (executions_cutoff.environment, '*')
   ORDER BY c.environment = '*' LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.executions_cutoff(text) IS 'Before which time executions of an environment are too old; NULL: never';

-- Only what has been counted to the end: called after a refresh, in its transaction.
CREATE FUNCTION promptreg.close_experiments() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  ended bigint[] := ARRAY(SELECT x.id FROM promptreg.experiments x
                           WHERE x.stopped_at + interval '1 day' < promptreg.executions_cutoff(x.environment)
                             AND NOT EXISTS (SELECT FROM promptreg.experiment_closings c WHERE c.experiment_id = x.id));
BEGIN
  INSERT INTO promptreg.experiment_closings (experiment_id, users_in_several_variants, closed_at)
  SELECT e.id, promptreg.users_in_several_variants(e.id), clock_timestamp() FROM unnest(ended) AS e (id);
  DELETE FROM promptreg.experiment_totals t WHERE t.experiment_id = ANY (ended);
  DELETE FROM promptreg.experiment_users u WHERE u.experiment_id = ANY (ended);
  PERFORM promptreg.forget_bandit_counts(ended);
  RETURN cardinality(ended);
END;
$$;
COMMENT ON FUNCTION promptreg.close_experiments() IS
  'Forgets the users of experiments that ended longer ago than executions are kept; returns of how many';

CREATE FUNCTION promptreg.maintain_experiments() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  changed bigint := promptreg.refresh_experiments();
  closed bigint := promptreg.close_experiments();
BEGIN
  RETURN format('%s experiments changed%s', changed, CASE WHEN closed > 0 THEN format(', %s closed', closed) ELSE '' END);
END;
$$;
COMMENT ON FUNCTION promptreg.maintain_experiments() IS
  'Task of prompt_maintain: brings the results of experiments up to date, and forgets the users of those that ended long ago';
