# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver observed on a file tree, with the real dpkg and modinfo."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, Iterator, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.observe import (
    observe,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    FABRIC_UNIT,
    FORMER_PATH,
    PIN_PATH,
    STOPPED_PATH,
    Module,
    Nouveau,
    Runfile,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package, observe_packages
from ansible_collections.labfleet.gpu.tests.unit.support.data import text
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

HOST = Host("ubuntu", "24.04", "noble", "Ubuntu 24.04.3 LTS", "x86_64", "6.8.0-85-generic")
LIBRARIES = "/usr/lib/x86_64-linux-gnu/"
MODINFO = os.pathsep.join(["/sbin", "/usr/sbin", "/bin", "/usr/bin"])


@pytest.fixture
def commands() -> Iterator[Commands]:
    with module() as ansible_module:
        yield Commands(ansible_module)


def build_module(path: Path, version: str, licence: str) -> None:
    """An object file with the fields that modinfo reads."""
    fields = (("version", version), ("license", licence))
    code = "".join(
        '__attribute__((section(".modinfo"), used)) static const char %s[] = "%s=%s";\n' % (name, name, value)
        for name, value in fields
    )
    subprocess.run(["gcc", "-c", "-x", "c", "-o", str(path), "-"], input=code, text=True, check=True)


@pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("modinfo", path=MODINFO)), reason="gcc makes what modinfo reads"
)
@pytest.mark.parametrize("licence, flavour", [("Dual MIT/GPL", OPEN), ("NVIDIA", PROPRIETARY)])
@pytest.mark.parametrize("name", ["nvidia.ko", "nvidia-current.ko"])
def test_modules_by_kernel(tree: Tree, commands: Commands, name: str, licence: str, flavour: str) -> None:
    tree.write("/lib/modules/6.8.0-90-generic/updates/dkms/nvidia-uvm.ko")
    build_module(tree.write("/lib/modules/6.8.0-85-generic/updates/dkms/" + name), "580.95.05", licence)
    state = observe(commands, tree.files, HOST)
    assert state.on_disk == {"6.8.0-85-generic": Module("580.95.05", flavour), "6.8.0-90-generic": None}
    assert summary(state)["module_on_disk"] == "580.95.05"
    assert summary(state)["dkms"] == {"6.8.0-85-generic": "580.95.05"}


def test_what_the_files_say(tree: Tree, commands: Commands) -> None:
    tree.write("/lib/modules/6.8.0-85-generic/build/Makefile")
    tree.write("/lib/modules/6.8.0-90-generic/modules.dep")
    tree.write("/boot/vmlinuz-6.8.0-90-generic")
    tree.write("/boot/initrd.img-6.8.0-85-generic")
    tree.write("/proc/driver/nvidia/version", text("outputs/proc_driver_nvidia_version_open_555.txt"))
    tree.write(LIBRARIES + "libnvidia-ml.so.580.95.05")
    tree.link(LIBRARIES + "libnvidia-ml.so.1", "libnvidia-ml.so.580.95.05")
    tree.write(PIN_PATH, "pin")
    tree.link(
        "/etc/systemd/system/multi-user.target.wants/" + FABRIC_UNIT, "/lib/systemd/system/" + FABRIC_UNIT
    )
    state = observe(commands, tree.files, HOST)
    assert state.headers == ("6.8.0-85-generic",)
    assert state.bootable == ("6.8.0-90-generic",)
    assert state.loaded == Module("555.42.02", OPEN)
    assert state.library == "580.95.05"
    assert state.own_files[PIN_PATH] == "pin"
    assert state.enabled_units == (FABRIC_UNIT,)


def test_what_the_kernels_have(tree: Tree, commands: Commands) -> None:
    tree.write(
        "/lib/modules/6.8.0-85-generic/modules.dep", "kernel/drivers/gpu/drm/nouveau/nouveau.ko.zst:\n"
    )
    tree.write("/boot/vmlinuz-6.8.0-85-generic")
    tree.write("/boot/vmlinuz-6.8.0-90-generic")
    tree.write("/sys/module/nouveau/refcnt", "1\n")
    tree.write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    tree.write("/usr/src/nvidia-580.95.05/dkms.conf")
    tree.link("/var/lib/dkms/nvidia/580.95.05/source", str(tree.path("/usr/src/nvidia-580.95.05")))
    tree.write("/proc/driver/nvidia/params", "EnableMSI: 1\n")
    state = observe(commands, tree.files, HOST)
    assert state.boot_kernel == "6.8.0-90-generic"
    assert state.nouveau == Nouveau(loaded=True, present=True, blacklist=None)
    assert state.modules_loaded == ("nouveau",)
    assert state.parameters == {"EnableMSI": "1"}
    assert state.trust.own_path == "/var/lib/shim-signed/mok/MOK.der"
    shown = {
        "boot_kernel": "6.8.0-90-generic",
        "dkms_state": {"nvidia/580.95.05": "added"},
        "module_signer": None,
        "signatures_enforced": "the kernel is locked down (integrity)",
        "nouveau_loaded": True,
        "unattended_upgrades": False,
    }
    assert {key: summary(state)[key] for key in shown} == shown


STANZA = "Package: %s\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"
STANZA += "Maintainer: x <x@example.org>\nDescription: x\n\n"


@pytest.mark.parametrize(
    "package, files, switched_on",
    [
        ("unattended-upgrades", {"20auto-upgrades": 'APT::Periodic::Unattended-Upgrade "1";\n'}, True),
        ("unattended-upgrades", {"20a": 'APT::Periodic { Unattended-Upgrade "7"; Enable "1"; };\n'}, True),
        ("unattended-upgrades", {}, False),
        ("unattended-upgrades", {"20a": 'APT::Periodic::Unattended-Upgrade "0";\n'}, False),
        (
            "unattended-upgrades",
            {
                "20auto-upgrades": 'APT::Periodic::Unattended-Upgrade "1";\n',
                "99site": '// ours\nAPT::Periodic::Unattended-Upgrade "0";\n',
            },
            False,
        ),
        (
            "unattended-upgrades",
            {
                "10periodic": 'APT::Periodic::Unattended-Upgrade "1";\n',
                "20a": '# APT::Periodic::Unattended-Upgrade "0";\n/* APT::Periodic::Enable "0"; */\n',
                "99site.bak": 'APT::Periodic::Unattended-Upgrade "0";\n',
            },
            True,
        ),
        (
            "unattended-upgrades",
            {"10p": 'APT::Periodic::Unattended-Upgrade "1";\n', "20a": 'APT::Periodic::Enable "0";\n'},
            False,
        ),
        ("something-else", {"20auto-upgrades": 'APT::Periodic::Unattended-Upgrade "1";\n'}, False),
    ],
)
def test_unattended_upgrades(
    tree: Tree, commands: Commands, package: str, files: Dict[str, str], switched_on: bool
) -> None:
    tree.write("/var/lib/dpkg/status", STANZA % package)
    tree.write_all({"/etc/apt/apt.conf.d/" + name: content for name, content in files.items()})
    assert observe(commands, tree.files, HOST).unattended_upgrades is switched_on


LOG = "1.0-5809505 (580.95.05)\nNVIDIA Accelerated Graphics Driver for Linux-x86_64\n1: /usr/bin/nvidia-smi\n"
UNINSTALL, INSTALLER = "/usr/bin/nvidia-uninstall", "/usr/bin/nvidia-installer"


@pytest.mark.parametrize(
    "files, runfile",
    [
        ({}, None),
        ({UNINSTALL: "", INSTALLER: "", "/var/lib/nvidia/log": LOG}, Runfile("580.95.05", UNINSTALL)),
        ({INSTALLER: "", "/var/lib/nvidia/log": LOG}, Runfile("580.95.05", INSTALLER)),
        ({UNINSTALL: ""}, Runfile(None, UNINSTALL)),
        ({"/var/lib/nvidia/log": LOG}, Runfile("580.95.05", None)),
        ({"/var/lib/nvidia/log": ""}, Runfile(None, None)),
    ],
)
def test_leftovers_of_a_run_file(
    tree: Tree, commands: Commands, files: Dict[str, str], runfile: Optional[Runfile]
) -> None:
    tree.write_all(files)
    assert observe(commands, tree.files, HOST).runfile == runfile


@pytest.mark.parametrize(
    "name, known",
    [
        ("nvidia-dkms-580-server-open", True),
        ("linux-modules-nvidia-580-6.8.0-85-generic", True),
        ("nvidia-dkms-open", True),
        ("nvidia-kernel-open-dkms", True),
        ("nvidia-tesla-470-kernel-dkms", False),
        ("nvidia-legacy-390xx-kernel-dkms", False),
        ("nvidia-fs-dkms", True),
    ],
)
def test_a_family_that_this_collection_does_not_know(
    tree: Tree, commands: Commands, name: str, known: bool
) -> None:
    tree.write("/var/lib/dpkg/status", STANZA % name)
    owner = observe(commands, tree.files, HOST).other_owner
    assert owner == (None if known else "packages of another family: %s=1" % name)


def test_the_gpu_operators_driver_container(tree: Tree, commands: Commands) -> None:
    tree.write("/run/nvidia/driver/usr/bin/nvidia-smi")
    owner = observe(commands, tree.files, HOST).other_owner
    assert owner is not None and "GPU Operator" in owner


def test_an_uninstaller_that_a_package_brought_is_no_leftover(tree: Tree, commands: Commands) -> None:
    tree.write("/var/lib/dpkg/status", STANZA % "nvidia-driver")
    tree.write("/var/lib/dpkg/info/nvidia-driver.list", "/.\n/usr/bin\n%s\n" % UNINSTALL)
    tree.write(UNINSTALL)
    assert observe(commands, tree.files, HOST).runfile is None


def test_kept_packages_and_stopped_units(tree: Tree, commands: Commands) -> None:
    tree.write(FORMER_PATH + "/570.133.20/b.deb")
    tree.write(FORMER_PATH + "/570.133.20/a.deb")
    tree.write(FORMER_PATH + "/570.133.20/note")
    tree.write(STOPPED_PATH, "slurmd.service\nnvidia-persistenced.service\n")
    state = observe(commands, tree.files, HOST)
    assert state.kept == {
        "570.133.20": (FORMER_PATH + "/570.133.20/a.deb", FORMER_PATH + "/570.133.20/b.deb")
    }
    assert state.stopped_units == ("slurmd.service", "nvidia-persistenced.service")


@pytest.mark.parametrize("target", ["libnvidia-ml.so.580.95.05", "libsomething.so.1"])
def test_a_library_that_is_not_there_or_not_nvidias(tree: Tree, commands: Commands, target: str) -> None:
    if target == "libsomething.so.1":
        tree.write(LIBRARIES + target)
    tree.link(LIBRARIES + "libnvidia-ml.so.1", target)
    assert observe(commands, tree.files, HOST).library is None


def test_an_empty_node(tree: Tree, commands: Commands) -> None:
    state = observe(commands, tree.files, HOST)
    assert (state.on_disk, state.headers, state.bootable, state.loaded, state.library) == (
        {},
        (),
        (),
        None,
        None,
    )
    assert set(state.own_files.values()) == {None} and state.enabled_units == ()


def test_packages_of_a_real_dpkg(tree: Tree, commands: Commands) -> None:
    stanza = "Package: %s\nStatus: %s\nVersion: 580.95.05-0ubuntu1\nArchitecture: all\n"
    stanza += "Maintainer: x <x@example.org>\nDescription: x\n\n"
    tree.write(
        "/var/lib/dpkg/status",
        stanza % ("nvidia-utils-580", "hold ok installed")
        + stanza % ("nvidia-dkms-580-open", "install ok half-configured")
        + stanza % ("libnvidia-cfg1-580", "deinstall ok config-files"),
    )
    assert observe_packages(commands, str(tree.path("/var/lib/dpkg")), "x86_64") == (
        Package("libnvidia-cfg1-580", "580.95.05-0ubuntu1", "deinstall", "config-files"),
        Package("nvidia-dkms-580-open", "580.95.05-0ubuntu1", "install", "half-configured"),
        Package("nvidia-utils-580", "580.95.05-0ubuntu1", "hold", "installed"),
    )
