# What the TAP tests share.
#
#   use strict;
#   use warnings;
#   use FindBin;
#   use lib "$FindBin::RealBin/lib";
#   use PromptregTest;            # also imports PostgreSQL::Test::Cluster, ::Utils and Test::More
#
#   my $node = new_node('primary');                       # started, CREATE EXTENSION done
#   is($node->safe_psql('postgres', q{SELECT ...}), '...', 'what a user would notice');
#
#   my $node = new_node('primary',
#       allows_streaming => 1,                             # further arguments of $node->init
#       conf => "max_connections = 100\n",                 # lines for postgresql.conf
#       extension => 0,                                    # no CREATE EXTENSION
#       start => 0);                                       # neither started nor CREATE EXTENSION
#
#   $standby->init_from_backup(...)     # a backup carries the settings: no helper is needed
#   use_extension($node);               # adds the settings to a node that was made in another way
#   source_file('docs/errors.md')       # the path of a file of the source tree
#   built_library()                     # the path of the promptreg.so that the server loads
#   error_of($node, 'postgres', $sql)   # ($sqlstate, $message) of the error that $sql ends with
#
# Run with `make check-tap` (PROVE_TESTS=test/t/x.pl for one of them).  It sets
#   PROMPTREG_CONF     postgresql.conf lines with which a server finds the extension; empty when
#                      the extension is installed in the system
#   PROMPTREG_LIBRARY  the built library
#   PROMPTREG_SOURCE   the source tree, or a copy of it that the test's user can read
# Servers listen on Unix sockets only.  Tests never run as root.
package PromptregTest;

use strict;
use warnings;

# Databases in UTF-8 wherever the tests run: PostgreSQL::Test::Utils drops LC_ALL, and initdb then goes by LANG.
BEGIN
{
	$ENV{LANG} = 'C.UTF-8';
	delete $ENV{LC_CTYPE};
}

use Exporter 'import';
use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = (
	qw(new_node use_extension source_file built_library error_of slurp_source),
	@Test::More::EXPORT, @PostgreSQL::Test::Utils::EXPORT);

sub use_extension
{
	my ($node) = @_;
	$node->append_conf('postgresql.conf', $ENV{PROMPTREG_CONF} // '');
	return $node;
}

sub new_node
{
	my ($name, %options) = @_;
	my $conf = delete $options{conf} // '';
	my $start = delete $options{start} // 1;
	my $extension = delete $options{extension} // 1;

	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%options);
	use_extension($node);
	$node->append_conf('postgresql.conf', $conf);
	$node->start if $start;
	$node->safe_psql('postgres', 'CREATE EXTENSION promptreg')
	  if $start && $extension;
	return $node;
}

sub source_file
{
	my ($path) = @_;
	my $root = $ENV{PROMPTREG_SOURCE} // '.';
	return "$root/$path";
}

sub slurp_source
{
	my ($path) = @_;
	return slurp_file(source_file($path));
}

sub built_library
{
	return $ENV{PROMPTREG_LIBRARY}
	  // die "PROMPTREG_LIBRARY is not set: run make check-tap\n";
}

sub error_of
{
	my ($node, $database, $sql) = @_;
	my ($status, $stdout, $stderr) = $node->psql(
		$database,
		"\\set VERBOSITY verbose\n$sql",
		on_error_stop => 1);
	return () if $status == 0;
	return ($1, $2) if $stderr =~ /(?:ERROR|FATAL):\s+(\w{5}): (.*)/;
	return ('', $stderr);
}

1;
