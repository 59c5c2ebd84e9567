#!/usr/bin/env bash
# Installs what models/training needs, once, into a cache outside of the tree, and prints the folder: a
# Python environment (venv/bin/python). Does nothing when it is there. Versions and hashes:
# models/training/requirements.txt, all that comes with them included.
#
#   install-training.sh          install what is missing (half a minute)
#   install-training.sh --dry    only print the folder; exit 3 when it is missing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../models/training"

# The folder is named by its content: other versions are another folder.
key=$({ python3 --version; cat requirements.txt; } | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/training-$key
die() { echo "install-training: $*" >&2; exit 1; }

# Written last: an environment cannot be moved, so it is made where it stays.
if [ -e "$cache/complete" ]; then echo "$cache"; exit 0; fi
if [ "${1:-}" = --dry ]; then echo "$cache"; exit 3; fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "training needs Python 3.11 or later; this is $(python3 --version)"
mkdir -p "$cache"
exec 8>"$cache/.lock"
flock 8
if [ ! -e "$cache/complete" ]; then
  echo "installing XGBoost and what goes with it into $cache" >&2
  rm -rf "$cache/venv"
  # Debian's Python leaves out what a new environment needs.
  if ! python3 -m venv "$cache/venv" >&2 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv >&2
    rm -rf "$cache/venv"
  fi
  [ -x "$cache/venv/bin/pip" ] || python3 -m venv "$cache/venv" ||
    die "python3 -m venv failed; on Debian: apt-get install python3-venv"
  "$cache/venv/bin/pip" install -q --no-deps --require-hashes --only-binary :all: \
    --disable-pip-version-check -r requirements.txt >&2 ||
    die "pip could not install what training needs; what it says is above"
  touch "$cache/complete"
fi
echo "$cache"
