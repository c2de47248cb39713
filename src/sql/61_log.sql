-- Recording executions. The rules for their values stand in src/pg/execution.cpp; the table's constraints say the same
-- to plain INSERT and COPY.

-- "*" stands for any characters.
CREATE FUNCTION promptreg.matches(name text, pattern text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN name LIKE replace(replace(replace(replace(pattern, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%');
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

CREATE FUNCTION promptreg.read_executions(
  executions jsonb, OUT index bigint, OUT problem text,
  OUT at timestamptz, OUT request_id text, OUT prompt text, OUT version integer, OUT environment text,
  OUT experiment text, OUT variant text, OUT user_id text, OUT model text, OUT latency_ms double precision,
  OUT time_to_first_token_ms double precision, OUT tokens_in bigint, OUT tokens_out bigint, OUT tokens_cached bigint,
  OUT cost_usd numeric, OUT error_class text, OUT error text, OUT finish_reason text, OUT metadata jsonb
) RETURNS SETOF record
LANGUAGE c VOLATILE STRICT ROWS 1000 AS 'MODULE_PATHNAME', 'promptreg_read_executions';
COMMENT ON FUNCTION promptreg.read_executions(jsonb) IS
  'The entries of a batch as rows, and what is wrong with those that cannot be recorded; index counts from 1';

CREATE FUNCTION promptreg.execution_days(executions jsonb) RETURNS SETOF timestamptz
LANGUAGE c STABLE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'promptreg_execution_days';
COMMENT ON FUNCTION promptreg.execution_days(jsonb) IS 'The days, in UTC, that the entries of a batch belong to';

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

-- What is to become of each entry; set-based, because a batch has thousands.
CREATE FUNCTION promptreg.insert_executions(executions jsonb, OUT recorded bigint, OUT refused bigint, OUT problems text)
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH given AS MATERIALIZED (
    SELECT g.* FROM promptreg.read_executions(insert_executions.executions) AS g
  ), asked AS (
    SELECT g.prompt, g.environment, min(p.name) AS own_name
      FROM given g
      LEFT JOIN promptreg.names n ON n.name = g.prompt
      LEFT JOIN promptreg.prompts p ON p.id = n.prompt_id
     WHERE g.problem IS NULL
     GROUP BY g.prompt, g.environment
  ), known AS MATERIALIZED (
    SELECT a.prompt, a.environment, coalesce(a.own_name, a.prompt) AS own_name,
           promptreg.allowed('resolve', coalesce(a.own_name, a.prompt), a.environment) AS allowed
      FROM asked a
  ), priced AS MATERIALIZED (
    -- Each model once for each time at which a price of any model changes.
    SELECT m.model, s.since, lead(s.since, 1, 'infinity') OVER (PARTITION BY m.model ORDER BY s.since) AS until,
           promptreg.price_at(m.model, s.since) AS price
      FROM (SELECT DISTINCT g.model FROM given g WHERE g.problem IS NULL AND g.cost_usd IS NULL AND g.model IS NOT NULL) m,
           (SELECT DISTINCT p.valid_from AS since FROM promptreg.model_prices p) s
  ), inserted AS (
    INSERT INTO promptreg.executions (at, request_id, prompt, version, environment, experiment, variant, user_id, model,
                                      latency_ms, time_to_first_token_ms, tokens_in, tokens_out, tokens_cached,
                                      cost_usd, error_class, error, finish_reason, metadata)
    SELECT g.at, g.request_id, k.own_name, g.version, g.environment, g.experiment, g.variant, g.user_id, g.model,
           g.latency_ms, g.time_to_first_token_ms, g.tokens_in, g.tokens_out, g.tokens_cached,
           coalesce(g.cost_usd, promptreg.cost_of(c.price, g.tokens_in, g.tokens_out, g.tokens_cached)),
           g.error_class, g.error, g.finish_reason, g.metadata
      FROM given g
      JOIN known k ON k.prompt = g.prompt AND k.environment = g.environment AND k.allowed
      LEFT JOIN priced c ON c.model = g.model AND g.cost_usd IS NULL AND g.at >= c.since AND g.at < c.until
     WHERE g.problem IS NULL
    RETURNING 1
  ), bad AS (
    SELECT g.index, coalesce(g.problem, format('prompt %s does not exist in %s', promptreg.shown(g.prompt),
                                               promptreg.shown(g.environment))) AS problem
      FROM given g LEFT JOIN known k ON k.prompt = g.prompt AND k.environment = g.environment
     WHERE g.problem IS NOT NULL OR NOT k.allowed
  )
  SELECT (SELECT count(*) FROM inserted), (SELECT count(*) FROM bad),
         (SELECT string_agg(format('entry %s: %s', b.index, b.problem), E'\n' ORDER BY b.index)
            FROM (SELECT bad.index, bad.problem FROM bad ORDER BY bad.index LIMIT 20) b);
END;
COMMENT ON FUNCTION promptreg.insert_executions(jsonb) IS
  'Records the entries of a batch that can be recorded; how many were not, and what is wrong with the first twenty of them';

CREATE FUNCTION promptreg._prompt_log_many(executions jsonb, on_error text DEFAULT 'skip') RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  result record;
BEGIN
  PERFORM promptreg.authorize_any('resolve');
  PERFORM promptreg.check_choice(_prompt_log_many.on_error, '{skip,abort}', 'on_error');
  PERFORM promptreg.check_batch(_prompt_log_many.executions);
  PERFORM promptreg.prepare_partitions('executions', ARRAY(SELECT promptreg.execution_days(_prompt_log_many.executions)));
  SELECT i.* INTO STRICT result FROM promptreg.insert_executions(_prompt_log_many.executions) AS i;
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
