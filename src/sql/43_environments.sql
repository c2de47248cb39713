-- Environments: listing, creating, checking a name.

CREATE FUNCTION promptreg._prompt_environment_create(name text, description text DEFAULT NULL, rank integer DEFAULT 2500)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  IF _prompt_environment_create.name = 'latest' OR _prompt_environment_create.name !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$'
     OR _prompt_environment_create.name IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR042',
      MESSAGE = format('%s cannot name an environment', promptreg.shown(_prompt_environment_create.name)),
      DETAIL = 'A name begins with a letter or a digit and has letters, digits, "_", "-" and "." only, at most 100; "latest" always means the highest version.';
  ELSIF _prompt_environment_create.rank IS NULL OR _prompt_environment_create.rank NOT BETWEEN 0 AND 1000000 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR046',
      MESSAGE = format('rank %s is out of range', coalesce(_prompt_environment_create.rank::text, 'NULL')),
      HINT = 'Use 0 to 1000000; development has 1000, staging 2000, production 3000.';
  END IF;
  INSERT INTO promptreg.environments (name, rank, description, created_by, created_at)
  VALUES (_prompt_environment_create.name, _prompt_environment_create.rank, _prompt_environment_create.description,
          promptreg.caller(), clock_timestamp());
  PERFORM promptreg.audit(event => 'environment_created', environment => _prompt_environment_create.name,
                          after => jsonb_build_object('rank', _prompt_environment_create.rank));
  RETURN _prompt_environment_create.name;
EXCEPTION WHEN unique_violation THEN
  RAISE EXCEPTION USING
    ERRCODE = 'PR041',
    MESSAGE = format('environment "%s" already exists', _prompt_environment_create.name);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_environment_create(text, text, integer) IS
  'Creates an environment; rank orders it among development 1000, staging 2000 and production 3000. Right: admin on every prompt';

CREATE FUNCTION promptreg._prompt_environments()
RETURNS TABLE (environment text, rank integer, description text, builtin boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.allowed('resolve', NULL);
  RETURN QUERY
    SELECT e.name, e.rank, e.description, e.builtin
      FROM promptreg.environments e
     WHERE promptreg.allowed('resolve', NULL, e.name)
     ORDER BY e.rank, e.name;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_environments() IS
  'Environments in which the caller may resolve anything at all, in order of rank';

CREATE FUNCTION promptreg.check_environment(env text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF check_environment.env = 'latest' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR003',
      MESSAGE = '"latest" is not an environment',
      DETAIL = 'It always means the highest version, so nothing can be promoted to it.',
      HINT = 'Name an environment such as development, staging or production.';
  ELSIF NOT EXISTS (SELECT FROM promptreg.environments e WHERE e.name = check_environment.env) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR003',
      MESSAGE = format('environment %s does not exist', promptreg.shown(check_environment.env)),
      HINT = promptreg.did_you_mean(check_environment.env,
        (SELECT array_agg(e.name) FROM promptreg.environments e WHERE promptreg.allowed('resolve', NULL, e.name)),
        format('There are: %s.', (SELECT string_agg(e.name, ', ' ORDER BY e.rank, e.name)
                                    FROM promptreg.environments e WHERE promptreg.allowed('resolve', NULL, e.name))));
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_environment(text) IS 'Error unless an environment exists';
