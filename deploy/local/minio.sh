#!/usr/bin/env bash
# MinIO on this machine, for trying things and for tests: the S3 API on loopback, minioadmin/minioadmin.
#
#   minio.sh start   [DIR]   start it (or say that it runs); data, log and pid file are under DIR
#   minio.sh stop    [DIR]   stop the server whose pid DIR holds, and no other process
#   minio.sh status  [DIR]   exit 0 when it runs and answers, 3 when not
#   minio.sh install         only build it into the cache
#
# DIR           default .data/servers/minio; delete it after `stop` for an empty store
# MINIO_PORT    default: the last one used with DIR, or 9000
# MINIO_BUCKET  made at the start; default checkpoints
# The first start builds MinIO from its Go module (needs Go; some minutes).
set -euo pipefail

usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'; }
die() { echo "minio.sh: $*" >&2; exit 1; }

case "${1:-}" in start | stop | status | install) ;; -h | --help) usage; exit 0 ;; *) usage >&2; exit 2 ;; esac
action=$1
[ -e /proc/self/cmdline ] && command -v flock >/dev/null && command -v setsid >/dev/null ||
  die "this needs Linux, with flock and setsid (util-linux)"
# MinIO's tags are no versions for Go; this is the commit of that day.
version=v0.0.0-20260212201848-7aac2a2c5b7c
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/minio-$version
bucket=${MINIO_BUCKET:-checkpoints}
export MINIO_ROOT_USER=minioadmin MINIO_ROOT_PASSWORD=minioadmin

read_settings() {
  dir=${1:-.data/servers/minio}
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  port=${MINIO_PORT:-$(cat "$dir/port" 2>/dev/null || echo 9000)}
  pidfile=$dir/minio.pid
  url=http://127.0.0.1:$port
}

# The pid, when the process it names is this DIR's server (pids are used again).
running() {
  local pid
  pid=$(cat "$pidfile" 2>/dev/null) && [ -n "$pid" ] || return 1
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "minio server $dir/data" || return 1
  echo "$pid"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
# ended PID: it is gone, or nothing is left of it but its number. A process that is ending loses its
# command line before its threads and ports.
ended() {
  local stat tasks
  stat=$(cat "/proc/$1/stat" 2>/dev/null) && tasks=$(ls "/proc/$1/task" 2>/dev/null) || return 0
  case ${stat##*) } in Z* | X*) [ "$(wc -w <<<"$tasks")" -le 1 ] ;; *) return 1 ;; esac
}

# One that has just been killed may hold its port a moment longer.
is_taken() {
  for _ in $(seq 10); do
    listens || return 1
    sleep 0.1
  done
}
answers() { curl -sf -o /dev/null --noproxy '*' --max-time 2 "$url/minio/health/ready"; }

install() {
  [ ! -x "$cache/minio" ] || return 0
  command -v go >/dev/null || die "Go is needed once, to build MinIO $version"
  mkdir -p "$cache"
  exec 8>"$cache/.lock"
  flock 8
  [ ! -x "$cache/minio" ] || { exec 8>&-; return 0; }
  echo "building MinIO $version into $cache (some minutes)" >&2
  GOBIN=$cache/part go install "github.com/minio/minio@$version" || die "the build of MinIO failed; what Go says is above"
  mv "$cache/part/minio" "$cache/minio"
  rmdir "$cache/part"
  exec 8>&-
}

make_bucket() {
  local code
  # 503: it answers, and is not ready for writes yet.
  for _ in $(seq 100); do
    code=$(curl -s -o "$dir/bucket.log" -w '%{http_code}' --noproxy '*' --aws-sigv4 aws:amz:us-east-1:s3 \
      --user "$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD" -X PUT "$url/$bucket")
    [ "$code" = 503 ] || break
    sleep 0.2
  done
  case $code in 200 | 409) ;; *) cat "$dir/bucket.log" >&2; die "creating the bucket $bucket: HTTP $code" ;; esac
}

start() {
  exec 9>"$dir/.lock"
  flock 9
  if running >/dev/null; then
    # Somebody else has started it meanwhile, on a port of their own.
    port=$(cat "$dir/port")
    url=http://127.0.0.1:$port
    answers || die "the server of $dir runs but does not answer on $url; see $dir/minio.log"
    make_bucket
    echo "minio runs: $url, bucket $bucket, $dir"
    return
  fi
  command -v curl >/dev/null || die "curl is needed to make the bucket"
  ! is_taken || die "port $port is taken by something else; choose another: MINIO_PORT"
  install
  echo "$port" >"$dir/port"
  MINIO_BROWSER=off MINIO_UPDATE=off MINIO_CALLHOME_ENABLE=off MINIO_PROMETHEUS_AUTH_TYPE=public setsid nohup "$cache/minio" server "$dir/data" \
    --address "127.0.0.1:$port" --quiet >"$dir/minio.log" 2>&1 </dev/null 9>&- &
  echo $! >"$pidfile"
  for _ in $(seq 300); do
    if answers; then
      make_bucket
      echo "minio started: $url, bucket $bucket, $dir"
      return
    fi
    sleep 0.2
    # Between fork and exec it has the command line of this script, so one look is not enough.
    running >/dev/null || { sleep 0.5; running >/dev/null; } ||
      { tail -20 "$dir/minio.log" >&2; die "the server ended at its start"; }
  done
  die "no answer within a minute; see $dir/minio.log"
}

stop() {
  local pid
  exec 9>"$dir/.lock"
  flock 9
  pid=$(running) || { rm -f "$pidfile"; echo "minio does not run"; return; }
  # One that is frozen would not hear the signal.
  kill -CONT "$pid"
  kill "$pid"
  for _ in $(seq 300); do
    if ended "$pid"; then
      rm -f "$pidfile"
      echo "minio stopped"
      return
    fi
    sleep 0.1
  done
  die "pid $pid did not end in half a minute"
}

status() {
  running >/dev/null && answers || { echo "minio does not run"; exit 3; }
  echo "minio runs: $url, bucket $bucket, $dir"
}

[ "$action" = install ] || read_settings "${2:-}"
"$action"
