-- Metrics: defining, listing, archiving; and the plan of an experiment.

CREATE FUNCTION promptreg.raise_invalid_metric(problem text, hint text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'PR074',
    MESSAGE = format('the metric is not valid: %s', raise_invalid_metric.problem),
    HINT = coalesce(raise_invalid_metric.hint, 'Sources are: executions, latency_ms, time_to_first_token_ms, tokens_in, tokens_out, tokens_cached, cost_usd, error, rating, thumbs, conversion, edited, accepted, score, score/<scorer>.');
END;
$$;
COMMENT ON FUNCTION promptreg.raise_invalid_metric(text, text) IS 'The error for a metric that is not valid';

CREATE FUNCTION promptreg.check_metric(metric promptreg.metrics) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF promptreg.is_metric_source(metric.source) IS NOT TRUE THEN
    PERFORM promptreg.raise_invalid_metric(format('%s is no source', promptreg.shown(metric.source)));
  ELSIF metric.kind = 'proportion' AND metric.source NOT IN ('error', 'thumbs', 'conversion', 'edited', 'accepted') THEN
    PERFORM promptreg.raise_invalid_metric(format('a proportion of %s is none', metric.source),
                                           'Use error, thumbs, conversion, edited or accepted, or kind mean.');
  ELSIF (metric.kind = 'ratio') <> (metric.denominator IS NOT NULL) THEN
    PERFORM promptreg.raise_invalid_metric('a ratio has a denominator, and nothing else has');
  ELSIF metric.denominator <> 'observations' AND NOT promptreg.is_metric_source(metric.denominator) THEN
    PERFORM promptreg.raise_invalid_metric(format('%s is no denominator', promptreg.shown(metric.denominator)),
                                           'Use a source, such as executions, or observations.');
  ELSIF (metric.kind = 'quantile') <> (metric.quantile IS NOT NULL) OR NOT (metric.quantile > 0 AND metric.quantile < 1) THEN
    PERFORM promptreg.raise_invalid_metric('the kind quantile has a quantile between 0 and 1, and nothing else has',
                                           'For example 0.95; the median is 0.5.');
  ELSIF metric.cap IS NOT NULL AND (metric.kind IN ('proportion', 'quantile') OR NOT (metric.cap > 0 AND metric.cap <= 1e15)) THEN
    PERFORM promptreg.raise_invalid_metric('cap is out of range', 'It is a positive number; proportions and quantiles have none.');
  ELSIF metric.attribution_window < interval '0' THEN
    PERFORM promptreg.raise_invalid_metric('attribution_window is negative');
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_metric(promptreg.metrics) IS 'Error unless the parts of a metric fit together';

CREATE FUNCTION promptreg.metric_meaning(metric promptreg.metrics) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN jsonb_build_object('kind', metric.kind, 'source', metric.source, 'denominator', metric.denominator, 'quantile', metric.quantile,
  'direction', metric.direction, 'cap', metric.cap, 'attribution_window', metric.attribution_window, 'role', metric.role);
COMMENT ON FUNCTION promptreg.metric_meaning(promptreg.metrics) IS 'What of a metric results depend on';

CREATE FUNCTION promptreg.check_metric_unused(metric text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  running text;
BEGIN
  SELECT string_agg(x.key, ', ' ORDER BY x.key) INTO running
    FROM (SELECT e.key FROM promptreg.experiments e
           WHERE promptreg.is_live(e.state)
             AND (EXISTS (SELECT FROM promptreg.experiment_metrics m WHERE m.experiment_id = e.id AND m.metric = check_metric_unused.metric)
                  OR EXISTS (SELECT FROM promptreg.bandit_sources s WHERE s.experiment_id = e.id AND s.metric = check_metric_unused.metric))
           ORDER BY e.key LIMIT 5) x;
  IF running IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR075',
      MESSAGE = format('metric "%s" cannot change while experiments are judged by it', check_metric_unused.metric),
      DETAIL = format('Running, the first five: %s.', running),
      HINT = 'Define another metric, or stop them first.';
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.check_metric_unused(text) IS 'Error if a running experiment is judged by a metric';

CREATE FUNCTION promptreg.forget_metric(metric text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM promptreg.experiment_figures f WHERE f.metric = forget_metric.metric;
  DELETE FROM promptreg.experiment_stats s WHERE s.metric = forget_metric.metric;
  DELETE FROM promptreg.experiment_sketches s WHERE s.metric = forget_metric.metric;
  DELETE FROM promptreg.experiment_totals t WHERE t.metric = forget_metric.metric;
  DELETE FROM promptreg.experiment_metrics m WHERE m.metric = forget_metric.metric;
END;
COMMENT ON FUNCTION promptreg.forget_metric(text) IS 'Discards what was counted of a metric; the next refresh counts anew';

CREATE FUNCTION promptreg._prompt_metric_define(
  name text, kind text, source text, denominator text DEFAULT NULL, direction text DEFAULT 'up', cap double precision DEFAULT NULL,
  attribution_window interval DEFAULT NULL, role text DEFAULT 'secondary', description text DEFAULT NULL,
  quantile double precision DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  old promptreg.metrics;
  new promptreg.metrics;
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  PERFORM promptreg.check_name(_prompt_metric_define.name, 'a metric');
  PERFORM promptreg.check_choice(_prompt_metric_define.kind, '{proportion,mean,ratio,count,quantile}', 'kind of metric');
  PERFORM promptreg.check_choice(_prompt_metric_define.direction, '{up,down}', 'direction');
  PERFORM promptreg.check_choice(_prompt_metric_define.role, '{primary,secondary,guardrail}', 'role of a metric');
  new := ROW(_prompt_metric_define.name, _prompt_metric_define.kind, _prompt_metric_define.source, _prompt_metric_define.denominator,
             _prompt_metric_define.quantile, _prompt_metric_define.direction, _prompt_metric_define.cap, _prompt_metric_define.attribution_window,
             _prompt_metric_define.role, _prompt_metric_define.description, promptreg.caller(), clock_timestamp(), NULL);
  PERFORM promptreg.check_metric(new);
  -- A refresh holds this lock: it never counts by two meanings.
  LOCK TABLE promptreg.metrics IN SHARE ROW EXCLUSIVE MODE;
  SELECT m.* INTO old FROM promptreg.metrics m WHERE m.name = new.name;
  IF promptreg.metric_meaning(old) <> promptreg.metric_meaning(new) THEN
    PERFORM promptreg.check_metric_unused(new.name);
    PERFORM promptreg.forget_metric(new.name);
  END IF;
  INSERT INTO promptreg.metrics AS m (name, kind, source, denominator, quantile, direction, cap, attribution_window, role, description,
                                      defined_by, defined_at)
  VALUES (new.name, new.kind, new.source, new.denominator, new.quantile, new.direction, new.cap, new.attribution_window, new.role,
          new.description, new.defined_by, new.defined_at)
  ON CONFLICT ON CONSTRAINT metrics_pkey DO UPDATE
     SET kind = excluded.kind, source = excluded.source, denominator = excluded.denominator, quantile = excluded.quantile,
         direction = excluded.direction, cap = excluded.cap, attribution_window = excluded.attribution_window, role = excluded.role,
         description = excluded.description, defined_by = excluded.defined_by, defined_at = excluded.defined_at, archived_at = NULL;
  PERFORM promptreg.audit(event => 'metric_defined',
    before => CASE WHEN old.name IS NOT NULL THEN jsonb_build_object('metric', old.name) || promptreg.metric_meaning(old) END,
    after => jsonb_build_object('metric', new.name) || promptreg.metric_meaning(new));
  RETURN new.name;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_metric_define(text, text, text, text, text, double precision, interval, text, text, double precision) IS
  'Defines a metric, or defines it anew: a proportion, mean, ratio, count or quantile of a source, by which experiments are judged. Right: admin on every prompt';

CREATE FUNCTION promptreg._prompt_metric_archive(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.authorize_names('admin', '*');
  IF NOT EXISTS (SELECT FROM promptreg.metrics m WHERE m.name = _prompt_metric_archive.name) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR076',
      MESSAGE = format('metric %s does not exist', promptreg.shown(_prompt_metric_archive.name)),
      HINT = promptreg.did_you_mean(_prompt_metric_archive.name, (SELECT array_agg(m.name) FROM promptreg.metrics m),
                                    'prompt_metrics() lists them.');
  END IF;
  UPDATE promptreg.metrics m SET archived_at = clock_timestamp()
   WHERE m.name = _prompt_metric_archive.name AND m.archived_at IS NULL;
  IF FOUND THEN
    PERFORM promptreg.audit(event => 'metric_archived', after => jsonb_build_object('metric', _prompt_metric_archive.name));
    RETURN true;
  END IF;
  RETURN false;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_metric_archive(text) IS
  'Archives a metric: experiments that are judged by it already go on, others do without it; false if it was archived before. Right: admin on every prompt';

CREATE FUNCTION promptreg._prompt_metrics()
RETURNS TABLE (name text, kind text, source text, denominator text, direction text, cap double precision, attribution_window interval,
               role text, description text, archived_at timestamptz, quantile double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM promptreg.authorize_any('read');
  RETURN QUERY
    SELECT m.name, m.kind, m.source, m.denominator, m.direction, m.cap, m.attribution_window, m.role, m.description, m.archived_at,
           m.quantile
      FROM promptreg.metrics m ORDER BY array_position('{primary,secondary,guardrail}'::text[], m.role), m.name;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_metrics() IS 'All metrics. Right: read on any prompt';

CREATE FUNCTION promptreg._prompt_experiment_plan(
  key text, users_per_variant bigint DEFAULT NULL, min_users bigint DEFAULT 500, max_loss double precision DEFAULT 0.01,
  reason text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  planned promptreg.experiments := promptreg.open_experiment(_prompt_experiment_plan.key);
BEGIN
  IF _prompt_experiment_plan.users_per_variant < 2 OR coalesce(_prompt_experiment_plan.min_users, 0) < 2
     OR _prompt_experiment_plan.max_loss IS NULL OR _prompt_experiment_plan.max_loss NOT BETWEEN 0 AND 1 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'PR077',
      MESSAGE = 'the plan is not valid',
      DETAIL = 'users_per_variant and min_users are at least 2, max_loss is from 0 to 1, a share of the control''s value.';
  END IF;
  INSERT INTO promptreg.experiment_plans AS p (experiment_id, users_per_variant, min_users, max_loss, set_by, set_at)
  VALUES (planned.id, _prompt_experiment_plan.users_per_variant, _prompt_experiment_plan.min_users,
          _prompt_experiment_plan.max_loss, promptreg.caller(), clock_timestamp())
  ON CONFLICT ON CONSTRAINT experiment_plans_pkey DO UPDATE
     SET users_per_variant = excluded.users_per_variant, min_users = excluded.min_users, max_loss = excluded.max_loss,
         set_by = excluded.set_by, set_at = excluded.set_at;
  PERFORM promptreg.audit(event => 'experiment_planned', experiment => planned.key, environment => planned.environment,
    prompt => (SELECT p.name FROM promptreg.prompts p WHERE p.id = planned.prompt_id), reason => _prompt_experiment_plan.reason,
    after => jsonb_build_object('users_per_variant', _prompt_experiment_plan.users_per_variant,
      'min_users', _prompt_experiment_plan.min_users, 'max_loss', _prompt_experiment_plan.max_loss));
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_plan(text, bigint, bigint, double precision, text) IS
  'Settles in advance at how many users per variant p_fixed is to be read, below how many nothing is decided, and which expected loss does not matter. Right: release';
