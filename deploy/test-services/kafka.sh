#!/usr/bin/env bash
# A real Kafka for tests: one node (KRaft) with its own ports and data, all of it below test-services/,
# which git ignores. Needs a JDK 17 and, the first time, Maven.
#
#   kafka.sh start [NAME]              fetches what is missing, starts a node, waits until it answers
#   kafka.sh address [NAME] [LISTENER] prints host:port; LISTENER is plain (the default), sasl or ssl
#   kafka.sh env [NAME]                prints what tests have in their environment, for a shell's eval
#   kafka.sh stop [NAME]               stops it; its data go, its log stays
#   kafka.sh kill [NAME]               ends it at once, as a crash would; start brings it back with its data
#
# NAME tells nodes apart that are to run side by side. KAFKA_VERSION takes another version than pom.xml says.
# On sasl, the user tapedeck (password: secret) may do everything and stranger (secret) nothing, by PLAIN or SCRAM. What
# comes by plain or ssl may do everything.
set -euo pipefail

command=${1:-}
name=${2:-kafka}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/node.sh"
version=${KAFKA_VERSION:-$(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' "$here/pom.xml")}
lib=$root/jars/$version

# A small heap and a quick start; a log that says when, and nothing of tests that send times ahead of the clock.
options=(-Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.showDateTime=true
  -Dorg.slf4j.simpleLogger.log.LogFutureTimestampLogger=error -cp "$lib/*")

# prepare makes a node's certificate, configuration and empty data.
prepare() {
  mkdir -p "$node"
  read -r plain sasl ssl controller < <(free 4)
  keytool -genkeypair -alias node -keyalg EC -groupname secp256r1 -validity 3650 -dname CN=localhost \
    -ext san=dns:localhost,ip:127.0.0.1 -storetype PKCS12 -keystore "$node/keys.p12" -storepass secret 2>/dev/null
  keytool -exportcert -rfc -alias node -keystore "$node/keys.p12" -storepass secret >"$node/ca.pem" 2>/dev/null
  local module=org.apache.kafka.common.security
  cat >"$node/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAIN://127.0.0.1:$plain,SASL://127.0.0.1:$sasl,SSL://127.0.0.1:$ssl,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAIN://127.0.0.1:$plain,SASL://127.0.0.1:$sasl,SSL://127.0.0.1:$ssl
listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAIN
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config=$module.plain.PlainLoginModule required user_tapedeck="secret" user_stranger="secret";
listener.name.sasl.scram-sha-256.sasl.jaas.config=$module.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config=$module.scram.ScramLoginModule required;
ssl.keystore.type=PKCS12
ssl.keystore.location=$node/keys.p12
ssl.keystore.password=secret
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:tapedeck
log.dirs=$node/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A node that was killed may come back at once.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# Retention must be seen at work within seconds.
log.segment.bytes=1048576
log.retention.check.interval.ms=500
log.initial.task.delay.ms=500
log.segment.delete.delay.ms=500
# And compaction.
log.cleaner.backoff.ms=100
END
  printf 'plain=%s\nsasl=%s\nssl=%s\n' "$plain" "$sasl" "$ssl" >"$node/ports"
  local id users=() user mechanism
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | cut -c 1-22)
  for user in tapedeck stranger; do
    for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
      users+=(--add-scram "$mechanism=[name=$user,password=secret]")
    done
  done
  java "${options[@]}" kafka.tools.StorageTool format --standalone -t "$id" -c "$node/server.properties" "${users[@]}" >"$node/log" 2>&1 ||
    die "the node's data could not be prepared: $(tail -3 "$node/log")"
}

start() {
  command -v java >/dev/null || die "a JDK 17 is needed: install openjdk-17-jre-headless"
  running && die "$name is running already"
  jars pom.xml "$lib" "Kafka $version" -Dkafka.version="$version"
  [ -e "$node/data/meta.properties" ] || prepare
  : >"$node/log"
  launch java "${options[@]}" kafka.Kafka "$node/server.properties"
  . "$node/ports"
  local waited
  for ((waited = 0; waited < 600; waited++)); do
    grep -q 'Kafka Server started' "$node/log" && answers "$plain" && return
    running || die "the node ended: $(tail -3 "$node/log")"
    sleep 0.1
  done
  stop
  die "the node did not answer within a minute; its log is $node/log"
}

stop() {
  end TERM
  rm -rf "$node/data" "$node/keys.p12"
}

address() {
  running || die "$name is not running"
  . "$node/ports"
  case $1 in
    plain) echo "127.0.0.1:$plain" ;;
    sasl) echo "127.0.0.1:$sasl" ;;
    ssl) echo "localhost:$ssl" ;;
    *) die "there is no listener $1" ;;
  esac
}

environment() {
  local plain sasl ssl
  plain=$(address plain) sasl=$(address sasl) ssl=$(address ssl)
  # Names that are no flags': what a test starts must not take them for its own settings.
  echo "export TAPEDECK_TEST_KAFKA=$plain TAPEDECK_TEST_KAFKA_SASL=$sasl TAPEDECK_TEST_KAFKA_SSL=$ssl TAPEDECK_TEST_KAFKA_CA=$node/ca.pem"
}

case $command in
  start) start ;;
  stop) stop ;;
  kill) end KILL ;;
  address) address "${3:-plain}" ;;
  env) environment ;;
  *) die "usage: kafka.sh start|stop|kill|env|address [NAME] [LISTENER]" ;;
esac
