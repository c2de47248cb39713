-- What PostgreSQL's own rights leave open: nothing but the documented functions.

CREATE ROLE regress_public;

-- Tables, views, sequences: nothing for PUBLIC, nor for anybody else but the owner.
SELECT c.relname, a.grantee::regrole, a.privilege_type
  FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner))) a
 WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind IN ('r', 'v', 'S', 'm', 'p', 'f') AND a.grantee <> c.relowner
 ORDER BY 1, 3;
SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'promptreg'::regnamespace AND a.attacl IS NOT NULL;

-- Functions of schema promptreg that PUBLIC may execute: those that compute from their arguments alone, and the one that
-- the policies of row-level security ask.
SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments
  FROM pg_proc p WHERE p.pronamespace = 'promptreg'::regnamespace AND has_function_privilege('regress_public', p.oid, 'EXECUTE') ORDER BY 1, 2;
-- The others, called by a role without rights.
SELECT count(*) > 80 AS many, count(*) FILTER (WHERE has_function_privilege('regress_public', p.oid, 'EXECUTE')) AS executable
  FROM pg_proc p WHERE p.pronamespace = 'promptreg'::regnamespace AND p.proname NOT IN ('hash64', 'slot', 'pick_variant', 'allowed',
   'chi_squared_test', 'two_proportion_test', 'welch_t_test', 'fisher_exact_test', 'sample_ratio_test',
   'sample_ratio_sequential', 'prob_best', 'expected_loss', 'confidence_sequence', 'bernoulli_confidence_sequence',
   'sample_size_proportions', 'sample_size_means', 'minimum_detectable_effect', 'holm', 'benjamini_hochberg',
   'bandit_weights', 'prob_best_means', 'expected_loss_means', 'threshold_sequence', 'bandit_weights_means', 'maintenance_tasks',
   'sketch', 'sketch_in', 'sketch_out', 'sketch_recv', 'sketch_send', 'sketch_add', 'sketch_combine',
   'sketch_serialize', 'sketch_deserialize', 'sketch_finish', 'sketch_merge', 'merge_sketches', 'quantile',
   'quantiles', 'count', 'moments', 'moments_merge');
-- Schema: USAGE, no CREATE.
SELECT has_schema_privilege('regress_public', 'promptreg', 'USAGE') AS usage, has_schema_privilege('regress_public', 'promptreg', 'CREATE') AS create;

SET ROLE regress_public;
SELECT * FROM test.errors_of('SELECT * FROM promptreg.%I', 'prompts', 'names', 'versions', 'environments', 'routes', 'deployments', 'experiments', 'variants', 'weights', 'overrides', 'namespaces', 'holdouts', 'experiment_status', 'audit_log', 'changes',
  'pending_changes', 'grants', 'commit_order', 'cache_signal', 'version_status', 'route_status');
SELECT * FROM test.errors_of('SELECT promptreg.%s', 'caller()', $$authorize('read', 'x')$$, 'last_change()', $$_prompt_list()$$, $$_prompt_create('x')$$, $$audit('x')$$, $$readable_names('x')$$,
  $$canonical_record('a', 1)$$, $$nearest('a', '{b}')$$, $$check_templates('[]', NULL, 'none', 'none')$$, $$is_valid_name('x')$$, $$verify_versions(NULL)$$, $$content_hash('text', '[]', NULL, NULL, '{}', 'none', 'none')$$);
CALL test.fails('LOCK TABLE promptreg.commit_order');
CALL test.fails('CREATE TABLE promptreg.mine ()');
-- Even where it could be called, a trigger function is none to call.
RESET ROLE;
SELECT error FROM test.errors_of('SELECT promptreg.%I()', 'invalidate_cache', 'number_change', 'refuse_change', 'refuse_column_change', 'refuse_builtin_change');
-- The implementations, called directly by who may: they still check the rights of whoever calls.
GRANT EXECUTE ON FUNCTION promptreg._prompt_list(text, text, text, boolean), promptreg.authorize(text, text, text) TO regress_public;
SET ROLE regress_public;
CALL test.fails($$SELECT promptreg._prompt_list()$$);
CALL test.fails($$SELECT promptreg.authorize('read', 'x')$$);
RESET ROLE;
REVOKE EXECUTE ON FUNCTION promptreg._prompt_list(text, text, text, boolean), promptreg.authorize(text, text, text) FROM regress_public;

-- One function runs with its owner's rights by SECURITY DEFINER: the trigger that numbers changes at COMMIT. It cannot
-- be called, and it can be fired on the extension's own table only.
SELECT p.oid::regprocedure AS definer, p.prorettype::regtype AS returns FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = 'promptreg'::regnamespace;
SET ROLE regress_public;
CREATE TEMPORARY TABLE mine (audit_id bigint);
CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION promptreg.number_change();
CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION promptreg.invalidate_cache();
DROP TABLE mine;
RESET ROLE;
DROP ROLE regress_public;
