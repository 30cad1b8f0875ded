#!/bin/sh
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Install the Debian packages that are named in the given lists and missing here, and a Python that Ansible's
# controller can run on where the distribution's own is too old for it.
# Use: bootstrap.sh LIST...
set -eu
here=$(dirname "$0")

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "labfleet.gpu's tests run on Debian or Ubuntu: this machine has no apt." >&2
    exit 2
fi

sudo=
become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    sudo=sudo
    if ! command -v sudo >/dev/null || ! sudo -v; then
        echo "$1 must be installed by root first: run this again as root." >&2
        exit 2
    fi
}

# Without quotes an empty sudo is no word.
# shellcheck disable=SC2086
update() { $sudo apt-get -q -q update; }

install() {
    echo "Installing Debian packages: $*"
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -q -y --no-install-recommends install "$@" </dev/null
}

missing=
packages=$(grep -hv '^#' "$@")
for package in $packages; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    case $status in
    'install ok installed' | 'hold ok installed') ;;
    *) missing="$missing $package" ;;
    esac
done
if [ -n "$missing" ]; then
    become_root "The Debian packages$missing"
    update
    # Word splitting is meant: one word per package.
    # shellcheck disable=SC2086
    install $missing
fi

# A release whose own Python is older than 3.11 may offer a newer one beside it, as Ubuntu 22.04 does.
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' &&
    ! python3 "$here/environments.py" --can controller; then
    become_root "Python 3.11 or later, with its venv module,"
    [ -n "$missing" ] || update
    for version in 3.13 3.12 3.11; do
        if [ -n "$(apt-cache search --names-only "^python$version-venv\$")" ]; then
            install "python$version-venv"
            exit 0
        fi
    done
    echo "Ansible needs Python 3.11 or later with its venv module, and apt here offers none:" \
        "install one, for example with pyenv, and run again." >&2
    exit 2
fi
