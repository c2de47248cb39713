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
COMMENT ON COLUMN promptreg.broken_record.record IS 'version, deployment, weights, route, experiment, audit_log, change or table';
COMMENT ON COLUMN promptreg.broken_record.environment IS 'Environment of a deployment or route; key of an experiment for weights';
COMMENT ON COLUMN promptreg.broken_record.number IS 'Number of the record: version, deployment, row of weights, seq or id';
COMMENT ON COLUMN promptreg.broken_record.problem IS 'What is wrong';

CREATE FUNCTION promptreg.verify_versions(prompt_id bigint) RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  WITH chained AS (
    SELECT p.name, v.version AS number,
           CASE WHEN v.version <> lag(v.version, 1, 0) OVER one_prompt + 1 THEN 'a version before it is missing'
                WHEN v.content_hash <> promptreg.content_hash(p.kind, v.messages, v.variables, v.model, v.params, v.syntax, v.escape)
                  THEN 'the content was changed'
                WHEN v.previous_hash IS DISTINCT FROM lag(v.chain_hash) OVER one_prompt
                  THEN 'it does not follow the version before it'
                WHEN v.chain_hash <> promptreg.version_hash(p.name, v) THEN 'the record was changed' END AS problem
      FROM ONLY promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id
     WHERE verify_versions.prompt_id IS NULL OR v.prompt_id = verify_versions.prompt_id
    WINDOW one_prompt AS (PARTITION BY v.prompt_id ORDER BY v.version)
  ), cut AS (
    SELECT p.name, coalesce(max(v.version), 0) + 1 AS number, 'versions at the end are missing' AS problem
      FROM promptreg.prompts p LEFT JOIN ONLY promptreg.versions v ON v.prompt_id = p.id
     WHERE verify_versions.prompt_id IS NULL OR p.id = verify_versions.prompt_id
     GROUP BY p.id
    HAVING coalesce(max(v.version), 0) <> p.head_version
  ), unknown AS (
    SELECT a.prompt, a.version, 'the version is not the one that was committed' AS problem
      FROM ONLY promptreg.audit_log a
      LEFT JOIN promptreg.prompts p ON p.name = a.prompt
      LEFT JOIN ONLY promptreg.versions v ON v.prompt_id = p.id AND v.version = a.version
     WHERE a.event = 'committed' AND (verify_versions.prompt_id IS NULL OR p.id = verify_versions.prompt_id)
       AND encode(v.chain_hash, 'hex') IS DISTINCT FROM a.after ->> 'chain_hash'
  )
  SELECT b.name, 'version', NULL::text, b.number::bigint, b.problem
    FROM (SELECT c.name, c.number, c.problem FROM chained c WHERE c.problem IS NOT NULL
          UNION ALL SELECT c.name, c.number, c.problem FROM cut c
          UNION ALL SELECT u.prompt, u.version, u.problem FROM unknown u) b
   ORDER BY b.name COLLATE "C", b.number LIMIT 1;
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
  ), unknown AS (
    SELECT a.prompt, a.environment, (a.after ->> 'deployment')::integer AS number,
           'the deployment is not the one that was recorded' AS problem
      FROM ONLY promptreg.audit_log a
      LEFT JOIN promptreg.prompts p ON p.name = a.prompt
      LEFT JOIN ONLY promptreg.deployments d
        ON d.prompt_id = p.id AND d.environment = a.environment AND d.number = (a.after ->> 'deployment')::integer
     WHERE a.event IN ('promoted', 'rolled_back', 'retired')
       AND (verify_deployments.prompt_id IS NULL OR p.id = verify_deployments.prompt_id)
       AND encode(d.chain_hash, 'hex') IS DISTINCT FROM a.after ->> 'chain_hash'
  )
  SELECT b.name, 'deployment', b.environment, b.number::bigint, b.problem
    FROM (SELECT c.name, c.environment, c.number, c.problem FROM chained c WHERE c.problem IS NOT NULL
          UNION ALL SELECT u.prompt, u.environment, u.number, u.problem FROM unknown u) b
   ORDER BY b.name COLLATE "C", b.environment COLLATE "C", b.number LIMIT 1;
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
  ), unknown AS (
    SELECT a.prompt, a.experiment, coalesce((a.after ->> 'number')::integer, 1) AS number,
           'the row is not the one that was recorded' AS problem
      FROM ONLY promptreg.audit_log a
      LEFT JOIN promptreg.experiments x ON x.key = a.experiment
      LEFT JOIN ONLY promptreg.weights w
        ON w.experiment_id = x.id AND w.number = coalesce((a.after ->> 'number')::integer, 1)
     WHERE a.event IN ('experiment_started', 'experiment_weights')
       AND (verify_weights.prompt_id IS NULL OR x.prompt_id = verify_weights.prompt_id)
       AND encode(w.chain_hash, 'hex') IS DISTINCT FROM a.after ->> 'chain_hash'
  )
  SELECT b.name, 'weights', b.key, b.number::bigint, b.problem
    FROM (SELECT c.name, c.key, c.number, c.problem FROM chained c WHERE c.problem IS NOT NULL
          UNION ALL SELECT u.prompt, u.experiment, u.number, u.problem FROM unknown u) b
   ORDER BY b.name COLLATE "C", b.key COLLATE "C", b.number LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.verify_weights(bigint) IS 'The first row of weights that breaks a chain';

-- Records of transactions that have not committed yet are pending; only the verifying transaction's own can be seen.
CREATE FUNCTION promptreg.verify_audit_log() RETURNS SETOF promptreg.broken_record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  WITH chained AS (
    SELECT c.seq, a.prompt,
           CASE WHEN c.seq <> lag(c.seq, 1, 0::bigint) OVER in_order + 1 THEN 'a change before it is missing'
                WHEN c.previous_hash IS DISTINCT FROM lag(c.chain_hash) OVER in_order
                  THEN 'it does not follow the change before it'
                WHEN a.id IS NULL THEN 'its audit record is missing'
                WHEN c.record_hash <> promptreg.audit_record_hash(a) THEN 'its audit record was changed'
                WHEN c.chain_hash <> promptreg.change_hash(c.seq, c.record_hash, c.previous_hash)
                  THEN 'the record was changed' END AS problem
      FROM ONLY promptreg.changes c LEFT JOIN ONLY promptreg.audit_log a ON a.id = c.audit_id
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
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
BEGIN ATOMIC
  SELECT NULL::text, 'table', NULL::text, NULL::bigint,
         format('table %s inherits from %s: its rows are not history', i.inhrelid::regclass, i.inhparent::regclass)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
   WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r'
  UNION ALL
  SELECT NULL::text, 'table', NULL::text, NULL::bigint,
         format('trigger %s of %s is not always enabled', t.tgname, t.tgrelid::regclass)
    FROM pg_trigger t
   WHERE t.tgname IN ('append_only', 'no_truncate', 'no_delete', 'no_change', 'fixed_columns')
     AND t.tgrelid IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'promptreg'::regnamespace)
     AND t.tgenabled <> 'A'
  UNION ALL
  SELECT NULL::text, 'table', NULL::text, NULL::bigint, format('rule %s on %s rewrites history', r.rulename, r.ev_class::regclass)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
   WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind = 'r';
END;
COMMENT ON FUNCTION promptreg.verify_tables() IS 'Child tables, rules and disabled triggers on the tables of history';

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
  RETURN QUERY SELECT b.* FROM promptreg.verify_deployments(target_id) b;
  RETURN QUERY SELECT b.* FROM promptreg.verify_weights(target_id) b;
  RETURN QUERY SELECT b.* FROM promptreg.verify_routes(target_id) b;
  IF target_id IS NULL THEN
    RETURN QUERY SELECT b.* FROM promptreg.verify_audit_log() b;
    RETURN QUERY SELECT b.* FROM promptreg.verify_tables() b;
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_verify(text) IS
  'Recomputes all hashes of one prompt, or of everything; the first break of each kind of record as a row, none if history is whole. Right: read';
