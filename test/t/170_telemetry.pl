# The views over telemetry say what the raw rows say: while writers overlap and roll back, outcomes come late or first,
# several sessions roll up, the server crashes, and after a restore into another server. Counts and sums are equal,
# quantiles within the guarantee.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use Time::HiRes qw(sleep);

my $rounds = $ENV{PROMPTREG_TEST_ROUNDS} // 3;
my $conf = "autovacuum_naptime = 1s\nlog_min_messages = log\n";
my $node = new_node('telemetry', conf => $conf);
my $dir = PostgreSQL::Test::Utils::tempdir();

# Where a view differs from the plain aggregate over the raw rows. One statement: one snapshot for both.
my %groups = (
	version_comparison => { map { $_ => "e.$_" } qw(prompt version environment) },
	version_hourly => { hour => "date_trunc('hour', e.at, 'UTC')", map { $_ => "e.$_" } qw(prompt version environment) },
	version_daily => { day => "(e.at AT TIME ZONE 'UTC')::date", map { $_ => "e.$_" } qw(prompt version environment) },
	model_comparison => { map { $_ => "e.$_" } qw(prompt environment model) });
sub differences
{
	my ($view) = @_;
	my %group = %{ $groups{$view} };
	my @names = sort keys %group;
	my $columns = join ', ', map { "$group{$_} AS $_" } @names;
	my $join = join ' AND ', map { "v.$_ IS NOT DISTINCT FROM r.$_" } @names;
	my $keys = join ', ', map { "coalesce(r.$_, v.$_)" } @names;
	return qq{
		WITH raw AS (
		  SELECT $columns, count(*) AS executions, count(*) FILTER (WHERE coalesce(e.error_class, e.error) IS NOT NULL) AS errors,
		         coalesce(sum(e.tokens_in), 0) AS tokens_in, coalesce(sum(e.cost_usd), 0) AS cost_usd, min(e.at) AS first_at, max(e.at) AS last_at,
		         sum(e.latency_ms) / nullif(count(e.latency_ms), 0) AS mean, coalesce(var_samp(e.latency_ms), 0) AS variance,
		         percentile_disc('{0.5,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY e.latency_ms) AS p,
		         coalesce(sum(o.r1), 0)::bigint AS rating_1, coalesce(sum(o.r5), 0)::bigint AS rating_5, coalesce(sum(o.up), 0)::bigint AS thumbs_up, coalesce(sum(o.down), 0)::bigint AS thumbs_down,
		         coalesce(sum(o.scores), 0)::bigint AS scores, sum(o.total) / nullif(sum(o.scores), 0) AS score, coalesce(sum(o.converted), 0)::bigint AS converted, coalesce(sum(o.comments), 0)::bigint AS comments
		    FROM promptreg.executions e LEFT JOIN (
		      SELECT request_id, count(*) FILTER (WHERE name = 'rating' AND value = 1) AS r1, count(*) FILTER (WHERE name = 'rating' AND value = 5) AS r5,
		             count(*) FILTER (WHERE name = 'thumbs' AND value = 1) AS up, count(*) FILTER (WHERE name = 'thumbs' AND value = 0) AS down,
		             count(*) FILTER (WHERE name = 'score') AS scores, sum(value) FILTER (WHERE name = 'score') AS total,
		             count(*) FILTER (WHERE name = 'conversion' AND value = 1) AS converted, count(*) FILTER (WHERE name = 'comment') AS comments
		        FROM promptreg.outcomes GROUP BY request_id) o ON o.request_id = e.request_id
		   GROUP BY ${\ join(', ', 1 .. @names) })
		SELECT format('$view: %s', concat_ws('|', $keys, 'rows', coalesce(r.executions, 0), coalesce(r.thumbs_up, 0), 'view', coalesce(v.executions, 0), coalesce(v.thumbs_up, 0))) AS difference
		  FROM raw r FULL JOIN (SELECT v.*, v.prompt IS NOT NULL AS joined FROM promptreg.$view v) v ON r.prompt = v.prompt AND hashtext(concat_ws('|', ${\ join(', ', map { "r.$_" } @names) })) = hashtext(concat_ws('|', ${\ join(', ', map { "v.$_" } @names) })) AND $join
		 WHERE (r.executions, r.errors, r.tokens_in, r.cost_usd, r.first_at, r.last_at, r.rating_1, r.rating_5, r.thumbs_up, r.thumbs_down, r.scores, r.converted, r.comments)
		       IS DISTINCT FROM (v.executions, v.errors, v.tokens_in, v.cost_usd, v.first_at, v.last_at, v.rating_1, v.rating_5, v.thumbs_up, v.thumbs_down, v.scores, v.conversions, v.comments)
		    OR near(r.mean, v.latency_ms_mean, 1e-9) IS NOT true OR near(r.variance, coalesce(v.latency_ms_stddev ^ 2, 0), 1e-6) IS NOT true OR near(r.score, v.score_mean, 1e-9) IS NOT true
		    OR near(r.p[1], v.latency_ms_p50, 0.01) IS NOT true OR near(r.p[2], v.latency_ms_p95, 0.01) IS NOT true OR near(r.p[3], v.latency_ms_p99, 0.01) IS NOT true};
}
# b within a relative error of a, and a little for the rounding of sums.
$node->safe_psql('postgres', q{
	CREATE FUNCTION near(a double precision, b double precision, error double precision) RETURNS boolean LANGUAGE sql IMMUTABLE
	RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= error * abs(a) * (1 + 1e-9) + 1e-9, false)});
$node->safe_psql('postgres', 'CREATE VIEW differences AS ' . join(' UNION ALL ', map { '(' . differences($_) . ')' } sort keys %groups));

# Recording in every way there is, in transactions that overlap, stay open, and are taken back.
my $writer = q{
DO $$
DECLARE
  request text;
  at timestamptz;
  dice double precision;
BEGIN
  LOOP
    request := 'r' || (random() * 1000)::integer;
    at := now() - random() ^ 3 * interval '3 days';
    dice := random();
    IF dice < 0.3 THEN
      PERFORM prompt_log('p' || (random() * 2)::integer, 1 + (random() * 2)::integer, CASE WHEN random() < 0.2 THEN 'staging' ELSE 'production' END, request_id => request, at => at,
        model => CASE WHEN random() < 0.7 THEN 'm' END, latency_ms => exp(random() * 10), tokens_in => (random() * 1000)::bigint, cost_usd => (random() * 0.01)::numeric(12, 6), error => CASE WHEN random() < 0.1 THEN 'x' END);
    ELSIF dice < 0.4 THEN
      PERFORM prompt_log_many((SELECT jsonb_agg(jsonb_build_object('name', 'p' || i % 3, 'version', 1 + i % 2, 'request_id', 'r' || (random() * 1000)::integer, 'latency_ms', random() * 100)) FROM generate_series(1, 20) i));
    ELSIF dice < 0.5 THEN
      INSERT INTO promptreg.executions (at, request_id, prompt, version, latency_ms) VALUES (at, request, 'p1', 2, NULL);
    ELSE
      PERFORM prompt_feedback(request, rating => CASE WHEN random() < 0.5 THEN 1 ELSE 5 END, thumbs => random() < 0.5, score => random(), conversion => random() < 0.3, comment => CASE WHEN random() < 0.1 THEN 'c' END);
    END IF;
    PERFORM pg_sleep(CASE WHEN random() < 0.05 THEN random() * 0.3 ELSE 0.005 END);
    IF random() < 0.1 THEN
      ROLLBACK;
    ELSIF random() < 0.6 THEN
      COMMIT;
    END IF;
  END LOOP;
END;
$$};
my $roller = q{DO $$ BEGIN LOOP PERFORM promptreg.roll_up(); IF random() < 0.1 THEN ROLLBACK; ELSE COMMIT; END IF; PERFORM pg_sleep(random() * 0.05); END LOOP; END $$};
my $maintainer = q{DO $$ BEGIN LOOP PERFORM prompt_maintain(); COMMIT; PERFORM pg_sleep(0.1); END LOOP; END $$};
my $checker = q{DO $$ DECLARE found text; BEGIN LOOP
  SELECT string_agg(difference, E'\n') INTO found FROM differences;
  RAISE LOG 'compared: %', coalesce('DIFFERENCES ' || found, 'equal'); COMMIT; END LOOP; END $$};

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
	my @sessions = map { start($_) } (($writer) x 3, ($roller) x 2, $maintainer, $checker);
	sleep 1.5 + rand 1;
	$node->stop('immediate');
	eval { $_->{run}->finish } for @sessions;
	my @errors = grep { !/server closed|connection to server was lost|terminating connection|^\s|immediate shutdown|current transaction|DETAIL|HINT|abnormally|before or while/ } map { split /\n/, $_->{err} } @sessions;
	push @found, map { "round $round: $_" } @errors;
	$node->start;
	push @found, map { "round $round, after the crash: $_" } split /\n/, $node->safe_psql('postgres', 'TABLE differences');
	$node->safe_psql('postgres', 'SELECT promptreg.roll_up()');
	push @found, map { "round $round, rolled up: $_" } split /\n/, $node->safe_psql('postgres', 'TABLE differences');
}
is(join("\n", @found), '', 'no error, and the views say what the rows say after every crash');
my $log = slurp_file($node->logfile);
my $compared = () = $log =~ /compared: equal/g;
cmp_ok($compared, '>=', $rounds, "... and in the middle of it ($compared comparisons)");
unlike($log, qr/compared: DIFFERENCES/, '... without a difference');
my $executions = $node->safe_psql('postgres', 'SELECT count(*) FROM promptreg.executions');
cmp_ok($executions, '>', 100 * $rounds, "there were executions ($executions)");
is($node->safe_psql('postgres', 'SELECT sum(executions) FROM promptreg.rollups WHERE grain = $$hour$$'), $executions, 'all of them are rolled up');

# Restored into another server, whose transactions have small numbers or large ones: everything counts once.
$node->safe_psql('postgres', q{SELECT prompt_log('p1', 1, request_id => 'not rolled up', latency_ms => 1)});
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/dump", $node->connstr('postgres') ], 'the database is dumped');
my $other = new_node('other', conf => $conf, extension => 0);
for my $transactions (0, 3000)
{
	my $name = "restored$transactions";
	# Each of these takes a number.
	$other->safe_psql('postgres', "DO \$\$ BEGIN FOR i IN 1 .. $transactions LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END \$\$");
	$other->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0");
	my ($out, $err);
	IPC::Run::run([ 'pg_restore', '-d', $other->connstr($name), "$dir/dump" ], '>', \$out, '2>', \$err);
	is($err, '', "$name: restored with live partitions without a word");
	is($other->safe_psql($name, 'TABLE differences'), '', "$name: the views say what the rows say");
	$other->safe_psql($name, q{SELECT prompt_log('p1', 1, request_id => 'here', latency_ms => 2)});
	my $rows = $other->safe_psql($name, 'SELECT count(*) FROM promptreg.executions');
	is($other->safe_psql($name, q{SELECT result, error FROM prompt_maintain('{rollups}')}), "$rows executions rolled up|", "$name: the first run takes all");
	is($other->safe_psql($name, 'TABLE differences'), '', '... and the views say the same');
	$other->safe_psql($name, q{SELECT prompt_log('p1', 1, request_id => 'more', latency_ms => 3)});
	is($other->safe_psql($name, 'SELECT promptreg.roll_up()'), '1', '... the next one what is new');
	is($other->safe_psql($name, 'TABLE differences'), '', '... and the views still do');
	# What was dropped before stays counted.
	$other->safe_psql($name, q{UPDATE promptreg.watermarks SET system_identifier = 1});
	my $days = $other->safe_psql($name, q{SELECT count(*) FROM promptreg.rollups WHERE grain = 'day'});
	$other->safe_psql($name, q{DELETE FROM promptreg.executions WHERE (at AT TIME ZONE 'UTC')::date = (SELECT min((at AT TIME ZONE 'UTC')::date) FROM promptreg.executions)});
	$other->safe_psql($name, 'SELECT promptreg.roll_up()');
	is($other->safe_psql($name, q{SELECT count(*) FROM promptreg.rollups WHERE grain = 'day'}), $days, '... also days whose rows are gone');
}
$other->stop;
$node->stop;
done_testing();
