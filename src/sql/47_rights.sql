-- Granting rights.

CREATE FUNCTION promptreg.check_grant(pattern text, "right" text, role text, env text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(check_grant.pattern, '') = '' OR char_length(check_grant.pattern) > 200 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR042',
      MESSAGE = 'the pattern must have 1 to 200 characters',
      HINT = 'For example "support/*"; "*" stands for any characters.';
  END IF;
  PERFORM promptreg.check_choice(check_grant."right", '{resolve,read,author,approve,release,admin}', 'right');
  IF check_grant.role IS DISTINCT FROM 'public'
     AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = check_grant.role) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'undefined_object',
      MESSAGE = format('role "%s" does not exist', coalesce(check_grant.role, 'NULL')),
      HINT = 'Rights are given to PostgreSQL roles; "public" stands for every role.';
  END IF;
  IF check_grant.env IS NOT NULL THEN
    PERFORM promptreg.check_environment(check_grant.env);
    IF check_grant."right" NOT IN ('resolve', 'approve', 'release') THEN
      RAISE EXCEPTION USING
        ERRCODE = 'PR046',
        MESSAGE = format('the right %s cannot be limited to an environment', check_grant."right"),
        HINT = 'Leave env out; resolve, approve and release can be limited.';
    END IF;
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_grant(text, text, text, text) IS 'Error unless a grant is valid';

CREATE FUNCTION promptreg._prompt_grant(pattern text, "right" text, role text, env text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.authorize_names('admin', _prompt_grant.pattern);
  PERFORM promptreg.check_grant(_prompt_grant.pattern, _prompt_grant."right", _prompt_grant.role, _prompt_grant.env);
  INSERT INTO promptreg.grants (pattern, "right", role, environment, granted_by, granted_at)
  VALUES (_prompt_grant.pattern, _prompt_grant."right", _prompt_grant.role, _prompt_grant.env, promptreg.caller(), clock_timestamp())
  ON CONFLICT DO NOTHING;
  IF FOUND THEN
    PERFORM promptreg.audit(event => 'granted', environment => _prompt_grant.env,
      after => jsonb_build_object('pattern', _prompt_grant.pattern, 'right', _prompt_grant."right", 'role', _prompt_grant.role));
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_grant(text, text, text, text) IS
  'Gives a role a right on all prompts whose name matches a pattern, in one environment or in all. Rights: resolve, read, author, approve, release, admin. Right: admin on the pattern';

CREATE FUNCTION promptreg._prompt_revoke(pattern text, "right" text, role text, env text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.authorize_names('admin', _prompt_revoke.pattern);
  DELETE FROM promptreg.grants g
   WHERE g.pattern = _prompt_revoke.pattern AND g."right" = _prompt_revoke."right" AND g.role = _prompt_revoke.role
     AND g.environment IS NOT DISTINCT FROM _prompt_revoke.env;
  IF NOT FOUND THEN
    RAISE NOTICE 'there is no such grant';
    RETURN false;
  END IF;
  PERFORM promptreg.audit(event => 'revoked', environment => _prompt_revoke.env,
    before => jsonb_build_object('pattern', _prompt_revoke.pattern, 'right', _prompt_revoke."right", 'role', _prompt_revoke.role));
  RETURN true;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_revoke(text, text, text, text) IS
  'Takes back a grant made with exactly these arguments; false if there was none. Right: admin on the pattern';

CREATE FUNCTION promptreg._prompt_grants()
RETURNS TABLE (pattern text, "right" text, role text, environment text, role_exists boolean, granted_by text, granted_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.allowed('admin', NULL);
  RETURN QUERY
    SELECT g.pattern, g."right", g.role, g.environment,
           g.role = 'public' OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = g.role), g.granted_by, g.granted_at
      FROM promptreg.grants g
     WHERE promptreg.allowed('admin', g.pattern)
     ORDER BY g.pattern, g."right", g.role, g.environment;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_grants() IS 'Grants on patterns that the caller administers';

CREATE FUNCTION promptreg._prompt_allowed("right" text, name text, env text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  own_name text := (SELECT p.name FROM promptreg.names n JOIN promptreg.prompts p ON p.id = n.prompt_id WHERE n.name = _prompt_allowed.name);
BEGIN
  PERFORM promptreg.check_choice(_prompt_allowed."right", '{resolve,read,author,approve,release,admin}', 'right');
  -- That a name leads to another prompt is no news for those alone who have a right on that one.
  IF own_name IS NULL OR NOT promptreg.allowed('resolve', own_name) THEN
    own_name := _prompt_allowed.name;
  END IF;
  RETURN promptreg.allowed(_prompt_allowed."right", own_name, _prompt_allowed.env);
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_allowed(text, text, text) IS
  'Whether the calling role has a right on a prompt name, in one environment or (NULL) in at least one';
