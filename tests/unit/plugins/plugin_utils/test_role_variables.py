# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A misspelt role variable is refused, and the nearest name given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import (
    ill_typed_variables,
    in_role_words,
    known_variables,
    overruled_variables,
    unknown_variables,
    value_of,
)


def templated(**variables: Any) -> Callable[[Any], Any]:
    """What the action plugin resolves templates with."""
    found: Callable[[Any], Any] = Templar(loader=DataLoader(), variables=variables).template
    return lambda raw: found(_trusted(raw))


def _trusted(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {key: _trusted(value) for key, value in raw.items()}
    return trust_as_template(raw) if isinstance(raw, str) else raw


ROLES = Path(__file__).resolve().parents[4] / "roles"


@pytest.mark.parametrize("role", ["nvidia_driver", "mig_layout", "gpu_settings", "gpu_node"])
def test_the_variables_of_a_role_are_its_defaults(role: str) -> None:
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text(encoding="utf-8"))
    assert known_variables(role) == set(defaults)
    assert list(unknown_variables(role, defaults)) == []


def test_a_misspelt_variable_gets_the_nearest_name() -> None:
    assert list(unknown_variables("nvidia_driver", ["nvidia_driver_brnach", "ansible_host", "branch"])) == [
        "The role nvidia_driver has no variable nvidia_driver_brnach: did you mean nvidia_driver_branch?"
    ]


def test_nothing_near() -> None:
    (message,) = unknown_variables("nvidia_driver", ["nvidia_driver_zzzzqqqqqqqqqqqqqqqqqqqqqqqqqqqq"])
    assert message.endswith("see the role's README for those it has.")


def test_the_node_answers_for_the_roles_that_it_uses() -> None:
    (message,) = unknown_variables("gpu_node", ["nvidia_driver_hodl", "nvidia_driver_hold"])
    assert "did you mean nvidia_driver_hold?" in message
    (message,) = unknown_variables("gpu_node", ["mig_layout_instance", "mig_layout_layout"])
    assert message == (
        "The role mig_layout has no variable mig_layout_instance: did you mean mig_layout_instances?"
    )


def test_a_role_of_somebody_else() -> None:
    assert list(unknown_variables("not_ours", ["not_ours_x"])) == []


@pytest.mark.parametrize(
    "role", sorted(path.parents[1].name for path in ROLES.glob("*/meta/argument_specs.yml"))
)
def test_defaults_are_of_the_types_that_are_documented(role: str) -> None:
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text(encoding="utf-8"))
    assert list(ill_typed_variables(role, defaults, dict)) == []


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"gpu_node_check": "sometimes"}, ["gpu_node_check", "never, changed, always", "sometimes"]),
        ({"gpu_node_reboot_timeout": "soon"}, ["gpu_node_reboot_timeout", "soon"]),
        ({"gpu_node_framework": ["pytorch"]}, ["gpu_node_framework"]),
        ({"gpu_node_reboot_allowed": "{{ perhaps }}"}, ["gpu_node_reboot_allowed", "perhaps so"]),
    ],
    ids=str,
)
def test_a_value_of_another_type_or_choice(variables: Mapping[str, Any], words: Sequence[str]) -> None:
    (message,) = ill_typed_variables("gpu_node", variables, templated(perhaps="perhaps so"))
    assert message.startswith("The role gpu_node cannot take what it was given: ")
    assert message.endswith(".") and not message.endswith("..")
    for word in words:
        assert word in message


def test_variables_of_others_and_null_are_no_matter() -> None:
    variables = {"other_check": "x", "gpu_node_framework": None, "gpu_node_reboot_timeout": "600"}
    assert list(ill_typed_variables("gpu_node", variables, dict)) == []


@pytest.mark.parametrize("name", ["gpu_node_framework", "gpu_node_check", "gpu_node_reboot_timeout"])
def test_what_is_omitted_was_not_set(name: str) -> None:
    variables = {
        name: "{{ nowhere | default(omit) }}",
        "nvidia_driver_reboot_allowed": "{{ nowhere | default(omit) }}",
    }
    assert list(ill_typed_variables("gpu_node", variables, templated())) == []
    assert list(overruled_variables("gpu_node", variables, templated())) == []


@pytest.mark.parametrize(
    "raw, value",
    [
        ("{{ size }}", 4),
        ({"size": "{{ size }}", "colour": "{{ nowhere | default(omit) }}"}, {"size": 4}),
        ("{{ nowhere | default(omit) }}", None),
        ("plain", "plain"),
        (None, None),
        (False, False),
    ],
    ids=str,
)
def test_what_a_variable_says(raw: Any, value: Any) -> None:
    assert value_of(raw, templated(size=4)) == value


YES, NO = {"gpu_node_reboot_allowed": True}, {"gpu_node_reboot_allowed": False}


@pytest.mark.parametrize("ours, refused", [({}, True), (NO, True), (YES, False)], ids=str)
def test_a_consent_that_was_given_to_a_component_only(ours: Mapping[str, Any], refused: bool) -> None:
    variables = dict(ours, nvidia_driver_reboot_allowed=True)
    assert list(overruled_variables("gpu_node", variables, dict)) == (
        [
            "The role gpu_node does not read nvidia_driver_reboot_allowed: set gpu_node_reboot_allowed, "
            "which counts for the whole node."
        ]
        if refused
        else []
    )


def test_a_template_counts_as_what_it_says() -> None:
    variables = {"nvidia_driver_reboot_allowed": "{{ x }}", "nvidia_driver_reboot_timeout": "{{ y }}"}
    (message,) = overruled_variables("gpu_node", variables, templated(x="false", y=60))
    assert "nvidia_driver_reboot_timeout" in message


def test_defaults_of_a_component_are_no_consent_and_its_own_role_reads_them() -> None:
    defaults = yaml.safe_load((ROLES / "nvidia_driver/defaults/main.yml").read_text(encoding="utf-8"))
    assert list(overruled_variables("gpu_node", defaults, dict)) == []
    assert list(overruled_variables("nvidia_driver", dict.fromkeys(defaults, True), dict)) == []


@pytest.mark.parametrize(
    "role, text, said",
    [
        ("gpu_node", "set disrupt_running_work: true", "set gpu_node_disrupt_running_work: true"),
        ("nvidia_driver", "set disrupt_running_work: true", "set nvidia_driver_disrupt_running_work: true"),
        ("gpu_node", "use source: debian", "use nvidia_driver_source: debian"),
        ("gpu_node", "see /etc/my-source: its hold, no_hold: x", "see /etc/my-source: its hold, no_hold: x"),
    ],
)
def test_advice_in_variables_of_the_role(role: str, text: str, said: str) -> None:
    assert in_role_words(role, text) == said


def test_an_archive_to_copy_is_for_the_role_of_cudnn() -> None:
    for value, count in (("files/cudnn.tar.xz", 1), ("", 0)):
        said = list(overruled_variables("gpu_node", {"cudnn_archive_from": value}, dict))
        assert len(said) == count
        assert all("does not read cudnn_archive_from: have the archive on the node" in each for each in said)


@pytest.mark.parametrize(
    ("component", "said"),
    [
        ("driver", "set nvidia_driver_take_over: true"),
        ("cuda", "set cuda_toolkit_take_over: true"),
        ("cudnn", "set cudnn_take_over: true"),
        ("mig", "set mig_layout_take_over: true"),
    ],
)
def test_advice_of_a_component_names_that_components_variable(component: str, said: str) -> None:
    assert in_role_words("gpu_node", "set take_over: true", component) == said
