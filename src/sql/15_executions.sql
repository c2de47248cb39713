-- Executions: one row for each model call that used a version. Append-only, partitioned by time, without a foreign key
-- into the registry, so that recording never waits for it and works in a database that has no prompts.
--
-- The parent has neither index nor primary key: partitions are made at run time, are no members of the extension, and
-- would not restore under a parent that has. promptreg.make_partition gives each its indexes.
--
-- Row-level security would forbid COPY, so the parent has none: the views show what a reader may read.

CREATE TABLE promptreg.executions (
  at                     timestamptz NOT NULL DEFAULT now(),
  request_id             text NOT NULL DEFAULT gen_random_uuid(),
  prompt                 text NOT NULL,
  version                integer NOT NULL,
  environment            text NOT NULL DEFAULT 'production',
  experiment             text,
  variant                text,
  user_id                text,
  model                  text,
  latency_ms             double precision,
  time_to_first_token_ms double precision,
  tokens_in              bigint,
  tokens_out             bigint,
  tokens_cached          bigint,
  cost_usd               numeric,
  error_class            text,
  error                  text,
  finish_reason          text,
  metadata               jsonb,
  xid                    xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT executions_at_is_a_time CHECK (at BETWEEN '2000-01-01 00:00Z' AND '9999-12-31 00:00Z'),
  CONSTRAINT executions_version_is_positive CHECK (version >= 1),
  -- NaN is greater than every other number. No BETWEEN beside AND: it would come back from a dump in another form, and
  -- a partition in another form cannot be attached.
  CONSTRAINT executions_milliseconds_in_range CHECK (
    latency_ms >= 0 AND latency_ms <= 1e12 AND time_to_first_token_ms >= 0 AND time_to_first_token_ms <= 1e12),
  CONSTRAINT executions_tokens_in_range CHECK (
    tokens_in >= 0 AND tokens_in <= 1000000000000 AND tokens_out >= 0 AND tokens_out <= 1000000000000
    AND tokens_cached >= 0 AND tokens_cached <= 1000000000000),
  CONSTRAINT executions_cost_in_range CHECK (cost_usd >= 0 AND cost_usd <= 1000000000 AND scale(cost_usd) <= 30),
  CONSTRAINT executions_names_not_empty CHECK (prompt <> '' AND request_id <> '' AND environment <> ''),
  CONSTRAINT executions_texts_bounded CHECK (
    octet_length(prompt) <= 800 AND octet_length(request_id) <= 800 AND octet_length(environment) <= 100
    AND octet_length(experiment) <= 800 AND octet_length(variant) <= 800 AND octet_length(user_id) <= 800
    AND octet_length(model) <= 800 AND octet_length(error_class) <= 800 AND octet_length(finish_reason) <= 800
    AND octet_length(error) <= 1048576),
  CONSTRAINT executions_metadata_is_a_bounded_object CHECK (
    jsonb_typeof(metadata) = 'object' AND pg_column_size(metadata) <= 1048576)
) PARTITION BY RANGE (at);
COMMENT ON TABLE promptreg.executions IS 'Executions: one row for each model call that used a version; append-only, partitioned by time';
COMMENT ON COLUMN promptreg.executions.at IS 'When the model was called';
COMMENT ON COLUMN promptreg.executions.request_id IS 'Identifies the call for feedback; also what to distribute the table by';
COMMENT ON COLUMN promptreg.executions.prompt IS 'Name of the prompt; need not exist in this database';
COMMENT ON COLUMN promptreg.executions.version IS 'Number of the version';
COMMENT ON COLUMN promptreg.executions.environment IS 'Environment';
COMMENT ON COLUMN promptreg.executions.experiment IS 'Key of the experiment that decided; NULL: none';
COMMENT ON COLUMN promptreg.executions.variant IS 'Variant of the experiment; NULL: none';
COMMENT ON COLUMN promptreg.executions.user_id IS 'The user, as given or as a hash (promptreg.user_privacy)';
COMMENT ON COLUMN promptreg.executions.model IS 'Model that was called';
COMMENT ON COLUMN promptreg.executions.latency_ms IS 'Time to the whole answer, in milliseconds';
COMMENT ON COLUMN promptreg.executions.time_to_first_token_ms IS 'Time to the first token, in milliseconds';
COMMENT ON COLUMN promptreg.executions.tokens_in IS 'Tokens of the request, cached ones included';
COMMENT ON COLUMN promptreg.executions.tokens_out IS 'Tokens of the answer';
COMMENT ON COLUMN promptreg.executions.tokens_cached IS 'Tokens of the request that came from the provider''s cache';
COMMENT ON COLUMN promptreg.executions.cost_usd IS 'Cost in US dollars';
COMMENT ON COLUMN promptreg.executions.error_class IS 'Kind of error: timeout, rate_limit ...; an execution with a class or a text is an error';
COMMENT ON COLUMN promptreg.executions.error IS 'Text of the error';
COMMENT ON COLUMN promptreg.executions.finish_reason IS 'Why the model stopped: stop, length, tool_calls ...';
COMMENT ON COLUMN promptreg.executions.metadata IS 'Anything else worth keeping, a JSON object';
COMMENT ON COLUMN promptreg.executions.xid IS 'Transaction that inserted the row; never set it: watermarks depend on it';

CREATE TABLE promptreg.executions_default (LIKE promptreg.executions INCLUDING ALL);
CREATE INDEX executions_default_request_id_idx ON promptreg.executions_default (request_id);
CREATE INDEX executions_default_xid_idx ON promptreg.executions_default (xid);
ALTER TABLE promptreg.executions ATTACH PARTITION promptreg.executions_default DEFAULT;
-- Rows move from here to partitions: without it a publication FOR ALL TABLES would refuse that.
ALTER TABLE promptreg.executions_default REPLICA IDENTITY FULL;
COMMENT ON TABLE promptreg.executions_default IS
  'Executions for whose time there was no partition; moved when their partition is made';
