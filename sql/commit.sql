-- Committing versions: numbers, parents, branches, kinds, messages, parameters.

SELECT prompt_create('commit/text');
SELECT prompt_create('commit/chat', kind => 'chat');

-- 1, 2, 3 ... also for the same content; by position and by name.
SELECT prompt_commit('commit/text', 'Hello {{name}}') AS first,
       prompt_commit('commit/text', 'Hello {{name}}') AS same,
       prompt_commit(name => 'commit/text', template => 'Hi {{name}}', message => 'shorter', model => 'm-1',
                     params => '{"temperature": 0.20, "stop": ["\n"]}', metadata => '{"ticket": 12}') AS third;
SELECT version, template, messages, variables, model, params, metadata, syntax, escape, parent_version, branch, message,
       author = current_user AS mine, status, environments
  FROM prompt_get('commit/text') \gx
SELECT head_version FROM promptreg.prompts WHERE name = 'commit/text';

-- Without gaps: what fails or is rolled back uses up no number.
CALL test.fails($$SELECT prompt_commit('commit/text', 'x', parent_version => 1)$$);
BEGIN;
SELECT prompt_commit('commit/text', 'rolled back');
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT prompt_commit('commit/text', 'rolled back to a savepoint');
ROLLBACK TO s;
SELECT prompt_commit('commit/text', 'kept');
COMMIT;
SELECT version, parent_version, template FROM prompt_history('commit/text');

-- Equal content has an equal content hash, and another one once anything it says differs; metadata, message and
-- author are not content.
SELECT count(DISTINCT content_hash) AS contents, count(DISTINCT chain_hash) AS links FROM prompt_history('commit/text');
SELECT prompt_create('commit/hash');
SELECT prompt_commit('commit/hash', 'x'), prompt_commit('commit/hash', 'x', message => 'm', metadata => '{"a": 1}'),
       prompt_commit('commit/hash', 'x', params => '{}'), prompt_commit('commit/hash', 'y'),
       prompt_commit('commit/hash', 'x', model => 'm'), prompt_commit('commit/hash', 'x', params => '{"a": 1}'),
       prompt_commit('commit/hash', 'x', params => '{"a": 1.0}'), prompt_commit('commit/hash', 'x', syntax => 'none'),
       prompt_commit('commit/hash', 'x', escape => 'html'), prompt_commit('commit/hash', 'x', variables => '[]');
SELECT string_agg(version::text, ',' ORDER BY version) AS versions_with_this_content
  FROM prompt_history('commit/hash') GROUP BY content_hash ORDER BY min(version);

-- The parent is the head of the branch; naming it says: refuse if it is no longer the head.
SELECT prompt_create('commit/parent');
SELECT prompt_commit('commit/parent', 'one', parent_version => NULL) AS v1;
SELECT prompt_commit('commit/parent', 'two', parent_version => 1) AS v2;
CALL test.fails($$SELECT prompt_commit('commit/parent', 'three', parent_version => 1)$$);
CALL test.fails($$SELECT prompt_commit('commit/parent', 'three', parent_version => 3)$$);
CALL test.fails($$SELECT prompt_commit('commit/parent', 'three', parent_version => 0)$$);
CALL test.fails($$SELECT prompt_commit('commit/parent', 'three', parent_version => -1)$$);
SELECT prompt_create('commit/first');
CALL test.fails($$SELECT prompt_commit('commit/first', 'one', parent_version => 1)$$);
CALL test.fails($$SELECT prompt_commit('commit/first', 'one', parent_version => 0)$$);

-- Branches fork from a version and have a head of their own.
CALL test.fails($$SELECT prompt_commit('commit/parent', 'fork', branch => 'short')$$);
CALL test.fails($$SELECT prompt_commit('commit/parent', 'fork', branch => 'short', parent_version => 9)$$);
SELECT prompt_commit('commit/parent', 'fork', branch => 'short', parent_version => 1) AS v3;
SELECT prompt_commit('commit/parent', 'three') AS v4, prompt_commit('commit/parent', 'fork 2', branch => 'short') AS v5;
CALL test.fails($$SELECT prompt_commit('commit/parent', 'fork 3', branch => 'short', parent_version => 4)$$);
SELECT prompt_commit('commit/first', 'one', branch => 'own');
SELECT version, branch, parent_version, template FROM prompt_history('commit/parent');
CALL test.fails($$SELECT prompt_commit('commit/parent', 'x', branch => '', parent_version => 1)$$);
CALL test.fails($$SELECT prompt_commit('commit/parent', 'x', branch => NULL)$$);
CALL test.fails($$SELECT prompt_commit('commit/parent', 'x', branch => E'a\nb', parent_version => 1)$$);

-- Which prompt.
CALL test.fails($$SELECT prompt_commit('commit/txt', 'x')$$);
CALL test.fails($$SELECT prompt_commit('nothing like it at all', 'x')$$);
CALL test.fails($$SELECT prompt_commit('', 'x')$$);
CALL test.fails($$SELECT prompt_commit(NULL, 'x')$$);

-- The kind decides what is committed.
CALL test.fails($$SELECT prompt_commit('commit/chat', 'a template')$$);
CALL test.fails($$SELECT prompt_commit('commit/chat', template => NULL)$$);
CALL test.fails($$SELECT prompt_commit('commit/chat', messages => NULL)$$);
CALL test.fails($$SELECT prompt_commit('commit/text', messages => '[{"role": "user", "content": "x"}]')$$);
CALL test.fails($$SELECT prompt_commit('commit/text', messages => NULL)$$);
CALL test.fails($$SELECT prompt_commit('commit/text', template => NULL)$$);
SELECT prompt_commit('commit/text', '') AS empty_template;

-- Messages: every role, further keys kept, tool calls without content.
SELECT prompt_commit('commit/chat', messages => '[
  {"role": "system", "content": "You are {{persona}}."},
  {"role": "developer", "content": "Be brief."},
  {"role": "user", "content": "{{question}}", "name": "customer", "weight": 1.50},
  {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "find", "arguments": "{\"q\": \"{{question}}\"}"}}]},
  {"role": "assistant", "content": null, "tool_calls": [{"id": "c2"}]},
  {"role": "tool", "content": "", "tool_call_id": "c1"}]');
SELECT template, jsonb_pretty(messages) AS messages FROM prompt_get('commit/chat');

-- Messages of every wrong shape, with the place named.
CALL test.fails($$SELECT prompt_commit('commit/chat', messages => '[{"role": "user", "content": "x"}, {}]')$$);
SELECT * FROM test.errors_of($$SELECT prompt_commit('commit/chat', messages => %L)$$,
  '{}',
  '"x"',
  '1',
  'null',
  '[]',
  '["x"]',
  '[null]',
  '[[]]',
  '[{"role": "user", "content": "x"}, {}]',
  '[{"content": "x"}]',
  '[{"role": "robot", "content": "x"}]',
  '[{"role": "User", "content": "x"}]',
  '[{"role": 1, "content": "x"}]',
  '[{"role": null, "content": "x"}]',
  '[{"role": ["user"], "content": "x"}]',
  '[{"role": "user"}]',
  '[{"role": "user", "content": null}]',
  '[{"role": "user", "content": 1}]',
  '[{"role": "user", "content": ["x"]}]',
  '[{"role": "assistant", "tool_calls": [], "content": 1}]', '[{"role": "assistant", "tool_calls": [], "content": null}]');

-- Parameters and metadata are objects; syntax and escape are from a list.
CALL test.fails($$SELECT prompt_commit('commit/text', 'x', params => '[]')$$);
CALL test.fails($$SELECT prompt_commit('commit/text', 'x', params => 'null')$$);
CALL test.fails($$SELECT prompt_commit('commit/text', 'x', params => '"high"')$$);
CALL test.fails($$SELECT prompt_commit('commit/text', 'x', metadata => '1')$$);
CALL test.fails($$SELECT prompt_commit('commit/text', 'x', syntax => 'jinja')$$);
CALL test.fails($$SELECT prompt_commit('commit/text', 'x', syntax => NULL)$$);
CALL test.fails($$SELECT prompt_commit('commit/text', 'x', escape => 'xml')$$);
CALL test.fails($$SELECT prompt_commit('commit/text', 'x', escape => NULL)$$);
SELECT prompt_commit('commit/text', 'x', params => NULL, metadata => NULL, model => '');
SELECT params, metadata, model FROM prompt_get('commit/text');

-- Content comes back byte for byte.
SELECT prompt_create('commit/bytes');
SELECT prompt_commit('commit/bytes', E'  tab\there \\ "quotes" ''single'' \n\n emoji 🦄 żółw \u0001 end  ', syntax => 'none');
SELECT template = E'  tab\there \\ "quotes" ''single'' \n\n emoji 🦄 żółw \u0001 end  ' AS same FROM prompt_get('commit/bytes');
SELECT prompt_commit('commit/bytes', repeat('0123456789abcdef', 65536)) AS one_megabyte;
SELECT length(template), md5(template) = md5(repeat('0123456789abcdef', 65536)) AS same FROM prompt_get('commit/bytes');
CALL test.fails($$SELECT prompt_commit('commit/bytes', repeat('0123456789abcdef', 65536) || '!')$$);

-- Every commit is recorded with its hashes.
SELECT a.event, version, a.previous, a.after ->> 'branch' AS branch,
       a.after ->> 'content_hash' = encode(v.content_hash, 'hex') AS content_hash,
       a.after ->> 'chain_hash' = encode(v.chain_hash, 'hex') AS chain_hash
  FROM promptreg.audit_log a JOIN prompt_history('commit/parent') v USING (prompt, version)
 WHERE prompt = 'commit/parent' ORDER BY a.id;

SELECT * FROM prompt_verify('commit/text');
