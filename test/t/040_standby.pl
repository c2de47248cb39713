# A hot standby: serves what was promoted once it is replayed, answers every read-only function as the primary does,
# refuses the others with a hint, and resolves through a storm of promotions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $primary = new_node('primary', allows_streaming => 1, conf => "autovacuum = off\n");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
# For the session that holds a snapshot; by default it would be cancelled when what it sees is cleaned up.
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\nwal_receiver_status_interval = 1s\n");
$standby->start;

$primary->safe_psql('postgres', q{
	SELECT prompt_create('p', 'A prompt', tags => '{a}');
	SELECT prompt_commit('p', i || ' {{name}}') FROM generate_series(1, 20) i;
	SELECT prompt_register('chat', '[{"role": "system", "content": "Hi {{name}}"}]'::jsonb);
	SELECT prompt_promote('p', 1, 'production');
	SELECT prompt_promote('p', 2, 'staging');
	SELECT prompt_promote('chat', 1, 'production');
	SELECT prompt_experiment_start('p', 'staging', '[{"key": "a", "version": 3, "weight": 1}, {"key": "b", "version": 4, "weight": 2}]', key => 'x');
	CREATE ROLE app;
	SELECT prompt_grant('p', 'resolve', 'app', 'production')});
$primary->wait_for_catchup($standby);

# A session that stays connected and keeps what it has in its cache.
my $session = PromptregSession->new($standby, 'postgres');
my $snapshot = PromptregSession->new($standby, 'postgres', setup => 'BEGIN ISOLATION LEVEL REPEATABLE READ');
my $render = q{SELECT prompt_render('p', vars => '{"name": "Ann"}')};
is($session->query($render), '1 Ann', 'the standby resolves');
is($snapshot->query($render), '1 Ann', '... in a REPEATABLE READ transaction too');
my $wrong = 0;
for my $n (2 .. 11)
{
	$primary->safe_psql('postgres', "SELECT prompt_promote('p', $n, 'production')");
	$primary->wait_for_catchup($standby);
	$wrong++ if $session->query($render) ne "$n Ann";
}
is($wrong, 0, 'a session with a warm cache serves each new version once it is replayed');
is($snapshot->query($render), '1 Ann', 'a REPEATABLE READ transaction keeps its view');
is($session->query($render), '11 Ann', '... and does not disturb others');
$snapshot->quit;
$standby->append_conf('postgresql.conf', "hot_standby_feedback = off\n");
$standby->reload;

$session->query('SET ROLE app');
is($session->query($render), '11 Ann', 'a role that has the right resolves');
$primary->safe_psql('postgres', q{SELECT prompt_revoke('p', 'resolve', 'app', 'production')});
$primary->wait_for_catchup($standby);
like(($session->try($render))[1], qr/prompt "p" does not exist/, '... until it is revoked on the primary');
$session->query('RESET ROLE');

# Every function that only reads, with equal results.  A new one has to be added here.
my %calls = (
	prompt_allowed => q{('read', 'p', 'production')},
	prompt_assign => q{('p', 'staging', 'user 7')},
	prompt_assign_at => q{('p', 'staging', 'user 7', 'now')},
	prompt_changes_since => '(3)',
	prompt_compare => q{('p', 1, 2)},
	prompt_deployed_at => q{('p', 'production', 'now')},
	prompt_deployments => q{('p')},
	prompt_environments => '()',
	prompt_experiment_decision => q{((SELECT max(key) FROM promptreg.experiments))},
	prompt_experiment_report => q{((SELECT max(key) FROM promptreg.experiments))},
	prompt_explain => q{('p', 'staging', 'user 7') - 'cache'},
	prompt_get => q{('p', 2)},
	prompt_grants => '()',
	prompt_guards => '()',
	prompt_history => q{('p')},
	prompt_list => '()',
	prompt_messages => q{('chat', vars => '{"name": "Ann"}')},
	prompt_metrics => '()',
	prompt_promotable => q{('p', 3, 'staging')},
	prompt_render => q{('p', 'staging', 'user 7', '{"name": "Ann"}')},
	prompt_render_template => q{('{{x}}', '{"x": 1}')},
	prompt_render_text => q{('p', 'staging', 'user 7', '{"name": "Ann"}')},
	prompt_render_version => q{('p', 5, '{"name": "Ann"}')},
	prompt_request => q{('p', 'staging', 'user 7', '{"name": "Ann"}', 'gemini')},
	prompt_resolve => q{('p', 'staging', 'user 7', '{"name": "Ann"}')},
	prompt_resolve_stats => '() AS t LIMIT 0 --',  # each server counts for itself
	prompt_search => q{('prompt')},
	prompt_snippets => q{('p', 'staging', 'user 7')},
	prompt_spans => q{('p', 'staging', 'user 7', '{"name": "Ann"}')},
	prompt_telemetry_problems => '()',
	prompt_lint => q{('p')},
	prompt_variables => q{('p')},
	prompt_verify => '()');
my %readers = map { $_ => 1 } split /\n/, $primary->safe_psql('postgres', q{
	SELECT DISTINCT proname FROM pg_proc WHERE proname LIKE 'prompt\_%' AND provolatile <> 'v' AND pronamespace = 'public'::regnamespace});
is(join(' ', sort keys %readers), join(' ', sort keys %calls), 'this test calls every function that only reads');
for my $function (sort keys %calls)
{
	my $sql = $function eq 'prompt_explain' ? "SELECT $function$calls{$function}" : "SELECT * FROM $function$calls{$function} AS t";
	is($session->query($sql), $primary->safe_psql('postgres', $sql), "$function answers as on the primary");
}
for my $sql ('SELECT * FROM promptreg.version_status', 'SELECT * FROM promptreg.route_status', 'SELECT promptreg.hash64(\'a\', \'b\')')
{
	my ($out, $err) = $session->try($sql);
	is("$out$err", $primary->safe_psql('postgres', $sql), "$sql as well");
}
is($session->query(q{SELECT count(*) FROM promptreg.pending_changes}), '0', 'no change is pending');

# Every other function, with NULL for all arguments: it does not even look at them.
my @writers = split /\n/, $primary->safe_psql('postgres', q{
	SELECT format('%I(%s)', p.proname, (SELECT string_agg('NULL::' || format_type(t.oid, NULL), ', ' ORDER BY t.n)
	                                      FROM unnest(p.proargtypes) WITH ORDINALITY AS t (oid, n)))
	  FROM pg_proc p WHERE proname LIKE 'prompt\_%' AND provolatile = 'v' AND pronamespace = 'public'::regnamespace ORDER BY 1});
cmp_ok(scalar(@writers), '>', 15, 'there are functions that write');
my @unclear;
for my $call (@writers)
{
	my ($name) = $call =~ /^(\w+)/;
	my (undef, $err) = $session->try("\\set VERBOSITY verbose\nSELECT $call");
	push @unclear, "$call: $err"
	  if $err !~ /ERROR:  25006: cannot execute $name in a read-only transaction\nDETAIL:  This server is a standby.\nHINT:  Connect to the primary server./;
}
is(join("\n", @unclear), '', 'each says that it needs the primary');

# Promotions as fast as the primary makes them, replayed while the standby resolves.
$primary->safe_psql('postgres', q{SELECT prompt_experiment_stop('x')});
my $script = PostgreSQL::Test::Utils::tempdir() . '/resolve.sql';
append_to_file($script, q{
	\set user random(1, 1000000)
	SELECT prompt_render('p', 'production', 'user ' || :user::text, '{"name": "Ann"}'), version FROM prompt_resolve('p', 'staging', vars => '{"name": "Ann"}');
});
my ($out, $err);
my $readers = IPC::Run::start([ 'pgbench', '-n', '-M', 'prepared', '-c', 4, '-R', 2000, '-T', 60, '-f', $script, $standby->connstr('postgres') ],
	'>', \$out, '2>', \$err);
my $started = time;
my ($promotions, $seconds) = (0, $ENV{PROMPTREG_TEST_SECONDS} // 4);
while (time < $started + $seconds)
{
	$primary->safe_psql('postgres', q{DO $$ BEGIN FOR i IN 1..200 LOOP
		PERFORM prompt_promote('p', i % 20 + 1, 'production'); COMMIT; PERFORM prompt_promote('p', i % 19 + 1, 'staging'); COMMIT; END LOOP; END $$});
	$primary->safe_psql('postgres', 'VACUUM promptreg.routes, promptreg.prompts');
	$promotions += 400;
}
note("$promotions promotions in " . (time - $started) . ' s');
$primary->wait_for_catchup($standby);
is($session->query($render), '1 Ann', 'the last of a storm of promotions is served');
$readers->signal('INT');
eval { $readers->finish };
is($err =~ s/pgbench \(\d.*\n//gr, '', 'those who resolve meanwhile have no error');
is( $standby->safe_psql('postgres', q{
		SELECT sum(confl_tablespace + confl_lock + confl_snapshot + confl_bufferpin + confl_deadlock) FROM pg_stat_database_conflicts}),
	'0', '... and no query is cancelled for a conflict with recovery');

# After a failover the history goes on where it was.
my $version = $primary->safe_psql('postgres', q{SELECT max(seq) FROM promptreg.changes});
$primary->stop;
$standby->promote;
is($session->query(q{SELECT prompt_commit('p', 'after failover {{name}}')}), '21', 'the next version number after a failover');
$session->query(q{SELECT prompt_promote('p', 21, 'production')});
is($session->query($render), 'after failover Ann', '... which is served');
is($session->query('SELECT min(seq), max(seq) FROM prompt_changes_since(' . $version . ')'), ($version + 1) . '|' . ($version + 2), 'and so are the next changes');
is($session->query('SELECT count(*) FROM prompt_verify()'), '0', 'history is whole');
$session->quit;
$standby->stop;
done_testing();
