-- How often versions are resolved, without a write: counted in shared memory, where there is some, and lost at a restart.

CREATE FUNCTION promptreg.resolve_counts(OUT version_id bigint, OUT environment text, OUT resolves bigint, OUT last_at timestamptz)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'promptreg_resolve_counts';
COMMENT ON FUNCTION promptreg.resolve_counts() IS 'Resolves of versions of this database since the server started, or since they were reset';

CREATE FUNCTION promptreg.uncounted_resolves() RETURNS bigint
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_uncounted_resolves';
COMMENT ON FUNCTION promptreg.uncounted_resolves() IS
  'Resolves in all databases of the server that found no room to be counted; NULL if there is no shared memory for counting';

CREATE FUNCTION promptreg.reset_resolve_counts() RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'promptreg_reset_resolve_counts';
COMMENT ON FUNCTION promptreg.reset_resolve_counts() IS
  'Forgets the counts of resolves of this database, and gives back their room; false if there is no shared memory for them';

CREATE FUNCTION promptreg._prompt_resolve_stats_reset() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  RETURN promptreg.reset_resolve_counts();
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_resolve_stats_reset() IS
  'Begins the counts of promptreg.resolve_stats anew, with room for other versions; false if there is no shared memory for them. Right: admin on every prompt';

CREATE FUNCTION promptreg._prompt_resolve_stats()
RETURNS TABLE (prompt text, version integer, environment text, resolves bigint, last_at timestamptz, uncounted bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  without_room bigint := promptreg.uncounted_resolves();
BEGIN
  PERFORM promptreg.allowed('read', NULL);
  RETURN QUERY
    SELECT p.name, v.version, c.environment, sum(c.resolves)::bigint, max(c.last_at), without_room
      FROM promptreg.resolve_counts() AS c
      JOIN promptreg.versions v ON v.id = c.version_id
      JOIN promptreg.prompts p ON p.id = v.prompt_id
     WHERE promptreg.allowed('read', p.name)
     GROUP BY 1, 2, 3
     ORDER BY 1, 2, 3;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_resolve_stats() IS
  'How often versions were resolved in each environment since the server started; nothing where there is no shared memory for counting. Right: read, for each prompt';
