-- What the report says of means and quantiles, from the rows: users first, then variants.
WITH unit AS (
  SELECT e.variant, e.user_id, count(*) AS calls, avg(e.latency_ms) AS latency, sum(e.cost_usd)::float8 AS cost,
         count(e.error_class)::float8 AS errors, max(o.value) AS converted
    FROM promptreg.executions e LEFT JOIN promptreg.outcomes o ON o.request_id = e.request_id AND o.name = 'conversion'
   WHERE e.prompt = 'bench' AND e.environment = 'production' AND e.experiment = 'bench' GROUP BY 1, 2
), p95 AS (
  SELECT variant, percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms) AS p95
    FROM promptreg.executions WHERE prompt = 'bench' AND environment = 'production' AND experiment = 'bench' GROUP BY 1
)
SELECT u.*, p.p95
  FROM (SELECT variant, count(*) AS users, sum(calls) AS executions, avg(coalesce(converted, 0)) AS converted, avg(latency) AS latency,
               stddev_samp(latency) AS latency_sd, sum(cost) / sum(calls) AS cost, sum(errors) / sum(calls) AS errors,
               regr_sxx(cost, cost), regr_sxy(cost, calls), regr_sxx(calls, calls), regr_sxx(errors, errors), regr_sxy(errors, calls)
          FROM unit GROUP BY 1) u JOIN p95 p USING (variant) ORDER BY variant
