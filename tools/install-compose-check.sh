#!/usr/bin/env bash
# Builds compose-check for the tests, once, into a cache outside of the tree; prints the program's path.
# Does nothing when it is there. The cache goes by what the program is made of: a change builds it anew.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/compose-check

version=$(cat "$source/go.mod" "$source/go.sum" "$source/main.go" | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/compose-check-$version
die() { echo "install-compose-check: $*" >&2; exit 1; }

if [ ! -x "$cache/compose-check" ]; then
  command -v go >/dev/null || die "Go is needed once, to build compose-check"
  mkdir -p "$cache"
  exec 8>"$cache/.lock"
  flock 8
  if [ ! -x "$cache/compose-check" ]; then
    echo "building compose-check into $cache" >&2
    (cd "$source" && CGO_ENABLED=0 GOFLAGS=-buildvcs=false go build -trimpath -ldflags "-s -w" -o "$cache/part" .) ||
      die "the build of compose-check failed; what Go says is above"
    mv "$cache/part" "$cache/compose-check"
  fi
fi
echo "$cache/compose-check"
