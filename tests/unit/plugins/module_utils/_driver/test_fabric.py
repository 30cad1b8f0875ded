# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host with NVSwitches or an NVLink5 fabric needs besides the driver."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import fabric
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    FABRIC_PATH,
    FABRIC_UNIT,
    DriverState,
    Module,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import LoadModule, Unit
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Install, WriteFile
from ansible_collections.labfleet.gpu.plugins.module_utils._host import PciDevice
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.tests.unit.support.archive import ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, debian, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import (
    actions,
    carried_out,
    rebooted,
    refusal,
    settled,
)

WISH = DriverWish(branch=580)
COMPANIONS = {"nvlsm": "2025.06.11-1", "infiniband-diags": "50.0-2build2"}
SWITCH = PciDevice("0000:85:00.0", 0x22A3, 0x0680)


def nvlink5(state: DriverState) -> DriverState:
    return replace(state, host=replace(state.host, nvlink5_fabric=True))


def nvswitch(state: DriverState) -> DriverState:
    return replace(state, host=replace(state.host, pci=(*state.host.pci, SWITCH)))


def node(**changes: Any) -> DriverState:
    """A host with the driver and its fabric manager, all of it running."""
    state = with_driver(ubuntu("Blackwell"), "580.95.05")
    manager = tuple(
        Package(name, "580.95.05-1", "install", "installed")
        for name in ("nvidia-fabricmanager", "libnvidia-nscq")
    )
    values: Dict[str, Any] = {
        "packages": (*state.packages, *manager),
        "enabled_units": (FABRIC_UNIT,),
        "companions": COMPANIONS,
        "modules_loaded": ("nvidia", "ib_umad"),
        "own_files": dict(state.own_files, **{FABRIC_PATH: fabric.CONTENT}),
    }
    return replace(state, **dict(values, **changes))


def test_a_bare_nvlink5_host_gets_all_of_it() -> None:
    bare = nvlink5(ubuntu("Blackwell"))
    found, _asked = settled(bare, WISH, ubuntu_archive(KERNEL))
    (install,) = [step.data for step in found.steps if isinstance(step.data, Install)]
    assert {"nvidia-fabricmanager=580.105.08-1", "nvlsm", "infiniband-diags"} <= set(install.targets)
    services = [step.data for step in found.steps if step.phase == "services"]
    assert services == [
        WriteFile(FABRIC_PATH, fabric.CONTENT),
        LoadModule("ib_umad"),
        Unit(FABRIC_UNIT, start=False),
    ]
    assert "ib_umad" in fabric.CONTENT.splitlines()
    after = rebooted(carried_out(bare, found, ubuntu_archive(KERNEL)))
    assert plan(after, WISH, {}).steps == () and plan(after, WISH, {}).questions == ()


def test_an_nvswitch_needs_the_manager_alone() -> None:
    found, _asked = settled(nvswitch(ubuntu()), WISH, ubuntu_archive(KERNEL))
    (install,) = [step.data for step in found.steps if isinstance(step.data, Install)]
    assert "nvidia-fabricmanager=580.105.08-1" in install.targets
    assert not {"nvlsm", "infiniband-diags"} & set(install.targets)
    assert [step.data for step in found.steps if step.phase == "services"] == [Unit(FABRIC_UNIT, False)]


@pytest.mark.parametrize("build", [nvlink5, nvswitch])
def test_a_complete_host_is_left_alone(build: Any) -> None:
    found = plan(build(node()), WISH, {})
    assert (found.steps, found.questions, found.warnings) == ((), (), ())


def test_a_host_without_fabric_gets_none_of_it() -> None:
    state = node(companions={}, modules_loaded=(), enabled_units=(), idle_units=(FABRIC_UNIT,))
    assert plan(state, WISH, {}).steps == ()


def test_ubuntus_other_series_has_no_fabric_manager_and_says_which_has() -> None:
    wish = DriverWish(branch=580, source="ubuntu")
    message = refusal(plan(nvswitch(ubuntu()), wish, {}))
    assert "0000:85:00.0" in message and "server_series: true" in message
    assert not plan(nvswitch(ubuntu()), replace(wish, server_series=True), {}).blockers


def test_what_is_lacking_beside_the_driver_is_installed_alone() -> None:
    state = nvlink5(node(companions={"infiniband-diags": "50.0-2build2"}))
    found, _asked = settled(state, WISH, ubuntu_archive(KERNEL))
    assert found.reasons == ("nvlsm is missing",)
    after = carried_out(state, found, ubuntu_archive(KERNEL))
    assert after.companions == COMPANIONS and after.packages == state.packages
    assert plan(after, WISH, {}).steps == ()


def test_a_manager_of_another_version_is_brought_to_the_drivers() -> None:
    state = nvswitch(node())
    packages = tuple(
        replace(each, version="580.65.06-1") if each.name == "nvidia-fabricmanager" else each
        for each in state.packages
    )
    found, _asked = settled(replace(state, packages=packages), WISH, ubuntu_archive(KERNEL))
    assert found.reasons == ("nvidia-fabricmanager has version 580.65.06-1",)
    (install,) = [step.data for step in found.steps if isinstance(step.data, Install)]
    assert "nvidia-fabricmanager=580.95.05-1" in install.targets


def test_the_module_is_loaded_where_it_is_not() -> None:
    assert [step.data for step in plan(nvlink5(node(modules_loaded=())), WISH, {}).steps] == [
        LoadModule("ib_umad")
    ]


@pytest.mark.parametrize(
    "loaded, started",
    [("580.95.05", [Unit(FABRIC_UNIT, True)]), ("570.133.20", []), (None, [])],
)
def test_an_idle_manager_is_started_with_its_own_driver_only(
    loaded: "str | None", started: "list[Unit]"
) -> None:
    state = nvswitch(node(idle_units=(FABRIC_UNIT,), loaded=Module(loaded, "open") if loaded else None))
    # What else is done there (loading the module, a reboot) is not of the fabric.
    assert [step.data for step in fabric.steps(state, target_of(state), "580.95.05")] == started


def test_the_manager_is_not_started_under_a_driver_that_is_to_change() -> None:
    state = nvswitch(node(enabled_units=()))
    assert fabric.steps(state, target_of(state), "580.105.08")[0].data == Unit(FABRIC_UNIT, False)
    assert fabric.steps(state, target_of(state), "580.95.05")[0].data == Unit(FABRIC_UNIT, True)


def test_a_source_without_nvlsm_is_refused_before_any_step() -> None:
    archive = ubuntu_archive(KERNEL)
    del archive.rows["nvlsm"]
    found, _asked = settled(nvlink5(ubuntu("Blackwell")), WISH, archive)
    assert "nvlsm" in refusal(found) and "NVIDIA's repository" in refusal(found)
    # Where it is installed already, no source must have it.
    state = replace(nvlink5(ubuntu("Blackwell")), companions=COMPANIONS)
    assert not settled(state, WISH, archive)[0].blockers


def test_a_source_without_any_manager_is_refused() -> None:
    found = plan(nvswitch(debian()), DriverWish(branch=535), {})
    assert "0000:85:00.0" in refusal(found) and "use source: nvidia" in refusal(found)
    assert "install" not in actions(found)


def target_of(state: DriverState) -> Any:
    from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import Target

    assert state.installed is not None
    return Target(state.installed.family, WISH, state.installed.flavour)
