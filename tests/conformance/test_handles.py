# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding GPUs by index, UUID, serial number and PCI address."""

from __future__ import annotations

from ctypes import byref, cast
from typing import Any

import nodes
import pynvml
import pytest
from boards import A100, ADA, H100, T4
from expect import GPU_IS_LOST, INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, code, raw


@pytest.fixture()
def mixed(node: nodes.Node, nvml: Any) -> nodes.Node:
    """A100, T4, ADA and H100 in one node, initialized."""
    node.load_module().add(A100, T4, ADA, H100)
    nvml.nvmlInit()
    return node


@pytest.mark.rule("R_INDEX_RANGE")
def test_by_index(mixed: nodes.Node, nvml: Any) -> None:
    assert nvml.nvmlDeviceGetCount() == 4
    names = [nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(4)]
    assert names == [board.hardware["name"] for board in (A100, T4, ADA, H100)]
    for index in (4, 64, 0xFFFFFFFF):
        assert code(nvml.nvmlDeviceGetHandleByIndex, index) == INVALID_ARGUMENT
    assert nvml.nvmlDeviceGetIndex(nvml.nvmlDeviceGetHandleByIndex(2)) == 2


def test_indices_have_no_holes(node: nodes.Node, nvml: Any) -> None:
    node.load_module()
    node.set_hardware(10, **T4.hardware)
    node.set_hardware(2, **A100.hardware)
    node.set(10, **T4.driver)
    node.set(2, **A100.driver)
    nvml.nvmlInit()
    devices = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    assert [nvml.nvmlDeviceGetName(device) for device in devices] == ["NVIDIA A100-SXM4-80GB", "Tesla T4"]


def test_a_board_that_is_not_bound_is_not_seen(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(A100)
    node.set_hardware(1, **T4.hardware)
    nvml.nvmlInit()
    assert nvml.nvmlDeviceGetCount() == 1


@pytest.mark.rule("R_UUID_FOUND")
def test_by_uuid(mixed: nodes.Node, nvml: Any) -> None:
    found = nvml.nvmlDeviceGetHandleByUUID(T4.hardware["uuid"])
    assert nvml.nvmlDeviceGetName(found) == "Tesla T4"
    assert code(nvml.nvmlDeviceGetHandleByUUID, "GPU-00000000-0000-0000-0000-000000000000") == NOT_FOUND
    assert code(nvml.nvmlDeviceGetHandleByUUID, str(T4.hardware["uuid"])[:-1]) == NOT_FOUND


@pytest.mark.rule("R_SERIAL_FOUND")
def test_by_serial(mixed: nodes.Node, nvml: Any) -> None:
    assert nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleBySerial("1650522003820")) == A100.hardware["name"]
    assert code(nvml.nvmlDeviceGetHandleBySerial, "42") == NOT_FOUND


@pytest.mark.rule("R_SERIAL_UNIQUE")
def test_two_gpus_of_one_board_share_a_serial(mixed: nodes.Node, nvml: Any) -> None:
    mixed.set_hardware(2, serial=A100.hardware["serial"])
    assert code(nvml.nvmlDeviceGetHandleBySerial, A100.hardware["serial"]) == INVALID_ARGUMENT


@pytest.mark.parametrize(
    "address", ["00000000:02:1E.0", "0000:02:1e.0", "0:2:1e.0", "0000:02:1E", "02:1e.0", "2:1E.0"]
)
def test_by_pci_address(mixed: nodes.Node, nvml: Any, address: str) -> None:
    assert nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByPciBusId(address)) == "Tesla T4"


@pytest.mark.rule("R_PCI_FORMAT")
@pytest.mark.parametrize(
    "address", ["", "2", "hello", "0000:02:1e.0x", "0000-02-1e.0", "02:1e", ":::", "0000:02:1e."]
)
def test_what_is_no_pci_address(mixed: nodes.Node, nvml: Any, address: str) -> None:
    assert code(nvml.nvmlDeviceGetHandleByPciBusId, address) == INVALID_ARGUMENT


@pytest.mark.rule("R_PCI_FOUND")
@pytest.mark.parametrize("address", ["0000:03:1e.0", "0001:02:1e.0", "0000:02:1f.0", "9b:00.0"])
def test_no_gpu_at_that_address(mixed: nodes.Node, nvml: Any, address: str) -> None:
    assert code(nvml.nvmlDeviceGetHandleByPciBusId, address) == NOT_FOUND


@pytest.mark.rule("R_PCI_FUNCTION_ZERO")
def test_another_function_of_the_board_is_no_gpu(mixed: nodes.Node, nvml: Any) -> None:
    assert code(nvml.nvmlDeviceGetHandleByPciBusId, "0000:02:1e.1") == NOT_FOUND


@pytest.mark.rule("R_HANDLE_VALID")
def test_handles_that_are_none(mixed: nodes.Node, nvml: Any) -> None:
    device = nvml.nvmlDeviceGetHandleByIndex(3)
    for address in (0, 1, 0xDEADBEEF, 1 << 63):
        assert code(nvml.nvmlDeviceGetName, cast(address, pynvml.c_nvmlDevice_t)) == INVALID_ARGUMENT
    inside = cast(cast(device, pynvml.c_void_p).value + 1, pynvml.c_nvmlDevice_t)
    assert code(nvml.nvmlDeviceGetName, inside) == INVALID_ARGUMENT


@pytest.mark.rule("R_HANDLE_VALID")
def test_a_handle_of_a_gpu_that_a_new_session_lacks(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(A100, T4)
    nvml.nvmlInit()
    second = nvml.nvmlDeviceGetHandleByIndex(1)
    nvml.nvmlShutdown()
    for path in sorted((node.run / "gpus/1").iterdir()):
        path.unlink()
    (node.run / "gpus/1").rmdir()
    nvml.nvmlInit()
    assert code(nvml.nvmlDeviceGetName, second) == INVALID_ARGUMENT


@pytest.mark.rule("R_GPU_PRESENT")
def test_a_lost_gpu_answers_nothing(mixed: nodes.Node, nvml: Any) -> None:
    lost, other = nvml.nvmlDeviceGetHandleByIndex(1), nvml.nvmlDeviceGetHandleByIndex(0)
    mixed.lose(1)
    assert nvml.nvmlDeviceGetCount() == 4
    assert code(nvml.nvmlDeviceGetName, lost) == GPU_IS_LOST
    assert code(nvml.nvmlDeviceGetTemperature, lost, 0) == GPU_IS_LOST
    assert code(nvml.nvmlDeviceGetHandleByIndex, 1) == GPU_IS_LOST
    assert code(nvml.nvmlDeviceGetHandleByPciBusId, "0000:02:1e.0") == GPU_IS_LOST
    assert code(nvml.nvmlDeviceGetTopologyCommonAncestor, other, lost) == GPU_IS_LOST
    assert nvml.nvmlDeviceGetName(other) == A100.hardware["name"]
    assert code(nvml.nvmlDeviceGetHandleByPciBusId, "0000:01:00.0") == 0


@pytest.mark.rule("R_ALL_GPUS_PRESENT")
def test_a_search_over_all_gpus_fails_with_one_lost(mixed: nodes.Node, nvml: Any) -> None:
    mixed.lose(3)
    assert code(nvml.nvmlDeviceGetHandleByUUID, T4.hardware["uuid"]) == GPU_IS_LOST
    assert code(nvml.nvmlDeviceGetHandleBySerial, T4.hardware["serial"]) == GPU_IS_LOST


def test_pci_information(mixed: nodes.Node, nvml: Any) -> None:
    pci = nvml.nvmlDeviceGetPciInfo(nvml.nvmlDeviceGetHandleByIndex(3))
    assert (pci.domain, pci.bus, pci.device) == (1, 0x9B, 0)
    assert (pci.busId, pci.busIdLegacy) == ("00000001:9B:00.0", "0001:9B:00.0")
    assert (pci.pciDeviceId, pci.pciSubSystemId) == (0x233010DE, 0x16C110DE)


@pytest.mark.parametrize("function", ["nvmlDeviceGetPciInfo", "nvmlDeviceGetPciInfo_v2"])
def test_the_older_pci_information(mixed: nodes.Node, nvml: Any, function: str) -> None:
    pci = pynvml.nvmlPciInfo_v2_t()
    assert raw(function, nvml.nvmlDeviceGetHandleByIndex(1), byref(pci)) == 0
    assert (pci.busId, pci.device, pci.pciDeviceId) == ("0000:02:1E.0", 0x1E, 0x1EB810DE)


def test_extended_pci_information(mixed: nodes.Node, nvml: Any) -> None:
    pci = pynvml.nvmlPciInfoExt_v1_t(version=pynvml.nvmlPciInfoExt_v1)
    assert raw("nvmlDeviceGetPciInfoExt", nvml.nvmlDeviceGetHandleByIndex(2), byref(pci)) == 0
    assert (pci.baseClass, pci.subClass, pci.busId) == (3, 0, "00000000:06:00.0")
    assert raw("nvmlDeviceGetPciInfoExt", nvml.nvmlDeviceGetHandleByIndex(1), byref(pci)) == NOT_SUPPORTED


def test_topology(mixed: nodes.Node, nvml: Any) -> None:
    first, second, third, fourth = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(4))
    ancestor = nvml.nvmlDeviceGetTopologyCommonAncestor
    assert ancestor(first, first) == nvml.NVML_TOPOLOGY_INTERNAL
    assert ancestor(first, third) == nvml.NVML_TOPOLOGY_NODE
    assert ancestor(first, second) == nvml.NVML_TOPOLOGY_SYSTEM
    assert code(ancestor, first, fourth) == NOT_SUPPORTED
    assert code(ancestor, first, None) == INVALID_ARGUMENT
    assert list(nvml.nvmlDeviceGetCpuAffinity(first, 2)) == [0xF, 0xC]
    # The reference has it for GPUs that are a NUMA node; an H100 on x86 refuses it.
    assert code(nvml.nvmlDeviceGetNumaNodeId, first) == NOT_SUPPORTED
    assert list(nvml.nvmlDeviceGetMemoryAffinity(first, 1, nvml.NVML_AFFINITY_SCOPE_NODE)) == [2]
