# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver observed on a file tree, with the real dpkg and modinfo."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.observe import (
    observe,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    FABRIC_UNIT,
    PIN_PATH,
    Module,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package, observe_packages
from ansible_collections.labfleet.gpu.tests.unit.support.data import text
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

HOST = Host("ubuntu", "24.04", "noble", "Ubuntu 24.04.3 LTS", "x86_64", "6.8.0-85-generic")
LIBRARIES = "/usr/lib/x86_64-linux-gnu/"
MODINFO = os.pathsep.join(["/sbin", "/usr/sbin", "/bin", "/usr/bin"])


@pytest.fixture
def commands() -> Iterator[Commands]:
    with module() as ansible_module:
        yield Commands(ansible_module)


def build_module(path: Path, version: str, licence: str) -> None:
    """An object file with the fields that modinfo reads."""
    fields = (("version", version), ("license", licence))
    code = "".join(
        '__attribute__((section(".modinfo"), used)) static const char %s[] = "%s=%s";\n' % (name, name, value)
        for name, value in fields
    )
    subprocess.run(["gcc", "-c", "-x", "c", "-o", str(path), "-"], input=code, text=True, check=True)


@pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("modinfo", path=MODINFO)), reason="gcc makes what modinfo reads"
)
@pytest.mark.parametrize("licence, flavour", [("Dual MIT/GPL", OPEN), ("NVIDIA", PROPRIETARY)])
@pytest.mark.parametrize("name", ["nvidia.ko", "nvidia-current.ko"])
def test_modules_by_kernel(tree: Tree, commands: Commands, name: str, licence: str, flavour: str) -> None:
    tree.write("/lib/modules/6.8.0-90-generic/updates/dkms/nvidia-uvm.ko")
    build_module(tree.write("/lib/modules/6.8.0-85-generic/updates/dkms/" + name), "580.95.05", licence)
    state = observe(commands, tree.files, HOST)
    assert state.on_disk == {"6.8.0-85-generic": Module("580.95.05", flavour), "6.8.0-90-generic": None}
    assert summary(state)["module_on_disk"] == "580.95.05"
    assert summary(state)["dkms"] == {"6.8.0-85-generic": "580.95.05"}


def test_what_the_files_say(tree: Tree, commands: Commands) -> None:
    tree.write("/lib/modules/6.8.0-85-generic/build/Makefile")
    tree.write("/lib/modules/6.8.0-90-generic/modules.dep")
    tree.write("/boot/vmlinuz-6.8.0-90-generic")
    tree.write("/boot/initrd.img-6.8.0-85-generic")
    tree.write("/proc/driver/nvidia/version", text("outputs/proc_driver_nvidia_version_open_555.txt"))
    tree.write(LIBRARIES + "libnvidia-ml.so.580.95.05")
    tree.link(LIBRARIES + "libnvidia-ml.so.1", "libnvidia-ml.so.580.95.05")
    tree.write(PIN_PATH, "pin")
    tree.link(
        "/etc/systemd/system/multi-user.target.wants/" + FABRIC_UNIT, "/lib/systemd/system/" + FABRIC_UNIT
    )
    state = observe(commands, tree.files, HOST)
    assert state.headers == ("6.8.0-85-generic",)
    assert state.bootable == ("6.8.0-90-generic",)
    assert state.loaded == Module("555.42.02", OPEN)
    assert state.library == "580.95.05"
    assert state.own_files[PIN_PATH] == "pin"
    assert state.enabled_units == (FABRIC_UNIT,)


@pytest.mark.parametrize("target", ["libnvidia-ml.so.580.95.05", "libsomething.so.1"])
def test_a_library_that_is_not_there_or_not_nvidias(tree: Tree, commands: Commands, target: str) -> None:
    if target == "libsomething.so.1":
        tree.write(LIBRARIES + target)
    tree.link(LIBRARIES + "libnvidia-ml.so.1", target)
    assert observe(commands, tree.files, HOST).library is None


def test_an_empty_node(tree: Tree, commands: Commands) -> None:
    state = observe(commands, tree.files, HOST)
    assert (state.on_disk, state.headers, state.bootable, state.loaded, state.library) == (
        {},
        (),
        (),
        None,
        None,
    )
    assert set(state.own_files.values()) == {None} and state.enabled_units == ()


def test_packages_of_a_real_dpkg(tree: Tree, commands: Commands) -> None:
    stanza = "Package: %s\nStatus: %s\nVersion: 580.95.05-0ubuntu1\nArchitecture: all\n"
    stanza += "Maintainer: x <x@example.org>\nDescription: x\n\n"
    tree.write(
        "/var/lib/dpkg/status",
        stanza % ("nvidia-utils-580", "hold ok installed")
        + stanza % ("nvidia-dkms-580-open", "install ok half-configured")
        + stanza % ("libnvidia-cfg1-580", "deinstall ok config-files"),
    )
    assert observe_packages(commands, str(tree.path("/var/lib/dpkg")), "x86_64") == (
        Package("libnvidia-cfg1-580", "580.95.05-0ubuntu1", "deinstall", "config-files"),
        Package("nvidia-dkms-580-open", "580.95.05-0ubuntu1", "install", "half-configured"),
        Package("nvidia-utils-580", "580.95.05-0ubuntu1", "hold", "installed"),
    )
