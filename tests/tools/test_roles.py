# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles cannot share a file of tasks: where two have the same tasks, they say the same."""

from __future__ import annotations

import ast
from typing import Any

import yaml
from interpreters import ROOT


def test_both_roles_reboot_in_the_same_way() -> None:
    node, driver = (
        (ROOT / f"roles/{role}/tasks/reboot.yml").read_text() for role in ("gpu_node", "nvidia_driver")
    )
    assert driver == node.replace("__gpu_node_settled_driver", "__nvidia_driver_settled").replace(
        "gpu_node_", "nvidia_driver_"
    )


def test_gpu_node_asks_for_every_component_of_the_stack() -> None:
    text = (ROOT / "plugins/doc_fragments/stack.py").read_text()
    documentation = yaml.safe_load(text.split('DOCUMENTATION = r"""')[1].split('"""')[0])
    (roles,) = _values("role_variables.py", "ROLE_OF")
    assert set(documentation["options"]) == {*roles, "role_variables", "framework"}
    for name in ("main", "preflight"):
        (stack, *_rest) = yaml.safe_load((ROOT / f"roles/gpu_node/tasks/{name}.yml").read_text())
        assert stack["labfleet.gpu.gpu_stack"] == {"role_variables": True}, name


def test_gpu_node_shares_with_environments_what_their_own_role_does() -> None:
    (hold,) = (
        task["labfleet.gpu.conda_gpu_env"]
        for task in yaml.safe_load((ROOT / "roles/conda_gpu_env/tasks/main.yml").read_text())
        if "labfleet.gpu.conda_gpu_env" in task
    )
    handed = [option for option, value in hold.items() if f"conda_gpu_env_{option}" in value]
    (shared,) = _values("node_wish.py", "SHARED")
    assert sorted(handed) == sorted([*shared, "disrupt_running_work"])


def _values(file: str, name: str) -> list[Any]:
    """What is assigned to a name in a file of plugin_utils, which imports what is not here."""
    tree = ast.parse((ROOT / "plugins/plugin_utils" / file).read_text())
    return [
        ast.literal_eval(each.value)
        for each in tree.body
        if isinstance(each, ast.Assign) and getattr(each.targets[0], "id", "") == name
    ]
