#!/usr/bin/env bash
# Writes go.mod and go.sum of this folder anew: needed only after a version below has changed.
#
# One module for three programs: they share most of their packages, which are then compiled once.
# Kubernetes names its own libraries as v0.0.0 and replaces them by folders of its repository; a
# module that requires it has to name their published versions instead (v1.34.4 goes with v0.34.4).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

kubernetes=v1.34.4
etcd=v3.6.5
helm=v3.19.5 # the last one made for libraries v0.34
libraries=v0.${kubernetes#v1.}

manifest=$(go mod download -json "k8s.io/kubernetes@$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
rm -f go.mod go.sum
{
  echo "module shrike.test/kubernetes"
  echo
  sed -n 's/^go /go /p; /^godebug /p; /^godebug (/,/^)/p' "$manifest" | awk '!seen[$0]++'
  echo
  echo "require ("
  echo "	go.etcd.io/etcd/server/v3 $etcd"
  echo "	helm.sh/helm/v3 $helm"
  echo "	k8s.io/kubernetes $kubernetes"
  echo ")"
  echo
  echo "replace ("
  { grep -oE 'k8s\.io/[a-z0-9-]+ => \./staging' "$manifest" || true
    grep -oE '^\s*k8s\.io/[a-z0-9-]+ v0\.0\.0$' "$manifest"
  } | awk -v version="$libraries" '!seen[$1]++ { print "\t" $1 " => " $1 " " version }' | sort
  echo ")"
} >go.mod
GOFLAGS=-mod=mod go mod tidy
