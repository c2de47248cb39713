-- Rewrites what somebody typed into the shop's search. No declarations: the variables are inferred as optional.
SELECT prompt_register(
  'search/rewrite',
  $$Rewrite this search of an outdoor shop as keywords: fix typos, expand abbreviations, drop filler words.
{{#previous}}
The search before was: {{previous}}
{{/previous}}
Search: {{query}}
Keywords:$$,
  model => 'gpt-4o-mini',
  params => '{"temperature": 0, "max_tokens": 30, "stop": ["\n"]}',
  message => 'first version',
  description => 'Rewrites a search as keywords',
  tags => '{search}',
  team => 'search');
