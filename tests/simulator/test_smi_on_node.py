# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi on a booted node: with a driver of make, and with one of the .run installer."""

from __future__ import annotations

from typing import Iterator

import pytest
from bootednode import DRIVER, Booted, booted_node

PLACE = "/usr/bin/nvidia-smi"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with booted_node(tmp_path_factory.mktemp("smi"), "a100-sxm4-40gb*2") as booted:
        yield booted


def test_nvidia_smi_comes_and_goes_with_the_driver(node: Booted) -> None:
    node.role(**DRIVER)
    assert node.role(**DRIVER) == []
    assert len(node.shell("nvidia-smi -L").splitlines()) == 2
    assert "NVIDIA-SMI 580.95.05" in node.shell("runuser -u nobody -- nvidia-smi")

    uuid = node.status()["gpus"][1]["uuid"]
    assert "Reboot required." in node.shell("nvidia-smi -e 0 -i " + uuid)
    assert "was successfully reset" in node.shell("nvidia-smi --gpu-reset -i " + uuid)
    query = "nvidia-smi --query-gpu=ecc.mode.current --format=csv,noheader"
    assert node.shell(query).split() == ["Enabled", "Disabled"]

    node.shell("nvidia-smi -i 0 -mig 1 && nvidia-smi mig -i 0 -cgi 9,14,19 -C")
    assert node.shell("nvidia-smi -L").count("MIG ") == 3
    assert node.shell("test -c /dev/nvidia-caps/nvidia-cap1 && echo there") == "there"
    node.shell("nvidia-smi mig -dci && nvidia-smi mig -dgi && nvidia-smi -i 0 -mig 0")

    node.shell("modprobe -r nvidia_uvm nvidia_drm nvidia_modeset nvidia_peermem nvidia")
    said = node.call("nvidia-smi")
    assert (said.status, "couldn't communicate with the NVIDIA driver" in said.out) == (9, True)

    node.shell("make -C /usr/src/gpu-simulator/driver uninstall")
    assert node.call("ls " + PLACE).status == 2

    node.shell("gpu-simulator runfile install 570.133.20")
    assert "NVIDIA-SMI 570.133.20" in node.shell("nvidia-smi")
    assert node.call("dpkg -S " + PLACE).status == 1
    assert "1: " + PLACE in node.shell("cat /var/lib/nvidia/log").splitlines()
    node.shell("nvidia-uninstall --silent")
    assert node.call("ls " + PLACE).status == 2
