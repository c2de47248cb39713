-- Declared variables: what a commit checks, and what a rendering demands.

SELECT prompt_create('variables/a');
SELECT prompt_commit('variables/a', '{{customer.name}} ordered {{count}} of {{size}}: {{#items}}{{label}},{{/items}} {{note}}', variables => '[
  {"name": "customer", "type": "object", "required": true, "description": "Who"},
  {"name": "count", "type": "integer", "required": true},
  {"name": "size", "type": "enum", "values": ["small", "large"], "default": "small"},
  {"name": "items", "type": "array"},
  {"name": "note", "nullable": false, "required": true}]');
SELECT jsonb_pretty(variables) AS variables FROM prompt_get('variables/a');

SELECT prompt_render('variables/a', 'latest', vars => '{"customer": {"name": "Ada"}, "count": 2, "items": [{"label": "tent"}, {"label": "peg"}], "note": "soon"}');
SELECT prompt_render('variables/a', 'latest', vars => '{"customer": {}, "count": 2, "size": "large", "items": null, "note": ""}');

-- All missing ones are named at once; so are all invalid ones.
CALL test.fails($$SELECT prompt_render('variables/a', 'latest')$$);
CALL test.fails($$SELECT prompt_render('variables/a', 'latest', vars => NULL)$$);
CALL test.fails($$SELECT prompt_render('variables/a', 'latest', vars => '{"customer": {"name": "Ada"}, "count": null, "note": null}')$$);
CALL test.fails($$SELECT prompt_render('variables/a', 'latest', vars => '{"customer": "Ada", "count": 1.5, "size": "huge", "items": {}, "note": 1}')$$);
CALL test.fails($$SELECT prompt_resolve('variables/a', 'latest', vars => '{"count": "2"}')$$);
CALL test.fails($$SELECT prompt_render_version('variables/a', 1, jsonb_build_object('customer', repeat('x', 10000)))$$);
SELECT prompt_explain('variables/a', 'latest', vars => '{"count": 1, "coutn": 2}') -> 'missing_variables' AS missing,
       prompt_explain('variables/a', 'latest', vars => '{"count": 1, "coutn": 2}') -> 'unused_variables' AS unused;

-- Every type with every JSON value.
SELECT prompt_create('variables/' || type), prompt_commit('variables/' || type, '{{x}}',
         variables => jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('name', 'x', 'type', type, 'values', CASE type WHEN 'enum' THEN '["a"]'::jsonb END))))
  FROM unnest('{string,number,integer,boolean,array,object,enum}'::text[]) AS type;
SELECT type, string_agg(value, '  ' ORDER BY n) FILTER (WHERE test.error_of(format('SELECT prompt_render(%L, %L, vars => %L)', 'variables/' || type, 'latest', format('{"x": %s}', value))) IS NULL) AS accepted,
       string_agg(DISTINCT left(test.error_of(format('SELECT prompt_render(%L, %L, vars => %L)', 'variables/' || type, 'latest', format('{"x": %s}', value))), 5), ' ') AS otherwise
  FROM unnest('{string,number,integer,boolean,array,object,enum}'::text[]) WITH ORDINALITY AS t (type, o),
       unnest(ARRAY['"a"', '"b"', '1', '1.0', '1.5', '1e2', '1e-2', 'true', 'false', 'null', '[]', '[1]', '{}', '{"a":1}']) WITH ORDINALITY AS v (value, n)
 GROUP BY type, o ORDER BY o;

-- Declarations given as an object mean the same.
SELECT prompt_create('variables/b');
SELECT prompt_commit('variables/b', '{{a}} {{b}}', variables => '[{"name": "a", "required": true}, {"name": "b", "type": "number", "default": 7}]') AS v1,
       prompt_commit('variables/b', '{{a}} {{b}}', variables => '{"a": {"required": true}, "b": {"type": "number", "default": 7}}') AS v2;
SELECT count(DISTINCT content_hash) AS contents FROM prompt_history('variables/b');
SELECT prompt_render('variables/b', 'latest', vars => '{"a": "x"}');

-- A template may use only what is declared.
CALL test.fails($$SELECT prompt_commit('variables/b', '{{a}} {{c}}', variables => '[{"name": "a"}]')$$);
CALL test.fails($$SELECT prompt_commit('variables/b', 'line one
{{a}} {{#c}}{{d}}{{/c}}', variables => '[{"name": "a"}, {"name": "d"}]')$$);
CALL test.fails($$SELECT prompt_commit('variables/b', '{{a.b}} {{c.d}}', variables => '[{"name": "a"}]')$$);
CALL test.fails($$SELECT prompt_commit('variables/b', '{{a}}', variables => '[]')$$);
SELECT prompt_commit('variables/b', 'no variables', variables => '[]');
SELECT prompt_commit('variables/b', '{{a}}', variables => '[{"name": "a"}, {"name": "unused", "default": "x"}]');
CALL test.fails($$SELECT prompt_commit('variables/b', '{{a}}', variables => '[{"name": "a", "default": null}]')$$);

-- More than may be compiled.
CALL test.fails($$SELECT prompt_commit('variables/b', '{{a}}', variables => (SELECT jsonb_agg(jsonb_build_object(
  'name', 'v' || i, 'pattern', '\pL+' || i)) FROM generate_series(1, 100) i))$$);
-- What is no declaration.
SELECT * FROM test.errors_of($$SELECT prompt_commit('variables/b', '{{a}}', variables => %L)$$,
  'null', '"a"', '1', '["a"]', '[{}]', '[{"name": 1}]', '[{"name": ""}]', '[{"name": "a"}, {"name": "a"}]', '[{"name": "a.b"}]',
  '[{"name": "a", "type": "text"}]', '[{"name": "a", "type": null}]', '[{"name": "a", "tpye": "string"}]', '[{"name": "a", "required": "yes"}]',
  '[{"name": "a", "nullable": 1}]', '[{"name": "a", "type": "integer", "default": 1.5}]', '[{"name": "a", "type": "string", "default": 1}]',
  '[{"name": "a", "type": "enum"}]', '[{"name": "a", "type": "enum", "values": []}]', '[{"name": "a", "type": "enum", "values": "x"}]',
  '[{"name": "a", "type": "enum", "values": ["x"], "default": "y"}]', '[{"name": "a", "values": ["x"]}]', '[{"name": "a", "description": 1}]',
  '{"a": 1}', '{"a": {"name": "b"}}', '{"a": null}');
CALL test.fails($$SELECT prompt_commit('variables/b', '{{a}}', variables => '[{"name": "a", "type": "text"}]')$$);

-- Without declarations everything is optional.
SELECT prompt_commit('variables/b', '[{{a}}][{{b.c}}][{{#d}}{{e}}{{/d}}]');
SELECT prompt_render('variables/b', 'latest'), prompt_render('variables/b', 'latest', vars => '{"a": 1, "b": {"c": 2}, "d": [{"e": 3}]}');

-- Bounds, patterns, coercion and filters.
SELECT prompt_create('variables/rules');
SELECT prompt_commit('variables/rules', '{{code}} {{count}} {{tags}} {{note}} {{{note}}} {{note | upper}}', variables => '[
  {"name": "code", "pattern": "[A-Z]{2}-\\d+", "required": true, "example": "NW-1"},
  {"name": "count", "type": "integer", "min": 1, "max": 10, "coerce": true, "default": 1},
  {"name": "tags", "type": "array", "max": 2, "default": []},
  {"name": "note", "min": 1, "max": 8, "filter": "trim | xml", "trusted": false}]');
SELECT prompt_render('variables/rules', 'latest', vars => '{"code": "NW-204", "count": "7", "tags": ["a"], "note": " <ä> "}');
CALL test.fails($$SELECT prompt_render('variables/rules', 'latest', vars => '{"code": "nw-204", "count": "11", "tags": [1, 2, 3], "note": "123456789"}')$$);
CALL test.fails($$SELECT prompt_render('variables/rules', 'latest', vars => '{"count": "many", "tags": {}, "note": ""}')$$);
CALL test.fails($$SELECT prompt_render('variables/rules', 'latest', vars => jsonb_build_object('code', repeat('x', 1000000)))$$);
SELECT * FROM test.errors_of($$SELECT prompt_commit('variables/b', '{{a}}', variables => %L)$$,
  '[{"name": "a", "pattern": "("}]', '[{"name": "a", "pattern": 1}]', '[{"name": "a", "type": "number", "pattern": "x"}]',
  '[{"name": "a", "min": 3, "max": 2}]', '[{"name": "a", "min": 0.5}]', '[{"name": "a", "type": "boolean", "max": 1}]',
  '[{"name": "a", "filter": "xlm"}]', '[{"name": "a", "filter": "truncate"}]', '[{"name": "a", "trusted": 1}]', '[{"name": "a", "coerce": 1}]',
  '[{"name": "a", "max": 2, "default": "abc"}]', '[{"name": "a", "pattern": "[a-z]+", "example": "A"}]');

-- A pattern is compiled once with its version, and what it takes counts for the cache's bound.
SELECT prompt_render('variables/rules', 'latest', vars => '{"code": "NW-1"}') IS NOT NULL AS rendered;
SET promptreg.cache_size = '64kB';
SELECT bool_and(prompt_render('variables/rules', 'latest', vars => '{"code": "NW-1"}') LIKE 'NW-1%') AS rendered FROM generate_series(1, 100);
SELECT (prompt_explain('variables/b', 'latest') -> 'cache' -> 'bytes')::int <= 65536 AS bounded;
RESET promptreg.cache_size;

-- Within a section over a plain value there is nothing but variables; what is not declared is not seen.
CALL test.fails($$SELECT prompt_commit('variables/b', '{{#vip}}{{nmae}}{{/vip}}', variables => '[{"name": "vip", "type": "boolean"}, {"name": "name"}]')$$);
SELECT prompt_commit('variables/b', '{{#l}}{{x}},{{/l}}', variables => '[{"name": "l", "type": "array"}]');
SELECT prompt_render('variables/b', 'latest', vars => '{"l": [{"x": 1}, {}], "x": 2}');

-- Variables that a prompt does not have.
SET promptreg.unknown_variables = 'error';
SELECT prompt_render('variables/rules', 'latest', vars => '{"code": "NW-1"}') IS NOT NULL AS rendered;
CALL test.fails($$SELECT prompt_render('variables/rules', 'latest', vars => '{"code": "NW-1", "coutn": 2, "": 1, "zzzzzzzz": null}')$$);
CALL test.fails($$SELECT prompt_render('variables/rules', 'latest', vars => '{"code": "NW-1", "coutn": 2}')$$);
CALL test.fails($$SELECT prompt_render('variables/rules', 'latest', vars => '{"cod": "NW-1"}')$$);
-- Those that were inferred hold, too; a bare template takes anything.
SELECT prompt_commit('variables/b', '{{a}} {{#l}}{{x}}{{/l}}');
SELECT prompt_render('variables/b', 'latest', vars => '{"a": 1, "x": 2, "l": 3}');
CALL test.fails($$SELECT prompt_render('variables/b', 'latest', vars => '{"b": 1}')$$);
SELECT prompt_render_template('{{a}}', '{"b": 1}');
SET promptreg.unknown_variables = 'warn';
SELECT prompt_render('variables/b', 'latest', vars => '{"b": 1}');
SET promptreg.unknown_variables = 'none';
RESET promptreg.unknown_variables;

-- The variables of a version.
SELECT * FROM prompt_variables('variables/rules');
SELECT name, type, nullable, "values", description, used, source FROM prompt_variables('variables/a', 1);
SELECT name, type, used, source, snippet FROM prompt_variables('variables/b');
-- Those of snippets count, with where they come from; so do placeholders.
SELECT prompt_register('variables/tone', '{{tone}} {{#words}}{{word}}{{/words}} {{question}}',
  variables => '[{"name": "tone", "type": "enum", "values": ["kind", "brief"], "required": true}, {"name": "words", "type": "array"}, {"name": "question"}]');
SELECT prompt_register('variables/name', 'I am {{name}}, {{question}}.');
SELECT prompt_create('variables/chat', kind => 'chat');
SELECT prompt_commit('variables/chat', messages => '[{"role": "user", "content": "{{> variables/tone}} {{> variables/name@1}}"},
  {"type": "placeholder", "name": "history"}, {"type": "placeholder", "name": "more", "required": false}, {"role": "user", "content": "{{own}} {{#words}}{{w}}{{/words}}"}]');
SELECT name, type, required, "values", used, source, snippet FROM prompt_variables('variables/chat');
SELECT prompt_commit('variables/chat', messages => '[{"role": "user", "content": "{{> variables/tone}}"}]', variables => '[{"name": "question", "required": true}]');
SELECT name, type, required, used, source, snippet FROM prompt_variables('variables/chat');
-- A snippet's newer version changes them.
SELECT prompt_commit('variables/tone', '{{tone}} {{question}}', variables => '[{"name": "tone", "default": "kind"}, {"name": "question"}]');
SELECT name, type, "default", source, snippet FROM prompt_variables('variables/chat');
-- They are what a chat prompt knows, and nothing else.
SET promptreg.unknown_variables = 'error';
SELECT prompt_messages('variables/chat', 'latest', vars => '{"tone": "x", "question": "y"}');
CALL test.fails($$SELECT prompt_messages('variables/chat', 'latest', vars => '{"tone": "x", "question": "y", "tine": "z", "history": []}')$$);
SELECT prompt_commit('variables/chat', messages => '[{"type": "placeholder", "name": "history"}, {"role": "user", "content": "{{> variables/name}}"}]');
SELECT prompt_messages('variables/chat', 'latest', vars => '{"history": [], "name": "a", "question": "b"}');
CALL test.fails($$SELECT prompt_resolve('variables/chat', 'latest', vars => '{"histroy": [], "history": []}')$$);
CALL test.fails($$SELECT prompt_spans('variables/chat', 'latest', vars => '{"x": 1, "history": []}')$$);
CALL test.fails($$SELECT prompt_request('variables/chat', 'latest', vars => '{"x": 1, "history": []}')$$);
SET promptreg.unknown_variables = 'warn';
SELECT prompt_messages('variables/chat', 'latest', vars => '{"x": 1, "history": []}');
RESET promptreg.unknown_variables;
CALL test.fails($$SELECT * FROM prompt_variables('variables/b', 99)$$);
CALL test.fails($$SELECT * FROM prompt_variables('variables/none')$$);
SELECT prompt_create('variables/empty');
CALL test.fails($$SELECT * FROM prompt_variables('variables/empty')$$);

-- All that is wrong is named, also where that is much.
CREATE FUNCTION test.problems(statement text) RETURNS TABLE (message text, lines bigint, first text, last text) LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE statement;
EXCEPTION WHEN SQLSTATE 'PR010' OR SQLSTATE 'PR011' OR SQLSTATE 'PR013' THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN QUERY SELECT sqlerrm, count(*), (array_agg(l ORDER BY n))[1], (array_agg(l ORDER BY n DESC))[1]
    FROM string_to_table(detail, E'\n') WITH ORDINALITY AS t (l, n);
END;
$$;
SELECT prompt_register('variables/many', (SELECT string_agg(format('{{customer_field_%s}}', i), ' ') FROM generate_series(1, 1000) i),
  variables => (SELECT jsonb_agg(jsonb_build_object('name', format('customer_field_%s', i), 'required', true, 'max', 5)) FROM generate_series(1, 1000) i));
SELECT * FROM test.problems($$SELECT prompt_render('variables/many', 'latest')$$);
SELECT * FROM test.problems($$SELECT prompt_render('variables/many', 'latest', vars => (SELECT jsonb_object_agg(format('customer_field_%s', i), 'this is too long') FROM generate_series(1, 1000) i))$$);
SELECT prompt_register('variables/inferred_names', 'Hello {{name}}');
SET promptreg.unknown_variables = 'error';
SELECT message, lines, right(last, 30) FROM test.problems($$SELECT prompt_render('variables/inferred_names', 'latest', vars => (SELECT jsonb_object_agg(format('unknown_field_%s', i), 1) FROM generate_series(1, 1000) i))$$);
RESET promptreg.unknown_variables;

-- With the snippets of an environment: what production serves can be listed, whatever is newer.
SELECT prompt_register('variables/style', '{{style}}');
SELECT prompt_register('variables/styled', 'Write {{> variables/style}}.', variables => '[{"name": "style"}]');
SELECT (prompt_promote('variables/style', 1, 'production')).version, (prompt_promote('variables/styled', 1, 'production')).version;
SELECT prompt_commit('variables/style', '{{style}} {{more}}');
SELECT name, source FROM prompt_variables('variables/styled', env => 'production');
SELECT name, source FROM prompt_variables('variables/styled', 1, 'production');
SELECT count(*) FROM prompt_lint('variables/styled', env => 'production');
CALL test.fails($$SELECT * FROM prompt_variables('variables/styled')$$);
CALL test.fails($$SELECT * FROM prompt_lint('variables/styled')$$);
CALL test.fails($$SELECT * FROM prompt_variables('variables/styled', env => 'staging')$$);
CALL test.fails($$SELECT * FROM prompt_variables('variables/styled', env => 'nowhere')$$);
CALL test.fails($$SELECT * FROM prompt_lint('variables/styled', 1, 'nowhere')$$);
CALL test.fails($$SELECT * FROM prompt_lint('variables/styled', 2, 'production')$$);
