# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A booted node whose GPUs MIG divides: how it is made, asked and worked on."""

from __future__ import annotations

import time
from typing import Any

from scenario import Fleet

MODULE, DRIVER, NODE = "mig_layout", "580.95.05", "node1"
A100, A30, H100, T4 = "a100-sxm4-40gb", "a30-24gb", "h100-sxm5-80gb", "t4"
#: Before a call of nvidia-ml-py from a program of the admin's own.
LIBRARY = (
    "import sys; sys.path[:0] = __import__('glob').glob('/opt/labfleet-gpu/python*'); from pynvml import *; "
    "from ctypes import *; nvmlInit(); h = nvmlDeviceGetHandleByIndex(0); "
)

DCGM, EXPORTER = "nvidia-dcgm.service", "dcgm-exporter.service"
#: A watcher as DCGM's, which has all GPUs open, and a service that hangs on it. A script has its own name as
#: that of its process.
WATCHERS = {
    "/usr/local/bin/nv-hostengine": """#!/usr/bin/python3
import glob, os, signal
held = [os.open(path, os.O_PATH) for path in glob.glob("/dev/nvidia[0-9]*")]
signal.pause()
""",
    f"/etc/systemd/system/{DCGM}": (
        "[Service]\nExecStartPre=/bin/sh -c '! test -e /run/lab-watcher-broken'\n"
        "ExecStart=/usr/local/bin/nv-hostengine\n"
    ),
    "/usr/local/bin/dcgm-exporter": "#!/usr/bin/python3\nimport signal\nsignal.pause()\n",
    f"/etc/systemd/system/{EXPORTER}": (
        f"[Unit]\nBindsTo={DCGM}\nAfter={DCGM}\n[Service]\nExecStart=/usr/local/bin/dcgm-exporter\n"
    ),
}
#: Of this collection, where it has stopped services or unloaded nvidia_drm.
TRACES = (
    "ls /run/labfleet-gpu/stopped-services* 2>/dev/null; "
    "systemctl list-units --all --no-legend --plain 'labfleet-gpu-give-back*'"
)


def node_with(fleet: Fleet, *boards: str) -> str:
    """The node with these boards and the driver."""
    fleet.reset(NODE, *boards)
    done = fleet.driver(NODE, version=DRIVER)
    assert not done.get("failed"), done.get("msg")
    return NODE


def task(**options: Any) -> dict[str, Any]:
    """A task of the module; it may fail."""
    return {f"labfleet.gpu.{MODULE}": options, "ignore_errors": True}


def held(fleet: Fleet, **options: Any) -> dict[str, Any]:
    """The result of one run that must succeed."""
    done = fleet.task(NODE, task(**options))
    assert not done.get("failed"), done.get("msg")
    return done


def layouts(result: dict[str, Any]) -> list[list[tuple[str, int]]]:
    """(profile, start) of the instances of each GPU, by index."""
    gpus = sorted(result["after"]["gpus"].values(), key=lambda gpu: gpu["index"])
    return [[(each["profile"], each["start"]) for each in gpu["layout"]] for gpu in gpus]


def names(result: dict[str, Any]) -> list[list[str]]:
    return [[name for name, _start in layout] for layout in layouts(result)]


def devices(result: dict[str, Any], index: int) -> list[str]:
    """UUIDs of the MIG devices of a GPU."""
    key = next(key for key, gpu in result["after"]["gpus"].items() if gpu["index"] == index)
    found: list[str] = result["after"]["devices"][key]
    return found


def works(fleet: Fleet, gpu: int, user: str = "root", instance: str = "") -> str:
    """The pid of a process on a GPU, or on "<GPU instance> <compute instance>" of it, as NVML shows it."""
    if user != "root":
        fleet.sh(NODE, f"id {user} >/dev/null 2>&1 || useradd {user}")
    pid = fleet.sh(NODE, f"setsid setpriv --reuid {user} --clear-groups sleep 3600 >/dev/null 2>&1 & echo $!")
    inside = f" --instance {instance}" if instance else ""
    fleet.sh(NODE, f"gpu-simulator process add {gpu} --pid {pid} --memory 10{inside}")
    return pid


def opens(fleet: Fleet, path: str) -> str:
    """The pid of a process that has a device file open, which NVML does not show."""
    code = f"import os, time; os.open('{path}', os.O_PATH); time.sleep(3600)"
    return fleet.sh(NODE, f'setsid python3 -c "{code}" >/dev/null 2>&1 & echo $!; sleep 0.5')


def alive(fleet: Fleet, pid: str) -> bool:
    """Does the process live, and not only wait to be reaped?"""
    return fleet.sh(NODE, f"grep -c '^State:.[RSD]' /proc/{pid}/status", status=None) == "1"


def instance_at(fleet: Fleet, gpu: int, start: int) -> str:
    """The id of the GPU instance that starts there."""
    files = f"/run/gpu-simulator/gpus/{gpu}/mig"
    script = f"for f in {files}/gi*; do read -r _ at _ < $f; [ $at = {start} ] && echo $f; done"
    (path,) = [line for line in fleet.sh(NODE, script, status=None).split() if "-ci" not in line]
    return path.rpartition("/gi")[2]


def put(fleet: Fleet, files: dict[str, str]) -> None:
    """Files of the admin's own, programs and units of systemd."""
    for path, text in files.items():
        fleet.sh(NODE, f"cat > {path} <<'END'\n{text}END\nchmod 755 {path}")
    fleet.sh(NODE, "systemctl daemon-reload")


def given_back(fleet: Fleet, *units: str, seconds: float = 20) -> None:
    """Within seconds and without another run these services run, and nothing is left of who started them."""
    end = time.monotonic() + seconds
    seen = ""
    while time.monotonic() < end:
        seen = fleet.sh(
            NODE, f"for u in {' '.join(units)}; do systemctl is-active $u; done; {TRACES}", status=None
        )
        if seen.split() == ["active"] * len(units):
            return
        time.sleep(0.5)
    raise AssertionError(f"{units}: {seen}")
