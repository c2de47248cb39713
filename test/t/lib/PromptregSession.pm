# A psql that stays connected, on every supported major version of PostgreSQL::Test.
#
#   my $session = PromptregSession->new($node, 'postgres', user => 'app');
#   is($session->query('SELECT 1'), '1', '...');           # dies of an error
#   my ($out, $err) = $session->try('SELECT 1/0');         # $err has what psql wrote to stderr
#   $session->send('SELECT pg_sleep(1)');                  # ... and go on meanwhile
#   ($out, $err) = $session->receive;
#   my ($work, $out, $err) = $session->cancel;             # ... and stop it
#   $session->quit;
package PromptregSession;

use strict;
use warnings;

use IO::Select;
use IPC::Open3;
use Symbol 'gensym';
use Time::HiRes ();

my $timeout = $PostgreSQL::Test::Utils::timeout_default || 180;

sub new
{
	my ($class, $node, $database, %options) = @_;
	my $connection = $options{connection} // $node->connstr($database);
	$connection .= " user=$options{user}" if defined $options{user};
	my $err = gensym;
	my $pid = open3(my $in, my $out, $err, 'psql', '-XAtq', '-F', '|', '-d', $connection);
	my $self = bless {
		pid => $pid, in => $in, out => $out, err => $err, serial => 0, waiting => [],
		buffer => { out => '', err => '' } }, $class;
	$self->query($options{setup}) if defined $options{setup};
	return $self;
}

sub send
{
	my ($self, $sql) = @_;
	my $mark = '=' . ++$self->{serial} . '=';
	push @{ $self->{waiting} }, $mark;
	local $SIG{PIPE} = 'IGNORE';
	syswrite $self->{in}, "$sql\n;\n\\echo $mark\n\\warn $mark\n";
	return $self;
}

sub receive
{
	my ($self) = @_;
	my $mark = shift @{ $self->{waiting} };
	my %found;
	my $select = IO::Select->new($self->{out}, $self->{err});
	my $deadline = time + $timeout;
	while (1)
	{
		for my $stream (qw(out err))
		{
			$found{$stream} = $1 if $self->{buffer}{$stream} =~ s/\A(.*?)^$mark\n//ms;
		}
		last if keys %found == 2;
		my @ready = $select->can_read($deadline - time);
		die "no answer from psql in $timeout s\n" if !@ready;
		for my $handle (@ready)
		{
			my $stream = $handle == $self->{out} ? 'out' : 'err';
			next if sysread $handle, $self->{buffer}{$stream}, 65536, length $self->{buffer}{$stream};
			$select->remove($handle);
			next if $select->count;
			# The connection is gone; what was said last is the answer.
			my %rest = %{ $self->{buffer} };
			$self->{buffer} = { out => '', err => '' };
			return ($found{out} // $rest{out}, ($found{err} // $rest{err}) . "psql has ended\n");
		}
	}
	chomp @found{qw(out err)};
	return @found{qw(out err)};
}

sub try
{
	my ($self, $sql) = @_;
	return $self->send($sql)->receive;
}

sub query
{
	my ($self, $sql) = @_;
	my ($out, $err) = $self->try($sql);
	die "$sql\n$err\n" if $err =~ /^(?:psql:.*?)?(?:ERROR|FATAL|PANIC):|psql has ended/m;
	return $out;
}

# The process of the server that this session talks to.
sub backend
{
	my ($self) = @_;
	return $self->{backend} //= $self->query('SELECT pg_backend_pid()');
}

# A line of /proc/PID/status of the backend, in kB.
sub memory
{
	my ($self, $line) = @_;
	open my $status, '<', '/proc/' . $self->backend . '/status' or return undef;
	while (<$status>)
	{
		return $1 if /^$line:\s+(\d+)/;
	}
	return undef;
}

# What the backend has worked so far, in ms; where the system does not say it, the time that has passed.
sub work
{
	my ($self) = @_;
	my $ns;
	if (open my $file, '<', '/proc/' . $self->backend . '/schedstat')
	{
		($ns) = split ' ', <$file> // '';
	}
	return defined $ns ? $ns / 1e6 : 1000 * Time::HiRes::time();
}

# Cancels what was sent, as pg_cancel_backend does, and receives the answer. The first value is the work in ms that the
# backend did between the two, which other load on the machine does not change.
sub cancel
{
	my ($self) = @_;
	my $pid = $self->{backend} or die "ask for the backend before sending what is to be cancelled\n";
	my $answer = IO::Select->new($self->{err});
	my ($tries, $before) = (0);
	# One that comes before the statement has begun is lost.
	do
	{
		$before = $self->work;
		kill 'INT', $pid or die "cannot signal $pid: $!\n";
	} while !$answer->can_read(1) && $tries++ < $timeout;
	my ($out, $err) = $self->receive;
	return ($self->work - $before, $out, $err);
}

sub quit
{
	my ($self) = @_;
	return if !defined $self->{pid};
	local $?;
	close $self->{in};
	close $self->{out};
	close $self->{err};
	waitpid $self->{pid}, 0;
	delete $self->{pid};
}

sub DESTROY { $_[0]->quit }

1;
