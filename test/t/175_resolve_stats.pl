# Counts of resolves in shared memory: of all sessions, by version and environment, without a write.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;

my $node = new_node('counted', conf => "shared_preload_libraries = 'promptreg'\nautovacuum = off\n");
my $stats = q{SELECT prompt, version, environment, resolves FROM prompt_resolve_stats()};
$node->safe_psql('postgres', q{
	CREATE ROLE reader;
	SELECT prompt_register('a', 'one {{x}}', variables => '[{"name": "x"}]'), prompt_register('a', 'two'), prompt_register('b', '[{"role": "user", "content": "three"}]'::jsonb);
	SELECT prompt_promote('a', 1, 'production'), prompt_promote('a', 2, 'staging'), prompt_promote('b', 1, 'production');
	SELECT prompt_grant('b', 'read', 'reader')});
is($node->safe_psql('postgres', $stats), '', 'nothing was resolved yet');
is($node->safe_psql('postgres', 'TABLE promptreg.resolve_stats'), '', '... says the view, too');

# Four sessions at once.
my @sessions = map { IPC::Run::start([ 'psql', '-XqAt', '-c', q{SELECT count(prompt_render('a', vars => '{"x": "y"}')) FROM generate_series(1, 5000)}, $node->connstr('postgres') ], '>', \my $out, '2>', \my $err) } 1 .. 4;
$_->finish for @sessions;
$node->safe_psql('postgres', q{
	SELECT count(prompt_render('a', 'staging')) FROM generate_series(1, 10);
	SELECT (prompt_resolve('b')).version;
	SELECT prompt_messages('b'), prompt_messages('a', 'staging')});
# What has no answer does not count.
is((error_of($node, 'postgres', q{SELECT prompt_render('a', vars => '{"x": 1}')}))[0], 'PR011', 'a call without an answer');
is($node->safe_psql('postgres', $stats), "a|1|production|20000\na|2|staging|11\nb|1|production|2", 'all sessions are counted, and only answers');
is($node->safe_psql('postgres', q{SELECT count(*) FROM promptreg.resolve_stats WHERE last_at BETWEEN now() - interval '1 minute' AND now()}), '3', 'with the time of the last');
is($node->safe_psql('postgres', "SET ROLE reader; $stats"), 'b|1|production|2', 'a reader sees what it may read');
is((error_of($node, 'postgres', 'SET ROLE reader; SELECT prompt_resolve_stats_reset()'))[0], '42501', '... and cannot reset');
my $before = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
$node->safe_psql('postgres', q{SELECT count(prompt_render('a', 'staging')) FROM generate_series(1, 1000)});
is($node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()'), $before, 'counting writes nothing');

# A transaction's appear when it ends, however it ends; to itself at once.
my $of_a = q{SELECT coalesce(sum(resolves), 0) FROM prompt_resolve_stats() WHERE prompt = 'a'};
my $so_far = $node->safe_psql('postgres', $of_a);
is($node->safe_psql('postgres', qq{BEGIN; SELECT prompt_render('a', 'staging') FROM generate_series(1, 3); SELECT prompt_messages('b') FROM generate_series(1, 2); SELECT prompt_render('a', 'staging'); SELECT 'seen', sum - $so_far FROM ($of_a) AS s (sum); ROLLBACK}) =~ /seen\|(\d+)/, 1, 'a transaction that is taken back');
is($1, 4, '... sees its own');
is($node->safe_psql('postgres', $of_a), $so_far + 4, '... and others do afterwards');
# Not counted where that is switched off.
$node->safe_psql('postgres', q{SET promptreg.count_resolves = off; SELECT prompt_render('a', 'staging') FROM generate_series(1, 3)});
is($node->safe_psql('postgres', $of_a), $so_far + 4, 'switched off, nothing is counted');
is((error_of($node, 'postgres', q{SET ROLE reader; SET promptreg.count_resolves = off}))[0], '42501', '... which is for superusers');
# In parallel workers, too.
$node->safe_psql('postgres', q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off; CREATE TABLE n AS SELECT generate_series(1, 10000) AS i; ANALYZE n;
	SELECT count(prompt_render('a', 'staging')) FROM n WHERE i > 0});
is($node->safe_psql('postgres', $of_a), $so_far + 10004, 'workers count');

# Room is for 4,096. What finds none is counted as that; a reset gives the room back, also to sessions that found none before.
$node->safe_psql('postgres', q{SELECT prompt_resolve_stats_reset()});
my $holder = $node->background_psql('postgres');
my $turned_away = $node->background_psql('postgres');
$holder->query_safe(q{SELECT prompt_render('a', 'staging'); BEGIN; SELECT prompt_render('a', 'staging') FROM generate_series(1, 5)});
$node->safe_psql('postgres', q{SELECT count(prompt_register('many/' || i, 'm')) FROM generate_series(1, 4300) i; SELECT count(prompt_render('many/' || i, 'latest')) FROM generate_series(1, 4300) i});
my $whole = q{SELECT count(*) <= 4096, count(*) > 3500, sum(resolves) + max(uncounted), min(uncounted) = max(uncounted), max(uncounted) FROM promptreg.resolve_stats};
like($node->safe_psql('postgres', $whole), qr/^t\|t\|4301\|t\|\d+$/, 'what finds no room is known');
my $without = $node->safe_psql('postgres', q{SELECT i FROM generate_series(1, 4300) i WHERE NOT EXISTS (SELECT FROM promptreg.resolve_stats WHERE prompt = 'many/' || i) LIMIT 1});
my $uncounted = q{SELECT max(uncounted) FROM promptreg.resolve_stats};
my $before_more = $node->safe_psql('postgres', $uncounted);
$turned_away->query_safe(qq{SELECT count(prompt_render('many/$without', 'latest')) FROM generate_series(1, 7)});
is($node->safe_psql('postgres', $uncounted), $before_more + 7, '... in every session');
is($node->safe_psql('postgres', q{SELECT count FROM prompt_telemetry_problems() WHERE problem = 'resolve without room to be counted'}), $before_more + 7, '... and a problem');
is($node->safe_psql('postgres', 'SELECT prompt_resolve_stats_reset()'), 't', 'reset');
$turned_away->query_safe(qq{SELECT count(prompt_render('many/$without', 'latest')) FROM generate_series(1, 3)});
is($node->safe_psql('postgres', $stats), "many/$without|1|latest|3", 'then there is room, also where there was none before');
# Others take the place that the open transaction had.
$node->safe_psql('postgres', q{SELECT count(prompt_render('many/' || i, 'latest')) FROM generate_series(1, 4300) i});
$node->safe_psql('postgres', 'SELECT prompt_resolve_stats_reset()');
$node->safe_psql('postgres', q{SELECT count(prompt_render('many/' || i, 'latest')) FROM generate_series(1, 3000) i});
$holder->query_safe('COMMIT');
is($node->safe_psql('postgres', qq{$stats WHERE prompt !~ 'many'}), 'a|2|staging|5', 'a transaction that was open meanwhile counts for its own version');
is($node->safe_psql('postgres', q{SELECT count(*), sum(resolves), max(uncounted) FROM promptreg.resolve_stats WHERE prompt ~ 'many'}), '3000|3000|0', '... and for no other');
is($node->safe_psql('postgres', q{SELECT count(*) FROM prompt_telemetry_problems() WHERE problem ~ 'resolve'}), '0', 'no problem any more');
$_->quit for $holder, $turned_away;

# Databases have counts of their own, though versions have the same numbers.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{CREATE EXTENSION promptreg; SELECT prompt_register('c', 'four'); SELECT prompt_promote('c', 1, 'production'); SELECT prompt_render('c')});
is($node->safe_psql('other', $stats), 'c|1|production|1', 'each database has its own');
is($node->safe_psql('postgres', 'SELECT prompt_resolve_stats_reset()'), 't', 'reset once more');
is($node->safe_psql('postgres', $stats), '', '... they begin anew');
is($node->safe_psql('other', $stats), 'c|1|production|1', '... in this database only');
$node->restart;
is($node->safe_psql('other', $stats), '', 'a restart forgets them');
$node->stop;

# Without preloading: from 17 on memory is found when it is needed; before, nothing is counted and nothing fails.
my $later = new_node('later');
$later->safe_psql('postgres', q{SELECT prompt_register('a', 'one'); SELECT prompt_promote('a', 1, 'production'); SELECT prompt_render('a') FROM generate_series(1, 3)});
my $found = $later->safe_psql('postgres', 'SHOW server_version_num') >= 170000;
is($later->safe_psql('postgres', $stats), $found ? 'a|1|production|3' : '', 'without preloading: ' . ($found ? 'counted' : 'not counted'));
is($later->safe_psql('postgres', 'SELECT prompt_resolve_stats_reset()'), $found ? 't' : 'f', '... as the reset says');
$later->stop;

my $memory;
END { chmod 0700, $memory if defined $memory }

# Where shared memory is not to be had, nothing is counted, and nobody waits for whoever found out.
SKIP:
{
	skip 'before 17, memory is found at the start or not at all', 7 unless $found;
	my $full = new_node('full', conf => "dynamic_shared_memory_type = mmap\nmax_parallel_workers_per_gather = 0\n");
	$full->safe_psql('postgres', q{SELECT prompt_register('a', 'one'); SELECT prompt_promote('a', 1, 'production')});
	$memory = $full->data_dir . '/pg_dynshmem';
	chmod 0500, $memory or die "$memory: $!";
	my $first = $full->background_psql('postgres');
	is($first->query_safe(q{SELECT prompt_render('a') FROM generate_series(1, 2)}), "one\none", 'without memory a session resolves');
	is($first->query_safe(q{BEGIN; SAVEPOINT s; SELECT prompt_render('a'); ROLLBACK TO s; COMMIT}), 'one', '... within a transaction, too');
	my ($status, $out, $err) = $full->psql('postgres', q{SET statement_timeout = '10s'; SELECT prompt_render('a')}, timeout => 60);
	is("$status|$out|$err", '0|one|', '... and so does a second one beside it');
	is($full->safe_psql('postgres', $stats), '', 'nothing is counted');
	unlike(slurp_file($full->logfile), qr/WARNING|leak/, '... and nothing is left behind');
	chmod 0700, $memory or die "$memory: $!";
	$full->safe_psql('postgres', q{SELECT prompt_render('a')});
	is($full->safe_psql('postgres', $stats), 'a|1|production|1', 'with memory the next session counts');
	$first->quit;
	is($full->safe_psql('postgres', q{SET debug_parallel_query = on; SELECT prompt_render('a')}), 'one', 'a parallel worker resolves');
	$full->stop;
}
done_testing();
