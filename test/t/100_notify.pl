# Listeners are told of every change, in the order of commits and without a gap; they can ask for what they missed; and
# somebody who listens and does not hear keeps nobody from releasing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;
use JSON::PP;

my $node = new_node('notify', extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ], conf => "max_connections = 50\n");
my $major = int($node->safe_psql('postgres', 'SHOW server_version_num') / 10000);
my $listener = PromptregSession->new($node, 'postgres', setup => 'LISTEN promptreg');
my @heard;

# The payloads that have arrived since the last time, and everything that is wrong with them.
sub listen_now
{
	my @problems;
	for my $line (split /\n/, $listener->query('SELECT 1'))
	{
		next if $line eq '1';
		my ($payload) = $line =~ /^Asynchronous notification "promptreg" with payload "(.*)" received from server process with PID \d+\.$/;
		push(@problems, "not a payload: $line"), next if !defined $payload;
		push @problems, length($payload) . ' bytes' if length $payload >= 8000;
		my $change = eval { JSON::PP->new->utf8->decode($payload) };
		push(@problems, "not JSON: $payload"), next if ref $change ne 'HASH';
		push @problems, "after $heard[-1]{seq} comes $change->{seq}" if @heard && $change->{seq} != $heard[-1]{seq} + 1;
		push @heard, $change;
	}
	return join "\n", @problems;
}

$node->safe_psql('postgres', q{
	SELECT prompt_register('p' || i, 'version ' || j) FROM generate_series(1, 4) i, generate_series(1, 5) j});
is(listen_now(), '', 'a listener hears of a transaction of many changes');
is(scalar(@heard), 24, '... of all of them');
is($heard[0]{seq}, 1, '... from the first on');

# 12 clients promote, roll back, release and fail at once.
my $dir = PostgreSQL::Test::Utils::tempdir();
my %scripts = (
	promote => q{SELECT prompt_promote('p:p', :v, 'production', reason => 'by :client_id');},
	release => q{SELECT prompt_release('[{"prompt": "p1", "version": :v, "environment": "staging"}, {"prompt": "p:p", "version": :w, "environment": "staging"}]');},
	undone => q{BEGIN; SELECT prompt_promote('p:p', :v, 'staging'); SELECT prompt_commit('p:p', 'x'); ROLLBACK;},
	several => q{BEGIN; SELECT prompt_promote('p:p', :v, 'staging'); SELECT prompt_promote('p:p', :w, 'staging'); SELECT prompt_commit('p:p', 'y'); COMMIT;});
for my $name (keys %scripts)
{
	append_to_file("$dir/$name.sql", "\\set p random(1, 4)\n\\set v random(1, 5)\n\\set w random(1, 5)\n$scripts{$name}\n");
}
my ($out, $err);
IPC::Run::run([ 'pgbench', '-n', '-c', 12, '-j', 2, '-t', 40, map({ ('-f', "$dir/$_.sql") } sort keys %scripts), $node->connstr('postgres') ],
	'>', \$out, '2>', \$err);
is($?, 0, '12 clients promote') or diag($err);
is(listen_now(), '', 'seq has no gap and every payload is JSON of less than 8,000 bytes');
my $last = $node->safe_psql('postgres', 'SELECT max(seq) FROM promptreg.changes');
is($heard[-1]{seq}, $last, 'the listener is at the last change');
cmp_ok($last, '>', 200, '... of many');

# The same from the function that a listener asks which was away.
sub as_heard
{
	my ($since, $max) = @_;
	return [ map { decode_json($_) } split /\n/, $node->safe_psql('postgres', qq{
		SELECT jsonb_strip_nulls(to_jsonb(c) || jsonb_build_object('at', to_char(c.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
		  FROM prompt_changes_since($since, $max) c}) ];
}
is_deeply(as_heard(0, 100000), \@heard, 'prompt_changes_since(0) tells the same');
is_deeply(as_heard(100, 100000), [ @heard[ 100 .. $#heard ] ], '... and from any seq on');
is_deeply(as_heard(100, 7), [ @heard[ 100 .. 106 ] ], '... as many as asked for');

# The longest there can be: every character takes as many bytes as it can.
my $long = "\\U0001F422" x 200;
my $role = '"' . '""' x 63 . '"';
$node->safe_psql('postgres', qq{
	CREATE ROLE $role SUPERUSER;
	SET ROLE $role;
	SELECT prompt_register(E'$long', 'x'), prompt_register(E'$long', 'y');
	SELECT prompt_environment_create(repeat('e', 100));
	SELECT prompt_promote(E'$long', 1, repeat('e', 100), reason => repeat(E'\\x01', 1000000));
	SELECT prompt_experiment_start(E'$long', repeat('e', 100), '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]',
	  key => repeat('"', 200), reason => repeat(E'\\U0001F422', 100000))});
is(listen_now(), '', 'the longest names and reasons fit');
is($heard[-1]{event}, 'experiment_started', '... and arrive');
is(length $heard[-2]{reason}, 500, '... the reason as its beginning');

# A name in which somebody tries to write JSON.
$node->safe_psql('postgres', q{SELECT prompt_register(E'", "seq": 1, "x": "\\\\', 'x')});
is(listen_now(), '', 'a name with quotes and backslashes');
is($heard[-1]{prompt}, '", "seq": 1, "x": "\\', '... arrives as it is');

# Rolled back: nothing is heard, and no seq is lost.
$last = $heard[-1]{seq};
$node->safe_psql('postgres', q{BEGIN; SELECT prompt_promote('p1', 1, 'development'); ROLLBACK; SELECT prompt_promote('p1', 2, 'development')});
listen_now();
is($heard[-1]{seq} . ' ' . $heard[-1]{version}, ($last + 1) . ' 2', 'what is rolled back takes no seq and is not told');

# Somebody listens inside a transaction that does not end, and the queue fills up.
my $stuck = PromptregSession->new($node, 'postgres', setup => 'LISTEN promptreg; BEGIN; SELECT 1');
$listener->query('UNLISTEN *');
my $promote = q{SELECT version FROM prompt_promote('p1', %d, 'development')};
my $writer = PromptregSession->new($node, 'postgres', setup => q{SET client_min_messages = warning});
if ($major >= 17)
{
	$node->append_conf('postgresql.conf', "max_notify_queue_pages = 64\n");
	$_->quit for $stuck, $writer, $listener;
	$node->restart;
	$stuck = PromptregSession->new($node, 'postgres', setup => 'LISTEN promptreg; LISTEN noise; BEGIN; SELECT 1');
	$writer = PromptregSession->new($node, 'postgres', setup => q{SET client_min_messages = warning});
	$listener = PromptregSession->new($node, 'postgres');
	my $filler = PromptregSession->new($node, 'postgres');
	for (1 .. 100)
	{
		my (undef, $error) = $filler->try(q{SELECT pg_notify('noise', repeat('x', 7000) || i) FROM generate_series(1, 10) i});
		last if $error =~ /ERROR/;
	}
	cmp_ok($filler->query('SELECT pg_notification_queue_usage()'), '>', 0.9, 'the queue is full');
}
else
{
	# Filling its 8 GB takes too long here: the limit is lowered instead.
	$node->safe_psql('postgres', q{
		DO $$ BEGIN EXECUTE replace(pg_get_functiondef('promptreg.notify_change'::regproc), '> 0.5', '>= 0'); END $$});
	like($node->safe_psql('postgres', q{SELECT prosrc FROM pg_proc WHERE oid = 'promptreg.notify_change'::regproc}), qr/pg_notification_queue_usage\(\) >= 0 THEN/,
		'every queue counts as full');
}
$last = $node->safe_psql('postgres', 'SELECT max(seq) FROM promptreg.changes');
for my $version (3, 4)
{
	my ($answer, $warning) = $writer->try(sprintf $promote, $version);
	is($answer, $version, 'with a full queue a promotion goes on');
	like($warning, qr/\AWARNING:  change \d+ is not notified: the notification queue is more than half full\nHINT:  .*prompt_changes_since\.\n?(?:CONTEXT:.*\n?)*\z/, '... with a warning');
}
is($node->safe_psql('postgres', q{SELECT text FROM prompt_resolve('p1', 'development')}), 'version 4', '... and is served');
is(scalar(@{ as_heard($last, 100) }), 2, 'a listener converges by prompt_changes_since');
$stuck->query('COMMIT');
$stuck->quit;
if ($major >= 17)
{
	my ($answer, $warning) = $writer->try(sprintf $promote, 5);
	is("$answer$warning", '5', 'once that session has gone, the next promotion is told again');
}
else
{
	is($writer->query(q{SELECT count(*) FROM prompt_verify()}), '0', 'history is whole');
}
$_->quit for $listener, $writer;
$node->stop;
done_testing();
