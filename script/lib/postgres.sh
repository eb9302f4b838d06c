# Starts a PostgreSQL of its own in a temporary folder on a free port, for tests; sourced, not run.
# Sets QUARTERMASTER_TEST_POSTGRES. `stop_postgres` ends it and removes the folder.

start_postgres() {
  local bin port
  bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  [ -n "$bin" ] || { echo "PostgreSQL is not installed; run script/bootstrap test" >&2; return 1; }
  PG_BIN=$bin
  PG_DIR=$(mktemp -d)
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  PG_RUN=()
  # PostgreSQL refuses to run as root.
  if [ "$(id -u)" = 0 ]; then
    chown postgres "$PG_DIR"
    PG_RUN=(setpriv --reuid=postgres --regid=postgres --init-groups)
  fi
  (cd / && "${PG_RUN[@]}" "$bin/initdb" -D "$PG_DIR/data" -U quartermaster -A trust -E UTF8 --no-sync) >"${TMPDIR:-/tmp}/initdb.$$" 2>&1 \
    || { cat "${TMPDIR:-/tmp}/initdb.$$" >&2; return 1; }
  rm -f "${TMPDIR:-/tmp}/initdb.$$"
  (cd / && "${PG_RUN[@]}" "$bin/pg_ctl" -D "$PG_DIR/data" -w -t 60 -l "$PG_DIR/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$PG_DIR -c fsync=off -c max_connections=300" start) >/dev/null \
    || { cat "$PG_DIR/log" >&2; return 1; }
  export QUARTERMASTER_TEST_POSTGRES="postgres://quartermaster@127.0.0.1:$port"
}

stop_postgres() {
  [ -n "${PG_DIR:-}" ] || return 0
  (cd / && "${PG_RUN[@]}" "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -m immediate stop) >/dev/null 2>&1 || true
  rm -rf "$PG_DIR"
  PG_DIR=
}
