-- Backends cache routes and grants. A change of the tables behind them invalidates this proxy table's entry in the
-- relation cache; PostgreSQL carries that message in the commit record to every backend and every hot standby.
--
-- That message is sent when the transaction is visible already. So that no snapshot sees a route's change before the
-- cache knows of it, routes announce it at once, too: from then on, backends read a route that is being changed from the
-- table until the transaction has ended.

CREATE TABLE promptreg.cache_signal ();
COMMENT ON TABLE promptreg.cache_signal IS
  'Always empty: its invalidation tells backends to look at routes and grants again';

CREATE FUNCTION promptreg.invalidate_cache() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'promptreg_invalidate_cache';
COMMENT ON FUNCTION promptreg.invalidate_cache() IS 'Trigger: invalidates what backends cache of routes and grants, when the transaction commits; with the argument announce at once, too';

DO $$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['names', 'routes', 'experiments', 'weights', 'overrides', 'grants'] LOOP
    -- A row trigger: the apply worker of logical replication fires no other kind.
    EXECUTE format('CREATE TRIGGER invalidate_cache AFTER INSERT OR UPDATE OR DELETE ON promptreg.%I
                      FOR EACH ROW EXECUTE FUNCTION promptreg.invalidate_cache(%L)',
                   table_name, CASE table_name WHEN 'routes' THEN 'announce' ELSE 'at commit' END);
    EXECUTE format('CREATE TRIGGER invalidate_cache_truncate AFTER TRUNCATE ON promptreg.%I
                      FOR EACH STATEMENT EXECUTE FUNCTION promptreg.invalidate_cache(%L)',
                   table_name, 'at commit');
    EXECUTE format('ALTER TABLE promptreg.%I ENABLE ALWAYS TRIGGER invalidate_cache,
                      ENABLE ALWAYS TRIGGER invalidate_cache_truncate', table_name);
  END LOOP;
END;
$$;
