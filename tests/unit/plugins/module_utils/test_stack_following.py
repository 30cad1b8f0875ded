# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What settings and MIG know of others in the same run of gpu_stack."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._component import Part
from ansible_collections.labfleet.gpu.plugins.module_utils._stack import ARGUMENTS, parts
from ansible_collections.labfleet.gpu.plugins.module_utils._validated import validated


def asked(mig: Dict[str, Any], container: Optional[Dict[str, Any]], **others: Dict[str, Any]) -> List[Part]:
    """The parts of a run that asks for MIG, and for the container toolkit where that is not None."""
    options: Dict[str, Any] = {
        name: validated(ARGUMENTS[name], each) for name, each in dict(others, mig=mig).items()
    }
    return parts(dict(options, container=container))


def wish_of(name: str, found: List[Part]) -> Any:
    (part,) = (each for each in found if each.component.name == name)
    return part.wish


@pytest.mark.parametrize(
    "container, refreshes",
    [
        (None, False),
        ({}, True),
        ({"cdi": True, "engines": ["docker"], "version": "1.17"}, True),
        ({"cdi": False}, False),
        ({"state": "absent"}, False),
        ({"state": "absent", "cdi": True}, False),
    ],
    ids=str,
)
def test_mig_leaves_the_cdi_specification_to_a_run_that_writes_it(
    container: Optional[Dict[str, Any]], refreshes: bool
) -> None:
    wishes = [
        wish_of("mig", asked({"instances": {"1g.5gb": 7}, "persist": persist}, each))
        for persist in (None, True)
        for each in (container, None)
    ]
    assert [each.wish.wish.refreshes_cdi for each in wishes] == [refreshes, False] * 2
    assert [each.persist.wanted for each in wishes] == [None, None, True, True], "the rest of it stays"
    assert len({each.wish.wish.requests for each in wishes}) == 1


def test_the_end_of_what_is_restored_at_boot_touches_no_device() -> None:
    assert wish_of("mig", asked({"persist": False}, {})) is None


@pytest.mark.parametrize(
    "mig, follows",
    [({"mig": False}, True), ({"mig": False, "gpus": [0]}, False), ({"persist": False}, False)],
    ids=str,
)
def test_a_driver_is_loaded_anew_where_mig_is_said_for_all_gpus(mig: Dict[str, Any], follows: bool) -> None:
    found = asked(mig, {}, driver={"branch": 580})
    assert wish_of("driver", found).mig_follows is follows
