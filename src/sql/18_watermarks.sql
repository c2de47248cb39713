-- How far each consumer of executions and outcomes has come, in transactions rather than in time: a transaction that
-- began early may commit late, and no clock tells.

CREATE TABLE promptreg.watermarks (
  consumer          text PRIMARY KEY CHECK (consumer <> ''),
  xid               xid8 NOT NULL,
  system_identifier bigint NOT NULL,
  rebuild           boolean NOT NULL,
  advanced_at       timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.watermarks IS 'How far each consumer of executions and outcomes has come';
COMMENT ON COLUMN promptreg.watermarks.consumer IS 'Who: rollups, ...';
COMMENT ON COLUMN promptreg.watermarks.xid IS 'Rows of transactions before this one have been consumed, later ones not';
COMMENT ON COLUMN promptreg.watermarks.system_identifier IS 'The server that numbered the transactions; restored into another, they mean nothing';
COMMENT ON COLUMN promptreg.watermarks.rebuild IS 'Whether the consumer must begin anew from the rows that exist';
COMMENT ON COLUMN promptreg.watermarks.advanced_at IS 'When it last moved';
