-- The parts of the assignment algorithm, so that anybody can recompute every assignment.

CREATE FUNCTION promptreg.hash64(VARIADIC parts text[]) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_hash64';
COMMENT ON FUNCTION promptreg.hash64(text[]) IS
  'XXH64 of the parts in UTF-8, joined by one zero byte, as a two''s-complement bigint';

CREATE FUNCTION promptreg.slot(hash bigint) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_slot';
COMMENT ON FUNCTION promptreg.slot(bigint) IS 'Slot of a hash, 0 to 999999 (parts per million)';

CREATE FUNCTION promptreg.pick_variant(salt text, user_id text, keys text[], weights integer[]) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_pick_variant';
COMMENT ON FUNCTION promptreg.pick_variant(text, text, text[], integer[]) IS
  'Variant of a user by weighted rendezvous hashing; weights in parts per million, 0 to 1000000; NULL when none is positive';
