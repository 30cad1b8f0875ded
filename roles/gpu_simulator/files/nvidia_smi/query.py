# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""--query-gpu and --query-compute-apps: comma separated values."""

from __future__ import annotations

from typing import Callable, Dict, List, Tuple

from . import failures, fields, layouts, values
from .gpu import Gpu, Machine, Running

# --help-query-compute-apps of 590.48.01: names, and the header's unit.
APPS: Tuple[Tuple[str, str, Callable[[Gpu, Running], str]], ...] = (
    ("timestamp", "", lambda _gpu, _one: values.stamp()),
    ("gpu_name", "", lambda gpu, _one: _of_gpu(gpu, "name")),
    ("gpu_bus_id", "", lambda gpu, _one: _of_gpu(gpu, "pci.bus_id")),
    ("gpu_serial", "", lambda gpu, _one: _of_gpu(gpu, "serial")),
    ("gpu_uuid", "", lambda gpu, _one: _of_gpu(gpu, "uuid")),
    ("pid", "", lambda _gpu, one: str(one.pid)),
    ("process_name name", "", lambda _gpu, one: one.name),
    ("used_gpu_memory used_memory", "MiB", lambda _gpu, one: _used(one)),
)


def run(machine: Machine, options: Dict[str, str], version: str) -> int:
    """Print what was asked for."""
    form = [word.strip() for word in options["format"].split(",")]
    if "csv" not in form or not set(form) <= {"csv", "noheader", "nounits"}:
        raise failures.usage()
    units = "nounits" not in form
    if "query-gpu" in options:
        header, rows = _gpus(machine, _words(options["query-gpu"]), layouts.release(version), units)
    else:
        header, rows = _apps(machine, _words(options["query-compute-apps"]), units)
    lines = ([header] if "noheader" not in form else []) + rows
    for line in machine.complaints():
        print(line)
    if not machine.gpus:
        print(failures.NO_DEVICES)
        return machine.status
    for cells in lines:
        print(", ".join(cells))
    return machine.status


def help_text(switch: str, version: str) -> str:
    """The properties of a switch, without the explanations of the real program."""
    of_gpu = [field.names for field in fields.of(layouts.release(version))]
    names = of_gpu if switch == "query-gpu" else [row[0] for row in APPS]
    quoted = (" or ".join('"{0}"'.format(name) for name in line.split(" ")) for line in names)
    return 'List of valid properties to query for the switch "--{0}":\n\n{1}\n'.format(
        switch, "\n\n".join(quoted)
    )


def _words(text: str) -> List[str]:
    return [word.strip() for word in text.split(",")]


def _unknown(name: str) -> failures.Refused:
    return failures.Refused('Field "{0}" is not a valid field to query.\n'.format(name), 2)


def _head(name: str, unit: str) -> str:
    return "{0} [{1}]".format(name, unit) if unit else name


def _gpus(
    machine: Machine, names: List[str], branch: float, units: bool
) -> Tuple[List[str], List[List[str]]]:
    known = {name: field for field in fields.of(branch) for name in field.names.split(" ")}
    for name in names:
        if name not in known:
            raise _unknown(name)
    wanted = [known[name] for name in names]
    rows = [[fields.value(field, gpu, branch, units) for field in wanted] for gpu in machine.gpus]
    return [_head(field.name, field.unit) for field in wanted], rows


def _apps(machine: Machine, names: List[str], units: bool) -> Tuple[List[str], List[List[str]]]:
    known = {name: row for row in APPS for name in row[0].split(" ")}
    for name in names:
        if name not in known:
            raise _unknown(name)
    wanted = [known[name] for name in names]
    rows = []
    for gpu in machine.gpus:
        for one in gpu.processes("C", "M+C"):
            cells = [(ask(gpu, one), unit) for _names, unit, ask in wanted]
            rows.append(
                [cell + " " + unit if unit and units and cell[0] != "[" else cell for cell, unit in cells]
            )
    return [_head(row[0].split(" ")[0], row[1]) for row in wanted], rows


def _of_gpu(gpu: Gpu, name: str) -> str:
    return fields.value(fields.BY_NAME[name], gpu, 0)


def _used(one: Running) -> str:
    return "[N/A]" if one.used is None else str(values.mib(one.used))
