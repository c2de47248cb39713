-- What pg_dump takes along: every table and every sequence, but not the environments that installation seeds.

DO $$
DECLARE
  relation record;
BEGIN
  FOR relation IN
    SELECT c.oid::regclass AS name, c.relname
      FROM pg_catalog.pg_class c
     WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind IN ('r', 'p', 'S')
     ORDER BY c.relname
  LOOP
    PERFORM pg_catalog.pg_extension_config_dump(relation.name,
      CASE relation.relname WHEN 'environments' THEN 'WHERE NOT builtin' ELSE '' END);
  END LOOP;
END;
$$;
