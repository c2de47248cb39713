# Through pgbouncer in transaction mode: sessions of the server are handed from client to client, and no identity with
# them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';
plan skip_all => 'pgbouncer is not installed' if !defined $pgbouncer;
my $transactions = $ENV{PROMPTREG_TEST_ROUNDS} // 100;

my $node = new_node('pooler');
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $port = $node->port;
$node->safe_psql('postgres', q{
	CREATE ROLE gateway LOGIN NOINHERIT; CREATE ROLE direct_0 LOGIN; CREATE ROLE direct_1 LOGIN;
	CREATE ROLE team_0; CREATE ROLE team_1;
	GRANT team_0, team_1 TO gateway;
	SELECT prompt_register('t' || i || '/p', 'team ' || i || ' says {{word}}') FROM generate_series(0, 1) i;
	SELECT prompt_register('t' || i || '/p', 'team ' || i || ' writes {{word}}') FROM generate_series(0, 1) i;
	SELECT prompt_promote('t' || i || '/p', 1, 'production') FROM generate_series(0, 1) i;
	SELECT prompt_grant('t0/*', 'release', 'team_0'); SELECT prompt_grant('t1/*', 'release', 'team_1');
	SELECT prompt_grant('t0/*', 'resolve', 'direct_0'); SELECT prompt_grant('t1/*', 'resolve', 'direct_1');
	-- What a caller gets: its own prompt and not the other's.
	CREATE FUNCTION check_identity(team integer) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
	  other text := 't' || 1 - team || '/p';
	  found text;
	BEGIN
	  IF prompt_render('t' || team || '/p', vars => '{"word": "hi"}') NOT IN ('team ' || team || ' says hi', 'team ' || team || ' writes hi') THEN
	    RAISE EXCEPTION 'wrong text';
	  END IF;
	  BEGIN
	    found := prompt_render(other, vars => '{"word": "hi"}');
	  EXCEPTION WHEN SQLSTATE 'PR001' THEN
	    RETURN;
	  END;
	  RAISE EXCEPTION 'identity mixed up: % saw %', current_user, found;
	END $$;
	GRANT EXECUTE ON FUNCTION check_identity TO PUBLIC});

append_to_file("$dir/ini", qq{
[databases]
postgres = host=${\$node->host} port=$port
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = $dir
auth_type = trust
auth_file = $dir/users
pool_mode = transaction
default_pool_size = 1
max_client_conn = 100
logfile = $dir/log
pidfile = $dir/pid
});
append_to_file("$dir/users", join('', map { qq("$_" ""\n) } qw(gateway direct_0 direct_1)));
my $run = IPC::Run::start([ $pgbouncer, '-q', "$dir/ini" ], '>', \my $out, '2>', \my $err);
END { local $?; $run->kill_kill if $run && $run->pumpable }
my $pooled = "host=$dir port=6432 dbname=postgres";
for (1 .. 100)
{
	last if -S "$dir/.s.PGSQL.6432";
	select undef, undef, undef, 0.05;
}

sub pgbench
{
	my ($what, $connection, $script, @arguments) = @_;
	append_to_file("$dir/script.sql", $script);
	my ($stdout, $stderr);
	IPC::Run::run([ 'pgbench', '-n', '-j', 2, '-f', "$dir/script.sql", @arguments, $connection ], '>', \$stdout, '2>', \$stderr);
	is($?, 0, $what) or diag($stderr);
	unlink "$dir/script.sql";
	return;
}

# One connection to the server for 20 clients, who take one of two roles for each transaction.
pgbench('20 clients share one session, each transaction with its role', "$pooled user=gateway", q{
	\set team random(0, 1)
	BEGIN;
	SELECT set_config('role', 'team_' || :team, true);
	SELECT check_identity(:team);
	SELECT check_identity(:team);
	COMMIT;
}, '-c', 20, '-t', $transactions);
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'gateway'}), '1', '... really one');

# Releases through it: the audit log names who did it.
pgbench('they release', "$pooled user=gateway", q{
	\set team random(0, 1)
	\set version random(1, 2)
	BEGIN;
	SELECT set_config('role', 'team_' || :team, true);
	SELECT prompt_promote('t' || :team || '/p', :version, 'production');
	SELECT check_identity(:team);
	COMMIT;
}, '-c', 20, '-t', 10);
is( $node->safe_psql('postgres', q{
		SELECT count(*) > 20, bool_and(session_user_name = 'gateway' AND current_user_name = CASE WHEN prompt = 't0/p' THEN 'team_0' ELSE 'team_1' END)
		  FROM promptreg.audit_log WHERE event = 'promoted' AND session_user_name <> current_user}),
	't|t', 'the audit log names the role of each');

# Without a role the login has no right: nothing of a client's role is left for the next.
pgbench('no role is left behind', "$pooled user=gateway", q{
	DO $$ BEGIN
	  PERFORM prompt_render('t0/p');
	  RAISE EXCEPTION 'a right is left behind';
	EXCEPTION WHEN SQLSTATE 'PR001' THEN NULL;
	END $$;
	BEGIN;
	SET LOCAL ROLE team_1;
	SELECT check_identity(1);
	COMMIT;
}, '-c', 20, '-t', int($transactions / 4));

# Two users, each with its own session, and the same answers as without the pooler.
for my $team (0, 1)
{
	pgbench("user $team", "$pooled user=direct_$team", "SELECT check_identity($team);", '-c', 10, '-t', $transactions);
}
my $question = q{SELECT r FROM generate_series(1, 50) u, prompt_resolve('t0/p', 'production', 'user ' || u, '{"word": "hi"}') r};
is( PromptregSession->new($node, 'postgres', connection => "$pooled user=direct_0")->query($question),
	PromptregSession->new($node, 'postgres', user => 'direct_0')->query($question),
	'the answers are those of a direct connection');

# A session with a warm cache is handed to somebody else after a promotion.
my $wrong = 0;
my $first = PromptregSession->new($node, 'postgres', connection => "$pooled user=direct_1");
for my $n (1 .. 20)
{
	my $version = 1 + $n % 2;
	$node->safe_psql('postgres', "SELECT prompt_promote('t1/p', $version, 'production')");
	$wrong++ if $first->query(q{SELECT version FROM prompt_resolve('t1/p', vars => '{"word": 1}')}) ne $version;
}
is($wrong, 0, 'and never stale');
$first->quit;
$run->signal('INT');
$run->finish;
$node->stop;
done_testing();
