#!/usr/bin/env bash
# Fetches a message broker for the conformance tests of packages/queues, from Debian's packages, and prints the path of
# its server. It is started by no one but the tests, which give it a folder and ports of its own.
#
#   scripts/brokers.sh redis | nats | amqp
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

case "${1:-}" in
  redis) debian /usr/bin/redis-server redis-server ;;
  nats) debian /usr/sbin/nats-server nats-server ;;
  amqp) debian /usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server ;;
  *)
    sed -n '2,5p' "$0" >&2
    exit 2
    ;;
esac
