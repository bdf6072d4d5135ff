#!/bin/sh
# Runs Mosquitto with what `manage.py exportmosquitto FOLDER --watch` writes in another container, and has it read its
# accounts again when they change.
#
# The other container sees neither our processes nor our pid file's number, and a pid namespace shared with it would
# end with each restart of Mosquitto. So the one who may send Mosquitto a signal looks at the files.
set -eu
folder=$1

until [ -s "$folder/mosquitto.conf" ] && [ -f "$folder/passwords" ]; do
    sleep 1
done

files() {
    cksum "$folder/passwords" "$folder/acl" 2>&1
}

# SIGHUP ends a Mosquitto that does not catch it yet: signal 1 is the lowest bit.
catches_hup() {
    case $(grep SigCgt "/proc/$mosquitto/status") in *[13579bdf]) ;; *) return 1 ;; esac
}

known=$(files)
mosquitto -c "$folder/mosquitto.conf" &
mosquitto=$!
trap 'kill -TERM "$mosquitto" 2>/dev/null || true' TERM INT

while kill -0 "$mosquitto" 2>/dev/null; do
    # In the background: the shell would let a signal wait for the end of a sleep in the foreground.
    sleep 1 &
    wait $! || true
    now=$(files)
    if [ "$now" != "$known" ] && catches_hup; then
        kill -HUP "$mosquitto"
        known=$now
    fi
done
wait "$mosquitto"
