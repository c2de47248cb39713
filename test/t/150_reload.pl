# The extension is dropped and created again, roles and their memberships change, settings are reloaded: sessions with
# warm caches and prepared statements notice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $node = new_node('reload');
my $fill = sub {
	my ($text) = @_;
	return qq{
		SELECT prompt_register('p', '$text {{name}}', model => '$text');
		SELECT prompt_register('p', 'another $text {{name}}');
		SELECT prompt_promote('p', 1, 'production')};
};
my $vars = q('{"name": "Ann"}');
my $render = qq{SELECT prompt_render('p', vars => $vars)};
my $resolve = qq{SELECT version, text, model, reason FROM prompt_resolve('p', vars => $vars)};
$node->safe_psql('postgres', $fill->('first'));
my @sessions = map { PromptregSession->new($node, 'postgres', setup => qq{
	PREPARE render AS $render;
	PREPARE resolve AS $resolve;
	PREPARE list AS SELECT * FROM prompt_list()}) } 1 .. 4;
my $ask = "EXECUTE render; EXECUTE resolve; $render; $resolve";
my $expected = sub { my ($text) = @_; return join "\n", ("$text Ann", "1|$text Ann|$text|deployed") x 2 };
# Often enough that the plans are generic.
for my $session (@sessions)
{
	$session->query($ask) for 1 .. 6;
	is($session->query($ask), $expected->('first'), 'a session with a warm cache and prepared statements');
}

for my $generation (2 .. 4)
{
	my $text = "generation $generation";
	$node->safe_psql('postgres', 'DROP EXTENSION promptreg CASCADE');
	for my $session (@sessions[ 0, 1 ])
	{
		my (undef, $err) = $session->try($render);
		like($err, qr/^ERROR:  function prompt_render\(.*\) does not exist/, 'the extension is dropped: the function is gone');
	}
	# Sessions 0 and 1 ask in between, 2 and 3 do not.
	$node->safe_psql('postgres', 'CREATE EXTENSION promptreg');
	like(($sessions[0]->try($render))[1], qr/^ERROR:  prompt "p" does not exist/, 'created again: it is empty');
	$node->safe_psql('postgres', $fill->($text));
	for my $session (@sessions)
	{
		my ($out, $err) = $session->try("$render; $resolve");
		is("$out$err", "$text Ann\n1|$text Ann|$text|deployed", 'the new prompts are served');
		($out, $err) = $session->try($ask);
		# A prepared statement may have to be prepared anew where its function has got another oid.
		if ($err =~ /cached plan must not change result type|cache lookup failed for function|function with OID \d+ does not exist|does not exist/)
		{
			unlike($out, qr/first|generation (?!$generation)/, 'a prepared statement serves nothing old');
			$session->query("DEALLOCATE ALL; PREPARE render AS $render; PREPARE resolve AS $resolve");
			($out, $err) = $session->try($ask);
		}
		is("$out$err", $expected->($text), '... also by prepared statements');
	}
	$sessions[3]->query(q{SELECT prompt_promote('p', 2, 'production')});
	is($sessions[$_]->query($render), "another $text Ann", '... and promotions of it are noticed') for 0 .. 3;
	is($sessions[2]->query('SELECT count(*) FROM prompt_verify()'), '0', '... and its history is whole');
}

# Dropped and created by a session itself, in a transaction, and undone.
$sessions[0]->query('BEGIN; DROP EXTENSION promptreg CASCADE; CREATE EXTENSION promptreg');
my ($out, $err) = $sessions[0]->try($render);
like($err, qr/prompt "p" does not exist/, 'within a transaction that has created it anew');
$sessions[0]->query('ROLLBACK');
is($sessions[0]->query($render), 'another generation 4 Ann', '... and after ROLLBACK');
$sessions[0]->query("BEGIN; DROP EXTENSION promptreg CASCADE; CREATE EXTENSION promptreg; " . $fill->('inner'));
is($sessions[0]->query($render), 'inner Ann', 'prompts of that transaction');
$sessions[0]->query('ROLLBACK');
is($sessions[0]->query($render), 'another generation 4 Ann', '... are gone with it');

# In another schema.
$node->safe_psql('postgres', 'DROP EXTENSION promptreg CASCADE; CREATE SCHEMA app; CREATE EXTENSION promptreg SCHEMA app');
$sessions[1]->query('SET search_path = app, public;' . $fill->('elsewhere'));
is($sessions[1]->query($render), 'elsewhere Ann', 'the functions in another schema');
$node->safe_psql('postgres', 'DROP EXTENSION promptreg CASCADE; CREATE EXTENSION promptreg SCHEMA public');
$node->safe_psql('postgres', $fill->('last'));
is($sessions[1]->query($render), 'last Ann', '... and back');

# Rights: what a role may do changes with its memberships at once, whatever the cache holds.
$node->safe_psql('postgres', q{
	CREATE ROLE team; CREATE ROLE app LOGIN; CREATE ROLE other;
	SELECT prompt_grant('p', 'resolve', 'team', 'production')});
my $app = PromptregSession->new($node, 'postgres', user => 'app');
my $may = sub {
	my ($text, $error) = $app->try($render);
	return $text ne '' ? $text : $error =~ /prompt "p" does not exist/ ? 'refused' : $error;
};
my @steps = (
	'SELECT 1' => 'refused',
	'GRANT team TO app' => 'last Ann',
	'REVOKE team FROM app' => 'refused',
	'GRANT team TO other; GRANT other TO app' => 'last Ann',
	'REVOKE team FROM other' => 'refused',
	'GRANT team TO app' => 'last Ann',
	'ALTER ROLE app NOINHERIT' => 'refused or not',
	'ALTER ROLE app INHERIT; REVOKE team FROM app; GRANT team TO app' => 'last Ann',
	q{SELECT prompt_revoke('p', 'resolve', 'team', 'production')} => 'refused',
	q{SELECT prompt_grant('p', 'read', 'app')} => 'last Ann',
	q{SELECT prompt_revoke('p', 'read', 'app')} => 'refused',
	'ALTER ROLE app SUPERUSER' => 'last Ann',
	'ALTER ROLE app NOSUPERUSER' => 'refused',
	q{SELECT prompt_grant('*', 'resolve', 'public')} => 'last Ann',
	q{SELECT prompt_revoke('*', 'resolve', 'public')} => 'refused',
	q{SELECT prompt_grant('p', 'resolve', 'other')} => 'last Ann',
	'ALTER ROLE other RENAME TO renamed' => 'refused',
	'ALTER ROLE renamed RENAME TO other' => 'last Ann',
	'REVOKE other FROM app; DROP ROLE other' => 'refused',
	'CREATE ROLE other; GRANT other TO app' => 'last Ann',
	'GRANT ' . $node->safe_psql('postgres', 'SELECT quote_ident(rolname) FROM pg_roles WHERE oid = 10') . ' TO app; REVOKE other FROM app' => 'last Ann',
	'REVOKE ' . $node->safe_psql('postgres', 'SELECT quote_ident(rolname) FROM pg_roles WHERE oid = 10') . ' FROM app' => 'refused');
$may->();
while (my ($step, $result) = splice @steps, 0, 2)
{
	$node->safe_psql('postgres', $step);
	my $got = $may->();
	next if $result eq 'refused or not';    # 16 and later keep that with each membership
	is($got, $result, "$step: $result");
}
# Uncommitted and undone.
my $admin = PromptregSession->new($node, 'postgres');
$admin->query(q{BEGIN; SELECT prompt_grant('p', 'resolve', 'app')});
is($may->(), 'refused', 'a right that is not committed yet is none');
$admin->query('ROLLBACK');
is($may->(), 'refused', '... and none after ROLLBACK');
$admin->query(q{BEGIN; SELECT prompt_grant('p', 'resolve', 'app'); SET LOCAL ROLE app});
is($admin->query($render), 'last Ann', 'its transaction has it');
$admin->query('ROLLBACK');
$admin->query('SET ROLE app');
like(($admin->try($render))[1], qr/does not exist/, '... until ROLLBACK');
$admin->query('RESET ROLE');
is($admin->query($render), 'last Ann', 'RESET ROLE between two calls');

# Settings.
is($admin->query(qq{SET promptreg.cache_size = '64kB'; $render}), 'last Ann', 'a smaller cache');
is($admin->query(qq{RESET promptreg.cache_size; $render}), 'last Ann', 'and the usual again');
is($admin->query(qq{DISCARD ALL; $render}), 'last Ann', 'DISCARD ALL');

# A server that is restarted.
$_->quit for @sessions, $app, $admin;
$node->restart;
is($node->safe_psql('postgres', $render), 'last Ann', 'after a restart');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|XX000/, 'no crash and no internal error');
$node->stop;
done_testing();
