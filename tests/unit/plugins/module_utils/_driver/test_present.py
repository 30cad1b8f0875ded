# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed and what is wished: left alone, upgraded, downgraded, or changed in branch or flavour."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    FABRIC_UNIT,
    DriverState,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import Unit
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Install
from ansible_collections.labfleet.gpu.plugins.module_utils._host import PciDevice
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskTransaction
from ansible_collections.labfleet.gpu.tests.unit.support.archive import debian_archive, ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, debian, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import (
    actions,
    carried_out,
    refusal,
    settled,
)

ARCHIVE = ubuntu_archive(KERNEL)


def installing(state: DriverState, wish: DriverWish) -> Install:
    """The data of the plan's only install step."""
    found, _asked = settled(state, wish, ARCHIVE)
    (step,) = [step for step in found.steps if step.action == "install"]
    assert isinstance(step.data, Install)
    return step.data


@pytest.mark.parametrize(
    "wish",
    [
        DriverWish(branch=570),
        DriverWish(branch=570, source="nvidia"),
        DriverWish(branch=570, kernel_module=OPEN),
        DriverWish(branch=570, hold=False),
    ],
)
def test_satisfied_needs_no_step_and_no_question(wish: DriverWish) -> None:
    found = plan(with_driver(ubuntu(), "570.133.20"), wish, {})
    assert (found.steps, found.questions, found.blockers, found.reboot_reasons) == ((), (), (), ())


def test_debian_is_satisfied_although_its_persistence_daemon_has_a_version_of_its_own() -> None:
    found = plan(with_driver(debian(), "535.261.03", PROPRIETARY), DriverWish(branch=535), {})
    assert (found.steps, found.questions, found.blockers) == ((), (), ())


def test_a_fresh_node_gets_the_newest_of_the_branch() -> None:
    found, _asked = settled(ubuntu(), DriverWish(branch=580), ARCHIVE)
    assert actions(found) == [
        *("write-file", "write-file", "refresh-index", "write-file", "install"),
        *("load-modules", "start-units"),
    ]
    install = found.steps[4]
    assert install.what == "install driver 580.105.08 (open kernel module): 10 packages"
    assert install.why == "no driver is installed"
    assert set(install.data.targets) == {
        "nvidia-headless-580-open=580.105.08-0ubuntu1",
        "nvidia-utils-580=580.105.08-0ubuntu1",
        "libnvidia-cfg1-580=580.105.08-0ubuntu1",
        "libnvidia-compute-580=580.105.08-0ubuntu1",
        "nvidia-dkms-580-open=580.105.08-0ubuntu1",
    }
    promised = found.promised()
    assert (promised["version"], promised["branch"], promised["kernel_module"]) == ("580.105.08", 580, "open")
    assert promised["module_on_disk"] == promised["library_version"] == "580.105.08"
    assert found.reboot_reasons == (), (
        "nothing is loaded and nothing in the way: the driver is loaded at once"
    )


def test_desktop_components() -> None:
    wish = DriverWish(branch=570, components="desktop", kernel_module=PROPRIETARY)
    names = ("nvidia-driver-570", "nvidia-dkms-570", "libnvidia-compute-570")
    assert set(installing(ubuntu(), wish).targets) == {name + "=570.172.08-0ubuntu1" for name in names}


@pytest.mark.parametrize(
    "branch, names",
    [
        (570, ("nvidia-fabricmanager-570=570.172.08-1", "libnvidia-nscq-570=570.172.08-1")),
        (580, ("nvidia-fabricmanager=580.105.08-1", "libnvidia-nscq=580.105.08-1")),
    ],
)
@pytest.mark.parametrize("switch", [True, False])
def test_a_fabric_gets_its_manager_at_the_same_version(
    branch: int, names: "tuple[str, ...]", switch: bool
) -> None:
    """With an NVSwitch on the PCI bus, and with an NVLink5 fabric, which is not on it."""
    state = ubuntu()
    pci = (*state.host.pci, PciDevice("0000:85:00.0", 0x22A3, 0x0680)) if switch else state.host.pci
    state = replace(state, host=replace(state.host, pci=pci, nvlink5_fabric=not switch))
    assert set(names) <= set(installing(state, DriverWish(branch=branch)).targets)


@pytest.mark.parametrize("fabric, enabled", [(True, ()), (True, (FABRIC_UNIT,)), (False, ())])
def test_the_fabric_manager_starts_at_boot(fabric: bool, enabled: "tuple[str, ...]") -> None:
    state = ubuntu(enabled_units=enabled)
    state = replace(state, host=replace(state.host, nvlink5_fabric=fabric))
    found, _asked = settled(state, DriverWish(branch=570), ARCHIVE)
    units = [step.data for step in found.steps if step.action == "enable-unit"]
    assert units == ([Unit(FABRIC_UNIT, start=False)] if fabric and not enabled else [])


def test_a_branch_change_takes_the_fabric_manager_along() -> None:
    state = with_driver(ubuntu(), "570.172.08")
    fabric = tuple(
        Package(name, "570.172.08-1", "install", "installed")
        for name in ("nvidia-fabricmanager-570", "libnvidia-nscq-570")
    )
    state = replace(state, packages=(*state.packages, *fabric), host=replace(state.host, nvlink5_fabric=True))
    targets = installing(state, DriverWish(branch=580)).targets
    assert {"nvidia-fabricmanager-570-", "nvidia-fabricmanager=580.105.08-1"} <= set(targets)


def test_what_is_missing_of_the_set_is_said() -> None:
    state = with_driver(ubuntu(), "570.172.08")
    state = replace(state, packages=tuple(each for each in state.packages if each.name != "nvidia-utils-570"))
    found, _asked = settled(state, DriverWish(branch=570), ARCHIVE)
    assert found.steps[-1].why == "nvidia-utils-570 is missing"


def test_a_stray_version_within_the_set_is_said() -> None:
    state = with_driver(ubuntu(), "570.172.08")
    packages = tuple(
        replace(each, version="570.133.20-0ubuntu1") if each.name == "nvidia-utils-570" else each
        for each in state.packages
    )
    found, _asked = settled(replace(state, packages=packages), DriverWish(branch=570), ARCHIVE)
    assert found.steps[-1].why == "nvidia-utils-570 has version 570.133.20-0ubuntu1"


def test_update_asks_for_the_newest() -> None:
    data = installing(with_driver(ubuntu(), "580.65.06"), DriverWish(branch=580, update=True))
    assert "nvidia-dkms-580-open=580.105.08-0ubuntu1" in data.targets
    assert not data.downgrade


def test_update_of_the_newest_changes_nothing() -> None:
    found, asked = settled(with_driver(ubuntu(), "580.105.08"), DriverWish(branch=580, update=True), ARCHIVE)
    assert found.steps == () and asked != []


def test_an_exact_version_and_its_pin() -> None:
    found, _asked = settled(with_driver(ubuntu(), "580.65.06"), DriverWish(version="580.95.05"), ARCHIVE)
    assert actions(found) == [
        *("write-file", "write-file", "refresh-index"),
        *("write-file", "write-file", "keep-former", "install"),
    ]
    assert "Pin: version 580.95.05-*" in found.steps[3].data.content
    assert not found.steps[-1].data.downgrade


def test_a_downgrade_is_allowed_to_apt() -> None:
    data = installing(with_driver(ubuntu(), "580.105.08"), DriverWish(version="580.65.06"))
    assert data.downgrade
    assert "nvidia-utils-580=580.65.06-0ubuntu1" in data.targets


@pytest.mark.parametrize(
    "old, new, flavour", [("580.65.06", "580.105.08", OPEN), ("580.105.08", "570.172.08", PROPRIETARY)]
)
def test_a_plan_from_one_version_to_another_keeps_every_package_at_one(
    old: str, new: str, flavour: str
) -> None:
    state = with_driver(ubuntu("Ampere"), old, flavour)
    wish = DriverWish(version=new)
    found, _asked = settled(state, wish, ARCHIVE)
    after = carried_out(state, found, ARCHIVE)
    versions = {each.version for each in after.packages if each.installed and each.name != "nvidia-modprobe"}
    assert versions == {new + "-0ubuntu1"}
    assert summary(after)["kernel_module"] == flavour


def test_a_branch_change_removes_the_former_branch() -> None:
    state = with_driver(ubuntu(), "570.172.08")
    data = installing(state, DriverWish(branch=580))
    former = {each.name + "-" for each in state.packages if each.name != "nvidia-modprobe"}
    assert {target for target in data.targets if target.endswith("-")} == former
    found, _asked = settled(state, DriverWish(branch=580), ARCHIVE)
    after = carried_out(state, found, ARCHIVE)
    assert [each.name for each in after.packages if each.installed and "570" in each.name] == []


def test_a_flavour_change_removes_the_other_flavour_only() -> None:
    state = with_driver(ubuntu("Ampere"), "580.105.08", OPEN)
    data = installing(state, DriverWish(branch=580, kernel_module=PROPRIETARY))
    assert sorted(target for target in data.targets if target.endswith("-")) == [
        "nvidia-dkms-580-open-",
        "nvidia-headless-580-open-",
        "nvidia-headless-no-dkms-580-open-",
        "nvidia-kernel-source-580-open-",
    ]
    assert "nvidia-utils-580=580.105.08-0ubuntu1" in data.targets


def test_debian_changes_its_flavour() -> None:
    state = with_driver(debian(), "535.261.03", PROPRIETARY)
    archive = debian_archive(KERNEL)
    found, _asked = settled(state, DriverWish(branch=535, kernel_module=OPEN), archive)
    after = carried_out(state, found, archive)
    assert summary(after)["kernel_module"] == "open"
    assert after.version_of("nvidia-kernel-dkms") is None


def test_why_says_everything_that_differs() -> None:
    found, _asked = settled(
        with_driver(ubuntu("Ampere"), "570.172.08", OPEN),
        DriverWish(branch=580, kernel_module=PROPRIETARY),
        ARCHIVE,
    )
    assert found.steps[-1].why == "driver 570.172.08 is installed; the open kernel module is installed"


@pytest.mark.parametrize(
    "wish, parts",
    [
        (
            DriverWish(branch=575),
            (
                "branch 575 with the open kernel module in ",
                "choose from 570 (570.172.08, 570.133.20); 580 (580.105.08",
            ),
        ),
        (
            DriverWish(version="580.1.01"),
            ("version 580.1.01 with the open", "580 (580.105.08, 580.95.05, 580.65.06)"),
        ),
    ],
)
def test_a_version_that_is_not_there_names_those_that_are(wish: DriverWish, parts: "tuple[str, ...]") -> None:
    found, asked = settled(ubuntu(), wish, ARCHIVE)
    assert all(part in refusal(found) for part in parts)
    assert not any(isinstance(question, AskTransaction) for question in asked)


@pytest.mark.parametrize("missing", [False, True])
def test_a_mirror_that_is_behind_is_no_reason_to_go_back(missing: bool) -> None:
    state = with_driver(ubuntu(), "580.178.04")
    if missing:
        packages = tuple(each for each in state.packages if each.name != "nvidia-utils-580")
        found, _asked = settled(replace(state, packages=packages), DriverWish(branch=580), ARCHIVE)
        assert "only older drivers" in refusal(found) and "580.178.04" in refusal(found)
        assert "580.105.08; nvidia-utils-580 is missing" in refusal(found) and "set version:" in refusal(
            found
        )
    else:
        found, _asked = settled(state, DriverWish(branch=580, update=True), ARCHIVE)
        assert (found.steps, found.blockers) == ((), ())
