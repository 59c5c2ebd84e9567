#!/usr/bin/env bash
# Shrike as the harness of the reference workload R1 starts a processor: settings come from the
# environment (BOOTSTRAP, DATA_DIR, STATE_DIR, S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY, S3_BUCKET,
# CHECKPOINT_MS, OUTPUT, PARALLELISM, APP_ID, INSTANCE), it runs in the foreground until SIGTERM.
# Build first: node tools/build.mjs --all
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export AWS_ACCESS_KEY_ID=${S3_ACCESS_KEY:?} AWS_SECRET_ACCESS_KEY=${S3_SECRET_KEY:?}
exec node "$here/../../../dist/test/bench/r1/processor.js"
