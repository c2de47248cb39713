# Logical replication into the registry's tables of another database: a session there with a warm cache serves what was
# promoted here.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $publisher = new_node('publisher', allows_streaming => 'logical');
my $subscriber = new_node('subscriber');

$publisher->safe_psql('postgres', q{
	SELECT prompt_create('p');
	SELECT prompt_commit('p', i || ' {{name}}') FROM generate_series(1, 10) i;
	SELECT prompt_promote('p', 1, 'production');
	SELECT prompt_environment_create('canary');
	SELECT prompt_promote('p', 5, 'canary')});

# Everything but the environments of the installation, which both sides have, and what only lives within a transaction.
my $tables = join ', ', map { "promptreg.$_" }
  qw(namespaces holdouts prompts names versions deployments experiments weights overrides routes audit_log changes grants);
is( $publisher->safe_psql('postgres', qq{
		SELECT string_agg(t.tgrelid::regclass::text, ' ') FROM pg_trigger t
		 WHERE t.tgname = 'invalidate_cache' AND t.tgrelid::regclass::text <> ALL (string_to_array('$tables', ', '))}),
	'', 'every table that caches depend on is among them');
$publisher->safe_psql('postgres', qq{
	CREATE PUBLICATION registry FOR TABLE $tables;
	CREATE PUBLICATION environments FOR TABLE promptreg.environments WHERE (NOT builtin) WITH (publish = 'insert')});
$subscriber->safe_psql('postgres', 'CREATE SUBSCRIPTION registry CONNECTION $$' . $publisher->connstr('postgres') . '$$ PUBLICATION registry, environments');
$subscriber->poll_query_until('postgres', q{SELECT count(*) = 14 AND bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel})
  or die 'the initial copy does not end';
$publisher->wait_for_catchup('registry');

my $session = PromptregSession->new($subscriber, 'postgres');
my $render = q{SELECT prompt_render('p', 'production', 'u', '{"name": "Ann"}')};
is($session->query($render), '1 Ann', 'the subscriber resolves what was copied');
is($session->query(q{SELECT prompt_render('p', 'canary', 'u', '{"name": "Ann"}')}), '5 Ann', '... in an environment that was copied');

sub after
{
	my ($sql, $expected, $what) = @_;
	$publisher->safe_psql('postgres', $sql);
	$publisher->wait_for_catchup('registry');
	my ($out, $err) = $session->try($render);
	is($out . $err, $expected, $what);
}

after("SELECT prompt_promote('p', $_, 'production')", "$_ Ann", "the warm session serves version $_ once it is replicated") for 2 .. 6;
after(q{SELECT prompt_rollback('p', 'production')}, '5 Ann', 'a rollback');
after(q{BEGIN; SELECT prompt_commit('p', 'new {{name}}'); SELECT prompt_promote('p', 11, 'production'); COMMIT}, 'new Ann', 'a version and its promotion');
after(q{SELECT prompt_experiment_start('p', 'production', '[{"key": "a", "version": 7, "weight": 1}, {"key": "b", "version": 8, "weight": 0}]', key => 'x')},
	'7 Ann', 'an experiment');
after(q{SELECT prompt_experiment_set_weights('x', '{"a": 0, "b": 1}')}, '8 Ann', 'its weights');
after(q{SELECT prompt_experiment_stop('x')}, 'new Ann', 'its end');
after(q{SELECT prompt_rename('p', 'q')}, 'new Ann', 'a new name');
is($session->query(q{SELECT prompt_render('q', vars => '{"name": "Ann"}')}), 'new Ann', '... which the subscriber knows');
after(q{SELECT prompt_promote('p', 3, 'production') FROM pg_sleep(0)}, '3 Ann', 'another promotion');
after(q{DO $$ BEGIN FOR i IN 1..100 LOOP PERFORM prompt_promote('p', i % 10 + 1, 'production'); COMMIT; END LOOP; END $$}, '1 Ann', 'a hundred of them');

# Rights travel too; the role must exist on both sides.
$_->safe_psql('postgres', 'CREATE ROLE app') for $publisher, $subscriber;
$publisher->safe_psql('postgres', q{SELECT prompt_grant('p', 'resolve', 'app', 'production')});
$publisher->wait_for_catchup('registry');
$session->query('SET ROLE app');
is($session->query($render), '1 Ann', 'a right that was granted');
after(q{SELECT prompt_revoke('p', 'resolve', 'app', 'production')},
	qq{ERROR:  prompt "p" does not exist\nHINT:  It may also exist without your having a right to it.}, 'a right that was taken back');
$session->query('RESET ROLE');
after(q{SELECT prompt_retire('p', 'production')}, qq{ERROR:  prompt "p" is not deployed in production\nDETAIL:  It is deployed in canary (version 5).\nHINT:  Promote a version with prompt_promote; the newest is 11.}, 'a retirement');
is($session->query('SELECT * FROM prompt_verify()'), '', 'the history of the subscriber is whole');
is($session->query('SELECT count(*), max(seq) FROM promptreg.changes'), $publisher->safe_psql('postgres', 'SELECT count(*), max(seq) FROM promptreg.changes'),
	'... and the same');
unlike(slurp_file($subscriber->logfile), qr/^.*(?:ERROR|WARNING):  (?!prompt "p").*/m, 'replication had no error');
$session->quit;

# A publication FOR ALL TABLES refuses UPDATE and DELETE of what has no replica identity: everything goes on all the same.
$publisher->safe_psql('postgres', q{
	SELECT prompt_register('all', 'one');
	CREATE PUBLICATION everything FOR ALL TABLES});
$publisher->safe_psql('postgres', q{
	INSERT INTO promptreg.executions (at, prompt, version) SELECT t, 'all', 1 FROM unnest(ARRAY[now(), '2020-02-01', now() - interval '40 days']) t;
	INSERT INTO promptreg.outcomes (at, request_id, name, value) SELECT t, 'r', 'thumbs', 1 FROM unnest(ARRAY[now(), '2020-02-01']) t;
	SELECT prompt_log('all', 1, request_id => 'now', experiment => 'x', variant => 'a', user_id => 'u'), prompt_feedback('now', rating => 5);
	SELECT prompt_promote('all', 1, 'production'), prompt_commit('all', 'two');
	SELECT prompt_retention('executions', '30 days', env => 'production'), prompt_retention('executions', '24 months')});
my $errors = q{SELECT count(*), count(error) FROM prompt_maintain()};
like($publisher->safe_psql('postgres', $errors), qr/^[1-9]\d*\|0$/, 'with a publication FOR ALL TABLES maintenance does its work');
# The second run finds rolled up what the first has moved.
like($publisher->safe_psql('postgres', $errors), qr/^[1-9]\d*\|0$/, '... and again');
is($publisher->safe_psql('postgres', q{SELECT count(*) FROM promptreg.executions}), '2', '... partitions are made, dropped and deleted from');
is($publisher->safe_psql('postgres', q{SELECT (SELECT count(*) FROM promptreg.executions_default) + (SELECT count(*) FROM promptreg.outcomes_default)}), '0', '... nothing waits');
$publisher->safe_psql('postgres', q{
	UPDATE promptreg.watermarks SET system_identifier = 1;
	SELECT promptreg.roll_up()});
is($publisher->safe_psql('postgres', q{SELECT executions FROM promptreg.version_comparison WHERE prompt = 'all'}), '4', '... and rows are adopted');
$subscriber->stop;
$publisher->stop;
done_testing();
