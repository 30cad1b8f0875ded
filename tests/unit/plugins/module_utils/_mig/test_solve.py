# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single decisions of the planner and its words; test_oracle.py tells whether it is right everywhere."""

from __future__ import annotations

from typing import List, Sequence, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import profiles_named
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.current import gpu_with
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.nearest import nearest
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.solve import DoesNotFit, Solution, solve
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.state import (
    ComputeProfile,
    Engines,
    Gpu,
    Placement,
    Profile,
    Wanted,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.steps import changes
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.wish import entries, resolve

A100, RTX_PRO = "a100-40gb", "rtx-pro-6000-96gb"


def gpu(board: str, *current: Tuple[str, int, str]) -> Gpu:
    """A GPU with instances (profile, start, "" or "in use")."""
    rows = [{"profile": name, "start": start, "in_use": bool(use)} for name, start, use in current]
    return gpu_with("current", rows, profiles_named(board))


def wishes(which: Gpu, *wanted: object) -> Tuple[Wanted, ...]:
    return resolve(entries("wanted", list(wanted)), which.profiles)


def places(which: Gpu, solution: Solution) -> List[Tuple[str, int]]:
    return [(which.name(part.profile), part.placement.start) for part in solution.parts]


def refused(which: Gpu, *wanted: object) -> str:
    with pytest.raises(DoesNotFit) as error:
        solve(which, wishes(which, *wanted))
    return str(error.value)


def test_what_is_there_stays() -> None:
    a100 = gpu(A100, ("1g.5gb", 5, ""), ("2g.10gb", 0, ""))
    solution = solve(a100, wishes(a100, "1g.5gb", "2g.10gb"))
    assert not solution.changes and changes(solution) == ()


def test_three_and_four_slices_go_together() -> None:
    a100 = gpu(A100)
    assert places(a100, solve(a100, wishes(a100, "3g.20gb", "4g.20gb"))) == [("4g.20gb", 0), ("3g.20gb", 4)]


def test_large_room_is_left() -> None:
    """One slice goes to the end, where three times two and four slices still fit."""
    a100 = gpu(A100)
    assert places(a100, solve(a100, wishes(a100, "1g.5gb"))) == [("1g.5gb", 6)]


def test_work_goes_before_the_number_of_instances() -> None:
    """One instance in use is spared, though two others must go for it."""
    a100 = gpu(A100, ("3g.20gb", 0, "in use"), ("1g.5gb", 4, ""), ("1g.5gb", 5, ""))
    solution = solve(a100, wishes(a100, "3g.20gb", "3g.20gb"))
    assert [each.placement.start for each in solution.destroyed] == [4, 5]


def test_in_use_only_by_consent() -> None:
    a100 = gpu(A100, ("1g.5gb", 2, "in use"))
    said = refused(a100, "7g.40gb")
    assert said == "7g.40gb can be had only if instances in use are destroyed: 1g.5gb at 2."
    solution = solve(a100, wishes(a100, "7g.40gb"), consent=True)
    assert [each.placement.start for each in solution.disturbed] == [2]


def test_nothing_wanted_and_work_goes_on() -> None:
    assert refused(gpu(A100, ("1g.5gb", 2, "in use"))).startswith("An empty layout can be had only if")


@pytest.mark.parametrize(
    "board, wanted, why",
    [
        (A100, ["3g.20gb", "3g.20gb", "1g.5gb"], "need 9 memory slices, and this GPU has 8"),
        (A100, ["4g.20gb", "4g.20gb"], "can have 1 4g.20gb at most, and 2 are wanted"),
        (A100, ["4g.20gb", "2g.10gb", "1g.10gb", "1g.5gb"], "need 8 compute slices, and this GPU has 7"),
        (RTX_PRO, ["1g.24gb+me.all", "1g.24gb"], "need 5 decoders, and this GPU has 4"),
        (RTX_PRO, ["1g.24gb+me", "2g.48gb+me.all"], "need 5 decoders, and this GPU has 4"),
        ("a30-24gb", ["1g.6gb+me", "2g.12gb+me"], "need 2 JPEG engines, and this GPU has 1"),
        (
            A100,
            [{"profile": "3g.20gb", "placement": 2}],
            "A 3g.20gb cannot start at 2: it can start at 0 or 4.",
        ),
        (
            A100,
            [{"profile": "3g.20gb", "placement": 0}, "4g.20gb"],
            "4g.20gb, 3g.20gb cannot be had with 3g.20gb at 0: the places do not go together.",
        ),
        (
            A100,
            [{"profile": "3g.20gb", "compute": ["2c.3g.20gb", "2c.3g.20gb"]}],
            "A 3g.20gb can have 1 2c.3g.20gb, and 2 are wanted.",
        ),
        (
            A100,
            [{"profile": "3g.20gb", "compute": ["2c.3g.20gb", "1c.3g.20gb", "1c.3g.20gb"]}],
            "they need 4 compute slices, and it has 3",
        ),
    ],
)
def test_reasons(board: str, wanted: Sequence[object], why: str) -> None:
    assert why in refused(gpu(board), *wanted)


def test_all_media_goes_with_none() -> None:
    rtx = gpu(RTX_PRO)
    solution = solve(rtx, wishes(rtx, "1g.24gb+me.all", "1g.24gb-me", "2g.48gb-me"))
    assert len(solution.created) == 3


def test_compute_instances_are_kept_by_their_place() -> None:
    rows = [{"profile": "3g.20gb", "start": 4, "compute": [{"profile": "1c.3g.20gb", "start": 2}]}]
    a100 = gpu_with("current", rows, profiles_named(A100))
    solution = solve(a100, wishes(a100, {"profile": "3g.20gb", "compute": ["1c.3g.20gb", "2c.3g.20gb"]}))
    assert [each.what(a100) for each in changes(solution)] == [
        "Create compute instance 2c.3g.20gb at 0:2 in 3g.20gb at 4:4"
    ]


def test_a_gpu_instance_without_compute_instances_is_filled() -> None:
    a100 = gpu_with("current", [{"profile": "1g.5gb", "start": 0, "compute": []}], profiles_named(A100))
    steps = changes(solve(a100, wishes(a100, "1g.5gb")))
    assert [each.action for each in steps] == ["create_compute_instance"]
    assert steps[0].gpu_instance is a100.instances[0]


def test_the_other_profile_that_spans_the_whole_gpu_is_kept() -> None:
    """Newest drivers have two of them, 4 and 8, with the same name."""
    rows = [{"profile": "7g.40gb", "start": 0, "compute": ["8"]}]
    a100 = gpu_with("current", rows, profiles_named(A100))
    assert not solve(a100, wishes(a100, "7g.40gb")).changes


def test_hopper_tells_the_small_compute_instance_from_the_whole() -> None:
    rows = [{"profile": "1g.20gb", "start": 0, "compute": ["0"]}]
    h100 = gpu_with("current", rows, profiles_named("h100-80gb-sxm"))
    steps = changes(solve(h100, wishes(h100, "1g.20gb")))
    assert [(each.action, each.compute_profile) for each in steps] == [
        ("destroy_compute_instance", 0),
        ("create_compute_instance", 7),
    ]


def test_a_compute_instance_without_known_places() -> None:
    h100 = gpu("h100-80gb-sxm")
    with pytest.raises(DoesNotFit, match="Where a 1c.2g.20gb can be in a 2g.20gb is not known."):
        solve(h100, [Wanted(14, None, (7,))])


def test_order_of_steps() -> None:
    a100 = gpu(A100, ("1g.5gb", 0, ""), ("1g.5gb", 1, ""), ("3g.20gb", 4, ""))
    solution = solve(a100, wishes(a100, "3g.20gb", "2g.10gb", "2g.10gb"))
    assert [each.what(a100) for each in changes(solution)] == [
        "Destroy compute instance 1g.5gb at 0:1 in 1g.5gb at 0:1",
        "Destroy compute instance 1g.5gb at 0:1 in 1g.5gb at 1:1",
        "Destroy GPU instance 1g.5gb at 0:1",
        "Destroy GPU instance 1g.5gb at 1:1",
        "Create GPU instance 2g.10gb at 0:2",
        "Create GPU instance 2g.10gb at 2:2",
        "Create compute instance 2g.10gb at 0:2 in 2g.10gb at 0:2",
        "Create compute instance 2g.10gb at 0:2 in 2g.10gb at 2:2",
    ]


def test_an_instance_of_a_profile_that_nvml_does_not_list() -> None:
    a100 = gpu(A100, ("1g.5gb", 0, ""), ("2g.10gb", 4, ""))
    without = Gpu(tuple(each for each in a100.profiles if each.id != 19), a100.instances)
    solution = solve(without, [Wanted(14, None, (1,))])
    assert changes(solution)[0].what(without).endswith("in profile 19 at 0:1")
    busy = gpu(A100, ("1g.5gb", 0, "in use"), ("2g.10gb", 4, ""))
    without = Gpu(without.profiles, busy.instances)
    assert not nearest(without, [Wanted(14, None, (1,))]).changes


def test_places_that_numbers_do_not_forbid() -> None:
    """Two of these fit by every number, but both their places have slice 1."""
    compute = (ComputeProfile(0, "1g.1gb", 1, 1, (Placement(0, 1),), None, True),)
    odd = Profile(1, "1g.1gb", 1, 2, (Placement(0, 2), Placement(1, 2)), compute)
    whole = Profile(0, "2g.2gb", 2, 1, (Placement(0, 4),), ())
    with pytest.raises(
        DoesNotFit, match="2 x 1g.1gb cannot be had together: no places for them go together."
    ):
        solve(Gpu((odd, whole)), [Wanted(1, None, (0,)), Wanted(1, None, (0,))])


def test_engines_are_counted_where_all_profiles_tell_them() -> None:
    def profile(number: int, engines: Engines) -> Profile:
        return Profile(
            number, "1g.%dgb" % number, 1, 1, (Placement(0, 1), Placement(1, 1)), (), engines=engines
        )

    def board(whole: Engines) -> Gpu:
        places = (Placement(0, 2),)
        return Gpu(
            (
                profile(1, Engines(ofa=1)),
                profile(2, Engines(ofa=1)),
                Profile(3, "2g.3gb", 2, 1, places, (), engines=whole),
            )
        )

    with pytest.raises(DoesNotFit, match="need 2 OFA engines, and this GPU has 1"):
        solve(board(Engines(ofa=1)), [Wanted(1), Wanted(2)])
    assert len(solve(board(Engines()), [Wanted(1), Wanted(2)]).created) == 2


def test_multiprocessors_are_counted() -> None:
    """On Hopper a compute instance of one slice may take more of them than a slice has."""
    small = ComputeProfile(0, "1c.2g.20gb", 1, 2, (Placement(0, 1), Placement(1, 1)), 16)
    big = ComputeProfile(7, "1c.2g.20gb", 1, 1, (Placement(0, 1), Placement(1, 1)), 26)
    two = Profile(14, "2g.20gb", 2, 3, (Placement(0, 2),), (small, big), multiprocessors=32)
    assert len(solve(Gpu((two,)), [Wanted(14, None, (0, 0))]).created) == 1
    with pytest.raises(DoesNotFit, match="they need 42 multiprocessors, and it has 32"):
        solve(Gpu((two,)), [Wanted(14, None, (0, 7))])


@pytest.mark.parametrize(
    "board, wanted, offer",
    [
        (A100, ["3g.20gb", "3g.20gb", "1g.5gb"], ["1g.5gb", "2g.10gb", "3g.20gb"]),
        (A100, ["4g.20gb", "4g.20gb"], ["3g.20gb", "4g.20gb"]),
        (A100, {"1g.5gb": 8}, ["1g.5gb"] * 7),
        (A100, {"1g.5gb": 60}, ["1g.5gb"] * 7),
        (A100, ["7g.40gb", "7g.40gb"], ["7g.40gb"]),
        (A100, [{"profile": "3g.20gb", "placement": 2}], ["3g.20gb"]),
        (RTX_PRO, ["1g.24gb+me.all", "1g.24gb"], ["1g.24gb", "1g.24gb"]),
        ("a30-24gb", ["1g.6gb+me", "2g.12gb+me"], ["1g.6gb+me", "2g.12gb"]),
    ],
)
def test_nearest(board: str, wanted: object, offer: List[str]) -> None:
    which = gpu(board)
    meant = resolve(entries("wanted", wanted), which.profiles)
    with pytest.raises(DoesNotFit):
        solve(which, meant)
    assert sorted(name for name, _start in places(which, nearest(which, meant))) == offer


def test_nearest_of_too_many_compute_instances() -> None:
    a100 = gpu(A100)
    meant = wishes(a100, {"profile": "3g.20gb", "compute": ["2c.3g.20gb"] * 2 + ["1c.3g.20gb"]})
    (part,) = nearest(a100, meant).parts
    assert [each.profile for each in part.compute] == [1, 0]


def test_nearest_leaves_work_alone() -> None:
    a100 = gpu(A100, ("1g.5gb", 2, "in use"))
    offer = nearest(a100, wishes(a100, "4g.20gb", "3g.20gb"))
    assert places(a100, offer) == [("2g.10gb", 0), ("1g.5gb", 2), ("3g.20gb", 4)]
    assert offer.disturbed == ()


def test_nearest_does_not_spare_what_is_idle() -> None:
    a100 = gpu(A100, ("1g.5gb", 2, ""))
    assert places(a100, nearest(a100, wishes(a100, "4g.20gb", "4g.20gb"))) == [("4g.20gb", 0), ("3g.20gb", 4)]


def test_nearest_with_consent() -> None:
    a100 = gpu(A100, ("1g.5gb", 2, "in use"))
    with_consent = nearest(a100, wishes(a100, "4g.20gb", "4g.20gb"), consent=True)
    assert places(a100, with_consent) == [("4g.20gb", 0), ("3g.20gb", 4)]
