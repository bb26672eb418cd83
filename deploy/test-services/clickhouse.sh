#!/usr/bin/env bash
# A real ClickHouse for tests: Debian's clickhouse-server (18.16) with its own ports, configuration and data, all of it below
# test-services/, which git ignores. And chDB, the engine of today (26.9) as a Python module, beside it: its queries run in a process
# of their own.
#
#   clickhouse.sh start [NAME]    starts a server and waits until it answers; fetches chDB the first time
#   clickhouse.sh address [NAME]  prints host:port
#   clickhouse.sh env [NAME]      prints what tests have in their environment, for a shell's eval
#   clickhouse.sh stop [NAME]     stops it; its data go, its log stays
#   clickhouse.sh kill [NAME]     ends it at once, as a crash would; start brings it back with its data
#   clickhouse.sh pair [NAME]     starts two servers, NAME-1 and NAME-2, with a ZooKeeper: replicas of one shard, the cluster desk
#   clickhouse.sh unpair [NAME]   stops all three
#
# The user tapedeck (password: secret) may do everything, stranger (secret) only read.
set -euo pipefail

command=${1:-}
name=${2:-clickhouse}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/node.sh"
chdb=$root/chdb-26.9.0
program=$(command -v clickhouse-server || echo /usr/sbin/clickhouse-server)

# fetch brings chDB; its core is enough, what else the package asks for is for data frames.
fetch() {
  [ -e "$chdb/complete" ] && return
  python3 -m venv --help >/dev/null 2>&1 || { say "python3 has no venv: no chDB"; return; }
  say "fetching chDB"
  if python3 -m venv "$chdb" && "$chdb/bin/pip" install -q --disable-pip-version-check --no-deps chdb-core==26.9.0 >&2; then
    touch "$chdb/complete"
  else
    say "chDB cannot be fetched: what it would show is skipped"
  fi
}

prepare() {
  mkdir -p "$node"
  read -r tcp http between < <(free 3)
  cat >"$node/config.xml" <<END
<yandex>
  <logger><level>warning</level><log>$node/log</log><errorlog>$node/errors</errorlog></logger>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>$tcp</tcp_port>
  <http_port>$http</http_port>
  <interserver_http_port>$between</interserver_http_port>
  <path>$node/data/</path>
  <tmp_path>$node/data/tmp/</tmp_path>
  <users_config>$node/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>268435456</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
</yandex>
END
  local any='<networks><ip>127.0.0.1</ip></networks><quota>default</quota>'
  cat >"$node/users.xml" <<END
<yandex>
  <profiles><default><max_memory_usage>4000000000</max_memory_usage></default><reader><readonly>2</readonly></reader></profiles>
  <quotas><default></default></quotas>
  <users>
    <default><password>secret</password><profile>default</profile>$any</default>
    <tapedeck><password>secret</password><profile>default</profile>$any</tapedeck>
    <stranger><password>secret</password><profile>reader</profile>$any</stranger>
  </users>
</yandex>
END
  mkdir -p "$node/data/tmp"
  echo "tcp=$tcp" >"$node/ports"
}

start() {
  [ -x "$program" ] || die "clickhouse-server is needed: apt-get install clickhouse-server"
  running && die "$name is running already"
  fetch
  [ -e "$node/data" ] || prepare
  : >"$node/log"
  launch "$program" --config-file="$node/config.xml"
  . "$node/ports"
  local waited
  for ((waited = 0; waited < 300; waited++)); do
    answers "$tcp" && return
    running || die "the server ended: $(tail -3 "$node/log")"
    sleep 0.1
  done
  stop
  die "the server did not answer within half a minute; its log is $node/log"
}

stop() {
  end TERM
  rm -rf "$node/data"
}

# replica writes what makes a server one of two, whose ports are known.
replica() {
  local number=$1 keeper=$2 one=$3 other=$4
  mkdir -p "$node/conf.d"
  server() { echo "<replica><host>127.0.0.1</host><port>$1</port><user>tapedeck</user><password>secret</password></replica>"; }
  cat >"$node/conf.d/cluster.xml" <<END
<yandex>
  <interserver_http_host>127.0.0.1</interserver_http_host>
  <zookeeper><node><host>127.0.0.1</host><port>${keeper#*:}</port></node></zookeeper>
  <distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>
  <macros><shard>1</shard><replica>$number</replica></macros>
  <remote_servers><desk><shard><internal_replication>true</internal_replication>$(server "$one")$(server "$other")</shard></desk></remote_servers>
</yandex>
END
}

pair() {
  local base=$name keeper ports=() number
  "$here/zookeeper.sh" start "$base"
  keeper=$("$here/zookeeper.sh" address "$base")
  for number in 1 2; do
    node=$root/$base-$number
    prepare
    . "$node/ports"
    ports+=("$tcp")
  done
  for number in 1 2; do
    name=$base-$number node=$root/$base-$number
    replica "$number" "$keeper" "${ports[@]}"
    start
  done
}

unpair() {
  local base=$name number
  for number in 1 2; do
    node=$root/$base-$number
    end KILL # its data go
    rm -rf "$node/data"
  done
  "$here/zookeeper.sh" stop "$base"
}

address() {
  running || die "$name is not running"
  . "$node/ports"
  echo "127.0.0.1:$tcp"
}

environment() {
  echo "export TAPEDECK_TEST_CLICKHOUSE=$(address)"
  if [ -e "$chdb/complete" ]; then echo "export TAPEDECK_TEST_CHDB=$chdb/bin/python"; fi
}

case $command in
  start) start ;;
  stop) stop ;;
  kill) end KILL ;;
  pair) pair ;;
  unpair) unpair ;;
  address) address ;;
  env) environment ;;
  *) die "usage: clickhouse.sh start|stop|kill|pair|unpair|env|address [NAME]" ;;
esac
