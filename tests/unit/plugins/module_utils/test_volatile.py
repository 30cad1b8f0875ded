# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GPUs forget with their modules: read from the simulated driver's NVML, and written back to it."""

from __future__ import annotations

import json
import shutil
from typing import Any, Dict, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.state import text_of
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.unit import (
    ENABLED_PATH,
    PROGRAM_PATH,
    RULE_PATH,
    STORES,
    UNIT_PATH,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._volatile import noted, restore, volatile
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

UUID = "GPU-513536b6-7d19-9063-b049-1e69664bb298"
BOARD = {
    "persistence_mode": 0,
    "compute_mode": 0,
    "power_limit_mw": 165000,
    "power_limit_default_mw": 165000,
    "power_limit_min_mw": 100000,
    "power_limit_max_mw": 165000,
    "clock_memory_app_mhz": 1215,
    "clock_memory_app_default_mhz": 1215,
    "clock_memory_supported_mhz": 1215,
    "clock_graphics_app_mhz": 1440,
    "clock_graphics_app_default_mhz": 1440,
    "clock_graphics_supported_mhz": 1440,
}
RUNNING = "/run/gpu-simulator/gpus/0/"


@pytest.fixture
def board(node: Tree) -> Tree:
    """The node's GPU, as it is when its driver has just been loaded."""
    for name, value in BOARD.items():
        node.write("/var/lib/gpu-simulator/gpus/0/" + name, "%d\n" % value)
    node.write("/var/lib/gpu-simulator/gpus/0/clock_graphics_supported_mhz", "1440\n1200\n")
    return node


def settings(tree: Tree) -> Dict[str, Any]:
    found = volatile(tree.files)
    assert found.trouble == ""
    return noted(found.note)[1]


def test_nothing_was_set(board: Tree) -> None:
    assert settings(board) == {}


@pytest.mark.parametrize(
    "files, expected",
    [
        ({"persistence_mode": 1}, {"persistence_mode": 1}),
        ({"compute_mode": 3}, {"compute_mode": 3}),
        ({"power_limit_mw": 120000}, {"power_limit": 120000}),
        ({"clock_graphics_app_mhz": 1200}, {"application_clocks": [1215, 1200]}),
        ({"persistence_mode": 1, "power_limit_mw": 120000}, {"persistence_mode": 1, "power_limit": 120000}),
    ],
)
def test_what_was_set_is_noted_and_set_again(
    board: Tree, files: Dict[str, int], expected: Dict[str, Any]
) -> None:
    for name, value in files.items():
        board.write(RUNNING + name, "%d\n" % value)
    found = settings(board)
    assert found == {UUID: expected}
    for name in files:
        board.path(RUNNING + name).unlink()
    assert settings(board) == {}
    assert restore(found) == []
    assert settings(board) == found


def test_a_setting_that_the_gpu_does_not_have(board: Tree) -> None:
    for name in ("power_limit_mw", "clock_graphics_app_default_mhz"):
        board.path("/var/lib/gpu-simulator/gpus/0/" + name).unlink()
    board.write(RUNNING + "persistence_mode", "1\n")
    assert settings(board)[UUID]["persistence_mode"] == 1


def test_what_cannot_be_set_again_is_told(board: Tree) -> None:
    missed = restore({UUID: {"power_limit": 1, "persistence_mode": 1}, "GPU-gone": {"compute_mode": 3}})
    assert len(missed) == 2
    assert missed[0].startswith("power_limit of GPU %s (" % UUID)
    assert missed[1] == "compute_mode of GPU GPU-gone (it is gone)"
    assert settings(board) == {UUID: {"persistence_mode": 1}}


def test_a_driver_that_does_not_answer(board: Tree) -> None:
    board.path("/run/gpu-simulator/module/version").write_text("570.172.08\n", encoding="utf-8")
    board.write("/sys/module/nvidia/refcnt", "0\n")
    found = volatile(board.files)
    assert "mismatch" in found.trouble
    assert noted(found.note) == (["nvidia"], {})
    (missed,) = restore({UUID: {"persistence_mode": 1}})
    assert missed.startswith("the GPUs' settings (NVML says: ")
    assert restore({}) == []


@pytest.mark.parametrize("mode, named", [(1, ("GPU 0 (NVIDIA A30)",)), (0, ())])
def test_gpus_in_mig_mode_are_named(board: Tree, mode: int, named: Tuple[str, ...]) -> None:
    assert volatile(board.files).mig == (), "a board without MIG"
    for when, value in (("current", mode), ("pending", 1 - mode)):
        board.write("/var/lib/gpu-simulator/gpus/0/mig_mode_" + when, "%d\n" % value)
    assert volatile(board.files).mig == named


def test_instances_are_seen_where_the_library_does_not_fit_the_module(board: Tree) -> None:
    board.path("/run/gpu-simulator/module/version").write_text("570.172.08\n", encoding="utf-8")
    top = "/proc/driver/nvidia/capabilities/"
    board.write(top + "mig/config")
    board.write(top + "gpu0/mig/config")
    assert volatile(board.files).mig == ()
    board.write(top + "gpu3/mig/gi1/access")
    found = volatile(board.files)
    assert found.mig == ("GPU 3",) and "mismatch" in found.trouble


@pytest.mark.parametrize("fits", [True, False])
@pytest.mark.parametrize(
    "missing, entry, expected",
    [
        ("", {"mig": True, "instances": [{"profile": "1g.6gb", "placement": 0}]}, True),
        (ENABLED_PATH, {"mig": True, "instances": [{"profile": "1g.6gb", "placement": 0}]}, False),
        ("", {"mig": True}, False),
    ],
)
def test_which_instances_the_next_boot_makes_again(
    board: Tree, fits: bool, missing: str, entry: Dict[str, Any], expected: bool
) -> None:
    for when in ("current", "pending"):
        board.write("/var/lib/gpu-simulator/gpus/0/mig_mode_" + when, "1\n")
    board.write("/proc/driver/nvidia/capabilities/gpu0/mig/gi1/access")
    information = "GPU UUID: \t %s\nBus Location: \t 0000:07:00.0\nDevice Minor: \t 0\n" % UUID
    board.write("/proc/driver/nvidia/gpus/0000:07:00.0/information", information)
    if not fits:
        board.path("/run/gpu-simulator/module/version").write_text("570.172.08\n", encoding="utf-8")
    board.write_all({UNIT_PATH: "unit", RULE_PATH: "rule", PROGRAM_PATH: "program"})
    if not missing:
        board.link(ENABLED_PATH, UNIT_PATH)
    board.write(STORES["mig"], text_of({UUID: entry}))
    found = volatile(board.files)
    assert found.mig == (("GPU 0 (NVIDIA A30)",) if fits else ("GPU 0",))
    assert found.at_boot == (found.mig if expected else ())


def test_the_note_has_the_modules_in_the_order_of_unloading(board: Tree) -> None:
    for name in ("nvidia", "nvidia_uvm", "nvidia_peermem", "ib_core"):
        board.write("/sys/module/%s/refcnt" % name, "0\n")
    assert json.loads(volatile(board.files).note)["modules"] == ["nvidia_peermem", "nvidia_uvm", "nvidia"]
