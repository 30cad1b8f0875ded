# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CUDA toolkits from the packages: real apt, dpkg and update-alternatives in a throw-away root."""

from __future__ import annotations

import json
import re

import pytest
from indexes import load
from labvendor import cuda, toolkits
from served import Served
from steps import installed, predicted
from throwaway import Node

DRIVER = re.compile(r"nvidia-(?!gds)|libnvidia-|cuda-drivers|xserver-xorg-video-nvidia")
NVCC = """\
nvcc: NVIDIA (R) Cuda compiler driver
Copyright (c) 2005-2025 NVIDIA Corporation
Built on Fri_Feb_21_20:23:50_PST_2025
Cuda compilation tools, release 12.8, V12.8.93
Build cuda_12.8.r12.8/compiler.35583870_0
"""
ALTERNATIVES = "for name in cuda cuda-12; do readlink /etc/alternatives/$name || echo none; done"
RUNTIME_VERSION = (
    "import ctypes, sys; number = ctypes.c_int(); "
    "ctypes.CDLL(sys.argv[1]).cudaRuntimeGetVersion(ctypes.byref(number)); print(number.value)"
)


def drivers(items: set[str]) -> set[str]:
    """The packages of a driver among name=version."""
    return {item for item in items if DRIVER.match(item)}


def runtime(node: Node, library: str) -> str:
    """What a libcudart says of its version."""
    return node.run(f"python3 -c '{RUNTIME_VERSION}' {library}").strip()


@pytest.mark.parametrize("directory", ["ubuntu2204", "ubuntu2404", "ubuntu2604", "debian12", "debian13"])
def test_each_directory_has_its_toolkits(directory: str, served: Served) -> None:
    """The table's toolkits are there whole: nothing of a toolkit is missing, and no other minor is there."""
    index = load(served.path, directory)
    found = {version for name, version in index if re.fullmatch(r"cuda-toolkit-\d+-\d+", name)}
    assert found == {f"{item.version}-1" for item in toolkits.of(directory)}
    for item in toolkits.of(directory):
        for name in ("cuda-toolkit", "cuda-runtime", "cuda-libraries-dev", "cuda-compiler", "cuda"):
            assert (f"{name}-{item.dashed}", f"{item.version}-1") in index


def test_a_toolkit_brings_no_driver(bare: Node) -> None:
    """cuda-toolkit-12-8 never does; cuda-12-8, cuda and the demo suite do.

    cuda-drivers itself is unmet beside the open-only 615 until a pin keeps the libraries back.
    """
    for name in ("cuda-toolkit-12-8", "cuda-toolkit-12", "cuda-toolkit", "cuda-libraries-12-8"):
        items = predicted(bare, f"apt-get install {name}")
        assert items and drivers(items) == set(), name
    assert "nvidia-driver-open=615.71.09-2ubuntu1" in predicted(bare, "apt-get install cuda")
    assert "unmet dependencies" in bare.run("apt-get install -s cuda-12-8", status=100)
    bare.run("apt-get install -y -q nvidia-driver-pinning-580")
    for name in ("cuda-12-8", "cuda-runtime-12-8", "cuda-demo-suite-12-8", "cuda-13-0"):
        items = predicted(bare, f"apt-get install {name}")
        assert "cuda-drivers=580.159.04-1ubuntu1" in drivers(items), name


def test_the_newest_comes_unasked(bare: Node) -> None:
    """The unversioned packages follow the newest toolkit; >= lets an old metapackage bring new parts."""
    newest = {item.split("=")[0] for item in predicted(bare, "apt-get install cuda-toolkit")}
    assert "cuda-toolkit-13-3" in newest
    older = predicted(bare, "apt-get install cuda-toolkit-12-8=12.8.0-1")
    assert {"cuda-toolkit-12-8=12.8.0-1", "cuda-nvcc-12-8=12.8.93-1"} <= older


def test_side_by_side(bare: Node) -> None:
    """Two toolkits live beside each other; the newest is the default until somebody says otherwise."""
    bare.run("apt-get install -y -q cuda-toolkit-12-4")
    assert bare.run(ALTERNATIVES).split() == ["/usr/local/cuda-12.4"] * 2
    output = bare.run("apt-get install -y -q cuda-toolkit-12-8 cuda-toolkit-13-0")
    assert "using /usr/local/cuda-13.0 to provide /usr/local/cuda (cuda) in auto mode" in output
    assert "using /usr/local/cuda-12.8 to provide /usr/local/cuda-12 (cuda-12) in auto mode" in output
    assert drivers(installed(bare)) == set()
    assert bare.run("/usr/local/cuda-12/bin/nvcc --version") == NVCC
    assert "release 12.4, V12.4.131" in bare.run("/usr/local/cuda-12.4/bin/nvcc -V")
    assert "release 13.0, V13.0.88" in bare.run("/usr/local/cuda/bin/nvcc --version")
    listed = json.loads(bare.run("cat /usr/local/cuda-12.8/version.json"))
    assert listed["cuda"] == {"name": "CUDA SDK", "version": "12.8.1"}
    assert listed["libcublas"]["version"] == "12.8.4.1"
    bare.run("update-alternatives --set cuda /usr/local/cuda-12.4")
    assert bare.run("readlink -f /usr/local/cuda").strip() == "/usr/local/cuda-12.4"
    bare.run("apt-get purge -y -q --autoremove cuda-toolkit-12-4")
    assert bare.run(ALTERNATIVES).split() == ["/usr/local/cuda-13.0", "/usr/local/cuda-12.8"]
    bare.run("test ! -e /usr/local/cuda-12.4")


def test_libraries_and_the_loader(bare: Node) -> None:
    """libcudart tells its version; the loader finds the default's first, and each major version's."""
    bare.run("apt-get install -y -q cuda-libraries-12-4 cuda-libraries-13-0")
    assert runtime(bare, "libcudart.so.12") == "12040"
    assert runtime(bare, "libcudart.so.13") == "13000"
    assert runtime(bare, "/usr/local/cuda-13.0/lib64/libcudart.so.13.0.96") == "13000"
    bare.run("test ! -e /usr/local/cuda-13.0/lib64/libcudart.so")
    assert bare.run("ls /etc/ld.so.conf.d | grep -e cuda -e gds").split() == [
        "000_cuda.conf",
        "987_cuda-13.conf",
        "988_cuda-12.conf",
        "gds-12-4.conf",
        "gds-13-0.conf",
    ]
    bare.run("apt-get purge -y -q --autoremove 'cuda-*' 'libcu*-12-*'; ldconfig")
    assert bare.run("ls /usr/local /etc/ld.so.conf.d | grep cuda || true") == ""
    assert "libcudart" not in bare.run("ldconfig -p")


def test_update_within_a_minor(bare: Node) -> None:
    """Every package named, 12.8.0 comes; the update changes version.json and keeps what an admin chose."""
    old = [
        f"{item.name}={item.version}"
        for item in cuda.packages("ubuntu2204")
        if dict(item.variables)["v"] == "12.8.0" and item.name.endswith("-12-8")
    ]
    named = [item for item in old if not re.match("cuda-(12-8|runtime|demo-suite|compat)", item)]
    bare.run(f"apt-get install -y -q cuda-toolkit-13-0 {' '.join(named)}")
    bare.run("update-alternatives --set cuda /usr/local/cuda-12.8")
    version = "cat /usr/local/cuda/version.json"
    assert json.loads(bare.run(version))["cuda"]["version"] == "12.8.0"
    assert "V12.8.61" in bare.run("/usr/local/cuda/bin/nvcc --version")
    bare.run("apt-get upgrade -y -q")
    assert json.loads(bare.run(version))["cuda"]["version"] == "12.8.1"
    assert "V12.8.93" in bare.run("/usr/local/cuda/bin/nvcc --version")
    assert "manual" in bare.run("update-alternatives --query cuda | grep Status")


def test_compat_is_out_of_the_loader_s_way(bare: Node) -> None:
    bare.run("apt-get install -y -q cuda-compat-13-0 cuda-libraries-13-0")
    assert bare.run("readlink /usr/local/cuda-13.0/compat/libcuda.so.1").strip() == "libcuda.so.580.95.05"
    assert "libcuda.so.1" not in bare.run("ldconfig -p")
