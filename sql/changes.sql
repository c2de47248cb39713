-- The audit log, and the order of commits.

-- An open transaction's records have no number yet; at COMMIT they get the next ones, in the order they were written.
SELECT coalesce(max(seq), 0) AS last FROM promptreg.changes \gset
BEGIN;
SELECT prompt_register('changes/a', 'one', message => 'why');
SELECT (prompt_promote('changes/a', 1, 'production', 'because')).version;
SELECT count(*) AS numbered FROM prompt_changes_since(:last);
SELECT count(*) AS recorded FROM promptreg.audit_log WHERE prompt = 'changes/a';
COMMIT;
SELECT seq - :last AS seq, event, prompt, environment, version, previous, experiment, reason, by = current_user AS by_me FROM prompt_changes_since(:last);
SELECT count(*) AS left_pending FROM promptreg.pending_changes;

-- What is rolled back has no number and leaves no gap.
BEGIN;
SELECT prompt_commit('changes/a', 'never');
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT prompt_commit('changes/a', 'never');
ROLLBACK TO s;
SELECT prompt_commit('changes/a', 'two');
COMMIT;
SELECT seq - :last AS seq, event, version FROM prompt_changes_since(:last + 3);

-- Every change is there; what changes nothing is not.
SELECT prompt_create('changes/b', 'B', tags => '{t}', team => 'x'), prompt_archive('changes/b', 'old'), prompt_unarchive('changes/b', 'new');
SELECT prompt_rename('changes/b', 'changes/bee', 'nicer');
SELECT (prompt_promote('changes/a', 2, 'production')).version;
SELECT (prompt_promote('changes/a', 2, 'production')).version;
SELECT (prompt_rollback('changes/a', 'production', reason => 'bad')).version;
SELECT prompt_experiment_start('changes/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'changes-x', coverage => 0.5, reason => 'try');
SELECT prompt_experiment_set_weights('changes-x', '{"x": 1, "y": 3}', 'more');
SELECT (prompt_experiment_stop('changes-x', 'y', 'won')).version;
SELECT (prompt_retire('changes/a', 'production', 'done')).version;
BEGIN;
SELECT prompt_environment_create('changes-env');
CREATE ROLE regress_changes;
SELECT prompt_grant('changes/*', 'resolve', 'regress_changes', 'changes-env'), prompt_grant('changes/*', 'resolve', 'regress_changes', 'changes-env');
SELECT prompt_revoke('changes/*', 'resolve', 'regress_changes', 'changes-env');
SELECT event, prompt, environment, version, previous, experiment, reason, before, after - '{chain_hash,content_hash,salt}'::text[] AS after
  FROM promptreg.audit_log WHERE id > (SELECT max(a.id) FROM promptreg.audit_log a WHERE a.prompt = 'changes/a' AND a.event = 'committed') ORDER BY id;
ROLLBACK;
SELECT session_user_name = session_user AS session_user, current_user_name = current_user AS current_user, application_name, client_address IS NULL AS local, at <= clock_timestamp() AS before_now, count(*) > 0 AS some
  FROM promptreg.audit_log WHERE prompt LIKE 'changes/%' GROUP BY 1, 2, 3, 4, 5;

-- Who acted and who logged in are two columns.
CREATE ROLE regress_changes;
SELECT prompt_grant('changes/*', 'author', 'regress_changes');
SET ROLE regress_changes;
SELECT prompt_commit('changes/bee', 'by another');
RESET ROLE;
SELECT current_user_name, session_user_name = session_user AS session_user FROM promptreg.audit_log ORDER BY id DESC LIMIT 1;
SELECT author FROM prompt_get('changes/bee');

-- Asking from a number on, and in pieces.
SELECT count(*) = (SELECT count(*) FROM promptreg.changes) AS all, min(seq) AS first, count(*) = max(seq) AS without_gaps FROM prompt_changes_since();
SELECT count(*) = (SELECT count(*) FROM promptreg.changes) AS all FROM prompt_changes_since(NULL, NULL);
SELECT seq FROM prompt_changes_since(0, 3);
SELECT seq FROM prompt_changes_since(3, 2);
SELECT count(*) FROM prompt_changes_since(9223372036854775807);
SELECT count(*) > 0 AS some FROM prompt_changes_since(-5);
SELECT count(*) FROM prompt_changes_since(0, 0);
SELECT count(*) FROM prompt_changes_since(0, -1);
-- Those of prompts that the caller may read.
SET ROLE regress_changes;
SELECT DISTINCT prompt FROM prompt_changes_since() ORDER BY 1;
SELECT count(*) AS without_prompt FROM prompt_changes_since() WHERE prompt IS NULL;
RESET ROLE;
SELECT prompt_revoke('changes/*', 'author', 'regress_changes');
DROP ROLE regress_changes;

-- What listeners are told: JSON without nulls, always under 8,000 bytes.
SELECT promptreg.change_payload(7, a) FROM (SELECT (ROW(1, timestamptz '2025-11-03 10:15:00.123456+01', 'promoted', 'changes/a', 'production', 2, 1, NULL, 'why', NULL, NULL, 'me', 'role', NULL, NULL)::promptreg.audit_log).*) AS a;
SELECT octet_length(promptreg.change_payload(9223372036854775807, a)) BETWEEN 3000 AND 7999 AS fits
  FROM (SELECT (ROW(1, now(), repeat('e', 20), repeat('🦄', 200), repeat('e', 100), 2147483647, 2147483647, repeat('🦄', 200), repeat('🦄', 5000), NULL, NULL, 'me', repeat('r', 63), NULL, NULL)::promptreg.audit_log).*) AS a;
-- Characters that JSON writes in six.
SELECT octet_length(promptreg.change_payload(9223372036854775807, a)) <= 7999 AS fits
  FROM (SELECT (ROW(1, now(), repeat('e', 20), repeat('"', 200), repeat('e', 100), 2147483647, 2147483647, repeat('\', 200), repeat(E'\x01', 5000), NULL, NULL, 'me', repeat('"', 63), NULL, NULL)::promptreg.audit_log).*) AS a;
-- A reason of any length is kept whole.
SELECT prompt_commit('changes/a', 'long', message => repeat(E'\x01🦄', 100000));
SELECT length(reason) FROM promptreg.audit_log ORDER BY id DESC LIMIT 1;
SELECT * FROM prompt_verify('changes/a');
