# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of a host ask for, for roles of others around gpu_stack."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.labfleet.gpu.plugins.lookup.node_wish import LookupModule


def looked_up(*terms: str, **variables: Any) -> list[Any]:
    loader = DataLoader()
    return LookupModule(loader, Templar(loader=loader, variables=variables)).run(list(terms), variables)


def test_templates_are_resolved_and_what_is_omitted_was_not_set() -> None:
    found = looked_up(
        "driver",
        "cuda",
        "mig",
        newest=580,
        nvidia_driver_branch=trust_as_template("{{ newest }}"),
        nvidia_driver_hold=trust_as_template("{{ nowhere | default(omit) }}"),
        cuda_toolkit_versions=["12.8"],
    )
    assert found == [{"branch": 580, "disrupt_running_work": False}, {"versions": ["12.8"]}, None]


def test_a_component_that_there_is_none_of() -> None:
    with pytest.raises(AnsibleLookupError, match="node_wish knows no component dirver: name one of driver, "):
        looked_up("driver", "dirver")
