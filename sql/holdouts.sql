-- Namespaces keep experiments apart, holdouts keep users out of all of them.

SELECT prompt_register('holdouts/' || p, p || ' ' || v) FROM unnest('{a,b,c}'::text[]) AS p, generate_series(1, 2) AS v ORDER BY p, v;
SELECT (prompt_promote('holdouts/' || p, 1, 'production')).version FROM unnest('{a,b,c}'::text[]) AS p;
CREATE FUNCTION test.start(prompt text, options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  key text;
BEGIN
  EXECUTE format('SELECT prompt_experiment_start(%L, ''production'', ''[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]'', %s)', prompt, options) INTO key;
  RETURN key;
END;
$$;

SELECT prompt_namespace_create('checkout', 'the way to the till');
CALL test.fails($$SELECT prompt_namespace_create('checkout')$$);
SELECT error FROM test.errors_of('SELECT prompt_namespace_create(%s)', 'NULL', $$''$$, $$' x'$$);
SELECT test.start('holdouts/a', $$key => 'holdouts-a', namespace => 'checkout', namespace_to => 0.4$$);
-- Ranges do not overlap while experiments are alive.
SELECT error FROM test.errors_of($$SELECT test.start('holdouts/b', %L)$$, $$namespace => 'checkout', namespace_from => 0.39$$, $$namespace => 'checkout'$$,
  $$namespace => 'checkout', namespace_from => 0.1, namespace_to => 0.2$$, $$namespace => 'check'$$, $$namespace => 'checkout', namespace_from => 0.5, namespace_to => 0.5$$,
  $$namespace => 'checkout', namespace_from => 0.5, namespace_to => 1.1$$, $$namespace => 'checkout', namespace_from => NULL$$);
CALL test.fails($$SELECT test.start('holdouts/b', $x$namespace => 'checkout', namespace_from => 0.39, key => 'holdouts-b'$x$)$$);
SELECT test.start('holdouts/b', $$key => 'holdouts-b', namespace => 'checkout', namespace_from => 0.4, namespace_to => 0.9$$);
SELECT test.start('holdouts/c', $$key => 'holdouts-c', namespace => 'checkout', namespace_from => 0.2, namespace_to => 0.5, state => 'draft'$$);
CALL test.fails($$SELECT prompt_experiment_resume('holdouts-c')$$);
-- Nobody is in two of them, and everybody is where the published algorithm says.
SELECT a.variant IS NOT NULL AS in_a, b.variant IS NOT NULL AS in_b, round(count(*), -2) AS about, bool_and(a.reason IN ('experiment', 'control')) AS reasons,
       bool_and((a.variant IS NOT NULL) = (s < 400000) AND (b.variant IS NOT NULL) = (s >= 400000 AND s < 900000)) AS as_published
  FROM generate_series(1, 5000) AS n, prompt_assign('holdouts/a', 'production', 'user-' || n) AS a, prompt_assign('holdouts/b', 'production', 'user-' || n) AS b,
       promptreg.slot(promptreg.hash64('pr1', 'ns', 'checkout', 'user-' || n)) AS s
 GROUP BY 1, 2 ORDER BY 1, 2;
SELECT prompt_explain('holdouts/a', 'production', u) #>> '{experiment,decided_by}' AS decided_by, count(*) > 0 AS some
  FROM generate_series(1, 50) AS n, CAST('user-' || n AS text) AS u GROUP BY 1 ORDER BY 1;
-- A pause keeps the range, an end frees it.
SELECT prompt_experiment_pause('holdouts-b') > 0 AS paused;
CALL test.fails($$SELECT prompt_experiment_resume('holdouts-c')$$);
SELECT prompt_experiment_stop('holdouts-b'), prompt_experiment_stop('holdouts-a');
SELECT prompt_experiment_resume('holdouts-c');
-- The constraint behind it stands by itself.
SELECT error FROM test.errors_of($$INSERT INTO promptreg.experiments (key, prompt_id, environment, state, salt, coverage_ppm, namespace_id, namespace_lo_ppm, namespace_hi_ppm)
  SELECT 'holdouts-forged', prompt_id, 'staging', 'running', 's', 0, namespace_id, %s, 600000 FROM promptreg.experiments WHERE key = 'holdouts-c'$$, '499999', '600000');
SELECT prompt_experiment_stop('holdouts-c');

-- Holdouts: the same users in every experiment of it.
SELECT prompt_holdout('quarter', 0.1, 'what the quarter''s experiments do together');
SELECT test.start('holdouts/a', $$key => 'holdouts-d', holdout => 'quarter'$$), test.start('holdouts/b', $$key => 'holdouts-e', holdout => 'quarter'$$);
CALL test.fails($$SELECT test.start('holdouts/c', $x$holdout => 'quater'$x$)$$);
SELECT a.variant IS NULL AS out_of_a, b.variant IS NULL AS out_of_b, round(count(*), -2) AS about,
       bool_and((a.variant IS NULL) = (promptreg.slot(promptreg.hash64('pr1', 'hold', 'quarter', 'user-' || n)) < 100000)) AS as_published
  FROM generate_series(1, 5000) AS n, prompt_assign('holdouts/a', 'production', 'user-' || n) AS a, prompt_assign('holdouts/b', 'production', 'user-' || n) AS b
 GROUP BY 1, 2 ORDER BY 1, 2;
CREATE TEMP TABLE before AS SELECT n, a.variant FROM generate_series(1, 1000) AS n, prompt_assign('holdouts/a', 'production', 'user-' || n) AS a;
-- Another share holds at once, in all of them, and moves nobody between variants.
SELECT prompt_holdout('quarter', 0.5, reason => 'more of them');
SELECT count(*) FILTER (WHERE a.variant IS NULL) BETWEEN 450 AND 550 AS about_half, count(*) FILTER (WHERE before.variant IS NULL AND a.variant IS NOT NULL) AS came_back,
       count(*) FILTER (WHERE a.variant <> before.variant) AS moved
  FROM before, prompt_assign('holdouts/a', 'production', 'user-' || n) AS a;
SELECT x.key, w.number, w.holdout_ppm, w.reason FROM promptreg.weights w JOIN promptreg.experiments x ON x.id = w.experiment_id WHERE x.key IN ('holdouts-d', 'holdouts-e') ORDER BY 1, 2;
SELECT experiment, holdout, holdout_share FROM promptreg.experiment_status WHERE holdout = 'quarter' ORDER BY 1;
-- An override comes before the holdout.
SELECT 'user-' || n AS held_out FROM before WHERE variant IS NULL LIMIT 1 \gset
SELECT prompt_experiment_override('holdouts-d', :'held_out', 'y');
SELECT reason, variant FROM prompt_assign('holdouts/a', 'production', :'held_out');
SELECT prompt_holdout('quarter', 0);
SELECT count(*) FILTER (WHERE variant IS NULL) AS held_out FROM generate_series(1, 1000) AS n, prompt_assign('holdouts/a', 'production', 'user-' || n);
SELECT error FROM test.errors_of('SELECT prompt_holdout(%s)', $$'quarter', 1.5$$, $$'quarter', NULL$$, $$NULL, 0.1$$, $$'', 0.1$$);
SELECT prompt_experiment_stop('holdouts-d'), prompt_experiment_stop('holdouts-e');
SELECT * FROM prompt_verify();
