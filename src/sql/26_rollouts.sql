-- Rollouts: a version that takes over step by step. The split itself is an experiment of kind rollout; here is where it
-- stands, so that it goes on after a restart.

-- A rollout ends with its experiment, in the same transaction.
CREATE TABLE promptreg.rollouts (
  experiment_id bigint PRIMARY KEY REFERENCES promptreg.experiments (id),
  version       integer NOT NULL,
  previous      integer NOT NULL,
  steps         numeric[] NOT NULL CHECK (cardinality(steps) >= 2 AND array_position(steps, NULL) IS NULL),
  step_interval interval NOT NULL CHECK (step_interval >= '0'),
  guards        text[] NOT NULL,
  step          integer NOT NULL CHECK (step BETWEEN 1 AND cardinality(steps)),
  held          text
);
COMMENT ON TABLE promptreg.rollouts IS 'Rollouts: versions that take over step by step, and where they stand';
COMMENT ON COLUMN promptreg.rollouts.experiment_id IS 'The experiment of kind rollout that splits the traffic';
COMMENT ON COLUMN promptreg.rollouts.version IS 'Version that takes over';
COMMENT ON COLUMN promptreg.rollouts.previous IS 'Version that it replaces';
COMMENT ON COLUMN promptreg.rollouts.steps IS 'Its shares of the users in percent, the last one 100';
COMMENT ON COLUMN promptreg.rollouts.step_interval IS 'How long each step lasts at least';
COMMENT ON COLUMN promptreg.rollouts.guards IS 'Names of the guards that stand for the time of the rollout';
COMMENT ON COLUMN promptreg.rollouts.step IS 'Number of the step it is at';
COMMENT ON COLUMN promptreg.rollouts.held IS 'Why it did not advance when it was last looked at; NULL: it did, or it is not time yet';
