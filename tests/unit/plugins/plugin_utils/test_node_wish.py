# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gpu_node asks gpu_stack for: every option that somebody set, no component that nobody asked for."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._stack import ARGUMENTS, OPTIONS
from ansible_collections.labfleet.gpu.plugins.plugin_utils.node_wish import node_wish
from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import ROLE_OF


def wish(component: str, **variables: Any) -> Any:
    """What the variables ask for; a template is resolved to what stands in its braces."""
    return node_wish(component, variables, lambda raw: raw[3:-3] if str(raw).startswith("{{ ") else raw)


def test_every_component_of_the_stack_has_a_role() -> None:
    assert set(ROLE_OF) == set(OPTIONS) - {"framework", "role_variables"}


@pytest.mark.parametrize("component", ARGUMENTS)
def test_every_option_of_a_component_is_handed_on(component: str) -> None:
    role = ROLE_OF[component]
    found = wish(component, **{f"{role}_{option}": option for option in ARGUMENTS[component]})
    expected: dict[str, Any] = {option: option for option in ARGUMENTS[component]}
    if "disrupt_running_work" in expected:
        # Consent is given for the whole node.
        expected["disrupt_running_work"] = False
    assert found == expected


@pytest.mark.parametrize("component", ARGUMENTS)
def test_what_nobody_asks_for_is_left_alone(component: str) -> None:
    found = wish(component, gpu_node_disrupt_running_work=True, unrelated=1)
    assert found == ({"disrupt_running_work": True} if component == "driver" else None)


@pytest.mark.parametrize(
    ("component", "variables"),
    [
        ("cuda", {"cuda_toolkit_state": "absent"}),
        ("cuda", {"cuda_toolkit_versions": ["12.8"]}),
        ("cudnn", {"cudnn_state": "absent"}),
        ("cudnn", {"cudnn_version": 9}),
        ("settings", {"gpu_settings_ecc": False}),
        ("settings", {"gpu_settings_persist": False}),
        ("settings", {"gpu_settings_persist": "no"}),
        ("mig", {"mig_layout_mig": False}),
        ("mig", {"mig_layout_persist": False}),
        ("container", {"container_toolkit_cdi": True}),
        ("container", {"container_toolkit_version": "1.18"}),
    ],
)
def test_one_variable_that_says_what_is_to_be_is_enough(component: str, variables: Dict[str, Any]) -> None:
    assert wish(component, **variables) is not None


@pytest.mark.parametrize(
    ("component", "variables"),
    [
        ("cuda", {"cuda_toolkit_versions": [], "cuda_toolkit_exclusive": True}),
        ("cudnn", {"cudnn_version": "", "cudnn_update": True}),
        ("settings", {"gpu_settings_persist": True, "gpu_settings_gpu_services": ["x"]}),
        ("settings", {"gpu_settings_ecc": None}),
        ("mig", {"mig_layout_persist": True}),
        ("container", {"container_toolkit_cdi": False}),
        ("container", {"container_toolkit_hold": True}),
    ],
)
def test_one_that_says_only_how_is_not(component: str, variables: Dict[str, Any]) -> None:
    assert wish(component, **variables) is None


def test_with_a_framework_what_is_set_for_toolkits_and_cudnn_is_handed_on() -> None:
    def asked(component: str, **variables: Any) -> Any:
        return node_wish(component, variables, lambda raw: raw, framework=True)

    driver = {"nvidia_driver_repository_url": "https://mirror.example/a"}
    assert asked("cuda", **driver) is None and asked("cudnn", **driver) is None
    assert asked("cuda", cuda_toolkit_default="12.8", **driver) == {
        "default": "12.8",
        "repository_url": "https://mirror.example/a",
    }
    assert asked("cudnn", cudnn_repository_url="https://mirror.example/b", **driver) == {
        "repository_url": "https://mirror.example/b"
    }
    assert asked("settings", gpu_settings_persist=True) is None


def test_a_mirror_of_the_driver_serves_the_others_unless_they_have_their_own() -> None:
    variables = {
        "nvidia_driver_repository_url": "{{ https://mirror.example/a }}",
        "cuda_toolkit_versions": ["12.8"],
        "cudnn_version": "9",
        "cudnn_repository_url": "https://mirror.example/b",
    }
    cuda, cudnn = wish("cuda", **variables), wish("cudnn", **variables)
    assert cuda["repository_url"] == "https://mirror.example/a"
    assert cudnn["repository_url"] == "https://mirror.example/b"


def test_environments_share_what_the_role_says_for_all() -> None:
    each = [{"name": "a", "channels": ["x"]}, {"name": "b", "disrupt_running_work": True}, "c"]
    found = wish(
        "environments",
        conda_gpu_env_environments=each,
        conda_gpu_env_channels=["y"],
        conda_gpu_env_root="{{ /srv }}",
        conda_gpu_env_cuda=None,
    )
    shared = {"root": "/srv", "disrupt_running_work": False}
    assert found == [
        {**shared, "name": "a", "channels": ["x"]},
        {**shared, "name": "b", "channels": ["y"], "disrupt_running_work": True},
        "c",
    ]
    assert wish("environments", conda_gpu_env_environments=[]) is None
    assert wish("environments", conda_gpu_env_root="/srv") is None


def test_consent_is_that_of_the_node() -> None:
    found = wish(
        "driver", gpu_node_disrupt_running_work="{{ yes }}", nvidia_driver_disrupt_running_work=False
    )
    assert found == {"disrupt_running_work": "yes"}
