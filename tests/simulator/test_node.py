# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One booted node, end to end: the role, the real lspci and loader, a reboot, and removal."""

from __future__ import annotations

import re
from typing import Iterator

import pytest
from bootednode import DRIVER, Booted, booted_node

COUNT = """
import ctypes
nvml, count = ctypes.CDLL("libnvidia-ml.so.1"), ctypes.c_uint()
print(nvml.nvmlInit_v2(), nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)), count.value)
"""

FILES = "Install program, board tables, trusted keys, driver sources, unit and the list of boards"
LIBRARY = "/usr/lib/gpu-simulator/gpu_simulator"
SOURCE = "/usr/src/gpu-simulator/driver/module.c"


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with booted_node(tmp_path_factory.mktemp("collections"), "h100-sxm5-80gb*2,b200-180gb") as node:
        yield node


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

    booted.shell("touch {0}/retired.py; chmod 600 {0}/cli.py; echo spoilt >> {1}".format(LIBRARY, SOURCE))
    predicted = booted.role(check=True, **DRIVER)
    assert predicted == [FILES, "Build and install this driver", "Switch the simulated hardware on"]
    assert booted.role(**DRIVER) == predicted
    assert (
        booted.shell("stat -c %a {0}/cli.py; test -e {0}/retired.py || echo gone".format(LIBRARY))
        == "644\ngone"
    )
    assert booted.shell("grep -c spoilt {0} || true".format(SOURCE)) == "0"

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
    booted.reboot()
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
