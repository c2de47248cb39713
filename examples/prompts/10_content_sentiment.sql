-- Sentiment of a product review.
SELECT prompt_register(
  'content/review-sentiment',
  $$What does this review of "{{product}}" say? {{#stars}}The customer gave {{stars}} of 5 stars.{{/stars}}

{{review}}

Answer with JSON: {"sentiment": "positive" | "mixed" | "negative", "topics": ["..."]}
Topics are one to three of: {{#topics}}{{.}}, {{/topics}}other.
$$,
  variables => '[
    {"name": "review", "type": "string", "required": true},
    {"name": "product", "type": "string", "required": true},
    {"name": "stars", "type": "integer"},
    {"name": "topics", "type": "array", "default": ["fit", "weight", "durability", "price", "delivery"]}]',
  model => 'gpt-4o-mini',
  params => '{"temperature": 0, "response_format": {"type": "json_object"}}',
  message => 'first version',
  description => 'Sentiment and topics of a review',
  tags => '{content,classification,json}',
  team => 'content');
