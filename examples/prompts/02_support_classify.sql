-- Sorts a ticket into one of the categories that the caller passes. The answer is JSON that a schema describes.
SELECT prompt_register(
  'support/classify',
  $$Sort this support ticket into exactly one category.

Categories:
{{#categories}}
- {{name}}: {{description}}
{{/categories}}

Subject: {{subject}}
Text: {{text}}

Answer with JSON: {"category": "...", "confidence": 0.0 to 1.0}
$$,
  variables => '[
    {"name": "categories", "type": "array", "required": true, "description": "Objects with name and description"},
    {"name": "subject", "type": "string", "default": "(none)"},
    {"name": "text", "type": "string", "required": true}]',
  model => 'gpt-4o-mini',
  params => '{
    "temperature": 0,
    "response_format": {
      "type": "json_schema",
      "json_schema": {
        "name": "ticket_category",
        "strict": true,
        "schema": {
          "type": "object",
          "properties": {"category": {"type": "string"}, "confidence": {"type": "number"}},
          "required": ["category", "confidence"],
          "additionalProperties": false}}}}',
  message => 'first version',
  description => 'Sorts a ticket into one of the given categories',
  tags => '{support,classification,json}',
  team => 'support');
