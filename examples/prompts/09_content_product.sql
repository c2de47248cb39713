-- Describes a product for the shop from its data.
SELECT prompt_register(
  'content/product-description',
  $$Describe this product for our shop in {{words}} words, for {{audience}}.

Name: {{product.name}}
Category: {{product.category}}
{{#product.weight_g}}
Weight: {{product.weight_g}} g
{{/product.weight_g}}
{{#features}}
- {{.}}
{{/features}}
{{^features}}
Nothing is known but name and category: stay general and invent no facts.
{{/features}}

Do not mention prices or competitors.
$$,
  variables => '[
    {"name": "product", "type": "object", "required": true, "description": "name, category, weight_g"},
    {"name": "features", "type": "array", "default": []},
    {"name": "audience", "type": "string", "default": "people who hike at weekends"},
    {"name": "words", "type": "integer", "default": 80}]',
  model => 'gpt-4o-mini',
  params => '{"temperature": 0.8, "top_p": 0.95}',
  message => 'first version',
  description => 'Describes a product for the shop',
  tags => '{content,customer-facing}',
  team => 'content');
