# Guards and rollouts never wait for somebody who changes a prompt, and nobody who changes one waits for them, unless they have
# changed it themselves. What they could not do, they do at the next look.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $node = new_node('guard_locks');
my $maintain = q{SELECT string_agg(result, '; ' ORDER BY task) FROM prompt_maintain('{guards,rollouts}')};
my $served = q{SELECT string_agg(version::text, ' ' ORDER BY name) FROM (VALUES ('a'), ('b')) AS p (name), prompt_assign(p.name)};

sub fail_calls
{
	my ($prompt, $version) = @_;
	$node->safe_psql('postgres', qq{
		SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', '$prompt', 'version', $version, 'error_class', 'x'))) FROM generate_series(1, 300)});
}

$node->safe_psql('postgres', q{
	SELECT prompt_register(p, v::text), prompt_promote(p, v, 'production') FROM unnest('{a,b}'::text[]) p, generate_series(1, 2) v;
	SELECT prompt_register(p, v::text) FROM unnest('{a,b}'::text[]) p, generate_series(3, 4) v});
my $person = PromptregSession->new($node, 'postgres', setup => "SET lock_timeout = '10s'");
my $scheduler = PromptregSession->new($node, 'postgres', setup => "SET lock_timeout = '10s'");

# A rollout that only waits, or is held, locks nothing that a rollback needs; also while experiments are counted.
$node->safe_psql('postgres', q{SELECT prompt_rollout('a', 3, 'production', step_interval => '0')});
$node->safe_psql('postgres', q{SELECT prompt_log('a', 3, user_id => 'u', experiment => experiment, variant => 'new') FROM promptreg.rollout_status});
$scheduler->query('BEGIN');
like($scheduler->query(q{SELECT string_agg(result, '; ' ORDER BY task) FROM prompt_maintain('{experiments,guards,rollouts}')}), qr/; 1 held$/, 'a rollout is held');
is($person->query(q{SELECT version FROM prompt_rollback('a', 'production')}), '1', '... and who rolls back does not wait for maintenance');
$scheduler->query('COMMIT');

# A step that finds the prompt locked is taken the next time.
$node->safe_psql('postgres', q{SELECT prompt_rollout('a', 3, 'production', steps => '{10,50,100}', step_interval => '0', guards => '[]')});
$person->query(q{BEGIN; UPDATE promptreg.prompts SET head_version = head_version WHERE name = 'a'});
is($scheduler->query($maintain), '0 guards, 0 fired; 1 busy', 'a rollout does not wait for who changes the prompt');
$person->query('ROLLBACK');
is($scheduler->query($maintain), '0 guards, 0 fired; 1 advanced', '... and goes on when they are done');
$node->safe_psql('postgres', q{SELECT count(prompt_experiment_stop(experiment)) FROM promptreg.rollout_status WHERE state = 'running'});

# A guard that finds the prompt locked fires the next time.
$node->safe_psql('postgres', q{SELECT prompt_promote('a', 2, 'production'), prompt_guard_set('a', 'production', 'error', rule => 'limit', threshold => 0.05)});
fail_calls('a', 2);
$person->query(q{BEGIN; SELECT prompt_commit('a', '5')});
is($scheduler->query($maintain), '1 guards, 0 fired, 1 busy; none', 'a guard does not wait for who changes the prompt');
is($node->safe_psql('postgres', $served), '2 2', '... and does nothing');
$person->query('COMMIT');
is($scheduler->query($maintain), '1 guards, 1 fired; none', '... until they are done');
is($node->safe_psql('postgres', $served), '1 2', '... when it rolls back');

# Maintenance that has rolled back one prompt, and a release that has the other and wants the first: no deadlock.
$node->safe_psql('postgres', q{
	SELECT prompt_rollout('a', 3, 'production', steps => '{10,50,100}', step_interval => '0', guards => '[]');
	SELECT prompt_guard_set('b', 'production', 'error', rule => 'limit', threshold => 0.05)});
$node->safe_psql('postgres', q{SELECT prompt_guard_remove('a', 'production', 'error')});
fail_calls('b', 2);
$scheduler->query('BEGIN');
is($scheduler->query(q{SELECT result FROM prompt_maintain('{guards}')}), '1 guards, 1 fired', 'maintenance rolls one prompt back');
$person->send(q{SELECT string_agg(prompt || ' ' || version, ', ') FROM prompt_release(
	'[{"prompt": "a", "version": 4, "environment": "staging"}, {"prompt": "b", "version": 4, "environment": "production"}]')});
$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%prompt_release%')});
is($scheduler->query(q{SELECT result FROM prompt_maintain('{rollouts}')}), '1 busy', '... leaves another alone that a release has locked');
$scheduler->query('COMMIT');
my ($out, $err) = $person->receive;
is($out, 'a 4, b 4', '... which then goes through');
is($err, '', '... without a deadlock');

$_->quit for ($person, $scheduler);
$node->stop;
done_testing();
