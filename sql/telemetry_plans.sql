-- What the views and roll_up cost depends on what is not rolled up yet, not on how many rows there are, nor on what the planner
-- knows of them: no plan is taken for one that is worth compiling or parallel workers.
SELECT prompt_register('plans/a', 'one');
SELECT prompt_log_many((SELECT jsonb_agg(jsonb_build_object('name', 'plans/a', 'version', 1, 'request_id', 'plan-' || i, 'latency_ms', i)) FROM generate_series(1, 200) i));
SELECT count(prompt_feedback('plan-' || i, rating => 5)) FROM generate_series(1, 100) i;
SELECT promptreg.roll_up() >= 200 AS rolled_up;
-- As autovacuum does: the partitions, not the tables that they are of.
DO $$
DECLARE
  partition regclass;
BEGIN
  FOR partition IN SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent IN ('promptreg.executions'::regclass, 'promptreg.outcomes'::regclass) LOOP
    EXECUTE format('ANALYZE %s', partition);
  END LOOP;
END;
$$;

CREATE FUNCTION pg_temp.plan(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN plan;
END;
$$;
-- A hundred million executions and as many outcomes, says the catalog of one partition each.
BEGIN;
UPDATE pg_class SET reltuples = 1e8
 WHERE oid IN (SELECT tableoid FROM promptreg.executions WHERE request_id = 'plan-1'
                UNION ALL SELECT tableoid FROM promptreg.outcomes WHERE request_id = 'plan-1');
SELECT v.query, p.plan -> 0 -> 'Plan' -> 'Total Cost' < to_jsonb(current_setting('jit_above_cost')::numeric) AS not_compiled,
       p.plan @? '$.**."Workers Planned"' AS parallel
  FROM (VALUES ('SELECT * FROM promptreg.version_comparison WHERE prompt = ''plans/a'''),
               ('SELECT * FROM promptreg.version_comparison'),
               ('SELECT * FROM promptreg.version_daily WHERE prompt = ''plans/a'' AND day > ''2025-01-01'''),
               ('SELECT * FROM promptreg.version_hourly WHERE prompt = ''plans/a'' AND hour > now() - interval ''1 day'''),
               ('SELECT * FROM promptreg.model_comparison WHERE prompt = ''plans/a'''),
               ('SELECT * FROM promptreg.sum_executions(''100'', ''200'')'),
               ('SELECT * FROM promptreg.sum_outcomes(''100'', ''200'')')) AS v (query),
       LATERAL (SELECT pg_temp.plan(v.query) AS plan) p;
ROLLBACK;
