# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No reboot into a default kernel without the driver's module: planned for, else said, else refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.families import family_for
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import kernels
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.apply import build_modules
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    DriverState,
    Module,
    Trust,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import Build, Target
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, Install
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.tests.unit.support.archive import ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import (
    KERNEL,
    OTHER_KERNEL,
    gpus,
    ubuntu,
    with_driver,
)
from ansible_collections.labfleet.gpu.tests.unit.support.planning import refusal, settled
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

VERSION = "580.95.05"
NEWEST = "580.105.08"
WISH = DriverWish(branch=580)
MODULE = Module(VERSION, OPEN)
BUILD = "nvidia/%s, %s" % (VERSION, OTHER_KERNEL)
ERROR = "nv.c:12:5: error: implicit declaration"
LOG = "/var/lib/dkms/nvidia/%s/build/make.log" % VERSION


def two_kernels(**changes: Any) -> DriverState:
    """No driver; the newer of two kernels is the default, and has headers too."""
    values = {
        "bootable": (KERNEL, OTHER_KERNEL),
        "headers": (KERNEL, OTHER_KERNEL),
        "boot_kernel": OTHER_KERNEL,
        "on_disk": {KERNEL: None, OTHER_KERNEL: None},
    }
    return ubuntu(**dict(values, **changes))


def installed(loaded: bool = True, built: bool = False, **changes: Any) -> DriverState:
    state = with_driver(two_kernels(), VERSION, loaded=loaded)
    return replace(state, on_disk={KERNEL: MODULE, OTHER_KERNEL: MODULE if built else None}, **changes)


def failed(**changes: Any) -> DriverState:
    return installed(dkms={BUILD: "failed"}, build_errors={BUILD: ERROR}, **changes)


def builds(found: Plan) -> List[Build]:
    return [step.data for step in found.steps if step.action == "build-modules"]


def test_the_default_kernel_gets_its_module_with_the_driver_and_last() -> None:
    third = "6.11.0-9-generic"
    state = two_kernels(
        bootable=(KERNEL, OTHER_KERNEL, third),
        headers=(KERNEL, OTHER_KERNEL, third),
        boot_kernel=OTHER_KERNEL,
    )
    found, _asked = settled(state, WISH, ubuntu_archive(KERNEL))
    assert builds(found) == [Build(third, NEWEST), Build(OTHER_KERNEL, NEWEST)]
    assert not found.warnings


def test_headers_that_can_be_had_are_installed() -> None:
    found, _asked = settled(two_kernels(headers=(KERNEL,)), WISH, ubuntu_archive(KERNEL, OTHER_KERNEL))
    (install,) = [step.data for step in found.steps if isinstance(step.data, Install)]
    assert "linux-headers-" + OTHER_KERNEL in install.targets
    assert builds(found) == [Build(OTHER_KERNEL, NEWEST)] and not found.warnings


def test_a_new_default_kernel_is_built_for_where_all_else_is_right() -> None:
    found = plan(installed(), WISH, {})
    assert builds(found) == [Build(OTHER_KERNEL, VERSION)] and not found.warnings
    assert plan(installed(built=True), WISH, {}) == Plan()


def test_a_reboot_is_asked_for_where_the_default_kernel_has_the_module() -> None:
    moved = installed(built=True, loaded=True)
    moved = replace(moved, loaded=Module("570.133.20", OPEN))
    assert len(plan(moved, WISH, {}).reboot_reasons) == 1


@pytest.mark.parametrize(
    "state, why, todo",
    [
        (
            failed(),
            "DKMS failed to build it: %s, in %s" % (ERROR, LOG),
            "mend that and run 'dkms install nvidia/%s -k %s'" % (VERSION, OTHER_KERNEL),
        ),
        (
            installed(headers=(KERNEL,)),
            "neither its modules nor its headers are installed or in a configured source",
            "add the source that has linux-headers-%s or its signed modules, and run this again"
            % OTHER_KERNEL,
        ),
    ],
)
def test_a_driver_that_works_stays_with_a_warning_and_else_is_refused(
    state: DriverState, why: str, todo: str
) -> None:
    text = (
        "The next boot takes kernel %s, which has no module of driver %s (%s): %s, or make kernel %s the "
        % (
            OTHER_KERNEL,
            VERSION,
            why,
            todo,
            KERNEL,
        )
    )
    text += "default (GRUB_DEFAULT in /etc/default/grub)"
    archive = ubuntu_archive(KERNEL)
    works, _asked = settled(state, WISH, archive)
    assert (works.steps, works.blockers, works.warnings) == ((), (), (text + ".",))
    assert set(works.reasons) <= set(works.lasting), "what no source closes is no failure of a run"

    waiting = replace(state, loaded=Module("570.133.20", OPEN))
    found, _asked = settled(waiting, WISH, archive)
    assert refusal(found) == text and not found.reboot_reasons


def test_where_a_reboot_would_be_needed_it_is_refused_before_any_step() -> None:
    state = two_kernels(headers=(KERNEL,))
    taken = replace(state, host=replace(state.host, pci=gpus("Hopper", driver="nouveau")))
    found, _asked = settled(taken, WISH, ubuntu_archive(KERNEL))
    assert "which has no module of driver %s (neither its modules nor its headers" % NEWEST in refusal(found)
    free, _asked = settled(state, WISH, ubuntu_archive(KERNEL))
    assert free.steps and not free.reboot_reasons
    assert [text for text in free.warnings if "The next boot takes kernel" in text]


def test_a_new_version_is_tried_where_the_old_one_failed() -> None:
    wish = DriverWish(version=NEWEST)
    found, _asked = settled(failed(), wish, ubuntu_archive(KERNEL))
    assert builds(found) == [Build(OTHER_KERNEL, NEWEST)] and not found.blockers


def test_the_running_kernel_is_the_default_and_cannot_have_the_module() -> None:
    state = installed(loaded=False, boot_kernel=KERNEL, headers=(OTHER_KERNEL,))
    state = replace(state, on_disk={KERNEL: None, OTHER_KERNEL: MODULE})
    text = refusal(plan(state, WISH, {}))
    assert "takes kernel %s," % KERNEL in text and "or make kernel %s the default" % OTHER_KERNEL in text


def test_no_other_kernel_is_named_that_has_no_module_either() -> None:
    state = installed(headers=(KERNEL,))
    state = replace(state, on_disk={})
    trouble = kernels.boot_trouble(state, VERSION)
    assert trouble is not None and "GRUB_DEFAULT" not in trouble.next
    trouble = kernels.boot_trouble(state, VERSION, coming=(KERNEL,))
    assert trouble is not None and "make kernel %s the default" % KERNEL in trouble.next


def test_a_module_that_the_kernel_would_not_load_is_none() -> None:
    trust = Trust("Secure Boot is on", ("Canonical Ltd.: 12",), None, "/var/lib/dkms/mok.pub")
    state = installed(built=True, trust=trust)
    assert (
        "driver %s for kernel %s is not signed" % (VERSION, OTHER_KERNEL) in plan(state, WISH, {}).warnings[0]
    )


@pytest.mark.parametrize(
    "state",
    [
        failed(boot_kernel=None),
        replace(failed(), host=replace(failed().host, pci=())),
        installed(built=True),
        replace(failed(), boot_kernel=KERNEL),
    ],
)
def test_nothing_is_said_where_nothing_is_known_or_wrong(state: DriverState) -> None:
    assert kernels.boot_trouble(state, VERSION) is None
    assert plan(state, WISH, {}) == Plan()


@pytest.mark.parametrize(
    "name, known", [("linux-modules-nvidia-580-open-", True), ("linux-modules-nvidia-580-", False)]
)
def test_a_module_that_the_distribution_built_comes_with_its_package(name: str, known: bool) -> None:
    family = family_for("ubuntu", "ubuntu", 580, False)
    assert family is not None
    install = Install((name + OTHER_KERNEL + "=6.8.0-90.91", "nvidia-utils-580"), False)
    found = Plan(steps=(Step("packages", "install", "", "", install),), reboot_reasons=("loaded is another",))
    guarded = kernels.guarded(found, two_kernels(headers=()), Target(family, WISH, OPEN), VERSION, built=True)
    assert (guarded == found) is known
    assert bool(guarded.blockers) is not known


def test_plans_that_are_not_at_their_end_are_left_alone() -> None:
    family = family_for("nvidia", "ubuntu", 580, False)
    assert family is not None
    target = Target(family, WISH, OPEN)
    for found in (Plan(questions=(1,), reboot_reasons=("x",)), Plan(replan=True, reboot_reasons=("x",))):
        assert kernels.guarded(found, failed(), target, VERSION, built=True) is found


@pytest.mark.parametrize("default", [True, False])
def test_a_failed_build_says_whether_it_is_for_the_default_kernel(tree: Tree, default: bool) -> None:
    tree.write("/var/lib/dkms/nvidia/no.such.version/source/dkms.conf")
    tree.write("/boot/vmlinuz-" + OTHER_KERNEL)
    if not default:
        tree.write("/boot/vmlinuz-6.11.0-1-generic")
    with module() as ansible_module:
        context = Context(Commands(ansible_module), tree.files, [])
        build_modules(context, Build(OTHER_KERNEL, "no.such.version"))
    (warning,) = context.warnings
    assert warning.startswith("Failed to build the kernel modules for " + OTHER_KERNEL)
    assert ("which is the default of the next boot" in warning) is default


def test_headers_that_can_be_had_for_the_default_kernel_are_installed() -> None:
    found, _asked = settled(installed(headers=(KERNEL,)), WISH, ubuntu_archive(KERNEL, OTHER_KERNEL))
    (data,) = [step.data for step in found.steps if step.action == "install"]
    assert "linux-headers-%s" % OTHER_KERNEL in data.targets
    assert found.reasons == ("the headers of the kernel of the next boot, %s are missing" % OTHER_KERNEL,)
    assert found.lasting == () and not found.warnings
