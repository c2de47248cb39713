-- Reading prompts and versions: get, history, list, search, deployments.

SELECT prompt_create('reading/mail/reply', 'Replies to 100% of mails', tags => '{mail,customer}', team => 'support'),
       prompt_create('reading/mail/summary', 'Summaries', tags => '{mail}', team => 'data'),
       prompt_create('reading/chat', kind => 'chat', tags => '{customer}'),
       prompt_create('reading/mailing', 'Not in the folder mail', team => 'support');
SELECT prompt_commit('reading/mail/reply', 'one'), prompt_commit('reading/mail/reply', 'two', message => 'better'),
       prompt_commit('reading/chat', messages => '[{"role": "user", "content": "hi"}]');
SELECT (prompt_promote('reading/mail/reply', 1, 'production')).event, (prompt_promote('reading/mail/reply', 2, 'staging')).event;

-- By number, by environment, or the newest.
SELECT version, template FROM prompt_get('reading/mail/reply');
SELECT version, template, status, environments FROM prompt_get('reading/mail/reply', 1);
SELECT version FROM prompt_get('reading/mail/reply', version => NULL);
SELECT version FROM prompt_get('reading/mail/reply', 'staging');
SELECT version FROM prompt_get('reading/mail/reply', env => 'production');
SELECT version FROM prompt_get('reading/mail/reply', 'latest');
SELECT version, kind, template, messages FROM prompt_get('reading/chat', 'latest');
CALL test.fails($$SELECT prompt_get('reading/mail/reply', 3)$$);
CALL test.fails($$SELECT prompt_get('reading/mail/reply', 0)$$);
CALL test.fails($$SELECT prompt_get('reading/mail/reply', -1)$$);
CALL test.fails($$SELECT prompt_get('reading/mail/summary')$$);
CALL test.fails($$SELECT prompt_get('reading/mail/summary', 'latest')$$);
CALL test.fails($$SELECT prompt_get('reading/mail/reply', 'development')$$);
CALL test.fails($$SELECT prompt_get('reading/mail/reply', 'prod')$$);
CALL test.fails($$SELECT prompt_get('reading/mail/reply', env => NULL)$$);
CALL test.fails($$SELECT prompt_get('reading/mail/reply', 1, 'production')$$);
CALL test.fails($$SELECT prompt_get('reading/mail/repli')$$);
CALL test.fails($$SELECT prompt_get(NULL)$$);
CALL test.fails($$SELECT prompt_get('')$$);

SELECT version, status, environments, message FROM prompt_history('reading/mail/reply');
SELECT count(*) FROM prompt_history('reading/mail/summary');
CALL test.fails($$SELECT prompt_history('reading/none')$$);
CALL test.fails($$SELECT prompt_history(NULL)$$);

-- Lists: by tag, by folder with its subfolders, by team, and all of them together.
SELECT prompt, kind, description, tags, team, head_version, served, aliases FROM prompt_list(folder => 'reading');
SELECT prompt FROM prompt_list(folder => 'reading/mail');
SELECT prompt FROM prompt_list(folder => 'reading/mail/');
SELECT prompt FROM prompt_list(folder => 'reading/mail/reply');
SELECT prompt FROM prompt_list('customer', 'reading');
SELECT prompt FROM prompt_list(team => 'support', folder => 'reading');
SELECT prompt FROM prompt_list('mail', 'reading', 'data');
SELECT prompt FROM prompt_list('nothing');
SELECT prompt FROM prompt_list(folder => 'reading/%');
SELECT count(*) = (SELECT count(*) FROM promptreg.prompts WHERE archived_at IS NULL) AS all FROM prompt_list();
SELECT count(*) = (SELECT count(*) FROM promptreg.prompts WHERE archived_at IS NULL) AS all FROM prompt_list(archived => NULL);

-- Search: every word, anywhere in name, description, tags and team; the query is text, not a pattern.
SELECT prompt FROM prompt_search('reading mail');
SELECT prompt FROM prompt_search('READING  Support');
SELECT prompt FROM prompt_search('100% reply');
SELECT prompt FROM prompt_search('reading/m%l');
SELECT prompt FROM prompt_search('reading_mail');
SELECT prompt FROM prompt_search('reading customer reply');
-- However the session reads backslashes.
SET standard_conforming_strings = off;
SELECT prompt FROM prompt_search('READING  Support');
RESET standard_conforming_strings;
SELECT count(*) = (SELECT count(*) FROM promptreg.prompts) AS all FROM prompt_search('');
SELECT count(*) = (SELECT count(*) FROM promptreg.prompts) AS all FROM prompt_search(NULL);
SELECT prompt_archive('reading/chat');
SELECT prompt, archived_at IS NOT NULL AS archived FROM prompt_search('reading');

-- Deployments, newest first.
SELECT (prompt_rollback('reading/mail/reply', 'production', to_version => 1)).version;
SELECT (prompt_retire('reading/mail/reply', 'staging', reason => 'done')).version;
SELECT environment, number, event, version, previous, reason FROM prompt_deployments('reading/mail/reply');
SELECT environment, number, event FROM prompt_deployments('reading/mail/reply', 'staging');
SELECT count(*) FROM prompt_deployments('reading/mail/summary');
CALL test.fails($$SELECT prompt_deployments('reading/mail/reply', 'nowhere')$$);
CALL test.fails($$SELECT prompt_deployments('reading/mail/reply', 'latest')$$);
CALL test.fails($$SELECT prompt_deployments('reading/none')$$);
