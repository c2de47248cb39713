-- Periodic maintenance: prompt_maintain runs every task, called by whatever scheduler there is, as often as one likes.
--
-- A task is a line of promptreg.maintenance_tasks and a function promptreg.maintain_<task>() that does what there is to
-- do now, which may be nothing, and says so in a few words.

-- In this order: guards act before anything that may take long, then what later ones need comes first.
CREATE FUNCTION promptreg.maintenance_tasks() RETURNS TABLE (task text, description text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT t.task, t.description
    FROM (VALUES (1, 'notifications', 'Lets the queue of notifications shrink behind listeners that have gone'),
                 (10, 'guards', 'Judges what guards have seen, and rolls back, pauses or alerts'),
                 (20, 'rollups', 'Adds what was recorded to the rollups'),
                 (25, 'experiments', 'Brings the results of experiments up to date'),
                 (60, 'rollouts', 'Lets rollouts advance whose guards are content'),
                 (70, 'rebalance', 'Lets bandits move weights to where outcomes are better'),
                 -- Last: it may lock executions until the end of the transaction.
                 (90, 'partitions', 'Makes partitions of executions and outcomes ahead, drops those that are too old'))
         AS t (position, task, description)
   ORDER BY t.position;
END;
COMMENT ON FUNCTION promptreg.maintenance_tasks() IS 'The tasks of prompt_maintain, in the order in which they run';

-- The queue's tail moves only when somebody looks. A queue that is full makes every COMMIT that notifies fail.
CREATE FUNCTION promptreg.maintain_notifications() RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN format('queue %s %% full', round(100 * pg_notification_queue_usage()::numeric, 1));
COMMENT ON FUNCTION promptreg.maintain_notifications() IS 'Task of prompt_maintain: moves the tail of the queue of notifications';

CREATE FUNCTION promptreg.record_maintenance(
  task text, started_at timestamptz, result text, error text
) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO promptreg.maintenance_runs AS m (task, started_at, finished_at, result, error, runs, failures)
  VALUES (record_maintenance.task, record_maintenance.started_at,
          greatest(clock_timestamp(), record_maintenance.started_at), record_maintenance.result,
          record_maintenance.error, 1, CASE WHEN record_maintenance.error IS NULL THEN 0 ELSE 1 END)
  ON CONFLICT (task) DO UPDATE
     SET started_at = excluded.started_at, finished_at = excluded.finished_at, result = excluded.result,
         error = excluded.error, runs = m.runs + 1,
         failures = CASE WHEN excluded.error IS NULL THEN 0 ELSE m.failures + 1 END;
END;
COMMENT ON FUNCTION promptreg.record_maintenance(text, timestamptz, text, text) IS 'Remembers the last run of a task';

-- A task that fails undoes what it has done and leaves the others alone. A cancel or a shutdown ends all: those are not
-- caught. Whoever finds the lock taken leaves the task to whoever has it.
CREATE FUNCTION promptreg.run_maintenance_task(task text, OUT result text, OUT error text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  started_at timestamptz := clock_timestamp();
  state text;
  message text;
BEGIN
  IF NOT (SELECT pg_try_advisory_xact_lock(l.class, l.key)
            FROM promptreg.lock_key('maintenance: ' || run_maintenance_task.task) AS l) THEN
    result := 'skipped: another session is at it';
    RETURN;
  END IF;
  BEGIN
    EXECUTE format('SELECT promptreg.%I()', 'maintain_' || run_maintenance_task.task) INTO result;
  EXCEPTION WHEN lock_not_available THEN
    -- No failure: the task stands back for those who record, and the next run tries again.
    result := 'postponed: what it needs is locked by others';
  WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    result := NULL;
    error := format('%s: %s', state, message);
    RAISE WARNING USING
      MESSAGE = format('maintenance task %s failed: %s', run_maintenance_task.task, message),
      ERRCODE = state;
  END;
  PERFORM promptreg.record_maintenance(task => run_maintenance_task.task, started_at => started_at,
                                       result => run_maintenance_task.result, error => run_maintenance_task.error);
END;
$$;
COMMENT ON FUNCTION promptreg.run_maintenance_task(text) IS 'Runs one task unless another session is at it; its error is a WARNING';

CREATE FUNCTION promptreg.run_maintenance(tasks text[] DEFAULT NULL)
RETURNS TABLE (task text, result text, error text, duration_ms double precision)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  started_at timestamptz;
BEGIN
  FOR task IN
    SELECT t.task FROM promptreg.maintenance_tasks() AS t
     WHERE run_maintenance.tasks IS NULL OR t.task = ANY (run_maintenance.tasks)
  LOOP
    started_at := clock_timestamp();
    SELECT r.result, r.error INTO result, error FROM promptreg.run_maintenance_task(run_maintenance.task) AS r;
    duration_ms := 1000 * extract(epoch FROM clock_timestamp() - started_at);
    RETURN NEXT;
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg.run_maintenance(text[]) IS 'Runs the tasks, or some of them, without a check of rights: for the background worker';

CREATE FUNCTION promptreg._prompt_maintain(tasks text[] DEFAULT NULL)
RETURNS TABLE (task text, result text, error text, duration_ms double precision)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unknown text;
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  SELECT u.task INTO unknown FROM unnest(_prompt_maintain.tasks) AS u (task)
   WHERE u.task IS NULL OR u.task NOT IN (SELECT t.task FROM promptreg.maintenance_tasks() AS t) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR046',
      MESSAGE = format('%s is no maintenance task', promptreg.shown(unknown)),
      HINT = format('Use some of: %s.', (SELECT string_agg(t.task, ', ') FROM promptreg.maintenance_tasks() AS t));
  END IF;
  RETURN QUERY SELECT * FROM promptreg.run_maintenance(_prompt_maintain.tasks);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_maintain(text[]) IS
  'Does everything periodic, or the tasks named; may be called at any time, by several sessions, as often as wanted. A row per task. Right: admin on every prompt';

CREATE VIEW promptreg.maintenance WITH (security_invoker = true) AS
SELECT t.task, t.description, m.started_at AS last_run_at,
       1000 * extract(epoch FROM m.finished_at - m.started_at)::double precision AS duration_ms,
       m.result, m.error, coalesce(m.runs, 0) AS runs, coalesce(m.failures, 0) AS failures
  FROM promptreg.maintenance_tasks() AS t
  LEFT JOIN promptreg.maintenance_runs m ON m.task = t.task;
COMMENT ON VIEW promptreg.maintenance IS 'What prompt_maintain did last, task by task';
COMMENT ON COLUMN promptreg.maintenance.task IS 'The task';
COMMENT ON COLUMN promptreg.maintenance.description IS 'What it is for';
COMMENT ON COLUMN promptreg.maintenance.last_run_at IS 'When it last started; NULL: never';
COMMENT ON COLUMN promptreg.maintenance.duration_ms IS 'How long that took, in milliseconds';
COMMENT ON COLUMN promptreg.maintenance.result IS 'What it did; NULL: it failed, or never ran';
COMMENT ON COLUMN promptreg.maintenance.error IS 'Why it failed, SQLSTATE and message; NULL: it did not';
COMMENT ON COLUMN promptreg.maintenance.runs IS 'How often it has run';
COMMENT ON COLUMN promptreg.maintenance.failures IS 'How often it has failed since it last succeeded';
