-- Snippets: text prompts that other prompts insert.
SELECT prompt_register('snip/tone', 'Be {{style}}.');
SELECT prompt_register('snip/user', 'Hello {{name}}. {{> snip/tone}}');

-- A snippet is served where the prompt that uses it is.
CALL test.fails($$SELECT prompt_promote('snip/user', 1, 'production')$$);
SELECT condition, detail, hint FROM prompt_promotable('snip/user', 1, 'production');
SELECT version, previous FROM prompt_promote('snip/tone', 1, 'production');
SELECT version, previous FROM prompt_promote('snip/user', 1, 'production');
SELECT prompt_render('snip/user', vars => '{"name": "Ada", "style": "kind"}');

-- Its variables are variables of the prompt; promoting it changes the prompt at once.
SELECT prompt_commit('snip/tone', 'Be {{style}} and {{length}}.');
SELECT version FROM prompt_promote('snip/tone', 2, 'production');
SELECT prompt_render('snip/user', vars => '{"name": "Ada", "style": "kind", "length": "short"}');
SELECT prompt_explain('snip/user', vars => '{"name": "Ada", "style": "kind", "colour": "red"}') #- '{cache}';

-- The own transaction's changes count, and count no more once they are undone.
BEGIN;
SAVEPOINT before;
SELECT version FROM prompt_rollback('snip/tone', 'production');
SELECT prompt_render('snip/user', vars => '{"name": "Ada", "style": "kind"}'), prompt_snippets('snip/user');
ROLLBACK TO before;
SELECT prompt_render('snip/user', vars => '{"name": "Ada", "style": "kind"}'), prompt_snippets('snip/user');
COMMIT;
SELECT prompt_render('snip/user', vars => '{"name": "Ada", "style": "kind"}'), prompt_snippets('snip/user');

-- Pinned, of an environment, of several levels, with other syntaxes, in chat messages, as parents.
SELECT prompt_register('snip/json', 'Answer as {"tone": {{style}}}', syntax => 'none');
SELECT prompt_register('snip/python', 'As {style} {{literally}}', syntax => 'fstring');
SELECT (prompt_promote('snip/json', 1, e)).version, (prompt_promote('snip/python', 1, e)).version FROM unnest('{staging,production}'::text[]) AS e;
SELECT prompt_register('snip/parent', '[{{$body}}nothing{{/body}}]');
SELECT prompt_register('snip/mixed', E'{{> snip/tone@1}}\n{{> snip/tone@production}}\n{{> snip/json}}\n{{> snip/python}}\n{{<snip/parent@1}}{{$body}}{{> snip/user@1}}{{/body}}{{/snip/parent@1}}');
CALL test.fails($$SELECT prompt_promote('snip/mixed', 1, 'staging')$$);
SELECT version FROM prompt_promote('snip/tone', 1, 'staging');
SELECT version FROM prompt_promote('snip/mixed', 1, 'staging');
SELECT version FROM prompt_promote('snip/mixed', 1, 'production');
SELECT e, prompt_snippets('snip/mixed', e), prompt_render('snip/mixed', e, vars => '{"name": "Ada", "style": "kind", "length": "short"}')
  FROM unnest('{staging,production}'::text[]) AS e;
SELECT prompt_create('snip/chat', kind => 'chat');
SELECT prompt_commit('snip/chat', messages => '[{"role": "system", "content": "{{> snip/tone}}"}, {"role": "user", "content": "{{> snip/user@1}}"}]');
SELECT version FROM prompt_promote('snip/chat', 1, 'production');
SELECT prompt_messages('snip/chat', vars => '{"name": "Ada", "style": "{{> snip/tone}}", "length": "short"}');

-- latest follows latest.
SELECT prompt_commit('snip/tone', 'Draft for {{style}}.');
SELECT prompt_render('snip/user', 'latest', vars => '{"style": "none"}'), prompt_snippets('snip/user', 'latest');
SELECT prompt_render('snip/user', vars => '{"style": "none"}');

-- A past rendering is made again from the numbers.
CALL test.fails($$SELECT prompt_render_version('snip/user', 1, '{"name": "Ada", "style": "kind"}')$$);
SELECT prompt_render_version('snip/user', 1, '{"name": "Ada", "style": "kind"}', '{"snip/tone": 1}');
SELECT prompt_render_version('snip/mixed', 1, '{"name": "Ada", "style": "kind", "length": "short"}', prompt_snippets('snip/mixed', 'staging'))
     = prompt_render('snip/mixed', 'staging', vars => '{"name": "Ada", "style": "kind", "length": "short"}') AS same;
CALL test.fails($$SELECT prompt_render_version('snip/mixed', 1, '{}', '{"snip/tone": 9, "snip/json": "one", "other": 1}')$$);
CALL test.fails($$SELECT prompt_render_version('snip/user', 1, '{}', '[]')$$);
CALL test.fails($$SELECT prompt_render_version('snip/tone', 1, '{}', '{"snip/user": 1}')$$);
SELECT prompt_render_version('snip/tone', 1, '{"style": "x"}');

-- What is refused at commit.
CALL test.fails($$SELECT prompt_commit('snip/user', E'one\n two {{> snip/absent}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/tone@9}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/tone@nowhere}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/tone@latest}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/tone@development}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/chat}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/tone', '{{> snip/user}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/tone', '{{> snip/tone}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/chat', messages => '[{"role": "user", "content": "a"}, {"role": "user", "content": "{{> snip/no}}"}]')$$);
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/tone}}', variables => '[{"name": "length"}]')$$);
SELECT prompt_create('snip/empty');
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/empty}}')$$);
SET promptreg.max_snippet_depth = 1;
CALL test.fails($$SELECT prompt_commit('snip/mixed', '{{> snip/user}}')$$);
RESET promptreg.max_snippet_depth;
SELECT head_version FROM promptreg.prompts WHERE name IN ('snip/user', 'snip/tone', 'snip/chat') ORDER BY name;
SELECT count(*) FROM promptreg.snippet_uses u JOIN promptreg.prompts p ON p.id = u.prompt_id WHERE p.name = 'snip/user';

-- Recursion goes through a section.
SELECT prompt_register('snip/tree', '{{value}}{{#children}}({{> snip/tree}}){{/children}}');
SELECT version FROM prompt_promote('snip/tree', 1, 'production');
SELECT prompt_render('snip/tree', vars => '{"value": 1, "children": [{"value": 2, "children": []}, {"value": 3, "children": [{"value": 4, "children": []}]}]}');
SELECT prompt_commit('snip/tree', '{{value}}{{#children}}[{{> snip/tree}}]{{/children}}');
SELECT version FROM prompt_promote('snip/tree', 2, 'production');
SELECT prompt_render('snip/tree', vars => '{"value": 1, "children": [{"value": 2, "children": []}]}');
SELECT version FROM prompt_rollback('snip/tree', 'production');
SELECT version FROM prompt_retire('snip/tree', 'production');

-- Dynamic names come from a declared enum, all of whose values are uses.
CALL test.fails($$SELECT prompt_register('snip/dynamic', '{{>*which}}')$$);
CALL test.fails($$SELECT prompt_register('snip/dynamic', '{{>*which}}', variables => '[{"name": "which"}]')$$);
CALL test.fails($$SELECT prompt_register('snip/dynamic', '{{>*which}}', variables => '[{"name": "which", "type": "enum", "values": ["snip/json", "snip/absent"]}]')$$);
SELECT prompt_register('snip/dynamic', 'a {{>*which}} {{> snip/json@1}}', variables => '[{"name": "which", "type": "enum", "values": ["snip/json", "snip/python@1"]}, {"name": "style"}]');
SELECT version FROM prompt_promote('snip/dynamic', 1, 'production');
SELECT prompt_render('snip/dynamic', vars => '{"which": "snip/python@1", "style": "x"}'), prompt_snippets('snip/dynamic');
CALL test.fails($$SELECT prompt_render('snip/dynamic', vars => '{"which": "snip/tone"}')$$);

-- Declarations: the prompt's own come first, then those of its snippets; what no declaration has is inferred where the
-- prompt declares nothing.
SELECT prompt_register('snip/declared', '{{level}} {{#on}}on{{/on}}', variables => '[{"name": "level", "type": "enum", "values": ["low", "high"], "required": true}, {"name": "on", "type": "boolean", "default": true}]');
SELECT version FROM prompt_promote('snip/declared', 1, 'production');
SELECT prompt_register('snip/inferring', '{{> snip/declared}} {{more}}');
SELECT prompt_register('snip/declaring', '{{> snip/declared}} {{more}}', variables => '[{"name": "more", "required": true}, {"name": "level", "default": "middle"}]');
SELECT (prompt_promote(n, 1, 'production')).version FROM unnest('{snip/inferring,snip/declaring}'::text[]) AS n;
CALL test.fails($$SELECT prompt_render('snip/inferring')$$);
CALL test.fails($$SELECT prompt_render('snip/inferring', vars => '{"level": "middle", "on": 1}')$$);
SELECT prompt_render('snip/inferring', vars => '{"level": "low", "more": "m"}'), prompt_render('snip/declaring', vars => '{"more": "m", "on": false}');
SELECT prompt_register('snip/declared2', '{{level}}', variables => '[{"name": "level", "type": "integer"}]');
CALL test.fails($$SELECT prompt_commit('snip/inferring', '{{> snip/declared2}} {{> snip/declared}}')$$);
SELECT prompt_commit('snip/declaring', '{{> snip/declared2}} {{> snip/declared}}', variables => '[{"name": "level"}]');

-- A change that would break a user is refused, with the user named, whatever the way.
SELECT prompt_commit('snip/declared', '{{level}} {{fresh}}', variables => NULL);
CALL test.fails($$SELECT prompt_promote('snip/declared', 2, 'production')$$);
SELECT condition, detail FROM prompt_promotable('snip/declared', 2, 'production');
SELECT prompt_register('snip/late', '{{style}}');
SELECT prompt_commit('snip/late', 'x{{> snip/user@1}}');
SELECT prompt_commit('snip/late', '{{#style}}{{style}}!{{/style}}');
SELECT prompt_commit('snip/tone', '{{> snip/late}}');
CALL test.fails($$SELECT prompt_promote('snip/tone', 4, 'production')$$);
SELECT (prompt_promote('snip/late', 1, e)).version FROM unnest('{staging,production}'::text[]) AS e;
SELECT version FROM prompt_promote('snip/tone', 4, 'production');
CALL test.fails($$SELECT prompt_promote('snip/late', 2, 'production')$$);
SELECT version FROM prompt_promote('snip/late', 3, 'production');
SELECT prompt_render('snip/user', vars => '{"name": "Ada", "style": "kind"}'), prompt_snippets('snip/user');
CALL test.fails($$SELECT prompt_retire('snip/late', 'production')$$);
SELECT version FROM prompt_rollback('snip/tone', 'production');
SELECT version FROM prompt_retire('snip/late', 'production');
CALL test.fails($$SELECT prompt_rollback('snip/tone', 'production', to_version => 4)$$);

-- Taken away is what nobody uses.
CALL test.fails($$SELECT prompt_retire('snip/tone', 'production')$$);
CALL test.fails($$SELECT prompt_retire('snip/tone', 'staging')$$);
CALL test.fails($$SELECT prompt_archive('snip/parent')$$);
SELECT version FROM prompt_retire('snip/mixed', 'staging');
SELECT version FROM prompt_retire('snip/tone', 'staging');
SELECT version FROM prompt_retire('snip/mixed', 'production');
CALL test.fails($$SELECT prompt_archive('snip/parent')$$);
SELECT prompt_archive('snip/mixed');
SELECT prompt_archive('snip/parent');
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/parent}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/parent@1}}')$$);

-- Experiments: versions with other snippets; a version that cannot be rendered is no variant.
SELECT prompt_commit('snip/user', 'B: {{> snip/tone@1}}');
SELECT prompt_commit('snip/user', 'C: {{> snip/late}}');
CALL test.fails($$SELECT prompt_experiment_start('snip/user', 'production', '[{"key": "a", "version": 1, "weight": 1}, {"key": "c", "version": 3, "weight": 1}]', key => 'snip')$$);
SELECT prompt_experiment_start('snip/user', 'production', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'snip');
SELECT variant, prompt_snippets('snip/user', user_id => u::text), min(text), count(*) > 10 AS many
  FROM generate_series(1, 100) AS u, prompt_resolve('snip/user', user_id => u::text, vars => '{"style": "kind"}') GROUP BY 1, 2 ORDER BY 1;
CALL test.fails($$SELECT prompt_archive('snip/tone')$$);
SELECT prompt_experiment_stop('snip');

-- A renamed snippet answers to both names.
SELECT prompt_rename('snip/tone', 'snip/voice');
SELECT prompt_commit('snip/user', 'D: {{> snip/voice}}');
SELECT version FROM prompt_promote('snip/user', 4, 'production');
SELECT prompt_render('snip/user', vars => '{"style": "kind"}'), prompt_snippets('snip/user');

-- Who uses what.
SELECT * FROM promptreg.snippet_graph WHERE prompt LIKE 'snip/%' AND snippet IN ('snip/tone', 'snip/declared') ORDER BY prompt, version, reference, environment, snippet;
SELECT p.name, u.version, u.reference, s.name AS snippet, u.snippet_version, u.environment
  FROM promptreg.snippet_uses u JOIN promptreg.prompts p ON p.id = u.prompt_id JOIN promptreg.prompts s ON s.id = u.snippet_id
 WHERE p.name = 'snip/mixed' ORDER BY u.reference;

-- Rights: to use a snippet takes the right to read it; to resolve a prompt takes none on its snippets.
CREATE ROLE regress_snip_app;
CREATE ROLE regress_snip_author;
SELECT prompt_grant('snip/user', 'resolve', 'regress_snip_app', env => 'production');
SELECT prompt_grant('snip/user', 'author', 'regress_snip_author'), prompt_grant('snip/user', 'read', 'regress_snip_author');
SET ROLE regress_snip_app;
SELECT prompt_render('snip/user', vars => '{"style": "kind"}'), prompt_snippets('snip/user');
CALL test.fails($$SELECT prompt_render('snip/tone')$$);
CALL test.fails($$SELECT prompt_snippets('snip/tone')$$);
CALL test.fails($$SELECT prompt_render_version('snip/user', 1, '{}', '{"snip/tone": 1}')$$);
CALL test.fails($$SELECT * FROM promptreg.snippet_uses$$);
SET ROLE regress_snip_author;
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/tone}}')$$);
CALL test.fails($$SELECT prompt_commit('snip/user', '{{> snip/absent}}')$$);
-- What was served before is known to who may read the prompt; a draft is not.
SELECT prompt_render_version('snip/user', 1, '{"style": "kind"}', '{"snip/tone": 2}');
CALL test.fails($$SELECT prompt_render_version('snip/user', 1, '{}', '{"snip/tone": 3}')$$);
RESET ROLE;
GRANT USAGE ON SCHEMA promptreg TO regress_snip_author;
GRANT SELECT ON promptreg.snippet_uses, promptreg.snippet_graph, promptreg.prompts, promptreg.routes, promptreg.variants, promptreg.experiments, promptreg.weights TO regress_snip_author;
SET ROLE regress_snip_author;
SELECT count(*) > 0 AS own, bool_and(p.name = 'snip/user') AS own_only FROM promptreg.snippet_uses u JOIN promptreg.prompts p ON p.id = u.prompt_id;
SELECT count(*) FROM promptreg.snippet_graph;
RESET ROLE;
REVOKE ALL ON SCHEMA promptreg FROM regress_snip_author;
REVOKE ALL ON promptreg.snippet_uses, promptreg.snippet_graph, promptreg.prompts, promptreg.routes, promptreg.variants, promptreg.experiments, promptreg.weights FROM regress_snip_author;
SELECT prompt_revoke('snip/user', 'resolve', 'regress_snip_app', env => 'production'), prompt_revoke('snip/user', 'author', 'regress_snip_author'), prompt_revoke('snip/user', 'read', 'regress_snip_author');
DROP ROLE regress_snip_app, regress_snip_author;

-- The uses are history.
CALL test.fails($$UPDATE promptreg.snippet_uses SET reference = 'x'$$);
CALL test.fails($$DELETE FROM promptreg.snippet_uses$$);
CALL test.fails($$TRUNCATE promptreg.snippet_uses$$);
SELECT * FROM prompt_verify();
BEGIN;
ALTER TABLE promptreg.snippet_uses DISABLE TRIGGER append_only;
UPDATE promptreg.snippet_uses u SET snippet_version = 2 FROM promptreg.prompts p WHERE p.id = u.prompt_id AND p.name = 'snip/user' AND u.reference = 'snip/tone@1';
SELECT * FROM prompt_verify();
ROLLBACK;

-- Versions that are passed for what is pinned are those that it is pinned to.
SELECT prompt_register('snippets/pinned', 'one'), prompt_commit('snippets/pinned', 'two'), prompt_register('snippets/pins', '{{> snippets/pinned@1}}');
SELECT prompt_render_version('snippets/pins', 1, '{}'), prompt_render_version('snippets/pins', 1, '{}', '{"snippets/pinned@1": 1}');
CALL test.fails($$SELECT prompt_render_version('snippets/pins', 1, '{}', '{"snippets/pinned@1": 2}')$$);
CALL test.fails($$SELECT prompt_render_version('snippets/pins', 1, '{}', '{"snippets/pinned@1": "abc"}')$$);
