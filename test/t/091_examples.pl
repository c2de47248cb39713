# The examples do what they say, and the demo shows what it should.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use Time::HiRes qw(sleep);

my $node = new_node('examples');
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';

sub run_program
{
	my (@command) = @_;
	my ($stdout, $stderr);
	IPC::Run::run(\@command, '>', \$stdout, '2>', \$stderr);
	return ($? >> 8, $stdout, $stderr);
}

# The demo, in a database of its own.
$node->safe_psql('postgres', 'CREATE DATABASE demo');
{
	local $ENV{PGDATABASE} = 'demo';
	my ($status, $output) = run_program(source_file('scripts/demo.sh'));
	is($status, 0, 'the demo ends well');
	like($output, qr/^That was promptreg\./m, '... at its end');
	is((() = $output =~ /^== \d+\. /mg), 12, '... after all its steps');
	is((() = $output =~ /^ERROR:/mg), 3, '... with the errors that it is to show and no others');
	# A demo that cannot fail would show nothing.
	my $script = slurp_source('examples/demo.sql');
	is((() = $script =~ /pg_temp\.expect\(/g) > 20, 1, '... and it checks what comes back');
	is( $node->safe_psql('demo', q{SELECT count(*) FROM pg_roles WHERE rolname LIKE 'promptreg%'}),
		'0', '... and leaves no role behind');
	($status) = run_program(source_file('scripts/demo.sh'));
	isnt($status, 0, 'where promptreg exists already it stops');
}

# Registering is idempotent.
my @register = ('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', source_file('examples/prompts.sql'));
is_deeply([ run_program(@register) ], [ 0, "1\n" x 12, '' ], 'the examples register');
is_deeply([ run_program(@register) ], [ 0, "1\n" x 12, '' ], 'the examples register again, and nothing changes');
is($node->safe_psql('postgres', 'SELECT count(*) FROM prompt_changes_since(0)'), '24', 'which the audit log confirms');

# An application.
$node->safe_psql('postgres', q{SELECT prompt_promote('support/triage', 1, 'production')});
my $resolve = source_file('examples/app/resolve.sh');
my ($status, $stdout, $stderr) =
  run_program($resolve, 'support/triage', q{user '1'; --}, q({"message": "It's \"broken\" {{channel}}", "channel": "phone"}));
is($status, 0, 'resolve.sh resolves');
like($stdout, qr/It's \\"broken\\" \{\{channel\}\}/, '... with the values as they are');
like($stdout, qr/"model": "gpt-4o"/, '... and the model');
is((run_program($resolve, 'support/reply', 'u', '{}'))[0], 2, '... says when a prompt is not deployed');
is((run_program($resolve, 'support/triage', 'u', '{}'))[0], 3, '... says when variables are missing');
is((run_program($resolve, 'support/triage', 'u', '{'))[0], 1, '... says when the call is wrong');

# A listener is told of what was committed before it came and of what is committed while it listens, once each.
{
	my ($out, $in) = ('', '');
	my $before = $node->safe_psql('postgres', 'SELECT max(seq) FROM promptreg.changes');
	$node->safe_psql('postgres', q{SELECT prompt_promote('support/reply', 1, 'staging')});
	my $listener = IPC::Run::start([ source_file('examples/listen.sh'), $before ], '<', \$in, '>', \$out, '2>&1',
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $wait = sub {
		my ($lines) = @_;
		for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
		{
			$listener->pump_nb;
			return if ($out =~ tr/\n//) >= $lines;
			sleep 0.1;
		}
	};
	$wait->(1);
	like($out, qr/\A\{[^\n]*"environment": "staging"[^\n]*\}\n\z/, 'listen.sh prints what it has missed');
	$node->safe_psql('postgres', q{SELECT prompt_promote('support/reply', 1, 'production')});
	$wait->(2);
	like($out, qr/\n\{[^\n]*"environment": "production"[^\n]*\}\n\z/, '... and what is committed meanwhile');
	$node->restart;
	$node->safe_psql('postgres', q{SELECT prompt_retire('support/reply', 'production')});
	$wait->(3);
	like($out, qr/\n\{[^\n]*"event": "retired"[^\n]*\}\n\z/, '... also after the connection was lost');
	$listener->signal('TERM');
	eval { $listener->finish };
	ok( $node->poll_query_until('postgres',
			q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()}),
		'... and leaves no session behind');
}

# The hashes, recomputed by another program.
my @verify = ('python3', source_file('examples/verify_history.py'));
my ($python) = run_program('python3', '--version');
SKIP:
{
	skip 'no python3', 4 if $python != 0;
	$node->safe_psql('postgres', q{
		SELECT prompt_commit('support/triage', E'żółw "quoted" \\ \t\u0001 \U0001F422 \u2028 {{x}} ' || repeat('x', 3000),
		  params => '{"b": 1.50, "a": [1e3, -0.0, 12345678901234567890.123456789, null, true], "ż": {"z": {}, "aa": [], "": ""}}',
		  variables => '[{"name": "x", "type": "number", "default": 1.10}]', message => E'line\nbreak \u007f',
		  metadata => '{"n": 0.00001, "big": 1e30}', branch => 'side', parent_version => 1);
		SET TimeZone = 'Asia/Kathmandu';
		SELECT prompt_commit('support/triage', 'short', parent_version => 2, branch => 'side')});
	($status, $stdout, $stderr) = run_program(@verify);
	is("$stdout$stderr", "14 versions, 0 breaks\n", 'an independent program computes the same hashes');
	is($status, 0, '... and says so in its exit code');
	$node->safe_psql('postgres', q{
		ALTER TABLE promptreg.versions DISABLE TRIGGER append_only;
		UPDATE promptreg.versions SET author = 'mallory' WHERE version = 2;
		ALTER TABLE promptreg.versions ENABLE ALWAYS TRIGGER append_only});
	($status, $stdout) = run_program(@verify);
	is($stdout, "support/triage version 2: the chain hash does not match\n14 versions, 1 breaks\n", 'it finds what was tampered with');
	is($status, 1, '... and says so in its exit code');
}

$node->stop;
done_testing();
