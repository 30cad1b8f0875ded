# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a boot does on a kernel of the common kind, and what is so after one that failed."""

from __future__ import annotations

from typing import Iterator

import pytest
from bootednode import DRIVER, Booted, booted_node, lab

# Before the simulator: /sys/module of a kernel with loadable modules that checks their signatures.
KERNEL_OF_THE_HOST = """\
[Unit]
DefaultDependencies=no
After=local-fs.target
Before=gpu-simulator.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'mkdir -p /run/kernel/module/parameters /run/kernel/ext4 /run/kernel/nvidia && \\
    echo N > /run/kernel/module/parameters/sig_enforce && \\
    if test ! -d /sys/module; then mount -o remount,bind,rw /sys && mkdir /sys/module; fi && \\
    mount --bind /run/kernel /sys/module'

[Install]
WantedBy=sysinit.target
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with booted_node(tmp_path_factory.mktemp("boot"), "t4*2") as booted:
        booted.role(**DRIVER)
        yield booted


def test_the_host_s_modules_are_shown_beside_the_simulated_ones(node: Booted) -> None:
    node.put("/etc/systemd/system/host-kernel.service", KERNEL_OF_THE_HOST.encode("ascii"))
    node.shell("systemctl enable host-kernel")
    node.reboot()
    assert node.shell("systemctl is-active host-kernel gpu-simulator").split() == ["active"] * 2
    assert {"ext4", "module", "nvidia", "nvidia_uvm"} <= set(node.shell("ls /sys/module").split())
    assert node.shell("cat /sys/module/nvidia/version") == "580.95.05"
    node.shell("gpu-simulator secure-boot on")
    node.reboot()
    assert node.shell("cat /sys/module/module/parameters/sig_enforce") == "Y"
    node.shell("gpu-simulator secure-boot off && systemctl disable host-kernel")


def test_after_a_boot_that_failed_the_host_is_asked_for_no_module(node: Booted) -> None:
    node.put("/etc/systemd/system/gpu-simulator.service.d/test.conf", b"[Service]\nExecStartPre=/bin/false\n")
    lab("reboot", node.name)
    assert node.call("systemctl is-failed gpu-simulator").out == "failed"
    for command in ("modprobe nvidia", "modprobe -r nvidia_uvm nvidia", "rmmod nvidia"):
        assert "see 'systemctl status gpu-simulator', then start it" in node.refused(command)
    assert node.shell("modprobe --dry-run --verbose nvidia").startswith("insmod /lib/modules/")
    node.shell("rm -r /etc/systemd/system/gpu-simulator.service.d && systemctl daemon-reload")
    node.shell("systemctl start gpu-simulator")
    assert [gpu["kernel_driver"] for gpu in node.status()["gpus"]] == ["nvidia"] * 2
