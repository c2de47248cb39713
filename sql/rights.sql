-- Rights: what each allows, on which names, in which environments, and what those without them learn.

CREATE ROLE regress_app;
CREATE ROLE regress_reader;
CREATE ROLE regress_author;
CREATE ROLE regress_release;
CREATE ROLE regress_admin;
CREATE ROLE regress_team;
CREATE ROLE regress_member IN ROLE regress_team;
CREATE ROLE regress_distant NOINHERIT IN ROLE regress_team;
CREATE ROLE regress_nobody;

SELECT prompt_register('rights/a', 'A {{x}}'), prompt_register('rights/a', 'A2 {{x}}'), prompt_register('rights/sub/b', 'B'), prompt_register('rightsless', 'C');
SELECT (prompt_promote('rights/a', 1, 'production')).version, (prompt_promote('rights/a', 2, 'staging')).version,
       (prompt_promote('rights/sub/b', 1, 'production')).version, (prompt_promote('rightsless', 1, 'production')).version;
SELECT prompt_rename('rights/a', 'other/alias');

SELECT prompt_grant('rights/*', 'resolve', 'regress_app', 'production');
SELECT prompt_grant('rights/*', 'resolve', 'regress_app', env => 'production');
SELECT prompt_grant('rights/*', 'read', 'regress_reader'), prompt_grant('rights/*', 'author', 'regress_author'),
       prompt_grant('rights/*', 'release', 'regress_release', 'staging'), prompt_grant('rights/*', 'admin', 'regress_admin'),
       prompt_grant('rights/sub/*', 'read', 'regress_team');
SELECT pattern, "right", role, environment, role_exists, granted_by = current_user AS by_me FROM prompt_grants();

-- What prompt_allowed says of each role, and which right allows what.
CREATE FUNCTION test.rights_of(role text, name text, env text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  rights text;
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', role);
  rights := (SELECT string_agg(r, ' ' ORDER BY n) FILTER (WHERE prompt_allowed(r, name, env)) FROM unnest('{resolve,read,author,approve,release,admin}'::text[]) WITH ORDINALITY AS a (r, n));
  RESET ROLE;
  RETURN coalesce(rights, '-');
END;
$$;
SELECT role, test.rights_of(role, 'rights/a') AS anywhere, test.rights_of(role, 'rights/a', 'production') AS production, test.rights_of(role, 'rights/a', 'staging') AS staging,
       test.rights_of(role, 'rights/sub/b') AS sub, test.rights_of(role, 'rightsless') AS rightsless, test.rights_of(role, 'rights/none') AS no_such_prompt
  FROM unnest('{regress_app,regress_reader,regress_author,regress_release,regress_admin,regress_team,regress_member,regress_distant,regress_nobody}'::text[]) AS role;
-- By another name of the prompt: the rights on its own name count.
SELECT test.rights_of('regress_reader', 'other/alias') AS alias, test.rights_of('regress_nobody', 'other/alias') AS alias_without;
-- A name that leads to a prompt on which the role has no right is like one that leads nowhere.
SELECT prompt_rename('rightsless', 'rights/looks');
SELECT role, test.rights_of(role, 'rights/looks') AS alias, test.rights_of(role, 'rights/nothing') AS nothing, test.rights_of(role, 'other/alias') AS other
  FROM unnest('{regress_app,regress_reader,regress_admin,regress_nobody}'::text[]) AS role;
CALL test.fails($$SELECT prompt_allowed('fly', 'rights/a')$$);
CALL test.fails($$SELECT prompt_allowed(NULL, 'rights/a')$$);

-- The application: what is deployed in production, and nothing else.
SET ROLE regress_app;
SELECT prompt_render('rights/a', vars => '{"x": 1}'), prompt_render('other/alias', vars => '{"x": 1}'), prompt_messages('rights/sub/b'), (prompt_assign('rights/a')).version;
SELECT prompt, version, text FROM prompt_resolve('rights/a');
SELECT environment FROM prompt_environments();
SELECT prompt_render_template('{{x}}', '{"x": 1}');
SELECT count(*) AS listed FROM prompt_list();
SELECT count(*) AS found FROM prompt_search('rights');
SELECT count(*) AS changes FROM prompt_changes_since();
SELECT count(*) AS grants FROM prompt_grants();
RESET ROLE;

-- What it may not know is answered word for word like what does not exist. Each pair of calls differs in nothing but
-- the name; the name is masked.
CREATE FUNCTION test.indistinguishable(role text, call text, forbidden text, missing text) RETURNS TABLE (same boolean, error text) LANGUAGE plpgsql AS $$
DECLARE
  one text;
  other text;
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', role);
  one := replace(test.error_of(format(call, forbidden)), forbidden, '<name>');
  other := replace(test.error_of(format(call, missing)), missing, '<name>');
  RESET ROLE;
  same := one IS NOT DISTINCT FROM other;
  error := CASE WHEN same THEN one ELSE one || ' <> ' || other END;
  RETURN NEXT;
END;
$$;
CREATE TEMPORARY TABLE calls (n serial, call text);
INSERT INTO calls (call) VALUES ('prompt_resolve(%L)'), ('prompt_render(%L)'), ('prompt_messages(%L)'), ('prompt_assign(%L)'), ('prompt_explain(%L)'),
  ('prompt_resolve(%L, ''staging'')'), ('prompt_resolve(%L, ''nowhere'')'), ('prompt_resolve(%L, ''latest'')'), ('prompt_render(%L, vars => ''[]'')'),
  ('prompt_render_version(%L, 1)'), ('prompt_render_version(%L, 99)'), ('prompt_get(%L)'), ('prompt_get(%L, 1)'), ('prompt_get(%L, 99)'), ('prompt_get(%L, ''production'')'), ('prompt_get(%L, 1, ''x'')'),
  ('prompt_history(%L)'), ('prompt_deployments(%L)'), ('prompt_deployments(%L, ''nowhere'')'), ('prompt_deployed_at(%L, ''production'', now())'), ('prompt_promotable(%L, 1, ''production'')'), ('prompt_verify(%L)'),
  ('prompt_commit(%L, ''x'')'), ('prompt_commit(%L, messages => ''[]'')'), ('prompt_register(%L, ''x'')'), ('prompt_create(%L)'), ('prompt_archive(%L)'), ('prompt_unarchive(%L)'), ('prompt_rename(%L, ''rights/x'')'),
  ('prompt_promote(%L, 1, ''production'')'), ('prompt_promote(%L, 1, ''nowhere'')'), ('prompt_rollback(%L, ''production'')'), ('prompt_retire(%L, ''production'')'), ('prompt_experiment_start(%L, ''production'', ''[]'')'),
  ('prompt_release(jsonb_build_array(jsonb_build_object(''prompt'', %L, ''version'', 1, ''environment'', ''production'')))');
SELECT c.call, i.same, i.error FROM calls c, test.indistinguishable('regress_nobody', 'SELECT ' || c.call, 'rights/a', 'rights/z') i ORDER BY c.n;
SELECT c.call, i.same FROM calls c, test.indistinguishable('regress_app', 'SELECT ' || c.call, 'rightsless', 'rightslesz') i WHERE NOT i.same OR i.error IS NULL ORDER BY c.n;
SELECT c.call, i.same FROM calls c, test.indistinguishable('regress_author', 'SELECT ' || c.call, 'rightsless', 'rightslesz') i WHERE NOT i.same OR i.error IS NULL ORDER BY c.n;
-- An archived prompt, and a name that is an alias, tell no more.
SELECT prompt_register('secret/archived', 'x'), prompt_archive('secret/archived');
SELECT c.call, i.same FROM calls c, test.indistinguishable('regress_nobody', 'SELECT ' || c.call, 'secret/archived', 'secret/archivez') i WHERE NOT i.same OR i.error IS NULL ORDER BY c.n;
SELECT c.call, i.same FROM calls c, test.indistinguishable('regress_nobody', 'SELECT ' || c.call, 'other/alias', 'other/aliaz') i WHERE NOT i.same OR i.error IS NULL ORDER BY c.n;
-- Nor does an experiment.
SELECT prompt_experiment_start('rights/a', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => 'rights-x');
SELECT i.* FROM test.indistinguishable('regress_nobody', 'SELECT prompt_experiment_stop(%L)', 'rights-x', 'rights-z') i;
SELECT i.* FROM test.indistinguishable('regress_reader', 'SELECT prompt_experiment_set_weights(%L, ''{}'')', 'rights-x', 'rights-z') i;
SELECT prompt_experiment_stop('rights-x');
-- Keys that are made by default contain the names of prompts. One of that form can be given only by who may release that prompt,
-- whether there is such an experiment or not.
SELECT prompt_experiment_start('rightsless', 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 1, "weight": 1}]', state => 'draft');
CREATE FUNCTION test.start(key text) RETURNS text LANGUAGE sql
RETURN prompt_experiment_start('rights/a', 'staging', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 1}]', key => key, state => 'draft');
SET ROLE regress_release;
CALL test.fails($$SELECT test.start('rightsless-production-1')$$);
CALL test.fails($$SELECT test.start('rightsless-production-2')$$);
CALL test.fails($$SELECT test.start('nothing-staging-1')$$);
CALL test.fails($$SELECT test.start('rights/a-production-1')$$);
SELECT test.start('rights/a-staging-7'), test.start('rights/a-2'), test.start('production-2'), test.start('-staging-2');
CALL test.fails($$SELECT test.start('rights/a-staging-7')$$);
RESET ROLE;
SELECT prompt_experiment_stop(x.key) FROM promptreg.experiments x WHERE x.state = 'draft' ORDER BY x.id;
DROP FUNCTION test.start(text);

-- Hints find what looks like a name among any number of prompts, and nothing for who may read none.
BEGIN;
WITH new AS (
  INSERT INTO promptreg.prompts (name, kind, created_by, created_at) SELECT 'rights/many/prompt-number-' || i, 'text', 'x', now() FROM generate_series(1, 20000) AS i
  RETURNING id, name
)
INSERT INTO promptreg.names (name, prompt_id, created_by, created_at) SELECT name, id, 'x', now() FROM new;
SELECT prompt_create('rights/hot');
SET LOCAL ROLE regress_reader;
CALL test.fails($$SELECT prompt_render('rights/hott')$$);
CALL test.fails($$SELECT prompt_render('rights/hto')$$);
CALL test.fails($$SELECT prompt_render('rights/many/prompt-numbre-19999')$$);
CALL test.fails($$SELECT prompt_render('ights/a')$$);
SET LOCAL ROLE regress_app;
CALL test.fails($$SELECT prompt_render('rights/hott')$$);
ROLLBACK;

-- Those who may know of it are told what they lack.
SET ROLE regress_reader;
SELECT prompt_render('rights/a', 'staging', vars => '{"x": 1}'), prompt_render('rights/a', 'latest'), prompt_render_version('rights/a', 1);
SELECT count(*) FROM prompt_history('rights/a');
SELECT prompt FROM prompt_list();
SELECT count(*) FROM prompt_verify('rights/a');
CALL test.fails($$SELECT prompt_commit('rights/a', 'x')$$);
CALL test.fails($$SELECT prompt_promote('rights/a', 1, 'production')$$);
CALL test.fails($$SELECT prompt_rename('rights/a', 'rights/x')$$);
CALL test.fails($$SELECT prompt_verify()$$);
CALL test.fails($$SELECT prompt_environment_create('mine')$$);
CALL test.fails($$SELECT prompt_grant('rights/*', 'read', 'regress_reader')$$);
CALL test.fails($$SELECT prompt_revoke('rights/*', 'read', 'regress_app')$$);
CALL test.fails($$SELECT prompt_get('rights/x')$$);
CALL test.fails($$SELECT prompt_render('rights/a', 'development')$$);
RESET ROLE;

-- The author writes, and does not release.
SET ROLE regress_author;
SELECT prompt_create('rights/new'), prompt_commit('rights/new', 'one'), prompt_register('rights/newer', 'one');
CALL test.fails($$SELECT prompt_promote('rights/new', 1, 'staging')$$);
CALL test.fails($$SELECT prompt_create('elsewhere')$$);
CALL test.fails($$SELECT prompt_create('rightsless')$$);
CALL test.fails($$SELECT prompt_register('rightsless', 'x')$$);
SELECT prompt_archive('rights/newer');
RESET ROLE;
SELECT prompt_grant('rights/*', 'author', 'regress_app');
SET ROLE regress_app;
SELECT prompt_create('rights/app');
RESET ROLE;
SELECT prompt_revoke('rights/*', 'author', 'regress_app');

-- The release right in one environment: releases and resolves there, and reads the prompt.
SET ROLE regress_release;
SELECT (prompt_promote('rights/a', 1, 'staging')).version;
SELECT prompt_render('rights/a', 'staging', vars => '{"x": 1}');
CALL test.fails($$SELECT prompt_promote('rights/a', 1, 'production')$$);
CALL test.fails($$SELECT prompt_render('rights/a', 'production')$$);
SELECT version FROM prompt_get('rights/a');
CALL test.fails($$SELECT prompt_rollback('rights/a', 'production')$$);
SELECT (prompt_rollback('rights/a', 'staging')).version;
CALL test.fails($$SELECT prompt_release('[{"prompt": "rights/a", "version": 1, "environment": "staging"}, {"prompt": "rights/a", "version": 2, "environment": "production"}]')$$);
SELECT prompt_render('rights/a', 'staging', vars => '{"x": 1}');
RESET ROLE;

-- The administrator of some names grants on those, and on no others.
SET ROLE regress_admin;
SELECT prompt_grant('rights/*', 'read', 'regress_nobody'), prompt_grant('rights/sub/b', 'author', 'regress_nobody'), prompt_grant('rights/s*b', 'release', 'regress_nobody', 'production');
CALL test.fails($$SELECT prompt_grant('*', 'read', 'regress_nobody')$$);
CALL test.fails($$SELECT prompt_grant('right*', 'read', 'regress_nobody')$$);
CALL test.fails($$SELECT prompt_grant('rights*', 'read', 'regress_nobody')$$);
CALL test.fails($$SELECT prompt_grant('rightsless', 'read', 'regress_nobody')$$);
CALL test.fails($$SELECT prompt_grant('*/a', 'read', 'regress_nobody')$$);
CALL test.fails($$SELECT prompt_environment_create('mine')$$);
SELECT pattern, "right", role, environment FROM prompt_grants();
SELECT prompt_rename('rights/sub/b', 'rights/bee');
CALL test.fails($$SELECT prompt_rename('rights/sub/b', 'rightsless2')$$);
RESET ROLE;
SET ROLE regress_nobody;
SELECT (prompt_get('rights/a', 1)).version AS read, prompt_commit('rights/sub/b', 'mine') AS wrote;
SELECT (prompt_promote('rights/sub/b', 2, 'production')).version;
RESET ROLE;
SET ROLE regress_admin;
SELECT prompt_revoke('rights/*', 'read', 'regress_nobody'), prompt_revoke('rights/sub/b', 'author', 'regress_nobody'), prompt_revoke('rights/s*b', 'release', 'regress_nobody', 'production');
SELECT prompt_revoke('rights/*', 'read', 'regress_nobody'), prompt_revoke('rights/*', 'resolve', 'regress_app');
RESET ROLE;

-- Patterns.
CREATE FUNCTION test.covers(pattern text, VARIADIC names text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  covered text;
BEGIN
  PERFORM prompt_grant(pattern, 'read', 'regress_nobody');
  SET LOCAL ROLE regress_nobody;
  covered := (SELECT string_agg(n, ' ') FROM unnest(names) AS n WHERE prompt_allowed('read', n));
  RESET ROLE;
  PERFORM prompt_revoke(pattern, 'read', 'regress_nobody');
  RETURN covered;
END;
$$;
SELECT pattern, test.covers(pattern, 'a', 'ab', 'a/b', 'a/b/c', 'b/a', 'A', 'a*', 'a%', 'a_', 'aa', 'żółw', 'a.b', '[a]')
  FROM unnest('{a,a*,*a,*,**,a/*,*/*,a/*/c,*/*/*,A,a?,"[a]",a%,a_,.,a.b,ż*,*b*}'::text[]) AS pattern;
CALL test.fails($$SELECT prompt_grant('', 'read', 'regress_app')$$);
CALL test.fails($$SELECT prompt_grant(NULL, 'read', 'regress_app')$$);
CALL test.fails($$SELECT prompt_grant(repeat('*', 201), 'read', 'regress_app')$$);
CALL test.fails($$SELECT prompt_grant('*', 'write', 'regress_app')$$);
CALL test.fails($$SELECT prompt_grant('*', NULL, 'regress_app')$$);
CALL test.fails($$SELECT prompt_grant('*', 'read', 'regress_none')$$);
CALL test.fails($$SELECT prompt_grant('*', 'read', NULL)$$);
CALL test.fails($$SELECT prompt_grant('*', 'resolve', 'regress_app', 'nowhere')$$);
CALL test.fails($$SELECT prompt_grant('*', 'resolve', 'regress_app', 'latest')$$);
CALL test.fails($$SELECT prompt_grant('*', 'read', 'regress_app', 'production')$$);
CALL test.fails($$SELECT prompt_grant('*', 'author', 'regress_app', 'production')$$);
CALL test.fails($$SELECT prompt_grant('*', 'admin', 'regress_app', 'production')$$);
SELECT prompt_revoke('*', 'write', 'regress_none');

-- SET ROLE between two resolves of one session; a right taken back; a role that becomes a member.
SELECT prompt_render('rights/a', vars => '{"x": 1}');
SET ROLE regress_app;
SELECT prompt_render('rights/a', vars => '{"x": 1}');
SET ROLE regress_nobody;
SELECT prompt_render('rights/a', vars => '{"x": 1}');
SET ROLE regress_app;
SELECT prompt_render('rights/a', vars => '{"x": 1}');
RESET ROLE;
SELECT prompt_revoke('rights/*', 'resolve', 'regress_app', 'production');
SET ROLE regress_app;
SELECT prompt_render('rights/a', vars => '{"x": 1}');
RESET ROLE;
BEGIN;
SELECT prompt_grant('rights/a', 'resolve', 'regress_app');
SET LOCAL ROLE regress_app;
SELECT prompt_render('rights/a', vars => '{"x": 1}');
ROLLBACK;
SET ROLE regress_app;
SELECT prompt_render('rights/a', vars => '{"x": 1}');
RESET ROLE;
SELECT prompt_grant('rights/a', 'resolve', 'regress_team');
SET ROLE regress_app;
CALL test.fails($$SELECT prompt_render('rights/a')$$);
RESET ROLE;
GRANT regress_team TO regress_app;
SET ROLE regress_app;
SELECT prompt_render('rights/a');
RESET ROLE;
REVOKE regress_team FROM regress_app;
SET ROLE regress_app;
CALL test.fails($$SELECT prompt_render('rights/a')$$);
SET ROLE regress_member;
SELECT prompt_render('rights/a');
-- Who does not inherit has to put the role in force.
SET ROLE regress_distant;
CALL test.fails($$SELECT prompt_render('rights/a')$$);
SET ROLE regress_team;
SELECT prompt_render('rights/a');
RESET ROLE;

-- public means everybody. A role whose grant outlives it, and one that is made anew under its name.
SELECT prompt_grant('rightsless', 'resolve', 'public');
SET ROLE regress_nobody;
SELECT prompt_render('rightsless');
RESET ROLE;
SELECT prompt_revoke('rightsless', 'resolve', 'public');
SET ROLE regress_nobody;
CALL test.fails($$SELECT prompt_render('rightsless')$$);
RESET ROLE;
CREATE ROLE regress_gone;
SELECT prompt_grant('rightsless', 'resolve', 'regress_gone');
DROP ROLE regress_gone;
SELECT role, role_exists FROM prompt_grants() WHERE role = 'regress_gone';
SELECT prompt_revoke('rightsless', 'resolve', 'regress_gone');
-- A role of the name public cannot be, so nobody can be mistaken for everybody.
CREATE ROLE "public";

-- A definer function acts with its owner's rights; session settings count for nothing.
SELECT prompt_grant('rightsless', 'resolve', 'regress_admin');
CREATE FUNCTION test.as_admin() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$SELECT prompt_render('rightsless')$$;
ALTER FUNCTION test.as_admin() OWNER TO regress_admin;
SET ROLE regress_nobody;
SELECT test.as_admin();
CALL test.fails($$SELECT prompt_render('rightsless')$$);
SET promptreg.role = 'regress_admin';
SET application_name = 'regress_admin';
CALL test.fails($$SELECT prompt_render('rightsless')$$);
RESET application_name;
RESET ROLE;

-- The owner's members may do everything, like the owner and superusers.
CREATE ROLE regress_super SUPERUSER;
SET ROLE regress_super;
SELECT prompt_render('rightsless');
RESET ROLE;

-- Take it all back.
SELECT count(*) > 0 AS some FROM (SELECT prompt_revoke(pattern, "right", role, environment) FROM prompt_grants() WHERE role LIKE 'regress_%') AS r;
SELECT count(*) FROM prompt_grants();
DROP FUNCTION test.as_admin();
DROP ROLE regress_app, regress_reader, regress_author, regress_release, regress_admin, regress_member, regress_distant, regress_team, regress_nobody, regress_super;
