# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at what NVML is asked for: in one session, with the answers of the whole module."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _stack, _stack_at_rest
from ansible_collections.labfleet.gpu.plugins.module_utils._at_rest import at_rest
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.state import digest, text_of
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.unit import (
    ENABLED_PATH,
    PROGRAM_PATH,
    RULE,
    RULE_PATH,
    STORES,
    UNIT_PATH,
    unit_text,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Once
from ansible_collections.labfleet.gpu.plugins.module_utils._component import Part, settle, told
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._later import Further
from ansible_collections.labfleet.gpu.plugins.module_utils._restore.interpreter import interpreter
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish
from ansible_collections.labfleet.gpu.plugins.module_utils._stack_framework import FRAMEWORK, completed
from ansible_collections.labfleet.gpu.plugins.module_utils._validated import validated
from ansible_collections.labfleet.gpu.tests.unit.support.info_node import InfoNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

A100 = "a100-sxm4-40gb"
OPTIONS = {"framework": FRAMEWORK, **_stack.ARGUMENTS}
ASKED: Dict[str, Any] = {"settings": {"compute_mode": "default"}, "mig": {"mig": False}}


@pytest.fixture(name="node")
def _node(tree: Tree, library: str, monkeypatch: pytest.MonkeyPatch) -> InfoNode:
    assert library
    monkeypatch.setenv("GPU_SIMULATOR_ROOT", str(tree.root))
    node = InfoNode(tree)
    node.add(A100)
    node.add(A100)
    return node


def look(node: InfoNode, asked: Dict[str, Any], check: bool = False) -> Optional[Dict[str, Any]]:
    return at_rest(Once(node.machine), node.tree.files, _stack_at_rest.parts(asked), check)


def whole(node: InfoNode, asked: Dict[str, Any]) -> List[Part]:
    """The parts of gpu_stack, observed and planned for one after the other."""
    options = {name: validated(_stack.ARGUMENTS[name], each) for name, each in asked.items()}
    host = observe_host(node.tree.files)
    known: Dict[str, Any] = {}
    parts = _stack.parts(options)
    for part in parts:
        part.before = part.state = part.component.observe(Once(node.machine), node.tree.files, host)
        part.plan = settle(part, part.component.informed(part.wish, known), pytest.fail)
        known[part.component.name] = told(part)
    return parts


@pytest.mark.parametrize("check", [False, True])
def test_it_says_what_the_whole_module_says_in_one_session(node: InfoNode, check: bool) -> None:
    parts = whole(node, ASKED)
    # Whoever asks NVML a second time does not get in.
    node.fault("nvmlInit", "after 1 return 999")
    found = look(node, ASKED, check)
    assert found is not None
    assert found["components"] == {part.component.name: part.report(check) for part in parts}
    assert list(found["components"]) == ["settings", "mig"]
    assert found["warnings"] == list(
        dict.fromkeys(warning for part in parts for warning in part.plan.warnings)
    )
    node.fault("nvmlInit", "")


@pytest.mark.parametrize(
    "asked",
    [
        {"settings": {"compute_mode": "prohibited"}},
        {"mig": {"mig": True}},
        {"settings": {"compute_mode": "default"}, "mig": {"instances": {"1g.5gb": 7}}},
        {"mig": {"mig": False, "gpus": [7]}},
        {"container": {}},
    ],
    ids=str,
)
def test_anything_to_do_is_left_to_the_whole_module(node: InfoNode, asked: Dict[str, Any]) -> None:
    assert look(node, asked) is None


def test_nothing_is_said_where_a_gpu_was_changed_by_hand(node: InfoNode) -> None:
    assert look(node, ASKED) is not None
    node.put(1, "compute_mode", 3)
    assert look(node, ASKED) is None


def test_nothing_is_said_where_nvml_does_not_answer(node: InfoNode) -> None:
    node.fault("nvmlInit", "return 9")
    assert look(node, ASKED) is None


@pytest.mark.parametrize(
    "asked, program",
    [
        ({"settings": {"persistence": True, "persist": True}}, None),
        ({"mig": {"mig": True, "persist": True}}, None),
        ({"settings": {"persistance": True}}, "digest"),
        ({"mig": {}}, "digest"),
        ({"container": {"version": "new"}}, "digest"),
        ({"environments": [{"name": "a"}, {"name": "a"}]}, "digest"),
    ],
    ids=str,
)
def test_what_it_cannot_know_or_is_to_be_refused(asked: Dict[str, Any], program: Optional[str]) -> None:
    with pytest.raises(Further):
        _stack_at_rest.parts(asked, program)


def test_its_components_are_those_of_the_stack_in_the_same_order_with_the_same_wishes() -> None:
    asked: Dict[str, Dict[str, Any]] = {
        "container": {"engines": ["podman"]},
        "mig": {"mig": False},
        "settings": {"persistence": True},
        "driver": {"branch": 580},
    }
    found = _stack_at_rest.parts(asked)
    options = {
        name: asked[name] if name == "container" else validated(_stack.ARGUMENTS[name], asked[name])
        for name in asked
    }
    theirs = _stack.parts(options)
    assert [each.component.name for each in found] == ["driver", "settings", "mig", "container"]
    assert [each.component.name for each in theirs] == [each.component.name for each in found]
    assert [each.wish for each in found] == [each.wish for each in theirs]
    assert found[0].wish.mig_follows and found[2].wish.wish.wish.refreshes_cdi, "each knows of the others"


def test_what_ends_at_boot_is_looked_at_without_nvml(tree: Tree) -> None:
    node = InfoNode(tree)
    found = look(node, {"settings": {"persist": False}, "mig": {"persist": False}})
    assert found is not None and not found["changed"]
    assert found["components"]["mig"]["before"] == {"boot": {"unit": False, "gpus": {}}}
    node.tree.write("/etc/labfleet-gpu/mig.json", '{"gpus": []}')
    assert look(node, {"mig": {"persist": False}}) is None


@pytest.mark.parametrize(
    "asked",
    [
        {"framework": {"name": "pytorch", "version": "2.8"}},
        {
            "framework": {"name": "pytorch"},
            "driver": {"branch": 580, "hold": True},
            "cudnn": {"version": "9"},
        },
        {"framework": {"name": "jax"}, "cuda": {"versions": ["12.8"]}, "mig": {"mig": False}},
    ],
    ids=str,
)
def test_a_framework_chooses_what_it_chooses_for_the_whole_module(
    node: InfoNode, asked: Dict[str, Any]
) -> None:
    files = node.tree.files
    found, more = _stack_at_rest.looked_at(asked, None, files)
    given = {name: validated(each, asked[name]) if name in asked else None for name, each in OPTIONS.items()}
    options, answer = completed(given, files, observe_host(files))
    theirs = _stack.parts({name: options.get(name) for name in _stack.ARGUMENTS})
    assert more == {"framework": answer} and answer
    assert [part.component.name for part in found] == [part.component.name for part in theirs]
    assert [part.wish for part in found] == [part.wish for part in theirs]


@pytest.mark.parametrize(
    "asked",
    [
        {"framework": {"name": "torch"}},
        {"framework": {"name": "pytorch"}, "driver": {"state": "absent"}},
        {"framework": {"name": "pytorch", "version": "0.1"}},
    ],
    ids=str,
)
def test_a_framework_that_cannot_be_is_refused_by_the_whole_module(
    node: InfoNode, asked: Dict[str, Any]
) -> None:
    with pytest.raises(Further):
        _stack_at_rest.looked_at(asked, None, node.tree.files)


@pytest.mark.parametrize("there", ["the program", "that of another release"])
def test_the_boot_program_goes_by_its_digest(node: InfoNode, there: str) -> None:
    try:
        python = interpreter()
    except BadWish:
        pytest.skip("others than root could change this Python, so no boot unit would run it")
    uuids = list(whole(node, {"mig": {"mig": False}})[0].report(False)["before"]["gpus"])
    node.tree.write(STORES["mig"], text_of({uuid: {"mig": False} for uuid in uuids}))
    node.tree.write(UNIT_PATH, unit_text(python))
    node.tree.write(RULE_PATH, RULE)
    node.tree.write(PROGRAM_PATH, there)
    node.tree.link(ENABLED_PATH, UNIT_PATH)
    parts = _stack_at_rest.parts({"mig": {"mig": False, "persist": True}}, digest(b"the program"))
    found = at_rest(Once(node.machine), node.tree.files, parts, False)
    assert (found is not None) is (there == "the program")
