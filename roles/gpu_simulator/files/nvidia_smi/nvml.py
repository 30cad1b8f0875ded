# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NVML library by its public C ABI. A call that a library lacks fails as one that it refuses.

Numbers and structures: NVML API reference (docs.nvidia.com/deploy/nvml-api).
"""

from __future__ import annotations

import ctypes
from ctypes import c_char, c_int, c_longlong, c_uint, c_ulonglong, c_ushort, c_void_p
from typing import Any, List, Optional, Type

INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 2, 3, 4, 6
INSUFFICIENT_SIZE, DRIVER_NOT_LOADED = 7, 9
LIBRARY_NOT_FOUND, FUNCTION_NOT_FOUND, GPU_IS_LOST, LIB_RM_VERSION_MISMATCH = 12, 13, 15, 18
IN_USE, DEPRECATED, GPU_NOT_FOUND, UNKNOWN = 19, 26, 28, 999
UNSIGNED, SIGNED = 1, 5  # nvmlValueType_t
TEXT = 96
MOST_INSTANCES = 64


class NvmlError(Exception):
    """A call failed.

    :param code: an nvmlReturn_t
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Pci(ctypes.Structure):
    """nvmlPciInfo_t"""

    _fields_ = [("legacy", c_char * 16)]
    _fields_ += [(name, c_uint) for name in ("domain", "bus", "device", "device_id", "subsystem_id")]
    _fields_ += [("bus_id", c_char * 32)]


class PciExtended(ctypes.Structure):
    """nvmlPciInfoExt_v1_t"""

    _fields_ = [
        (name, c_uint)
        for name in ("version", "domain", "bus", "device", "device_id", "subsystem_id", "base", "sub")
    ]
    _fields_ += [("bus_id", c_char * 32)]


class Memory(ctypes.Structure):
    """nvmlMemory_v2_t"""

    _fields_ = [("version", c_uint)]
    _fields_ += [(name, c_ulonglong) for name in ("total", "reserved", "free", "used")]


class Bar1(ctypes.Structure):
    """nvmlBAR1Memory_t"""

    _fields_ = [(name, c_ulonglong) for name in ("total", "free", "used")]


class Utilization(ctypes.Structure):
    """nvmlUtilization_t"""

    _fields_ = [("gpu", c_uint), ("memory", c_uint)]


class Process(ctypes.Structure):
    """nvmlProcessInfo_v2_t"""

    _fields_ = [
        ("pid", c_uint),
        ("used", c_ulonglong),
        ("gpu_instance", c_uint),
        ("compute_instance", c_uint),
    ]


class Histogram(ctypes.Structure):
    """nvmlRowRemapperHistogramValues_t"""

    _fields_ = [(name, c_uint) for name in ("max", "high", "partial", "low", "none")]


class Margin(ctypes.Structure):
    """nvmlMarginTemperature_v1_t"""

    _fields_ = [("version", c_uint), ("degrees", c_int)]


class Addressing(ctypes.Structure):
    """nvmlDeviceAddressingMode_t"""

    _fields_ = [("version", c_uint), ("value", c_uint)]


class Pdi(ctypes.Structure):
    """nvmlPdi_v1_t"""

    _fields_ = [("version", c_uint), ("value", c_ulonglong)]


class C2c(ctypes.Structure):
    """nvmlC2cModeInfo_v1_t"""

    _fields_ = [("enabled", c_uint)]


class Protected(ctypes.Structure):
    """nvmlMemory_t"""

    _fields_ = [(name, c_ulonglong) for name in ("total", "free", "used")]


class Captures(ctypes.Structure):
    """nvmlFBCStats_t"""

    _fields_ = [(name, c_uint) for name in ("sessions", "fps", "latency")]


class Repairs(ctypes.Structure):
    """nvmlRepairStatus_v1_t"""

    _fields_ = [(name, c_uint) for name in ("version", "channel", "tpc")]


class Unrepairable(ctypes.Structure):
    """nvmlUnrepairableMemory_v1_t"""

    _fields_ = [(name, c_uint) for name in ("version", "memory")]


class Fabric(ctypes.Structure):
    """nvmlGpuFabricInfo_v2_t"""

    _fields_ = [("version", c_uint), ("cluster", ctypes.c_ubyte * 16), ("status", c_int)]
    _fields_ += [("clique", c_uint), ("state", c_uint), ("health", c_uint)]


class Sram(ctypes.Structure):
    """nvmlEccSramErrorStatus_v1_t"""

    _fields_ = [("version", c_uint)]
    _fields_ += [
        (counter + "_" + kind, c_ulonglong)
        for counter in ("aggregate", "volatile")
        for kind in ("parity", "secded", "corrected")
    ]
    _fields_ += [(place, c_ulonglong) for place in ("l2", "sm", "pcie", "mcu", "other")]
    _fields_ += [("exceeded", c_uint)]


class Value(ctypes.Union):
    """nvmlValue_t"""

    _fields_ = [("real", ctypes.c_double), ("uint", c_uint), ("ulong", ctypes.c_ulong), ("u64", c_ulonglong)]
    _fields_ += [("s64", c_longlong), ("int", c_int), ("ushort", c_ushort)]


class Field(ctypes.Structure):
    """nvmlFieldValue_t"""

    _fields_ = [("field", c_uint), ("scope", c_uint), ("timestamp", c_longlong), ("latency", c_longlong)]
    _fields_ += [("type", c_uint), ("code", c_int), ("value", Value)]


class Attributes(ctypes.Structure):
    """nvmlDeviceAttributes_t"""

    _fields_ = [
        (name, c_uint)
        for name in ("sms", "copy", "decoder", "encoder", "jpeg", "ofa", "gpu_slices", "compute_slices")
    ]
    _fields_ += [("memory_mib", c_ulonglong)]


class Placement(ctypes.Structure):
    """nvmlGpuInstancePlacement_t, and that of compute instances"""

    _fields_ = [("start", c_uint), ("size", c_uint)]


class GpuInstance(ctypes.Structure):
    """nvmlGpuInstanceInfo_t"""

    _fields_ = [("device", c_void_p), ("id", c_uint), ("profile", c_uint), ("placement", Placement)]


class ComputeInstance(ctypes.Structure):
    """nvmlComputeInstanceInfo_t"""

    _fields_ = [("device", c_void_p), ("gpu_instance", c_void_p), ("id", c_uint), ("profile", c_uint)]
    _fields_ += [("placement", Placement)]


class GpuProfile(ctypes.Structure):
    """nvmlGpuInstanceProfileInfo_t"""

    _fields_ = [
        (name, c_uint)
        for name in ("id", "p2p", "slices", "most", "sms", "copy", "decoder", "encoder", "jpeg", "ofa")
    ]
    _fields_ += [("memory_mib", c_ulonglong)]


class GpuProfileNamed(ctypes.Structure):
    """nvmlGpuInstanceProfileInfo_v2_t"""

    _fields_ = [("version", c_uint), *GpuProfile._fields_, ("name", c_char * 96)]


class ComputeProfile(ctypes.Structure):
    """nvmlComputeInstanceProfileInfo_t"""

    _fields_ = [
        (name, c_uint)
        for name in ("id", "slices", "most", "sms", "copy", "decoder", "encoder", "jpeg", "ofa")
    ]


class ComputeProfileNamed(ctypes.Structure):
    """nvmlComputeInstanceProfileInfo_v2_t"""

    _fields_ = [("version", c_uint), *ComputeProfile._fields_, ("name", c_char * 96)]


class Library:
    """libnvidia-ml.so.1 as the loader finds it.

    :raises NvmlError: there is none
    """

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libnvidia-ml.so.1")
        except OSError:
            raise NvmlError(LIBRARY_NOT_FOUND) from None

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function.

        :raises NvmlError: it failed, or the library lacks it
        """
        try:
            function = getattr(self._library, name)
        except AttributeError:
            raise NvmlError(FUNCTION_NOT_FOUND) from None
        code = function(*arguments)
        if code != 0:
            raise NvmlError(code)

    def number(self, name: str, *arguments: Any, kind: Type[Any] = c_uint) -> Any:
        """What a function writes through its last argument, a pointer to a number or a handle."""
        out = kind()
        self.call(name, *arguments, ctypes.byref(out))
        return out if kind is c_void_p else out.value

    def text(self, name: str, *arguments: Any, size: int = TEXT) -> str:
        """What a function writes as text, into a buffer of that size."""
        out = ctypes.create_string_buffer(size)
        self.call(name, *arguments, out, c_uint(size))
        return out.value.decode("utf-8", "replace")

    def filled(self, name: str, kind: Type[Any], *arguments: Any, version: int = 0) -> Any:
        """The structure that a function fills.

        :param version: of the structure, where it begins with a version field
        """
        out = kind()
        if version:
            out.version = ctypes.sizeof(kind) | version << 24
        self.call(name, *arguments, ctypes.byref(out))
        return out

    def several(self, name: str, kind: Type[Any], *arguments: Any) -> List[Any]:
        """The array that a function fills; it is asked for the length first."""
        count = c_uint(0)
        try:
            self.call(name, *arguments, ctypes.byref(count), None)
        except NvmlError as error:
            if error.code != INSUFFICIENT_SIZE:
                raise
        # Room for what comes in between.
        count = c_uint(count.value + 16)
        out = (kind * count.value)()
        self.call(name, *arguments, ctypes.byref(count), out)
        return list(out[: count.value])

    def listed(self, name: str, kind: Type[Any], *arguments: Any) -> List[Any]:
        """The array that a MIG call fills, which has the length behind it; a GPU has few instances."""
        count = c_uint(MOST_INSTANCES)
        out = (kind * MOST_INSTANCES)()
        self.call(name, *arguments, out, ctypes.byref(count))
        found = out[: count.value]
        return [c_void_p(handle) for handle in found] if kind is c_void_p else list(found)

    def message(self, code: int) -> str:
        """NVML's words for a code."""
        try:
            function = self._library.nvmlErrorString
        except AttributeError:
            return "Unknown Error"
        function.restype = ctypes.c_char_p
        said: Optional[bytes] = function(c_int(code))
        return said.decode("utf-8", "replace") if said else "Unknown Error"
