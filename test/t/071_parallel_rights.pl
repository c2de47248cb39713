# Rights hold whatever the planner is made to do. Any role can make it use parallel workers, which do not know who called.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $node = new_node('parallel_rights', conf => "max_worker_processes = 16\nmax_parallel_workers = 16\njit = off\n");
my $force = $node->safe_psql('postgres', 'SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
my %settings = (
	serial => { max_parallel_workers_per_gather => 0 },
	forced => { $force => 'on' },
	'without cost' => {
		parallel_setup_cost => 0, parallel_tuple_cost => 0, min_parallel_table_scan_size => 0, min_parallel_index_scan_size => 0,
		parallel_leader_participation => 'off', enable_indexscan => 'off', enable_bitmapscan => 'off', enable_nestloop => 'off' });

sub settings { my ($way) = @_; return join '; ', map { "SET $_ = $settings{$way}{$_}" } sort keys %{ $settings{$way} } }

# A tenant with rights on a/*, a role with none, and what neither may see or change.
$node->safe_psql('postgres', q{
	CREATE ROLE tenant LOGIN; CREATE ROLE nobody LOGIN;
	SELECT prompt_register('a/own', 'mine'), prompt_register('a/own', 'mine, again'), prompt_register('secret/payroll', 'top secret {{x}}'),
		prompt_register('secret/payroll', 'secret {{x}}');
	SELECT prompt_promote('a/own', 1, 'production'), prompt_promote('secret/payroll', 1, 'production', reason => 'confidential');
	SELECT prompt_grant('a/*', 'author', 'tenant'), prompt_grant('a/*', 'release', 'tenant');
	SELECT prompt_experiment_start('secret/payroll', 'production', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]', key => 'hidden');
	SELECT prompt_guard_set('secret/payroll', 'production', 'error', rule => 'limit', threshold => 0.1);
	GRANT SELECT ON ALL TABLES IN SCHEMA promptreg TO tenant, nobody});

my @attacks = (
	q{prompt_commit('secret/payroll', 'changed')}, q{prompt_commit('secret/payroll', 'changed {{> a/own}}')}, q{prompt_commit('a/own', 'see {{> secret/payroll}}')},
	q{prompt_register('secret/payroll', 'changed')}, q{prompt_commit('secret/payroll', 'x', parent_version => 1)}, q{prompt_create('secret/new')},
	q{prompt_promote('secret/payroll', 2, 'production')}, q{prompt_rollback('secret/payroll', 'production')}, q{prompt_retire('secret/payroll', 'production')},
	q{prompt_release('[{"prompt": "a/own", "version": 2, "environment": "staging"}, {"prompt": "secret/payroll", "version": 2, "environment": "production"}]')},
	q{prompt_promotable('secret/payroll', 2, 'staging')}, q{prompt_archive('secret/payroll')}, q{prompt_rename('secret/payroll', 'a/stolen')},
	q{prompt_grant('*', 'admin', 'tenant')}, q{prompt_revoke('a/*', 'author', 'tenant')}, q{prompt_environment_create('mine')}, q{prompt_holdout('mine', 0.1)},
	q{prompt_namespace_create('mine')}, q{prompt_retention('executions', '1 day')}, q{prompt_model_price('m', 1, 1)},
	q{prompt_experiment_start('secret/payroll', 'staging', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 1}]')},
	q{prompt_experiment_stop('hidden')}, q{prompt_experiment_set_weights('hidden', '{"a": 1, "b": 0}')}, q{prompt_experiment_override('hidden', 'user', 'a')},
	q{prompt_get('secret/payroll')}, q{prompt_get('secret/payroll', 'staging')}, q{prompt_history('secret/payroll')},
	q{prompt_variables('secret/payroll')}, q{prompt_lint('secret/payroll', 1)}, q{prompt_compare('secret/payroll', 1, 2)}, q{prompt_deployments('secret/payroll')},
	q{prompt_deployed_at('secret/payroll', 'production', now())}, q{prompt_assign_at('secret/payroll', 'production', 'u', now())}, q{prompt_verify()},
	q{prompt_verify('secret/payroll')}, q{prompt_explain('secret/payroll')}, q{prompt_render('secret/payroll', vars => '{"x": 1}')}, q{prompt_render('secret/payrol')},
	q{prompt_render('secret/payroll', 'stagin')}, q{prompt_render_version('secret/payroll', 1, '{"x": 1}')}, q{prompt_snippets('secret/payroll')},
	q{prompt_request('secret/payroll', vars => '{"x": 1}')}, q{prompt_log('secret/payroll', 1, 'production')},
	q{prompt_changes_since(0)}, q{prompt_grants()}, q{prompt_list()}, q{prompt_search('secret')}, q{prompt_environments()}, q{prompt_resolve_stats()},
	q{prompt_guards()}, q{prompt_allowed('read', 'secret/payroll')}, q{promptreg.allowed('read', 'secret/payroll')},
	map { "string_agg(t::text, ' ') FROM promptreg.$_ t" } qw(prompts names versions deployments routes experiments weights audit_log changes grants environments
	  guards route_status version_status version_comparison release_activity experiment_results snippet_graph));

# What each role learns, and what has changed since: nothing of it stays.
sub answers
{
	my ($way, $role) = @_;
	my $session = PromptregSession->new($node, 'postgres', user => $role, setup => 'SET search_path = public; ' . settings($way));
	my $state = q{SELECT md5(string_agg(v::text, ' ')) FROM (SELECT r::text FROM promptreg.routes r UNION ALL SELECT p::text FROM promptreg.prompts p
		UNION ALL SELECT w::text FROM promptreg.weights w UNION ALL SELECT g::text FROM promptreg.grants g ORDER BY 1) v};
	my $before = $node->safe_psql('postgres', $state);
	my @answers;
	for my $attack (@attacks)
	{
		my ($out, $err) = $session->try("BEGIN;\nSELECT $attack;\nROLLBACK");
		$err =~ s/\n?^CONTEXT:  parallel worker$//mg;
		push @answers, "$attack: $out$err";
		push @answers, "$attack has an effect" if $err eq '' and $attack =~ /secret/ and $node->safe_psql('postgres', $state) ne $before;
	}
	$session->quit;
	return @answers;
}

for my $role ('nobody', 'tenant')
{
	my @serial = answers('serial', $role);
	is(join(' ', grep { /function \S* does not exist|syntax error/ } @serial), '', "$role calls what there is");
	my @leaks = grep { s/^\S.*?\): //sr =~ /top secret|confidential|"secret\/payroll"\?/ } @serial;
	is("@leaks", '', "$role learns nothing in a serial session");
	for my $way ('forced', 'without cost')
	{
		my @parallel = answers($way, $role);
		is_deeply(\@parallel, \@serial, "... nor in parallel workers ($way)");
	}
}

# The first lines that differ.
sub difference
{
	my ($expected, $found) = map { [ split /\n/ ] } @_;
	my ($line) = grep { ($expected->[$_] // '') ne ($found->[$_] // '') } 0 .. @$found;
	return join "\n", 'expected:', @$expected[ $line .. $line + 3 ], 'found:', @$found[ $line .. $line + 3 ];
}

# The rights tests give the same answers in parallel plans as in serial ones. ('regress' is 'on' without a line in each error.)
$settings{forced}{$force} = 'regress';
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
$node->safe_psql('postgres', 'CREATE DATABASE installed');
run_command([ 'psql', '-Xq', '-d', 'installed', '-f', source_file('sql/install.sql') ]);
for my $test (qw(rights rights_matrix row_security privileges))
{
	my %answers;
	for my $way (sort keys %settings)
	{
		$node->safe_psql('postgres', 'CREATE DATABASE tried TEMPLATE installed');
		local $ENV{PGOPTIONS} = join ' ', map { "-c $_=$settings{$way}{$_}" } sort keys %{ $settings{$way} };
		my ($out, $err) = run_command([ 'psql', '-Xaq', '-d', 'tried', '-f', source_file("sql/$test.sql") ]);
		$err =~ s/^psql:\S+?:\d+: //mg;
		$answers{$way} = "$out\n$err";
		my $roles = $node->safe_psql('postgres', q{SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles WHERE rolname LIKE 'regress%'});
		$node->safe_psql('postgres', 'DROP DATABASE tried');
		$node->safe_psql('postgres', "DROP ROLE $roles") if $roles ne '';
	}
	like($answers{serial}, qr/permission denied|42501|does not exist/, "$test refuses");
	for my $way ('forced', 'without cost')
	{
		ok($answers{$way} eq $answers{serial}, "$test: the same answers ($way)") or diag(difference($answers{serial}, $answers{$way}));
	}
}
$settings{forced}{$force} = 'on';

# A mistake in what the catalog says of a function gives nothing away: as long as a public function runs, no worker is started.
$node->safe_psql('postgres', q{ALTER FUNCTION promptreg.allowed(text, text, text) PARALLEL SAFE});
my %leak = (grants => 'SELECT count(*) FROM prompt_grants()', changes => 'SELECT count(*) FROM prompt_changes_since(0)', list => 'SELECT count(*) FROM prompt_list()');
for my $way ('forced', 'without cost')
{
	my $session = PromptregSession->new($node, 'postgres', user => 'nobody', setup => settings($way));
	is($session->query($leak{$_}), '0', "no worker is started inside of a public function ($_, $way)") for sort keys %leak;
	my $used = join '|', map { $session->query("SHOW $_") } sort keys %{ $settings{$way} };
	is($used, join('|', map { $settings{$way}{$_} } sort keys %{ $settings{$way} }), '... and what the caller has set stays');
	is($session->query('SHOW max_parallel_workers_per_gather'), '2', '... after errors too') if $session->try(q{SELECT prompt_get('none')});
	$session->quit;
}
# ... and a plan that was made before starts workers that refuse.
my $session = PromptregSession->new($node, 'postgres', setup => settings('forced'));
isnt($session->query('SELECT count(*) FROM promptreg._prompt_grants()'), '0', 'a parallel plan, kept');
my ($out, $err) = $session->try('SET ROLE nobody; SELECT count(*) FROM prompt_grants()');
is($out, '', 'a worker that does not know the caller gives no answer');
like($err, qr/the caller was asked for in a parallel worker/, '... but an error');
$session->quit;
$node->stop;
done_testing();
