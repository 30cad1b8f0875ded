# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver of which files were removed by hand, or packages by force: seen, and mended at its version."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    FORMER_PATH,
    PIN_PATH,
    DriverState,
    find_installed,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskClients,
    AskTransaction,
    Client,
    Clients,
)
from ansible_collections.labfleet.gpu.tests.unit.support.archive import (
    Archive,
    debian_archive,
    ubuntu_archive,
)
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import (
    KERNEL,
    OTHER_KERNEL,
    debian,
    ubuntu,
    with_driver,
)
from ansible_collections.labfleet.gpu.tests.unit.support.planning import (
    actions,
    carried_out,
    rebooted,
    refusal,
    settled,
)

VERSION = "570.133.20"
WISH = DriverWish(branch=570)
LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"
LOST = {
    "libnvidia-compute-570": (LIBRARY, "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so." + VERSION),
    "nvidia-utils-570": ("/usr/bin/nvidia-smi",),
}
SOURCE = {"nvidia-kernel-source-570-open": ("/usr/src/nvidia-%s/dkms.conf" % VERSION,)}
BUILDER = {"nvidia-dkms-570-open": ("/usr/src/nvidia-%s/dkms.conf" % VERSION,)}


def whole(version: str = VERSION, held: bool = False, **changes: Any) -> DriverState:
    """A node with this driver as our module leaves it, and with the source that it came from."""
    archive, state = ubuntu_archive(KERNEL), ubuntu()
    found, _asked = settled(state, DriverWish(version=version, hold=held or None), archive)
    return replace(rebooted(carried_out(state, found, archive)), **changes)


def planned(
    state: DriverState, wish: DriverWish = WISH, archive: Optional[Archive] = None
) -> Tuple[Plan, List[Any]]:
    return settled(state, wish, archive or ubuntu_archive(KERNEL, OTHER_KERNEL))


def install(found: Plan) -> Any:
    (step,) = [step for step in found.steps if step.action == "install"]
    return step


def without(state: DriverState, unmet: "dict[str, str]") -> DriverState:
    """Packages were removed by force; of some dpkg still has the configuration files."""
    packages = tuple(
        replace(package, want="deinstall", status="config-files") if package.name in unmet else package
        for package in state.packages
    )
    return replace(state, packages=packages, unmet=unmet, installed=find_installed(packages, unmet))


def mended(state: DriverState, wish: DriverWish = WISH, archive: Optional[Archive] = None) -> DriverState:
    """The node afterwards: as foretold, and with nothing left to do."""
    archive = archive or ubuntu_archive(KERNEL, OTHER_KERNEL)
    found, _asked = planned(state, wish, archive)
    after = carried_out(state, found, archive)
    told = summary(after)
    assert {key: told[key] for key in found.promised()} == found.promised()
    again, _asked = planned(after, wish, archive)
    assert (again.steps, again.blockers, again.reboot_reasons) == ((), (), ())
    assert told["lost"] == [] and told["version"] == summary(state)["version"]
    return after


def test_lost_files_are_seen_and_brought_back() -> None:
    state = whole(lost=LOST, library=None)
    found, asked = planned(state)
    step = install(found)
    expected = ("libnvidia-compute-570=570.133.20-0ubuntu1", "nvidia-utils-570=570.133.20-0ubuntu1")
    assert step.data.targets == expected and step.data.reinstall and step.data.held == ()
    assert [each.reinstall for each in asked if isinstance(each, AskTransaction)] == [True]
    assert step.what == "install driver 570.133.20 (open kernel module) again: 2 packages"
    assert step.why == "files of 2 packages are gone, such as %s of libnvidia-compute-570" % LIBRARY
    assert actions(found) == ["refresh-index", "install"], "neither pins nor modules nor services"
    assert summary(state)["lost"] == [
        "libnvidia-compute-570: %s and 1 more" % LIBRARY,
        "nvidia-utils-570: /usr/bin/nvidia-smi",
    ]
    assert (found.promised()["lost"], found.promised()["library_version"]) == ([], VERSION)
    mended(state)


def test_the_reason_is_known_without_a_question() -> None:
    found = plan(whole(lost=LOST), WISH, {})
    assert found.questions and "files of 2 packages are gone" in found.reasons[0]


@pytest.mark.parametrize("lost", [LOST, SOURCE, BUILDER], ids=["libraries", "source", "builder"])
def test_nothing_is_unloaded_and_nobody_is_asked(lost: Any) -> None:
    """The same files under running programs, and a module of the version that is loaded."""
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskClients] = Clients((Client(4711, "alice", "python3"),))
    for wish in (WISH, replace(WISH, disrupt_running_work=True)):
        found, asked = planned(whole(lost=lost), wish, archive)
        assert actions(found) == ["refresh-index", "install"] and found.reboot_reasons == ()
        assert not [question for question in asked if isinstance(question, AskClients)]
    mended(whole(lost=lost))


@pytest.mark.parametrize("name", ["nvidia-fabricmanager-570", "nvidia-imex-570"])
def test_what_is_restarted_by_its_package_waits_for_running_work(name: str) -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskClients] = Clients((Client(4711, "alice", "python3"),))
    state = whole(lost={name: ("/usr/bin/%s" % name,)})
    version = VERSION + "-1"
    archive.rows.setdefault(name, []).append(
        replace(archive.rows["nvidia-modprobe"][0], name=name, version=version)
    )
    state = replace(state, packages=(*state.packages, Package(name, version, "install", "installed")))
    assert "alice" in refusal(planned(state, WISH, archive)[0])
    found, _asked = planned(state, replace(WISH, disrupt_running_work=True), archive)
    assert actions(found) == ["refresh-index", "install"]


def test_the_source_of_the_module_comes_back_alone() -> None:
    """The module itself is still there for each kernel: DKMS need not build it."""
    state = whole(lost=SOURCE, headers=(KERNEL, OTHER_KERNEL), bootable=(KERNEL, OTHER_KERNEL))
    module = state.on_disk[KERNEL]
    state = replace(state, on_disk={KERNEL: module, OTHER_KERNEL: module})
    found, _asked = planned(state)
    assert install(found).data.targets == ("nvidia-kernel-source-570-open=570.133.20-0ubuntu1",)
    assert actions(found) == ["refresh-index", "install"]
    found, _asked = planned(replace(state, on_disk={KERNEL: None, OTHER_KERNEL: module}))
    builds = [step for step in found.steps if step.action == "build-modules"]
    assert [step.data.kernel for step in builds] == [KERNEL]
    found, _asked = planned(replace(state, lost=BUILDER))
    builds = [step for step in found.steps if step.action == "build-modules"]
    assert [step.data.kernel for step in builds] == [OTHER_KERNEL], "its package removes the modules of all"


@pytest.mark.parametrize("version", [VERSION, "570.172.08"])
@pytest.mark.parametrize(
    "name, by",
    [
        ("libnvidia-compute-570", "nvidia-kernel-source-570-open"),
        ("nvidia-compute-utils-570", "nvidia-headless-no-dkms-570-open"),
        ("nvidia-dkms-570-open", "nvidia-headless-570-open"),
    ],
    ids=["library", "tool", "module"],
)
def test_a_package_that_was_removed_by_force_comes_back_at_its_version(
    name: str, by: str, version: str
) -> None:
    state = without(whole(version), {name: by})
    assert state.installed and state.installed.version == version
    found, _asked = planned(state)
    (change,) = [each for each in install(found).data.targets if each.startswith(name + "=")]
    assert change == "%s=%s-0ubuntu1" % (name, version)
    assert name + " is missing" in install(found).why and install(found).why.count(name) == 1
    assert install(found).what.endswith(": 1 package")
    assert summary(state)["lost"] == ["%s: not installed, and %s needs it" % (name, by)]
    assert summary(mended(state))["version"] == version


def test_one_removed_by_force_and_files_of_another() -> None:
    lost = {"nvidia-utils-570": ("/usr/bin/nvidia-smi",)}
    state = without(whole(lost=lost), {"libnvidia-compute-570": "nvidia-utils-570"})
    found, asked = planned(state)
    assert install(found).data.targets == (
        "libnvidia-compute-570=570.133.20-0ubuntu1",
        "nvidia-utils-570=570.133.20-0ubuntu1",
    )
    assert [each.reinstall for each in asked if isinstance(each, AskTransaction)] == [False, True]
    assert install(found).what.endswith(": 2 packages, 1 of them again")
    mended(state)


@pytest.mark.parametrize("hold", [None, True, False])
def test_a_hold_is_as_it_was_or_as_it_is_wished(hold: Optional[bool]) -> None:
    state = whole(lost=LOST, held=True)
    wish = replace(WISH, hold=hold)
    found, _asked = planned(state, wish)
    assert set(install(found).data.held) == (set() if hold is False else set(LOST))
    assert "hold" not in actions(found)
    after = mended(state, wish)
    assert {package.held for package in after.packages} == {hold is not False}
    assert not any(package.held for package in mended(whole(lost=LOST)).packages)


def test_a_held_package_that_was_removed_by_force_is_held_again() -> None:
    state = without(whole(held=True), {"libnvidia-compute-570": "nvidia-utils-570"})
    assert all(package.held for package in mended(state).packages)


def test_the_pin_stays_as_it_is() -> None:
    state = whole(lost=LOST, held=True)
    assert mended(state).own_files[PIN_PATH] == state.own_files[PIN_PATH]


def test_what_no_source_has_any_more_is_refused() -> None:
    """apt would say that all is well, and do nothing."""
    archive = ubuntu_archive(KERNEL)
    archive.withdrawn = (VERSION,)
    said = refusal(planned(whole(lost=LOST), WISH, archive)[0])
    assert "libnvidia-compute-570=570.133.20-0ubuntu1" in said and "update: true" in said
    state = without(whole(), {"libnvidia-compute-570": "nvidia-utils-570"})
    said = refusal(planned(state, WISH, archive)[0])
    assert "libnvidia-compute-570 at version 570.133.20" in said and "update: true" in said
    found, _asked = planned(whole(lost=LOST), replace(WISH, update=True), archive)
    assert "libnvidia-compute-570=570.172.08-0ubuntu1" in _moved(found) and not install(found).data.reinstall


def _moved(found: Plan) -> List[str]:
    return list(found.promised()["packages"])


def test_what_is_kept_here_is_taken_where_no_source_has_it() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.withdrawn = (VERSION,)
    names = [package.name for package in whole().packages]
    kept = {
        VERSION: tuple(
            "%s/%s/%s_%s-0ubuntu1_amd64.deb" % (FORMER_PATH, VERSION, name, VERSION) for name in names
        )
    }
    found, _asked = planned(whole(lost=LOST, kept=kept), WISH, archive)
    expected = [path for path in kept[VERSION] if any("/%s_" % name in path for name in LOST)]
    assert sorted(install(found).data.targets) == sorted(expected) and install(found).data.reinstall
    mended(whole(lost=LOST, kept=kept), WISH, archive)
    state = without(whole(kept=kept), {"libnvidia-compute-570": "nvidia-utils-570"})
    assert install(planned(state, WISH, archive)[0]).data.targets == tuple(sorted(kept[VERSION]))
    mended(state, WISH, archive)
    lacking = {VERSION: kept[VERSION][:1]}
    assert "no source has those versions" in refusal(
        planned(whole(lost=LOST, kept=lacking), WISH, archive)[0]
    )


def test_another_driver_that_is_wished_replaces_it() -> None:
    found, _asked = planned(whole(lost=LOST), DriverWish(branch=580))
    assert "libnvidia-compute-580=580.105.08-0ubuntu1" in _moved(found) and not install(found).data.reinstall
    assert found.promised()["lost"] == []
    found, _asked = planned(whole(lost=LOST), replace(WISH, kernel_module=PROPRIETARY))
    assert "nvidia-utils-570=570.133.20-0ubuntu1" in install(found).data.targets
    assert install(found).data.reinstall and found.promised()["lost"] == []
    mended_other, _asked = planned(whole(lost=LOST), replace(WISH, state="absent"))
    assert "purge" in actions(mended_other)


@pytest.mark.parametrize(
    "name, version", [("nvidia-utils-535", "535.1-0ubuntu1"), ("libnvidia-gl-570", "570.1-1")]
)
def test_what_is_left_over_from_another_driver_is_told_and_stays(name: str, version: str) -> None:
    state = whole(lost={name: ("/usr/bin/x",)})
    state = replace(state, packages=(*state.packages, Package(name, version, "install", "installed")))
    found = plan(state, WISH, {})
    assert (found.steps, found.questions, found.blockers) == ((), (), ())
    assert summary(state)["lost"] == ["%s: /usr/bin/x" % name]


def test_a_tool_with_a_version_of_its_own_on_debian() -> None:
    archive = debian_archive(KERNEL)
    state = with_driver(debian(), "535.261.03", PROPRIETARY)
    wish = DriverWish(branch=535, kernel_module=PROPRIETARY)
    lost = {"nvidia-modprobe": ("/usr/bin/nvidia-modprobe",), "libcuda1": ("/usr/lib/libcuda.so.1",)}
    found, _asked = planned(replace(state, lost=lost), wish, archive)
    assert install(found).data.targets == (
        "libcuda1=535.261.03-1",
        "nvidia-modprobe=535.161.07-1~deb12u1",
    )
    assert actions(found)[-1] == "install" and found.reboot_reasons == ()
    key = without(state, {"nvidia-kernel-dkms": "nvidia-smi"})
    assert key.installed == state.installed
    assert "nvidia-kernel-dkms is missing, which nvidia-smi needs" in plan(key, wish, {}).reasons


def test_an_interrupted_package_run_is_finished_first() -> None:
    found = plan(whole(lost=LOST, unsettled=("nvidia-utils-570",)), WISH, {})
    assert actions(found) == ["finish-dpkg"]
    found = plan(whole(lost=LOST, unsettled=("vim",)), WISH, {})
    assert actions(found) == ["finish-dpkg"]
