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
    assert driver == node.replace("__gpu_node_driver", "__nvidia_driver_wish").replace(
        "gpu_node_", "nvidia_driver_"
    )


def test_gpu_node_hands_every_option_of_every_component_on() -> None:
    text = (ROOT / "plugins/doc_fragments/stack.py").read_text()
    documentation = yaml.safe_load(text.split('DOCUMENTATION = r"""')[1].split('"""')[0])
    passed = yaml.safe_load((ROOT / "roles/gpu_node/vars/main.yml").read_text())
    for component, spec in documentation["options"].items():
        assert set(passed[f"__gpu_node_{component}"]) == set(spec["suboptions"]), component
