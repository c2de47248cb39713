# pg_dump and pg_restore into a fresh database, in every form: the same answers, the same hashes, the same next numbers,
# and not a word on stderr.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;

my $node = new_node('dump', extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
my $dir = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', q{
	CREATE ROLE app; CREATE ROLE analyst;
	CREATE TABLE own (id integer PRIMARY KEY, prompt text, version_id bigint REFERENCES promptreg.versions (id));
	SELECT prompt_create('support/triage', E'Line\nbreak, tab\t, \\\\ and ''quotes''', tags => ARRAY['a,b', '{"x"}', 'ż'], team => 'support');
	SELECT prompt_commit('support/triage', E'Hello {{name}} \\\\ "quoted" ''single'' \n\t\U0001F422 ' || i, variables => '[{"name": "name", "default": "ż"}]',
	  params => '{"temperature": 0.10, "n": 12345678901234567890.5, "stop": ["\n", "ż"]}', message => E'commit\n' || i, model => 'gpt-4o',
	  metadata => '{"a": {"b": [1, 2.50, null]}}') FROM generate_series(1, 5) i;
	SELECT prompt_commit('support/triage', 'forked {{name}}', branch => 'side', parent_version => 2);
	SELECT prompt_register('chat', '[{"role": "system", "content": "You are {{persona}}."}, {"role": "user", "content": "{{q}}", "name": "x"}]'::jsonb);
	SELECT prompt_register('🐢 emoji/''quote"', 'text');
	SELECT prompt_register('served nowhere', 'text');
	SELECT prompt_create('empty', kind => 'chat');
	SELECT prompt_environment_create('canary', 'first', 2900);
	SELECT prompt_promote('support/triage', v, 'production', E'why\n' || v) FROM generate_series(1, 4) v;
	SELECT prompt_rollback('support/triage', 'production');
	SELECT prompt_promote('support/triage', 5, 'canary', idempotency_key => 'key 1');
	SELECT prompt_promote('chat', 1, 'production');
	SELECT prompt_promote('🐢 emoji/''quote"', 1, 'production');
	SELECT prompt_retire('🐢 emoji/''quote"', 'production', 'gone');
	SELECT prompt_promote('🐢 emoji/''quote"', 1, 'staging');
	SELECT prompt_register('tone', 'Be {{style}}.'), prompt_register('tone', 'Be very {{style}}.');
	SELECT prompt_promote('tone', 1, 'production');
	SELECT prompt_register('composed', '{{> tone}} {{> tone@2}} {{> tone@production}}');
	SELECT prompt_promote('composed', 1, 'production');
	SELECT prompt_archive('served nowhere', 'nobody needs it');
	SELECT prompt_rename('chat', 'chat/new name');
	SELECT prompt_experiment_start('support/triage', 'canary', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 2}]', key => 'ended');
	SELECT prompt_experiment_set_weights('ended', '{"a": 3, "b": 1}');
	SELECT prompt_experiment_stop('ended', 'b');
	SELECT prompt_namespace_create('checkout'), prompt_holdout('quarter', 0.05);
	SELECT prompt_experiment_start('support/triage', 'production', '[{"key": "a", "version": 1, "weight": 1}, {"key": "ż", "version": 6, "weight": 2}]', coverage => 0.7, key => 'running',
	  namespace => 'checkout', namespace_to => 0.9, holdout => 'quarter');
	SELECT prompt_experiment_override('running', 'user 7', 'ż');
	SELECT prompt_grant('support/*', 'resolve', 'app', 'production');
	SELECT prompt_grant('*', 'read', 'analyst');
	SELECT prompt_grant('chat', 'resolve', 'public');
	SELECT prompt_revoke('chat', 'resolve', 'public');
	SELECT prompt_model_price('gpt-*', 2.5, 10, 1.25, '2020-01-01');
	SELECT promptreg.make_partition('executions', t) FROM unnest('{2025-12-15,2026-01-15}'::timestamptz[]) t;
	SELECT promptreg.make_partition('outcomes', '2026-01-15');
	SELECT prompt_log('support/triage', 1, 'production', 'ż', 'r' || i, 'running', 'ż', 'gpt-4o', i / 3.0, tokens_in => i, metadata => '{"a": [1.50, null]}', at => '2025-12-31 23:30Z'::timestamptz + i * interval '7 min')
	  FROM generate_series(1, 9) i;
	SET promptreg.partition_interval = 'day';
	SELECT promptreg.make_partition('executions', '2025-11-11 12:00Z');
	SELECT prompt_log('elsewhere', 1, error => E'a\tb\n', at => '2025-11-11 12:00Z', request_id => 'day');
	RESET promptreg.partition_interval;
	INSERT INTO promptreg.executions (at, request_id, prompt, version) VALUES ('2016-05-05', 'waits', 'support/triage', 2);
	SELECT prompt_feedback('r' || i, rating => i % 5 + 1, comment => E'\\.', at => '2026-01-05 12:00Z') FROM generate_series(1, 4) i;
	SELECT promptreg.take_rows('test');
	SELECT prompt_retention('executions', '24 months'), promptreg.note_dropped('executions', 'staging', '2025-01-01');
	SELECT prompt_metric_define('errors', 'ratio', 'error', 'executions', 'down', role => 'primary'), prompt_metric_define('tokens', 'count', 'tokens_in'),
	  prompt_metric_define('slow', 'quantile', 'latency_ms', quantile => 0.9);
	SELECT prompt_experiment_plan('running', 1000);
	SELECT promptreg.refresh_experiments();
	SELECT prompt_log('support/triage', 1, request_id => 'not taken', at => '2026-01-02 12:00Z');
	INSERT INTO own VALUES (1, 'support/triage', 1)});

# What an application, a user and an auditor see, in this order.
sub answers
{
	my ($database) = @_;
	return join "\n", map { $node->safe_psql($database, "SET TimeZone = 'UTC'; SET client_encoding = 'UTF8'; $_") } (
		q{SELECT r.* FROM generate_series(1, 300) u, unnest('{production,canary}'::text[]) env,
		         prompt_resolve('support/triage', env, 'user ' || u, '{"name": "Zoë"}') r ORDER BY u, env},
		q{SELECT prompt_messages('chat/new name', vars => '{"persona": "p", "q": "?"}'), prompt_render('🐢 emoji/''quote"', 'staging')},
		q{SELECT prompt_render('composed', vars => '{"style": "kind"}'), prompt_snippets('composed')},
		q{SELECT * FROM promptreg.snippet_graph g ORDER BY g},
		q{SET ROLE app; SELECT prompt_render('support/triage', user_id => 'u'); RESET ROLE},
		map({ "SELECT t.* FROM promptreg.$_ t ORDER BY t" } qw(prompts names versions snippet_uses deployments experiments variants weights overrides namespaces holdouts rollouts guards guard_counts guard_users guard_products guard_events routes audit_log changes grants pending_changes executions outcomes model_prices watermarks retention retention_state metrics experiment_plans experiment_metrics experiment_users experiment_exposures experiment_totals experiment_stats experiment_figures experiment_splits experiment_closings)),
		q{SELECT s.experiment_id, s.metric, s.variant, s.sketch FROM promptreg.experiment_sketches s ORDER BY 1, 2, 3},
		q{SELECT name, rank, description, builtin FROM promptreg.environments ORDER BY name},
		q{SELECT * FROM prompt_changes_since(0)},
		q{SELECT name, prompt_history(name) FROM promptreg.prompts ORDER BY id},
		q{SELECT name, prompt_deployments(name) FROM promptreg.prompts ORDER BY id},
		q{SELECT tableoid::regclass, request_id FROM promptreg.executions ORDER BY 2},
		q{SELECT * FROM promptreg.version_status ORDER BY 1, 2, 3},
		q{SELECT extversion, n.nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'promptreg'},
		q{TABLE own},
		q{SELECT count(*) FROM prompt_verify()});
}

# What comes next: numbers go on without a gap.
sub next_numbers
{
	my ($database) = @_;
	return $node->safe_psql($database, q{
		BEGIN;
		SELECT prompt_commit('support/triage', 'next'), prompt_register('chat', '[{"role": "user", "content": "next"}]'::jsonb), prompt_register('one more', 'x');
		SELECT number, version, previous FROM prompt_promote('support/triage', 7, 'canary');
		SELECT version, prompt FROM prompt_rollback('support/triage', 'production');
		SELECT prompt_experiment_start('chat', 'production', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 2}]');
		SET CONSTRAINTS ALL IMMEDIATE;
		SELECT seq, audit_id FROM promptreg.changes ORDER BY seq DESC LIMIT 8;
		SELECT max(id) FROM promptreg.versions;
		SELECT max(id) FROM promptreg.prompts;
		SELECT max(id) FROM promptreg.deployments;
		SELECT count(*) FROM prompt_verify();
		ROLLBACK;
		-- Sequences do not roll back.
		DO $$ BEGIN
		  PERFORM setval(s::regclass, m) FROM (VALUES ('promptreg.versions_id_seq', (SELECT max(id) FROM promptreg.versions)),
		    ('promptreg.prompts_id_seq', (SELECT max(id) FROM promptreg.prompts)),
		    ('promptreg.deployments_id_seq', (SELECT max(id) FROM promptreg.deployments)),
		    ('promptreg.audit_log_id_seq', (SELECT max(id) FROM promptreg.audit_log))) AS v (s, m);
		END $$});
}

# Runs a program; its exit code and everything that it said on stderr.
sub run_silently
{
	my (@command) = @_;
	my ($out, $err);
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);
	return "$command[0] " . ($? >> 8) . ": $err";
}

my @psql = qw(psql -X -q -v ON_ERROR_STOP=1 -o /dev/null);
my $expected_answers = answers('postgres');
my $expected_numbers = next_numbers('postgres');
like($expected_answers, qr/Zoë/, 'the database answers');
like($expected_answers, qr/\n0\z/, '... and is whole');
my %forms = (
	custom => [ [qw(pg_dump -Fc -f FILE postgres)], [qw(pg_restore -d DB FILE)] ],
	plain => [ [qw(pg_dump -f FILE postgres)], [ @psql, qw(-d DB -f FILE) ] ],
	inserts => [ [qw(pg_dump --inserts -f FILE postgres)], [ @psql, qw(-d DB -f FILE) ] ],
	column_inserts => [ [qw(pg_dump --column-inserts -f FILE postgres)], [ @psql, qw(-d DB -f FILE) ] ],
	directory => [ [qw(pg_dump -Fd -j2 -f FILE postgres)], [qw(pg_restore -d DB FILE)] ],
	# A parallel restore loads the tables of an extension in any order, so that foreign keys must wait.
	parallel => [ [qw(pg_dump -Fd -j2 -f FILE postgres)],
		[qw(env PGOPTIONS=-csession_replication_role=replica pg_restore -j2 -d DB FILE)] ],
	one_transaction => [ [qw(pg_dump -Fc -f FILE postgres)], [qw(pg_restore -1 -d DB FILE)] ],
	data_only => [ [qw(pg_dump --data-only -f FILE postgres)], [ @psql, '-d', 'DB', '-c',
			'CREATE EXTENSION promptreg', '-c', 'CREATE TABLE own (id integer PRIMARY KEY, prompt text, version_id bigint REFERENCES promptreg.versions (id))',
			# Partitions are made at run time: data alone need them to be there.
			'-c', q{SELECT promptreg.make_partition('executions', t) FROM unnest('{2025-12-15,2026-01-15}'::timestamptz[]) t}, '-c', q{SELECT promptreg.make_partition('outcomes', '2026-01-15')},
			'-c', q{SET promptreg.partition_interval = 'day'}, '-c', q{SELECT promptreg.make_partition('executions', '2025-11-11 12:00Z')} ],
		[ @psql, qw(-d DB -f FILE) ] ],
	sections => [ [qw(pg_dump -Fc -f FILE postgres)], map { [ qw(pg_restore -d DB), "--section=$_", 'FILE' ] } qw(pre-data data post-data) ],
	plain_sections => [ map({ [ 'pg_dump', "--section=$_", '-f', "FILE.$_", 'postgres' ] } qw(pre-data data post-data)),
		map { [ @psql, '-d', 'DB', '-f', "FILE.$_" ] } qw(pre-data data post-data) ],
	# Once more from a restored database.
	again => [ [qw(pg_dump -Fc -f FILE custom)], [qw(pg_restore -d DB FILE)] ]);
for my $form ('custom', grep { $_ ne 'custom' } sort keys %forms)
{
	$node->safe_psql('postgres', "CREATE DATABASE $form TEMPLATE template0");
	my @said = map { run_silently(map { s/^DB$/$form/r =~ s/^FILE/$dir\/$form/r } @$_) } @{ $forms{$form} };
	is(join("\n", grep { !/^\w+ 0: $/ } @said), '', "$form: no error, no warning");
	is(answers($form), $expected_answers, "$form: the same answers and the same hashes");
	is(next_numbers($form), $expected_numbers, "$form: the same next numbers");
	# Restored triggers still refuse, and restored caches still notice.
	my ($code) = error_of($node, $form, 'DELETE FROM promptreg.versions');
	is($code, 'PR060', "$form: history is append-only");
}

# Every table and sequence is in the dump's configuration.
is( $node->safe_psql('postgres', q{
		SELECT c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'promptreg'
		 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND c.relkind IN ('r', 'S', 'p')
		   AND NOT c.oid = ANY (e.extconfig)}),
	'', 'no table or sequence is left out of dumps');

# In a schema of its own.
$node->safe_psql('postgres', q{CREATE DATABASE elsewhere TEMPLATE template0});
$node->safe_psql('elsewhere', q{CREATE SCHEMA app; CREATE EXTENSION promptreg SCHEMA app;
	SELECT app.prompt_register('p', 'hello'); SELECT app.prompt_promote('p', 1, 'production'); CREATE VIEW v AS SELECT app.prompt_render('p')});
$node->safe_psql('postgres', q{CREATE DATABASE elsewhere_too TEMPLATE template0});
is( join('', map { run_silently(@$_) } [ 'pg_dump', '-Fc', '-f', "$dir/elsewhere", 'elsewhere' ], [ 'pg_restore', '-d', 'elsewhere_too', "$dir/elsewhere" ]),
	'pg_dump 0: pg_restore 0: ', 'an extension in a schema of its own is dumped and restored without a word');
is($node->safe_psql('elsewhere_too', 'TABLE v'), 'hello', '... and answers');
$node->stop;
done_testing();
