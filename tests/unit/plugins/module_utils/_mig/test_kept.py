# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts that are restored at boot, planned for while NVML does not tell UUIDs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._after_driver import Coming, Following
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.kept import KeptWish, kept
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.plan import Persist
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.state import text_of
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.unit import STORES
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._mig import with_driver
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.component import KEPT_MIG, MIG
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.remembered import chosen
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import VERSION, MigNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100 = "a100-sxm4-40gb"
YES = Persist(True, "its digest", "/usr/bin/python3", b"the program")
BROUGHT = Coming(VERSION, VERSION, changes=True)
# In a run that holds the driver too, as gpu_stack has it.
STACKED = kept(replace(MIG, plan=with_driver.plan), lambda state, following: chosen(state, following.wish))


def planned(mig: MigNode, driver: Optional[Coming], persist: Persist = YES) -> Plan:
    """All GPUs are to have seven instances: alone, or with the driver that the run brings."""
    alone = mig.wish(instances={"1g.5gb": 7})
    component = KEPT_MIG if driver is None else STACKED
    wish = alone if driver is None else Following(alone, driver)
    seen = component.observe(mig.commands(), mig.tree.files, observe_host(mig.tree.files))
    return component.plan(seen, KeptWish(wish, persist), {})


def of_boot(plan: Plan) -> Any:
    return [step.what for step in plan.steps if step.phase == "boot"], plan.foretold().get("boot")


@pytest.mark.parametrize("driver", [None, BROUGHT])
def test_what_is_stored_stays_until_nvml_tells_whose_it_is(mig: MigNode, driver: Optional[Coming]) -> None:
    uuid = mig.add(A100)
    mig.tree.write(STORES["mig"], text_of({uuid: {"mig": True}}))
    steps, told = of_boot(planned(mig, None))
    assert "note the MIG layouts of 1 GPU for the next boot" in steps and list(told["gpus"]) == [uuid]
    mig.tree.path("/run/gpu-simulator/module/version").unlink()
    for persist in (YES, Persist(False), Persist()):
        found = planned(mig, driver, persist)
        assert found.forecast if driver else found.needs
        assert of_boot(found) == ([], None), "its UUID would be foretold to go"
        assert [STORES["mig"] in each for each in found.warnings].count(True) == 1


@pytest.mark.parametrize("driver", [None, BROUGHT])
def test_what_begins_to_be_stored_is_foretold_for_the_gpu_at_its_address(
    mig: MigNode, driver: Optional[Coming]
) -> None:
    mig.add(A100)
    mig.tree.path("/run/gpu-simulator/module/version").unlink()
    found = planned(mig, driver)
    steps, told = of_boot(found)
    assert len(steps) == 5 and list(told["gpus"]) == ["0000:07:00.0"]
    assert not any(STORES["mig"] in each for each in found.warnings)
