-- Outcomes: what is learned about an execution later, or before it arrives. Any number, in any order; partitioned as
-- executions are.

CREATE TABLE promptreg.outcomes (
  at         timestamptz NOT NULL DEFAULT now(),
  request_id text NOT NULL,
  name       text NOT NULL,
  scorer     text,
  value      double precision,
  comment    text,
  metadata   jsonb,
  xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT outcomes_at_is_a_time CHECK (at BETWEEN '2000-01-01 00:00Z' AND '9999-12-31 00:00Z'),
  CONSTRAINT outcomes_value_fits_name CHECK (
    CASE name
      WHEN 'rating' THEN coalesce(value IN (1, 2, 3, 4, 5), false)
      WHEN 'score' THEN coalesce(value BETWEEN -1e12 AND 1e12, false)
      WHEN 'comment' THEN value IS NULL AND comment IS NOT NULL
      WHEN 'thumbs' THEN coalesce(value IN (0, 1), false)
      WHEN 'conversion' THEN coalesce(value IN (0, 1), false)
      WHEN 'edited' THEN coalesce(value IN (0, 1), false)
      WHEN 'accepted' THEN coalesce(value IN (0, 1), false)
      ELSE false END),
  CONSTRAINT outcomes_scorer_of_a_score CHECK (scorer IS NULL OR name = 'score'),
  CONSTRAINT outcomes_texts_bounded CHECK (
    request_id <> '' AND octet_length(request_id) <= 800 AND octet_length(scorer) <= 800
    AND octet_length(comment) <= 1048576),
  CONSTRAINT outcomes_metadata_is_a_bounded_object CHECK (
    jsonb_typeof(metadata) = 'object' AND pg_column_size(metadata) <= 1048576)
) PARTITION BY RANGE (at);
COMMENT ON TABLE promptreg.outcomes IS
  'Outcomes: ratings, thumbs, scores, conversions, comments, edits and acceptances of executions; append-only, partitioned by time';
COMMENT ON COLUMN promptreg.outcomes.at IS 'When it was learned';
COMMENT ON COLUMN promptreg.outcomes.request_id IS 'The execution it is about; every execution with this request_id';
COMMENT ON COLUMN promptreg.outcomes.name IS 'rating, thumbs, score, conversion, comment, edited or accepted';
COMMENT ON COLUMN promptreg.outcomes.scorer IS 'Who or what gave a score; NULL for the others';
COMMENT ON COLUMN promptreg.outcomes.value IS
  'rating: 1 to 5; score: any number; thumbs, conversion, edited, accepted: 1 for yes, 0 for no; comment: NULL';
COMMENT ON COLUMN promptreg.outcomes.comment IS 'What was said';
COMMENT ON COLUMN promptreg.outcomes.metadata IS 'Anything else worth keeping, a JSON object';
COMMENT ON COLUMN promptreg.outcomes.xid IS 'Transaction that inserted the row; never set it: watermarks depend on it';

CREATE TABLE promptreg.outcomes_default (LIKE promptreg.outcomes INCLUDING ALL);
CREATE INDEX outcomes_default_request_id_idx ON promptreg.outcomes_default (request_id);
CREATE INDEX outcomes_default_xid_idx ON promptreg.outcomes_default (xid);
ALTER TABLE promptreg.outcomes ATTACH PARTITION promptreg.outcomes_default DEFAULT;
ALTER TABLE promptreg.outcomes_default REPLICA IDENTITY FULL;
COMMENT ON TABLE promptreg.outcomes_default IS 'Outcomes for whose time there was no partition; moved when their partition is made';
