# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activation without a reboot: when it is planned, in which order, and when it is left to the reboot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    RESTORE_PATH,
    DriverState,
    Module,
    Nouveau,
    Signature,
    Trust,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskHolders,
    AskVolatile,
    Client,
    Holders,
    Volatile,
)
from ansible_collections.labfleet.gpu.tests.unit.support.archive import ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, gpus, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import actions, carried_out, settled

OLD, NEW = "570.172.08", "580.95.05"
WISH = DriverWish(version=NEW)
CONSENT = DriverWish(version=NEW, disrupt_running_work=True)
ALICE = Client(4711, "alice", "python3")
LOAD = ["load-modules", "start-units"]
SWAP = ["stop-units", "unload-modules", *LOAD]


def mismatch(**changes: Any) -> DriverState:
    """The new driver is installed and built, the old one still loaded."""
    # The pin of an exact version is there, so that nothing but the loaded module differs.
    state = with_driver(ubuntu(), NEW, **dict({"loaded": False}, **changes))
    state = replace(state, loaded=Module(OLD, OPEN))
    archive = ubuntu_archive(KERNEL)
    found, _asked = settled(state, WISH, archive)
    return carried_out(state, found, archive)


def decided(state: DriverState, wish: DriverWish = CONSENT, **answers: Any) -> Plan:
    given: Dict[Any, Any] = {
        AskHolders(): answers.get("holders", Holders()),
        AskVolatile(): answers.get("volatile", Volatile("{}")),
    }
    found = plan(state, wish, given)
    assert not [question for question in found.questions if question not in given]
    return found


def activation(found: Plan) -> List[str]:
    return [step.action for step in found.steps if step.phase == "activate"]


def test_on_a_bare_node_the_driver_is_loaded_without_asking() -> None:
    archive = ubuntu_archive(KERNEL)
    found, asked = settled(ubuntu(), WISH, archive)
    assert actions(found)[-2:] == LOAD and activation(found) == LOAD
    assert found.reboot_reasons == ()
    assert AskHolders() not in asked and AskVolatile() not in asked
    after = carried_out(ubuntu(), found, archive)
    assert summary(after)["loaded_version"] == NEW
    assert plan(after, WISH, {}) == Plan()


def test_the_promise_does_not_say_what_the_kernel_may_refuse() -> None:
    found, _asked = settled(ubuntu(), WISH, ubuntu_archive(KERNEL))
    assert "loaded_version" not in found.promised()


@pytest.mark.parametrize(
    "changes",
    [
        {"host": replace(ubuntu().host, pci=gpus("Hopper", driver="nouveau"))},
        {"host": replace(ubuntu().host, pci=gpus("Hopper", driver="vfio-pci"))},
        {"nouveau": Nouveau(loaded=True, present=True)},
        {"host": replace(ubuntu().host, pci=())},
    ],
)
def test_nothing_is_loaded_beside_another_driver_or_without_a_gpu(changes: Dict[str, Any]) -> None:
    found, _asked = settled(ubuntu(**changes), WISH, ubuntu_archive(KERNEL))
    assert found.steps and activation(found) == []
    takes_over = any(gpu.driver == "nouveau" for gpu in ubuntu(**changes).host.gpus) or "nouveau" in changes
    assert bool(found.reboot_reasons) is takes_over


def test_nothing_is_loaded_where_the_running_kernel_has_no_module() -> None:
    bare = ubuntu(headers=("6.8.0-90-generic",), bootable=("6.8.0-90-generic",))
    found, _asked = settled(bare, WISH, ubuntu_archive())
    assert found.steps and activation(found) == [] and found.reboot_reasons


def test_a_module_that_is_not_loaded_since_the_boot_is_tried_once() -> None:
    """It may have been unloaded by hand; where the kernel refuses it, a reboot would not help."""
    state = with_driver(ubuntu(), NEW, loaded=False, booted=200.0, module_since={KERNEL: 100.0})
    state = replace(state, own_files=mismatch().own_files)
    found = plan(state, WISH, {})
    assert actions(found) == LOAD and not found.blockers and not found.reboot_reasons
    assert plan(carried_out(state, found, ubuntu_archive(KERNEL)), WISH, {}) == Plan()
    refused = plan(replace(state, activation_refused="580.95.05 open\nNo such device\n"), WISH, {})
    assert refused.steps == () and not refused.reboot_reasons
    (blocker,) = refused.blockers
    assert "a reboot would not help" in blocker.what and "No such device" in blocker.which


def passed_through(*drivers: Optional[str], **changes: Any) -> DriverState:
    state = with_driver(ubuntu(), NEW, loaded=False, own_files=mismatch().own_files, **changes)
    found = tuple(replace(gpu, driver=driver) for gpu, driver in zip(gpus("Hopper", "Hopper"), drivers))
    return replace(state, host=replace(state.host, pci=found))


BOOTED: Dict[str, Any] = {"booted": 200.0, "module_since": {KERNEL: 100.0}}


@pytest.mark.parametrize("changes", [{}, BOOTED], ids=["just installed", "booted with it"])
def test_gpus_of_virtual_machines_ask_for_no_reboot(changes: Dict[str, Any]) -> None:
    found = plan(passed_through("vfio-pci", "vfio-pci", **changes), WISH, {})
    assert (found.steps, found.blockers, found.reboot_reasons) == ((), (), ())
    (warning,) = found.warnings
    assert "vfio-pci has every GPU" in warning and "0000:07:00.0, 0000:08:00.0" in warning
    assert "reboot, or leave this host out" in warning


@pytest.mark.parametrize("changes", [{}, BOOTED])
def test_the_driver_is_loaded_for_the_gpus_that_virtual_machines_leave(changes: Dict[str, Any]) -> None:
    found = plan(passed_through("vfio-pci", None, **changes), WISH, {})
    assert actions(found) == LOAD and found.warnings == ()
    other = plan(passed_through("vfio-pci", "nouveau"), WISH, {})
    assert other.steps == () and other.reboot_reasons[0].startswith("nouveau drives the GPUs")


def test_without_consent_a_loaded_module_stays() -> None:
    found = plan(mismatch(), WISH, {})
    assert found.steps == () and found.questions == () and len(found.reboot_reasons) == 1


def test_with_consent_units_are_stopped_and_started_again() -> None:
    holders = Holders(units=("nvidia-persistenced.service", "trainer.service"))
    found = decided(mismatch(), holders=holders)
    assert actions(found) == ["write-file", *SWAP]
    note, stop, unload, load, start = found.steps
    assert note.data.path == RESTORE_PATH and note.data.content == "{}"
    assert stop.data.units == start.data.units == holders.units
    assert "trainer.service" in stop.what and OLD in unload.what and NEW in load.what
    assert load.data == unload.data == stop.data.module == Module(NEW, OPEN)
    assert found.reboot_reasons == () and found.promised() == {}
    after = carried_out(mismatch(), found, ubuntu_archive(KERNEL))
    assert plan(after, CONSENT, {}) == Plan()


def test_with_nobody_on_the_gpus_nothing_is_stopped() -> None:
    assert actions(decided(mismatch())) == ["write-file", "unload-modules", *LOAD]


@pytest.mark.parametrize(
    "loaded, parameters, wish",
    [
        (Module(NEW, PROPRIETARY), {}, CONSENT),
        (
            Module(NEW, OPEN),
            {"EnableGpuFirmware": "18"},
            replace(CONSENT, module_options=(("NVreg_EnableGpuFirmware", "0"),)),
        ),
    ],
)
def test_another_flavour_and_other_options_are_activated_too(
    loaded: Module, parameters: Dict[str, str], wish: DriverWish
) -> None:
    state = replace(mismatch(), loaded=loaded, parameters=parameters)
    assert activation(decided(state, wish))[-3:] == ["unload-modules", *LOAD]


def test_an_upgrade_notes_the_settings_before_packages_move() -> None:
    """NVML of the new library does not talk to the old module."""
    state = with_driver(ubuntu(), OLD)
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskHolders] = Holders(units=("trainer.service",))
    found, _asked = settled(state, CONSENT, archive)
    assert actions(found)[0] == "write-file" and found.steps[0].data.path == RESTORE_PATH
    assert actions(found)[-4:] == SWAP and "install" in actions(found)
    assert found.reboot_reasons == ()
    after = carried_out(state, found, archive)
    assert after.loaded == Module(NEW, OPEN) and plan(after, CONSENT, {}) == Plan()


def test_settings_that_cannot_be_read_are_told() -> None:
    found = decided(mismatch(), volatile=Volatile("{}", "pynvml is not installed"))
    assert "unload-modules" in actions(found)
    assert ["pynvml is not installed" in warning for warning in found.warnings] == [True]


@pytest.mark.parametrize(
    "holders, named",
    [
        (Holders(units=("trainer.service",), loose=(ALICE,)), "4711 (alice, python3)"),
        (Holders(modules=("lustre_gds",)), "the kernel module lustre_gds"),
    ],
)
def test_what_belongs_to_no_service_is_left_alone_and_named(holders: Holders, named: str) -> None:
    found = decided(mismatch(), holders=holders)
    assert found.steps == () and found.reboot_reasons
    assert [named in warning for warning in found.warnings] == [True]


def test_mig_is_not_given_up_for_an_activation() -> None:
    mig = Volatile("{}", mig=("GPU 0 (NVIDIA H100)", "GPU 3 (NVIDIA H100)"))
    found = decided(mismatch(), volatile=mig)
    assert found.steps == () and len(found.reboot_reasons) == 1
    (warning,) = found.warnings
    assert "GPU 0 (NVIDIA H100), GPU 3 (NVIDIA H100)" in warning and "A reboot loses them as well" in warning
    both = decided(mismatch(), volatile=mig, holders=Holders(loose=(ALICE,)))
    assert len(both.warnings) == 2
    cut = decided(replace(mismatch(), restore_note="{}"), volatile=mig)
    assert actions(cut) == ["start-units"], "enabled since the note was written"


@pytest.mark.parametrize(
    "at_boot, advice",
    [
        ((), "well: write down what 'nvidia-smi mig -lgi' and 'nvidia-smi mig -lci' say and make them again"),
        (
            ("GPU 0 (A)",),
            "those stored for GPU 0 (A) are made again at boot; write down what 'nvidia-smi mig -lgi'",
        ),
        (("GPU 0 (A)",), "'nvidia-smi mig -lci' say of GPU 3 (B) and make them again after it."),
        (("GPU 0 (A)", "GPU 3 (B)"), "well: those stored for GPU 0 (A), GPU 3 (B) are made again at boot."),
    ],
)
def test_what_is_restored_at_boot_need_not_be_written_down(at_boot: Tuple[str, ...], advice: str) -> None:
    volatile = Volatile("{}", mig=("GPU 0 (A)", "GPU 3 (B)"), at_boot=at_boot)
    (warning,) = decided(mismatch(), volatile=volatile).warnings
    assert advice in warning


def test_mig_is_given_up_where_the_same_run_makes_it_again() -> None:
    """But not under services that would start on instances which are not there yet."""
    mig, wish = Volatile("{}", mig=("GPU 0 (NVIDIA H100)",)), replace(CONSENT, mig_follows=True)
    for units in ((), ("nvidia-persistenced.service", "nvidia-fabricmanager.service")):
        found = decided(mismatch(), wish, volatile=mig, holders=Holders(units=units))
        assert actions(found)[-len(SWAP) + 1 :] == SWAP[1:] and not found.warnings
    waits = decided(mismatch(), wish, volatile=mig, holders=Holders(units=("trainer.service",)))
    assert waits.steps == () and waits.reboot_reasons
    assert ["trainer.service would start again before" in warning for warning in waits.warnings] == [True]


def test_mig_is_no_matter_where_nothing_is_unloaded() -> None:
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskVolatile] = Volatile("{}", mig=("GPU 0 (NVIDIA H100)",))
    bare, _asked = settled(ubuntu(), CONSENT, archive)
    assert activation(bare) == LOAD
    upgrade, _asked = settled(with_driver(ubuntu(), OLD), CONSENT, archive)
    assert "install" in actions(upgrade) and activation(upgrade) == [] and upgrade.reboot_reasons


def test_what_the_kernel_refused_is_left_to_the_reboot() -> None:
    state = replace(mismatch(), activation_refused="580.95.05 open\nthe kernel module nvidia is in use\n")
    found = plan(state, CONSENT, {})
    assert found.steps == () and found.questions == () and found.reboot_reasons
    assert ["nvidia is in use" in warning for warning in found.warnings] == [True]
    bare = replace(state, loaded=None)
    assert plan(bare, CONSENT, {}).steps == () and plan(bare, CONSENT, {}).reboot_reasons


@pytest.mark.parametrize("marker", ["580.95.05 proprietary\nx\n", "570.172.08 open\nx\n", ""])
def test_a_refusal_of_another_module_does_not_count(marker: str) -> None:
    assert "unload-modules" in actions(decided(replace(mismatch(), activation_refused=marker)))


@pytest.mark.parametrize("signature, expected", [(None, []), (Signature("Canonical", "ab"), LOAD)])
def test_an_unsigned_module_is_not_tried_where_the_kernel_wants_a_signature(
    signature: Optional[Signature], expected: List[str]
) -> None:
    state = replace(
        mismatch(),
        loaded=None,
        trust=Trust(enforced="Secure Boot is on", keys=("Canonical: ab",)),
        signatures={KERNEL: signature} if signature else {},
    )
    found = plan(state, WISH, {})
    if not found.blockers:
        assert activation(found) == expected


# cut-off runs


def test_a_run_cut_off_after_the_stop_is_carried_on_with_consent() -> None:
    cut = replace(mismatch(), stopped_units=("trainer.service",), restore_note="{}")
    found = decided(cut, holders=Holders(units=("late.service",)))
    assert actions(found) == SWAP
    assert found.steps[0].data.units == ("late.service",), "what is stopped already is not stopped again"
    assert found.steps[-1].data.units == ("trainer.service", "late.service")
    assert actions(decided(cut, holders=Holders())) == SWAP[1:]


@pytest.mark.parametrize(
    "state, expected",
    [
        (mismatch(), ["start-units"]),
        (replace(mismatch(), loaded=None), LOAD),
        (replace(mismatch(), loaded=Module(NEW, OPEN)), ["start-units"]),
    ],
    ids=["stopped", "unloaded", "loaded"],
)
def test_a_cut_off_run_is_ended_without_consent(state: DriverState, expected: List[str]) -> None:
    cut = replace(state, stopped_units=("trainer.service",), restore_note="{}")
    found = plan(cut, WISH, {})
    assert actions(found) == expected and found.questions == ()
    assert found.steps[-1].data.units == ("trainer.service",)
    after = carried_out(cut, found, ubuntu_archive(KERNEL))
    assert plan(after, WISH, {}).steps == ()


def test_a_run_cut_off_before_the_stop_only_restores() -> None:
    cut = replace(mismatch(), restore_note="{}")
    assert actions(plan(cut, WISH, {})) == ["start-units"]
    assert actions(decided(cut)) == ["unload-modules", *LOAD], "the note is not written over"


@pytest.mark.parametrize("cut", range(8))
def test_every_cut_of_an_upgrade_ends_at_the_same_place(cut: int) -> None:
    """Before the n-th step of the activation's way, and then the next run."""
    archive = ubuntu_archive(KERNEL)
    archive.fixed[AskHolders] = Holders(units=("trainer.service",))
    start = with_driver(ubuntu(), OLD)
    found, _asked = settled(start, CONSENT, archive)
    kept = found.steps[: len(found.steps) - cut]
    state = carried_out(start, replace(found, steps=kept), archive)
    again, _asked = settled(state, CONSENT, archive)
    state = carried_out(state, again, archive)
    assert state.loaded == Module(NEW, OPEN) and not state.stopped_units and state.restore_note is None
    assert plan(state, CONSENT, {}) == Plan()


def test_removal_ends_what_was_cut_off() -> None:
    cut = replace(mismatch(), stopped_units=("trainer.service",), restore_note="{}")
    found, _asked = settled(cut, DriverWish(state="absent"), ubuntu_archive(KERNEL))
    assert activation(found) == ["start-units"]
