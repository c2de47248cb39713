-- Statistics: golden values, what is unknown, and what is refused.

CREATE FUNCTION test.rounded(double precision) RETURNS numeric LANGUAGE sql RETURN round($1::numeric, 9);
CREATE FUNCTION test.rounded(double precision[]) RETURNS numeric[] LANGUAGE sql
RETURN ARRAY(SELECT round(v::numeric, 9) FROM unnest($1) WITH ORDINALITY AS u (v, i) ORDER BY i);

SELECT test.rounded(statistic) AS statistic, df, test.rounded(p_value) AS p_value
  FROM promptreg.chi_squared_test('{{120,880},{150,850}}');
SELECT test.rounded(statistic) AS statistic, df, test.rounded(p_value) AS p_value
  FROM promptreg.chi_squared_test('{{120,880},{150,850},{90,910}}');
SELECT test.rounded(difference) AS difference, test.rounded(z) AS z, test.rounded(p_value) AS p_value,
       test.rounded(ci_low) AS ci_low, test.rounded(ci_high) AS ci_high
  FROM promptreg.two_proportion_test(120, 1000, 150, 1000);
SELECT test.rounded(difference) AS difference, test.rounded(t) AS t, test.rounded(df) AS df,
       test.rounded(p_value) AS p_value, test.rounded(ci_low) AS ci_low, test.rounded(ci_high) AS ci_high
  FROM promptreg.welch_t_test(4.1, 1.2, 500, 4.25, 1.3, 480);
SELECT test.rounded(promptreg.fisher_exact_test(8, 2, 1, 5)) AS p, test.rounded(p_value) AS the_same
  FROM promptreg.fisher_exact_test(8, 2, 1, 5);
SELECT test.rounded(statistic) AS statistic, df, test.rounded(p_value) AS p_value
  FROM promptreg.sample_ratio_test('{5000,5210}', '{1,1}');
SELECT test.rounded(log_bayes_factor) AS log_bayes_factor, test.rounded(p_value) AS p_value
  FROM promptreg.sample_ratio_sequential('{5000,5400}', '{0.5,0.5}');
SELECT test.rounded(promptreg.prob_best('{121,151}', '{881,851}')) AS prob_best,
       test.rounded(promptreg.expected_loss('{121,151}', '{881,851}')) AS expected_loss;
SELECT test.rounded(promptreg.prob_best('{31,41,51,36}', '{971,961,951,966}')) AS prob_best;
SELECT test.rounded(half_width) AS half_width, test.rounded(ci_low) AS ci_low, test.rounded(ci_high) AS ci_high,
       test.rounded(p_value) AS p_value
  FROM promptreg.confidence_sequence(0.04, 0.01, 2000);
SELECT test.rounded(half_width) AS half_width, test.rounded(ci_low) AS ci_low, ci_high, test.rounded(p_value) AS p_value
  FROM promptreg.confidence_sequence(0.04, 0.01, 2000, sides => 1);
SELECT test.rounded(ci_low) AS ci_low, test.rounded(ci_high) AS ci_high
  FROM promptreg.bernoulli_confidence_sequence(120, 1000);
SELECT round(promptreg.sample_size_proportions(0.70, 0.75)::numeric, 2) AS proportions,
       round(promptreg.sample_size_proportions(0.04, 0.05, power => 0.95)::numeric, 2) AS rare,
       test.rounded(promptreg.sample_size_means(10, 2)) AS means,
       test.rounded(promptreg.minimum_detectable_effect(0.7, 500)) AS effect;
SELECT test.rounded(promptreg.holm(p)) AS holm, test.rounded(promptreg.benjamini_hochberg(p)) AS benjamini_hochberg
  FROM (VALUES ('{0.001,0.008,0.039,0.041,0.042,0.06,0.074,0.205}'::double precision[])) AS v (p);

-- Fields of the results, one by one, and arguments by name.
SELECT test.rounded((promptreg.chi_squared_test(counts => '{{120,880},{150,850}}')).p_value) AS p_value;
SELECT test.rounded((promptreg.two_proportion_test(successes_a => 120, n_a => 1000, successes_b => 150, n_b => 1000,
                                                   confidence => 0.99)).ci_high) AS ci_high;
SELECT test.rounded((promptreg.confidence_sequence(estimate => 0.04, standard_error => 0.01, n => 2000, alpha => 0.01,
                                                   tuning_n => 1000, sides => 2)).half_width) AS half_width;

-- Over a table, with the counts as they come.
SELECT g.variant, test.rounded((promptreg.two_proportion_test(c.passed, c.n, g.passed, g.n)).difference) AS difference
  FROM (VALUES ('a', 70, 100), ('b', 75, 100), ('c', 66, 100)) AS g (variant, passed, n),
       (VALUES (70::bigint, 100::bigint)) AS c (passed, n)
 ORDER BY g.variant;

-- Bandits.
SELECT a.algorithm, promptreg.bandit_weights(a.algorithm, '{60,20,90}', '{100,30,200}') AS weights,
       promptreg.bandit_weights(a.algorithm, '{60,20,90}', '{100,30,200}', floor => 0) AS without_floor
  FROM unnest('{thompson,top_two,ucb1,kl_ucb}'::text[]) WITH ORDINALITY AS a (algorithm, position)
 ORDER BY a.position;
SELECT promptreg.bandit_weights('thompson', '{0,0,0}', '{0,0,0}') AS equal,
       promptreg.bandit_weights('thompson', '{3}', '{5}') AS alone;
SELECT bool_and((SELECT sum(w) = 1000000 AND min(w) >= 50000
                   FROM unnest(promptreg.bandit_weights(a, ARRAY(SELECT 7 * i % 100 FROM generate_series(1, k) i),
                                                        array_fill(100, ARRAY[k])::bigint[])) w)) AS sums
  FROM generate_series(1, 10) AS k, unnest('{thompson,top_two,ucb1,kl_ucb}'::text[]) AS a;

-- Means.
SELECT test.rounded(promptreg.prob_best_means('{4.1,4.25}', '{1.2,1.3}', '{500,480}')) AS prob_best,
       test.rounded(promptreg.expected_loss_means('{4.1,4.25}', '{1.2,1.3}', '{500,480}')) AS expected_loss;
SELECT test.rounded(promptreg.prob_best_means('{10,12,11}', '{3,4,5}', '{3,5,8}')) AS prob_best,
       test.rounded(promptreg.expected_loss_means('{10,12,11}', '{3,4,5}', '{3,5,8}')) AS expected_loss;
SELECT a AS algorithm, promptreg.bandit_weights_means(a, '{10,12,11}', '{3,4,5}', '{30,50,80}') AS weights,
       promptreg.bandit_weights_means(a, '{0,0}', '{0,0}', '{0,0}') AS knowing_nothing
  FROM unnest('{thompson,top_two}'::text[]) AS a;

-- A threshold.
SELECT test.rounded(ARRAY[t.log_bayes_factor, t.p_value]) AS threshold
  FROM (VALUES (30, 500, 0.03), (5, 10, 0.2), (700, 10000, 0.05), (450, 10000, 0.05)) AS v (successes, n, threshold),
       LATERAL promptreg.threshold_sequence(v.successes, v.n, v.threshold) AS t;

-- What nobody can know is NULL.
SELECT * FROM promptreg.chi_squared_test('{{0,10},{0,20}}');
SELECT difference, z, p_value, ci_low < 0 AS low, ci_high > 0 AS high FROM promptreg.two_proportion_test(0, 20, 0, 30);
SELECT * FROM promptreg.welch_t_test(1, 0, 10, 2, 0, 10);
SELECT * FROM promptreg.sample_ratio_test('{5,5,1}', '{1,1,0}');
SELECT * FROM promptreg.sample_ratio_sequential('{5,5,1}', '{1,1,0}');
SELECT * FROM promptreg.confidence_sequence(0.1, 0, 10);
SELECT promptreg.minimum_detectable_effect(0.99, 20);
SELECT promptreg.holm('{}'), promptreg.benjamini_hochberg('{}');

-- NULL in, NULL out.
SELECT * FROM promptreg.chi_squared_test(NULL);
SELECT * FROM promptreg.welch_t_test(1, NULL, 1, 2, 1, 10);
SELECT promptreg.fisher_exact_test(1, 2, NULL, 4) IS NULL AS fisher,
       promptreg.prob_best(NULL, '{1}') IS NULL AS prob_best,
       promptreg.sample_size_proportions(0.1, NULL) IS NULL AS size,
       promptreg.bandit_weights(NULL, '{1}', '{2}') IS NULL AS weights;

-- Outside the domain: an error that names the argument.
SELECT * FROM test.errors_of('SELECT promptreg.chi_squared_test(%L)',
  '{}', '{1,2}', '{{1,2}}', '{{1},{2}}', '{{1,-2},{3,4}}', '{{0,0},{3,4}}', '{{1,NULL},{3,4}}', '{{{1,2},{3,4}}}');
SELECT * FROM test.errors_of('SELECT promptreg.two_proportion_test(%s)',
  '0, 0, 1, 2', '1, 2, 0, 0', '-1, 2, 1, 2', '1, 2, 3, 2', '1, ''NaN'', 1, 2', '1, ''Infinity'', 1, 2', '1, 2, 1, 2, 0',
  '1, 2, 1, 2, 1', '1, 2, 1, 2, ''NaN''', '1, 2, 1, 2');
SELECT * FROM test.errors_of('SELECT promptreg.welch_t_test(%s)',
  '1, 1, 1, 2, 1, 10', '1, 1, 10, 2, 1, 0', '1, -1, 10, 2, 1, 10', '''NaN'', 1, 10, 2, 1, 10', '1, 1, 10, 2, 1, 10, 2',
  '-1e308, 1, 10, 1e308, 1, 10');
SELECT * FROM test.errors_of('SELECT promptreg.fisher_exact_test(%s)',
  '-1, 2, 3, 4', '1, 2.5, 3, 4', '1, 2, ''NaN'', 4', '0, 0, 3, 4', '1, 2, 0, 0', '1e9, 1, 1, 1');
SELECT f.name, e.* FROM unnest('{sample_ratio_test,sample_ratio_sequential}'::text[]) AS f (name),
  LATERAL test.errors_of('SELECT promptreg.' || f.name || '(%s)',
    '''{}'', ''{}''', '''{1,2}'', ''{1}''', '''{1,-2}'', ''{1,1}''', '''{0,0}'', ''{1,1}''', '''{1,2}'', ''{0,0}''',
    '''{1,2}'', ''{1,-1}''', '''{1,2}'', ''{1,NaN}''', '''{1,2}'', ''{1,NULL}''', '''{{1,2}}'', ''{1,1}''') AS e;
SELECT f.name, e.* FROM unnest('{prob_best,expected_loss}'::text[]) AS f (name),
  LATERAL test.errors_of('SELECT promptreg.' || f.name || '(%s)',
    '''{}'', ''{}''', '''{1,2}'', ''{1}''', '''{1,0}'', ''{1,1}''', '''{1,1}'', ''{1,NaN}''', '''{1,1}'', ''{1,1e10}''',
    '''{1,NULL}'', ''{1,1}''', 'array_fill(1, ARRAY[101])::float8[], array_fill(1, ARRAY[101])::float8[]') AS e;
SELECT * FROM test.errors_of('SELECT promptreg.confidence_sequence(%s)',
  '''NaN'', 1, 10', '0, -1, 10', '0, 1, 0', '0, 1, 10, 0', '0, 1, 10, 1', '0, 1, 10, tuning_n => 0', '0, 1, 10, sides => 3',
  '0, 1, 10, 0.5, sides => 1', '0, 1e308, 1');
SELECT * FROM test.errors_of('SELECT promptreg.bernoulli_confidence_sequence(%s)',
  '0, 0', '-1, 5', '6, 5', '1, 5, 0', '1, 5, 1', '0, 5');
SELECT * FROM test.errors_of('SELECT promptreg.sample_size_proportions(%s)',
  '0.2, 0.2', '-0.1, 0.2', '0.1, 1.2', '0.1, 0.2, 0', '0.1, 0.2, 0.05, 1', '0.1, 0.2, 0.05, 0.05');
SELECT * FROM test.errors_of('SELECT promptreg.sample_size_means(%s)', '0, 1', '1, 0', '1, ''Infinity''', '1e300, 1e-300');
SELECT * FROM test.errors_of('SELECT promptreg.minimum_detectable_effect(%s)', '1, 10', '-0.1, 10', '0.5, 0', '0.5, 10, 2');
SELECT f.name, e.* FROM unnest('{holm,benjamini_hochberg}'::text[]) AS f (name),
  LATERAL test.errors_of('SELECT promptreg.' || f.name || '(%L)', '{-0.1}', '{1.1}', '{0.5,NaN}', '{NULL}', '{{0.5}}') AS e;
SELECT * FROM test.errors_of('SELECT promptreg.bandit_weights(%s)',
  '''best'', ''{1}'', ''{2}''', '''thompson'', ''{}'', ''{}''', '''thompson'', ''{1}'', ''{2,3}''', '''ucb1'', ''{3}'', ''{2}''',
  '''ucb1'', ''{-1}'', ''{2}''', '''kl_ucb'', ''{1,1}'', ''{2,NULL}''', '''top_two'', ''{1,1}'', ''{2,2}'', 0.6',
  '''top_two'', ''{1,1}'', ''{2,2}'', -0.1', '''thompson'', ''{1}'', ''{1000000000}''');
SELECT f.name, e.* FROM unnest('{prob_best_means,expected_loss_means}'::text[]) AS f (name),
  LATERAL test.errors_of('SELECT promptreg.' || f.name || '(%s)',
    '''{}'', ''{}'', ''{}''', '''{1}'', ''{1,2}'', ''{3,4}''', '''{1,2}'', ''{1}'', ''{3,4}''', '''{1,NaN}'', ''{1,2}'', ''{3,4}''',
    '''{1,2}'', ''{1,-2}'', ''{3,4}''', '''{1,2}'', ''{1,2}'', ''{3,-4}''', '''{1,2}'', ''{1,2}'', ''{3,2e9}''',
    '''{1,NULL}'', ''{1,2}'', ''{3,4}''') AS e;
SELECT * FROM test.errors_of('SELECT promptreg.bandit_weights_means(%s)',
  '''best'', ''{1}'', ''{2}'', ''{3}''', '''ucb1'', ''{1}'', ''{2}'', ''{3}''', '''thompson'', ''{1,2}'', ''{1,2}'', ''{3,4}'', 0.6');
SELECT * FROM test.errors_of('SELECT promptreg.threshold_sequence(%s)', '0, 0, 0.5', '-1, 5, 0.5', '6, 5, 0.5', '1, 5, 0', '1, 5, 1');

-- Open to everybody, and nothing that a plan could not move around.
SELECT p.proname AS function, p.provolatile = 'i' AND p.proparallel = 's' AND p.proisstrict AS pure,
       obj_description(p.oid, 'pg_proc') IS NOT NULL AS commented, has_function_privilege('pg_monitor', p.oid, 'EXECUTE') AS open
  FROM pg_proc p
 WHERE p.pronamespace = 'promptreg'::regnamespace
   AND p.prosrc IN (SELECT 'promptreg_' || name FROM unnest('{chi_squared_test,two_proportion_test,welch_t_test,
     fisher_exact_test,sample_ratio_test,sample_ratio_sequential,prob_best,expected_loss,confidence_sequence,
     bernoulli_confidence_sequence,sample_size_proportions,sample_size_means,minimum_detectable_effect,holm,
     benjamini_hochberg,bandit_weights,prob_best_means,expected_loss_means,threshold_sequence,bandit_weights_means}'::text[]) AS name)
 ORDER BY 1;
