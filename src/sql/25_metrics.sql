-- Metrics: what experiments are judged by, and what has been counted of them.
--
-- Users are assigned, not executions, and the executions of one user resemble each other: counted one by one they would
-- look like more evidence than they are. So the unit is the user. Totals are kept for each user; what a user adds to the
-- statistics of a variant is taken out and put in again when they change. docs/metrics.md has the rules.

CREATE FUNCTION promptreg.is_metric_source(source text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN source IN ('executions', 'latency_ms', 'time_to_first_token_ms', 'tokens_in', 'tokens_out', 'tokens_cached', 'cost_usd',
                  'error', 'rating', 'thumbs', 'conversion', 'edited', 'accepted', 'score')
    OR (starts_with(source, 'score/') AND char_length(source) BETWEEN 7 AND 200);
COMMENT ON FUNCTION promptreg.is_metric_source(text) IS 'Whether metrics can be made of it: a field of executions or the name of an outcome';

CREATE TABLE promptreg.metrics (
  name               text PRIMARY KEY CHECK (promptreg.is_valid_name(name)),
  kind               text NOT NULL CHECK (kind IN ('proportion', 'mean', 'ratio', 'count', 'quantile')),
  source             text NOT NULL CHECK (promptreg.is_metric_source(source)),
  denominator        text CHECK (denominator = 'observations' OR promptreg.is_metric_source(denominator)),
  quantile           double precision CHECK (quantile > 0 AND quantile < 1),
  direction          text NOT NULL CHECK (direction IN ('up', 'down')),
  cap                double precision CHECK (cap > 0 AND cap <= 1e15),
  attribution_window interval CHECK (attribution_window >= interval '0'),
  role               text NOT NULL CHECK (role IN ('primary', 'secondary', 'guardrail')),
  description        text,
  defined_by         text NOT NULL,
  defined_at         timestamptz NOT NULL,
  archived_at        timestamptz,
  CHECK ((kind = 'ratio') = (denominator IS NOT NULL)),
  CHECK ((kind = 'quantile') = (quantile IS NOT NULL)),
  CHECK (kind <> 'quantile' OR cap IS NULL),
  CHECK (kind <> 'proportion' OR (cap IS NULL AND source IN ('error', 'thumbs', 'conversion', 'edited', 'accepted')))
);
COMMENT ON TABLE promptreg.metrics IS 'Metrics: what experiments are judged by';
COMMENT ON COLUMN promptreg.metrics.name IS 'Name';
COMMENT ON COLUMN promptreg.metrics.kind IS
  'proportion: share of users to whom it happened; mean: mean over users of their own mean; count: mean over users of their total; ratio: total of source by total of denominator; quantile: of all values of the source';
COMMENT ON COLUMN promptreg.metrics.source IS 'Field of executions, executions themselves, or name of an outcome; score/<scorer> for one scorer';
COMMENT ON COLUMN promptreg.metrics.denominator IS 'Of a ratio: another source, or observations (how many values the source has)';
COMMENT ON COLUMN promptreg.metrics.quantile IS 'Of a quantile: which one, such as 0.95';
COMMENT ON COLUMN promptreg.metrics.direction IS 'up: more is better; down: less is better';
COMMENT ON COLUMN promptreg.metrics.cap IS 'A user counts with no more than this (winsorising); NULL: with all';
COMMENT ON COLUMN promptreg.metrics.attribution_window IS 'Outcomes later than this after their execution do not count; NULL: all do';
COMMENT ON COLUMN promptreg.metrics.role IS 'primary: decides; secondary: explains; guardrail: must not get worse';
COMMENT ON COLUMN promptreg.metrics.description IS 'What it is for';
COMMENT ON COLUMN promptreg.metrics.defined_by IS 'Role that defined it last';
COMMENT ON COLUMN promptreg.metrics.defined_at IS 'When it was defined last';
COMMENT ON COLUMN promptreg.metrics.archived_at IS 'When it was archived: experiments that start later do without it; NULL: it is not';

CREATE TABLE promptreg.experiment_plans (
  experiment_id     bigint PRIMARY KEY REFERENCES promptreg.experiments (id),
  users_per_variant bigint CHECK (users_per_variant >= 2),
  min_users         bigint NOT NULL CHECK (min_users >= 2),
  max_loss          double precision NOT NULL CHECK (max_loss >= 0 AND max_loss <= 1),
  set_by            text NOT NULL,
  set_at            timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.experiment_plans IS 'What was settled in advance for the decision of an experiment';
COMMENT ON COLUMN promptreg.experiment_plans.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_plans.users_per_variant IS 'Users per variant at which p_fixed is to be read, once; NULL: none planned';
COMMENT ON COLUMN promptreg.experiment_plans.min_users IS 'No decision while a variant has fewer users';
COMMENT ON COLUMN promptreg.experiment_plans.max_loss IS 'Expected loss that does not matter, as a share of the control''s value';
COMMENT ON COLUMN promptreg.experiment_plans.set_by IS 'Role that set it';
COMMENT ON COLUMN promptreg.experiment_plans.set_at IS 'When it was set';

CREATE TABLE promptreg.experiment_metrics (
  experiment_id bigint NOT NULL REFERENCES promptreg.experiments (id),
  metric        text NOT NULL REFERENCES promptreg.metrics (name),
  taken         boolean NOT NULL,
  PRIMARY KEY (experiment_id, metric)
);
COMMENT ON TABLE promptreg.experiment_metrics IS 'Which metrics are counted for which experiment';
COMMENT ON COLUMN promptreg.experiment_metrics.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_metrics.metric IS 'The metric';
COMMENT ON COLUMN promptreg.experiment_metrics.taken IS 'Whether rows before the watermark have been counted';

CREATE TABLE promptreg.experiment_users (
  experiment_id      bigint NOT NULL REFERENCES promptreg.experiments (id),
  user_id            text NOT NULL,
  variant            text NOT NULL,
  first_at           timestamptz NOT NULL,
  executions         bigint NOT NULL,
  own                boolean NOT NULL DEFAULT false,
  number             integer,
  counted_executions bigint NOT NULL DEFAULT 0,
  changed            boolean NOT NULL DEFAULT true,
  PRIMARY KEY (experiment_id, user_id, variant)
);
CREATE INDEX experiment_users_changed_idx ON promptreg.experiment_users (experiment_id, user_id) WHERE changed;
CREATE INDEX experiment_users_several_idx ON promptreg.experiment_users (experiment_id, user_id) WHERE NOT own;
COMMENT ON TABLE promptreg.experiment_users IS 'Which users were served which variant';
COMMENT ON COLUMN promptreg.experiment_users.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_users.user_id IS 'The user, as recorded';
COMMENT ON COLUMN promptreg.experiment_users.variant IS 'A variant that the user was served';
COMMENT ON COLUMN promptreg.experiment_users.first_at IS 'When for the first time';
COMMENT ON COLUMN promptreg.experiment_users.executions IS 'How many executions';
COMMENT ON COLUMN promptreg.experiment_users.own IS 'Whether it is the one that the user was served first, for which the user counts; of a user who had an override then, none is';
COMMENT ON COLUMN promptreg.experiment_users.number IS 'Number of the weights in force at first_at';
COMMENT ON COLUMN promptreg.experiment_users.counted_executions IS 'Executions that the exposures have of this row';
COMMENT ON COLUMN promptreg.experiment_users.changed IS 'Whether own, number and the exposures have to follow';

CREATE TABLE promptreg.experiment_exposures (
  experiment_id bigint NOT NULL REFERENCES promptreg.experiments (id),
  variant       text NOT NULL,
  number        integer NOT NULL,
  users         bigint NOT NULL,
  executions    bigint NOT NULL,
  PRIMARY KEY (experiment_id, variant, number)
);
COMMENT ON TABLE promptreg.experiment_exposures IS 'Users of variants by the weights in force when they came, to compare with what the weights predict';
COMMENT ON COLUMN promptreg.experiment_exposures.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_exposures.variant IS 'The variant that users were served first';
COMMENT ON COLUMN promptreg.experiment_exposures.number IS 'Number of the weights in force then';
COMMENT ON COLUMN promptreg.experiment_exposures.users IS 'Users';
COMMENT ON COLUMN promptreg.experiment_exposures.executions IS 'Their executions with this variant';

CREATE TABLE promptreg.experiment_totals (
  experiment_id   bigint NOT NULL,
  metric          text NOT NULL,
  user_id         text NOT NULL,
  variant         text NOT NULL,
  n               bigint NOT NULL,
  total           double precision NOT NULL,
  denominator     double precision NOT NULL,
  changed         boolean NOT NULL DEFAULT true,
  counted_number  integer,
  counted_history boolean,
  counted_value   double precision,
  counted_other   double precision,
  PRIMARY KEY (experiment_id, metric, user_id, variant),
  FOREIGN KEY (experiment_id, metric) REFERENCES promptreg.experiment_metrics (experiment_id, metric)
);
CREATE INDEX experiment_totals_changed_idx ON promptreg.experiment_totals (experiment_id, metric) WHERE changed;
COMMENT ON TABLE promptreg.experiment_totals IS 'Running totals of each user, and what the statistics have of them';
COMMENT ON COLUMN promptreg.experiment_totals.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_totals.metric IS 'The metric';
COMMENT ON COLUMN promptreg.experiment_totals.user_id IS 'The user';
COMMENT ON COLUMN promptreg.experiment_totals.variant IS 'Variant that the executions were served; empty: executions of the two weeks before the experiment';
COMMENT ON COLUMN promptreg.experiment_totals.n IS 'Values of the source';
COMMENT ON COLUMN promptreg.experiment_totals.total IS 'Their sum';
COMMENT ON COLUMN promptreg.experiment_totals.denominator IS 'Sum of the values of the denominator';
COMMENT ON COLUMN promptreg.experiment_totals.changed IS 'Whether the statistics have to follow';
COMMENT ON COLUMN promptreg.experiment_totals.counted_number IS 'Number of the weights under which the user counts; NULL: does not count';
COMMENT ON COLUMN promptreg.experiment_totals.counted_history IS 'Whether the user counts among those with a history';
COMMENT ON COLUMN promptreg.experiment_totals.counted_value IS 'Value with which the user counts';
COMMENT ON COLUMN promptreg.experiment_totals.counted_other IS 'Of a ratio the denominator, else the value before the experiment (0 without)';

CREATE TABLE promptreg.experiment_stats (
  experiment_id bigint NOT NULL,
  metric        text NOT NULL,
  variant       text NOT NULL,
  number        integer NOT NULL,
  history       boolean NOT NULL,
  moments       double precision[] NOT NULL CHECK (cardinality(moments) = 6),
  least         double precision,
  greatest      double precision,
  PRIMARY KEY (experiment_id, metric, variant, number, history),
  FOREIGN KEY (experiment_id, metric) REFERENCES promptreg.experiment_metrics (experiment_id, metric)
);
COMMENT ON TABLE promptreg.experiment_stats IS 'Sufficient statistics: the moments of users'' values';
COMMENT ON COLUMN promptreg.experiment_stats.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_stats.metric IS 'The metric';
COMMENT ON COLUMN promptreg.experiment_stats.variant IS 'The variant';
COMMENT ON COLUMN promptreg.experiment_stats.number IS 'Number of the weights in force when the users came';
COMMENT ON COLUMN promptreg.experiment_stats.history IS 'Whether they are users with a value from before the experiment';
COMMENT ON COLUMN promptreg.experiment_stats.moments IS
  'Users, mean of their values, mean of the other value (denominator or value before), sums of squares about the means of both, sum of products about the means';
COMMENT ON COLUMN promptreg.experiment_stats.least IS 'The least value that a user ever counted with';
COMMENT ON COLUMN promptreg.experiment_stats.greatest IS 'The greatest value that a user ever counted with';

CREATE TABLE promptreg.experiment_sketches (
  experiment_id bigint NOT NULL,
  metric        text NOT NULL,
  variant       text NOT NULL,
  number        integer NOT NULL,
  sketch        promptreg.sketch NOT NULL,
  PRIMARY KEY (experiment_id, metric, variant, number),
  FOREIGN KEY (experiment_id, metric) REFERENCES promptreg.experiment_metrics (experiment_id, metric)
);
COMMENT ON TABLE promptreg.experiment_sketches IS 'Of quantiles: how the values of variants are distributed';
COMMENT ON COLUMN promptreg.experiment_sketches.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_sketches.metric IS 'The metric';
COMMENT ON COLUMN promptreg.experiment_sketches.variant IS 'The variant that was served';
COMMENT ON COLUMN promptreg.experiment_sketches.number IS 'Number of the weights in force at the executions';
COMMENT ON COLUMN promptreg.experiment_sketches.sketch IS 'All values of the source, with a relative error of 0.1 %';

CREATE TABLE promptreg.experiment_figures (
  experiment_id             bigint NOT NULL,
  metric                    text NOT NULL,
  variant                   text NOT NULL,
  users                     bigint NOT NULL,
  mean                      double precision,
  sd                        double precision,
  adjusted                  boolean NOT NULL,
  difference                double precision,
  lift                      double precision,
  ci_low                    double precision,
  ci_high                   double precision,
  p_fixed                   double precision,
  anytime_low               double precision,
  anytime_high              double precision,
  p_anytime                 double precision,
  anytime_difference        double precision,
  p_best                    double precision,
  expected_loss             double precision,
  minimum_detectable_effect double precision,
  settings                  bigint,
  since                     integer NOT NULL,
  number                    integer NOT NULL,
  as_of                     timestamptz NOT NULL,
  PRIMARY KEY (experiment_id, metric, variant),
  FOREIGN KEY (experiment_id, metric) REFERENCES promptreg.experiment_metrics (experiment_id, metric)
);
COMMENT ON TABLE promptreg.experiment_figures IS 'What the statistics say; read promptreg.experiment_results';
COMMENT ON COLUMN promptreg.experiment_figures.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_figures.metric IS 'The metric';
COMMENT ON COLUMN promptreg.experiment_figures.variant IS 'The variant';
COMMENT ON COLUMN promptreg.experiment_figures.users IS 'Users that count';
COMMENT ON COLUMN promptreg.experiment_figures.mean IS 'Share, mean, ratio or quantile, in the unit of the metric';
COMMENT ON COLUMN promptreg.experiment_figures.sd IS 'Standard deviation of users, in the unit of the metric; of ratios and quantiles, standard error times the square root of users';
COMMENT ON COLUMN promptreg.experiment_figures.adjusted IS 'Whether what users did before the experiment is taken out of mean and sd (CUPED)';
COMMENT ON COLUMN promptreg.experiment_figures.difference IS 'Mean less the control''s; with several settings of the weights, within them';
COMMENT ON COLUMN promptreg.experiment_figures.lift IS 'Difference as a share of the control''s mean; NULL where that is not positive';
COMMENT ON COLUMN promptreg.experiment_figures.ci_low IS 'Lower end of the 95 % interval of the lift, for one look';
COMMENT ON COLUMN promptreg.experiment_figures.ci_high IS 'Upper end of the 95 % interval of the lift, for one look';
COMMENT ON COLUMN promptreg.experiment_figures.p_fixed IS 'p value of the difference, for one look at a size set in advance';
COMMENT ON COLUMN promptreg.experiment_figures.anytime_low IS 'Lower end of the 95 % confidence sequence of the lift';
COMMENT ON COLUMN promptreg.experiment_figures.anytime_high IS 'Upper end of the 95 % confidence sequence of the lift';
COMMENT ON COLUMN promptreg.experiment_figures.p_anytime IS 'p value of the difference that may be looked at any time: the least one so far';
COMMENT ON COLUMN promptreg.experiment_figures.anytime_difference IS 'Difference at the look that gave p_anytime: its sign is what that p value speaks of';
COMMENT ON COLUMN promptreg.experiment_figures.p_best IS 'Probability to be the best variant; no proof';
COMMENT ON COLUMN promptreg.experiment_figures.expected_loss IS 'What choosing it loses on average against the best, in the unit of the metric';
COMMENT ON COLUMN promptreg.experiment_figures.minimum_detectable_effect IS
  'Difference that so many users show with a power of 80 %, in the unit of the metric; NULL: none, or not known';
COMMENT ON COLUMN promptreg.experiment_figures.settings IS
  'Within how many settings of the weights it is compared with the control; NULL: in none do both have users';
COMMENT ON COLUMN promptreg.experiment_figures.since IS
  'Number of the first weights whose users count: since then variant and control have had the versions that they have now';
COMMENT ON COLUMN promptreg.experiment_figures.number IS 'Number of the weights in force when it was computed';
COMMENT ON COLUMN promptreg.experiment_figures.as_of IS 'When it was computed';

CREATE TABLE promptreg.experiment_splits (
  experiment_id bigint PRIMARY KEY REFERENCES promptreg.experiments (id),
  p_fixed       double precision,
  p_anytime     double precision,
  as_of         timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.experiment_splits IS 'Whether the traffic of experiments is split as their weights say';
COMMENT ON COLUMN promptreg.experiment_splits.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_splits.p_fixed IS 'Chi-squared p value, for one look; NULL: less than 5 users expected somewhere';
COMMENT ON COLUMN promptreg.experiment_splits.p_anytime IS 'Sequential p value, the least one so far';
COMMENT ON COLUMN promptreg.experiment_splits.as_of IS 'When it was computed';

CREATE TABLE promptreg.experiment_closings (
  experiment_id             bigint PRIMARY KEY REFERENCES promptreg.experiments (id),
  users_in_several_variants bigint NOT NULL,
  closed_at                 timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.experiment_closings IS 'Experiments that ended before the oldest executions that are kept: their users are forgotten, and nothing more is counted for them';
COMMENT ON COLUMN promptreg.experiment_closings.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_closings.users_in_several_variants IS 'Users who were served more than one variant';
COMMENT ON COLUMN promptreg.experiment_closings.closed_at IS 'When its users were forgotten';
