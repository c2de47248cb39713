-- What the control plane asks of the library.
--
-- Who the caller is only the process knows in which the public function was called, not a parallel worker that it starts:
-- what asks for the caller, and whatever calls that, is PARALLEL RESTRICTED.

CREATE FUNCTION promptreg.caller() RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'promptreg_caller';
COMMENT ON FUNCTION promptreg.caller() IS
  'Role in force where the prompt_* function was called (inside it, current_user is the owner of the extension)';

CREATE FUNCTION promptreg.allowed("right" text, name text, env text DEFAULT NULL) RETURNS boolean
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'promptreg_allowed';
COMMENT ON FUNCTION promptreg.allowed(text, text, text) IS
  'Whether the caller has a right on a prompt name, in one environment or (NULL) in any';

CREATE FUNCTION promptreg.authorize("right" text, name text, env text, asked_name text) RETURNS void
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'promptreg_authorize';
COMMENT ON FUNCTION promptreg.authorize(text, text, text, text) IS
  'Error unless the caller has a right on a prompt name; it shows the name that was asked for, which may be an alias';

CREATE FUNCTION promptreg.check_templates(messages jsonb, variables jsonb, syntax text, escape text) RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_check_templates';
COMMENT ON FUNCTION promptreg.check_templates(jsonb, jsonb, text, text) IS
  'Compiles the templates of a version; the declarations in stored form, NULL where none were given; errors for what cannot be rendered';

CREATE FUNCTION promptreg.canonical_record(VARIADIC pairs "any") RETURNS bytea
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_canonical_record';
COMMENT ON FUNCTION promptreg.canonical_record("any") IS
  'Canonical bytes of a record given as name, value, name, value ...: JSON in UTF-8, names sorted, NULL values left out';

CREATE FUNCTION promptreg.nearest(name text, candidates text[]) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_nearest';
COMMENT ON FUNCTION promptreg.nearest(text, text[]) IS 'The up to three candidates that look most like a name, nearest first';

CREATE FUNCTION promptreg.common_ends(a text, b text) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_common_ends';
COMMENT ON FUNCTION promptreg.common_ends(text, text) IS
  'How many bytes two texts have in common at their beginnings and at their ends: a quick measure of how much they look alike';

CREATE FUNCTION promptreg.last_change(OUT seq bigint, OUT chain_hash bytea)
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'promptreg_last_change';
COMMENT ON FUNCTION promptreg.last_change() IS
  'The newest change, read under a snapshot of now at every isolation level; call it with the lock of commit_order held';
