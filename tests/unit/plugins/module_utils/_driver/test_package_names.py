# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages are the driver: every NVIDIA package name of Debian's and NVIDIA's archives, told apart."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import is_driver_package
from ansible_collections.labfleet.gpu.tests.unit.support.data import package_names


@pytest.mark.parametrize("kind, expected", [("driver", True), ("other", False)])
def test_every_known_name_is_told_apart(kind: str, expected: bool) -> None:
    names = package_names(kind)
    assert len(names) > 200
    assert [name for name in names if is_driver_package(name) is not expected] == []


@pytest.mark.parametrize(
    "name",
    [
        "nvidia-container-toolkit",
        "libnvidia-container1",
        "nvidia-docker2",
        "cuda-toolkit-12-8",
        "cuda-keyring",
        "nvidia-cuda-toolkit",
        "libcudnn9-cuda-12",
        "nvidia-cudnn",
        "datacenter-gpu-manager-4-core",
        "nvidia-fs-dkms",
        "linux-headers-6.8.0-85-generic",
    ],
)
def test_neighbours_of_the_driver_are_never_taken_for_it(name: str) -> None:
    assert not is_driver_package(name)
