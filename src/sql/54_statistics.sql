-- Statistics from counts, means and standard deviations: pure functions, on any table. docs/statistics.md has the
-- formulas. NULL in is NULL out; what is outside the domain is an error that names the argument.

CREATE FUNCTION promptreg.chi_squared_test(counts bigint[],
  OUT statistic double precision, OUT df double precision, OUT p_value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_chi_squared_test';
COMMENT ON FUNCTION promptreg.chi_squared_test(bigint[]) IS
  'Chi-squared test of a table of counts, a row for each group, such as {{successes, failures}, ...}; without continuity correction';

CREATE FUNCTION promptreg.two_proportion_test(
  successes_a double precision, n_a double precision, successes_b double precision, n_b double precision,
  confidence double precision DEFAULT 0.95,
  OUT difference double precision, OUT z double precision, OUT p_value double precision,
  OUT ci_low double precision, OUT ci_high double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_two_proportion_test';
COMMENT ON FUNCTION promptreg.two_proportion_test(double precision, double precision, double precision, double precision, double precision) IS
  'Difference of two proportions, b minus a: pooled z test and Newcombe''s interval';

CREATE FUNCTION promptreg.welch_t_test(
  mean_a double precision, sd_a double precision, n_a double precision,
  mean_b double precision, sd_b double precision, n_b double precision,
  confidence double precision DEFAULT 0.95,
  OUT difference double precision, OUT t double precision, OUT df double precision, OUT p_value double precision,
  OUT ci_low double precision, OUT ci_high double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_welch_t_test';
COMMENT ON FUNCTION promptreg.welch_t_test(double precision, double precision, double precision, double precision, double precision, double precision, double precision) IS
  'Difference of two means, b minus a, with unequal variances (sd as of stddev_samp): Welch''s t test and interval';

CREATE FUNCTION promptreg.fisher_exact_test(
  a double precision, b double precision, c double precision, d double precision,
  OUT p_value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_fisher_exact_test';
COMMENT ON FUNCTION promptreg.fisher_exact_test(double precision, double precision, double precision, double precision) IS
  'Fisher''s exact test of the table {{a, b}, {c, d}}, two-sided; for small counts';

CREATE FUNCTION promptreg.sample_ratio_test(counts bigint[], weights double precision[],
  OUT statistic double precision, OUT df double precision, OUT p_value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sample_ratio_test';
COMMENT ON FUNCTION promptreg.sample_ratio_test(bigint[], double precision[]) IS
  'Whether counts fit weights (relative to each other): chi-squared, for one look at a size set in advance';

CREATE FUNCTION promptreg.sample_ratio_sequential(counts bigint[], weights double precision[],
  OUT log_bayes_factor double precision, OUT p_value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sample_ratio_sequential';
COMMENT ON FUNCTION promptreg.sample_ratio_sequential(bigint[], double precision[]) IS
  'Whether counts fit weights (relative to each other): Dirichlet-multinomial Bayes factor, for looks at any time';

CREATE FUNCTION promptreg.prob_best(alpha double precision[], beta double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_prob_best';
COMMENT ON FUNCTION promptreg.prob_best(double precision[], double precision[]) IS
  'Probability of each of several Beta(alpha, beta) posteriors to be the largest; by quadrature, so always the same';

CREATE FUNCTION promptreg.expected_loss(alpha double precision[], beta double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_expected_loss';
COMMENT ON FUNCTION promptreg.expected_loss(double precision[], double precision[]) IS
  'What choosing each of several Beta(alpha, beta) posteriors loses on average against the best, as a proportion';

CREATE FUNCTION promptreg.prob_best_means(
  means double precision[], sds double precision[], n double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_prob_best_means';
COMMENT ON FUNCTION promptreg.prob_best_means(double precision[], double precision[], double precision[]) IS
  'Probability of each of several means (sds as of stddev_samp, n observations) to be the largest, by Normal-inverse-gamma posteriors';

CREATE FUNCTION promptreg.expected_loss_means(
  means double precision[], sds double precision[], n double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_expected_loss_means';
COMMENT ON FUNCTION promptreg.expected_loss_means(double precision[], double precision[], double precision[]) IS
  'What choosing each of several means loses on average against the largest, in their unit';

CREATE FUNCTION promptreg.confidence_sequence(
  estimate double precision, standard_error double precision, n double precision,
  alpha double precision DEFAULT 0.05, tuning_n double precision DEFAULT 5000, sides integer DEFAULT 2,
  OUT half_width double precision, OUT ci_low double precision, OUT ci_high double precision,
  OUT p_value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_confidence_sequence';
COMMENT ON FUNCTION promptreg.confidence_sequence(double precision, double precision, double precision, double precision, double precision, integer) IS
  'Interval and p value of an estimate that may be looked at any time, tightest near n = tuning_n; sides 1: for a positive effect';

CREATE FUNCTION promptreg.bernoulli_confidence_sequence(
  successes bigint, n bigint, alpha double precision DEFAULT 0.05,
  OUT ci_low double precision, OUT ci_high double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_bernoulli_confidence_sequence';
COMMENT ON FUNCTION promptreg.bernoulli_confidence_sequence(bigint, bigint, double precision) IS
  'Interval of a proportion that may be looked at any time, also under adaptive allocation';

CREATE FUNCTION promptreg.threshold_sequence(
  successes bigint, n bigint, threshold double precision,
  OUT log_bayes_factor double precision, OUT p_value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_threshold_sequence';
COMMENT ON FUNCTION promptreg.threshold_sequence(bigint, bigint, double precision) IS
  'Whether a proportion is above a threshold: one-sided beta-binomial test that may be looked at any time';

CREATE FUNCTION promptreg.sample_size_proportions(
  p1 double precision, p2 double precision,
  alpha double precision DEFAULT 0.05, power double precision DEFAULT 0.8) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sample_size_proportions';
COMMENT ON FUNCTION promptreg.sample_size_proportions(double precision, double precision, double precision, double precision) IS
  'Observations per variant, not rounded, to tell proportion p1 from p2 with that power, two-sided';

CREATE FUNCTION promptreg.sample_size_means(
  sd double precision, difference double precision,
  alpha double precision DEFAULT 0.05, power double precision DEFAULT 0.8) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_sample_size_means';
COMMENT ON FUNCTION promptreg.sample_size_means(double precision, double precision, double precision, double precision) IS
  'Observations per variant, not rounded, to see a difference of means with that power, two-sided';

CREATE FUNCTION promptreg.minimum_detectable_effect(
  base double precision, n double precision,
  alpha double precision DEFAULT 0.05, power double precision DEFAULT 0.8) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_minimum_detectable_effect';
COMMENT ON FUNCTION promptreg.minimum_detectable_effect(double precision, double precision, double precision, double precision) IS
  'Increase of a proportion from base that n observations per variant detect with that power; NULL when none is detected';

CREATE FUNCTION promptreg.holm(p double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_holm';
COMMENT ON FUNCTION promptreg.holm(double precision[]) IS
  'Holm''s adjusted p values in the order given: bounds the chance of any false finding';

CREATE FUNCTION promptreg.benjamini_hochberg(p double precision[]) RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_benjamini_hochberg';
COMMENT ON FUNCTION promptreg.benjamini_hochberg(double precision[]) IS
  'Benjamini and Hochberg''s adjusted p values in the order given: bounds the share of false ones among the findings';

CREATE FUNCTION promptreg.bandit_weights(
  algorithm text, successes bigint[], n bigint[], floor double precision DEFAULT 0.05) RETURNS integer[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_bandit_weights';
COMMENT ON FUNCTION promptreg.bandit_weights(text, bigint[], bigint[], double precision) IS
  'Weights in parts per million, summing to 1000000, by thompson, top_two, ucb1 or kl_ucb, with a floor under each';

CREATE FUNCTION promptreg.bandit_weights_means(
  algorithm text, means double precision[], sds double precision[], n double precision[],
  floor double precision DEFAULT 0.05) RETURNS integer[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'promptreg_bandit_weights_means';
COMMENT ON FUNCTION promptreg.bandit_weights_means(text, double precision[], double precision[], double precision[], double precision) IS
  'Weights in parts per million, summing to 1000000, for means of which the largest is wanted, by thompson or top_two';
