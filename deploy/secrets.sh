#!/bin/sh
# Makes the secrets of docker-compose.yml in a folder (default: secrets); those that are there stay.
#
# Anybody may read the files, and nobody but you may enter the folder: the containers, each a user of its own, get the
# files and not the folder.
set -eu
folder=${1:-secrets}
mkdir -p "$folder"
chmod 700 "$folder"
umask 022
for name in database_password redis_password bridge_password secret_key; do
    if [ ! -s "$folder/$name" ]; then
        head -c 48 /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_' > "$folder/$name"
    fi
done
