# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layouts of nvml_abi.h against the ctypes declarations of nvidia-ml-py."""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodes
import pynvml
import pytest

# nvidia-ml-py's name of each structure of nvml_abi.h.
PAIRS = {
    "nvmlPciInfo_t": pynvml.nvmlPciInfo_t,
    "nvmlPciInfo_v2_t": pynvml.nvmlPciInfo_v2_t,
    "nvmlPciInfoExt_v1_t": pynvml.nvmlPciInfoExt_v1_t,
    "nvmlMemory_t": pynvml.c_nvmlMemory_t,
    "nvmlMemory_v2_t": pynvml.c_nvmlMemory_v2_t,
    "nvmlBAR1Memory_t": pynvml.c_nvmlBAR1Memory_t,
    "nvmlUtilization_t": pynvml.c_nvmlUtilization_t,
    "nvmlProcessInfo_v2_t": pynvml.c_nvmlProcessInfo_v2_t,
    "nvmlProcessDetail_v1_t": pynvml.c_nvmlProcessDetail_v1_t,
    "nvmlProcessDetailList_v1_t": pynvml.c_nvmlProcessDetailList_v1_t,
    "nvmlProcessUtilizationSample_t": pynvml.c_nvmlProcessUtilizationSample_t,
    "nvmlEccErrorCounts_t": pynvml.c_nvmlEccErrorCounts_t,
    "nvmlRowRemapperHistogramValues_t": pynvml.c_nvmlRowRemapperHistogramValues,
    "nvmlTemperature_v1_t": pynvml.c_nvmlTemperature_v1_t,
    "nvmlMarginTemperature_v1_t": pynvml.c_nvmlMarginTemperature_v1_t,
    "nvmlPowerValue_v2_t": pynvml.c_nvmlPowerValue_v2_t,
    "nvmlDeviceAddressingMode_v1_t": pynvml.c_nvmlDeviceAddressingMode_t,
    "nvmlPdi_v1_t": pynvml.c_nvmlPdi_t,
    "nvmlC2cModeInfo_v1_t": pynvml.c_nvmlC2cModeInfo_v1_t,
    "nvmlConfComputeMemSizeInfo_t": pynvml.c_nvmlConfComputeMemSizeInfo_t,
    "nvmlFBCStats_t": pynvml.c_nvmlFBCStats_t,
    "nvmlGpuDynamicPstatesInfo_t": pynvml.c_nvmlGpuDynamicPstatesInfo_t,
    "nvmlEccSramErrorStatus_v1_t": pynvml.c_nvmlEccSramErrorStatus_v1_t,
    "nvmlRepairStatus_v1_t": pynvml.c_nvmlRepairStatus_t,
    "nvmlUnrepairableMemory_v1_t": pynvml.c_nvmlUnrepairableMemory_v1_t,
    "nvmlValue_t": pynvml.c_nvmlValue_t,
    "nvmlFieldValue_t": pynvml.c_nvmlFieldValue_t,
    "nvmlGpuFabricInfo_t": pynvml.c_nvmlGpuFabricInfo_t,
    "nvmlGpuFabricInfo_v2_t": pynvml.c_nvmlGpuFabricInfo_v2_t,
    "nvmlGpuFabricInfo_v3_t": pynvml.c_nvmlGpuFabricInfo_v3_t,
    "nvmlEventData_t": pynvml.c_nvmlEventData_t,
    "nvmlDeviceAttributes_t": pynvml.c_nvmlDeviceAttributes,
    "nvmlGpuInstancePlacement_t": pynvml.c_nvmlGpuInstancePlacement_t,
    "nvmlGpuInstanceProfileInfo_t": pynvml.c_nvmlGpuInstanceProfileInfo_t,
    "nvmlGpuInstanceProfileInfo_v2_t": pynvml.c_nvmlGpuInstanceProfileInfo_v2_t,
    "nvmlGpuInstanceInfo_t": pynvml.c_nvmlGpuInstanceInfo_t,
    "nvmlComputeInstancePlacement_t": pynvml.c_nvmlComputeInstancePlacement_t,
    "nvmlComputeInstanceProfileInfo_t": pynvml.c_nvmlComputeInstanceProfileInfo_t,
    "nvmlComputeInstanceProfileInfo_v2_t": pynvml.c_nvmlComputeInstanceProfileInfo_v2_t,
    "nvmlComputeInstanceInfo_t": pynvml.c_nvmlComputeInstanceInfo_t,
}
# In the header but not in the binding: old versions, and version 3 of profile information.
WITHOUT_A_PAIR = {
    "nvmlProcessInfo_v1_t", "nvmlComputeInstanceInfo_v1_t",
    "nvmlGpuInstanceProfileInfo_v3_t", "nvmlComputeInstanceProfileInfo_v3_t",
}  # fmt: skip

# Where the binding is wider than the header: nvmlPowerScopeType_t is an unsigned char in nvml.h (github
# NVIDIA/go-nvml), followed by padding, so that small numbers arrive all the same.
WIDER_IN_THE_BINDING = {"nvmlPowerValue_v2_t.powerScope: size": (1, 4)}

VERSIONS = {
    "nvmlPciInfoExt_v1_t": (1, pynvml.nvmlPciInfoExt_v1),
    "nvmlMemory_v2_t": (2, pynvml.nvmlMemory_v2),
    "nvmlProcessDetailList_v1_t": (1, pynvml.nvmlProcessDetailList_v1),
    "nvmlTemperature_v1_t": (1, pynvml.nvmlTemperature_v1),
    "nvmlMarginTemperature_v1_t": (1, pynvml.nvmlMarginTemperature_v1),
    "nvmlPowerValue_v2_t": (2, pynvml.nvmlPowerValue_v2),
    "nvmlDeviceAddressingMode_v1_t": (1, pynvml.nvmlDeviceAddressingMode_v1),
    "nvmlPdi_v1_t": (1, pynvml.nvmlPdi_v1),
    "nvmlEccSramErrorStatus_v1_t": (1, pynvml.nvmlEccSramErrorStatus_v1),
    "nvmlRepairStatus_v1_t": (1, pynvml.nvmlRepairStatus_v1),
    "nvmlUnrepairableMemory_v1_t": (1, pynvml.nvmlUnrepairableMemory_v1),
    "nvmlGpuFabricInfo_v2_t": (2, pynvml.nvmlGpuFabricInfo_v2),
    "nvmlGpuFabricInfo_v3_t": (3, pynvml.nvmlGpuFabricInfo_v3),
    "nvmlGpuInstanceProfileInfo_v2_t": (2, pynvml.nvmlGpuInstanceProfileInfo_v2),
    "nvmlComputeInstanceProfileInfo_v2_t": (2, pynvml.nvmlComputeInstanceProfileInfo_v2),
}


def _declared() -> set[str]:
    header = (nodes.SOURCES / "nvml_abi.h").read_text(encoding="utf-8")
    return set(re.findall(r"^(?:typedef (?:struct|union) \{.*\}|\}) (nvml\w+_t);", header, re.MULTILINE)) - {
        "nvmlReturn_t"
    }


def _questions() -> Iterator[tuple[str, str, int]]:
    """C expression, what it is about, and the binding's answer."""
    for name, binding in PAIRS.items():
        yield f"sizeof({name})", f"{name}: size", ctypes.sizeof(binding)
        for field in binding._fields_:
            there: Any = getattr(binding, field[0])
            yield f"offsetof({name}, {field[0]})", f"{name}.{field[0]}: offset", there.offset
            yield f"sizeof((({name} *)0)->{field[0]})", f"{name}.{field[0]}: size", there.size
    for name, (number, version) in VERSIONS.items():
        yield f"STRUCT_VERSION({name}, {number})", f"{name}: version field", version
    for error in dir(pynvml):
        if re.match(r"NVML_(ERROR_[A-Z_]+|SUCCESS)$", error):
            yield error, error, getattr(pynvml, error)


@pytest.fixture()
def answers(scratch: Path) -> list[int]:
    """What the C compiler makes of each question."""
    prints = "".join(f'    printf("%lld\\n", (long long)({question[0]}));\n' for question in _questions())
    source = '#include <stddef.h>\n#include <stdio.h>\n#include "nvml_abi.h"\nint main(void)\n{\n'
    (scratch / "abi.c").write_text(f"{source}{prints}    return 0;\n}}\n", encoding="utf-8")
    command = ["gcc", f"-I{nodes.SOURCES}", "-o", str(scratch / "abi"), str(scratch / "abi.c")]
    subprocess.run(command, check=True)
    printed = subprocess.run([str(scratch / "abi")], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in printed.split()]


def test_layouts_are_those_of_the_binding(answers: list[int]) -> None:
    questions = list(_questions())
    assert len(answers) == len(questions) > 150
    pairs = zip(answers, questions, strict=True)
    differ = {what: (ours, theirs) for ours, (_rest, what, theirs) in pairs if ours != theirs}
    assert differ == WIDER_IN_THE_BINDING


def test_every_structure_of_the_header_is_compared() -> None:
    assert _declared() == set(PAIRS) | WITHOUT_A_PAIR


def test_soname(library: Path) -> None:
    dynamic = subprocess.run(
        ["readelf", "-d", str(library / "libnvidia-ml.so.1")], check=True, capture_output=True, text=True
    ).stdout
    assert "Library soname: [libnvidia-ml.so.1]" in dynamic
    assert set(re.findall(r"NEEDED.*\[(.+)\]", dynamic)) <= {"libc.so.6", "libdl.so.2", "libpthread.so.0"}
