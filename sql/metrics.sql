-- Metrics: defining, changing, archiving.
CREATE ROLE regress_metrics;
SELECT prompt_register('metrics/a', 'one'), prompt_register('metrics/a', 'two'), (prompt_promote('metrics/a', 1, 'production')).version;
SELECT prompt_metric_define('m/converted', 'proportion', 'conversion', role => 'primary', description => 'Bought something');
SELECT prompt_metric_define('m/errors', 'ratio', 'error', 'executions', 'down', role => 'guardrail');
SELECT prompt_metric_define('m/cost', 'count', 'cost_usd', direction => 'down', cap => 10);
SELECT prompt_metric_define('m/judge', 'mean', 'score/judge', attribution_window => '1 day');
SELECT prompt_metric_define('m/slow', 'quantile', 'latency_ms', direction => 'down', quantile => 0.95);
SELECT * FROM prompt_metrics() WHERE name LIKE 'm/%';
SELECT event, before, after FROM promptreg.audit_log WHERE event LIKE 'metric%' AND after ->> 'metric' = 'm/converted' ORDER BY id LIMIT 1;
CALL test.fails($$SELECT prompt_metric_define('', 'mean', 'rating')$$);
CALL test.fails($$SELECT prompt_metric_define(NULL, 'mean', 'rating')$$);
SELECT split_part(error, E'\n', 1) AS error FROM test.errors_of($$SELECT prompt_metric_define('m/x', %s)$$,
  $$'median', 'rating'$$, $$NULL, 'rating'$$, $$'mean', 'stars'$$, $$'mean', NULL$$, $$'mean', 'score/'$$, $$'proportion', 'rating'$$,
  $$'ratio', 'rating'$$, $$'mean', 'rating', 'executions'$$, $$'ratio', 'rating', 'users'$$, $$'mean', 'rating', cap => 0$$,
  $$'mean', 'rating', cap => 'NaN'$$, $$'proportion', 'error', cap => 1$$, $$'mean', 'rating', direction => 'left'$$,
  $$'mean', 'rating', direction => NULL$$, $$'mean', 'rating', role => 'main'$$, $$'mean', 'rating', attribution_window => '-1 s'$$,
  $$'quantile', 'latency_ms'$$, $$'mean', 'latency_ms', quantile => 0.5$$, $$'quantile', 'latency_ms', quantile => 0$$, $$'quantile', 'latency_ms', quantile => 1$$,
  $$'quantile', 'latency_ms', quantile => 'NaN'$$, $$'quantile', 'latency_ms', quantile => 0.5, cap => 9$$, $$'quantile', 'latency_ms', 'executions', quantile => 0.5$$);
-- Anything may change while no experiment runs by it; then only words.
SELECT prompt_metric_define('m/judge', 'mean', 'score/judge', attribution_window => '2 days');
SELECT prompt_experiment_start('metrics/a', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'metrics-x');
SELECT prompt_experiment_report('metrics-x');
SELECT prompt_metric_define('m/judge', 'mean', 'score/judge', attribution_window => '2 days', description => 'By the judge');
SELECT split_part(test.error_of($$SELECT prompt_metric_define('m/judge', 'mean', 'score/judge', attribution_window => '3 days')$$), E'\n', 1) AS error;
SELECT split_part(test.error_of($$SELECT prompt_metric_define('m/cost', 'count', 'cost_usd', direction => 'up', cap => 10)$$), E'\n', 1) AS error;
SELECT split_part(test.error_of($$SELECT prompt_metric_define('m/slow', 'quantile', 'latency_ms', direction => 'down', quantile => 0.9)$$), E'\n', 1) AS error;
CALL test.fails($$SELECT prompt_experiment_set_allocation('metrics-x', metric => 'm/slow')$$);
-- Archived: for the experiment that has it, it goes on.
SELECT prompt_metric_archive('m/cost'), prompt_metric_archive('m/cost');
SELECT metric FROM promptreg.experiment_metrics m JOIN promptreg.experiments x ON x.id = m.experiment_id WHERE x.key = 'metrics-x' ORDER BY 1;
CALL test.fails($$SELECT prompt_metric_archive('m/cots')$$);
CALL test.fails($$SELECT prompt_metric_archive(NULL)$$);
-- Plans.
SELECT prompt_experiment_plan('metrics-x', 1000, min_users => 50, max_loss => 0.02, reason => 'Tuesday');
SELECT users_per_variant, min_users, max_loss FROM promptreg.experiment_plans p JOIN promptreg.experiments x ON x.id = p.experiment_id WHERE x.key = 'metrics-x';
CALL test.fails($$SELECT prompt_experiment_plan('metrics-x', 1)$$);
CALL test.fails($$SELECT prompt_experiment_plan('metrics-x', 100, max_loss => 'NaN')$$);
CALL test.fails($$SELECT prompt_experiment_plan('metrics-none', 100)$$);
-- Rights: definitions are for administrators; results for those who read the prompt.
SET ROLE regress_metrics;
CALL test.fails($$SELECT prompt_metric_define('m/y', 'mean', 'rating')$$);
CALL test.fails($$SELECT prompt_metric_archive('m/judge')$$);
CALL test.fails($$SELECT prompt_metrics()$$);
CALL test.fails($$SELECT prompt_experiment_report('metrics-x')$$);
CALL test.fails($$SELECT prompt_experiment_decision('metrics-x')$$);
CALL test.fails($$SELECT prompt_experiment_plan('metrics-x', 100)$$);
RESET ROLE;
SELECT prompt_grant('metrics/*', 'read', 'regress_metrics');
SET ROLE regress_metrics;
SELECT count(*) FROM prompt_experiment_report('metrics-x');
SELECT decision, variant, reason FROM prompt_experiment_decision('metrics-x');
CALL test.fails($$SELECT prompt_experiment_plan('metrics-x', 100)$$);
CALL test.fails($$SELECT prompt_experiment_report('metrics-none')$$);
CALL test.fails($$SELECT prompt_experiment_report(NULL)$$);
RESET ROLE;
SELECT prompt_revoke('metrics/*', 'read', 'regress_metrics'), prompt_experiment_stop('metrics-x');
DROP ROLE regress_metrics;
TRUNCATE promptreg.metrics, promptreg.experiment_metrics, promptreg.experiment_plans, promptreg.experiment_allocations, promptreg.experiment_totals, promptreg.experiment_stats, promptreg.experiment_sketches, promptreg.experiment_figures;
