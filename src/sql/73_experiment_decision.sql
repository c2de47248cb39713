-- The verdict on an experiment. Three languages are kept apart: fixed (one look at a size planned in advance), anytime
-- (proof that may be read at any time) and bayes (which choice costs little, which is no proof).

-- The anytime p value is the least so far, and the difference may have turned since. Then it proves nothing any more:
-- neither what it proved, because the latest data speak against it, nor the contrary, which it was never of.
CREATE FUNCTION promptreg.still_proven(result promptreg.experiment_results) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(sign(result.anytime_difference) = sign(result.difference), false);
COMMENT ON FUNCTION promptreg.still_proven(promptreg.experiment_results) IS
  'Whether the difference has the sign that it had when the anytime p value was least';

-- A variant is better where some primary metric proves it and none proves the contrary; with several, the first in order.
CREATE FUNCTION promptreg.proven_variants(results promptreg.experiment_results[])
RETURNS TABLE (variant text, better boolean, worse boolean, fixed_better boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT r.variant, coalesce(bool_or(r.p_anytime_adjusted < 0.05 AND g.gain > 0 AND promptreg.still_proven(r)), false),
         coalesce(bool_or(r.p_anytime_adjusted < 0.05 AND g.gain < 0 AND promptreg.still_proven(r)), false),
         coalesce(bool_or(r.fixed_valid AND r.p_adjusted < 0.05 AND g.gain > 0), false)
           AND NOT coalesce(bool_or(r.fixed_valid AND r.p_adjusted < 0.05 AND g.gain < 0), false)
    FROM unnest(proven_variants.results) AS r,
         LATERAL (SELECT CASE r.direction WHEN 'up' THEN r.difference ELSE -r.difference END AS gain) g
   WHERE r.role = 'primary' AND NOT r.is_control
   GROUP BY r.variant;
END;
COMMENT ON FUNCTION promptreg.proven_variants(promptreg.experiment_results[]) IS
  'Which variants the primary metrics prove better or worse than the control';

-- P(best) and expected loss met on every primary metric.
CREATE FUNCTION promptreg.low_regret_variant(results promptreg.experiment_results[], max_loss double precision) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT r.variant
    FROM unnest(low_regret_variant.results) AS r
    LEFT JOIN unnest(low_regret_variant.results) AS c ON c.metric = r.metric AND c.is_control
   WHERE r.role = 'primary'
   GROUP BY r.variant
  HAVING bool_and(coalesce(r.p_best >= 0.95 AND r.expected_loss <= low_regret_variant.max_loss * abs(c.mean), false))
   ORDER BY r.variant LIMIT 1;
END;
COMMENT ON FUNCTION promptreg.low_regret_variant(promptreg.experiment_results[], double precision) IS
  'The variant that is probably best and costs little if it is not, on every primary metric; NULL: none';

-- Alpha is divided among the comparisons of guardrails.
CREATE FUNCTION promptreg.violated_guardrails(results promptreg.experiment_results[]) RETURNS TABLE (metric text, variant text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT r.metric, r.variant
    FROM unnest(violated_guardrails.results) AS r
   WHERE r.role = 'guardrail' AND CASE r.direction WHEN 'up' THEN r.difference < 0 ELSE r.difference > 0 END
     AND promptreg.still_proven(r)
     AND r.p_anytime * (SELECT count(*) FROM unnest(violated_guardrails.results) AS g WHERE g.role = 'guardrail' AND NOT g.is_control) < 0.05
   ORDER BY r.metric, r.variant;
END;
COMMENT ON FUNCTION promptreg.violated_guardrails(promptreg.experiment_results[]) IS 'Guardrails that are proven worse than with the control, and by which variant';

CREATE FUNCTION promptreg.settings_in_words(results promptreg.experiment_results[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT CASE WHEN max(r.settings) > 1
              THEN format('; the weights changed meanwhile, so it is compared within each of their %s settings', max(r.settings)) ELSE '' END
    FROM unnest(settings_in_words.results) AS r WHERE r.role = 'primary';
END;
COMMENT ON FUNCTION promptreg.settings_in_words(promptreg.experiment_results[]) IS 'How variants are compared where there were several settings of the weights; empty with one';

CREATE FUNCTION promptreg.users_in_several_variants(experiment_id bigint) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT coalesce(
    (SELECT c.users_in_several_variants FROM promptreg.experiment_closings c WHERE c.experiment_id = users_in_several_variants.experiment_id),
    (SELECT count(DISTINCT u.user_id) FROM promptreg.experiment_users u
      WHERE u.experiment_id = users_in_several_variants.experiment_id AND NOT u.own
        AND EXISTS (SELECT FROM promptreg.experiment_users o WHERE o.experiment_id = u.experiment_id AND o.user_id = u.user_id AND o.own)));
END;
COMMENT ON FUNCTION promptreg.users_in_several_variants(bigint) IS 'Users who were served more than one variant of an experiment, the first of them by chance';

-- Functions, and VOLATILE: they look at what the refresh has just written.
CREATE FUNCTION promptreg.latest_split(experiment_id bigint) RETURNS SETOF promptreg.experiment_splits
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT s.* FROM promptreg.experiment_splits s WHERE s.experiment_id = latest_split.experiment_id;
END;
COMMENT ON FUNCTION promptreg.latest_split(bigint) IS 'How the traffic of an experiment is split';

CREATE FUNCTION promptreg.users_of_smallest_variant(experiment_id bigint) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT coalesce(min(v.users), 0)::bigint
    FROM (SELECT k.key, coalesce(sum(e.users), 0) AS users
            FROM promptreg.variants k
            LEFT JOIN promptreg.comparable_since(users_of_smallest_variant.experiment_id) c ON c.variant = k.key
            LEFT JOIN promptreg.experiment_exposures e ON e.experiment_id = k.experiment_id AND e.variant = k.key AND e.number >= c.since
           WHERE k.experiment_id = users_of_smallest_variant.experiment_id GROUP BY k.key) v;
END;
COMMENT ON FUNCTION promptreg.users_of_smallest_variant(bigint) IS 'Users who count for the variant that has the fewest';

CREATE FUNCTION promptreg._prompt_experiment_decision(key text)
RETURNS TABLE (
  decision text, variant text, reason text, fixed text, anytime text, bayes text, sample_ratio_p double precision,
  sample_ratio_p_anytime double precision, sample_ratio_alarm boolean, users_in_several_variants bigint, users_min bigint,
  users_required bigint, guardrails_violated text[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  judged promptreg.experiments := promptreg.open_experiment_to_read(_prompt_experiment_decision.key);
  results promptreg.experiment_results[] := ARRAY(SELECT r FROM promptreg.fresh_results(judged) AS r ORDER BY r.metric, r.variant);
  plan promptreg.experiment_plans;
  control text := promptreg.control_of(judged.id);
BEGIN
  SELECT p.* INTO plan FROM promptreg.experiment_plans p WHERE p.experiment_id = judged.id;
  users_required := coalesce(plan.min_users, 500);
  SELECT s.p_fixed, s.p_anytime, coalesce(s.p_fixed < 0.001, false) OR coalesce(s.p_anytime < 0.001, false)
    INTO sample_ratio_p, sample_ratio_p_anytime, sample_ratio_alarm
    FROM promptreg.latest_split(judged.id) AS s;
  users_in_several_variants := promptreg.users_in_several_variants(judged.id);
  users_min := promptreg.users_of_smallest_variant(judged.id);
  guardrails_violated := ARRAY(SELECT format('%s (%s)', g.metric, g.variant) FROM promptreg.violated_guardrails(results) AS g);

  SELECT p.variant INTO fixed FROM promptreg.proven_variants(results) AS p WHERE p.fixed_better ORDER BY p.variant LIMIT 1;
  SELECT p.variant INTO anytime FROM promptreg.proven_variants(results) AS p WHERE p.better AND NOT p.worse ORDER BY p.variant LIMIT 1;
  IF anytime IS NULL AND (SELECT bool_and(p.worse AND NOT p.better) FROM promptreg.proven_variants(results) AS p) THEN
    anytime := control;
  END IF;
  bayes := promptreg.low_regret_variant(results, coalesce(plan.max_loss, 0.01));

  variant := coalesce(anytime, bayes);
  decision := 'none';
  IF NOT EXISTS (SELECT FROM unnest(results) AS r WHERE r.role = 'primary') THEN
    reason := 'no primary metric has been counted: define one with prompt_metric_define, and log executions with experiment, variant and user';
  ELSIF sample_ratio_alarm THEN
    reason := 'the traffic is not split as the weights say: find out why before reading anything';
  ELSIF users_min < users_required THEN
    reason := format('the smallest variant has %s users of the %s that were settled as the least', users_min, users_required);
  ELSIF variant IS NULL THEN
    reason := 'no variant is proven better, and none is probably best at little risk';
  ELSIF EXISTS (SELECT FROM promptreg.violated_guardrails(results) AS g WHERE g.variant = _prompt_experiment_decision.variant) THEN
    reason := format('%s would win, but makes guardrails worse: %s', variant, array_to_string(guardrails_violated, ', '));
  ELSIF anytime IS NOT NULL THEN
    decision := 'proven';
    reason := CASE WHEN variant = control THEN 'every other variant is proven worse than the control'
                   ELSE format('%s is proven better than %s: an anytime p value below 0.05, adjusted for all comparisons of primary metrics', variant, control) END;
  ELSE
    decision := 'low_regret';
    reason := format('%s is the best with a probability of at least 95 %%, and costs little if it is not; that is no proof', variant);
  END IF;
  IF decision = 'none' THEN
    variant := NULL;
  ELSE
    reason := reason || promptreg.settings_in_words(results);
  END IF;
  RETURN NEXT;
END;
$$;
COMMENT ON FUNCTION promptreg._prompt_experiment_decision(text) IS
  'The verdict on an experiment: proven, low_regret or none, why, and what stands in the way. Right: read';
