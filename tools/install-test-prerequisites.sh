#!/bin/sh
# Installs what the tests need beyond npm packages: Chromium, for test/browser. Does nothing when it is there.
set -eu

if [ -x /usr/bin/chromium ]; then
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "test/browser needs Chromium at /usr/bin/chromium, and this system has no apt-get to install it: install it, then run this again." >&2
  exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "test/browser needs Chromium: run 'apt-get install chromium' as root, then this again." >&2
    exit 1
  fi
  as_root="sudo"
fi

echo "Installing Chromium for test/browser (once)…" >&2
$as_root apt-get update -q
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends chromium
if [ ! -x /usr/bin/chromium ]; then
  echo "apt-get installed no /usr/bin/chromium: this system packages it otherwise (a snap?); install Debian's chromium package." >&2
  exit 1
fi
