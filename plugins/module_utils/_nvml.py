# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""NVML through nvidia-ml-py, in a child process with a deadline.

A call into the driver cannot be interrupted: a GPU that fell off the bus can hang it for good. The child may
hang; the module does not. The child also ends its NVML session before anything resets the GPU, so that we are
never the client that makes a GPU busy.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import select
import signal
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Set

from ._host import Files

#: Seconds that one NVML session may take, and more for each GPU: without persistence each is set up anew.
#: nvidia-smi took about 30 so on large nodes with several GPUs, 2 with persistence (Azure/aks-gpu#105), and
#: more than 25 to turn that on for eight A100 (Azure/AgentBaker#2829).
DEADLINE, DEADLINE_EACH = 20.0, 10.0
_HERE = Files()
#: Where our own copy of nvidia-ml-py lies, by Python version.
TOOLS = "/opt/labfleet-gpu/python%d.%d" % sys.version_info[:2]

#: prctl(2): the signal that a process gets when the one that started it ends.
_PR_SET_PDEATHSIG = 1


class NvmlUnavailable(Exception):
    """NVML cannot be asked; ``reason`` says why and what would help."""

    def __init__(self, reason: str, code: Optional[int] = None):
        self.reason = reason
        self.code = code
        super().__init__(reason)


def load_pynvml() -> Any:
    """The pynvml module of nvidia-ml-py. Raises NvmlUnavailable if there is none, or one without MIG."""
    if TOOLS not in sys.path and os.path.isdir(TOOLS):
        # Appended, never prepended: a distribution's own module goes first.
        sys.path.append(TOOLS)
    try:
        import pynvml
    except ImportError as exc:
        raise NvmlUnavailable(
            "the Python module pynvml is not installed: install nvidia-ml-py (or python3-pynvml)"
        ) from exc
    if not hasattr(pynvml, "nvmlDeviceGetMigMode"):
        raise NvmlUnavailable(
            "the installed pynvml is too old to know MIG: install nvidia-ml-py 11.450.51 or later"
        )
    return pynvml


def use_any_tools() -> None:
    """Where a newer Python than the one that our copy was put there for runs this: any of them will do."""
    copies = sorted(glob.glob(os.path.join(os.path.dirname(TOOLS), "python*", "pynvml.py")))
    if copies and not os.path.isdir(TOOLS):
        sys.path.append(os.path.dirname(copies[-1]))


def load_pynvml_with(call: str) -> Any:
    """The pynvml that has this call: the installed one, else our own. Raises NvmlUnavailable."""
    trouble = NvmlUnavailable("the installed pynvml is too old: it does not know %s" % call)
    try:
        pynvml = load_pynvml()
        if hasattr(pynvml, call):
            return pynvml
    except NvmlUnavailable as exc:
        trouble = exc
    path = os.path.join(TOOLS, "pynvml.py")
    if not os.path.isfile(path):
        raise trouble
    # Only here does our own go first: the one that is found otherwise will not do.
    sys.modules.pop("pynvml", None)
    sys.path_importer_cache.pop(TOOLS, None)
    sys.path.insert(0, TOOLS)
    try:
        import pynvml as own
    finally:
        sys.path.remove(TOOLS)
    if not hasattr(own, call):
        raise NvmlUnavailable("%s is too old: it does not know %s" % (path, call))
    return own


def patience(files: Files = _HERE) -> float:
    """Seconds for a session that asks all GPUs on the PCI bus; nvmlInit may have the driver loaded first."""
    base = "/sys/bus/pci/devices"
    gpus = [
        address
        for address in files.names(base)
        if (files.text(base, address, "vendor") or "").startswith("0x10de")
        and (files.text(base, address, "class") or "").startswith("0x03")
    ]
    return DEADLINE + DEADLINE_EACH * len(gpus)


def in_session(work: Callable[[Any], Any], deadline: Optional[float] = None) -> Any:
    """Run ``work(pynvml)`` between nvmlInit and nvmlShutdown in a child; returns what it returned.

    The result must be plain data (it passes a pipe as JSON). Raises NvmlUnavailable when the library or the
    driver does not answer, with NVML's number in ``code``, or when ``deadline`` seconds are over: those of
    patience() where none are given.
    """
    deadline = patience() if deadline is None else deadline
    reader, writer = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _part_from(parent, writer)
        _child(work, writer)
    os.close(writer)
    try:
        text = _read_all(reader, deadline)
    finally:
        os.close(reader)
        _end(pid)
    if text is None:
        raise NvmlUnavailable("NVML did not answer within %g seconds: the GPU or the driver hangs" % deadline)
    if not text:
        raise NvmlUnavailable("the process that asked NVML died without an answer")
    answer = json.loads(text)
    if "error" in answer:
        raise NvmlUnavailable(answer["error"], answer.get("code"))
    return answer["value"]


def _part_from(parent: int, writer: int) -> None:
    """End when the parent does, and hold nothing of it: a child that hangs for good would keep its lock."""
    from ctypes import CDLL

    CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(0)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != writer:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _child(work: Callable[[Any], Any], writer: int) -> None:
    """Never returns: the child must not run the parent's clean-up."""
    try:
        data = json.dumps(_answer(work)).encode()
        while data:
            data = data[os.write(writer, data) :]
    finally:
        os._exit(0)


def _answer(work: Callable[[Any], Any]) -> Dict[str, Any]:
    try:
        pynvml = load_pynvml()
    except NvmlUnavailable as exc:
        return {"error": exc.reason}
    return answered(pynvml, lambda loaded: _between(loaded, work))


def _between(pynvml: Any, work: Callable[[Any], Any]) -> Any:
    pynvml.nvmlInit()
    try:
        return work(pynvml)
    finally:
        pynvml.nvmlShutdown()


def answered(pynvml: Any, work: Callable[[Any], Any]) -> Dict[str, Any]:
    """What ``work(pynvml)`` returns under "value"; or under "error" why not, with NVML's number in "code"."""
    try:
        return {"value": work(pynvml)}
    except pynvml.NVMLError as exc:
        return {"error": "NVML says: %s" % exc, "code": exc.value}
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as exc:
        return {"error": "asking NVML failed: %s: %s" % (type(exc).__name__, exc)}


def _read_all(reader: int, deadline: float) -> Optional[str]:
    end = time.monotonic() + deadline
    parts: List[bytes] = []
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return None
        part = os.read(reader, 65536)
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def _end(pid: int) -> None:
    """Reap the child; one that hangs in the driver cannot even be killed, and is left to the kernel."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    for attempt in range(10):
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.0005 * 2**attempt)  # half a second in all


def compute_processes() -> List[int]:
    """Process ids with a compute or graphics context on any GPU; empty where NVML does not answer.

    The caller combines this with the kernel's own view, which needs no NVML.
    """
    try:
        return list(in_session(_processes))
    except NvmlUnavailable:
        return []


def _processes(pynvml: Any) -> List[int]:
    pids: Set[int] = set()
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        for listing in (
            pynvml.nvmlDeviceGetComputeRunningProcesses,
            pynvml.nvmlDeviceGetGraphicsRunningProcesses,
        ):
            try:
                pids.update(process.pid for process in listing(handle))
            except pynvml.NVMLError:
                continue
    return sorted(pids)
