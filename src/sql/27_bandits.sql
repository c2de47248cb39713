-- Bandits: experiments whose weights follow the outcomes, and what has been counted for them.
--
-- Weights change, users come back, and behaviour drifts. So what a bandit learns from is not the user for the whole
-- experiment, as results have it, but the user in an hour: an hour's figures belong to the variant that was served in it,
-- can be left out while they are too young, and can lose weight as they age. docs/experiments.md has the rules.

CREATE TABLE promptreg.experiment_allocations (
  experiment_id      bigint PRIMARY KEY REFERENCES promptreg.experiments (id),
  algorithm          text NOT NULL CHECK (algorithm IN ('fixed', 'thompson', 'top_two', 'ucb1', 'kl_ucb')),
  metric             text REFERENCES promptreg.metrics (name),
  floor              double precision NOT NULL CHECK (floor BETWEEN 0.001 AND 0.5),
  min_count          bigint NOT NULL CHECK (min_count BETWEEN 1 AND 1000000000),
  attribution_window interval CHECK (attribution_window >= interval '0'),
  half_life          interval CHECK (half_life >= interval '1 hour'),
  set_by             text NOT NULL,
  set_at             timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.experiment_allocations IS 'How the weights of experiments come about; an experiment without a row has fixed ones';
COMMENT ON COLUMN promptreg.experiment_allocations.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.experiment_allocations.algorithm IS 'fixed: as they are set; or the bandit that sets them: thompson, top_two, ucb1, kl_ucb';
COMMENT ON COLUMN promptreg.experiment_allocations.metric IS 'Metric that the bandit optimises; NULL: the first primary one';
COMMENT ON COLUMN promptreg.experiment_allocations.floor IS 'Share of the experiment that every variant keeps';
COMMENT ON COLUMN promptreg.experiment_allocations.min_count IS 'A variant that has been seen less often keeps its share';
COMMENT ON COLUMN promptreg.experiment_allocations.attribution_window IS
  'Executions younger than this do not count yet; NULL: the window of the metric, or a day where outcomes may come later';
COMMENT ON COLUMN promptreg.experiment_allocations.half_life IS 'What was seen so long ago counts half; NULL: all counts alike';
COMMENT ON COLUMN promptreg.experiment_allocations.set_by IS 'Role that set it';
COMMENT ON COLUMN promptreg.experiment_allocations.set_at IS 'When it was set';

CREATE TABLE promptreg.bandit_sources (
  experiment_id bigint PRIMARY KEY REFERENCES promptreg.experiments (id),
  metric        text NOT NULL,
  taken         boolean NOT NULL
);
COMMENT ON TABLE promptreg.bandit_sources IS 'Which metric is counted by the hour for which live experiment';
COMMENT ON COLUMN promptreg.bandit_sources.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.bandit_sources.metric IS 'The metric';
COMMENT ON COLUMN promptreg.bandit_sources.taken IS 'Whether rows before the watermark have been counted';

CREATE TABLE promptreg.bandit_units (
  experiment_id bigint NOT NULL REFERENCES promptreg.bandit_sources (experiment_id),
  user_id       text NOT NULL,
  variant       text NOT NULL,
  hour          timestamptz NOT NULL,
  n             bigint NOT NULL,
  total         double precision NOT NULL,
  denominator   double precision NOT NULL,
  changed       boolean NOT NULL DEFAULT true,
  counted_value double precision,
  counted_other double precision,
  PRIMARY KEY (experiment_id, user_id, variant, hour)
);
CREATE INDEX bandit_units_changed_idx ON promptreg.bandit_units (experiment_id) WHERE changed;
COMMENT ON TABLE promptreg.bandit_units IS 'Totals of each user in each hour, and what the statistics have of them';
COMMENT ON COLUMN promptreg.bandit_units.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.bandit_units.user_id IS 'The user';
COMMENT ON COLUMN promptreg.bandit_units.variant IS 'Variant that the executions were served';
COMMENT ON COLUMN promptreg.bandit_units.hour IS 'Beginning of the hour of the executions';
COMMENT ON COLUMN promptreg.bandit_units.n IS 'Values of the source';
COMMENT ON COLUMN promptreg.bandit_units.total IS 'Their sum';
COMMENT ON COLUMN promptreg.bandit_units.denominator IS 'Sum of the values of the denominator';
COMMENT ON COLUMN promptreg.bandit_units.changed IS 'Whether the statistics have to follow';
COMMENT ON COLUMN promptreg.bandit_units.counted_value IS 'Value with which the user counts in this hour; NULL: does not count';
COMMENT ON COLUMN promptreg.bandit_units.counted_other IS 'Of a ratio the denominator';

CREATE TABLE promptreg.bandit_hours (
  experiment_id bigint NOT NULL REFERENCES promptreg.bandit_sources (experiment_id),
  variant       text NOT NULL,
  hour          timestamptz NOT NULL,
  moments       double precision[] NOT NULL CHECK (cardinality(moments) = 6),
  PRIMARY KEY (experiment_id, variant, hour)
);
COMMENT ON TABLE promptreg.bandit_hours IS 'Sufficient statistics by the hour, from which bandits compute weights';
COMMENT ON COLUMN promptreg.bandit_hours.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.bandit_hours.variant IS 'The variant';
COMMENT ON COLUMN promptreg.bandit_hours.hour IS 'Beginning of the hour of the executions';
COMMENT ON COLUMN promptreg.bandit_hours.moments IS
  'Users, mean of their values, mean of the denominator, sums of squares about the means of both, sum of products about the means';
