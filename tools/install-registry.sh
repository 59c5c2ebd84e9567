#!/usr/bin/env bash
# Apicurio Registry for the tests, once, into a cache outside of the tree; prints the command that starts it. Does nothing when
# it is there.
#
#   install-registry.sh         the program of the image in deploy/strimzi, from Maven (160 MB)
#   install-registry.sh --can   whether this machine can run it: it needs Java 21 or later
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { echo "install-registry: $*" >&2; exit 1; }
version=$(sed -n 's/.*image: apicurio\/apicurio-registry:\(.*\)/\1/p' deploy/strimzi/base/schema-registry.yaml)
[ -n "$version" ] || die "deploy/strimzi/base/schema-registry.yaml names no image apicurio/apicurio-registry"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/registry-$version

# The Java that Kafka and Maven use may be older: others lie beside it.
new_java() {
  local java release
  for java in "${JAVA_HOME:-/nowhere}/bin/java" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    [ -x "$java" ] || continue
    release=$("$java" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = //p')
    if [ "${release%%.*}" -ge 21 ] 2>/dev/null; then echo "$java"; return; fi
  done
  return 1
}
java=$(new_java) || die "there is no Java 21 or later, in JAVA_HOME, on the path or in /usr/lib/jvm"
[ "${1:-}" != --can ] || exit 0

if [ ! -e "$cache/quarkus-run.jar" ]; then
  command -v mvn >/dev/null || die "Maven (mvn) is needed once, to get Apicurio Registry $version"
  mkdir -p "$(dirname "$cache")"
  exec 8>"$cache.lock"
  flock 8
  if [ ! -e "$cache/quarkus-run.jar" ]; then
    echo "getting Apicurio Registry $version into $cache" >&2
    rm -rf "$cache.part"
    mkdir "$cache.part"
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy "-DoutputDirectory=$cache.part" \
      "-Dartifact=io.apicurio:apicurio-registry-app:$version:tar.gz:all" >&2 ||
      die "Maven could not get Apicurio Registry $version; what it says is above"
    tar -xzf "$cache.part"/*.tar.gz -C "$cache.part"
    rm "$cache.part"/*.tar.gz
    mv "$cache.part" "$cache"
  fi
fi
echo "$java -jar $cache/quarkus-run.jar"
