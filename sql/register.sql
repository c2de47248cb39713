-- Registering: idempotent creation and commit, for scripts that run again and again.

SELECT prompt_register('register/text', 'Hello {{name}}', description => 'Greets', tags => '{greeting}', team => 'web', message => 'first');
SELECT prompt_register('register/text', 'Hello {{name}}', description => 'Ignored', tags => '{ignored}', team => 'ignored', message => 'again');
SELECT kind, description, tags, team, head_version FROM prompt_list(folder => 'register');
SELECT version, message, branch, parent_version FROM prompt_history('register/text');

-- What changed is committed; what any version says already is not, and the newest that says it is returned.
SELECT prompt_register('register/text', 'Hi {{name}}') AS v2, prompt_register('register/text', 'Hello {{name}}') AS v1_again;
SELECT prompt_commit('register/text', 'Hello {{name}}') AS v3;
SELECT prompt_register('register/text', 'Hello {{name}}') AS v3_again, prompt_register('register/text', 'Hi {{name}}') AS v2_again;
SELECT count(*) FROM prompt_history('register/text');

-- Everything that a version says counts; metadata and message do not.
SELECT prompt_register('register/text', 'Hi {{name}}', model => 'm') AS model,
       prompt_register('register/text', 'Hi {{name}}', params => '{"temperature": 0}') AS params,
       prompt_register('register/text', 'Hi {{name}}', syntax => 'none') AS syntax,
       prompt_register('register/text', 'Hi {{name}}', escape => 'html') AS escape,
       prompt_register('register/text', 'Hi {{name}}', metadata => '{"a": 1}', message => 'no change') AS same;
-- The order of keys in JSON and an empty object of parameters are no difference.
SELECT prompt_register('register/text', 'x', params => '{"a": 1, "b": 2}') = prompt_register('register/text', 'x', params => '{"b": 2, "a": 1}') AS equal,
       prompt_register('register/text', 'y', params => '{}') = prompt_register('register/text', 'y') AS equal;

-- Nothing changed: nothing recorded.
SELECT count(*) AS records FROM promptreg.audit_log WHERE prompt = 'register/text' \gset before_
SELECT prompt_register('register/text', 'y');
SELECT count(*) = :before_records AS unchanged FROM promptreg.audit_log WHERE prompt = 'register/text';

-- Chat prompts, and the kind that a prompt has.
SELECT prompt_register('register/chat', messages => '[{"role": "user", "content": "{{q}}"}]') AS v1,
       prompt_register('register/chat', messages => '[{"content": "{{q}}", "role": "user"}]') AS v1_again,
       prompt_register('register/chat', messages => '[{"role": "system", "content": "{{q}}"}]') AS v2;
CALL test.fails($$SELECT prompt_register('register/chat', 'text')$$);
CALL test.fails($$SELECT prompt_register('register/text', messages => '[{"role": "user", "content": "x"}]')$$);

-- A failed registration creates no prompt.
CALL test.fails($$SELECT prompt_register('register/none', template => NULL)$$);
CALL test.fails($$SELECT prompt_register('register/none', messages => '[]')$$);
CALL test.fails($$SELECT prompt_register('register/none', 'x', params => '[]')$$);
CALL test.fails($$SELECT prompt_register('', 'x')$$);
CALL test.fails($$SELECT prompt_register(NULL, 'x')$$);
SELECT count(*) FROM promptreg.names WHERE name = 'register/none';

-- Registering through an alias registers the prompt behind it.
SELECT prompt_rename('register/text', 'register/alias');
SELECT prompt_register('register/alias', 'y') = prompt_register('register/text', 'y') AS same;
SELECT count(*) FROM promptreg.prompts WHERE name = 'register/alias';
