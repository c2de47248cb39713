-- Judging what guards have seen, and doing what they say. docs/guards.md has the rules and their error rates.

CREATE TYPE promptreg.guard_verdict AS (
  guard_id bigint,
  version  integer,
  state    text,
  reason   text,
  numbers  jsonb
);
COMMENT ON TYPE promptreg.guard_verdict IS 'What a guard says of a version';
COMMENT ON COLUMN promptreg.guard_verdict.guard_id IS 'The guard';
COMMENT ON COLUMN promptreg.guard_verdict.version IS 'The version';
COMMENT ON COLUMN promptreg.guard_verdict.state IS 'ok, waiting (too few values), stale (no new values), broken';
COMMENT ON COLUMN promptreg.guard_verdict.reason IS 'Why, in words';
COMMENT ON COLUMN promptreg.guard_verdict.numbers IS 'Counts, means, interval and p value';

-- The chance of a false alarm is shared by everything on a route that may act: guards, and versions under each.
CREATE FUNCTION promptreg.guard_alpha(guard promptreg.guards, versions bigint) RETURNS double precision
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN guard.alpha / greatest(versions, 1) / greatest(1,
  (SELECT count(*) FROM promptreg.guards g
    WHERE g.prompt_id = guard.prompt_id AND g.environment = guard.environment AND g.removed_at IS NULL
      AND g.rule <> 'window'));
COMMENT ON FUNCTION promptreg.guard_alpha(promptreg.guards, bigint) IS 'The part of its alpha that a guard may spend on one version';

-- concurrent: a one-sided confidence sequence of how much worse the version is than the one beside it.
CREATE FUNCTION promptreg.judge_concurrent(
  guard promptreg.guards, seen promptreg.guard_counts, beside promptreg.guard_counts, alpha double precision,
  OUT broken boolean, OUT reason text, OUT numbers jsonb
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  worse_by double precision := CASE guard.better WHEN 'higher' THEN beside.mean - seen.mean ELSE seen.mean - beside.mean END;
  tolerated double precision := guard.tolerance * CASE WHEN guard.relative THEN abs(beside.mean) ELSE 1 END;
  error double precision := promptreg.error_of_difference(seen.n, seen.mean, sqrt(seen.squares / greatest(seen.n - 1, 1)),
                                                          beside.n, beside.mean, sqrt(beside.squares / greatest(beside.n - 1, 1)));
  sequence record;
BEGIN
  SELECT s.ci_low, s.p_value INTO sequence
    FROM promptreg.confidence_sequence(worse_by - tolerated, error, seen.n + beside.n, judge_concurrent.alpha, sides => 1) AS s;
  broken := coalesce(sequence.ci_low > 0, false);
  reason := format('%s of version %s is %s, of version %s beside it %s: worse by %s, at least %s, with %s tolerated',
    guard.metric, seen.version, promptreg.shown_number(seen.mean), beside.version, promptreg.shown_number(beside.mean),
    promptreg.shown_number(worse_by), promptreg.shown_number(sequence.ci_low + tolerated), promptreg.shown_number(tolerated));
  numbers := jsonb_build_object('n', seen.n, 'mean', seen.mean, 'beside_version', beside.version, 'beside_n', beside.n,
    'beside_mean', beside.mean, 'worse_by', worse_by, 'tolerated', tolerated, 'ci_low', sequence.ci_low + tolerated,
    'p_value', sequence.p_value, 'alpha', judge_concurrent.alpha);
END;
$$;
COMMENT ON FUNCTION promptreg.judge_concurrent(promptreg.guards, promptreg.guard_counts, promptreg.guard_counts, double precision) IS
  'Whether a version is worse than the one beside it';

CREATE FUNCTION promptreg.shown_number(value double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(round(value::numeric, CASE WHEN abs(value) >= 100 THEN 1 ELSE 4 END)::text, 'unknown');
COMMENT ON FUNCTION promptreg.shown_number(double precision) IS 'A number as reasons show it';

-- limit: a one-sided beta-binomial sequence of the share of what is bad against the most that is tolerable.
CREATE FUNCTION promptreg.judge_limit(
  guard promptreg.guards, seen promptreg.guard_counts, alpha double precision,
  OUT broken boolean, OUT reason text, OUT numbers jsonb
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  yes bigint := round(seen.mean * seen.n);
  bad bigint := CASE guard.better WHEN 'lower' THEN yes ELSE seen.n - yes END;
  tolerable double precision := CASE guard.better WHEN 'lower' THEN guard.threshold ELSE 1 - guard.threshold END;
  p_value double precision;
BEGIN
  SELECT s.p_value INTO p_value FROM promptreg.threshold_sequence(bad, seen.n, tolerable) AS s;
  broken := p_value < judge_limit.alpha;
  reason := format('%s of version %s is %s in %s, the limit is %s (p = %s)', guard.metric, seen.version,
    promptreg.shown_number(seen.mean), seen.n, promptreg.shown_number(guard.threshold), ltrim(to_char(p_value, '9.99EEEE')));
  numbers := jsonb_build_object('n', seen.n, 'mean', seen.mean, 'threshold', guard.threshold, 'p_value', p_value,
                                'alpha', judge_limit.alpha);
END;
$$;
COMMENT ON FUNCTION promptreg.judge_limit(promptreg.guards, promptreg.guard_counts, double precision) IS
  'Whether a share is beyond its limit';

CREATE FUNCTION promptreg.judge_window(
  guard promptreg.guards, seen promptreg.guard_counts, OUT broken boolean, OUT reason text, OUT numbers jsonb
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  mean double precision := (SELECT avg(v) FROM unnest(seen.recent) AS v);
BEGIN
  broken := CASE guard.better WHEN 'lower' THEN mean > guard.threshold ELSE mean < guard.threshold END;
  reason := format('%s of the last %s of version %s is %s, the threshold is %s', guard.metric, cardinality(seen.recent),
    seen.version, promptreg.shown_number(mean), promptreg.shown_number(guard.threshold));
  numbers := jsonb_build_object('n', cardinality(seen.recent), 'mean', mean, 'threshold', guard.threshold);
END;
$$;
COMMENT ON FUNCTION promptreg.judge_window(promptreg.guards, promptreg.guard_counts) IS
  'Whether the mean of the last values is beyond a threshold';

CREATE FUNCTION promptreg.judge_version(
  guard promptreg.guards, seen promptreg.guard_counts, beside promptreg.guard_counts, versions bigint
) RETURNS promptreg.guard_verdict
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  alpha double precision := promptreg.guard_alpha(guard, versions);
  verdict promptreg.guard_verdict;
  judged record;
BEGIN
  verdict.guard_id := guard.id;
  verdict.version := seen.version;
  verdict.numbers := jsonb_build_object('n', seen.n, 'mean', seen.mean);
  IF seen.n < guard.min_count OR guard.rule = 'concurrent' AND coalesce(beside.n, 0) < guard.min_count THEN
    verdict.state := 'waiting';
    verdict.reason := format('%s values of version %s%s; %s are needed', seen.n, seen.version,
      CASE WHEN guard.rule = 'concurrent' THEN format(' and %s beside it', coalesce(beside.n, 0)) ELSE '' END, guard.min_count);
    RETURN verdict;
  ELSIF seen.newest_at < clock_timestamp() - guard.max_staleness THEN
    verdict.state := 'stale';
    verdict.reason := format('the newest value of version %s is of %s', seen.version, seen.newest_at);
    RETURN verdict;
  END IF;
  IF guard.rule = 'concurrent' THEN
    judged := promptreg.judge_concurrent(guard => judge_version.guard, seen => judge_version.seen,
                                         beside => judge_version.beside, alpha => alpha);
  ELSIF guard.rule = 'limit' THEN
    judged := promptreg.judge_limit(guard => judge_version.guard, seen => judge_version.seen, alpha => alpha);
  ELSE
    judged := promptreg.judge_window(guard => judge_version.guard, seen => judge_version.seen);
  END IF;
  verdict.state := CASE WHEN judged.broken THEN 'broken' ELSE 'ok' END;
  verdict.reason := judged.reason;
  verdict.numbers := judged.numbers;
  RETURN verdict;
END;
$$;
COMMENT ON FUNCTION promptreg.judge_version(promptreg.guards, promptreg.guard_counts, promptreg.guard_counts, bigint) IS
  'What a guard says of a version; beside: what it has seen of the deployed version';

-- Judged are the variants of the experiment that runs; and by rules that need none beside it, the deployed version.
CREATE FUNCTION promptreg.judge_guard(guard promptreg.guards, deployed integer, experiment_id bigint)
RETURNS SETOF promptreg.guard_verdict
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH judged AS (
    SELECT DISTINCT v.version FROM promptreg.variants v
     WHERE v.experiment_id = judge_guard.experiment_id AND v.version <> judge_guard.deployed
    UNION
    SELECT judge_guard.deployed WHERE (judge_guard.guard).rule <> 'concurrent'
  )
  SELECT v.*
    FROM judged j
    JOIN promptreg.guard_counts c ON c.guard_id = (judge_guard.guard).id AND c.version = j.version
    LEFT JOIN promptreg.guard_counts b ON b.guard_id = c.guard_id AND b.version = judge_guard.deployed
   CROSS JOIN LATERAL promptreg.judge_version(guard => judge_guard.guard, seen => c, beside => b,
                                              versions => (SELECT count(*) FROM judged)) AS v;
END;
COMMENT ON FUNCTION promptreg.judge_guard(promptreg.guards, integer, bigint) IS 'What a guard says of the versions that a route serves';
