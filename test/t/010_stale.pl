# Never stale: once the COMMIT of a change has returned, no session serves what was served before it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $promotions = $ENV{PROMPTREG_TEST_ROUNDS} // 10000;
my $versions = 500;
my $vars = q('{"name": "Ann"}');

my $node = new_node('stale', conf => "max_connections = 100\nlog_statement = none\n");
$node->safe_psql('postgres', qq{
	SELECT prompt_create('p');
	DO \$\$ BEGIN FOR i IN 1..$versions LOOP PERFORM prompt_commit('p', i || ' {{name}}'); END LOOP; END \$\$;
	SELECT prompt_promote('p', 1, 'production')});

# 50 sessions: autocommit, inside an open transaction, and one that holds a snapshot.
my @sessions = map { PromptregSession->new($node, 'postgres', setup => qq{
	PREPARE r AS SELECT prompt_render('p', vars => $vars)}) } 1 .. 50;
$_->query('BEGIN') for @sessions[ 0 .. 19 ];
my $old = PromptregSession->new($node, 'postgres', setup => 'BEGIN ISOLATION LEVEL REPEATABLE READ');
my $writer = PromptregSession->new($node, 'postgres');

# What each of the sessions is served, by each of the ways to ask.
my @questions = (
	'EXECUTE r',
	qq{SELECT prompt_render('p', vars => $vars)},
	qq{SELECT text FROM prompt_resolve('p', vars => $vars)},
	q{SELECT version || ' Ann' FROM prompt_assign('p')},
	qq{SELECT prompt_messages('p', vars => $vars) -> 0 ->> 'content'},
	q{SELECT (prompt_explain('p') ->> 'version') || ' Ann'});

sub wrong_answers
{
	my ($round, $expected, @asked) = @_;
	my $i = $round;
	$_->send($questions[ $i++ % @questions ]) for @asked;
	return scalar grep { join('', $_->receive) ne $expected } @asked;
}

sub everywhere
{
	my ($round, $expected, $what) = @_;
	is(wrong_answers($round, $expected, @sessions), 0, "50 of 50 sessions $what");
}

everywhere(0, '1 Ann', 'serve the first version');
is(wrong_answers(1, '1 Ann', $old), 0, 'so does a REPEATABLE READ transaction');

my $wrong = 0;
for my $n (2 .. 21)
{
	$writer->query("SELECT prompt_promote('p', $n, 'production')");
	$wrong += wrong_answers($n, "$n Ann", @sessions);
}
is($wrong, 0, 'after each of 20 promotions, 50 of 50 sessions serve the new version');
is($old->query(qq{SELECT prompt_render('p', vars => $vars), version FROM prompt_assign('p')}), '1 Ann|1',
	'the REPEATABLE READ transaction keeps its view');
everywhere(1, '21 Ann', 'serve the new version although that transaction has asked since');
$old->query('COMMIT');
is(wrong_answers(1, '21 Ann', $old), 0, '... and it itself, once it has ended');

$writer->query(q{BEGIN; SELECT prompt_promote('p', 30, 'production')});
is(wrong_answers(1, '30 Ann', $writer), 0, 'an uncommitted promotion is visible to its transaction');
everywhere(2, '21 Ann', 'do not see it');
# The end of the writer is seen a moment before its message comes, so nobody may remember the route meanwhile.
my $misses = q{SELECT prompt_explain('p', 'production', 'u', '{"name": "Ann"}') -> 'cache' -> 'misses'};
sub missed { my $before = $sessions[-1]->query($misses); return $sessions[-1]->query($misses) - $before }
is(missed(), 1, 'a route that is being changed is read again at every call');
$writer->query(q{SAVEPOINT s; SELECT prompt_promote('p', 31, 'production')});
is(wrong_answers(2, '31 Ann', $writer), 0, 'so is one behind a savepoint');
$writer->query('ROLLBACK TO s');
is(wrong_answers(1, '30 Ann', $writer), 0, '... which is gone after ROLLBACK TO');
$writer->query('ROLLBACK');
is(wrong_answers(1, '21 Ann', $writer), 0, 'and the other after ROLLBACK');
$sessions[-1]->query($misses);
is(missed(), 0, '... and from then on the route is remembered again');
everywhere(3, '21 Ann', 'go on serving what they did');

$writer->query(q{SELECT prompt_rollback('p', 'production')});
everywhere(4, '20 Ann', 'serve what a rollback brings back');
$writer->query(q{SELECT prompt_experiment_start('p', 'production',
	'[{"key": "a", "version": 40, "weight": 1}, {"key": "b", "version": 41, "weight": 0}]', key => 'x')});
@questions = (qq{SELECT prompt_render('p', 'production', 'u', $vars)});
everywhere(5, '40 Ann', 'serve the variant of an experiment that has begun');
$writer->query(q{SELECT prompt_experiment_set_weights('x', '{"a": 0, "b": 1}')});
everywhere(6, '41 Ann', 'serve by its new weights');
$writer->query(q{SELECT prompt_experiment_stop('x')});
everywhere(7, '20 Ann', 'serve the deployed version after its end');
$writer->query(q{SELECT prompt_rename('p', 'q')});
@questions = (qq{SELECT prompt_render('q', 'production', 'u', $vars)});
everywhere(8, '20 Ann', 'know a new name');
$writer->query(q{SELECT prompt_retire('p', 'production')});
$_->query('ROLLBACK') for @sessions[ 0 .. 19 ];
$_->send(q{SELECT prompt_render('p')}) for @sessions;
is(scalar(grep { ($_->receive)[1] =~ /prompt "p" is not deployed in production/ } @sessions), 50,
	'50 of 50 sessions refuse a prompt that was taken out of service');
$_->quit for @sessions, $old;

# 10,000 promotions against 8 readers.  Promotion number n serves version n mod 500.  The writer says in a sequence
# which number it has begun, and in another which COMMIT has returned; sequences are seen at once by everybody,
# whatever their snapshots.  A reader looks at the second before it asks and at the first afterwards: the answer must
# lie between the two.
$node->safe_psql('postgres', qq{
	CREATE SEQUENCE begun MINVALUE 0 START 0;
	CREATE SEQUENCE returned MINVALUE 0 START 0;
	CREATE TABLE model (n bigint);
	INSERT INTO model VALUES (0);
	CREATE UNLOGGED TABLE stale (reader text, low bigint, answer integer, high bigint);
	CREATE UNLOGGED TABLE checks (reader text, count bigint, different bigint, versions bigint);
	SELECT prompt_promote('p', $versions, 'production');
	CREATE FUNCTION lies_between(answer integer, low bigint, high bigint) RETURNS boolean LANGUAGE sql
	RETURN high - low >= $versions - 1 OR (answer - low % $versions + $versions) % $versions <= high - low;
	CREATE PROCEDURE promote_many() LANGUAGE plpgsql AS \$\$
	BEGIN
	  FOR i IN 1..$promotions LOOP
	    PERFORM setval('begun', i);
	    PERFORM prompt_promote('p', (i - 1) % $versions + 1, 'production');
	    UPDATE model SET n = i;
	    COMMIT;
	    PERFORM setval('returned', i);
	  END LOOP;
	END \$\$;
	-- In one transaction, or with one transaction for each question.
	CREATE PROCEDURE read_many(reader text, commits boolean) LANGUAGE plpgsql AS \$\$
	DECLARE
	  low bigint; answer integer; high bigint; count bigint := 0; seen integer[] := '{}'; modelled bigint; different bigint := 0;
	BEGIN
	  LOOP
	    SELECT last_value INTO low FROM returned;
	    SELECT split_part(prompt_render('p', vars => $vars), ' ', 1)::integer, n INTO answer, modelled FROM model;
	    SELECT last_value INTO high FROM begun;
	    count := count + 1;
	    IF NOT lies_between(answer, low, high) THEN
	      INSERT INTO stale VALUES (reader, low, answer, high);
	    END IF;
	    different := different + ((modelled - 1 + $versions) % $versions + 1 <> answer)::integer;
	    IF answer <> ALL (seen) THEN seen := seen || answer; END IF;
	    IF commits THEN COMMIT; END IF;
	    EXIT WHEN low >= $promotions;
	    PERFORM pg_sleep(0.001);
	  END LOOP;
	  INSERT INTO checks VALUES (reader, count, different, cardinality(seen));
	END \$\$});
my $script = PostgreSQL::Test::Utils::tempdir() . '/reader.sql';
append_to_file($script, qq{
	SELECT last_value AS low FROM returned \\gset
	SELECT split_part(prompt_render('p', vars => $vars), ' ', 1) AS answer \\gset
	SELECT last_value AS high FROM begun \\gset
	\\set off (:answer - :low % $versions + $versions) % $versions
	\\if :off > :high - :low
	INSERT INTO stale VALUES ('pgbench', :low, :answer, :high);
	\\endif
});
chmod 0644, $script;
my @readers = map { PromptregSession->new($node, 'postgres')->send("CALL read_many('$_', " . ($_ % 2 ? 'true' : 'false') . ')') } 1 .. 4;
my $pgbench = IPC::Run::start(
	[ 'pgbench', '-n', '-M', 'prepared', '-c', 4, '-j', 1, '-R', 800, '-T', 1000, '-f', $script, $node->connstr('postgres') ],
	'>', \my $pgbench_out, '2>', \my $pgbench_err);
my $started = time;
$writer->query('CALL promote_many()');
diag("$promotions promotions against 8 readers took " . (time - $started) . ' s');
$_->receive for @readers;
$pgbench->signal('INT');
eval { $pgbench->finish };
unlike($pgbench_err // '', qr/ERROR|FATAL|aborted/, 'the readers that are clients had no error');
is($node->safe_psql('postgres', 'TABLE stale'), '', 'no stale answer');
my ($checks, $least) = split /\|/, $node->safe_psql('postgres', 'SELECT sum(count), min(versions) FROM checks WHERE count > 100');
note("$checks answers checked in sessions");
SKIP:
{
	skip 'too few promotions', 1 if $promotions < 1000;
	cmp_ok($least // 0, '>', 10, 'every reader has seen versions come and go');
}
is($node->safe_psql('postgres', 'SELECT sum(different) FROM checks'), '0', 'no answer differs from the tables in the same statement');
is($node->safe_psql('postgres', 'SELECT count(*) FROM prompt_verify()'), '0', 'history is whole');
$node->stop;
done_testing();
