# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CUDA from NVIDIA's runfiles on a booted node: simulated installers that misbehave as the real ones do."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from proof import Result, proved, refused
from scenario import MIRROR, Fleet

CUDA = "cuda_toolkit"
FILES = {
    "11.6.2": "cuda_11.6.2_510.47.03_linux.run",
    "12.4.1": "cuda_12.4.1_550.54.15_linux.run",
    "13.4.1": "cuda_13.4.1_linux.run",
}
#: What a run may leave of itself: nothing.
TRACES = (
    "ls -d /var/cache/labfleet-gpu/cuda /var/lib/labfleet-gpu/cuda /tmp/cuda-installer.log /tmp/makeself* "
    "/tmp/selfgz* /var/log/nvidia-installer.log /usr/bin/nvidia-uninstall 2>/dev/null || true"
)


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """A node with GPUs and without a driver; the scenarios below follow each other on it."""
    fleet.reset("node1")
    return "node1"


def wish(fleet: Fleet, release: str, **more: Any) -> dict[str, Any]:
    """The lab's runfile of a release, which is not the one that NVIDIA's checksum is of."""
    path = f"compute/cuda/{release}/local_installers/{FILES[release]}"
    digest = hashlib.sha256((fleet.inventory.parent / "www" / path).read_bytes()).hexdigest()
    return {
        "versions": [release],
        "source": "runfile",
        "runfile": f"{fleet.url}/{path}",
        "checksum": f"sha256:{digest}",
        **more,
    }


def run(fleet: Fleet, node: str, options: dict[str, Any], **more: Any) -> Result:
    return fleet.task(node, {f"labfleet.gpu.{CUDA}": {**MIRROR, **options}}, **more)


def toolkits(result: Result) -> dict[str, tuple[str, str]]:
    return {path: (each["version"], each["origin"]) for path, each in result["after"]["toolkits"].items()}


def nvcc(fleet: Fleet, node: str) -> str:
    return fleet.sh(node, "bash -lc 'nvcc --version'")


def test_a_toolkit_alone_although_another_user_left_a_log(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "setpriv --reuid=65534 --clear-groups touch /tmp/cuda-installer.log")
    done = proved(fleet, node, module=CUDA, **wish(fleet, "12.4.1"))
    assert toolkits(done) == {"/usr/local/cuda-12.4": ("12.4.1", "runfile")}
    assert done["after"]["default_kind"] == "link" and "release 12.4" in nvcc(fleet, node)
    assert fleet.sh(node, TRACES) == "", "neither a driver nor anything of the run"
    assert "libcudart.so.12" in fleet.sh(node, "ldconfig -p")
