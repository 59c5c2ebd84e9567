#!/usr/bin/env bash
# Builds what the tests of deploy/helm need, once, into a cache outside of the tree, and prints the
# folder: helm, etcd, kube-apiserver, and in crds/ the resource definitions of KEDA and of the
# Prometheus operator. Does nothing when they are there.
#
#   install-kubernetes.sh          build what is missing (some minutes of CPU; needs Go 1.24)
#   install-kubernetes.sh --dry    only print the folder; exit 3 when something is missing
#
# Versions are in tools/kubernetes/go.mod, checksums in go.sum beside it and below.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/kubernetes"

keda=github.com/kedacore/keda/v2@v2.21.0
keda_sum=h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
operator_sum=h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=

# The folder is named by what is built: another version is another folder.
recipe=1 # raised when the flags of a build below change
key=$({ cat go.mod go.sum; echo "$keda_sum $operator_sum $recipe"; } | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/kubernetes-$key
die() { echo "install-kubernetes: $*" >&2; exit 1; }
is_complete() { [ -x "$cache/helm" ] && [ -x "$cache/etcd" ] && [ -x "$cache/kube-apiserver" ] && [ -d "$cache/crds" ]; }

if is_complete; then echo "$cache"; exit 0; fi
if [ "${1:-}" = --dry ]; then echo "$cache"; exit 3; fi
command -v go >/dev/null || die "Go 1.24 or later is needed once, to build helm, etcd and kube-apiserver"
mkdir -p "$cache"
exec 8>"$cache/.lock"
flock 8

# build NAME PACKAGE [LDFLAGS]: atomic, and nothing when it is there.
build() {
  local name=$1 package=$2 ldflags=${3:-}
  [ ! -x "$cache/$name" ] || return 0
  SECONDS=0
  CGO_ENABLED=0 GOWORK=off go build -trimpath -mod=readonly -ldflags "-s -w $ldflags" -o "$cache/$name.part" "$package" ||
    die "the build of $name failed; what Go says is above"
  mv "$cache/$name.part" "$cache/$name"
  echo "$name: built in $SECONDS s" >&2
}

# definitions MODULE CHECKSUM FOLDER NAME…: copies files of a Go module whose content is the pinned one.
definitions() {
  local module=$1 sum=$2 folder=$3 answer dir file
  shift 3
  answer=$(cd "$cache" && go mod download -json "$module") || die "the download of $module failed: $answer"
  grep -qF "\"Sum\": \"$sum\"" <<<"$answer" || die "$module is not what it was when its checksum was written down: $answer"
  dir=$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' <<<"$answer")
  for file in "$@"; do cp "$dir/$folder/$file.yaml" "$cache/crds.part/"; done
}

version=$(sed -n 's/^\tk8s\.io\/kubernetes \(v[0-9.]*\)$/\1/p' go.mod)
minor=$(cut -d. -f2 <<<"$version")
# Which Kubernetes it renders for, when no cluster is asked.
chartutil=helm.sh/helm/v3/pkg/chartutil
rules=helm.sh/helm/v3/pkg/lint/rules
build helm helm.sh/helm/v3/cmd/helm \
  "-X $chartutil.k8sVersionMajor=1 -X $chartutil.k8sVersionMinor=$minor -X $rules.k8sVersionMajor=1 -X $rules.k8sVersionMinor=$minor"
if [ ! -d "$cache/crds" ]; then
  rm -rf "$cache/crds.part"
  mkdir "$cache/crds.part"
  definitions "$keda" "$keda_sum" config/crd/bases keda.sh_scaledobjects keda.sh_triggerauthentications
  definitions "$operator" "$operator_sum" example/prometheus-operator-crd \
    monitoring.coreos.com_servicemonitors monitoring.coreos.com_prometheusrules
  chmod -R u+w "$cache/crds.part"
  mv "$cache/crds.part" "$cache/crds"
fi
build etcd go.etcd.io/etcd/server/v3
# The server says which version it is, and refuses to start when it does not know.
base=k8s.io/component-base/version
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver \
  "-X $base.gitVersion=$version -X $base.gitMajor=1 -X $base.gitMinor=$minor"
echo "$cache"
