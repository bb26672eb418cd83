#!/usr/bin/env bash
# scenarios.sh [SCENARIO…]: a node under load on the whole way (broker and publisher in one process, node, clients), with
# the servers a user would pick instead beside it, one after the other in the same run. The table goes to build/bench/table.md.
#
#   PEERS   self ws sio gorilla gws nats; those that cannot be built here are left out, and it is said
#   ROUNDS  how often each is run (3); the table has minimum, median and maximum
#   KIT     folder of the load generator and of the peers (../shared/bench beside the project)
#
# The server has processor 0 for itself; clients, broker and publisher share processor 1. Only ratios within one run count.
set -euo pipefail
cd "$(dirname "$0")/.."

KIT=${KIT:-../shared/bench}
ROUNDS=${ROUNDS:-3}
SCENARIOS=("$@")
[ ${#SCENARIOS[@]} -gt 0 ] || SCENARIOS=(S1 S2 S2x S3 S4 S5 S6)
read -ra PEERS <<<"${PEERS:-self ws sio gorilla gws nats}"
work=$PWD/build/bench
topic=md.bench broker=127.0.0.1:9192 control=127.0.0.1:8103

if [ ! -f "$KIT/run.sh" ]; then
  echo "there is no load generator at $KIT (KIT=…): streamer bench and streamer bench-feed measure a node without it" >&2
  exit 1
fi

mkdir -p "$work"
cp -r "$KIT/." "$work/kit"
export B=$work/bin OUT=$work/results.jsonl
mkdir -p "$B"
: >"$OUT"

have=()
build() {
  go build -o "$B/" ./cmd/streamer
  (cd "$work/kit/wsload" && go build -o "$B/wsload" .)
  local peer
  for peer in "${PEERS[@]}"; do
    if install "$peer" >"$work/$peer.log" 2>&1; then have+=("$peer"); else echo "left out: $peer ($work/$peer.log says why)" >&2; fi
  done
}

install() {
  case $1 in
  self) ;;
  ws | sio) command -v npm && { [ -d "$work/kit/peers/node/node_modules" ] || (cd "$work/kit/peers/node" && npm ci --no-audit --no-fund); } ;;
  gorilla) (cd "$work/kit/peers/go" && go build -o "$B/gorillahub" ./gorillahub) ;;
  gws) (cd "$work/kit/peers/go" && go build -o "$B/gwsnaive" ./gwsnaive) ;;
  nats) (cd "$work/kit/peers/go" && go build -o "$B/pubnats" ./pubnats) && { [ -x "$B/nats-server" ] || GOBIN=$B go install github.com/nats-io/nats-server/v2@v2.15.2; } ;;
  *) echo "no peer $1" && return 1 ;;
  esac
}

# The node is served by one process and fed by another: a broker that holds little, and a publisher at an exact rate.
feed=
publish() {
  taskset -c 1 "$B/streamer" bench-feed "$@" --broker "$broker" --topic "$topic" --control "$control" >"$work/feed.log" 2>&1 &
  feed=$!
  for _ in $(seq 100); do
    curl -fs "http://$control/report" >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "the publisher did not start: $work/feed.log" >&2
  return 1
}
quit() { [ -z "$feed" ] || { kill "$feed" 2>/dev/null && wait "$feed" || true; feed=; }; }
trap quit EXIT

export SELF_CMD="$B/streamer serve --brokers $broker --feed binance=$topic --listen 127.0.0.1:8101 --admin off --max-connections 20000 --handshakes-per-second 10000 --log-level warn --drain-wait 0 --drain-spread 1ms ${SELF_ARGS:-}"
export SELF_CTL=http://$control
# Trades, of which none may be missing; in S5 quotes as well, of which a slow reader gets the newest.
trades='-room trades:BINANCE:SYM%03d-USDT -marker "id":" -unit 1000 -interval 0'
quotes='-room quotes:BINANCE:SYM%03d-USDT -marker "bidQty":" -unit 1000 -interval 0'

measure() {
  local peer=$1 scenario=$2
  if [ "$peer" = self ] || [ "$peer" = self-quotes ]; then
    if [ "$peer" = self ]; then
      export SELF_FLAGS=$trades
      publish
    else
      export SELF_FLAGS=$quotes
      publish --quotes
    fi
    # A room is there once a trade was: the rooms are made before clients come.
    curl -fs "http://$control/start?rate=2000&symbols=100" >/dev/null
    sleep 0.5
    curl -fs "http://$control/stop" >/dev/null
    BOOT=2 "$work/kit/run.sh" self "$scenario" pin -label "$peer/$scenario/pin"
    quit
  else
    "$work/kit/run.sh" "$peer" "$scenario" pin
  fi
}

build
ulimit -n "$(ulimit -Hn)"
for scenario in "${SCENARIOS[@]}"; do
  for round in $(seq "$ROUNDS"); do
    run=("${have[@]}")
    [ "$scenario" = S5 ] && [ "${have[0]}" = self ] && run=(self self-quotes "${have[@]:1}")
    for peer in "${run[@]}"; do
      printf '%s, round %s of %s: %s\n' "$scenario" "$round" "$ROUNDS" "$peer" >&2
      measure "$peer" "$scenario" >"$work/run.log" 2>&1 || { echo "$peer failed in $scenario:" >&2; tail -5 "$work/run.log" >&2; }
    done
  done
done
python3 bench/table.py "$OUT" | tee "$work/table.md"
