-- How long raw rows are kept. Without a rule: 12 months.

CREATE TABLE promptreg.retention (
  relation    text NOT NULL CHECK (relation IN ('executions', 'outcomes')),
  environment text NOT NULL CHECK (environment <> '' AND (relation = 'executions' OR environment = '*')),
  keep        interval CHECK (keep >= interval '1 day'),
  applied_to  timestamptz,
  set_by      text NOT NULL,
  set_at      timestamptz NOT NULL,
  PRIMARY KEY (relation, environment)
);
COMMENT ON TABLE promptreg.retention IS 'How long executions and outcomes are kept, where that is not 12 months';
COMMENT ON COLUMN promptreg.retention.relation IS 'executions or outcomes';
COMMENT ON COLUMN promptreg.retention.environment IS 'Environment; "*": those without a rule of their own';
COMMENT ON COLUMN promptreg.retention.keep IS 'How long; NULL: for ever';
COMMENT ON COLUMN promptreg.retention.applied_to IS 'Rows before this time were last looked for; NULL: never';
COMMENT ON COLUMN promptreg.retention.set_by IS 'Role that set it';
COMMENT ON COLUMN promptreg.retention.set_at IS 'When it was set';
