-- Recording what is learned about an execution later. The execution need not have arrived, and is not looked up: a
-- request_id is all that is known here. Whoever may resolve anything may record outcomes.

CREATE FUNCTION promptreg.raise_invalid_outcome(problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR081',
    MESSAGE = format('the feedback cannot be recorded: %s', problem);
END;
$$;
COMMENT ON FUNCTION promptreg.raise_invalid_outcome(text) IS 'The error for feedback that is not valid';

CREATE FUNCTION promptreg.check_outcome(
  request_id text, rating integer, score double precision, scorer text, comment text, metadata jsonb, at timestamptz
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  problem text;
BEGIN
  problem := CASE
    WHEN coalesce(request_id, '') = '' THEN 'request_id is missing'
    WHEN octet_length(request_id) > 800 THEN 'request_id has more than 800 bytes'
    WHEN rating NOT BETWEEN 1 AND 5 THEN format('rating is %s, not 1 to 5', rating)
    WHEN NOT score BETWEEN -1e12 AND 1e12 THEN 'score is out of range'
    WHEN scorer IS NOT NULL AND score IS NULL THEN 'there is a scorer without a score'
    WHEN octet_length(scorer) > 800 THEN 'scorer has more than 800 bytes'
    WHEN octet_length(comment) > 1048576 THEN 'comment has more than 1048576 bytes'
    WHEN jsonb_typeof(metadata) <> 'object' THEN 'metadata is no JSON object'
    WHEN pg_column_size(metadata) > 1048576 THEN 'metadata has more than 1048576 bytes'
    WHEN at < '2000-01-01 00:00Z' THEN 'at is before the year 2000'
    WHEN at > clock_timestamp() + interval '1 day' THEN 'at is more than a day in the future'
  END;
  IF problem IS NOT NULL THEN
    PERFORM promptreg.raise_invalid_outcome(problem);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_outcome(text, integer, double precision, text, text, jsonb, timestamptz) IS
  'Error unless feedback is valid';

CREATE FUNCTION promptreg._prompt_feedback(
  request_id text, rating integer DEFAULT NULL, thumbs boolean DEFAULT NULL, score double precision DEFAULT NULL,
  scorer text DEFAULT NULL, conversion boolean DEFAULT NULL, comment text DEFAULT NULL, edited boolean DEFAULT NULL,
  accepted boolean DEFAULT NULL, metadata jsonb DEFAULT NULL, at timestamptz DEFAULT NULL
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  recorded integer;
  learned timestamptz := coalesce(_prompt_feedback.at, clock_timestamp());
BEGIN
  PERFORM promptreg.authorize_any('resolve');
  PERFORM promptreg.check_outcome(request_id => _prompt_feedback.request_id, rating => _prompt_feedback.rating,
    score => _prompt_feedback.score, scorer => _prompt_feedback.scorer, comment => _prompt_feedback.comment,
    metadata => _prompt_feedback.metadata, at => learned);
  PERFORM promptreg.ensure_partition('outcomes', learned);
  INSERT INTO promptreg.outcomes (at, request_id, name, scorer, value, comment, metadata)
  SELECT learned, _prompt_feedback.request_id, o.name, CASE o.name WHEN 'score' THEN _prompt_feedback.scorer END, o.value,
         o.comment, _prompt_feedback.metadata
    FROM (VALUES ('rating', _prompt_feedback.rating::double precision, NULL),
                 ('thumbs', _prompt_feedback.thumbs::integer, NULL),
                 ('score', _prompt_feedback.score, NULL),
                 ('conversion', _prompt_feedback.conversion::integer, NULL),
                 ('edited', _prompt_feedback.edited::integer, NULL),
                 ('accepted', _prompt_feedback.accepted::integer, NULL),
                 ('comment', NULL, _prompt_feedback.comment)) AS o (name, value, comment)
   WHERE o.value IS NOT NULL OR o.comment IS NOT NULL;
  GET DIAGNOSTICS recorded = ROW_COUNT;
  IF recorded = 0 THEN
    PERFORM promptreg.raise_invalid_outcome('it has no rating, thumbs, score, conversion, comment, edited or accepted');
  END IF;
  PERFORM promptreg.check_guards_now_and_then(_prompt_feedback.request_id);
  RETURN recorded;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_feedback(text, integer, boolean, double precision, text, boolean, text, boolean, boolean, jsonb, timestamptz) IS
  'Records what was learned about an execution, one outcome for each argument that is given, and returns how many; at any time, before the execution arrives too. Right: resolve on any prompt';
