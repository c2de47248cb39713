# A guard that cannot see what is recorded says so, and a rollout does not advance on that: a transaction that writes and stays open,
# anywhere in the server, keeps watermarks where they are. A session that finds another at it gets rows that say so, too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;
use Time::HiRes qw(sleep);

my $node = new_node('guard_blind');
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$node->restart;
my $check = q{SELECT string_agg(guard || ' ' || version || ' ' || state, ', ' ORDER BY guard, version) FROM prompt_guard_check('p')};
my $why = q{SELECT reason FROM prompt_guard_check('p') WHERE guard = 'error' AND version = 2};
my $maintain = q{SELECT string_agg(result, '; ' ORDER BY task) FROM prompt_maintain('{guards,rollouts}')};

sub serve
{
	$node->safe_psql('postgres', q{
		SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'p', 'version', v, 'user_id', concat(v, '-', i))))
		  FROM generate_series(1, 200) i, unnest('{1,2}'::integer[]) v});
}

$node->safe_psql('postgres', q{
	CREATE DATABASE other;
	SELECT prompt_register('p', 'one'), prompt_register('p', 'two'), prompt_promote('p', 1, 'production');
	SELECT prompt_rollout('p', 2, 'production', steps => '{10,50,100}', step_interval => '0', guards => '[]');
	SELECT prompt_guard_set('p', 'production', 'error', max_staleness => '2 seconds');
	SELECT prompt_guard_set('p', 'production', 'error', rule => 'limit', threshold => 0.5, guard => 'limit')});
is($node->safe_psql('postgres', $check), 'error 2 waiting, limit 1 waiting, limit 2 waiting', 'a guard that has seen nothing has rows that say so');

my $writer = PromptregSession->new($node, 'other', setup => 'BEGIN');
my $pid = $writer->query('SELECT pg_backend_pid(), pg_current_xact_id()') =~ s/\|.*//sr;
serve();
is($node->safe_psql('postgres', $check), 'error 2 waiting, limit 1 waiting, limit 2 waiting', 'a transaction that has just begun is nothing to speak of');
sleep 2.2;
is($node->safe_psql('postgres', $check), 'error 2 blind, limit 1 waiting, limit 2 waiting',
	'one that stays open makes guards blind, after as long as each of them bears');
like($node->safe_psql('postgres', $why), qr/^what was recorded since \d.* has not been seen: process $pid has a transaction open since \d.*pg_stat_activity/,
	'... who say whom to look at, in another database if so');
is($node->safe_psql('postgres', $maintain), '2 guards, 0 fired, 1 blind; 1 held', '... and hold a rollout');
like($node->safe_psql('postgres', 'SELECT held FROM promptreg.rollout_status'), qr/^guard error: what was recorded since .* process $pid/, '... which says why');

$writer->query('COMMIT');
serve();
is($node->safe_psql('postgres', $check), 'error 2 ok, limit 1 ok, limit 2 ok', 'when it ends they see again');
sleep 2.2;
is($node->safe_psql('postgres', $check), 'error 2 stale, limit 1 ok, limit 2 ok', 'where nothing is recorded nobody is blind');

# Forgotten prepared transactions do the same, and outlive restarts.
$node->safe_psql('postgres', q{CREATE TABLE etl (x integer); BEGIN; INSERT INTO etl VALUES (1); PREPARE TRANSACTION 'forgotten'});
serve();
$node->safe_psql('postgres', $check);
sleep 2.2;
like($node->safe_psql('postgres', $why), qr/transaction 'forgotten' is prepared since \d.*pg_prepared_xacts/, 'a prepared transaction is found, too');
$node->safe_psql('postgres', q{COMMIT PREPARED 'forgotten'});

# What has been seen breaks a rule whatever has not been.
$node->safe_psql('postgres', q{SELECT prompt_guard_set('p', 'production', 'error', guard => 'limit', rule => 'limit', threshold => 0.5, severity => 'alert', max_staleness => '2 seconds')});
$node->safe_psql('postgres', q{SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'p', 'version', 2, 'error_class', 'x'))) FROM generate_series(1, 300)});

# Two at once: one judges, the other says so.
my $one = PromptregSession->new($node, 'postgres', setup => 'BEGIN');
like($one->query($check), qr/limit 2 alerted$/, 'one session judges');
is($node->safe_psql('postgres', $check), 'error 2 busy, limit 1 busy, limit 2 busy', '... another that comes meanwhile says so');
is($node->safe_psql('postgres', q{SELECT result FROM prompt_maintain('{guards}')}), '2 guards, 0 fired, 3 busy', '... maintenance as well');
$one->query('COMMIT');

$_->quit for ($writer, $one);
$node->stop;
done_testing();
