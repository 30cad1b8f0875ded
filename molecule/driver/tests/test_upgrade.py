# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade over the rename of the packages leaves on a node, seen from outside."""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["ansible://gpu"]
VERSION = "590.48.01"


def installed(host: Any) -> dict[str, str]:
    """Version by name of what dpkg has."""
    listing = host.check_output("dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n'")
    rows = (line.split() for line in listing.splitlines())
    return {row[1]: row[2] for row in rows if row[0] == "installed"}


def test_the_set_is_the_new_one_and_nothing_of_the_former_stays(host: Any) -> None:
    driver = {name: version for name, version in installed(host).items() if "nvidia" in name}
    assert {"nvidia-dkms-open", "libnvidia-compute", "nvidia-kernel-common"} <= set(driver)
    assert not [name for name in driver if "-570" in name]
    assert {version.split("-")[0] for version in driver.values()} == {VERSION}


def test_the_installed_module_is_the_loaded_one_with_its_option(host: Any) -> None:
    loaded = host.file("/proc/driver/nvidia/version").content_string
    assert f"Open Kernel Module for x86_64  {VERSION}" in loaded
    kernel = host.check_output("uname -r")
    module = f"/lib/modules/{kernel}/updates/dkms"
    assert host.check_output(f"modinfo -F version {module}/nvidia.ko*") == VERSION
    assert host.check_output("dkms status").count("nvidia/") == 1
    # what the driver calls NVreg_RestrictProfilingToAdminUsers there
    assert "RmProfilingAdminOnly: 0" in host.file("/proc/driver/nvidia/params").content_string


def test_the_programs_see_the_gpus(host: Any) -> None:
    listing = host.run("nvidia-smi -L")
    assert listing.rc == 0 and len(listing.stdout.splitlines()) == 2


def test_the_set_is_pinned_and_held_as_it_was(host: Any) -> None:
    pin = host.file("/etc/apt/preferences.d/labfleet-gpu-driver").content_string
    assert f"Pin: version {VERSION}-*" in pin
    held = set(host.check_output("apt-mark showhold").split())
    assert held == {name for name in installed(host) if "nvidia" in name}
    assert host.file("/etc/apt/apt.conf.d/52labfleet-gpu-driver").exists


def test_the_way_back_is_kept(host: Any) -> None:
    kept = host.file("/var/lib/labfleet-gpu/former").listdir()
    assert kept == ["570.211.01"]


def test_the_daemon_runs(host: Any) -> None:
    assert host.service("nvidia-persistenced").is_running
