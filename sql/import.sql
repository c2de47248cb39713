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

-- Dotprompt, as a text prompt: the front matter says the rest.
SELECT prompt_register('imp/greet', $$---
model: googleai/gemini-2.0-flash
config:
  temperature: 0.2
  maxOutputTokens: 100
input:
  schema:
    name: string, who is greeted
    tags?(array): string
  default:
    name: friend
output:
  schema:
    greeting: string
---
Greet {{name}}.
{{#each tags}}
- {{this}}
{{/each}}
$$, syntax => 'dotprompt', params => '{"temperature": 0.4}');
SELECT p.kind, v.syntax, v.model, jsonb_pretty(v.params) AS params, v.variables, v.messages -> 0 ->> 'content' AS template,
       v.metadata #>> '{original,syntax}' AS original, left(v.metadata #>> '{original,template}', 9) AS source
  FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id WHERE p.name = 'imp/greet';
SELECT prompt_render('imp/greet', 'latest', vars => '{"tags": ["a", "{{b}}"]}');
CALL test.fails($$SELECT prompt_render('imp/greet', 'latest', vars => '{"tags": "a"}')$$);

-- What the caller passes comes first.
SELECT prompt_commit('imp/greet', E'---\nmodel: a\ninput: {schema: {x: string}}\n---\n{{x}}', syntax => 'dotprompt', model => 'b', variables => '{"x": {"type": "integer"}}');
SELECT v.model, v.variables FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id WHERE p.name = 'imp/greet' AND v.version = 2;

-- As a chat prompt.
SELECT prompt_register('imp/agent', $${{role "system"}}
Be {{tone}}.
{{history}}
{{role "user"}}
{{question}}{{media url=photo}}$$, syntax => 'dotprompt');
SELECT p.kind, jsonb_pretty(v.messages) FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id WHERE p.name = 'imp/agent';
SELECT prompt_messages('imp/agent', 'latest', vars => '{"tone": "kind", "question": "Why?", "photo": "https://example.com/a.png"}');
SELECT prompt_commit('imp/agent', 'Only {{text}}', syntax => 'dotprompt');
SELECT prompt_messages('imp/agent', 'latest', vars => '{"text": "this"}');

-- Refusals.
CALL test.fails($$SELECT prompt_commit('imp/greet', E'Hi\n{{role "system"}}Be kind.', syntax => 'dotprompt')$$);
CALL test.fails($$SELECT prompt_commit('imp/greet', E'---\ninput:\n  schema:\n    a: Person\n---\n{{a}}', syntax => 'dotprompt')$$);
CALL test.fails($$SELECT prompt_commit('imp/greet', E'---\na: [\n---\n{{a}}', syntax => 'dotprompt')$$);
CALL test.fails($$SELECT prompt_commit('imp/greet', E'ä {{#each l}}\n  {{section "x"}}', syntax => 'dotprompt')$$);
CALL test.fails($$SELECT prompt_commit('imp/greet', E'---\ninput: {schema: {a: integer}, default: {a: x}}\n---\n{{a}}', syntax => 'dotprompt')$$);
CALL test.fails($$SELECT prompt_commit('imp/greet', '', syntax => 'dotprompt')$$);
CALL test.fails($$SELECT prompt_commit('imp/agent', messages => '[{"role": "user", "content": "x"}]', syntax => 'dotprompt')$$);
CALL test.fails($$SELECT prompt_register('imp/none', E'{{#x}}', syntax => 'dotprompt')$$);
CALL test.fails($$SELECT prompt_commit('imp/none', NULL::text, syntax => 'dotprompt')$$);

-- Any value may be what a variable is.
SELECT prompt_register('imp/any', '{{x}}{{#x}}{{y}}{{/x}}', variables => '{"x": {"type": "any", "required": true}}');
SELECT prompt_render('imp/any', 'latest', vars => '{"x": {"y": 1}, "y": 2}'), prompt_render('imp/any', 'latest', vars => '{"x": "a"}');
CALL test.fails($$SELECT prompt_render('imp/any', 'latest')$$);
CALL test.fails($$SELECT prompt_commit('imp/any', '{{x}}', variables => '{"x": {"type": "any", "coerce": true}}')$$);
SELECT name, type, required FROM prompt_variables('imp/any');
SELECT count(*) FROM prompt_verify();
