# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver a GPU can have: flavours chosen by architecture, impossible pairs refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import flavour_for
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._host import PciDevice
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import gpus, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import refusal

BRANCH_580 = DriverWish(branch=580)


@pytest.mark.parametrize(
    "architectures, branch, flavour",
    [
        (("Maxwell",), 580, PROPRIETARY),
        (("Pascal",), 580, PROPRIETARY),
        (("Volta",), 580, PROPRIETARY),
        (("Turing",), 580, OPEN),
        (("Ampere",), 580, OPEN),
        (("Hopper",), 580, OPEN),
        (("Ada",), 580, OPEN),
        (("Blackwell",), 580, OPEN),
        (("Turing",), 550, PROPRIETARY),
        (("Hopper",), 550, PROPRIETARY),
        (("Hopper",), 560, OPEN),
        (("Blackwell",), 570, OPEN),
        (("Volta", "Turing"), 580, PROPRIETARY),
        (("Turing", "Volta"), 580, PROPRIETARY),
        (("Turing", "Blackwell"), 580, OPEN),
        (("Kepler",), 470, PROPRIETARY),
    ],
)
def test_auto(architectures: Tuple[str, ...], branch: int, flavour: str) -> None:
    assert flavour_for(ubuntu(*architectures), DriverWish(branch=branch)) == flavour


@pytest.mark.parametrize("version, flavour", [("550.54.15", PROPRIETARY), ("580.95.05", OPEN)])
def test_auto_takes_the_branch_of_an_exact_version(version: str, flavour: str) -> None:
    assert flavour_for(ubuntu("Ampere"), DriverWish(version=version)) == flavour


@pytest.mark.parametrize("branch, flavour", [(550, PROPRIETARY), (580, OPEN)])
def test_auto_without_a_gpu_follows_the_branch(branch: int, flavour: str) -> None:
    state = ubuntu()
    state = replace(state, host=replace(state.host, pci=()))
    assert flavour_for(state, DriverWish(branch=branch)) == flavour


def test_an_unknown_gpu_decides_nothing() -> None:
    state = ubuntu()
    state = replace(state, host=replace(state.host, pci=(PciDevice("0000:07:00.0", 0xFFFF, 0x0302),)))
    assert flavour_for(state, BRANCH_580) == OPEN
    assert plan(state, BRANCH_580, {}).blockers == ()


@pytest.mark.parametrize("flavour", [OPEN, PROPRIETARY])
def test_auto_keeps_the_installed_flavour(flavour: str) -> None:
    state = with_driver(ubuntu("Ampere"), "580.95.05", flavour)
    assert flavour_for(state, BRANCH_580) == flavour
    assert plan(state, BRANCH_580, {}).steps == ()


def test_auto_leaves_a_flavour_that_cannot_drive_the_gpu() -> None:
    assert flavour_for(with_driver(ubuntu("Volta"), "580.95.05", OPEN), BRANCH_580) == PROPRIETARY
    assert flavour_for(with_driver(ubuntu("Blackwell"), "580.95.05", PROPRIETARY), BRANCH_580) == OPEN


def test_declared_gpus_replace_those_found() -> None:
    assert flavour_for(ubuntu("Ampere"), replace(BRANCH_580, gpus=gpus("Volta"))) == PROPRIETARY


@pytest.mark.parametrize(
    "architectures, wish, parts",
    [
        (
            ("Volta",),
            DriverWish(branch=580, kernel_module=OPEN),
            (
                "The open kernel module cannot drive this GPU",
                "[10de:1db1] Volta",
                "kernel_module: proprietary or auto",
            ),
        ),
        (
            ("Blackwell",),
            DriverWish(branch=580, kernel_module=PROPRIETARY),
            (
                "The proprietary kernel module cannot drive this GPU",
                "Blackwell",
                "kernel_module: open or auto",
            ),
        ),
        (
            ("Volta",),
            DriverWish(branch=590),
            (
                "Driver branch 590 no longer drives this GPU",
                "[10de:1db1] Volta",
                "use branch 580, the last for Volta",
            ),
        ),
        (
            ("Volta",),
            DriverWish(version="590.44.01"),
            ("Driver branch 590 no longer drives this GPU", "use branch 580"),
        ),
        (
            ("Blackwell",),
            DriverWish(branch=550, kernel_module=OPEN),
            ("Driver branch 550 is older than this GPU", "Blackwell", "use branch 570 or later"),
        ),
        (
            ("Hopper",),
            DriverWish(branch=470),
            ("Driver branch 470 is older than this GPU", "use branch 520 or later"),
        ),
        (
            ("Volta", "Blackwell"),
            BRANCH_580,
            (
                "The open kernel module cannot drive this GPU",
                "Volta",
                "no flavour drives all GPUs of this node",
            ),
        ),
        (("Kepler",), BRANCH_580, ("no longer drives", "use branch 470, the last for Kepler")),
        (("Turing", "Volta"), DriverWish(branch=590), ("no longer drives", "0000:08:00.0")),
    ],
)
def test_impossible_pairs(architectures: Tuple[str, ...], wish: DriverWish, parts: Tuple[str, ...]) -> None:
    message = refusal(plan(ubuntu(*architectures), wish, {}))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "architecture, branch",
    [("Volta", 580), ("Kepler", 470), ("Blackwell", 570), ("Hopper", 520), ("Ampere", 450)],
)
def test_the_first_and_the_last_branch_are_allowed(architecture: str, branch: int) -> None:
    assert plan(ubuntu(architecture), DriverWish(branch=branch), {}).blockers == ()


def test_every_gpu_that_is_refused_is_named() -> None:
    blockers = plan(ubuntu("Volta", "Pascal", "Turing"), DriverWish(branch=590), {}).blockers
    assert [blocker.which for blocker in blockers] == [
        "0000:07:00.0 [10de:1db1] Volta",
        "0000:08:00.0 [10de:15f8] Pascal",
    ]


def test_a_refusal_comes_before_any_question() -> None:
    assert plan(ubuntu("Volta"), DriverWish(branch=580, kernel_module=OPEN), {}).questions == ()
