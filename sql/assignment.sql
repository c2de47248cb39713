-- Who gets which variant: the published algorithm, from SQL.

-- Golden vectors.
SELECT to_hex(promptreg.hash64('')) AS of_nothing,
       to_hex(promptreg.hash64('pr1', 'cov', 'exp_1', 'user_1')) AS cov, promptreg.slot(promptreg.hash64('pr1', 'cov', 'exp_1', 'user_1')) AS cov_slot,
       to_hex(promptreg.hash64('pr1', 'ns', 'checkout', 'user_1')) AS ns, promptreg.slot(promptreg.hash64('pr1', 'ns', 'checkout', 'user_1')) AS ns_slot;
SELECT to_hex(promptreg.hash64('pr1', 'arm', 'exp_1', 'user_1', 'control')) AS control, to_hex(promptreg.hash64('pr1', 'arm', 'exp_1', 'user_1', 'b')) AS b,
       to_hex(promptreg.hash64('pr1', 'arm', 'exp_1', 'żółw-42', 'control')) AS utf8, promptreg.hash64('pr1', 'arm', 'exp_1', 'user_1', 'control') AS signed;
SELECT string_agg(left(promptreg.pick_variant('exp_1', 'user_' || n, '{control,b}', '{500000,500000}'), 1), ' ' ORDER BY n) AS half,
       string_agg(left(promptreg.pick_variant('exp_1', 'user_' || n, '{control,b,c}', '{900000,90000,10000}'), 1), ' ' ORDER BY n) AS mostly_control
  FROM generate_series(0, 9) AS n;

-- Parts are joined unambiguously; nothing is folded, trimmed or normalised.
SELECT promptreg.hash64('ab', 'c') = promptreg.hash64('a', 'bc') AS joined, promptreg.hash64('a', '') = promptreg.hash64('a') AS empty_part,
       promptreg.hash64('User') = promptreg.hash64('user') AS folded, promptreg.hash64('user ') = promptreg.hash64('user') AS trimmed,
       promptreg.hash64(E'e\u0301') = promptreg.hash64(E'\u00e9') AS normalised, promptreg.hash64(VARIADIC '{ab,c}') = promptreg.hash64('ab', 'c') AS as_array;
CALL test.fails($$SELECT promptreg.hash64()$$);
CALL test.fails($$SELECT promptreg.hash64('a', NULL)$$);
SELECT promptreg.hash64(VARIADIC NULL) IS NULL AS of_null, promptreg.hash64(VARIADIC '{}') = promptreg.hash64('') AS of_no_parts;

-- Slots cover 0 to 999999, evenly.
SELECT promptreg.slot(0), promptreg.slot(-1) AS highest, promptreg.slot(9223372036854775807) AS middle, promptreg.slot((-9223372036854775808)::bigint) AS above_middle,
       promptreg.slot(4294967295) AS only_high_bits_count, promptreg.slot(NULL);
SELECT min(count) > 850 AND max(count) < 1150 AS even
  FROM (SELECT promptreg.slot(promptreg.hash64('pr1', 'cov', 'even', n::text)) / 100000 AS tenth, count(*) FROM generate_series(1, 10000) AS n GROUP BY 1) AS tenths;

-- Weights: zero gets nobody, and the order of the variants makes no difference.
SELECT promptreg.pick_variant('s', 'u', '{a,b}', '{0,1}') AS only_b, promptreg.pick_variant('s', 'u', '{a,b}', '{0,0}') AS nobody,
       promptreg.pick_variant('s', 'u', '{a}', '{1000000}') AS one, promptreg.pick_variant('s', 'u', '{}', '{}') AS none, promptreg.pick_variant('s', NULL, '{a}', '{1}') AS no_user;
SELECT count(*) FILTER (WHERE promptreg.pick_variant('s', n::text, '{a,b,c}', '{200000,300000,500000}') = promptreg.pick_variant('s', n::text, '{c,a,b}', '{500000,200000,300000}')) AS same
  FROM generate_series(1, 1000) AS n;
SELECT variant, round(count(*) / 100.0) AS percent
  FROM generate_series(1, 10000) AS n, promptreg.pick_variant('s', 'user-' || n, '{a,b,c}', '{200000,300000,500000}') AS variant GROUP BY 1 ORDER BY 1;
-- Raising one weight moves users to it only; what it takes away, it takes evenly.
SELECT old || ' -> ' || new AS move, count(*) > 0 AS some
  FROM (SELECT promptreg.pick_variant('s', n::text, '{a,b,c}', '{300000,300000,400000}') AS old, promptreg.pick_variant('s', n::text, '{a,b,c}', '{300000,300000,800000}') AS new
          FROM generate_series(1, 5000) AS n) AS moves
 WHERE old <> new GROUP BY 1 ORDER BY 1;
-- Salts and variants' keys are independent: similar ones agree on half of the users.
SELECT count(*) FILTER (WHERE promptreg.pick_variant('exp_1', n::text, '{a,b}', '{1,1}') = promptreg.pick_variant('exp_2', n::text, '{a,b}', '{1,1}')) BETWEEN 4850 AND 5150 AS independent
  FROM generate_series(1, 10000) AS n;

CALL test.fails($$SELECT promptreg.pick_variant('s', 'u', '{a,b}', '{1}')$$);
CALL test.fails($$SELECT promptreg.pick_variant('s', 'u', '{a}', '{-1}')$$);
CALL test.fails($$SELECT promptreg.pick_variant('s', 'u', '{a}', '{1000001}')$$);
CALL test.fails($$SELECT promptreg.pick_variant('s', 'u', '{a,NULL}', '{1,1}')$$);
CALL test.fails($$SELECT promptreg.pick_variant('s', 'u', '{a,b}', '{1,NULL}')$$);
-- Lower bounds other than 1 are as good.
SELECT promptreg.pick_variant('exp_1', 'user_4', '[0:1]={control,b}', '[5:6]={500000,500000}');

-- What resolve gives is what anybody can recompute from the tables, over changes of weights and coverage.
SELECT prompt_register('assignment/a', 'one'), prompt_register('assignment/a', 'two'), prompt_register('assignment/a', 'three');
SELECT (prompt_promote('assignment/a', 3, 'production')).version;
CREATE VIEW test.recomputed AS
SELECT u AS user_id, promptreg.slot(promptreg.hash64('pr1', 'cov', x.salt, u)) AS slot,
       CASE WHEN promptreg.slot(promptreg.hash64('pr1', 'cov', x.salt, u)) < x.coverage_ppm THEN promptreg.pick_variant(x.salt, u, w.keys, w.ppm) END AS variant
  FROM promptreg.experiments x
  JOIN LATERAL (SELECT * FROM promptreg.weights w WHERE w.experiment_id = x.id ORDER BY w.number DESC LIMIT 1) AS w ON true,
       unnest(ARRAY(SELECT 'user-' || n FROM generate_series(1, 500) AS n) || '{"",żółw-42,🦄,''; --}') AS u
 WHERE x.key LIKE 'assignment/a-%' AND x.state = 'running';
CREATE FUNCTION test.disagreements() RETURNS TABLE (users bigint, disagreements bigint, enrolled boolean) LANGUAGE sql BEGIN ATOMIC
  SELECT count(*), count(*) FILTER (WHERE (a.variant, a.slot) IS DISTINCT FROM (r.variant, r.slot)
                                       OR a.version <> CASE r.variant WHEN 'control' THEN 1 WHEN 'b' THEN 2 ELSE 3 END
                                       OR (a.reason = 'experiment') <> (r.variant IS NOT NULL)), bool_or(r.variant IS NOT NULL)
    FROM test.recomputed r, prompt_assign('assignment/a', 'production', r.user_id) a;
END;
SELECT prompt_experiment_start('assignment/a', 'production', '[{"key": "control", "version": 1, "weight": 0.9}, {"key": "b", "version": 2, "weight": 0.1}]');
SELECT * FROM test.disagreements();
SELECT prompt_experiment_set_weights('assignment/a-production-1', '{"control": 1, "b": 2}');
SELECT * FROM test.disagreements();
SELECT prompt_experiment_set_weights('assignment/a-production-1', '{"control": 0, "b": 2}');
SELECT * FROM test.disagreements();
SELECT prompt_experiment_stop('assignment/a-production-1');
SELECT prompt_experiment_start('assignment/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', coverage => 0.3);
SELECT * FROM test.disagreements();
SELECT prompt_experiment_stop('assignment/a-production-2');
SELECT prompt_experiment_start('assignment/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', coverage => 0);
SELECT * FROM test.disagreements();
-- Each experiment has a salt of its own.
SELECT count(DISTINCT salt) AS salts FROM promptreg.experiments WHERE key LIKE 'assignment/%';
