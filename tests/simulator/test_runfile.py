# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NVIDIA's .run installer leaves on a booted node, and how it goes."""

from __future__ import annotations

from typing import Iterator

import pytest
from bootednode import Booted, booted_node

LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so"
LOADED = "import ctypes; print(ctypes.CDLL('libnvidia-ml.so.1').nvmlInit_v2())"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with booted_node(tmp_path_factory.mktemp("runfile"), "l40s") as booted:
        booted.role()
        yield booted


def test_a_driver_without_packages_comes_and_goes(node: Booted) -> None:
    assert "is loaded with 1 of 1" in node.shell("gpu-simulator runfile install 570.133.20")
    assert node.shell("modinfo -n nvidia").endswith("/kernel/drivers/video/nvidia.ko")
    assert node.shell("cat /sys/module/nvidia/version") == "570.133.20"
    assert node.shell("readlink -f {0}.1".format(LIBRARY)) == LIBRARY + ".570.133.20"
    assert node.shell('python3 -c "{0}"'.format(LOADED)) == "0"
    assert node.call("dpkg -S {0}.1 /usr/bin/nvidia-uninstall".format(LIBRARY)).status == 1
    record = node.shell("cat /var/lib/nvidia/log").splitlines()
    assert record[0] == "1.0-57013320 (570.133.20)"
    assert "1: {0}.570.133.20".format(LIBRARY) in record and "0: {0}.1".format(LIBRARY) in record
    assert "nvidia-uninstall --silent" in node.refused("gpu-simulator runfile install 580.95.05")
    node.reboot()
    assert node.status()["driver"]["version"] == "570.133.20"

    assert "say --silent" in node.refused("nvidia-uninstall < /dev/null")
    assert "(570.133.20) is complete" in node.shell("nvidia-uninstall --silent")
    assert node.shell("lsmod | grep -c nvidia || true") == "0"
    assert node.shell("ls -d {0}* /usr/bin/nvidia* /var/lib/nvidia 2>&1 >&- | wc -l".format(LIBRARY)) == "3"
    assert node.call("modinfo nvidia").status == 1
    assert node.call("ldconfig -p | grep libnvidia-ml").status == 1
    assert node.shell("ls /var/log/nvidia-installer.log")


def test_an_uninstall_leaves_loaded_what_is_in_use(node: Booted) -> None:
    node.shell("gpu-simulator runfile install 580.95.05 --flavour proprietary")
    node.shell("gpu-simulator set 0 persistence_mode 1 && nvidia-uninstall -s")
    assert node.status()["driver"]["version"] == "580.95.05"
    assert node.call("modinfo nvidia").status == 1
    node.shell("gpu-simulator set 0 persistence_mode 0 && rmmod nvidia")


def test_dkms_builds_the_modules_where_the_installer_was_told_so(node: Booted) -> None:
    # What dkms looks for of a kernel's headers.
    node.shell("mkdir -p /usr/src/headers && ln -s /usr/src/headers /lib/modules/$(uname -r)/build")
    install = "gpu-simulator runfile install 580.95.05 --dkms"
    assert "kernel headers" in node.refused(install)
    assert (
        node.shell("ls -d /usr/src/nvidia* /var/lib/nvidia /var/lib/dkms/nvidia/5* 2>&1 >&- | wc -l") == "3"
    )
    node.shell("mkdir /usr/src/headers/include; touch /usr/src/headers/.config")
    node.shell(install)
    assert "580.95.05" in node.shell("dkms status -m nvidia") and "installed" in node.shell("dkms status")
    assert node.shell("modinfo -n nvidia").endswith("/updates/dkms/nvidia.ko")
    node.shell("nvidia-uninstall --silent")
    assert node.shell("dkms status -m nvidia") == ""
    assert node.shell("ls -d /usr/src/nvidia-580.95.05 2>&1 >&- | wc -l") == "1"


def test_the_role_takes_it_away_as_well(node: Booted) -> None:
    node.shell("gpu-simulator runfile install 580.95.05")
    node.role(gpu_simulator_state="absent")
    assert node.shell("ls -d {0}* /usr/bin/nvidia* /var/lib/nvidia 2>&1 >&- | wc -l".format(LIBRARY)) == "3"
    assert node.shell("dpkg-divert --list '*kmod*'; dpkg --verify kmod") == ""
    assert node.call("modprobe nvidia").status == 1
