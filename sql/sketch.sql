-- The type sketch, its aggregates and what reads it.
CREATE TABLE numbers AS SELECT i, (i * 7919 % 100003)::double precision / 10 AS v, i % 7 AS part FROM generate_series(1, 100003) i;

-- Within 1 % of percentile_disc, everywhere.
SELECT bool_and(abs(promptreg.quantile(s.sketch, q) - exact) <= 0.01 * exact) AS within, count(*)
  FROM (SELECT promptreg.sketch(v) FROM numbers) s, LATERAL (SELECT q, percentile_disc(q) WITHIN GROUP (ORDER BY v) AS exact FROM numbers, generate_series(0, 1, 0.05::numeric) AS g (q) GROUP BY q) e;
SELECT max(abs(promptreg.quantile(s.sketch, e.q) / e.exact - 1)) <= 0.001 AS within
  FROM (SELECT promptreg.sketch(v, 0.001) FROM numbers WHERE v > 0) s,
       (SELECT q, percentile_disc(q) WITHIN GROUP (ORDER BY v) AS exact FROM numbers, unnest('{0.01,0.5,0.99}'::float8[]) AS q WHERE v > 0 GROUP BY q) e;
-- A sketch of parts is the sketch of the whole, to the byte; in parallel workers too.
SELECT (SELECT promptreg.sketch_merge(p.s) FROM (SELECT promptreg.sketch(v) AS s FROM numbers GROUP BY part) p)::text = (SELECT promptreg.sketch(v) FROM numbers)::text AS same,
       (SELECT promptreg.merge_sketches(promptreg.sketch(v) FILTER (WHERE part < 3), promptreg.sketch(v) FILTER (WHERE part >= 3)) FROM numbers)::text = (SELECT promptreg.sketch(v) FROM numbers)::text AS same_of_two;
SELECT promptreg.sketch(v)::text AS serial FROM numbers \gset
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT promptreg.sketch(v)::text = :'serial' FROM numbers;
SELECT promptreg.sketch(v)::text = :'serial' AS same FROM numbers;
SELECT promptreg.sketch_merge(s)::text = :'serial' AS same FROM (SELECT promptreg.sketch(v) AS s FROM numbers GROUP BY part) p;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- Nothing, and little.
SELECT promptreg.sketch(v) IS NULL AS of_nothing, promptreg.sketch_merge(NULL::promptreg.sketch) IS NULL AS merged FROM numbers WHERE false;
SELECT promptreg.sketch(v) IS NULL AS of_nulls FROM (VALUES (NULL::float8), (NULL)) AS t (v);
SELECT promptreg.sketch(v), promptreg.count(promptreg.sketch(v)), promptreg.quantiles(promptreg.sketch(v), '{{0,0.5},{1,NULL}}') FROM (VALUES (-2), (NULL), (0), (1), (1), (3.5)) AS t (v);
SELECT promptreg.merge_sketches(NULL, NULL) IS NULL AS "null", promptreg.merge_sketches('\x017b14ae47e17a843f00', NULL), promptreg.quantile('\x017b14ae47e17a843f00', 0.5) AS of_empty, promptreg.count('\x017b14ae47e17a843f00');
SELECT promptreg.quantile(promptreg.sketch(1e308), 1), promptreg.quantile(promptreg.sketch(5e-324), 0.5);
SELECT promptreg.quantile(NULL, 0.5) IS NULL AS a, promptreg.quantile('\x017b14ae47e17a843f00', NULL) IS NULL AS b, promptreg.quantiles('\x017b14ae47e17a843f00', '{}') AS c;
SELECT promptreg.sketch(v) OVER (ORDER BY v)::text <> '' AS as_window_function FROM (VALUES (1), (2)) AS t (v);

-- Refused.
CALL test.fails($$SELECT promptreg.sketch('NaN'::float8)$$);
CALL test.fails($$SELECT promptreg.sketch('-Infinity'::float8)$$);
CALL test.fails($$SELECT promptreg.sketch(1, 0)$$);
CALL test.fails($$SELECT promptreg.sketch(1, 'NaN')$$);
CALL test.fails($$SELECT promptreg.quantile('\x017b14ae47e17a843f00', 1.01)$$);
CALL test.fails($$SELECT promptreg.quantile('\x017b14ae47e17a843f00', 'NaN')$$);
CALL test.fails($$SELECT promptreg.quantiles('\x017b14ae47e17a843f00', '{-0.1}')$$);
CALL test.fails($$SELECT promptreg.sketch_merge(s) FROM (SELECT promptreg.sketch(1, e) AS s FROM unnest('{0.01,0.02}'::float8[]) e GROUP BY e) x$$);
CALL test.fails($$SELECT promptreg.merge_sketches(promptreg.sketch(1, 0.01), promptreg.sketch(1, 0.02))$$);
SELECT value, error FROM test.errors_of('SELECT promptreg.count(%L)', '', 'x', '\x', '\x01', '\x027b14ae47e17a843f00', '\x017b14ae47e17a843f0000', '\x017b14ae47e17a843f01', '\x010000000000000000',
  '\x017b14ae47e17a843f00000000000000f03f000000000000f03f01ffffffffffffffffff0000', '\x017b14ae47e17a843f00000000000000f03f000000000000f03f0100ffffffff0f0100');
CALL test.fails('SELECT promptreg.sketch_add(NULL, 1.0)');

-- Kept in a table, and taken as bytes.
CREATE TABLE kept (id integer, s promptreg.sketch);
INSERT INTO kept SELECT part, promptreg.sketch(v) FROM numbers GROUP BY part;
CREATE TABLE copied (LIKE kept);
INSERT INTO copied SELECT id, s::text::promptreg.sketch FROM kept;
SELECT count(*) FILTER (WHERE k.s::text = c.s::text AND promptreg.sketch_send(k.s) = k.s::text::bytea) AS same FROM kept k JOIN copied c USING (id);
DROP TABLE kept, copied;

-- Moments: PostgreSQL's own functions, merged without loss.
SELECT m[1] AS count, abs(m[2] / (SELECT sum(v) FROM numbers) - 1) < 1e-12 AS sum, abs(m[3] / (SELECT var_samp(v) * (count(*) - 1) FROM numbers) - 1) < 1e-12 AS squares
  FROM (SELECT promptreg.moments_merge(p.m) AS m FROM (SELECT promptreg.moments(v) AS m FROM numbers GROUP BY part) p) t;
SELECT promptreg.moments(NULL), promptreg.moments_merge(NULL);
DROP TABLE numbers;
