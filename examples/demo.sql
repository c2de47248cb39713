-- What promptreg does, in one go: twelve prompts of an invented shop are registered, rendered, released, split between
-- two versions by user, measured, and rolled back.  `make demo` runs it in a private cluster; in a database of yours:
--
--   psql -X -f examples/demo.sql
--
-- It needs a superuser and a database without promptreg, and leaves the prompts there.  The statements that are shown
-- are the ones that run; the hidden ones between them check what came back, and end the demo if it is not that.
\set QUIET on
\set ON_ERROR_STOP on
\set ECHO none
\set VERBOSITY default
\pset pager off
\pset footer off
\pset null '-'
\pset linestyle ascii
\pset border 1
\pset format aligned
SET client_min_messages = warning;

CREATE EXTENSION promptreg;
CREATE FUNCTION pg_temp.expect(what text, got anyelement, wanted text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF got::text IS DISTINCT FROM wanted THEN
    RAISE EXCEPTION 'demo: %: expected %, got %', what, wanted, got;
  END IF;
END;
$$;
CREATE ROLE promptreg_demo_app;

\echo
\echo '== 1. Register: twelve prompts of Northwind Outdoor, an invented shop, from examples/prompts/'
\echo
\o /dev/null
\ir prompts.sql
\o
\set ECHO queries
SELECT prompt, kind, head_version AS version, team, array_to_string(tags, ', ') AS tags FROM prompt_list();
\set ECHO none
SELECT pg_temp.expect('prompts', count(*), '12'), pg_temp.expect('versions', max(head_version), '1') FROM prompt_list() \g /dev/null
\echo '   Registering again changes nothing: deploy scripts and CI can run it every time.'
\echo
\o /dev/null
\ir prompts.sql
\o
SELECT pg_temp.expect('versions after registering again', sum(head_version), '12') FROM prompt_list() \g /dev/null

\echo '== 2. Render: "latest" is the newest version, deployed or not'
\echo
\pset tuples_only on
\set ECHO queries
SELECT prompt_render('content/product-description', 'latest', vars => '{
         "product": {"name": "Fell 38 backpack", "category": "backpacks", "weight_g": 890},
         "features": ["rain cover", "adjustable back length"]}');
\echo
SELECT message ->> 'role' AS role, message ->> 'content' AS content
  FROM jsonb_array_elements(prompt_messages('support/reply', 'latest', vars => '{
         "customer": {"name": "Ada", "is_member": true},
         "order": {"number": "NW-20417", "status": "shipped"},
         "articles": [{"title": "Returns", "body": "Unused gear can be returned within 30 days."}],
         "question": "Can I still return the tent? {{customer.password}}"}')) AS message;
\set ECHO none
\echo '   What a customer writes is data: braces in it are never expanded.'
\echo
SELECT pg_temp.expect('features', (regexp_matches(prompt_render('content/product-description', 'latest', vars =>
  '{"product": {"name": "x", "category": "y"}, "features": ["rain cover"]}'), '^- (.*)$', 'n'))[1], 'rain cover'),
  pg_temp.expect('braces', (prompt_messages('support/reply', 'latest', vars =>
    '{"customer": {"name": "Ada"}, "question": "{{question}}"}') -> 1 ->> 'content'), E'I am Ada.\n{{question}}') \g /dev/null

\echo '== 3. A variable is missing: one error that lists all of them, with an SQLSTATE to switch on'
\echo
\set ON_ERROR_STOP off
\set VERBOSITY verbose
\set SHOW_CONTEXT never
\set ECHO queries
SELECT prompt_render('data/sql', 'latest', vars => '{"row_limit": 10}');
\set ECHO none
\set VERBOSITY default
\set ON_ERROR_STOP on
SELECT pg_temp.expect('SQLSTATE', :'LAST_ERROR_SQLSTATE'::text, 'PR010'),
       pg_temp.expect('message', :'LAST_ERROR_MESSAGE'::text, '2 variables are missing') \g /dev/null
\echo

\echo '== 4. Release: all twelve, through three environments, in one transaction'
\echo
\pset tuples_only off
\set ECHO queries
SELECT environment, count(*) AS promoted
  FROM prompt_release(reason => 'first release', changes => (
         SELECT jsonb_agg(jsonb_build_object('prompt', prompt, 'version', head_version, 'environment', environment)
                          ORDER BY rank)
           FROM prompt_list(), prompt_environments()))
 GROUP BY environment ORDER BY environment;
\set ECHO none
SELECT pg_temp.expect('routes', count(*), '36') FROM promptreg.route_status WHERE version = 1 \g /dev/null

\echo '== 5. Resolve: an application may use what is deployed in production, and see nothing else'
\echo
\set ECHO queries
SELECT prompt_grant('*', 'resolve', 'promptreg_demo_app', env => 'production');
SET ROLE promptreg_demo_app;
SELECT prompt, version, environment, reason, model, params -> 'temperature' AS temperature, text
  FROM prompt_resolve('search/rewrite', 'production', 'user-42', '{"query": "lite tent 2 ppl"}');
\set ON_ERROR_STOP off
SELECT template FROM prompt_get('search/rewrite');
\set ON_ERROR_STOP on
\set ECHO none
SELECT pg_temp.expect('SQLSTATE', :'LAST_ERROR_SQLSTATE'::text, 'PR001') \g /dev/null
RESET ROLE;
SELECT pg_temp.expect('version', version, '1'), pg_temp.expect('reason', reason, 'deployed')
  FROM prompt_resolve('search/rewrite', 'production', 'user-42', '{"query": "x"}') \g /dev/null
\echo '   To this role, a prompt that it may not read is one that does not exist.'
\echo

\echo '== 6. Commit: a better version, on top of version 1 and on top of no other'
\echo
\set ECHO queries
SELECT prompt_commit('search/rewrite',
  $$Rewrite this search of an outdoor shop as at most five keywords, the most important first.
{{#previous}}The search before was: {{previous}}
{{/previous}}Search: {{query}}
Keywords:$$,
  model => 'gpt-4o-mini', params => '{"temperature": 0, "max_tokens": 20, "stop": ["\n"]}',
  message => 'five keywords, ranked', parent_version => 1);
\set ECHO none
SELECT pg_temp.expect('version', head_version, '2') FROM prompt_list() WHERE prompt = 'search/rewrite' \g /dev/null

\echo '== 7. Experiment: a fifth of the users of production get version 2'
\echo
\set ECHO queries
SELECT prompt_experiment_start('search/rewrite', 'production', key => 'ranked-keywords', variants => '[
         {"key": "control", "version": 1, "weight": 0.8},
         {"key": "ranked",  "version": 2, "weight": 0.2}]');
SELECT a.variant, a.version, count(*) AS users
  FROM generate_series(1, 10000) AS n, prompt_assign('search/rewrite', 'production', 'user-' || n) AS a
 GROUP BY a.variant, a.version ORDER BY a.variant;
\set ECHO none
CREATE TEMP TABLE before AS
  SELECT n, (prompt_assign('search/rewrite', 'production', 'user-' || n)).variant FROM generate_series(1, 10000) AS n;
SELECT pg_temp.expect('share of ranked', count(*) BETWEEN 1800 AND 2200, 'true') FROM before WHERE variant = 'ranked' \g /dev/null
\echo '   Which users those are is a pure function of user and experiment: asked again, in any session, on any replica,'
\echo '   each user gets the same variant.'
\echo
\set ECHO queries
SELECT a.user_id, count(*) AS calls, array_agg(DISTINCT variant) AS variants, array_agg(DISTINCT version) AS versions
  FROM (SELECT 'user-' || n % 10 AS user_id FROM generate_series(1, 10000) AS n) AS a,
       prompt_resolve('search/rewrite', 'production', a.user_id, '{"query": "tent"}')
 GROUP BY a.user_id ORDER BY a.user_id;
\set ECHO none
SELECT pg_temp.expect('users who changed', count(*), '0')
  FROM before WHERE (prompt_assign('search/rewrite', 'production', 'user-' || n)).variant <> variant \g /dev/null
\echo '   It goes well: half and half. No more users change their variant than must.'
\echo
\set ECHO queries
SELECT prompt_experiment_set_weights('ranked-keywords', '{"control": 0.5, "ranked": 0.5}');
\set ECHO none
CREATE TEMP TABLE moved AS
  SELECT b.variant AS had, (prompt_assign('search/rewrite', 'production', 'user-' || b.n)).variant AS has FROM before b;
SELECT had AS "variant before", has AS "variant now", count(*) AS users FROM moved GROUP BY 1, 2 ORDER BY 1, 2;
SELECT pg_temp.expect('users moved away from ranked', count(*), '0') FROM moved WHERE had = 'ranked' AND has = 'control' \g /dev/null
SELECT pg_temp.expect('users of ranked', count(*) BETWEEN 4800 AND 5200, 'true') FROM moved WHERE has = 'ranked' \g /dev/null

\echo '== 8. Measure: the application logs its calls, and later what came of them; reports are current at once'
\echo
\set ECHO queries
SELECT prompt_model_price('gpt-4o-mini', 0.15, 0.60);
SELECT prompt_metric_define('clicked', 'proportion', 'conversion', role => 'primary');
SELECT count(prompt_log('search/rewrite', a.version, user_id => 'user-' || n, request_id => 'call-' || n,
         experiment => 'ranked-keywords', variant => a.variant, model => 'gpt-4o-mini', latency_ms => 350 + n % 97,
         tokens_in => 60, tokens_out => 8 + n % 5)) AS calls
  FROM generate_series(1, 4000) AS n, prompt_assign('search/rewrite', 'production', 'user-' || n) AS a;
SELECT sum(prompt_feedback('call-' || n, conversion => n % 50 < CASE a.variant WHEN 'ranked' THEN 21 ELSE 15 END)) AS outcomes
  FROM generate_series(1, 4000) AS n, prompt_assign('search/rewrite', 'production', 'user-' || n) AS a;
SELECT version, executions, round(latency_ms_p95::numeric) AS latency_ms_p95, cost_usd, conversions
  FROM promptreg.version_comparison WHERE prompt = 'search/rewrite' AND environment = 'production' ORDER BY version;
SELECT metric, variant, users, round(mean::numeric, 3) AS mean, round(lift::numeric, 3) AS lift,
       round(ci_low::numeric, 3) AS ci_low, round(ci_high::numeric, 3) AS ci_high, round(p_best::numeric, 3) AS p_best
  FROM prompt_experiment_report('ranked-keywords');
SELECT decision, variant, reason FROM prompt_experiment_decision('ranked-keywords') \gx
\set ECHO none
SELECT pg_temp.expect('executions', sum(executions), '4000') FROM promptreg.version_comparison \g /dev/null
SELECT pg_temp.expect('decision', decision || ' ' || variant, 'proven ranked') FROM prompt_experiment_decision('ranked-keywords') \g /dev/null

\echo '== 9. Stop with a winner: its version is promoted in the same transaction'
\echo
\set ECHO queries
SELECT prompt, environment, event, previous, version, reason
  FROM prompt_experiment_stop('ranked-keywords', winner => 'ranked');
\set ECHO none
SELECT pg_temp.expect('version', version, '2'), pg_temp.expect('reason', reason, 'deployed')
  FROM prompt_assign('search/rewrite', 'production', 'user-1') \g /dev/null

\echo '== 10. Roll back: one statement, and every session gets the old version from COMMIT on'
\echo
\set ECHO queries
SELECT prompt, environment, event, previous, version, reason
  FROM prompt_rollback('search/rewrite', 'production', reason => 'fewer clicks on results');
SELECT version, reason FROM prompt_resolve('search/rewrite', 'production', 'user-7', '{"query": "tent"}');
\set ECHO none
SELECT pg_temp.expect('version', version, '1') FROM prompt_assign('search/rewrite', 'production', 'user-7') \g /dev/null

\echo '== 11. History: what was served when, and every change in the order of commits'
\echo
\set ECHO queries
SELECT number, event, previous, version, reason, deployed_by
  FROM prompt_deployments('search/rewrite', 'production');
SELECT seq, event, environment, version, experiment, by
  FROM prompt_changes_since(0) WHERE prompt = 'search/rewrite' ORDER BY seq DESC LIMIT 7;
\set ECHO none
SELECT pg_temp.expect('deployments', count(*), '3') FROM prompt_deployments('search/rewrite', 'production') \g /dev/null

\echo '== 12. Verify: all hashes are recomputed; no rows means that nobody has rewritten history'
\echo
\set ECHO queries
SELECT * FROM prompt_verify();
\set ECHO none
SELECT pg_temp.expect('broken records', count(*), '0') FROM prompt_verify() \g /dev/null
\set ON_ERROR_STOP off
\set ECHO queries
UPDATE promptreg.versions SET author = 'somebody else' WHERE version = 2;
\set ECHO none
\set ON_ERROR_STOP on
SELECT pg_temp.expect('SQLSTATE', :'LAST_ERROR_SQLSTATE'::text, 'PR060') \g /dev/null
DROP ROLE promptreg_demo_app;
\echo
\echo 'That was promptreg. README.md goes on from here.'
