# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""state: absent takes the driver set and our own files, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    OWN_FILES,
    PIN_PATH,
    DriverState,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Names, RemoveFile
from ansible_collections.labfleet.gpu.plugins.module_utils._own_sources import (
    KEY_PATH,
    SOURCE_PATH,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskClients,
    AskPurge,
    Client,
    Clients,
)
from ansible_collections.labfleet.gpu.tests.unit.support.archive import ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import debian, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import (
    actions,
    carried_out,
    refusal,
    settled,
)

ABSENT = DriverWish(state="absent")
ARCHIVE = ubuntu_archive()


def test_nothing_there_nothing_to_do() -> None:
    found = plan(ubuntu(), ABSENT, {})
    assert (found.steps, found.questions, found.blockers, found.reboot_reasons) == ((), (), (), ())


@pytest.mark.parametrize("state", [with_driver(ubuntu(), "580.95.05"), with_driver(debian(), "535.261.03")])
def test_the_whole_set_goes_at_once(state: DriverState) -> None:
    found, asked = settled(state, ABSENT, ARCHIVE)
    assert asked == [AskClients(), AskPurge(tuple(sorted(each.name for each in state.packages)))]
    assert found.steps[0].data == Names(tuple(sorted(each.name for each in state.packages)))
    pinned = state.own_files[PIN_PATH] is not None
    assert [step.data for step in found.steps[1:]] == [RemoveFile(PIN_PATH)] * pinned
    none = dict.fromkeys(("branch", "version", "kernel_module", "source"))
    assert found.promised() == dict(none, packages=[], held=[])
    assert found.foretold() == dict(none, packages=[], held=[], library_version=None, module_on_disk=None)
    assert found.reboot_reasons[0].startswith("Kernel module %s stays loaded" % state.library)


def test_our_files_go_with_it_and_others_stay() -> None:
    own: Dict[str, Optional[str]] = {path: None for path in OWN_FILES}
    own.update({SOURCE_PATH: "x", KEY_PATH: "y", PIN_PATH: "z"})
    state = with_driver(ubuntu(), "580.95.05", own_files=own, loaded=False)
    found, _asked = settled(state, ABSENT, ARCHIVE)
    assert actions(found) == ["purge", "remove-file", "remove-file", "remove-file"]
    assert {step.data for step in found.steps[1:]} == {
        RemoveFile(path) for path in (SOURCE_PATH, KEY_PATH, PIN_PATH)
    }
    assert plan(carried_out(state, found, ARCHIVE), ABSENT, {}).steps == ()


def test_a_source_that_toolkits_have_outlives_the_driver() -> None:
    own: Dict[str, Optional[str]] = {path: None for path in OWN_FILES}
    own.update({SOURCE_PATH: "x", KEY_PATH: "y", PIN_PATH: "z"})
    state = with_driver(ubuntu(), "580.95.05", own_files=own, loaded=False)
    found, _asked = settled(replace(state, source_users=("cuda-toolkit-12-8",)), ABSENT, ARCHIVE)
    assert [step.data for step in found.steps[1:]] == [RemoveFile(PIN_PATH)]


def test_what_a_removal_left_is_purged() -> None:
    state = ubuntu(packages=(Package("nvidia-utils-550", "550.54.15-0ubuntu1", "deinstall", "config-files"),))
    assert [step.data for step in settled(state, ABSENT, ARCHIVE)[0].steps] == [Names(("nvidia-utils-550",))]


def test_software_that_needs_the_driver_is_named_and_stays() -> None:
    archive = ubuntu_archive()
    archive.dependents = {"python3-pycuda": "libnvidia-compute-580"}
    found, _asked = settled(with_driver(ubuntu(), "580.95.05"), ABSENT, archive)
    assert "python3-pycuda" in refusal(found)


def test_an_interrupted_run_is_finished_before() -> None:
    state = with_driver(ubuntu(), "580.95.05", loaded=False, unsettled=("nvidia-dkms-580-open",))
    found = plan(state, ABSENT, {})
    assert actions(found) == ["finish-dpkg"] and found.replan
    assert "nvidia-dkms-580-open" in found.steps[0].why


def test_running_work_is_not_disturbed_without_consent() -> None:
    state = with_driver(ubuntu(), "580.95.05")
    archive = ubuntu_archive()
    archive.fixed[AskClients] = Clients((Client(4711, "research", "python3"),))
    assert "4711 (research, python3)" in refusal(settled(state, ABSENT, archive)[0])
    assert actions(settled(state, replace(ABSENT, disrupt_running_work=True), archive)[0])[0] == "purge"


def test_after_the_reboot_nothing_is_left() -> None:
    state = with_driver(ubuntu(), "580.95.05")
    found, _asked = settled(state, ABSENT, ARCHIVE)
    after = carried_out(state, found, ARCHIVE)
    assert plan(after, ABSENT, {}).reboot_reasons != ()
    assert plan(replace(after, loaded=None), ABSENT, {}).reboot_reasons == ()


def test_without_a_gpu_no_reboot_is_asked_for() -> None:
    state = with_driver(ubuntu(), "580.95.05")
    state = replace(state, host=replace(state.host, pci=()))
    assert settled(state, ABSENT, ARCHIVE)[0].reboot_reasons == ()
