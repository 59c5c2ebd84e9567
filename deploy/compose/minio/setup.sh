#!/bin/sh
# Runs in the container minio-setup, which says in MC_HOST_store where the store is. Every step may be repeated.
set -eu
mc mb --ignore-existing store/checkpoints
mc version enable store/checkpoints
# What a crash has left of an upload, and what retention has deleted, goes after some days.
mc ilm import store/checkpoints </setup/lifecycle.json
mc admin policy create store checkpoints /setup/policy.json
mc admin user add store "$CHECKPOINTS_ACCESS_KEY" "$CHECKPOINTS_SECRET_KEY"
# Attaching twice is an error; that it is attached is what counts.
mc admin policy attach store checkpoints --user "$CHECKPOINTS_ACCESS_KEY" ||
  mc admin user info store "$CHECKPOINTS_ACCESS_KEY" | grep -q checkpoints
echo "bucket checkpoints is ready"
