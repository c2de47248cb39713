# Nobody who records waits for partitions, and no record is lost because of them: whatever others do, however long.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;
use PromptregSession;

my $node = new_node('recording');
my $maintain = q{SELECT result, error FROM prompt_maintain('{partitions}')};
my $drop_partitions = q{DO $$ DECLARE name regclass; BEGIN
	FOR name IN SELECT inhrelid FROM pg_inherits WHERE inhparent IN ('promptreg.executions'::regclass, 'promptreg.outcomes'::regclass)
	    AND inhrelid NOT IN ('promptreg.executions_default'::regclass, 'promptreg.outcomes_default'::regclass)
	LOOP EXECUTE format('DROP TABLE %s', name); END LOOP; END $$};

# How often somebody has waited for a partition in vain.
sub attempts
{
	return scalar(() = slurp_file($node->logfile) =~ /LOG:  a partition of executions or outcomes could not be made/g);
}

$node->safe_psql('postgres', $maintain);
my $app = PromptregSession->new($node, 'postgres', setup => 'BEGIN');
my $other = PromptregSession->new($node, 'postgres', setup => q{SET lock_timeout = '5s'});
$app->query(q{SELECT prompt_log('p', 1, at => '2021-01-01')});
$app->query(q{SELECT prompt_feedback('r', 5, at => '2021-01-01')});
my (undef, $said) = $other->try(q{SELECT prompt_log('p', 1), prompt_feedback('r', 5)});
is($said, '', 'an open transaction that has recorded for an old time keeps nobody from recording');
is($other->query('SELECT count(*) FROM promptreg.version_comparison'), '1', '... or from reading');
$app->query('COMMIT');
is($node->safe_psql('postgres', 'SELECT count(*) FROM promptreg.executions_default'), '1', '... its row waits in the default partition');
like($node->safe_psql('postgres', $maintain), qr/^2 partitions made/, '... for maintenance');

# A reader that stays: one wait, and none for a while after it.
my $reader = PromptregSession->new($node, 'postgres', setup => 'BEGIN');
$node->safe_psql('postgres', $drop_partitions);
$reader->query('SELECT count(*) FROM promptreg.executions');
my $batch = q{SELECT prompt_log_many((SELECT jsonb_agg(jsonb_build_object('name', 'p', 'version', 1, 'at', now() - i * interval '1 day')) FROM generate_series(0, 40) i))};
is(attempts(), 0, 'nobody has waited');
$other->query($_) for q{SET promptreg.partition_interval = 'day'}, $batch, q{RESET promptreg.partition_interval};
is(attempts(), 1, 'a batch is recorded after one wait, however many partitions cannot be made');
$other->query(q{SELECT prompt_log('p', 1), prompt_feedback('r', 5)}) for 1 .. 20;
is(attempts(), 1, '... and what comes next does not wait again');
$reader->query('COMMIT');
like($node->safe_psql('postgres', $maintain), qr/^[1-9]\d* partitions made/, '... until maintenance makes them');
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM promptreg.executions_default) + (SELECT count(*) FROM promptreg.outcomes_default)'), '0', '... and moves what waits');
is($node->safe_psql('postgres', q{SELECT count(*) FROM promptreg.executions WHERE prompt = 'p'}), '61', '... all of it');

# Whatever the error is: the record is kept, and the session told once.
$node->safe_psql('postgres', $drop_partitions . q{;
	CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no new tables'; END $$;
	CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION refuse()});
my $refused = PromptregSession->new($node, 'postgres');
$said = join '', map { ($refused->try($_))[1] } q{SELECT prompt_log('p', 1, request_id => 'kept')}, q{SELECT prompt_feedback('kept', 5)};
like($said, qr/^WARNING:  a partition of executions or outcomes could not be made: no new tables\nHINT:[^\n]*$/, 'a partition that cannot be made is a warning');
is($node->safe_psql('postgres', q{SELECT count(*) FROM promptreg.executions JOIN promptreg.outcomes USING (request_id) WHERE request_id = 'kept'}), '1', '... and costs no record');
$node->safe_psql('postgres', 'DROP EVENT TRIGGER refuse');

# Retention: what is deleted is deleted before anything is locked, a part in each run, and stays deleted if the lock cannot be had.
$node->safe_psql('postgres', q{
	INSERT INTO promptreg.executions (at, request_id, prompt, version, environment) SELECT now() - interval '40 days', 'd' || i, 'p', 1, 'development' FROM generate_series(1, 300000) i;
	SELECT error FROM prompt_maintain('{rollups,partitions}');
	SELECT promptreg.roll_up();
	SELECT prompt_retention('executions', '30 days', env => 'development')});
my $next = q{(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months') AT TIME ZONE 'UTC'};
my $drop_next = qq{DO \$\$ BEGIN EXECUTE format('DROP TABLE promptreg.%I', promptreg.partition_name('executions', $next, 'month')); END \$\$};
$node->safe_psql('postgres', $drop_next);
my $maintainer = PromptregSession->new($node, 'postgres', setup => 'BEGIN');
$reader->query('BEGIN');
$reader->query('SELECT count(*) FROM promptreg.outcomes');
like($maintainer->query($maintain), qr/^200000 rows deleted; partitions are postponed: .*\|$/, 'a part of the rows is deleted although a partition cannot be made');
is($maintainer->query(q{SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND relation IN ('promptreg.executions'::regclass, 'promptreg.outcomes'::regclass)}),
	'0', '... and others go on recording');
$maintainer->query('COMMIT');
$reader->query('COMMIT');
is($node->safe_psql('postgres', $maintain), '1 partitions made, 0 dropped, 100000 rows deleted|', 'the next run deletes the rest and makes the partition');
is($node->safe_psql('postgres', q{SELECT count(*) FROM promptreg.executions WHERE environment = 'development'}), '0', '... until nothing is left');
is($node->safe_psql('postgres', $maintain), '0 partitions made, 0 dropped, 0 rows deleted|', '... and then rests');
$_->quit for $app, $other, $reader, $refused, $maintainer;
$node->stop;
done_testing();
