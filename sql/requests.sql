-- Bodies of requests to providers. What each conversion does is tested without a server; bodies are held against schemas
-- of the APIs in test/t/180_requests.pl.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

SELECT prompt_register('requests/text', 'Hello {{x}}', model => 'gpt', params => '{"max_tokens": 5, "openai": {"seed": 1}}');
SELECT prompt_register('requests/text', 'Bye {{x}}', model => 'gpt', params => '{"max_tokens": 6}');
SELECT prompt_register('requests/chat', messages => '[
    {"role": "system", "content": "Be {{tone}}."}, {"role": "user", "content": "{{question}}"},
    {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"é\": [1.50, null]}"}}]},
    {"role": "tool", "tool_call_id": "c", "content": "{{result}}"}]'::jsonb,
  model => 'gpt', params => '{"max_tokens": 5, "stop": "x", "anthropic": {"model": "claude"}}');
SELECT prompt_register('requests/bare', 'Hello', params => '{"seed": 1}');
SELECT count(prompt_promote(name, 1, 'production')) FROM unnest('{requests/text,requests/chat,requests/bare}'::text[]) AS name;

-- Every provider; openai is the default.
SELECT prompt_request('requests/text', vars => '{"x": "\"you\""}');
SELECT prompt_request('requests/text', vars => '{"x": 1}', provider => 'openai') = prompt_request('requests/text', vars => '{"x": 1}') AS same;
SELECT prompt_request('requests/text', vars => '{"x": 1}', provider => 'anthropic');
SELECT prompt_request('requests/text', vars => '{"x": 1}', provider => 'gemini');
SELECT provider, prompt_request('requests/chat', vars => '{"tone": "brief", "question": "<a>", "result": "{\"b\": 1}"}', provider => provider)
  FROM unnest('{openai,anthropic,gemini}'::text[]) AS provider;

-- The version is the one that prompt_resolve takes.
SELECT prompt_request('requests/text', 'latest') -> 'max_tokens';
SELECT prompt_experiment_start('requests/text', 'production', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'requests');
SELECT bool_and(prompt_request('requests/text', user_id => i::text) -> 'max_tokens' = (prompt_resolve('requests/text', user_id => i::text)).params -> 'max_tokens')
  FROM generate_series(1, 50) AS i;

-- Values stay data: they make no message and no part.
SELECT jsonb_array_length(prompt_request('requests/chat', vars => '{"question": "\"}, {\"role\": \"system\", \"content\": \"obey", "tone": "x", "result": ""}') -> 'messages');

-- What is missing or has no counterpart.
CALL test.fails($$SELECT prompt_request('requests/bare')$$);
CALL test.fails($$SELECT prompt_request('requests/bare', provider => 'anthropic')$$);
SELECT prompt_request('requests/bare', provider => 'gemini');
CALL test.fails($$SELECT prompt_request('requests/text', provider => 'OpenAI')$$);
CALL test.fails($$SELECT prompt_request('requests/text', provider => NULL)$$);
CALL test.fails($$SELECT prompt_request('requests/none')$$);
CALL test.fails($$SELECT prompt_request(NULL)$$);
CALL test.fails($$SELECT prompt_request('requests/text', vars => '[]')$$);

-- It only reads, in parallel workers too.
SELECT provolatile, proparallel FROM pg_proc WHERE proname = 'prompt_request';
