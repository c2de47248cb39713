# Telemetry in another database than the registry: recorded there, or carried there by logical replication as the
# documentation sets it up.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;

my $recording = new_node('recording', allows_streaming => 'logical');
my $reading = new_node('reading');
my ($publication) = slurp_source('docs/telemetry.md') =~ /^(CREATE PUBLICATION .*?;)$/ms;
my ($subscription) = slurp_source('docs/telemetry.md') =~ /^(CREATE SUBSCRIPTION .*?;)$/ms;
my $connection = $recording->connstr('postgres') =~ s{'}{''}gr;
$subscription =~ s/'\.\.\.'/'$connection'/;

# A database without prompts records them all the same.
$recording->safe_psql('postgres', q{
	CREATE ROLE app;
	SELECT prompt_grant('shop/*', 'resolve', 'app', 'production');
	SET ROLE app;
	SELECT prompt_log('shop/search', 3, request_id => 'r' || i, latency_ms => i, at => now() - i * interval '1 hour') FROM generate_series(1, 100) i;
	SELECT prompt_feedback('r' || i, rating => 5) FROM generate_series(1, 10) i});
is((error_of($recording, 'postgres', q{SET ROLE app; SELECT prompt_log('other', 1)}))[0], 'PR001', 'a role records what its grant covers');
my $answer = q{SELECT prompt, version, executions, ratings, round(latency_ms_p50) FROM promptreg.version_comparison};
my $recorded = $recording->safe_psql('postgres', $answer);
like($recorded, qr/^shop\/search\|3\|100\|10\|/, 'executions of a prompt that is elsewhere are counted');
is($recording->safe_psql('postgres', 'SELECT problem, count FROM prompt_telemetry_problems()'), 'unknown prompt|100', '... and named');

# The publisher's transactions have other numbers than the subscriber's, larger ones.
$recording->safe_psql('postgres', q{DO $$ BEGIN FOR i IN 1 .. 3000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$});
$recording->safe_psql('postgres', $publication);
$reading->safe_psql('postgres', $subscription);
$reading->wait_for_subscription_sync($recording, 'telemetry');
is($reading->safe_psql('postgres', $answer), $recorded, 'what was there is carried over');
is($reading->safe_psql('postgres', 'SELECT promptreg.roll_up()'), '100', '... and rolled up there');
$recording->safe_psql('postgres', q{SELECT prompt_log('shop/search', 3, request_id => 'later', latency_ms => 5), prompt_feedback('later', rating => 1), prompt_feedback('r50', rating => 2)});
$recording->wait_for_catchup('telemetry');
$recorded = $recording->safe_psql('postgres', $answer);
like($recorded, qr/^shop\/search\|3\|101\|12\|/, 'more is recorded');
is($reading->safe_psql('postgres', $answer), $recorded, '... and arrives');
is($reading->safe_psql('postgres', 'SELECT promptreg.roll_up()'), '1', '... is rolled up once');
is($reading->safe_psql('postgres', $answer), $recorded, '... and says the same');
# Retention on one side leaves the other alone.
$recording->safe_psql('postgres', q{SELECT prompt_retention('executions', '1 day'); SELECT prompt_maintain(); SELECT prompt_maintain(); DELETE FROM promptreg.executions});
$recording->wait_for_catchup('telemetry');
is($reading->safe_psql('postgres', 'SELECT count(*) FROM promptreg.executions'), '101', 'what is deleted there stays here');
$reading->safe_psql('postgres', 'DROP SUBSCRIPTION telemetry');
$reading->stop;
$recording->stop;
done_testing();
