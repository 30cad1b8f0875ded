# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a GPU open, seen in /proc."""

from __future__ import annotations

import os
import pwd

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._running import gpu_clients
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

ME = pwd.getpwuid(os.getuid()).pw_name


def process(tree: Tree, pid: int, comm: str, *targets: str) -> None:
    tree.write("/proc/%d/comm" % pid, comm + "\n")
    tree.path("/proc/%d/fd" % pid).mkdir()
    for number, target in enumerate(targets):
        tree.link("/proc/%d/fd/%d" % (pid, number), target)


@pytest.mark.parametrize("device", ["/dev/nvidia0", "/dev/nvidia15", "/dev/nvidia-uvm"])
def test_who_has_a_device_open(tree: Tree, device: str) -> None:
    process(tree, 4711, "python3", "/dev/null", device)
    process(tree, 4712, "bash", "/dev/pts/0")
    tree.write("/proc/self-made/comm", "x")
    assert [str(client) for client in gpu_clients(tree.files)] == ["4711 (%s, python3)" % ME]


@pytest.mark.parametrize("device", ["/dev/nvidiactl", "/dev/nvidia-modeset", "/tmp/nvidia0", "/dev/nvidia0x"])
def test_who_has_something_else_open(tree: Tree, device: str) -> None:
    process(tree, 4711, "python3", device)
    assert gpu_clients(tree.files) == ()


@pytest.mark.parametrize("comm", ["nvidia-persiste", "nv-fabricmanage", "nvidia-powerd"])
def test_the_drivers_own_daemons_do_not_count(tree: Tree, comm: str) -> None:
    process(tree, 100, comm, "/dev/nvidia0")
    assert gpu_clients(tree.files) == ()


def test_no_processes(tree: Tree) -> None:
    assert gpu_clients(tree.files) == ()


def test_a_process_that_ends_meanwhile(tree: Tree) -> None:
    tree.link("/proc/4711/fd/3", "/dev/nvidia0")
    assert gpu_clients(tree.files) == ()
