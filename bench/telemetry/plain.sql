SELECT v.version, e.executions, e.errors, e.mean, e.p, e.first_token, e.tokens_in, e.tokens_out, e.cost, e.first_at, e.last_at
  FROM (SELECT version, count(*) AS executions, count(*) FILTER (WHERE error_class IS NOT NULL OR error IS NOT NULL) AS errors, avg(latency_ms) AS mean,
               percentile_cont('{0.5,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY latency_ms) AS p, avg(time_to_first_token_ms) AS first_token,
               sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out, sum(cost_usd) AS cost, min(at) AS first_at, max(at) AS last_at
          FROM promptreg.executions WHERE prompt = 'bench' GROUP BY version) e
  JOIN promptreg.versions v ON v.version = e.version AND v.prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'bench')
 ORDER BY v.version
