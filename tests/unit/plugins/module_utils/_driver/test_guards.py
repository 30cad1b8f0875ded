# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds and the pin: lifted for an intended change, restored after it, and as the wish says otherwise."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import List, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import upgrades
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    PIN_PATH,
    UPGRADES_PATH,
    DriverState,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Names, WriteFile
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskTransaction
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import stanzas
from ansible_collections.labfleet.gpu.tests.unit.support.archive import ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import actions, carried_out, settled

ARCHIVE = ubuntu_archive(KERNEL)
STATE = with_driver(ubuntu(), "580.95.05")
PIN = plan(STATE, DriverWish(version="580.95.05"), {}).steps[0].data.content
HELD_PIN = PIN.replace("# Pinned.", "# Pinned and held.")
#: What a wish for a branch alone has: tools and fabric manager are called the same in every branch.
BRANCH_PIN = PIN.replace("version 580.95.05-*", "version 580.*")
MINE = "# edited by hand\n"


def pinned(state: DriverState, content: str = PIN) -> DriverState:
    """With this pin, and excluded from unattended-upgrades as what is pinned is."""
    files = {PIN_PATH: content, UPGRADES_PATH: upgrades.CONTENT}
    return replace(state, own_files=dict(state.own_files, **files))


def about_the_pin(found: Plan) -> List[object]:
    return [step.data for step in found.steps if getattr(step.data, "path", None) == PIN_PATH]


def test_the_pin_covers_the_whole_set_and_nothing_else() -> None:
    fields = next(stanzas(PIN))
    assert (fields["pin"], fields["pin-priority"]) == ("version 580.95.05-*", "1001")
    globs = fields["package"].split()
    for name in (*names_of(STATE), "nvidia-fabricmanager", "libnvidia-nscq"):
        assert any(fnmatchcase(name, glob) for glob in globs), name
    for name in (
        "libnvidia-container1",
        "nvidia-container-toolkit",
        "cuda-toolkit-12-8",
        "linux-headers-generic",
    ):
        assert not any(fnmatchcase(name, glob) for glob in globs), name


def names_of(state: DriverState) -> Tuple[str, ...]:
    return tuple(sorted(each.name for each in state.packages if each.installed))


def selected(found: Plan, action: str) -> List[Names]:
    return [step.data for step in found.steps if step.action == action]


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("hold", [None, True, False])
def test_holds_of_the_right_set(hold: Optional[bool], held: bool) -> None:
    state = with_driver(ubuntu(), "580.95.05", held=held)
    found = plan(pinned(state, HELD_PIN) if hold else state, DriverWish(branch=580, hold=hold), {})
    expected = []
    if hold is True and not held:
        expected = ["hold"]
    if hold is False and held:
        expected = ["write-file", "unhold"]
    assert actions(found) == expected
    for step in found.steps:
        assert step.data in (Names(names_of(state)), WriteFile(PIN_PATH, BRANCH_PIN))


def test_only_what_lacks_the_hold_is_held() -> None:
    state = with_driver(ubuntu(), "580.95.05", held=True)
    packages = tuple(
        replace(each, want="install") if each.name == "nvidia-utils-580" else each for each in state.packages
    )
    found = plan(pinned(replace(state, packages=packages), HELD_PIN), DriverWish(branch=580, hold=True), {})
    assert selected(found, "hold") == [Names(("nvidia-utils-580",))]


@pytest.mark.parametrize(
    "hold, expected",
    [
        (None, ["install", "hold"]),
        (True, ["install", "hold"]),
        (False, ["install"]),
    ],
)
def test_holds_through_an_upgrade(hold: Optional[bool], expected: List[str]) -> None:
    state = with_driver(ubuntu(), "580.65.06", held=True)
    found, asked = settled(state, DriverWish(branch=580, update=True, hold=hold), ARCHIVE)
    assert [action for action in actions(found) if action in ("unhold", "install", "hold")] == expected
    questions = [question for question in asked if isinstance(question, AskTransaction)]
    assert {question.unhold for question in questions} == {names_of(state)}
    (install,) = [step.data for step in found.steps if step.action == "install"]
    assert install.allow_held
    after = carried_out(state, found, ARCHIVE)
    held = {each.name for each in after.packages if each.held and each.installed}
    assert held == (set() if hold is False else set(names_of(after)))


def test_a_branch_change_holds_the_new_set() -> None:
    state = with_driver(ubuntu(), "570.133.20", held=True)
    found, _asked = settled(state, DriverWish(branch=580), ARCHIVE)
    (held,) = selected(found, "hold")
    after = carried_out(state, found, ARCHIVE)
    assert {each.name for each in after.packages if each.held and each.installed} == set(names_of(after))
    assert not any("570" in name for name in held.names)


def test_a_run_cut_between_apt_and_the_hold_is_not_forgotten() -> None:
    """The pin is written before apt drops the holds of what it moves, and says that the set is to be held."""
    state = with_driver(ubuntu(), "570.133.20", held=True)
    found, _asked = settled(state, DriverWish(branch=580), ARCHIVE)
    cut = replace(found, steps=tuple(step for step in found.steps if step.phase != "hold"))
    after = carried_out(state, cut, ARCHIVE)
    assert not any(each.held and each.installed for each in after.packages)
    (held,) = selected(plan(after, DriverWish(branch=580), {}), "hold")
    assert held.names == names_of(after)


def test_a_set_of_which_a_part_is_on_hold_is_held_whole() -> None:
    """What a run leaves that is cut after a change of branch, before it held the new packages."""
    state = with_driver(ubuntu(), "580.95.05")
    packages = tuple(
        replace(each, want="hold") if each.name == "nvidia-modprobe" else each for each in state.packages
    )
    found = plan(replace(state, packages=packages), DriverWish(branch=580), {})
    (held,) = selected(found, "hold")
    assert set(held.names) == set(names_of(state)) - {"nvidia-modprobe"}


@pytest.mark.parametrize(
    "wish, before, after",
    [
        (DriverWish(branch=580), None, None),
        (DriverWish(branch=580), PIN, PIN),
        (DriverWish(branch=580, hold=True), None, HELD_PIN),
        (DriverWish(branch=580, hold=True), PIN, HELD_PIN),
        (DriverWish(branch=580, hold=True), HELD_PIN, HELD_PIN),
        (DriverWish(branch=580, hold=False), PIN, BRANCH_PIN),
        (DriverWish(branch=580), BRANCH_PIN, BRANCH_PIN),
        (DriverWish(branch=580), MINE, BRANCH_PIN),
        (DriverWish(version="580.95.05"), None, PIN),
        (DriverWish(version="580.95.05", hold=True), None, HELD_PIN),
        (DriverWish(version="580.95.05", hold=False), None, PIN),
        (DriverWish(version="580.95.05"), MINE, PIN),
    ],
)
def test_the_pin_of_the_right_set(wish: DriverWish, before: Optional[str], after: Optional[str]) -> None:
    state = with_driver(ubuntu(), "580.95.05", held=bool(wish.hold))
    if before is not None:
        state = pinned(state, before)
    found = plan(state, wish, {})
    if before == after:
        assert found.steps == ()
    else:
        assert about_the_pin(found) == [WriteFile(PIN_PATH, str(after))]
    assert {step.phase for step in found.steps} <= {"pin"}


def test_the_pin_moves_before_the_packages_do() -> None:
    found, asked = settled(
        pinned(with_driver(ubuntu(), "580.95.05")), DriverWish(branch=580, update=True), ARCHIVE
    )
    pin = WriteFile(PIN_PATH, PIN.replace("580.95.05", "580.105.08"))
    data = [step.data for step in found.steps]
    assert data.index(pin) < actions(found).index("install")
    (question,) = [question for question in asked if isinstance(question, AskTransaction)]
    assert question.files[-1].content == pin.content


def test_apt_is_asked_under_the_pin_as_it_will_be() -> None:
    state = pinned(with_driver(ubuntu(), "580.95.05"))
    found, asked = settled(state, DriverWish(branch=580, update=True, hold=False), ARCHIVE)
    (question,) = [question for question in asked if isinstance(question, AskTransaction)]
    assert (question.files[-1].path, question.files[-1].content) == (PIN_PATH, BRANCH_PIN)
    assert WriteFile(PIN_PATH, BRANCH_PIN) in [step.data for step in found.steps]
