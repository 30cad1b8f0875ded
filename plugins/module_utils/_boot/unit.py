# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The unit that restores at boot, and where its parts lie."""

from __future__ import annotations

UNIT = "labfleet-gpu-restore.service"
UNIT_PATH = "/etc/systemd/system/" + UNIT
ENABLED_PATH = "/etc/systemd/system/multi-user.target.wants/" + UNIT
RULE_PATH = "/etc/udev/rules.d/72-labfleet-gpu-restore.rules"
PROGRAM_PATH = "/opt/labfleet-gpu/restore.pyz"
#: What is to be restored, one file for each component that has something, by the component's name.
STORES = {"settings": "/etc/labfleet-gpu/settings.json", "mig": "/etc/labfleet-gpu/mig.json"}

#: Seconds: without persistence each look at a board with eight GPUs may take half a minute (see _nvml.py).
TIME_LIMIT = 600
#: Another run is changing this host: when to look again, by a timer of its own. A unit that systemd restarts
#: itself would keep its start job, and who is ordered after it, waiting until then.
LATER = "labfleet-gpu-restore-later"
START_LATER = (
    *("systemd-run", "--quiet", "--collect", "--unit=" + LATER, "--on-active=15"),
    # Without this a timer may take a minute more.
    "--timer-property=AccuracySec=1s",
    *("systemctl", "start", "--no-block", UNIT),
)

#: What must be there first, and what would begin with GPUs as they are.
AFTER = ("nvidia-persistenced.service", "nvidia-fabricmanager.service")
_BEFORE = (
    "slurmd.service",
    "kubelet.service",
    "k3s.service",
    "k3s-agent.service",
    "rke2-server.service",
    "rke2-agent.service",
    "nvidia-dcgm.service",
    "dcgm.service",
    "nvidia-dcgm-exporter.service",
    "dcgm-exporter.service",
    "nvidia-cdi-refresh.service",
    "nvidia-imex.service",
    "nvidia-powerd.service",
    "docker.service",
    "containerd.service",
    "crio.service",
    "podman.service",
    "podman-restart.service",
    "cri-docker.service",
    "k0scontroller.service",
    "k0sworker.service",
    "snap.docker.dockerd.service",
    "snap.microk8s.daemon-kubelite.service",
    "display-manager.service",
)

#: As the driver packages' own rule starts nvidia-persistenced: when the driver is loaded, at boot or later.
#: Source: 71-nvidia.rules of Ubuntu's nvidia-kernel-common packages.
RULE = (
    """\
# Installed by labfleet.gpu: a driver that is loaded anew has forgotten its settings and MIG layouts.
ACTION=="add", DEVPATH=="/bus/pci/drivers/nvidia", TAG+="systemd", ENV{SYSTEMD_WANTS}+="%s"
"""
    % UNIT
)

_TEXT = """\
# Installed by labfleet.gpu. What it restores: %(stores)s.
[Unit]
Description=Restore GPU settings and MIG layouts
After=%(after)s
Before=%(before)s

[Service]
Type=oneshot
ExecStart=%(python)s -I %(program)s
TimeoutStartSec=%(limit)d
TimeoutStopSec=10

[Install]
WantedBy=multi-user.target
"""


def unit_text(python: str) -> str:
    """The unit's file. ``python``: the path of the interpreter that runs the program."""
    python = '"%s"' % python.replace("%", "%%") if set(python) & set(' %"') else python
    return _TEXT % {
        "stores": ", ".join(STORES.values()),
        "after": " ".join(AFTER),
        "before": " ".join(_BEFORE),
        "python": python,
        "program": PROGRAM_PATH,
        "limit": TIME_LIMIT,
    }
