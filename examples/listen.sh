#!/usr/bin/env bash
# Prints every change of the registry when it is committed, one line of JSON each, and misses none.
#
#   examples/listen.sh [SEQ]     changes after SEQ; without it, those from now on
#
# PGHOST, PGDATABASE ... say where; it needs the right to read.  This is the pattern for whatever has
# to empty a cache elsewhere: a notification only wakes it up; what has changed it asks for, beginning
# with the last change it has seen.  So it does no harm when a notification or the connection is lost.
set -u
seq=${1:-}
ask_at_least_every=60

# Sends a statement to the session and reads what it prints.  Fails when the connection is lost.
woken=
run() {
  printf '%s\n\\echo done\n' "$1" >&"${session[1]}" || return 1
  while IFS= read -r line <&"${session[0]}"; do
    case $line in
      done) return 0 ;;
      'Asynchronous notification'*) woken=yes ;;
      '{'*)
        printf '%s\n' "$line" || exit
        line=${line##*'"seq": '}
        seq=${line%%[,\}]*}
        ;;
      [0-9]*) seq=$line ;;
    esac
  done
  return 1
}

listen() {
  local asked
  run 'LISTEN promptreg;' || return
  [ -n "$seq" ] || run 'SELECT coalesce(max(seq), 0) FROM prompt_changes_since(0, NULL);' || return
  while run "SELECT to_jsonb(c) FROM prompt_changes_since($seq) AS c;"; do
    woken=
    asked=$SECONDS
    # psql looks for notifications when it runs a statement; a driver would wait for them.
    while [ -z "$woken" ] && [ $((SECONDS - asked)) -lt "$ask_at_least_every" ]; do
      sleep 0.2
      run 'SELECT;' || return
    done
  done
}

trap '' PIPE
while true; do
  coproc psql --no-psqlrc --quiet --no-align --tuples-only 2>/dev/null
  # Bash forgets the coprocess when it ends, so its ends are kept under other numbers.
  exec {in}<&"${COPROC[0]}" {out}>&"${COPROC[1]}"
  session=("$in" "$out")
  listen
  exec {in}<&- {out}>&-
  wait
  sleep 1
done 2>/dev/null
