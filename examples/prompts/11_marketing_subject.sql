-- Subject lines for a newsletter. Written in the f-string syntax: {name} inserts, {{ and }} are braces.
SELECT prompt_register(
  'marketing/subject-lines',
  $$Write {count} subject lines for our newsletter about {topic}. At most {max_characters} characters each.
No capital letters throughout, no more than one emoji, no false urgency.
Answer with JSON: {{"subjects": ["..."]}}
$$,
  variables => '[
    {"name": "topic", "type": "string", "required": true},
    {"name": "count", "type": "integer", "default": 5},
    {"name": "max_characters", "type": "integer", "default": 50}]',
  model => 'gpt-4o-mini',
  params => '{"temperature": 1.0, "response_format": {"type": "json_object"}}',
  syntax => 'fstring',
  message => 'first version',
  description => 'Subject lines for a newsletter',
  tags => '{marketing,json}',
  team => 'marketing');
