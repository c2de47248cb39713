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

-- Which guard stands on which table. The triggers are made from this list, and prompt_verify looks whether all stand.
CREATE FUNCTION promptreg.history_guards(OUT relation name, OUT name name, OUT definition text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT t.relation, 'append_only', 'BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change()'
    FROM unnest('{names,versions,snippet_uses,deployments,weights,overrides,audit_log,changes,guard_events}'::name[]) AS t (relation)
  UNION ALL
  SELECT t.relation, 'no_delete', 'BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_change()'
    FROM unnest('{prompts,routes,experiments,namespaces,holdouts,guards}'::name[]) AS t (relation)
  UNION ALL
  SELECT t.relation, 'no_truncate', 'BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION promptreg.refuse_change()'
    FROM unnest('{prompts,names,versions,snippet_uses,environments,deployments,experiments,weights,overrides,namespaces,holdouts,routes,audit_log,changes,guards,guard_events}'::name[]) AS t (relation)
  UNION ALL VALUES
    ('environments', 'no_change',
     'BEFORE UPDATE OR DELETE ON %s FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION promptreg.refuse_builtin_change()'),
    ('prompts', 'fixed_columns',
     'BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_column_change(''id'', ''name'', ''kind'', ''created_by'', ''created_at'')'),
    ('experiments', 'fixed_columns',
     'BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_column_change(''id'', ''key'', ''prompt_id'', ''environment'', ''kind'', ''salt'', ''namespace_id'', ''namespace_lo_ppm'', ''namespace_hi_ppm'', ''holdout_id'', ''control'', ''control_ppm'')'),
    ('namespaces', 'fixed_columns',
     'BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_column_change(''id'', ''name'')'),
    ('holdouts', 'fixed_columns',
     'BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION promptreg.refuse_column_change(''id'', ''name'')');
END;
COMMENT ON FUNCTION promptreg.history_guards() IS 'The triggers that keep history from being rewritten, by table';

DO $$
DECLARE
  guard record;
BEGIN
  FOR guard IN SELECT * FROM promptreg.history_guards() LOOP
    EXECUTE format('CREATE TRIGGER %I ' || guard.definition, guard.name, format('promptreg.%I', guard.relation));
    EXECUTE format('ALTER TABLE promptreg.%I ENABLE ALWAYS TRIGGER %I', guard.relation, guard.name);
  END LOOP;
END;
$$;
