# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Toolkits as directories, whoever brought them; the driver that they have to go with."""

from __future__ import annotations

import json

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver_seen import driver_version
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._toolkit_trees import (
    ToolkitTree,
    default_tree,
    leads_to,
    observe_trees,
)
from ansible_collections.labfleet.gpu.tests.unit.support.data import text
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

HOST = Host("ubuntu", "22.04", "jammy", "Ubuntu 22.04", "x86_64", "5.15.0")


def test_trees_with_a_library_or_a_compiler(tree: Tree) -> None:
    tree.write("/usr/local/cuda-12.4/bin/nvcc")
    tree.write("/usr/local/cuda-12.4/version.json", json.dumps({"cuda": {"version": "12.4.1"}}))
    tree.write("/usr/local/cuda-10.2/version.txt", "CUDA Version 10.2.89\n")
    tree.write("/usr/local/cuda-10.2/lib64/libcudart.so.10.2")
    tree.write("/opt/nvidia/cuda-13.0/lib64/libcudart.so.13")
    tree.write("/usr/local/cuda-9.9/README", "neither")
    tree.write("/usr/local/cuda-old/bin/nvcc")
    tree.link("/usr/local/cuda-12", "cuda-12.4")
    assert observe_trees(tree.files) == (
        ToolkitTree("/usr/local/cuda-10.2", "10.2.89"),
        ToolkitTree("/usr/local/cuda-12.4", "12.4.1"),
        ToolkitTree("/opt/nvidia/cuda-13.0", "13.0"),
    )


@pytest.mark.parametrize(("doing", "there"), [("install", False), ("remove", False), ("done", True)])
def test_a_tree_that_an_installer_is_not_done_with_is_no_toolkit(tree: Tree, doing: str, there: bool) -> None:
    tree.write("/usr/local/cuda-12.4/bin/nvcc")
    tree.write("/opt/cuda-12.4/bin/nvcc")
    tree.write("/var/lib/labfleet-gpu/cuda/cuda-12.4.json", json.dumps({"doing": doing}))
    paths = [each.path for each in observe_trees(tree.files)]
    assert paths == ["/opt/cuda-12.4"] + ["/usr/local/cuda-12.4"] * there


@pytest.mark.parametrize("label", ["spoilt", "[]", '{"cuda": 1}', '{"cuda": {"version": 12.4}}'])
def test_a_spoilt_label_leaves_the_name(tree: Tree, label: str) -> None:
    tree.write("/usr/local/cuda-12.4/version.json", label)
    tree.write("/usr/local/cuda-12.4/bin/nvcc")
    assert [each.version for each in observe_trees(tree.files)] == ["12.4"]


def test_the_default(tree: Tree) -> None:
    assert default_tree(tree.files) is None
    tree.write("/usr/local/cuda-12.4/bin/nvcc")
    tree.link("/etc/alternatives/cuda", "/usr/local/cuda-12.4")
    tree.link("/usr/local/cuda", "/etc/alternatives/cuda")
    assert default_tree(tree.files) == "/usr/local/cuda-12.4"


def test_a_default_that_is_a_directory(tree: Tree) -> None:
    tree.write("/usr/local/cuda/bin/nvcc")
    assert default_tree(tree.files) == "/usr/local/cuda"


def test_links_that_lead_nowhere(tree: Tree) -> None:
    tree.link("/a", "b")
    tree.link("/b", "a")
    tree.link("/c", "nothing")
    assert (leads_to(tree.files, "/a"), leads_to(tree.files, "/c")) == (None, None)


def test_the_driver_by_its_library_else_by_the_kernel(tree: Tree) -> None:
    assert driver_version(tree.files, HOST) is None
    tree.write("/proc/driver/nvidia/version", text("outputs/proc_driver_nvidia_version_open_555.txt"))
    loaded = driver_version(tree.files, HOST)
    assert loaded and loaded.startswith("555.")
    tree.write("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.95.05")
    tree.link("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "libnvidia-ml.so.580.95.05")
    assert driver_version(tree.files, HOST) == "580.95.05"
