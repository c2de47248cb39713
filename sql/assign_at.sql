-- The past replayed: every assignment noted while it was made, and asked for again at the end. Salts are random: of 204 users so
-- many must be left, after coverage and holdout, that every variant has some.

SELECT prompt_register('replay/a', 'v' || v) FROM generate_series(1, 4) AS v;
SELECT prompt_namespace_create('replay'), prompt_holdout('replay', 0.2);
CREATE TABLE test.noted (what text, at timestamptz, user_id text, got promptreg.assignment);
CREATE PROCEDURE test.note(what text) LANGUAGE plpgsql AS $$
BEGIN
  COMMIT;
  INSERT INTO test.noted SELECT note.what, clock_timestamp(), u, prompt_assign('replay/a', 'production', u)
    FROM (SELECT 'user-' || n FROM generate_series(1, 200) AS n UNION ALL VALUES ('tester'), ('żółw'), (''), (NULL)) AS users (u);
  COMMIT;
END;
$$;
SELECT clock_timestamp() AS beginning \gset
SELECT (prompt_promote('replay/a', 1, 'production')).version;
CALL test.note('deployed');
SELECT prompt_experiment_start('replay/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'replay-x',
  coverage => 0.8, namespace => 'replay', namespace_from => 0.1, holdout => 'replay');
CALL test.note('started');
SELECT prompt_experiment_override('replay-x', 'tester', 'b');
CALL test.note('override');
SELECT prompt_experiment_set_weights('replay-x', '{"control": 1, "b": 9}');
CALL test.note('weights');
SELECT prompt_experiment_set_coverage('replay-x', 0.6);
CALL test.note('coverage');
SELECT prompt_holdout('replay', 0.3);
CALL test.note('holdout');
SELECT prompt_experiment_pause('replay-x');
CALL test.note('paused');
SELECT prompt_experiment_override('replay-x', 'tester'), prompt_experiment_resume('replay-x');
CALL test.note('resumed');
SELECT prompt_experiment_set_variants('replay-x', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 3, "weight": 1}, {"key": "c", "version": 4, "weight": 2}]');
CALL test.note('variants');
SELECT version FROM prompt_experiment_stop('replay-x', 'c');
CALL test.note('stopped');
SELECT prompt_experiment_start('replay/a', 'production', '[{"key": "control", "version": 4, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'replay-y');
CALL test.note('the next one');
SELECT version FROM prompt_rollback('replay/a', 'production');
CALL test.note('rolled back');
SELECT event FROM prompt_retire('replay/a', 'production');

SELECT n.what, count(*) AS users, count(*) FILTER (WHERE (n.got).reason <> 'deployed') > 0 AS split, count(DISTINCT (n.got).version) AS versions,
       count(*) FILTER (WHERE prompt_assign_at('replay/a', 'production', n.user_id, n.at) IS DISTINCT FROM n.got) AS different
  FROM test.noted n GROUP BY 1 ORDER BY min(n.at);
SELECT prompt_assign_at('replay/a', 'production', 'user-1', :'beginning') AS before, prompt_assign_at('replay/a', 'production', 'user-1', clock_timestamp()) AS retired,
       prompt_assign_at('replay/a', 'staging', 'user-1', clock_timestamp()) AS elsewhere;
SELECT error FROM test.errors_of('SELECT prompt_assign_at(%s)', $$'replay/none', 'production', 'u', now()$$, $$'replay/a', 'nowhere', 'u', now()$$, $$'replay/a', 'latest', 'u', now()$$);
