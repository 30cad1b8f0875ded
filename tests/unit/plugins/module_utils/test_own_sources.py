# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages keep the driver's source, by their names."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._own_sources import shares_source


@pytest.mark.parametrize(
    "name",
    [
        "cuda-toolkit-12-8",
        "cuda-nvcc-12-8",
        "libcublas-12-8",
        "libcudnn8",
        "cudnn9-cuda-12",
        "libcudnn9-cuda-12",
        "datacenter-gpu-manager-4-core",
        "nvidia-cuda-toolkit",
        "nvidia-cudnn",
    ],
)
def test_toolkits_and_their_kin_share_it(name: str) -> None:
    assert shares_source(name)


@pytest.mark.parametrize(
    "name",
    ["cuda-drivers", "cuda-drivers-580", "cuda-keyring", "nvidia-driver-580-open", "libcuda1", "nvtop"],
)
def test_the_driver_and_strangers_do_not(name: str) -> None:
    assert not shares_source(name)
