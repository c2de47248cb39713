-- Backends cache routes and grants. A change of the tables behind them invalidates this proxy table's entry in the
-- relation cache; PostgreSQL carries that message in the commit record to every backend and every hot standby.

CREATE TABLE promptreg.cache_signal ();
COMMENT ON TABLE promptreg.cache_signal IS
  'Always empty: its invalidation tells backends to look at routes and grants again';

CREATE FUNCTION promptreg.invalidate_cache() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'promptreg_invalidate_cache';
COMMENT ON FUNCTION promptreg.invalidate_cache() IS 'Trigger: invalidates what backends cache of routes and grants';

DO $$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['names', 'routes', 'experiments', 'variants', 'weights', 'grants'] LOOP
    -- A row trigger: the apply worker of logical replication fires no other kind.
    EXECUTE format('CREATE TRIGGER invalidate_cache AFTER INSERT OR UPDATE OR DELETE ON promptreg.%I
                      FOR EACH ROW EXECUTE FUNCTION promptreg.invalidate_cache()', table_name);
    EXECUTE format('CREATE TRIGGER invalidate_cache_truncate AFTER TRUNCATE ON promptreg.%I
                      FOR EACH STATEMENT EXECUTE FUNCTION promptreg.invalidate_cache()', table_name);
    EXECUTE format('ALTER TABLE promptreg.%I ENABLE ALWAYS TRIGGER invalidate_cache,
                      ENABLE ALWAYS TRIGGER invalidate_cache_truncate', table_name);
  END LOOP;
END;
$$;
