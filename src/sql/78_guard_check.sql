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
COMMENT ON COLUMN promptreg.guard_verdict.state IS 'ok, waiting (too few values), stale (no new values), blind (new values cannot be seen), broken';
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

-- The spread between users of each row of weights, by the ratio estimator: how far a user's total is from what his number of
-- values would give by the mean. Where there is one user, the spread of the version's other rows is taken. Where nothing has
-- varied, as when every call of one version fails and none of the other, that of both versions about their common mean; what
-- rounding leaves is nothing.
CREATE FUNCTION promptreg.spreads_seen(guard_id bigint, version integer, beside integer)
RETURNS TABLE (number integer, version integer, n bigint, mean double precision, users bigint, spread double precision)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH seen AS (
    SELECT c.number, c.version, c.n, c.mean, p.users, p.totals, p.total_n, p.ns, sum(c.n * c.mean) OVER rows / sum(c.n) OVER rows AS common
      FROM promptreg.guard_counts c
      JOIN promptreg.guard_products p ON p.guard_id = c.guard_id AND p.version = c.version AND p.number = c.number AND p.other = c.number
     WHERE c.guard_id = spreads_seen.guard_id AND c.version IN (spreads_seen.version, spreads_seen.beside)
    WINDOW rows AS (PARTITION BY c.number)
  ), residual AS (
    SELECT s.*, CASE WHEN r.own > 1e-11 * s.totals THEN r.own ELSE 0 END AS own, r.about_common
      FROM seen s,
           LATERAL (SELECT s.totals - 2 * s.mean * s.total_n + s.mean ^ 2 * s.ns AS own,
                           greatest(s.totals - 2 * s.common * s.total_n + s.common ^ 2 * s.ns, 0) AS about_common) AS r
  )
  SELECT r.number, r.version, r.n, r.mean, r.users,
         coalesce(nullif(CASE r.users WHEN 1 THEN sum(r.own) OVER versions / nullif(sum(r.users - 1) OVER versions, 0)
                                      ELSE r.own / (r.users - 1) END, 0),
                  sum(r.about_common) OVER rows / nullif(sum(r.users) OVER rows - 1, 0), 0)
    FROM residual r
  WINDOW rows AS (PARTITION BY r.number), versions AS (PARTITION BY r.version);
END;
COMMENT ON FUNCTION promptreg.spreads_seen(bigint, integer, integer) IS
  'What a concurrent guard has seen of two versions under each row of weights, with the variance of a user''s total';

-- Versions are compared under the same weights only, and the differences averaged (Cochran, Mantel and Haenszel): while shares
-- change, what changes with time would look like a difference of versions. With one row of weights it is the plain difference.
-- Users who come again under other weights are one user: their deviations in two rows go together.
CREATE FUNCTION promptreg.compare_seen(
  guard_id bigint, version integer, beside integer,
  OUT users bigint, OUT beside_users bigint, OUT mean double precision, OUT beside_mean double precision, OUT error double precision
)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH spread AS MATERIALIZED (
    SELECT s.* FROM promptreg.spreads_seen(compare_seen.guard_id, compare_seen.version, compare_seen.beside) AS s
  ), share AS MATERIALIZED (
    SELECT a.number, w.weight / sum(w.weight) OVER () AS share
      FROM spread a JOIN spread b ON b.number = a.number AND b.version = compare_seen.beside,
           LATERAL (SELECT a.n::double precision * b.n / (a.n + b.n) AS weight) AS w
     WHERE a.version = compare_seen.version
  ), part AS MATERIALIZED (
    SELECT s.*, h.share, h.share / s.n AS factor, sqrt(s.users::double precision / nullif(s.users - 1, 0)) AS correction
      FROM spread s JOIN share h ON h.number = s.number
  ), again AS (
    SELECT sum(x.factor * x.correction * y.factor * y.correction
               * (p.totals - y.mean * p.total_n - x.mean * p.n_total + x.mean * y.mean * p.ns)) AS covariance
      FROM promptreg.guard_products p
      JOIN part x ON x.version = p.version AND x.number = p.number
      JOIN part y ON y.version = p.version AND y.number = p.other
     WHERE p.guard_id = compare_seen.guard_id AND p.other > p.number
  )
  SELECT sum(p.users) FILTER (WHERE p.version = compare_seen.version)::bigint,
         sum(p.users) FILTER (WHERE p.version = compare_seen.beside)::bigint,
         sum(p.share * p.mean) FILTER (WHERE p.version = compare_seen.version),
         sum(p.share * p.mean) FILTER (WHERE p.version = compare_seen.beside),
         sqrt(greatest(sum(p.factor ^ 2 * p.spread * p.users) + 2 * coalesce((SELECT a.covariance FROM again a), 0), 0))
    FROM part p;
END;
COMMENT ON FUNCTION promptreg.compare_seen(bigint, integer, integer) IS
  'Users and means of a version and of the one beside it, and the standard error of their difference, under the same weights; users is NULL if there is nothing to compare';

-- concurrent: a one-sided confidence sequence of how much worse the version is than the one beside it.
CREATE FUNCTION promptreg.judge_concurrent(
  guard promptreg.guards, seen promptreg.guard_counts, beside promptreg.guard_counts, alpha double precision,
  OUT broken boolean, OUT reason text, OUT numbers jsonb
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  compared record := promptreg.compare_seen(guard_id => guard.id, version => seen.version, beside => beside.version);
  worse_by double precision := CASE guard.better WHEN 'higher' THEN -1 ELSE 1 END * (compared.mean - compared.beside_mean);
  tolerated double precision := guard.tolerance * CASE WHEN guard.relative THEN abs(compared.beside_mean) ELSE 1 END;
  sequence record;
BEGIN
  IF compared.users IS NULL THEN
    reason := format('no values of version %s and of version %s beside it under the same weights yet', seen.version, beside.version);
    RETURN;
  END IF;
  SELECT s.ci_low, s.p_value INTO sequence
    FROM promptreg.confidence_sequence(worse_by - tolerated, compared.error, compared.users + compared.beside_users,
                                       judge_concurrent.alpha, sides => 1) AS s;
  broken := coalesce(sequence.ci_low > 0, false);
  reason := format('%s of version %s is %s, of version %s beside it %s: worse by %s, at least %s, with %s tolerated',
    guard.metric, seen.version, promptreg.shown_number(compared.mean), beside.version, promptreg.shown_number(compared.beside_mean),
    promptreg.shown_number(worse_by), promptreg.shown_number(sequence.ci_low + tolerated), promptreg.shown_number(tolerated));
  numbers := jsonb_build_object('n', seen.n, 'users', compared.users, 'mean', compared.mean, 'beside_version', beside.version,
    'beside_n', beside.n, 'beside_users', compared.beside_users, 'beside_mean', compared.beside_mean, 'worse_by', worse_by, 'tolerated', tolerated, 'ci_low', sequence.ci_low + tolerated,
    'p_value', sequence.p_value, 'alpha', judge_concurrent.alpha);
END;
$$;
COMMENT ON FUNCTION promptreg.judge_concurrent(promptreg.guards, promptreg.guard_counts, promptreg.guard_counts, double precision) IS
  'Whether a version is worse than the one beside it; broken is NULL if they cannot be compared yet';

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

CREATE FUNCTION promptreg.judge_values(
  guard promptreg.guards, version integer, seen promptreg.guard_counts, beside promptreg.guard_counts, versions bigint
) RETURNS promptreg.guard_verdict
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  compares boolean := guard.rule = 'concurrent';
  oldest timestamptz := clock_timestamp() - guard.max_staleness;
  alpha double precision := promptreg.guard_alpha(guard, versions);
  verdict promptreg.guard_verdict;
  judged record;
BEGIN
  verdict.guard_id := guard.id;
  verdict.version := judge_values.version;
  verdict.numbers := jsonb_build_object('n', coalesce(seen.n, 0), 'mean', seen.mean);
  IF coalesce(seen.n, 0) < guard.min_count OR compares AND coalesce(beside.n, 0) < guard.min_count THEN
    verdict.state := 'waiting';
    verdict.reason := format('%s values of version %s%s; %s are needed', coalesce(seen.n, 0), verdict.version,
      CASE WHEN compares THEN format(' and %s beside it', coalesce(beside.n, 0)) ELSE '' END, guard.min_count);
    RETURN verdict;
  ELSIF seen.newest_at < oldest OR compares AND beside.newest_at < oldest THEN
    verdict.state := 'stale';
    verdict.reason := CASE WHEN seen.newest_at < oldest THEN format('the newest value of version %s is of %s', seen.version, seen.newest_at)
                           ELSE format('the newest value of version %s beside it is of %s', beside.version, beside.newest_at) END;
    RETURN verdict;
  END IF;
  CASE guard.rule
    WHEN 'concurrent' THEN
      judged := promptreg.judge_concurrent(guard => judge_values.guard, seen => judge_values.seen,
                                           beside => judge_values.beside, alpha => alpha);
    WHEN 'limit' THEN
      judged := promptreg.judge_limit(guard => judge_values.guard, seen => judge_values.seen, alpha => alpha);
    ELSE
      judged := promptreg.judge_window(guard => judge_values.guard, seen => judge_values.seen);
  END CASE;
  verdict.state := CASE WHEN judged.broken THEN 'broken' WHEN NOT judged.broken THEN 'ok' ELSE 'waiting' END;
  verdict.reason := judged.reason;
  verdict.numbers := coalesce(judged.numbers, verdict.numbers);
  RETURN verdict;
END;
$$;
COMMENT ON FUNCTION promptreg.judge_values(promptreg.guards, integer, promptreg.guard_counts, promptreg.guard_counts, bigint) IS
  'What a guard says of a version by what it has seen of it, and of the deployed version beside it';

-- What has been seen may break the rule whatever has not been; that all is well, or nothing is known, it can only say with open eyes.
CREATE FUNCTION promptreg.judge_version(guard promptreg.guards, version integer, deployed integer, versions bigint)
RETURNS promptreg.guard_verdict
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  verdict promptreg.guard_verdict := promptreg.judge_values(
    guard => judge_version.guard, version => judge_version.version, versions => judge_version.versions,
    seen => promptreg.seen_by_guard(guard_id => guard.id, version => judge_version.version),
    beside => promptreg.seen_by_guard(guard_id => guard.id, version => judge_version.deployed));
  blindness text;
BEGIN
  IF verdict.state <> 'broken' THEN
    blindness := promptreg.guard_blindness(guard);
    IF blindness IS NOT NULL THEN
      verdict.state := 'blind';
      verdict.reason := blindness;
    END IF;
  END IF;
  RETURN verdict;
END;
$$;
COMMENT ON FUNCTION promptreg.judge_version(promptreg.guards, integer, integer, bigint) IS 'What a guard says of a version';

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
   CROSS JOIN LATERAL promptreg.judge_version(guard => judge_guard.guard, version => j.version, deployed => judge_guard.deployed,
                                              versions => (SELECT count(*) FROM judged)) AS v;
END;
COMMENT ON FUNCTION promptreg.judge_guard(promptreg.guards, integer, bigint) IS 'What a guard says of the versions that a route serves';
