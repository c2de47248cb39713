-- A hostile schema first in the search path, with operators, functions, types and tables that shadow everything the
-- extension uses: every public function gives the same result as without, and nothing of the shadows is ever run.

CREATE SCHEMA hostile;
CREATE TABLE hostile.hits (what text);
CREATE FUNCTION hostile.hit(what text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN INSERT INTO hostile.hits VALUES (what); END$$;

-- Operators that answer wrongly, for the types that comparisons in the extension have.
DO $$
DECLARE
  type text;
  operator text;
BEGIN
  FOREACH type IN ARRAY '{text,integer,bigint,jsonb,boolean,timestamptz,bytea,numeric,text[],integer[],name,oid}'::text[] LOOP
    EXECUTE format('CREATE FUNCTION hostile.wrong(%s, %s) RETURNS boolean LANGUAGE plpgsql AS %L', type, type,
                   format('BEGIN PERFORM hostile.hit(%L); RETURN true; END', type));
    FOREACH operator IN ARRAY '{=,<>,<,>,<=,>=}'::text[] LOOP
      EXECUTE format('CREATE OPERATOR hostile.%s (FUNCTION = hostile.wrong, LEFTARG = %s, RIGHTARG = %s)', operator, type, type);
    END LOOP;
  END LOOP;
END;
$$;
CREATE FUNCTION hostile.concat(text, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM hostile.hit('||'); RETURN 'hostile'; END$$;
CREATE OPERATOR hostile.|| (FUNCTION = hostile.concat, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION hostile.plus(integer, integer) RETURNS integer LANGUAGE plpgsql AS $$BEGIN PERFORM hostile.hit('+'); RETURN 0; END$$;
CREATE OPERATOR hostile.+ (FUNCTION = hostile.plus, LEFTARG = integer, RIGHTARG = integer);
CREATE FUNCTION hostile.get(jsonb, text) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN PERFORM hostile.hit('->'); RETURN NULL; END$$;
CREATE OPERATOR hostile.-> (FUNCTION = hostile.get, LEFTARG = jsonb, RIGHTARG = text);
CREATE FUNCTION hostile.get_text(jsonb, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM hostile.hit('->>'); RETURN NULL; END$$;
CREATE OPERATOR hostile.->> (FUNCTION = hostile.get_text, LEFTARG = jsonb, RIGHTARG = text);
CREATE FUNCTION hostile.matches(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM hostile.hit('~'); RETURN false; END$$;
CREATE OPERATOR hostile.~ (FUNCTION = hostile.matches, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR hostile.!~ (FUNCTION = hostile.matches, LEFTARG = text, RIGHTARG = text);

-- Functions of the names that the extension calls, a pg_catalog of its own, and tables of the extension's names.
DO $$
DECLARE
  signature text;
BEGIN
  FOREACH signature IN ARRAY ARRAY['format(text, VARIADIC text[])', 'jsonb_typeof(jsonb)', 'char_length(text)', 'clock_timestamp()', 'now()', 'current_setting(text)', 'encode(bytea, text)', 'sha256(bytea)',
      'pg_notify(text, text)', 'jsonb_array_elements(jsonb)', 'array_to_string(text[], text)', 'strpos(text, text)', 'lower(text)', 'starts_with(text, text)', 'rtrim(text, text)', 'to_jsonb(text)', 'gen_random_uuid()',
      'authorize(text, text, text)', 'allowed(text, text, text)', 'caller()', 'prompt_resolve(text)', 'prompt_get(text)', 'open_prompt(text, text, text, boolean)', 'raise_unresolved(text, text)', 'hash64(text[])', 'pg_notification_queue_usage()'] LOOP
    EXECUTE format('CREATE FUNCTION hostile.%s RETURNS text LANGUAGE plpgsql AS %L', signature, format('BEGIN PERFORM hostile.hit(%L); RETURN NULL; END', signature));
  END LOOP;
  FOR signature IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'promptreg'::regnamespace AND c.relkind IN ('r', 'p', 'v') LOOP
    EXECUTE format('CREATE TABLE hostile.%I AS SELECT * FROM promptreg.%I LIMIT 0', signature, signature);
  END LOOP;
END;
$$;
DROP FUNCTION hostile.prompt_resolve(text), hostile.prompt_get(text);
CREATE DOMAIN hostile.jsonb AS pg_catalog.text;
CREATE DOMAIN hostile.integer AS pg_catalog.text;

-- One pass over every public function; what it answers, with what differs from run to run left out.
CREATE PROCEDURE test.everything(folder pg_catalog.text, INOUT answers pg_catalog.text) LANGUAGE plpgsql AS $body$
DECLARE
  p pg_catalog.text := pg_catalog.concat(folder, '/p');
  calls pg_catalog.text[] := ARRAY[
    $$prompt_create(%1$L, 'd', tags => '{t}')$$, $$prompt_commit(%1$L, 'Hello {{x}}')$$, $$prompt_commit(%1$L, 'Hi {{x}}', parent_version => 1, variables => '[{"name": "x"}]')$$, $$prompt_register(%1$L, 'Hi {{x}}', variables => '[{"name": "x"}]')$$,
    $$prompt_register(pg_catalog.concat(%1$L, 'chat'), messages => '[{"role": "user", "content": "{{x}}"}]')$$, $$prompt_rename(%1$L, pg_catalog.concat(%1$L, 'alias'))$$,
    $$(prompt_promote(%1$L, 1, 'production')).version$$, $$(prompt_promote(%1$L, 2, 'production')).version$$, $$(prompt_rollback(%1$L, 'production')).version$$,
    $$(SELECT pg_catalog.count(*) FROM prompt_release(pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('prompt', %1$L, 'version', 2, 'environment', 'staging'))))$$,
    $$prompt_experiment_start(%1$L, 'production', '[{"key": "x", "version": 1, "weight": 1}, {"key": "y", "version": 2, "weight": 0}]', key => pg_catalog.concat(%1$L, 'x'))$$,
    $$prompt_render(%1$L, 'production', 'u', '{"x": 1}')$$, $$(prompt_resolve(%1$L, 'production', 'u', '{"x": 1}')).text$$, $$prompt_messages(%1$L, 'production', 'u', '{"x": 1}')$$, $$(prompt_assign(%1$L, 'production', 'u')).variant$$,
    $$prompt_explain(%1$L, 'production', 'u') ? 'experiment'$$, $$prompt_experiment_set_weights(pg_catalog.concat(%1$L, 'x'), '{"x": 0, "y": 1}')$$, $$(prompt_assign(%1$L, 'production', 'u')).variant$$,
    $$(prompt_experiment_stop(pg_catalog.concat(%1$L, 'x'), 'y')).version$$, $$prompt_render_version(%1$L, 1, '{"x": 2}')$$, $$prompt_render_template('{{x}}', '{"x": 3}')$$, $$prompt_render(pg_catalog.concat(%1$L, 'alias'), 'latest', vars => '{"x": 4}')$$,
    $$(prompt_get(%1$L)).template$$, $$(prompt_get(%1$L, 1)).status$$, $$(prompt_get(%1$L, 'staging')).version$$, $$(SELECT pg_catalog.string_agg(h.status, ',') FROM prompt_history(%1$L) h)$$, $$(SELECT pg_catalog.count(*) FROM prompt_deployments(%1$L))$$,
    $$(SELECT pg_catalog.count(*) FROM prompt_list(folder => pg_catalog.split_part(%1$L, '/', 1)))$$, $$(SELECT pg_catalog.count(*) FROM prompt_search(%1$L))$$, $$(SELECT pg_catalog.count(*) FROM prompt_promotable(%1$L, 1, 'production'))$$,
    $$prompt_deployed_at(%1$L, 'production', 'infinity')$$, $$(SELECT pg_catalog.count(*) FROM prompt_verify(%1$L))$$, $$(SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 5 FROM prompt_changes_since())$$,
    $$prompt_grant(%1$L, 'read', 'regress_hostile')$$, $$(SELECT pg_catalog.count(*) FROM prompt_grants() g WHERE g.role OPERATOR(pg_catalog.=) 'regress_hostile')$$, $$prompt_allowed('read', %1$L)$$, $$prompt_revoke(%1$L, 'read', 'regress_hostile')$$,
    $$(SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>=) 3 FROM prompt_environments())$$, $$(prompt_retire(%1$L, 'production')).event$$, $$(prompt_retire(%1$L, 'staging')).event$$, $$prompt_archive(%1$L)$$, $$prompt_unarchive(%1$L)$$,
    $$promptreg.pick_variant('exp_1', 'user_4', '{control,b}', '{500000,500000}')$$, $$promptreg.slot(promptreg.hash64('a'))$$];
  call pg_catalog.text;
  answer pg_catalog.text;
BEGIN
  answers := '';
  FOREACH call IN ARRAY calls LOOP
    BEGIN
      EXECUTE pg_catalog.concat('SELECT (', pg_catalog.format(call, p), ')::pg_catalog.text') INTO answer;
    EXCEPTION WHEN OTHERS THEN
      answer := pg_catalog.concat(SQLSTATE, ' ', SQLERRM);
    END;
    answers := pg_catalog.concat(answers, pg_catalog.split_part(call, '(%1', 1), ' -> ', pg_catalog.replace(answer, folder, '<folder>'), pg_catalog.chr(10));
    COMMIT;
  END LOOP;
END;
$body$;
CREATE ROLE regress_hostile;
CALL test.everything('honest', NULL) \gset honest_
SET search_path = hostile, public, pg_catalog;
CALL test.everything('hostile', NULL) \gset hostile_
RESET search_path;
SELECT :'honest_answers' AS answers;
SELECT :'honest_answers' = :'hostile_answers' AS same;
SELECT what, count(*) FROM hostile.hits GROUP BY 1 ORDER BY 1;

\set SHOW_CONTEXT never
-- Errors, and with a temporary schema as the hostile one.
SET search_path = hostile, public, pg_catalog;
SELECT prompt_resolve('honest/none');
SELECT prompt_resolve('honest/p', 'nowhere');
SELECT prompt_commit('honest/p', messages => '[]');
SELECT prompt_promote('honest/p', 9, 'production');
SELECT prompt_verify('honest/p');
RESET search_path;
CREATE TEMPORARY TABLE prompts AS SELECT * FROM promptreg.prompts LIMIT 0;
CREATE TEMPORARY TABLE names AS SELECT * FROM promptreg.names LIMIT 0;
CREATE TEMPORARY TABLE routes AS SELECT * FROM promptreg.routes LIMIT 0;
SELECT prompt_register('honest/temp', 'x');
SELECT (prompt_promote('honest/temp', 1, 'production')).version;
SELECT prompt_render('honest/temp');
SELECT count(*) FROM hostile.hits;
-- With no search path at all, as in pg_dump.
SET search_path = '';
SELECT public.prompt_render('honest/temp'), public.prompt_register('honest/temp', 'x');
RESET search_path;
SET client_min_messages = error;
DROP SCHEMA hostile CASCADE;
DROP PROCEDURE test.everything(text, text);
DROP ROLE regress_hostile;
