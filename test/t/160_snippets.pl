# Snippets under way: every session, on the primary and on a hot standby, serves a new version of a snippet at once, in each
# prompt that follows it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $node = new_node('snippets', allows_streaming => 1, conf => "max_connections = 100\n");
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\n");
$standby->start;

# outer -> middle -> inner, and another that uses inner itself.
$node->safe_psql('postgres', q{
	SELECT prompt_create('inner');
	SELECT prompt_commit('inner', i || ' {{name}}') FROM generate_series(1, 40) i;
	SELECT prompt_promote('inner', 1, 'production');
	SELECT prompt_register('middle', '<{{> inner}}>');
	SELECT prompt_promote('middle', 1, 'production');
	SELECT prompt_register('outer', '[{{> middle}}]');
	SELECT prompt_promote('outer', 1, 'production');
	SELECT prompt_register('other', '[<{{> inner@production}}>]');
	SELECT prompt_promote('other', 1, 'production')});

my @sessions = map { PromptregSession->new($node, 'postgres') } 1 .. 20;
$_->query('BEGIN') for @sessions[ 0 .. 9 ];
my $old = PromptregSession->new($node, 'postgres', setup => 'BEGIN ISOLATION LEVEL REPEATABLE READ');
my $writer = PromptregSession->new($node, 'postgres');
my $reader = PromptregSession->new($standby, 'postgres');
my @prompts = qw(outer other);

sub wrong_answers
{
	my ($expected, @asked) = @_;
	my $i = 0;
	$_->send(qq{SELECT prompt_render('$prompts[ $i++ % 2 ]', vars => '{"name": "Ann"}')}) for @asked;
	return scalar grep { join('', $_->receive) ne "[<$expected Ann>]" } @asked;
}

is(wrong_answers(1, @sessions, $old), 0, 'all sessions serve the first version');
my $wrong = 0;
for my $n (2 .. 21)
{
	$writer->query("SELECT prompt_promote('inner', $n, 'production')");
	$wrong += wrong_answers($n, @sessions);
}
is($wrong, 0, 'after each of 20 promotions of the snippet, 20 of 20 sessions serve it');
is(wrong_answers(1, $old), 0, 'a REPEATABLE READ transaction keeps its view');

$writer->query(q{BEGIN; SELECT prompt_promote('inner', 30, 'production')});
is(wrong_answers(30, $writer, $writer), 0, 'an uncommitted promotion of the snippet is visible to its transaction');
$writer->query(q{SAVEPOINT s; SELECT prompt_promote('inner', 31, 'production')});
is(wrong_answers(31, $writer, $writer), 0, 'so is one behind a savepoint');
$writer->query('ROLLBACK TO s');
is(wrong_answers(30, $writer, $writer), 0, '... which is gone after ROLLBACK TO');
is(wrong_answers(21, @sessions), 0, 'other sessions see neither');
$writer->query('ROLLBACK');
is(wrong_answers(21, $writer, @sessions), 0, 'nor does anybody after ROLLBACK');

# What a snippet uses may change too.
$writer->query(q{SELECT prompt_register('innermost', 'deep {{name}}')});
$writer->query(q{SELECT prompt_promote('innermost', 1, 'production')});
my $number = $writer->query(q{SELECT prompt_commit('inner', '22 {{> innermost}}')});
$writer->query("SELECT prompt_promote('inner', $number, 'production')");
is(wrong_answers('22 deep', @sessions), 0, 'all serve a snippet that a snippet has got');
$writer->query(q{SELECT prompt_commit('innermost', 'deeper {{name}}'), prompt_promote('innermost', 2, 'production')});
is(wrong_answers('22 deeper', @sessions), 0, '... and its next version');

# On the standby, with a warm cache.
$node->wait_for_catchup($standby);
is(wrong_answers('22 deeper', $reader, $reader), 0, 'the standby serves the same');
$wrong = 0;
for my $n (1 .. 10)
{
	$node->safe_psql('postgres', "SELECT prompt_promote('inner', $n, 'production')");
	$node->wait_for_catchup($standby);
	$wrong += wrong_answers($n, $reader, $reader);
}
is($wrong, 0, '... and each new version of the snippet once it is replayed');
is($reader->query(q{SELECT prompt_snippets('outer')}), '{"inner": 10, "middle": 1}', '... and says which went in');

$_->quit for @sessions, $old, $writer, $reader;
done_testing();
