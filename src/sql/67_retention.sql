-- Maintenance of telemetry, as tasks of prompt_maintain: partitions are made ahead, the default partition is drained, what is too old
-- is dropped once every consumer has taken it, and rollups are brought up to date.

CREATE FUNCTION promptreg._prompt_retention(relation text, keep interval, env text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  PERFORM promptreg.check_choice(_prompt_retention.relation, '{executions,outcomes,rollups}', 'table with a retention');
  IF _prompt_retention.keep < interval '1 day' OR _prompt_retention.env = ''
     OR (_prompt_retention.relation = 'outcomes' AND _prompt_retention.env IS NOT NULL) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR084',
      MESSAGE = format('a retention of %s for %s%s is not valid', coalesce(_prompt_retention.keep::text, 'NULL'), _prompt_retention.relation,
                       CASE WHEN _prompt_retention.env IS NOT NULL THEN ' in ' || promptreg.shown(_prompt_retention.env) END),
      DETAIL = 'Rows are kept for at least a day, or with NULL for ever; outcomes are of no environment.';
  END IF;
  INSERT INTO promptreg.retention AS r (relation, environment, keep, set_by, set_at)
  VALUES (_prompt_retention.relation, coalesce(_prompt_retention.env, '*'), _prompt_retention.keep, promptreg.caller(), clock_timestamp())
  ON CONFLICT ON CONSTRAINT retention_pkey DO UPDATE
     SET keep = excluded.keep, applied_to = NULL, set_by = excluded.set_by, set_at = excluded.set_at;
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
  SELECT r.environment, date_trunc('day', now() - r.keep, 'UTC'), r.applied_to
    FROM promptreg.retention r WHERE r.relation = retention_cutoffs.relation
   UNION ALL
  SELECT '*', date_trunc('day', now() - interval '12 months', 'UTC'), NULL
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

-- Ahead: this month and the next two, or this day and the next seven.
CREATE FUNCTION promptreg.make_partitions(relation text) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT count(*) FILTER (WHERE promptreg.make_partition(make_partitions.relation, t.at))
    FROM (SELECT now() + n * CASE current_setting('promptreg.partition_interval', true) WHEN 'day' THEN interval '1 day' ELSE interval '1 month' END AS at
            FROM generate_series(0, CASE current_setting('promptreg.partition_interval', true) WHEN 'day' THEN 7 ELSE 2 END) AS n) t;
END;
COMMENT ON FUNCTION promptreg.make_partitions(text) IS 'Makes the partitions of the time to come; returns how many were missing';

CREATE FUNCTION promptreg.drain_default(relation text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  days timestamptz[];
BEGIN
  IF relation = 'executions' THEN
    SELECT array_agg(DISTINCT date_trunc('day', e.at, 'UTC')) INTO days FROM promptreg.executions_default e;
  ELSE
    SELECT array_agg(DISTINCT date_trunc('day', o.at, 'UTC')) INTO days FROM promptreg.outcomes_default o;
  END IF;
  RETURN (SELECT count(*) FILTER (WHERE promptreg.make_partition(drain_default.relation, d.at)) FROM unnest(days) AS d (at)
           WHERE d.at < now() + interval '1 year');
END;
$$;
COMMENT ON FUNCTION promptreg.drain_default(text) IS 'Makes partitions for the rows of the default partition; returns how many';

-- Locked before it is looked at: a row that comes in meanwhile would be lost.
CREATE FUNCTION promptreg.drop_partition(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  untaken boolean;
BEGIN
  PERFORM promptreg.lock_partitioned();
  EXECUTE format('LOCK TABLE promptreg.%I IN ACCESS EXCLUSIVE MODE', name);
  EXECUTE format('SELECT EXISTS (SELECT FROM promptreg.%I p WHERE p.xid >= $1)', name) INTO untaken USING promptreg.taken_by_all();
  IF untaken IS NOT false OR promptreg.taken_by_all() IS NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP TABLE promptreg.%I', name);
  RETURN true;
END;
$$;
COMMENT ON FUNCTION promptreg.drop_partition(text) IS 'Drops a partition, unless a consumer has not taken all its rows';

-- A partition goes when all its rows are too old in every environment.
CREATE FUNCTION promptreg.drop_partitions(relation text) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT count(*) FILTER (WHERE promptreg.drop_partition(p.name))
    FROM promptreg.partition_list(drop_partitions.relation) AS p
   WHERE p.high <= (SELECT min(coalesce(c.cutoff, '-infinity')) FROM promptreg.retention_cutoffs(drop_partitions.relation) AS c);
END;
COMMENT ON FUNCTION promptreg.drop_partitions(text) IS 'Drops the partitions that are too old; returns how many';

-- Where environments differ, rows of those that keep less are deleted, once a day for each rule.
CREATE FUNCTION promptreg.delete_executions() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  rule record;
  deleted bigint := 0;
  of_rule bigint;
BEGIN
  FOR rule IN SELECT c.* FROM promptreg.retention_cutoffs('executions') AS c
               WHERE c.cutoff > (SELECT min(coalesce(o.cutoff, '-infinity')) FROM promptreg.retention_cutoffs('executions') AS o)
                 AND c.cutoff IS DISTINCT FROM c.applied_to LOOP
    DELETE FROM promptreg.executions e
     WHERE e.at < rule.cutoff AND e.xid < promptreg.taken_by_all()
       AND CASE rule.environment WHEN '*'
           THEN e.environment NOT IN (SELECT r.environment FROM promptreg.retention r WHERE r.relation = 'executions')
           ELSE e.environment = rule.environment END;
    GET DIAGNOSTICS of_rule = ROW_COUNT;
    deleted := deleted + of_rule;
    UPDATE promptreg.retention r SET applied_to = rule.cutoff
     WHERE r.relation = 'executions' AND r.environment = rule.environment AND promptreg.taken_by_all() IS NOT NULL;
  END LOOP;
  RETURN deleted;
END;
$$;
COMMENT ON FUNCTION promptreg.delete_executions() IS 'Deletes executions of environments that keep less than others; returns how many';

-- Hours only: days, on which every total rests, stay. An hour that late rows made anew goes again.
CREATE FUNCTION promptreg.delete_rollups() RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH deleted AS (
    DELETE FROM promptreg.rollups r USING promptreg.retention t
     WHERE t.relation = 'rollups' AND r.grain = 'hour' AND r.starts_at < date_trunc('day', now() - t.keep, 'UTC')
       AND CASE t.environment WHEN '*'
           THEN r.environment NOT IN (SELECT o.environment FROM promptreg.retention o WHERE o.relation = 'rollups')
           ELSE r.environment = t.environment END
    RETURNING 1
  )
  SELECT count(*) FROM deleted;
END;
COMMENT ON FUNCTION promptreg.delete_rollups() IS 'Deletes rollups by hour that are too old; returns how many';

-- It gives up before deadlock_timeout, so that it is never somebody who records that a deadlock ends.
CREATE FUNCTION promptreg.maintain_partitions() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms'
AS $$
DECLARE
  made bigint := 0;
  dropped bigint := 0;
  relation text;
BEGIN
  FOREACH relation IN ARRAY '{executions,outcomes}'::text[] LOOP
    made := made + promptreg.make_partitions(relation) + promptreg.drain_default(relation);
    dropped := dropped + promptreg.drop_partitions(relation);
  END LOOP;
  RETURN format('%s partitions made, %s dropped, %s rows deleted', made, dropped,
                promptreg.delete_executions() + promptreg.delete_rollups());
END;
$$;
COMMENT ON FUNCTION promptreg.maintain_partitions() IS
  'Task of prompt_maintain: makes partitions ahead, drains the default one, drops what is too old and taken by all';

CREATE FUNCTION promptreg.maintain_rollups() RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp
RETURN format('%s executions rolled up', promptreg.roll_up());
COMMENT ON FUNCTION promptreg.maintain_rollups() IS 'Task of prompt_maintain: brings rollups up to date';
