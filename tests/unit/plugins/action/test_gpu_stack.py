# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gpu_stack is called with where it is to read the variables of the roles."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.labfleet.gpu.plugins.action.gpu_stack import ActionModule

VARIABLES = {
    "nvidia_driver_branch": 580,
    "cuda_toolkit_versions": ["12.8"],
    "cudnn_version": "9",
    "site_wide_hold": True,
    "nvidia_driver_hold": "{{ site_wide_hold }}",
    "mig_layout_instances": {"1g.10gb": 7},
}


def called_with(variables: dict[str, Any], **options: Any) -> dict[str, Any]:
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(args=options)
    action._templar = Templar(loader=DataLoader(), variables=variables)
    action._task._role = None
    return action._arguments(variables)


def test_every_component_that_a_variable_asks_for() -> None:
    found = called_with(VARIABLES, role_variables=True, framework=None)
    assert sorted(found) == ["cuda", "cudnn", "driver", "framework", "mig"]
    assert found["framework"] is None, "what is named, as nothing"
    assert found["driver"]["branch"] == 580 and "hold" in found["driver"]
    assert found["cuda"]["versions"] == ["12.8"] and found["mig"]["instances"] == {"1g.10gb": 7}


def test_what_is_named_goes_before_the_variables() -> None:
    found = called_with(VARIABLES, role_variables="yes", driver={"branch": 570}, cuda=None)
    assert found["driver"] == {"branch": 570} and found["cuda"] is None and "version" in found["cudnn"]


def test_the_framework_is_a_variable_of_gpu_node() -> None:
    framework = {"name": "pytorch", "version": "2.8"}
    assert called_with({"gpu_node_framework": framework}, role_variables=True)["framework"] == framework


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"nvidia_driver_brnach": 580}, "did you mean nvidia_driver_branch?"),
        ({"nvidia_driver_disrupt_running_work": True}, "set gpu_node_disrupt_running_work"),
        ({"gpu_node_check": "perhaps"}, "must be one of: never, changed, always"),
    ],
    ids=str,
)
def test_outside_the_role_variables_are_refused_as_in_it(variables: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleActionFail, match=re.escape(words)):
        called_with(variables, role_variables=True)


def test_what_is_neither_yes_nor_no() -> None:
    with pytest.raises(AnsibleActionFail, match="role_variables is 'perhaps': write true or false."):
        called_with(VARIABLES, role_variables="perhaps")


@pytest.mark.parametrize("options", [{}, {"role_variables": False}, {"role_variables": None}])
def test_without_it_variables_are_not_read(options: dict[str, Any]) -> None:
    assert called_with(VARIABLES, driver={"branch": 570}, **options) == {"driver": {"branch": 570}}
