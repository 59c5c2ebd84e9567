#!/usr/bin/env bash
# Builds toxiproxy for the tests, once, into a cache outside of the tree; prints the program's path.
# Does nothing when it is there.
set -euo pipefail

version=v2.12.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/toxiproxy-$version
die() { echo "install-toxiproxy: $*" >&2; exit 1; }

if [ ! -x "$cache/toxiproxy" ]; then
  command -v go >/dev/null || die "Go is needed once, to build toxiproxy $version"
  mkdir -p "$cache"
  exec 8>"$cache/.lock"
  flock 8
  if [ ! -x "$cache/toxiproxy" ]; then
    echo "building toxiproxy $version into $cache" >&2
    GOBIN=$cache/part go install "github.com/Shopify/toxiproxy/v2/cmd/server@$version" ||
      die "the build of toxiproxy failed; what Go says is above"
    mv "$cache/part/server" "$cache/toxiproxy"
    rmdir "$cache/part"
  fi
fi
echo "$cache/toxiproxy"
