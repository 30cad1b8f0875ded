# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The specification for CDI: with what changes GPUs in the same run, of somebody else, under other names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._asking import NO_ANSWER
from ansible_collections.labfleet.gpu.plugins.module_utils._container.component import container
from ansible_collections.labfleet.gpu.plugins.module_utils._container.state import RECORD
from ansible_collections.labfleet.gpu.plugins.module_utils._container.wish import informed
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.plan_gpu import SetMode
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.tests.unit.support.container_node import (
    DRIVER,
    ContainerNode,
    actions,
)

OWN = "/etc/cdi/nvidia.yaml"
OTHER = "590.48.01"
LOAD = Step("activate", "load-modules", "", "")
HOLD = Step("hold", "hold", "", "")
PURGE = Step("packages", "purge", "", "")
CREATE = Step("create", "create_gpu_instance", "", "")
SETTINGS = Step("settings", "put-settings-back", "", "")
STAY = Step("mode", "set-mig-mode", "", "", SetMode("GPU-a", "GPU 0", False, (), False, False))


def driver(version: Optional[str], *steps: Step, loaded: Optional[str] = None) -> Dict[str, Any]:
    return {"driver": {"version": version, "loaded_version": loaded or version, "steps": steps}}


@pytest.mark.parametrize(
    "others, why",
    [
        (driver(OTHER, LOAD), "the driver changed before"),
        (driver(OTHER, HOLD, loaded=DRIVER), None),
        (driver(DRIVER, HOLD), None),
        (driver(DRIVER, LOAD), None),
        (driver(None, PURGE), None),
        ({"mig": {"steps": (CREATE,)}}, "MIG devices changed before"),
        ({"mig": {"steps": (SETTINGS, STAY)}}, None),
        ({**driver(OTHER, LOAD), "mig": {"steps": (CREATE,)}}, "the driver and MIG devices changed before"),
    ],
)
def test_what_the_same_run_changes(node: ContainerNode, others: Dict[str, Any], why: Optional[str]) -> None:
    options = {"check_image": "registry.example.org/tools:1"}
    node.hold(**options)
    plan = node.plan(informed(node.wish(**options), others))
    assert plan.forecast, "it is planned for again"
    assert actions(plan) == (["refresh-cdi", "run-container"] if why else [])
    assert not why or plan.steps[0].why == why
    assert not node.plan(informed(node.wish(), driver(DRIVER))).forecast


def test_a_driver_that_goes_takes_the_check_with_it(node: ContainerNode) -> None:
    node.hold()
    wish = node.wish(check_image="registry.example.org/tools:1")
    assert actions(node.plan(informed(wish, driver(None, PURGE)))) == []
    assert actions(node.plan(informed(wish, driver(DRIVER)))) == ["run-container"]


def bare(node: ContainerNode, others: Dict[str, Any], **more: Any) -> Plan:
    """The plan for a node without driver and nvidia-ml-py."""
    node.driver = None
    state = replace(node.state(), binding="nvidia-ml-py is missing: install it", **more)
    wish = informed(node.wish(), others)
    return container(wish).plan(state, wish, {})


def test_a_bare_node_needs_nvidia_ml_py_first(node: ContainerNode) -> None:
    node.hold()
    for coming in (
        driver(OTHER, LOAD),
        {"driver": {**driver(OTHER, HOLD)["driver"], "loaded_version": None}},
    ):
        (need,) = bare(node, coming).needs
        assert str(need).startswith(NO_ANSWER)
    assert not bare(node, {}).needs and not bare(node, driver(None, PURGE), driver=DRIVER).needs
    plan = bare(node, driver(OTHER, LOAD), offered="/x/pynvml.py", tools="/opt/tools")
    assert not plan.needs and actions(plan) == ["bring-pynvml", "refresh-cdi"]


@pytest.mark.parametrize(
    "options, alone, there, told",
    [
        ({}, True, DRIVER, False),
        ({}, True, None, None),
        ({}, False, None, False),
        ({"cdi": False}, False, DRIVER, None),
        ({"state": "absent"}, True, DRIVER, None),
    ],
)
def test_who_needs_nvidia_ml_py(
    node: ContainerNode, options: Dict[str, Any], alone: bool, there: Optional[str], told: Optional[bool]
) -> None:
    node.driver = there
    state = replace(node.state(), binding="nvidia-ml-py is missing: install it")
    assert container(node.wish(**options), alone).summary(state)["pynvml"] is told


def test_a_specification_by_hand(node: ContainerNode) -> None:
    node.programs.generate(OWN)
    theirs = node.text(OWN)
    node.hold(version="1.17")
    assert node.text(OWN) == theirs and "cdi" not in node.state().record, "it fits"
    node.gpus(("0", "GPU-a", "/dev/nvidia0"))
    plan = node.hold(version="1.17")
    assert not plan.steps and "take_over: true" in plan.warnings[0] and node.text(OWN) == theirs
    assert not actions(node.plan(informed(node.wish(version="1.17"), driver(OTHER, LOAD)))), (
        "nor with another driver"
    )
    assert actions(node.hold(version="1.17", take_over=True)) == ["refresh-cdi"]
    assert node.text(OWN) != theirs
    node.hold(version="1.18")
    assert node.text(OWN) is None
    plan = node.hold(state="absent")
    assert node.text(OWN) == theirs and plan.promised()["cdi"]["files"] == [OWN]
    assert node.text(RECORD) is None


def test_a_specification_by_hand_comes_back_at_once(node: ContainerNode) -> None:
    node.tree.write(OWN, "kind: nvidia.com/gpu\ndevices:\n- name: mine\n").chmod(0o640)
    node.hold(version="1.17", take_over=True)
    assert "mine" not in (node.text(OWN) or "")
    node.hold(state="absent")
    assert "mine" in (node.text(OWN) or "") and node.tree.path(OWN).stat().st_mode & 0o777 == 0o640


def test_names_of_the_strategy_type_index(node: ContainerNode) -> None:
    node.hold()
    node.gpus(("0:1", "MIG-a", "/dev/nvidia0", "/dev/c3"), ("1", "GPU-b", "/dev/nvidia1"))
    node.hold()
    path = "/run/cdi/nvidia.yaml"
    text = (node.text(path) or "").replace('"0:1"', '"mig0:1"').replace('"1"', '"gpu1"')
    text = text.replace('name: "MIG-a"', 'name: "mig0:1"').replace('name: "GPU-b"', 'name: "gpu1"')
    node.tree.write(path, text)
    assert not node.plan().steps and "GPU-b" not in text
    assert container(node.wish()).summary(node.state())["cdi"]["devices"] == ["MIG-a", "GPU-b"]
    node.tree.write(path, text.replace("gpu1", "mig1"))
    assert "has mig1, which is not there" in node.plan().steps[0].why
