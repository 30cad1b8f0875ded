# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A switch of the MIG mode takes settings of that GPU alone, and puts them back: also after a cut."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.plugins.module_utils._gpu_notes import locks_of, note_locks, owing
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import MigNode
from ansible_collections.labfleet.gpu.tests.unit.support.settings_node import SettingsNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, H100 = "a100-sxm4-40gb", "h100-sxm5-80gb"
SEVEN: Dict[str, Any] = {"gpus": [0], "instances": {"1g.5gb": 7}}
BOARD: Dict[str, object] = {
    "power_limit_default_mw": 400000,
    "power_limit_min_mw": 100000,
    "power_limit_max_mw": 400000,
    "clock_graphics_max_mhz": 1410,
    "clock_memory_max_mhz": 1215,
}


def settled(mig: MigNode, board: str = A100, **changes: object) -> str:
    """Plug in a board with persistence, less power, locked clocks, for one process; its UUID."""
    uuid, number = mig.add(board, 0, **BOARD), mig.count - 1
    values: Dict[str, object] = {
        "persistence_mode": 1,
        "power_limit_mw": 300000,
        "compute_mode": 3,
        "clocks_locked_gpu_mhz": "900 1200",
        "clock_graphics_mhz": 1000,
        **changes,
    }
    for key, value in values.items():
        mig.put(number, key, value)
    mig.tree.write("/sys/module/nvidia/initstate", "live\n")
    mig.tree.write("/run/gpu-simulator/clients", "")
    note_locks(Context(mig.commands(), mig.tree.files, []), uuid, {"gpu_clocks": (900, 1200)})
    return uuid


def stands(mig: MigNode, number: int = 0) -> Tuple[Optional[str], ...]:
    names = ("persistence_mode", "power_limit_mw", "clocks_locked_gpu_mhz", "compute_mode")
    return tuple(mig.is_now(number, name) for name in names)


def whats(plan: Any) -> List[str]:
    return [step.what for step in plan.steps]


@pytest.mark.parametrize("board", [A100, H100])
def test_a_gpu_gets_back_what_a_switch_takes(mig: MigNode, board: str) -> None:
    uuid, other = settled(mig, board), settled(mig, A100)
    plan = mig.hold(gpus=[0], mig=True)
    assert whats(plan) == [
        "GPU 0: switch MIG mode on",
        "GPU 0: put back power limit 300 W, GPU clocks 900 to 1200 MHz",
    ]
    assert plan.steps[1].why == "the switch of the MIG mode takes power limit and GPU clocks"
    assert "compute mode exclusive_process ends with MIG mode on" in plan.warnings[0]
    assert stands(mig)[:3] == ("1", "300000", "900 1200")
    assert stands(mig, 1) == ("1", "300000", "900 1200", "3"), "another GPU is not concerned"
    same = {"gpu_clocks": (900, 1200)}
    assert locks_of(mig.tree.files) == {uuid: same, other: same} and owing(mig.tree.files) == {}
    off = mig.hold(gpus=[0], mig=False)
    assert whats(off)[0] == "GPU 0: switch MIG mode off" and "power limit 300 W" in whats(off)[1]
    assert stands(mig)[:3] == ("1", "300000", "900 1200")


def test_a_compute_mode_comes_back_with_mig_mode_off(mig: MigNode) -> None:
    settled(mig)
    mig.hold(gpus=[0], mig=True)
    mig.put(0, "compute_mode", 2)
    plan = mig.hold(gpus=[0], mig=False)
    assert "put back compute mode prohibited, power limit 300 W" in whats(plan)[1]
    assert stands(mig) == ("1", "300000", "900 1200", "2")


def test_persistence_alone_takes_no_step(mig: MigNode) -> None:
    mig.add(A100, 0, **BOARD)
    mig.put(0, "persistence_mode", 1)
    assert whats(mig.hold(gpus=[0], mig=True)) == ["GPU 0: switch MIG mode on"]
    assert mig.is_now(0, "persistence_mode") == "1"


def test_without_persistence_nothing_is_kept(mig: MigNode) -> None:
    uuid = settled(mig, persistence_mode=0)
    assert whats(mig.hold(gpus=[0], mig=True)) == ["GPU 0: switch MIG mode on"]
    assert mig.is_now(0, "persistence_mode") == "0" and locks_of(mig.tree.files) == {uuid: {}}


def test_a_layout_takes_nothing(mig: MigNode) -> None:
    settled(mig)
    mig.hold(gpus=[0], mig=True)
    plan = mig.hold(**SEVEN)
    assert [step.action for step in plan.steps] == ["create_gpu_instance", "create_compute_instance"]


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
@pytest.mark.parametrize("wish", [SEVEN, {"gpus": [1], "mig": True}], ids=["again", "another"])
def test_a_run_that_was_cut_off_owes_it(mig: MigNode, cut: int, wish: Dict[str, Any]) -> None:
    settled(mig)
    mig.add(A100, 0)
    plan = mig.plan(**SEVEN)
    assert len(plan.steps) == 4
    mig.apply(replace(plan, steps=plan.steps[:cut]))
    mig.hold(**wish)
    assert stands(mig)[:3] == ("1", "300000", "900 1200"), cut
    mig.put(0, "power_limit_mw", 200000)
    assert not mig.plan(**wish).steps, "nothing is owed any more"


def test_a_run_that_was_cut_within_the_switch_owes_it(mig: MigNode) -> None:
    """Persistence is off, and the mode is on: what the note says is all there is."""
    settled(mig)
    mig.fault("nvmlDeviceSetPersistenceMode", "after 1 return 999")
    said = mig.failing(**SEVEN)
    assert said == "GPU 0: NVML refuses persistence on: Unknown Error. The next run puts it back"
    assert stands(mig) == ("0", "400000", None, "0") and mig.modes(mig.observe().gpus[0].key)[0]
    mig.fault("nvmlDeviceSetPersistenceMode", "")
    plan = mig.hold(**SEVEN)
    assert whats(plan)[0] == "GPU 0: put back persistence on, power limit 300 W, GPU clocks 900 to 1200 MHz"
    assert stands(mig)[:3] == ("1", "300000", "900 1200")
    assert not mig.warnings, "its compute mode is not even tried in MIG mode"


def test_gpu_settings_puts_it_back_too(mig: MigNode) -> None:
    settled(mig)
    mig.fault("nvmlDeviceSetPersistenceMode", "after 1 return 999")
    mig.failing(**SEVEN)
    mig.fault("nvmlDeviceSetPersistenceMode", "")
    settings = SettingsNode(mig.tree)
    plan = settings.hold(ecc=False)
    assert whats(plan) == [
        "GPU 0: set persistence on (NVML's legacy mode), power limit 300 W, GPU clocks 900 to 1200 MHz"
    ]
    assert stands(mig)[:3] == ("1", "300000", "900 1200")
    assert not mig.plan(gpus=[0], mig=True).steps


def test_what_a_gpu_in_mig_mode_cannot_have_is_told(mig: MigNode) -> None:
    """It is no reason to be without a layout, and no next run would change it."""
    uuid = settled(mig)
    mig.fault("nvmlDeviceSetGpuLockedClocks", "return 3")
    mig.hold(**SEVEN)
    assert mig.names(uuid) == ["1g.5gb"] * 7 and stands(mig)[:3] == ("1", "300000", None)
    (said,) = mig.warnings
    assert said.startswith("GPU 0 does not get back GPU clocks 900 to 1200 MHz: NVML does not support it")


def test_a_setting_that_fails_is_owed(mig: MigNode) -> None:
    settled(mig)
    mig.fault("nvmlDeviceSetPowerManagementLimit", "times 1 return 999")
    assert "GPU 0: NVML refuses power limit 300 W: Unknown Error" in mig.failing(**SEVEN)
    plan = mig.hold(**SEVEN)
    assert whats(plan)[0] == "GPU 0: put back power limit 300 W, GPU clocks 900 to 1200 MHz"
    assert stands(mig)[:3] == ("1", "300000", "900 1200")


def test_a_switch_that_fails_gives_everything_back(mig: MigNode) -> None:
    settled(mig)
    mig.fault("nvmlDeviceSetMigMode", "times 1 return 999")
    assert "cannot be switched: NVML says: Unknown Error" in mig.failing(**SEVEN)
    assert stands(mig) == ("1", "300000", "900 1200", "3")
    assert owing(mig.tree.files) == {}


def test_a_switch_that_waits_for_a_reboot_leaves_everything(mig: MigNode) -> None:
    uuid = settled(mig, A100)
    mig.tree.write("/var/lib/gpu-simulator/gpus/0/mig_reset_status", "16\n")
    plan = mig.hold(gpus=[0], mig=True)
    assert plan.reboot_reasons and mig.modes(uuid) == (False, True)
    assert stands(mig) == ("1", "300000", "900 1200", "3") and owing(mig.tree.files) == {}


@pytest.mark.parametrize("board", [A100, H100])
@pytest.mark.parametrize("before", ["400000", "350000"])
def test_what_an_earlier_step_of_the_run_sets_is_kept(mig: MigNode, board: str, before: str) -> None:
    """gpu_stack plans settings and layouts before either changes anything."""
    mig.add(board, 0, **BOARD)
    mig.put(0, "power_limit_mw", before)
    mig.put(0, "persistence_mode", 0 if before == "400000" else 1)
    mig.tree.write("/run/gpu-simulator/clients", "")
    settings = SettingsNode(mig.tree)
    wish: Dict[str, Any] = {"persistence": True, "power_limit": 300, "gpu_clocks": [900, 1200]}
    first, layouts = settings.plan(**wish), mig.plan(gpus=[0], mig=True)
    settings.apply(first)
    mig.apply(layouts)
    assert stands(mig)[:3] == ("1", "300000", "900 1200")
    assert not settings.plan(**wish).steps and not mig.plan(gpus=[0], mig=True).steps
