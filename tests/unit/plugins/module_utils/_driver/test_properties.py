# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of every plan: it is deterministic, keeps its promise, and leaves nothing to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional

from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    OPTIONS_PATH,
    UPGRADES_PATH,
    DriverState,
    Nouveau,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import differences
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import standing
from ansible_collections.labfleet.gpu.tests.unit.support.archive import (
    DEBIAN_VERSIONS,
    UBUNTU_VERSIONS,
    Archive,
    debian_archive,
    ubuntu_archive,
)
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import (
    BOARDS,
    KERNEL,
    OTHER_KERNEL,
    debian,
    gpus,
    ubuntu,
    with_driver,
)
from ansible_collections.labfleet.gpu.tests.unit.support.planning import carried_out, rebooted, settled
from hypothesis import given, settings
from hypothesis import strategies as st

ARCHIVES = {"ubuntu": ubuntu_archive(KERNEL, OTHER_KERNEL), "debian": debian_archive(KERNEL, OTHER_KERNEL)}
OWN: List[Dict[str, str]] = [{}, {OPTIONS_PATH: "options nvidia NVreg_X=1\n"}, {UPGRADES_PATH: "// older\n"}]
VERSIONS = {"ubuntu": UBUNTU_VERSIONS, "debian": DEBIAN_VERSIONS}


@st.composite
def nodes(draw: st.DrawFn) -> DriverState:
    state = draw(st.sampled_from([ubuntu(), debian()]))
    boards = draw(st.lists(st.sampled_from(sorted(BOARDS)), max_size=2))
    bootable = draw(st.sampled_from([(KERNEL,), (KERNEL, OTHER_KERNEL), (OTHER_KERNEL,), ()]))
    headers = draw(st.sampled_from([(), (KERNEL,), bootable]))
    state = replace(
        state,
        host=replace(
            state.host,
            pci=gpus(*boards, driver=draw(st.sampled_from([None, "nouveau"]))),
            nvlink5_fabric=draw(st.booleans()),
        ),
        bootable=bootable,
        headers=headers,
        on_disk={KERNEL: None, OTHER_KERNEL: None},
        has_initramfs=draw(st.booleans()),
        initramfs_due=draw(st.booleans()),
        nouveau=draw(st.sampled_from([Nouveau(), Nouveau(present=True)])),
        own_files=dict(state.own_files, **draw(st.sampled_from(OWN))),
    )
    version: Optional[str] = draw(st.sampled_from([None, *VERSIONS[state.host.distribution]]))
    if version is None:
        return state
    flavour = draw(st.sampled_from([OPEN, PROPRIETARY]))
    return with_driver(state, version, flavour, held=draw(st.booleans()), loaded=draw(st.booleans()))


@st.composite
def wishes(draw: st.DrawFn) -> DriverWish:
    exact = draw(st.sampled_from([None, *UBUNTU_VERSIONS, *DEBIAN_VERSIONS]))
    return DriverWish(
        state=draw(st.sampled_from(["present", "present", "present", "absent"])),
        branch=None if exact else draw(st.sampled_from([535, 570, 580])),
        version=exact,
        kernel_module=draw(st.sampled_from(["auto", "auto", OPEN, PROPRIETARY])),
        components=draw(st.sampled_from(["compute", "desktop"])),
        hold=draw(st.sampled_from([None, True, False])),
        update=draw(st.booleans()),
        module_options=draw(st.sampled_from([None, None, (), (("NVreg_EnableGpuFirmware", "0"),)])),
    )


def archive_of(state: DriverState) -> Archive:
    return ARCHIVES[state.host.distribution]


@settings(max_examples=150, deadline=None, database=None)
@given(nodes(), wishes())
def test_a_plan_keeps_its_promise_and_leaves_nothing_to_do(state: DriverState, wish: DriverWish) -> None:
    found, _asked = settled(state, wish, archive_of(state))
    if found.blockers:
        assert found.steps == ()
        assert all(blocker.what and blocker.which and blocker.next for blocker in found.blockers)
        return
    after = carried_out(state, found, archive_of(state))
    assert differences(found.promised(), summary(after)) == []
    wish = standing(wish)
    again = plan(after, wish, {})
    assert again.steps == () and again.blockers == () and again.questions == ()
    assert again.reboot_reasons == found.reboot_reasons
    if KERNEL in after.headers:
        assert plan(rebooted(after), wish, {}).reboot_reasons == ()


@settings(max_examples=50, deadline=None, database=None)
@given(nodes(), wishes())
def test_the_same_state_gives_the_same_plan(state: DriverState, wish: DriverWish) -> None:
    assert settled(state, wish, archive_of(state)) == settled(state, wish, archive_of(state))


@settings(max_examples=50, deadline=None, database=None)
@given(nodes(), wishes())
def test_every_step_says_what_and_why(state: DriverState, wish: DriverWish) -> None:
    found, _asked = settled(state, wish, archive_of(state))
    for step in found.steps:
        assert step.phase and step.what and step.why


@settings(max_examples=60, deadline=None, database=None)
@given(nodes(), wishes(), st.integers(0, 20))
def test_a_cut_between_two_steps_is_completed_by_the_next_run(
    state: DriverState, wish: DriverWish, done: int
) -> None:
    found, _asked = settled(state, wish, archive_of(state))
    cut = carried_out(state, replace(found, steps=found.steps[:done]), archive_of(state))
    rest, _asked = settled(cut, wish, archive_of(state))
    if found.blockers or rest.blockers:
        return
    after = carried_out(cut, rest, archive_of(state))
    again = plan(after, standing(wish), {})
    assert again.steps == () and again.questions == ()
