#!/usr/bin/env bash
# Prints every change of the registry as it is committed, one JSON line each, and misses none: it
# asks for the changes since the last one it saw (a NOTIFY only wakes it up) and, after a
# connection was lost, goes on where it stopped.
#
#   examples/listen.sh [SEQ]     changes after SEQ (default: only new ones); PGHOST, PGDATABASE ... say where
#
# Use it as a pattern for what empties the caches of a gateway.  It needs the right to read.
set -u
seq=${1:-}

changes() {
  psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --set=seq="$1" <<'SQL'
SELECT to_jsonb(c) FROM prompt_changes_since(:seq) AS c;
SQL
}

[ -n "$seq" ] || seq=$(psql --no-psqlrc --quiet --no-align --tuples-only \
  --command='SELECT coalesce(max(seq), 0) FROM prompt_changes_since(0, NULL)') || exit 1

# What is committed before LISTEN takes effect is found by asking, what comes later by being told.
# psql prints notifications when it has run a statement: here a short sleep, again and again.
wake_ups() {
  { echo 'LISTEN promptreg;'; echo '\echo listening'; while echo 'SELECT pg_sleep(0.2) \g /dev/null'; do sleep 0.2; done; } |
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1
}

while true; do
  while read -r _; do
    while IFS= read -r line; do
      printf '%s\n' "$line" || exit 0
      [[ $line =~ \"seq\":\ ([0-9]+) ]] && seq=${BASH_REMATCH[1]}
    done < <(changes "$seq")
  done < <(wake_ups 2>/dev/null)
  sleep 1 # the connection was lost
done
