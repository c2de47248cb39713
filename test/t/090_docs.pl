# The documentation says what the product does: its statements run, its tables are complete, its links lead somewhere.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;

my @pages = ('README.md', map { "docs/$_" } sort map { s{.*/}{}r } glob(source_file('docs') . '/*.md'));
my $node = new_node('docs', extension => 0);

# One handle for both streams keeps what psql prints in order.
sub run_psql
{
	my ($database, $script) = @_;
	my ($output, $file) = ('', "${PostgreSQL::Test::Utils::tmp_check}/docs_$database.sql");
	append_to_file($file, $script);
	IPC::Run::run(
		[ 'psql', '--no-psqlrc', '--quiet', '--file', $file, '--dbname', $node->connstr($database) ],
		'>&', \$output);
	unlink $file;
	$output =~ s/^psql:\Q$file\E:\d+: //mg;
	return $output;
}

sub normalized
{
	my ($text) = @_;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

# Blocks of a page in order: [kind, text, line].
sub blocks
{
	my ($text) = @_;
	my @blocks;
	while ($text =~ /^```(\w*)\n(.*?)^```$/msg)
	{
		push @blocks, [ $1, $2, 1 + (substr($text, 0, $-[0]) =~ tr/\n//) ];
	}
	return @blocks;
}

# Every page is a database with the examples' prompts in it.
$node->safe_psql('postgres', 'CREATE DATABASE examples');
$node->safe_psql('examples', 'CREATE EXTENSION promptreg');
IPC::Run::run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', source_file('examples/prompts.sql'),
		'-d', $node->connstr('examples') ], '>', \my $registered, '2>', \my $complaints);
is($complaints, '', 'the examples register without a complaint');
is($registered, "1\n" x 12, 'twelve prompts get their first version');

my $number = 0;
foreach my $page (@pages)
{
	my @blocks = blocks(slurp_source($page));
	my @sql = grep { $blocks[$_][0] eq 'sql' } 0 .. $#blocks;
	next unless @sql;
	my $database = 'page' . ++$number;
	my $script = "\\pset footer off\n\\pset linestyle ascii\n\\set VERBOSITY terse\n\\set SHOW_CONTEXT never\n";
	$script .= "\\echo \@\@$_\@\@\n$blocks[$_][1]\n" foreach @sql;
	my $template = $page eq 'README.md' ? 'template1' : 'examples';
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE $template");
	$node->safe_psql($database, 'CREATE EXTENSION promptreg') if $page eq 'README.md';
	my %output = run_psql($database, $script) =~ /^\@\@(\d+)\@\@\n(.*?)(?=^\@\@|\z)/msg;
	foreach my $index (@sql)
	{
		my $place = "$page, line $blocks[$index][2]";
		my $wanted = $blocks[ $index + 1 ];
		if ($wanted && $wanted->[0] eq 'text')
		{
			is(normalized($output{$index} // ''), normalized($wanted->[1]), "$place: the output is what is printed");
		}
		else
		{
			unlike($output{$index} // 'ERROR: nothing ran', qr/^(?:ERROR|FATAL|psql: error)/m, "$place: runs");
		}
	}
	$node->safe_psql('postgres', "DROP DATABASE $database");
	$node->safe_psql('postgres', "DROP ROLE $_")
	  foreach split /\n/, $node->safe_psql('postgres',
		q{SELECT quote_ident(rolname) FROM pg_roles WHERE NOT rolsuper AND rolname !~ '^pg_'});
}

# Getting started: four statements, as printed, and what they promise.
{
	my ($started) = slurp_source('README.md') =~ /<!-- getting started.*?-->\n```sql\n(.*?)^```/ms;
	is(() = $started =~ /^SELECT/mg, 4, 'getting started has four statements');
	$node->safe_psql('postgres', 'CREATE DATABASE started');
	my ($install) = slurp_source('README.md') =~ /^(CREATE EXTENSION promptreg;)$/m;
	my $output = run_psql('started', "$install\n$started");
	like($output, qr/^text +\| Hello Ada, thank you for writing to us about tents\.$/m, 'the prompt is rendered');
	like($output, qr/^\(0 rows\)$/m, 'verification finds nothing');
	unlike($output, qr/ERROR|WARNING/, 'nothing else is said');
}

# The table of errors against the code.
{
	my %in_code;
	my @sources = (glob(source_file('src/sql') . '/*.sql'), glob(source_file('src/pg') . '/*.cpp'),
		glob(source_file('src/pg') . '/*.h'));
	foreach my $file (@sources)
	{
		my $code = slurp_file($file);
		$in_code{$1} = 1 while $code =~ /ERRCODE = [^\n]*?'(PR\w{3})'/g;
		$in_code{$1} = 1 while $code =~ /(?:THEN|ELSE|SQLSTATE) '(PR\d{3})'/g;
		$in_code{"PR$1$2$3"} = 1
		  while $code =~ /MAKE_SQLSTATE\('P', ?'R', ?'(\w)', ?'(\w)', ?'(\w)'\)/g;
		is((() = $code =~ /PR\d{3}/g), (() = $code =~ /'PR\d{3}'/g), "$file names error codes in quotes only")
		  if $file =~ /\.sql$/ && $code =~ /PR\d{3}/;
	}
	delete $in_code{PR000};    # stands for the class
	my $table = slurp_source('docs/errors.md');
	my @documented = $table =~ /^\| (PR\w{3}) \|/mg;
	my %documented = map { $_ => 1 } @documented;
	ok(keys %in_code > 20, 'codes are found in the code');
	is(scalar(@documented), scalar(keys %documented), 'no code stands twice in the table');
	is(join(' ', grep { !$documented{$_} } sort keys %in_code), '', 'every code of the code is in the table');
	is(join(' ', grep { !$in_code{$_} } sort keys %documented), '', 'every code of the table is in the code');
	foreach my $page (@pages)
	{
		my %named = map { $_ => 1 } slurp_source($page) =~ /\b(PR\d{3})\b/g;
		is(join(' ', grep { !$documented{$_} } sort keys %named), '', "$page names no other code");
	}
}

# The reference against the catalog.
{
	my $page = slurp_source('docs/functions.md');
	my %documented;
	foreach my $block (grep { $_->[0] eq '' } blocks($page))
	{
		my $text = $block->[1] =~ s/\s+/ /gr;
		$documented{ signature($1, $2) } = 1 while $text =~ /(prompt_\w+)\(((?:[^()]|\(\))*)\) RETURNS/g;
	}
	my %in_catalog = map { signature(split /\|/, $_, 2) => 1 } split /\n/, $node->safe_psql('examples', q{
		SELECT proname, pg_get_function_arguments(oid) FROM pg_proc
		WHERE pronamespace = 'public'::regnamespace AND proname ~ '^prompt_' AND NOT (
		  proname IN ('prompt_commit', 'prompt_register') AND proargnames[2] = 'messages')
		UNION ALL
		SELECT proname, 'name text, messages jsonb, ...the same...' FROM pg_proc
		WHERE pronamespace = 'public'::regnamespace AND proargnames[2] = 'messages'});
	is(join("\n", sort keys %documented), join("\n", sort keys %in_catalog), 'the reference has the signature of every function');
	my @names = split /\n/, $node->safe_psql('examples',
		q{SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname ~ '^prompt_'});
	is(join(' ', grep { $page !~ /^### .*\b$_\b/m } @names), '', 'every function has its section');
	is(join(' ', grep { slurp_source('README.md') !~ /\| .*`$_`/ } @names), '', 'every function is in the table of the README');
}

sub signature
{
	my ($name, $arguments) = @_;
	$arguments =~ s/::(?:double precision|timestamp with time zone|\w+)(\[\])?//g;
	$arguments =~ s/timestamp with time zone/timestamptz/g;
	$arguments =~ s/OUT \w+ \w+//g;
	$arguments =~ s/\s+/ /g;
	$arguments =~ s/[ ,]+$//;
	return "$name($arguments)";
}

# Settings and their defaults.
is( join("\n", sort map { "$_->[0] $_->[1]" } map { [ /^\| `(promptreg\.\w+)` \| (\S+)/ ] }
		  grep { /^\| `promptreg\.(?!max_\*)/ } split /\n/, slurp_source('docs/limits.md')),
	$node->safe_psql('examples', q{
		SELECT prompt_render_template('') WHERE false;
		SELECT string_agg(name || ' ' || coalesce(nullif(current_setting(name), ''), '(empty)'), E'\n' ORDER BY name COLLATE "C")
		FROM pg_settings WHERE name LIKE 'promptreg.%'}),
	'the table of settings is complete and has the defaults');

# Events that listeners are told of.
{
	my %in_code = map { $_ => 1 }
	  map { grep { defined } slurp_file($_) =~ /\bevent => '(\w+)'|\b(?:THEN|ELSE) '(experiment_\w+)'/g } glob(source_file('src/sql') . '/*.sql');
	my ($sentence) = slurp_source('docs/operations.md') =~ /^`seq` numbers .*?Events are (.*?)\./ms;
	is(join(' ', sort $sentence =~ /`(\w+)`/g), join(' ', sort keys %in_code), 'all events are named');
}

# Links between the pages, and to folders and files of the repository.
{
	my %anchors;
	foreach my $page (@pages)
	{
		(my $text = slurp_source($page)) =~ s/^```.*?^```$//msg;
		$anchors{$page} = { map { lc(s/[^\w\- ]//gr) =~ s/ /-/gr => 1 } $text =~ /^#+ (.*)$/mg };
	}
	foreach my $page (@pages, 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md')
	{
		my $folder = $page =~ s{[^/]*$}{}r;
		my @broken;
		my $text = slurp_source($page);
		while ($text =~ /\]\(([^)#\s]*)(?:#([^)]*))?\)/g)
		{
			my ($file, $anchor) = ($1, $2);
			my $target = $file eq '' ? $page : "$folder$file";
			1 while $target =~ s{[^/]+/\.\./}{};
			push @broken, "$file" unless -e source_file($target);
			push @broken, "$file#$anchor" if defined $anchor && !$anchors{$target}{$anchor};
		}
		is(join(' ', @broken), '', "$page: every link leads somewhere");
	}
}

$node->stop;
done_testing();
