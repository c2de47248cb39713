#!/usr/bin/env bash
# Shows what the extension does, in the database that PGHOST, PGPORT, PGUSER and PGDATABASE name: a
# superuser's, without promptreg.  `make demo` runs it in a private throw-away cluster.  It exits
# with an error if anything comes back that should not.
set -u
cd "$(dirname "$0")/.." || exit 1

# Errors are part of what it shows, but not where in which file they were raised.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file=examples/demo.sql 2>&1 |
  sed -E 's/^psql:[^:]*:[0-9]+: //; /^LOCATION: /d'
exit "${PIPESTATUS[0]}"
