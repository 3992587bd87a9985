#!/usr/bin/env bash
# A throwaway PostgreSQL on loopback, for tests: installs it from Debian's packages where it is missing, makes a fresh
# cluster in a temporary folder, and prints two lines, its folder and its URL.
#
#   scripts/postgres.sh start          → FOLDER and postgres://… on two lines
#   scripts/postgres.sh halt FOLDER [fast|immediate]   → stops it, as a database that is away; immediate: as in a crash
#   scripts/postgres.sh resume FOLDER  → starts it again, on the same port with the same data
#   scripts/postgres.sh stop FOLDER    → stops it and removes the folder
set -euo pipefail

# PostgreSQL refuses to run as root.
as_owner() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$*"; else bash -c "$*"; fi; }
newest() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }

start() { as_owner "$(newest)/pg_ctl -D $folder/data -l $folder/log -w start" >&2; }

case "${1:-}" in
  start)
    if [ -z "$(newest)" ]; then
      echo 'installing PostgreSQL' >&2
      { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql; } >&2
    fi
    bin=$(newest)
    folder=$(mktemp -d /tmp/postrider-postgres.XXXXXX)
    [ "$(id -u)" = 0 ] && chown postgres "$folder"
    port=$(node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
    as_owner "$bin/initdb -D $folder/data -U postrider --auth=trust --encoding=UTF8 --locale=C.UTF-8" >&2
    # Room for one pool per test file; everything else as it comes.
    as_owner "cat >> $folder/data/postgresql.conf" <<SETTINGS
port = $port
unix_socket_directories = '$folder'
listen_addresses = '127.0.0.1'
max_connections = 400
SETTINGS
    start
    printf '%s\npostgres://postrider@127.0.0.1:%s/postgres\n' "$folder" "$port"
    ;;
  halt)
    folder=${2:?the folder that start printed}
    as_owner "$(newest)/pg_ctl -D $folder/data -m ${3:-fast} -w stop" >&2
    ;;
  resume)
    folder=${2:?the folder that start printed}
    start
    ;;
  stop)
    folder=${2:?the folder that start printed}
    # It may have been halted.
    as_owner "$(newest)/pg_ctl -D $folder/data -m immediate -w stop" >&2 || true
    rm -rf "$folder"
    ;;
  *)
    sed -n '2,8p' "$0" >&2
    exit 2
    ;;
esac
