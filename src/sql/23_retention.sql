-- How long raw rows and rollups by hour are kept. Without a rule: raw rows 12 months, rollups for ever.

CREATE TABLE promptreg.retention (
  relation    text NOT NULL CHECK (relation IN ('executions', 'outcomes', 'rollups')),
  environment text NOT NULL CHECK (environment <> '' AND (relation <> 'outcomes' OR environment = '*')),
  keep        interval CHECK (keep >= interval '1 day'),
  applied_to  timestamptz,
  set_by      text NOT NULL,
  set_at      timestamptz NOT NULL,
  PRIMARY KEY (relation, environment)
);
COMMENT ON TABLE promptreg.retention IS 'How long executions, outcomes and rollups by hour are kept, where that is not 12 months or, of rollups, for ever';
COMMENT ON COLUMN promptreg.retention.relation IS 'executions, outcomes or rollups (by hour; those by day stay)';
COMMENT ON COLUMN promptreg.retention.environment IS 'Environment; "*": those without a rule of their own';
COMMENT ON COLUMN promptreg.retention.keep IS 'How long; NULL: for ever';
COMMENT ON COLUMN promptreg.retention.applied_to IS 'Executions before this time were last looked for; NULL: never, or other rows';
COMMENT ON COLUMN promptreg.retention.set_by IS 'Role that set it';
COMMENT ON COLUMN promptreg.retention.set_at IS 'When it was set';

-- What retention has done. Rollups of a day from which rows were dropped cannot be made anew of those that are left.
CREATE TABLE promptreg.retention_state (
  relation       text NOT NULL CHECK (relation IN ('executions', 'outcomes')),
  environment    text NOT NULL,
  dropped_before timestamptz,
  applied_to     timestamptz,
  PRIMARY KEY (relation, environment)
);
COMMENT ON TABLE promptreg.retention_state IS 'Up to when executions and outcomes have been dropped';
COMMENT ON COLUMN promptreg.retention_state.relation IS 'executions or outcomes';
COMMENT ON COLUMN promptreg.retention_state.environment IS 'Environment; "*": all';
COMMENT ON COLUMN promptreg.retention_state.dropped_before IS 'Executions before this time, or outcomes of such, may have been dropped; NULL: none';
COMMENT ON COLUMN promptreg.retention_state.applied_to IS 'For "*" without a rule: executions before this time were last looked for; NULL: never';
