#!/usr/bin/env bash
# Fetches a message broker for the conformance tests of packages/queues, and prints the path of its server: from Debian's
# packages, Maven Central or Go modules. It is started by no one but the tests, which give it a folder and ports of its own.
#
#   scripts/brokers.sh redis | nats | amqp | kafka | pubsub | sqs
set -euo pipefail

# Debian starts a server once it is installed, unless this says no.
quiet_install() {
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    trap "rm -f '$policy'" EXIT
  fi
  apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" >&2
}

debian() {
  local server=$1
  shift
  [ -x "$server" ] || quiet_install "$@"
  echo "$server"
}

# The jars that packages/queues/test/brokers/<kind>.sha512 names, by path and digest: a folder of them, whole or not there.
jars() {
  local list cache folder part
  list="$(cd "$(dirname "$0")/.." && pwd)/packages/queues/test/brokers/$1.sha512"
  cache="${XDG_CACHE_HOME:-$HOME/.cache}/postrider-brokers"
  folder="$cache/$1-$(sha512sum < "$list" | cut -c 1-12)"
  [ -x /usr/bin/java ] || quiet_install default-jre-headless
  if [ ! -d "$folder" ]; then
    mkdir -p "$cache"
    part=$(mktemp -d "$cache/part.XXXXXX")
    (
      trap "rm -rf '$part'" EXIT
      cd "$part"
      while read -r _ path; do
        printf 'url = "https://repo.maven.apache.org/maven2/%s"\noutput = "%s"\ncreate-dirs\n' "$path" "$path"
      done < "$list" | curl -fsS --retry 5 --retry-all-errors --config -
      sha512sum -c --quiet "$list"
      chmod 755 "$part"
      mv -T "$part" "$folder"
    ) >&2
  fi
  echo "$folder"
}

# A Go that can build what needs 1.24. Debian's is older and does not fetch another by itself, but as any module.
go_command() {
  local version=1.25.4 folder
  if go version 2>/dev/null | grep -Eq 'go(1\.(2[1-9]|[3-9][0-9])|[2-9])'; then
    echo go
    return
  fi
  command -v go >/dev/null || quiet_install golang-go
  folder=$(cd / && go mod download -json "golang.org/toolchain@v0.0.1-go$version.$(go env GOHOSTOS)-$(go env GOHOSTARCH)" |
    sed -n 's/.*"Dir": "\(.*\)",/\1/p')
  # Modules have no programs in them, so none of its files may be run.
  chmod -R u+x "$folder/bin" "$folder/pkg/tool"
  echo "$folder/bin/go"
}

# A program of ours, with what its go.sum names, under ~/.cache/postrider-brokers.
go_program() {
  local server=$HOME/.cache/postrider-brokers/$1 source command
  source=$(cd "$(dirname "$0")/../packages/queues/test/brokers/$1" && pwd)
  command=$(go_command)
  mkdir -p "$(dirname "$server")"
  (cd "$source" && "$command" build -o "$server" .) >&2
  echo "$server"
}

case "${1:-}" in
  redis) debian /usr/bin/redis-server redis-server ;;
  nats) debian /usr/sbin/nats-server nats-server ;;
  amqp) debian /usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server ;;
  kafka | sqs) jars "$1" ;;
  pubsub) go_program pubsub ;;
  *)
    sed -n '2,5p' "$0" >&2
    exit 2
    ;;
esac
