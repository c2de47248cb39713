# Templates and variables made to hurt: each ends in its own error or renders, soon, and can be cancelled in the middle.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;
use List::Util qw(min);
use Time::HiRes qw(sleep);

my $node = new_node('attacks', conf => "log_statement = none\nlog_min_error_statement = panic\n");

# A list of so many ones, and objects within each other.
$node->safe_psql('postgres', q{
	CREATE FUNCTION list(size integer, element jsonb DEFAULT '1') RETURNS jsonb LANGUAGE sql
		RETURN (SELECT jsonb_build_object('l', jsonb_agg(element)) FROM generate_series(1, size));
	CREATE FUNCTION nested(depth integer) RETURNS jsonb LANGUAGE sql
		RETURN (repeat('{"a":', depth) || '1' || repeat('}', depth))::jsonb;
	CREATE FUNCTION render(template text, vars jsonb DEFAULT '{}', snippets jsonb DEFAULT '{}') RETURNS integer LANGUAGE sql
		RETURN length(prompt_render_template(template, vars, snippets));
	CREATE FUNCTION make(template text, vars jsonb DEFAULT '{}', snippets jsonb DEFAULT '{}') RETURNS integer LANGUAGE sql
		RETURN pg_column_size(template) + pg_column_size(vars) + pg_column_size(snippets)});
my $session = PromptregSession->new($node, 'postgres');
$session->backend;

# What the server works for a statement, in ms: the least of several times.
sub work_of
{
	my ($sql) = @_;
	my @work = map { my $before = $session->work; $session->try($sql); $session->work - $before } 1 .. 3;
	return min(@work);
}

# What is tried, and the error or the length of the text.
my @attacks = (
	[ '100,000 nested sections', q~repeat('{{#a}}', 100000)~, 'PR031' ],
	[ '100,000 unclosed tags', q~repeat('{{a', 100000)~, 'PR020' ],
	[ '100,000 closing tags', q~repeat('{{/a}}', 100000)~, 'PR020' ],
	[ '80,000 comments on one line', q~repeat('{{!c}}', 80000)~, 0 ],
	[ '80,000 comments between letters', q~repeat('x{{!c}}', 80000)~, 80000 ],
	[ 'a template of more than 1 MB', q~repeat('x', 1048577)~, 'PR030' ],
	[ '10,001 tags', q~repeat('{{a}}', 10001)~, 'PR033' ],
	[ 'conditions 5,000 deep', q~repeat('{{#if a}}', 5000) || repeat('{{/if}}', 5000)~, 'PR031' ],
	[ 'parentheses 5,000 deep', q~'{{#if ' || repeat('(', 5000) || 'a' || repeat(')', 5000) || '}}{{/if}}'~, 'PR031' ],
	[ 'a condition of 100,000 terms', q~'{{#if a' || repeat(' or a', 100000) || '}}{{/if}}'~, 'PR033' ],
	[ '100,000 filters on a value', q~'{{a' || repeat(' | trim', 100000) || '}}'~, 'PR033' ],
	[ '60,000 strings that are not closed', q~repeat('{{a | default("x', 60000)~, 'PR020' ],
	[ 'a snippet that includes itself', q~'{{> s}}', '{}', '{"s": "{{> s}}"}'~, 'PR032' ],
	[ 'two snippets that include each other', q~'{{> s}}', '{}', '{"s": "{{> t}}", "t": "{{> s}}"}'~, 'PR032' ],
	[ 'a snippet that includes itself in a section', q~'{{> s}}', '{"a": true}', '{"s": "x{{#a}}{{> s}}{{/a}}"}'~, 'PR032' ],
	[ 'a parent that is its own parent', q~'{{<s}}{{/s}}', '{}', '{"s": "{{<s}}{{/s}}"}'~, 'PR032' ],
	[ 'a dynamic name that leads back', q~'{{>*n}}', '{"n": "s"}', '{"s": "{{>*n}}"}'~, 'PR032' ],
	[ '2^30 snippets', q~'{{> s0}}', '{}', (SELECT jsonb_object_agg('s' || i, repeat('{{> s' || i + 1 || '}}', 2)) || '{"s30": "x"}' FROM generate_series(0, 29) i)~, 'PR033' ],
	[ '9,000 times 5,000 blocks', q~repeat('{{> s}}', 9000), '{}', jsonb_build_object('s', repeat('{{$b}}{{/b}}', 5000))~, 'PR033' ],
	[ '9,000 times 1 MB', q~repeat('{{> s}}', 9000), '{}', jsonb_build_object('s', repeat('x', 1000000))~, 'PR033' ],
	[ 'a list in itself 8 times', q~repeat('{{#l}}', 8) || repeat('{{/l}}', 8), list(100)~, 'PR034' ],
	[ 'a list in itself 8 times, with something to do', q~repeat('{{#l}}', 8) || '{{x}}' || repeat('{{/l}}', 8), list(100)~, 'PR034' ],
	[ 'far outwards for each element', q~repeat('{{#o}}', 60) || '{{#l}}{{x}}{{/l}}' || repeat('{{/o}}', 60), list(100000) || '{"o": {"a": 1}}'~, 'PR034' ],
	[ 'a filter over 1 MB for each element', q~'{{#l}}{{s | upper | length}}{{/l}}', list(10000) || jsonb_build_object('s', repeat('x', 1000000))~, 'PR034' ],
	[ 'joining a list for each element', q~'{{#l}}{{l | join("") | length}}{{/l}}', list(100000, '""')~, 'PR034' ],
	[ 'comparing long numbers for each element', q~'{{#l}}{{#if n == n}}{{/if}}{{/l}}', list(100000) || jsonb_build_object('n', ('1' || repeat('01234567', 12000))::numeric)~, 'PR034' ],
	[ 'indenting 50,000 lines by 1,000', q~'{{s | indent(1000)}}', jsonb_build_object('s', repeat(E'\nx', 50000))~, 'PR035' ],
	[ '1 MB for each of 100 elements', q~'{{#l}}{{s}}{{/l}}', list(100) || jsonb_build_object('s', repeat('x', 1000000))~, 'PR035' ],
	[ 'numbers that print as 100,000 digits', q~'{{l}}', list(1000, '1e100000')~, 'PR035' ],
	[ 'a list for each element of lists', q~repeat('{{#l}}', 8) || '{{l}}' || repeat('{{/l}}', 8), list(100)~, 'PR034' ],
	[ 'a list of lists for each element', q~'{{#l}}{{l}}{{/l}}', list(3000, '[[1],[2],[3],[4]]')~, 'PR034' ],
	[ 'long names in a large object', q~'{{#o}}{{#l}}{{' || repeat('z', 900) || '}}{{/l}}{{/o}}', list(490000) || jsonb_build_object('o',
		(SELECT jsonb_object_agg(repeat('z', 890) || lpad(i::text, 10, '0'), i) FROM generate_series(1, 20000) i))~, 'PR034' ],
	[ 'a value 65 deep', q~'{{a}}', nested(66)~, 'PR036' ],
	[ 'a value 65 deep in a filter', q~'{{a | json(16)}}', nested(66)~, 'PR036' ],
	[ 'a list of 300,000 elements', q~'{{#l}}{{.}}{{/l}}', list(300000)~, 300000 ],
	[ 'a date of 400,000 fields', q~'{{d | date("' || repeat('%Y', 400000) || '")}}', '{"d": "2026-01-31"}'~, 1600000 ]);

for my $attack (@attacks)
{
	my ($name, $arguments, $expected) = @$attack;
	if ($expected =~ /^PR/)
	{
		my ($state, $message) = error_of($node, 'postgres', "SELECT render($arguments)");
		is($state, $expected, "$name: $expected") or diag($message);
	}
	else
	{
		is($node->safe_psql('postgres', "SELECT render($arguments)"), $expected, "$name: rendered");
	}
	my $work = work_of("SELECT render($arguments)") - work_of("SELECT make($arguments)");
	cmp_ok($work, '<', 50, "$name: within 50 ms of work");
	note(sprintf '%s: %.1f ms', $name, $work);
}

# With limits out of the way, what would take for ever ends when it is told to.
my %endless = (
	'loops' => q~repeat('{{#l}}', 8) || repeat('{{/l}}', 8), v~,
	'looking outwards' => q~repeat('{{#o}}', 60) || '{{#l}}{{#l}}{{#l}}{{x}}{{/l}}{{/l}}{{/l}}' || repeat('{{/o}}', 60), v~,
	'comparisons' => q~'{{#l}}{{#l}}{{#l}}{{#if s == t}}{{/if}}{{/l}}{{/l}}{{/l}}', v~,
	'long numbers' => q~'{{#l}}{{#l}}{{#l}}{{#if n == n}}{{/if}}{{/l}}{{/l}}{{/l}}', v~,
	map { ("filter $_" => qq~'{{#l}}{{#l}}{{#l}}{{s | $_ | present}}{{/l}}{{/l}}{{/l}}', v~) }
	  'upper', 'trim', 'xml', 'html', 'json', 'length', 'fence', 'truncate(5000000)', 'indent(2)');
$session->query(q{
	SET promptreg.max_render_operations = 1000000000;
	SET promptreg.max_output_size = '512MB';
	CREATE TEMP TABLE large AS SELECT list(1000) || jsonb_build_object('o', '{"a": 1}'::jsonb, 's', repeat(' ', 8000000), 't', repeat(' ', 8000000),
		'n', ('1' || repeat('01234567', 12000))::numeric) AS v;});
# Made anew, as it comes from a driver: neither compressed nor elsewhere. The lock tells that it is made.
my $call = 'DO $$ DECLARE v jsonb := (SELECT large.v::text FROM large)::jsonb; BEGIN PERFORM pg_advisory_xact_lock(7); PERFORM prompt_render_template(%s); END $$';
my $locked = q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND granted};
for my $name (sort keys %endless)
{
	# Of several the median: the server itself may be at something long.
	my @work;
	for my $round (1 .. 5)
	{
		$session->send(sprintf $call, $endless{$name});
		$node->poll_query_until('postgres', $locked);
		sleep 0.02 + 0.007 * $round;
		my ($work, $out, $err) = $session->cancel;
		push @work, $work;
		like($err, qr/canceling statement due to user request/, "$name: cancelled") or last;
	}
	@work = sort { $a <=> $b } @work;
	cmp_ok($work[ @work / 2 ], '<', 10, "$name: honoured within 10 ms of work") or diag(join ' ', map { int } @work);
	note(sprintf '%s: %.1f ms at p50', $name, $work[ @work / 2 ]);
}

# Characters of a text of 120 MB are counted in pieces, and slow patterns are not tried on long texts.
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	SELECT prompt_register('long', '{{t}}', variables => '[{"name": "s", "max": 200000000}, {"name": "t"}]');
	SELECT prompt_register('slow', '{{x}}', variables => '[{"name": "x", "pattern": "(.*)(.*)(.*)(.*)(.*)[xy]{0,100}z"}]')});
$session->query(q{CREATE TEMP TABLE longest AS SELECT jsonb_build_object('s', repeat('x', 120000000), 't', 'a') AS v});
$session->send('DO $$ DECLARE v jsonb := (SELECT longest.v::text FROM longest)::jsonb;
	BEGIN PERFORM pg_advisory_xact_lock(7); LOOP PERFORM prompt_render($a$long$a$, $a$latest$a$, vars => v); END LOOP; END $$');
$node->poll_query_until('postgres', $locked);
sleep 0.1;
my ($counting, undef, $stopped) = $session->cancel;
like($stopped, qr/canceling statement due to user request/, 'counting characters: cancelled');
cmp_ok($counting, '<', 80, '... within the time that giving back the memory takes');
my ($longest) = ($session->try(q{SELECT prompt_render('slow', 'latest', vars => jsonb_build_object('x', repeat('x', 1000000)))}))[1] =~ /at most (\d+) bytes/;
my $slow = work_of("SELECT prompt_render('slow', 'latest', vars => jsonb_build_object('x', repeat('x', $longest)))");
cmp_ok($slow, '<', 15, 'a slow pattern and the longest text for it');
note(sprintf 'counting characters: %.1f ms, a slow pattern: %.1f ms', $counting, $slow);

# Patterns: classes of Unicode are what takes longest to compile.
$node->safe_psql('postgres', q{
	CREATE FUNCTION patterns(count integer, before text, after text) RETURNS jsonb LANGUAGE sql
		RETURN (SELECT jsonb_agg(jsonb_build_object('name', 'v' || i, 'pattern', before || i || after)) FROM generate_series(1, count) i);
	SET client_min_messages = warning;
	SELECT prompt_register('names', '{{v1}}', variables => patterns(12, '[\p{L}\p{M} .''-]{1,', '}'));
	SELECT prompt_register('large ' || i, '{{v1}}', variables => patterns(30, i || '\p{L}+ \p{L}+', '')) FROM generate_series(1, 2) i});
is((error_of($node, 'postgres', q{SELECT prompt_register('too large', 'x', variables => patterns(1000, '\p{L}+', ''))}))[0], 'PR037', '1,000 classes of Unicode: PR037');
my $names = q{SELECT prompt_render('names', 'latest', vars => '{"v1": "x"}')};
is($session->query($names), 'x', 'twelve patterns match');
my $compiled = q{SELECT prompt_explain('names', 'latest') -> 'cache' ->> 'compiled'};
my $compiled_before = $session->query($compiled);
my $before = $session->work;
$session->query($names) for 1 .. 20;
cmp_ok(($session->work - $before) / 20, '<', 2, '... and are compiled once');
is($session->query($compiled), $compiled_before, '... with their version');
$session->query(q{SET promptreg.cache_size = '64kB'; SET client_min_messages = error});
is($session->query("$names; $names"), "x\nx", 'a version that is larger than the cache is served');
is($session->query($compiled), $compiled_before, '... and stays until another one comes');
my %compilations = (
	'committing patterns' => q{PERFORM prompt_register('too large', 'x', variables => patterns(1000, '\p{L}+', '')); EXCEPTION WHEN SQLSTATE 'PR037' THEN NULL},
	'loading patterns' => q{PERFORM prompt_render('large ' || 1 + i % 2, 'latest')});
for my $name (sort keys %compilations)
{
	my @work;
	for my $round (1 .. 9)
	{
		$session->send("DO \$\$ BEGIN FOR i IN 1 .. 1000000 LOOP BEGIN $compilations{$name}; END; END LOOP; END \$\$");
		sleep 0.2 + 0.007 * $round;
		my ($work, $out, $err) = $session->cancel;
		push @work, $work;
		like($err, qr/canceling statement due to user request/, "$name: cancelled") or last;
	}
	@work = sort { $a <=> $b } @work;
	cmp_ok($work[ @work / 2 ], '<', 10, "$name: honoured within 10 ms of work") or diag(join ' ', map { int } @work);
	note(sprintf '%s: %.1f ms at p50, %.1f at the most', $name, $work[ @work / 2 ], $work[-1]);
}
is($session->query(q{SELECT prompt_render_template('Hello {{name}}', '{"name": "Ann"}')}), 'Hello Ann', 'the session goes on');
$session->quit;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|XX000/, 'no crash');
$node->stop;
done_testing();
