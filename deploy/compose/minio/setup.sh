#!/bin/sh
# Runs in the container minio-setup, which says in MC_HOST_store where the store is. Every step may be repeated. Besides mc
# and the shell there is little in the image: not even grep.
set -eu
here=${0%/*}
mc mb --ignore-existing store/checkpoints
mc version enable store/checkpoints
# What retention has deleted goes after some days; what a crash has left of an upload, MinIO removes by itself.
mc ilm import store/checkpoints <"$here/lifecycle.json"
mc admin policy create store checkpoints "$here/policy.json"
mc admin user add store "$CHECKPOINTS_ACCESS_KEY" "$CHECKPOINTS_SECRET_KEY"
mc admin policy attach store checkpoints --user "$CHECKPOINTS_ACCESS_KEY"
echo "bucket checkpoints is ready"
