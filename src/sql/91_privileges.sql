-- Who may touch what. Tables and internal functions grant nothing to PUBLIC; the pure functions that analysts compute
-- with are open, and allowed, which policies call as whoever reads. Where an administrator grants SELECT on a table, row-level security shows only what the rights allow.

DO $$
DECLARE
  object text;
BEGIN
  FOR object IN
    SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc p
     WHERE p.pronamespace = 'promptreg'::regnamespace
       AND p.proname NOT IN ('hash64', 'slot', 'pick_variant', 'allowed',
           'chi_squared_test', 'two_proportion_test', 'welch_t_test', 'fisher_exact_test', 'sample_ratio_test',
           'sample_ratio_sequential', 'prob_best', 'expected_loss', 'confidence_sequence',
           'bernoulli_confidence_sequence', 'sample_size_proportions', 'sample_size_means',
           'minimum_detectable_effect', 'holm', 'benjamini_hochberg', 'bandit_weights',
           'prob_best_means', 'expected_loss_means', 'threshold_sequence', 'bandit_weights_means', 'maintenance_tasks',
           'sketch', 'sketch_in', 'sketch_out', 'sketch_recv', 'sketch_send', 'sketch_add', 'sketch_combine',
           'sketch_serialize', 'sketch_deserialize', 'sketch_finish', 'sketch_merge', 'merge_sketches', 'quantile',
           'quantiles', 'count', 'moments', 'moments_merge')
     ORDER BY 1
  LOOP
    EXECUTE 'REVOKE ALL ON FUNCTION ' || object || ' FROM PUBLIC';
  END LOOP;
END;
$$;

ALTER TABLE promptreg.prompts ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.prompts FOR SELECT USING (promptreg.allowed('read', name));

ALTER TABLE promptreg.names ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.names FOR SELECT
  USING (prompt_id IN (SELECT p.id FROM promptreg.prompts p));

ALTER TABLE promptreg.versions ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.versions FOR SELECT
  USING (prompt_id IN (SELECT p.id FROM promptreg.prompts p));

ALTER TABLE promptreg.snippet_uses ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.snippet_uses FOR SELECT
  USING (prompt_id IN (SELECT p.id FROM promptreg.prompts p));

ALTER TABLE promptreg.deployments ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.deployments FOR SELECT
  USING (prompt_id IN (SELECT p.id FROM promptreg.prompts p));

ALTER TABLE promptreg.routes ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.routes FOR SELECT
  USING (prompt_id IN (SELECT p.id FROM promptreg.prompts p));

ALTER TABLE promptreg.experiments ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.experiments FOR SELECT
  USING (prompt_id IN (SELECT p.id FROM promptreg.prompts p));

ALTER TABLE promptreg.namespaces ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.namespaces FOR SELECT USING (promptreg.allowed('read', NULL));

ALTER TABLE promptreg.holdouts ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.holdouts FOR SELECT USING (promptreg.allowed('read', NULL));

ALTER TABLE promptreg.overrides ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.overrides FOR SELECT
  USING (experiment_id IN (SELECT x.id FROM promptreg.experiments x));

ALTER TABLE promptreg.weights ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.weights FOR SELECT
  USING (experiment_id IN (SELECT x.id FROM promptreg.experiments x));

ALTER TABLE promptreg.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.audit_log FOR SELECT
  USING (CASE WHEN prompt IS NULL THEN promptreg.allowed('admin', '*') ELSE promptreg.allowed('read', prompt) END);

ALTER TABLE promptreg.changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.changes FOR SELECT
  USING (audit_id IN (SELECT a.id FROM promptreg.audit_log a));

ALTER TABLE promptreg.grants ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.grants FOR SELECT USING (promptreg.allowed('admin', pattern));

ALTER TABLE promptreg.environments ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.environments FOR SELECT USING (promptreg.allowed('resolve', NULL, name));

ALTER TABLE promptreg.pending_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE promptreg.commit_order ENABLE ROW LEVEL SECURITY;
ALTER TABLE promptreg.cache_signal ENABLE ROW LEVEL SECURITY;

-- executions and outcomes have none, which would forbid COPY; nobody reads a partition but through them.
ALTER TABLE promptreg.executions_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE promptreg.outcomes_default ENABLE ROW LEVEL SECURITY;

ALTER TABLE promptreg.model_prices ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.model_prices FOR SELECT USING (promptreg.allowed('read', NULL));

ALTER TABLE promptreg.watermarks ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.watermarks FOR SELECT USING (promptreg.allowed('read', NULL));

ALTER TABLE promptreg.rollups ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.rollups FOR SELECT USING (promptreg.allowed('read', prompt));

ALTER TABLE promptreg.maintenance_runs ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.maintenance_runs FOR SELECT USING (promptreg.allowed('admin', '*'));

ALTER TABLE promptreg.rollouts ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.rollouts FOR SELECT
  USING (experiment_id IN (SELECT x.id FROM promptreg.experiments x));

ALTER TABLE promptreg.guards ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.guards FOR SELECT
  USING (prompt_id IN (SELECT p.id FROM promptreg.prompts p));

ALTER TABLE promptreg.guard_counts ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.guard_counts FOR SELECT
  USING (guard_id IN (SELECT g.id FROM promptreg.guards g));

ALTER TABLE promptreg.guard_users ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.guard_users FOR SELECT
  USING (guard_id IN (SELECT g.id FROM promptreg.guards g));

ALTER TABLE promptreg.guard_products ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.guard_products FOR SELECT
  USING (guard_id IN (SELECT g.id FROM promptreg.guards g));

ALTER TABLE promptreg.guard_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.guard_events FOR SELECT
  USING (guard_id IN (SELECT g.id FROM promptreg.guards g));

ALTER TABLE promptreg.retention ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.retention FOR SELECT USING (promptreg.allowed('admin', '*'));

ALTER TABLE promptreg.retention_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.retention_state FOR SELECT USING (promptreg.allowed('admin', '*'));

ALTER TABLE promptreg.metrics ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON promptreg.metrics FOR SELECT USING (promptreg.allowed('read', NULL));

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY '{experiment_plans,experiment_metrics,experiment_users,experiment_exposures,experiment_totals,experiment_stats,experiment_sketches,experiment_figures,experiment_splits,experiment_closings,experiment_allocations,bandit_sources,bandit_units,bandit_hours}'::text[] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE promptreg.%I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE pg_catalog.format('CREATE POLICY readable ON promptreg.%I FOR SELECT USING (experiment_id IN (SELECT x.id FROM promptreg.experiments x))', relation);
  END LOOP;
END;
$$;
