# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A misspelt role variable is refused, and the nearest name given."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import (
    known_variables,
    unknown_variables,
)

ROLES = Path(__file__).resolve().parents[4] / "roles"


@pytest.mark.parametrize("role", ["nvidia_driver", "gpu_node"])
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


def test_a_role_of_somebody_else() -> None:
    assert list(unknown_variables("not_ours", ["not_ours_x"])) == []
