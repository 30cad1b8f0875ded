# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How values are asked of NVML: functions that make a question, to be put to a GPU."""

from __future__ import annotations

from ctypes import c_uint
from typing import Any, Callable, Mapping

from . import nvml, table, values
from .gpu import Gpu
from .nvml import NvmlError

Ask = Callable[[Gpu], Any]
VOLATILE, AGGREGATE = 0, 1
CORRECTED, UNCORRECTED = 0, 1
# nvmlMemoryLocation_t
L1, L2, DRAM, REGISTERS, TEXTURE, CBU, SRAM = 0, 1, 2, 3, 4, 6, 7
GRAPHICS, SM, MEMORY, VIDEO = range(4)


def uint(call: str, *arguments: int) -> Ask:
    return lambda gpu: gpu.uint(call, *(c_uint(number) for number in arguments))


def text(call: str, *arguments: int) -> Ask:
    return lambda gpu: gpu.text(call, *(c_uint(number) for number in arguments))


def either(ask: Ask, yes: str = "Enabled", no: str = "Disabled") -> Ask:
    return lambda gpu: values.either(ask(gpu), yes, no)


def named(ask: Ask, names: Mapping[int, str]) -> Ask:
    """The name of a number; NVML's own for one that is newer than this program."""
    return lambda gpu: names.get(ask(gpu), "Unknown")


def now(call: str) -> Ask:
    """The present one of two values."""
    return lambda gpu: gpu.pair(call)[0]


def pending(call: str) -> Ask:
    return lambda gpu: gpu.pair(call)[1]


def field(number: int, scope: int = 0) -> Ask:
    return lambda gpu: gpu.field(number, scope)


def microseconds(number: int) -> Ask:
    """Of a field that counts nanoseconds."""
    return lambda gpu: gpu.field(number) // 1000


def unknown(_gpu: Gpu) -> str:
    """What no public call of NVML tells."""
    return "N/A"


def watts(ask: Ask) -> Ask:
    """From milliwatts."""
    return lambda gpu: "{0:.2f}".format(ask(gpu) / 1000)


def part(call: str, kind: Any, name: str, version: int = 0) -> Ask:
    """A member of a structure."""
    return lambda gpu: getattr(gpu.filled(call, kind, version=version), name)


def framebuffer(name: str) -> Ask:
    """Part of the memory, in MiB. Libraries before R510 do not tell what is reserved."""

    def ask(gpu: Gpu) -> int:
        found = table.memory(gpu)
        if not hasattr(found, name):
            raise NvmlError(nvml.NOT_SUPPORTED)
        return values.mib(getattr(found, name))

    return ask


def bar1(name: str) -> Ask:
    ask = part("nvmlDeviceGetBAR1MemoryInfo", nvml.Bar1, name)
    return lambda gpu: values.mib(ask(gpu))


def errors(kind: int, counter: int, place: int) -> Ask:
    """ECC errors in one place."""
    return lambda gpu: gpu.library.number(
        *("nvmlDeviceGetMemoryErrorCounter", gpu.handle, c_uint(kind), c_uint(counter), c_uint(place)),
        kind=nvml.c_ulonglong,
    )


def all_errors(kind: int, counter: int) -> Ask:
    return lambda gpu: gpu.library.number(
        *("nvmlDeviceGetTotalEccErrors", gpu.handle, c_uint(kind), c_uint(counter)), kind=nvml.c_ulonglong
    )


def retired(cause: int) -> Ask:
    """How many pages are retired for that cause."""

    def ask(gpu: Gpu) -> int:
        count = c_uint(0)
        try:
            gpu.library.call(
                *("nvmlDeviceGetRetiredPages", gpu.handle, c_uint(cause), nvml.ctypes.byref(count), None)
            )
        except NvmlError as error:
            if error.code != nvml.INSUFFICIENT_SIZE:
                raise
        return int(count.value)

    return ask


def remapped(place: int) -> Ask:
    """Of nvmlDeviceGetRemappedRows: corrected, uncorrected, pending, failed."""

    def ask(gpu: Gpu) -> int:
        found = [c_uint() for _place in range(4)]
        gpu.library.call("nvmlDeviceGetRemappedRows", gpu.handle, *map(nvml.ctypes.byref, found))
        return int(found[place].value)

    return ask


def power_limit(place: int) -> Ask:
    """The least or the most that the power limit can be, in milliwatts."""
    return lambda gpu: gpu.pair("nvmlDeviceGetPowerManagementLimitConstraints")[place]


def reasons(gpu: Gpu, supported: bool = False) -> int:
    """The bit mask of clock event reasons; calls of that name are there since R535."""
    which = "Supported" if supported else "Current"
    for name in ("Event", "Throttle"):
        try:
            return int(
                gpu.library.number(
                    "nvmlDeviceGet{0}Clocks{1}Reasons".format(which, name), gpu.handle, kind=nvml.c_ulonglong
                )
            )
        except NvmlError as error:
            if error.code != nvml.FUNCTION_NOT_FOUND:
                raise
    raise NvmlError(nvml.NOT_SUPPORTED)


def reason(bit: int) -> Ask:
    return lambda gpu: values.either(reasons(gpu) & bit, "Active", "Not Active")


def capability(gpu: Gpu) -> str:
    return "{0}.{1}".format(*gpu.pair("nvmlDeviceGetCudaComputeCapability", nvml.c_int))


def performance(gpu: Gpu) -> str:
    state = gpu.uint("nvmlDeviceGetPerformanceState")
    return "P{0}".format(state) if state < 32 else "Unknown"


def margin(gpu: Gpu) -> int:
    """Degrees below the temperature at which it slows down."""
    return int(gpu.filled("nvmlDeviceGetMarginTemperature", nvml.Margin, version=1).degrees)


def inforom(number: int) -> Ask:
    """The version of an InfoROM object: OEM, ECC, power."""
    return text("nvmlDeviceGetInforomVersion", number)


def inforom_sound(gpu: Gpu) -> str:
    gpu.library.call("nvmlDeviceValidateInforom", gpu.handle)
    return "valid"


def protected(name: str) -> Ask:
    """Memory of confidential computing, in MiB."""
    ask = part("nvmlDeviceGetConfComputeProtectedMemoryUsage", nvml.Protected, name)
    return lambda gpu: values.mib(ask(gpu))


def captures(name: str) -> Ask:
    """Of the frame buffer."""
    return part("nvmlDeviceGetFBCStats", nvml.Captures, name)


c2c = part("nvmlDeviceGetC2cModeInfoV", nvml.C2c, "enabled")
pdi = part("nvmlDeviceGetPdi", nvml.Pdi, "value", version=1)


def repair(name: str) -> Ask:
    return part("nvmlDeviceGetRepairStatus", nvml.Repairs, name, version=1)


unrepairable = part("nvmlDeviceGetUnrepairableMemoryFlag_v1", nvml.Unrepairable, "memory", version=1)


def recovery(*actions: int) -> Ask:
    """Whether one of these actions is what the GPU needs; NVML_FI_DEV_GET_GPU_RECOVERY_ACTION."""
    return lambda gpu: values.either(gpu.field(230) in actions, "Yes", "No")


addressing = part("nvmlDeviceGetAddressingMode", nvml.Addressing, "value", version=1)


def histogram(name: str) -> Ask:
    return part("nvmlDeviceGetRowRemapperHistogram", nvml.Histogram, name)


def encoder(place: int) -> Ask:
    """Sessions, frames per second, latency."""

    def ask(gpu: Gpu) -> int:
        found = [c_uint() for _place in range(3)]
        gpu.library.call("nvmlDeviceGetEncoderStats", gpu.handle, *map(nvml.ctypes.byref, found))
        return int(found[place].value)

    return ask


def load(name: str) -> Ask:
    return part("nvmlDeviceGetUtilizationRates", nvml.Utilization, name)


def utilization(engine: str) -> Ask:
    """Per cent; these calls also tell how long they looked."""
    return lambda gpu: gpu.pair("nvmlDeviceGet{0}Utilization".format(engine))[0]


def pci(name: str) -> Ask:
    return part("nvmlDeviceGetPciInfo_v3", nvml.Pci, name)


def pci_class(name: str) -> Ask:
    return part("nvmlDeviceGetPciInfoExt", nvml.PciExtended, name, version=1)


def in_hex(ask: Ask, digits: int) -> Ask:
    return lambda gpu: "0x{0:0{1}X}".format(ask(gpu), digits)


def sram(name: str) -> Ask:
    """Errors of the SRAM, told apart; since R550, from Ampere on."""
    return part("nvmlDeviceGetSramEccErrorStatus", nvml.Sram, name, version=1)


# Fabric: nvmlGpuFabricInfoV_t; what it says while there is none is N/A, as in captures.
FABRIC_STATES = {0: "N/A", 1: "Not Started", 2: "In Progress", 3: "Completed"}


def fabric(ask: Callable[[Gpu, Any], str]) -> Ask:
    def complete(gpu: Gpu) -> str:
        try:
            found = gpu.filled("nvmlDeviceGetGpuFabricInfoV", nvml.Fabric, version=2)
        except NvmlError as error:
            if error.code in (nvml.NOT_SUPPORTED, nvml.FUNCTION_NOT_FOUND):
                return "N/A"
            raise
        return ask(gpu, found)

    return complete


def health(shift: int, yes: str = "True", no: str = "False") -> Ask:
    """Two bits of NVML_GPU_FABRIC_HEALTH_MASK: 1 is yes, 2 is no."""
    words = {1: yes, 2: no}
    return _completed(lambda _gpu, found: words.get(found.health >> shift & 3, "N/A"))


def _completed(write: Callable[[Gpu, Any], str]) -> Ask:
    return fabric(lambda gpu, found: write(gpu, found) if found.state == 3 else "N/A")


def _cluster(_gpu: Gpu, found: Any) -> str:
    digits = bytes(found.cluster).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


fabric_state = fabric(lambda _gpu, found: FABRIC_STATES.get(found.state, "Unknown"))
fabric_status = _completed(lambda gpu, found: gpu.library.message(found.status))
fabric_clique = _completed(lambda _gpu, found: str(found.clique))
fabric_cluster = _completed(_cluster)
