-- Prompts: creating, naming, archiving, renaming.

SELECT prompt_create('prompts/a', 'Answers questions', tags => '{faq,help}', team => 'support');
SELECT prompt_create(name => 'prompts/chat', kind => 'chat');
SELECT prompt_create('Prompts/A');

SELECT name, kind, description, tags, team, head_version, created_by = current_user AS mine, archived_at
  FROM promptreg.prompts WHERE name ILIKE 'prompts/%' ORDER BY name COLLATE "C";

-- Names are what they are: quotes, slashes, emoji, SQL, accents in one character or two; up to 200 characters.
CREATE TEMPORARY TABLE odd (name text);
INSERT INTO odd VALUES ('it''s "quoted"'), ('🦄/żółw/名前'), ('x''; DROP TABLE promptreg.prompts; --'), ('a/b/c/d/e/f'), ('100%_\'), ('*'), ('$1'),
  (E'e\u0301'), (E'\u00e9'), ('null'), ('{"json": 1}'), (repeat('n', 200)), (repeat('ł', 200));
SELECT count(prompt_create(name)) AS created FROM odd;
SELECT sum(prompt_commit(name, 'text of ' || name, syntax => 'none')) AS committed FROM odd;
SELECT sum((prompt_promote(name, 1, 'production')).version) AS promoted FROM odd;
SELECT count(*) AS resolved
  FROM odd, prompt_resolve(odd.name) r, prompt_get(odd.name) g, prompt_explain(odd.name) e
 WHERE r.prompt = odd.name AND r.text = 'text of ' || odd.name AND g.prompt = odd.name AND e ->> 'prompt' = odd.name;

-- What is no name.
CALL test.fails($$SELECT prompt_create('')$$);
CALL test.fails($$SELECT prompt_create(NULL)$$);
SELECT left(error, 70) AS error, char_length(error) AS length
  FROM test.errors_of('SELECT prompt_create(%L)', repeat('n', 201), repeat('ł', 100000));
SELECT error FROM test.errors_of('SELECT prompt_create(%L)', ' a', 'a ', E'\u00a0', E'a\nb', E'a\tb', E'a\x01b', E'a\x7fb', '/a', 'a/',
                                 'a//b', '/');

-- Twice, and other arguments that are not valid.
CALL test.fails($$SELECT prompt_create('prompts/a')$$);
CALL test.fails($$SELECT prompt_create('prompts/b', kind => 'image')$$);
CALL test.fails($$SELECT prompt_create('prompts/b', kind => NULL)$$);
SELECT prompt_create('prompts/tags', tags => NULL), prompt_create('prompts/tags2', tags => '{a,NULL,b}');
SELECT name, tags FROM promptreg.prompts WHERE name LIKE 'prompts/tags%' ORDER BY 1;

-- A failed creation leaves nothing behind.
SELECT count(*) FROM promptreg.prompts WHERE name = 'prompts/b';
SELECT count(*) FROM promptreg.names WHERE name = 'prompts/b';

-- Archiving: not while it is served anywhere.
SELECT prompt_commit('prompts/a', 'Hello');
SELECT (prompt_promote('prompts/a', 1, 'staging')).version, (prompt_promote('prompts/a', 1, 'development')).version;
CALL test.fails($$SELECT prompt_archive('prompts/a')$$);
SELECT (prompt_retire('prompts/a', 'staging')).version;
CALL test.fails($$SELECT prompt_archive('prompts/a')$$);
SELECT (prompt_retire('prompts/a', 'development')).version;
SELECT prompt_archive('prompts/a', 'replaced');
SELECT prompt_archive('prompts/a');
SELECT archived_at IS NOT NULL AS archived FROM promptreg.prompts WHERE name = 'prompts/a';

-- An archived prompt can be read and refuses changes.
SELECT version, template FROM prompt_get('prompts/a');
SELECT prompt_render_version('prompts/a', 1);
CALL test.fails($$SELECT prompt_commit('prompts/a', 'x')$$);
CALL test.fails($$SELECT prompt_register('prompts/a', 'x')$$);
CALL test.fails($$SELECT prompt_promote('prompts/a', 1, 'production')$$);
CALL test.fails($$SELECT prompt_rollback('prompts/a', 'staging')$$);
CALL test.fails($$SELECT prompt_rename('prompts/a', 'prompts/z')$$);
CALL test.fails($$SELECT prompt_experiment_start('prompts/a', 'staging', '[]')$$);
CALL test.fails($$SELECT prompt_create('prompts/a')$$);
SELECT * FROM prompt_promotable('prompts/a', 1, 'production');
SELECT prompt FROM prompt_list(folder => 'prompts');
SELECT prompt, archived_at IS NOT NULL AS archived FROM prompt_list(folder => 'prompts', archived => true);

SELECT prompt_unarchive('prompts/a', 'needed after all');
SELECT prompt_unarchive('prompts/a');
SELECT prompt_commit('prompts/a', 'Hello again');
CALL test.fails($$SELECT prompt_archive('prompts/no-such-name-here')$$);
CALL test.fails($$SELECT prompt_unarchive('prompts/no-such-name-here')$$);
CALL test.fails($$SELECT prompt_archive(NULL)$$);
CALL test.fails($$SELECT prompt_unarchive('')$$);

-- Only what changed something is recorded.
SELECT event, environment, version, reason, after - '{chain_hash,content_hash,salt}'::text[] AS after
  FROM promptreg.audit_log WHERE prompt = 'prompts/a' ORDER BY id;

-- Renaming adds a name; the old one goes on working, and history keeps it.
SELECT (prompt_promote('prompts/a', 2, 'production')).version;
SELECT prompt_rename('prompts/a', 'prompts/new', 'clearer');
SELECT prompt_rename('prompts/new', 'prompts/newer');
SELECT name, prompt, version, text FROM (VALUES ('prompts/a'), ('prompts/new'), ('prompts/newer')) AS names (name),
  prompt_resolve(name);
SELECT prompt, version FROM prompt_get('prompts/newer');
SELECT prompt_commit('prompts/new', 'Third'), prompt_register('prompts/newer', 'Third');
SELECT prompt, version, previous FROM prompt_promote('prompts/newer', 3, 'production');
SELECT prompt_render('prompts/a'), prompt_render('prompts/new'), prompt_render('prompts/newer');
SELECT prompt, aliases FROM prompt_list(folder => 'prompts') WHERE aliases <> '{}';
SELECT name FROM promptreg.prompts WHERE name LIKE 'prompts/new%';

-- A name belongs to one prompt.
CALL test.fails($$SELECT prompt_rename('prompts/a', 'prompts/chat')$$);
CALL test.fails($$SELECT prompt_rename('prompts/a', 'prompts/a')$$);
CALL test.fails($$SELECT prompt_rename('prompts/chat', 'prompts/new')$$);
CALL test.fails($$SELECT prompt_create('prompts/new')$$);
CALL test.fails($$SELECT prompt_rename('prompts/a', '')$$);
CALL test.fails($$SELECT prompt_rename('prompts/a', NULL)$$);
CALL test.fails($$SELECT prompt_rename('prompts/no-such-name-here', 'prompts/x')$$);

-- The tables refuse what the functions refuse.
CALL test.fails($$INSERT INTO promptreg.names (name, prompt_id, created_by, created_at) VALUES ('', 1, 'x', 'epoch')$$);
CALL test.fails($$INSERT INTO promptreg.prompts (name, kind, created_by, created_at) VALUES ('prompts/a', 'text', 'x', now())$$);
CALL test.fails($$UPDATE promptreg.prompts SET name = 'prompts/y' WHERE name = 'prompts/a'$$);
CALL test.fails($$UPDATE promptreg.prompts SET kind = 'chat', created_by = 'me' WHERE name = 'prompts/a'$$);
CALL test.fails($$DELETE FROM promptreg.prompts WHERE name = 'prompts/a'$$);
