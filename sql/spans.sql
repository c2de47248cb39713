-- Where each byte of a finished prompt comes from.
\set VERBOSITY terse
SELECT prompt_register('spans/text', 'Hällo {{name}}, {{#docs}}[{{@index1}}: {{title}}]{{/docs}}{{#user.vip}}!{{/user.vip}}');
SELECT prompt_register('spans/chat', messages => '[
    {"role": "system", "content": "Be {{tone}}."}, {"role": "assistant", "tool_calls": [{"id": "{{tone}}"}]},
    {"role": "user", "content": "{{question | xml}}"}, {"role": "user", "content": "{{none}}"}, {"role": "user", "content": "Go."}]'::jsonb);
SELECT count(prompt_promote(name, 1, 'production')) FROM unnest('{spans/text,spans/chat}'::text[]) AS name;
\set vars '{"name": "Zoë", "docs": [{"title": "{{name}}"}, {"title": 5}], "user": {"vip": true}, "tone": "", "question": "<é>"}'

SELECT * FROM prompt_spans('spans/text', vars => :'vars');
SELECT * FROM prompt_spans('spans/chat', vars => :'vars');
SELECT * FROM prompt_spans('spans/text', 'latest', 'u');

-- In order, without gaps, and together what is rendered.
SELECT string_agg(text, '' ORDER BY start) = prompt_render('spans/text', vars => :'vars') AS whole,
       bool_and(length = octet_length(text)) AS lengths, max(start + length) = octet_length(string_agg(text, '')) AS ends
  FROM prompt_spans('spans/text', vars => :'vars');
SELECT bool_and(start = expected) AS no_gaps
  FROM (SELECT start, coalesce(lag(start + length) OVER (PARTITION BY message ORDER BY start), 0) AS expected
          FROM prompt_spans('spans/chat', vars => :'vars')) AS pieces;
SELECT message, string_agg(text, '' ORDER BY start) = prompt_messages('spans/chat', vars => :'vars') -> message ->> 'content' AS whole
  FROM prompt_spans('spans/chat', vars => :'vars') GROUP BY message ORDER BY message;

-- A message and a variable of it as the application may want them.
SELECT string_agg(CASE WHEN trusted THEN text ELSE '<' || variable || '>' END, '' ORDER BY start) FROM prompt_spans('spans/text', vars => :'vars');

-- Declared as trusted.
SELECT prompt_register('spans/trusted', 'By {{author}}: {{a.b}} {{#a}}{{c}}{{/a}}{{text}}',
  variables => '[{"name": "author", "trusted": true}, {"name": "a", "type": "object", "trusted": true}, {"name": "text"}]');
SELECT * FROM prompt_spans('spans/trusted', 'latest', vars => '{"author": "Ada", "a": {"b": "B", "c": "C"}, "text": "T"}');

-- Snippets: each piece says in which it is written.
SELECT prompt_register('spans/tone', 'Be {{tone}}{{> spans/mark@1}}') FROM prompt_register('spans/mark', '!');
SELECT prompt_register('spans/snippets', E'A\n  {{> spans/tone}}\nB {{name}}{{> spans/mark}}{{> spans/mark@1}}');
SELECT start, length, variable, snippet, text FROM prompt_spans('spans/snippets', 'latest', vars => '{"tone": "kind", "name": "Zoë"}');
SELECT prompt_register('spans/tree', '{{value}}{{#children}}({{> spans/tree}}){{/children}}');
SELECT variable, snippet, text FROM prompt_spans('spans/tree', 'latest', vars => '{"value": 1, "children": [{"value": 2, "children": []}]}');

-- Contents in parts, examples, and what is passed for placeholders, which nobody vouches for.
SELECT prompt_register('spans/parts', messages => '[
    {"type": "examples", "examples": [{"user": "1 + {{n}}", "assistant": "more than {{n}}"}]},
    {"type": "placeholder", "name": "history"}, {"type": "placeholder", "name": "none", "required": false},
    {"role": "user", "content": [{"type": "file", "file": {"file_id": "{{n}}"}}, {"type": "text", "text": "See {{question}}"},
                                 {"type": "image_url", "image_url": {"url": "{{image}}"}}]},
    {"role": "user", "content": "{{> spans/mark}}"}]');
\set vars '{"n": 2, "question": "it", "image": "https://a", "history": [{"role": "user", "content": "{{n}}"}, {"role": "assistant", "tool_calls": [{"id": "{{n}}"}]}, {"role": "tool", "content": ""}, {"role": "user", "content": [{"type": "file"}, {"type": "text", "text": "zwölf"}]}]}'
SELECT * FROM prompt_spans('spans/parts', 'latest', vars => :'vars');
SELECT bool_and(text = CASE WHEN part IS NULL THEN content #>> '{}'
                            ELSE coalesce(content -> part ->> 'text', content -> part -> 'image_url' ->> 'url') END) AS whole
  FROM (SELECT message, part, string_agg(text, '' ORDER BY start) AS text FROM prompt_spans('spans/parts', 'latest', vars => :'vars') GROUP BY 1, 2) AS s,
       LATERAL (SELECT prompt_messages('spans/parts', 'latest', vars => :'vars') -> s.message -> 'content') AS m (content);
CALL test.fails($$SELECT prompt_spans('spans/parts', 'latest', vars => '{"history": [{"role": "user", "content": "a"}, {"role": "admin"}]}')$$);
CALL test.fails($$SELECT prompt_spans('spans/parts', 'latest')$$);

-- The errors are those of rendering; limits hold.
CALL test.fails($$SELECT prompt_spans('spans/none')$$);
CALL test.fails($$SELECT prompt_spans(NULL)$$);
CALL test.fails($$SELECT prompt_spans('spans/text', vars => '1')$$);
SET promptreg.max_output_size = 3;
CALL test.fails($$SELECT prompt_spans('spans/text', vars => jsonb_build_object('name', repeat('x', 5000)))$$);
RESET promptreg.max_output_size;
