# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops a change before its first step: foreign removals, no space, running work, apt, headers."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import DriverState, Module
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import Build
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskClients,
    AskIndex,
    AskSpace,
    AskTransaction,
    Change,
    Client,
    Clients,
    Index,
    Offer,
    Space,
    Transaction,
    Trouble,
)
from ansible_collections.labfleet.gpu.tests.unit.support.archive import PLACES, Archive, ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import (
    KERNEL,
    OTHER_KERNEL,
    ubuntu,
    with_driver,
)
from ansible_collections.labfleet.gpu.tests.unit.support.planning import actions, refusal, settled

WISH = DriverWish(branch=580)
MIB = 1024**2
TRAINING = Clients((Client(4711, "research", "python3"), Client(4712, "root", "ollama")))


def planned(state: DriverState, archive: Archive, wish: DriverWish = WISH) -> Plan:
    return settled(state, wish, archive)[0]


def test_foreign_removals_are_refused_and_named() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskTransaction] = Transaction(
        (Change("nvidia-dkms-580-open", "", "580.105.08-0ubuntu1"),),
        (
            Change("nvidia-dkms-570-open", "570.1", ""),
            Change("libcudnn9-cuda-12", "9.1", ""),
            Change("gdm3", "46", ""),
        ),
        1,
        1,
    )
    message = refusal(planned(ubuntu(), archive))
    assert message.startswith("apt would have to remove other software (libcudnn9-cuda-12, gdm3): ")


@pytest.mark.parametrize(
    "free, expected",
    [
        ({"/": 2000 * MIB}, None),
        ({"/": 1836 * MIB}, None),
        ({"/": 1835 * MIB}, "/ has 1835 MiB, needed are 1836 MiB"),
        ({"/": 1400 * MIB, "/var": 900 * MIB}, None),
        ({"/": 1023 * MIB, "/var": 900 * MIB}, "/ has 1023 MiB, needed are 1024 MiB"),
        ({"/": 1400 * MIB, "/var": 800 * MIB}, "/var has 800 MiB, needed are 812 MiB"),
    ],
)
def test_space_is_added_up_by_mount(free: Dict[str, int], expected: Optional[str]) -> None:
    """300 MiB to fetch and 512 MiB to build in under /var, 1 GiB to install under /usr."""
    archive = ubuntu_archive(KERNEL)
    var = "/var" if "/var" in free else "/"
    archive.fixed[AskSpace] = Space(
        {
            "/var/cache/apt/archives": (var, free[var]),
            "/usr": ("/", free["/"]),
            "/var/lib/dkms": (var, free[var]),
        }
    )
    found = planned(ubuntu(), archive)
    if expected is None:
        assert "install" in actions(found)
    else:
        assert refusal(found) == "Not enough free space (%s): free some space there" % expected


def test_running_work_is_not_disturbed_without_consent() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskClients] = TRAINING
    state = with_driver(ubuntu(), "570.172.08")
    message = refusal(planned(state, archive))
    assert "4711 (research, python3); 4712 (root, ollama)" in message
    assert message.endswith("let them end, or set disrupt_running_work: true")
    assert "install" in actions(planned(state, archive, replace(WISH, disrupt_running_work=True)))


def test_nobody_is_asked_for_where_no_module_is_loaded() -> None:
    _found, asked = settled(with_driver(ubuntu(), "570.172.08", loaded=False), WISH, ubuntu_archive(KERNEL))
    assert AskClients() not in asked


def test_a_satisfied_node_may_be_busy() -> None:
    assert plan(with_driver(ubuntu(), "580.65.06"), WISH, {}).questions == ()


def test_every_obstacle_is_told_at_once() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskClients] = TRAINING
    archive.fixed[AskSpace] = Space({path: ("/", 1) for path in PLACES})
    found = planned(with_driver(ubuntu(), "570.172.08"), archive)
    assert [blocker.what.split()[0] for blocker in found.blockers] == ["Not", "Programs"]


def test_what_apt_says_is_passed_on() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskTransaction] = Trouble("nvidia-dkms-580-open : Depends: dkms but it is not installable")
    message = refusal(planned(ubuntu(), archive))
    assert message.startswith("apt cannot install this set of packages (driver 580.105.08 from https://")
    assert message.endswith("Depends: dkms but it is not installable")


def test_warnings_of_the_index_are_passed_on() -> None:
    archive = ubuntu_archive(KERNEL)
    warning = "Failed to fetch http://other.example.org/debian/dists/bookworm/InRelease"
    offers = {name: tuple(Offer(row.version, row.uri) for row in rows) for name, rows in archive.rows.items()}
    archive.fixed[AskIndex] = Index(offers, (warning,))
    assert planned(ubuntu(), archive).warnings == (warning,)


def test_headers_in_the_archive_are_installed() -> None:
    found = planned(ubuntu(headers=()), ubuntu_archive(KERNEL))
    (install,) = [step for step in found.steps if step.action == "install"]
    assert "linux-headers-" + KERNEL in install.data.targets
    assert found.promised()["module_on_disk"] == "580.105.08"


def test_headers_nowhere_are_refused() -> None:
    message = refusal(planned(ubuntu(headers=()), ubuntu_archive()))
    assert "(linux-headers-%s for kernel %s)" % (KERNEL, KERNEL) in message
    assert message.endswith("or add the source that has its headers")


@pytest.mark.parametrize("there", [True, False])
def test_headers_of_another_kernel_that_can_be_booted_are_enough(there: bool) -> None:
    state = ubuntu(headers=(OTHER_KERNEL,) if there else (), bootable=(KERNEL, OTHER_KERNEL))
    found = planned(state, ubuntu_archive(OTHER_KERNEL))
    (install,) = [step for step in found.steps if step.action == "install"]
    assert ("linux-headers-" + OTHER_KERNEL in install.data.targets) is not there
    assert [step.data for step in found.steps if step.action == "build-modules"] == [
        Build(OTHER_KERNEL, "580.105.08")
    ]
    assert "module_on_disk" not in found.promised()


def test_headers_of_a_kernel_that_cannot_be_booted_are_not() -> None:
    state = ubuntu(headers=(OTHER_KERNEL,), bootable=(KERNEL,))
    assert "headers of the running kernel" in refusal(planned(state, ubuntu_archive()))


def test_a_new_kernel_without_headers_gets_them() -> None:
    """The driver is right, but the kernel that was booted has no headers and so no module."""
    state = with_driver(ubuntu(), "580.105.08", headers=(OTHER_KERNEL,), on_disk={KERNEL: None}, loaded=False)
    found = planned(state, ubuntu_archive(KERNEL))
    (install,) = [step for step in found.steps if step.action == "install"]
    assert install.data.targets[-1] == "linux-headers-" + KERNEL
    assert install.why == "the headers of the running kernel %s are missing" % KERNEL


def test_a_kernel_with_headers_and_without_module_is_built_for() -> None:
    state = with_driver(
        ubuntu(),
        "580.105.08",
        headers=(KERNEL, OTHER_KERNEL),
        bootable=(KERNEL, OTHER_KERNEL),
        on_disk={KERNEL: Module("580.65.06", "open"), OTHER_KERNEL: Module("580.65.06", "open")},
    )
    found = plan(state, WISH, {})
    built = Build(KERNEL, "580.105.08")
    assert [(step.action, step.data) for step in found.steps] == [("build-modules", built)]


def test_where_the_running_kernel_has_no_headers_those_are_built_for_that_can_be_booted() -> None:
    state = with_driver(
        ubuntu(),
        "580.105.08",
        headers=(OTHER_KERNEL,),
        bootable=(OTHER_KERNEL,),
        loaded=False,
    )
    found = plan(state, WISH, {})
    built = Build(OTHER_KERNEL, "580.105.08")
    around = [(step.action, step.data) for step in found.steps if step.phase != "activate"]
    assert around == [("build-modules", built)]


def test_other_peoples_half_configured_packages_are_left_alone_where_nothing_must_change() -> None:
    state = with_driver(ubuntu(), "580.105.08", unsettled=("postfix",))
    assert plan(state, WISH, {}).steps == ()


@pytest.mark.parametrize("names", [("nvidia-dkms-580-open",), ("adduser", "libc6")])
def test_an_interrupted_dpkg_run_is_finished_first(names: Tuple[str, ...]) -> None:
    state = with_driver(ubuntu(), "580.65.06", unsettled=names)
    found = plan(state, replace(WISH, version="580.105.08", branch=None), {})
    assert actions(found) == ["finish-dpkg"]
    assert found.replan
    assert found.steps[0].why == "dpkg was cut off while it worked on " + ", ".join(names)


def test_a_half_installed_set_is_finished_and_then_planned_again() -> None:
    state = ubuntu(
        packages=(Package("nvidia-dkms-580-open", "580.105.08-0ubuntu1", "install", "half-configured"),),
        unsettled=("nvidia-dkms-580-open",),
    )
    assert plan(state, WISH, {}).replan
    assert not plan(replace(state, unsettled=()), WISH, {}).replan
