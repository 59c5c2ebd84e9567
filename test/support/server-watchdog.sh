#!/bin/sh
# Ends the servers of a test run when the process that holds the other end of standard input has
# ended, however it ended. Ends nothing but processes whose pid is in a file of FOLDER, and, pids
# being used again, only what names FOLDER on its command line, or began when its file says.
# Started by server-folder.ts.
#
#   server-watchdog.sh FOLDER
folder=$1
trap '' INT TERM HUP
cat >/dev/null

# Programs first: what they wait for should not go before them.
for file in "$folder"/programs/*; do
  pid=${file##*/}
  began=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20)
  if [ -n "$began" ] && [ "$began" = "$(cat "$file")" ]; then
    kill -KILL "$pid" 2>/dev/null
  fi
done

# Of servers, scripts that are starting something come first, so that nothing is started afterwards.
for name in 'script-*.pid' '*.pid'; do
  find "$folder" -name "$name" 2>/dev/null | while read -r file; do
    pid=$(cat "$file" 2>/dev/null)
    if { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF "$folder/"; then
      kill -KILL "$pid" 2>/dev/null
    fi
  done
done
# What has just been killed may still be writing.
rm -rf "$folder" 2>/dev/null || { sleep 1; rm -rf "$folder"; }
