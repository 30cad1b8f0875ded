# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms in which instances are written, and what is said of those that make no sense."""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import NoSuchBoard, profiles_named
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.current import gpu_with
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.wish import entries, resolve
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish

PROFILES = profiles_named("a100-40gb")


def meant(value: Any) -> List[Tuple[int, Any, Tuple[int, ...]]]:
    return [
        (each.profile, each.start, each.compute) for each in resolve(entries("instances", value), PROFILES)
    ]


@pytest.mark.parametrize(
    "value, found",
    [
        ([], []),
        ({}, []),
        (["1g.5gb"], [(19, None, (0,))]),
        ([19], [(19, None, (0,))]),
        ({"1g.5gb": 2, "3g.20gb": 1}, [(19, None, (0,))] * 2 + [(9, None, (2,))]),
        ({"1g.5gb": 0}, []),
        ([{"profile": "19", "count": 2}], [(19, None, (0,))] * 2),
        ([{"profile": "3g.20gb", "placement": 4}], [(9, 4, (2,))]),
        ([{"profile": "3g.20gb", "placement": "4"}], [(9, 4, (2,))]),
        ([{"profile": "3g.20gb", "compute": []}], [(9, None, ())]),
        ([{"profile": "3g.20gb", "compute": ["1c.3g.20gb", "2c.3g.20gb"]}], [(9, None, (0, 1))]),
        (["1c.3g.20gb", "2c.3g.20gb"], [(9, None, (1, 0))]),
        ({"1c.3g.20gb": 4}, [(9, None, (0, 0, 0)), (9, None, (0,))]),
        (
            {"1c.3g.20gb": 1, "2c.4g.20gb": 2, "1g.5gb": 1},
            [(19, None, (0,)), (5, None, (1, 1)), (9, None, (0,))],
        ),
    ],
)
def test_forms(value: Any, found: Any) -> None:
    assert meant(value) == found


@pytest.mark.parametrize(
    "value, said",
    [
        ("1g.5gb", "instances is '1g.5gb': write a list of profiles, or profiles with their counts."),
        (7, "instances is 7: write a list"),
        ([1.5], "instances[0].profile is the unquoted number 1.5"),
        ([""], "instances[0].profile is missing"),
        ([True], "instances[0].profile is true, a yes or no"),
        ([["1g.5gb"]], "instances[0].profile is a list: write one value."),
        ([{"placement": 4}], "instances[0].profile is missing: write a profile such as 1g.5gb."),
        (
            [{"profile": "1g.5gb", "start": 4}],
            "unknown key start: it can have profile, placement, compute, count",
        ),
        (
            [{"profile": "1g.5gb", "placement": "low"}],
            "instances[0].placement is 'low': write a whole number.",
        ),
        ([{"profile": "1g.5gb", "placement": -1}], "instances[0].placement is -1: write a whole number."),
        ([{"profile": "1g.5gb", "placement": 0, "count": 2}], "only one instance can be at one placement"),
        ({"1g.5gb": 65}, "instances[0].count is 65: no GPU has more than 64."),
        ([{"profile": "1g.5gb", "count": True}], "instances[0].count is True: write a whole number."),
        (
            [{"profile": "3g.20gb", "compute": "1c.3g.20gb"}],
            "instances[0].compute is '1c.3g.20gb': write a list",
        ),
        ([{"profile": "1c.3g.20gb", "compute": []}], "names a compute instance, 1c.3g.20gb"),
    ],
)
def test_nonsense(value: Any, said: str) -> None:
    with pytest.raises(BadWish) as error:
        entries("instances", value)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "value, said",
    [
        ("x", "current is no list"),
        (["1g.5gb"], "current[0] is '1g.5gb': write a mapping with profile and start."),
        ([{"profile": "1g.5gb"}], "current[0].start is missing."),
        ([{"start": 0}], "current[0].profile is missing."),
        ([{"profile": "3g.20gb", "start": 2}], "where no 3g.20gb can start: its starts are 0, 4."),
        ([{"profile": "1g.5gb", "start": 0, "size": 2}], "current[0].size is 2, and that of a 1g.5gb is 1."),
        ([{"profile": "1g.5gb", "start": 0, "busy": 1}], "current[0] has the unknown key busy"),
        (
            [{"profile": "1g.5gb", "start": 0, "in_use": "yes"}],
            "current[0].in_use is 'yes': write true or false.",
        ),
        (
            [{"profile": "1g.5gb", "start": 0, "in_use": True, "compute": []}],
            "no compute instance that could be",
        ),
        ([{"profile": "1g.5gb", "start": 0}, {"profile": "2g.10gb", "start": 0}], "current[1] overlaps"),
        ([{"profile": "1g.5gb+me", "start": each} for each in (0, 1)], "current cannot be on one GPU"),
        (
            [{"profile": "3g.20gb", "start": 0, "compute": ["2c.3g.20gb"] * 2}],
            "current[0].compute is impossible",
        ),
        (
            [
                {
                    "profile": "3g.20gb",
                    "start": 0,
                    "compute": [{"profile": "1c.3g.20gb", "start": 1}, "2c.3g.20gb"],
                }
            ],
            "current[0].compute is impossible",
        ),
        (
            [
                {
                    "profile": "3g.20gb",
                    "start": 0,
                    "compute": [{"profile": "1c.3g.20gb", "start": 1}, {"profile": "1c.3g.20gb", "start": 1}],
                }
            ],
            "current[0].compute has instances that overlap.",
        ),
    ],
)
def test_nonsense_about_what_is_there(value: Any, said: str) -> None:
    with pytest.raises(BadWish) as error:
        gpu_with("current", value, PROFILES)
    assert said in str(error.value)


def test_what_is_there() -> None:
    compute = ["1c.3g.20gb", {"profile": "1c.3g.20gb", "start": 0, "in_use": True}]
    gpu = gpu_with("current", [{"profile": "3g.20gb", "start": 4, "compute": compute}], PROFILES)
    (instance,) = gpu.instances
    assert [(each.placement.start, each.in_use) for each in instance.compute] == [(0, True), (1, False)]


@pytest.mark.parametrize(
    "name, said",
    [
        ("a100", "There is no board 'a100'. Layouts can be planned for a100-40gb, a100-80gb, a30-24gb"),
        ("l40s", "Layouts of l40s (L40S) cannot be planned: it has no MIG."),
        ("rtx-pro-5000-48gb", "neither its profile ids nor its placements are recorded."),
    ],
)
def test_boards_that_cannot_be_planned_for(name: str, said: str) -> None:
    with pytest.raises(NoSuchBoard) as error:
        profiles_named(name)
    assert said in str(error.value)
