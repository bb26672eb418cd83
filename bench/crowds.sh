#!/usr/bin/env bash
# crowds.sh: what a crowd costs a node. 50,000 quotes a second of 200 symbols come in; connections follow 20 of them each at 100 ms:
# 1,000, 2,500, 5,000 and 10,000 of them, which should cost by their flushes, not by what comes in. Then a mixed crowd: several intervals,
# connections that are cut and come back, some that stop reading; and 5,000 that join within 2 s. Every chain is checked. The table goes to
# build/bench/crowds.md.
#
#   CROWDS   sizes (1000 2500 5000 10000)
#   RATE     quotes a second (50000); RATE_STORM for the storm of joins (10000)
#   SECONDS_EACH  how long each is measured (15)
#
# The node has processor 0 for itself; clients, broker and publisher share processor 1, which is what limits the largest crowds.
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra CROWDS <<<"${CROWDS:-1000 2500 5000 10000}"
RATE=${RATE:-50000} RATE_STORM=${RATE_STORM:-10000} SECONDS_EACH=${SECONDS_EACH:-15}
work=$PWD/build/bench
broker=127.0.0.1:9193 listen=127.0.0.1:8111 admin=127.0.0.1:8112
mkdir -p "$work/bin"
go build -o "$work/bin/" ./cmd/streamer
ulimit -n "$(ulimit -Hn)"
: >"$work/crowds.jsonl"

pids=()
quit() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
  pids=()
}
trap quit EXIT

reached() { (exec 3<>"/dev/tcp/${1%:*}/${1#*:}") 2>/dev/null; }
await() {
  for _ in $(seq 200); do reached "$1" && return; sleep 0.1; done
  echo "nobody listens at $1: see $work" >&2
  return 1
}

# crowd NAME RATE [FLAGS]: a node and a feed of its own, measured by streamer bench.
crowd() {
  local name=$1 rate=$2
  shift 2
  printf '%s\n' "$name" >&2
  taskset -c 1 "$work/bin/streamer" bench-feed --broker "$broker" --rate "$rate" --symbols 200 --quotes >"$work/feed.log" 2>&1 &
  pids+=($!)
  await "$broker"
  taskset -c 0 "$work/bin/streamer" serve --brokers "$broker" --feed binance=md.bench --listen "$listen" --admin "$admin" --max-connections 30000 \
    --handshakes-per-second 10000 --log-level warn --drain-wait 0 --drain-spread 1ms >"$work/node.log" 2>&1 &
  pids+=($!)
  await "$listen"
  sleep 3 # a room is there once a quote was
  taskset -c 1 "$work/bin/streamer" bench 'quotes:BINANCE:*' --url "http://$listen" --admin "http://$admin" --per 20 --connect-rate 1000 --duration "${SECONDS_EACH}s" \
    --json "$@" >"$work/crowd.json" || echo "$name: see its faults" >&2
  quit
  [ ! -s "$work/crowd.json" ] || python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); r["name"] = sys.argv[2]; print(json.dumps(r))' "$work/crowd.json" "$name" >>"$work/crowds.jsonl"
}

for n in "${CROWDS[@]}"; do crowd "$n connections at 100 ms" "$RATE" --connections "$n" --interval 100ms; done
crowd "2,000 mixed: 0, 100 ms and 1 s, 20 a second cut, 100 that stop reading" "$RATE_STORM" --connections 2000 --interval 0 --interval 100ms --interval 1s --resumes 20 --slow 100 --slow-for 5s --per 10 --duration 20s
crowd "500 at 100 ms, 5,000 more join within 2 s" "$RATE_STORM" --connections 500 --interval 100ms --storm 5000 --storm-for 2s --per 10 --duration 20s
python3 bench/crowds.py "$work/crowds.jsonl" | tee "$work/crowds.md"
