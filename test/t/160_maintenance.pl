# Maintenance: several sessions at once, and the background worker.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $node = new_node('maintenance', conf => "shared_preload_libraries = promptreg\n"
	  . "promptreg.database = 'kept'\npromptreg.maintenance_interval = '1s'\n", extension => 0);
my $worker = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'promptreg maintenance'};
my $runs = q{SELECT coalesce(max(runs), 0) FROM promptreg.maintenance};

# The database does not exist yet: the worker is started again until it does.
$node->safe_psql('postgres', 'CREATE DATABASE kept');
is($node->safe_psql('kept', 'SHOW promptreg.database'), 'kept', 'the setting names the database');
$node->restart;
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE backend_type = 'promptreg maintenance' AND datname = 'kept'}), 'the worker works in the database of the setting');

# It waits for the extension, and goes on when it is dropped and made again.
$node->safe_psql('kept', 'CREATE EXTENSION promptreg');
ok($node->poll_query_until('kept', 'SELECT bool_and(runs > 1) FROM promptreg.maintenance'), 'it runs every task, again and again');
$node->safe_psql('kept', 'DROP EXTENSION promptreg');
$node->safe_psql('kept', 'CREATE EXTENSION promptreg');
ok($node->poll_query_until('kept', 'SELECT bool_and(runs > 1) FROM promptreg.maintenance'), '... also after DROP and CREATE EXTENSION');
is($node->safe_psql('kept', 'SELECT count(error) FROM promptreg.maintenance'), '0', '... without an error');

# A task that fails does not end it; the server's log says so.
$node->safe_psql('kept', q{
	ALTER EXTENSION promptreg DROP FUNCTION promptreg.maintain_notifications();
	CREATE OR REPLACE FUNCTION promptreg.maintain_notifications() RETURNS text LANGUAGE plpgsql
	AS $$ BEGIN RAISE EXCEPTION 'out of luck'; END $$});
my $pid = $node->safe_psql('kept', $worker);
ok($node->poll_query_until('kept', q{SELECT failures > 1 FROM promptreg.maintenance WHERE task = 'notifications'}),
	'a failing task is tried again');
is($node->safe_psql('kept', $worker), $pid, '... by the same process');
like(slurp_file($node->logfile), qr/WARNING:  maintenance task notifications failed: out of luck/, '... and the log says why');
$node->safe_psql('kept', q{
	CREATE OR REPLACE FUNCTION promptreg.maintain_notifications() RETURNS text LANGUAGE sql AS $$ SELECT 'well' $$});
ok($node->poll_query_until('kept', q{SELECT failures = 0 AND result = 'well' FROM promptreg.maintenance WHERE task = 'notifications'}),
	'... until it succeeds');

# Each task is committed by itself: what an early one has done is seen while a later one is still at it.
my $holder = PromptregSession->new($node, 'kept', setup => 'BEGIN; SELECT pg_advisory_xact_lock(42)');
$node->safe_psql('kept', q{
	ALTER EXTENSION promptreg DROP FUNCTION promptreg.maintain_rebalance();
	CREATE OR REPLACE FUNCTION promptreg.maintain_rebalance() RETURNS text LANGUAGE plpgsql
	AS $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN 'waited'; END $$});
my $waits = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'promptreg maintenance' AND wait_event = 'advisory'};
ok($node->poll_query_until('kept', "$waits HAVING count(*) = 1", 1), 'a task waits');
is($node->safe_psql('kept', q{SELECT count(DISTINCT runs) FROM promptreg.maintenance}), '2', '... and those before it have committed');
$holder->query('COMMIT');
ok($node->poll_query_until('kept', q{SELECT result = 'waited' FROM promptreg.maintenance WHERE task = 'rebalance'}), '... then it ends');

# The interval is read again.
$node->append_conf('postgresql.conf', "promptreg.maintenance_interval = '1h'\n");
$node->reload;
ok($node->poll_query_until('kept', q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE backend_type = 'promptreg maintenance' AND state = 'idle' AND state_change < now() - interval '2 seconds'}),
	'a longer interval takes effect without a restart');

# Two sessions: one leaves alone what the other is at.
my $first = PromptregSession->new($node, 'kept', setup => 'BEGIN');
like($first->query('SELECT DISTINCT result FROM prompt_maintain()'), qr/well/, 'a session runs the tasks');
is($node->safe_psql('kept', 'SELECT DISTINCT result FROM prompt_maintain()'), 'skipped: another session is at it',
	'another leaves them to it');
$first->query('COMMIT');
unlike($node->safe_psql('kept', 'SELECT DISTINCT result FROM prompt_maintain()'), qr/skipped/, 'afterwards they run again');

# Stopping the worker stops nothing else, and a fast stop of the server does not wait for it.
$node->safe_psql('kept', "SELECT pg_terminate_backend($pid, 10000)");
is($node->safe_psql('kept', 'SELECT 1'), '1', 'the end of the worker is nobody else\'s');
$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|server process .* was terminated by signal/, 'no process crashed');

# Without the library preloaded there is no worker, and everything else works.
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->start;
is($node->safe_psql('kept', 'SELECT count(*) FROM prompt_maintain() WHERE error IS NOT NULL'), '0', 'without the worker maintenance is a call');
is($node->safe_psql('kept', "SELECT count(*) FROM ($worker) w"), '0', '... and there is no worker');

# What is locked for long makes a task stand back, and nobody is alarmed.
my $drop_partitions = q{DO $$ DECLARE name regclass; BEGIN
	FOR name IN SELECT inhrelid FROM pg_inherits WHERE inhparent IN ('promptreg.executions'::regclass, 'promptreg.outcomes'::regclass)
	    AND inhrelid NOT IN ('promptreg.executions_default'::regclass, 'promptreg.outcomes_default'::regclass)
	LOOP EXECUTE format('DROP TABLE %s', name); END LOOP; END $$};
my $reader = PromptregSession->new($node, 'kept', setup => 'BEGIN');
$node->safe_psql('kept', $drop_partitions);
$reader->query('LOCK TABLE promptreg.outcomes IN ACCESS SHARE MODE');
my ($code, $said, $warned) = $node->psql('kept', q{SELECT result, error FROM prompt_maintain('{partitions}')});
is("$said$warned", 'postponed: what it needs is locked by others|', 'a task that would have to wait is postponed');
$reader->query('COMMIT');
like($node->safe_psql('kept', q{SELECT result FROM prompt_maintain('{partitions}')}), qr/^[1-9]\d* partitions made/, '... until the next run');

# Two who record in long transactions, one of whom begins with executions and the other with outcomes, each the first ones ever.
$node->safe_psql('kept', $drop_partitions);
my @recording = map { PromptregSession->new($node, 'kept', setup => 'BEGIN') } 1 .. 2;
my @statements = (q{SELECT prompt_feedback('r', rating => 5) > 0}, q{SELECT prompt_log('p', 1, request_id => 'r') IS NOT NULL});
$recording[0]->query($statements[0]);
$recording[1]->send($statements[1]);
# Long enough for it to wait, or not to.
sleep 1;
$recording[0]->send($statements[1]);
$recording[1]->send($statements[0]);
is(($recording[0]->receive)[1], '', 'the first to make partitions goes on');
$recording[0]->query('COMMIT');
is(join('', map { ($_->receive)[1] } @recording[ 1, 1 ]), '', '... and the other one after it, without a deadlock');
$recording[1]->query('COMMIT');
is($node->safe_psql('kept', 'SELECT (SELECT count(*) FROM promptreg.executions), (SELECT count(*) FROM promptreg.outcomes)'), '2|2', '... and nothing is lost');
$node->stop;
done_testing();
