-- History cannot be rewritten: these triggers refuse it to everybody, superusers included, and are ENABLE ALWAYS so
-- that they also act under session_replication_role = replica. What goes around them (disabled triggers, ALTER TYPE
-- ... USING) breaks a hash chain and is found by prompt_verify.

CREATE FUNCTION promptreg.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR060',
    MESSAGE = format('%s of %I.%I is not allowed', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME),
    DETAIL = 'This table is history: its rows are never changed and never removed.',
    HINT = 'Record a new state with the prompt_* functions instead.';
END;
$$;
COMMENT ON FUNCTION promptreg.refuse_change() IS 'Trigger: refuses UPDATE, DELETE and TRUNCATE of history';

CREATE FUNCTION promptreg.refuse_column_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  changed text;
BEGIN
  SELECT string_agg(fixed.name, ', ' ORDER BY fixed.name) INTO changed
    FROM unnest(TG_ARGV) AS fixed (name)
   WHERE to_jsonb(OLD) -> fixed.name IS DISTINCT FROM to_jsonb(NEW) -> fixed.name;
  IF changed IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR060',
      MESSAGE = format('change of %s in %I.%I is not allowed', changed, TG_TABLE_SCHEMA, TG_TABLE_NAME),
      DETAIL = 'These columns keep their first value for ever.';
  END IF;
  RETURN NEW;
END;
$$;
COMMENT ON FUNCTION promptreg.refuse_column_change() IS 'Trigger: refuses new values for the columns named in its arguments';

CREATE FUNCTION promptreg.refuse_builtin_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR060',
    MESSAGE = format('environment "%s" cannot be changed', OLD.name),
    DETAIL = 'development, staging and production are the same in every installation.',
    HINT = 'Create an environment of your own with prompt_environment_create.';
END;
$$;
COMMENT ON FUNCTION promptreg.refuse_builtin_change() IS 'Trigger: refuses changes of the environments every installation has';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON promptreg.versions
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON promptreg.names
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON promptreg.deployments
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON promptreg.variants
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON promptreg.weights
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON promptreg.audit_log
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON promptreg.changes
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON promptreg.prompts
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON promptreg.routes
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON promptreg.experiments
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change();
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON promptreg.environments
  FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION promptreg.refuse_builtin_change();
CREATE TRIGGER fixed_columns BEFORE UPDATE ON promptreg.prompts
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_column_change('id', 'name', 'kind', 'created_by', 'created_at');
CREATE TRIGGER fixed_columns BEFORE UPDATE ON promptreg.experiments
  FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_column_change('id', 'key', 'prompt_id', 'environment', 'salt');

DO $$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['prompts', 'names', 'versions', 'environments', 'deployments', 'experiments',
                                    'variants', 'weights', 'routes', 'audit_log', 'changes'] LOOP
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON promptreg.%I
                      FOR EACH STATEMENT EXECUTE FUNCTION promptreg.refuse_change()', table_name);
    EXECUTE (SELECT string_agg(format('ALTER TABLE promptreg.%I ENABLE ALWAYS TRIGGER %I', table_name, t.tgname), '; ')
               FROM pg_catalog.pg_trigger t
              WHERE t.tgrelid = format('promptreg.%I', table_name)::regclass AND NOT t.tgisinternal);
  END LOOP;
END;
$$;
