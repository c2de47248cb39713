-- What is asked of the variants, weights and shares of an experiment.

-- Relative weights as integer parts per million that add up to a total, by largest remainder; ties go to the smaller
-- key in byte order. NULL when they add up to nothing.
CREATE FUNCTION promptreg.weights_to_ppm(keys text[], weights numeric[], total integer DEFAULT 1000000) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH shares AS (
    SELECT w.ordinality, w.key, w.weight * total / nullif(sum(w.weight) OVER (), 0) AS share
      FROM unnest(keys, weights) WITH ORDINALITY AS w (key, weight, ordinality)
  ), ranked AS (
    SELECT s.ordinality, floor(s.share) AS whole,
           row_number() OVER (ORDER BY s.share - floor(s.share) DESC, s.key COLLATE "C") AS rank,
           total - sum(floor(s.share)) OVER () AS missing
      FROM shares s
  )
  SELECT array_agg((r.whole + CASE WHEN r.rank <= r.missing THEN 1 ELSE 0 END)::integer ORDER BY r.ordinality)
         FILTER (WHERE r.whole IS NOT NULL)
    FROM ranked r;
END;
COMMENT ON FUNCTION promptreg.weights_to_ppm(text[], numeric[], integer) IS
  'Relative weights as parts per million that add up to a total, by largest remainder';

CREATE FUNCTION promptreg.raise_invalid_experiment(problem text, hint text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR055',
    MESSAGE = raise_invalid_experiment.problem,
    HINT = coalesce(raise_invalid_experiment.hint,
      'Variants look like [{"key": "control", "version": 6, "weight": 0.9}, {"key": "b", "version": 7, "weight": 0.1}].');
END;
$$;
COMMENT ON FUNCTION promptreg.raise_invalid_experiment(text, text) IS 'The error for variants or weights that are not valid';

CREATE FUNCTION promptreg.check_weight(weight jsonb, key text) RETURNS numeric
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(jsonb_typeof(weight), '') <> 'number' OR (weight #>> '{}')::numeric NOT BETWEEN 0 AND 1000000000 THEN
    PERFORM promptreg.raise_invalid_experiment(
      problem => format('the weight of variant "%s" is %s', check_weight.key, coalesce(weight::text, 'missing')),
      hint => 'Weights are numbers from 0 to 1000000000, relative to each other.');
  END IF;
  RETURN (weight #>> '{}')::numeric;
END;
$$;
COMMENT ON FUNCTION promptreg.check_weight(jsonb, text) IS 'A weight as a number, or an error';

-- A control with a fixed share has no weight of its own; the others divide what it leaves.
CREATE FUNCTION promptreg.to_ppm(experiment promptreg.experiments, keys text[], weights jsonb) RETURNS integer[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  fixed boolean := experiment.control_ppm IS NOT NULL;
  numbers numeric[];
  ppm integer[];
BEGIN
  IF fixed AND weights ? experiment.control THEN
    PERFORM promptreg.raise_invalid_experiment(
      problem => format('variant "%s" has a fixed share of the experiment, so it takes no weight', experiment.control),
      hint => 'Leave its weight out; the weights of the others divide the rest.');
  END IF;
  SELECT array_agg(CASE WHEN fixed AND k.key = experiment.control THEN 0
                        ELSE promptreg.check_weight(weight => weights -> k.key, key => k.key) END ORDER BY k.ordinality)
    INTO numbers FROM unnest(keys) WITH ORDINALITY AS k (key, ordinality);
  ppm := promptreg.weights_to_ppm(keys => to_ppm.keys, weights => numbers,
                                  total => 1000000 - coalesce(experiment.control_ppm, 0));
  IF ppm IS NULL THEN
    PERFORM promptreg.raise_invalid_experiment(problem => 'the weights add up to 0', hint => 'Give at least one variant a positive weight.');
  ELSIF fixed THEN
    ppm[array_position(keys, experiment.control)] := experiment.control_ppm;
  END IF;
  RETURN ppm;
END;
$$;
COMMENT ON FUNCTION promptreg.to_ppm(promptreg.experiments, text[], jsonb) IS
  'Weights, {"key": weight}, as parts per million in the order of the keys, with the control''s share if that is fixed';

CREATE FUNCTION promptreg.share_to_ppm(share numeric, what text, hint text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF share IS NULL OR share NOT BETWEEN 0 AND 1 THEN
    PERFORM promptreg.raise_invalid_experiment(problem => format('%s is %s', share_to_ppm.what, coalesce(share::text, 'NULL')),
                                               hint => share_to_ppm.hint);
  END IF;
  RETURN round(share * 1000000);
END;
$$;
COMMENT ON FUNCTION promptreg.share_to_ppm(numeric, text, text) IS 'A share from 0 to 1 as parts per million, or an error';

CREATE FUNCTION promptreg.check_variant(variant jsonb, index bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  problem text;
BEGIN
  problem := CASE
    WHEN jsonb_typeof(variant) <> 'object' THEN format('it is %s, not an object', jsonb_typeof(variant))
    WHEN coalesce(jsonb_typeof(variant -> 'key'), '') <> 'string' THEN 'it has no key'
    WHEN NOT promptreg.is_valid_name(variant ->> 'key') THEN 'its key is not valid'
    WHEN coalesce(jsonb_typeof(variant -> 'version'), '') <> 'number' OR variant ->> 'version' !~ '^[1-9][0-9]{0,8}$'
      THEN 'its version is no number of a version'
    WHEN variant - '{key,version,weight}'::text[] <> '{}' THEN 'it has keys besides key, version and weight'
  END;
  IF problem IS NOT NULL THEN
    PERFORM promptreg.raise_invalid_experiment(format('variant %s is not valid: %s', check_variant.index, problem));
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_variant(jsonb, bigint) IS 'Error unless one variant of an experiment is valid; index counts from 1';

CREATE FUNCTION promptreg.check_variants(variants jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  duplicate text;
BEGIN
  IF coalesce(jsonb_typeof(variants), '') <> 'array' OR jsonb_array_length(variants) NOT BETWEEN 2 AND 100 THEN
    PERFORM promptreg.raise_invalid_experiment('variants must be a JSON array of 2 to 100 variants');
  END IF;
  PERFORM promptreg.check_variant(variant => v.value, index => v.ordinality)
     FROM jsonb_array_elements(variants) WITH ORDINALITY AS v (value, ordinality) ORDER BY v.ordinality;
  SELECT v.value ->> 'key' INTO duplicate
    FROM jsonb_array_elements(variants) AS v (value) GROUP BY 1 HAVING count(*) > 1 LIMIT 1;
  IF duplicate IS NOT NULL THEN
    PERFORM promptreg.raise_invalid_experiment(format('there are two variants with the key "%s"', duplicate));
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_variants(jsonb) IS 'Error unless the variants of an experiment are valid';

CREATE FUNCTION promptreg.variant_keys(variants jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT array_agg(v.value ->> 'key' ORDER BY v.ordinality)
          FROM jsonb_array_elements(variants) WITH ORDINALITY AS v (value, ordinality));
COMMENT ON FUNCTION promptreg.variant_keys(jsonb) IS 'Keys of the variants that an array describes';

CREATE FUNCTION promptreg.variant_versions(variants jsonb) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT array_agg((v.value ->> 'version')::integer ORDER BY v.ordinality)
          FROM jsonb_array_elements(variants) WITH ORDINALITY AS v (value, ordinality));
COMMENT ON FUNCTION promptreg.variant_versions(jsonb) IS 'Versions of the variants that an array describes';

CREATE FUNCTION promptreg.variant_weights(variants jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT jsonb_strip_nulls(jsonb_object_agg(v.value ->> 'key', v.value -> 'weight'))
          FROM jsonb_array_elements(variants) AS v (value));
COMMENT ON FUNCTION promptreg.variant_weights(jsonb) IS 'Weights of the variants that an array describes, by key';

CREATE FUNCTION promptreg.required_variables(name text, version integer, env text) RETURNS text[]
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'promptreg_required_variables';
COMMENT ON FUNCTION promptreg.required_variables(text, integer, text) IS
  'Variables without which a version cannot be rendered, sorted. Checks the caller''s right to read the prompt';

CREATE FUNCTION promptreg.variables_difference(version integer, requires text[], deployed_requires text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH difference AS (
    SELECT (SELECT string_agg(r.name, ', ' ORDER BY r.name) FROM unnest(requires) AS r (name) WHERE r.name <> ALL (deployed_requires)) AS more,
           (SELECT string_agg(r.name, ', ' ORDER BY r.name) FROM unnest(deployed_requires) AS r (name) WHERE r.name <> ALL (requires)) AS less
  )
  SELECT concat_ws(E'\n', 'Version ' || version || ' requires ' || d.more || ' besides.',
                           'Version ' || version || ' does not require ' || d.less || '.')
    FROM difference d;
END;
COMMENT ON FUNCTION promptreg.variables_difference(integer, text[], text[]) IS
  'What a version requires otherwise than the deployed one, in words; empty: nothing';

-- An application that gives what the deployed version requires must be able to get any variant; and a variant that has
-- lost a variable is more often a slip than meant.
CREATE FUNCTION promptreg.check_same_variables(prompt promptreg.prompts, env text, deployed integer, versions integer[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  known text[] := promptreg.required_variables(prompt.name, deployed, env);
  differences text;
BEGIN
  SELECT string_agg(d.words, E'\n' ORDER BY d.version) INTO differences
    FROM (SELECT v.version, promptreg.variables_difference(version => v.version, deployed_requires => known,
                   requires => promptreg.required_variables(prompt.name, v.version, env)) AS words
            FROM (SELECT DISTINCT unnest(versions)) AS v (version)) AS d
   WHERE d.words <> '';
  IF differences IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR058',
      MESSAGE = format('the variants of prompt "%s" require other variables than the deployed version %s', prompt.name, deployed),
      DETAIL = differences,
      HINT = 'Pass accept_differences => true if that is meant and every application gives all of them.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_same_variables(promptreg.prompts, text, integer, integer[]) IS
  'Error if a version requires other variables than the deployed one';

-- What holds for a promotion holds for a share of the traffic too.
CREATE FUNCTION promptreg.check_servable(prompt promptreg.prompts, env text, versions integer[], accept_differences boolean)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  deployed integer := (promptreg.last_deployment(prompt.id, check_servable.env)).version;
BEGIN
  IF deployed IS NULL THEN
    PERFORM promptreg.raise_not_deployed(check_servable.prompt, check_servable.env);
  END IF;
  PERFORM promptreg.check_promotable(prompt => check_servable.prompt, version => v.version, env => check_servable.env,
                                     end_experiment => true)
     FROM (SELECT DISTINCT unnest(versions) ORDER BY 1) AS v (version)
    WHERE v.version <> deployed;
  IF accept_differences IS NOT TRUE THEN
    PERFORM promptreg.check_same_variables(prompt => check_servable.prompt, env => check_servable.env, deployed => deployed, versions => check_servable.versions);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_servable(promptreg.prompts, text, integer[], boolean) IS
  'Error unless versions may be served in an environment beside the deployed one';
