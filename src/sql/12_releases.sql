-- What is served where: the history (deployments), experiments, and the routes that the hot path reads.

CREATE TABLE promptreg.deployments (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  prompt_id       bigint NOT NULL REFERENCES promptreg.prompts (id),
  environment     text NOT NULL REFERENCES promptreg.environments (name),
  number          integer NOT NULL CHECK (number >= 1),
  event           text NOT NULL CHECK (event IN ('promoted', 'rolled_back', 'retired')),
  version         integer,
  previous        integer,
  rollback_to     integer CHECK (rollback_to BETWEEN 1 AND number - 1),
  reason          text,
  idempotency_key text,
  deployed_by     text NOT NULL,
  deployed_at     timestamptz NOT NULL,
  previous_hash   bytea CHECK (octet_length(previous_hash) = 32),
  chain_hash      bytea NOT NULL CHECK (octet_length(chain_hash) = 32),
  FOREIGN KEY (prompt_id, version) REFERENCES promptreg.versions (prompt_id, version),
  FOREIGN KEY (prompt_id, previous) REFERENCES promptreg.versions (prompt_id, version),
  UNIQUE (id, prompt_id, environment),
  UNIQUE (prompt_id, environment, number),
  UNIQUE NULLS NOT DISTINCT (prompt_id, environment, previous_hash),
  UNIQUE (prompt_id, environment, idempotency_key),
  CHECK ((number = 1) = (previous_hash IS NULL)),
  CHECK ((event = 'retired') = (version IS NULL))
);
COMMENT ON TABLE promptreg.deployments IS
  'History of every route: promotions, rollbacks and retirements; append-only and hash-chained per prompt and environment';
COMMENT ON COLUMN promptreg.deployments.id IS 'Internal key';
COMMENT ON COLUMN promptreg.deployments.prompt_id IS 'The prompt';
COMMENT ON COLUMN promptreg.deployments.environment IS 'The environment';
COMMENT ON COLUMN promptreg.deployments.number IS 'Number within the route: 1, 2, 3 without gaps';
COMMENT ON COLUMN promptreg.deployments.event IS 'promoted, rolled_back or retired';
COMMENT ON COLUMN promptreg.deployments.version IS 'Version served from then on; NULL: nothing (retired)';
COMMENT ON COLUMN promptreg.deployments.previous IS 'Version served until then; NULL: nothing';
COMMENT ON COLUMN promptreg.deployments.rollback_to IS
  'Number of the deployment that a rollback returns to; NULL: there is none';
COMMENT ON COLUMN promptreg.deployments.reason IS 'Why, in the words of who did it';
COMMENT ON COLUMN promptreg.deployments.idempotency_key IS 'Key of the request: the same key again changes nothing';
COMMENT ON COLUMN promptreg.deployments.deployed_by IS 'Role that did it';
COMMENT ON COLUMN promptreg.deployments.deployed_at IS 'When; never earlier than the deployment before it';
COMMENT ON COLUMN promptreg.deployments.previous_hash IS 'Chain hash of the deployment before; NULL for the first';
COMMENT ON COLUMN promptreg.deployments.chain_hash IS 'SHA-256 over the other columns in canonical form';

-- What experiments share: namespaces keep them apart, holdouts keep users out of all of them.
CREATE TABLE promptreg.namespaces (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (promptreg.is_valid_name(name)),
  description text,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.namespaces IS
  'Namespaces: experiments with disjoint ranges of one never have a user in common';
COMMENT ON COLUMN promptreg.namespaces.id IS 'Internal key';
COMMENT ON COLUMN promptreg.namespaces.name IS 'Name, which assignments hash; never changed';
COMMENT ON COLUMN promptreg.namespaces.description IS 'What it is for';
COMMENT ON COLUMN promptreg.namespaces.created_by IS 'Role that created it';
COMMENT ON COLUMN promptreg.namespaces.created_at IS 'When it was created';

CREATE TABLE promptreg.holdouts (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (promptreg.is_valid_name(name)),
  share_ppm   integer NOT NULL CHECK (share_ppm BETWEEN 0 AND 1000000),
  description text,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL
);
COMMENT ON TABLE promptreg.holdouts IS
  'Holdouts: users whom all experiments of a holdout leave alone, to see what the experiments do together';
COMMENT ON COLUMN promptreg.holdouts.id IS 'Internal key';
COMMENT ON COLUMN promptreg.holdouts.name IS 'Name, which assignments hash; never changed';
COMMENT ON COLUMN promptreg.holdouts.share_ppm IS 'Share of users held out now, in parts per million';
COMMENT ON COLUMN promptreg.holdouts.description IS 'What it is for';
COMMENT ON COLUMN promptreg.holdouts.created_by IS 'Role that created it';
COMMENT ON COLUMN promptreg.holdouts.created_at IS 'When it was created';

CREATE TABLE promptreg.experiments (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key              text NOT NULL UNIQUE CHECK (promptreg.is_valid_name(key)),
  prompt_id        bigint NOT NULL REFERENCES promptreg.prompts (id),
  environment      text NOT NULL REFERENCES promptreg.environments (name),
  kind             text NOT NULL DEFAULT 'experiment' CHECK (kind IN ('experiment', 'rollout')),
  state            text NOT NULL CHECK (state IN ('draft', 'running', 'paused', 'stopped')),
  salt             text NOT NULL CHECK (salt <> ''),
  coverage_ppm     integer NOT NULL CHECK (coverage_ppm BETWEEN 0 AND 1000000),
  namespace_id     bigint REFERENCES promptreg.namespaces (id),
  namespace_lo_ppm integer,
  namespace_hi_ppm integer,
  holdout_id       bigint REFERENCES promptreg.holdouts (id),
  control          text,
  control_ppm      integer CHECK (control_ppm BETWEEN 0 AND 999999),
  description      text,
  started_by       text,
  started_at       timestamptz,
  stopped_by       text,
  stopped_at       timestamptz,
  stop_reason      text,
  winner           text,
  UNIQUE (id, prompt_id),
  UNIQUE (id, prompt_id, environment),
  CHECK ((state = 'stopped') = (stopped_at IS NOT NULL)),
  CHECK (control_ppm IS NULL OR control IS NOT NULL),
  CHECK ((namespace_id IS NULL) = (namespace_lo_ppm IS NULL)
         AND (namespace_id IS NULL) = (namespace_hi_ppm IS NULL)),
  CHECK (0 <= namespace_lo_ppm AND namespace_lo_ppm < namespace_hi_ppm AND namespace_hi_ppm <= 1000000),
  -- The ranges of all namespaces side by side on one line, so that no extension is needed to compare two columns.
  CONSTRAINT experiments_namespace_range_excl EXCLUDE USING gist
    (int8range(namespace_id * 1000000 + namespace_lo_ppm, namespace_id * 1000000 + namespace_hi_ppm) WITH &&)
    WHERE (namespace_id IS NOT NULL AND state IN ('running', 'paused'))
);
CREATE UNIQUE INDEX experiments_one_running_idx ON promptreg.experiments (prompt_id, environment)
  WHERE state IN ('running', 'paused');
CREATE INDEX experiments_holdout_id_idx ON promptreg.experiments (holdout_id) WHERE state <> 'stopped';
COMMENT ON TABLE promptreg.experiments IS
  'Experiments: versions of a prompt compared on real traffic; at most one runs per prompt and environment';
COMMENT ON COLUMN promptreg.experiments.id IS 'Internal key';
COMMENT ON COLUMN promptreg.experiments.key IS 'Name of the experiment, unique in the database';
COMMENT ON COLUMN promptreg.experiments.prompt_id IS 'The prompt';
COMMENT ON COLUMN promptreg.experiments.environment IS 'The environment whose traffic is split';
COMMENT ON COLUMN promptreg.experiments.kind IS 'experiment, or rollout (the steps of prompt_rollout)';
COMMENT ON COLUMN promptreg.experiments.state IS 'draft, running, paused or stopped: that of the newest row of weights';
COMMENT ON COLUMN promptreg.experiments.salt IS 'Random text that every assignment hashes; fixed for its life';
COMMENT ON COLUMN promptreg.experiments.coverage_ppm IS
  'Share of users enrolled, in parts per million: that of the newest row of weights';
COMMENT ON COLUMN promptreg.experiments.namespace_id IS 'Namespace it shares with others; NULL: none; fixed for its life';
COMMENT ON COLUMN promptreg.experiments.namespace_lo_ppm IS 'First slot of the namespace that is its own';
COMMENT ON COLUMN promptreg.experiments.namespace_hi_ppm IS 'First slot of the namespace that is no longer its own';
COMMENT ON COLUMN promptreg.experiments.holdout_id IS 'Holdout whose users it leaves alone; NULL: none; fixed for its life';
COMMENT ON COLUMN promptreg.experiments.control IS 'Key of the variant that the others are compared with';
COMMENT ON COLUMN promptreg.experiments.control_ppm IS
  'Fixed share of the control among the enrolled, in parts per million; NULL: none';
COMMENT ON COLUMN promptreg.experiments.description IS 'What is being tested';
COMMENT ON COLUMN promptreg.experiments.started_by IS 'Role that started it';
COMMENT ON COLUMN promptreg.experiments.started_at IS 'When it started';
COMMENT ON COLUMN promptreg.experiments.stopped_by IS 'Role that stopped it';
COMMENT ON COLUMN promptreg.experiments.stopped_at IS 'When it stopped';
COMMENT ON COLUMN promptreg.experiments.stop_reason IS 'Why it stopped';
COMMENT ON COLUMN promptreg.experiments.winner IS 'Variant that was promoted at the end, if any';

-- For constraints: nothing but their arguments counts, since restoring a dump checks them too.
CREATE FUNCTION promptreg.are_distinct(keys text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT count(DISTINCT k.key COLLATE "C") = count(*) FROM unnest(keys) AS k (key));
COMMENT ON FUNCTION promptreg.are_distinct(text[]) IS 'Whether no text stands twice in an array';

CREATE FUNCTION promptreg.total(parts integer[]) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(sum(p.part), 0) FROM unnest(parts) AS p (part));
COMMENT ON FUNCTION promptreg.total(integer[]) IS 'The sum of the numbers in an array';

-- Everything about an experiment that may change, as it stood over time: who wants to know what was in force reads one
-- row. Variants are no rows of their own, so that no two sources can disagree (promptreg.variants is a view of these).
CREATE TABLE promptreg.weights (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  experiment_id bigint NOT NULL REFERENCES promptreg.experiments (id),
  number        integer NOT NULL CHECK (number >= 1),
  state         text NOT NULL CHECK (state IN ('draft', 'running', 'paused', 'stopped')),
  keys          text[] NOT NULL CHECK (array_ndims(keys) = 1 AND array_position(keys, NULL) IS NULL),
  versions      integer[] NOT NULL CHECK (array_position(versions, NULL) IS NULL AND 1 <= ALL (versions)),
  ppm           integer[] NOT NULL CHECK (array_position(ppm, NULL) IS NULL AND 0 <= ALL (ppm)),
  coverage_ppm  integer NOT NULL CHECK (coverage_ppm BETWEEN 0 AND 1000000),
  holdout_ppm   integer NOT NULL DEFAULT 0 CHECK (holdout_ppm BETWEEN 0 AND 1000000),
  reason        text,
  evidence      jsonb CHECK (jsonb_typeof(evidence) = 'object'),
  set_by        text NOT NULL,
  set_at        timestamptz NOT NULL,
  previous_hash bytea CHECK (octet_length(previous_hash) = 32),
  chain_hash    bytea NOT NULL CHECK (octet_length(chain_hash) = 32),
  UNIQUE (experiment_id, number),
  UNIQUE NULLS NOT DISTINCT (experiment_id, previous_hash),
  CHECK (cardinality(keys) = cardinality(ppm) AND cardinality(keys) = cardinality(versions)),
  CONSTRAINT weights_keys_distinct_check CHECK (promptreg.are_distinct(keys)),
  CONSTRAINT weights_ppm_total_check CHECK (promptreg.total(ppm) = 1000000),
  CHECK ((number = 1) = (previous_hash IS NULL))
);
COMMENT ON TABLE promptreg.weights IS
  'Weights, versions, coverage and state of experiments as they stood over time; the highest number is in force; append-only and hash-chained';
COMMENT ON COLUMN promptreg.weights.id IS 'Internal key';
COMMENT ON COLUMN promptreg.weights.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.weights.number IS 'Number within the experiment: 1, 2, 3 without gaps';
COMMENT ON COLUMN promptreg.weights.state IS 'draft, running, paused or stopped: only running splits the traffic';
COMMENT ON COLUMN promptreg.weights.keys IS 'Keys of the variants';
COMMENT ON COLUMN promptreg.weights.versions IS 'The versions behind them, in the same order';
COMMENT ON COLUMN promptreg.weights.ppm IS 'Their weights in parts per million, in the same order, adding up to 1000000';
COMMENT ON COLUMN promptreg.weights.coverage_ppm IS 'Share of users enrolled, in parts per million';
COMMENT ON COLUMN promptreg.weights.holdout_ppm IS 'Share of users in the experiment''s holdout, in parts per million';
COMMENT ON COLUMN promptreg.weights.reason IS 'Why they were set';
COMMENT ON COLUMN promptreg.weights.evidence IS 'The figures that a rebalancing went by; NULL: set by hand';
COMMENT ON COLUMN promptreg.weights.set_by IS 'Role that set them';
COMMENT ON COLUMN promptreg.weights.set_at IS 'When they came into force';
COMMENT ON COLUMN promptreg.weights.previous_hash IS 'Chain hash of the row before; NULL for the first';
COMMENT ON COLUMN promptreg.weights.chain_hash IS 'SHA-256 over the other columns in canonical form';

CREATE TABLE promptreg.overrides (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  experiment_id bigint NOT NULL REFERENCES promptreg.experiments (id),
  number        integer NOT NULL CHECK (number >= 1),
  user_id       text NOT NULL,
  variant       text,
  reason        text,
  set_by        text NOT NULL,
  set_at        timestamptz NOT NULL,
  previous_hash bytea CHECK (octet_length(previous_hash) = 32),
  chain_hash    bytea NOT NULL CHECK (octet_length(chain_hash) = 32),
  UNIQUE (experiment_id, number),
  UNIQUE NULLS NOT DISTINCT (experiment_id, previous_hash),
  CHECK ((number = 1) = (previous_hash IS NULL))
);
COMMENT ON TABLE promptreg.overrides IS
  'Users who get a variant whatever the hash says; the highest number of a user is in force; append-only and hash-chained';
COMMENT ON COLUMN promptreg.overrides.id IS 'Internal key';
COMMENT ON COLUMN promptreg.overrides.experiment_id IS 'The experiment';
COMMENT ON COLUMN promptreg.overrides.number IS 'Number within the experiment: 1, 2, 3 without gaps';
COMMENT ON COLUMN promptreg.overrides.user_id IS 'The user, as applications pass it';
COMMENT ON COLUMN promptreg.overrides.variant IS 'Variant that the user gets; NULL: the one that the hash picks, again';
COMMENT ON COLUMN promptreg.overrides.reason IS 'Why';
COMMENT ON COLUMN promptreg.overrides.set_by IS 'Role that set it';
COMMENT ON COLUMN promptreg.overrides.set_at IS 'When it came into force';
COMMENT ON COLUMN promptreg.overrides.previous_hash IS 'Chain hash of the row before in the experiment; NULL for the first';
COMMENT ON COLUMN promptreg.overrides.chain_hash IS 'SHA-256 over the other columns in canonical form';

-- One row per prompt and environment, never deleted: a route that is retired keeps its row with no version. Every
-- change of what a route serves, its experiment's weights included, updates this row, so that the row's xmin tells a
-- cached route whether a snapshot sees the change.
CREATE TABLE promptreg.routes (
  prompt_id     bigint NOT NULL REFERENCES promptreg.prompts (id),
  environment   text NOT NULL REFERENCES promptreg.environments (name),
  version       integer,
  deployment_id bigint NOT NULL,
  experiment_id bigint,
  changed_at    timestamptz NOT NULL,
  PRIMARY KEY (prompt_id, environment),
  FOREIGN KEY (prompt_id, version) REFERENCES promptreg.versions (prompt_id, version),
  FOREIGN KEY (deployment_id, prompt_id, environment)
    REFERENCES promptreg.deployments (id, prompt_id, environment),
  FOREIGN KEY (experiment_id, prompt_id, environment)
    REFERENCES promptreg.experiments (id, prompt_id, environment),
  CHECK (experiment_id IS NULL OR version IS NOT NULL)
);
COMMENT ON TABLE promptreg.routes IS 'What is served now, one row per prompt and environment';
COMMENT ON COLUMN promptreg.routes.prompt_id IS 'The prompt';
COMMENT ON COLUMN promptreg.routes.environment IS 'The environment';
COMMENT ON COLUMN promptreg.routes.version IS 'Version served; NULL: nothing (retired)';
COMMENT ON COLUMN promptreg.routes.deployment_id IS 'The deployment that made it so';
COMMENT ON COLUMN promptreg.routes.experiment_id IS 'Experiment that runs on the route; NULL: none';
COMMENT ON COLUMN promptreg.routes.changed_at IS 'When the route last changed';

-- Which version uses which snippet. A snippet is any text prompt that a template of another inserts.

CREATE TABLE promptreg.snippet_uses (
  prompt_id       bigint NOT NULL,
  version         integer NOT NULL,
  reference       text NOT NULL CHECK (reference <> ''),
  snippet_id      bigint NOT NULL REFERENCES promptreg.prompts (id),
  snippet_version integer,
  environment     text REFERENCES promptreg.environments (name),
  PRIMARY KEY (prompt_id, version, reference),
  FOREIGN KEY (prompt_id, version) REFERENCES promptreg.versions (prompt_id, version),
  FOREIGN KEY (snippet_id, snippet_version) REFERENCES promptreg.versions (prompt_id, version),
  CHECK (snippet_version IS NULL OR environment IS NULL)
);
CREATE INDEX snippet_uses_snippet_id_idx ON promptreg.snippet_uses (snippet_id);
COMMENT ON TABLE promptreg.snippet_uses IS 'The snippets that versions use, one row for each name in their templates; append-only';
COMMENT ON COLUMN promptreg.snippet_uses.prompt_id IS 'The prompt that uses';
COMMENT ON COLUMN promptreg.snippet_uses.version IS 'The version of it that does';
COMMENT ON COLUMN promptreg.snippet_uses.reference IS 'The snippet as the template names it: tone, tone@3 or tone@production';
COMMENT ON COLUMN promptreg.snippet_uses.snippet_id IS 'The prompt that is used';
COMMENT ON COLUMN promptreg.snippet_uses.snippet_version IS 'The version of it that is pinned; NULL: the one that an environment serves';
COMMENT ON COLUMN promptreg.snippet_uses.environment IS
  'The environment that is followed; NULL: the one in which the using prompt is served, if no version is pinned';
