-- Warnings about what is valid and most likely a mistake: notices at commit, rows at any time.

SELECT prompt_create('lint/chat', kind => 'chat');
SELECT prompt_commit('lint/chat', messages => '[
    {"role": "system", "content": "You are {{persona}}.\nTools: {{#tools}}{{name}}, {{/tools}}{{count}} {{shop}}"},
    {"role": "developer", "content": [{"type": "image_url", "image_url": {"url": "{{shop}}"}}, {"type": "text", "text": "Note: {{note}}"}]},
    {"type": "examples", "examples": [{"user": "Hi {name}", "assistant": "Hi"}]},
    {"type": "placeholder", "name": "history"},
    {"role": "user", "content": "{{#if tier == \"entreprise\"}}Hurry. {{/if}}{{question}}"}]', variables => '[
    {"name": "persona"}, {"name": "tools", "type": "array", "filter": "xml"}, {"name": "count", "type": "integer"},
    {"name": "shop", "trusted": true}, {"name": "note"}, {"name": "tier", "type": "enum", "values": ["free", "enterprise"]},
    {"name": "question"}, {"name": "spare"}]');
SELECT code, variable, place, item, snippet, line_number, column_number, warning FROM prompt_lint('lint/chat');
SELECT code, detail, hint FROM prompt_lint('lint/chat', 1) WHERE code IN ('filter_not_reached', 'constant_comparison', 'unused_variable');

-- Nothing is wrong with most versions; a warning is no error, and nothing is said twice.
SELECT prompt_commit('lint/chat', messages => '[{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{question}}"}]');
SELECT count(*) FROM prompt_lint('lint/chat');
SELECT code, variable FROM prompt_lint('lint/chat', 1) ORDER BY code, variable;
SELECT prompt_register('lint/text', 'Hello {name}, {name} {{greeting}} {"name": 1} ${HOME}');
SELECT prompt_register('lint/text', 'Hello {name}, {name} {{greeting}} {"name": 1} ${HOME}');
SELECT * FROM prompt_lint('lint/text') \gx
SELECT prompt_register('lint/python', 'Hello {{name}}, {greeting} {{"name": 1}} {{{greeting}}}', syntax => 'fstring');
SELECT prompt_register('lint/plain', 'Hello {{name}}, {greeting}', syntax => 'none');
SET client_min_messages = warning;
SELECT prompt_commit('lint/text', 'Hello {name}');
RESET client_min_messages;

-- Snippets: what they insert counts where they are used; what is only theirs is told when they are committed.
SELECT prompt_register('lint/snippet', '{{#docs}}{{title}} {/docs}{{/docs}}{tone}', variables => '[{"name": "docs", "type": "array", "filter": "xml"}, {"name": "spare"}]');
SELECT prompt_commit('lint/chat', messages => '[{"role": "user", "content": "a"}, {"role": "system", "content": "b\n{{> lint/snippet@1}}"}]');
SELECT code, variable, place, snippet, line_number, column_number FROM prompt_lint('lint/chat');
SELECT prompt_commit('lint/chat', messages => '[{"role": "user", "content": "{{> lint/snippet@1}}"}]');

-- The rights and errors of reading.
CALL test.fails($$SELECT * FROM prompt_lint('lint/none')$$);
CALL test.fails($$SELECT * FROM prompt_lint('lint/chat', 99)$$);
SELECT prompt_create('lint/empty');
CALL test.fails($$SELECT * FROM prompt_lint('lint/empty')$$);
-- A snippet that is served no more leaves nothing to look at.
SELECT prompt_register('lint/follower', '{{> lint/plain@production}}') FROM prompt_promote('lint/plain', 1, 'production');
SELECT event FROM prompt_retire('lint/plain', 'production');
CALL test.fails($$SELECT * FROM prompt_lint('lint/follower')$$);

-- What Handlebars would do; members of what has none; all variables at once.
SELECT prompt_register('lint/handlebars', '{{#items}}{{this.name}} {{/items}}{{customer.name}}', variables => '[{"name": "items", "type": "array"}, {"name": "customer"}]');
SELECT prompt_register('lint/handlebars', '{{#items}}{{this.name}} {{/items}}{{customer.name}}');
SELECT code, variable, line_number, column_number, warning, hint FROM prompt_lint('lint/handlebars');
SELECT prompt_register('lint/members', '{{customer.name}} {{tags.first}}', variables => '[{"name": "customer"}, {"name": "tags", "type": "array"}]');
SELECT code, variable, line_number, column_number, warning, hint FROM prompt_lint('lint/members');
SELECT prompt_register('lint/all', messages => '[{"role": "system", "content": "Data: {{.}}"}]');
SELECT code, variable, line_number, column_number, warning, hint FROM prompt_lint('lint/all');

-- Tags in what is kept as it is; and more than is told.
SELECT prompt_register('lint/kept', messages => '[{"role": "user", "content": [{"type": "text", "text": "{{a}}"}, {"type": "image_url", "image_url": "{{photo}}"},
  {"type": "image_url", "image_url": {"url": "{{url}}", "detail": "{{detail}}"}}, {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:{{ pdf }}"}}]}]');
SELECT code, variable, place, item, warning, hint FROM prompt_lint('lint/kept');
SET client_min_messages = warning;
SELECT prompt_register('lint/many', (SELECT string_agg(format('{x%s}', i), ' ') FROM generate_series(1, 105) i));
RESET client_min_messages;
SELECT code, warning, hint FROM prompt_lint('lint/many') OFFSET 99;
