-- The functions that people call to change and read the registry. Each is an entry in C that remembers who calls,
-- switches to the owner of the extension and runs the function of the same name and arguments that promptreg keeps
-- under a leading underscore; it fails if that one makes no check of rights. They are made here from those, so that
-- none can be forgotten and no signature can differ.
DO $$
DECLARE
  implementation record;
BEGIN
  FOR implementation IN
    SELECT "substring"(p.proname::text, 2) AS name, pg_catalog.pg_get_function_arguments(p.oid) AS arguments,
           pg_catalog.pg_get_function_identity_arguments(p.oid) AS identity,
           pg_catalog.pg_get_function_result(p.oid) AS result, p.provolatile,
           pg_catalog.obj_description(p.oid, 'pg_proc') AS description,
           EXISTS (SELECT FROM pg_catalog.unnest(p.proargmodes) AS m (mode) WHERE m.mode = 'o') AS has_out
      FROM pg_catalog.pg_proc p
     WHERE p.pronamespace = 'promptreg'::regnamespace AND p.proname ~ '^_prompt_'
     ORDER BY 1, 2
  LOOP
    EXECUTE pg_catalog.format('CREATE FUNCTION @extschema@.%I(%s) %s LANGUAGE c %s AS %L, %L',
      implementation.name, implementation.arguments,
      CASE WHEN implementation.has_out THEN '' ELSE 'RETURNS ' || implementation.result END,
      CASE implementation.provolatile WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
      'MODULE_PATHNAME', 'promptreg_invoke');
    EXECUTE pg_catalog.format('COMMENT ON FUNCTION @extschema@.%I(%s) IS %L',
      implementation.name, implementation.identity, implementation.description);
  END LOOP;
END;
$$;
