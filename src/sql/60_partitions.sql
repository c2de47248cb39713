-- Partitions of executions and outcomes: executions_202611 has a month, executions_20261121 a day, in UTC whatever the
-- session's time zone. They are made ahead by maintenance, and by the recording functions where one for about now is
-- missing. Everything else for a time without a partition waits in the default partition until maintenance makes one.

-- Advisory locks share one space with the application's: ours have a class of their own.
CREATE FUNCTION promptreg.lock_key(name text, OUT class integer, OUT key integer)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN ROW (1886547312, hashtext(name));
COMMENT ON FUNCTION promptreg.lock_key(text) IS 'The advisory lock of a purpose';

CREATE FUNCTION promptreg.partition_name(relation text, at timestamptz, unit text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN relation || '_' || to_char(at AT TIME ZONE 'UTC', CASE unit WHEN 'month' THEN 'YYYYMM' ELSE 'YYYYMMDD' END);
COMMENT ON FUNCTION promptreg.partition_name(text, timestamptz, text) IS
  'Name of the partition that has a time, where partitions are as long as unit: month or day';

-- A partition that was detached keeps its name, and is none.
CREATE FUNCTION promptreg.partition_exists(relation text, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN EXISTS (
  SELECT FROM pg_inherits i
   WHERE i.inhrelid IN (to_regclass('promptreg.' || promptreg.partition_name(relation, at, 'month')),
                        to_regclass('promptreg.' || promptreg.partition_name(relation, at, 'day')))
     AND i.inhparent = to_regclass('promptreg.' || relation) AND NOT i.inhdetachpending);
COMMENT ON FUNCTION promptreg.partition_exists(text, timestamptz) IS 'Whether a time has a partition of its own';

-- The setting is not there in a session that has not loaded the library.
CREATE FUNCTION promptreg.partition_interval() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN CASE current_setting('promptreg.partition_interval', true) WHEN 'day' THEN 'day' ELSE 'month' END;
COMMENT ON FUNCTION promptreg.partition_interval() IS 'How long partitions are, unless their month has others already: month or day';

-- The setting may have changed: where a month has partitions by day already, it goes on having them.
CREATE FUNCTION promptreg.partition_unit(relation text, at timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN CASE
  WHEN promptreg.partition_interval() = 'day' THEN 'day'
  WHEN EXISTS (SELECT FROM pg_class c
                WHERE c.relnamespace = 'promptreg'::regnamespace
                  AND c.relname ~ ('^' || promptreg.partition_name(relation, at, 'month') || '[0-9]{2}$'))
    THEN 'day'
  ELSE 'month' END;
COMMENT ON FUNCTION promptreg.partition_unit(text, timestamptz) IS 'How long a new partition is to be: month or day';

CREATE TYPE promptreg.partition AS (relation text, name text, low timestamptz, high timestamptz);
COMMENT ON TYPE promptreg.partition IS 'A partition of a relation, with the times that it is for';
COMMENT ON COLUMN promptreg.partition.relation IS 'executions or outcomes';
COMMENT ON COLUMN promptreg.partition.name IS 'Name of the table';
COMMENT ON COLUMN promptreg.partition.low IS 'From when';
COMMENT ON COLUMN promptreg.partition.high IS 'Up to when, exclusive';

CREATE FUNCTION promptreg.partition_of(relation text, at timestamptz) RETURNS promptreg.partition
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT partition_of.relation, promptreg.partition_name(partition_of.relation, partition_of.at, p.unit), p.low,
         (p.low AT TIME ZONE 'UTC' + ('1 ' || p.unit)::interval) AT TIME ZONE 'UTC'
    FROM (SELECT u.unit, date_trunc(u.unit, partition_of.at, 'UTC') AS low
            FROM promptreg.partition_unit(partition_of.relation, partition_of.at) AS u (unit)) p;
END;
COMMENT ON FUNCTION promptreg.partition_of(text, timestamptz) IS 'The partition that a time without one is to get';

-- Maintenance makes this month and the next two ahead, or this day and the next seven.
CREATE FUNCTION promptreg.partitions_ahead() RETURNS SETOF timestamptz
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT (date_trunc(u.unit, now() AT TIME ZONE 'UTC') + n * ('1 ' || u.unit)::interval) AT TIME ZONE 'UTC'
    FROM promptreg.partition_interval() AS u (unit), generate_series(0, CASE u.unit WHEN 'day' THEN 7 ELSE 2 END) AS n;
END;
COMMENT ON FUNCTION promptreg.partitions_ahead() IS 'Times whose partitions are made ahead';

-- Who records makes partitions for about now only: from the interval before this one to the last one that is made ahead. Others
-- would have to wait for whatever transaction made one for some other time, and it may be an application's and stay open.
CREATE FUNCTION promptreg.recorded_about_now(OUT low timestamptz, OUT high timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT (min(a.at) AT TIME ZONE 'UTC' - u.step) AT TIME ZONE 'UTC', (max(a.at) AT TIME ZONE 'UTC' + u.step) AT TIME ZONE 'UTC'
    FROM promptreg.partitions_ahead() AS a (at), (SELECT ('1 ' || promptreg.partition_interval())::interval AS step) u GROUP BY u.step;
END;
COMMENT ON FUNCTION promptreg.recorded_about_now() IS 'For which times who records makes the partition first';

CREATE FUNCTION promptreg.lacks_partition(relation text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  about_now record;
BEGIN
  SELECT n.* INTO STRICT about_now FROM promptreg.recorded_about_now() AS n;
  IF at < about_now.low OR at >= about_now.high OR promptreg.partition_exists(relation, lacks_partition.at) THEN
    RETURN false;
  END IF;
  RETURN to_regclass('promptreg.' || (promptreg.partition_of(relation, lacks_partition.at)).name) IS NULL;
END;
$$;
COMMENT ON FUNCTION promptreg.lacks_partition(text, timestamptz) IS 'Whether who records for a time, which is about now, makes its partition first';

-- They keep their transaction, so that no consumer takes them twice.
CREATE FUNCTION promptreg.move_rows(part promptreg.partition) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
  waiting boolean;
  span text := format('d.at >= %L AND d.at < %L', part.low, part.high);
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM promptreg.%I d WHERE %s)', part.relation || '_default', span) INTO waiting;
  IF waiting THEN
    EXECUTE format('WITH moved AS (DELETE FROM promptreg.%I d WHERE %s RETURNING d.*)
                    INSERT INTO promptreg.%I SELECT m.* FROM moved m', part.relation || '_default', span, part.name);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.move_rows(promptreg.partition) IS 'Moves the rows that wait in the default partition for a partition';

-- A table is filled and indexed before it is attached, while others go on recording. A publication FOR ALL TABLES refuses DELETE and
-- UPDATE of tables without a replica identity, which no column is: two outcomes may be equal. FULL costs nothing until then.
CREATE FUNCTION promptreg.build_partition(part promptreg.partition) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
BEGIN
  EXECUTE format('CREATE TABLE promptreg.%I (LIKE promptreg.%I INCLUDING ALL)', part.name, part.relation);
  EXECUTE format('COMMENT ON TABLE promptreg.%I IS %L', part.name,
                 format('%s from %s up to %s (UTC)', initcap(part.relation), to_char(part.low, 'YYYY-MM-DD'), to_char(part.high, 'YYYY-MM-DD')));
  EXECUTE format('ALTER TABLE promptreg.%I ENABLE ROW LEVEL SECURITY', part.name);
  EXECUTE format('ALTER TABLE promptreg.%I REPLICA IDENTITY FULL', part.name);
  PERFORM promptreg.move_rows(part);
  EXECUTE format('CREATE INDEX ON promptreg.%I (request_id)', part.name);
  EXECUTE format('CREATE INDEX ON promptreg.%I (xid)', part.name);
END;
$$;
COMMENT ON FUNCTION promptreg.build_partition(promptreg.partition) IS 'Makes the table of a partition with what the default partition has for it';

-- Under the lock of lock_partitioned, which keeps others from adding to the default partition what would belong to the new one. What
-- came in while the table was built moves now.
CREATE FUNCTION promptreg.attach_partition(part promptreg.partition) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
BEGIN
  EXECUTE format('LOCK TABLE promptreg.%I IN ACCESS EXCLUSIVE MODE', part.relation || '_default');
  PERFORM promptreg.move_rows(part);
  EXECUTE format('ALTER TABLE promptreg.%I ATTACH PARTITION promptreg.%I FOR VALUES FROM (%L) TO (%L)',
                 part.relation, part.name, part.low, part.high);
END;
$$;
COMMENT ON FUNCTION promptreg.attach_partition(promptreg.partition) IS 'Attaches a partition that was built';

-- Whoever changes the partitions of one of the two locks both, always in this order and one right after the other. Who records
-- may be in a transaction that has used either: with one lock only, two of them that make partitions, one of executions and
-- the other of outcomes, would wait for each other, and the deadlock would cost a record.
--
-- ATTACH PARTITION itself would take a weaker lock. Then a statement that was planned without the new partition could run with a
-- snapshot that sees its rows committed, and miss them; in a roll-up, for ever.
CREATE FUNCTION promptreg.lock_partitioned() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  LOCK TABLE ONLY promptreg.executions, ONLY promptreg.outcomes IN ACCESS EXCLUSIVE MODE;
END;
$$;
COMMENT ON FUNCTION promptreg.lock_partitioned() IS 'The lock under which partitions come and go';

-- One session at a time makes partitions, so that the others do not queue up for the lock above.
CREATE FUNCTION promptreg.lock_making() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT pg_advisory_xact_lock(l.class, l.key) FROM promptreg.lock_key('partitions') AS l;
END;
COMMENT ON FUNCTION promptreg.lock_making() IS 'The lock of whoever makes partitions';

-- A table that was detached may have taken the name. Then its time has no partition until it is renamed or dropped.
CREATE FUNCTION promptreg.make_partition(relation text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  part promptreg.partition;
BEGIN
  IF promptreg.partition_exists(relation, make_partition.at) THEN
    RETURN false;
  END IF;
  PERFORM promptreg.lock_making();
  part := promptreg.partition_of(relation, make_partition.at);
  IF promptreg.partition_exists(relation, make_partition.at) OR to_regclass('promptreg.' || part.name) IS NOT NULL THEN
    RETURN false;
  END IF;
  PERFORM promptreg.build_partition(part);
  PERFORM promptreg.lock_partitioned();
  PERFORM promptreg.attach_partition(part);
  RETURN true;
END;
$$;
COMMENT ON FUNCTION promptreg.make_partition(text, timestamptz) IS
  'Makes the partition of executions or outcomes that a time belongs to; false if there is one';

CREATE FUNCTION promptreg.partitions_postponed() RETURNS boolean
LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'promptreg_partitions_postponed';
COMMENT ON FUNCTION promptreg.partitions_postponed() IS 'Whether this session could not make a partition within the last minute';

CREATE FUNCTION promptreg.postpone_partitions(problem text, expected boolean) RETURNS void
LANGUAGE c STRICT SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'promptreg_postpone_partitions';
COMMENT ON FUNCTION promptreg.postpone_partitions(text, boolean) IS
  'Makes no partition in this session for a minute, with a warning the first time unless the problem is to be expected';

-- Recording must not fail or wait because a partition cannot be made now, while a long query reads the table for example:
-- then the default partition takes the rows. What waits there is moved by maintenance if it is more than a little.
CREATE FUNCTION promptreg.prepare_partitions(relation text, times timestamptz[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms'
AS $$
DECLARE
  missing timestamptz;
  most constant integer := 4;
  made integer := 0;
BEGIN
  IF promptreg.partitions_postponed()
     OR pg_table_size(to_regclass('promptreg.' || prepare_partitions.relation || '_default')) > 8 * 1024 * 1024 THEN
    RETURN;
  END IF;
  FOR missing IN
    SELECT DISTINCT date_trunc('day', t.at, 'UTC') AS day FROM unnest(times) AS t (at), promptreg.recorded_about_now() AS n
     WHERE t.at >= n.low AND t.at < n.high ORDER BY day DESC
  LOOP
    EXIT WHEN made >= most;
    CONTINUE WHEN NOT promptreg.lacks_partition(prepare_partitions.relation, missing);
    PERFORM promptreg.lock_making();
    CONTINUE WHEN NOT promptreg.lacks_partition(prepare_partitions.relation, missing);
    PERFORM promptreg.lock_partitioned();
    made := made + promptreg.make_partition(prepare_partitions.relation, missing)::integer;
  END LOOP;
EXCEPTION
  -- The check is that of the default partition, of which an older snapshot does not see all. A standby says so itself.
  WHEN lock_not_available OR object_in_use OR serialization_failure OR deadlock_detected OR check_violation
       OR read_only_sql_transaction THEN
    PERFORM promptreg.postpone_partitions(problem => SQLERRM, expected => true);
  WHEN OTHERS THEN
    PERFORM promptreg.postpone_partitions(problem => SQLERRM, expected => false);
END;
$$;
COMMENT ON FUNCTION promptreg.prepare_partitions(text, timestamptz[]) IS
  'Makes partitions for times about now that have none, where that is possible now';

CREATE FUNCTION promptreg.ensure_partition(relation text, at timestamptz) RETURNS void
LANGUAGE c STRICT SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'promptreg_ensure_partition';
COMMENT ON FUNCTION promptreg.ensure_partition(text, timestamptz) IS
  'What a recording function does before it records: prepare_partitions, unless nothing was missing the last time';
