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

# What each column of the comparison views is, over raw rows: e are executions with tokens, t, of both kinds together, o their
# outcomes added up by request_id. Exact, near (a little rounding of sums), or a quantile within the guarantee.
my %mean_of = (latency_ms => 'e.latency_ms', time_to_first_token_ms => 'e.time_to_first_token_ms', tokens => 'e.t', cost_usd => 'e.cost_usd::double precision');
my @columns = (
	(map { [ $_->[0], exact => $_->[1] ] }
		[ executions => 'count(*)' ], [ errors => 'count(*) FILTER (WHERE coalesce(e.error_class, e.error) IS NOT NULL)' ],
		[ executions_with_cost => 'count(e.cost_usd)' ], [ first_at => 'min(e.at)' ], [ last_at => 'max(e.at)' ],
		map({ [ $_ => "coalesce(sum(e.$_), 0)" ] } qw(tokens_in tokens_out tokens_cached cost_usd)),
		map({ [ $_ => "coalesce(sum(o.$_), 0)::bigint" ] } qw(ratings rating_1 rating_2 rating_3 rating_4 rating_5 thumbs_up thumbs_down scores conversions comments))),
	[ error_rate => near => 'count(*) FILTER (WHERE coalesce(e.error_class, e.error) IS NOT NULL) / count(*)::double precision' ],
	(map { [ "${_}_mean" => near => "avg($mean_of{$_})" ] } sort keys %mean_of),
	[ latency_ms_stddev => spread => 'stddev_samp(e.latency_ms)' ],
	[ rating_mean => near => 'sum(o.stars) / nullif(sum(o.ratings), 0)' ],
	[ score_mean => near => 'sum(o.score) / nullif(sum(o.scores), 0)' ],
	[ score_stddev => spread => 'sqrt(greatest(sum(o.squares) - sum(o.score) ^ 2 / nullif(sum(o.scores), 0), 0) / nullif(sum(o.scores) - 1, 0))' ],
	[ thumbs_up_rate => near => 'sum(o.thumbs_up) / nullif(sum(o.thumbs_up + o.thumbs_down), 0)' ],
	[ conversion_rate => near => 'sum(o.conversions) / nullif(sum(o.conversion), 0)' ],
	[ edited_rate => near => 'sum(o.were_edited) / nullif(sum(o.edited), 0)' ],
	[ accepted_rate => near => 'sum(o.were_accepted) / nullif(sum(o.accepted), 0)' ],
	map { my ($of, $p) = @$_; [ "${of}_p$p" => quantile => "percentile_disc(0.$p) WITHIN GROUP (ORDER BY $mean_of{$of})" ] }
		(map { my $of = $_; map { [ $of, $_ ] } 50, 95, 99 } qw(latency_ms time_to_first_token_ms)), map { my $of = $_; map { [ $of, $_ ] } 50, 95 } qw(tokens cost_usd));
my %condition = (
	exact => sub { "r.$_[0] IS NOT DISTINCT FROM v.$_[0]" },
	near => sub { "near(r.$_[0], v.$_[0], 1e-9)" },
	# One more each, because where all values are equal the plain formula leaves a rest of rounding.
	spread => sub { "near(1 + coalesce(r.$_[0], 0), 1 + coalesce(v.$_[0], 0), 1e-6)" },
	quantile => sub { "near(r.$_[0], v.$_[0], 0.01)" });
my %groups = (
	version_comparison => { map { $_ => "e.$_" } qw(prompt version environment) },
	version_hourly => { hour => "date_trunc('hour', e.at, 'UTC')", map { $_ => "e.$_" } qw(prompt version environment) },
	version_daily => { day => "(e.at AT TIME ZONE 'UTC')::date", map { $_ => "e.$_" } qw(prompt version environment) },
	model_comparison => { map { $_ => "e.$_" } qw(prompt environment model) });
# Where a comparison view differs from the plain aggregate. One statement: one snapshot for both.
sub differences
{
	my ($view) = @_;
	my %group = %{ $groups{$view} };
	my @names = sort keys %group;
	my $keys = join ', ', map { "$group{$_} AS $_" } @names;
	my $raw = join ",\n", map { "$_->[2] AS $_->[0]" } @columns;
	my $join = join ' AND ', map { "v.$_ IS NOT DISTINCT FROM r.$_" } @names;
	my $hash = sub { "hashtext(concat_ws('|', " . join(', ', map { "$_[0].$_" } @names) . '))' };
	my $differing = join ', ', map { "CASE WHEN (" . $condition{ $_->[1] }->($_->[0]) . ") IS NOT true THEN format('$_->[0] %s not %s', v.$_->[0], r.$_->[0]) END" } @columns;
	return qq{
		WITH raw AS (
		  SELECT $keys, $raw
		    FROM (SELECT e.*, CASE WHEN coalesce(e.tokens_in, e.tokens_out) IS NOT NULL THEN (coalesce(e.tokens_in, 0) + coalesce(e.tokens_out, 0))::double precision END AS t FROM promptreg.executions e) e
		    LEFT JOIN added o ON o.request_id = e.request_id
		   GROUP BY ${\ join(', ', 1 .. @names) })
		SELECT format('$view of %s: %s', concat_ws('|', ${\ join(', ', map { "coalesce(r.$_, v.$_)" } @names) }), x.differing) AS difference
		  FROM raw r FULL JOIN promptreg.$view v ON r.prompt = v.prompt AND ${\ $hash->('r') } = ${\ $hash->('v') } AND $join,
		       LATERAL (SELECT concat_ws(', ', $differing) AS differing) x
		 WHERE x.differing <> ''};
}
# b within a relative error of a, and a little for the rounding of sums.
$node->safe_psql('postgres', q{
	CREATE FUNCTION near(a double precision, b double precision, error double precision) RETURNS boolean LANGUAGE sql IMMUTABLE
	RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= error * abs(a) * (1 + 1e-9) + 1e-9, false);
	CREATE VIEW added AS
	SELECT request_id, count(*) FILTER (WHERE name = 'rating') AS ratings, sum(value) FILTER (WHERE name = 'rating') AS stars,
	       count(*) FILTER (WHERE name = 'rating' AND value = 1) AS rating_1, count(*) FILTER (WHERE name = 'rating' AND value = 2) AS rating_2, count(*) FILTER (WHERE name = 'rating' AND value = 3) AS rating_3,
	       count(*) FILTER (WHERE name = 'rating' AND value = 4) AS rating_4, count(*) FILTER (WHERE name = 'rating' AND value = 5) AS rating_5,
	       count(*) FILTER (WHERE name = 'thumbs' AND value = 1) AS thumbs_up, count(*) FILTER (WHERE name = 'thumbs' AND value = 0) AS thumbs_down,
	       count(*) FILTER (WHERE name = 'score') AS scores, sum(value) FILTER (WHERE name = 'score') AS score, sum(value ^ 2) FILTER (WHERE name = 'score') AS squares,
	       count(*) FILTER (WHERE name = 'conversion') AS conversion, count(*) FILTER (WHERE name = 'conversion' AND value = 1) AS conversions,
	       count(*) FILTER (WHERE name = 'edited') AS edited, count(*) FILTER (WHERE name = 'edited' AND value = 1) AS were_edited,
	       count(*) FILTER (WHERE name = 'accepted') AS accepted, count(*) FILTER (WHERE name = 'accepted' AND value = 1) AS were_accepted,
	       count(*) FILTER (WHERE name = 'comment') AS comments
	  FROM promptreg.outcomes GROUP BY request_id});
# Exposures are rows; releases are counted from the history, in words of their own.
my %others = (
	experiment_viewed => q{
		SELECT format('experiment_viewed: %s', x) FROM (
		  (SELECT user_id, at, experiment, variant, prompt, version, environment FROM promptreg.executions WHERE user_id IS NOT NULL AND experiment || variant IS NOT NULL EXCEPT ALL TABLE promptreg.experiment_viewed)
		   UNION ALL
		  (TABLE promptreg.experiment_viewed EXCEPT ALL SELECT user_id, at, experiment, variant, prompt, version, environment FROM promptreg.executions WHERE user_id IS NOT NULL AND experiment || variant IS NOT NULL)) x},
	release_activity => q{
		SELECT format('release_activity: %s %s not %s', coalesce(v.prompt, r.prompt), v, r) FROM promptreg.release_activity v FULL JOIN (
		  SELECT to_timestamp(floor((extract(epoch FROM d.deployed_at) - 345600) / 604800) * 604800 + 345600) AS week, p.name AS prompt, d.environment,
		         sum((d.event = 'promoted')::integer) AS promotions, sum((d.event = 'rolled_back')::integer) AS rollbacks,
		         max(CASE WHEN d.event = 'promoted' AND d.first THEN extract(epoch FROM d.deployed_at - c.created_at) / 3600 END) AS longest,
		         avg(CASE WHEN d.event = 'promoted' AND d.first THEN extract(epoch FROM d.deployed_at - c.created_at) / 3600 END) AS mean
		    FROM (SELECT d.*, row_number() OVER (PARTITION BY prompt_id, environment, version ORDER BY number) = 1 AS first FROM promptreg.deployments d) d
		    JOIN promptreg.prompts p ON p.id = d.prompt_id JOIN promptreg.versions c ON c.prompt_id = d.prompt_id AND c.version = d.version
		   GROUP BY 1, 2, 3) r USING (week, prompt, environment)
		 WHERE (v.promotions, v.rollbacks) IS DISTINCT FROM (r.promotions, r.rollbacks) OR NOT near(r.longest, v.lead_time_hours_max, 1e-6) OR NOT near(r.mean, v.lead_time_hours_mean, 1e-6)});
$node->safe_psql('postgres', 'CREATE VIEW differences AS ' . join(' UNION ALL ', map({ '(' . differences($_) . ')' } sort keys %groups), map { "($others{$_})" } sort keys %others));
# No column of a comparison view is left out.
my %compared = map { $_->[0] => 1 } @columns;
is(join(' ', grep { !$compared{$_} } split /\n/, $node->safe_psql('postgres', q{SELECT name FROM promptreg.measure_columns() ORDER BY 1})), '', 'every column is compared');

# An experiment, whose results are as of the last refresh: users count for the variant that they were served first.
$node->safe_psql('postgres', q{
	SELECT prompt_register('p1', 'one'), prompt_register('p1', 'two'), prompt_register('p1', 'three'), prompt_promote('p1', 1, 'production');
	SELECT prompt_metric_define('per call', 'ratio', 'cost_usd', 'executions');
	SELECT prompt_experiment_start('p1', 'production', '[{"key": "control", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'x');
	CREATE VIEW experiment_differences AS
	WITH e AS (SELECT * FROM promptreg.executions WHERE experiment = 'x' AND prompt = 'p1' AND environment = 'production' AND user_id IS NOT NULL AND variant IN ('control', 'b')),
	own AS (SELECT DISTINCT ON (user_id) user_id, variant FROM e ORDER BY user_id, at, variant COLLATE "C"),
	raw AS (SELECT variant, count(DISTINCT user_id) AS users, count(*) AS executions, coalesce(sum(cost_usd), 0)::double precision / count(*) AS mean FROM e JOIN own USING (user_id, variant) GROUP BY 1)
	SELECT format('experiment_results of %s: %s not %s', coalesce(r.variant, v.variant), v, r)
	  FROM raw r FULL JOIN (SELECT variant, users, executions, mean FROM promptreg.experiment_results WHERE experiment = 'x' AND metric = 'per call') v ON v.variant = r.variant
	 WHERE (v.users, v.executions) IS DISTINCT FROM (r.users, r.executions) OR near(r.mean, v.mean, 1e-9) IS NOT true});

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
        model => CASE WHEN random() < 0.7 THEN 'm' END, latency_ms => exp(random() * 10), time_to_first_token_ms => random() * 100, tokens_in => (random() * 1000)::bigint, tokens_out => CASE WHEN random() < 0.8 THEN (random() * 100)::bigint END,
        tokens_cached => (random() * 9)::bigint, cost_usd => (random() * 0.01)::numeric(12, 6), error => CASE WHEN random() < 0.1 THEN 'x' END,
        user_id => CASE WHEN random() < 0.8 THEN 'u' || (random() * 50)::integer END, experiment => CASE WHEN random() < 0.7 THEN 'x' END, variant => CASE WHEN random() < 0.4 THEN 'b' WHEN random() < 0.9 THEN 'control' END);
    ELSIF dice < 0.4 THEN
      PERFORM prompt_log_many((SELECT jsonb_agg(jsonb_build_object('name', 'p' || i % 3, 'version', 1 + i % 2, 'request_id', 'r' || (random() * 1000)::integer, 'latency_ms', random() * 100)) FROM generate_series(1, 20) i));
    ELSIF dice < 0.5 THEN
      INSERT INTO promptreg.executions (at, request_id, prompt, version, latency_ms) VALUES (at, request, 'p1', 2, NULL);
    ELSE
      PERFORM prompt_feedback(request, rating => 1 + (random() * 4)::integer, thumbs => random() < 0.5, score => random(), conversion => random() < 0.3, comment => CASE WHEN random() < 0.1 THEN 'c' END,
        edited => CASE WHEN random() < 0.3 THEN random() < 0.5 END, accepted => CASE WHEN random() < 0.3 THEN random() < 0.5 END);
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
my $releaser = q{DO $$ BEGIN LOOP
  IF random() < 0.7 THEN
    PERFORM prompt_promote('p1', 1 + (random() * 2)::integer, 'staging');
  ELSE
    -- There may be nothing to go back to.
    BEGIN PERFORM prompt_rollback('p1', 'staging'); EXCEPTION WHEN SQLSTATE 'PR052' THEN NULL; END;
  END IF;
  IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF;
  PERFORM pg_sleep(0.05);
END LOOP; END $$};
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
	my @sessions = map { start($_) } (($writer) x 3, ($roller) x 2, $maintainer, $releaser, $checker);
	sleep 1.5 + rand 1;
	# The server ends with kill -9 of a session that rolls up, or all at once.
	if ($round % 2)
	{
		my $rolling = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query LIKE '%promptreg.roll_up()%' AND pid <> pg_backend_pid() LIMIT 1});
		cmp_ok(kill('KILL', $rolling), '==', 1, "round $round: a session that rolls up is killed");
		for (1 .. 300) { last unless -e $node->data_dir . '/postmaster.pid'; sleep 0.1 }
		$node->stop('immediate', fail_ok => 1);
	}
	else
	{
		$node->stop('immediate');
	}
	eval { $_->{run}->finish } for @sessions;
	my @errors = grep { !/NOTICE:|server closed|connection to server was lost|terminating connection|^\s|immediate shutdown|current transaction|DETAIL|HINT|abnormally|before or while/ } map { split /\n/, $_->{err} } @sessions;
	push @found, map { "round $round: $_" } @errors;
	$node->start;
	push @found, map { "round $round, after the crash: $_" } split /\n/, $node->safe_psql('postgres', 'TABLE differences');
	$node->safe_psql('postgres', 'SELECT promptreg.roll_up()');
	push @found, map { "round $round, rolled up: $_" } split /\n/, $node->safe_psql('postgres', 'TABLE differences');
	$node->safe_psql('postgres', q{SELECT prompt_maintain('{experiments}')});
	push @found, map { "round $round, refreshed: $_" } split /\n/, $node->safe_psql('postgres', 'TABLE experiment_differences');
}
is(join("\n", @found), '', 'no error, and the views say what the rows say after every crash');
my $log = slurp_file($node->logfile);
my $compared = () = $log =~ /compared: equal/g;
cmp_ok($compared, '>=', $rounds, "... and in the middle of it ($compared comparisons)");
unlike($log, qr/compared: DIFFERENCES/, '... without a difference');
my $executions = $node->safe_psql('postgres', 'SELECT count(*) FROM promptreg.executions');
cmp_ok($executions, '>', 100 * $rounds, "there were executions ($executions)");
ok($node->safe_psql('postgres', 'SELECT count(*) FROM promptreg.experiment_viewed') > 20 && $node->safe_psql('postgres', q{SELECT sum(promotions) FROM promptreg.release_activity WHERE environment = 'staging'}) > 3
	&& $node->safe_psql('postgres', q{SELECT min(users) FROM promptreg.experiment_results WHERE experiment = 'x'}), 'there were exposures, releases and results');
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
