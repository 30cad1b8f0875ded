# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The removal of a .run driver: its own program, what that leaves, and the way without it."""

from __future__ import annotations

import os
import shutil
import stat
from typing import Iterator, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _command
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.apply import ACTIONS
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.takeover import LOG_PATH, Uninstall
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-query"), reason="dpkg is asked who owns a file")

OLD = "570.172.08"
LIBRARY = "/usr/lib/x86_64-linux-gnu/libcuda.so." + OLD
ALTERED = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so." + OLD
PACKAGED = "/usr/lib/x86_64-linux-gnu/libnvidia-cfg.so.1"
KERNEL_MODULE = "/lib/modules/6.8.0-85-generic/kernel/drivers/video/nvidia-uvm.ko"
STRANGE = "/usr/share/applications/custom.desktop"
LINK = "/usr/lib/x86_64-linux-gnu/libcuda.so.1"
MESA = "/usr/lib/x86_64-linux-gnu/libGL.so.1.7.0"
MESA_LINK = "/usr/lib/x86_64-linux-gnu/libGL.so.1"

#: As nvidia-installer writes it: checksum or target on the lines after the path.
LOG = """1.0-57017208 (570.172.08)
NVIDIA Accelerated Graphics Driver for Linux-x86_64 (570.172.08)
100: %s
1234 0100644 %d %d
2: %s
libGL.so.1.7.0
0120777 0 0
1: %s
99
1: %s
99
1: %s
99
1: %s
99
1: %s
99
0: %s
libcuda.so.570.172.08
""" % (MESA, os.getuid(), os.getgid(), MESA_LINK, LIBRARY, ALTERED, PACKAGED, KERNEL_MODULE, STRANGE, LINK)

#: Removes what it installed and did not change since, and its own account, as the real one does.
PROGRAM = """#!/bin/sh
echo "$0 $*" >>"$ROOT/calls"
[ -e "$ROOT/broken" ] && { echo "ERROR: You appear to be running an X server" >&2; exit 1; }
rm -r "$ROOT%s" "$ROOT%s" "$ROOT/var/lib/nvidia"
""" % (LIBRARY, LINK)
DEPMOD = """#!/bin/sh
echo "depmod $*" >>"$ROOT/calls"
"""


@pytest.fixture
def node(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    for path in (LIBRARY, ALTERED, PACKAGED, KERNEL_MODULE, STRANGE):
        tree.write(path, "x")
    tree.link(LINK, "libcuda.so." + OLD)
    tree.write(LOG_PATH, LOG)
    tree.write("/var/lib/nvidia/100", "mesa")
    tree.write(
        "/var/lib/dpkg/status",
        "Package: libnvidia-cfg1-580\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n",
    )
    tree.write("/var/lib/dpkg/info/libnvidia-cfg1-580.list", "/.\n%s\n" % PACKAGED)
    for name in ("nvidia-uninstall", "nvidia-installer", "dkms", "depmod"):
        tree.write("/usr/bin/" + name, PROGRAM if "nvidia" in name else DEPMOD.replace("depmod", name))
        tree.path("/usr/bin/" + name).chmod(0o755)
    monkeypatch.setenv("ROOT", str(tree.root))
    monkeypatch.setitem(_command.ENVIRONMENT, "PATH", "%s:/usr/bin:/bin" % tree.path("/usr/bin"))
    return tree


@pytest.fixture
def context(node: Tree) -> Iterator[Context]:
    with module() as ansible_module:
        yield Context(Commands(ansible_module), node.files, [])


def calls(node: Tree) -> List[str]:
    return [line.rpartition("/")[2] for line in (node.files.text("/calls") or "").splitlines()]


def there(node: Tree) -> List[str]:
    every = (LIBRARY, ALTERED, PACKAGED, KERNEL_MODULE, STRANGE, LINK, MESA, MESA_LINK, "/var/lib/nvidia")
    return [path for path in every if os.path.lexists(str(node.path(path)))]


@pytest.mark.parametrize(
    "name, call",
    [
        ("nvidia-uninstall", "nvidia-uninstall --silent"),
        ("nvidia-installer", "nvidia-installer --uninstall --silent"),
    ],
)
def test_its_own_program_and_then_what_that_left(context: Context, node: Tree, name: str, call: str) -> None:
    ACTIONS["uninstall-runfile"](context, Uninstall(str(node.path("/usr/bin/" + name)), OLD))
    assert calls(node) == [call, "depmod -a"]
    assert there(node) == [PACKAGED, STRANGE]
    (warning,) = context.warnings
    assert STRANGE in warning and PACKAGED not in warning


def test_without_it_its_account_is_followed(context: Context, node: Tree) -> None:
    ACTIONS["uninstall-runfile"](context, Uninstall(None, OLD))
    assert calls(node) == ["dkms remove -m nvidia -v 570.172.08 --all", "depmod -a"]
    assert there(node) == [PACKAGED, STRANGE, MESA, MESA_LINK]
    assert node.files.text(MESA) == "mesa" and node.files.link(MESA_LINK) == "libGL.so.1.7.0"
    assert stat.S_IMODE(node.path(MESA).stat().st_mode) == 0o644


def test_what_took_the_place_since_is_not_written_over(context: Context, node: Tree) -> None:
    node.write(MESA, "newer")
    ACTIONS["uninstall-runfile"](context, Uninstall(None, OLD))
    assert node.files.text(MESA) == "newer"


def test_a_program_that_refuses_is_an_error_and_nothing_is_removed(context: Context, node: Tree) -> None:
    node.write("/broken")
    before = there(node)
    with pytest.raises(CommandError, match="running an X server"):
        ACTIONS["uninstall-runfile"](context, Uninstall(str(node.path("/usr/bin/nvidia-uninstall")), OLD))
    assert there(node) == before


def test_a_second_time_does_nothing(context: Context, node: Tree) -> None:
    ACTIONS["uninstall-runfile"](context, Uninstall(None, OLD))
    before = there(node)
    ACTIONS["uninstall-runfile"](context, Uninstall(None, OLD))
    assert there(node) == before
