# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts held on a node through NVML: observed, planned, changed, and what is refused or put back."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.component import MIG
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import MigNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, A30, H100, T4 = "a100-sxm4-40gb", "a30-24gb", "h100-sxm5-80gb", "t4"


def phases(plan: Any) -> Any:
    return [step.action for step in plan.steps]


@pytest.mark.parametrize(
    "board, profile, count", [(A100, "1g.5gb", 7), (A30, "1g.6gb", 4), (H100, "1g.10gb", 7)]
)
def test_from_nothing_to_many(mig: MigNode, board: str, profile: str, count: int) -> None:
    uuid = mig.add(board)
    plan = mig.hold(instances={profile: count})
    assert phases(plan) == ["set-mig-mode", "create_gpu_instance", "create_compute_instance"]
    assert mig.layout(uuid) == [(profile, start, [profile]) for start in range(count)]
    assert mig.modes(uuid) == (True, True)


def test_check_mode_promises_what_then_is(mig: MigNode) -> None:
    uuid = mig.add(A100, mode=1)
    wish: Dict[str, Any] = {"instances": ["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"]}
    foretold = mig.plan(**wish)
    mig.hold(**wish)
    assert foretold.foretold()["gpus"][uuid]["layout"] == [
        {"profile": profile, "start": start, "size": size, "compute": [profile]}
        for profile, start, size in (
            ("2g.10gb", 0, 2), ("1g.5gb", 2, 1), ("1g.5gb", 3, 1), ("3g.20gb", 4, 4),
        )
    ]  # fmt: skip
    assert [name for name, _start, _compute in mig.layout(uuid)] == ["2g.10gb", "1g.5gb", "1g.5gb", "3g.20gb"]


def test_what_can_stay_does(mig: MigNode, pid: int) -> None:
    uuid = mig.add(A100, mode=1)
    mig.hold(instances=[{"profile": "1g.5gb", "placement": 2}, {"profile": "3g.20gb", "placement": 4}])
    busy = next(each for each in mig.observe().gpus[0].gpu.instances if each.placement.start == 2)
    mig.work(0, pid, "%s %s" % (busy.id, busy.compute[0].id))
    plan = mig.hold(instances=["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"])
    assert phases(plan) == ["create_gpu_instance", "create_compute_instance"]
    assert ("1g.5gb", 2, ["1g.5gb"]) in mig.layout(uuid)


def test_a_specification_for_containers_gets_old(mig: MigNode) -> None:
    mig.add(A100, mode=1)
    mig.hold(instances={"1g.5gb": 7})
    mig.tree.write("/run/cdi/nvidia.yaml", "kind: nvidia.com/gpu\n")
    assert not mig.plan(instances={"1g.5gb": 7}).warnings, "the devices stay"
    (told,) = mig.plan(instances=["7g.40gb"]).warnings
    assert told.startswith("Containers get MIG devices by /run/cdi/nvidia.yaml, which has those of before")
    wish = replace(mig.wish(instances=["7g.40gb"]), refreshes_cdi=True)
    assert not MIG.plan(mig.observe(), wish, {}).warnings, "the same run writes it anew"


def test_work_in_the_way_is_named(mig: MigNode, pid: int) -> None:
    uuid = mig.add(A100, mode=1)
    mig.hold(instances=["7g.40gb"])
    instance = mig.observe().gpus[0].gpu.instances[0]
    mig.work(0, pid, "%s %s" % (instance.id, instance.compute[0].id))
    said = mig.refused(instances={"1g.5gb": 7})
    assert "%d (root, python3)" % pid in said or "python3" in said, said
    assert "7g.40gb" in said and "disrupt_running_work: true" in said
    consented = mig.plan(instances={"1g.5gb": 7}, disrupt_running_work=True)
    assert phases(consented)[:2] == ["end-gpu-work", "destroy_compute_instance"]
    assert mig.names(uuid) == ["7g.40gb"]


def test_what_only_the_kernel_knows_counts_too(mig: MigNode) -> None:
    mig.add(A100, mode=1)
    mig.hold(instances=["7g.40gb"])
    instance = mig.observe().gpus[0].gpu.instances[0]
    mig.tree.write(
        "/proc/driver/nvidia-caps/mig-minors",
        "gpu0/gi%s/access 12\ngpu0/gi%s/ci%s/access 13\n"
        % (instance.id, instance.id, instance.compute[0].id),
    )
    mig.tree.write("/proc/4711/comm", "trainer\n")
    for number, path in enumerate(("nvidia0", "nvidia-caps/nvidia-cap12", "nvidia-caps/nvidia-cap13")):
        mig.tree.link("/proc/4711/fd/%d" % number, "/dev/" + path)
    (user,) = mig.observe().gpus[0].users
    assert user.instances == ((instance.id, instance.compute[0].id),) and not user.whole
    assert "4711" in mig.refused(instances=["4g.20gb"])


def test_compute_instances(mig: MigNode) -> None:
    uuid = mig.add(A100, mode=1)
    wish = {"profile": "3g.20gb", "placement": 4}
    mig.hold(instances=[dict(wish, compute=["1c.3g.20gb", "2c.3g.20gb"])])
    ((_name, start, compute),) = mig.layout(uuid)
    assert start == 4 and sorted(compute) == ["1c.3g.20gb", "2c.3g.20gb"]
    plan = mig.hold(instances=[dict(wish, compute=["1c.3g.20gb"] * 3)])
    assert phases(plan) == ["destroy_compute_instance", "create_compute_instance"]
    mig.hold(instances=[dict(wish, compute=[])])
    assert mig.layout(uuid) == [("3g.20gb", 4, [])]


@pytest.mark.parametrize("board", [A100, H100])
def test_mode_off_takes_the_instances_with_it(mig: MigNode, board: str) -> None:
    uuid = mig.add(board)
    mig.hold(instances={"7g.40gb" if board == A100 else "7g.80gb": 1})
    plan = mig.hold(mig=False)
    assert phases(plan) == ["destroy_compute_instance", "destroy_gpu_instance", "set-mig-mode"]
    assert mig.layout(uuid) == [] and mig.modes(uuid) == (False, False)


def test_groups_and_gpus_that_are_not_named(mig: MigNode) -> None:
    first, second, third = mig.add(A100, 1), mig.add(A30, 1), mig.add(A100, 1)
    mig.add(T4)
    mig.hold(gpus=[2], instances=["7g.40gb"])
    mig.hold(layout=[{"gpus": [first], "instances": ["9", "9"]}, {"gpu_model": "A30", "mig": False}])
    assert mig.names(first) == ["3g.20gb", "3g.20gb"]
    assert mig.modes(second) == (False, False) and mig.names(third) == ["7g.40gb"]
    assert "has no MIG" in mig.refused(gpus=[3], instances=["1g.5gb"])


def test_a_label_of_mig_parteds_file(mig: MigNode) -> None:
    uuid = mig.add(A100)
    mig.tree.write(
        "/etc/nvidia-mig-manager/config.yaml",
        "version: v1\nmig-configs:\n  half:\n    - devices: all\n      mig-enabled: true\n"
        '      mig-devices: {"3g.20gb": 2}\n',
    )
    mig.hold(config="/etc/nvidia-mig-manager/config.yaml", label="half")
    assert mig.names(uuid) == ["3g.20gb", "3g.20gb"]


@pytest.mark.parametrize(
    "wish, words",
    [
        (["3g.20gb", "3g.20gb", "1g.5gb"], "nearest layout that fits"),
        (["1g.10gb.bad"], "is no profile of this GPU, which has 1g.5gb"),
        (["1g.24gb"], "is no profile of this GPU, which has 1g.5gb"),
    ],
)
def test_refusals_before_anything_is_destroyed(mig: MigNode, wish: Any, words: str) -> None:
    uuid = mig.add(A100, 1)
    mig.hold(instances=["7g.40gb"])
    assert words in mig.refused(instances=wish)
    assert mig.names(uuid) == ["7g.40gb"]


def test_a_board_that_tells_nothing_while_its_mode_is_off(mig: MigNode) -> None:
    """Of an unknown board nobody knows where instances go until MIG mode is on."""
    uuid = mig.add(A100, pci_device_id="10de:3fff")
    mig.fault("nvmlDeviceGetGpuInstancePossiblePlacements", "return 3")
    assert mig.refused(**SEVEN) == (
        "The driver does not tell where instances of 1g.5gb can be while MIG mode is off, and this board is "
        "not in the catalogue (GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0)): hold mig: true without "
        "instances first, and then this layout"
    )
    mig.hold(mig=True)
    mig.fault("nvmlDeviceGetGpuInstancePossiblePlacements", "")
    mig.hold(**SEVEN)
    assert mig.names(uuid) == ["1g.5gb"] * 7


def test_other_owners(mig: MigNode) -> None:
    mig.add(A100, 1)
    mig.tree.write("/etc/systemd/system/multi-user.target.wants/nvidia-mig-manager.service")
    assert "take_over: true" in mig.refused(instances=["7g.40gb"])
    assert phases(mig.plan(instances=["7g.40gb"], take_over=True))[0] == "disable-mig-manager"
    mig.tree.write("/proc/77/comm", "nvidia-mig-mana\n")
    mig.tree.write("/proc/66/comm", "nvidia-mig-mana\n")
    mig.tree.write("/proc/66/cgroup", "0::/system.slice/nvidia-mig-manager.service\n")
    assert "GPU operator" in mig.refused(instances=["7g.40gb"], take_over=True)


def test_a_driver_that_is_too_old(mig: MigNode, monkeypatch: pytest.MonkeyPatch) -> None:
    mig.add(H100)
    state = replace(mig.observe(), driver="515.43.04")
    (blocker,) = MIG.plan(state, mig.wish(instances=["7g.80gb"]), {}).blockers
    assert "too old for MIG" in str(blocker) and "nvidia_driver" in blocker.next


def test_ampere_waits_where_it_cannot_be_reset(mig: MigNode) -> None:
    uuid = mig.add(A100, 0, mig_reset_status=16)
    plan = mig.hold(instances={"1g.5gb": 7})
    assert mig.modes(uuid) == (False, True) and mig.layout(uuid) == []
    assert "nvidia-smi: No such file or directory" in plan.reboot_reasons[0]
    assert "gets its layout once it was reset" in mig.warnings[0]
    back = mig.hold(mig=False)
    assert phases(back) == ["set-mig-mode"] and mig.modes(uuid) == (False, False)


def test_a_reset_that_is_refused_is_told(mig: MigNode) -> None:
    mig.add(A100, 0, mig_reset_status=16)
    mig.programs.nvidia_smi = (3, "", "GPU Reset couldn't run because GPU 0 is the primary GPU.")
    plan = mig.hold(instances=["7g.40gb"])
    assert plan.reboot_reasons == (
        "GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0) waits for a reset to switch MIG mode on: "
        "GPU Reset couldn't run because GPU 0 is the primary GPU.",
    )


def test_a_reset_brings_the_mode_and_the_layout_with_it(mig: MigNode) -> None:
    uuid = mig.add(A100, 0, mig_reset_status=16)
    mig.programs.nvidia_smi = (0, "", "")
    mig.programs.reset = lambda: mig.tree.write("/var/lib/gpu-simulator/gpus/0/mig_mode_current", "1\n")
    plan = mig.hold(**SEVEN)
    assert mig.programs.ran == [["nvidia-smi", "--gpu-reset", "-i", uuid]]
    assert not plan.reboot_reasons and mig.names(uuid) == ["1g.5gb"] * 7


def test_a_reset_that_brings_nothing_is_told(mig: MigNode) -> None:
    mig.add(A100, 0, mig_reset_status=16)
    mig.programs.nvidia_smi = (0, "", "")
    assert "the mode is still pending" in mig.hold(**SEVEN).reboot_reasons[0]


def test_the_mode_is_not_switched_under_work(mig: MigNode, pid: int) -> None:
    mig.add(H100)
    mig.work(0, pid)
    assert "switched on an idle GPU only" in mig.refused(instances=["7g.80gb"])
    assert phases(mig.plan(instances=["7g.80gb"], disrupt_running_work=True))[0] == "end-gpu-work"


CALLS = {
    "nvmlComputeInstanceDestroy": "Destroy compute instance",
    "nvmlGpuInstanceDestroy": "Destroy GPU instance",
    "nvmlDeviceCreateGpuInstanceWithPlacement": "Create GPU instance",
    "nvmlGpuInstanceCreateComputeInstanceWithPlacement": "Create compute instance",
}
FORMER = ["3g.20gb", "2g.10gb", {"profile": "1g.5gb", "compute": []}]
SEVEN: Dict[str, Any] = {"instances": {"1g.5gb": 7}}


@pytest.mark.parametrize("call", CALLS)
def test_the_former_layout_is_put_back(mig: MigNode, call: str) -> None:
    uuid = mig.add(A100, 1)
    mig.hold(instances=FORMER)
    before = mig.layout(uuid)
    mig.fault(call, "times 1 return 15")
    said = mig.failing(**SEVEN)
    assert CALLS[call] in said and "The former layout of GPU 0 was put back: " in said, said
    assert mig.layout(uuid) == before
    mig.hold(**SEVEN)
    assert mig.names(uuid) == ["1g.5gb"] * 7


def test_a_mode_that_stays_on_keeps_the_layout(mig: MigNode) -> None:
    uuid = mig.add(H100, 1)
    mig.hold(instances=["3g.40gb", "1g.10gb"])
    before = places(mig)
    mig.fault("nvmlDeviceSetMigMode", "times 1 return 999")
    assert "The former layout of GPU 0 was put back: " in mig.failing(mig=False)
    assert places(mig) == before and mig.modes(uuid) == (True, True)
    mig.fault("nvmlDeviceSetMigMode", "")
    mig.hold(mig=False)


def test_compute_instances_of_a_kept_instance_return_to_their_places(mig: MigNode) -> None:
    uuid = mig.add(A100, 1)
    three = {"profile": "3g.20gb", "placement": 4}
    mig.hold(instances=[dict(three, compute=["1c.3g.20gb"] * 3)])
    (step,) = mig.plan(instances=[dict(three, compute=[])]).steps
    thirds = step.data.changes
    mig.apply(Plan((replace(step, data=replace(step.data, changes=(thirds[0], thirds[2]))),)))
    before = places(mig)
    assert before == [((4, 4), [(1, 1)])], "where a planner would put none"
    for call in (
        "nvmlGpuInstanceCreateComputeInstanceWithPlacement",
        "nvmlDeviceCreateGpuInstanceWithPlacement",
    ):
        mig.fault(call, "times 1 return 15")
        said = mig.failing(instances=[three, "2g.10gb"])
        assert "The former layout of GPU 0 was put back: 3g.20gb at 4 (1c.3g.20gb), MIG mode on" in said, said
        assert places(mig) == before
    assert mig.names(uuid) == ["3g.20gb"]


def places(mig: MigNode) -> Any:
    """Where the instances are, with their compute instances, on the first GPU."""
    return [
        (tuple(each.placement), [tuple(part.placement) for part in each.compute])
        for each in mig.observe().gpus[0].gpu.instances
    ]


@pytest.mark.parametrize(
    "call, left",
    [
        ("nvmlDeviceCreateGpuInstanceWithPlacement", ["1g.5gb"]),
        ("nvmlGpuInstanceCreateComputeInstanceWithPlacement", ["1g.5gb", "2g.10gb", "3g.20gb"]),
    ],
)
def test_where_that_is_not_possible_it_says_what_stands(mig: MigNode, call: str, left: Any) -> None:
    uuid = mig.add(A100, 1)
    mig.hold(instances=FORMER)
    mig.fault(call, "after 1 return 15")
    said = mig.failing(**SEVEN)
    assert CALLS[call] in said and "could not be put back whole" in said and "What stands: " in said, said
    assert sorted(mig.names(uuid)) == left
    mig.fault(call, "")
    mig.hold(**SEVEN)


def test_a_run_that_was_cut_off_is_gone_on_with(mig: MigNode) -> None:
    uuid = mig.add(A100, 1)
    mig.hold(instances=["3g.20gb", "2g.10gb"])
    for cut in range(4):
        mig.hold(instances=["3g.20gb", "2g.10gb"])
        plan = mig.plan(**SEVEN)
        assert len(plan.steps) == 4
        mig.apply(replace(plan, steps=plan.steps[:cut]))
        mig.hold(**SEVEN)
        assert mig.names(uuid) == ["1g.5gb"] * 7


def test_drift_by_hand(mig: MigNode) -> None:
    uuid = mig.add(A100, 1)
    mig.hold(instances={"2g.10gb": 3})
    mig.hold(instances=["2g.10gb", "4g.20gb"])
    plan = mig.hold(instances={"2g.10gb": 3})
    assert "destroy GPU instances: 4g.20gb at 0" in str([step.what for step in plan.steps])
    assert mig.names(uuid) == ["2g.10gb"] * 3


def test_without_nvml_it_is_foretold_and_a_driver_needed(mig: MigNode) -> None:
    mig.add(A100)
    mig.tree.path("/run/gpu-simulator/module/version").unlink()
    plan = mig.plan(instances={"1g.5gb": 7})
    assert "NVML cannot be asked" in str(plan.needs[0])
    assert phases(plan) == ["set-mig-mode", "create_gpu_instance", "create_compute_instance"]
    gpu = plan.foretold()["gpus"]["0000:07:00.0"]
    assert gpu["predicted"] and [each["start"] for each in gpu["layout"]] == list(range(7))
    assert "predicted from the PCI ids" in plan.warnings[0]
    assert "refused: This GPU" not in mig.plan(gpus=[0], mig=False).warnings[-1]
    (_predicted, told) = mig.plan(instances={"3g.20gb": 3}).warnings
    assert told.startswith("It seems that this will be refused: ") and "nearest layout" in told


def test_the_uuids_of_the_mig_devices_are_told(mig: MigNode) -> None:
    uuid = mig.add(A100, 1)
    mig.hold(instances=[{"profile": "3g.20gb", "placement": 4, "compute": ["1c.3g.20gb", "2c.3g.20gb"]}])
    kept = MIG.summary(mig.observe())["devices"][uuid]
    assert len(set(kept)) == 2 and all(each.startswith("MIG-") for each in kept)
    plan = mig.hold(instances=["1g.5gb", {"profile": "3g.20gb", "compute": ["1c.3g.20gb"] * 2}])
    foretold, found = plan.foretold()["devices"][uuid], MIG.summary(mig.observe())["devices"][uuid]
    assert len(found) == 3 and len(set(found) & set(kept)) == 1
    assert foretold == [each if each in kept else None for each in found]


def test_a_lost_gpu_does_not_keep_the_others(mig: MigNode) -> None:
    first, _lost = mig.add(A100, 1), mig.add(A100, 1)
    mig.tree.write("/run/gpu-simulator/gpus/1/lost")
    plan = mig.hold(gpus=[0], instances=["7g.40gb"])
    assert mig.names(first) == ["7g.40gb"] and "GPU 1: " in plan.warnings[0]
    third = mig.add(A100, 1)
    mig.fault("nvmlDeviceGetUUID", "return 999 gpu 0")
    mig.hold(gpus=[2], instances=["7g.40gb"])
    assert mig.names(third) == ["7g.40gb"], "whatever is wrong with those before it"
    mig.fault("nvmlDeviceGetUUID", "")
    assert os.getpid() not in [user.client.pid for gpu in mig.observe().gpus for user in gpu.users]
