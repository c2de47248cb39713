# Parallel query gives the same answers as serial, in workers, also of what the transaction has not committed yet.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $node = new_node('parallel', conf => "max_worker_processes = 8\nmax_parallel_workers = 8\njit = off\n");
my $force = $node->safe_psql('postgres', 'SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
$node->safe_psql('postgres', q{
	SELECT prompt_create('p');
	SELECT prompt_commit('p', 'version ' || i || ' for {{name}}') FROM generate_series(1, 9) i;
	SELECT prompt_register('chat', '[{"role": "system", "content": "Hi {{name}}"}]'::jsonb);
	SELECT prompt_promote('p', 1, 'production');
	SELECT prompt_promote('chat', 1, 'production');
	SELECT prompt_experiment_start('p', 'production', '[{"key": "a", "version": 2, "weight": 1}, {"key": "b", "version": 3, "weight": 2}]', coverage => 0.5, key => 'x');
	CREATE TABLE users AS SELECT 'user ' || i AS id, jsonb_build_object('name', 'name ' || i) AS vars FROM generate_series(1, 2000) i;
	ANALYZE users;
	CREATE ROLE app;
	GRANT SELECT ON users TO app});

my $session = PromptregSession->new($node, 'postgres');
my $parallel = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 3};
my $serial = "SET max_parallel_workers_per_gather = 0; SET $force = off";

# Aggregated, so that the functions run in the workers; and row by row.
my %queries = (
	resolve => q{SELECT count(*), sum(hashtext(prompt_resolve('p', 'production', id, vars)::text)) FROM users},
	render => q{SELECT count(*), sum(hashtext(prompt_render('p', 'production', id, vars))), max(prompt_render('p', vars => vars)) FROM users},
	messages => q{SELECT count(*), sum(hashtext(prompt_messages('chat', 'production', id, vars)::text)) FROM users},
	assign => q{SELECT (prompt_assign('p', 'production', id)).variant, count(*) FROM users GROUP BY 1 ORDER BY 1},
	explain => q{SELECT sum(hashtext((prompt_explain('p', 'production', id, vars) - 'cache')::text)) FROM users WHERE id LIKE '%77'},
	render_version => q{SELECT sum(hashtext(prompt_render_version('p', 4, vars))) FROM users WHERE id LIKE '%77'},
	render_template => q{SELECT sum(hashtext(prompt_render_template('Hi {{name}}', vars))) FROM users},
	hash64 => q{SELECT sum(promptreg.slot(promptreg.hash64(id, 'x'))), max(promptreg.pick_variant('s', id, '{a,b}', '{1,2}')) FROM users},
	filter => q{SELECT count(*) FROM users WHERE prompt_render('p', 'production', id, vars) LIKE 'version 2%'});

# The names of the queries whose answers differ, or that did not run in parallel.
sub differences
{
	my @different;
	for my $name (sort keys %queries)
	{
		my $expected = $session->query("$serial; $queries{$name}");
		my ($out, $err) = $session->try("$parallel; $queries{$name}");
		push @different, "$name: $out$err, not $expected" if $out . $err ne $expected;
		$session->query("SET $force = on");
		($out, $err) = $session->try($queries{$name});
		push @different, "$name, forced: $out$err, not $expected" if $out . $err ne $expected;
		my $small = "SELECT prompt_render('p', 'production', 'user 1', '{\"name\": \"n\"}'), version FROM prompt_resolve('p', 'production', 'user 1', '{\"name\": \"n\"}')";
		($out, $err) = $session->try($small);
		push @different, "forced: $out$err" if $out . $err ne $session->query("$serial; $small");
	}
	return join "\n", @different;
}

# (Those that look into tables are tried on few rows, and computed in a worker where that is forced.)
for my $name (grep { !/explain|version/ } sort keys %queries)
{
	my $plan = $session->query("$parallel; EXPLAIN (ANALYZE, VERBOSE, COSTS off, TIMING off) $queries{$name}");
	like($plan, qr/Gather.*Workers Launched: [1-9].*(?:Partial|Parallel Seq).*(?:prompt_|promptreg\.)/s, "$name is computed in workers");
}
is(differences(), '', 'the same answers');

$session->query(q{BEGIN; SELECT prompt_promote('p', 5, 'production', end_experiment => true)});
is($session->query("$parallel; SELECT DISTINCT prompt_render('p', 'production', id, '{\"name\": \"n\"}') FROM users"), 'version 5 for n',
	'workers see the uncommitted promotion');
is(differences(), '', '... and answer as the leader does');
$session->query(q{SAVEPOINT s; SELECT prompt_promote('p', 6, 'production'); SELECT prompt_experiment_start('p', 'production',
	'[{"key": "a", "version": 7, "weight": 1}, {"key": "b", "version": 8, "weight": 2}]', coverage => 0.5, key => 'y')});
is(differences(), '', 'an uncommitted experiment');
$session->query('ROLLBACK TO s');
is(differences(), '', 'after ROLLBACK TO');
$session->query(q{SELECT prompt_commit('p', 'uncommitted {{name}}'); SELECT prompt_promote('p', 10, 'production')});
is(differences(), '', 'an uncommitted version');
$session->query(q{SELECT prompt_retire('p', 'production')});
like(($session->try("$parallel; $queries{render}"))[1], qr/prompt "p" is not deployed in production/, 'an uncommitted retirement');
$session->query('ROLLBACK');
is(differences(), '', 'after ROLLBACK');

$session->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM users');
$node->safe_psql('postgres', q{SELECT prompt_promote('p', 9, 'production', end_experiment => true)});
is($session->query("$parallel; SELECT prompt_render('p', 'production', NULL, vars) FROM users WHERE id = 'user 1'"), 'version 1 for name 1',
	'workers keep the view of a REPEATABLE READ transaction');
is(differences(), '', '... as the leader does');
$session->query('COMMIT');
is($session->query("$parallel; SELECT DISTINCT prompt_render('p', 'production', id, '{\"name\": \"n\"}') FROM users"), 'version 9 for n', '... until its end');

# Rights: the worker asks for the role that is in force, with the grants that its transaction sees.
my $as_app = "$parallel; SET ROLE app; SELECT DISTINCT prompt_render('p', 'production', id, '{\"name\": \"n\"}') FROM users";
like(($session->try($as_app))[1], qr/prompt "p" does not exist/, 'workers refuse a role without the right');
$session->query('RESET ROLE');
$session->query(q{BEGIN; SELECT prompt_grant('p', 'resolve', 'app', 'production')});
my ($out, $err) = $session->try($as_app);
is("$out$err", 'version 9 for n', 'and see a right that is not committed yet');
$session->query('ROLLBACK; RESET ROLE');
like(($session->try($as_app))[1], qr/prompt "p" does not exist/, '... and is rolled back');
$session->query('RESET ROLE');

($out, $err) = $session->try("\\set VERBOSITY verbose\n$parallel; SELECT count(prompt_render('p', 'production', id, '[]')) FROM users");
like($err, qr/^ERROR:  (?!XX)\w{5}: /, 'an error in a worker keeps its SQLSTATE');
is($session->query('SELECT 1'), '1', '... and the session');
unlike(slurp_file($node->logfile), qr/terminated by signal|XX000/, 'no internal error');
$session->quit;
$node->stop;
done_testing();
