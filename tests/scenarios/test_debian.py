# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's own NVIDIA driver from the archive, built by DKMS for Debian's kernel.

Packages, build and library are the real ones. Only the PCI functions of the GPUs are simulated; they are why
a driver that is not loaded counts as a reason to reboot.
"""

from __future__ import annotations

from scenario import Fleet

PLAY = """
- hosts: debian12
  gather_facts: false
  become: true
  tasks:
    - name: Hold Debian's driver
      ansible.builtin.include_role:
        name: labfleet.gpu.nvidia_driver
      vars:
        nvidia_driver_branch: 535
        nvidia_driver_source: debian
        nvidia_driver_gpus: [turing]
"""


def test_debians_own_driver_is_installed_and_its_modules_built(fleet: Fleet, debian: str) -> None:
    # A Debian host has a kernel of Debian's. The node runs the kernel of the machine it stands on.
    install = (
        "DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends linux-image-cloud-amd64"
    )
    fleet.sh(debian, f"apt-get -q update && {install}")
    kernel = fleet.sh(debian, "ls /boot/vmlinuz-* | sed s,/boot/vmlinuz-,,")

    play = fleet.work / "debian.yml"
    play.write_text(PLAY)
    run = fleet.playbook(play, timeout=2400)
    assert run.rc == 0 and run.recap[debian]["changed"] == 1, run.output
    assert fleet.playbook(play).recap[debian]["changed"] == 0

    modules = f"/lib/modules/{kernel}/updates/dkms"
    names = fleet.sh(debian, f"ls {modules}").split()
    wanted = {"nvidia-current", "nvidia-current-uvm", "nvidia-current-modeset", "nvidia-current-drm"}
    assert wanted <= {name.split(".ko")[0] for name in names}, names
    assert fleet.sh(debian, f"modinfo -F vermagic {modules}/nvidia-current.ko*").startswith(kernel)

    seen = fleet.driver(debian, check=True, branch=535, source="debian", gpus=["turing"])
    version = fleet.sh(debian, "dpkg-query -W -f '${source:Upstream-Version}' nvidia-kernel-dkms")
    after = seen["after"]
    assert not seen["changed"] and seen["steps"] == []
    assert (after["version"], after["source"], after["kernel_module"]) == (version, "debian", "proprietary")
    assert after["library_version"] == version
    assert after["dkms"] == {kernel: version}
    status = fleet.sh(debian, "dkms status")
    assert f"nvidia-current/{version}, {kernel}, x86_64: installed" in status, status
    assert after["loaded_version"] is None
    assert seen["reboot_required"] and "not loaded" in seen["reboot_reasons"][0]

    library = "import ctypes; print(ctypes.CDLL('libnvidia-ml.so.1').nvmlInit_v2())"
    assert fleet.sh(debian, f'python3 -c "{library}"') == "9", "the real library: driver not loaded"
