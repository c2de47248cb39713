CREATE EXTENSION promptreg;
SELECT prompt_register('bench', 'text ' || v) FROM generate_series(1, 5) v;
SELECT prompt_promote('bench', 5, 'production');
SELECT promptreg.make_partition(r, t) FROM unnest('{executions,outcomes}'::text[]) r, generate_series(now() - interval '40 days', now() + interval '40 days', '20 days') t;

-- Executions of five versions and two models over 30 days, as applications record them.
CREATE VIEW generated_columns AS
SELECT 'at, request_id, prompt, version, environment, user_id, model, latency_ms, time_to_first_token_ms, tokens_in, tokens_out, cost_usd, error_class, finish_reason' AS columns;
CREATE FUNCTION generated(first bigint, last bigint)
RETURNS TABLE (at timestamptz, request_id text, prompt text, version integer, environment text, user_id text, model text, latency_ms double precision,
               time_to_first_token_ms double precision, tokens_in bigint, tokens_out bigint, cost_usd numeric, error_class text, finish_reason text)
LANGUAGE sql AS $$
  SELECT now() - (i % 2592000) * interval '1 s', md5(i::text), 'bench', 1 + (i % 5)::integer, 'production', 'user-' || i % 10007, 'model-' || i % 2,
         exp(6 + 0.5 * (random() + random() + random() + random() - 2) * 1.7), 50 + 100 * random(), 200 + i % 1000, 50 + i % 300, ((i % 1000) * 0.000001)::numeric(12, 6),
         CASE WHEN i % 53 = 0 THEN 'timeout' END, 'stop'
    FROM generate_series(first, last) i
$$;
-- An outcome of each of these.
CREATE FUNCTION judged(first bigint, last bigint, OUT at timestamptz, OUT request_id text, OUT name text, OUT value double precision, OUT i bigint) RETURNS SETOF record
LANGUAGE sql AS $$
  SELECT now() - (i % 2592000) * interval '1 s', md5(i::text), (ARRAY['thumbs', 'rating', 'score', 'conversion'])[1 + i % 4], 1, i FROM generate_series(first, last) i
$$;
CREATE FUNCTION batch(first bigint, last bigint) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(g))) FROM generated(first, last) g
$$;
