#!/bin/sh
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Run playbooks/site.yml on the lab, with branch 580 and reboots allowed unless the arguments say otherwise.
# Use: converge.sh [ARGUMENT OF ansible-playbook...]
set -eu
cd "$(dirname "$0")/../.."
inventory=$(python tests/lab/lab.py inventory)
if [ ! -e "$inventory" ]; then
    echo "There is no lab: boot one with 'make lab-up'." >&2
    exit 2
fi
exec ansible-playbook -i "$inventory" playbooks/site.yml \
    -e nvidia_driver_branch=580 -e gpu_node_reboot_allowed=true "$@"
