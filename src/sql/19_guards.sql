-- Guards: what a version that is served must not do, and what happens when it does.

CREATE TABLE promptreg.guards (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  prompt_id      bigint NOT NULL REFERENCES promptreg.prompts (id),
  environment    text NOT NULL REFERENCES promptreg.environments (name),
  name           text NOT NULL CHECK (name <> '' AND octet_length(name) <= 800),
  metric         text NOT NULL,
  scorer         text CHECK (scorer IS NULL OR metric = 'score'),
  rule           text NOT NULL CHECK (rule IN ('concurrent', 'limit', 'window')),
  better         text NOT NULL CHECK (better IN ('higher', 'lower')),
  threshold      double precision CHECK (threshold BETWEEN -1e12 AND 1e12),
  tolerance      double precision NOT NULL CHECK (tolerance BETWEEN 0 AND 1e12),
  relative       boolean NOT NULL,
  min_count      bigint NOT NULL CHECK (min_count >= 1),
  max_staleness  interval NOT NULL CHECK (max_staleness > '0'),
  severity       text NOT NULL CHECK (severity IN ('rollback', 'pause', 'alert')),
  dry_run        boolean NOT NULL,
  cool_down      interval NOT NULL CHECK (cool_down >= '0'),
  max_rollbacks  integer NOT NULL CHECK (max_rollbacks BETWEEN 0 AND 100),
  alpha          double precision NOT NULL CHECK (alpha > 0 AND alpha < 0.5),
  set_by         text NOT NULL,
  set_at         timestamptz NOT NULL,
  removed_at     timestamptz,
  CHECK ((rule = 'concurrent') = (threshold IS NULL)),
  CHECK (rule <> 'limit' OR threshold > 0 AND threshold < 1),
  CHECK (rule <> 'window' OR severity = 'alert')
);
CREATE UNIQUE INDEX guards_one_of_a_name_idx ON promptreg.guards (prompt_id, environment, name) WHERE removed_at IS NULL;
COMMENT ON TABLE promptreg.guards IS 'Guards of routes: a metric, a rule, and what happens when the version that is served breaks it';
COMMENT ON COLUMN promptreg.guards.id IS 'Internal key';
COMMENT ON COLUMN promptreg.guards.prompt_id IS 'The prompt';
COMMENT ON COLUMN promptreg.guards.environment IS 'The environment';
COMMENT ON COLUMN promptreg.guards.name IS 'Name of the guard, unique on its route';
COMMENT ON COLUMN promptreg.guards.metric IS
  'error, latency_ms, time_to_first_token_ms, tokens_in, tokens_out, cost_usd of an execution, or rating, thumbs, score, conversion, edited, accepted of its outcomes';
COMMENT ON COLUMN promptreg.guards.scorer IS 'Whose score, where metric is score; NULL: that of no scorer';
COMMENT ON COLUMN promptreg.guards.rule IS
  'concurrent: worse than the version beside it; limit: a share beyond a threshold; window: the mean of the last 1000 beyond a threshold';
COMMENT ON COLUMN promptreg.guards.better IS 'Whether higher or lower values are better';
COMMENT ON COLUMN promptreg.guards.threshold IS 'limit, window: what the metric must keep to; NULL: concurrent';
COMMENT ON COLUMN promptreg.guards.tolerance IS 'concurrent: how much worse is tolerated, in the metric''s unit, or as a part of the other version''s mean if relative';
COMMENT ON COLUMN promptreg.guards.relative IS 'Whether tolerance is a part of the mean of the version beside it';
COMMENT ON COLUMN promptreg.guards.min_count IS 'Values of the guarded version before it is judged';
COMMENT ON COLUMN promptreg.guards.max_staleness IS 'Age of the newest value, of either version if it compares, beyond which nothing is decided';
COMMENT ON COLUMN promptreg.guards.severity IS
  'rollback: back to the version before, or an experiment is stopped; pause: an experiment is paused; alert: told only';
COMMENT ON COLUMN promptreg.guards.dry_run IS 'Whether it only says what it would have done';
COMMENT ON COLUMN promptreg.guards.cool_down IS 'Time after it has acted in which it does not act again, unless somebody deploys or starts something';
COMMENT ON COLUMN promptreg.guards.max_rollbacks IS 'Rollbacks by guards in a row, without a deployment by a person between them, after which none rolls back';
COMMENT ON COLUMN promptreg.guards.alpha IS 'Chance of ever firing without reason, divided among the guards of a route';
COMMENT ON COLUMN promptreg.guards.set_by IS 'Role that set it';
COMMENT ON COLUMN promptreg.guards.set_at IS 'When it was set; values from before do not count';
COMMENT ON COLUMN promptreg.guards.removed_at IS 'When it was removed; NULL: it stands';

-- Rows for each guard and version, of what is served now; a change of the route begins anew. They are kept apart by the
-- weights that were in force: versions whose shares changed are only alike in time under the same ones.
CREATE TABLE promptreg.guard_counts (
  guard_id   bigint NOT NULL REFERENCES promptreg.guards (id),
  version    integer NOT NULL,
  number     integer NOT NULL CHECK (number >= 0),
  since      timestamptz NOT NULL,
  n          bigint NOT NULL CHECK (n >= 1),
  mean       double precision NOT NULL,
  squares    double precision NOT NULL CHECK (squares >= 0),
  recent     double precision[] NOT NULL,
  newest_at  timestamptz NOT NULL,
  PRIMARY KEY (guard_id, version, number)
);
COMMENT ON TABLE promptreg.guard_counts IS 'What guards have seen of the versions that are served now';
COMMENT ON COLUMN promptreg.guard_counts.guard_id IS 'The guard';
COMMENT ON COLUMN promptreg.guard_counts.version IS 'The version';
COMMENT ON COLUMN promptreg.guard_counts.number IS
  'Number of the experiment''s weights that were in force; 0: no experiment ran, or the rule is window, which has one row for all';
COMMENT ON COLUMN promptreg.guard_counts.since IS 'Executions from this time on count';
COMMENT ON COLUMN promptreg.guard_counts.n IS 'Number of values';
COMMENT ON COLUMN promptreg.guard_counts.mean IS 'Their mean';
COMMENT ON COLUMN promptreg.guard_counts.squares IS 'Sum of the squares of their distances from the mean';
COMMENT ON COLUMN promptreg.guard_counts.recent IS 'window: the last 1000, the newest first; empty for other rules';
COMMENT ON COLUMN promptreg.guard_counts.newest_at IS 'Time of the newest execution among them';

-- Calls of one user resemble each other, so that concurrent guards count users: what each adds up to, and the sums of products
-- over users from which the spread of any weighted mean follows. Rows go with those of guard_counts; they are many, so that
-- they have no foreign key, and an order that is quick to compare.
CREATE TABLE promptreg.guard_users (
  guard_id   bigint NOT NULL,
  version    integer NOT NULL,
  user_id    text COLLATE "C" NOT NULL,
  number     integer NOT NULL,
  n          bigint NOT NULL CHECK (n >= 1),
  total      double precision NOT NULL,
  PRIMARY KEY (guard_id, version, user_id, number)
);
COMMENT ON TABLE promptreg.guard_users IS 'What concurrent guards have seen of each user';
COMMENT ON COLUMN promptreg.guard_users.guard_id IS 'The guard';
COMMENT ON COLUMN promptreg.guard_users.version IS 'The version';
COMMENT ON COLUMN promptreg.guard_users.user_id IS 'The user, as executions have it';
COMMENT ON COLUMN promptreg.guard_users.number IS 'Number of the experiment''s weights that were in force';
COMMENT ON COLUMN promptreg.guard_users.n IS 'Number of values';
COMMENT ON COLUMN promptreg.guard_users.total IS 'Their sum';

-- For each two rows of weights, the second not before the first: who comes again under other weights resembles himself there, too.
CREATE TABLE promptreg.guard_products (
  guard_id    bigint NOT NULL REFERENCES promptreg.guards (id),
  version     integer NOT NULL,
  number      integer NOT NULL,
  other       integer NOT NULL CHECK (other >= number),
  users       bigint NOT NULL,
  totals      double precision NOT NULL,
  total_n     double precision NOT NULL,
  n_total     double precision NOT NULL,
  ns          double precision NOT NULL,
  PRIMARY KEY (guard_id, version, number, other)
);
COMMENT ON TABLE promptreg.guard_products IS 'Sums of products over the users of concurrent guards, for each two rows of weights';
COMMENT ON COLUMN promptreg.guard_products.guard_id IS 'The guard';
COMMENT ON COLUMN promptreg.guard_products.version IS 'The version';
COMMENT ON COLUMN promptreg.guard_products.number IS 'Number of one row of weights';
COMMENT ON COLUMN promptreg.guard_products.other IS 'Number of the same row or a later one';
COMMENT ON COLUMN promptreg.guard_products.users IS 'Users who were seen under both';
COMMENT ON COLUMN promptreg.guard_products.totals IS 'Sum of the products of their totals';
COMMENT ON COLUMN promptreg.guard_products.total_n IS 'Sum of the products of their totals under the one with their numbers of values under the other';
COMMENT ON COLUMN promptreg.guard_products.n_total IS 'Sum of the products of their numbers of values under the one with their totals under the other';
COMMENT ON COLUMN promptreg.guard_products.ns IS 'Sum of the products of their numbers of values';

CREATE TABLE promptreg.guard_events (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  guard_id    bigint NOT NULL REFERENCES promptreg.guards (id),
  at          timestamptz NOT NULL,
  version     integer NOT NULL,
  action      text NOT NULL CHECK (action IN ('rolled_back', 'experiment_stopped', 'experiment_paused', 'alerted', 'held')),
  dry_run     boolean NOT NULL,
  reason      text NOT NULL,
  numbers     jsonb NOT NULL,
  deployment_id bigint REFERENCES promptreg.deployments (id),
  experiment_id bigint REFERENCES promptreg.experiments (id)
);
CREATE INDEX guard_events_guard_id_idx ON promptreg.guard_events (guard_id, id);
COMMENT ON TABLE promptreg.guard_events IS 'What guards have done, with the numbers that made them; append-only';
COMMENT ON COLUMN promptreg.guard_events.id IS 'Internal key';
COMMENT ON COLUMN promptreg.guard_events.guard_id IS 'The guard';
COMMENT ON COLUMN promptreg.guard_events.at IS 'When it fired';
COMMENT ON COLUMN promptreg.guard_events.version IS 'The version that broke the rule';
COMMENT ON COLUMN promptreg.guard_events.action IS
  'rolled_back, experiment_stopped, experiment_paused, alerted; held: nothing was done, the reason says why';
COMMENT ON COLUMN promptreg.guard_events.dry_run IS 'Whether it only says what would have been done';
COMMENT ON COLUMN promptreg.guard_events.reason IS 'Why, in words';
COMMENT ON COLUMN promptreg.guard_events.numbers IS 'Counts, means, interval and p value at that time; held: why nothing was done';
COMMENT ON COLUMN promptreg.guard_events.deployment_id IS 'The rollback that it made';
COMMENT ON COLUMN promptreg.guard_events.experiment_id IS 'The experiment that it stopped or paused';
