# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel the next boot takes: GRUB's files, links, versions."""

from __future__ import annotations

import shutil
import subprocess
from typing import Dict, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.observe_boot import (
    boot_kernel,
    bootable_kernels,
    version_key,
)
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

OLD, MIDDLE, NEW = "6.8.0-9-generic", "6.8.0-85-generic", "6.8.0-90-generic"
#: The lines of a grub.cfg of grub-mkconfig 2.12 that matter, for two kernels.
GRUB_CFG = """if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="%s"
fi
function load_video {
  insmod all_video
}
menuentry 'Ubuntu' --class ubuntu $menuentry_id_option 'gnulinux-simple-1b' {
        linux   /boot/vmlinuz-6.8.0-90-generic root=UUID=1b ro
}
submenu 'Advanced options for Ubuntu' $menuentry_id_option 'gnulinux-advanced-1b' {
        menuentry 'Ubuntu, with Linux 6.8.0-90-generic' $menuentry_id_option '6.8.0-90-1b' {
                linux   /vmlinuz-6.8.0-90-generic root=UUID=1b ro
        }
        menuentry 'Ubuntu, with Linux 6.8.0-90-generic (recovery mode)' $menuentry_id_option 'r-1b' {
                linux   /vmlinuz-6.8.0-90-generic root=UUID=1b ro recovery
        }
        menuentry 'Ubuntu, with Linux 6.8.0-85-generic' $menuentry_id_option '6.8.0-85-1b' {
                linux   /vmlinuz-6.8.0-85-generic root=UUID=1b ro
        }
}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
        fwsetup
}
"""
CFG, DEFAULT, ENV = "/boot/grub/grub.cfg", "/etc/default/grub", "/boot/grub/grubenv"
BLOCK = "# GRUB Environment Block\n%s\n#####"


def default(tree: Tree, *kernels: str) -> Optional[str]:
    for kernel in kernels or (OLD, MIDDLE, NEW):
        tree.write("/boot/vmlinuz-" + kernel)
    return boot_kernel(tree.files, bootable_kernels(tree.files))


@pytest.mark.parametrize(
    "files, kernel",
    [
        ({}, NEW),
        ({DEFAULT: "GRUB_TIMEOUT=0\n"}, NEW),
        ({DEFAULT: "GRUB_DEFAULT=0\n"}, NEW),
        ({DEFAULT: 'GRUB_DEFAULT="1>2"\n'}, MIDDLE),
        ({DEFAULT: "GRUB_DEFAULT='1>4'\n"}, OLD),
        ({DEFAULT: "GRUB_DEFAULT=1\n"}, NEW),
        ({DEFAULT: "GRUB_DEFAULT=7\n"}, NEW),
        ({DEFAULT: "GRUB_DEFAULT='Advanced options for Ubuntu>Ubuntu, with Linux %s'\n" % MIDDLE}, MIDDLE),
        ({DEFAULT: "GRUB_DEFAULT=0\n", "/etc/default/grub.d/50-cloud.cfg": 'GRUB_DEFAULT="1>2"\n'}, MIDDLE),
        ({DEFAULT: "GRUB_DEFAULT=saved\n"}, NEW),
        ({DEFAULT: "GRUB_DEFAULT=saved\n", ENV: BLOCK % "saved_entry=1>2"}, MIDDLE),
        ({DEFAULT: "GRUB_DEFAULT=saved\n", ENV: BLOCK % "next_entry=1>4\nsaved_entry=1>2"}, OLD),
        ({DEFAULT: "GRUB_DEFAULT=saved\n", ENV: BLOCK % "saved_entry="}, NEW),
        # grub.cfg is what GRUB reads
        ({CFG: GRUB_CFG % "0"}, NEW),
        ({CFG: GRUB_CFG % "1>2"}, MIDDLE),
        ({CFG: GRUB_CFG % "0", DEFAULT: "GRUB_DEFAULT=1>2\n"}, NEW),
        ({CFG: GRUB_CFG % "gnulinux-advanced-1b>6.8.0-85-1b"}, MIDDLE),
        ({CFG: GRUB_CFG % "Advanced options for Ubuntu>Ubuntu, with Linux 6.8.0-85-generic"}, MIDDLE),
        ({CFG: GRUB_CFG % "${saved_entry}", ENV: BLOCK % "saved_entry=1>2"}, MIDDLE),
        ({CFG: GRUB_CFG % "${saved_entry}"}, NEW),
        ({CFG: GRUB_CFG % "0", ENV: BLOCK % "next_entry=gnulinux-advanced-1b>2"}, MIDDLE),
        ({CFG: GRUB_CFG % "no such entry"}, NEW),
    ],
)
def test_grub(tree: Tree, files: Dict[str, str], kernel: str) -> None:
    tree.write_all(files)
    assert default(tree) == kernel


@pytest.mark.parametrize("link, target", [("/boot/vmlinuz", "vmlinuz-"), ("/vmlinuz", "boot/vmlinuz-")])
def test_the_link_of_the_kernels_packages(tree: Tree, link: str, target: str) -> None:
    tree.link(link, target + MIDDLE)
    assert default(tree) == MIDDLE


def test_a_link_to_a_kernel_that_is_gone_says_nothing(tree: Tree) -> None:
    tree.link("/vmlinuz", "boot/vmlinuz-6.8.0-1-generic")
    assert default(tree) == NEW


def test_grub_goes_before_the_link(tree: Tree) -> None:
    tree.link("/vmlinuz", "boot/vmlinuz-" + OLD)
    tree.write(DEFAULT, "GRUB_DEFAULT=1>2\n")
    assert default(tree) == MIDDLE


def test_a_container_has_no_kernel_to_boot(tree: Tree) -> None:
    assert boot_kernel(tree.files, bootable_kernels(tree.files)) is None
    tree.write(DEFAULT, "GRUB_DEFAULT=0\n")
    assert boot_kernel(tree.files, bootable_kernels(tree.files)) is None


ORDERED = (
    "5.10.0-9-amd64",
    "5.10.0-28-amd64",
    "6.1.0-9-amd64",
    "6.1.0-10-amd64",
    "6.8.0-85-generic",
    "6.8.0-85-lowlatency",
    "6.9~rc4-amd64",
    "6.9-amd64",
    "6.9.0-1-amd64",
    "6.12.57+deb13-amd64",
)


def test_versions_sort() -> None:
    assert sorted(reversed(ORDERED), key=version_key) == list(ORDERED)


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is what it is compared with")
def test_versions_sort_as_dpkg_sorts_them() -> None:
    for one, other in zip(ORDERED, ORDERED[1:]):
        assert subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0
