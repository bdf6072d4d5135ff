#!/bin/sh
# Pins the images of docker-compose.yml and Dockerfile to the digests that their registries have now:
# `nginx:1.28.0-alpine` becomes `nginx:1.28.0-alpine@sha256:…`, so that a tag that is moved later changes nothing here.
# Run it again to follow the tags. Needs docker with buildx; downloads no image.
set -eu
cd "$(dirname "$0")/.."
files="docker-compose.yml Dockerfile"
pins=""

# shellcheck disable=SC2086
for image in $(sed -nE 's/^ *image: *([^ ]+)$/\1/p; s/^FROM ([^ ]+).*/\1/p' $files | sort -u); do
    tag=${image%@*}
    case $tag in hubbub:*) continue ;; esac  # built here
    digest=$(docker buildx imagetools inspect "$tag" --format '{{.Manifest.Digest}}')
    if ! printf '%s\n' "$digest" | grep -Eqx 'sha256:[0-9a-f]{64}'; then
        echo "$tag: the registry gave no digest, so nothing is changed" >&2
        exit 1
    fi
    pins="$pins $image=$tag@$digest"
done

for pin in $pins; do
    name=$(printf %s "${pin%%=*}" | sed 's/[.]/\\./g')
    for file in $files; do
        sed -E "s#^( *image: *|FROM )$name( .*)?\$#\\1${pin#*=}\\2#" "$file" > "$file.pinned"
        cat "$file.pinned" > "$file"
        rm "$file.pinned"
    done
    echo "${pin#*=}"
done
