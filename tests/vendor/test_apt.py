# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real apt, dpkg and dkms with the packages, in a throw-away root. Each run is a boot of its own."""

from __future__ import annotations

import pytest
from served import Served
from steps import BOOT, KERNEL, LEFT, LIBRARY, exactly, installed, subscribe
from throwaway import Node


def assert_driver(node: Node, version: str, licence: str) -> None:
    """dkms, modinfo, depmod and the library agree on one version."""
    assert node.run("dkms status").strip() == f"nvidia/{version}, {KERNEL}, x86_64: installed"
    assert node.run("modinfo -F version nvidia; modinfo -F license nvidia") == f"{version}\n{licence}\n"
    assert node.run("modinfo -F vermagic nvidia-uvm").split()[0] == KERNEL
    insert = [
        line.split("/")[-1].strip() for line in node.run("modprobe --show-depends nvidia-drm").splitlines()
    ]
    assert insert == ["nvidia.ko", "nvidia-modeset.ko", "nvidia-drm.ko"]
    assert (
        node.run("readlink /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1").strip()
        == f"libnvidia-ml.so.{version}"
    )
    assert node.run("ls /usr/src").split() == sorted([f"linux-headers-{KERNEL}", f"nvidia-{version}"])


def test_life_of_a_driver(ready: Node) -> None:
    """Install, upgrade in the branch, change branch, downgrade, change flavour, purge."""
    for command, version, licence in (
        (exactly("570.133.20-0ubuntu1"), "570.133.20", "Dual MIT/GPL"),
        (exactly("570.211.01-0ubuntu1"), "570.211.01", "Dual MIT/GPL"),
        (exactly("580.159.04-1ubuntu1"), "580.159.04", "Dual MIT/GPL"),
        (exactly("580.65.06-0ubuntu1", options="--allow-downgrades"), "580.65.06", "Dual MIT/GPL"),
        (exactly("580.65.06-0ubuntu1", flavour=""), "580.65.06", "NVIDIA"),
        (exactly("570.86.15-0ubuntu1", flavour=""), "570.86.15", "NVIDIA"),
    ):
        predicted = {
            line.split()[1] for line in ready.run(f"{command} -s").splitlines() if line.startswith("Inst ")
        }
        before = installed(ready)
        ready.run(command)
        changed = {item.split("=")[0] for item in installed(ready) - before}
        assert predicted == changed
        assert_driver(ready, version, licence)
    ready.run("apt-get purge -y -q '*nvidia*'")
    assert ready.run("dkms status").strip() == ""
    assert ready.run("ls /usr/src").split() == [f"linux-headers-{KERNEL}"]
    assert ready.run(LEFT) == ""


def test_downgrade_needs_consent(ready: Node) -> None:
    ready.run(exactly("570.211.01-0ubuntu1"))
    assert "--allow-downgrades" in ready.run(exactly("570.86.15-0ubuntu1"), status=100)
    assert_driver(ready, "570.211.01", "Dual MIT/GPL")


def test_without_headers_nothing_is_built(bare: Node) -> None:
    """dkms keeps the source and builds when headers come, through the distribution's own hook."""
    bare.run(exactly("570.133.20-0ubuntu1"))
    assert bare.run("dkms status").strip() == "nvidia/570.133.20: added"
    bare.run("modinfo nvidia", status=1)
    bare.run("apt-get install -y -q linux-image-generic linux-headers-generic")
    assert_driver(bare, "570.133.20", "Dual MIT/GPL")


@pytest.mark.parametrize(
    ("wanted", "driver", "version"),
    [
        ("cuda-drivers-570", "nvidia-dkms-570", "570.211.01-0ubuntu1"),
        ("nvidia-open-570", "nvidia-dkms-570-open", "570.211.01-0ubuntu1"),
        ("cuda-drivers-550", "nvidia-dkms-550", "550.163.01-0ubuntu1"),
        ("nvidia-open", "nvidia-dkms-open", "615.71.09-2ubuntu1"),
    ],
)
def test_metapackages(wanted: str, driver: str, version: str, bare: Node) -> None:
    """A metapackage brings the newest driver of its branch."""
    assert f"Inst {driver} ({version} " in bare.run(f"apt-get -s install {wanted}")


def test_exact_version_of_a_metapackage_alone_does_not_resolve(bare: Node) -> None:
    """It wants its parts at that version, and apt offers the newest ones."""
    output = bare.run("apt-get -s install nvidia-driver-580-open=580.95.05-0ubuntu1", status=100)
    assert "unmet dependencies" in output


def test_flavours_exclude_each_other(bare: Node) -> None:
    bare.run("apt-get -s install nvidia-dkms-570 nvidia-dkms-570-open", status=100)


def test_fabric_names(bare: Node) -> None:
    """From 580 on the branch is a virtual name only, which apt does not follow to an older version."""
    assert "Inst nvidia-fabricmanager-570 (570.211.01-1 " in bare.run(
        "apt-get -s install nvidia-fabricmanager-570"
    )
    output = bare.run("apt-get -s install nvidia-fabricmanager-580", status=100)
    assert "no installation candidate" in output
    bare.run("apt-get install -y -q nvidia-driver-pinning-580")
    assert "Inst nvidia-fabricmanager (580.159.04-1ubuntu1 " in bare.run(
        "apt-get -s install nvidia-fabricmanager-580"
    )
    bare.run("apt-mark hold nvidia-fabricmanager-580", status=100)


def test_pinning(bare: Node) -> None:
    """A pin holds the candidate of the branch; the next pin replaces it; a removed one stays until purged."""

    def candidate() -> str:
        policy = bare.run("apt-cache policy cuda-drivers")
        return policy.split("Candidate: ")[1].split()[0]

    assert candidate() == "595.91.07-1ubuntu1"
    for pin, version in (
        ("570.211.01", "570.211.01-0ubuntu1"),
        ("580", "580.159.04-1ubuntu1"),
        ("580.105.08", "580.105.08-0ubuntu1"),
        ("590", "590.48.01-0ubuntu1"),
    ):
        bare.run(f"apt-get install -y -q nvidia-driver-pinning-{pin}")
        assert candidate() == version
        pins = bare.run("dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 'nvidia-driver-pinning-*'")
        assert [line for line in pins.splitlines() if line.startswith("ii")] == [
            f"ii nvidia-driver-pinning-{pin}"
        ]
    bare.run("apt-get install -y -q nvidia-driver-pinning-580 nvidia-driver-pinning-595", status=100)
    bare.run(
        "apt-get purge -y -q 'nvidia-driver-pinning-*'; test ! -e /etc/apt/preferences.d/nvidia-driver-pin"
    )
    assert candidate() == "595.91.07-1ubuntu1"


@pytest.mark.parametrize(("broken", "words"), [("badsig", "NO_PUBKEY"), ("truncated", "Hash Sum mismatch")])
def test_broken_repositories(broken: str, words: str, node: Node, served: Served) -> None:
    subscribe(node, served, f"broken/{broken}/")
    output = node.run("apt-get update -q -o APT::Update::Error-Mode=any", status=100)
    assert words in output or "unexpected size" in output


def test_programs_on_a_loaded_driver(ready: Node) -> None:
    ready.add_simulator(["h100-sxm5-80gb", "t4"])
    ready.run(exactly("570.133.20-0ubuntu1"))
    listing = ready.run(BOOT + "nvidia-smi -L")
    assert [line.split(" (UUID: GPU-")[0] for line in listing.splitlines()] == [
        "GPU 0: NVIDIA H100 80GB HBM3",
        "GPU 1: Tesla T4",
    ]
    query = ready.run(BOOT + "nvidia-smi --query-gpu=index,name,uuid,driver_version --format=csv")
    uuids = [line.split("UUID: ")[1].rstrip(")") for line in listing.splitlines()]
    assert query.splitlines() == [
        "index, name, uuid, driver_version",
        f"0, NVIDIA H100 80GB HBM3, {uuids[0]}, 570.133.20",
        f"1, Tesla T4, {uuids[1]}, 570.133.20",
    ]
    assert ready.run(BOOT + "nvidia-smi --query-gpu=index --format=csv,noheader") == "0\n1\n"
    table = ready.run(BOOT + "nvidia-smi")
    assert "NVIDIA-SMI 570.133.20" in table and "Driver Version: 570.133.20" in table
    # NVML asks libcuda for it, which no package carries.
    assert "CUDA Version: N/A" in table
    assert {len(line) for line in table.splitlines()[1:]} == {89, 91}
    assert "not a valid field" in ready.run(BOOT + "nvidia-smi --query-gpu=colour --format=csv", status=2)


def test_persistence_daemon(ready: Node) -> None:
    ready.add_simulator(["t4"])
    ready.run(exactly("570.133.20-0ubuntu1"))
    assert ready.run(
        "readlink /etc/systemd/system/multi-user.target.wants/nvidia-persistenced.service"
    ).strip() == ("/lib/systemd/system/nvidia-persistenced.service")
    output = ready.run(
        BOOT + "mode() { cat /run/gpu-simulator/gpus/0/persistence_mode; }\n"
        "mode; nvidia-persistenced --verbose; mode\n"
        "kill $(cat /run/nvidia-persistenced/nvidia-persistenced.pid); sleep 0.5; mode"
    )
    assert output.split() == ["0", "1", "0"]
    assert "the driver does not answer" in ready.run("nvidia-persistenced", status=1)


def test_mismatch_and_no_driver(ready: Node) -> None:
    """A package upgrade leaves the loaded module: that is what the programs then say."""
    ready.add_simulator(["t4"])
    ready.run(exactly("570.133.20-0ubuntu1"))
    assert "couldn't communicate with the NVIDIA driver" in ready.run("nvidia-smi", status=9)
    output = ready.run(BOOT + exactly("570.211.01-0ubuntu1") + " > /dev/null 2>&1\nnvidia-smi", status=18)
    assert (
        output
        == "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.211\n"
    )
    assert "Driver Version: 570.211.01" in ready.run(BOOT + "nvidia-smi")


def test_no_devices_and_no_library(ready: Node) -> None:
    ready.add_simulator(["t4"])
    ready.run(exactly("570.133.20-0ubuntu1"))
    unbound = BOOT + "rm -r /run/gpu-simulator/gpus/0\n"
    assert ready.run(unbound + "nvidia-smi", status=6) == "No devices were found\n"
    output = ready.run(f"rm {LIBRARY}; nvidia-smi", status=12)
    assert "couldn't find libnvidia-ml.so" in output


def test_fabric_manager_refuses_another_driver(ready: Node) -> None:
    ready.add_simulator(["h100-sxm5-80gb"] * 8)
    ready.run(exactly("570.133.20-0ubuntu1"))
    ready.run("apt-get install -y -q nvidia-fabricmanager-570=570.211.01-1")
    output = ready.run(BOOT + "nv-fabricmanager", status=1)
    assert output == (
        "fabric manager NVIDIA GPU driver interface version 570.211.01 don't match with driver "
        "version 570.133.20. Please update with matching NVIDIA driver package.\n"
    )
    ready.run("apt-get install -y -q --allow-downgrades nvidia-fabricmanager-570=570.133.20-1")
    output = ready.run(
        BOOT + "nv-fabricmanager > /dev/null\ncat /run/gpu-simulator/gpus/0/fabric_state\n"
        "kill -0 $(cat /run/nvidia-fabricmanager/nv-fabricmanager.pid)"
    )
    assert output == "3\n"
    assert "found no loaded NVIDIA driver" in ready.run("nv-fabricmanager", status=1)


def test_fabric_manager_runs_the_subnet_manager(ready: Node) -> None:
    """On an NVLink 5 baseboard the fabric needs nvlsm and ib_umad; both daemons end together."""
    ready.add_simulator(["b200-180gb"] * 8)
    ready.run("apt-get install -y -q nvidia-driver-pinning-595")
    ready.run("apt-get install -y -q libnvidia-compute nvidia-dkms-open nvidia-fabricmanager")
    loaded = BOOT + "gpu-simulator load ib_umad > /dev/null\n"
    assert "nvlsm" in ready.run(loaded + "nv-fabricmanager", status=1)
    ready.run("apt-get install -y -q nvlsm")
    assert "ib_umad" in ready.run(BOOT + "nv-fabricmanager", status=1)
    output = ready.run(
        loaded + "nv-fabricmanager > /dev/null; cat /run/gpu-simulator/gpus/0/fabric_state\n"
        "subnet=$(cat /run/nvlsm/nvlsm.pid); kill -0 $subnet\n"
        "kill $(cat /run/nvidia-fabricmanager/nv-fabricmanager.pid); sleep 0.5\n"
        "test ! -e /run/nvlsm/nvlsm.pid"
    )
    assert output == "3\n"
