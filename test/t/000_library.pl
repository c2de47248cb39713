# The library as it was built: it shows the server what the server calls, and nothing else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;

my $library = built_library();
my @symbols = map { (split ' ')[-1] } split /\n/, qx(nm --dynamic --defined-only --no-demangle "$library");
is($?, 0, 'the symbols of the library can be read');

my $allowed = qr/^(?:Pg_magic_func|_PG_init|pg_finfo_\w+|promptreg_\w+)\z/;
is(join("\n", grep { !/$allowed/ } @symbols), '', 'no symbol but the extension\'s own is exported');
ok((grep { /^Pg_magic_func/ } @symbols), 'the magic block is exported');

# A function that the server cannot find a call convention record for is called in an old way. The background worker's
# entry is no SQL function.
my %exported = map { $_ => 1 } @symbols;
my @without_info =
  grep { /^promptreg_/ && $_ ne 'promptreg_worker_main' && !$exported{"pg_finfo_$_"} } @symbols;
is(join("\n", @without_info), '', 'every function has its info record');

my $node = new_node('library');
my $server = $node->safe_psql('postgres', 'SHOW server_version_num');
my $config = $ENV{PG_CONFIG} // 'pg_config';
my $major = int($server / 10000);
like(qx("$config" --version), qr/^PostgreSQL $major\D/,
	'the server is the one that the library was built for');
my ($default) = slurp_source('promptreg.control') =~ /^default_version\s*=\s*'(.*?)'/m;
is( $node->safe_psql(
		'postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'promptreg'}),
	$default,
	'the installed version is the one of the control file');

# Every C function of the installed extension is in the library.
my @in_sql = split /\n/, $node->safe_psql(
	'postgres', q{
	SELECT DISTINCT prosrc FROM pg_proc JOIN pg_language l ON l.oid = prolang
	WHERE lanname = 'c' AND probin LIKE '%promptreg'});
ok(scalar(@in_sql), 'the extension has C functions');
is(join("\n", grep { !$exported{$_} } @in_sql), '', 'every C function is exported');
$node->stop;

done_testing();
