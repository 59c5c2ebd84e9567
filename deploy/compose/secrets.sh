#!/usr/bin/env bash
# Makes .env beside compose.yaml: what .env.example has, with secrets of chance. One that is there is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

[ ! -e .env ] || { echo "secrets.sh: .env is there already; delete it for new secrets, and the volumes with it" >&2; exit 1; }
umask 077
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
while IFS= read -r line; do
  case $line in
    *_PASSWORD= | *_SECRET_KEY=) echo "$line$(secret)" ;;
    *_ACCESS_KEY= | *_USER=) echo "$line$(secret | cut -c 1-20)" ;;
    *) echo "$line" ;;
  esac
done <.env.example >.env.part
mv .env.part .env
echo "wrote .env"
