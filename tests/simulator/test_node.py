# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One booted node, end to end: the role, the real lspci and loader, a reboot, and removal.

Needs root; boots fleet number 9 of the lab and takes it down again. A fleet of that number that is
already up is left alone.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LAB = [sys.executable, str(REPOSITORY / "tests/lab/lab.py"), "--lab", "9"]
# Beside the interpreter that runs the tests, as pip installs it.
PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
BOARDS = "h100-sxm5-80gb*2,b200-180gb"
DRIVER: Dict[str, Any] = {"gpu_simulator_driver_version": "580.95.05"}
COUNT = """
import ctypes
nvml, count = ctypes.CDLL("libnvidia-ml.so.1"), ctypes.c_uint()
print(nvml.nvmlInit_v2(), nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)), count.value)
"""


class Booted:
    """The booted node."""

    def __init__(self, playbook: Path) -> None:
        self.playbook = playbook
        self.name = "gpu1"

    def shell(self, command: str) -> str:
        done = subprocess.run(
            [*LAB, "exec", self.name, "--", "sh", "-c", command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def role(self, check: bool = False, **variables: Any) -> List[str]:
        """Run the role; the names of the tasks that changed something."""
        home = Path(lab("inventory")).parent
        environ = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(self.playbook.parent),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(self.playbook.parent / "home"),
        }
        command = [
            str(PLAYBOOK),
            "-i",
            str(home / "inventory.yml"),
            "-e",
            json.dumps(variables),
            str(self.playbook),
        ]
        done = subprocess.run(
            command + (["--check"] if check else []), capture_output=True, text=True, check=False, env=environ
        )
        assert done.returncode == 0, done.stdout + done.stderr
        tasks, task = [], ""
        for line in done.stdout.splitlines():
            task = line.split("[")[1].split("]")[0].split(" : ")[-1] if line.startswith("TASK [") else task
            if line.startswith("changed: ") and task not in tasks:
                tasks.append(task)
        return tasks

    def status(self) -> Dict[str, Any]:
        data: Dict[str, Any] = json.loads(self.shell("gpu-simulator status --json"))
        return data


def lab(*arguments: str) -> str:
    done = subprocess.run([*LAB, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    if os.geteuid() != 0:
        pytest.fail("Booting a node needs root: run the tests with sudo.")
    # Exit status 1 says that no such fleet is up.
    if subprocess.run([*LAB, "status"], capture_output=True, check=False).returncode != 1:
        pytest.fail(
            "Fleet 9 of the lab is up already: take it down with 'lab.py --lab 9 down' and test again."
        )
    home = tmp_path_factory.mktemp("collections")
    (home / "ansible_collections/labfleet").mkdir(parents=True)
    (home / "ansible_collections/labfleet/gpu").symlink_to(REPOSITORY)
    playbook = home / "play.yml"
    play = [{"hosts": "all", "gather_facts": False, "become": True, "roles": ["labfleet.gpu.gpu_simulator"]}]
    playbook.write_text(json.dumps(play), encoding="utf-8")
    try:
        lab(
            "up",
            "--nodes",
            "1",
            "--kinds",
            "debian12",
            "--boards",
            BOARDS,
            "--name-prefix",
            "gpu",
            "--no-prepare",
        )
        yield Booted(playbook)
    finally:
        subprocess.run([*LAB, "down"], capture_output=True, check=False)


def test_the_life_of_a_simulated_node(booted: Booted) -> None:
    """In order, because each step begins where the one before ended."""
    predicted = booted.role(check=True)
    assert booted.shell("ls /usr/sbin | grep -c gpu-simulator || true") == "0"
    assert predicted

    booted.role()
    assert booted.role() == []
    assert booted.shell("systemctl is-system-running") == "running"
    assert [gpu["state"] for gpu in booted.status()["gpus"]] == ["no driver"] * 3
    assert booted.shell("test -e /proc/driver/nvidia || echo none") == "none"

    assert "Build and install this driver" in booted.role(check=True, **DRIVER)
    booted.role(**DRIVER)
    assert booted.role(**DRIVER) == []
    shown = booted.shell("lspci -nnk -d 10de:")
    assert len(re.findall(r"\[10de:2330\]", shown)) == 2 and len(re.findall(r"\[10de:22a3\]", shown)) == 4
    assert shown.count("Kernel driver in use: nvidia") == 3
    assert "Open Kernel Module for x86_64  580.95.05" in booted.shell("cat /proc/driver/nvidia/version")
    assert booted.shell("cat /sys/module/nvidia/version") == "580.95.05"
    assert booted.shell("grep -l SW_MNG /sys/class/infiniband/*/device/vpd | wc -l") == "4"
    assert booted.shell("stat -c %t,%T /dev/nvidia1") == "c3,1"
    assert booted.shell("test -d /sys/class/net/lo && echo there") == "there"
    assert booted.shell("python3 -c '{0}'".format(COUNT)) == "0 0 3"

    booted.shell("gpu-simulator fault nvmlDeviceGetCount_v2 after 1 return 15")
    for user, answer in (("admin", "0 0 3"), ("root", "0 15 0"), ("admin", "0 15 0")):
        assert booted.shell("runuser -u {0} -- python3 -c '{1}'".format(user, COUNT)) == answer, user
    booted.shell("gpu-simulator fault nvmlDeviceGetCount_v2 --clear")

    before = [gpu["uuid"] for gpu in booted.status()["gpus"]]
    booted.shell("gpu-simulator set 0 persistence_mode 1 && gpu-simulator set 0 ecc_mode_pending 0")
    lab("reboot", booted.name)
    assert [gpu["uuid"] for gpu in booted.status()["gpus"]] == before
    assert booted.shell("gpu-simulator get 0 persistence_mode") == "0"
    assert booted.shell("gpu-simulator get 0 ecc_mode_current") == "0"

    booted.role(gpu_simulator_driver_flavour="proprietary", **DRIVER)
    assert [gpu["state"] for gpu in booted.status()["gpus"]] == ["running", "running", "not started"]
    assert booted.shell("python3 -c '{0}'".format(COUNT)) == "0 0 2"

    booted.role(gpu_simulator_state="absent")
    assert booted.role(gpu_simulator_state="absent") == []
    assert booted.shell("grep -c gpu-simulator /proc/self/mountinfo || true") == "0"
    assert booted.shell("lspci -d 10de: | wc -l") == "0"
    assert (
        booted.shell("find /etc /usr /var/lib /run /dev -name '*gpu-simulator*' -o -name 'nvidia*' | wc -l")
        == "0"
    )
    assert booted.shell("systemctl is-system-running") == "running"
