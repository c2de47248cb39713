-- Templates through SQL: the syntaxes, escaping, snippets, errors with their place. The language itself is tested with
-- the library.

SELECT prompt_render_template('Hello {{name}}, {{{name}}}, {{&name}}', '{"name": "<Ada> & \"Co\""}'),
       prompt_render_template('Hello {{name}}, {{{name}}}, {{&name}}', '{"name": "<Ada> & \"Co\""}', escape => 'html');
SELECT prompt_render_template('{name} {{name}}', '{"name": "Ada"}', syntax => 'fstring');
SELECT prompt_render_template('{name} {{name}} {{#', '{"name": "Ada"}', syntax => 'none');
SELECT prompt_render_template('{{#items}}
- {{.}}
{{/items}}
{{^items}}
none
{{/items}}
{{! a comment }}
{{=<% %>=}}
<%total%> {{total}}', '{"items": [1, "two", null], "total": 3}');

-- The values may be any JSON.
SELECT prompt_render_template('{{.}}', '"text"'), prompt_render_template('{{.}}', '12.0'), prompt_render_template('{{#.}}{{.}};{{/.}}', '[1, [2], {"a": 3}]'),
       prompt_render_template('[{{.}}]', 'null'), prompt_render_template('{{a}}', NULL);

-- What the hint about braces says is true.
SELECT prompt_render_template('\{{name}} {{name}}', '{"name": "Ada"}');

-- Snippets.
SELECT prompt_render_template('{{> greeting}}, {{name}}', '{"name": "Ada"}', '{"greeting": "Good {{time}}{{> mark}}", "mark": "!"}');
SELECT prompt_render_template('[{{> none}}]');
CALL test.fails($$SELECT prompt_render_template('a', snippets => '[]')$$);
CALL test.fails($$SELECT prompt_render_template('{{> a}}', snippets => '{"a": 1}')$$);
CALL test.fails($$SELECT prompt_render_template('{{> a}}', snippets => '{"a": "{{#open}}"}')$$);
CALL test.fails($$SELECT prompt_render_template('{{> a}}', snippets => '{"a": "{{> b}}", "b": "{{> a}}"}')$$);
SELECT prompt_render_template('{{> a}}', '{"v": 1, "c": [{"v": 2, "c": []}]}', '{"a": "{{v}}{{#c}}({{> a}}){{/c}}"}');
SELECT prompt_create('templates/a');
CALL test.fails($$SELECT prompt_commit('templates/a', 'uses {{> a_snippet}}')$$);

-- Errors say where.
CALL test.fails($$SELECT prompt_render_template('Hello {{name')$$);
CALL test.fails($$SELECT prompt_render_template('one
two {{#a}}{{/b}}')$$);
CALL test.fails($$SELECT prompt_render_template('{{#a}}{{#b}}{{/a}}{{/b}}')$$);
CALL test.fails($$SELECT prompt_render_template('{{/a}}')$$);
CALL test.fails($$SELECT prompt_render_template('{{}}')$$);
CALL test.fails($$SELECT prompt_render_template('{"a": {{"b": 1}}}')$$);
CALL test.fails($$SELECT prompt_render_template('{{= x =}}')$$);
CALL test.fails($$SELECT prompt_render_template('{{{a}}')$$);
CALL test.fails($$SELECT prompt_render_template('{a', syntax => 'fstring')$$);
CALL test.fails($$SELECT prompt_render_template('a}', syntax => 'fstring')$$);
CALL test.fails($$SELECT prompt_render_template('{a.b}', syntax => 'fstring')$$);
CALL test.fails($$SELECT prompt_commit('templates/a', 'Hello {{name')$$);
SELECT prompt_create('templates/chat', kind => 'chat');
CALL test.fails($$SELECT prompt_commit('templates/chat', messages => '[{"role": "user", "content": "ok"}, {"role": "user", "content": "not {{ok"}]')$$);
SELECT head_version FROM promptreg.prompts WHERE name LIKE 'templates/%';

CALL test.fails($$SELECT prompt_render_template(NULL)$$);
CALL test.fails($$SELECT prompt_render_template('a', escape => NULL)$$);
CALL test.fails($$SELECT prompt_render_template('a', escape => 'xml')$$);
CALL test.fails($$SELECT prompt_render_template('a', syntax => NULL)$$);
CALL test.fails($$SELECT prompt_render_template('a', syntax => 'jinja2')$$);
SELECT prompt_render_template(''), prompt_render_template('', syntax => 'none'), prompt_render_template('x', snippets => NULL);

-- Stored with syntax and escape.
SELECT prompt_commit('templates/a', '{name} {{x}}', syntax => 'fstring'), prompt_commit('templates/a', '{{name}}', escape => 'html'),
       prompt_commit('templates/a', '{{name}}', syntax => 'none');
SELECT version, prompt_render_version('templates/a', version, '{"name": "<Ada>"}') FROM generate_series(1, 3) AS version;

-- The time is that of the transaction, in any time zone.
BEGIN;
SET LOCAL TimeZone = 'Asia/Kathmandu';
SELECT prompt_render_template('{{@now}}')::timestamptz = now() AS same,
       prompt_render_template('{{@now | date("%F %T.%f", "+05:45")}}')::timestamp = now()::timestamp AS local,
       clock_timestamp() > now() AND pg_sleep(0.01) IS NOT NULL AS later;
SELECT prompt_render_template('{{@now}}')::timestamptz = now() AS still;
SELECT prompt_register('now', '{{@now}}') AS version;
SELECT prompt_render('now', 'latest')::timestamptz = now() AS same;
ROLLBACK;

-- Texts of a version that are larger and smaller than the one before.
BEGIN;
SELECT prompt_register('sizes', '[{{s}}]') AS version;
SELECT n, prompt_render('sizes', 'latest', vars => jsonb_build_object('s', repeat('x', n))) = '[' || repeat('x', n) || ']' AS right
  FROM unnest('{0, 10, 100000, 5, 200000, 150000, 160000, 60, 70, 8000, 9000}'::integer[]) n;
ROLLBACK;

-- What is between braces and no name is refused when it is new; what is stored compiles on.
CALL test.fails($$SELECT prompt_commit('templates/a', 'Two halves: \frac{{1}}{{2}}')$$);
CALL test.fails($$SELECT prompt_commit('templates/a', E'Hello {{user.name}},\nyou owe {{ total+tax }} EUR.')$$);
CALL test.fails($$SELECT prompt_commit('templates/a', '{{items.0.name}}')$$);
CALL test.fails($$SELECT prompt_commit('templates/a', '{{#items}}{{name}}{{else}}none{{/items}}')$$);
CALL test.fails($$SELECT prompt_commit('templates/a', '{10%}', syntax => 'fstring')$$);
CALL test.fails($$SELECT prompt_render_template('{{~name~}}', '{"name": "Ada"}')$$);
CALL test.fails($$SELECT prompt_commit('templates/a', '{{10%}}', syntax => 'langfuse')$$);
SELECT prompt_register('templates/share', 'A share of {{10%}}.', variables => '[{"name": "10%"}]');
SELECT prompt_render('templates/share', 'latest', vars => '{"10%": "tenth"}');
BEGIN;
SELECT prompt_register('templates/older', 'x');
ALTER TABLE promptreg.versions DISABLE TRIGGER USER;
UPDATE promptreg.versions SET messages = '[{"role": "user", "content": "{{x+1}} {{#l}}a{{else}}b{{/l}}"}]', content_hash = sha256('older')
 WHERE prompt_id = (SELECT id FROM promptreg.prompts WHERE name = 'templates/older');
SELECT prompt_render('templates/older', 'latest', vars => '{"x+1": "value", "l": [1]}');
SELECT version FROM prompt_promote('templates/older', 1, 'production');
SELECT prompt_register('templates/uses_older', 'Uses {{> templates/older@1}}');
ROLLBACK;

-- The dot outside of sections is all variables: with declarations it would go around them.
CALL test.fails($$SELECT prompt_commit('templates/a', 'Data: {{.}}', variables => '[{"name": "q", "filter": "xml"}]')$$);
CALL test.fails($$SELECT prompt_commit('templates/a', '{{#.}}{{secret}}{{/.}}', variables => '[{"name": "q"}]')$$);
SELECT prompt_register('templates/dot', '{{.}}');
SELECT prompt_register('templates/items', '{{#q}}{{.}}{{/q}}', variables => '[{"name": "q", "type": "array"}]');

-- Errors while rendering say where.
\set VERBOSITY default
SELECT prompt_register('templates/mail', E'Hello {{name}},\nyour order of {{order.placed | date("%F")}} and {{due | date("%F")}}.');
SELECT prompt_render('templates/mail', 'latest', vars => '{"name": "A", "order": {"placed": "yesterday"}}');
SELECT prompt_register('templates/mails', messages => '[{"role": "user", "content": "{{a}}"}, {"role": "user", "content": "See\n {{a}} {{b}}"}]');
SELECT prompt_messages('templates/mails', 'latest', vars => jsonb_build_object('a', 1, 'b', (repeat('[', 70) || repeat(']', 70))::jsonb));
SELECT prompt_render_template('{{#l}}{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}{{/l}}', jsonb_build_object('l', (SELECT jsonb_agg(i) FROM generate_series(1, 100) i)));
\set VERBOSITY terse
SELECT prompt_render_template('{{x | upper' || repeat(' | trim', 65535) || '}}', '{"x": "abc"}');
SET promptreg.max_program_operations = 1000000;
SELECT prompt_render_template('{{x | upper' || repeat(' | trim', 65535) || '}}', '{"x": "abc"}');
SELECT prompt_render_template('{{x | upper' || repeat(' | trim', 65534) || '}}', '{"x": "abc"}');
RESET promptreg.max_program_operations;
