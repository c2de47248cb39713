# A disk that is full in the middle of a promotion: all of it or nothing, and everything goes on once there is room.  The
# full disk is a limit on the size of files, which an ordinary user can set.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

plan skip_all => 'prlimit is not installed' if system('prlimit --version >/dev/null 2>&1') != 0;

my $node = new_node('disk', conf => "autovacuum = off\nlog_statement = none\nmax_wal_size = 1GB\n", extra => [ '--wal-segsize', '1' ]);
$node->safe_psql('postgres', q{
	SELECT prompt_create('p');
	SELECT prompt_commit('p', i || ' ' || repeat('x', 100)) FROM generate_series(1, 4) i;
	SELECT prompt_promote('p', 1, 'production')});
my $consistent = q{
	SELECT 'verify: ' || v::text FROM prompt_verify() v
	UNION ALL SELECT 'pending' FROM promptreg.pending_changes
	UNION ALL SELECT format('%s deployments, %s records', d.count, a.count)
	  FROM (SELECT count(*) FROM promptreg.deployments) d, (SELECT count(*) FROM promptreg.audit_log WHERE event = 'promoted') a WHERE d.count <> a.count
	UNION ALL SELECT format('%s records, %s changes up to %s', a.count, c.count, c.max)
	  FROM (SELECT count(*) FROM promptreg.audit_log) a, (SELECT count(*), max(seq) FROM promptreg.changes) c WHERE a.count <> c.count OR c.count <> c.max};

my $noise = q{(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, %d))};
my ($full, $acknowledged, $serves) = (0, 1, 1);
my @problems;
# What grows: the text of versions, the reasons of deployments and of audit records.
for my $sizes ([ 300, 1 ], [ 1, 300 ], [ 100, 100 ], [ 1, 500 ], [ 500, 1 ])
{
	my ($commit, $promote) = map { sprintf $noise, $_ } @$sizes;
	my $session = PromptregSession->new($node, 'postgres', setup => 'SET client_min_messages = warning');
	my $pid = $session->backend;
	# Not below a segment of WAL, whose loss nobody survives.
	my $limit = $session->query(q{
		SELECT greatest(1024 * 1024, max(pg_relation_size(oid)) + 5 * 8192) FROM pg_class WHERE relnamespace IN ('promptreg'::regnamespace, 'pg_toast'::regnamespace)});
	system("prlimit --pid $pid --fsize=$limit:") == 0 or die 'prlimit';
	for my $n (1 .. 1000)
	{
		my $version = 1 + $serves % 4;
		my ($out, $err) = $session->try(qq{
			BEGIN;
			SELECT prompt_commit('p', $commit);
			SELECT version FROM prompt_promote('p', $version, 'production', $promote);
			COMMIT;
			SELECT 'done'});
		if ($err eq '')
		{
			$acknowledged++;
			$serves = $version;
			next;
		}
		$full++;
		push @problems, $err if $err !~ /^ERROR:  could not (?:extend|write)/m;
		$session->query('ROLLBACK');
		# The same session still answers, and rightly.
		my $text = $session->query(q{SELECT version FROM prompt_assign('p')});
		push @problems, "serves $text instead of $serves" if $text ne $serves;
		last;
	}
	push @problems, $node->safe_psql('postgres', $consistent);
	system("prlimit --pid $pid --fsize=unlimited:");
	$serves = 1 + $serves % 4;
	push @problems, 'does not go on' if $session->query(qq{SELECT version FROM prompt_promote('p', $serves, 'production')}) ne $serves;
	$acknowledged++;
	$session->quit;
}
is($full, 5, 'the disk was full five times');
is(join("\n", grep { $_ ne '' } @problems), '', 'every promotion happens as a whole or not at all');
is($node->safe_psql('postgres', q{SELECT count(*) FROM promptreg.deployments}), $acknowledged, 'those that were acknowledged are there');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $consistent), '', '... after a crash too');
is($node->safe_psql('postgres', q{SELECT count(*) FROM promptreg.deployments}), $acknowledged, '... all of them');
is($node->safe_psql('postgres', q{SELECT version FROM prompt_assign('p')}), $serves, '... and the last is served');
$node->stop;
done_testing();
