-- Rollups: executions and their outcomes added up by hour and by day. Made of raw rows by promptreg.roll_up, each row once.
-- Moments are {count, sum, sum of squared deviations from the mean}.

CREATE TABLE promptreg.rollups (
  grain                      text NOT NULL CHECK (grain IN ('hour', 'day')),
  starts_at                  timestamptz NOT NULL,
  key                        bytea NOT NULL CHECK (octet_length(key) = 32),
  prompt                     text NOT NULL,
  version                    integer NOT NULL,
  environment                text NOT NULL,
  experiment                 text,
  variant                    text,
  model                      text,
  executions                 bigint NOT NULL,
  errors                     bigint NOT NULL,
  first_at                   timestamptz NOT NULL,
  last_at                    timestamptz NOT NULL,
  latency                    double precision[] NOT NULL,
  time_to_first_token        double precision[] NOT NULL,
  tokens                     double precision[] NOT NULL,
  cost                       double precision[] NOT NULL,
  tokens_in                  numeric NOT NULL,
  tokens_out                 numeric NOT NULL,
  tokens_cached              numeric NOT NULL,
  cost_usd                   numeric NOT NULL,
  latency_sketch             promptreg.sketch,
  time_to_first_token_sketch promptreg.sketch,
  tokens_sketch              promptreg.sketch,
  cost_sketch                promptreg.sketch,
  rating_1                   bigint NOT NULL DEFAULT 0,
  rating_2                   bigint NOT NULL DEFAULT 0,
  rating_3                   bigint NOT NULL DEFAULT 0,
  rating_4                   bigint NOT NULL DEFAULT 0,
  rating_5                   bigint NOT NULL DEFAULT 0,
  thumbs_up                  bigint NOT NULL DEFAULT 0,
  thumbs_down                bigint NOT NULL DEFAULT 0,
  score                      double precision[] NOT NULL DEFAULT '{0,0,0}',
  converted                  bigint NOT NULL DEFAULT 0,
  not_converted              bigint NOT NULL DEFAULT 0,
  edited                     bigint NOT NULL DEFAULT 0,
  not_edited                 bigint NOT NULL DEFAULT 0,
  accepted                   bigint NOT NULL DEFAULT 0,
  not_accepted               bigint NOT NULL DEFAULT 0,
  comments                   bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (grain, starts_at, key)
);
CREATE INDEX rollups_prompt_idx ON promptreg.rollups (prompt, grain, starts_at);
COMMENT ON TABLE promptreg.rollups IS
  'Executions and their outcomes added up by hour and, once more, by day; only of rows before the watermark of rollups';
COMMENT ON COLUMN promptreg.rollups.grain IS 'hour or day; both have everything: never add them up together';
COMMENT ON COLUMN promptreg.rollups.starts_at IS 'Beginning of the hour or day, in UTC';
COMMENT ON COLUMN promptreg.rollups.key IS 'SHA-256 over prompt, version, environment, experiment, variant and model';
COMMENT ON COLUMN promptreg.rollups.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.rollups.version IS 'Number of the version';
COMMENT ON COLUMN promptreg.rollups.environment IS 'Environment';
COMMENT ON COLUMN promptreg.rollups.experiment IS 'Key of the experiment; NULL: none';
COMMENT ON COLUMN promptreg.rollups.variant IS 'Variant of the experiment; NULL: none';
COMMENT ON COLUMN promptreg.rollups.model IS 'Model; NULL: not recorded';
COMMENT ON COLUMN promptreg.rollups.executions IS 'Executions';
COMMENT ON COLUMN promptreg.rollups.errors IS 'Executions with an error';
COMMENT ON COLUMN promptreg.rollups.first_at IS 'When the first was';
COMMENT ON COLUMN promptreg.rollups.last_at IS 'When the last was';
COMMENT ON COLUMN promptreg.rollups.latency IS 'Moments of the latency, in milliseconds';
COMMENT ON COLUMN promptreg.rollups.time_to_first_token IS 'Moments of the time to the first token, in milliseconds';
COMMENT ON COLUMN promptreg.rollups.tokens IS 'Moments of the tokens of an execution, request and answer together';
COMMENT ON COLUMN promptreg.rollups.cost IS 'Moments of the cost, in US dollars';
COMMENT ON COLUMN promptreg.rollups.tokens_in IS 'Tokens of requests, in all';
COMMENT ON COLUMN promptreg.rollups.tokens_out IS 'Tokens of answers, in all';
COMMENT ON COLUMN promptreg.rollups.tokens_cached IS 'Tokens of requests that came from the provider''s cache, in all';
COMMENT ON COLUMN promptreg.rollups.cost_usd IS 'Cost in all, in US dollars, exactly';
COMMENT ON COLUMN promptreg.rollups.latency_sketch IS 'Distribution of the latency, in milliseconds';
COMMENT ON COLUMN promptreg.rollups.time_to_first_token_sketch IS 'Distribution of the time to the first token, in milliseconds';
COMMENT ON COLUMN promptreg.rollups.tokens_sketch IS 'Distribution of the tokens of an execution';
COMMENT ON COLUMN promptreg.rollups.cost_sketch IS 'Distribution of the cost, in US dollars';
COMMENT ON COLUMN promptreg.rollups.rating_1 IS 'Ratings of 1';
COMMENT ON COLUMN promptreg.rollups.rating_2 IS 'Ratings of 2';
COMMENT ON COLUMN promptreg.rollups.rating_3 IS 'Ratings of 3';
COMMENT ON COLUMN promptreg.rollups.rating_4 IS 'Ratings of 4';
COMMENT ON COLUMN promptreg.rollups.rating_5 IS 'Ratings of 5';
COMMENT ON COLUMN promptreg.rollups.thumbs_up IS 'Thumbs up';
COMMENT ON COLUMN promptreg.rollups.thumbs_down IS 'Thumbs down';
COMMENT ON COLUMN promptreg.rollups.score IS 'Moments of the scores';
COMMENT ON COLUMN promptreg.rollups.converted IS 'Outcomes that say it converted';
COMMENT ON COLUMN promptreg.rollups.not_converted IS 'Outcomes that say it did not convert';
COMMENT ON COLUMN promptreg.rollups.edited IS 'Outcomes that say it was edited';
COMMENT ON COLUMN promptreg.rollups.not_edited IS 'Outcomes that say it was not edited';
COMMENT ON COLUMN promptreg.rollups.accepted IS 'Outcomes that say it was accepted';
COMMENT ON COLUMN promptreg.rollups.not_accepted IS 'Outcomes that say it was not accepted';
COMMENT ON COLUMN promptreg.rollups.comments IS 'Comments';
