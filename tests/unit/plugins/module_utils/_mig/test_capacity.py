# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GPU has, and what is left of it."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import profiles_named
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.capacity import (
    Capacity,
    compute_left,
    resources,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.pack import fits
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.state import (
    ComputeProfile,
    Engines,
    Gpu,
    Placement,
)

A100 = profiles_named("a100-40gb")
B300 = profiles_named("b300-269gb")


def test_an_empty_gpu() -> None:
    names = [profile.name for profile in Gpu(A100).ordered()]
    assert names == ["7g.40gb", "4g.20gb", "3g.20gb", "2g.10gb", "1g.10gb", "1g.5gb", "1g.5gb+me"]
    assert Capacity(Gpu(A100), []).left(0) == (1, 1, 2, 3, 4, 7, 1)


def test_limits_count_where_engines_are_not_told() -> None:
    assert [each.name for each in resources(B300)] == ["compute slices"]
    assert Capacity(Gpu(B300), []).left(0)[-1] == 1
    assert Capacity(Gpu(B300), [20]).left(0b1)[-1] == 0


def test_a_driver_that_reports_an_engine_for_every_slice() -> None:
    """Seven of these can be, so there are seven decoders, whatever the whole GPU is said to have."""
    odd = tuple(
        replace(each, engines=replace(each.engines, decoders=max(1, each.engines.decoders or 0)))
        for each in A100
    )
    totals = {each.name: each.total for each in resources(odd)}
    assert totals["decoders"] == 7
    assert Capacity(Gpu(odd), [19] * 7).excess() is None
    assert {each.name: each.total for each in resources(A100)}["decoders"] == 5


def test_engines_of_which_one_profile_tells_nothing() -> None:
    some = (replace(A100[0], engines=Engines(decoders=1)), *A100[1:])
    assert [each.name for each in resources(some)] == ["compute slices", "decoders"]


def test_a_long_place_does_not_keep_two_short_ones_out() -> None:
    assert fits([Placement(0, 4), Placement(0, 1), Placement(1, 1)], 0) == 2
    assert fits([Placement(0, 4), Placement(0, 1), Placement(1, 1)], 0b10) == 1


def test_compute_instances_that_are_left() -> None:
    one = ComputeProfile(0, "1c", 1, 2, tuple(Placement(start, 1) for start in range(4)))
    two = ComputeProfile(1, "2c", 2, 2, (Placement(0, 2), Placement(2, 2)))
    assert compute_left((one, two), [], 4, 0) == (2, 2)
    assert compute_left((one, two), [0], 4, 0b1) == (1, 1)
    assert compute_left((one, two), [0, 0], 4, 0b11) == (1, 0)
    assert compute_left((one, two), [], 3, 0) == (1, 2)
