# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Toolkits of all origins, the default behind its links, and what others left, read from a file tree."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.observe import (
    observe_default,
    observe_toolkits,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.observe_around import (
    around,
    brought_drivers,
    profilers,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.observe_runfile import (
    around as runfiles_around,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.records import INSTALL, Record, read_all
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import (
    ALTERNATIVE,
    LINK,
    OTHER,
    Default,
    Toolkit,
    distribution_release,
    is_cuda_package,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

ALTERNATIVES = "/var/lib/dpkg/alternatives/cuda"


def packages(*entries: str) -> "tuple[Package, ...]":
    return tuple(
        Package(name, version, "install", "installed")
        for name, _equals, version in (entry.partition("=") for entry in entries)
    )


def unpacked(tree: Tree, path: str, version: str = "", text: str = "", nvcc: bool = True) -> None:
    if version:
        tree.write(path + "/version.json", json.dumps({"cuda": {"name": "CUDA SDK", "version": version}}))
    if text:
        tree.write(path + "/version.txt", text)
    if nvcc:
        tree.write(path + "/bin/nvcc")


def test_packages_tell_their_release(tree: Tree) -> None:
    unpacked(tree, "/usr/local/cuda-12.4", "12.4.1")
    found = observe_toolkits(
        tree.files,
        packages(
            "cuda-toolkit-12-4=12.4.1-1",
            "cuda-nvcc-12-4=12.4.131-1",
            "cuda-cudart-11-8=11.8.89-1",
            "cuda-compat-13-0=580.95.05-1",
            "cuda-toolkit-12-8-config-common=12.8.90-1",
            "cuda-keyring=1.1-1",
        ),
        {},
    )
    assert found == (
        Toolkit("/usr/local/cuda-11.8", "11.8", "package", compiles=False),
        Toolkit("/usr/local/cuda-12.4", "12.4.1", "package"),
    )


@pytest.mark.parametrize(
    "path, label, text, version",
    [
        ("cuda-12.4", "12.4.1", "", "12.4.1"),
        ("cuda-12.1", "12.1.20230222", "", "12.1"),
        ("cuda-10.2", "", "CUDA Version 10.2.89\n", "10.2.89"),
        ("cuda-11.6", "", "", "11.6"),
        ("cuda", "11.6.1", "", "11.6.1"),
        ("cuda-old", "", "", None),
    ],
)
def test_trees_tell_theirs(tree: Tree, path: str, label: str, text: str, version: Optional[str]) -> None:
    unpacked(tree, "/usr/local/" + path, label, text)
    found = [
        (toolkit.path, toolkit.version, toolkit.origin) for toolkit in observe_toolkits(tree.files, (), {})
    ]
    assert found == ([("/usr/local/" + path, version, "hand")] if version else [])


def test_a_runfile_left_its_uninstaller(tree: Tree) -> None:
    unpacked(tree, "/usr/local/cuda-11.6", "11.6.2")
    tree.write("/usr/local/cuda-11.6/bin/cuda-uninstaller")
    unpacked(tree, "/usr/local/cuda-10.0", text="CUDA Version 10.0.130")
    tree.write("/usr/local/cuda-10.0/bin/uninstall_cuda_10.0.pl")
    found = observe_toolkits(tree.files, (), {})
    assert [(toolkit.version, toolkit.origin) for toolkit in found] == [
        ("10.0", "runfile"),
        ("11.6.2", "runfile"),
    ]


def test_what_runfiles_leave_and_need(tree: Tree) -> None:
    host = observe_host(tree.files)
    nothing = runfiles_around(tree.files, host, {})
    assert nothing == {"unfinished": (), "downloads": {}, "libxml2": False}
    tree.write("/usr/lib/%s-linux-gnu/libxml2.so.2" % host.machine)
    tree.write("/var/cache/labfleet-gpu/cuda/cuda_12.4.1_linux.run.part", "12345")
    tree.write("/var/lib/labfleet-gpu/cuda/unreadable.json", "{")
    cut = Record("/usr/local/cuda-12.4", "12.4.1", INSTALL)
    tree.write("/var/lib/labfleet-gpu/cuda/cuda-12.4.json", json.dumps(asdict(cut)))
    tree.write("/usr/local/cuda-12.4/bin/nvcc")
    known = read_all(tree.files)
    assert known == {cut.path: cut}
    assert runfiles_around(tree.files, host, known) == {
        "unfinished": (Toolkit("/usr/local/cuda-12.4", "12.4.1", "unfinished", False),),
        "downloads": {"/var/cache/labfleet-gpu/cuda/cuda_12.4.1_linux.run.part": 5},
        "libxml2": True,
    }
    assert observe_toolkits(tree.files, (), known) == ()


def test_a_runtime_by_hand_and_an_empty_directory(tree: Tree) -> None:
    tree.write("/usr/local/cuda-11.2/lib64/libcudart.so.11.0")
    tree.write("/usr/local/cuda-11.3/lib64/libcudnn.so.8")
    tree.write("/usr/local/cuda-11.4/version.json", "not json")
    (toolkit,) = observe_toolkits(tree.files, (), {})
    assert (toolkit.version, toolkit.compiles) == ("11.2", False)


def test_profilers_that_came_as_a_dependency(tree: Tree) -> None:
    noted = "Package: %s\nArchitecture: amd64\nAuto-Installed: %d\n"
    wanted = ("nsight-compute-2024.1.1", "nsight-systems-2023.4.4", "nsight-compute-2025.1.0")
    tree.write(
        "/var/lib/apt/extended_states",
        "\n".join(noted % pair for pair in zip((*wanted, "cuda-nvcc-12-4"), (1, 0, 1, 1))),
    )
    installed = packages(*("%s=1" % name for name in (*wanted[:2], "cuda-nvcc-12-4", "nsight-compute")))
    assert profilers(tree.files, installed) == (wanted[0],)
    assert profilers(tree.files, packages("cuda-nvcc-12-4=1")) == ()


@pytest.mark.parametrize(
    ("present", "brought"),
    [
        (("cuda", "cuda-12-4", "cuda-drivers", "nvidia-driver-580"), ("cuda-drivers",)),
        (("cuda-runtime-12-4", "cuda-drivers"), ("cuda-drivers",)),
        (("cuda-toolkit-12-4", "cuda-drivers"), ()),
        (("cuda-12-4", "nvidia-open"), ()),
    ],
)
def test_a_driver_that_came_with_the_package_cuda(
    tree: Tree, present: Tuple[str, ...], brought: Tuple[str, ...]
) -> None:
    """Of those, cuda-drivers alone is noted as a dependency here."""
    tree.write(
        "/var/lib/apt/extended_states", "Package: cuda-drivers\nArchitecture: amd64\nAuto-Installed: 1\n"
    )
    assert brought_drivers(tree.files, packages(*("%s=1" % name for name in present))) == brought


def test_links_are_no_toolkits_of_their_own(tree: Tree) -> None:
    unpacked(tree, "/usr/local/cuda-12.4", "12.4.1")
    tree.link("/usr/local/cuda", "cuda-12.4")
    tree.link("/usr/local/cuda-12", "/usr/local/cuda-12.4")
    assert len(observe_toolkits(tree.files, (), {})) == 1


@pytest.mark.parametrize(
    "version, release",
    [
        ("12.4.131~12.4.1-2", "12.4.1"),
        ("11.8.89~11.8.0-5~deb12u1", "11.8.0"),
        ("10.1.243-3", "10.1.243"),
        ("unknown", "0.0"),
    ],
)
def test_the_distributions_toolkit(tree: Tree, version: str, release: str) -> None:
    assert distribution_release(version) == release
    (toolkit,) = observe_toolkits(tree.files, packages("nvidia-cuda-toolkit=" + version), {})
    assert (toolkit.path, toolkit.version, toolkit.origin) == ("/usr", release, "distribution")


AUTOMATIC = "auto\n/usr/local/cuda\n\n/usr/local/cuda-12.4\n124\n/usr/local/cuda-13.0\n130\n\n"
CHOICES = (("/usr/local/cuda-12.4", 124), ("/usr/local/cuda-13.0", 130))


def test_the_default_of_packages(tree: Tree) -> None:
    tree.write(ALTERNATIVES, AUTOMATIC)
    tree.link("/usr/local/cuda", "/etc/alternatives/cuda")
    tree.link("/etc/alternatives/cuda", "/usr/local/cuda-13.0")
    assert observe_default(tree.files) == Default(ALTERNATIVE, "/usr/local/cuda-13.0", CHOICES, True)


@pytest.mark.parametrize("link", ["/usr/local/cuda-11.6", "cuda-11.6", "cuda-11.6/"])
def test_the_default_of_a_runfile(tree: Tree, link: str) -> None:
    tree.link("/usr/local/cuda", link)
    assert observe_default(tree.files) == Default(LINK, "/usr/local/cuda-11.6")


def test_other_defaults(tree: Tree) -> None:
    assert observe_default(tree.files) == Default()
    tree.write("/usr/local/cuda/bin/nvcc")
    assert observe_default(tree.files) == Default(OTHER, "/usr/local/cuda")


def test_links_in_a_circle_lead_nowhere(tree: Tree) -> None:
    tree.link("/usr/local/cuda", "/etc/alternatives/cuda")
    tree.link("/etc/alternatives/cuda", "/usr/local/cuda")
    assert observe_default(tree.files).target is None


def test_what_older_guides_left(tree: Tree) -> None:
    tree.write_all(
        {
            "/etc/profile": "umask 022\n# PATH=/usr/local/cuda/bin\n"
            "export PATH=/usr/local/cuda-11.2/bin:$PATH\n",
            "/etc/environment": 'LD_LIBRARY_PATH="/usr/local/cuda/lib64"\n',
            "/etc/profile.d/cuda.sh": "export CUDA_HOME=/opt/cuda\n",
            "/etc/profile.d/labfleet-gpu-cuda.sh": "export CUDA_HOME=/usr/local/cuda\n",
            "/root/.bashrc": "alias ll='ls -l'\n",
        }
    )
    found = around(tree.files, observe_host(tree.files, "6.8.0"))
    assert found["leftovers"] == (
        '/etc/environment line 1: LD_LIBRARY_PATH="/usr/local/cuda/lib64"',
        "/etc/profile line 3: export PATH=/usr/local/cuda-11.2/bin:$PATH",
        "/etc/profile.d/cuda.sh line 1: export CUDA_HOME=/opt/cuda",
    )
    assert found["library_paths"] == ("/etc/environment",)


def test_module_files_of_ours_only(tree: Tree) -> None:
    tree.write("/etc/lmod/modules/cuda/12.4", "#%Module1.0\n# Written by labfleet.gpu: changes are lost.\n")
    tree.write("/etc/lmod/modules/cuda/11.2", "#%Module1.0\n")
    found = around(tree.files, observe_host(tree.files, "6.8.0"))
    assert list(found["module_files"]) == ["/etc/lmod/modules/cuda/12.4"]


def test_a_linker_cache_older_than_the_link(tree: Tree) -> None:
    host = observe_host(tree.files, "6.8.0")
    assert around(tree.files, host)["cache_stale"] is False
    tree.write("/etc/ld.so.conf.d/labfleet-gpu-cuda.conf", "/usr/local/cuda/lib64\n")
    assert around(tree.files, host)["cache_stale"] is True
    newest = tree.path("/etc/ld.so.conf.d/labfleet-gpu-cuda.conf").lstat().st_ctime
    while tree.write("/etc/ld.so.cache", "x").stat().st_ctime <= newest:
        pass
    assert around(tree.files, host)["cache_stale"] is False
    made = tree.path("/etc/ld.so.cache").stat().st_ctime
    tree.link("/usr/local/cuda", "cuda-12.4")
    while tree.path("/usr/local/cuda").lstat().st_ctime <= made:
        tree.path("/usr/local/cuda").unlink()
        tree.link("/usr/local/cuda", "cuda-12.4")
    assert around(tree.files, host)["cache_stale"] is True


@pytest.mark.parametrize(
    "name, ours",
    [
        ("cuda-nvcc-12-4", True),
        ("libcublas-dev-12-8", True),
        ("cuda-toolkit-12-config-common", True),
        ("cuda", True),
        ("cuda-12", True),
        ("cuda-toolkit", True),
        ("nvidia-cuda-toolkit", True),
        ("cuda-drivers", False),
        ("cuda-drivers-580", False),
        ("cuda-keyring", False),
        ("libcudnn9-cuda-12", False),
        ("cudnn9-cuda-12-4", False),
        ("nvidia-driver-580", False),
    ],
)
def test_which_packages_are_toolkits(name: str, ours: bool) -> None:
    assert is_cuda_package(name) is ours
