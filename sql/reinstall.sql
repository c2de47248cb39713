-- Dropping and creating the extension in a living session: nothing of the old one is remembered.

SELECT prompt_register('reinstall/a', 'old {{x}}', model => 'old');
SELECT (prompt_promote('reinstall/a', 1, 'production')).version;
SELECT prompt_render('reinstall/a', vars => '{"x": 1}');
PREPARE resolve AS SELECT prompt, version, text FROM public.prompt_resolve('reinstall/a', vars => '{"x": 1}');
EXECUTE resolve;
CREATE ROLE regress_reinstall;
SELECT prompt_grant('*', 'resolve', 'regress_reinstall');
SET ROLE regress_reinstall;
EXECUTE resolve;
RESET ROLE;

SET client_min_messages = warning;
-- In a transaction that is rolled back it is there again.
BEGIN;
DROP EXTENSION promptreg CASCADE;
SELECT prompt_render('reinstall/a');
ROLLBACK;
SELECT prompt_render('reinstall/a', vars => '{"x": 2}');

DROP EXTENSION promptreg CASCADE;
-- It takes all its tables and its schema along.
SELECT count(*) AS schemas FROM pg_namespace WHERE nspname = 'promptreg';
EXECUTE resolve;
SELECT prompt_render('reinstall/a');

-- Another schema for what applications call.
CREATE SCHEMA prompts;
GRANT USAGE ON SCHEMA prompts TO regress_reinstall;
CREATE EXTENSION promptreg SCHEMA prompts;
EXECUTE resolve;
SELECT prompts.prompt_render('reinstall/a');
SELECT prompts.prompt_register('reinstall/b', 'filler'), prompts.prompt_register('reinstall/a', 'new {{x}}');
SELECT (prompts.prompt_promote('reinstall/a', 1, 'production')).version;
SELECT prompt, version, text, model FROM prompts.prompt_resolve('reinstall/a', vars => '{"x": 3}');
SELECT prompts.prompt_render('reinstall/a', vars => '{"x": 4}') AS again;
SET ROLE regress_reinstall;
SELECT prompts.prompt_render('reinstall/a');
RESET ROLE;
SELECT * FROM prompts.prompt_verify();
SELECT count(*) AS in_public FROM pg_proc WHERE proname LIKE 'prompt\_%' AND pronamespace = 'public'::regnamespace;
ALTER EXTENSION promptreg SET SCHEMA public;

-- However the session that creates it reads backslashes.
DROP EXTENSION promptreg;
SET standard_conforming_strings = off;
CREATE EXTENSION promptreg SCHEMA prompts;
RESET standard_conforming_strings;
SELECT name, promptreg.is_valid_name(name) AS valid FROM unnest(ARRAY['sales', 'x01', ' sales', E'a\nb']) AS name;
SELECT promptreg.matches('gpt-4o', 'gpt*o') AS star, promptreg.matches('gpt-4o', 'gpt_4o') AS underscore;

-- Five times over, in one session.
DO $$
BEGIN
  FOR n IN 1 .. 5 LOOP
    DROP EXTENSION promptreg;
    CREATE EXTENSION promptreg SCHEMA prompts;
    PERFORM prompts.prompt_register('reinstall/a', 'install ' || n);
    PERFORM prompts.prompt_promote('reinstall/a', 1, 'production');
    COMMIT;
    IF prompts.prompt_render('reinstall/a') <> 'install ' || n OR prompts.prompt_render('reinstall/a') <> 'install ' || n THEN
      RAISE WARNING 'install %: %', n, prompts.prompt_render('reinstall/a');
    END IF;
  END LOOP;
END;
$$;
SELECT prompts.prompt_render('reinstall/a');

DROP EXTENSION promptreg;
DROP SCHEMA prompts;
DROP ROLE regress_reinstall;
CREATE EXTENSION promptreg;
EXECUTE resolve;
SELECT prompt_register('reinstall/a', 'newest {{x}}');
SELECT (prompt_promote('reinstall/a', 1, 'production')).version;
EXECUTE resolve;
DEALLOCATE resolve;
