-- The canonical bytes of a record: every type, and nothing of the session's settings in them.

CREATE FUNCTION test.canonical(bytea) RETURNS text LANGUAGE sql RETURN convert_from($1, 'UTF8');

SELECT test.canonical(promptreg.canonical_record('b', '{"z": 1.50, "a": [true, null]}'::jsonb, 'a', 'é"', 'at', timestamptz '2025-11-03 10:15+01',
                                                 'hash', '\xC0FFEE'::bytea, 'none', NULL::text));
-- Each type.
SELECT test.canonical(promptreg.canonical_record('text', 'x'::text)), test.canonical(promptreg.canonical_record('literal', 'x')),
       test.canonical(promptreg.canonical_record('empty', '')), test.canonical(promptreg.canonical_record('null', NULL::text)), test.canonical(promptreg.canonical_record('null', NULL));
SELECT test.canonical(promptreg.canonical_record('a', 0, 'b', -2147483648, 'c', 2147483647, 'd', 9223372036854775807, 'e', (-9223372036854775808)::bigint));
SELECT test.canonical(promptreg.canonical_record('t', true, 'f', false, 'n', NULL::boolean));
SELECT test.canonical(promptreg.canonical_record('b', '\x'::bytea, 'c', '\x00ff10'::bytea));
SELECT test.canonical(promptreg.canonical_record('a', timestamptz 'epoch', 'b', timestamptz '2025-12-31 23:59:59.999999+00', 'c', timestamptz '0001-01-01 00:00:00+00', 'd', timestamptz '12345-01-01 00:00:00+00'));
CALL test.fails($$SELECT promptreg.canonical_record('a', timestamptz 'infinity')$$);
CALL test.fails($$SELECT promptreg.canonical_record('a', timestamptz '0001-01-01 BC')$$);
-- Text: only quotes, backslashes and control characters are escaped.
SELECT test.canonical(promptreg.canonical_record('s', E'\b\t\n\f\r "quoted" \\ / < > & '' \x01\x1f\x7f żółw 🦄 \u2028'))  = E'{"s":"\\b\\t\\n\\f\\r \\"quoted\\" \\\\ / < > & '' \\u0001\\u001f\x7f żółw 🦄 \u2028"}' AS as_specified;
-- jsonb: keys sorted by bytes at every depth, numbers as jsonb prints them, no white space.
SELECT test.canonical(promptreg.canonical_record('j', '{"bb": 1, "a": {"z": [], "y": {}, "": null}, "ab": [1, 1.0, 1.50, 1e3, 1e-7, -0, 12345678901234567890.5], "ż": "é\u0001\"", "Z": true, "aa ": false}'::jsonb));
SELECT test.canonical(promptreg.canonical_record('j', '"text"'::jsonb, 'k', 'null'::jsonb, 'l', '1.10'::jsonb, 'm', '[]'::jsonb));
-- Names are sorted by bytes, whatever the order of the arguments.
SELECT test.canonical(promptreg.canonical_record('b', 1, 'B', 2, 'a', 3, 'ab', 4, '_', 5, 'ż', 6, 'a"', 7, '', 8));
SELECT promptreg.canonical_record('x', 1, 'y', 2) = promptreg.canonical_record('y', 2, 'x', 1) AS same;
-- NULL is left out, '' is not, and a null inside JSON stays.
SELECT promptreg.canonical_record('x', 1, 'y', NULL::text) = promptreg.canonical_record('x', 1) AS null_left_out, promptreg.canonical_record('x', 1, 'y', '') = promptreg.canonical_record('x', 1) AS empty_left_out,
       promptreg.canonical_record('x', 'null'::jsonb) = promptreg.canonical_record('x', NULL::jsonb) AS json_null_left_out;

CALL test.fails($$SELECT promptreg.canonical_record('a')$$);
CALL test.fails($$SELECT promptreg.canonical_record('a', 1, 'b')$$);
CALL test.fails($$SELECT promptreg.canonical_record(NULL, 1)$$);
CALL test.fails($$SELECT promptreg.canonical_record(1, 1)$$);
CALL test.fails($$SELECT promptreg.canonical_record('1'::bytea, 1)$$);
CALL test.fails($$SELECT promptreg.canonical_record('a', 1.5)$$);
CALL test.fails($$SELECT promptreg.canonical_record('a', '{1}'::integer[])$$);
CALL test.fails($$SELECT promptreg.canonical_record('a', 1::smallint)$$);
CALL test.fails($$SELECT promptreg.canonical_record(VARIADIC '{a,b}'::text[])$$);

-- Equal whatever the settings are.
SELECT prompt_register('canonical/a', 'Zażółć {{gęślą}} jaźń', params => '{"temperature": 0.10, "b": 1e2, "żb": [1.0]}', message => 'é');
SELECT prompt_register('canonical/a', 'second', metadata => '{"a": 1.230}');
SELECT (prompt_promote('canonical/a', 1, 'production', 'why "not"')).version;
CREATE VIEW test.hashes AS
SELECT md5(string_agg(encode(promptreg.content_hash(p.kind, v.messages, v.variables, v.model, v.params, v.syntax, v.escape), 'hex') || encode(promptreg.version_hash(p.name, v), 'hex'), ',' ORDER BY v.version)) AS versions,
       (SELECT md5(string_agg(encode(promptreg.deployment_hash(p.name, d), 'hex'), ',')) FROM promptreg.deployments d WHERE d.prompt_id = p.id) AS deployments,
       (SELECT md5(string_agg(encode(promptreg.audit_record_hash(a), 'hex'), ',' ORDER BY a.id)) FROM promptreg.audit_log a WHERE a.prompt = p.name) AS audit
  FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id WHERE p.name = 'canonical/a' GROUP BY p.id, p.name;
SELECT versions, deployments, audit FROM test.hashes \gset
SET TimeZone = 'Asia/Kathmandu';
SET DateStyle = 'German, DMY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SET lc_messages = 'C';
SET lc_numeric = 'C';
SET lc_monetary = 'C';
SET standard_conforming_strings = off;
SET quote_all_identifiers = on;
SET xmloption = document;
SET array_nulls = off;
SELECT versions = :'versions' AND deployments = :'deployments' AND audit = :'audit' AS equal FROM test.hashes;
SELECT count(*) AS broken FROM prompt_verify('canonical/a');
SELECT prompt_commit('canonical/a', 'third', params => '{"temperature": 0.10}');
RESET ALL;
SELECT count(*) AS broken FROM prompt_verify('canonical/a');

-- The chain hash is what the documentation says, from its parts.
SELECT v.content_hash = sha256(convert_to(format('{"escape":"none","kind":"text","messages":[{"content":"second","role":"user"}],"params":{},"syntax":"mustache"}'), 'UTF8')) AS content,
       v.chain_hash = sha256(convert_to(format('{"author":%s,"branch":"main","content_hash":"%s","created_at":"%s","metadata":{"a":1.230},"parent_version":1,"previous_hash":"%s","prompt":"canonical/a","version":2}',
         to_json(v.author), encode(v.content_hash, 'hex'), to_char(v.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), encode(v.previous_hash, 'hex')), 'UTF8')) AS chain
  FROM promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id WHERE p.name = 'canonical/a' AND v.version = 2;
