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

-- The errors are those of rendering; limits hold.
CALL test.fails($$SELECT prompt_spans('spans/none')$$);
CALL test.fails($$SELECT prompt_spans(NULL)$$);
CALL test.fails($$SELECT prompt_spans('spans/text', vars => '1')$$);
SET promptreg.max_output_size = 3;
CALL test.fails($$SELECT prompt_spans('spans/text')$$);
RESET promptreg.max_output_size;
