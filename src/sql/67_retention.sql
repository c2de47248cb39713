-- Maintenance of telemetry, as tasks of prompt_maintain: partitions are made ahead, the default partition is drained, what is too old
-- is dropped once every consumer has taken it, and rollups are brought up to date.

-- So long ago there is still a time.
CREATE FUNCTION promptreg.longest_retention() RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN interval '1000 years';
COMMENT ON FUNCTION promptreg.longest_retention() IS 'The longest time that rows can be kept, unless for ever';

CREATE FUNCTION promptreg._prompt_retention(relation text, keep interval, env text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  PERFORM promptreg.check_choice(_prompt_retention.relation, '{executions,outcomes,rollups}', 'table with a retention');
  IF _prompt_retention.keep < interval '1 day' OR _prompt_retention.keep > promptreg.longest_retention() OR _prompt_retention.env = ''
     OR (_prompt_retention.relation = 'outcomes' AND _prompt_retention.env IS NOT NULL) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR084',
      MESSAGE = format('a retention of %s for %s%s is not valid', coalesce(_prompt_retention.keep::text, 'NULL'), _prompt_retention.relation,
                       CASE WHEN _prompt_retention.env IS NOT NULL THEN ' in ' || promptreg.shown(_prompt_retention.env) END),
      DETAIL = 'Rows are kept for a day at least and 1000 years at most, or with NULL for ever; outcomes are of no environment.';
  END IF;
  INSERT INTO promptreg.retention AS r (relation, environment, keep, set_by, set_at)
  VALUES (_prompt_retention.relation, coalesce(_prompt_retention.env, '*'), _prompt_retention.keep, promptreg.caller(), clock_timestamp())
  ON CONFLICT ON CONSTRAINT retention_pkey DO UPDATE
     SET keep = excluded.keep, applied_to = NULL, set_by = excluded.set_by, set_at = excluded.set_at;
  UPDATE promptreg.retention_state s SET applied_to = NULL WHERE s.relation = _prompt_retention.relation;
  PERFORM promptreg.audit(event => 'retention_set', environment => _prompt_retention.env, after => jsonb_build_object(
    'relation', _prompt_retention.relation, 'keep', _prompt_retention.keep));
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_retention(text, interval, text) IS
  'Sets how long executions or rollups by hour (in an environment, or in those without a rule of their own) or outcomes are kept; NULL: for ever. Where nothing is set, rows are kept for 12 months and rollups for ever; rollups by day always stay. Right: admin on every prompt';

-- Rows before the cut-off go; NULL: none. Always the beginning of a day, so that what is rolled up by day is there or gone as a whole.
CREATE FUNCTION promptreg.retention_cutoffs(relation text)
RETURNS TABLE (environment text, cutoff timestamptz, applied_to timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT r.environment, CASE WHEN r.keep IS NOT NULL THEN date_trunc('day', now() - least(r.keep, promptreg.longest_retention()), 'UTC') END, r.applied_to
    FROM promptreg.retention r WHERE r.relation = retention_cutoffs.relation
   UNION ALL
  SELECT '*', date_trunc('day', now() - interval '12 months', 'UTC'),
         (SELECT s.applied_to FROM promptreg.retention_state s WHERE s.relation = retention_cutoffs.relation AND s.environment = '*')
   WHERE NOT EXISTS (SELECT FROM promptreg.retention r WHERE r.relation = retention_cutoffs.relation AND r.environment = '*');
END;
COMMENT ON FUNCTION promptreg.retention_cutoffs(text) IS 'Before which time rows are too old, by environment';

-- Rows of transactions before this one have been taken by every consumer. NULL where that cannot be said: nobody has ever taken any,
-- or the database was restored into another server and consumers have not begun anew.
CREATE FUNCTION promptreg.taken_by_all() RETURNS xid8
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT w.xid FROM promptreg.watermarks w
   WHERE EXISTS (SELECT FROM promptreg.watermarks r WHERE r.consumer = 'rollups')
     AND NOT EXISTS (SELECT FROM promptreg.watermarks b WHERE b.rebuild OR b.system_identifier <> promptreg.system_identifier())
   ORDER BY w.xid LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.taken_by_all() IS 'The watermark of the consumer that is farthest behind';

CREATE FUNCTION promptreg.partition_list(relation text)
RETURNS TABLE (name text, low timestamptz, high timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT p.name, p.low, (p.low AT TIME ZONE 'UTC' + CASE length(p.digits) WHEN 6 THEN interval '1 month' ELSE interval '1 day' END) AT TIME ZONE 'UTC'
    FROM (SELECT c.relname::text AS name, d.digits,
                 make_timestamptz("left"(d.digits, 4)::integer, substr(d.digits, 5, 2)::integer,
                                  coalesce(nullif(substr(d.digits, 7, 2), ''), '1')::integer, 0, 0, 0, 'UTC') AS low
            FROM pg_inherits i
            JOIN pg_class c ON c.oid = i.inhrelid,
                 LATERAL substring(c.relname::text FROM '_([0-9]{6}|[0-9]{8})$') AS d (digits)
           WHERE i.inhparent = ('promptreg.' || partition_list.relation)::regclass AND d.digits IS NOT NULL) p;
END;
COMMENT ON FUNCTION promptreg.partition_list(text) IS 'Partitions of executions or outcomes with the times that they are for';

-- Ahead, and of times for which rows wait in the default partition. Each takes locks and, while rows are looked for, time: what is
-- more than a few waits for the next run, the latest first.
CREATE FUNCTION promptreg.missing_partitions(relation text) RETURNS SETOF promptreg.partition
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  most constant integer := 30;
  times timestamptz[] := ARRAY(SELECT a FROM promptreg.partitions_ahead() AS a);
BEGIN
  IF relation = 'executions' THEN
    times := times || ARRAY(SELECT DISTINCT date_trunc('day', e.at, 'UTC') FROM promptreg.executions_default e);
  ELSE
    times := times || ARRAY(SELECT DISTINCT date_trunc('day', o.at, 'UTC') FROM promptreg.outcomes_default o);
  END IF;
  RETURN QUERY
    SELECT DISTINCT p.* FROM unnest(times) AS t (at), promptreg.partition_of(missing_partitions.relation, t.at) AS p
     WHERE t.at < now() + interval '1 year' AND NOT promptreg.partition_exists(missing_partitions.relation, t.at)
       AND to_regclass('promptreg.' || p.name) IS NULL
     ORDER BY p.low DESC LIMIT most;
END;
$$;
COMMENT ON FUNCTION promptreg.missing_partitions(text) IS 'Partitions that maintenance is to make now';

-- They are filled before the lock is taken under which nobody records.
CREATE FUNCTION promptreg.make_partitions() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  parts promptreg.partition[];
  part promptreg.partition;
BEGIN
  PERFORM promptreg.lock_making();
  parts := ARRAY(SELECT p FROM unnest('{executions,outcomes}'::text[]) AS r (relation), promptreg.missing_partitions(r.relation) AS p);
  FOREACH part IN ARRAY parts LOOP
    PERFORM promptreg.build_partition(part);
  END LOOP;
  IF cardinality(parts) > 0 THEN
    PERFORM promptreg.lock_partitioned();
  END IF;
  FOREACH part IN ARRAY parts LOOP
    PERFORM promptreg.attach_partition(part);
  END LOOP;
  RETURN cardinality(parts);
END;
$$;
COMMENT ON FUNCTION promptreg.make_partitions() IS
  'Makes the partitions of the time to come and of rows in the default partitions; returns how many were missing';

CREATE FUNCTION promptreg.is_taken(partition text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  untaken boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM promptreg.%I p WHERE p.xid >= $1)', partition) INTO untaken USING promptreg.taken_by_all();
  RETURN promptreg.taken_by_all() IS NOT NULL AND NOT untaken;
END;
$$;
COMMENT ON FUNCTION promptreg.is_taken(text) IS 'Whether every consumer has taken all rows of a partition';

CREATE FUNCTION promptreg.note_dropped(relation text, environment text, before timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO promptreg.retention_state AS s (relation, environment, dropped_before)
  VALUES (note_dropped.relation, note_dropped.environment, note_dropped.before)
      ON CONFLICT ON CONSTRAINT retention_state_pkey DO UPDATE SET dropped_before = greatest(s.dropped_before, excluded.dropped_before);
END;
COMMENT ON FUNCTION promptreg.note_dropped(text, text, timestamptz) IS 'Remembers up to when rows were dropped';

-- Looked at once more under the lock: a row that comes in meanwhile would be lost. An outcome may have come a little before
-- its execution.
CREATE FUNCTION promptreg.drop_partition(relation text, name text, high timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT promptreg.is_taken(name) THEN
    RETURN false;
  END IF;
  PERFORM promptreg.lock_partitioned();
  EXECUTE format('LOCK TABLE promptreg.%I IN ACCESS EXCLUSIVE MODE', name);
  IF NOT promptreg.is_taken(name) THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP TABLE promptreg.%I', name);
  PERFORM promptreg.note_dropped(relation => drop_partition.relation, environment => '*',
    before => high + CASE relation WHEN 'outcomes' THEN interval '24 hours' ELSE interval '0' END);
  RETURN true;
END;
$$;
COMMENT ON FUNCTION promptreg.drop_partition(text, text, timestamptz) IS 'Drops a partition, unless a consumer has not taken all its rows';

-- A partition goes when all its rows are too old in every environment; a few in each run, as each takes locks.
CREATE FUNCTION promptreg.drop_partitions(relation text) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT count(*) FILTER (WHERE promptreg.drop_partition(relation => drop_partitions.relation, name => p.name, high => p.high))
    FROM (SELECT l.name, l.high FROM promptreg.partition_list(drop_partitions.relation) AS l
           WHERE l.high <= (SELECT min(coalesce(c.cutoff, '-infinity')) FROM promptreg.retention_cutoffs(drop_partitions.relation) AS c)
           ORDER BY l.low LIMIT 50) p;
END;
COMMENT ON FUNCTION promptreg.drop_partitions(text) IS 'Drops partitions that are too old; returns how many';

CREATE FUNCTION promptreg.delete_from_partition(partition text, rule_environment text, cutoff timestamptz, most bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  others text[] := ARRAY(SELECT r.environment FROM promptreg.retention r WHERE r.relation = 'executions');
  deleted bigint;
  environments text[];
BEGIN
  EXECUTE format('WITH gone AS (
                    DELETE FROM promptreg.%1$I WHERE ctid = ANY (ARRAY(
                      SELECT e.ctid FROM promptreg.%1$I e
                       WHERE e.at < $1 AND e.xid < $2
                         AND CASE $3 WHEN ''*'' THEN e.environment <> ALL ($4) ELSE e.environment = $3 END
                       LIMIT $5))
                    RETURNING environment
                  ), counted AS (
                    SELECT g.environment, count(*) AS count FROM gone g GROUP BY 1
                  )
                  SELECT coalesce(sum(c.count), 0), array_agg(c.environment) FROM counted c', partition)
    INTO deleted, environments
    USING cutoff, promptreg.taken_by_all(), rule_environment, others, most;
  PERFORM promptreg.note_dropped(relation => 'executions', environment => e, before => cutoff) FROM unnest(environments) AS e;
  RETURN deleted;
END;
$$;
COMMENT ON FUNCTION promptreg.delete_from_partition(text, text, timestamptz, bigint) IS
  'Deletes executions of a partition that are too old by the rule of an environment; returns how many';

-- Where nothing is set for the others, there is no rule that could remember it.
CREATE FUNCTION promptreg.note_applied(environment text, cutoff timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF promptreg.taken_by_all() IS NULL THEN
    RETURN;
  END IF;
  UPDATE promptreg.retention r SET applied_to = note_applied.cutoff
   WHERE r.relation = 'executions' AND r.environment = note_applied.environment;
  IF NOT FOUND THEN
    INSERT INTO promptreg.retention_state AS s (relation, environment, applied_to) VALUES ('executions', '*', note_applied.cutoff)
        ON CONFLICT ON CONSTRAINT retention_state_pkey DO UPDATE SET applied_to = excluded.applied_to;
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.note_applied(text, timestamptz) IS 'Remembers before which time executions of an environment were looked for';

-- Where environments differ, rows of those that keep less are deleted, once a day for each rule; if there are many, in several runs.
CREATE FUNCTION promptreg.delete_executions(most bigint DEFAULT 200000) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  rule record;
  partition text;
  deleted bigint := 0;
BEGIN
  FOR rule IN SELECT c.* FROM promptreg.retention_cutoffs('executions') AS c
               WHERE c.cutoff > (SELECT min(coalesce(o.cutoff, '-infinity')) FROM promptreg.retention_cutoffs('executions') AS o)
                 AND c.cutoff IS DISTINCT FROM c.applied_to LOOP
    FOR partition IN SELECT p.name FROM promptreg.partition_list('executions') AS p WHERE p.low < rule.cutoff
                      UNION ALL SELECT 'executions_default' LOOP
      deleted := deleted + promptreg.delete_from_partition(partition => partition, rule_environment => rule.environment,
                                                           cutoff => rule.cutoff, most => most - deleted);
      IF deleted >= most THEN
        RETURN deleted;
      END IF;
    END LOOP;
    PERFORM promptreg.note_applied(environment => rule.environment, cutoff => rule.cutoff);
  END LOOP;
  RETURN deleted;
END;
$$;
COMMENT ON FUNCTION promptreg.delete_executions(bigint) IS
  'Deletes executions of environments that keep less than others, so many at most; returns how many';

-- Hours only: days, on which every total rests, stay. An hour that late rows made anew goes again.
CREATE FUNCTION promptreg.delete_rollups() RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH deleted AS (
    DELETE FROM promptreg.rollups r USING promptreg.retention t
     WHERE t.relation = 'rollups' AND r.grain = 'hour' AND t.keep IS NOT NULL
       AND r.starts_at < date_trunc('day', now() - least(t.keep, promptreg.longest_retention()), 'UTC')
       AND CASE t.environment WHEN '*'
           THEN r.environment NOT IN (SELECT o.environment FROM promptreg.retention o WHERE o.relation = 'rollups')
           ELSE r.environment = t.environment END
    RETURNING 1
  )
  SELECT count(*) FROM deleted;
END;
COMMENT ON FUNCTION promptreg.delete_rollups() IS 'Deletes rollups by hour that are too old; returns how many';

-- What takes time comes first, then the lock that keeps everybody from recording. It gives up before deadlock_timeout, so that it is
-- never somebody who records that a deadlock ends; what was deleted stays so.
CREATE FUNCTION promptreg.maintain_partitions() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms'
AS $$
DECLARE
  deleted bigint := promptreg.delete_executions() + promptreg.delete_rollups();
  made bigint;
  dropped bigint;
BEGIN
  BEGIN
    made := promptreg.make_partitions();
    dropped := promptreg.drop_partitions('executions') + promptreg.drop_partitions('outcomes');
  EXCEPTION WHEN lock_not_available THEN
    IF deleted = 0 THEN
      RAISE;
    END IF;
    RETURN format('%s rows deleted; partitions are postponed: what they need is locked by others', deleted);
  END;
  RETURN format('%s partitions made, %s dropped, %s rows deleted', made, dropped, deleted);
END;
$$;
COMMENT ON FUNCTION promptreg.maintain_partitions() IS
  'Task of prompt_maintain: deletes and drops what is too old and taken by all, makes partitions ahead, drains the default ones';

CREATE FUNCTION promptreg.maintain_rollups() RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN format('%s executions rolled up', promptreg.roll_up());
COMMENT ON FUNCTION promptreg.maintain_rollups() IS 'Task of prompt_maintain: brings rollups up to date';
