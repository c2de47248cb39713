-- Decides whether a ticket needs a person at once. The channel is an enum: a value outside of it is refused.
SELECT prompt_register(
  'support/triage',
  $$You decide how urgent a message to Northwind Outdoor is. It came in by {{channel}}.

Escalate at once: injuries, defects of safety gear (ropes, harnesses, helmets, stoves), legal threats, payment fraud.
{{#open_tickets}}
The customer already has open tickets: {{open_tickets}}.
{{/open_tickets}}

Message:
{{message}}

Answer with JSON: {"urgency": "now" | "today" | "normal", "reason": "one sentence"}
$$,
  variables => '[
    {"name": "message", "type": "string", "required": true},
    {"name": "channel", "type": "enum", "values": ["email", "chat", "phone", "social media"], "default": "email"},
    {"name": "open_tickets", "type": "integer", "default": 0, "description": "How many; 0 leaves the line out"}]',
  model => 'gpt-4o',
  params => '{"temperature": 0, "response_format": {"type": "json_object"}}',
  message => 'first version',
  description => 'How urgent is a message: now, today or normal',
  tags => '{support,classification,json,safety}',
  team => 'support');
