INSERT INTO promptreg.executions (request_id, prompt, version, environment, user_id, model, latency_ms, time_to_first_token_ms, tokens_in, tokens_out, cost_usd, finish_reason)
VALUES (gen_random_uuid()::text, 'bench', 5, 'production', 'user-42', 'model-1', 812.5, 95, 640, 120, 0.00125, 'stop') RETURNING request_id;
