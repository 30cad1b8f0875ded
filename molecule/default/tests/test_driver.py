# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role nvidia_driver leaves on a node, seen from outside."""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["ansible://gpu"]
VERSION = "570.211.01"


def test_the_installed_driver_is_the_loaded_one(host: Any) -> None:
    assert host.package("nvidia-headless-570-open").version.startswith(VERSION)
    assert (
        f"Open Kernel Module for x86_64  {VERSION}" in host.file("/proc/driver/nvidia/version").content_string
    )


def test_the_programs_see_the_gpus(host: Any) -> None:
    listing = host.run("nvidia-smi -L")
    assert listing.rc == 0
    assert [line.split(" (")[0] for line in listing.stdout.splitlines()] == [
        "GPU 0: NVIDIA A100-SXM4-40GB",
        "GPU 1: NVIDIA A100-SXM4-40GB",
    ]


def test_the_set_is_pinned_and_held(host: Any) -> None:
    assert (
        f"Pin: version {VERSION}-*" in host.file("/etc/apt/preferences.d/labfleet-gpu-driver").content_string
    )
    held = host.check_output("apt-mark showhold").split()
    assert "libnvidia-compute-570" in held and "nvidia-dkms-570-open" in held


def test_dkms_built_the_module_for_the_running_kernel(host: Any) -> None:
    kernel = host.check_output("uname -r")
    assert f"nvidia/{VERSION}, {kernel}, x86_64: installed" in host.check_output("dkms status")


def test_persistence_runs(host: Any) -> None:
    assert host.service("nvidia-persistenced").is_running
