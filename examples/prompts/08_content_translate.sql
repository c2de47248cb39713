-- Translates shop texts with a glossary.
SELECT prompt_register(
  'content/translate',
  $$Translate the text from {{source}} to {{target}}. Keep line breaks, numbers and units. Keep the tone: {{tone}}.
{{#glossary}}
Always translate "{{term}}" as "{{translation}}".
{{/glossary}}

{{text}}
$$,
  variables => '[
    {"name": "text", "type": "string", "required": true},
    {"name": "target", "type": "string", "required": true, "description": "Language, such as Polish"},
    {"name": "source", "type": "string", "default": "English"},
    {"name": "tone", "type": "enum", "values": ["friendly", "neutral", "formal"], "default": "friendly"},
    {"name": "glossary", "type": "array", "default": []}]',
  model => 'gpt-4o-mini',
  params => '{"temperature": 0.1}',
  message => 'first version',
  description => 'Translates shop texts with a glossary',
  tags => '{content,translation}',
  team => 'content');
