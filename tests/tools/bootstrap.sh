#!/bin/sh
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Install the Debian packages that are named in the given lists and missing here.
# Use: bootstrap.sh LIST...
set -eu

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "labfleet.gpu's tests run on Debian or Ubuntu: this machine has no apt." >&2
    exit 2
fi

packages=$(grep -hv '^#' "$@")
missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    case $status in
    'install ok installed' | 'hold ok installed') ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
    if ! command -v sudo >/dev/null || ! sudo -v; then
        echo "These packages must be installed by root first: apt-get install$missing" >&2
        exit 2
    fi
fi
echo "Installing Debian packages:$missing"
# Word splitting is meant: one word per package, and none for an empty sudo.
# shellcheck disable=SC2086
$sudo apt-get -q -q update
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -q -y --no-install-recommends install $missing </dev/null
