-- An experiment with two variants, and what came of it. Every user has ten executions in two weeks; one in ten of these
-- converts. Expects nothing.
CREATE EXTENSION promptreg;
SELECT prompt_register('bench', 'text ' || v) FROM generate_series(1, 2) v;
SELECT prompt_promote('bench', 1, 'production');
SELECT promptreg.make_partition(r, t) FROM unnest('{executions,outcomes}'::text[]) r, generate_series(now() - interval '40 days', now() + interval '40 days', '20 days') t;
SELECT prompt_metric_define('converted', 'proportion', 'conversion', role => 'primary'),
       prompt_metric_define('latency', 'mean', 'latency_ms', direction => 'down'),
       prompt_metric_define('slow', 'quantile', 'latency_ms', direction => 'down', quantile => 0.95),
       prompt_metric_define('cost', 'ratio', 'cost_usd', 'executions', 'down'),
       prompt_metric_define('errors', 'ratio', 'error', 'executions', 'down', role => 'guardrail');
SELECT prompt_experiment_start('bench', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'bench');

-- Users come one after the other, each with ten executions: number i is of user i / 10.
CREATE PROCEDURE fill(first bigint, last bigint) LANGUAGE sql AS $$
  INSERT INTO promptreg.executions (at, request_id, prompt, version, environment, user_id, experiment, variant, model, latency_ms, tokens_in, tokens_out, cost_usd, error_class)
  SELECT now() - (i * 7919 % 1209600) * interval '1 s', 'r' || i, 'bench', 1 + (i / 10 % 2)::integer, 'production', 'user-' || i / 10, 'bench',
         CASE i / 10 % 2 WHEN 0 THEN 'control' ELSE 'b' END, 'model', exp(6 + 0.5 * (random() + random() + random() + random() - 2) * 1.7) * (1 - 0.01 * (i / 10 % 2)),
         200 + i % 1000, 50 + i % 300, ((i % 1000) * 0.000001)::numeric(12, 6), CASE WHEN i % 53 = 0 THEN 'timeout' END
    FROM generate_series(first, last) i;
  INSERT INTO promptreg.outcomes (at, request_id, name, value)
  SELECT now(), 'r' || i, 'conversion', (i / 10 % 10 < 3)::integer FROM generate_series(first + 9, last, 10) i;
$$;
