#!/usr/bin/env bash
# A real ZooKeeper for tests of ClickHouse's clusters: one node with its own port and data, all of it below test-services/, which git
# ignores. Needs a JDK 17 and, the first time, Maven.
#
#   zookeeper.sh start [NAME]    fetches what is missing, starts a node, waits until it answers
#   zookeeper.sh address [NAME]  prints host:port
#   zookeeper.sh stop [NAME]     stops it; its data go, its log stays
set -euo pipefail

command=${1:-}
name=${2:-zookeeper}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/node.sh"
version=$(sed -n 's/.*<zookeeper.version>\(.*\)<.*/\1/p' "$here/zookeeper.xml")
lib=$root/jars/zookeeper-$version

# serves asks the node whether it answers clients: it listens before it does, and a server of 2018 ends if it comes too early.
serves() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf srvr >&3 && timeout 2 grep -q '^Mode: standalone' <&3) 2>/dev/null
}

start() {
  command -v java >/dev/null || die "a JDK 17 is needed: install openjdk-17-jre-headless"
  running && die "$name is running already"
  jars zookeeper.xml "$lib" "ZooKeeper $version"
  mkdir -p "$node/data"
  [ -e "$node/port" ] || free 1 >"$node/port"
  local port waited
  port=$(cat "$node/port")
  printf '%s\n' tickTime=1000 "dataDir=$node/data" clientPortAddress=127.0.0.1 "clientPort=$port" admin.enableServer=false >"$node/zoo.cfg"
  : >"$node/log"
  launch java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$lib/*" org.apache.zookeeper.server.quorum.QuorumPeerMain "$node/zoo.cfg"
  for ((waited = 0; waited < 300; waited++)); do
    serves "$port" && return
    running || die "the node ended: $(tail -3 "$node/log")"
    sleep 0.1
  done
  stop
  die "the node did not answer within half a minute; its log is $node/log"
}

stop() {
  end TERM
  rm -rf "$node/data" "$node/port"
}

address() {
  running || die "$name is not running"
  echo "127.0.0.1:$(cat "$node/port")"
}

case $command in
  start) start ;;
  stop) stop ;;
  address) address ;;
  *) die "usage: zookeeper.sh start|stop|address [NAME]" ;;
esac
