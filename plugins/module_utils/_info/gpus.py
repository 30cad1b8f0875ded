# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The GPUs of a node: those that PCI shows, with what NVML says of each."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from .._catalog.capabilities import capability_of
from .._catalog.gpus import architecture_of
from .._host import Host
from .._nvml_calls import every_gpu, identity, told


def node(pynvml: Any) -> Dict[str, Any]:
    """What NVML is asked, in a session: the driver and all GPUs that answer."""
    return every_gpu(pynvml, gpu)


def gpu(pynvml: Any, handle: Any, index: int) -> Dict[str, Any]:
    """One GPU. What it does not have is None."""
    memory = told(pynvml, pynvml.nvmlDeviceGetMemoryInfo, handle)
    return {
        **identity(pynvml, handle, index),
        "capability": told(pynvml, pynvml.nvmlDeviceGetCudaComputeCapability, handle),
        "memory_mib": None if memory is None else memory.total >> 20,
    }


def gpus(host: Host, found: Optional[List[Mapping[str, Any]]]) -> List[Dict[str, Any]]:
    """All GPUs in the words of the result, in NVML's order, then those that it lacks.

    ``found`` is what NVML told of each, None where it could not be asked.
    """
    answers = {each["address"]: each for each in found or ()}
    drivers = {device.address: device.driver for device in host.gpus}
    devices = {device.address: device.device for device in host.gpus}
    silent = None if found is None else False
    rows = [_shown(address, each["device"], drivers.get(address), each) for address, each in answers.items()]
    return rows + [
        dict(_shown(address, device, drivers[address], {}), answers=silent)
        for address, device in devices.items()
        if address not in answers
    ]


def _shown(address: str, device: int, driver: Optional[str], answer: Mapping[str, Any]) -> Dict[str, Any]:
    architecture, capability = architecture_of(device), answer.get("capability")
    return {
        "index": answer.get("index"),
        "uuid": answer.get("uuid"),
        "name": answer.get("name"),
        "address": address,
        "device_id": "%04x" % device,
        "architecture": architecture.name.lower() if architecture else None,
        "compute_capability": "%d.%d" % tuple(capability) if capability else capability_of(device),
        "memory_mib": answer.get("memory_mib"),
        "minor": answer.get("minor"),
        "kernel_driver": driver,
        "answers": True,
    }
