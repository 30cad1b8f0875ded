# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was removed behind dpkg's back, seen on a file tree with the real dpkg."""

from __future__ import annotations

from typing import Dict, Iterator, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.observe import observe
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import summary
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

HOST = Host("ubuntu", "24.04", "noble", "Ubuntu 24.04.3 LTS", "x86_64", "6.8.0-85-generic")
LIBRARY, SMI = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.95.05", "/usr/bin/nvidia-smi"
SOURCE = "/usr/src/nvidia-580.95.05/nvidia/nv.c"
FILES = {
    "libnvidia-compute-580": (LIBRARY,),
    "nvidia-utils-580": (SMI, "/usr/share/doc/nvidia-utils-580/copyright"),
    "nvidia-dkms-580-open": (SOURCE,),
}
DEPENDS = {"nvidia-utils-580": "libnvidia-compute-580", "nvidia-dkms-580-open": "dkms"}


@pytest.fixture
def commands() -> Iterator[Commands]:
    with module() as ansible_module:
        yield Commands(ansible_module)


def stanza(name: str, status: str = "install ok installed") -> str:
    depends = "Depends: %s\n" % DEPENDS[name] if name in DEPENDS else ""
    return (
        "Package: %s\nStatus: %s\nVersion: 580.95.05-0ubuntu1\nArchitecture: all\n%s"
        "Maintainer: x <x@example.org>\nDescription: x\n\n" % (name, status, depends)
    )


def unpacked(tree: Tree, files: Dict[str, Tuple[str, ...]]) -> None:
    tree.write("/var/lib/dpkg/status", "".join(stanza(name) for name in files))
    for name, paths in files.items():
        tree.write("/var/lib/dpkg/info/%s.list" % name, "/.\n/usr\n" + "\n".join(paths) + "\n")
        for path in paths:
            tree.write(path)


def test_files_and_packages(tree: Tree, commands: Commands) -> None:
    unpacked(tree, FILES)
    state = observe(commands, tree.files, HOST)
    assert state.installed and (state.lost, state.unmet) == ({}, {})
    for path in (SMI, SOURCE):
        tree.path(path).unlink()
    state = observe(commands, tree.files, HOST)
    assert state.lost == {"nvidia-utils-580": (SMI,), "nvidia-dkms-580-open": (SOURCE,)}
    removed = stanza("nvidia-utils-580") + stanza("nvidia-dkms-580-open")
    tree.write("/var/lib/dpkg/status", removed + stanza("libnvidia-compute-580", "deinstall ok config-files"))
    state = observe(commands, tree.files, HOST)
    assert state.unmet == {"libnvidia-compute-580": "nvidia-utils-580"}
    assert state.installed and state.installed.version == "580.95.05"
    assert len(summary(state)["lost"]) == 3


def test_the_package_of_the_module_was_removed_by_force(tree: Tree, commands: Commands) -> None:
    unpacked(tree, {name: paths for name, paths in FILES.items() if "dkms" not in name})
    assert observe(commands, tree.files, HOST).installed is None
    status = tree.path("/var/lib/dpkg/status").read_text()
    needing = stanza("nvidia-headless-580-open").replace(
        "Maintainer", "Depends: nvidia-dkms-580-open\nMaintainer"
    )
    tree.write("/var/lib/dpkg/status", status + needing)
    installed = observe(commands, tree.files, HOST).installed
    assert installed and (installed.version, installed.flavour) == ("580.95.05", "open")


@pytest.mark.parametrize(
    "name, status, seen",
    [
        ("nvidia-modprobe", "install ok unpacked", False),
        ("nvidia-modprobe", "install reinstreq half-installed", False),
        ("vim", "install ok half-configured", True),
    ],
)
def test_nothing_is_lost_while_packages_of_the_driver_are_under_way(
    tree: Tree, commands: Commands, name: str, status: str, seen: bool
) -> None:
    unpacked(tree, FILES)
    tree.path(SMI).unlink()
    tree.write("/var/lib/dpkg/status", tree.path("/var/lib/dpkg/status").read_text() + stanza(name, status))
    state = observe(commands, tree.files, HOST)
    assert state.unsettled == (name,) and bool(state.lost) is seen
    tree.write("/var/lib/dpkg/updates/0001", stanza("vim"))
    assert observe(commands, tree.files, HOST).lost == {}


LINK, CURRENT = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "/usr/lib/x86_64-linux-gnu/nvidia/current/"
#: As update-alternatives writes it: the names of links with their places, then each choice with its files.
ALTERNATIVE = """auto
/usr/lib/nvidia/nvidia
nvidia--libcuda.so.1
/usr/lib/x86_64-linux-gnu/libcuda.so.1
nvidia--libnvidia-ml.so.1
%s
nvidia--nvidia-smi
%s

/usr/lib/nvidia/legacy
400


/usr/lib/nvidia/legacy/nvidia-smi
/usr/lib/nvidia/current
500
%slibcuda.so.1
%slibnvidia-ml.so.1
/usr/lib/nvidia/current/nvidia-smi

""" % (LINK, SMI, CURRENT, CURRENT)


def test_links_that_debians_packages_make(tree: Tree, commands: Commands) -> None:
    """libcuda1 is not installed here, so that its link is in no one's want."""
    files: Dict[str, Tuple[str, ...]] = {
        "nvidia-alternative": ("/usr/lib/nvidia/current/alternative",),
        "libnvidia-ml1": (CURRENT + "libnvidia-ml.so.1",),
        "nvidia-smi": ("/usr/lib/nvidia/current/nvidia-smi",),
    }
    unpacked(tree, files)
    tree.write("/var/lib/dpkg/alternatives/nvidia", ALTERNATIVE)
    tree.link("/etc/alternatives/nvidia", "/usr/lib/nvidia/current")
    for link in (LINK, SMI):
        tree.link(link, "/etc/alternatives/leads-nowhere-here")
    assert observe(commands, tree.files, HOST).lost == {}
    tree.path(LINK).unlink()
    assert observe(commands, tree.files, HOST).lost == {"nvidia-alternative": (LINK,)}
    tree.path(SMI).unlink()
    tree.path(files["nvidia-smi"][0]).unlink()
    assert observe(commands, tree.files, HOST).lost == {
        "nvidia-alternative": (LINK, SMI),
        "nvidia-smi": files["nvidia-smi"],
    }
    tree.path("/etc/alternatives/nvidia").unlink()
    assert set(observe(commands, tree.files, HOST).lost) == {"nvidia-smi"}
    unpacked(tree, {"nvidia-smi": files["nvidia-smi"]})
    assert observe(commands, tree.files, HOST).lost == {}
