# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings in a run that holds the driver too, judged by the driver as it will be."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any, Dict, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._after_driver import Coming, Following
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.with_driver import plan
from ansible_collections.labfleet.gpu.tests.unit.support.settings_node import SettingsNode
from ansible_collections.labfleet.gpu.tests.unit.support.simulated_node import VERSION

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100 = "a100-sxm4-40gb"
NEWER = "590.48.01"
HELD = Coming(VERSION, VERSION)
RELOADS = Coming(NEWER, NEWER, changes=True, reloads=True)
WISH: Dict[str, Any] = {"power_limit": 300, "compute_mode": "exclusive_process"}


def planned(gpus: SettingsNode, driver: Coming, **options: Any) -> Plan:
    return plan(gpus.observe(), Following(gpus.wish(**options), driver), {})


def shown(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


def test_a_driver_that_stays_changes_nothing_about_the_plan(gpus: SettingsNode) -> None:
    gpus.add(A100)
    assert planned(gpus, HELD, **WISH) == gpus.plan(**WISH)


def test_a_driver_that_is_loaded_anew_takes_settings(gpus: SettingsNode) -> None:
    """What was held already is to be set again, and is foretold as it will be."""
    uuid = gpus.add(A100)
    gpus.hold(**WISH)
    assert not planned(gpus, replace(HELD, changes=True), **WISH).steps, "it is not loaded anew"
    found = planned(gpus, RELOADS, **WISH)
    assert shown(found) == ["set-gpu"] and found.forecast
    after = found.foretold()
    assert after["driver_version"] == NEWER
    assert after["gpus"][uuid]["power_limit"] == 300


def test_what_the_board_does_not_allow_is_refused_before_the_driver_comes(gpus: SettingsNode) -> None:
    gpus.add(A100)
    found = planned(gpus, RELOADS, power_limit=900)
    assert "this GPU allows 100 to 400 W" in str(found.blockers[0]) and not found.steps


def test_before_nvml_was_ever_asked_nothing_is_sure(gpus: SettingsNode) -> None:
    gpus.add(A100)
    gpus.tree.path("/run/gpu-simulator/module/version").unlink()
    found = planned(gpus, replace(RELOADS, reloads=False), **WISH)
    assert found.forecast and not found.blockers and not found.needs
    refused = planned(gpus, Coming(None, None, changes=True), **WISH)
    assert str(refused.blockers[0]).startswith("GPU settings need a driver, and this run leaves none")
    assert planned(gpus, replace(RELOADS, refused=True), **WISH) == Plan()


def test_a_driver_that_waits_for_a_reboot(gpus: SettingsNode) -> None:
    gpus.add(A100)
    found = planned(gpus, Coming(NEWER, VERSION, changes=True), **WISH)
    assert not found.steps and not found.blockers and not found.forecast
    assert found.warnings == (
        "GPU settings wait for driver %s, which is to be loaded by a reboot: a run after it goes on." % NEWER,
    )
