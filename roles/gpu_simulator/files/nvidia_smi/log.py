# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi -q: the log in text or, with -x, in XML."""

from __future__ import annotations

from typing import Dict, Iterator, List, Set
from xml.sax.saxutils import escape

from . import failures, fields, layouts, nvml, table, values
from .gpu import Gpu, Machine
from .log_identity import IDENTITY
from .log_power import POWER
from .log_state import STATE
from .log_tree import INLINE, Node
from .nvml import NvmlError

TREE = IDENTITY + STATE + POWER
OTHERS = ("PIDS", "SUPPORTED_CLOCKS")
WORDS = {word for node in TREE for word in node.display}.union(OTHERS)
# A line's value begins here; that of a process stayed where it was.
NARROW, WIDE = 42, 55


def run(machine: Machine, options: Dict[str, str], version: str) -> int:
    """Print the log."""
    shown = {word for word in options.get("display", "").upper().split(",") if word}
    if not shown <= WORDS or (shown and "xml" in options):
        raise failures.usage()
    branch = layouts.release(version)
    for line in machine.complaints():
        print(line)
    if not machine.gpus:
        print(failures.NO_DEVICES)
        return machine.status
    print("\n".join(_xml(machine, branch) if "xml" in options else _text(machine, branch, shown)))
    return machine.status


def _value(node: Node, gpu: Gpu, branch: float) -> str:
    if isinstance(node.content, str):
        return fields.plain(fields.BY_NAME[node.content], gpu, branch)
    assert not isinstance(node.content, tuple)
    return gpu.told(node.content)


def _line(depth: int, label: str, value: str, column: int) -> str:
    return "{0:<{1}}: {2}".format("    " * depth + label, column, value)


def _text(machine: Machine, branch: float, shown: Set[str]) -> Iterator[str]:
    column = WIDE if branch >= 580 else NARROW
    yield "\n==============NVSMI LOG==============\n"
    yield _line(0, "Timestamp", values.now(), column)
    driver, cuda = machine.driver(), machine.cuda()
    gone = " [Deprecated; will be removed in CUDA 14.0. Use {0} Version instead]" if branch >= 610 else ""
    yield _line(0, "Driver Version", driver + gone.format("KMD"), column)
    yield _line(0, "CUDA Version", cuda + gone.format("CUDA UMD"), column)
    if branch >= 610:
        yield _line(0, "KMD Version", driver, column)
        yield _line(0, "CUDA UMD Version", cuda, column)
    yield ""
    yield _line(0, "Attached GPUs", str(machine.count), column)
    for gpu in machine.gpus:
        yield "GPU " + gpu.bus_id
        for node in TREE:
            if shown and not shown.intersection(node.display):
                continue
            yield from _text_of(node, gpu, branch, 1, column)
            if node.tag == "mig_mode" and not shown:
                for device in gpu.mig_devices():
                    for line in _mig_device(device):
                        yield from _text_of(line, device, branch, 1, column)
        if "SUPPORTED_CLOCKS" in shown:
            yield from _text_of(_supported_clocks(gpu), gpu, branch, 1, column)
        if not shown or "PIDS" in shown:
            yield from _text_processes(gpu, column)
        if not shown and branch >= 565:
            yield "    Capabilities"
            yield _line(2, "EGM", "disabled", column)
        yield ""


def _text_of(node: Node, gpu: Gpu, branch: float, depth: int, column: int) -> Iterator[str]:
    if not node.fits(branch, gpu) or not node.label:
        return
    if isinstance(node.content, tuple):
        inline = node.label == INLINE
        if not inline:
            yield "    " * depth + node.label
        for child in node.content:
            yield from _text_of(child, gpu, branch, depth if inline else depth + 1, column)
    else:
        yield _line(depth, node.label, _value(node, gpu, branch), column)


def _text_processes(gpu: Gpu, column: int) -> Iterator[str]:
    found = gpu.processes()
    if not found:
        yield _line(1, "Processes", "None", column)
        return
    yield "    Processes"
    for one in found:
        yield _line(2, "GPU instance ID", _or_none(one.gpu_instance), NARROW)
        yield _line(2, "Compute instance ID", _or_none(one.compute_instance), NARROW)
        yield _line(2, "Process ID", str(one.pid), NARROW)
        yield _line(3, "Type", one.kind, NARROW)
        yield _line(3, "Name", one.name, NARROW)
        yield _line(3, "Used GPU Memory", _used(one.used), NARROW)


def _or_none(number: "int | None") -> str:
    return "N/A" if number is None else str(number)


def _used(count: "int | None") -> str:
    return "N/A" if count is None else "{0} MiB".format(values.mib(count))


def _xml(machine: Machine, branch: float) -> Iterator[str]:
    yield '<?xml version="1.0" ?>'
    yield '<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v{0}.dtd">'.format(13 if branch >= 580 else 12)
    yield "<nvidia_smi_log>"
    yield _element(1, "timestamp", values.now())
    yield _element(1, "driver_version", machine.driver())
    yield _element(1, "cuda_version", machine.cuda())
    yield _element(1, "attached_gpus", str(machine.count))
    for gpu in machine.gpus:
        yield '\t<gpu id="{0}">'.format(gpu.bus_id)
        for node in TREE:
            if node.tag == "mig_devices":
                yield from _xml_mig(gpu, branch)
            else:
                yield from _xml_of(node, gpu, branch, 2)
        yield from _xml_of(_supported_clocks(gpu), gpu, branch, 2)
        yield "\t\t<processes>"
        for one in gpu.processes():
            yield "\t\t\t<process_info>"
            yield _element(4, "gpu_instance_id", _or_none(one.gpu_instance))
            yield _element(4, "compute_instance_id", _or_none(one.compute_instance))
            yield _element(4, "pid", str(one.pid))
            yield _element(4, "type", one.kind)
            yield _element(4, "process_name", one.name)
            yield _element(4, "used_memory", _used(one.used))
            yield "\t\t\t</process_info>"
        yield "\t\t</processes>\n\t\t<accounted_processes>\n\t\t</accounted_processes>"
        if branch >= 565:
            yield "\t\t<capabilities>\n" + _element(3, "egm", "disabled") + "\n\t\t</capabilities>"
        yield "\t</gpu>\n"
    yield "</nvidia_smi_log>"


def _element(depth: int, tag: str, value: str) -> str:
    return "{0}<{1}>{2}</{1}>".format("\t" * depth, tag, escape(value))


def _xml_of(node: Node, gpu: Gpu, branch: float, depth: int) -> Iterator[str]:
    if not node.fits(branch, gpu):
        return
    if not isinstance(node.content, tuple):
        if node.tag:
            yield _element(depth, node.tag, _value(node, gpu, branch))
        return
    if node.tag:
        yield "\t" * depth + "<" + node.tag + ">"
    for child in node.content:
        yield from _xml_of(child, gpu, branch, depth + 1 if node.tag else depth)
    if node.tag:
        yield "\t" * depth + "</" + node.tag + ">"


def _xml_mig(gpu: Gpu, branch: float) -> Iterator[str]:
    devices = list(gpu.mig_devices())
    yield "\t\t<mig_devices>"
    for device in devices:
        yield "\t\t\t<mig_device>"
        for node in _mig_device(device):
            for line in node.content if isinstance(node.content, tuple) else ():
                yield from _xml_of(line, device, branch, 4)
        yield "\t\t\t</mig_device>"
    if not devices:
        yield "\t\t\tNone"
    yield "\t\t</mig_devices>"


def _mig_device(device: Gpu) -> List[Node]:
    """A MIG device as a section."""
    shared = device.filled("nvmlDeviceGetAttributes_v2", nvml.Attributes)
    words = ("multiprocessor", "copy_engine", "encoder", "decoder", "ofa", "jpg")
    labels = ("Multiprocessor", "Copy Engine", "Encoder", "Decoder", "OFA", "JPG")
    names = ("sms", "copy", "encoder", "decoder", "ofa", "jpeg")
    counts = tuple(
        Node(word + "_count", label + " count", _same(getattr(shared, name)))
        for word, label, name in zip(words, labels, names)
    )
    errors = Node("sram_uncorrectable", "SRAM Uncorrectable", table.errors)
    children = (
        Node("index", "Index", _same(device.index)),
        Node("gpu_instance_id", "GPU Instance ID", lambda gpu: gpu.uint("nvmlDeviceGetGpuInstanceId")),
        Node(
            "compute_instance_id",
            "Compute Instance ID",
            lambda gpu: gpu.uint("nvmlDeviceGetComputeInstanceId"),
        ),
        Node("device_attributes", "Device Attributes", (Node("shared", "Shared", counts),)),
        Node("ecc_error_count", "ECC Errors", (Node("volatile_count", "Volatile", (errors,)),)),
        _again("fb_memory_usage", "Shared FB Memory Usage"),
        _again("bar1_memory_usage", "Shared BAR1 Memory"),
    )
    return [Node("mig_device", "MIG Device", children)]


def _same(value: int) -> "fields.r.Ask":
    return lambda _gpu: value


def _again(tag: str, label: str) -> Node:
    """A section of the GPU, under another label."""
    return next(node for node in TREE if node.tag == tag)._replace(label=label)


def _supported_clocks(gpu: Gpu) -> Node:
    """Memory clocks, and for each the graphics clocks that go with it."""
    try:
        memory = gpu.library.several("nvmlDeviceGetSupportedMemoryClocks", nvml.c_uint, gpu.handle)
        sections = tuple(_with_memory_clock(gpu, clock) for clock in memory)
    except NvmlError:
        return Node("supported_clocks", "Supported Clocks", lambda _gpu: "N/A")
    return Node("supported_clocks", "Supported Clocks", sections)


def _with_memory_clock(gpu: Gpu, clock: int) -> Node:
    graphics = gpu.library.several(
        "nvmlDeviceGetSupportedGraphicsClocks", nvml.c_uint, gpu.handle, nvml.c_uint(clock)
    )
    children = [Node("value", "Memory", lambda _gpu: "{0} MHz".format(clock))]
    children += [
        Node("supported_graphics_clock", "    Graphics", lambda _gpu, one=one: "{0} MHz".format(one))  # type: ignore[misc]
        for one in graphics
    ]
    return Node("supported_mem_clock", INLINE, tuple(children))
