# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings held on a node through NVML: observed, planned, changed, refused, forgotten."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import Any, Dict, Iterator, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._clients import Dependent
from ansible_collections.labfleet.gpu.plugins.module_utils._gpu_notes import LOCKED, OWED, owing
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.node import REFUSED
from ansible_collections.labfleet.gpu.tests.unit.support.settings_node import PERSISTENT, SettingsNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, T4, RTX = "a100-sxm4-40gb", "t4", "rtx-4090"
ALL: Dict[str, Any] = {
    "compute_mode": "exclusive_process",
    "power_limit": 300,
    "gpu_clocks": [1200, 1410],
    "memory_clocks": 1215,
}


@pytest.fixture
def pid() -> Iterator[int]:
    """A process that lives."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def actions(plan: Any) -> List[str]:
    return [step.action for step in plan.steps]


def test_everything_that_takes_effect_at_once(gpus: SettingsNode) -> None:
    first, second = gpus.add(A100), gpus.add(A100)
    plan = gpus.hold(gpus=[0], **ALL)
    assert actions(plan) == ["set-gpu"]
    assert plan.steps[0].what == (
        "GPU 0: set compute mode exclusive_process, power limit 300 W, GPU clocks 1200 to 1410 MHz, "
        "memory clocks 1215 MHz"
    )
    shown = gpus.gpu(first)
    assert (shown["compute_mode"], shown["power_limit"]) == ("exclusive_process", 300)
    assert (shown["gpu_clocks"], shown["memory_clocks"]) == ([1200, 1410], [1215, 1215])
    assert gpus.is_now(0, "clocks_locked_gpu_mhz") == "1200 1410"
    assert gpus.gpu(second)["power_limit"] == 400 and gpus.is_now(1, "clocks_locked_gpu_mhz") is None
    (lost,) = plan.warnings
    assert lost.startswith("Compute mode, power limit, GPU clocks, memory clocks: kept until")


def test_and_back(gpus: SettingsNode) -> None:
    uuid = gpus.add(A100)
    gpus.hold(**ALL)
    back = {"compute_mode": "default", "power_limit": "default", "gpu_clocks": "unlocked"}
    gpus.hold(memory_clocks="unlocked", **back)
    shown = gpus.gpu(uuid)
    assert (shown["compute_mode"], shown["power_limit"], shown["gpu_clocks"]) == ("default", 400, "unlocked")
    assert (
        gpus.is_now(0, "clocks_locked_gpu_mhz") is None and gpus.is_now(0, "clocks_locked_memory_mhz") is None
    )


def test_groups(gpus: SettingsNode) -> None:
    first, second, third = gpus.add(A100), gpus.add(T4), gpus.add(A100)
    gpus.hold(settings=[{"gpus": [first], "power_limit": 250.5}, {"gpu_model": "T4", "power_limit": 65}])
    assert [gpus.gpu(each)["power_limit"] for each in (first, second, third)] == [250.5, 65, 400]


@pytest.mark.parametrize(
    "wish, words",
    [
        ({"power_limit": 500}, "power_limit is to be 500 W, and this GPU allows 100 to 400 W (GPU 0 ("),
        ({"power_limit": 99.5}, "is to be 99.5 W, and this GPU allows 100 to 400 W"),
        (
            {"gpu_clocks": [1200, 1500]},
            "gpu_clocks is to be 1200 to 1500 MHz, and this GPU has 210 to 1410 MHz",
        ),
        ({"gpu_clocks": 100}, "gpu_clocks is to be 100 MHz, and this GPU has 210 to 1410 MHz"),
        ({"memory_clocks": 1000}, "memory_clocks is to be 1000 MHz, and this GPU has 1215 MHz"),
        ({"gpus": [7], "ecc": True}, "There is no GPU 7 on this node, which has 0 (NVIDIA A100-SXM4-40GB"),
    ],
)
def test_limits(gpus: SettingsNode, wish: Dict[str, Any], words: str) -> None:
    gpus.add(A100)
    assert words in gpus.refused(**wish)


def test_one_gpu_that_cannot_keeps_all(gpus: SettingsNode) -> None:
    gpus.add(A100)
    gpus.add(RTX)
    said = gpus.refused(ecc=True)
    assert said.startswith("This GPU has no ECC that could be switched on (GPU 1 (") and "with gpus" in said
    assert "The power limit of this GPU cannot be set (GPU 1" in gpus.refused(power_limit=300)
    gpus.add(T4)
    assert "Memory clocks cannot be locked before Ampere (GPU 2" in gpus.refused(gpus=[2], memory_clocks=5001)


def test_compute_mode_is_not_of_a_gpu_in_mig_mode(gpus: SettingsNode) -> None:
    gpus.add(A100, mig=1)
    assert "a GPU in MIG mode has none of its own" in gpus.refused(compute_mode="prohibited")
    assert not gpus.plan(compute_mode="default").steps


def test_compute_mode_does_not_change_under_programs(gpus: SettingsNode, pid: int) -> None:
    gpus.add(A100)
    gpus.work(0, pid)
    said = gpus.refused(compute_mode="prohibited")
    assert "%d (root, python3)" % pid in said and "disrupt_running_work: true" in said
    gpus.hold(compute_mode="prohibited", disrupt_running_work=True)
    gpus.hold(compute_mode="default")
    gpus.hold(power_limit=300, gpu_clocks="unlocked")


def test_what_it_fails_at_is_told_with_what_stands(gpus: SettingsNode) -> None:
    first, second = gpus.add(A100), gpus.add(A100)
    gpus.fault("nvmlDeviceSetGpuLockedClocks", "return 999 gpu 1")
    said = gpus.failing(**ALL)
    assert said == (
        "GPU 1: NVML refuses GPU clocks 1200 to 1410 MHz: Unknown Error. "
        "What was set before it stays: compute mode exclusive_process, power limit 300 W"
    )
    assert gpus.gpu(first)["gpu_clocks"] == [1200, 1410] and gpus.gpu(second)["power_limit"] == 300
    gpus.fault("nvmlDeviceSetGpuLockedClocks", "")
    plan = gpus.hold(**ALL)
    assert [step.what for step in plan.steps] == [
        "GPU 1: set GPU clocks 1200 to 1410 MHz, memory clocks 1215 MHz"
    ]
    gpus.fault("nvmlDeviceSetComputeMode", "return 4")
    assert gpus.failing(compute_mode="default").endswith("Nothing of this GPU was changed")


def test_locks_end_with_the_driver(gpus: SettingsNode) -> None:
    uuid = gpus.add(A100)
    gpus.hold(gpu_clocks=[1200, 1410])
    gpus.reload()
    assert gpus.gpu(uuid)["gpu_clocks"] is None, "nobody knows"
    plan = gpus.hold(gpu_clocks=[1200, 1410])
    assert plan.steps[0].why == "GPU clocks: the driver does not tell whether they are locked"


def test_a_clock_above_the_lock_gives_it_away(gpus: SettingsNode) -> None:
    uuid = gpus.add(A100)
    gpus.hold(gpu_clocks=[600, 900])
    gpus.tree.path("/run/gpu-simulator/gpus/0/clocks_locked_gpu_mhz").unlink()
    gpus.put(0, "clock_graphics_mhz", 1410)
    assert gpus.gpu(uuid)["gpu_clocks"] is None
    assert actions(gpus.hold(gpu_clocks=[600, 900])) == ["set-gpu"]


def test_a_lock_between_supported_clocks_settles(gpus: SettingsNode) -> None:
    """The driver takes one of those that it has, which may be the next above."""
    uuid = gpus.add(A100)
    gpus.tree.write(PERSISTENT + "/0/clock_graphics_supported_mhz", "1410 1005 990 210\n")
    gpus.hold(gpu_clocks=[600, 1000])
    gpus.put(0, "clocks_locked_gpu_mhz", "600 1005")
    gpus.put(0, "clock_graphics_mhz", 1005)
    assert gpus.gpu(uuid)["gpu_clocks"] == [600, 1000] and not gpus.plan(gpu_clocks=[600, 1000]).steps
    gpus.put(0, "clocks_locked_gpu_mhz", "")
    gpus.put(0, "clock_graphics_mhz", 1410)
    assert gpus.gpu(uuid)["gpu_clocks"] is None, "beyond that it is gone"


def test_memory_clocks_that_a_gpu_does_not_have(gpus: SettingsNode) -> None:
    gpus.add(A100)
    gpus.tree.write(PERSISTENT + "/0/clock_memory_supported_mhz", "7001 6001 810 405\n")
    gpus.tree.write(PERSISTENT + "/0/clock_memory_max_mhz", "7001\n")
    assert gpus.refused(memory_clocks=5001) == (
        "memory_clocks is to be 5001 MHz, and this GPU has no 5001 MHz (GPU 0 (NVIDIA A100-SXM4-40GB, "
        "0000:07:00.0)): write one that it has, such as 6001 or 810, or unlocked"
    )
    assert "has no 500 MHz and no 6500 MHz" in gpus.refused(memory_clocks=[500, 6500])
    gpus.hold(memory_clocks=[405, 6001])


def test_a_lock_that_failed_is_not_noted(gpus: SettingsNode) -> None:
    uuid = gpus.add(A100)
    gpus.hold(gpu_clocks=[600, 900], memory_clocks=1215)
    gpus.fault("nvmlDeviceSetGpuLockedClocks", "return 999")
    gpus.failing(gpu_clocks=[600, 1000])
    assert gpus.gpu(uuid)["gpu_clocks"] is None and gpus.gpu(uuid)["memory_clocks"] == [1215, 1215]
    gpus.tree.write(LOCKED, "[]")
    assert gpus.gpu(uuid)["memory_clocks"] is None


def test_without_persistence_nothing_stays(gpus: SettingsNode, pid: int) -> None:
    uuid = gpus.add(A100, persistence=0)
    assert gpus.gpu(uuid)["gpu_clocks"] == "unlocked", "the driver has just initialized it"
    said = gpus.refused(power_limit=300, compute_mode="prohibited")
    assert "would forget compute mode and power limit at once" in said and "persistence: true" in said
    gpus.work(0, pid)
    plan = gpus.hold(power_limit=300)
    assert "GPU 0: without persistence" in plan.warnings[1]
    assert plan.passing == plan.warnings[:1], "which no boot keeps"


def test_locks_are_not_trusted_across_a_change_of_persistence(gpus: SettingsNode, pid: int) -> None:
    uuid = gpus.add(A100)
    gpus.work(0, pid)
    gpus.hold(gpu_clocks=[600, 900])
    plan = gpus.hold(persistence=False, gpu_clocks=[600, 900])
    assert plan.steps[0].what == "GPU 0: set GPU clocks 600 to 900 MHz, persistence off"
    gpus.hold(persistence=True)
    assert gpus.gpu(uuid)["gpu_clocks"] is None, "it may have been initialized anew"


def test_legacy_persistence(gpus: SettingsNode) -> None:
    uuid = gpus.add(A100, persistence=0)
    plan = gpus.hold(persistence=True, power_limit=300)
    assert plan.steps[0].what == "GPU 0: set persistence on (NVML's legacy mode), power limit 300 W"
    (lost,) = plan.warnings
    assert lost.startswith("Persistence, power limit: kept until the driver is unloaded or the node reboots")
    gpus.put(0, "power_limit_mw", 400000)  # as the driver forgets it
    plan = gpus.hold(persistence=False)
    assert gpus.gpu(uuid)["persistence"] is False and plan.outlook


def test_persistence_through_the_service(gpus: SettingsNode) -> None:
    uuid = gpus.add(A100, persistence=0)
    gpus.add(T4, persistence=0)
    gpus.programs.unit_file = "disabled"
    plan = gpus.hold(persistence=True)
    assert [step.what for step in plan.steps] == ["enable and start nvidia-persistenced.service"]
    assert not plan.warnings and gpus.gpu(uuid)["persistence"] is True
    plan = gpus.hold(gpus=[0], persistence=False)
    assert [step.what for step in plan.steps] == ["GPU 0: set persistence off"]
    assert gpus.programs.active, "GPU 1 keeps it"
    plan = gpus.hold(persistence=True)
    assert [step.what for step in plan.steps] == ["GPU 0: set persistence on"]
    plan = gpus.hold(persistence=False)
    assert plan.steps[0].what == "disable and stop nvidia-persistenced.service"
    assert gpus.programs.unit_file == "disabled" and not gpus.programs.active
    assert not gpus.gpu(uuid)["persistence"]


def test_a_service_that_leaves_the_mode_alone(gpus: SettingsNode) -> None:
    gpus.add(A100, persistence=0)
    gpus.programs.unit_file, gpus.programs.covers = "static", False
    plan = gpus.hold(persistence=True)
    assert [step.what for step in plan.steps] == [
        "start nvidia-persistenced.service",
        "GPU 0: set persistence on",
    ]
    assert "Persistence: kept until" in plan.warnings[0]
    assert plan.passing == plan.warnings, "unless it is restored at boot"


def test_ecc_by_a_reset_which_takes_nothing_else(gpus: SettingsNode) -> None:
    uuid = gpus.add(A100)
    gpus.programs.nvidia_smi = (0, "")
    gpus.hold(**ALL)
    plan = gpus.hold(ecc=False)
    assert actions(plan) == ["set-ecc", "reset-gpus", "set-gpu"]
    shown = gpus.gpu(uuid)
    assert shown["ecc"] == {"current": False, "pending": False} and shown["persistence"] is True
    assert (shown["power_limit"], shown["gpu_clocks"]) == (300, [1200, 1410])
    assert gpus.is_now(0, "clocks_locked_gpu_mhz") == "1200 1410" and gpus.is_now(0, "compute_mode") == "3"
    assert not plan.reboot_reasons and gpus.programs.ran == ["nvidia-smi --gpu-reset -i " + uuid]
    assert gpus.tree.files.text(REFUSED) is None and owing(gpus.tree.files) == {}


@pytest.mark.parametrize("cut", range(4))
@pytest.mark.parametrize("wish", [{"ecc": False}, {"gpus": [1], "ecc": True}], ids=["again", "another"])
def test_a_run_that_was_cut_off_owes_what_the_reset_took(gpus: SettingsNode, cut: int, wish: Any) -> None:
    uuid = gpus.add(A100)
    gpus.programs.nvidia_smi = (0, "")
    gpus.hold(**ALL)
    plan = gpus.plan(ecc=False)
    gpus.apply(replace(plan, steps=plan.steps[:cut]))
    gpus.add(A100)
    gpus.hold(**wish)
    shown = gpus.gpu(uuid)
    assert shown["persistence"] and shown["ecc"]["pending"] is (cut == 0 and "gpus" in wish)
    assert (shown["compute_mode"], shown["power_limit"]) == ("exclusive_process", 300)
    assert shown["gpu_clocks"] == [1200, 1410] and gpus.is_now(0, "clocks_locked_memory_mhz") == "1215 1215"
    gpus.put(0, "power_limit_mw", 200000)
    assert not gpus.plan(persistence=True).steps, "nothing is owed any more"


def test_persistence_off_owes_nothing(gpus: SettingsNode) -> None:
    gpus.add(A100)
    gpus.programs.nvidia_smi = (0, "")
    gpus.hold(**ALL)
    plan = gpus.plan(ecc=False)
    gpus.apply(replace(plan, steps=plan.steps[:2]))
    plan = gpus.hold(persistence=False)
    assert [step.what for step in plan.steps] == ["GPU 0: note that nothing has to be put back"]


def test_what_is_back_already_is_noted(gpus: SettingsNode) -> None:
    gpus.add(A100)
    gpus.programs.nvidia_smi = (0, "")
    gpus.hold(power_limit=300)
    plan = gpus.plan(ecc=False)
    gpus.apply(replace(plan, steps=plan.steps[:2]))
    gpus.put(0, "persistence_mode", 1)
    gpus.put(0, "power_limit_mw", 300000)
    plan = gpus.hold(ecc=False)
    assert [step.what for step in plan.steps] == ["GPU 0: note that nothing has to be put back"]
    gpus.tree.write(OWED, "nonsense")
    assert not gpus.plan(ecc=False).steps


def test_a_driver_that_was_loaded_since_owes_nothing(gpus: SettingsNode) -> None:
    """What was set has gone with it, as with a reboot: nothing of it comes back days later."""
    gpus.add(A100)
    gpus.programs.nvidia_smi = (0, "")
    gpus.hold(**ALL)
    plan = gpus.plan(ecc=False)
    gpus.apply(replace(plan, steps=plan.steps[:2]))
    assert owing(gpus.tree.files) and gpus.plan(ecc=False).steps
    gpus.reload()
    assert owing(gpus.tree.files) == {} and not gpus.plan(ecc=False).steps


def test_ecc_with_the_service(gpus: SettingsNode) -> None:
    first, second = gpus.add(A100), gpus.add(A100)
    gpus.programs.unit_file, gpus.programs.active, gpus.programs.nvidia_smi = "enabled", True, (0, "")
    plan = gpus.hold(ecc=False)
    assert actions(plan) == ["set-ecc", "set-ecc", "reset-gpus", "set-gpu", "set-gpu"]
    assert plan.steps[2].what == "reset GPU 0, GPU 1"
    assert [step.what for step in plan.steps[3:]] == [
        "GPU 0: set persistence on",
        "GPU 1: set persistence on",
    ]
    assert gpus.programs.ran == ["nvidia-smi --gpu-reset -i %s,%s" % (first, second)]
    assert gpus.gpu(first)["persistence"] and gpus.gpu(second)["persistence"] and not plan.warnings


def test_without_nvml_check_mode_foretells(gpus: SettingsNode) -> None:
    gpus.add(A100)
    gpus.tree.path("/run/gpu-simulator/module/version").unlink()
    plan = gpus.plan(persistence=True, power_limit=300, ecc=True, compute_mode="default")
    assert "NVML cannot be asked" in str(plan.needs[0]) and "nvidia_driver" in plan.needs[0].next
    assert [step.what for step in plan.steps] == ["GPU 0: set persistence on, power limit 300 W"]
    assert plan.steps[0].why.endswith("(predicted)") and "predicted" in plan.warnings[0]
    assert plan.foretold()["gpus"]["0000:07:00.0"]["predicted"]


def test_a_lost_gpu_does_not_keep_the_others(gpus: SettingsNode) -> None:
    first, _lost = gpus.add(A100), gpus.add(A100)
    gpus.put(1, "lost", "")
    plan = gpus.plan(gpus=[0], power_limit=300)
    gpus.apply(plan)
    assert gpus.gpu(first)["power_limit"] == 300 and "GPU 1: " in plan.warnings[0]


def test_what_systemd_stops_with_a_display_service_is_seen(gpus: SettingsNode) -> None:
    gpus.add(A100)
    gpus.tree.write("/sys/module/nvidia_drm/parameters/modeset", "Y\n")
    gpus.tree.write("/sys/bus/pci/drivers/nvidia/0000:07:00.0/drm/card0/dev")
    gpus.tree.write("/proc/1/cgroup", "0::/init.scope\n")
    gpus.tree.write("/proc/33/comm", "Xorg\n")
    gpus.tree.write("/proc/33/cgroup", "0::/system.slice/display.service\n")
    gpus.tree.link("/proc/33/fd/3", "/dev/dri/card0")
    gpus.programs.dependents["display.service"] = "session.service"
    assert gpus.observe().dependents == (("display.service", (Dependent("session.service"),)),)
