#!/bin/sh
# Runs Redis: run.sh ADDRESS PASSWORD_FILE CONFIGURATION. The configuration is written here, readable only for Redis: a
# password among the options would show in the list of processes.
#
# Nothing is kept on the disk. The hub needs a few megabytes; a Redis that is full refuses writes, which the hub reports,
# where one that evicted keys would lose track of who is present.
set -eu
umask 077
cat > "$3" <<EOF
bind $1
requirepass $(cat "$2")
save ""
appendonly no
maxmemory 160mb
maxmemory-policy noeviction
EOF
exec redis-server "$3"
