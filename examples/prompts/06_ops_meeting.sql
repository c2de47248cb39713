-- Minutes of a meeting from its transcript.
SELECT prompt_register(
  'ops/meeting-summary',
  $$Summarise this meeting for people who were not there, in at most {{max_words}} words.

Title: {{title}}
Present: {{#attendees}}{{.}}; {{/attendees}}

Write three parts: Decisions, Open questions, Tasks (who, what, until when).
{{^include_small_talk}}
Leave small talk out.
{{/include_small_talk}}

Transcript:
{{transcript}}
$$,
  variables => '[
    {"name": "title", "type": "string", "required": true},
    {"name": "attendees", "type": "array", "required": true, "description": "Names or functions"},
    {"name": "transcript", "type": "string", "required": true},
    {"name": "max_words", "type": "integer", "default": 200},
    {"name": "include_small_talk", "type": "boolean", "default": false}]',
  model => 'claude-3-5-haiku-latest',
  params => '{"temperature": 0.2, "max_tokens": 800}',
  message => 'first version',
  description => 'Minutes of a meeting from its transcript',
  tags => '{internal,summary}',
  team => 'operations');
