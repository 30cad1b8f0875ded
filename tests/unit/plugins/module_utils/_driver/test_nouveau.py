# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nouveau is kept off the GPUs, once, by whoever does it first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import nouveau
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    NOUVEAU_PATH,
    OPTIONS_PATH,
    DriverState,
    Nouveau,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import WriteFile
from ansible_collections.labfleet.gpu.plugins.module_utils._host import declared_gpus
from ansible_collections.labfleet.gpu.tests.unit.support.archive import ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, gpus, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import (
    actions,
    carried_out,
    rebooted,
    settled,
)

WISH = DriverWish(branch=580)
PRESENT = Nouveau(present=True)


def node(**changes: Any) -> DriverState:
    return with_driver(ubuntu(), "580.95.05", **dict({"has_initramfs": True, "nouveau": PRESENT}, **changes))


@pytest.mark.parametrize("found", [PRESENT, Nouveau(loaded=True), Nouveau(True, True)])
def test_a_bare_host_gets_the_blacklist_before_the_packages(found: Nouveau) -> None:
    state = ubuntu(has_initramfs=True, nouveau=found)
    planned, _asked = settled(state, WISH, ubuntu_archive(KERNEL))
    names = actions(planned)
    assert names.index("write-modprobe") < names.index("install") < names.index("update-initramfs")
    (data,) = [step.data for step in planned.steps if step.action == "write-modprobe"]
    assert data == WriteFile(NOUVEAU_PATH, nouveau.CONTENT)
    assert {"blacklist nouveau", "options nouveau modeset=0"} <= set(data.content.splitlines())
    # The packages bring one of their own; ours stays beside it, and nothing more is done.
    after = rebooted(carried_out(state, planned, ubuntu_archive(KERNEL)))
    for blacklist in (NOUVEAU_PATH, "/lib/modprobe.d/nvidia-graphics-drivers.conf"):
        assert plan(replace(after, nouveau=Nouveau(False, True, blacklist)), WISH, {}).steps == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"nouveau": Nouveau()},
        {"nouveau": Nouveau(False, True, "/lib/modprobe.d/nvidia-graphics-drivers.conf")},
        {"nouveau": Nouveau(True, True, "/etc/modprobe.d/blacklist-nouveau.conf")},
    ],
)
def test_what_is_not_needed_is_not_written(changes: "dict[str, Any]") -> None:
    assert plan(node(**changes), WISH, {}).steps == ()


def test_a_host_without_gpu_keeps_nouveau_unless_it_is_an_image_for_one() -> None:
    state = node()
    state = replace(state, host=replace(state.host, pci=()))
    assert plan(state, WISH, {}).steps == ()
    image = replace(WISH, gpus=declared_gpus(["hopper"]))
    assert actions(plan(state, image, {})) == ["write-modprobe", "update-initramfs"]


def test_a_changed_file_of_ours_is_mended() -> None:
    state = node(nouveau=Nouveau(False, True, NOUVEAU_PATH))
    state = replace(state, own_files=dict(state.own_files, **{NOUVEAU_PATH: "blacklist nouveau\n"}))
    assert actions(plan(state, WISH, {})) == ["write-modprobe", "update-initramfs"]


def test_a_loaded_nouveau_waits_for_the_reboot() -> None:
    bare = ubuntu(has_initramfs=True, nouveau=Nouveau(loaded=True, present=True))
    bare = replace(bare, host=replace(bare.host, pci=gpus("Hopper", driver="nouveau")))
    found, _asked = settled(bare, WISH, ubuntu_archive(KERNEL))
    assert [reason.split()[0] for reason in found.reboot_reasons] == ["nouveau"]


def test_absent_takes_both_files_and_renews_the_initramfs_once() -> None:
    state = ubuntu(has_initramfs=True)
    files = {NOUVEAU_PATH: nouveau.CONTENT, OPTIONS_PATH: "options nvidia NVreg_X=1\n"}
    state = replace(state, own_files=dict(state.own_files, **files))
    absent = DriverWish(state="absent")
    found = plan(state, absent, {})
    assert actions(found) == ["remove-modprobe", "remove-modprobe", "update-initramfs"]
    for done in range(4):
        cut = carried_out(state, replace(found, steps=found.steps[:done]), ubuntu_archive(KERNEL))
        rest = plan(cut, absent, {})
        assert len(rest.steps) == 3 - done
        assert plan(carried_out(cut, rest, ubuntu_archive(KERNEL)), absent, {}).steps == ()
