-- What models cost, and since when.

CREATE TABLE promptreg.model_prices (
  pattern                text NOT NULL CHECK (char_length(pattern) BETWEEN 1 AND 200),
  valid_from             timestamptz NOT NULL CHECK (isfinite(valid_from)),
  usd_per_million_in     numeric NOT NULL CHECK (usd_per_million_in BETWEEN 0 AND 1000000000),
  usd_per_million_out    numeric NOT NULL CHECK (usd_per_million_out BETWEEN 0 AND 1000000000),
  usd_per_million_cached numeric NOT NULL CHECK (usd_per_million_cached BETWEEN 0 AND 1000000000),
  set_by                 text NOT NULL,
  set_at                 timestamptz NOT NULL,
  PRIMARY KEY (pattern, valid_from)
);
COMMENT ON TABLE promptreg.model_prices IS 'Prices of models, from which the cost of executions is computed when it is not given';
COMMENT ON COLUMN promptreg.model_prices.pattern IS 'Models it is for; "*" stands for any characters; the longest pattern that fits counts';
COMMENT ON COLUMN promptreg.model_prices.valid_from IS 'From when on';
COMMENT ON COLUMN promptreg.model_prices.usd_per_million_in IS 'US dollars for a million tokens of requests';
COMMENT ON COLUMN promptreg.model_prices.usd_per_million_out IS 'US dollars for a million tokens of answers';
COMMENT ON COLUMN promptreg.model_prices.usd_per_million_cached IS 'US dollars for a million tokens of requests that came from the provider''s cache';
COMMENT ON COLUMN promptreg.model_prices.set_by IS 'Role that set it';
COMMENT ON COLUMN promptreg.model_prices.set_at IS 'When it was set';
