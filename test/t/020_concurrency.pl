# Many writers at once: numbers without gap or repeat, one version for equal content, no deadlock, and a history that
# agrees with what is served.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;

my $seconds = $ENV{PROMPTREG_TEST_SECONDS} // 10;
my $node = new_node('concurrency', conf => "max_connections = 100\ntrack_commit_timestamp = on\ndeadlock_timeout = 100ms\n");

sub pgbench
{
	my ($what, @arguments) = @_;
	my ($out, $err);
	IPC::Run::run([ 'pgbench', '-n', @arguments, $node->connstr('postgres') ], '>', \$out, '2>', \$err);
	is($?, 0, $what) or diag($err);
	return;
}

sub script
{
	my ($name, $sql) = @_;
	my $path = PostgreSQL::Test::Utils::tempdir() . "/$name.sql";
	append_to_file($path, $sql);
	return $path;
}

# 50 committers on one prompt.
$node->safe_psql('postgres', q{SELECT prompt_create('p'); CREATE TABLE got (what text, number integer)});
pgbench('50 clients commit', '-c', 50, '-j', 2, '-t', 4, '-f', script('commit', q{
	INSERT INTO got SELECT 'commit', prompt_commit('p', 'text of :client_id')}));
is( $node->safe_psql('postgres', q{SELECT count(*), min(number), max(number), count(DISTINCT number) FROM got}),
	'200|1|200|200', 'they get the numbers 1 to 200, each once');
is( $node->safe_psql('postgres', q{SELECT count(*), min(version), max(version) FROM promptreg.versions}),
	'200|1|200', '... and there are no others');
is($node->safe_psql('postgres', q{SELECT text FROM prompt_resolve('p', 'latest')}) =~ /^text of \d+$/, 1, 'the newest can be rendered');

# 50 clients register the same, prompts that nobody has heard of.
pgbench('50 clients register', '-c', 50, '-j', 2, '-t', 4, '-D', 'n=0', '-f', script('register', q{
	\set n :n + 1
	INSERT INTO got SELECT 'register', prompt_register('new' || :n, 'same text')}));
is( $node->safe_psql('postgres', q{SELECT count(*), min(number), max(number) FROM got WHERE what = 'register'}),
	'200|1|1', 'all get version 1');
is( $node->safe_psql('postgres', q{
		SELECT p.name, p.head_version, count(v.id) FROM promptreg.prompts p JOIN promptreg.versions v ON v.prompt_id = p.id
		WHERE p.name LIKE 'new%' GROUP BY 1, 2 ORDER BY 1}),
	join("\n", map { "new$_|1|1" } 1 .. 4),
	'there is one version of each');

# 16 clients do everything at once with five prompts.  What the registry refuses (PR...) is part of it; anything else,
# a deadlock above all, is not.
$node->safe_psql('postgres', q{
	SELECT prompt_register('s' || i, 'version ' || j) FROM generate_series(1, 5) i, generate_series(1, 4) j;
	SELECT prompt_promote('s' || i, 1, 'production') FROM generate_series(1, 5) i;
	CREATE ROLE app;
	CREATE TABLE surprises (statement text, code text, message text);
	CREATE TABLE refused (code text, statement text);
	CREATE FUNCTION attempt(statement text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
	  EXECUTE statement;
	EXCEPTION WHEN OTHERS THEN
	  IF SQLSTATE LIKE 'PR%' THEN INSERT INTO refused VALUES (SQLSTATE, statement);
	  ELSE INSERT INTO surprises VALUES (statement, SQLSTATE, SQLERRM); END IF;
	END $$});
my %statements = (
	promote => q{SELECT prompt_promote('s:p', :v, 'production', end_experiment => :r > 1)},
	stage => q{SELECT prompt_promote('s:p', :v, 'staging', idempotency_key => 'k:key')},
	rollback => q{SELECT prompt_rollback('s:p', 'production')},
	commit => q{SELECT prompt_commit('s:p', 'committed by :client_id at :key')},
	retire => q{SELECT prompt_retire('s:p', 'staging', end_experiment => true)},
	start => q{SELECT prompt_experiment_start('s:p', 'production', '[{"key": "a", "version": 1, "weight": :v}, {"key": "b", "version": :v, "weight": 1}]')},
	weights => q{SELECT prompt_experiment_set_weights(key, '{"a": :v, "b": :r}') FROM promptreg.experiments WHERE state = 'running' AND key LIKE 's:p-%'},
	stop => q{SELECT prompt_experiment_stop(key, CASE WHEN :r > 2 THEN 'b' END) FROM promptreg.experiments WHERE state = 'running' AND key LIKE 's:p-%'},
	release => q{SELECT prompt_release('[{"prompt": "s:p", "version": :v, "environment": "production", "end_experiment": true},
	  {"prompt": "s:q", "version": 1, "environment": "staging"}, {"prompt": "s:q", "version": 2, "environment": "staging"},
	  {"prompt": "s:q", "action": "rollback", "environment": "production"}]')},
	register => q{SELECT prompt_register('s:p', 'registered :key')},
	resolve => q{SELECT prompt_render('s:p'), prompt_render('s:q', 'staging', 'u:key')},
	rename => q{SELECT prompt_rename('s:p', 's:p/:key')},
	grant => q{SELECT prompt_grant('s:p', 'resolve', 'app', 'production')},
	revoke => q{SELECT prompt_revoke('s:p', 'resolve', 'app', 'production')},
	history => q{SELECT count(*) FROM prompt_history('s:p'), prompt_deployments('s:p')});
my @files;
for my $name (sort keys %statements)
{
	my $weight = $name =~ /promote|release|rollback|start|resolve/ ? 6 : 2;
	push @files, '-f', script($name, qq{
		\\set p random(1, 5)
		\\set q random(1, 5)
		\\set v random(1, 4)
		\\set r random(0, 3)
		\\set key random(1, 1000000)
		SELECT attempt(\$\$$statements{$name}\$\$);
	}) . "\@$weight";
}
# A transaction of several changes of one prompt, half of them undone.
push @files, '-f', script('several', q{
	\set p random(1, 5)
	\set v random(1, 4)
	\set r random(0, 1)
	BEGIN;
	SELECT attempt($$SELECT prompt_promote('s:p', :v, 'production', end_experiment => true)$$);
	SELECT attempt($$SELECT prompt_rollback('s:p', 'production')$$);
	SELECT attempt($$SELECT prompt_commit('s:p', 'of several')$$);
	\if :r
	COMMIT;
	\else
	ROLLBACK;
	\endif
}) . '@4';
pgbench("16 clients do everything for $seconds s", '-c', 16, '-j', 2, '-T', $seconds, @files);
is($node->safe_psql('postgres', 'SELECT DISTINCT code, message FROM surprises LIMIT 10'), '', 'no deadlock, and no other error but refusals');
is($node->safe_psql('postgres', q{SELECT DISTINCT code FROM refused WHERE code NOT IN ('PR002', 'PR005', 'PR050', 'PR052', 'PR056', 'PR041') LIMIT 10}),
	'', 'refusals that the state of the registry explains');
unlike(slurp_file($node->logfile), qr/deadlock|PANIC|terminated by signal/, 'nothing of the kind in the log either');
note($node->safe_psql('postgres', q{SELECT event, count(*) FROM promptreg.audit_log GROUP BY 1 ORDER BY 1}));
note('refused: ' . $node->safe_psql('postgres', q{SELECT code, count(*) FROM refused GROUP BY 1 ORDER BY 1}));

is($node->safe_psql('postgres', 'SELECT * FROM prompt_verify()'), '', 'history is whole');
is( $node->safe_psql('postgres', q{
		SELECT count(*) = max(seq), min(seq), count(DISTINCT audit_id) = (SELECT count(*) FROM promptreg.audit_log),
		       (SELECT count(*) FROM promptreg.pending_changes) FROM promptreg.changes}),
	't|1|t|0', 'every audit record has a seq, and there is no gap');
is( $node->safe_psql('postgres', q{
		SELECT c.seq FROM (SELECT seq, pg_xact_commit_timestamp(xmin) AS at, lag(pg_xact_commit_timestamp(xmin)) OVER (ORDER BY seq) AS before
		                     FROM promptreg.changes) c WHERE c.at < c.before LIMIT 5}),
	'', 'seq follows the order of commits');
is( $node->safe_psql('postgres', q{
		SELECT r.* FROM promptreg.routes r
		  JOIN LATERAL (SELECT d.* FROM promptreg.deployments d WHERE d.prompt_id = r.prompt_id AND d.environment = r.environment
		                 ORDER BY d.number DESC LIMIT 1) d ON true
		 WHERE (r.version, r.deployment_id) IS DISTINCT FROM (d.version, d.id)}),
	'', 'every route serves its last deployment');
is( $node->safe_psql('postgres', q{
		SELECT p.name FROM promptreg.prompts p LEFT JOIN promptreg.versions v ON v.prompt_id = p.id GROUP BY p.id
		HAVING count(v.id) <> p.head_version OR max(v.version) <> p.head_version}),
	'', 'the versions of every prompt are numbered without gap');
is( $node->safe_psql('postgres', q{
		SELECT 1 FROM promptreg.deployments GROUP BY prompt_id, environment HAVING count(*) <> max(number)}),
	'', 'and so are the deployments of every route');
is( $node->safe_psql('postgres', q{
		SELECT prompt_id, environment FROM promptreg.experiments WHERE state = 'running' GROUP BY 1, 2 HAVING count(*) > 1}),
	'', 'no route has two experiments');
is( $node->safe_psql('postgres', q{
		SELECT count(*) FROM promptreg.deployments d
		 WHERE NOT EXISTS (SELECT FROM promptreg.audit_log a JOIN promptreg.prompts p ON p.name = a.prompt
		                    WHERE p.id = d.prompt_id AND a.environment = d.environment
		                      AND a.event = d.event AND (a.after ->> 'deployment')::integer = d.number)}),
	'0', 'every deployment has its audit record');
$node->stop;
done_testing();
