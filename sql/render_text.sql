-- prompt_render_text is prompt_render with variables that come as text: the same answers, the same errors.

SELECT prompt_register('render_text/all', '{{.}} a={{a}} {{#a}}<{{.}}>{{/a}} {{b.c}}'), prompt_register('render_text/declared', '{{name}} {{n}}',
         variables => '{"name": {"required": true, "pattern": "[A-Z].*"}, "n": {"type": "integer", "default": 7}}'),
       prompt_register('render_text/chat', messages => '[{"role": "user", "content": "{{q}}"}]');
SELECT count(prompt_promote('render_text/' || p, 1, 'production')) FROM unnest('{all,declared,chat}'::text[]) AS p;

-- By position, by name, with the defaults, as literals and as parameters without types.
SELECT prompt_render_text('render_text/all') AS defaults, prompt_render_text('render_text/all', 'latest', NULL, '{"a": 1.50}') AS by_position,
       prompt_render_text(vars => '{"a": [1e2]}', name => 'render_text/all') AS by_name, prompt_render_text('render_text/all', vars => NULL) AS nothing;
PREPARE as_text AS SELECT prompt_render_text($1, $2, $3, $4);
PREPARE as_jsonb AS SELECT prompt_render($1, $2, $3, $4);
SELECT name, parameter_types FROM pg_prepared_statements WHERE name LIKE 'as\_%' ORDER BY name;
EXECUTE as_text('render_text/all', 'production', 'u', '{"a": {"b": "x", "a": null}}');
EXECUTE as_jsonb('render_text/all', 'production', 'u', '{"a": {"b": "x", "a": null}}');
DEALLOCATE as_text;
DEALLOCATE as_jsonb;
SELECT left(test.error_of($$SELECT prompt_render_text('render_text/all', 'production', 'u', '{}'::jsonb)$$), 5) AS jsonb_is_no_text;

-- What either makes of a text: what is rendered, or everything that the error says, with where in the text it is.
CREATE FUNCTION test.rendered(function text, prompt text, vars text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  rendered text;
  message text;
  detail text;
  hint text;
  context text;
BEGIN
  EXECUTE format('SELECT %s($1, vars => $2::%s)', function, CASE function WHEN 'prompt_render' THEN 'jsonb' ELSE 'text' END) USING prompt, vars INTO rendered;
  RETURN rendered;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
  RETURN concat_ws(E'\n', SQLSTATE, message, detail, hint, split_part(context, 'SQL statement', 1));
END;
$$;
CREATE FUNCTION test.compared(prompt text, vars text) RETURNS TABLE (same boolean, result text) LANGUAGE sql BEGIN ATOMIC
  SELECT r.one = r.other, r.other
    FROM (SELECT test.rendered('prompt_render', compared.prompt, compared.vars) AS one, test.rendered('prompt_render_text', compared.prompt, compared.vars) AS other OFFSET 0) AS r;
END;

-- Numbers as jsonb stores them, the last of equal keys, the order of keys, escapes, white space.
SELECT vars, same, result
  FROM (VALUES ('{}'), (E' \t\r\n{ \n} '), ('{"a":1.50}'), ('{"a":1e2}'), ('{"a":-0}'), ('{"a":-0.0}'), ('{"a":0e5}'), ('{"a":0.00e1}'), ('{"a":12E-3}'), ('{"a":1E+3}'), ('{"a":-17}'),
               ('{"a":123456789012345678901234567890.12345678901234567890}'), ('{"a":1,"a":2}'), ('{"a":{"x":1,"x":{"y":1,"y":2}},"b":3,"a":[{"z":0,"z":1}]}'),
               ('{"\u0061":1,"a":2}'), ('{"a":1,"\u0061":2}'), ('{"ccc":1,"bb":2,"":3,"a":4,"ca":5}'), ('{"a":[true,false,null,"",[],{}]}'), ('{"b":{"c":"\"\\\/\b\f\n\r\t"}}'),
               ('{"a":"\u00e9\u20AC\ud83d\uDE00"}'), ('{"a":"\u0001\u001f\u007f"}'), ('{"a":"żółw 🦄"}'), ('{"żółw":"\u017c"}'), ('{"a":"{{a}}"}'), ('{"a":"<b>&\""}')) AS c (vars),
       test.compared('render_text/all', c.vars);

-- What is no JSON, or no jsonb, or not an object.
SELECT vars, same, left(result, 5) AS code
  FROM (VALUES (''), (' '), ('{'), ('}'), ('{"a"'), ('{"a":'), ('{"a":1'), ('{"a":1,'), ('{"a":1,}'), ('{,}'), ('{a:1}'), ('{''a'':1}'), ('{1:2}'), ('{"a" 1}'), ('{"a":1]'), ('{"a":[1}'), ('{"a":[1,]}'), ('{"a":[1 2]}'),
               ('{} {}'), ('{}x'), ('{"a":nul}'), ('{"a":nulll}'), ('{"a":True}'), ('{"a":NaN}'), ('{"a":Infinity}'), ('{"a":01}'), ('{"a":+1}'), ('{"a":1.}'), ('{"a":.5}'), ('{"a":-}'), ('{"a":1e}'), ('{"a":1e+}'),
               ('{"a":0x1}'), ('{"a":1_000}'), ('{"a":"x}'), ('{"a":"x\'), ('{"a":"\x"}'), ('{"a":"\u12"}'), ('{"a":"\u12g4"}'), ('{"a":"\u0000"}'), ('{"\u0000":1}'), ('{"a":"\ud800"}'), ('{"a":"\ud800x"}'),
               ('{"a":"\ud800\n"}'), ('{"a":"\ud800\ud800"}'), ('{"a":"\udc00"}'), (E'{"a":"\t"}'), (E'{"a":"\n"}'), (E'{"a":"\x01"}'), ('// x'), ('{/**/}'),
               ('{"a":1e131072}'), ('{"a":1e-16384}'), ('{"a":0e-16384}'), ('{"a":0e1073741822}'), ('{"a":0e2000000000}'), ('{"a":0e-2000000000}'), ('{"a":1e99999999999999999999}'),
               ('[]'), ('[{"a":1}]'), ('"a"'), ('1'), ('true'), ('null'), (' -1.5 ')) AS c (vars),
       test.compared('render_text/all', c.vars);
SELECT bool_and(same) AS same FROM unnest(ARRAY[E'\uFEFF{}', E'{\u00A0}', E'{}\uFEFF']) AS vars, test.compared('render_text/all', vars);
SELECT prompt_render_text('render_text/all', vars => '{"a":1e131071}') = prompt_render('render_text/all', vars => '{"a":1e131071}') AS greatest_number;

-- Each text with a byte left out, put in, or put in the place of another, wherever it is.
CREATE TEMP TABLE seeds (seed text);
INSERT INTO seeds VALUES ('{"a":[1,-2.50,1e3,0],"b":{"c":"x\n\u00e9\ud83d\ude00y","":null}}'), (' { "a" : true , "bb" : [ ] , "a" : false , "b" : { "c" : "ż" } } '),
                         ('{"a":"a long text, longer than what is looked at in one step, with a tab \t and more"}');
WITH mutated AS MATERIALIZED (
  SELECT DISTINCT left(s.seed, i - 1) || c.c || substr(s.seed, i + CASE WHEN c.replaces THEN 1 ELSE 0 END) AS vars
    FROM seeds s, generate_series(1, length(s.seed) + 1) AS i,
         (SELECT '' AS c, true AS replaces UNION ALL SELECT x, r FROM unnest(string_to_array('" \ { } [ ] , : 0 1 e - . u n 8 d', ' ') || ARRAY[' ', E'\n', E'\x1f', 'ż']) AS x, unnest('{t,f}'::boolean[]) AS r) AS c
)
SELECT count(*) > 5000 AS many, count(*) FILTER (WHERE b.result LIKE '22P02%') > 3000 AS refused, count(*) FILTER (WHERE b.result LIKE '{%') > 300 AS rendered,
       array_agg(m.vars ORDER BY m.vars) FILTER (WHERE b.same IS NOT TRUE) AS different
  FROM mutated m, test.compared('render_text/all', m.vars) AS b;
DROP TABLE seeds;

-- Many members, with equal keys and without; deep ones; large ones. What is larger or deeper than the fast reader takes is the server's.
SELECT what, same, substring(result FROM '^[0-9A-Z]{5}\M') AS code
  FROM (VALUES ('3,000 keys', (SELECT format('{%s}', string_agg(format('"%s":%s', i * 7919 % 3001, i), ',' ORDER BY i)) FROM generate_series(1, 3000) i)),
               ('5,000 keys, 100 different', (SELECT format('{%s}', string_agg(format('"k%s":[%s]', i * 31 % 100, i), ',' ORDER BY i)) FROM generate_series(1, 5000) i)),
               ('10,000 numbers', (SELECT format('{"a":[%s]}', string_agg(i::text, ',' ORDER BY i)) FROM generate_series(1, 10000) i)),
               ('escapes', format('{"a":"%s"}', repeat('\n\u00e9x', 20000))),
               ('60 deep', format('{"a":%s1%s}', repeat('[{"b":', 30), repeat('}]', 30))),
               ('900 deep', format('{"a":%s1%s}', repeat('[', 900), repeat(']', 900))),
               ('2,000 deep', format('{"a":%s1%s}', repeat('[', 2000), repeat(']', 2000))),
               ('2,000 deep and not closed', '{"a":' || repeat('[', 2000)),
               ('a million deep and not closed', '{"a":' || repeat('[', 1000000)),
               ('15 MB', format('{"b":{"c":"%s"}}', repeat('0123456789abcde', 1024 * 1024 / 2))),
               ('20 MB', format('{"b":{"c":"%s"}}', repeat('0123456789abcdefghij', 1024 * 1024))),
               ('20 MB of blanks', format('{"b":%s{"c":"x"}}', repeat('                    ', 1024 * 1024))),
               ('100,000 digits', format('{"a":%s}', repeat('9', 100000))),
               ('300,000 digits', format('{"a":%s}', repeat('9', 300000)))) AS c (what, vars),
       test.compared('render_text/all', c.vars);
SET promptreg.max_json_depth = 1000;
SELECT depth, same FROM unnest('{990,998,999,1001,2000}'::integer[]) AS depth, test.compared('render_text/all', format('{"a":%s1%s}', repeat('[', depth), repeat(']', depth)));
RESET promptreg.max_json_depth;

-- Declarations, unknown variables, another kind, another user, no such prompt, NULL: as there. The text is read first.
SELECT vars, same, result FROM unnest(ARRAY['{"name":"Ada"}', '{"name":"ada"}', '{}', '{"name":"Ada","n":"x"}', '{"name":"Ada","n":1.0}', '{"name":null}', '[]']) AS vars, test.compared('render_text/declared', vars);
SET promptreg.unknown_variables = 'error';
SELECT same, result FROM test.compared('render_text/declared', '{"name":"Ada","nmae":1}');
RESET promptreg.unknown_variables;
SELECT same, result FROM test.compared('render_text/chat', '{"q":1}');
SELECT same, result FROM test.compared('render_text/none', '{}');
SELECT same, left(result, 5) AS code FROM test.compared('render_text/none', '{');
CALL test.fails($$SELECT prompt_render_text(NULL)$$);
CALL test.fails($$SELECT prompt_render_text('render_text/all', NULL)$$);
CALL test.fails($$SELECT prompt_render_text('render_text/all', 'prodution')$$);
SELECT prompt_register('render_text/all', 'b {{a}}');
SELECT prompt_experiment_start('render_text/all', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'render-text');
SELECT count(*), count(DISTINCT left(prompt_render_text('render_text/all', 'production', 'u' || n, '{"a":1}'), 1)) AS versions,
       count(*) FILTER (WHERE prompt_render_text('render_text/all', 'production', 'u' || n, '{"a":1}') <> prompt_render('render_text/all', 'production', 'u' || n, '{"a":1}')) AS different
  FROM generate_series(1, 100) AS n;
SELECT prompt_experiment_stop('render-text');

-- Values of a table, stored in other ways than an argument: compressed, and out of line.
CREATE TEMP TABLE stored (vars text);
INSERT INTO stored SELECT jsonb_build_object('a', repeat('x', n), 'b', jsonb_build_object('c', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, n) i)))::text FROM unnest('{0,10,500,5000}'::integer[]) AS n;
SELECT count(*), bool_and(prompt_render_text('render_text/all', vars => vars) = prompt_render('render_text/all', vars => vars::jsonb)) AS same FROM stored;
DROP TABLE stored;
