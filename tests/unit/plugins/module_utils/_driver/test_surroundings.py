# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are not as the plain case: several kernels, a doubled source, two things changing at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional

from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    OWN_FILES,
    PIN_PATH,
    find_installed,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import Build, reboot_reasons
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Install, RemoveFile
from ansible_collections.labfleet.gpu.plugins.module_utils._host import PciDevice
from ansible_collections.labfleet.gpu.plugins.module_utils._own_sources import (
    SOURCE_PATH,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskTransaction,
    Change,
    Transaction,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import Source
from ansible_collections.labfleet.gpu.tests.unit.support.archive import (
    NVIDIA,
    debian_archive,
    ubuntu_archive,
)
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, debian, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import refusal, settled

OTHER_KERNEL = "6.8.0-90-generic"


def test_every_other_kernel_that_can_be_booted_and_has_headers_gets_its_modules() -> None:
    state = ubuntu(headers=(KERNEL, OTHER_KERNEL, "6.11.0-9-generic"), bootable=(KERNEL, OTHER_KERNEL))
    found, _asked = settled(state, DriverWish(branch=580), ubuntu_archive(KERNEL))
    assert [step.data for step in found.steps if step.action == "build-modules"] == [
        Build(OTHER_KERNEL, "580.105.08")
    ]


def test_a_flavour_and_a_branch_change_at_once_remove_the_other_flavour() -> None:
    state = with_driver(debian(headers=(KERNEL,)), "535.247.01", flavour="proprietary")
    wish = DriverWish(branch=535, kernel_module="open", update=True)
    moved = replace(state, installed=replace(state.installed, branch=525))  # type: ignore[type-var]
    for before in (state, moved):
        found, _asked = settled(before, wish, debian_archive())
        (install,) = [step.data for step in found.steps if isinstance(step.data, Install)]
        assert "nvidia-kernel-dkms-" in install.targets


def test_our_source_goes_where_somebody_else_configured_the_same() -> None:
    own: Dict[str, Optional[str]] = {path: None for path in OWN_FILES}
    own[SOURCE_PATH] = "Types: deb\n"
    own[PIN_PATH] = with_driver(ubuntu(), "580.95.05").own_files[PIN_PATH]
    both = (
        Source(NVIDIA, "/", (), None, "/etc/apt/sources.list.d/cuda-ubuntu2404-x86_64.list"),
        Source(NVIDIA, "/", (), None, SOURCE_PATH),
    )
    state = with_driver(ubuntu(), "580.95.05", sources=both, own_files=own, headers=(KERNEL,))
    wish = DriverWish(branch=580)
    assert [step.data for step in plan(state, wish, {}).steps] == [RemoveFile(SOURCE_PATH)]
    found, asked = settled(replace(state, installed=None, packages=()), wish, ubuntu_archive(KERNEL))
    assert found.steps[0].data == RemoveFile(SOURCE_PATH)
    index = next(question for question in asked if hasattr(question, "pattern"))
    assert [(entry.path, entry.content) for entry in index.files] == [(SOURCE_PATH, "")]


def test_a_driver_of_another_family_is_left_alone() -> None:
    wish = DriverWish(branch=580)
    for name, version in (
        ("nvidia-dkms-580-server-open", "580.95.05-0ubuntu0.24.04.1"),
        ("linux-modules-nvidia-580-open-6.8.0-85-generic", "6.8.0-85.85"),
        ("nvidia-dkms-open", "595.91.07-1ubuntu1"),
    ):
        packages = (Package(name, version, "install", "installed"),)
        owner = "packages of another family: %s=%s" % (name, version)
        found = plan(ubuntu(packages=packages, other_owner=owner), wish, {})
        assert name in refusal(found) and "leave this host to it" in refusal(found)


def test_the_archives_packages_of_the_same_name_are_not_nvidias() -> None:
    found = find_installed(
        (Package("nvidia-dkms-580", "580.95.05-0ubuntu0.24.04.1", "install", "installed"),)
    )
    assert found is not None and found.family.source == "ubuntu"


def test_the_installed_version_stays_while_a_part_is_missing() -> None:
    state = with_driver(ubuntu(headers=(KERNEL,)), "580.65.06")
    packages = tuple(each for each in state.packages if each.name != "nvidia-utils-580")
    found, _asked = settled(replace(state, packages=packages), DriverWish(branch=580), ubuntu_archive(KERNEL))
    assert found.promised()["version"] == "580.65.06"


def test_versions_are_not_mixed() -> None:
    archive = ubuntu_archive(KERNEL)
    mixed = Transaction((Change("libnvidia-compute-580", "", "580.126.09-0ubuntu0.24.04.1"),), (), 0, 0)
    archive.fixed[AskTransaction] = mixed
    found, _asked = settled(ubuntu(headers=(KERNEL,)), DriverWish(version="580.95.05"), archive)
    assert "mix versions" in refusal(found) and "libnvidia-compute-580" in refusal(found)


def test_a_module_that_was_there_at_boot_and_does_not_load_asks_for_no_reboot() -> None:
    refused = "580.95.05 open\nNo such device\n"
    state = with_driver(
        ubuntu(headers=(KERNEL,)), "580.95.05", loaded=False, booted=100.0, activation_refused=refused
    )
    wish = DriverWish(branch=580)
    new = replace(state, module_since={KERNEL: 101.0})
    assert reboot_reasons(new) and not plan(new, wish, {}).blockers
    old = replace(state, module_since={KERNEL: 99.0})
    assert plan(old, wish, {}).reboot_reasons == ()
    assert "mokutil --sb-state" in refusal(plan(old, wish, {}))


def test_a_driver_that_was_not_removed_since_boot_asks_for_no_reboot() -> None:
    loaded = replace(with_driver(ubuntu(), "580.95.05"), packages=(), installed=None, booted=100.0)
    wish = DriverWish(state="absent")
    assert plan(replace(loaded, on_disk={}, modules_changed=50.0), wish, {}).reboot_reasons == ()
    assert plan(replace(loaded, on_disk={}, modules_changed=150.0), wish, {}).reboot_reasons != ()


def test_boards_that_came_later_than_their_architecture() -> None:
    pro = PciDevice("0000:07:00.0", 0x2BB5, 0x0302)
    state = ubuntu()
    state = replace(state, host=replace(state.host, pci=(pro,)))
    assert "use branch 575 or later" in refusal(plan(state, DriverWish(branch=570), {}))
