#!/usr/bin/env bash
# The command lines of Apache Kafka that the runbooks name, and Kafka Connect, for the tests: once, into a cache outside of
# the tree; prints the folder. Does nothing when they are there.
#
#   bin/    the scripts below (command_line), with the arguments of Kafka's own; KAFKA_OPTS has options for Java
#   libs/   the jars
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/kafka-tools"

# That of the broker.
version=$(sed -n 's/.*<kafka.version>\(.*\)<\/kafka.version>.*/\1/p' ../../deploy/local/kafka/pom.xml)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/kafka-tools-$version-$(sha256sum ../install-kafka-tools.sh pom.xml | sha256sum | cut -c1-8)
die() { echo "install-kafka-tools: $*" >&2; exit 1; }

# Kafka's own scripts are not in its jars: command NAME CLASS does what they do, without their defaults for logs.
command_line() {
  cat >"$cache.part/bin/$1.sh" <<EOF
#!/bin/sh
exec "\${JAVA_HOME:+\$JAVA_HOME/bin/}java" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \${KAFKA_OPTS:-} \\
  -cp '$cache/libs/*' $2 "\$@"
EOF
  chmod +x "$cache.part/bin/$1.sh"
}

if [ ! -e "$cache/bin" ]; then
  command -v mvn >/dev/null || die "Maven (mvn) is needed once, to get the jars of Kafka's tools $version"
  mkdir -p "$(dirname "$cache")"
  exec 8>"$cache.lock"
  flock 8
  if [ ! -e "$cache/bin" ]; then
    echo "getting the jars of Kafka's tools $version into $cache" >&2
    rm -rf "$cache.part"
    mvn -q -B "-Dkafka.version=$version" dependency:copy-dependencies -DincludeScope=runtime \
      "-DoutputDirectory=$cache.part/libs" >&2 ||
      die "Maven could not get the jars of Kafka's tools $version; what it says is above"
    mkdir "$cache.part/bin"
    command_line kafka-acls org.apache.kafka.tools.AclCommand
    command_line kafka-topics org.apache.kafka.tools.TopicCommand
    command_line kafka-consumer-groups org.apache.kafka.tools.consumer.group.ConsumerGroupCommand
    command_line kafka-configs kafka.admin.ConfigCommand
    command_line kafka-console-consumer org.apache.kafka.tools.consumer.ConsoleConsumer
    command_line kafka-log-dirs org.apache.kafka.tools.LogDirsCommand
    command_line kafka-transactions org.apache.kafka.tools.TransactionsCommand
    command_line connect-mirror-maker org.apache.kafka.connect.mirror.MirrorMaker
    command_line connect-distributed org.apache.kafka.connect.cli.ConnectDistributed
    mv "$cache.part" "$cache"
  fi
fi
echo "$cache"
