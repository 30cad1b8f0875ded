# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GPU's NVML library is asked: getters only, and which of the answers are the board's own.

A question is the name of a call without nvmlDeviceGet, or with System in front without nvmlSystemGet, and its
arguments, separated by blanks; "field <n>" is one value of nvmlDeviceGetFieldValues.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType

# Arguments after the device.
ARGUMENTS: dict[str, list[tuple[int, ...]]] = {
    "APIRestriction": [(0,), (1,)],
    "ApplicationsClock": [(0,), (2,)],
    "Clock": [(domain, which) for domain in range(4) for which in range(4)],
    "ClockInfo": [(domain,) for domain in range(5)],
    "CpuAffinity": [(1,)],
    "DefaultApplicationsClock": [(0,), (2,)],
    "EncoderCapacity": [(0,), (1,)],
    "FanSpeed_v2": [(0,)],
    "GpuInstanceById": [(0,), (1,)],
    "GpuInstanceProfileInfo": [(number,) for number in range(12)],
    "GpuInstanceRemainingCapacity": [(0,), (19,)],
    "InforomVersion": [(kind,) for kind in range(5)],
    "MaxClockInfo": [(domain,) for domain in range(5)],
    "MaxCustomerBoostClock": [(domain,) for domain in range(4)],
    "MemoryAffinity": [(1, 0)],
    "MemoryErrorCounter": [
        (kind, counter, place) for kind in (0, 1) for counter in (0, 1) for place in range(8)
    ],
    "MigDeviceHandleByIndex": [(0,)],
    "NvLinkCapability": [(0, capability) for capability in range(6)],
    "NvLinkErrorCounter": [(0, counter) for counter in range(5)],
    "NvLinkRemoteDeviceType": [(0,)],
    "NvLinkRemotePciInfo": [(0,)],
    "NvLinkState": [(link,) for link in (0, 17, 18)],
    "NvLinkVersion": [(0,)],
    "PcieThroughput": [(0,), (1,)],
    "RetiredPages": [(0,), (1,)],
    "Temperature": [(0,), (1,)],
    "TemperatureThreshold": [(kind,) for kind in range(9)],
    "TotalEccErrors": [(kind, counter) for kind in (0, 1) for counter in (0, 1)],
}
FIELDS = [*range(1, 12), *range(60, 95), *range(130, 260)]

# Of the moment, of the slot, of the single board or of its firmware: only the form of the answer is compared.
_VARIES = re.compile(
    r"(Serial|UUID|Pdi|BoardId|BoardPartNumber|VbiosVersion|Inforom\w+|ModuleId|MinorNumber|IrqNum|PciInfo\w*"
    r"|Temperature|MarginTemperature|PowerUsage|PowerManagementLimit|EnforcedPowerLimit|TotalEnergyConsumption"
    r"|PerformanceState|PowerState|Clock \d 0|ClockInfo|CurrentClock\w+|CurrPcie\w+|Pcie(Throughput|Speed)\w*"
    r"|ReplayCounter|PcieReplayCounter|UtilizationRates|\w+Utilization|DynamicPstatesInfo|\w*RunningProcesses\w*"
    r"|BAR1MemoryInfo|MemoryInfo\w*|ConfComputeMemSizeInfo|PersistenceMode|AccountingMode|AccountingPids"
    r"|ComputeMode|CpuAffinity|MemoryAffinity|Index|(Current|Pending)?EccMode|\w*EccErrors|MemoryErrorCounter"
    r"|RemappedRows|RowRemapperHistogram|RepairStatus|UnrepairableMemoryFlag_v1|VirtualizationMode"
    r"|GspFirmwareVersion|Gpu(Recovery|Fabric)\w+|SystemDriverVersion|SystemNVMLVersion|SystemProcessName"
    r"|field ([1-9]|1[01]|7[4-9]|8[0-3]|94|14[2-5]|169|17\d|18[0-356]|190|191|192|197|198|226|227|230)"
    r"|EncoderStats|FBCStats|PerformanceModes|SystemDriverBranch|DisplayActive|DisplayMode|AddressingMode)"
    r"( .*)?"
)


def varies(question: str) -> bool:
    """Whether the answer's figures say nothing of other boards of the kind."""
    return _VARIES.fullmatch(question) is not None


def every(pynvml: ModuleType) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """Question, function of the binding and arguments after the device, a device first where there is one.

    None of the functions changes anything: the names begin with nvmlDeviceGet or nvmlSystemGet.
    """
    for name, function in sorted(vars(pynvml).items()):
        found = re.fullmatch(r"nvml(DeviceGet|SystemGet)(\w+)", name)
        if not found or not inspect.isfunction(function) or "HandleBy" in name:
            continue
        of_system, rest = found.group(1) == "SystemGet", found.group(2)
        required = [
            one
            for one in inspect.signature(function).parameters.values()
            if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
        ]
        if rest not in ARGUMENTS and len(required) == (0 if of_system else 1):
            yield ("System" if of_system else "") + rest, name, ()
    for rest, several in ARGUMENTS.items():
        for arguments in several:
            yield " ".join([rest, *map(str, arguments)]), f"nvmlDeviceGet{rest}", arguments
    for field in FIELDS:
        yield f"field {field}", "nvmlDeviceGetFieldValues", ([field],)
