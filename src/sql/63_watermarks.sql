-- Taking rows exactly once. A consumer calls promptreg.take_rows(consumer) in the transaction in which it writes what
-- it makes of them, then reads the rows of executions and outcomes with low <= xid < high:
--
--   SELECT * FROM promptreg.take_rows('mine');   -- low, high, rebuild
--   INSERT INTO ... SELECT ... FROM promptreg.executions e WHERE e.xid >= low AND e.xid < high;
--
-- Every transaction before high has ended, so its rows are visible or will never be; those of later ones come the next
-- time, however late they commit. If the consumer's transaction fails, the watermark stays where it was. With rebuild,
-- low is 0 and the consumer first discards what it made of rows that still exist: the database was restored into
-- another server, or the consumer is new.

CREATE FUNCTION promptreg.system_identifier() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT c.system_identifier FROM pg_control_system() AS c;
END;
COMMENT ON FUNCTION promptreg.system_identifier() IS 'Identifies the server that numbers the transactions';

-- Of what is older nothing is ever discarded: rows or outcomes of it were dropped, and only the rollups remember them.
CREATE FUNCTION promptreg.is_history(at timestamptz, environment text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN EXISTS (
  SELECT FROM promptreg.retention_state s
   WHERE at < s.dropped_before AND (s.relation = 'outcomes' OR s.environment IN ('*', is_history.environment)));
COMMENT ON FUNCTION promptreg.is_history(timestamptz, text) IS
  'Whether retention has dropped executions of a time in an environment, or outcomes of such executions';

-- What is left of history is in rollups that stay. Transaction 2 marks it, which no roll-up takes again. A row that was recorded for that time here,
-- before the first roll-up here, cannot be told from it if its transaction has a small number.
CREATE FUNCTION promptreg.mark_history() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE promptreg.executions e SET xid = '2'
   WHERE e.at < (SELECT max(s.dropped_before) FROM promptreg.retention_state s)
     AND e.xid < (SELECT w.xid FROM promptreg.watermarks w WHERE w.consumer = 'rollups')
     AND e.xid <> '2' AND promptreg.is_history(e.at, e.environment);
  UPDATE promptreg.outcomes o SET xid = '2'
   WHERE o.xid < (SELECT w.xid FROM promptreg.watermarks w WHERE w.consumer = 'rollups')
     AND o.xid <> '2' AND o.request_id IN (SELECT e.request_id FROM promptreg.executions e WHERE e.xid = '2');
END;
COMMENT ON FUNCTION promptreg.mark_history() IS 'Marks rows that rollups have, and that cannot be rolled up anew';

-- Where nobody has taken any row there is no watermark of another server that would tell. No row that is seen here has a number that is not
-- given yet, but for those of this transaction.
CREATE FUNCTION promptreg.has_foreign_rows() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN EXISTS (SELECT FROM promptreg.executions e
                WHERE e.xid >= pg_snapshot_xmax(pg_current_snapshot()) AND e.xid IS DISTINCT FROM pg_current_xact_id_if_assigned())
    OR EXISTS (SELECT FROM promptreg.outcomes o
                WHERE o.xid >= pg_snapshot_xmax(pg_current_snapshot()) AND o.xid IS DISTINCT FROM pg_current_xact_id_if_assigned());
COMMENT ON FUNCTION promptreg.has_foreign_rows() IS 'Whether rows have numbers that only another server can have given';

CREATE FUNCTION promptreg.is_restored() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN EXISTS (SELECT FROM promptreg.watermarks)
            THEN EXISTS (SELECT FROM promptreg.watermarks w WHERE w.system_identifier <> promptreg.system_identifier())
            ELSE promptreg.has_foreign_rows() END;
COMMENT ON FUNCTION promptreg.is_restored() IS 'Whether rows were restored from another server since a consumer last took some';

-- Rows that another server numbered look as if they came before or after anything. While nobody can insert, those that
-- a later transaction here might seem to have written are marked as old; every consumer then begins anew from all there
-- is. The mark is the oldest transaction that runs, which may be waiting to insert.
CREATE FUNCTION promptreg.adopt_rows() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  here bigint := promptreg.system_identifier();
  mark xid8;
BEGIN
  LOCK TABLE promptreg.watermarks IN EXCLUSIVE MODE;
  IF NOT promptreg.is_restored() THEN
    RETURN;
  END IF;
  LOCK TABLE promptreg.executions, promptreg.outcomes IN SHARE ROW EXCLUSIVE MODE;
  PERFORM promptreg.mark_history();
  mark := pg_snapshot_xmin(pg_current_snapshot());
  UPDATE promptreg.executions SET xid = '3' WHERE xid >= mark;
  UPDATE promptreg.outcomes SET xid = '3' WHERE xid >= mark;
  UPDATE promptreg.watermarks
     SET xid = mark, system_identifier = here, rebuild = true, advanced_at = clock_timestamp();
END;
$$;
COMMENT ON FUNCTION promptreg.adopt_rows() IS 'Makes rows that were restored from another server count here';

CREATE FUNCTION promptreg.take_rows(consumer text, OUT low xid8, OUT high xid8, OUT rebuild boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  here bigint := promptreg.system_identifier();
  mark promptreg.watermarks;
BEGIN
  IF promptreg.is_restored() THEN
    PERFORM promptreg.adopt_rows();
  END IF;
  INSERT INTO promptreg.watermarks (consumer, xid, system_identifier, rebuild, advanced_at)
  VALUES (take_rows.consumer, '0', here, true, clock_timestamp()) ON CONFLICT DO NOTHING;
  SELECT w.* INTO STRICT mark FROM promptreg.watermarks w WHERE w.consumer = take_rows.consumer FOR UPDATE;
  -- Taken under the lock, in a statement of its own: never behind the mark that was found.
  high := greatest(pg_snapshot_xmin(pg_current_snapshot()), mark.xid);
  low := CASE WHEN mark.rebuild THEN '0' ELSE mark.xid END;
  rebuild := mark.rebuild;
  UPDATE promptreg.watermarks w
     SET xid = take_rows.high, rebuild = false,
         advanced_at = CASE WHEN take_rows.high > w.xid OR w.rebuild THEN clock_timestamp() ELSE w.advanced_at END
   WHERE w.consumer = take_rows.consumer;
END;
$$;
COMMENT ON FUNCTION promptreg.take_rows(text) IS
  'Moves a consumer''s watermark: the consumer takes rows with low <= xid < high in this transaction, with rebuild after discarding what it made of rows that exist; others of the same consumer wait';

-- What nobody takes any more would keep retention from dropping anything for ever.
CREATE FUNCTION promptreg.forget_consumer(consumer text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM promptreg.watermarks w WHERE w.consumer = forget_consumer.consumer;
  RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION promptreg.forget_consumer(text) IS
  'Removes a consumer that is not called any more, so that retention does not wait for it; false if there is none. Called again, it begins anew';
