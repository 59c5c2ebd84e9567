#!/usr/bin/env bash
# Apache Kafka on this machine, for trying things and for tests: KRaft, loopback only.
#
#   kafka.sh start   [DIR]   start it (or say that it runs); data, logs and pid files are under DIR
#   kafka.sh stop    [DIR]   stop the brokers whose pids DIR holds, and no other process
#   kafka.sh status  [DIR]   exit 0 when it runs and answers, 3 when not
#   kafka.sh install         only get the jars into the cache, and make what halves the time of a start
#
# DIR             default .data/servers/kafka; delete it after `stop` for an empty broker
# KAFKA_PORT      port of the first broker; default 9092
# KAFKA_NODES     1 (default) or 3 brokers, each a controller too; broker n has its ports 10*(n-1) higher
# KAFKA_SECURE    1: listeners for SASL (port + 2), TLS (port + 3) and SASL over TLS (port + 4)
# KAFKA_PROXIED   1: a listener on port + 5 that says it is on port + 6: there a proxy must be
# KAFKA_HEAP      of each broker; default 512m
# KAFKA_JVM_OPTS  more options for Java
# A DIR that was started before keeps its port, nodes and listeners unless they are given again.
#
# With KAFKA_SECURE: user `shrike`, password `shrike-secret` (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512);
# DIR/tls has ca.pem, client.pem and client.key. Rights are checked: `ANONYMOUS` (the plain port)
# may do everything, others what no access rule forbids.
# KAFKA_VERSION   another version than the one in kafka/pom.xml, for trying clients on old brokers
# The version is the one in kafka/pom.xml; needs Java 17 or later, and Maven for the first start.
set -euo pipefail

usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'; }
die() { echo "kafka.sh: $*" >&2; exit 1; }

case "${1:-}" in start | stop | status | install) ;; -h | --help) usage; exit 0 ;; *) usage >&2; exit 2 ;; esac
action=$1
[ -e /proc/self/cmdline ] && command -v flock >/dev/null && command -v setsid >/dev/null ||
  die "this needs Linux, with flock and setsid (util-linux)"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pinned=$(sed -n 's/.*<kafka.version>\(.*\)<\/kafka.version>.*/\1/p' "$here/kafka/pom.xml")
version=${KAFKA_VERSION:-$pinned}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/kafka-$version
# Classes as Java has them in memory: a start takes 1.3 s of a core with it, 2.5 s without.
archive=$cache/classes.jsa
user=shrike
password=shrike-secret
java=${JAVA_HOME:+$JAVA_HOME/bin/}java

# Settings come from the environment, or from the last start with the same DIR.
read_settings() {
  dir=${1:-.data/servers/kafka}
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  local last_port=9092 last_nodes=1 last_secure=0 last_proxied=0
  [ ! -e "$dir/settings" ] || read -r last_port last_nodes last_secure last_proxied <"$dir/settings"
  port=${KAFKA_PORT:-$last_port}
  nodes=${KAFKA_NODES:-$last_nodes}
  secure=${KAFKA_SECURE:-$last_secure}
  proxied=${KAFKA_PROXIED:-$last_proxied}
  case $nodes in 1 | 3) ;; *) die "KAFKA_NODES is $nodes; 1 or 3 brokers can be started" ;; esac
}

node_port() { echo $((port + 10 * ($1 - 1) + $2)); }

bootstrap() {
  local n text=
  for n in $(seq "$nodes"); do text=$text,127.0.0.1:$(node_port "$n" 0); done
  echo "${text#,}"
}

# The pid, when the process it names is this DIR's broker n (pids are used again).
running() {
  local pid
  pid=$(cat "$dir/node-$1/kafka.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null |
    grep -qF "kafka.Kafka $dir/node-$1/server.properties" || return 1
  echo "$pid"
}

# ended PID: it is gone, or nothing is left of it but its number. A process that is ending loses its
# command line before its threads and ports.
ended() {
  local stat tasks
  stat=$(cat "/proc/$1/stat" 2>/dev/null) && tasks=$(ls "/proc/$1/task" 2>/dev/null) || return 0
  case ${stat##*) } in Z* | X*) [ "$(wc -w <<<"$tasks")" -le 1 ] ;; *) return 1 ;; esac
}

# One that has just been killed may hold its port a moment longer.
is_taken() {
  for _ in $(seq 10); do
    answers "$1" || return 1
    sleep 0.1
  done
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

install() {
  [ ! -e "$cache/.complete" ] || return 0
  command -v mvn >/dev/null || die "Maven (mvn) is needed once, to get the jars of Kafka $version"
  mkdir -p "$(dirname "$cache")"
  exec 8>"$cache.lock"
  flock 8
  [ ! -e "$cache/.complete" ] || { exec 8>&-; return 0; }
  echo "getting the jars of Kafka $version into $cache" >&2
  rm -rf "$cache" "$cache.part"
  mvn -q -B -f "$here/kafka/pom.xml" "-Dkafka.version=$version" dependency:copy-dependencies -DincludeScope=runtime \
    "-DoutputDirectory=$cache.part" >&2 || die "Maven could not get the jars of Kafka $version; what it says is above"
  touch "$cache.part/.complete"
  mv "$cache.part" "$cache"
  exec 8>&-
}

# A broker that serves nobody, and leaves the classes that it loaded when it ends.
archive_classes() {
  [ ! -e "$archive" ] || return 0
  exec 8>"$cache.lock"
  flock 8
  [ ! -e "$archive" ] || return 0
  local scratch free=29000
  scratch=$(mktemp -d)
  while answers $free || answers $((free + 1)); do free=$((free + 10)); done
  KAFKA_PORT=$free KAFKA_HEAP=256m KAFKA_JVM_OPTS="-XX:ArchiveClassesAtExit=$archive.part" \
    "$here/kafka.sh" start "$scratch" >/dev/null ||
    { "$here/kafka.sh" stop "$scratch"; die "a first broker did not start; its logs are in $scratch"; }
  "$here/kafka.sh" stop "$scratch" >/dev/null
  rm -rf "$scratch"
  [ -e "$archive.part" ] || { echo "kafka.sh: this Java keeps no archive of classes; starts take longer" >&2; return 0; }
  mv "$archive.part" "$archive"
}

make_certificates() {
  local tls=$dir/tls name
  [ ! -e "$tls/.complete" ] || return 0
  command -v openssl >/dev/null || die "openssl is needed to make certificates (KAFKA_SECURE=1)"
  rm -rf "$tls"
  mkdir -p "$tls"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=Shrike local authority" \
      -keyout "$tls/ca.key" -out "$tls/ca.pem"
    for name in server client; do
      openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$tls/$name.key" -out "$tls/$name.csr"
      openssl x509 -req -in "$tls/$name.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial \
        -days 3650 -extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost") -out "$tls/$name.pem"
    done
  } >"$dir/tls.log" 2>&1 || { cat "$dir/tls.log" >&2; die "openssl could not make the certificates"; }
  cat "$tls/server.key" "$tls/server.pem" >"$tls/keystore.pem"
  touch "$tls/.complete"
}

# write_config NODE
write_config() {
  local n=$1 i voters= listeners advertised map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT isr=$((nodes / 2 + 1))
  for i in $(seq "$nodes"); do voters=$voters,$i@127.0.0.1:$(node_port "$i" 1); done
  listeners=PLAINTEXT://127.0.0.1:$(node_port "$n" 0)
  advertised=$listeners
  if [ "$secure" = 1 ]; then
    local more
    more=,SASL://127.0.0.1:$(node_port "$n" 2),TLS://127.0.0.1:$(node_port "$n" 3),SASLTLS://127.0.0.1:$(node_port "$n" 4)
    listeners=$listeners$more
    advertised=$advertised$more
    map=$map,SASL:SASL_PLAINTEXT,TLS:SSL,SASLTLS:SASL_SSL
  fi
  if [ "$proxied" = 1 ]; then
    listeners=$listeners,PROXIED://127.0.0.1:$(node_port "$n" 5)
    advertised=$advertised,PROXIED://127.0.0.1:$(node_port "$n" 6)
    map=$map,PROXIED:PLAINTEXT
  fi
  cat <<EOF
process.roles=broker,controller
node.id=$n
controller.quorum.voters=${voters#,}
listeners=$listeners,CONTROLLER://127.0.0.1:$(node_port "$n" 1)
advertised.listeners=$advertised
controller.listener.names=CONTROLLER
listener.security.protocol.map=$map
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/node-$n/data
auto.create.topics.enable=false
default.replication.factor=$nodes
min.insync.replicas=$isr
offsets.topic.replication.factor=$nodes
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$nodes
transaction.state.log.min.isr=$isr
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=$nodes
share.coordinator.state.topic.min.isr=$isr
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# Other stream processors keep a transaction open over a checkpoint and a restart: up to an hour.
transaction.max.timeout.ms=3600000
# Open transactions that have run out of time are looked for so often; the default is 10 s.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.retention.ms=-1
log.segment.delete.delay.ms=1000
# A broker of three that is killed is noticed after so long; the defaults are 9 s and 2 s.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
EOF
  [ "$secure" != 1 ] || write_security
}

write_security() {
  local listener mechanism
  cat <<EOF
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
# A client may have a certificate; one that has a wrong one is refused.
listener.name.tls.ssl.client.auth=requested
ssl.keystore.type=PEM
ssl.keystore.location=$dir/tls/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location=$dir/tls/ca.pem
EOF
  for listener in sasl sasltls; do
    echo "listener.name.$listener.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$user=\"$password\";"
    for mechanism in scram-sha-256 scram-sha-512; do
      echo "listener.name.$listener.$mechanism.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
    done
  done
}

# format NODE CLUSTER_ID
format() {
  local node=$dir/node-$1 scram=() mechanism
  [ ! -e "$node/data/meta.properties" ] || return 0
  if [ "$secure" = 1 ]; then
    for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
      scram+=(--add-scram "$mechanism=[name=$user,password=$password]")
    done
  fi
  "$java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "${share[@]}" "-Dlog4j2.configurationFile=$here/kafka/log4j2.properties" \
    -cp "$cache/*" kafka.tools.StorageTool format --ignore-formatted --config "$node/server.properties" \
    --cluster-id "$2" "${scram[@]}" >"$node/format.log" 2>&1 ||
    { cat "$node/format.log" >&2; die "formatting the storage of broker $1 failed"; }
}

# launch NODE: starts the broker if it does not run
launch() {
  local node=$dir/node-$1 heap=${KAFKA_HEAP:-512m}
  [ ! -e "$node/kafka.log" ] || mv "$node/kafka.log" "$node/kafka.log.1"
  # shellcheck disable=SC2086 # options are words
  setsid nohup "$java" "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 "${share[@]}" ${KAFKA_JVM_OPTS:-} \
    "-Dlog4j2.configurationFile=$here/kafka/log4j2.properties" -cp "$cache/*" \
    kafka.Kafka "$node/server.properties" >"$node/kafka.log" 2>&1 </dev/null 8>&- 9>&- &
  echo $! >"$node/kafka.pid"
}

# wait_for NODE
wait_for() {
  local node=$dir/node-$1
  for _ in $(seq 600); do
    if grep -q 'Kafka Server started' "$node/kafka.log" && answers "$(node_port "$1" 0)"; then return; fi
    # Between fork and exec it has the command line of this script, so one look is not enough.
    running "$1" >/dev/null || { sleep 0.5; running "$1" >/dev/null; } ||
      { tail -20 "$node/kafka.log" >&2; die "broker $1 ended at its start"; }
    sleep 0.2
  done
  die "broker $1 gave no answer within two minutes; see $node/kafka.log"
}

start() {
  local n to_start=() formatting=() share=() pid cluster_id
  exec 9>"$dir/.lock"
  flock 9
  for n in 1 2 3; do
    # Somebody else has started it meanwhile, with settings of their own.
    if running "$n" >/dev/null; then read -r port nodes secure proxied <"$dir/settings"; fi
  done
  for n in $(seq "$nodes"); do running "$n" >/dev/null || to_start+=("$n"); done
  if [ ${#to_start[@]} = 0 ]; then
    echo "kafka $version runs: $(bootstrap), $dir"
    return
  fi
  command -v "$java" >/dev/null || die "Java 17 or later is needed to run Kafka (on Debian: apt-get install openjdk-17-jre-headless)"
  for n in "${to_start[@]}"; do
    ! is_taken "$(node_port "$n" 0)" || die "port $(node_port "$n" 0) is taken by something else; choose another: KAFKA_PORT"
  done
  install
  echo "$port $nodes $secure $proxied" >"$dir/settings"
  [ "$secure" != 1 ] || make_certificates
  # A cluster id is 16 bytes in the alphabet of file names.
  [ -e "$dir/cluster-id" ] || head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d = >"$dir/cluster-id"
  cluster_id=$(cat "$dir/cluster-id")
  # Another Java than the one that made it passes over it.
  [ ! -e "$archive" ] || share=("-XX:SharedArchiveFile=$archive")
  for n in "${to_start[@]}"; do
    mkdir -p "$dir/node-$n"
    write_config "$n" >"$dir/node-$n/server.properties"
    format "$n" "$cluster_id" &
    formatting+=($!)
  done
  for pid in "${formatting[@]}"; do wait "$pid" || exit 1; done
  for n in "${to_start[@]}"; do launch "$n"; done
  for n in "${to_start[@]}"; do wait_for "$n"; done
  echo "kafka $version started: $(bootstrap), $dir"
}

# stop_node NODE
stop_node() {
  local pid
  pid=$(running "$1") || { rm -f "$dir/node-$1/kafka.pid"; return 0; }
  # One that is frozen would not hear the signal.
  kill -CONT "$pid"
  kill "$pid"
  for _ in $(seq 300); do
    if ended "$pid"; then
      rm -f "$dir/node-$1/kafka.pid"
      return
    fi
    sleep 0.1
  done
  # Of three, the last has nobody left to hand its partitions to.
  kill -KILL "$pid"
  rm -f "$dir/node-$1/kafka.pid"
  echo "broker $1 (pid $pid) did not end in half a minute, and was killed" >&2
}

stop() {
  local n stopping=()
  exec 9>"$dir/.lock"
  flock 9
  if ! { running 1 || running 2 || running 3; } >/dev/null; then echo "kafka does not run"; return; fi
  for n in 1 2 3; do
    stop_node "$n" &
    stopping+=($!)
  done
  for n in "${stopping[@]}"; do wait "$n"; done
  echo "kafka stopped"
}

status() {
  local n
  for n in $(seq "$nodes"); do
    running "$n" >/dev/null && answers "$(node_port "$n" 0)" || { echo "kafka does not run"; exit 3; }
  done
  echo "kafka $version runs: $(bootstrap), $dir"
}

case $action in
  install)
    install
    archive_classes
    ;;
  *)
    read_settings "${2:-}"
    "$action"
    ;;
esac
