#!/bin/sh
# `shrike` in the image. Starts the engine with the heap that the memory plan gives the main thread:
# nothing can set that once Node.js runs.
#
# Node.js takes this process over (exec), so that it is PID 1 itself: signals reach it without a
# middleman, and its exit code is the container's. A lock file in the data folder names PID 1 in every
# life of the container; with an init before it the number would be another one each time.
set -eu
shrike=/app/dist/src/cli.js

if [ "${1-}" = run ]; then
  # PID 1 has no default for signals: without this, one that comes before Node.js is lost.
  trap 'exit 143' TERM
  trap 'exit 130' INT
  # Options of `run` are none of the plan's concern, those of the configuration are.
  options=$(node "$shrike" plan --node-options "$@")
  # shellcheck disable=SC2086 # several options, none with a blank
  exec node --require /app/early-signal.cjs $options "$shrike" "$@"
fi
exec node "$shrike" "$@"
