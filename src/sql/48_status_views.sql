-- What is served and what state versions are in. Views obey the rights of whoever reads them: they are
-- security_invoker, and the tables have row-level security.

CREATE VIEW promptreg.version_status WITH (security_invoker = true) AS
SELECT p.name AS prompt, v.version,
       CASE WHEN EXISTS (SELECT FROM promptreg.routes r JOIN promptreg.environments e ON e.name = r.environment
                          WHERE r.prompt_id = v.prompt_id AND r.version = v.version AND e.rank >= 3000) THEN 'active'
            WHEN EXISTS (SELECT FROM promptreg.routes r WHERE r.prompt_id = v.prompt_id AND r.version = v.version)
              OR EXISTS (SELECT FROM promptreg.routes r JOIN promptreg.variants x ON x.experiment_id = r.experiment_id
                          WHERE r.prompt_id = v.prompt_id AND x.version = v.version) THEN 'testing'
            WHEN EXISTS (SELECT FROM promptreg.deployments d WHERE d.prompt_id = v.prompt_id AND d.version = v.version)
              THEN 'archived'
            ELSE 'draft' END AS status,
       ARRAY(SELECT r.environment FROM promptreg.routes r JOIN promptreg.environments e ON e.name = r.environment
              WHERE r.prompt_id = v.prompt_id AND r.version = v.version ORDER BY e.rank, e.name) AS environments,
       v.id AS version_id
  FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id;
COMMENT ON VIEW promptreg.version_status IS 'Status of every version, derived from what is served';
COMMENT ON COLUMN promptreg.version_status.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.version_status.version IS 'Number of the version';
COMMENT ON COLUMN promptreg.version_status.status IS
  'draft (never deployed), testing (deployed below production or in a running experiment), active (served in production or an environment of its rank), archived (was deployed, is not now)';
COMMENT ON COLUMN promptreg.version_status.environments IS 'Environments that serve it now';
COMMENT ON COLUMN promptreg.version_status.version_id IS 'Internal key of the version';

CREATE VIEW promptreg.route_status WITH (security_invoker = true) AS
SELECT p.name AS prompt, r.environment, r.version, x.key AS experiment, d.event, d.previous, d.reason, d.deployed_by,
       d.deployed_at, r.changed_at
  FROM promptreg.routes r
  JOIN promptreg.prompts p ON p.id = r.prompt_id
  JOIN promptreg.deployments d ON d.id = r.deployment_id
  LEFT JOIN promptreg.experiments x ON x.id = r.experiment_id;
COMMENT ON VIEW promptreg.route_status IS 'What is served now, per prompt and environment, and how it came to be';
COMMENT ON COLUMN promptreg.route_status.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.route_status.environment IS 'Environment';
COMMENT ON COLUMN promptreg.route_status.version IS 'Version served; NULL: nothing (retired)';
COMMENT ON COLUMN promptreg.route_status.experiment IS 'Key of the experiment that runs; NULL: none';
COMMENT ON COLUMN promptreg.route_status.event IS 'How it came to be: promoted, rolled_back or retired';
COMMENT ON COLUMN promptreg.route_status.previous IS 'Version served before; NULL: nothing';
COMMENT ON COLUMN promptreg.route_status.reason IS 'Why';
COMMENT ON COLUMN promptreg.route_status.deployed_by IS 'Role that did it';
COMMENT ON COLUMN promptreg.route_status.deployed_at IS 'When';
COMMENT ON COLUMN promptreg.route_status.changed_at IS 'When the route last changed, its experiment included';
