#!/usr/bin/env bash
# An application in a shell: gets a finished prompt for a user, as JSON ready for a model's client.
#
#   examples/app/resolve.sh PROMPT USER '{"variable": "value"}' [ENVIRONMENT]
#
# psql quotes the values (:'name'); a driver would bind them as parameters.  The exit code tells the
# cases apart that a caller treats differently: 2 the prompt is not served there, 3 the variables
# are wrong, 1 anything else.
set -u
[ $# -ge 3 ] || { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 64; }

output=$(psql --no-psqlrc --quiet --no-align --tuples-only \
  --set=VERBOSITY=verbose --set=ON_ERROR_STOP=1 \
  --set=prompt="$1" --set=user="$2" --set=vars="$3" --set=env="${4:-production}" 2>&1 <<'SQL'
SELECT jsonb_build_object(
         'model', r.model,
         'messages', coalesce(r.messages, jsonb_build_array(jsonb_build_object('role', 'user', 'content', r.text))))
       || r.params
       || jsonb_build_object('metadata', jsonb_build_object('prompt', r.prompt, 'version', r.version, 'variant', r.variant))
  FROM prompt_resolve(:'prompt', :'env', :'user', :'vars') AS r;
SQL
) && { printf '%s\n' "$output"; exit 0; }

printf '%s\n' "$output" >&2
case $output in
  *'ERROR:  PR001:'* | *'ERROR:  PR002:'* | *'ERROR:  PR003:'*) exit 2 ;;
  *'ERROR:  PR01'?':'*) exit 3 ;;
  *) exit 1 ;;
esac
