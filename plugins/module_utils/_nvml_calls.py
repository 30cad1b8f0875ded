# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What all questions to NVML have in common: each function takes pynvml and is called within a session."""

from __future__ import annotations

from typing import Any, Callable

#: The newest call of the binding that is needed.
NEEDED = "nvmlGpuInstanceGetComputeInstancePossiblePlacements"


def text(value: Any) -> str:
    """A string of NVML, which old bindings give as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def address(bus_id: str) -> str:
    """NVML's 00000000:3B:00.0 as sysfs has it: 0000:3b:00.0."""
    domain, _colon, rest = bus_id.lower().partition(":")
    return "%04x:%s" % (int(domain, 16), rest)


def told(pynvml: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, None where GPU or driver have no such thing."""
    try:
        return call(*arguments)
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        return None


def handle_of(pynvml: Any, uuid: str) -> Any:
    """The GPU of a UUID. NVML's own search fails for all GPUs once one of them does not answer."""
    failure = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            if text(pynvml.nvmlDeviceGetUUID(handle)) == uuid:
                return handle
        except pynvml.NVMLError as exc:
            failure = exc
    raise failure
