# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored settings on a node through the simulated NVML, with nvidia-persistenced and without it."""

from __future__ import annotations

import shutil
from typing import Any, Dict, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.state import text_of
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.unit import STORES
from ansible_collections.labfleet.gpu.plugins.module_utils._component import Component
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._restore import stored
from ansible_collections.labfleet.gpu.tests.unit.support.settings_node import SettingsNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

WISH: Dict[str, Any] = {"persistence": True, "power_limit": 300, "compute_mode": "exclusive_process"}


@pytest.fixture
def gpus(tree: Tree, library: str, monkeypatch: pytest.MonkeyPatch) -> SettingsNode:
    """A node with the driver loaded and a persistence daemon that is enabled and does not run."""
    assert library
    monkeypatch.setenv("GPU_SIMULATOR_ROOT", str(tree.root))
    node = SettingsNode(tree)
    node.programs.unit_file = "enabled"
    return node


def restore(gpus: SettingsNode, component: Component) -> List[str]:
    """Plan and do it; the steps in words. A second plan must have none."""
    files = gpus.tree.files

    def look() -> Any:
        return component.observe(gpus.commands(), files, observe_host(files))

    plan = component.plan(look(), None, {})
    assert not plan.blockers, plan.blockers
    for step in plan.steps:
        component.action(step)(Context(gpus.commands(), files, []), step.data)
    assert not component.plan(look(), None, {}).steps
    return [step.what for step in plan.steps]


@pytest.mark.parametrize("count", [1, 2])
def test_persistence_and_all_that_needs_it_comes_without_the_service_too(
    gpus: SettingsNode, count: int
) -> None:
    uuids = [gpus.add("a100-sxm4-40gb", persistence=0) for _number in range(count)]
    gpus.tree.write(STORES["settings"], text_of({uuid: WISH for uuid in uuids}))
    assert restore(gpus, stored.settings_without_service(uuids)) == [
        "GPU %d: set persistence on (NVML's legacy mode), compute mode exclusive_process, power limit 300 W"
        % number
        for number in range(count)
    ]
    assert not gpus.programs.active and "start" not in " ".join(gpus.programs.ran)
    assert all(gpus.gpu(uuid)["persistence"] and gpus.gpu(uuid)["power_limit"] == 300 for uuid in uuids)


def test_with_the_service_it_starts_first(gpus: SettingsNode) -> None:
    uuid = gpus.add("a100-sxm4-40gb", persistence=0)
    gpus.tree.write(STORES["settings"], text_of({uuid: WISH}))
    assert restore(gpus, stored.settings([uuid])) == [
        "start nvidia-persistenced.service",
        "GPU 0: set compute mode exclusive_process, power limit 300 W",
    ]
    assert gpus.programs.active and gpus.gpu(uuid)["power_limit"] == 300
