# What experiments report is what plain SQL over the raw rows says: while writers overlap and roll back, outcomes come first
# or late, users turn out to have been served another variant before, several sessions ask for reports and maintain, and
# the server crashes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use Time::HiRes qw(sleep);

my $rounds = $ENV{PROMPTREG_TEST_ROUNDS} // 2;
my $node = new_node('experiments', conf => "autovacuum_naptime = 1s\nlog_min_messages = log\n");
$node->safe_psql('postgres', q{
	SELECT prompt_register('p', 'one'), prompt_register('p', 'two'), prompt_promote('p', 1, 'production');
	SELECT prompt_metric_define('converted', 'proportion', 'conversion', role => 'primary'), prompt_metric_define('latency', 'mean', 'latency_ms', direction => 'down'),
	       prompt_metric_define('errors', 'ratio', 'error', 'executions', 'down', role => 'guardrail'), prompt_metric_define('calls', 'count', 'executions', cap => 5),
	       prompt_metric_define('p90', 'quantile', 'latency_ms', direction => 'down', quantile => 0.9);
	SELECT prompt_experiment_start('p', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'x');
	SELECT prompt_guard_set('p', 'production', 'error', severity => 'alert', cool_down => '0')});

# Users count for the variant that they were served first; quantiles are of all that was served.
$node->safe_psql('postgres', q{
	CREATE VIEW differences AS
	WITH served AS MATERIALIZED (
	  SELECT e.user_id, e.variant, e.at, e.latency_ms, (e.error IS NOT NULL)::integer AS failed, o.converted
	    FROM promptreg.executions e
	    LEFT JOIN (SELECT request_id, max(value) AS converted FROM promptreg.outcomes WHERE name = 'conversion' GROUP BY 1) o ON o.request_id = e.request_id
	), own AS (
	  SELECT DISTINCT ON (user_id) user_id, variant FROM served ORDER BY user_id, at, variant COLLATE "C"
	), unit AS MATERIALIZED (
	  SELECT user_id, variant, count(*)::double precision AS calls, avg(latency_ms) AS latency, sum(failed) AS failed, coalesce(max(converted), 0) AS converted
	    FROM served JOIN own USING (user_id, variant) GROUP BY 1, 2
	), raw AS (
	  SELECT variant, 'converted' AS metric, count(*) AS users, avg(converted) AS mean, stddev_samp(converted) AS sd FROM unit GROUP BY 1
	   UNION ALL SELECT variant, 'latency', count(latency), avg(latency), stddev_samp(latency) FROM unit GROUP BY 1
	   UNION ALL SELECT variant, 'calls', count(*), avg(least(calls, 5)), stddev_samp(least(calls, 5)) FROM unit GROUP BY 1
	   UNION ALL SELECT variant, 'errors', count(*), sum(failed) / sum(calls), NULL FROM unit GROUP BY 1
	   UNION ALL SELECT variant, 'p90', count(DISTINCT user_id), percentile_disc(0.9) WITHIN GROUP (ORDER BY latency_ms), NULL
	               FROM served WHERE latency_ms IS NOT NULL GROUP BY 1
	)
	SELECT format('%s of %s: %s users, %s, %s; reported %s, %s, %s', r.metric, r.variant, r.users, r.mean, r.sd, f.users, f.mean, f.sd) AS difference
	  FROM raw r FULL JOIN promptreg.experiment_results f USING (metric, variant)
	 WHERE r.users IS DISTINCT FROM f.users OR (abs(r.mean - f.mean) <= CASE metric WHEN 'p90' THEN 0.001001 ELSE 1e-9 END * greatest(r.mean, 1)) IS NOT true
	    OR r.sd IS NOT NULL AND (abs(r.sd - f.sd) <= 1e-7 * greatest(r.sd, 1)) IS NOT true;
	CREATE VIEW exposures AS
	SELECT sum(e.users) AS users, (SELECT count(DISTINCT user_id) FROM promptreg.executions) AS raw_users FROM promptreg.experiment_exposures e});

my $writer = q{
DO $$
DECLARE
  request text;
  dice double precision;
BEGIN
  LOOP
    request := 'r' || (random() * 3000)::integer;
    dice := random();
    IF dice < 0.6 THEN
      PERFORM prompt_log('p', 1, user_id => 'u' || (random() * 500)::integer, request_id => request, experiment => 'x', variant => CASE WHEN random() < 0.5 THEN 'b' ELSE 'control' END,
        latency_ms => CASE WHEN random() < 0.9 THEN exp(random() * 8) END, error => CASE WHEN random() < 0.1 THEN 'x' END, at => clock_timestamp() - random() ^ 4 * interval '1 hour');
    ELSE
      PERFORM prompt_feedback(request, conversion => random() < 0.3);
    END IF;
    PERFORM pg_sleep(CASE WHEN random() < 0.03 THEN random() * 0.2 ELSE 0.002 END);
    IF random() < 0.1 THEN
      ROLLBACK;
    ELSIF random() < 0.5 THEN
      COMMIT;
    END IF;
  END LOOP;
END;
$$};
my $reader = q{DO $$ BEGIN LOOP PERFORM prompt_experiment_report('x'), prompt_experiment_decision('x'); IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF; PERFORM pg_sleep(random() * 0.05); END LOOP; END $$};
my $maintainer = q{DO $$ BEGIN LOOP PERFORM prompt_maintain('{experiments,guards,rollups}'); COMMIT; PERFORM pg_sleep(random() * 0.1); END LOOP; END $$};

sub start
{
	my ($statement) = @_;
	my %session = (err => '');
	$session{run} = IPC::Run::start([ 'psql', '-Xq', '-c', $statement, $node->connstr('postgres') ], '>', '/dev/null', '2>', \$session{err});
	return \%session;
}

my @found;
for my $round (1 .. $rounds)
{
	my @sessions = map { start($_) } (($writer) x 3, ($reader) x 2, $maintainer);
	sleep 3;
	$node->stop($round % 2 ? 'immediate' : 'fast');
	eval { $_->{run}->finish } for @sessions;
	my @errors = grep { !/server closed|connection to server was lost|terminating connection|^\s|immediate shutdown|current transaction|DETAIL|HINT|CONTEXT|^PL|^SQL|abnormally|before or while/ }
	  map { split /\n/, $_->{err} } @sessions;
	push @found, map { "round $round: $_" } @errors;
	$node->start;
	# Whoever was here has gone: one report counts the rest.
	$node->safe_psql('postgres', q{SELECT count(*) FROM prompt_experiment_report('x')});
	push @found, map { "round $round: $_" } split /\n/, $node->safe_psql('postgres', 'TABLE differences');
	my ($users, $raw_users) = split /\|/, $node->safe_psql('postgres', 'TABLE exposures');
	push @found, "round $round: $users users are counted of $raw_users" if $users != $raw_users;
}
is(join("\n", @found), '', 'no error, and reports say what the rows say');
my ($executions, $outcomes, $several, $reported) = split /\|/, $node->safe_psql('postgres', q{
	SELECT (SELECT count(*) FROM promptreg.executions), (SELECT count(*) FROM promptreg.outcomes), users_in_several_variants, (SELECT count(*) FROM prompt_experiment_report('x')) FROM prompt_experiment_decision('x')});
cmp_ok($executions, '>', 200 * $rounds, "there were executions ($executions)");
cmp_ok($outcomes, '>', 100 * $rounds, "... and outcomes ($outcomes)");
cmp_ok($several, '>', 10, "... users who were served both ($several)");
is($reported, 10, '... and a row for each metric and variant');
# The comparison can see what is wrong.
$node->safe_psql('postgres', q{SELECT prompt_log('p', 1, user_id => 'unseen', experiment => 'x', variant => 'b', latency_ms => 1)});
isnt($node->safe_psql('postgres', 'TABLE differences'), '', 'a row that is not counted yet would show');
$node->stop;
done_testing();
