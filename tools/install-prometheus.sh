#!/usr/bin/env bash
# Unpacks prometheus and promtool, once, into a cache outside of the tree; prints the folder they are in.
# Does nothing when they are there.
#
# Debian's package, unpacked and not installed: installing it would start a service on port 9090. The
# release is Debian 12's; its security updates have the same name and another suffix, hence the prefix.
set -euo pipefail

version=2.42
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/prometheus-$version
die() { echo "install-prometheus: $*" >&2; exit 1; }

if [ ! -x "$cache/prometheus" ]; then
  for tool in apt-get dpkg-deb flock; do
    command -v "$tool" >/dev/null || die "$tool is missing: put prometheus and promtool $version.x into $cache yourself"
  done
  mkdir -p "$cache"
  exec 8>"$cache/.lock"
  flock 8
  if [ ! -x "$cache/prometheus" ]; then
    echo "unpacking Prometheus $version into $cache" >&2
    part=$(mktemp -d "$cache/part.XXXXXX")
    trap 'rm -rf "$part"' EXIT
    download() (cd "$part" && apt-get download -q "prometheus=$version.*" >&2)
    # A fresh machine has no lists of packages yet; making them takes root.
    if ! download; then
      as_root=()
      [ "$(id -u)" -eq 0 ] || as_root=(sudo)
      "${as_root[@]}" apt-get update -q >&2
      download || die "apt-get has no prometheus $version: this needs Debian 12, or the programs in $cache"
    fi
    dpkg-deb -x "$part"/prometheus_*.deb "$part/tree"
    mv "$part/tree/usr/bin/promtool" "$cache/promtool"
    # Last: it says that everything is there.
    mv "$part/tree/usr/bin/prometheus" "$cache/prometheus"
  fi
fi
echo "$cache"
