# kill -9 of a promoting backend, and immediate shutdown, in the middle of promotions: nothing that was acknowledged is
# lost, and route, deployments, audit log and changes agree.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use Time::HiRes qw(sleep);

my $rounds = $ENV{PROMPTREG_TEST_ROUNDS} // 10;
my $synchronous_commit = $ENV{PROMPTREG_TEST_SYNCHRONOUS_COMMIT} // 'on';    # off shows that this test can see a loss
my $node = new_node('crash', conf => "restart_after_crash = on\nsynchronous_commit = $synchronous_commit\n");
my $dir = PostgreSQL::Test::Utils::tempdir();

# Promoters 1 and 2 have a prompt each, 3 and 4 share one.  No promotion finds its version served already, not even the
# first of a round.
$node->safe_psql('postgres', q{
	SELECT prompt_register('p' || p, 'text ' || v) FROM generate_series(1, 3) p, generate_series(1, 8) v});

sub start_promoter
{
	my ($round, $i) = @_;
	my $prompt = $i > 2 ? 'p3' : "p$i";
	my $script = "$dir/promoter$i.sql";
	open my $file, '>', $script or die;
	print $file "SELECT 'pid ' || pg_backend_pid();\n";
	for my $n (1 .. 20000)
	{
		my $version = ($i == 4 ? 5 : 1) + 2 * ($round % 2) + $n % 2;
		# A version, a new one now and then, and the promotion in one transaction.
		print $file "BEGIN;\nSELECT prompt_commit('$prompt', '$round-$i-$n');\n" if $n % 5 == 0;
		print $file "SELECT NULL FROM prompt_promote('$prompt', $version, 'production', idempotency_key => '$round-$i-$n');\n";
		print $file "COMMIT;\n" if $n % 5 == 0;
		print $file "\\echo done $round-$i-$n\n";
	}
	close $file;
	my $promoter = { out => "$dir/out$i" };
	unlink $promoter->{out};
	$promoter->{run} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', $script, '-o', '/dev/null', $node->connstr('postgres') ],
		'>', $promoter->{out}, '2>', \$promoter->{err});
	return $promoter;
}

my ($acknowledged, $lost, $in_flight, @disagreements) = (0, 0, 0);
for my $round (1 .. $rounds)
{
	my @promoters = map { start_promoter($round, $_) } 1 .. 4;
	sleep 0.3 + rand 0.5;
	my $kill = $round % 2;
	if ($kill)
	{
		my ($pid) = split /\n/, $node->safe_psql('postgres', q{
			SELECT pid FROM pg_stat_activity WHERE query LIKE '%prompt_promote%' AND pid <> pg_backend_pid()
			ORDER BY random() LIMIT 1});
		kill 'KILL', $pid;
	}
	else
	{
		$node->stop('immediate');
	}
	eval { $_->{run}->finish } for @promoters;
	$node->start if !$kill;
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';

	my %acknowledged = map { map { /^done (.*)/ ? ($1 => 1) : () } split /\n/, slurp_file($_->{out}) } @promoters;
	my %recorded = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', qq{
		SELECT idempotency_key FROM promptreg.deployments WHERE idempotency_key LIKE '$round-%'});
	$acknowledged += keys %acknowledged;
	$lost += grep { !$recorded{$_} } keys %acknowledged;
	my $more = grep { !$acknowledged{$_} } keys %recorded;
	$in_flight += $more;
	push @disagreements, "round $round: $more promotions that nobody asked for" if $more > 4;
	push @disagreements, map { "round $round: $_" } split /\n/, $node->safe_psql('postgres', q{
		SELECT 'verify: ' || v::text FROM prompt_verify() v
		UNION ALL
		SELECT format('route of %s', r.prompt_id) FROM promptreg.routes r
		 WHERE (r.deployment_id, r.version) IS DISTINCT FROM
		       (SELECT (d.id, d.version) FROM promptreg.deployments d WHERE d.prompt_id = r.prompt_id ORDER BY d.number DESC LIMIT 1)
		UNION ALL
		SELECT format('deployment %s of %s has %s audit records', d.number, p.name, count(a.id))
		  FROM promptreg.deployments d JOIN promptreg.prompts p ON p.id = d.prompt_id
		  LEFT JOIN promptreg.audit_log a ON a.event = 'promoted' AND a.prompt = p.name
		                                 AND a.after = jsonb_build_object('version', d.version, 'deployment', d.number,
		                                                                  'chain_hash', encode(d.chain_hash, 'hex'))
		 GROUP BY p.name, d.id HAVING count(a.id) <> 1
		UNION ALL
		SELECT format('%s deployments, %s audit records of promotions', d.count, a.count)
		  FROM (SELECT count(*) FROM promptreg.deployments) d, (SELECT count(*) FROM promptreg.audit_log WHERE event = 'promoted') a
		 WHERE d.count <> a.count
		UNION ALL
		SELECT format('%s audit records, %s changes up to %s, %s pending', a.count, c.count, c.max, n.count)
		  FROM (SELECT count(*) FROM promptreg.audit_log) a, (SELECT count(*), max(seq) FROM promptreg.changes) c,
		       (SELECT count(*) FROM promptreg.pending_changes) n
		 WHERE a.count <> c.count OR c.count <> c.max OR n.count <> 0
		UNION ALL
		SELECT format('prompt %s has head %s and %s versions', p.name, p.head_version, count(v.id))
		  FROM promptreg.prompts p LEFT JOIN promptreg.versions v ON v.prompt_id = p.id GROUP BY p.id
		HAVING count(v.id) <> p.head_version
		UNION ALL
		SELECT format('%s serves %s', p.name, prompt_render(p.name))
		  FROM promptreg.prompts p JOIN promptreg.routes r ON r.prompt_id = p.id
		 WHERE prompt_render(p.name) <> 'text ' || r.version});
}
diag("$acknowledged promotions acknowledged in $rounds rounds, $lost lost; $in_flight committed but not acknowledged");
cmp_ok($acknowledged, '>', $rounds, 'there were promotions');
is($lost, 0, 'no acknowledged promotion is lost');
is(join("\n", @disagreements), '', 'all records of them agree after every crash');
$node->stop;
done_testing();
