# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module files, DKMS, nouveau and what is loaded, read off file trees."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.observe_kernel import (
    KernelModules,
    find_modules,
    modprobe_lines,
    module_names,
    modules_loaded,
    observe_dkms,
    observe_nouveau,
    parameters,
    parse_modinfo,
    parse_signature,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import Module, Nouveau, Signature
from ansible_collections.labfleet.gpu.tests.unit.support.data import text
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

KERNEL = "6.8.0-85-generic"
MODULES = "/lib/modules/%s/" % KERNEL
VERSION = "580.95.05"


def found(tree: Tree, kernel: str = KERNEL) -> KernelModules:
    return find_modules(tree.files, kernel, module_names(modprobe_lines(tree.files)))


def relative(tree: Tree, modules: KernelModules) -> Optional[str]:
    return modules.nvidia and modules.nvidia[len(str(tree.path(MODULES))) :].lstrip("/")


@pytest.mark.parametrize(
    "path",
    [
        "updates/dkms/nvidia.ko.zst",
        "updates/dkms/nvidia-current.ko.xz",
        "updates/dkms/nvidia-current-open.ko",
        "kernel/nvidia-580-open/nvidia.ko",
        "kernel/drivers/video/nvidia.ko.gz",
        "weak-updates/nvidia.ko",
        "extra/nvidia.ko",
    ],
)
@pytest.mark.parametrize("depmod_ran", [True, False])
def test_a_module_is_found_wherever_it_is(tree: Tree, path: str, depmod_ran: bool) -> None:
    tree.write(MODULES + path)
    tree.write(MODULES + "kernel/drivers/gpu/drm/nouveau/nouveau.ko")
    dependencies = "%s: kernel/drivers/acpi/video.ko\n" % path
    others = "kernel/fs/nvidiafs.ko:\nupdates/dkms/nvidia-uvm.ko: %s\n" % path
    tree.write(MODULES + "modules.dep", others + dependencies if depmod_ran else "kernel/fs/ext4.ko:\n")
    assert relative(tree, found(tree)) == path


def test_depmods_choice_wins_over_the_order_of_directories(tree: Tree) -> None:
    for path in ("updates/dkms/nvidia.ko", "kernel/nvidia-580/nvidia.ko"):
        tree.write(MODULES + path)
    tree.write(MODULES + "modules.dep", "kernel/nvidia-580/nvidia.ko: kernel/a.ko\n")
    assert relative(tree, found(tree)) == "kernel/nvidia-580/nvidia.ko"


def test_a_listed_file_that_is_gone_does_not_count(tree: Tree) -> None:
    tree.write(MODULES + "modules.dep", "updates/dkms/nvidia.ko:\nkernel/x/nouveau.ko.zst: kernel/y.ko\n")
    assert found(tree) == KernelModules(None, nouveau=True)
    assert found(tree, "6.8.0-90-generic") == KernelModules(None, nouveau=False)


@pytest.mark.parametrize(
    "line, name",
    [
        ("install nvidia modprobe -i nvidia-current-open $CMDLINE_OPTS", "nvidia-current-open"),
        ("alias nvidia nvidia-current", "nvidia-current"),
        ("alias nvidia something", "nvidia"),
        ("# install nvidia modprobe -i nvidia-current", "nvidia"),
        ("options nvidia NVreg_EnableGpuFirmware=0", "nvidia"),
    ],
)
def test_debians_configuration_says_which_of_two_modules_is_nvidia(tree: Tree, line: str, name: str) -> None:
    for other in ("nvidia", "nvidia-current", "nvidia-current-open"):
        tree.write(MODULES + "updates/dkms/%s.ko" % other)
    tree.write("/etc/modprobe.d/nvidia.conf", line + "\n")
    assert relative(tree, found(tree)) == "updates/dkms/%s.ko" % name


@pytest.mark.parametrize(
    "recorded, signature",
    [
        (
            text("outputs/modinfo_signed_by_dkms.txt"),
            Signature(
                "DKMS module signing key", "56:0F:FE:35:84:AF:86:44:AB:96:4D:6F:8D:4E:7E:8A:68:7F:21:33"
            ),
        ),
        ("version:  1\nsig_id:         PKCS#7\nsigner:         \nsig_key:        \n", Signature("", "")),
        (text("outputs/modinfo_open_580.txt"), None),
        ("", None),
    ],
)
def test_signature(recorded: str, signature: Optional[Signature]) -> None:
    assert parse_signature(recorded) == signature


def test_a_signed_modules_version() -> None:
    assert parse_modinfo(text("outputs/modinfo_signed_by_dkms.txt")) == Module(VERSION, OPEN)


# DKMS


def dkms_tree(tree: Tree, name: str = "nvidia", version: str = VERSION) -> str:
    base = "/var/lib/dkms/%s/%s/" % (name, version)
    tree.write("/usr/src/%s-%s/dkms.conf" % (name, version))
    tree.link(base + "source", str(tree.path("/usr/src/%s-%s" % (name, version))))
    return base


def log(
    kernel: str, *lines: str, first: str = "DKMS make.log for nvidia-580.95.05 for kernel %s (x86_64)"
) -> str:
    return "\n".join((first % kernel, "Sun Nov 22 02:00:00 UTC 2026", *lines, ""))


CAUSE = "/var/lib/dkms/nvidia/580.95.05/build/nvidia/nv.c:12:5: error: implicit declaration of function 'x'"
MAKE = "make[1]: *** [/usr/src/linux-headers-6.8.0-90-generic/Makefile:1925: all] Error 2"


@pytest.mark.parametrize("name", ["nvidia", "nvidia-srv", "nvidia-current", "nvidia-current-open"])
@pytest.mark.parametrize("link", ["%s/%s/x86_64", "/var/lib/dkms/NAME/%s/%s/x86_64"])
def test_dkms_states(tree: Tree, name: str, link: str) -> None:
    base = dkms_tree(tree, name)
    for kernel in (KERNEL, "6.8.0-90-generic"):
        tree.write(base + "%s/x86_64/module/nvidia.ko" % kernel)
    tree.link(
        "/var/lib/dkms/%s/kernel-%s-x86_64" % (name, KERNEL), link.replace("NAME", name) % (VERSION, KERNEL)
    )
    tree.write(base + "6.8.0-91-generic/x86_64/log/make.log")
    dkms_tree(tree, name, "570.1")
    tree.link("/var/lib/dkms/%s/535.1/source" % name, "/nowhere")
    tree.write("/var/lib/dkms/%s/original_module/%s/x86_64/nvidia.ko" % (name, KERNEL))
    assert observe_dkms(tree.files) == (
        {
            "%s/%s, %s" % (name, VERSION, KERNEL): "installed",
            "%s/%s, 6.8.0-90-generic" % (name, VERSION): "built",
            name + "/570.1": "added",
            name + "/535.1": "broken",
        },
        {},
    )


@pytest.mark.parametrize("name", ["nvidia-fs", "nvidia-peermem", "zfs", "xnvidia"])
def test_other_modules_are_not_the_driver(tree: Tree, name: str) -> None:
    dkms_tree(tree, name)
    assert observe_dkms(tree.files) == ({}, {})


@pytest.mark.parametrize(
    "content, error",
    [
        (log("6.8.0-90-generic", CAUSE, MAKE, "make: *** [Makefile:115: modules] Error 2"), CAUSE),
        (log("6.8.0-90-generic", "nothing here", MAKE, "", "# exit code: 2"), "# exit code: 2"),
        (log("6.8.0-90-generic", MAKE), MAKE),
        (
            log(
                "6.8.0-90-generic",
                MAKE,
                first="DKMS (dkms-3.4.3) make.log for nvidia/580.95.05 for kernel %s (x86_64)",
            ),
            MAKE,
        ),
        (log("6.8.0-90-generic", "x" * 100000, CAUSE, MAKE), CAUSE),
        # killed while it worked, or just working
        (log("6.8.0-90-generic", "  CC [M]  nvidia/nv.o"), None),
        (log("6.8.0-90-generic", "", "# exit code: 0"), None),
        ("", None),
    ],
)
def test_a_build_that_failed(tree: Tree, content: str, error: Optional[str]) -> None:
    base = dkms_tree(tree)
    tree.write(base + "build/make.log", content)
    tree.write(base + KERNEL + "/x86_64/module/nvidia.ko.zst")
    states: Dict[str, str] = {"nvidia/580.95.05, " + KERNEL: "built"}
    key = "nvidia/580.95.05, 6.8.0-90-generic"
    if error:
        states[key] = "failed"
    assert observe_dkms(tree.files) == (states, {key: error} if error else {})


def test_a_failure_that_was_mended_is_none(tree: Tree) -> None:
    base = dkms_tree(tree)
    tree.write(base + "build/make.log", log(KERNEL, MAKE))
    assert observe_dkms(tree.files)[0] == {"nvidia/580.95.05, " + KERNEL: "failed"}
    tree.write(base + KERNEL + "/x86_64/module/nvidia.ko")
    assert observe_dkms(tree.files) == ({"nvidia/580.95.05, " + KERNEL: "built"}, {})


# nouveau, and what is loaded


@pytest.mark.parametrize(
    "files, blacklist",
    [
        ({}, None),
        ({"/etc/modprobe.d/a.conf": "blacklist nouveau\n"}, "/etc/modprobe.d/a.conf"),
        ({"/usr/lib/modprobe.d/n.conf": "blacklist  nouveau # no\n"}, "/usr/lib/modprobe.d/n.conf"),
        ({"/run/modprobe.d/n.conf": "install nouveau /bin/false\n"}, "/run/modprobe.d/n.conf"),
        ({"/lib/modprobe.d/n.conf": "install nouveau \\\n /bin/true\n"}, "/lib/modprobe.d/n.conf"),
        ({"/etc/modprobe.d/a.conf": "install nouveau modprobe -i nouveau\n"}, None),
        ({"/etc/modprobe.d/a.conf": "#blacklist nouveau\nblacklist nouveau_x\n"}, None),
        ({"/etc/modprobe.d/a": "blacklist nouveau\n"}, None),
        # an empty file in /etc hides the package's file
        ({"/etc/modprobe.d/n.conf": "", "/usr/lib/modprobe.d/n.conf": "blacklist nouveau\n"}, None),
        ({"/proc/cmdline": "quiet modprobe.blacklist=x,nouveau\n"}, "the kernel command line"),
        ({"/proc/cmdline": "module_blacklist=nouveau"}, "the kernel command line"),
        ({"/proc/cmdline": "nouveau.modeset=0"}, None),
    ],
)
def test_what_keeps_nouveau_out(tree: Tree, files: Dict[str, str], blacklist: Optional[str]) -> None:
    tree.write_all(files)
    lines = modprobe_lines(tree.files)
    assert observe_nouveau(tree.files, lines, (), True) == Nouveau(False, True, blacklist)
    assert observe_nouveau(tree.files, lines, ("nouveau",), False) == Nouveau(True, False, blacklist)


def test_modules_loaded(tree: Tree) -> None:
    interesting: Tuple[str, ...] = ("gdrdrv", "ib_umad", "nouveau", "nvidia", "nvidia_fs", "nvidia_peermem")
    for name in (*interesting, "ext4", "nvidiafb", "ib_core"):
        tree.write("/sys/module/%s/refcnt" % name, "0\n")
    assert modules_loaded(tree.files) == interesting


def test_parameters_in_effect(tree: Tree) -> None:
    assert parameters(tree.files) == {}
    tree.write(
        "/proc/driver/nvidia/params", 'EnableGpuFirmware: 18\nDeviceFileMode: 438\nRegistryDwords: "a=1:2"\n'
    )
    assert parameters(tree.files) == {
        "EnableGpuFirmware": "18",
        "DeviceFileMode": "438",
        "RegistryDwords": "a=1:2",
    }
