#!/bin/sh
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# What a CUDA runfile does once it is unpacked: options, log, paths and words as the real one.
set -eu
VERSION=@VERSION@ MINOR=@MINOR@ DASHED=@DASHED@ DRIVER=@DRIVER@ GCC_MAX=@GCC_MAX@
DRIVER_FILE=@DRIVER_FILE@ # empty: this release brings no driver along

LOG=/tmp/cuda-installer.log
silent='' driver='' toolkit='' override='' root='' path=''

help() {
    cat <<END
Options:
  --silent               install without questions; implies that the EULA is accepted
  --driver               install the driver
  --toolkit              install the toolkit
  --toolkitpath=<path>   where the toolkit goes instead of /usr/local/cuda-$MINOR
  --installpath=<path>   where everything goes
  --defaultroot=<path>   where the rest goes: libraries and links outside of the toolkit
  --override             do without the checks of compiler and installed software
  --no-man-page          install no man pages
  --no-opengl-libs       no OpenGL libraries with the driver
  --no-drm               no nvidia-drm with the driver
  --tmpdir=<path>        where this file unpacks instead of /tmp
  --help                 show this
END
}

info() { echo "[INFO]: $*" >> "$LOG"; }

fail() { # $1: for the log, $2: for the terminal
    echo "[ERROR]: $1" >> "$LOG"
    keep_log
    echo " $2. See log at $LOG for details."
    exit 1
}

# Root's log ends in /var/log, everybody else's stays in /tmp.
keep_log() {
    if [ "$(id -u)" = 0 ]; then
        mv "$LOG" /var/log/cuda-installer.log
        LOG=/var/log/cuda-installer.log
    fi
}

for option; do
    case $option in
    --help) help; exit 0 ;;
    --silent) silent=yes; info "Setting silent=true" ;;
    --driver) driver=yes; info "Setting driver=true" ;;
    --toolkit) toolkit=yes; info "Setting toolkit=true" ;;
    --override) override=yes; info "Overriding compiler check" ;;
    --toolkitpath=*) path=${option#*=} ;;
    --installpath=*) path=${option#*=} root=${option#*=} ;;
    --defaultroot=*) root=${option#*=} ;;
    --tmpdir=* | --no-man-page | --no-opengl-libs | --no-drm) ;;
    *) echo "Unknown option: $option"; help; exit 1 ;;
    esac
done
home=${path:-/usr/local/cuda-$MINOR}

if [ -z "$silent" ]; then
    if [ -t 0 ] && [ -t 1 ]; then
        echo "The menu is not simulated: use --silent."
    else
        echo "Error opening terminal: ${TERM:-unknown}."
    fi
    exit 1
fi
if [ -z "$driver$toolkit" ]; then
    driver=$DRIVER_FILE toolkit=yes
fi
if [ -n "$driver" ] && [ -z "$DRIVER_FILE" ]; then
    fail "This installer has no driver." "Installation failed"
fi

# Compiler
info "Checking compiler version..."
gcc=$(command -v gcc || true)
info "gcc location: $gcc"
if [ -z "$gcc" ]; then
    [ -n "$override" ] || fail "Missing gcc. gcc is required to continue." "Failed to verify gcc version"
else
    found=$(gcc -dumpfullversion)
    info "gcc version: gcc version $found"
    if [ "${found%%.*}" -gt "$GCC_MAX" ] && [ -z "$override" ]; then
        fail "unsupported compiler version: $found. Use --override to override this check." \
            "Failed to verify gcc version"
    fi
fi
info "Initializing menu"
info "Setup complete"

if [ -n "$driver" ]; then
    info "Installing: Driver"
    info "Executing $DRIVER_FILE --ui=none --no-questions --accept-license --disable-nouveau"
    sh "./$DRIVER_FILE" || fail "Install of driver component failed." "Installation failed"
fi
if [ -n "$toolkit" ]; then
    info "Installing: CUDA Toolkit $MINOR"
    mkdir -p "$home" 2> /dev/null || fail "Failed to create $home." "Installation failed"
    tar -C toolkit -c . | tar -C "$home" -x --no-same-owner
    if [ "$(id -u)" = 0 ]; then manifests=/var/log/nvidia/.uninstallManifests; else manifests=$home; fi
    mkdir -p "$manifests"
    (cd toolkit && find . ! -type d | sed "s|^\.|$home|") > "$manifests/uninstallManifest-cuda-$VERSION"
    if [ "$(id -u)" = 0 ] && [ -z "$root" ]; then
        # A plain link, also where the packages had an alternative.
        ln -sfn "$home/" /usr/local/cuda
        echo "$home/targets/x86_64-linux/lib" > "/etc/ld.so.conf.d/cuda-$DASHED.conf"
        ldconfig
    fi
else
    info "Silent install option: skipping toolkit"
fi
keep_log

installed() { if [ -n "$1" ]; then echo "Installed$2"; else echo "Not Selected"; fi; }
cat <<END
===========
= Summary =
===========

Driver:   $(installed "$driver" "")
Toolkit:  $(installed "$toolkit" " in $home/")
END
if [ -n "$toolkit" ]; then
    printf '\nTo uninstall the CUDA Toolkit, run cuda-uninstaller in %s/bin\n' "$home"
fi
if [ -z "$driver" ]; then
    echo "***WARNING: Incomplete installation! This installation did not install the CUDA Driver." \
        "A driver of version at least ${DRIVER%%.*}.00 is required for CUDA $MINOR functionality to work."
fi
printf '\nLogfile is %s\n' "$LOG"
