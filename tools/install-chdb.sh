#!/usr/bin/env bash
# Installs chdb (ClickHouse as a library, 546 MB) for the tests, once, into a cache outside of the tree; prints the folder.
# Does nothing when it is there.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/chdb

version=$(sed -n 's/.*"chdb": "\(.*\)".*/\1/p' "$source/package.json")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/chdb-$version
die() { echo "install-chdb: $*" >&2; exit 1; }

if [ ! -d "$cache/node_modules" ]; then
  mkdir -p "$cache"
  exec 8>"$cache/.lock"
  flock 8
  if [ ! -d "$cache/node_modules" ]; then
    echo "installing chdb $version into $cache" >&2
    rm -rf "$cache/part"
    mkdir "$cache/part"
    cp "$source/package.json" "$source/package-lock.json" "$cache/part/"
    (cd "$cache/part" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
      die "npm could not install chdb $version; what it says is above"
    mv "$cache/part/node_modules" "$cache/node_modules"
    rm -rf "$cache/part"
  fi
fi
echo "$cache"
