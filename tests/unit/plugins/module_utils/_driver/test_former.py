# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: when the former driver's packages are kept, and what is said where they cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.families import NVIDIA_UBUNTU_SUFFIXED
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import former
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import FORMER_PATH, DriverState
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import Target
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskFormer,
    AskSpace,
    Former,
    Space,
    Trouble,
)
from ansible_collections.labfleet.gpu.tests.unit.support.archive import GIB, PLACES, ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import (
    actions,
    carried_out,
    refusal,
    settled,
)

OLD, NEW, NEWER = "570.172.08", "580.95.05", "580.105.08"


def planned(node: DriverState, answer: Any = None, **wish: Any) -> Tuple[Plan, List[Any]]:
    archive = ubuntu_archive(KERNEL)
    if answer is not None:
        archive.fixed[AskFormer] = answer
    return settled(node, DriverWish(**dict({"version": NEW}, **wish)), archive)


def test_before_an_upgrade_the_installed_packages_are_kept() -> None:
    state = with_driver(ubuntu(), OLD)
    found, _asked = planned(state)
    keep = actions(found).index("keep-former")
    assert actions(found).index("refresh-index") < keep < actions(found).index("install")
    data = found.steps[keep].data
    assert data.version == OLD and data.spare == NEW
    assert data.packages == tuple(sorted("%s=%s" % (each.name, each.version) for each in state.packages))
    assert OLD in found.steps[keep].what and NEW in found.steps[keep].why


@pytest.mark.parametrize(
    "state, wish",
    [
        (ubuntu(), {}),
        (with_driver(ubuntu(), NEW), {"components": "desktop"}),
        (with_driver(ubuntu(), NEW), {"kernel_module": "proprietary"}),
        (with_driver(ubuntu(), OLD), {"keep_former": False}),
    ],
    ids=["bare", "more of the same", "flavour", "not wished"],
)
def test_nothing_is_kept_where_no_version_is_replaced(state: DriverState, wish: Any) -> None:
    found, asked = planned(state, **wish)
    assert "install" in actions(found) and "keep-former" not in actions(found)
    assert not [question for question in asked if isinstance(question, AskFormer)]


@pytest.mark.parametrize(
    "answer, words",
    [
        (
            Former(("a=1", "b=1"), 0),
            "a=1, b=1 can be had from no configured source and not from apt's cache.",
        ),
        (Former(("a=1", "b=1", "c=1", "d=1", "e=1"), 0), "a=1, b=1, c=1, d=1 and others can be had"),
        (Trouble("the mirror is down"), "570.172.08: the mirror is down."),
    ],
)
def test_no_way_back_is_said_and_stops_nothing(answer: Any, words: str) -> None:
    found, _asked = planned(with_driver(ubuntu(), OLD), answer)
    assert "install" in actions(found) and "keep-former" not in actions(found)
    (warning,) = found.warnings
    assert warning.startswith("There will be no way back to driver 570.172.08: ") and words in warning


def test_what_is_kept_already_is_not_kept_again() -> None:
    archive = ubuntu_archive(KERNEL)
    state = with_driver(ubuntu(), OLD)
    found, _asked = planned(state)
    keep = next(step for step in found.steps if step.action == "keep-former")
    kept = carried_out(state, replace(found, steps=(keep,)), archive)
    again, asked = planned(kept)
    assert "keep-former" not in actions(again)
    assert not [question for question in asked if isinstance(question, AskFormer)]
    lacking = replace(kept, kept={OLD: kept.kept[OLD][1:]})
    assert "keep-former" in actions(planned(lacking)[0])


def test_there_and_back_the_packages_in_use_are_spared() -> None:
    archive = ubuntu_archive(KERNEL)
    state = with_driver(ubuntu(), OLD, kept={"550.54.15": ("/x/a.deb",)})
    state = carried_out(state, planned(state)[0], archive)
    assert set(state.kept) == {OLD}
    back, _asked = planned(state, version=OLD)
    keep = next(step for step in back.steps if step.action == "keep-former")
    assert (keep.data.version, keep.data.spare) == (NEW, OLD)
    state = carried_out(state, back, archive)
    assert set(state.kept) == {OLD, NEW}
    state = carried_out(state, planned(state, version=NEWER)[0], archive)
    assert set(state.kept) == {OLD}, "nothing is kept beside what was replaced"


def test_targets_are_the_files() -> None:
    files = ("nvidia-utils-570_1_amd64.deb", "nvidia-dkms-570-open_1_all.deb")
    paths = tuple("%s/%s/%s" % (FORMER_PATH, OLD, name) for name in files)
    state = ubuntu(kept={OLD: paths})
    target = Target(NVIDIA_UBUNTU_SUFFIXED, DriverWish(version=OLD), OPEN)
    assert former.targets(state, target, OLD) == (paths[1], paths[0])
    assert former.targets(state, target, NEW) == ()
    assert former.targets(state, replace(target, flavour=PROPRIETARY), OLD) == (), "kept of another flavour"
    assert former.targets(ubuntu(kept={OLD: paths[:1]}), target, OLD) == (), "no kernel module among them"


def upgraded() -> DriverState:
    """From the old driver to the new one, the old one kept."""
    state = with_driver(ubuntu(), OLD)
    return carried_out(state, planned(state)[0], ubuntu_archive(KERNEL))


def test_the_way_back_to_what_no_source_has_any_more() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.withdrawn = (OLD,)
    state = upgraded()
    found, _asked = settled(state, DriverWish(version=OLD), archive)
    install = next(step.data for step in found.steps if step.action == "install")
    assert set(state.kept[OLD]) <= set(install.targets) and install.downgrade
    after = carried_out(state, found, archive)
    assert after.installed and after.installed.version == OLD
    assert plan(after, DriverWish(version=OLD), {}).steps == ()


@pytest.mark.parametrize(
    "wish", [{"version": OLD, "kernel_module": "proprietary"}, {"version": "570.133.20"}]
)
def test_no_way_back_without_the_packages(wish: Any) -> None:
    archive = ubuntu_archive(KERNEL)
    archive.withdrawn = (OLD, "570.133.20")
    found, _asked = settled(upgraded(), DriverWish(**wish), archive)
    assert "The source has no such driver" in refusal(found)


@pytest.mark.parametrize(
    "package, native, names",
    [
        ("a=1.0-1", "amd64", ("a_1.0-1_amd64.deb", "a_1.0-1_all.deb")),
        ("a=2:1.0-1", "arm64", ("a_2%3a1.0-1_arm64.deb", "a_2%3a1.0-1_all.deb")),
        ("a:i386=1", "amd64", ("a_1_i386.deb",)),
        ("a=1", "", ("a_1_amd64.deb", "a_1_arm64.deb", "a_1_all.deb")),
    ],
)
def test_the_names_that_apt_gives_files(package: str, native: str, names: Tuple[str, ...]) -> None:
    assert former.file_names(package, native) == names


def test_room_for_them_is_asked_for() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskFormer] = Former((), 2 * GIB)
    free = {path: ("/", 50 * GIB) for path in PLACES}
    archive.fixed[AskSpace] = Space(dict(free, **{PLACES[-1]: ("/var/lib/labfleet-gpu", GIB)}))
    found, _asked = settled(with_driver(ubuntu(), OLD), DriverWish(version=NEW), archive)
    assert "/var/lib/labfleet-gpu has 1024 MiB, needed are 2048 MiB" in refusal(found)


def test_absent_forgets_them() -> None:
    state = with_driver(ubuntu(), OLD, kept={NEW: ("/x/a.deb",)}, loaded=False)
    found, _asked = planned(state, version=None, state="absent")
    assert actions(found)[-1] == "forget-former" and NEW in found.steps[-1].what
    after = carried_out(state, found, ubuntu_archive(KERNEL))
    assert planned(after, version=None, state="absent")[0].steps == ()


def test_a_foreign_architecture_is_kept_under_its_own() -> None:
    state = with_driver(ubuntu(), OLD)
    state = replace(
        state,
        packages=(
            *state.packages,
            Package("libnvidia-gl-570:i386", OLD + "-0ubuntu1", "install", "installed"),
        ),
    )
    assert not former.is_kept(replace(state, kept={OLD: ("/x/a_1_amd64.deb",)}), OLD, ("a:i386=1",))
    assert former.is_kept(replace(state, kept={OLD: ("/x/a_1_i386.deb",)}), OLD, ("a:i386=1",))
    keep = next(step for step in planned(state)[0].steps if step.action == "keep-former")
    assert "libnvidia-gl-570:i386=%s-0ubuntu1" % OLD in keep.data.packages
