-- Views for BI tools: plain columns only, each with its unit in its comment. They are views of their owner, so that a GRANT
-- of SELECT on a view is all that it takes, and show the prompts that whoever reads them may read.

-- Of these columns is each of them made, over different groups.
CREATE FUNCTION promptreg.measure_columns(OUT name text, OUT expression text, OUT comment text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  VALUES
  ('executions', 'm.executions', 'Executions'),
  ('errors', 'm.errors', 'Executions with an error'),
  ('error_rate', 'm.errors / nullif(m.executions, 0)::double precision', 'Share of executions with an error, 0 to 1'),
  ('latency_ms_mean', 'm.latency[2] / nullif(m.latency[1], 0)', 'Mean latency, in milliseconds'),
  ('latency_ms_stddev', 'float8_stddev_samp(m.latency)', 'Standard deviation of the latency, in milliseconds'),
  ('latency_ms_p50', 'm.latency_q[1]', 'Median latency, in milliseconds, within 1 %'),
  ('latency_ms_p95', 'm.latency_q[2]', '95th percentile of the latency, in milliseconds, within 1 %'),
  ('latency_ms_p99', 'm.latency_q[3]', '99th percentile of the latency, in milliseconds, within 1 %'),
  ('time_to_first_token_ms_mean', 'm.time_to_first_token[2] / nullif(m.time_to_first_token[1], 0)',
   'Mean time to the first token, in milliseconds'),
  ('time_to_first_token_ms_p50', 'm.time_to_first_token_q[1]', 'Median time to the first token, in milliseconds, within 1 %'),
  ('time_to_first_token_ms_p95', 'm.time_to_first_token_q[2]',
   '95th percentile of the time to the first token, in milliseconds, within 1 %'),
  ('time_to_first_token_ms_p99', 'm.time_to_first_token_q[3]',
   '99th percentile of the time to the first token, in milliseconds, within 1 %'),
  ('tokens_in', 'm.tokens_in', 'Tokens of requests in all, cached ones included'),
  ('tokens_out', 'm.tokens_out', 'Tokens of answers in all'),
  ('tokens_cached', 'm.tokens_cached', 'Tokens of requests in all that came from the provider''s cache'),
  ('tokens_mean', 'm.tokens[2] / nullif(m.tokens[1], 0)', 'Mean tokens of an execution, request and answer together'),
  ('tokens_p50', 'm.tokens_q[1]', 'Median tokens of an execution, within 1 %'),
  ('tokens_p95', 'm.tokens_q[2]', '95th percentile of the tokens of an execution, within 1 %'),
  ('cost_usd', 'm.cost_usd', 'Cost in all, in US dollars'),
  ('cost_usd_mean', 'm.cost[2] / nullif(m.cost[1], 0)', 'Mean cost of an execution whose cost is known, in US dollars'),
  ('cost_usd_p50', 'm.cost_q[1]', 'Median cost of an execution, in US dollars, within 1 %'),
  ('cost_usd_p95', 'm.cost_q[2]', '95th percentile of the cost of an execution, in US dollars, within 1 %'),
  ('executions_with_cost', 'm.cost[1]::bigint', 'Executions whose cost is known'),
  ('ratings', 'm.ratings', 'Ratings'),
  ('rating_mean', '(m.rating_1 + 2 * m.rating_2 + 3 * m.rating_3 + 4 * m.rating_4 + 5 * m.rating_5) / nullif(m.ratings, 0)::double precision',
   'Mean rating, 1 to 5'),
  ('rating_1', 'm.rating_1', 'Ratings of 1'),
  ('rating_2', 'm.rating_2', 'Ratings of 2'),
  ('rating_3', 'm.rating_3', 'Ratings of 3'),
  ('rating_4', 'm.rating_4', 'Ratings of 4'),
  ('rating_5', 'm.rating_5', 'Ratings of 5'),
  ('thumbs_up', 'm.thumbs_up', 'Thumbs up'),
  ('thumbs_down', 'm.thumbs_down', 'Thumbs down'),
  ('thumbs_up_rate', 'm.thumbs_up / nullif(m.thumbs_up + m.thumbs_down, 0)::double precision', 'Share of thumbs that are up, 0 to 1'),
  ('scores', 'm.score[1]::bigint', 'Scores, of all scorers'),
  ('score_mean', 'm.score[2] / nullif(m.score[1], 0)', 'Mean score over all scorers, in their own units: to be compared where the scorers are the same'),
  ('score_stddev', 'float8_stddev_samp(m.score)', 'Standard deviation of the scores'),
  ('conversions', 'm.converted', 'Outcomes that say it converted'),
  ('conversion_rate', 'm.converted / nullif(m.converted + m.not_converted, 0)::double precision',
   'Share of the outcomes of conversion that say it converted, 0 to 1'),
  ('edited_rate', 'm.edited / nullif(m.edited + m.not_edited, 0)::double precision',
   'Share of the outcomes of editing that say it was edited, 0 to 1'),
  ('accepted_rate', 'm.accepted / nullif(m.accepted + m.not_accepted, 0)::double precision',
   'Share of the outcomes of acceptance that say it was accepted, 0 to 1'),
  ('comments', 'm.comments', 'Comments'),
  ('first_at', 'm.first_at', 'When the first execution was'),
  ('last_at', 'm.last_at', 'When the last execution was');
END;
COMMENT ON FUNCTION promptreg.measure_columns() IS 'The columns that every comparison view has, and what they are made of';

DO $$
DECLARE
  merged constant text := $query$
      sum(h.executions)::bigint AS executions, sum(h.errors)::bigint AS errors,
      min(h.first_at) AS first_at, max(h.last_at) AS last_at,
      promptreg.moments_merge(h.latency) AS latency, promptreg.moments_merge(h.time_to_first_token) AS time_to_first_token,
      promptreg.moments_merge(h.tokens) AS tokens, promptreg.moments_merge(h.cost) AS cost,
      sum(h.tokens_in) AS tokens_in, sum(h.tokens_out) AS tokens_out, sum(h.tokens_cached) AS tokens_cached,
      sum(h.cost_usd) AS cost_usd,
      promptreg.quantiles(promptreg.sketch_merge(h.latency_sketch), '{0.5,0.95,0.99}') AS latency_q,
      promptreg.quantiles(promptreg.sketch_merge(h.time_to_first_token_sketch), '{0.5,0.95,0.99}') AS time_to_first_token_q,
      promptreg.quantiles(promptreg.sketch_merge(h.tokens_sketch), '{0.5,0.95}') AS tokens_q,
      promptreg.quantiles(promptreg.sketch_merge(h.cost_sketch), '{0.5,0.95}') AS cost_q,
      sum(h.rating_1 + h.rating_2 + h.rating_3 + h.rating_4 + h.rating_5)::bigint AS ratings,
      sum(h.rating_1)::bigint AS rating_1, sum(h.rating_2)::bigint AS rating_2, sum(h.rating_3)::bigint AS rating_3,
      sum(h.rating_4)::bigint AS rating_4, sum(h.rating_5)::bigint AS rating_5,
      sum(h.thumbs_up)::bigint AS thumbs_up, sum(h.thumbs_down)::bigint AS thumbs_down,
      promptreg.moments_merge(h.score) AS score,
      sum(h.converted)::bigint AS converted, sum(h.not_converted)::bigint AS not_converted,
      sum(h.edited)::bigint AS edited, sum(h.not_edited)::bigint AS not_edited,
      sum(h.accepted)::bigint AS accepted, sum(h.not_accepted)::bigint AS not_accepted, sum(h.comments)::bigint AS comments $query$;
  "view" record;
  "column" record;
BEGIN
  FOR "view" IN VALUES
    ('version_comparison', 'daily_measures', 'h.prompt, h.version, h.environment', 'prompt, version, environment',
     'Versions side by side, over all that was recorded'),
    ('version_hourly', 'hourly_measures', 'h.starts_at AS hour, h.prompt, h.version, h.environment', 'hour, prompt, version, environment',
     'Versions by hour'),
    ('version_daily', 'daily_measures', '(h.starts_at AT TIME ZONE ''UTC'')::date AS day, h.prompt, h.version, h.environment',
     'day, prompt, version, environment', 'Versions by day'),
    ('model_comparison', 'daily_measures', 'h.prompt, h.environment, h.model', 'prompt, environment, model',
     'Models side by side, for each prompt and environment')
  LOOP
    EXECUTE format('CREATE VIEW promptreg.%I WITH (security_barrier = true) AS SELECT %s, %s FROM (
        SELECT %s, %s FROM promptreg.%I h WHERE promptreg.allowed(''read'', h.prompt) GROUP BY %s) m ORDER BY %s',
      "view".column1, 'm.' || replace("view".column4, ', ', ', m.'),
      (SELECT string_agg(c.expression || ' AS ' || c.name, ', ') FROM promptreg.measure_columns() c),
      "view".column3, merged, "view".column2,
      (SELECT string_agg(g::text, ', ') FROM generate_series(1, array_length(string_to_array("view".column4, ','), 1)) g),
      'm.' || replace("view".column4, ', ', ', m.'));
    EXECUTE format('COMMENT ON VIEW promptreg.%I IS %L', "view".column1,
      "view".column5 || ': use, errors, latency, tokens, cost and feedback; current to the last committed row');
    FOR "column" IN
      SELECT * FROM promptreg.measure_columns()
       UNION ALL
      SELECT g.name, NULL, g.comment
        FROM (VALUES ('hour', 'Beginning of the hour, in UTC'), ('day', 'The day, in UTC'), ('prompt', 'Name of the prompt'),
                     ('version', 'Number of the version'), ('environment', 'Environment'), ('model', 'Model; NULL: not recorded'))
          AS g (name, comment)
       WHERE g.name = ANY (string_to_array("view".column4, ', '))
    LOOP
      EXECUTE format('COMMENT ON COLUMN promptreg.%I.%I IS %L', "view".column1, "column".name, "column".comment);
    END LOOP;
  END LOOP;
END;
$$;

CREATE VIEW promptreg.experiment_viewed WITH (security_barrier = true) AS
SELECT e.user_id, e.at AS "timestamp", e.experiment AS experiment_id, e.variant AS variation_id, e.prompt, e.version, e.environment
  FROM promptreg.executions e
 WHERE e.experiment IS NOT NULL AND e.variant IS NOT NULL AND e.user_id IS NOT NULL AND promptreg.allowed('read', e.prompt);
COMMENT ON VIEW promptreg.experiment_viewed IS
  'Exposures: each time a user was served a variant of an experiment, as experiment platforms expect them';
COMMENT ON COLUMN promptreg.experiment_viewed.user_id IS 'The user, as recorded';
COMMENT ON COLUMN promptreg.experiment_viewed."timestamp" IS 'When';
COMMENT ON COLUMN promptreg.experiment_viewed.experiment_id IS 'Key of the experiment';
COMMENT ON COLUMN promptreg.experiment_viewed.variation_id IS 'Key of the variant';
COMMENT ON COLUMN promptreg.experiment_viewed.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.experiment_viewed.version IS 'Number of the version that was served';
COMMENT ON COLUMN promptreg.experiment_viewed.environment IS 'Environment';

CREATE VIEW promptreg.release_activity WITH (security_barrier = true) AS
SELECT date_trunc('week', d.deployed_at, 'UTC') AS week, p.name AS prompt, d.environment,
       count(*) FILTER (WHERE d.event = 'promoted') AS promotions,
       count(*) FILTER (WHERE d.event = 'rolled_back') AS rollbacks,
       count(*) FILTER (WHERE d.event = 'retired') AS retirements,
       count(*) FILTER (WHERE d.event = 'rolled_back') / nullif(count(*) FILTER (WHERE d.event = 'promoted'), 0)::double precision
         AS rollbacks_per_promotion,
       avg(l.hours) AS lead_time_hours_mean,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY l.hours) AS lead_time_hours_p50,
       max(l.hours) AS lead_time_hours_max
  FROM ONLY promptreg.deployments d
  JOIN promptreg.prompts p ON p.id = d.prompt_id
  LEFT JOIN ONLY promptreg.versions v ON v.prompt_id = d.prompt_id AND v.version = d.version
  LEFT JOIN LATERAL (
    SELECT extract(epoch FROM d.deployed_at - v.created_at)::double precision / 3600 AS hours
     WHERE d.event = 'promoted'
       AND NOT EXISTS (SELECT FROM ONLY promptreg.deployments earlier
                        WHERE earlier.prompt_id = d.prompt_id AND earlier.environment = d.environment
                          AND earlier.version = d.version AND earlier.number < d.number)) l ON true
 WHERE promptreg.allowed('read', p.name)
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3;
COMMENT ON VIEW promptreg.release_activity IS 'Releases by week: how many, how soon after the commit, and how many were taken back';
COMMENT ON COLUMN promptreg.release_activity.week IS 'Beginning of the week, Monday 0:00 in UTC';
COMMENT ON COLUMN promptreg.release_activity.prompt IS 'Name of the prompt';
COMMENT ON COLUMN promptreg.release_activity.environment IS 'Environment';
COMMENT ON COLUMN promptreg.release_activity.promotions IS 'Promotions';
COMMENT ON COLUMN promptreg.release_activity.rollbacks IS 'Rollbacks';
COMMENT ON COLUMN promptreg.release_activity.retirements IS 'Retirements';
COMMENT ON COLUMN promptreg.release_activity.rollbacks_per_promotion IS 'Rollbacks for each promotion; NULL without a promotion';
COMMENT ON COLUMN promptreg.release_activity.lead_time_hours_mean IS
  'Mean time from commit to the first promotion of a version to the environment, in hours';
COMMENT ON COLUMN promptreg.release_activity.lead_time_hours_p50 IS 'Median of that time, in hours';
COMMENT ON COLUMN promptreg.release_activity.lead_time_hours_max IS 'Longest of these times, in hours';
