# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles cannot share a file of tasks: where two have the same tasks, they say the same."""

from __future__ import annotations

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
    (stack, *_rest) = yaml.safe_load((ROOT / "roles/gpu_node/tasks/main.yml").read_text())
    assert stack["labfleet.gpu.gpu_stack"] == {
        component: "{{ lookup('labfleet.gpu.node_wish', '%s') }}" % component
        for component in documentation["options"]
    }
