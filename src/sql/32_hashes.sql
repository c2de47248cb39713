-- The hash chains of history. The canonical forms are public (docs/history.md), so that a program elsewhere can
-- recompute every hash.

CREATE FUNCTION promptreg.content_hash(
  kind text, messages jsonb, variables jsonb, model text, params jsonb, syntax text, escape text
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(promptreg.canonical_record(
  'kind', kind, 'messages', messages, 'variables', variables, 'model', model, 'params', params,
  'syntax', syntax, 'escape', escape));
COMMENT ON FUNCTION promptreg.content_hash(text, jsonb, jsonb, text, jsonb, text, text) IS
  'SHA-256 over the canonical form of what a version says';

CREATE FUNCTION promptreg.version_hash(prompt text, record promptreg.versions) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(promptreg.canonical_record(
  'prompt', prompt, 'version', record.version, 'content_hash', record.content_hash,
  'previous_hash', record.previous_hash, 'author', record.author, 'created_at', record.created_at,
  'message', record.message, 'parent_version', record.parent_version, 'branch', record.branch,
  'metadata', record.metadata));
COMMENT ON FUNCTION promptreg.version_hash(text, promptreg.versions) IS 'Chain hash of a version';

CREATE FUNCTION promptreg.deployment_hash(prompt text, record promptreg.deployments) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(promptreg.canonical_record(
  'prompt', prompt, 'environment', record.environment, 'number', record.number, 'event', record.event,
  'version', record.version, 'previous', record.previous, 'rollback_to', record.rollback_to,
  'reason', record.reason, 'idempotency_key', record.idempotency_key, 'deployed_by', record.deployed_by,
  'deployed_at', record.deployed_at, 'previous_hash', record.previous_hash));
COMMENT ON FUNCTION promptreg.deployment_hash(text, promptreg.deployments) IS 'Chain hash of a deployment';

CREATE FUNCTION promptreg.weights_hash(experiment text, record promptreg.weights) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(promptreg.canonical_record(
  'experiment', experiment, 'number', record.number, 'state', record.state, 'keys', to_jsonb(record.keys),
  'versions', to_jsonb(record.versions), 'ppm', to_jsonb(record.ppm), 'coverage_ppm', record.coverage_ppm,
  'holdout_ppm', record.holdout_ppm, 'reason', record.reason, 'evidence', record.evidence, 'set_by', record.set_by,
  'set_at', record.set_at, 'previous_hash', record.previous_hash));
COMMENT ON FUNCTION promptreg.weights_hash(text, promptreg.weights) IS 'Chain hash of a row of weights';

CREATE FUNCTION promptreg.override_hash(experiment text, record promptreg.overrides) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(promptreg.canonical_record(
  'experiment', experiment, 'number', record.number, 'user_id', record.user_id, 'variant', record.variant,
  'reason', record.reason, 'set_by', record.set_by, 'set_at', record.set_at, 'previous_hash', record.previous_hash));
COMMENT ON FUNCTION promptreg.override_hash(text, promptreg.overrides) IS 'Chain hash of an override';
