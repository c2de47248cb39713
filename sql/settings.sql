-- Settings, and the limits that they set.

SELECT prompt_render_template('the library is loaded');
SELECT name, setting, unit, context, vartype, min_val, max_val, boot_val FROM pg_settings WHERE name LIKE 'promptreg.%' ORDER BY name COLLATE "C";
SELECT name AS without_description FROM pg_settings WHERE name LIKE 'promptreg.%' AND coalesce(short_desc, '') = '';
-- A misspelt one is an error.
SET promptreg.cache_sizes = '1MB';
SELECT value, left(error, 5) AS error FROM test.errors_of('SET promptreg.cache_size = %L', '1kB', '5GB', 'much', '');

-- Anyone may bound the cache of the own session; the limits are for superusers.
CREATE ROLE regress_settings;
SET ROLE regress_settings;
SET promptreg.cache_size = '1MB';
SET promptreg.max_output_size = '1MB';
RESET ROLE;
RESET promptreg.cache_size;
DROP ROLE regress_settings;

SELECT prompt_create('settings/a');
SELECT prompt_commit('settings/a', repeat('{{#a}}', 3) || '{{x}}' || repeat('{{/a}}', 3));
-- Each limit has an error of its own.
SET promptreg.max_template_size = '1kB';
CALL test.fails($$SELECT prompt_commit('settings/a', repeat('x', 1025))$$);
SELECT prompt_commit('settings/a', repeat('x', 1024));
CALL test.fails($$SELECT prompt_render_template(repeat('x', 1025))$$);
RESET promptreg.max_template_size;
SET promptreg.max_nesting = 2;
CALL test.fails($$SELECT prompt_commit('settings/a', '{{#a}}{{#b}}{{#c}}x{{/c}}{{/b}}{{/a}}')$$);
SELECT prompt_commit('settings/a', '{{#a}}{{#b}}x{{/b}}{{/a}}');
RESET promptreg.max_nesting;
SET promptreg.max_snippet_depth = 2;
CALL test.fails($$SELECT prompt_render_template('{{> a}}', snippets => '{"a": "{{> b}}", "b": "{{> c}}", "c": "x"}')$$);
SELECT prompt_render_template('{{> a}}', snippets => '{"a": "{{> b}}", "b": "x"}');
RESET promptreg.max_snippet_depth;
SET promptreg.max_program_operations = 10;
CALL test.fails($$SELECT prompt_commit('settings/a', repeat('x{{y}}', 20))$$);
RESET promptreg.max_program_operations;
SET promptreg.max_render_operations = 100;
CALL test.fails($$SELECT prompt_render_template('{{#a}}{{/a}}', jsonb_build_object('a', (SELECT jsonb_agg(n) FROM generate_series(1, 200) AS n)))$$);
CALL test.fails($$SELECT prompt_render_template('{{#a}}{{#a}}{{#a}}x{{/a}}{{/a}}{{/a}}', '{"a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}')$$);
RESET promptreg.max_render_operations;
SET promptreg.max_output_size = '1kB';
CALL test.fails($$SELECT prompt_render_template('{{x}}', jsonb_build_object('x', repeat('x', 1025)))$$);
SELECT length(prompt_render_template('{{x}}', jsonb_build_object('x', repeat('x', 1024))));
RESET promptreg.max_output_size;
SET promptreg.max_json_depth = 3;
CALL test.fails($$SELECT prompt_render_template('{{x}}', '{"x": [[[[1]]]]}')$$);
SELECT prompt_render_template('{{x}}', '{"x": [[[1]]]}');
RESET promptreg.max_json_depth;

-- They hold at rendering for what was committed before.
SET promptreg.max_output_size = '1kB';
SELECT (prompt_promote('settings/a', 2, 'production')).version;
SELECT length(prompt_render('settings/a'));
CALL test.fails($$SELECT prompt_render_version('settings/a', 1, jsonb_build_object('a', true, 'x', repeat('x', 2000)))$$);
RESET promptreg.max_output_size;
-- A cache of any size changes no answer; the least that is allowed holds a few routes at least.
SELECT count(prompt_register('settings/many/' || n, 'text ' || n || repeat('x', 2000))) FROM generate_series(1, 200) AS n;
SELECT count(prompt_promote('settings/many/' || n, 1, 'production')) FROM generate_series(1, 200) AS n;
SET promptreg.cache_size = '64kB';
SELECT count(*) FILTER (WHERE prompt_render('settings/many/' || n % 200 + 1) = 'text ' || n % 200 + 1 || repeat('x', 2000)) AS right FROM generate_series(1, 600) AS n;
SELECT (c ->> 'bytes')::integer <= 2 * 65536 AS bounded, (c ->> 'routes')::integer < 200 AS evicted FROM (SELECT prompt_explain('settings/a') -> 'cache' AS c) AS x;
RESET promptreg.cache_size;
SELECT count(*) FILTER (WHERE prompt_render('settings/many/' || n % 200 + 1) = 'text ' || n % 200 + 1 || repeat('x', 2000)) AS right FROM generate_series(1, 600) AS n;
SELECT (c ->> 'routes')::integer >= 200 AS kept FROM (SELECT prompt_explain('settings/a') -> 'cache' AS c) AS x;

-- Planning for machine code costs more than what it could save here; the caller's setting is left alone.
CREATE FUNCTION test.show_jit() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE INFO 'jit is %', current_setting('jit'); RETURN NULL; END$$;
CREATE TRIGGER show_jit AFTER INSERT ON promptreg.deployments EXECUTE FUNCTION test.show_jit();
SET jit = on;
SELECT (prompt_promote('settings/a', 1, 'staging')).version;
SHOW jit;
CALL test.fails($$SELECT prompt_promote('settings/a', 9, 'staging')$$);
SHOW jit;
RESET jit;
DROP TRIGGER show_jit ON promptreg.deployments;
DROP FUNCTION test.show_jit;
