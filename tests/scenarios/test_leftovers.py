# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others brought: a driver of a .run file gives way by consent, software beside the driver stays."""

from __future__ import annotations

from proof import in_effect, proved, refused
from scenario import Fleet

BESIDE = ("nvidia-container-toolkit", "cuda-toolkit-12-8", "libcudnn9-cuda-12")


def test_a_driver_of_a_run_file_gives_way_by_consent(fleet: Fleet) -> None:
    node = "node2"
    fleet.reset(node)
    fleet.sh(node, "gpu-simulator runfile install 580.95.05")
    fleet.lab("reboot", node)
    assert "580.95.05" in fleet.sh(node, "cat /proc/driver/nvidia/version")
    said = refused(fleet, node, branch=590)
    assert "version 580.95.05" in said and "take_over: true" in said, said
    done = proved(fleet, node, rounds=True, branch=590, take_over=True)
    assert done["steps"][0]["phase"] == "takeover", done["steps"]
    assert fleet.sh(node, "ls /usr/bin/nvidia-uninstall /var/lib/nvidia/log 2>/dev/null || true") == ""
    in_effect(fleet, node, branch=590)


def test_absent_removes_the_driver_and_leaves_what_is_beside_it(fleet: Fleet, ubuntu: str) -> None:
    for name in BESIDE:
        control = (
            f"Package: {name}\\nVersion: 1\\nArchitecture: all\\nMaintainer: a\\nDescription: stands in\\n"
        )
        make = f"mkdir -p d/DEBIAN; printf '{control}' > d/DEBIAN/control; dpkg-deb -b d p.deb >/dev/null"
        fleet.sh(ubuntu, f"cd $(mktemp -d); {make}; dpkg -i p.deb >/dev/null")
    packages = "dpkg-query -W -f '${db:Status-Status} ${Package}\\n'"
    before = set(fleet.sh(ubuntu, packages).splitlines())
    fleet.driver(ubuntu, branch=580, hold=True, module_options={"NVreg_DeviceFileMode": 432})
    proved(fleet, ubuntu, state="absent")
    left = set(fleet.sh(ubuntu, packages).splitlines()) - before
    assert all("linux-headers-" in line for line in left), left
    assert before <= set(fleet.sh(ubuntu, packages).splitlines())
    ours = fleet.sh(ubuntu, "find /etc /var/lib/labfleet-gpu -name 'labfleet-gpu*' -type f || true").split()
    # A toolkit is beside it, which has its updates from the same source.
    assert sorted(ours) == [
        "/etc/apt/keyrings/labfleet-gpu-nvidia.asc",
        "/etc/apt/sources.list.d/labfleet-gpu-nvidia.sources",
    ]
    assert fleet.sh(ubuntu, "dkms status") == ""
