# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of a node, one asked-for value at a time."""

from __future__ import annotations

from ctypes import c_uint, c_void_p
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from . import failures, nvml, values
from .nvml import Library, NvmlError

NO_INSTANCE = 0xFFFFFFFF
COMPUTE_MODES = {0: "Default", 1: "Exclusive_Thread", 2: "Prohibited", 3: "Exclusive_Process"}


class Running(NamedTuple):
    """A process on a GPU; memory in bytes, ids None outside MIG."""

    pid: int
    kind: str
    name: str
    used: Optional[int]
    gpu_instance: Optional[int]
    compute_instance: Optional[int]


class Gpu:
    """One GPU that answers.

    :param index: NVML's
    """

    def __init__(self, library: Library, index: int, handle: c_void_p) -> None:
        self.library, self.index, self.handle = library, index, handle

    def uint(self, name: str, *arguments: Any) -> int:
        """A number.

        :raises NvmlError: as NVML says
        """
        return int(self.library.number(name, self.handle, *arguments))

    def text(self, name: str, *arguments: Any) -> str:
        """A text; the same failures."""
        return self.library.text(name, self.handle, *arguments)

    def filled(self, name: str, kind: Any, *arguments: Any, version: int = 0) -> Any:
        """A structure; the same failures."""
        return self.library.filled(name, kind, self.handle, *arguments, version=version)

    def pair(self, name: str, kind: Any = c_uint) -> Tuple[int, int]:
        """Two numbers, such as a mode now and the mode pending."""
        first, second = kind(), kind()
        self.library.call(name, self.handle, nvml.ctypes.byref(first), nvml.ctypes.byref(second))
        return int(first.value), int(second.value)

    def field(self, number: int, scope: int = 0) -> int:
        """A value of nvmlDeviceGetFieldValues; NVML_VALUE_TYPE says where it is."""
        out = nvml.Field(field=number, scope=scope)
        self.library.call("nvmlDeviceGetFieldValues", self.handle, 1, nvml.ctypes.byref(out))
        if out.code != 0:
            raise NvmlError(out.code)
        members = {nvml.UNSIGNED: "uint", nvml.SIGNED: "int"}
        return int(getattr(out.value, members.get(out.type, "u64")))

    def told(self, ask: Callable[[Gpu], Any], form: str = "{0}") -> str:
        """A value in a form, or what stands for it where NVML refuses it."""
        try:
            value = ask(self)
        except NvmlError as error:
            return values.excuse(self.library, error)
        return form.format(value)

    @property
    def bus_id(self) -> str:
        """As NVML writes it: 00000000:0F:00.0."""
        return str(self.filled("nvmlDeviceGetPciInfo_v3", nvml.Pci).bus_id.decode("ascii"))

    @property
    def in_mig_mode(self) -> bool:
        try:
            return self.pair("nvmlDeviceGetMigMode")[0] == 1
        except NvmlError:
            return False

    def mig_devices(self) -> Iterator[Gpu]:
        """The MIG devices, with gaps where there is none."""
        for index in range(self.uint("nvmlDeviceGetMaxMigDeviceCount") if self.in_mig_mode else 0):
            try:
                handle = self.library.number(
                    "nvmlDeviceGetMigDeviceHandleByIndex", self.handle, c_uint(index), kind=c_void_p
                )
            except NvmlError as error:
                if error.code != nvml.NOT_FOUND:
                    raise
                continue
            yield Gpu(self.library, index, handle)

    def processes(self, *kinds: str) -> List[Running]:
        """Who uses it, by process id; one that NVML lists twice computes and draws."""
        found: Dict[int, Running] = {}
        for kind, call in (("C", "Compute"), ("G", "Graphics"), ("M+C", "MPSCompute")):
            if kinds and kind not in kinds:
                continue
            name = "nvmlDeviceGet{0}RunningProcesses".format(call)
            for one in self._processes(name):
                other = found.get(one.pid)
                found[one.pid] = self._running(one, "C+G" if other else kind)
        return [found[pid] for pid in sorted(found)]

    def _processes(self, name: str) -> List[Any]:
        for version in ("_v3", "_v2"):
            try:
                return self.library.several(name + version, nvml.Process, self.handle)
            except NvmlError as error:
                if error.code != nvml.FUNCTION_NOT_FOUND:
                    # Not to users of a GPU in MIG mode, and not those that draw: no list then.
                    return []
        return []

    def _running(self, one: Any, kind: str) -> Running:
        try:
            name = self.library.text("nvmlSystemGetProcessName", c_uint(one.pid), size=1024)
        except NvmlError:
            name = "[Not Found]"
        return Running(
            one.pid,
            kind,
            name,
            None if one.used == 2**64 - 1 else one.used,
            None if one.gpu_instance == NO_INSTANCE else one.gpu_instance,
            None if one.compute_instance == NO_INSTANCE else one.compute_instance,
        )


class Machine:
    """A session with the library: the GPUs that answer, and for each other why not."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.gpus: List[Gpu] = []
        self.silent: List[Tuple[int, int]] = []
        for index in range(int(library.number("nvmlDeviceGetCount_v2"))):
            try:
                handle = library.number("nvmlDeviceGetHandleByIndex_v2", c_uint(index), kind=c_void_p)
            except NvmlError as error:
                self.silent.append((index, error.code))
            else:
                self.gpus.append(Gpu(library, index, handle))
        self.count = len(self.gpus) + len(self.silent)

    def restrict(self, wanted: str) -> None:
        """Keep the GPUs of -i: indices, serial numbers, UUIDs, PCI addresses, separated by commas.

        :raises Refused: one of them is not there
        """
        words = [word.strip() for word in wanted.split(",")]
        for word in words:
            if not any(_is(gpu, word) for gpu in self.gpus) and word not in map(str, dict(self.silent)):
                raise failures.Refused(failures.NO_DEVICES, nvml.NOT_FOUND)
        self.gpus = [gpu for gpu in self.gpus if any(_is(gpu, word) for word in words)]
        self.silent = [lost for lost in self.silent if str(lost[0]) in words]

    def complaints(self) -> List[str]:
        """A line for each GPU that gives no handle, as R610 prints it, less the address: NVML tells none."""
        return [
            "Unable to determine the device handle for GPU{0}: {1}".format(index, self.library.message(code))
            for index, code in self.silent
        ]

    @property
    def status(self) -> int:
        """The exit status that they lead to."""
        return max((failures.status(code) for _index, code in self.silent), default=0)

    def driver(self) -> str:
        return _or_na(lambda: self.library.text("nvmlSystemGetDriverVersion"))

    def cuda(self) -> str:
        """Of the CUDA driver library, N/A without one."""

        def ask() -> str:
            number = self.library.number("nvmlSystemGetCudaDriverVersion_v2", kind=nvml.c_int)
            return "{0}.{1}".format(number // 1000, number % 1000 // 10)

        return _or_na(ask)


def _or_na(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except NvmlError:
        return "N/A"


def _is(gpu: Gpu, word: str) -> bool:
    """Whether the word names that GPU; an address may leave out leading zeros of the domain."""
    names = [str(gpu.index)]
    for call in ("nvmlDeviceGetUUID", "nvmlDeviceGetSerial"):
        try:
            names.append(gpu.text(call))
        except NvmlError:
            continue
    domain, _colon, rest = word.partition(":")
    if rest.count(":") == 1 and "{0:0>8}:{1}".format(domain, rest).lower() == gpu.bus_id.lower():
        return True
    return word in names or (word + ".0").lower() == gpu.bus_id.lower()
