# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real H100 said of itself: the catalogue agrees with it, and layouts are planned for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import profiles_named
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.observe import gpu_of
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.solve import solve
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.state import Gpu
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.wish import entries, resolve
from ansible_collections.labfleet.gpu.tests.unit.support import data


@pytest.fixture
def told() -> Any:
    """The GPU as ask.py read it."""
    (gpu,) = json.loads(data.text("mig_h100.json"))["gpus"]
    return gpu


def by_id(gpu: Gpu) -> Any:
    return {each.id: each for each in gpu.profiles}


def test_the_catalogue_says_what_the_gpu_says(told: Any) -> None:
    known = {each.id: each for each in profiles_named("h100-80gb-sxm")}
    assert by_id(gpu_of(told)) == {
        number: replace(each, memory_mib=by_id(gpu_of(told))[number].memory_mib)
        for number, each in known.items()
    }, "all but the memory, which depends on the driver"


def test_names_that_an_old_driver_would_not_give(told: Any) -> None:
    nameless = dict(told, profiles=[dict(each, name="") for each in told["profiles"]])
    assert {each.name for each in gpu_of(nameless).profiles} == {each["name"] for each in told["profiles"]}


def test_without_the_catalogue_compute_instances_are_those_of_all_boards(told: Any) -> None:
    gpu = gpu_of(dict(told, device=0xFFFF))
    wanted = resolve(entries("instances", ["3g.40gb", "1c.3g.40gb", "2c.3g.40gb"]), gpu.profiles)
    assert len(solve(gpu, wanted).parts) == 2


def test_a_layout(told: Any) -> None:
    gpu = gpu_of(told)
    found = solve(gpu, resolve(entries("instances", {"1g.10gb": 7}), gpu.profiles))
    assert [part.placement.start for part in found.parts] == list(range(7))
