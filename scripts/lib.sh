# Shared by the scripts of this directory; sourced, not run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_CONFIG=${PG_CONFIG:-pg_config}
export PG_CONFIG

# Bash starts background commands with SIGINT and SIGQUIT ignored, and so everything that they start;
# with this prefix they are as they would be in the foreground.
INTERRUPTIBLE=(env --default-signal=INT,QUIT)

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Sets PG_MAJOR, PG_BINDIR and BUILD for the PostgreSQL that PG_CONFIG names.
find_postgres() {
  PG_MAJOR=$("$PG_CONFIG" --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p')
  [ -n "$PG_MAJOR" ] || die "no PostgreSQL found ($PG_CONFIG does not answer); run scripts/setup demo"
  PG_BINDIR=$("$PG_CONFIG" --bindir)
  BUILD=$ROOT/build/${SANITIZE:+asan-}pg$PG_MAJOR
  [ -x "$PG_BINDIR/initdb" ] || die "no server programs in $PG_BINDIR; run scripts/setup demo"
}

# PostgreSQL refuses to run as root.  Sets UNPRIVILEGED (a user name, empty if we are one already)
# and AS_USER, the command prefix that becomes that user in the same process.
find_unprivileged_user() {
  UNPRIVILEGED=
  AS_USER=()
  [ "$(id -u)" = 0 ] || return 0
  local user
  for user in ${PROMPTREG_USER:-} postgres nobody; do
    if id -u "$user" >/dev/null 2>&1 && [ "$(id -u "$user")" != 0 ]; then
      UNPRIVILEGED=$user
      AS_USER=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --)
      return 0
    fi
  done
  die "running as root, and there is no unprivileged user to run a server as"
}

# A fresh private directory with a path short enough for Unix sockets (limit: 107 bytes).
make_temp_dir() {
  local base=${TMPDIR:-/tmp}
  [ "${#base}" -le 40 ] && [ -w "$base" ] || base=/tmp
  mktemp -d "$base/promptreg-$1.XXXXXX"
}

# The postgresql.conf lines with which a server finds an extension that was installed with
# DESTDIR=$1 instead of into the system.  Nothing for an empty $1.
extension_conf() {
  local stage=$1
  [ -n "$stage" ] || return 0
  local lib=$stage$("$PG_CONFIG" --pkglibdir) share=$stage$("$PG_CONFIG" --sharedir)
  local settings
  settings=$("$PG_BINDIR/postgres" --describe-config | cut -f1)
  if grep -qx extension_control_path <<<"$settings"; then
    echo "extension_control_path = '$share:\$system'"
  elif grep -qx extension_destdir <<<"$settings"; then
    echo "extension_destdir = '$stage'"
  else
    die "this PostgreSQL cannot use an extension outside its own directories:
run 'make install', then try again with PROMPTREG_INSTALLED=1"
  fi
  echo "dynamic_library_path = '$lib:\$libdir'"
}

# Asks process $1 to end, first politely, and waits until it has.
stop_process() {
  local tries=0
  kill -INT "$1" 2>/dev/null
  while kill -0 "$1" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" = 100 ] && kill -QUIT "$1" 2>/dev/null
    [ "$tries" = 150 ] && kill -KILL "$1" 2>/dev/null
    [ "$tries" = 200 ] && break
    sleep 0.1
  done
}

# Ends every server whose data directory is below $1.
stop_servers_below() {
  local pidfile pid
  while IFS= read -r pidfile; do
    pid=$(head -n 1 "$pidfile" 2>/dev/null)
    [[ $pid =~ ^[0-9]+$ ]] || continue
    # The file may be left over from a crash, and the number taken by somebody else since.
    [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(dirname "$pidfile")" ] || continue
    stop_process "$pid"
  done < <(find "$1" -name postmaster.pid -type f 2>/dev/null)
}
