-- Answers a customer's question from help articles and, if there is one, the customer's order.
-- A chat prompt: an inverted section for the case without articles, dotted names, a default. What customers write, their
-- names included, is only in the message of role user.
SELECT prompt_register(
  'support/reply',
  messages => jsonb_build_array(
    jsonb_build_object('role', 'system', 'content', $$You are the support assistant of Northwind Outdoor, an online shop for hiking and camping gear.
Answer in {{language}}, in at most {{max_sentences}} sentences, politely and without promises about dates or refunds.
{{#articles}}
Help article "{{title}}":
{{body}}
{{/articles}}
{{^articles}}
There is no help article on this. Say that a colleague will answer within one working day.
{{/articles}}
{{! Customers wrote that the old greeting sounded like a machine. }}
Address the customer by name.{{#customer.is_member}} Thank them for being a member.{{/customer.is_member}}$$),
    jsonb_build_object('role', 'user', 'content', $$I am {{customer.name}}.
{{#order}}
My order {{order.number}} ({{order.status}}).
{{/order}}
{{question}}$$)),
  variables => '[
    {"name": "customer", "type": "object", "required": true, "description": "name and is_member"},
    {"name": "question", "type": "string", "required": true, "description": "What the customer wrote"},
    {"name": "order", "type": "object", "description": "number and status, if the question is about an order"},
    {"name": "articles", "type": "array", "default": [], "trusted": true, "description": "Help articles found: title and body"},
    {"name": "language", "type": "string", "default": "English", "trusted": true},
    {"name": "max_sentences", "type": "integer", "default": 5}]',
  model => 'gpt-4o-mini',
  params => '{"temperature": 0.3, "max_tokens": 400}',
  message => 'first version',
  description => 'Answers a customer from help articles and the order',
  tags => '{support,customer-facing}',
  team => 'support');
