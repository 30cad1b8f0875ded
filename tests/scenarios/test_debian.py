# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's own NVIDIA driver from the archive, built by DKMS for Debian's kernel.

Packages, build and library are the real ones. Only the PCI functions of the GPUs are simulated; they are why
a driver that is not loaded counts as a reason to reboot. debian_upgrade.py goes on from an older one.
"""

from __future__ import annotations

from typing import Any

import pytest
from scenario import KINDS, Fleet

PLAY = """
- hosts: debian12
  gather_facts: false
  become: true
  tasks:
    - name: Hold Debian's driver
      ansible.builtin.include_role:
        name: labfleet.gpu.nvidia_driver
      vars:
        nvidia_driver_version: "{version}"
        nvidia_driver_source: debian
        nvidia_driver_gpus: [turing]
"""
DEBIAN = list(KINDS)[2]
ASKED = "/etc/apt/sources.list.d/asked.list"


@pytest.fixture(scope="module", name="debian_versions")
def versions(fleet: Fleet) -> list[str]:
    """A Debian node with a kernel of Debian's; the driver versions that the archive has, oldest first.

    The node itself runs the kernel of the machine it stands on.
    """
    fleet.reset(DEBIAN)
    fleet.sh(DEBIAN, f"sed 's/ main$/ contrib non-free/' /etc/apt/sources.list > {ASKED}")
    install = (
        "DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends linux-image-cloud-amd64"
    )
    fleet.sh(DEBIAN, f"apt-get -q update && {install}")
    listed = fleet.sh(DEBIAN, "apt-cache madison nvidia-kernel-dkms").splitlines()
    found = {line.split("|")[1].strip().rsplit("-", 1)[0] for line in listed}
    fleet.sh(DEBIAN, f"rm {ASKED} && apt-get -q update")
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def held(fleet: Fleet, version: str) -> dict[str, Any]:
    """The role installs this version and builds its modules; what the module then sees."""
    kernel = fleet.sh(DEBIAN, "ls /boot/vmlinuz-* | sed s,/boot/vmlinuz-,,")
    play = fleet.work / "debian.yml"
    play.write_text(PLAY.format(version=version))
    run = fleet.playbook(play, timeout=2400)
    assert run.rc == 0 and run.recap[DEBIAN]["changed"] == 1, run.output
    assert fleet.playbook(play).recap[DEBIAN]["changed"] == 0

    modules = f"/lib/modules/{kernel}/updates/dkms"
    names = fleet.sh(DEBIAN, f"ls {modules}").split()
    wanted = {"nvidia-current", "nvidia-current-uvm", "nvidia-current-modeset", "nvidia-current-drm"}
    assert wanted <= {name.split(".ko")[0] for name in names}, names
    built = f"{modules}/nvidia-current.ko*"
    assert fleet.sh(DEBIAN, f"modinfo -F vermagic {built}").startswith(kernel)
    assert fleet.sh(DEBIAN, f"modinfo -F version {built}") == version

    seen = fleet.driver(DEBIAN, check=True, version=version, source="debian", gpus=["turing"])
    after = seen["after"]
    assert not seen["changed"] and seen["steps"] == []
    assert (after["version"], after["source"], after["kernel_module"]) == (version, "debian", "proprietary")
    assert after["library_version"] == version
    assert after["dkms"] == {kernel: version}
    status = fleet.sh(DEBIAN, "dkms status")
    assert f"nvidia-current/{version}, {kernel}, x86_64: installed" in status, status
    assert after["loaded_version"] is None
    assert seen["reboot_required"] and "not loaded" in seen["reboot_reasons"][0]

    library = "import ctypes; print(ctypes.CDLL('libnvidia-ml.so.1').nvmlInit_v2())"
    assert fleet.sh(DEBIAN, f'python3 -c "{library}"') == "9", "the real library: driver not loaded"
    return after


def test_debians_own_driver_is_installed_and_its_modules_built(
    fleet: Fleet, debian_versions: list[str]
) -> None:
    held(fleet, debian_versions[-1])
