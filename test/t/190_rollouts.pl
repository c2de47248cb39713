# A rollout stands where it stood, whatever happens to the server: where it is is in tables, and no step is taken twice,
# by half, or without the guards.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;
use Time::HiRes qw(sleep);

my $node = new_node('rollouts');
my $where = q{SELECT state, step, share_percent, promoted FROM promptreg.rollout_status ORDER BY started_at DESC LIMIT 1};
my $who = q{SELECT md5(string_agg(a.variant || a.version, ',' ORDER BY n)) FROM generate_series(1, 500) n, prompt_assign('p', 'production', 'user ' || n) a};
my $maintain = q{SELECT string_agg(result, '; ' ORDER BY task) FROM prompt_maintain('{guards,rollouts}')};
sub serve
{
	my ($errors) = @_;
	$node->safe_psql('postgres', qq{
		SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'p', 'version', v, 'user_id', concat(v, '-', i), 'error_class', CASE WHEN i <= CASE v WHEN 2 THEN $errors ELSE 4 END THEN 'x' END)))
		  FROM generate_series(1, 200) i, unnest('{1,2}'::integer[]) v});
}

$node->safe_psql('postgres', q{
	SELECT prompt_register('p', 'one'), prompt_register('p', 'two'), prompt_promote('p', 1, 'production');
	SELECT prompt_rollout('p', 2, 'production', steps => '{10,30,60,100}', step_interval => '50 ms')});
is($node->safe_psql('postgres', $where), 'running|1|10|f', 'a rollout begins at its first step');
my $assigned = $node->safe_psql('postgres', $who);
serve(4);
$node->restart;
is($node->safe_psql('postgres', $where), 'running|1|10|f', 'after a restart it is where it was');
is($node->safe_psql('postgres', $who), $assigned, '... and everybody has what they had');

# Its interval has passed many times over, but a look is a step.
sleep 1;
is($node->safe_psql('postgres', $maintain), '1 guards, 0 fired; 1 advanced', 'what was logged before the restart is judged after it');
is($node->safe_psql('postgres', $where), 'running|2|30|f', '... and is good for one step, however long it was not looked at');

# A step that does not commit is none: the next look takes it, once.
sleep 0.1;
serve(4);
my $session = PromptregSession->new($node, 'postgres', setup => 'BEGIN');
like($session->query($maintain), qr/1 advanced$/, 'a session takes the next step ...');
is($session->query($where), 'running|3|60|f', '... which it sees itself');
is($node->safe_psql('postgres', $where), 'running|2|30|f', '... and nobody else before it commits');
my $counted = q{SELECT string_agg(n::text, ' ' ORDER BY version) FROM (SELECT version, sum(n) AS n FROM promptreg.guard_counts GROUP BY 1) c};
is($session->query($counted), '400 400', '... after counting all that was logged');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $where), 'running|2|30|f', 'the server crashes before: the step was not taken');
is($node->safe_psql('postgres', $counted), '200 200', '... nor anything counted');
is($node->safe_psql('postgres', $maintain), '1 guards, 0 fired; 1 advanced', 'then it is');
is($node->safe_psql('postgres', $counted), '400 400', '... and each value counted once');
is($node->safe_psql('postgres', q{SELECT string_agg(ppm[2]::text, ' ' ORDER BY number) FROM promptreg.weights}), '100000 300000 600000',
	'... with a row of weights for each step, and no more');

# Paused by somebody before the server stops, it is paused afterwards.
$node->safe_psql('postgres', q{SELECT prompt_experiment_pause(experiment) FROM promptreg.rollout_status});
$node->restart;
sleep 0.1;
is($node->safe_psql('postgres', $maintain), '0 guards, 0 fired; 1 waiting', 'a pause outlives a restart');
$node->safe_psql('postgres', q{SELECT prompt_experiment_resume(experiment) FROM promptreg.rollout_status});
sleep 0.1;
# Guards look at what came since the resumption: nothing yet.
like($node->safe_psql('postgres', $maintain), qr/; 1 (held|promoted)$/, 'resumed, it is looked at again');
serve(4);
$node->safe_psql('postgres', $maintain);
is($node->safe_psql('postgres', $where), 'stopped|4|100|t', 'the last step is the promotion');
$node->restart;
is($node->safe_psql('postgres', $maintain), '0 guards, 0 fired; none', 'after which there is nothing to do, restarted or not');
is($node->safe_psql('postgres', q{SELECT string_agg(version::text, ' ' ORDER BY number) FROM promptreg.deployments}), '1 2', '... and one deployment');

# A guard that finds the version worse stops it, also if what it finds was logged before a crash.
$node->safe_psql('postgres', q{SELECT prompt_rollout('p', 1, 'production', steps => '{10,100}', step_interval => '0')});
$node->safe_psql('postgres', q{
	SELECT prompt_log_many(jsonb_agg(jsonb_build_object('name', 'p', 'version', v, 'user_id', concat(v, '-', i), 'error_class', CASE WHEN v = 1 AND i <= 150 THEN 'x' END)))
	  FROM generate_series(1, 200) i, unnest('{1,2}'::integer[]) v});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $maintain), '1 guards, 1 fired; none', 'a version that is worse is stopped after a crash, too');
is($node->safe_psql('postgres', q{SELECT DISTINCT version FROM generate_series(1, 200) n, prompt_assign('p', 'production', 'user ' || n)}), '2',
	'... and everybody has the deployed one');
is($node->safe_psql('postgres', q{SELECT count(*) FROM prompt_verify()}), '0', 'the history is whole');
$node->stop;
done_testing();
