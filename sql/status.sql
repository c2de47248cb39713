-- The views: what is served, and what state versions are in.

SELECT prompt_create('status/a');
SELECT count(prompt_commit('status/a', 'v' || n)) FROM generate_series(1, 5) AS n;
CREATE VIEW test.status AS
SELECT string_agg(version || ' ' || status || coalesce(' in ' || replace(environments, ', ', '+'), ''), ', ' ORDER BY version) AS versions FROM promptreg.version_status WHERE prompt = 'status/a';
SELECT * FROM test.status;
SELECT (prompt_promote('status/a', 1, 'development')).version, (prompt_promote('status/a', 1, 'production')).version, (prompt_promote('status/a', 2, 'staging')).version;
SELECT * FROM test.status;
SELECT (prompt_promote('status/a', 3, 'production')).version;
SELECT * FROM test.status;
SELECT prompt_experiment_start('status/a', 'production', '[{"key": "x", "version": 3, "weight": 1}, {"key": "y", "version": 4, "weight": 1}]', key => 'status-x');
SELECT * FROM test.status;
SELECT (prompt_experiment_stop('status-x')).version;
SELECT (prompt_retire('status/a', 'development')).version, (prompt_rollback('status/a', 'production')).version;
SELECT * FROM test.status;
SELECT v.version_id = (SELECT id FROM promptreg.versions WHERE id = v.version_id AND version = v.version) AS is_the_version FROM promptreg.version_status v WHERE prompt = 'status/a' AND version = 5;
SELECT status = (prompt_get('status/a', version)).status AND environments IS NOT DISTINCT FROM nullif(array_to_string((prompt_get('status/a', version)).environments, ', '), '') AS as_get_says, count(*) FROM promptreg.version_status WHERE prompt = 'status/a' GROUP BY 1;

SELECT prompt, environment, version, experiment, event, previous, reason, deployed_by = current_user AS by_me, deployed_at <= changed_at AS in_order FROM promptreg.route_status WHERE prompt = 'status/a' ORDER BY environment;
SELECT prompt_experiment_start('status/a', 'staging', '[{"key": "x", "version": 3, "weight": 1}, {"key": "y", "version": 4, "weight": 1}]', key => 'status-y');
SELECT environment, version, experiment, deployed_at < changed_at AS changed_since FROM promptreg.route_status WHERE prompt = 'status/a' AND experiment IS NOT NULL;
SELECT (prompt_experiment_stop('status-y')).version;
