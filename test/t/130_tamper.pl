# Whatever a superuser does to history behind the triggers' back, prompt_verify finds it, and names the first bad row.
# It finds nothing where nobody has done anything.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;
use Time::HiRes qw(time);

my $rounds = $ENV{PROMPTREG_TEST_ROUNDS} // 200;
my $prompts = $ENV{PROMPTREG_TEST_PROMPTS} // 40;    # with 25 versions each
my $seed = $ENV{PROMPTREG_TEST_SEED} // time ^ $$;
srand $seed;
note("PROMPTREG_TEST_SEED=$seed");

my $node = new_node('tamper', conf => "log_statement = none\nautovacuum = off\nmax_parallel_workers_per_gather = 0\n");
$node->safe_psql('postgres', qq{
	DO \$\$
	DECLARE
	  name text;
	BEGIN
	  FOR i IN 1..$prompts LOOP
	    name := 'prompt ' || to_char(i, 'FM0000');
	    PERFORM prompt_create(name);
	    FOR j IN 1..25 LOOP
	      PERFORM prompt_commit(name, 'text ' || j || ' of {{name}}', variables => '[{"name": "name", "default": "x"}]', model => 'm' || j,
	        params => jsonb_build_object('temperature', j / 10.0), message => 'message ' || j, metadata => jsonb_build_object('ticket', j));
	      IF j % 5 = 0 THEN PERFORM prompt_promote(name, j, 'production', 'reason ' || j); END IF;
	    END LOOP;
	    PERFORM prompt_rollback(name, 'production');
	    PERFORM prompt_promote(name, 3, 'staging', idempotency_key => 'key');
	    PERFORM prompt_promote(name, 4, 'staging');
	    PERFORM prompt_experiment_start(name, 'production', '[{"key": "a", "version": 1, "weight": 1}, {"key": "b", "version": 2, "weight": 3}]', key => 'x of ' || name);
	    PERFORM prompt_experiment_override('x of ' || name, 'tester', 'b');
	    PERFORM prompt_experiment_set_weights('x of ' || name, '{"a": 1, "b": 1}');
	    PERFORM prompt_experiment_set_weights('x of ' || name, '{"a": 3, "b": 1}');
	    PERFORM prompt_rename(name, 'alias of ' || name);
	    COMMIT;
	  END LOOP;
	END \$\$;
	VACUUM ANALYZE});
my $session = PromptregSession->new($node, 'postgres', setup => q{SET client_min_messages = warning});

# Statements that switch the triggers of a table off and on again.
my %switch = map { my ($table, $on) = split /\|/; $table => [ "ALTER TABLE promptreg.$table DISABLE TRIGGER ALL", $on ] } split /\n/, $session->query(q{
	SELECT c.relname, 'ALTER TABLE promptreg.' || c.relname || ' ENABLE TRIGGER ALL, ' || string_agg('ENABLE ALWAYS TRIGGER ' || t.tgname, ', ')
	  FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
	 WHERE c.relnamespace = 'promptreg'::regnamespace AND t.tgenabled = 'A' GROUP BY 1});

sub verify_after
{
	my ($sql, @tables) = @_;
	my ($out, $err) = $session->try(join ";\n", 'BEGIN', map({ $switch{$_}[0] } @tables), $sql, map({ $switch{$_}[1] } @tables),
		'SELECT * FROM prompt_verify()');
	$session->query('ROLLBACK');
	return $err =~ /ERROR/ ? "$sql: $err" : $out;
}

sub pick { return $_[ rand @_ ] }
sub between { my ($low, $high) = @_; return $low + int rand($high - $low + 1) }

my $flip = 'set_byte(%1$s, %2$d, get_byte(%1$s, %2$d) # 1)';
my %version_columns = (
	messages => q{jsonb_set(messages, '{0,content}', to_jsonb(overlay(messages #>> '{0,content}' PLACING '!' FROM 3 FOR 1)))},
	variables => q{'[]'}, model => q{model || ' '}, params => q{params || '{"temperature": 0.99}'}, metadata => q{'{}'},
	syntax => q{'none'}, escape => q{'html'}, branch => q{'mian'}, message => q{nullif(message, message)}, author => q{'mallory'},
	created_at => q{created_at - interval '1 microsecond'},
	content_hash => sub { sprintf $flip, 'content_hash', int rand 32 }, previous_hash => sub { sprintf $flip, 'previous_hash', int rand 32 },
	chain_hash => sub { sprintf $flip, 'chain_hash', int rand 32 }, parent_version => q{nullif(parent_version, parent_version)});
my %deployment_columns = (
	event => q{CASE event WHEN 'promoted' THEN 'rolled_back' ELSE 'promoted' END}, version => q{version + 1}, previous => q{2},
	rollback_to => q{CASE WHEN rollback_to IS NULL THEN 1 END}, reason => q{'another'}, idempotency_key => q{'forged'}, deployed_by => q{'mallory'},
	deployed_at => q{deployed_at + interval '1 hour'}, previous_hash => sub { sprintf $flip, 'previous_hash', int rand 32 },
	chain_hash => sub { sprintf $flip, 'chain_hash', int rand 32 });
my %weights_columns = (
	ppm => q{ARRAY[ppm[1] - 1, ppm[2] + 1]}, keys => q{'{a,c}'}, reason => q{'another'}, set_by => q{'mallory'}, set_at => q{set_at - interval '1 second'},
	previous_hash => sub { sprintf $flip, 'previous_hash', int rand 32 }, chain_hash => sub { sprintf $flip, 'chain_hash', int rand 32 });
my %audit_columns = (
	at => q{at - interval '1 day'}, event => q{event || '!'}, prompt => q{'another'}, environment => q{coalesce(environment || '!', '!')},
	version => q{coalesce(version, 0) + 1}, previous => q{coalesce(previous, 0) + 1}, experiment => q{coalesce(experiment || '!', '!')},
	reason => q{coalesce(reason || '!', '!')}, before => q{coalesce(before || '{"x": 1}', '{}')}, after => q{coalesce(after || '{"x": 1}', '{}')},
	session_user_name => q{'mallory'}, current_user_name => q{'mallory'}, application_name => q{'another'}, client_address => q{'10.0.0.1'});
my $value = sub { my ($new) = @_; return ref $new ? $new->() : $new };

my $id = sub { my ($prompt) = @_; return "(SELECT id FROM promptreg.prompts WHERE name = '$prompt')" };
my $last_seq = $session->query('SELECT max(seq) FROM promptreg.changes');

# Each returns the SQL, the tables whose triggers it goes around, and the beginning of a row that must be among those found.
my %tamperings = (
	'column of a version' => sub {
		my ($prompt, $version, $column) = (@_, pick(sort keys %version_columns));
		return ("UPDATE promptreg.versions SET $column = " . $value->($version_columns{$column}) . " WHERE prompt_id = " . $id->($prompt) . " AND version = $version",
			['versions'], "$prompt|version||$version|");
	},
	'deleted version' => sub {
		my ($prompt, $version) = @_;
		return ("DELETE FROM promptreg.versions WHERE prompt_id = " . $id->($prompt) . " AND version = $version", ['versions'], "$prompt|version||$version|");
	},
	'cut tail of versions' => sub {
		my ($prompt, $version) = @_;
		my $head = $version - 1;
		return ("DELETE FROM promptreg.versions WHERE prompt_id = " . $id->($prompt) . " AND version >= $version;
			UPDATE promptreg.prompts SET head_version = $head WHERE name = '$prompt'",
			[ 'versions', 'prompts' ], "$prompt|version||$version|");
	},
	'swapped versions' => sub {
		my ($prompt, $version) = @_;
		my $other = $version == 25 ? 24 : between($version + 1, 25);
		my $first = $version < $other ? $version : $other;
		my $move = sub { my ($from, $to) = @_; "UPDATE promptreg.versions SET version = $to, parent_version = $to - 1 WHERE prompt_id = " . $id->($prompt) . " AND version = $from" };
		return (join(';', $move->($version, 1000000), $move->($other, $version), $move->(1000000, $other)), ['versions'], "$prompt|version||$first|");
	},
	'swapped contents' => sub {
		my ($prompt, $version) = @_;
		my $other = $version == 2 ? 3 : 2;
		my $first = $version < $other ? $version : $other;
		return ("UPDATE promptreg.versions v SET messages = o.messages, content_hash = o.content_hash, model = o.model, params = o.params FROM promptreg.versions o
			 WHERE v.prompt_id = " . $id->($prompt) . " AND o.prompt_id = v.prompt_id AND (v.version, o.version) IN (($version, $other), ($other, $version))",
			['versions'], "$prompt|version||$first|");
	},
	'forged version' => sub {
		my ($prompt, $version) = @_;
		# A new content, its hashes made right, up to the row before the last: that keeps its own hash.
		my $end = $version == 25 ? 25 : pick($version, 24, 25);
		return ("UPDATE promptreg.versions SET messages = '[{\"role\": \"user\", \"content\": \"forged\"}]' WHERE prompt_id = " . $id->($prompt) . " AND version = $version;
			DO \$\$ DECLARE v promptreg.versions; previous bytea;
			BEGIN
			  FOR i IN $version..$end LOOP
			    SELECT * INTO v FROM promptreg.versions WHERE prompt_id = " . $id->($prompt) . " AND version = i;
			    v.content_hash := promptreg.content_hash('text', v.messages, v.variables, v.model, v.params, v.syntax, v.escape);
			    v.previous_hash := coalesce(previous, v.previous_hash);
			    previous := promptreg.version_hash('$prompt', v);
			    UPDATE promptreg.versions SET content_hash = v.content_hash, previous_hash = v.previous_hash, chain_hash = previous WHERE id = v.id;
			  END LOOP;
			  UPDATE promptreg.versions SET previous_hash = previous WHERE prompt_id = " . $id->($prompt) . " AND version = $end + 1;
			END \$\$", ['versions'], "$prompt|version||$version|");
	},
	'appended version' => sub {
		my ($prompt) = @_;
		# Made right in everything but that nobody committed it.
		return ("DO \$\$ DECLARE v promptreg.versions;
			BEGIN
			  SELECT * INTO v FROM promptreg.versions WHERE prompt_id = " . $id->($prompt) . " AND version = 25;
			  v.id := 99999999; v.version := 26; v.parent_version := 25; v.previous_hash := v.chain_hash;
			  v.chain_hash := promptreg.version_hash('$prompt', v);
			  INSERT INTO promptreg.versions OVERRIDING SYSTEM VALUE SELECT v.*;
			  UPDATE promptreg.prompts SET head_version = 26 WHERE name = '$prompt';
			END \$\$", [ 'versions', 'prompts' ], "$prompt|version||26|");
	},
	'row in a child table' => sub {
		my $table = pick(qw(versions deployments weights audit_log changes));
		return ("CREATE TABLE child () INHERITS (promptreg.$table); INSERT INTO child SELECT * FROM promptreg.$table LIMIT 1", [], '|table|||table public.child inherits from');
	},
	'ALTER TYPE USING' => sub {
		my ($table, $column, $using) = @{ pick([ 'versions', 'author', q{'mallory'} ], [ 'deployments', 'reason', q{reason || '!'} ],
			[ 'weights', 'set_by', q{'mallory'} ], [ 'audit_log', 'application_name', q{application_name || '!'} ]) };
		# The server refuses it: the functions that hash depend on the columns.
		return ("ALTER TABLE promptreg.$table ALTER COLUMN $column TYPE varchar USING $using", [], qr/cannot alter type of a column used by/);
	},
	'column of a deployment' => sub {
		my ($prompt) = @_;
		my ($number, $column) = (between(2, 5), pick(sort keys %deployment_columns));
		return ("UPDATE promptreg.deployments SET $column = " . $value->($deployment_columns{$column}) . " WHERE prompt_id = " . $id->($prompt) . " AND environment = 'production' AND number = $number",
			['deployments'], "$prompt|deployment|production|$number|");
	},
	'deleted deployment' => sub {
		my ($prompt) = @_;
		my $number = between(1, 6);
		return ("DELETE FROM promptreg.deployments WHERE prompt_id = " . $id->($prompt) . " AND environment = 'production' AND number = $number", ['deployments'], "$prompt|deployment|production|$number|");
	},
	'cut tail of deployments' => sub {
		my ($prompt) = @_;
		return ("DELETE FROM promptreg.deployments WHERE prompt_id = " . $id->($prompt) . " AND environment = 'staging' AND number = 2;
			UPDATE promptreg.routes r SET version = d.version, deployment_id = d.id FROM promptreg.deployments d
			 WHERE r.prompt_id = d.prompt_id AND r.environment = d.environment AND d.prompt_id = " . $id->($prompt) . " AND d.environment = 'staging'",
			[ 'deployments', 'routes' ], "$prompt|deployment|staging|2|");
	},
	'column of weights' => sub {
		my ($prompt) = @_;
		my ($number, $column) = (between(2, 3), pick(sort keys %weights_columns));
		return ("UPDATE promptreg.weights SET $column = " . $value->($weights_columns{$column}) . " WHERE number = $number AND experiment_id = (SELECT id FROM promptreg.experiments WHERE key = 'x of $prompt')",
			['weights'], "$prompt|weights|x of $prompt|$number|");
	},
	'deleted weights' => sub {
		my ($prompt) = @_;
		my $number = between(1, 3);
		return ("DELETE FROM promptreg.weights WHERE number = $number AND experiment_id = (SELECT id FROM promptreg.experiments WHERE key = 'x of $prompt')", ['weights'], "$prompt|weights|x of $prompt|$number|");
	},
	'column of an audit record' => sub {
		my ($seq, $column) = (between(1, $last_seq), pick(sort keys %audit_columns));
		return ("UPDATE promptreg.audit_log SET $column = $audit_columns{$column} WHERE id = (SELECT audit_id FROM promptreg.changes WHERE seq = $seq)", ['audit_log'], qr/^[^|]*\|change\|\|$seq\|/m);
	},
	'deleted audit record' => sub {
		my $seq = between(1, $last_seq);
		return ("DELETE FROM promptreg.audit_log WHERE id = (SELECT audit_id FROM promptreg.changes WHERE seq = $seq)", ['audit_log'], "|change||$seq|");
	},
	'deleted change' => sub {
		my $seq = between(1, $last_seq - 1);
		return ("DELETE FROM promptreg.changes WHERE seq = $seq", ['changes'], qr/^[^|]*\|change\|\|${\($seq + 1)}\|/m);
	},
	'deleted change and its record' => sub {
		my $seq = between(1, $last_seq - 1);
		return ("DELETE FROM promptreg.audit_log WHERE id = (SELECT audit_id FROM promptreg.changes WHERE seq = $seq); DELETE FROM promptreg.changes WHERE seq = $seq",
			[ 'audit_log', 'changes' ], qr/^[^|]*\|change\|\|${\($seq + 1)}\|/m);
	},
	'column of a change' => sub {
		my ($seq, $column) = (between(2, $last_seq), pick(qw(record_hash previous_hash chain_hash)));
		return ("UPDATE promptreg.changes SET $column = " . sprintf($flip, $column, int rand 32) . " WHERE seq = $seq", ['changes'], qr/^[^|]*\|change\|\|$seq\|/m);
	},
	'cut tail of changes and audit records' => sub {
		my $events = pick('committed', 'promoted', 'experiment_weights');
		return ("CREATE TEMP TABLE cut ON COMMIT DROP AS SELECT seq, audit_id FROM promptreg.changes WHERE seq >= (SELECT max(c.seq) FROM promptreg.changes c JOIN promptreg.audit_log a ON a.id = c.audit_id WHERE a.event = '$events');
			DELETE FROM promptreg.changes WHERE seq IN (SELECT seq FROM cut); DELETE FROM promptreg.audit_log WHERE id IN (SELECT audit_id FROM cut)",
			[ 'audit_log', 'changes' ], qr/./);
	},
	'route' => sub {
		my ($prompt) = @_;
		my $environment = pick('production', 'staging');
		my $change = pick('version = 7', $environment eq 'production' ? 'experiment_id = NULL' : 'version = NULL');
		return ("UPDATE promptreg.routes SET $change WHERE prompt_id = " . $id->($prompt) . " AND environment = '$environment'", ['routes'], "$prompt|route|$environment|");
	},
	'deleted route' => sub {
		my ($prompt) = @_;
		return ("DELETE FROM promptreg.routes WHERE prompt_id = " . $id->($prompt) . " AND environment = 'staging'", ['routes'], "$prompt|route|staging|");
	},
	'experiment' => sub {
		my ($prompt) = @_;
		my $change = pick(q{salt = 'mine'}, 'coverage_ppm = 1', q{state = 'draft'}, q{control = 'forged'}, 'control_ppm = 5');
		return ("UPDATE promptreg.experiments SET $change WHERE key = 'x of $prompt'", ['experiments'], qr/^\Q$prompt\E\|/m);
	},
	'override' => sub {
		my ($prompt) = @_;
		my $change = pick(q{variant = 'forged'}, q{user_id = 'forged'}, q{reason = 'forged'}, q{set_at = set_at - interval '1 s'});
		return ("UPDATE promptreg.overrides SET $change WHERE experiment_id = (SELECT id FROM promptreg.experiments WHERE key = 'x of $prompt')", ['overrides'], "$prompt|override|x of $prompt|1|");
	},
	'deleted override' => sub {
		my ($prompt) = @_;
		return ("DELETE FROM promptreg.overrides WHERE experiment_id = (SELECT id FROM promptreg.experiments WHERE key = 'x of $prompt')", ['overrides'], "$prompt|override|x of $prompt|1|");
	},
	'name' => sub {
		my ($prompt) = @_;
		my $alias = pick($prompt, "alias of $prompt");
		return ("UPDATE promptreg.names SET prompt_id = (SELECT id FROM promptreg.prompts WHERE name <> '$prompt' LIMIT 1) WHERE name = '$alias'", ['names'], qr/\Q$prompt\E/);
	},
	'name of a prompt' => sub {
		my ($prompt) = @_;
		return ("UPDATE promptreg.prompts SET name = 'renamed' WHERE name = '$prompt'", ['prompts'], qr/renamed|\Q$prompt\E/);
	},
	'disabled trigger' => sub {
		my $table = pick(qw(versions deployments weights audit_log changes names overrides));
		return ("ALTER TABLE promptreg.$table DISABLE TRIGGER " . pick(qw(append_only no_truncate)), [], qr/^\|table\|\|\|trigger \w+ of (?:promptreg\.)?$table is /m);
	},
	'rule' => sub {
		return ("CREATE RULE r AS ON DELETE TO promptreg.versions DO INSTEAD NOTHING", [], qr/^\|table\|\|\|rule r on promptreg\.versions/m);
	});

my $started = time;
is($session->query('SELECT * FROM prompt_verify()'), '', 'nothing is found where nothing was done');
my $took = time - $started;
diag(sprintf '%s records verified in %d ms', $session->query('SELECT sum(n) FROM (SELECT count(*) FROM promptreg.versions UNION ALL SELECT count(*) FROM promptreg.deployments
	UNION ALL SELECT count(*) FROM promptreg.changes) AS t (n)'), 1000 * $took);

my (%tried, %missed);
my @kinds = sort keys %tamperings;
for my $round (0 .. $rounds - 1)
{
	my $kind = $kinds[ $round % @kinds ];
	my $prompt = sprintf 'prompt %04d', between(1, $prompts);
	my ($sql, $tables, $expected) = $tamperings{$kind}->($prompt, between(2, 25));
	my $found = verify_after($sql, @$tables);
	$tried{$kind}++;
	next if ref $expected ? $found =~ $expected : index("\n$found", "\n$expected") >= 0;
	push @{ $missed{$kind} }, "$sql\n  found: " . substr($found, 0, 300);
}
for my $kind (@kinds)
{
	my @missed = @{ $missed{$kind} // [] };
	is(scalar(@missed), 0, "$kind: found in each of " . ($tried{$kind} // 0) . ' cases') or diag($missed[0]);
}

# No false alarm, however the session is set.
my $force = $session->query('SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
my $alarms = '';
for my $settings ('', q{SET TimeZone = 'Asia/Kathmandu'}, q{SET DateStyle = 'German, DMY'}, 'SET extra_float_digits = 0', q{SET bytea_output = 'escape'},
	q{SET IntervalStyle = 'iso_8601'}, q{SET lc_numeric = 'C.UTF-8'}, 'SET enable_hashjoin = off', 'SET enable_seqscan = off', 'SET standard_conforming_strings = off',
	'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', q{SET search_path = pg_temp}, "SET max_parallel_workers_per_gather = 2; SET $force = on")
{
	my ($out, $error) = $session->try("BEGIN; $settings; SELECT * FROM public.prompt_verify()");
	$session->query('ROLLBACK');
	$alarms .= "$settings: $out$error\n" if $out . $error ne '';
}
is($alarms, '', 'no false alarm under any settings');
$session->quit;
$node->stop;
done_testing();
