#!/bin/sh
# Stands in for Node.js in the image: slow where the entry asks for the plan (test/deploy/image.test.ts).
case "$*" in
  *plan*) echo 'asked for the plan' >&2; sleep 2 ;;
  *) echo 'the engine' >&2 ;;
esac
