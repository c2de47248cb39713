-- Recording executions. The rules for their values stand in src/pg/execution.cpp; the table's constraints say the same
-- to plain INSERT and COPY.

-- "*" stands for any characters.
CREATE FUNCTION promptreg.matches(name text, pattern text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN name LIKE replace(replace(replace(replace(pattern, E'\\', E'\\\\'), '%', E'\\%'), '_', E'\\_'), '*', '%');
COMMENT ON FUNCTION promptreg.matches(text, text) IS 'Whether a name matches a pattern, in which "*" stands for any characters';

-- From when to when which price of a model is valid: at any time, that of the longest pattern that has one by then.
CREATE FUNCTION promptreg.price_at(model text, at timestamptz) RETURNS promptreg.model_prices
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT p.* FROM promptreg.model_prices p
   WHERE p.valid_from <= price_at.at AND promptreg.matches(name => price_at.model, pattern => p.pattern)
   ORDER BY char_length(p.pattern) DESC, p.pattern, p.valid_from DESC
   LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.price_at(text, timestamptz) IS 'The price of a model at a time';

-- tokens_in includes cached ones. Rounded to a billionth of a dollar.
CREATE FUNCTION promptreg.cost_of(price promptreg.model_prices, tokens_in bigint, tokens_out bigint, tokens_cached bigint)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (price).pattern IS NOT NULL AND (tokens_in IS NOT NULL OR tokens_out IS NOT NULL) THEN
  round(((price).usd_per_million_in * greatest(coalesce(tokens_in, 0) - coalesce(tokens_cached, 0), 0)
         + (price).usd_per_million_cached * coalesce(tokens_cached, 0)
         + (price).usd_per_million_out * coalesce(tokens_out, 0)) / 1000000, 9) END;
COMMENT ON FUNCTION promptreg.cost_of(promptreg.model_prices, bigint, bigint, bigint) IS
  'What tokens cost at a price, in US dollars; NULL without a price or without tokens';

CREATE FUNCTION promptreg.model_cost(
  model text, at timestamptz, tokens_in bigint, tokens_out bigint, tokens_cached bigint
) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN promptreg.cost_of(promptreg.price_at(model, at), tokens_in, tokens_out, tokens_cached);
COMMENT ON FUNCTION promptreg.model_cost(text, timestamptz, bigint, bigint, bigint) IS
  'What tokens of a model cost at a time, in US dollars; NULL where no price is known';

CREATE FUNCTION promptreg._prompt_model_price(
  pattern text, usd_per_million_in numeric, usd_per_million_out numeric, usd_per_million_cached numeric DEFAULT NULL,
  valid_from timestamptz DEFAULT now()
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  cached numeric := coalesce(_prompt_model_price.usd_per_million_cached, _prompt_model_price.usd_per_million_in);
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  INSERT INTO promptreg.model_prices AS p (pattern, valid_from, usd_per_million_in, usd_per_million_out,
                                           usd_per_million_cached, set_by, set_at)
  VALUES (_prompt_model_price.pattern, _prompt_model_price.valid_from, _prompt_model_price.usd_per_million_in,
          _prompt_model_price.usd_per_million_out, cached, promptreg.caller(), clock_timestamp())
  ON CONFLICT ON CONSTRAINT model_prices_pkey DO UPDATE
     SET usd_per_million_in = excluded.usd_per_million_in, usd_per_million_out = excluded.usd_per_million_out,
         usd_per_million_cached = excluded.usd_per_million_cached, set_by = excluded.set_by, set_at = excluded.set_at;
  PERFORM promptreg.audit(event => 'price_set', after => jsonb_build_object(
    'pattern', _prompt_model_price.pattern, 'valid_from', _prompt_model_price.valid_from,
    'usd_per_million_in', _prompt_model_price.usd_per_million_in,
    'usd_per_million_out', _prompt_model_price.usd_per_million_out, 'usd_per_million_cached', cached));
EXCEPTION WHEN check_violation OR not_null_violation THEN
  RAISE EXCEPTION USING
    ERRCODE = 'PR083',
    MESSAGE = format('the price of %s is not valid', promptreg.shown(_prompt_model_price.pattern)),
    DETAIL = 'A pattern has 1 to 200 characters; prices are numbers from 0 to 1000000000, in US dollars for a million tokens; valid_from is a time.';
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_model_price(text, numeric, numeric, numeric, timestamptz) IS
  'Sets what models whose names match a pattern cost from a time on, in US dollars for a million tokens; cached tokens cost as others if their price is not given. Right: admin on every prompt';

CREATE FUNCTION promptreg._prompt_log(
  name text, version integer, env text DEFAULT 'production', user_id text DEFAULT NULL, request_id text DEFAULT NULL,
  experiment text DEFAULT NULL, variant text DEFAULT NULL, model text DEFAULT NULL,
  latency_ms double precision DEFAULT NULL, time_to_first_token_ms double precision DEFAULT NULL,
  tokens_in bigint DEFAULT NULL, tokens_out bigint DEFAULT NULL, tokens_cached bigint DEFAULT NULL,
  cost_usd numeric DEFAULT NULL, error_class text DEFAULT NULL, error text DEFAULT NULL,
  finish_reason text DEFAULT NULL, metadata jsonb DEFAULT NULL, at timestamptz DEFAULT NULL
) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'promptreg_log';
COMMENT ON FUNCTION promptreg._prompt_log(text, integer, text, text, text, text, text, text, double precision, double precision, bigint, bigint, bigint, numeric, text, text, text, jsonb, timestamptz) IS
  'Records one execution and returns its request_id, which is made up if not given; so are the time (now) and, where a price is known, the cost. Right: resolve';

CREATE FUNCTION promptreg.check_batch(executions jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(jsonb_typeof(executions), '') <> 'array' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR082',
      MESSAGE = format('executions must be a JSON array of objects, not %s', coalesce(jsonb_typeof(executions), 'NULL')),
      HINT = 'The keys of an object are named as the arguments of prompt_log are.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_batch(jsonb) IS 'Error unless a batch of executions is an array';

CREATE FUNCTION promptreg.record_executions(executions jsonb, OUT recorded bigint, OUT refused bigint, OUT problems text)
LANGUAGE c VOLATILE STRICT SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'promptreg_record_executions';
COMMENT ON FUNCTION promptreg.record_executions(jsonb) IS
  'Records the entries of a batch that can be recorded; how many were not, and what is wrong with the first twenty of them, counted from 1';

CREATE FUNCTION promptreg._prompt_log_many(executions jsonb, on_error text DEFAULT 'skip') RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  result record;
BEGIN
  PERFORM promptreg.authorize_any('resolve');
  PERFORM promptreg.check_choice(_prompt_log_many.on_error, '{skip,abort}', 'on_error');
  PERFORM promptreg.check_batch(_prompt_log_many.executions);
  SELECT r.* INTO STRICT result FROM promptreg.record_executions(_prompt_log_many.executions) AS r;
  IF result.refused > 0 AND _prompt_log_many.on_error = 'abort' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR080',
      MESSAGE = format('%s of %s executions cannot be recorded', result.refused, result.refused + result.recorded),
      DETAIL = result.problems,
      HINT = 'None of them was. Entries count from 1; on_error => ''skip'' records the others.';
  ELSIF result.refused > 0 THEN
    RAISE WARNING USING
      ERRCODE = 'PR080',
      MESSAGE = format('%s of %s executions were not recorded', result.refused, result.refused + result.recorded),
      DETAIL = result.problems;
  END IF;
  RETURN result.recorded;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_log_many(jsonb, text) IS
  'Records a batch, a JSON array of objects with the arguments of prompt_log as keys; returns how many. Entries that cannot be recorded are left out with a warning that lists them, or with on_error ''abort'' none is recorded. Right: resolve';
