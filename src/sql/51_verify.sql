-- Proving history: every hash recomputed, every chain followed, every end compared with what else knows of it. All of
-- it is read, so joins by loops are never what is wanted; a database without statistics would get them.

CREATE TYPE promptreg.broken_record AS (
  prompt      text,
  record      text,
  environment text,
  number      bigint,
  problem     text
);
COMMENT ON TYPE promptreg.broken_record IS 'Where history was found to have been tampered with';
COMMENT ON COLUMN promptreg.broken_record.prompt IS 'Name of the prompt; NULL for records of the database';
COMMENT ON COLUMN promptreg.broken_record.record IS 'version, snippet_uses, deployment, weights, override, experiment, route, name, audit_log, change or table';
COMMENT ON COLUMN promptreg.broken_record.environment IS 'Environment of a deployment or route; key of the experiment for weights, overrides and experiments; the name itself for names';
COMMENT ON COLUMN promptreg.broken_record.number IS 'Number of the record: version, deployment, row of weights, override, seq or id';
COMMENT ON COLUMN promptreg.broken_record.problem IS 'What is wrong';

CREATE FUNCTION promptreg.verify_versions(prompt_id bigint) RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  -- As a query of its own: then parallel workers compute the hashes, not only read the rows.
  WITH hashed AS MATERIALIZED (
    SELECT p.name, v.prompt_id, v.version, v.previous_hash, v.chain_hash,
           v.content_hash <> promptreg.content_hash(p.kind, v.messages, v.variables, v.model, v.params, v.syntax, v.escape)
             AS content_changed,
           v.chain_hash <> promptreg.version_hash(p.name, v) AS record_changed
      FROM ONLY promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id
     WHERE verify_versions.prompt_id IS NULL OR v.prompt_id = verify_versions.prompt_id
  ), chained AS (
    SELECT v.name, v.version AS number,
           CASE WHEN v.version <> lag(v.version, 1, 0) OVER one_prompt + 1 THEN 'a version before it is missing'
                WHEN v.content_changed THEN 'the content was changed'
                WHEN v.previous_hash IS DISTINCT FROM lag(v.chain_hash) OVER one_prompt
                  THEN 'it does not follow the version before it'
                WHEN v.record_changed THEN 'the record was changed' END AS problem
      FROM hashed v
    WINDOW one_prompt AS (PARTITION BY v.prompt_id ORDER BY v.version)
  ), cut AS (
    SELECT p.name, coalesce(max(v.version), 0) + 1 AS number, 'versions at the end are missing' AS problem
      FROM promptreg.prompts p LEFT JOIN ONLY promptreg.versions v ON v.prompt_id = p.id
     WHERE verify_versions.prompt_id IS NULL OR p.id = verify_versions.prompt_id
     GROUP BY p.id
    HAVING coalesce(max(v.version), 0) <> p.head_version
  ), unrecorded AS (
    SELECT coalesce(p.name, a.prompt) AS name, coalesce(v.version, a.version) AS number,
           CASE WHEN a.id IS NULL THEN 'no audit record tells of its commit'
                ELSE 'it is not the version that was committed' END AS problem
      FROM (SELECT v.version, v.chain_hash, p.name FROM ONLY promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id) v
      FULL JOIN (SELECT id, prompt, version, after FROM ONLY promptreg.audit_log WHERE event = 'committed') a
        ON a.prompt = v.name AND a.version = v.version
      LEFT JOIN promptreg.prompts p ON p.name = coalesce(v.name, a.prompt)
     WHERE (verify_versions.prompt_id IS NULL OR p.id = verify_versions.prompt_id)
       AND encode(v.chain_hash, 'hex') IS DISTINCT FROM a.after ->> 'chain_hash'
  )
  SELECT b.name, 'version', NULL::text, b.number::bigint, b.problem
    FROM (SELECT c.name, c.number, c.problem, 1 AS rank FROM chained c WHERE c.problem IS NOT NULL
          UNION ALL SELECT c.name, c.number, c.problem, 2 FROM cut c
          UNION ALL SELECT u.name, u.number, u.problem, 3 FROM unrecorded u) b
   ORDER BY b.name COLLATE "C", b.number, b.rank LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.verify_versions(bigint) IS 'The first version that breaks a chain';

CREATE FUNCTION promptreg.verify_deployments(prompt_id bigint) RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  WITH chained AS (
    SELECT p.name, d.environment, d.number,
           CASE WHEN d.number <> lag(d.number, 1, 0) OVER route + 1 THEN 'a deployment before it is missing'
                WHEN d.previous_hash IS DISTINCT FROM lag(d.chain_hash) OVER route
                  THEN 'it does not follow the deployment before it'
                WHEN d.previous IS DISTINCT FROM lag(d.version) OVER route
                  THEN 'it names another previous version than was served'
                WHEN d.chain_hash <> promptreg.deployment_hash(p.name, d) THEN 'the record was changed' END AS problem
      FROM ONLY promptreg.deployments d JOIN promptreg.prompts p ON p.id = d.prompt_id
     WHERE verify_deployments.prompt_id IS NULL OR d.prompt_id = verify_deployments.prompt_id
    WINDOW route AS (PARTITION BY d.prompt_id, d.environment ORDER BY d.number)
  ), unrecorded AS (
    SELECT coalesce(d.name, a.prompt) AS name, coalesce(d.environment, a.environment) AS environment,
           coalesce(d.number, (a.after ->> 'deployment')::integer) AS number,
           CASE WHEN a.id IS NULL THEN 'no audit record tells of it'
                ELSE 'it is not the deployment that was recorded' END AS problem
      FROM (SELECT d.*, p.name FROM ONLY promptreg.deployments d JOIN promptreg.prompts p ON p.id = d.prompt_id) d
      FULL JOIN (SELECT * FROM ONLY promptreg.audit_log WHERE event IN ('promoted', 'rolled_back', 'retired')) a
        ON a.prompt = d.name AND a.environment = d.environment AND (a.after ->> 'deployment')::integer = d.number
      LEFT JOIN promptreg.prompts p ON p.name = coalesce(d.name, a.prompt)
     WHERE (verify_deployments.prompt_id IS NULL OR p.id = verify_deployments.prompt_id)
       AND encode(d.chain_hash, 'hex') IS DISTINCT FROM a.after ->> 'chain_hash'
  )
  SELECT b.name, 'deployment', b.environment, b.number::bigint, b.problem
    FROM (SELECT c.name, c.environment, c.number, c.problem, 1 AS rank FROM chained c WHERE c.problem IS NOT NULL
          UNION ALL SELECT u.name, u.environment, u.number, u.problem, 2 FROM unrecorded u) b
   ORDER BY b.name COLLATE "C", b.environment COLLATE "C", b.number, b.rank LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.verify_deployments(bigint) IS 'The first deployment that breaks a chain';

CREATE FUNCTION promptreg.verify_routes(prompt_id bigint) RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  SELECT p.name, 'route', coalesce(r.environment, d.environment), d.number::bigint,
         CASE WHEN r.prompt_id IS NULL THEN 'the route is missing'
              WHEN d.id IS NULL OR r.deployment_id <> d.id THEN 'the route is not at its last deployment'
              WHEN r.version IS DISTINCT FROM d.version THEN 'the route serves another version than was deployed'
              ELSE 'the route has another experiment than the one that runs' END
    FROM (SELECT DISTINCT ON (d.prompt_id, d.environment) d.*
            FROM ONLY promptreg.deployments d ORDER BY d.prompt_id, d.environment, d.number DESC) d
    FULL JOIN ONLY promptreg.routes r ON r.prompt_id = d.prompt_id AND r.environment = d.environment
    JOIN promptreg.prompts p ON p.id = coalesce(r.prompt_id, d.prompt_id)
    LEFT JOIN promptreg.experiments x
      ON x.prompt_id = r.prompt_id AND x.environment = r.environment AND x.state IN ('running', 'paused')
   WHERE (verify_routes.prompt_id IS NULL OR p.id = verify_routes.prompt_id)
     AND (r.prompt_id IS NULL OR d.id IS NULL OR r.deployment_id <> d.id OR r.version IS DISTINCT FROM d.version
          OR r.experiment_id IS DISTINCT FROM x.id)
   ORDER BY p.name COLLATE "C", coalesce(r.environment, d.environment) COLLATE "C" LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.verify_routes(bigint) IS 'The first route that disagrees with history';

CREATE FUNCTION promptreg.verify_weights(prompt_id bigint) RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  WITH chained AS (
    SELECT p.name, x.key, w.number,
           CASE WHEN w.number <> lag(w.number, 1, 0) OVER one_experiment + 1 THEN 'a row before it is missing'
                WHEN w.previous_hash IS DISTINCT FROM lag(w.chain_hash) OVER one_experiment
                  THEN 'it does not follow the row before it'
                WHEN w.chain_hash <> promptreg.weights_hash(x.key, w) THEN 'the record was changed' END AS problem
      FROM ONLY promptreg.weights w
      JOIN promptreg.experiments x ON x.id = w.experiment_id
      JOIN promptreg.prompts p ON p.id = x.prompt_id
     WHERE verify_weights.prompt_id IS NULL OR p.id = verify_weights.prompt_id
    WINDOW one_experiment AS (PARTITION BY w.experiment_id ORDER BY w.number)
  ), unrecorded AS (
    SELECT coalesce(w.name, a.prompt) AS name, coalesce(w.key, a.experiment) AS key,
           coalesce(w.number, (a.after ->> 'number')::integer) AS number,
           CASE WHEN a.id IS NULL THEN 'no audit record tells of it'
                ELSE 'it is not the row that was recorded' END AS problem
      FROM (SELECT w.*, x.key, p.name FROM ONLY promptreg.weights w
              JOIN promptreg.experiments x ON x.id = w.experiment_id
              JOIN promptreg.prompts p ON p.id = x.prompt_id) w
      FULL JOIN (SELECT * FROM ONLY promptreg.audit_log WHERE event LIKE E'experiment\\_%' AND after ? 'number') a
        ON a.experiment = w.key AND (a.after ->> 'number')::integer = w.number
      LEFT JOIN promptreg.prompts p ON p.name = coalesce(w.name, a.prompt)
     WHERE (verify_weights.prompt_id IS NULL OR p.id = verify_weights.prompt_id)
       AND encode(w.chain_hash, 'hex') IS DISTINCT FROM a.after ->> 'chain_hash'
  )
  SELECT b.name, 'weights', b.key, b.number::bigint, b.problem
    FROM (SELECT c.name, c.key, c.number, c.problem, 1 AS rank FROM chained c WHERE c.problem IS NOT NULL
          UNION ALL SELECT u.name, u.key, u.number, u.problem, 2 FROM unrecorded u) b
   ORDER BY b.name COLLATE "C", b.key COLLATE "C", b.number, b.rank LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.verify_weights(bigint) IS 'The first row of weights that breaks a chain';

CREATE FUNCTION promptreg.verify_overrides(prompt_id bigint) RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  WITH named AS (
    SELECT o.*, x.key, p.name, o.chain_hash <> promptreg.override_hash(x.key, o) AS record_changed
      FROM ONLY promptreg.overrides o
      JOIN promptreg.experiments x ON x.id = o.experiment_id
      JOIN promptreg.prompts p ON p.id = x.prompt_id
     WHERE verify_overrides.prompt_id IS NULL OR p.id = verify_overrides.prompt_id
  ), chained AS (
    SELECT o.name, o.key, o.number,
           CASE WHEN o.number <> lag(o.number, 1, 0) OVER one_experiment + 1 THEN 'a row before it is missing'
                WHEN o.previous_hash IS DISTINCT FROM lag(o.chain_hash) OVER one_experiment
                  THEN 'it does not follow the row before it'
                WHEN o.record_changed THEN 'the record was changed' END AS problem
      FROM named o
    WINDOW one_experiment AS (PARTITION BY o.experiment_id ORDER BY o.number)
  ), unrecorded AS (
    SELECT coalesce(o.name, a.prompt) AS name, coalesce(o.key, a.experiment) AS key,
           coalesce(o.number, (a.after ->> 'override')::integer) AS number,
           CASE WHEN a.id IS NULL THEN 'no audit record tells of it'
                ELSE 'it is not the row that was recorded' END AS problem
      FROM named o
      FULL JOIN (SELECT * FROM ONLY promptreg.audit_log WHERE event = 'experiment_override') a
        ON a.experiment = o.key AND (a.after ->> 'override')::integer = o.number
      LEFT JOIN promptreg.prompts p ON p.name = coalesce(o.name, a.prompt)
     WHERE (verify_overrides.prompt_id IS NULL OR p.id = verify_overrides.prompt_id)
       AND encode(o.chain_hash, 'hex') IS DISTINCT FROM a.after ->> 'chain_hash'
  )
  SELECT b.name, 'override', b.key, b.number::bigint, b.problem
    FROM (SELECT c.name, c.key, c.number, c.problem, 1 AS rank FROM chained c WHERE c.problem IS NOT NULL
          UNION ALL SELECT u.name, u.key, u.number, u.problem, 2 FROM unrecorded u) b
   ORDER BY b.name COLLATE "C", b.key COLLATE "C", b.number, b.rank LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.verify_overrides(bigint) IS 'The first override that breaks a chain';

-- Experiments change state, so they have no chain of their own: state and coverage follow from the weights, and what
-- must not change is in the audit record.
CREATE FUNCTION promptreg.verify_experiments(prompt_id bigint) RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  WITH newest AS (
    SELECT DISTINCT ON (w.experiment_id) w.experiment_id, w.state, w.coverage_ppm
      FROM ONLY promptreg.weights w ORDER BY w.experiment_id, w.number DESC
  ), judged AS (
    SELECT p.name, x.key,
           CASE WHEN a.id IS NULL THEN 'no audit record tells of its start'
                WHEN x.state IS DISTINCT FROM w.state OR x.coverage_ppm IS DISTINCT FROM w.coverage_ppm
                  THEN 'its state or coverage is not that of its newest row of weights'
                WHEN a.prompt <> p.name OR a.environment <> x.environment OR NOT a.after @> promptreg.experiment_as_json(x)
                  THEN 'its salt, control, namespace, holdout, prompt or environment was changed' END AS problem
      FROM ONLY promptreg.experiments x
      JOIN promptreg.prompts p ON p.id = x.prompt_id
      LEFT JOIN newest w ON w.experiment_id = x.id
      LEFT JOIN (SELECT * FROM ONLY promptreg.audit_log
                  WHERE event IN ('experiment_created', 'experiment_started') AND after ? 'salt') a ON a.experiment = x.key
     WHERE verify_experiments.prompt_id IS NULL OR p.id = verify_experiments.prompt_id
  )
  SELECT j.name, 'experiment', j.key, NULL::bigint, j.problem
    FROM judged j WHERE j.problem IS NOT NULL
   ORDER BY j.name COLLATE "C", j.key COLLATE "C" LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.verify_experiments(bigint) IS 'The first experiment that is not as it was started';

CREATE FUNCTION promptreg.verify_snippet_uses(prompt_id bigint) RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  SELECT coalesce(u.name, a.prompt), 'snippet_uses', NULL::text, coalesce(u.version, a.version)::bigint,
         'the snippets it uses are not those that were recorded'
    FROM (SELECT p.name, u.prompt_id, u.version,
                 jsonb_object_agg(u.reference, jsonb_strip_nulls(jsonb_build_object(
                   'prompt', s.name, 'version', u.snippet_version, 'environment', u.environment))) AS uses
            FROM ONLY promptreg.snippet_uses u
            JOIN promptreg.prompts p ON p.id = u.prompt_id
            JOIN promptreg.prompts s ON s.id = u.snippet_id
           GROUP BY p.name, u.prompt_id, u.version) u
    FULL JOIN (SELECT g.prompt, g.version, g.after -> 'snippets' AS uses
                 FROM ONLY promptreg.audit_log g WHERE g.event = 'committed' AND g.after ? 'snippets') a
      ON a.prompt = u.name AND a.version = u.version
    LEFT JOIN promptreg.prompts p ON p.name = coalesce(u.name, a.prompt)
   WHERE (verify_snippet_uses.prompt_id IS NULL OR p.id = verify_snippet_uses.prompt_id)
     AND u.uses IS DISTINCT FROM a.uses
   ORDER BY coalesce(u.name, a.prompt) COLLATE "C", coalesce(u.version, a.version) LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.verify_snippet_uses(bigint) IS 'The first version whose uses of snippets are not as they were recorded';

CREATE FUNCTION promptreg.verify_names(prompt_id bigint) RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  SELECT p.name, 'name', coalesce(n.name, p.name), NULL::bigint,
         CASE WHEN n.name IS NULL THEN 'the prompt''s own name is missing'
              ELSE 'the name leads to another prompt than was recorded' END
    FROM promptreg.prompts p
    LEFT JOIN ONLY promptreg.names n ON n.prompt_id = p.id
    LEFT JOIN ONLY promptreg.audit_log a
      ON a.event = 'renamed' AND a.prompt = p.name AND a.after ->> 'alias' = n.name
   WHERE (verify_names.prompt_id IS NULL OR p.id = verify_names.prompt_id)
     AND (n.name IS NULL OR (n.name <> p.name AND a.id IS NULL))
   ORDER BY p.name COLLATE "C", n.name COLLATE "C" LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.verify_names(bigint) IS 'The first name that leads elsewhere than history says';

-- Records of transactions that have not committed yet are pending; only the verifying transaction's own can be seen.
CREATE FUNCTION promptreg.verify_audit_log() RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  -- As a query of its own: then parallel workers compute the hashes, not only read the rows.
  WITH hashed AS MATERIALIZED (
    SELECT c.seq, c.previous_hash, c.chain_hash, a.id, a.prompt,
           c.record_hash <> promptreg.audit_record_hash(a) AS audit_changed,
           c.chain_hash <> promptreg.change_hash(c.seq, c.record_hash, c.previous_hash) AS record_changed
      FROM ONLY promptreg.changes c LEFT JOIN ONLY promptreg.audit_log a ON a.id = c.audit_id
  ), chained AS (
    SELECT c.seq, c.prompt,
           CASE WHEN c.seq <> lag(c.seq, 1, 0::bigint) OVER in_order + 1 THEN 'a change before it is missing'
                WHEN c.previous_hash IS DISTINCT FROM lag(c.chain_hash) OVER in_order
                  THEN 'it does not follow the change before it'
                WHEN c.id IS NULL THEN 'its audit record is missing'
                WHEN c.audit_changed THEN 'its audit record was changed'
                WHEN c.record_changed THEN 'the record was changed' END AS problem
      FROM hashed c
    WINDOW in_order AS (ORDER BY c.seq)
  )
  (SELECT c.prompt, 'change', NULL::text, c.seq, c.problem FROM chained c
    WHERE c.problem IS NOT NULL ORDER BY c.seq LIMIT 1)
  UNION ALL
  (SELECT a.prompt, 'audit_log', a.environment, a.id, 'the audit record has no change'
     FROM ONLY promptreg.audit_log a
    WHERE NOT EXISTS (SELECT FROM ONLY promptreg.changes c WHERE c.audit_id = a.id)
      AND NOT EXISTS (SELECT FROM promptreg.pending_changes n WHERE n.audit_id = a.id)
    ORDER BY a.id LIMIT 1);
END;
COMMENT ON FUNCTION promptreg.verify_audit_log() IS 'The first change and the first audit record that break the chain';

CREATE FUNCTION promptreg.verify_tables() RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT NULL::text, 'table', NULL::text, NULL::bigint,
         format('table %s inherits from %s: its rows are not history', i.inhrelid::regclass, i.inhparent::regclass)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
   WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r'
  UNION ALL
  SELECT NULL::text, 'table', NULL::text, NULL::bigint,
         format('trigger %s of %s is missing or not always enabled', guard.name, guard.relation)
    FROM promptreg.history_guards() guard
   WHERE NOT EXISTS (SELECT FROM pg_trigger t
                      WHERE t.tgrelid = to_regclass(format('promptreg.%I', guard.relation)) AND t.tgname = guard.name
                        AND t.tgenabled = 'A')
  UNION ALL
  SELECT NULL::text, 'table', NULL::text, NULL::bigint, format('rule %s on %s rewrites history', r.rulename, r.ev_class::regclass)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
   WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r';
END;
COMMENT ON FUNCTION promptreg.verify_tables() IS 'Child tables, rules, and guards that are missing or disabled on the tables of history';

CREATE FUNCTION promptreg._prompt_verify(name text DEFAULT NULL) RETURNS SETOF promptreg.broken_record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target_id bigint;
BEGIN
  IF _prompt_verify.name IS NULL THEN
    PERFORM promptreg.authorize_names('read', '*');
  ELSE
    target_id := (promptreg.open_prompt(name => _prompt_verify.name, "right" => 'read')).id;
  END IF;
  RETURN QUERY SELECT b.* FROM promptreg.verify_versions(target_id) b;
  RETURN QUERY SELECT b.* FROM promptreg.verify_snippet_uses(target_id) b;
  RETURN QUERY SELECT b.* FROM promptreg.verify_deployments(target_id) b;
  RETURN QUERY SELECT b.* FROM promptreg.verify_weights(target_id) b;
  RETURN QUERY SELECT b.* FROM promptreg.verify_overrides(target_id) b;
  RETURN QUERY SELECT b.* FROM promptreg.verify_experiments(target_id) b;
  RETURN QUERY SELECT b.* FROM promptreg.verify_routes(target_id) b;
  RETURN QUERY SELECT b.* FROM promptreg.verify_names(target_id) b;
  IF target_id IS NULL THEN
    RETURN QUERY SELECT b.* FROM promptreg.verify_audit_log() b;
    RETURN QUERY SELECT b.* FROM promptreg.verify_tables() b;
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_verify(text) IS
  'Recomputes all hashes of one prompt, or of everything; the first break of each kind of record as a row, none if history is whole. Right: read';
