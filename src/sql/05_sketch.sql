-- Quantile sketches: a type that holds the distribution of many numbers in a few hundred bytes, mergeable, with a
-- guaranteed relative error. For any table; the rollups are made of them.

CREATE TYPE promptreg.sketch;

CREATE FUNCTION promptreg.sketch_in(cstring) RETURNS promptreg.sketch
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_in';
COMMENT ON FUNCTION promptreg.sketch_in(cstring) IS 'Reads the text form of a sketch, its bytes in hexadecimal';

CREATE FUNCTION promptreg.sketch_out(promptreg.sketch) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_out';
COMMENT ON FUNCTION promptreg.sketch_out(promptreg.sketch) IS 'Writes the text form of a sketch';

CREATE FUNCTION promptreg.sketch_recv(internal) RETURNS promptreg.sketch
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_recv';
COMMENT ON FUNCTION promptreg.sketch_recv(internal) IS 'Reads the binary form of a sketch';

CREATE FUNCTION promptreg.sketch_send(promptreg.sketch) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_send';
COMMENT ON FUNCTION promptreg.sketch_send(promptreg.sketch) IS 'Writes the binary form of a sketch';

CREATE TYPE promptreg.sketch (
  INPUT = promptreg.sketch_in, OUTPUT = promptreg.sketch_out,
  RECEIVE = promptreg.sketch_recv, SEND = promptreg.sketch_send,
  STORAGE = extended
);
COMMENT ON TYPE promptreg.sketch IS
  'The distribution of numbers: a DDSketch, from which quantiles come within a relative error (1 % unless asked otherwise)';

CREATE FUNCTION promptreg.sketch_add(internal, double precision) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_add';
COMMENT ON FUNCTION promptreg.sketch_add(internal, double precision) IS 'Of the aggregate sketch: takes a number';

CREATE FUNCTION promptreg.sketch_add(internal, double precision, double precision) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_add';
COMMENT ON FUNCTION promptreg.sketch_add(internal, double precision, double precision) IS
  'Of the aggregate sketch: takes a number, with the relative error of the result';

CREATE FUNCTION promptreg.sketch_add(internal, promptreg.sketch) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_add_merged';
COMMENT ON FUNCTION promptreg.sketch_add(internal, promptreg.sketch) IS 'Of the aggregate sketch_merge: takes a sketch';

CREATE FUNCTION promptreg.sketch_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_combine';
COMMENT ON FUNCTION promptreg.sketch_combine(internal, internal) IS 'Of the aggregates: joins what two workers have';

CREATE FUNCTION promptreg.sketch_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_serialize';
COMMENT ON FUNCTION promptreg.sketch_serialize(internal) IS 'Of the aggregates: what a worker hands over';

CREATE FUNCTION promptreg.sketch_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_deserialize';
COMMENT ON FUNCTION promptreg.sketch_deserialize(bytea, internal) IS 'Of the aggregates: what a worker handed over';

CREATE FUNCTION promptreg.sketch_finish(internal) RETURNS promptreg.sketch
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_finish';
COMMENT ON FUNCTION promptreg.sketch_finish(internal) IS 'Of the aggregates: the result';

CREATE AGGREGATE promptreg.sketch(double precision) (
  SFUNC = promptreg.sketch_add, STYPE = internal, SSPACE = 2048, FINALFUNC = promptreg.sketch_finish,
  COMBINEFUNC = promptreg.sketch_combine, SERIALFUNC = promptreg.sketch_serialize,
  DESERIALFUNC = promptreg.sketch_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE promptreg.sketch(double precision) IS
  'Sketch of the numbers, with a relative error of 1 %; NULL without any';

CREATE AGGREGATE promptreg.sketch(double precision, relative_error double precision) (
  SFUNC = promptreg.sketch_add, STYPE = internal, SSPACE = 2048, FINALFUNC = promptreg.sketch_finish,
  COMBINEFUNC = promptreg.sketch_combine, SERIALFUNC = promptreg.sketch_serialize,
  DESERIALFUNC = promptreg.sketch_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE promptreg.sketch(double precision, double precision) IS
  'Sketch of the numbers, with a relative error from 0.0001 to 0.2; NULL without any';

CREATE AGGREGATE promptreg.sketch_merge(promptreg.sketch) (
  SFUNC = promptreg.sketch_add, STYPE = internal, SSPACE = 2048, FINALFUNC = promptreg.sketch_finish,
  COMBINEFUNC = promptreg.sketch_combine, SERIALFUNC = promptreg.sketch_serialize,
  DESERIALFUNC = promptreg.sketch_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE promptreg.sketch_merge(promptreg.sketch) IS
  'The sketch that one of all the numbers would have been; NULL without any';

CREATE FUNCTION promptreg.merge_sketches(a promptreg.sketch, b promptreg.sketch) RETURNS promptreg.sketch
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_merge_two';
COMMENT ON FUNCTION promptreg.merge_sketches(promptreg.sketch, promptreg.sketch) IS 'Two sketches as one; NULL is a sketch of nothing';

CREATE FUNCTION promptreg.quantile(sketch promptreg.sketch, q double precision) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_quantile';
COMMENT ON FUNCTION promptreg.quantile(promptreg.sketch, double precision) IS
  'What percentile_disc(q) of the numbers would have been, within the sketch''s relative error; q from 0 to 1';

CREATE FUNCTION promptreg.quantiles(sketch promptreg.sketch, q double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_quantiles';
COMMENT ON FUNCTION promptreg.quantiles(promptreg.sketch, double precision[]) IS 'Several quantiles at once';

CREATE FUNCTION promptreg.count(sketch promptreg.sketch) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sketch_count';
COMMENT ON FUNCTION promptreg.count(promptreg.sketch) IS 'How many numbers a sketch has';

-- Count, sum and centred sum of squares of numbers, merged by Chan's formula: PostgreSQL's own functions for averages and
-- deviations, with their state laid open.
CREATE AGGREGATE promptreg.moments(double precision) (
  SFUNC = float8_accum, STYPE = double precision[], COMBINEFUNC = float8_combine, INITCOND = '{0,0,0}', PARALLEL = SAFE
);
COMMENT ON AGGREGATE promptreg.moments(double precision) IS 'Count, sum and sum of squared deviations from the mean';

CREATE AGGREGATE promptreg.moments_merge(double precision[]) (
  SFUNC = float8_combine, STYPE = double precision[], COMBINEFUNC = float8_combine, INITCOND = '{0,0,0}', PARALLEL = SAFE
);
COMMENT ON AGGREGATE promptreg.moments_merge(double precision[]) IS 'The moments of all the numbers together';
