# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a reboot is due: what is loaded against what is installed, in each combination."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import Module
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import reboot_reasons
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import gpus, ubuntu, with_driver

NEW = "580.95.05"
NOT_LOADED = "Driver 580.95.05 is installed but its kernel module is not loaded."
NOUVEAU = "nouveau drives the GPUs; the installed driver 580.95.05 takes over at the next boot."
MISMATCH = (
    "Kernel module 570.133.20 is loaded but driver 580.95.05 is installed: until the reboot, programs that "
    "load the new library fail with a driver/library version mismatch."
)
FLAVOUR = "The proprietary kernel module is loaded but the open one is installed."


@pytest.mark.parametrize(
    "loaded, bound, reasons",
    [
        (Module(NEW, OPEN), "nvidia", ()),
        (None, None, (NOT_LOADED,)),
        (None, "nouveau", (NOUVEAU,)),
        # given to virtual machines
        (
            None,
            "vfio-pci",
            (),
        ),
        (Module("570.133.20", OPEN), "nvidia", (MISMATCH,)),
        (Module(NEW, PROPRIETARY), "nvidia", (FLAVOUR,)),
        (Module("570.133.20", PROPRIETARY), "nvidia", (MISMATCH, FLAVOUR)),
    ],
)
def test_installed(loaded: Optional[Module], bound: Optional[str], reasons: Tuple[str, ...]) -> None:
    state = with_driver(ubuntu(), NEW, loaded=False)
    state = replace(state, loaded=loaded, host=replace(state.host, pci=gpus("Hopper", driver=bound)))
    assert reboot_reasons(state) == reasons
    found = plan(state, DriverWish(branch=580), {})
    freely = reasons == (NOT_LOADED,)
    assert found.reboot_reasons == (() if freely else reasons)
    assert any(step.action == "load-modules" for step in found.steps) is freely
    without_gpu = replace(state, host=replace(state.host, pci=()))
    assert reboot_reasons(without_gpu) == ()


@pytest.mark.parametrize("loaded", [None, Module(NEW, OPEN)])
def test_no_driver_is_installed(loaded: Optional[Module]) -> None:
    assert reboot_reasons(ubuntu(loaded=loaded)) == ()


def test_a_version_that_is_about_to_be_installed() -> None:
    state = with_driver(ubuntu(), NEW)
    assert reboot_reasons(state, NEW, OPEN) == ()
    assert len(reboot_reasons(state, "580.105.08", OPEN)) == 1
    assert len(reboot_reasons(state, "580.105.08", PROPRIETARY)) == 2
