# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary table: nvidia-smi without a command."""

from __future__ import annotations

from ctypes import c_uint
from typing import Any, Callable, Dict, Iterator, List

from . import failures, nvml, values
from .gpu import COMPUTE_MODES, Gpu, Machine
from .layouts import Layout, layout
from .nvml import NvmlError

NONE, FAILED = "N/A", "ERR!"
MODES = {**COMPUTE_MODES, 1: "E. Thread", 3: "E. Process"}


def run(machine: Machine, options: Dict[str, str], version: str) -> int:
    """Print the table of the GPUs that answer; a line for each other one."""
    for line in machine.complaints():
        print(line)
    if not machine.gpus:
        print(failures.NO_DEVICES)
        return machine.status
    form = layout(version)
    print("{0:<31}".format(values.now()))
    lines = [*_gpus(machine, form, version), form.blank]
    divided = [gpu for gpu in machine.gpus if gpu.in_mig_mode]
    if divided:
        lines += [*_mig_devices(divided, form), form.blank]
    print("\n".join([*lines, *_processes(machine, form)]))
    return machine.status


def _rule(form: Layout, cells: str = "") -> str:
    """A line of dashes, with a cross where a row of cells has its bars."""
    row = cells or "|" + " " * (form.width - 2) + "|"
    return "".join("+" if letter == "|" else "-" for letter in row)


def _double(head: str) -> str:
    inner = "".join("+" if letter == "|" else "=" for letter in head[1:-1])
    return "|" + inner + "|"


def _gpus(machine: Machine, form: Layout, version: str) -> Iterator[str]:
    yield _rule(form)
    yield form.banner.format(smi=version, driver=machine.driver(), cuda=machine.cuda())
    bars = form.gpu_head[2]
    yield form.divider + _rule(form, bars)[1:]
    yield from form.gpu_head
    yield _double(bars)
    for gpu in machine.gpus:
        cells = _cells(gpu, form)
        yield from (row.format(none="", **cells) for row in form.gpu_rows)
        yield _rule(form, bars)


def _cells(gpu: Gpu, form: Layout) -> Dict[str, Any]:
    name = gpu.told(lambda one: one.text("nvmlDeviceGetName"))
    held = _memory(gpu)
    return {
        "index": gpu.index,
        "name": name if len(name) <= form.name_width else name[: form.name_width - 3] + "...",
        "persistence": _cell(lambda: _on(gpu.uint("nvmlDeviceGetPersistenceMode"))),
        "bus": _cell(lambda: gpu.bus_id),
        "display": _cell(lambda: _on(gpu.uint("nvmlDeviceGetDisplayActive"))),
        "ecc": _cell(lambda: _ecc(gpu)),
        "fan": _cell(lambda: "{0}%".format(gpu.uint("nvmlDeviceGetFanSpeed"))),
        "heat": _cell(lambda: "{0}C".format(gpu.uint("nvmlDeviceGetTemperature", c_uint(0)))),
        "state": _cell(lambda: _state(gpu)),
        "draw": _cell(lambda: _watts(gpu.uint("nvmlDeviceGetPowerUsage")), NONE + " "),
        "limit": _cell(lambda: _watts(gpu.uint("nvmlDeviceGetEnforcedPowerLimit")), NONE + " "),
        "load": _cell(
            lambda: "{0}%".format(gpu.filled("nvmlDeviceGetUtilizationRates", nvml.Utilization).gpu)
        ),
        "mode": _cell(lambda: MODES.get(gpu.uint("nvmlDeviceGetComputeMode"), FAILED)),
        "mig": _cell(lambda: values.either(gpu.pair("nvmlDeviceGetMigMode")[0])),
        "memory": form.memory.format(**held) if held else form.no_memory,
    }


def _cell(ask: Callable[[], str], none: str = NONE) -> str:
    try:
        return ask()
    except NvmlError as error:
        return none if error.code in (nvml.NOT_SUPPORTED, nvml.FUNCTION_NOT_FOUND) else FAILED


def _on(flag: int) -> str:
    return values.either(flag, "On", "Off")


def _state(gpu: Gpu) -> str:
    state = gpu.uint("nvmlDeviceGetPerformanceState")
    return "P{0}".format(state) if state < 32 else NONE


def _watts(milliwatts: int) -> str:
    return "{0}W".format((milliwatts + 500) // 1000)


def _ecc(gpu: Gpu) -> str:
    """Errors since the driver was loaded; in MIG mode, where they are told by device, that ECC is on."""
    current = gpu.pair("nvmlDeviceGetEccMode")[0]
    if not current:
        return "Off"
    if gpu.in_mig_mode:
        return "On"
    count = gpu.library.number(
        "nvmlDeviceGetTotalEccErrors", gpu.handle, c_uint(1), c_uint(0), kind=nvml.c_ulonglong
    )
    return str(count)


def _amount(count: int) -> str:
    return "{0}MiB".format(values.mib(count))


def memory(gpu: Gpu) -> Any:
    """What the framebuffer holds, in bytes: without the driver's share where the library can tell it."""
    try:
        return gpu.filled("nvmlDeviceGetMemoryInfo_v2", nvml.Memory, version=2)
    except NvmlError as error:
        if error.code != nvml.FUNCTION_NOT_FOUND:
            raise
    return gpu.filled("nvmlDeviceGetMemoryInfo", nvml.Bar1)


def _memory(gpu: Gpu) -> Dict[str, str]:
    """Used and total; empty where they are not told, as those of a GPU in MIG mode to users."""
    try:
        found = memory(gpu)
    except NvmlError as error:
        if error.code in (nvml.NOT_SUPPORTED, nvml.NO_PERMISSION):
            return {}
        return {"used": FAILED, "total": FAILED}
    return {"used": _amount(found.used), "total": _amount(found.total)}


def _mig_devices(gpus: List[Gpu], form: Layout) -> Iterator[str]:
    yield _rule(form)
    yield "| {0:<{1}} |".format("MIG devices:", form.width - 4)
    bars = form.mig_head[2]
    yield _rule(form, bars)
    yield from form.mig_head
    yield _double(bars)
    empty = True
    for gpu in gpus:
        for device in gpu.mig_devices():
            cells = _mig_cells(gpu, device)
            yield from (row.format(**cells) for row in form.mig_rows)
            yield _rule(form, bars)
            empty = False
    if empty:
        yield "|  {0:<{1}} |".format("No MIG devices found", form.width - 5)
        yield _rule(form)


def _mig_cells(gpu: Gpu, device: Gpu) -> Dict[str, Any]:
    shared = device.filled("nvmlDeviceGetAttributes_v2", nvml.Attributes)
    bar1 = device.filled("nvmlDeviceGetBAR1MemoryInfo", nvml.Bar1)
    cells = {name: getattr(shared, name) for name in ("sms", "copy", "encoder", "decoder", "ofa", "jpeg")}
    return {
        **cells,
        "used": NONE,
        "total": NONE,
        **_memory(device),
        "gpu": gpu.index,
        "gi": device.uint("nvmlDeviceGetGpuInstanceId"),
        "ci": device.uint("nvmlDeviceGetComputeInstanceId"),
        "device": device.index,
        "ecc": _cell(lambda: str(errors(device))),
        "bar1_used": _amount(bar1.used),
        "bar1_total": _amount(bar1.total),
    }


def errors(device: Gpu) -> int:
    """Uncorrected errors of a MIG device's SRAM since the driver was loaded."""
    return int(
        device.library.number(
            *("nvmlDeviceGetMemoryErrorCounter", device.handle, c_uint(1), c_uint(0), c_uint(7)),
            kind=nvml.c_ulonglong,
        )
    )


def _processes(machine: Machine, form: Layout) -> Iterator[str]:
    yield _rule(form)
    yield "| {0:<{1}} |".format("Processes:", form.width - 4)
    yield from form.process_head
    yield "|" + "=" * (form.width - 2) + "|"
    found = [(gpu, one) for gpu in machine.gpus for one in gpu.processes()]
    for gpu, one in found:
        short = (
            one.name if len(one.name) <= form.process_width else "..." + one.name[3 - form.process_width :]
        )
        yield form.process_row.format(
            gpu=gpu.index,
            gi=_instance(one.gpu_instance),
            ci=_instance(one.compute_instance),
            pid=one.pid,
            kind=one.kind,
            name=short,
            used=NONE + " " * 5 if one.used is None else _amount(one.used),
        )
    if not found:
        yield "|  {0:<{1}} |".format("No running processes found", form.width - 5)
    yield _rule(form)


def _instance(number: Any) -> str:
    return NONE if number is None else "{0:>2} ".format(number)
