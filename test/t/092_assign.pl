# The assignments of the database, recomputed by two programs that know nothing of it but docs/assignment.md.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;

my $node = new_node('assign', extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->safe_psql('postgres', q{
	SELECT prompt_register('p', 'v' || v) FROM generate_series(1, 5) AS v;
	SELECT prompt_promote('p', 1, 'production');
	SELECT prompt_namespace_create('zażółć/' || n) FROM generate_series(1, 3) AS n;
	SELECT prompt_holdout('hold ' || n, n / 10.0) FROM generate_series(1, 3) AS n;
	CREATE TABLE asked (id bigint GENERATED ALWAYS AS IDENTITY, question jsonb, answer text);
	-- Users of every length around the steps of the hash, and from all of Unicode.
	CREATE FUNCTION random_user() RETURNS text LANGUAGE sql AS $$
	  SELECT coalesce(string_agg(chr(CASE (random() * 4)::integer WHEN 0 THEN 97 + (random() * 25)::integer WHEN 1 THEN 48 + (random() * 9)::integer
	    WHEN 2 THEN 32 + (random() * 90)::integer WHEN 3 THEN 256 + (random() * 20000)::integer ELSE 128512 + (random() * 60)::integer END), ''), '')
	    FROM generate_series(1, (random() * random() * 120)::integer) $$});
for my $round (1 .. 40)
{
	$node->safe_psql('postgres', q{
		DO $$
		DECLARE
		  variants integer := 2 + (random() * 6)::integer;
		  new_key text;
		BEGIN
		  new_key := prompt_experiment_start('p', 'production',
		    (SELECT jsonb_agg(jsonb_build_object('key', CASE WHEN random() < 0.5 THEN 'ż' || n ELSE 'variant ' || n END, 'version', 1 + n % 5,
		                                         'weight', CASE WHEN n > 1 AND random() < 0.2 THEN 0 ELSE random() END)) FROM generate_series(1, variants) AS n),
		    coverage => CASE WHEN random() < 0.5 THEN 1 ELSE random()::numeric END,
		    namespace => CASE WHEN random() < 0.5 THEN 'zażółć/' || 1 + (random() * 2)::integer END, namespace_from => 0.05, namespace_to => 0.8,
		    holdout => CASE WHEN random() < 0.5 THEN 'hold ' || 1 + (random() * 2)::integer END);
		  INSERT INTO asked (question, answer)
		  SELECT jsonb_strip_nulls(jsonb_build_object('salt', x.salt, 'user', u.id, 'keys', w.keys, 'ppm', w.ppm, 'coverage_ppm', w.coverage_ppm,
		           'holdout', h.name, 'holdout_ppm', w.holdout_ppm, 'namespace', n.name, 'lo_ppm', x.namespace_lo_ppm, 'hi_ppm', x.namespace_hi_ppm)), a.variant
		    FROM promptreg.experiments x JOIN promptreg.weights w ON w.experiment_id = x.id
		    LEFT JOIN promptreg.holdouts h ON h.id = x.holdout_id LEFT JOIN promptreg.namespaces n ON n.id = x.namespace_id,
		         (SELECT random_user() AS id FROM generate_series(1, 100)) AS u, prompt_assign('p', 'production', u.id) AS a
		   WHERE x.key = new_key;
		  PERFORM prompt_experiment_stop(new_key);
		END
		$$});
}
my ($questions, $answers) = map { $node->safe_psql('postgres', "SELECT $_ FROM asked ORDER BY id") } 'question', q{coalesce(to_json(answer)::text, 'null')};
is(scalar(my @all = split /\n/, $questions), 4000, 'questions of all kinds');
is($node->safe_psql('postgres', 'SELECT count(answer) BETWEEN 500 AND 3500 FROM asked'), 't', '... some of them with and some without a variant');
my %programs = (python3 => 'assign.py', node => 'assign.js');
for my $language (sort keys %programs)
{
  SKIP:
	{
		my ($out, $err);
		skip "no $language", 2 unless eval { IPC::Run::run([ $language, '--version' ], '>', \$out, '2>', \$err) };
		IPC::Run::run([ $language, source_file("examples/$programs{$language}") ], '<', \"$questions\n", '>', \$out, '2>', \$err);
		is($err, '', "$programs{$language} runs");
		is($out, "$answers\n", '... and gives the same answers as the database');
	}
}
$node->stop;
done_testing();
