-- Partitions of executions and outcomes: executions_202611 has a month, executions_20261121 a day, in UTC whatever the
-- session's time zone. They are made ahead by maintenance, and by the recording functions where one is missing; what
-- comes in by COPY for a time without a partition waits in the default partition.

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

CREATE FUNCTION promptreg.partition_exists(relation text, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN to_regclass('promptreg.' || promptreg.partition_name(relation, at, 'month')) IS NOT NULL
    OR to_regclass('promptreg.' || promptreg.partition_name(relation, at, 'day')) IS NOT NULL;
COMMENT ON FUNCTION promptreg.partition_exists(text, timestamptz) IS 'Whether a time has a partition of its own';

-- The setting may have changed: where a month has partitions by day already, it goes on having them. It is not there in a session
-- that has not loaded the library.
CREATE FUNCTION promptreg.partition_unit(relation text, at timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN CASE
  WHEN current_setting('promptreg.partition_interval', true) = 'day' THEN 'day'
  WHEN EXISTS (SELECT FROM pg_class c
                WHERE c.relnamespace = 'promptreg'::regnamespace
                  AND c.relname ~ ('^' || promptreg.partition_name(relation, at, 'month') || '[0-9]{2}$'))
    THEN 'day'
  ELSE 'month' END;
COMMENT ON FUNCTION promptreg.partition_unit(text, timestamptz) IS 'How long a new partition is to be: month or day';

-- Rows of the default partition move over. They keep their transaction, so that no consumer takes them twice; the lock
-- keeps others from adding more. A table is filled and indexed before it is attached: what is attached is ready.
CREATE FUNCTION promptreg.attach_partition(relation text, name text, low timestamptz, high timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
BEGIN
  EXECUTE format('CREATE TABLE promptreg.%I (LIKE promptreg.%I INCLUDING ALL)', name, relation);
  EXECUTE format('COMMENT ON TABLE promptreg.%I IS %L', name,
                 format('%s from %s up to %s (UTC)', initcap(relation), to_char(low, 'YYYY-MM-DD'), to_char(high, 'YYYY-MM-DD')));
  EXECUTE format('ALTER TABLE promptreg.%I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('LOCK TABLE promptreg.%I IN ACCESS EXCLUSIVE MODE', relation || '_default');
  EXECUTE format('WITH moved AS (DELETE FROM promptreg.%I d WHERE d.at >= %L AND d.at < %L RETURNING d.*)
                  INSERT INTO promptreg.%I SELECT m.* FROM moved m', relation || '_default', low, high, name);
  EXECUTE format('CREATE INDEX %I ON promptreg.%I (request_id)', name || '_request_id_idx', name);
  EXECUTE format('CREATE INDEX %I ON promptreg.%I (xid)', name || '_xid_idx', name);
  EXECUTE format('ALTER TABLE promptreg.%I ATTACH PARTITION promptreg.%I FOR VALUES FROM (%L) TO (%L)',
                 relation, name, low, high);
END;
$$;
COMMENT ON FUNCTION promptreg.attach_partition(text, text, timestamptz, timestamptz) IS
  'Makes a partition with what the default partition has for it';

-- Whoever changes the partitions of one of the two locks both, always in this order and one right after the other. Who records
-- may be in a transaction that has used either: with one lock only, two of them that make partitions, one of executions and
-- the other of outcomes, would wait for each other, and the deadlock would cost a record.
CREATE FUNCTION promptreg.lock_partitioned() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  LOCK TABLE ONLY promptreg.executions, ONLY promptreg.outcomes IN ACCESS EXCLUSIVE MODE;
END;
$$;
COMMENT ON FUNCTION promptreg.lock_partitioned() IS 'The lock under which partitions come and go';

-- ATTACH PARTITION itself would take a weaker lock. Then a statement that was planned without the new partition could run with a
-- snapshot that sees its rows committed, and miss them; in a roll-up, for ever.
CREATE FUNCTION promptreg.make_partition(relation text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unit text;
  low timestamptz;
BEGIN
  IF promptreg.partition_exists(relation, make_partition.at) THEN
    RETURN false;
  END IF;
  PERFORM promptreg.lock_partitioned();
  IF promptreg.partition_exists(relation, make_partition.at) THEN
    RETURN false;
  END IF;
  unit := promptreg.partition_unit(relation, make_partition.at);
  low := date_trunc(unit, make_partition.at, 'UTC');
  PERFORM promptreg.attach_partition(relation => make_partition.relation,
    name => promptreg.partition_name(relation, make_partition.at, unit), low => low,
    high => (low AT TIME ZONE 'UTC' + ('1 ' || unit)::interval) AT TIME ZONE 'UTC');
  RETURN true;
END;
$$;
COMMENT ON FUNCTION promptreg.make_partition(text, timestamptz) IS
  'Makes the partition of executions or outcomes that a time belongs to; false if there is one';

-- Recording must not fail or wait because a partition cannot be made now, while a long query reads the table for example:
-- then the default partition takes the rows.
CREATE FUNCTION promptreg.prepare_partitions(relation text, times timestamptz[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms'
AS $$
DECLARE
  missing timestamptz;
BEGIN
  FOR missing IN
    SELECT DISTINCT date_trunc('day', t.at, 'UTC') FROM unnest(times) AS t (at)
     WHERE NOT promptreg.partition_exists(prepare_partitions.relation, t.at)
  LOOP
    BEGIN
      PERFORM promptreg.make_partition(prepare_partitions.relation, missing);
    EXCEPTION WHEN lock_not_available OR object_in_use OR serialization_failure OR deadlock_detected THEN
      RAISE LOG 'promptreg: no partition of % for % could be made now: %', prepare_partitions.relation, missing, SQLERRM;
    END;
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg.prepare_partitions(text, timestamptz[]) IS 'Makes partitions for times that have none, where that is possible now';
