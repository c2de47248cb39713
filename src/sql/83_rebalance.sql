-- Bandits: from what was counted to weights. The same counts always give the same weights: P(best) is a quadrature.

-- PL/pgSQL, whose plans last: an SQL function would be planned anew for each experiment. A plan for all is as good as one for each.
--
-- What has been seen up to a time, older hours with less weight. n is the sum of weights; those of 60 half-lives ago are
-- nothing, and would only underflow.
CREATE FUNCTION promptreg.bandit_moments(experiment_id bigint, cut_off timestamptz, half_life interval)
RETURNS TABLE (variant text, count double precision, n double precision, mean double precision, other double precision,
               squares double precision, other_squares double precision, products double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
  RETURN QUERY
    WITH hour AS (
      SELECT h.variant, h.moments AS m,
             h.moments[1] * coalesce(0.5::double precision
               ^ (extract(epoch FROM cut_off - h.hour - interval '1 hour') / extract(epoch FROM bandit_moments.half_life))::double precision, 1) AS weight
        FROM promptreg.bandit_hours h
       WHERE h.experiment_id = bandit_moments.experiment_id AND h.moments[1] > 0 AND h.hour <= cut_off - interval '1 hour'
         AND (bandit_moments.half_life IS NULL OR h.hour > cut_off - 60 * bandit_moments.half_life)
    ), mean AS (
      SELECT h.variant, sum(h.m[1]) AS count, sum(h.weight) AS n, sum(h.weight * h.m[2]) / sum(h.weight) AS x,
             sum(h.weight * h.m[3]) / sum(h.weight) AS y
        FROM hour h GROUP BY h.variant
    )
    SELECT a.variant, a.count, a.n, a.x, a.y,
           sum(h.weight * (h.m[4] / h.m[1] + (h.m[2] - a.x) ^ 2)), sum(h.weight * (h.m[5] / h.m[1] + (h.m[3] - a.y) ^ 2)),
           sum(h.weight * (h.m[6] / h.m[1] + (h.m[2] - a.x) * (h.m[3] - a.y)))
      FROM hour h JOIN mean a ON a.variant = h.variant
     GROUP BY a.variant, a.count, a.n, a.x, a.y;
END;
$$;
COMMENT ON FUNCTION promptreg.bandit_moments(bigint, timestamptz, interval) IS
  'What has been seen of the variants of an experiment in the hours before a time, discounted';

CREATE TYPE promptreg.bandit_arm AS (
  variant       text,
  ppm           integer,
  held          text,
  count         double precision,
  n             double precision,
  mean          double precision,
  sd            double precision,
  p_best        double precision,
  expected_loss double precision,
  new_ppm       integer
);
COMMENT ON TYPE promptreg.bandit_arm IS 'What a bandit knows of a variant, and does with it';
COMMENT ON COLUMN promptreg.bandit_arm.variant IS 'The variant';
COMMENT ON COLUMN promptreg.bandit_arm.ppm IS 'Its weight so far';
COMMENT ON COLUMN promptreg.bandit_arm.held IS 'Why it keeps its weight; NULL: it competes';
COMMENT ON COLUMN promptreg.bandit_arm.count IS 'How often it was seen: users in each hour';
COMMENT ON COLUMN promptreg.bandit_arm.n IS 'The same, discounted';
COMMENT ON COLUMN promptreg.bandit_arm.mean IS 'Share, mean or ratio, in the unit of the metric';
COMMENT ON COLUMN promptreg.bandit_arm.sd IS 'Standard deviation, in the unit of the metric';
COMMENT ON COLUMN promptreg.bandit_arm.p_best IS 'Probability to be the best of those that compete';
COMMENT ON COLUMN promptreg.bandit_arm.expected_loss IS 'What choosing it loses on average against the best, in the unit of the metric';
COMMENT ON COLUMN promptreg.bandit_arm.new_ppm IS 'Its weight from now on';

-- A variant that was seen too seldom keeps its share, so that it is seen more often; the others divide theirs. A weight
-- of 0 is somebody's decision, and stays: bandits give none.
CREATE FUNCTION promptreg.bandit_arms(
  experiment promptreg.experiments, setting promptreg.weights, metric promptreg.metrics, allocation promptreg.experiment_allocations,
  cut_off timestamptz
) RETURNS SETOF promptreg.bandit_arm
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
    SELECT k.key, k.ppm,
           CASE WHEN experiment.control_ppm IS NOT NULL AND k.key = experiment.control THEN 'the control has a fixed share'
                WHEN k.ppm = 0 THEN 'its weight was set to 0'
                WHEN coalesce(m.count, 0) < allocation.min_count
                THEN format('seen %s times of the %s that it needs', coalesce(m.count, 0), allocation.min_count)
                WHEN e.mean IS NULL THEN 'its denominator is 0' END,
           coalesce(m.count, 0), coalesce(m.n, 0), e.mean,
           CASE WHEN m.n <= 1 THEN 0
                WHEN metric.kind = 'ratio'
                THEN sqrt(greatest(m.squares - 2 * e.mean * m.products + e.mean ^ 2 * m.other_squares, 0) / (m.n - 1)) / abs(m.other)
                ELSE sqrt(greatest(m.squares, 0) / (m.n - 1)) END,
           NULL::double precision, NULL::double precision, k.ppm
      FROM unnest(setting.keys, setting.ppm) WITH ORDINALITY AS k (key, ppm, position)
      LEFT JOIN promptreg.bandit_moments(experiment_id => (bandit_arms.experiment).id, cut_off => bandit_arms.cut_off,
                                         half_life => (bandit_arms.allocation).half_life) m ON m.variant = k.key
     CROSS JOIN LATERAL (SELECT CASE metric.kind WHEN 'ratio' THEN m.mean / nullif(m.other, 0)
                                                 WHEN 'proportion' THEN promptreg.as_share(m.mean) ELSE m.mean END AS mean) e
     ORDER BY k.position;
END;
$$;
COMMENT ON FUNCTION promptreg.bandit_arms(promptreg.experiments, promptreg.weights, promptreg.metrics, promptreg.experiment_allocations, timestamptz) IS
  'The variants of an experiment with what has been seen of them, in the order of its weights';

CREATE FUNCTION promptreg.idle_arms(setting promptreg.weights) RETURNS promptreg.bandit_arm[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN ARRAY(SELECT ROW(k.key, k.ppm, NULL, NULL, NULL, NULL, NULL, NULL, NULL, k.ppm)::promptreg.bandit_arm
               FROM unnest(setting.keys, setting.ppm) AS k (key, ppm));
COMMENT ON FUNCTION promptreg.idle_arms(promptreg.weights) IS 'The variants of an experiment of which nothing is looked at';

-- As promptreg.bandit_weights, for outcomes that are discounted and not whole.
CREATE FUNCTION promptreg.bandit_weights_discounted(
  algorithm text, successes double precision[], n double precision[], floor double precision) RETURNS integer[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_bandit_weights';
COMMENT ON FUNCTION promptreg.bandit_weights_discounted(text, double precision[], double precision[], double precision) IS
  'Weights in parts per million by thompson, top_two, ucb1 or kl_ucb, of outcomes that need not be whole';

-- The weights of those that compete, in their order, out of what they have together; with the floor under each.
CREATE FUNCTION promptreg.judge_arms(
  arms promptreg.bandit_arm[], kind text, direction text, algorithm text, floor double precision,
  OUT ppm integer[], OUT p_best double precision[], OUT expected_loss double precision[]
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  variants text[];
  counts double precision[];
  successes double precision[];
  means double precision[];
  sds double precision[];
  total integer;
  part double precision;
BEGIN
  SELECT array_agg(a.variant), array_agg(a.n), array_agg(least(a.n, a.n * CASE direction WHEN 'up' THEN a.mean ELSE 1 - a.mean END)),
         array_agg(CASE direction WHEN 'up' THEN a.mean ELSE -a.mean END), array_agg(a.sd), sum(a.ppm)
    INTO variants, counts, successes, means, sds, total
    FROM unnest(arms) AS a;
  part := least(judge_arms.floor * 1e6 / total, 1.0 / cardinality(arms));
  IF kind = 'proportion' THEN
    SELECT promptreg.prob_best(b.alpha, b.beta), promptreg.expected_loss(b.alpha, b.beta) INTO p_best, expected_loss
      FROM (SELECT array_agg(1 + u.s) AS alpha, array_agg(1 + u.n - u.s) AS beta FROM unnest(successes, counts) AS u (s, n)) b;
    ppm := promptreg.bandit_weights_discounted(judge_arms.algorithm, successes, counts, part);
  ELSE
    p_best := promptreg.prob_best_means(means, sds, counts);
    expected_loss := promptreg.expected_loss_means(means, sds, counts);
    ppm := promptreg.bandit_weights_means(judge_arms.algorithm, means, sds, counts, part);
  END IF;
  IF total <> 1000000 THEN
    ppm := promptreg.weights_to_ppm(keys => variants, weights => ppm::numeric[], total => total);
  END IF;
END;
$$;
COMMENT ON FUNCTION promptreg.judge_arms(promptreg.bandit_arm[], text, text, text, double precision) IS
  'Weights, P(best) and expected loss of the variants that compete';

CREATE TYPE promptreg.rebalance_plan AS (
  arms     promptreg.bandit_arm[],
  number   integer,
  moves    boolean,
  reason   text,
  evidence jsonb
);
COMMENT ON TYPE promptreg.rebalance_plan IS 'What a bandit would do now';
COMMENT ON COLUMN promptreg.rebalance_plan.arms IS 'The variants';
COMMENT ON COLUMN promptreg.rebalance_plan.number IS 'Number of the weights in force';
COMMENT ON COLUMN promptreg.rebalance_plan.moves IS 'Whether new weights are to be appended';
COMMENT ON COLUMN promptreg.rebalance_plan.reason IS 'Why, or why not';
COMMENT ON COLUMN promptreg.rebalance_plan.evidence IS 'The figures';

-- Outcomes take time, and whoever waits for them first does not punish the variants that were served most recently. The
-- fields of an execution are there with it.
CREATE FUNCTION promptreg.bandit_window(allocation promptreg.experiment_allocations, metric promptreg.metrics) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(allocation.attribution_window, metric.attribution_window,
  CASE WHEN metric.source IN ('rating', 'thumbs', 'conversion', 'edited', 'accepted', 'score') OR starts_with(metric.source, 'score/')
       THEN interval '1 day' ELSE interval '0' END);
COMMENT ON FUNCTION promptreg.bandit_window(promptreg.experiment_allocations, promptreg.metrics) IS
  'How old executions must be to count for a bandit';

-- A full hour; without a window, the end of this one.
CREATE FUNCTION promptreg.bandit_cut_off("window" interval, at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN date_trunc('hour', at - "window", 'UTC') + CASE WHEN "window" > interval '0' THEN interval '0' ELSE interval '1 hour' END;
COMMENT ON FUNCTION promptreg.bandit_cut_off(interval, timestamptz) IS 'Until when executions count for a bandit';

-- What stands against looking at the figures at all. The state is that of the weights: what is decided by them holds for
-- as long as they are the last.
CREATE FUNCTION promptreg.rebalance_obstacle(
  setting promptreg.weights, allocation promptreg.experiment_allocations, metric promptreg.metrics
) RETURNS text
LANGUAGE sql STABLE
RETURN CASE
  WHEN coalesce(allocation.algorithm, 'fixed') = 'fixed' THEN 'its weights are fixed'
  WHEN setting.state <> 'running' THEN format('it is %s', CASE setting.state WHEN 'draft' THEN 'a draft' ELSE setting.state END)
  WHEN metric.name IS NULL THEN 'nothing has been counted: it has no metric of its own, and no primary one is defined'
  WHEN allocation.algorithm IN ('ucb1', 'kl_ucb') AND metric.kind <> 'proportion'
    THEN format('%s needs a proportion, and metric "%s" is none', allocation.algorithm, metric.name)
  WHEN metric.kind = 'quantile' THEN format('metric "%s" is a quantile, of which no bandit learns', metric.name)
  WHEN promptreg.split_hold(setting.experiment_id) IS NOT NULL THEN 'the traffic is not split as the weights say: find out why first' END;
COMMENT ON FUNCTION promptreg.rebalance_obstacle(promptreg.weights, promptreg.experiment_allocations, promptreg.metrics) IS
  'Why a bandit leaves the weights alone whatever the figures; NULL: it does not';

CREATE FUNCTION promptreg.rebalance_evidence(
  allocation promptreg.experiment_allocations, metric promptreg.metrics, cut_off timestamptz, arms promptreg.bandit_arm[]
) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN jsonb_strip_nulls(jsonb_build_object(
  'algorithm', allocation.algorithm, 'metric', metric.name, 'direction', metric.direction, 'floor', allocation.floor,
  'min_count', allocation.min_count, 'attribution_window_s', extract(epoch FROM promptreg.bandit_window(allocation, metric)),
  'half_life_s', extract(epoch FROM allocation.half_life), 'cut_off', to_char(cut_off AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'),
  'variants', (SELECT jsonb_object_agg(a.variant, jsonb_build_object('count', a.count, 'n', a.n, 'mean', a.mean, 'sd', a.sd,
                        'p_best', a.p_best, 'expected_loss', a.expected_loss, 'held', a.held, 'ppm_before', a.ppm, 'ppm', a.new_ppm))
                 FROM unnest(arms) AS a)));
COMMENT ON FUNCTION promptreg.rebalance_evidence(promptreg.experiment_allocations, promptreg.metrics, timestamptz, promptreg.bandit_arm[]) IS
  'What new weights were derived from, as their row keeps it';

-- Fills in what the outcomes say of the variants that compete.
CREATE FUNCTION promptreg.weigh_arms(
  arms promptreg.bandit_arm[], metric promptreg.metrics, allocation promptreg.experiment_allocations
) RETURNS promptreg.bandit_arm[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  competing promptreg.bandit_arm[] := ARRAY(SELECT a FROM unnest(arms) AS a WHERE a.held IS NULL);
  judged record;
  place integer := 0;
BEGIN
  IF cardinality(competing) < 2 THEN
    RETURN arms;
  END IF;
  judged := promptreg.judge_arms(arms => competing, kind => metric.kind, direction => metric.direction,
                                 algorithm => allocation.algorithm, floor => allocation.floor);
  FOR i IN 1 .. cardinality(arms) LOOP
    IF arms[i].held IS NULL THEN
      place := place + 1;
      arms[i].p_best := judged.p_best[place];
      arms[i].expected_loss := judged.expected_loss[place];
      arms[i].new_ppm := judged.ppm[place];
    END IF;
  END LOOP;
  RETURN arms;
END;
$$;
COMMENT ON FUNCTION promptreg.weigh_arms(promptreg.bandit_arm[], promptreg.metrics, promptreg.experiment_allocations) IS
  'The variants with P(best), expected loss and new weights of those that compete';

CREATE FUNCTION promptreg.rebalance_reason(
  arms promptreg.bandit_arm[], metric promptreg.metrics, allocation promptreg.experiment_allocations, cut_off timestamptz
) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT format('%s: by %s until %s %s is the best with a probability of %s, and gets %s %% instead of %s %%', allocation.algorithm,
                      metric.name, to_char(cut_off AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), a.variant,
                      round(a.p_best::numeric, 3), round(a.new_ppm / 10000.0, 1), round(a.ppm / 10000.0, 1))
          FROM unnest(arms) AS a
         WHERE a.held IS NULL ORDER BY a.p_best DESC, a.variant COLLATE "C" LIMIT 1);
COMMENT ON FUNCTION promptreg.rebalance_reason(promptreg.bandit_arm[], promptreg.metrics, promptreg.experiment_allocations, timestamptz) IS
  'Why new weights are what they are, in words';

CREATE FUNCTION promptreg.plan_rebalance(experiment promptreg.experiments) RETURNS promptreg.rebalance_plan
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  least_move CONSTANT integer := 10000;
  setting promptreg.weights := promptreg.last_weights(experiment.id);
  allocation promptreg.experiment_allocations;
  metric promptreg.metrics;
  cut_off timestamptz;
  plan promptreg.rebalance_plan;
BEGIN
  SELECT a.* INTO allocation FROM promptreg.experiment_allocations a WHERE a.experiment_id = experiment.id;
  SELECT m.* INTO metric FROM promptreg.metrics m JOIN promptreg.bandit_sources s ON s.metric = m.name
   WHERE s.experiment_id = experiment.id AND s.taken;
  plan.number := setting.number;
  plan.moves := false;
  plan.reason := promptreg.rebalance_obstacle(setting => setting, allocation => allocation, metric => metric);
  IF plan.reason IS NOT NULL THEN
    plan.arms := promptreg.idle_arms(setting);
    RETURN plan;
  END IF;
  cut_off := promptreg.bandit_cut_off(promptreg.bandit_window(allocation, metric), clock_timestamp());
  plan.arms := ARRAY(SELECT a FROM promptreg.bandit_arms(experiment => plan_rebalance.experiment, setting => setting, metric => metric,
                                                         allocation => allocation, cut_off => cut_off) AS a);
  IF (SELECT count(*) FROM unnest(plan.arms) AS a WHERE a.held IS NULL) < 2 THEN
    plan.reason := 'fewer than two variants compete';
    RETURN plan;
  END IF;
  plan.arms := promptreg.weigh_arms(arms => plan.arms, metric => metric, allocation => allocation);
  plan.moves := (SELECT max(abs(a.new_ppm - a.ppm)) >= least_move FROM unnest(plan.arms) AS a);
  IF NOT plan.moves THEN
    plan.reason := 'no share would move by a point';
    RETURN plan;
  END IF;
  plan.reason := promptreg.rebalance_reason(arms => plan.arms, metric => metric, allocation => allocation, cut_off => cut_off);
  plan.evidence := promptreg.rebalance_evidence(allocation => allocation, metric => metric, cut_off => cut_off, arms => plan.arms);
  RETURN plan;
END;
$$;
COMMENT ON FUNCTION promptreg.plan_rebalance(promptreg.experiments) IS 'What the bandit of an experiment would do now; changes nothing';

-- Whoever works through many experiments never waits for a prompt while holding others: no deadlock.
CREATE FUNCTION promptreg.try_lock_prompt(prompt_id bigint, wait boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT try_lock_prompt.wait THEN
    PERFORM FROM promptreg.prompts p WHERE p.id = try_lock_prompt.prompt_id FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      RETURN false;
    END IF;
  END IF;
  PERFORM promptreg.lock_prompt(prompt_id => try_lock_prompt.prompt_id, snippet_ids => '{}');  -- other versions are not served
  RETURN true;
END;
$$;
COMMENT ON FUNCTION promptreg.try_lock_prompt(bigint, boolean) IS 'Locks a prompt as lock_prompt does; without wait, only if nobody else has it';

-- Looked at before the prompt is locked, since most times nothing moves; what was decided by other weights than those that
-- are in force under the lock is dropped.
CREATE FUNCTION promptreg.rebalance_experiment(experiment promptreg.experiments, wait boolean)
RETURNS promptreg.rebalance_plan
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  plan promptreg.rebalance_plan := promptreg.plan_rebalance(rebalance_experiment.experiment);
  locked promptreg.experiments;
  setting promptreg.weights;
BEGIN
  IF NOT plan.moves THEN
    RETURN plan;
  ELSIF NOT promptreg.try_lock_prompt(prompt_id => experiment.prompt_id, wait => rebalance_experiment.wait) THEN
    plan.moves := false;
    plan.reason := 'another session is changing the prompt';
    RETURN plan;
  END IF;
  SELECT x.* INTO STRICT locked FROM promptreg.experiments x WHERE x.id = experiment.id FOR UPDATE;
  setting := promptreg.next_weights(locked.id);
  IF setting.number <> plan.number THEN
    plan.moves := false;
    plan.reason := 'another session changed it at the same moment';
    RETURN plan;
  END IF;
  setting.ppm := ARRAY(SELECT a.new_ppm FROM unnest(plan.arms) WITH ORDINALITY AS a ORDER BY a.ordinality);
  setting.evidence := plan.evidence;
  plan.number := (promptreg.append_weights(experiment => locked, setting => setting, event => 'experiment_weights',
                                           reason => plan.reason)).number;
  RETURN plan;
END;
$$;
COMMENT ON FUNCTION promptreg.rebalance_experiment(promptreg.experiments, boolean) IS
  'Appends new weights if the bandit of an experiment wants them; wait: for whoever changes the prompt';

-- One that fails is undone alone, and leaves the others to be done.
CREATE FUNCTION promptreg.try_rebalance_experiment(experiment promptreg.experiments) RETURNS promptreg.rebalance_plan
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  plan promptreg.rebalance_plan;
  state text;
  message text;
BEGIN
  RETURN promptreg.rebalance_experiment(experiment => try_rebalance_experiment.experiment, wait => false);
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
  RAISE WARNING USING
    MESSAGE = format('experiment "%s" could not be rebalanced: %s', experiment.key, message),
    ERRCODE = state;
  plan.arms := promptreg.idle_arms(promptreg.last_weights(experiment.id));
  plan.moves := false;
  plan.reason := format('failed: %s: %s', state, message);
  RETURN plan;
END;
$$;
COMMENT ON FUNCTION promptreg.try_rebalance_experiment(promptreg.experiments) IS
  'Rebalances an experiment without waiting; its error is a WARNING and a reason';

CREATE FUNCTION promptreg.live_bandits() RETURNS SETOF promptreg.experiments
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT x.* FROM promptreg.experiments x JOIN promptreg.experiment_allocations a ON a.experiment_id = x.id
   WHERE a.algorithm <> 'fixed' AND promptreg.is_live(x.state)
   ORDER BY x.prompt_id, x.id;
END;
COMMENT ON FUNCTION promptreg.live_bandits() IS 'Experiments, running or paused, whose weights a bandit sets';

CREATE FUNCTION promptreg._prompt_experiment_rebalance(key text DEFAULT NULL)
RETURNS TABLE (experiment text, variant text, old_share double precision, new_share double precision, number integer, reason text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  named promptreg.experiments;
  judged promptreg.experiments;
  plan promptreg.rebalance_plan;
BEGIN
  IF _prompt_experiment_rebalance.key IS NOT NULL THEN
    named := promptreg.find_experiment(_prompt_experiment_rebalance.key);
  ELSE
    PERFORM promptreg.authorize_any('release');
  END IF;
  PERFORM promptreg.try_refresh_experiments();
  FOR judged IN
    SELECT (named).* WHERE named.id IS NOT NULL
     UNION ALL
    SELECT (b).* FROM promptreg.live_bandits() AS b JOIN promptreg.prompts p ON p.id = b.prompt_id
     WHERE named.id IS NULL AND promptreg.allowed('release', p.name, b.environment)
  LOOP
    plan := CASE WHEN named.id IS NOT NULL THEN promptreg.rebalance_experiment(experiment => judged, wait => true)
                 ELSE promptreg.try_rebalance_experiment(judged) END;
    RETURN QUERY
      SELECT judged.key, a.variant, a.ppm / 1e6::double precision, CASE WHEN plan.moves THEN a.new_ppm ELSE a.ppm END / 1e6::double precision,
             CASE WHEN plan.moves THEN plan.number END, concat_ws('; ', plan.reason, 'keeps its share: ' || a.held)
        FROM unnest(plan.arms) AS a ORDER BY a.variant COLLATE "C";
  END LOOP;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_rebalance(text) IS
  'Lets the bandit of an experiment, or of all that one may release, move weights to where outcomes are better; called again it does nothing. Rows say what moved, or why not. Right: release';

CREATE FUNCTION promptreg.maintain_rebalance() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  judged promptreg.experiments;
  plan promptreg.rebalance_plan;
  seen integer := 0;
  moved integer := 0;
  failed integer := 0;
BEGIN
  FOR judged IN SELECT b.* FROM promptreg.live_bandits() AS b LOOP
    plan := promptreg.try_rebalance_experiment(judged);
    seen := seen + 1;
    moved := moved + plan.moves::integer;
    failed := failed + starts_with(plan.reason, 'failed: ')::integer;
  END LOOP;
  RETURN format('%s of %s bandits moved weights%s', moved, seen, CASE WHEN failed > 0 THEN format(', %s failed', failed) ELSE '' END);
END;
$$;
COMMENT ON FUNCTION promptreg.maintain_rebalance() IS 'Task of prompt_maintain: lets bandits move weights';
