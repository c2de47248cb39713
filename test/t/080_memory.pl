# Memory: flat over a million calls, whether they end well or in an error; the cache within its bound.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $million = $ENV{PROMPTREG_TEST_CALLS} // 1_000_000;
my $node = new_node('memory', conf => "max_parallel_workers_per_gather = 0\n");
$node->safe_psql('postgres', q{
	SELECT prompt_create('p');
	SELECT prompt_commit('p', i || ' {{name}} {{#list}}<{{.}}>{{/list}} ' || repeat('x', 1000)) FROM generate_series(1, 3) i;
	SELECT prompt_register('chat', '[{"role": "system", "content": "Hi {{name}}"}, {"role": "user", "content": "{{name}}"}]'::jsonb);
	SELECT prompt_register('strict', 'Hi {{name}}', variables => '[{"name": "name", "required": true}]');
	SELECT prompt_promote('p', 1, 'production');
	SELECT prompt_promote('p', 1, 'staging');
	SELECT prompt_promote('chat', 1, 'production');
	SELECT prompt_promote('strict', 1, 'production');
	SELECT prompt_experiment_start('p', 'staging', '[{"key": "a", "version": 2, "weight": 1}, {"key": "b", "version": 3, "weight": 2}]')});

my $session = PromptregSession->new($node, 'postgres', setup => 'SET jit = off');

# Runs something twice, a little and then a lot of it, and tells how much memory was taken meanwhile, at the most and in
# the end, in kB (undef where /proc does not say).
sub growth
{
	my ($few, $many) = @_;
	$session->query($_) for @$few;
	my $before = $session->memory('RssAnon') // return;
	my $reset = open my $file, '>', '/proc/' . $session->backend . '/clear_refs';
	print $file "5\n" if $reset;
	close $file if $reset;
	# The peak is known of all memory only; what is shared with others grows when a page of it is first touched.
	my $own_peak = sub { $session->memory('VmHWM') - $session->memory('RssShmem') - $session->memory('RssFile') };
	my $high = $own_peak->();
	$session->query($_) for @$many;
	return ($session->memory('RssAnon') - $before, $own_peak->() - $high);
}

sub stays_flat
{
	my ($what, $count, $sql) = @_;
	my $few = int($count / 20);
	my ($growth, $peak) = growth([ $sql =~ s/COUNT/$few/gr ], [ $sql =~ s/COUNT/$count/gr ]);
  SKIP:
	{
		skip 'no /proc', 1 if !defined $growth;
		ok($growth < 2048 && $peak < 4096, "$count $what") or diag("$growth kB more, $peak kB at the most");
	}
}

my $vars = q('{"name": "Ann", "list": [1, 2, 3]}');
stays_flat('renderings', $million, "SELECT count(prompt_render('p', 'production', 'u', $vars)) FROM (SELECT generate_series(1, COUNT)) g");
stays_flat('renderings of variables as text', $million, "SELECT count(prompt_render_text('p', 'production', 'u', $vars)) FROM (SELECT generate_series(1, COUNT)) g");
stays_flat('renderings in an experiment', $million / 5, "SELECT count(prompt_render('p', 'staging', u::text, $vars)) FROM (SELECT generate_series(1, COUNT)) g (u)");
stays_flat('resolutions', $million / 5, "SELECT count(prompt_resolve('p', 'staging', u::text, $vars)) FROM (SELECT generate_series(1, COUNT)) g (u)");
stays_flat('lists of messages', $million / 5, q{SELECT count(prompt_messages('chat', vars => '{"name": "Ann"}')) FROM (SELECT generate_series(1, COUNT)) g});
stays_flat('previews', $million / 10, q{SELECT count(prompt_render_template('{{#list}}{{name}}{{/list}}' || u, '{"name": 1, "list": [1, 2]}')) FROM (SELECT generate_series(1, COUNT)) g (u)});
stays_flat('explanations', $million / 50, "SELECT count(prompt_explain('p', 'staging', u::text, $vars)) FROM (SELECT generate_series(1, COUNT)) g (u)");
stays_flat('renderings of a version', $million / 100, "SELECT count(prompt_render_version('p', 2, $vars)) FROM (SELECT generate_series(1, COUNT)) g");
stays_flat('statements that render', $million / 50, "DO \$\$ BEGIN FOR i IN 1..COUNT LOOP EXECUTE 'SELECT prompt_render(''p'', ''production'', ''u'', \$1)' USING ${vars}::jsonb; END LOOP; END \$\$");

# 200,000 errors of every kind that the hot path has.
$node->safe_psql('postgres', q{
	CREATE FUNCTION fail(statements text[], count integer) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
	  codes text[] := '{}';
	BEGIN
	  FOR i IN 1..count LOOP
	    BEGIN
	      CASE i % 5
	        WHEN 0 THEN PERFORM prompt_render('strict');
	        WHEN 1 THEN PERFORM prompt_render('p', vars => '[]');
	        WHEN 2 THEN PERFORM prompt_render_template('{{#a}}{{/b}}');
	        WHEN 3 THEN PERFORM prompt_render('chat', vars => '{"name": 1}');
	        ELSE PERFORM prompt_resolve('strict', vars => '{"other": 1}');
	      END CASE;
	    EXCEPTION WHEN OTHERS THEN
	      IF SQLSTATE <> ALL (codes) THEN codes := codes || SQLSTATE; END IF;
	    END;
	  END LOOP;
	  RETURN cardinality(codes);
	END $$;
	CREATE FUNCTION fail_slowly(count integer) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
	  FOR i IN 1..count LOOP
	    BEGIN
	      CASE i % 4
	        WHEN 0 THEN PERFORM prompt_render('nobody');
	        WHEN 1 THEN PERFORM prompt_render('p', 'development');
	        WHEN 2 THEN PERFORM prompt_promote('p', 77, 'production');
	        ELSE PERFORM prompt_commit('p', '{{#a}}');
	      END CASE;
	    EXCEPTION WHEN OTHERS THEN NULL;
	    END;
	  END LOOP;
	END $$});
cmp_ok($session->query(q{SELECT fail('{}', 10)}), '>', 2, 'there are errors of several kinds');
stays_flat('errors', $million / 5, q{SELECT fail('{}', COUNT)});
stays_flat('errors that have to look into tables', $million / 200, 'SELECT fail_slowly(COUNT)');
is($session->query(q{SELECT left(prompt_render('p', vars => '{"name": "Ann"}'), 5)}), '1 Ann', 'the session answers as before');

# What a large rendering took is given back when it is done.
my ($large) = growth([ q{SELECT length(prompt_render('p', vars => '{"name": "Ann"}'))} ],
	[ q{SELECT length(prompt_render_template('{{#l}}{{s}}{{/l}}', jsonb_build_object('l', '[1,1,1,1,1,1,1,1,1,1,1,1]'::jsonb, 's', repeat('x', 1000000))))} ]);
SKIP:
{
	skip 'no /proc', 1 if !defined $large;
	cmp_ok($large, '<', 4096, 'a text of 12 MB leaves nothing behind');
}

# Promotions: each makes the cache learn the route anew.
stays_flat('promotions', $million / 1000, q{DO $$ BEGIN FOR i IN 1..COUNT LOOP PERFORM prompt_promote('strict', 1, 'staging');
	PERFORM prompt_retire('strict', 'staging'); COMMIT; PERFORM prompt_render('p', vars => '{"name": "Ann"}'); COMMIT; END LOOP; END $$});

# 10,000 versions, of which the cache holds as many as its bound allows.
$node->safe_psql('postgres', q{
	CREATE TABLE many AS SELECT i AS p, 10 AS versions FROM generate_series(1, 1000) i;
	DO $$
	BEGIN
	  FOR i IN 1..1000 LOOP
	    PERFORM prompt_create('many/' || i);
	    FOR j IN 1..10 LOOP PERFORM prompt_commit('many/' || i, i || '.' || j || ' {{name}} ' || repeat('x', 1000)); END LOOP;
	    PERFORM prompt_promote('many/' || i, 1 + i % 10, 'production');
	    COMMIT;
	  END LOOP;
	END $$});
my $cache = q{(prompt_explain('p') -> 'cache' ->> 'bytes')::bigint};
my $wrong = q{SELECT count(*) FROM many, generate_series(1, 10) v
	WHERE prompt_render_version('many/' || p, v, '{"name": "Ann"}') <> p || '.' || v || ' Ann ' || repeat('x', 1000)};
my $wrong_served = q{SELECT count(*) FROM many, generate_series(1, 3) WHERE prompt_render('many/' || p, vars => '{"name": "Ann"}') <> p || '.' || 1 + p % 10 || ' Ann ' || repeat('x', 1000)};
for my $size ('16MB', '1MB', '64kB')
{
	$session->query("SET promptreg.cache_size = '$size'");
	is($session->query($wrong_served), '0', "with a cache of $size every prompt is served right");
	is($session->query($wrong), '0', '... and each of 10,000 versions can be rendered');
	# A call makes room for what the call before it has added.
	my ($used) = reverse split /\n/, $session->query("SELECT $cache; SELECT $cache");
	my $bound = $session->query("SELECT pg_size_bytes('$size')");
	cmp_ok($used, '<=', $bound, '... within the bound');
	note("$used bytes, " . $session->query(q{SELECT prompt_explain('p') -> 'cache'}));
}
my $context = $session->query(q{SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name LIKE 'promptreg cache%'});
cmp_ok($context // 0, '<=', 65536 + 8192, 'PostgreSQL itself sees as little');
is($session->query($wrong_served =~ s/FROM many/FROM (SELECT * FROM many ORDER BY random()) m/r), '0', 'in any order');
$session->query("RESET promptreg.cache_size");
is($session->query($wrong_served), '0', 'with a larger cache again');

# What is used again and again stays.
$session->query(q{SET promptreg.cache_size = '1MB'});
$session->query(q{SELECT count(prompt_render('many/' || p)), count(prompt_render('p', vars => '{"name": "Ann"}')) FROM many});
is($session->query(q{SELECT prompt_explain('p') -> 'cache' ->> 'hit'}), 'true', 'what is used most often stays in the cache');

# Short prompts: what is evicted makes room, so that only what was not used for long goes, and as much stays as fits.
$node->safe_psql('postgres', q{
	DO $$
	BEGIN
	  FOR i IN 1..6000 LOOP
	    PERFORM prompt_register('short/' || i, 'Label ' || i || ': {{x}}');
	    PERFORM prompt_promote('short/' || i, 1, 'production');
	    IF i % 500 = 0 THEN COMMIT; END IF;
	  END LOOP;
	END $$});
my $short = PromptregSession->new($node, 'postgres', setup => q{
	SET promptreg.cache_size = '1MB';
	CREATE FUNCTION pg_temp.use(OUT missed integer, OUT fewest integer, OUT most bigint) LANGUAGE plpgsql AS $$
	DECLARE
	  c jsonb;
	BEGIN
	  missed := 0;
	  FOR i IN 1..6000 LOOP
	    PERFORM prompt_render('short/' || i, vars => '{"x": 1}');
	    PERFORM prompt_render('short/1', vars => '{"x": 1}');
	    c := prompt_explain('short/1') -> 'cache';
	    missed := missed + (NOT (c ->> 'hit')::boolean)::integer;
	    most := greatest(most, (c ->> 'bytes')::bigint);
	    IF i > 2000 THEN fewest := least(fewest, (c ->> 'routes')::integer); END IF;
	  END LOOP;
	END $$});
my ($missed, $least, $most) = split /\|/, $short->query('SELECT * FROM pg_temp.use()');
is($missed, 0, 'a prompt that is used between 6,000 others stays in the cache');
cmp_ok($least, '>', 400, '... and with it those that were used last');
cmp_ok($most, '<=', 1024 * 1024 + 4096, '... within the bound');
cmp_ok($short->query(q{SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name LIKE 'promptreg cache%'}), '<=', 1024 * 1024 + 4096,
	'... as PostgreSQL sees it too');
note("$least routes, $most bytes");
$_->quit for $short, $session;
$node->stop;
done_testing();
