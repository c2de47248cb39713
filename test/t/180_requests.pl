# Bodies of requests are what the providers' APIs take, held against the recorded schemas of these.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PromptregTest;

my ($python) = grep { system("$_ -c 'import jsonschema' >/dev/null 2>&1") == 0 } qw(python3 /usr/bin/python3);
if (!$python)
{
	plan(skip_all => 'python3-jsonschema is not installed');
}

my $tool = q({"type": "function", "function": {"name": "weather", "description": "Weather of a place", "strict": true,
	"parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"],
	"additionalProperties": false}}});
my $plain_tool = '{"type": "function", "function": {"name": "now"}}';
my $schema = '{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false}';
my $calls = q([{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"place\": \"{{x}}\"}"}},
	{"id": "call_2", "type": "function", "function": {"name": "now", "arguments": "{}"}}]);
my $image = q({"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}});
my $data = q({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}});
my $file = q({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}});

# Lists of messages, and parameters beside max_tokens; each of one is tried with each of the other.
my %messages = (
	'a user' => '[{"role": "user", "content": "Hello {{x}}"}]',
	'instructions' => '[{"role": "system", "content": "Be {{x}}."}, {"role": "user", "content": "Hello"}]',
	'instructions of two kinds' => '[{"role": "system", "content": "a"}, {"role": "user", "content": "b"}, {"role": "developer", "content": "c"}]',
	'turns' => '[{"role": "user", "content": "a"}, {"role": "user", "content": "{{x}}"}, {"role": "assistant", "content": "c", "name": "bot"}, {"role": "user", "content": "d"}]',
	'tools' => qq([{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": "Wait.", "tool_calls": $calls},
		{"role": "tool", "tool_call_id": "call_1", "content": "{\\"sky\\": \\"{{x}}\\"}"}, {"role": "tool", "tool_call_id": "call_2", "content": "noon"},
		{"role": "user", "content": "Thanks"}]),
	'calls alone' => qq([{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": null, "tool_calls": $calls},
		{"role": "tool", "tool_call_id": "call_1", "content": "x"}, {"role": "tool", "tool_call_id": "call_2", "content": ""}]),
	'parts' => qq([{"role": "user", "content": [{"type": "text", "text": "See {{x}}"}, $image, $data, $file]}]),
	'parts beside a text' => qq([{"role": "user", "content": "a"}, {"role": "user", "content": [$data, {"type": "text", "text": "b"}]}]),
	'instructions in parts' => '[{"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "{{x}}"}]}, {"role": "user", "content": "c"}]',
	'a history' => '[{"role": "system", "content": "Be {{x}}."}, {"type": "placeholder", "name": "history"}, {"role": "user", "content": "{{x}}"}]',
	'examples before a history' => '[{"type": "examples", "examples": [{"user": "a", "assistant": "{{x}}"}]}, {"type": "placeholder", "name": "history"}]',
	'a history of nothing' => '[{"type": "placeholder", "name": "none", "required": false}, {"type": "placeholder", "name": "empty"}, {"role": "user", "content": "a"}]',
	'nothing to say at first' => '[{"role": "system", "content": "{{y}}"}, {"role": "user", "content": "{{x}}"}]',
);
# What is passed for placeholders: all kinds of messages.
my $vars = qq({"x": "<\\"é\\\\>", "empty": [], "history": [{"role": "user", "content": "{{x}}"},
	{"role": "assistant", "content": null, "tool_calls": $calls},
	{"role": "tool", "tool_call_id": "call_1", "content": "{{#x"}, {"role": "tool", "tool_call_id": "call_2", "content": "noon"},
	{"role": "assistant", "content": [{"type": "text", "text": "c"}]},
	{"role": "user", "content": [{"type": "text", "text": "d"}, $image, $data]}]});
my %params = (
	'nothing' => '{}',
	'sampling' => '{"temperature": 0.7, "top_p": 0.9, "stop": ["a", "b"], "stream": true}',
	'one stop, and defaults' => '{"stop": "END", "frequency_penalty": 0, "presence_penalty": 0, "n": 1, "store": false, "logit_bias": {}}',
	'tools' => qq({"tools": [$tool, $plain_tool], "tool_choice": "auto", "parallel_tool_calls": true}),
	'a required tool' => qq({"tools": [$tool], "tool_choice": "required"}),
	'no tool' => qq({"tools": [$tool], "tool_choice": "none"}),
	'a certain tool' => qq({"tools": [$tool], "tool_choice": {"type": "function", "function": {"name": "weather"}}}),
	'a schema' => qq({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": $schema}}}),
	'effort' => '{"reasoning_effort": "low", "response_format": {"type": "text"}}',
	'sections' => q({"temperature": 1.5, "openai": {"seed": 1, "temperature": 2}, "anthropic": {"temperature": 1, "top_k": 5,
		"thinking": {"type": "enabled", "budget_tokens": 1024}, "model": "claude"}, "gemini": {"generationConfig": {"topK": 3,
		"thinkingConfig": {"thinkingBudget": 0}}, "tools": [{"googleSearch": {}}]}}),
);

my $node = new_node('requests');
my @bodies;
my @wanted;

# The body that each provider gets of a prompt.
sub request_of
{
	my ($what, $commit) = @_;
	my $name = sprintf 'p%d', scalar @bodies;
	my $sql = "SELECT prompt_register('$name', $commit);";
	$sql .= "SELECT '\@' || provider || ' ' || prompt_request('$name', 'latest', vars => " . quoted($vars) . ", provider => provider)
		FROM unnest('{openai,anthropic,gemini}'::text[]) AS provider;";
	my $output = $node->safe_psql('postgres', $sql);
	while ($output =~ /^\@(\w+) (.*)$/mg)
	{
		push @bodies, "$1 $2";
		push @wanted, "$what for $1";
	}
	return;
}

sub quoted
{
	return q{$q$} . shift() . q{$q$};
}

request_of('a text', "'Hello {{x}}', model => 'm', params => '{\"max_tokens\": 5}'");
foreach my $said (sort keys %messages)
{
	foreach my $param (sort keys %params)
	{
		my $all = $params{$param} =~ s/^\{/{"max_tokens": 5000, /r =~ s/, \}$/}/r;
		request_of("$said with $param", quoted($messages{$said}) . "::jsonb, model => 'm', params => " . quoted($all));
	}
}

# Nothing that is passed is rendered or lost.
$node->safe_psql('postgres', "SELECT prompt_register('history', " . quoted($messages{'a history'}) . "::jsonb, model => 'm', params => '{\"max_tokens\": 5}')");
my %counts = map { $_ => $node->safe_psql('postgres', "SELECT prompt_request('history', 'latest', vars => " . quoted($vars) . "::jsonb, provider => '$_')::text") }
  qw(openai anthropic gemini);
foreach my $provider (sort keys %counts)
{
	my $body = $counts{$provider};
	like($body, qr/"\{\{x\}\}"/, "what is passed for a placeholder reaches $provider as it is");
	like($body, qr/\{\{#x/, '... also what is no template');
	like($body, qr/iVBORw0KGgo=/, '... and images');
}

# What the validator says of each body, a line for each: nothing, or what is wrong.
sub validate
{
	my @lines = @_;
	my $script = <<'PYTHON';
import json, sys
from jsonschema import Draft202012Validator
validators = {}
for line in sys.stdin:
    provider, body = line.split(' ', 1)
    if provider not in validators:
        with open(f'{sys.argv[1]}/{provider}_request.schema.json') as file:
            schema = json.load(file)
        Draft202012Validator.check_schema(schema)
        validators[provider] = Draft202012Validator(schema)
    errors = validators[provider].iter_errors(json.loads(body))
    print('; '.join(f'{error.json_path}: {error.message}'[:500] for error in errors))
PYTHON
	my ($out, $err) = ('', '');
	my $in = join('', map { "$_\n" } @lines);
	IPC::Run::run([ $python, '-c', $script, source_file('test/data') ], '<', \$in, '>', \$out, '2>', \$err);
	is($err, '', 'the validator runs');
	return split /\n/, $out, -1;
}

my @said = validate(@bodies);
ok(@bodies > 200, 'many bodies are made');
is($said[$_], '', $wanted[$_]) foreach 0 .. $#bodies;

# The schemas can tell.
my @wrong = (
	'openai {"messages": [{"role": "user", "content": "x"}]}',
	'openai {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_token": 5}',
	'anthropic {"model": "m", "messages": [{"role": "user", "content": "x"}]}',
	'anthropic {"model": "m", "max_tokens": 5, "messages": [{"role": "system", "content": "x"}]}',
	'anthropic {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}',
	'gemini {"contents": []}',
	'gemini {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}',
	'gemini {"contents": [{"role": "user", "parts": [{"text": "x"}]}], "generationConfig": {"max_tokens": 5}}');
my @verdicts = validate(@wrong);
isnt($verdicts[$_], '', "found wrong: $wrong[$_]") foreach 0 .. $#wrong;

# What is malformed never becomes null or nonsense: it is refused, with its name.
my %malformed = (
	max_tokens => [ '1.5', '"9"', '0', '-1', 'true' ],
	max_completion_tokens => [ '2.5', '[]' ],
	temperature => [ '"hot"', '-1', '[1]' ],
	top_p => [ '2', '"x"' ],
	top_k => [ '1.5', '"x"', '-1' ],
	stop => [ '5', '[1]', '{}' ],
	stream => [ '"yes"', '1' ],
	n => [ '0', '"1"', '1.5' ],
	tools => [ '{"type": "function", "function": {"name": "x"}}', '"x"', '[5]', '[{"type": "function", "function": {}}]', '[{"type": "function", "function": {"name": null}}]',
		'[{"type": "function", "function": {"name": "x", "parameters": []}}]', '[{"type": "function", "function": {"name": "x", "description": 5}}]',
		'[{"type": "function", "function": {"name": "x", "strict": 5}}]', '[{"type": "web_search"}]' ],
	tool_choice => [ '5', '"any"', '{"type": "function", "function": {}}' ],
	parallel_tool_calls => [ '"no"', '0' ],
	response_format => [ '"json"', '{}', '{"type": "json_schema"}', '{"type": "json_schema", "json_schema": {"name": "x"}}',
		'{"type": "json_schema", "json_schema": {"name": "x", "schema": null}}', '{"type": "json_schema", "json_schema": {"name": "x", "schema": 5}}' ],
	reasoning_effort => [ '5', '"utmost"' ]);
my $number = 0;
foreach my $param (sort keys %malformed)
{
	foreach my $value (@{ $malformed{$param} })
	{
		my $name = 'malformed' . $number++;
		my $limit = $param =~ /^max/ ? '' : '"max_tokens": 5, ';
		$node->safe_psql('postgres', "SELECT prompt_register('$name', 'Hello', model => 'm', params => " . quoted("{$limit\"$param\": $value}") . ')');
		foreach my $provider (qw(anthropic gemini))
		{
			my ($code, $message) = error_of($node, 'postgres', "SELECT prompt_request('$name', 'latest', provider => '$provider')");
			ok($code eq 'PR048' && $message =~ /params\.$param: /, "$param of $value is refused for $provider") or diag($code, $message);
		}
	}
}

$node->stop;
done_testing();
