# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading the kernel module: which file, whether at all, and which GPUs it brings up."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from typing import List

import pytest
from simnode import KERNEL, Node

# The form that readers of the real file expect, both flavours.
VERSION_LINE = re.compile(
    r"^NVRM version:\s+NVIDIA UNIX (?:Open Kernel Module for \S+|\S+ Kernel Module)\s+(\d+\.\d+(?:\.\d+)?)"
)
RUNNING, NOT_STARTED, NO_DRIVER = ["running"], ["not started"], ["no driver"]


@pytest.mark.parametrize(
    "board, version, flavour, states, says",
    [
        ("v100-sxm2-16gb", "580.95.05", "open", NO_DRIVER, "GPU System Processor (GSP)"),
        ("v100-sxm2-16gb", "580.95.05", "proprietary", RUNNING, ""),
        ("v100-sxm2-16gb", "590.48.01", "proprietary", NO_DRIVER, "not supported by the NVIDIA 590.48.01"),
        ("t4", "580.95.05", "open", RUNNING, ""),
        ("t4", "615.71.09", "open", RUNNING, ""),
        ("a100-sxm4-40gb", "418.197.02", "proprietary", NO_DRIVER, "not supported by the NVIDIA 418.197.02"),
        ("a100-sxm4-40gb", "450.80.02", "proprietary", RUNNING, ""),
        ("h100-pcie-80gb", "470.256.02", "proprietary", NO_DRIVER, "not supported by the NVIDIA 470.256.02"),
        ("h100-pcie-80gb", "570.133.20", "proprietary", RUNNING, ""),
        ("h200-sxm-141gb", "535.183.01", "open", NO_DRIVER, "not supported by the NVIDIA 535.183.01"),
        ("l40s", "470.256.02", "proprietary", NO_DRIVER, "not supported"),
        ("b200-180gb", "570.133.20", "open", RUNNING, ""),
        (
            "b200-180gb",
            "570.133.20",
            "proprietary",
            NOT_STARTED,
            "requires use of the NVIDIA open kernel modules",
        ),
        ("b200-180gb", "550.54.15", "open", NO_DRIVER, "not supported"),
        ("rtx-pro-6000-server", "570.133.20", "open", NO_DRIVER, "not supported"),
        ("rtx-pro-6000-server", "580.95.05", "open", RUNNING, ""),
    ],
)
def test_which_driver_drives_which_gpu(
    node: Node, board: str, version: str, flavour: str, states: List[str], says: str
) -> None:
    node.module(version, flavour)
    node.boot(board)
    assert node.states() == states
    assert says in node.log()
    assert (node.state / "gpus/0").exists() == (states == RUNNING)
    # A module that no GPU takes is not inserted; one that takes a GPU it cannot start is.
    assert (node.status()["driver"]["version"] == version) == (states != NO_DRIVER)


def test_mixed_chassis_with_the_open_module(node: Node) -> None:
    node.module("580.95.05", "open")
    node.boot("v100-sxm2-16gb", "t4", "b200-180gb")
    assert node.states() == ["no driver", "running", "running"]
    assert node.value(1, "minor_number") == "0"
    assert sorted(path.name for path in (node.root / "dev").glob("nvidia[0-9]")) == ["nvidia0", "nvidia1"]
    assert "NVRM: The NVIDIA GPU 0000:07:00.0 (PCI ID: 10de:1db1)" in node.log()


@pytest.mark.parametrize("flavour", ["open", "proprietary"])
def test_proc_and_sys_of_a_loaded_module(node: Node, flavour: str) -> None:
    node.module("570.133.20", flavour)
    node.module("570.133.20", flavour, "nvidia-uvm")
    node.boot("l40s")
    proc = node.state / "proc/driver/nvidia"
    match = VERSION_LINE.match((proc / "version").read_text(encoding="utf-8"))
    assert match and match.group(1) == "570.133.20"
    assert "gcc version" in (proc / "version").read_text(encoding="utf-8")
    information = (proc / "gpus/0000:07:00.0/information").read_text(encoding="utf-8")
    assert "Model: \t\t NVIDIA L40S\n" in information
    assert "GPU UUID: \t " + node.value(0, "uuid") in information
    module = node.state / "sys/module"
    assert (module / "nvidia/version").read_text(encoding="utf-8") == "570.133.20\n"
    assert (module / "nvidia/refcnt").read_text(encoding="utf-8") == "1\n"
    assert (module / "nvidia_uvm/initstate").read_text(encoding="utf-8") == "live\n"
    assert node.status()["driver"]["flavour"] == flavour


def test_without_a_module_there_is_no_driver(node: Node) -> None:
    outcome = node.boot("t4")
    assert "No NVIDIA kernel module is installed for kernel " + KERNEL in outcome
    assert "install a driver package" in node.refused("load")
    assert not (node.state / "proc/driver/nvidia").exists()
    assert node.states() == NO_DRIVER


def test_updates_come_before_the_kernels_own_directory(node: Node) -> None:
    node.module("570.133.20", "open", directory="kernel/drivers/video")
    node.module("580.95.05", "open", directory="updates/dkms")
    node.boot("t4")
    assert node.status()["driver"]["version"] == "580.95.05"


def test_an_upgrade_leaves_the_old_module_loaded(node: Node) -> None:
    node.module("570.133.20", "open")
    node.boot("t4")
    node.module("580.95.05", "open")
    assert "570.133.20 is already loaded" in node.run("load")
    assert node.status()["driver"]["version"] == "570.133.20"
    node.boot()
    assert node.status()["driver"]["version"] == "580.95.05"


@pytest.mark.parametrize(
    "path, line, says",
    [
        ("etc/modprobe.d/no.conf", "blacklist nvidia", "a blacklist line"),
        ("usr/lib/modprobe.d/no.conf", "install nvidia /bin/false", "install nvidia /bin/false"),
        ("proc/cmdline", "quiet module_blacklist=nouveau,nvidia", "module_blacklist"),
        ("proc/cmdline", "quiet modprobe.blacklist=nvidia", "modprobe.blacklist"),
    ],
)
def test_a_forbidden_module_is_not_loaded(node: Node, path: str, line: str, says: str) -> None:
    node.module("580.95.05", "open")
    node.write(path, line)
    assert says in node.boot("t4")
    assert node.states() == NO_DRIVER
    assert says in node.refused("load")


def test_debian_loads_the_module_under_another_name(node: Node) -> None:
    """Debian's nvidia-kernel-dkms builds nvidia-current.ko and redirects the name nvidia to it."""
    node.module("535.183.01", "proprietary", "nvidia-current")
    node.write("etc/modprobe.d/nvidia.conf", "install nvidia modprobe -i nvidia-current $CMDLINE_OPTS")
    node.boot("t4")
    assert node.status()["driver"] == {
        "version": "535.183.01",
        "flavour": "proprietary",
        "file": str(node.root / "lib/modules" / KERNEL / "updates/dkms/nvidia-current.ko"),
    }


def test_nouveau_takes_the_boards_unless_it_is_blacklisted(node: Node) -> None:
    node.module("580.95.05", "open")
    node.module("", "gpl", "nouveau", "kernel/drivers/gpu/drm/nouveau")
    assert "another driver has the GPUs" in node.boot("t4")
    assert node.status()["gpus"][0]["kernel_driver"] == "nouveau"
    assert (node.state / "sys/module/nouveau").is_dir()
    node.write("etc/modprobe.d/blacklist-nouveau.conf", "blacklist nouveau")
    node.boot()
    assert node.status()["gpus"][0]["kernel_driver"] == "nvidia"
    assert not (node.state / "sys/module/nouveau").exists()


def test_module_options_show_in_params_and_on_device_files(node: Node) -> None:
    node.module("580.95.05", "open")
    options = "NVreg_DeviceFileMode=0660 NVreg_DeviceFileGID=44 NVreg_RegistryDwords=RMIntrLockingMode=1"
    node.write("etc/modprobe.d/nvidia.conf", "options nvidia " + options)
    node.boot("t4")
    params = (node.state / "proc/driver/nvidia/params").read_text(encoding="utf-8")
    assert "DeviceFileMode: 432\n" in params
    assert 'RegistryDwords: "RMIntrLockingMode=1"\n' in params
    device = (node.root / "dev/nvidia0").stat()
    assert stat.S_IMODE(device.st_mode) == 0o660
    if os.geteuid() == 0:
        assert device.st_gid == 44 and stat.S_ISCHR(device.st_mode)
        assert (os.major(device.st_rdev), os.minor(device.st_rdev)) == (195, 0)


def test_unload_is_refused_while_a_gpu_is_in_use(node: Node) -> None:
    node.module("580.95.05", "open")
    node.boot("t4*2")
    client = subprocess.Popen(["sleep", "60"])
    try:
        node.run("process", "add", "1", "--pid", str(client.pid), "--memory", "512")
        assert "process {0} on GPU 1".format(client.pid) in node.refused("unload")
    finally:
        client.kill()
        client.wait()
    node.run("set", "0", "persistence_mode", "1")
    assert "persistence mode of GPU 0" in node.refused("unload")
    assert node.states() == ["running", "running"]
    node.run("set", "0", "persistence_mode", "0")
    node.run("unload")
    assert node.states() == ["no driver", "no driver"]
    assert not list((node.root / "dev").glob("nvidia*"))
    for path in ("gpus", "proc/driver/nvidia", "sys/module/nvidia", "module/version"):
        assert not (node.state / path).exists(), path
    assert "with 2 of 2" in node.run("load")


def test_a_lost_gpu_is_left_out_by_a_driver_that_loads_later(node: Node) -> None:
    node.boot("t4*2")
    node.run("lose", "0")
    node.module("580.95.05", "open")
    node.run("load")
    assert node.states() == ["lost", "running"]
    node.boot()
    assert node.states() == ["running", "running"]
