# Cancelling at any point: honoured soon, memory comes back, nothing is left behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;
use List::Util qw(max min);
use Time::HiRes qw(time sleep);

my $rounds = $ENV{PROMPTREG_TEST_ROUNDS} // 12;
my $node = new_node('cancel', conf => "promptreg.max_render_operations = 1000000000\nlog_statement = none\nmax_parallel_workers_per_gather = 0\n");
$node->safe_psql('postgres', q{
	SELECT prompt_register('good', 'Hello {{name}}');
	SELECT prompt_promote('good', 1, 'production');
	SELECT prompt_register('hostile', '{{#list}}{{#list}}{{#list}}{{#list}}{{/list}}{{/list}}{{/list}}{{/list}}');
	SELECT prompt_promote('hostile', 1, 'production');
	SELECT prompt_register('hostile chat', '[{"role": "system", "content": "{{#list}}{{#list}}{{#list}}{{#list}}{{/list}}{{/list}}{{/list}}{{/list}}"}]'::jsonb);
	SELECT prompt_promote('hostile chat', 1, 'production');
	SELECT prompt_register('history', '[{"type": "placeholder", "name": "h"}]'::jsonb);
	CREATE TABLE histories (vars jsonb);
	ALTER TABLE histories ALTER vars SET STORAGE EXTERNAL;
	INSERT INTO histories SELECT jsonb_build_object('h', jsonb_agg(jsonb_build_object('role', 'user', 'content',
		jsonb_build_array(jsonb_build_object('type', 'text', 'text', 'message ' || i))))) FROM generate_series(1, 50000) i;
	CREATE TABLE texts (vars text);
	ALTER TABLE texts ALTER vars SET STORAGE EXTERNAL;
	INSERT INTO texts SELECT '{' || string_agg(format('"key %s":%s', i::bigint * 7919 % 300007, i), ',') || '}' FROM generate_series(1, 300000) i;
	SELECT prompt_create('long');
	DO $$ BEGIN FOR i IN 1..2000 LOOP PERFORM prompt_commit('long', i || repeat(' {{name}}', 50)); END LOOP; END $$;
	ANALYZE});

my $list = q{jsonb_build_object('list', (SELECT jsonb_agg(i) FROM generate_series(1, 1000) i))};
my %calls = (
	'a hostile template' => "SELECT prompt_render('hostile', vars => $list)",
	'a hostile chat' => "SELECT prompt_messages('hostile chat', vars => $list)",
	'a long history' => q{DO $$ DECLARE v jsonb := (SELECT vars FROM histories); BEGIN LOOP PERFORM prompt_messages('history', 'latest', vars => v); END LOOP; END $$},
	'variables as text' => q{DO $$ DECLARE v text := (SELECT vars FROM texts); BEGIN LOOP PERFORM prompt_render_text('good', vars => v); END LOOP; END $$},
	'a hostile preview' => "SELECT prompt_render_template('{{#list}}{{#list}}{{#list}}{{#list}}{{/list}}{{/list}}{{/list}}{{/list}}', $list)",
	'many resolutions' => q{SELECT count(prompt_resolve('good', 'production', u::text, '{"name": "x"}')) FROM (SELECT generate_series(1, 100000000)) g (u)},
	'many versions' => q{SELECT count(prompt_render_version('long', 1 + i % 2000, '{"name": "x"}')) FROM (SELECT generate_series(1, 100000000)) g (i)},
	'many explanations' => q{SELECT count(prompt_explain('good')) FROM (SELECT generate_series(1, 100000000)) g},
	'verifying' => q{SELECT count(*) FROM generate_series(1, 10000) g, LATERAL (SELECT prompt_verify(CASE WHEN g > 0 THEN 'long' END) OFFSET 0) v},
	'histories' => q{SELECT count(*) FROM generate_series(1, 10000) i, LATERAL (SELECT * FROM prompt_history(CASE WHEN i > 0 THEN 'long' END) OFFSET 0) h WHERE h.version = i},
	'commits' => q{DO $$ BEGIN LOOP PERFORM prompt_commit('long', 'x {{name}}'); END LOOP; END $$},
	'promotions' => q{DO $$ BEGIN LOOP PERFORM prompt_promote('long', 1, 'staging'); PERFORM prompt_promote('long', 2, 'staging'); PERFORM prompt_render('long', 'staging', vars => '{"name": 1}'); END LOOP; END $$});
my $good = q{SELECT prompt_render('good', vars => '{"name": "Ann"}')};
my $session = PromptregSession->new($node, 'postgres', setup => q{SET promptreg.cache_size = '1MB'});
my $other = PromptregSession->new($node, 'postgres');
is($session->query($good), 'Hello Ann', 'the session answers');
my $state = q{SELECT (SELECT count(*) FROM promptreg.versions), (SELECT count(*) FROM promptreg.deployments), (SELECT count(*) FROM promptreg.changes),
	(SELECT count(*) FROM promptreg.pending_changes)};
my $before = $session->query($state);

for my $name (sort keys %calls)
{
	my (@work, @late, @wrong, @memory);
	for my $round (1 .. $rounds)
	{
		# In steps through the first 200 ms, by a timeout and by a signal in turn.
		my $after = int(1 + 199 * ($round - 1) / $rounds);
		my $started = time;
		my ($work, $out, $err);
		if ($round % 2)
		{
			$session->query("SET statement_timeout = $after");
			$started = time;
			($out, $err) = $session->try($calls{$name});
		}
		else
		{
			$session->send($calls{$name});
			sleep $after / 1000;
			($work, $out, $err) = $session->cancel;
			push @work, $work;
		}
		push @late, 1000 * (time - $started) - $after;
		$session->query('SET statement_timeout = 0');
		push @wrong, "$out$err" if $err !~ /ERROR:  canceling statement due to (?:statement timeout|user request)/;
		push @wrong, 'afterwards: ' . $session->query($good) if $session->query($good) ne 'Hello Ann';
		push @memory, $session->memory('RssAnon');
	}
	is(join("\n", @wrong), '', "$name: cancelled, and the session lives");
	@work = sort { $a <=> $b } @work;
	cmp_ok($work[ @work / 2 ], '<', 10, "$name: honoured within 10 ms of work") or diag(join ' ', map { int } @work);
	cmp_ok(max(@late), '<', 5000, "$name: and always soon");
	note(sprintf '%s: %.1f ms at p50, %.1f at the most', $name, $work[ @work / 2 ], $work[-1]);
  SKIP:
	{
		skip 'no /proc', 1 if !defined $memory[0];
		# What malloc keeps differs by where a cancel struck; the least of several rounds grows only if something is lost.
		# In the first rounds caches fill.
		my (undef, @third) = map { min(@memory[ $_ * @memory / 3 .. ($_ + 1) * @memory / 3 - 1 ]) } 0 .. 2;
		cmp_ok($third[1] - $third[0], '<', 2048, "$name: memory is back") or diag("@memory");
	}
}
is($session->query($state), $before, 'nothing of what was cancelled is left');
is($session->query(q{SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'promptreg%'}) <= 4, 1, 'no memory context either');
is($session->query('SELECT * FROM prompt_verify()'), '', 'history is whole');

# A COMMIT that waits for another one can be cancelled too: then it did not happen.
$other->query(q{BEGIN; SELECT prompt_promote('good', 1, 'staging'); SET CONSTRAINTS ALL IMMEDIATE});
$session->query('SET lock_timeout = 100');
my (undef, $err) = $session->try(q{SELECT prompt_promote('long', 5, 'production')});
like($err, qr/canceling statement due to lock timeout/, 'a promotion that waits for its place in the order of commits gives up after lock_timeout');
$session->query('SET lock_timeout = 0');
$session->send(q{SELECT prompt_promote('long', 5, 'production')});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), '... or waits');
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $session->backend . ')');
like(($session->receive)[1], qr/canceling statement due to user request/, '... until it is cancelled');
is($session->query(q{SELECT count(*) FROM promptreg.routes r JOIN promptreg.prompts p ON p.id = r.prompt_id WHERE p.name = 'long'}), '0', '... and has not happened');
is($session->query($good), 'Hello Ann', 'resolving does not wait');
$other->query('COMMIT');
is($session->query(q{SELECT version FROM prompt_promote('long', 5, 'production')}), '5', 'then it goes on');

# Terminated in the middle.
for my $name (sort keys %calls)
{
	my $victim = PromptregSession->new($node, 'postgres');
	my $pid = $victim->backend;
	$victim->send($calls{$name});
	sleep 0.03;
	$other->query("SELECT pg_terminate_backend($pid)");
	$victim->receive;
	$victim->quit;
}
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query ~ 'prompt_'}),
	'sessions end when they are told to');
is($other->query($good), 'Hello Ann', '... and others go on');
is($other->query('SELECT count(*) FROM prompt_verify()'), '0', 'history is whole');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|XX000/, 'no crash');
$_->quit for $session, $other;
$node->stop;
done_testing();
