#!/usr/bin/env python3
"""Recomputes the hashes of every version from what SQL shows, independently of the extension (docs/history.md).

Needs psql and nothing else; PGHOST, PGDATABASE ... say where.  Prints a line per break; exit code 1 if there is one.
"""
import hashlib
import json
import os
import subprocess
import sys

QUERY = """
SELECT jsonb_build_object('kind', p.kind, 'messages', v.messages, 'variables', v.variables, 'model', v.model,
         'params', v.params, 'syntax', v.syntax, 'escape', v.escape),
       jsonb_build_object('prompt', p.name, 'version', v.version, 'content_hash', encode(v.content_hash, 'hex'),
         'previous_hash', encode(v.previous_hash, 'hex'), 'author', v.author, 'message', v.message,
         'created_at', to_char(v.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
         'parent_version', v.parent_version, 'branch', v.branch, 'metadata', v.metadata),
       to_jsonb(encode(v.chain_hash, 'hex'))
  FROM ONLY promptreg.versions v JOIN promptreg.prompts p ON p.id = v.prompt_id ORDER BY p.id, v.version
"""


class Number(str):
    """A number exactly as PostgreSQL printed it: no float may touch it."""


def canonical(value):
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode())
        return "{" + ",".join(canonical(k) + ":" + canonical(v) for k, v in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return value if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def sha256_of_record(record):
    return hashlib.sha256(canonical({k: v for k, v in record.items() if v is not None}).encode()).hexdigest()


output = subprocess.run(["psql", "-XqAt", "-F", "\x01", "-v", "ON_ERROR_STOP=1", "-c", QUERY], check=True,
                        capture_output=True, env={**os.environ, "PGCLIENTENCODING": "UTF8"}).stdout.decode()
versions, breaks, chain, prompt = 0, 0, None, None
for line in output.split("\n")[:-1]:
    content, record, chain_hash = (json.loads(column, parse_int=Number, parse_float=Number) for column in line.split("\x01"))
    if record["prompt"] != prompt:
        prompt, chain = record["prompt"], None
    for problem, good in (("content hash", sha256_of_record(content) == record["content_hash"]),
                          ("previous hash", record["previous_hash"] == chain),
                          ("chain hash", sha256_of_record(record) == chain_hash)):
        if not good:
            breaks += 1
            print(f"{prompt} version {record['version']}: the {problem} does not match")
    versions, chain = versions + 1, chain_hash
print(f"{versions} versions, {breaks} breaks")
sys.exit(breaks > 0)
