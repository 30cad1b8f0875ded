# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver of NVIDIA's .run installer: refused without consent, replaced with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    DriverState,
    Module,
    Runfile,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.takeover import Uninstall
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskClients,
    AskHolders,
    Client,
    Clients,
    Holders,
)
from ansible_collections.labfleet.gpu.tests.unit.support.archive import ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import (
    actions,
    carried_out,
    refusal,
    settled,
)

OLD, NEW = "570.172.08", "580.95.05"
PROGRAM = "/usr/bin/nvidia-uninstall"
WISH = DriverWish(version=NEW, take_over=True)


def installed_by_hand(**changes: Any) -> DriverState:
    """The .run installer's driver is there for the running kernel and loaded."""
    old = Module(OLD, OPEN)
    values = {"loaded": old, "on_disk": {KERNEL: old}, "library": OLD, "runfile": Runfile(OLD, PROGRAM)}
    return ubuntu(**dict(values, **changes))


@pytest.mark.parametrize("state", ["present", "absent"])
def test_it_is_left_alone_without_consent(state: str) -> None:
    wish = DriverWish(version=NEW if state == "present" else None, state=state)
    found, asked = settled(installed_by_hand(), wish, ubuntu_archive(KERNEL))
    assert found.steps == () and asked == []
    if state == "absent":
        (warning,) = found.warnings
        assert OLD in warning and PROGRAM in warning and "take_over: true" in warning
        return
    words = refusal(found)
    assert OLD in words and PROGRAM in words and "set take_over: true" in words


def test_with_consent_it_goes_first_and_packages_come() -> None:
    found, _asked = settled(installed_by_hand(), WISH, ubuntu_archive(KERNEL))
    assert actions(found)[0] == "uninstall-runfile" and "install" in actions(found)
    assert found.steps[0].data == Uninstall(PROGRAM, OLD)
    assert found.replan, "the uninstaller may have unloaded the module"
    assert found.promised()["version"] == NEW and found.promised()["module_on_disk"] == NEW
    assert len(found.reboot_reasons) == 1 and OLD in found.reboot_reasons[0]


def test_the_same_version_by_packages_needs_no_reboot() -> None:
    module = Module(NEW, OPEN)
    state = installed_by_hand(loaded=module, on_disk={KERNEL: module}, runfile=Runfile(NEW, PROGRAM))
    found, _asked = settled(state, WISH, ubuntu_archive(KERNEL))
    assert "install" in actions(found) and found.reboot_reasons == ()


def test_nothing_is_loaded_yet() -> None:
    found, _asked = settled(installed_by_hand(loaded=None), WISH, ubuntu_archive(KERNEL))
    assert actions(found)[0] == "uninstall-runfile" and actions(found)[-2:] == ["load-modules", "start-units"]
    assert found.reboot_reasons == ()


def test_running_work_is_not_disturbed_without_consent() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskClients] = Clients((Client(4711, "alice", "python3"),))
    found, _asked = settled(installed_by_hand(), WISH, archive)
    assert "4711 (alice, python3)" in refusal(found)
    found, _asked = settled(installed_by_hand(), DriverWish(state="absent", take_over=True), archive)
    assert "4711 (alice, python3)" in refusal(found)


def test_the_activation_notes_what_it_needs_before_the_library_goes() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskHolders] = Holders(units=("trainer.service",))
    found, _asked = settled(installed_by_hand(), replace(WISH, disrupt_running_work=True), archive)
    assert actions(found)[:2] == ["write-file", "uninstall-runfile"]
    assert actions(found)[-4:] == ["stop-units", "unload-modules", "load-modules", "start-units"]


def test_after_it_nothing_is_left_to_do() -> None:
    archive = ubuntu_archive(KERNEL)
    state = installed_by_hand()
    found, _asked = settled(state, WISH, archive)
    after = carried_out(state, found, archive)
    assert after.runfile is None
    assert plan(after, WISH, {}).steps == () and plan(after, WISH, {}).reboot_reasons == found.reboot_reasons


def test_a_cut_after_the_removal_goes_on_with_the_packages() -> None:
    archive = ubuntu_archive(KERNEL)
    found, _asked = settled(installed_by_hand(), WISH, archive)
    cut = carried_out(installed_by_hand(), replace(found, steps=found.steps[:1]), archive)
    again, _asked = settled(cut, WISH, archive)
    assert actions(again) == actions(found)[1:]


@pytest.mark.parametrize("program", [PROGRAM, None])
def test_without_the_installers_account_nothing_can_be_removed(program: str) -> None:
    if program is None:
        found, _asked = settled(installed_by_hand(runfile=Runfile(OLD, None)), WISH, ubuntu_archive(KERNEL))
        assert found.steps[0].data == Uninstall(None, OLD), "the account is there, the program is not needed"
        return
    found, _asked = settled(installed_by_hand(runfile=Runfile(None, program)), WISH, ubuntu_archive(KERNEL))
    assert "/var/lib/nvidia/log is missing" in refusal(found)


def test_beside_packages_it_goes_and_they_stay() -> None:
    state = replace(with_driver(ubuntu(), NEW), runfile=Runfile(OLD, PROGRAM))
    found, _asked = settled(state, DriverWish(branch=580, take_over=True), ubuntu_archive(KERNEL))
    assert actions(found) == ["uninstall-runfile"] and found.replan


def test_absent_removes_it_with_consent() -> None:
    wish = DriverWish(state="absent", take_over=True)
    state = installed_by_hand(booted=100.0)
    found, _asked = settled(state, wish, ubuntu_archive(KERNEL))
    assert actions(found) == ["uninstall-runfile"]
    assert len(found.reboot_reasons) == 1 and "stays loaded" in found.reboot_reasons[0]
    after = carried_out(state, found, ubuntu_archive(KERNEL))
    assert plan(after, wish, {}).steps == () and plan(after, wish, {}).reboot_reasons == found.reboot_reasons


def test_the_gpu_operators_container_stays_the_owner() -> None:
    owner = "the driver container of the GPU Operator (/run/nvidia/driver/usr)"
    found, _asked = settled(ubuntu(other_owner=owner), WISH, ubuntu_archive(KERNEL))
    assert owner in refusal(found)
