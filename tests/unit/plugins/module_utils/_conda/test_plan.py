# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments: what is done, asked and refused, as a pure function of what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.goal import cuda_of_driver
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.history import Revision
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.plan import plan as planned
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.questions import (
    LACKING,
    AskEngine,
    AskMatches,
    AskRecords,
    AskSolve,
    AskUsers,
    Engine,
    Matches,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import (
    leaving_of,
    staging_of,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import CondaWish, Framework
from ansible_collections.labfleet.gpu.plugins.module_utils._host import PciDevice
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskSpace,
    Client,
    Clients,
    Space,
    Trouble,
)
from ansible_collections.labfleet.gpu.tests.unit.support.conda_plans import (
    HOST,
    LINES,
    NOBODY,
    PREFIX,
    WISH,
    actions,
    asked,
    made,
    plan,
    required,
    solution,
    state,
)


def test_what_the_same_wish_made_needs_no_step_and_no_question() -> None:
    for there in (made(), made(packages=(*LINES, "extra=1=0"), note=made().note)):
        found = plan(there, WISH, {})
        assert (found.steps, found.questions, found.blockers, found.promise) == ((), (), (), None)


def test_a_new_environment() -> None:
    question = asked(plan(state(), WISH, {}), AskSolve)
    assert question == AskSolve("", ("conda-forge",), ("python=3.11", "numpy"), "")
    found = plan(state(), WISH, {question: solution(*LINES)})
    assert actions(found) == ["stage", "transact", "seal"]
    assert [step.data.work.fresh for step in found.steps] == [True, True, True]
    assert found.steps[1].what == "install 2 packages: numpy 1.26.4 (py311_0), python 3.11.9 (0)"
    assert found.steps[1].why == "it is not there"
    assert found.promised() == {"exists": True, "packages": list(LINES)}


def test_a_creation_that_was_cut_off_begins_anew() -> None:
    there = made(unfinished=True)
    question = asked(plan(there, WISH, {}), AskSolve)
    assert question.prefix == ""
    found = plan(there, WISH, {question: solution(*LINES)})
    assert actions(found) == ["stage", "transact", "seal"] and found.steps[0].data.work.fresh
    assert found.reasons == ("its creation was cut off",)


def test_a_change_is_made_to_a_copy() -> None:
    wish = replace(WISH, packages=("python=3.11", "numpy=2"))
    there = made(packages=(*LINES, "libold=1=0"))
    match = asked(plan(there, wish, {}), AskMatches)
    answers: Dict[Any, Any] = {match: Matches(("numpy=2",))}
    solve = asked(plan(there, wish, answers), AskSolve)
    assert (solve.prefix, solve.specs) == (PREFIX, ("python=3.11", "numpy=2"))
    answers[solve] = solution("numpy=2.0.0=py311_0", "python=3.11.9=0", "new=1=0")
    assert asked(plan(there, wish, answers), AskUsers) == AskUsers(PREFIX)
    found = plan(there, wish, {**answers, **NOBODY})
    assert actions(found) == ["stage", "transact", "seal", "sweep"]
    assert found.steps[1].what == (
        "install 1 package: new 1 (0); change numpy from 1.26.4 (py311_0) to 2.0.0 (py311_0); "
        "remove 1 package: libold 1 (0)"
    )
    assert [step.data.work.fresh for step in found.steps[:3]] == [False, False, False]


def test_what_others_installed_stays_theirs() -> None:
    """The note would have it for ours otherwise, and the change after this one remove it."""
    wish = replace(WISH, packages=("numpy=2",))
    there = replace(made(), packages=(*LINES, "theirs=1=0"))
    answers: Dict[Any, Any] = {AskMatches(PREFIX, ("numpy=2",)): Matches(("numpy=2",)), **NOBODY}
    answers[asked(plan(there, wish, answers), AskSolve)] = solution("numpy=2.0=0", "theirs=1=0")
    (seal,) = (step for step in plan(there, wish, answers).steps if step.action == "seal")
    assert seal.data.theirs == ("theirs",)


def test_what_others_installed_stays_unless_exclusive() -> None:
    wish = replace(WISH, packages=("numpy=2",))
    there = replace(made(), packages=(*LINES, "theirs=1=0"))
    answers: Dict[Any, Any] = {AskMatches(PREFIX, ("numpy=2",)): Matches(("numpy=2",))}
    assert asked(plan(there, wish, answers), AskSolve).specs == ("numpy=2", "theirs")
    only = replace(wish, exclusive=True)
    assert asked(plan(there, only, {}), AskSolve).specs == ("numpy=2",)


def test_extra_packages_are_drift_where_exclusive() -> None:
    wish = replace(WISH, exclusive=True)
    assert plan(made(wish), wish, {}).questions == ()
    there = replace(made(wish), packages=(*LINES, "theirs=1=0"))
    found = plan(there, wish, {})
    assert found.reasons == ("theirs=1=0 is there besides",)
    assert actions(plan(there, wish, {found.questions[0]: solution(*LINES), **NOBODY})) == [
        "stage",
        "transact",
        "seal",
        "sweep",
    ]


def test_a_package_that_is_gone() -> None:
    there = replace(made(), packages=LINES[1:])
    found = plan(there, WISH, {})
    assert found.reasons == ("numpy=1.26.4=py311_0 is not there",)
    assert isinstance(found.questions[0], AskMatches)


def test_pip() -> None:
    wish = replace(WISH, pip=("tool==1.0", "other"))
    solve = asked(plan(state(), wish, {}), AskSolve)
    assert solve.specs == ("python=3.11", "numpy", "pip")
    found = plan(state(), wish, {solve: solution(*LINES)})
    assert actions(found) == ["stage", "transact", "pip-install", "seal"]
    assert required(found.steps[2]) == ("tool==1.0", "other")
    there = made(wish, pip=("other==7", "tool==1.0"))
    assert plan(there, wish, {}).questions == ()
    # One that is gone: conda's packages need no transaction.
    there = replace(there, pip=("tool==1.0",))
    found = plan(there, wish, {})
    assert found.reasons == ("other==7 is not there",)
    match = asked(found, AskMatches)
    answers = {match: Matches(()), AskSolve(PREFIX, wish.channels, solve.specs, ""): solution(*LINES)}
    found = plan(there, wish, {**answers, **NOBODY})
    assert actions(found) == ["stage", "pip-install", "seal", "sweep"]
    assert required(found.steps[1]) == ("other",)


def test_programs_that_run_are_not_disturbed_without_consent() -> None:
    wish = replace(WISH, exclusive=True)
    there = replace(made(wish), packages=(*LINES, "theirs=1=0"))
    solve = asked(plan(there, wish, {}), AskSolve)
    users = {AskUsers(PREFIX): Clients((Client(42, "ada", "python"),))}
    found = plan(there, wish, {solve: solution(*LINES), **users})
    (blocker,) = found.blockers
    assert (
        blocker.which == "/srv/envs/train: 42 (ada, python)" and "disrupt_running_work: true" in blocker.next
    )
    assert plan(there, replace(wish, disrupt_running_work=True), {solve: solution(*LINES)}).steps
    gone = CondaWish(PREFIX, state="absent")
    assert plan(there, gone, users).blockers and plan(there, gone, NOBODY).steps


def test_absent() -> None:
    gone = CondaWish(PREFIX, state="absent")
    assert plan(state(), gone, {}) == Plan()
    found = plan(made(), gone, NOBODY)
    assert actions(found) == ["remove-environment"]
    promise = {"exists": False, "packages": [], "pip": [], "owner": None, "mode": None}
    assert found.promised() == promise


def test_a_copy_is_made_once() -> None:
    wish = CondaWish(PREFIX, clone="/srv/envs/other")
    question = asked(plan(state(), wish, {}), AskRecords)
    found = plan(state(), wish, {question: solution(*LINES, pip=("tool==1.0",))})
    assert actions(found) == ["stage", "transact", "pip-install", "seal"]
    assert required(found.steps[2]) == ("tool==1.0",)
    assert plan(made(), wish, {}) == Plan()
    (blocker,) = plan(state(), wish, {question: Trouble("there is no environment")}).blockers
    assert "there is no environment" in blocker.which
    assert plan(state(), replace(wish, clone=PREFIX), {}).blockers


def test_a_revision() -> None:
    dists = ("conda-forge/linux-64::numpy-1.0-0", "conda-forge/linux-64::python-3.11.9-0")
    there = made(revisions=(Revision("2024-01-01 00:00:00", dists),))
    wish = CondaWish(PREFIX, revision=0)
    found = plan(there, wish, {})
    solve = asked(found, AskSolve)
    assert solve.specs == ("numpy ==1.0 0", "python ==3.11.9 0")
    assert "numpy=1.0=0 is not there" in found.reasons
    answers = {solve: solution("numpy=1.0=0", "python=3.11.9=0"), **NOBODY}
    assert actions(plan(there, wish, answers)) == ["stage", "transact", "seal", "sweep"]
    same = replace(there, packages=("numpy=1.0=0", "python=3.11.9=0"))
    assert plan(same, wish, {}) == Plan()
    (blocker,) = plan(there, replace(wish, revision=1), {}).blockers
    assert blocker.next == "take one that is there: 0 to 0"
    assert plan(state(), wish, {}).blockers


@pytest.mark.parametrize(
    "dists, known, channels",
    [
        (("c/linux-64::a-1-0", "https://x/y/noarch::b-1-0"), ("conda-forge",), ("c", "https://x/y")),
        (("https://x/y/noarch::b-1-0",), ("https://x/t/to-12/y",), ("https://x/t/to-12/y",)),
        (("defaults/linux-64::a-1-0",), ("conda-forge",), ("conda-forge",)),
        (("a-1-0",), ("conda-forge",), ("conda-forge",)),
    ],
)
def test_a_revision_comes_from_where_it_came_from(
    dists: Tuple[str, ...], known: Tuple[str, ...], channels: Tuple[str, ...]
) -> None:
    there = made(revisions=(Revision("2024-01-01 00:00:00", dists),))
    assert (
        asked(plan(there, CondaWish(PREFIX, revision=0, channels=known), {}), AskSolve).channels == channels
    )


def test_what_a_cut_left_is_removed() -> None:
    found = plan(made(leftovers=(staging_of(PREFIX),)), WISH, {})
    assert actions(found) == ["sweep"] and staging_of(PREFIX) in found.steps[0].what
    assert actions(plan(state(leftovers=(leaving_of(PREFIX),)), CondaWish(PREFIX, state="absent"), {})) == [
        "sweep"
    ]


@pytest.mark.parametrize("wish", [WISH, CondaWish(PREFIX, state="absent")])
def test_an_exchange_that_was_cut_off_is_finished_first(wish: CondaWish) -> None:
    found = plan(state(leftovers=(staging_of(PREFIX), leaving_of(PREFIX))), wish, {})
    assert actions(found) == ["put-back"] and found.replan


def test_something_else_in_its_place() -> None:
    for wish in (WISH, CondaWish(PREFIX, state="absent")):
        (blocker,) = plan(state(foreign=True), wish, {}).blockers
        assert blocker.which == PREFIX


def test_a_solver_that_finds_nothing() -> None:
    question = asked(plan(state(), WISH, {}), AskSolve)
    (blocker,) = plan(state(), WISH, {question: Trouble("numpy 9 is not there")}).blockers
    assert str(blocker).startswith("No packages fulfil the wish (numpy 9 is not there)")


def test_a_framework_is_checked_before_anything_is_solved() -> None:
    gpu = PciDevice("0000:01:00.0", 0x2330, 0x0302)
    node = state(driver="550.54.15", host=replace(HOST, pci=(gpu,)))
    wish = CondaWish(PREFIX, python="3.11", framework=Framework("pytorch", "2.15"), packages=("scipy",))
    (blocker,) = plan(node, wish, {}).blockers
    assert str(blocker).endswith("use driver 580, or pytorch 2.14.1 with CUDA 12.6")
    fits = replace(wish, framework=Framework("pytorch", "2.1.2"))
    question = asked(plan(node, fits, {}), AskSolve)
    assert question.specs == ("python >=3.8,<3.12", "pip", "numpy <2", "python=3.11", "scipy")
    assert question.cuda == "12.4"
    found = plan(node, fits, {question: solution(*LINES)})
    (pip,) = [step for step in found.steps if step.action == "pip-install"]
    assert required(pip) == ("torch==2.1.2+cu121",)
    assert pip.data.calls[0].sources.index_url.endswith("/cu121")
    # The driver that the same run brings counts.
    assert not plan(node, replace(wish, driver_version="580.95.05"), {}).blockers
    arm = replace(node, host=replace(node.host, machine="aarch64"))
    (blocker,) = plan(arm, fits, {}).blockers
    assert str(blocker).startswith("pytorch 2.1.2 has no known build with CUDA for this machine")


def test_a_node_without_gpu_may_say_which_cuda_there_will_be() -> None:
    assert asked(plan(state(), replace(WISH, cuda="12.4"), {}), AskSolve).cuda == "12.4"


@pytest.mark.parametrize(
    "driver, version",
    [
        ("580.95.05", "13.0"),
        ("550.54.14", "12.4"),
        ("535.183.01", "12.2"),
        ("470.256.02", "11.4"),
        ("340.1", ""),
    ],
)
def test_the_cuda_of_a_driver(driver: str, version: str) -> None:
    assert cuda_of_driver(driver) == version


def test_a_wheel_that_is_on_the_node_solves_before_it_is_installed() -> None:
    wish = replace(WISH, engine_wheel="/srv/w.whl")
    engine = asked(planned(state(), wish, {}), AskEngine)
    assert engine == AskEngine("/srv/w.whl")
    answers: Dict[Any, Any] = {engine: Engine("0.28.0", wheel="/srv/w.whl")}
    solve = asked(planned(state(), wish, answers), AskSolve)
    assert solve.wheel == "/srv/w.whl"
    found = planned(state(), wish, {**answers, solve: solution(*LINES)})
    assert actions(found) == ["bring-engine", "stage", "transact", "seal"]
    assert found.steps[0].what == "unpack py-rattler 0.28.0 to /opt/labfleet-gpu" and not found.replan
    # An environment that will do as it is needs none.
    there, vague = state(there=True, packages=LINES), replace(wish, packages=("numpy >=1",))
    match = asked(planned(there, vague, answers), AskMatches)
    assert match.wheel == "/srv/w.whl"
    assert actions(planned(there, vague, {**answers, match: Matches(())})) == ["note"]


@pytest.mark.parametrize(
    "engine, what",
    [
        (Engine("0.28.0", digest="ab", pip=True), "fetch py-rattler 0.28.0 with pip to /opt/labfleet-gpu"),
        (Engine("0.28.0", "", "http://mirror/w.whl", "ab"), "fetch py-rattler 0.28.0 to /opt/labfleet-gpu"),
    ],
)
def test_an_engine_that_is_to_be_fetched_comes_before_anything_is_solved(engine: Engine, what: str) -> None:
    found = planned(state(), WISH, {AskEngine(): engine})
    assert [step.what for step in found.steps] == [what] and found.replan
    assert found.steps[0].data.digest == "ab"


def test_no_engine() -> None:
    (blocker,) = planned(state(), WISH, {AskEngine(): Trouble("Python 3.11 has none")}).blockers
    assert (blocker.what, blocker.which) == (LACKING, "Python 3.11 has none")
    # What cannot be is told first, and what is there needs none.
    impossible = replace(WISH, packages=(), framework=Framework("pytorch", "9.9"))
    assert planned(state(), impossible, {}).blockers
    assert planned(made(), WISH, {}) == Plan() and planned(state(), CondaWish(PREFIX, "absent"), {}) == Plan()


def test_no_room_for_what_is_fetched() -> None:
    solve = asked(plan(state(), WISH, {}), AskSolve)
    gib = 1 << 30
    large = replace(solution(*LINES), sizes={LINES[0]: 3 * gib, LINES[1]: gib})
    answers: Dict[Any, Any] = {solve: large}
    room = asked(plan(state(), WISH, answers), AskSpace)
    assert room == AskSpace(("/srv/envs",))
    little, enough = (Space({"/srv/envs": ("/srv", number * gib)}) for number in (2, 5))
    (blocker,) = plan(state(), WISH, {**answers, room: little}).blockers
    assert blocker.which == "/srv has 2048 MiB, needed are 4096 MiB"
    assert plan(state(), WISH, {**answers, room: enough}).steps
    # What is there already is not fetched.
    wish = replace(WISH, exclusive=True)
    there = replace(made(wish), packages=LINES[:1])
    question = asked(plan(there, wish, {}), AskSolve)
    assert plan(there, wish, {question: large, room: little, **NOBODY}).steps
