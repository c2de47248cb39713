-- Extracts data from the text of a supplier's invoice. Fields are passed as a list, so that a new one needs no release.
SELECT prompt_register(
  'finance/invoice',
  $$Extract these fields from the invoice below. Use null for what it does not say. Amounts are numbers without currency
signs; dates are YYYY-MM-DD.

{{#fields}}
- {{name}} ({{type}}){{#hint}}: {{hint}}{{/hint}}
{{/fields}}

We are {{buyer}}; the supplier is the other party.

--- invoice ---
{{invoice}}
--- end of invoice ---
$$,
  variables => '[
    {"name": "invoice", "type": "string", "required": true, "description": "Plain text of the invoice"},
    {"name": "fields", "type": "array", "default": [
      {"name": "supplier", "type": "string"},
      {"name": "invoice_number", "type": "string"},
      {"name": "date", "type": "date"},
      {"name": "total", "type": "number", "hint": "including tax"},
      {"name": "currency", "type": "string", "hint": "three letters"}]},
    {"name": "buyer", "type": "string", "default": "Northwind Outdoor"}]',
  model => 'gpt-4o',
  params => '{"temperature": 0, "response_format": {"type": "json_object"}}',
  message => 'first version',
  description => 'Reads the data of an invoice into JSON',
  tags => '{finance,extraction,json}',
  team => 'finance');
