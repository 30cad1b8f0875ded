# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is asked of NVML about what a container can get, within a session."""

from __future__ import annotations

from typing import Any, Dict

from .._nvml_calls import every_gpu, identity, text, told


def node(pynvml: Any) -> Dict[str, Any]:
    """The driver and all GPUs that answer."""
    return every_gpu(pynvml, gpu)


def gpu(pynvml: Any, handle: Any, index: int) -> Dict[str, Any]:
    """One GPU with its MIG devices, None for one that is not divided."""
    found = {**identity(pynvml, handle, index), "devices": None}
    mode = told(pynvml, pynvml.nvmlDeviceGetMigMode, handle)
    if not (mode and mode[0]):
        return found
    found["devices"] = []
    for place in range(told(pynvml, pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        try:
            device = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place)
        except (pynvml.NVMLError_NotFound, pynvml.NVMLError_NotSupported):
            continue
        found["devices"].append(
            {
                "place": place,
                "uuid": text(pynvml.nvmlDeviceGetUUID(device)),
                "gi": pynvml.nvmlDeviceGetGpuInstanceId(device),
                "ci": pynvml.nvmlDeviceGetComputeInstanceId(device),
            }
        )
    return found
