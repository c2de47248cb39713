-- What is served and what state versions are in. Views obey the rights of whoever reads them: they are
-- security_invoker, and the tables have row-level security.

CREATE VIEW promptreg.variants WITH (security_invoker = true) AS
SELECT x.id AS experiment_id, v.key, x.prompt_id, v.version, v.ppm AS weight_ppm
  FROM promptreg.experiments x
  JOIN LATERAL (SELECT w.* FROM promptreg.weights w WHERE w.experiment_id = x.id ORDER BY w.number DESC LIMIT 1) w ON true,
       unnest(w.keys, w.versions, w.ppm) AS v (key, version, ppm);
COMMENT ON VIEW promptreg.variants IS
  'Variants of experiments, as the newest row of weights has them: a stable key and the version behind it';
COMMENT ON COLUMN promptreg.variants.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.variants.key IS 'Stable name that assignments hash, such as control or b';
COMMENT ON COLUMN promptreg.variants.prompt_id IS 'The prompt of the experiment';
COMMENT ON COLUMN promptreg.variants.version IS 'Version that users of this variant get';
COMMENT ON COLUMN promptreg.variants.weight_ppm IS 'Its weight in parts per million';

CREATE VIEW promptreg.experiment_status WITH (security_invoker = true) AS
SELECT x.key AS experiment, p.name AS prompt, x.environment, x.kind, x.state, trim_scale(x.coverage_ppm / 1e6) AS coverage,
       n.name AS namespace, trim_scale(x.namespace_lo_ppm / 1e6) AS namespace_from,
       trim_scale(x.namespace_hi_ppm / 1e6) AS namespace_to, h.name AS holdout, trim_scale(h.share_ppm / 1e6) AS holdout_share,
       x.control, trim_scale(x.control_ppm / 1e6) AS control_share, x.description, x.started_by, x.started_at, x.stopped_by,
       x.stopped_at, x.stop_reason, x.winner
  FROM promptreg.experiments x
  JOIN promptreg.prompts p ON p.id = x.prompt_id
  LEFT JOIN promptreg.namespaces n ON n.id = x.namespace_id
  LEFT JOIN promptreg.holdouts h ON h.id = x.holdout_id
 ORDER BY x.key;
COMMENT ON VIEW promptreg.experiment_status IS 'Experiments as they stand now';
COMMENT ON COLUMN promptreg.experiment_status.experiment IS 'Key of the experiment';
COMMENT ON COLUMN promptreg.experiment_status.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.experiment_status.environment IS 'Environment whose traffic is split';
COMMENT ON COLUMN promptreg.experiment_status.kind IS 'experiment or rollout';
COMMENT ON COLUMN promptreg.experiment_status.state IS 'draft, running, paused or stopped';
COMMENT ON COLUMN promptreg.experiment_status.coverage IS 'Share of users enrolled';
COMMENT ON COLUMN promptreg.experiment_status.namespace IS 'Namespace that it shares with others; NULL: none';
COMMENT ON COLUMN promptreg.experiment_status.namespace_from IS 'Where its range of the namespace begins, as a share';
COMMENT ON COLUMN promptreg.experiment_status.namespace_to IS 'Where its range of the namespace ends, as a share';
COMMENT ON COLUMN promptreg.experiment_status.holdout IS 'Holdout whose users it leaves alone; NULL: none';
COMMENT ON COLUMN promptreg.experiment_status.holdout_share IS 'Share of users in the holdout';
COMMENT ON COLUMN promptreg.experiment_status.control IS 'Variant that the others are compared with';
COMMENT ON COLUMN promptreg.experiment_status.control_share IS 'Fixed share of the control; NULL: it has a weight as the others have';
COMMENT ON COLUMN promptreg.experiment_status.description IS 'What is being tested';
COMMENT ON COLUMN promptreg.experiment_status.started_by IS 'Role that started it';
COMMENT ON COLUMN promptreg.experiment_status.started_at IS 'When it started';
COMMENT ON COLUMN promptreg.experiment_status.stopped_by IS 'Role that stopped it';
COMMENT ON COLUMN promptreg.experiment_status.stopped_at IS 'When it stopped';
COMMENT ON COLUMN promptreg.experiment_status.stop_reason IS 'Why it stopped';
COMMENT ON COLUMN promptreg.experiment_status.winner IS 'Variant that was promoted at the end';

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
       (SELECT string_agg(r.environment, ', ' ORDER BY e.rank, e.name)
          FROM promptreg.routes r JOIN promptreg.environments e ON e.name = r.environment
         WHERE r.prompt_id = v.prompt_id AND r.version = v.version) AS environments,
       v.id AS version_id
  FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id
 ORDER BY p.name, v.version;
COMMENT ON VIEW promptreg.version_status IS 'Status of every version, derived from what is served';
COMMENT ON COLUMN promptreg.version_status.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.version_status.version IS 'Number of the version';
COMMENT ON COLUMN promptreg.version_status.status IS
  'draft (never deployed), testing (deployed below production or in a running experiment), active (served in production or an environment of its rank), archived (was deployed, is not now)';
COMMENT ON COLUMN promptreg.version_status.environments IS
  'Environments that serve it now, lowest first, separated by a comma and a space; NULL: none';
COMMENT ON COLUMN promptreg.version_status.version_id IS 'Internal key of the version';

CREATE VIEW promptreg.route_status WITH (security_invoker = true) AS
SELECT p.name AS prompt, r.environment, r.version, x.key AS experiment, d.event, d.previous, d.reason, d.deployed_by,
       d.deployed_at, r.changed_at
  FROM promptreg.routes r
  JOIN promptreg.prompts p ON p.id = r.prompt_id
  JOIN promptreg.deployments d ON d.id = r.deployment_id
  LEFT JOIN promptreg.experiments x ON x.id = r.experiment_id
 ORDER BY p.name, r.environment;
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

CREATE VIEW promptreg.snippet_graph WITH (security_invoker = true) AS
WITH RECURSIVE served AS (
  SELECT r.prompt_id, r.version, r.environment FROM promptreg.routes r WHERE r.version IS NOT NULL
  UNION
  SELECT a.prompt_id, a.version, r.environment
    FROM promptreg.routes r JOIN promptreg.variants a ON a.experiment_id = r.experiment_id AND a.prompt_id = r.prompt_id
), used AS (
  SELECT u.prompt_id, u.version, s.environment, u.reference, u.snippet_id, f.version AS snippet_version, true AS direct
    FROM promptreg.snippet_uses u
    LEFT JOIN served s ON s.prompt_id = u.prompt_id AND s.version = u.version,
         LATERAL (SELECT coalesce(u.snippet_version,
                   (SELECT r.version FROM promptreg.routes r
                     WHERE r.prompt_id = u.snippet_id AND r.environment = coalesce(u.environment, s.environment)))) AS f (version)
  UNION
  SELECT c.prompt_id, c.version, c.environment, u.reference, u.snippet_id, f.version, false
    FROM used c
    JOIN promptreg.snippet_uses u ON u.prompt_id = c.snippet_id AND u.version = c.snippet_version,
         LATERAL (SELECT coalesce(u.snippet_version,
                   (SELECT r.version FROM promptreg.routes r
                     WHERE r.prompt_id = u.snippet_id AND r.environment = coalesce(u.environment, c.environment)))) AS f (version)
)
SELECT s.name AS snippet, c.snippet_version, c.reference, p.name AS prompt, c.version, c.environment, bool_or(c.direct) AS direct
  FROM used c
  JOIN promptreg.prompts s ON s.id = c.snippet_id
  JOIN promptreg.prompts p ON p.id = c.prompt_id
 GROUP BY s.name, c.snippet_version, c.reference, p.name, c.version, c.environment
 ORDER BY s.name, p.name, c.version, c.environment, c.reference;
COMMENT ON VIEW promptreg.snippet_graph IS
  'Who uses which snippet, directly and through other snippets: one row for each environment that serves the using version';
COMMENT ON COLUMN promptreg.snippet_graph.snippet IS 'Name of the snippet';
COMMENT ON COLUMN promptreg.snippet_graph.snippet_version IS
  'Version of it that goes in; NULL: it follows an environment in which nothing is served';
COMMENT ON COLUMN promptreg.snippet_graph.reference IS 'How the template names it: tone, tone@3 or tone@production';
COMMENT ON COLUMN promptreg.snippet_graph.prompt IS 'Name of the prompt that uses it';
COMMENT ON COLUMN promptreg.snippet_graph.version IS 'Version that uses it';
COMMENT ON COLUMN promptreg.snippet_graph.environment IS 'Environment that serves that version; NULL: none does';
COMMENT ON COLUMN promptreg.snippet_graph.direct IS 'Whether the version names it itself, not only through another snippet';
