# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver as the node's files and packages show it."""

from __future__ import annotations

from typing import Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.families import (
    DEBIAN,
    NVIDIA_DEBIAN,
    NVIDIA_UBUNTU,
    NVIDIA_UBUNTU_SUFFIXED,
    UBUNTU_SERVER,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.observe import parse_proc_version
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.observe_kernel import parse_modinfo
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    Installed,
    Module,
    find_installed,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.tests.unit.support.data import text


@pytest.mark.parametrize(
    "recorded, module",
    [
        (text("outputs/proc_driver_nvidia_version_open_555.txt"), Module("555.42.02", OPEN)),
        (text("outputs/proc_driver_nvidia_version_proprietary_535.txt"), Module("535.183.01", PROPRIETARY)),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.95.05  Release Build\n",
            Module("580.95.05", OPEN),
        ),
        ("NVRM version: NVIDIA UNIX aarch64 Kernel Module  590.44  Wed\n", Module("590.44", PROPRIETARY)),
        ("GCC version:  gcc version 12.3.0\n", None),
        ("", None),
        (None, None),
    ],
)
def test_loaded_module(recorded: Optional[str], module: Optional[Module]) -> None:
    assert parse_proc_version(recorded) == module


@pytest.mark.parametrize(
    "recorded, module",
    [
        (text("outputs/modinfo_open_580.txt"), Module("580.95.05", OPEN)),
        (text("outputs/modinfo_proprietary_535.txt"), Module("535.247.01", PROPRIETARY)),
        ("license:        GPL\n", None),
        ("modinfo: ERROR: Module nvidia not found.\n", None),
        ("", None),
    ],
)
def test_module_on_disk(recorded: str, module: Optional[Module]) -> None:
    assert parse_modinfo(recorded) == module


@pytest.mark.parametrize(
    "name, version, installed",
    [
        (
            "nvidia-dkms-570-open",
            "570.133.20-0ubuntu1",
            Installed(NVIDIA_UBUNTU_SUFFIXED, 570, "570.133.20", OPEN),
        ),
        (
            "nvidia-dkms-580",
            "580.95.05-0ubuntu1",
            Installed(NVIDIA_UBUNTU_SUFFIXED, 580, "580.95.05", PROPRIETARY),
        ),
        ("nvidia-kernel-dkms", "535.247.01-1~deb12u1", Installed(DEBIAN, 535, "535.247.01", PROPRIETARY)),
        ("nvidia-open-kernel-dkms", "550.163.01-2", Installed(DEBIAN, 550, "550.163.01", OPEN)),
        ("nvidia-utils-580", "580.95.05-0ubuntu1", None),
        (
            "nvidia-dkms-535-server",
            "535.247.01-0ubuntu0.24.04.1",
            Installed(UBUNTU_SERVER, 535, "535.247.01", PROPRIETARY),
        ),
        ("nvidia-dkms-open", "595.91.07-1ubuntu1", Installed(NVIDIA_UBUNTU, 595, "595.91.07", OPEN)),
        ("nvidia-kernel-open-dkms", "580.178.04-1", Installed(NVIDIA_DEBIAN, 580, "580.178.04", OPEN)),
    ],
)
def test_the_installed_set_is_known_by_its_kernel_module(
    name: str, version: str, installed: Optional[Installed]
) -> None:
    other = Package("nvidia-modprobe", "580.95.05-0ubuntu1", "install", "installed")
    assert find_installed((other, Package(name, version, "install", "installed"))) == installed
    assert find_installed((other, Package(name, version, "deinstall", "config-files"))) is None
