# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of NVML, through nvidia-ml-py on the simulated library: each ok, and each failing."""

from __future__ import annotations

import shutil
from typing import Any, Dict, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._check.row import FAILED, OK, SKIPPED, WARNED
from ansible_collections.labfleet.gpu.tests.unit.support.check_node import MIG_TABLE, CheckNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, H100, T4, RTX = "a100-sxm4-40gb", "h100-sxm5-80gb", "t4", "rtx-4090"
NAME = {A100: "GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0)", T4: "GPU 0 (Tesla T4, 0000:07:00.0)"}
GROUPS = ("driver", "gpus", "memory", "links", "clocks", "mig")


@pytest.mark.parametrize("board", [A100, H100, T4, RTX])
def test_a_healthy_board(gpus: CheckNode, board: str) -> None:
    gpus.add(board)
    if board == H100:
        gpus.put(0, "fabric_state", 3)
    gpus.put(0, "pcie_width", gpus.is_now(0, "pcie_width_max"))
    gpus.put(0, "pcie_gen", gpus.is_now(0, "pcie_gen_max"))
    gpus.put(0, "nvlink_active_mask", (1 << int(gpus.is_now(0, "nvlink_count") or 0)) - 1)
    found = gpus.rows(*GROUPS)
    assert {row.result for row in found} <= {OK, SKIPPED}, [str(row) for row in found]
    ok = {row.name for row in found if row.result == OK}
    assert ok >= {"nvml", "gpu_count", "gpu_answers", "xids", "pcie_width", "pcie_speed", "throttling"}
    assert ("ecc_errors" in ok) is (board != RTX) and ("fabric" in ok) is (board == H100)
    assert ("remapped_rows" in ok) is (board in (A100, H100)) and ("retired_pages" in ok) is (board == T4)
    assert ("nvlink" in ok) is (board in (A100, H100))


CASES: Dict[str, Tuple[str, str, Dict[str, Any], str, str]] = {
    # id: (row, board, volatile or persistent attributes, result, words)
    "uncorrected": (
        "ecc_errors",
        A100,
        {"ecc_volatile_uncorrected_dram": 2},
        FAILED,
        "2 uncorrected memory errors",
    ),
    "in its life": ("ecc_errors", A100, {"ecc_aggregate_uncorrected_dram": 5}, WARNED, "5 uncorrected"),
    "ecc off": ("ecc_errors", A100, {"ecc_mode_current": 0}, SKIPPED, "ECC is off, so errors go unseen"),
    "corrected rows": ("remapped_rows", A100, {"remapped_correctable": 3}, OK, "3 rows remapped"),
    "rows waiting": (
        "remapped_rows",
        A100,
        {"remapped_pending": 1},
        FAILED,
        "in use until a reset remaps it",
    ),
    "rows failed": ("remapped_rows", A100, {"remapped_failure": 1}, FAILED, "could not be remapped"),
    "no spare": (
        "remapped_rows",
        A100,
        {"remapped_histogram": "600 0 0 0 2"},
        WARNED,
        "2 banks of memory have no",
    ),
    "pages waiting": (
        "retired_pages",
        T4,
        {"retired_pages_pending": 1},
        FAILED,
        "in use until it is retired",
    ),
    "pages": (
        "retired_pages",
        T4,
        {"retired_pages_double_bit": "\n".join("0x%x000" % each for each in range(1, 61))},
        FAILED,
        "60 pages of memory are retired",
    ),
    "narrow": ("pcie_width", A100, {"pcie_width": 8}, FAILED, "has 8 lanes, and should have 16"),
    "slow at work": (
        "pcie_speed",
        A100,
        {"pcie_gen": 1, "clocks_event_reasons": 0},
        FAILED,
        "generation 1, and",
    ),
    "slow at rest": ("pcie_speed", A100, {"pcie_gen": 1, "clocks_event_reasons": 1}, SKIPPED, "it is idle"),
    "slow slot": ("pcie_speed", A100, {"pcie_gen": 3, "pcie_gen_max": 3}, WARNED, "and the GPU can 4"),
    "link down": ("nvlink", A100, {"nvlink_active_mask": 0xFFB}, FAILED, "1 of 12 NVLinks are down: 2"),
    "link errors": (
        "nvlink",
        A100,
        {"nvlink_replay_errors": "0 7" + " 0" * 10, "nvlink_recovery_errors": "0" + " 0" * 11},
        WARNED,
        "1 (7 replays, 0 recoveries)",
    ),
    "heat": ("throttling", A100, {"clocks_event_reasons": 0x48}, FAILED, "it is too hot"),
    "power brake": ("throttling", A100, {"clocks_event_reasons": 0x80}, FAILED, "the power brake is on"),
    "slowdown": (
        "throttling",
        A100,
        {"clocks_event_reasons": 0x08},
        FAILED,
        "the hardware has slowed it down",
    ),
    "warm": ("throttling", A100, {"clocks_event_reasons": 0x20}, WARNED, "near its highest temperature"),
    "idle": ("throttling", A100, {"clocks_event_reasons": 0x01}, OK, "nothing slows it down"),
    "power cap": ("throttling", A100, {"clocks_event_reasons": 0x04}, OK, "nothing slows it down"),
    "to be reset": ("recovery", A100, {"recovery_action": 1}, FAILED, "asks for a reset"),
    "to be rebooted": ("recovery", A100, {"recovery_action": 2}, FAILED, "asks for a reboot"),
    "drain": ("recovery", A100, {"recovery_action": 4}, FAILED, "end work and reset"),
}


@pytest.mark.parametrize("case", list(CASES))
def test_what_makes_a_row(gpus: CheckNode, case: str) -> None:
    name, board, values, result, words = CASES[case]
    gpus.add(board)
    gpus.put(0, "nvlink_active_mask", 0xFFF)
    gpus.put(0, "pcie_gen", 4)
    for key, value in values.items():
        home = (
            "/var/lib/gpu-simulator"
            if gpus.tree.path("/var/lib/gpu-simulator/gpus/0/" + key).exists()
            else "/run"
        )
        if home == "/run":
            gpus.put(0, key, value)
        else:
            gpus.tree.write("/var/lib/gpu-simulator/gpus/0/" + key, "%s\n" % value)
    row = gpus.row(name)
    assert (row.result, row.subject) == (result, NAME[board]), row
    assert words in row.reason and (row.next or result in (OK, SKIPPED)), row


@pytest.mark.parametrize(
    "values, result, words",
    [
        ({"fabric_state": 3}, OK, "it is registered with the fabric"),
        ({"fabric_state": 2}, FAILED, "it is registering with the fabric, so CUDA does not start"),
        ({"fabric_state": 1}, FAILED, "it has not begun to register"),
        ({"fabric_state": 3, "fabric_status": 999}, FAILED, "failed with 999"),
        ({"fabric_state": 3, "fabric_health_mask": 0x1}, FAILED, "its NVLink bandwidth is degraded"),
        ({"fabric_state": 3, "fabric_health_mask": 0x10}, FAILED, "a route of the fabric is unhealthy"),
        ({"fabric_state": 3, "fabric_health_mask": 0x500}, FAILED, "the fabric's configuration is wrong"),
        ({"fabric_state": 3, "fabric_health_mask": 0x40}, WARNED, "recovers from a timeout"),
        ({"fabric_state": 3, "fabric_health_mask": 0x1AA}, OK, "it is registered"),
        ({"fabric_state": 0}, SKIPPED, "it is in no fabric"),
    ],
)
def test_the_fabric(gpus: CheckNode, values: Dict[str, int], result: str, words: str) -> None:
    gpus.add(H100)
    for key, value in values.items():
        gpus.put(0, key, value)
    row = gpus.row("fabric")
    assert row.result == result and words in row.reason


def test_how_many(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.add(A100)
    assert gpus.row("gpu_count").reason == "2 GPUs"
    assert gpus.row("gpu_count", expected_gpus=2).result == OK
    row = gpus.row("gpu_count", expected_gpus=3)
    assert (row.result, row.reason) == (FAILED, "NVML shows 2 GPUs, PCI 2, and 3 are expected")
    assert "power, seat, risers" in row.next
    gpus.tree.pci("0000:99:00.0", "0x20b0", "0x030200")
    row = gpus.row("gpu_count")
    assert (row.result, row.reason) == (FAILED, "NVML shows 2 GPUs, and PCI besides 0000:99:00.0")
    assert gpus.row("gpu_count", expected_gpus=3).result == FAILED


def test_none_at_all(gpus: CheckNode) -> None:
    row = gpus.row("gpu_count")
    assert (row.result, row.reason) == (FAILED, "there is no GPU") and gpus.row("nvml").result == FAILED
    assert gpus.row("gpu_count", expected_gpus=1).result == FAILED
    assert gpus.row("gpu_count", expected_gpus=0).result == OK
    assert gpus.row("nvml", expected_gpus=0).result == SKIPPED, "the driver has nothing to do"


def test_one_given_to_a_virtual_machine_is_not_missed(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.tree.pci("0000:99:00.0", "0x20b0", "0x030200", driver="vfio-pci")
    assert gpus.row("gpu_count").result == OK


#: What a board does not tell, the row, its reason.
UNTOLD = [
    ("recovery_action", "recovery", "this driver does not tell"),
    ("clocks_event_reasons", "throttling", "it does not tell why its clocks are as they are"),
    ("pcie_width", "pcie_width", "it does not tell how wide its PCIe link is"),
    ("pcie_gen", "pcie_speed", "it does not tell how fast its PCIe link is"),
    ("mig_mode_current", "mig_devices", "it has no MIG"),
    ("ecc_mode_current", "ecc_errors", "it has no ECC"),
    ("remapped_pending", "remapped_rows", "it does not remap rows"),
    ("retired_pages_pending", "retired_pages", "it does not retire pages"),
    ("nvlink_count", "nvlink", "it has no NVLink"),
    ("fabric_state", "fabric", "it is in no fabric"),
]


@pytest.mark.parametrize("attribute, name, reason", UNTOLD)
def test_what_is_not_told_is_skipped(gpus: CheckNode, attribute: str, name: str, reason: str) -> None:
    gpus.add(T4 if name == "retired_pages" else A100)
    for home in ("/run", "/var/lib"):
        for path in gpus.tree.path(home + "/gpu-simulator/gpus/0").glob(attribute):
            path.unlink()
    row = gpus.row(name)
    assert (row.result, row.reason) == (SKIPPED, reason)


def test_errors_that_are_not_counted(gpus: CheckNode) -> None:
    gpus.add(A100)
    for path in gpus.tree.root.glob("*/**/ecc_volatile_uncorrected_*"):
        path.unlink()
    row = gpus.row("ecc_errors")
    assert (row.result, row.reason) == (SKIPPED, "it does not count errors")


def test_links_that_no_board_here_uses(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.put(0, "nvlink_active_mask", 0)
    row = gpus.row("nvlink")
    assert row.result == SKIPPED and "no GPU here has one that is up" in row.reason
    gpus.add(A100)
    gpus.put(1, "nvlink_active_mask", 0xFFF)
    assert [row.result for row in gpus.rows("nvlink")] == [FAILED, OK]


def test_the_model(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.add(T4)
    assert gpus.row("gpu_model").result == SKIPPED
    first, second = gpus.rows("gpu_model", expected_model="A100 40GB")
    assert (first.result, first.reason) == (OK, "it is an NVIDIA A100-SXM4-40GB")
    assert (second.result, second.reason) == (FAILED, "it is a Tesla T4, and A100 40GB is expected")


def test_a_lost_gpu(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.add(A100)
    gpus.put(1, "lost", "")
    lost, well = gpus.rows("gpu_answers")
    assert (lost.result, lost.subject) == (FAILED, "GPU 1") and "lost" in lost.reason and well.result == OK
    assert gpus.row("gpu_count").reason == "NVML shows 1 GPU, and PCI besides 0000:08:00.0"
    assert len(gpus.rows("ecc_errors")) == 1, "the other is looked at"


def test_all_lost(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.put(0, "lost", "")
    (row,) = gpus.rows("ecc_errors")
    assert (row.result, row.reason) == (SKIPPED, "no GPU answers")
    (row,) = gpus.rows("gpu_answers")
    assert (row.result, row.subject) == (FAILED, "GPU 0")


READINGS = {
    "recovery": "nvmlDeviceGetFieldValues",
    "ecc_errors": "nvmlDeviceGetTotalEccErrors",
    "remapped_rows": "nvmlDeviceGetRemappedRows",
    "retired_pages": "nvmlDeviceGetRetiredPagesPendingStatus",
    "pcie_width": "nvmlDeviceGetCurrPcieLinkWidth",
    "pcie_speed": "nvmlDeviceGetCurrPcieLinkGeneration",
    "nvlink": "nvmlDeviceGetNvLinkState",
    "fabric": "nvmlDeviceGetGpuFabricInfoV",
    "throttling": "nvmlDeviceGetCurrentClocksEventReasons",
    "mig_devices": "nvmlDeviceGetMigMode",
}


@pytest.mark.parametrize("name", list(READINGS))
def test_a_reading_that_fails_fails_its_row_alone(gpus: CheckNode, name: str) -> None:
    gpus.add(H100)
    gpus.put(0, "fabric_state", 3)
    gpus.fault(READINGS[name], "return 999")
    row = gpus.row(name)
    assert row.result == FAILED and row.reason.startswith("NVML does not tell"), row
    assert gpus.row("gpu_answers").result == OK and gpus.row("gpu_count").result == OK


def test_mig(gpus: CheckNode) -> None:
    gpus.add(A100, mig=1)
    row = gpus.row("mig_devices")
    assert row.result == FAILED and "it has no device" in row.reason
    gpus.tree.write("/var/lib/gpu-simulator/gpus/0/mig_mode_pending", "0\n")
    row = gpus.row("mig_devices")
    assert row.result == FAILED and row.reason == "MIG mode is on and waits for a reset to be off"
    gpus.tree.write("/var/lib/gpu-simulator/gpus/0/mig_mode_current", "0\n")
    assert gpus.row("mig_devices").result == SKIPPED


def test_mig_devices(gpus: CheckNode) -> None:
    gpus.add(A100, mig=1, mig_profiles=MIG_TABLE)
    gpus.divide()
    row = gpus.row("mig_devices")
    assert (row.result, row.reason) == (OK, "2 MIG devices")
    gpus.fault("nvmlDeviceGetMemoryInfo", "return 999")
    row = gpus.row("mig_devices")
    assert row.result == FAILED and row.reason.startswith("MIG devices do not answer: 0: Unknown Error; 1:")


def test_no_driver(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.tree.path("/run/gpu-simulator/module/version").unlink()
    gpus.tree.path("/proc/driver/nvidia/version").unlink()
    row = gpus.row("nvml")
    assert row.result == FAILED and "nvidia_driver" in row.next
    assert gpus.row("driver_versions").result == SKIPPED
    skipped = gpus.rows("memory", "links", "clocks", "mig", "recovery")
    assert {(each.result, each.subject) for each in skipped} == {(SKIPPED, "node")}
    assert gpus.row("gpu_count").result == SKIPPED and gpus.row("gpu_count", expected_gpus=1).result == FAILED
    assert gpus.row("gpu_model", expected_model="A100").result == FAILED


def test_a_library_that_is_not_the_module(gpus: CheckNode) -> None:
    gpus.add(A100)
    assert gpus.row("driver_versions").result == OK
    gpus.tree.write("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.126.09")
    gpus.tree.link("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "libnvidia-ml.so.580.126.09")
    gpus.fault("nvmlInit", "return 18")
    row = gpus.row("driver_versions")
    assert (row.result, row.reason) == (FAILED, "module 580.95.05 is loaded, and the library is 580.126.09")
    row = gpus.row("nvml")
    assert row.result == FAILED and row.next.startswith("reboot, or have the driver loaded anew")


def test_a_library_that_is_not_there(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.fault("nvmlInit", "return 12")
    row = gpus.row("driver_versions")
    assert (row.result, row.reason) == (SKIPPED, "module 580.95.05 is loaded, and no library is found")
    assert gpus.row("nvml").result == FAILED


def test_a_driver_that_hangs(gpus: CheckNode, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus.add(A100)
    gpus.fault("nvmlDeviceGetName", "hang")
    monkeypatch.setattr(
        "ansible_collections.labfleet.gpu.plugins.module_utils._nvml.in_session.__defaults__", (1.0,)
    )
    row = gpus.row("nvml")
    assert row.result == FAILED and "did not answer within 1 seconds" in row.reason


def test_what_is_tolerated_is_a_warning(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.put(0, "pcie_width", 8)
    assert gpus.row("pcie_width", min_pcie_width=8).result == OK
    assert gpus.row("pcie_width", min_pcie_width=16).result == FAILED
    row = gpus.row("pcie_width", tolerate=["links"])
    assert row.result == WARNED and row.reason.endswith("(tolerated)")
