-- Prompts of other tools, converted when they are committed.
SELECT prompt_register('imp/tone', 'Be {{style}}.');
SELECT version FROM prompt_promote('imp/tone', 1, 'production');

-- Langfuse, text: stored in this language, with the original beside it.
SELECT prompt_register('imp/critic', E'@@@langfusePrompt:name=imp/tone|label=production@@@\nAs a {{ criticlevel }} critic, do you like {{movie}}?',
  syntax => 'langfuse', metadata => '{"team": "film"}');
SELECT syntax, messages, metadata FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id WHERE p.name = 'imp/critic';
SELECT prompt_render('imp/critic', 'latest', vars => '{"style": "kind", "criticlevel": "expert", "movie": "Dune 2"}');
SELECT reference FROM promptreg.snippet_graph WHERE prompt = 'imp/critic';

-- Equal content is the same version, whatever it was written in.
SELECT prompt_register('imp/critic', E'{{> imp/tone@production}}{{!}}\nAs a {{criticlevel}} critic, do you like {{movie}}?');

-- Langfuse, chat.
SELECT prompt_register('imp/chat', messages => '[
  {"type": "chatmessage", "role": "system", "content": "You are a {{criticlevel}} critic."},
  {"type": "placeholder", "name": "history"},
  {"role": "user", "content": "What about {{movie}}?"}]', syntax => 'langfuse', params => '{"temperature": 0.2}');
SELECT prompt_messages('imp/chat', 'latest', vars => '{"criticlevel": "kind", "movie": "{{x}}", "history": [{"role": "user", "content": "{{y}}"}]}');
SELECT metadata -> 'original' ->> 'syntax', jsonb_array_length(metadata #> '{original,messages}')
  FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id WHERE p.name = 'imp/chat';

-- What has no counterpart is refused, with its place.
CALL test.fails($$SELECT prompt_commit('imp/critic', E'Films:\n  {{#films}}{{title}}{{/films}}', syntax => 'langfuse')$$);
CALL test.fails($$SELECT prompt_commit('imp/chat', messages => '[{"role": "user", "content": "x"}, {"role": "user", "content": "{{a.b}}"}]', syntax => 'langfuse')$$);
CALL test.fails($$SELECT prompt_commit('imp/chat', messages => '[{"role": "user", "content": [{"type": "text", "text": "x"}]}]', syntax => 'langfuse')$$);
CALL test.fails($$SELECT prompt_commit('imp/critic', '@@@langfusePrompt:name=imp/tone|label=nowhere@@@', syntax => 'langfuse')$$);
CALL test.fails($$SELECT prompt_commit('imp/critic', 'x', syntax => 'langfuse', metadata => '{"original": 1}')$$);
CALL test.fails($$SELECT prompt_commit('imp/critic', 'x', syntax => 'Langfuse')$$);
CALL test.fails($$SELECT prompt_render_template('x', syntax => 'langfuse')$$);
SELECT count(*) FROM prompt_verify();
