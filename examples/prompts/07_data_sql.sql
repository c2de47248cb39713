-- Turns a question into SQL over tables that the caller describes.
SELECT prompt_register(
  'data/sql',
  $$Write one {{dialect}} SELECT statement that answers the question. Use only these tables:

{{#tables}}
{{name}} ({{#columns}}{{name}} {{type}}, {{/columns}}...)
{{#note}}
  note: {{note}}
{{/note}}
{{/tables}}

Return at most {{row_limit}} rows. If the tables cannot answer the question, return only the word IMPOSSIBLE.

Question: {{question}}
$$,
  variables => '[
    {"name": "question", "type": "string", "required": true},
    {"name": "tables", "type": "array", "required": true, "description": "Objects: name, columns (name, type), note"},
    {"name": "dialect", "type": "string", "default": "PostgreSQL"},
    {"name": "row_limit", "type": "integer", "default": 100}]',
  model => 'gpt-4o',
  params => '{"temperature": 0, "stop": [";"]}',
  message => 'first version',
  description => 'Writes a SELECT for a question',
  tags => '{internal,sql}',
  team => 'data');
