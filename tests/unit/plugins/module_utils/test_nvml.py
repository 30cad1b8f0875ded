# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVML in a child with a deadline, against the library that the simulated driver ships."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any, Callable, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._nvml import (
    NvmlUnavailable,
    compute_processes,
    in_session,
    patience,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._nvml_calls import handle_of
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

VERSION = "580.95.05"
UUID, ADDRESS = "GPU-513536b6-7d19-9063-b049-1e69664bb298", "0000:07:00.0"

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)


def versions(pynvml: Any) -> Any:
    return {"driver": pynvml.nvmlSystemGetDriverVersion(), "gpus": pynvml.nvmlDeviceGetCount()}


def test_an_answer_is_plain_data(node: Tree) -> None:
    assert in_session(versions) == {"driver": VERSION, "gpus": 1}


def test_a_long_answer_passes_whole(node: Tree) -> None:
    assert in_session(lambda _pynvml: "x" * 300000) == "x" * 300000


def test_the_session_is_the_childs(node: Tree) -> None:
    assert in_session(lambda _pynvml: os.getpid()) != os.getpid()


def test_no_module_loaded(node: Tree) -> None:
    node.path("/run/gpu-simulator/module/version").unlink()
    with pytest.raises(NvmlUnavailable) as unavailable:
        in_session(versions)
    assert unavailable.value.code == 9
    assert unavailable.value.reason.startswith("NVML says: ")


def test_library_and_module_differ(node: Tree) -> None:
    node.write("/run/gpu-simulator/module/version", "570.133.20\n")
    with pytest.raises(NvmlUnavailable) as unavailable:
        in_session(versions)
    assert unavailable.value.code == 18


def test_an_error_within_the_work_is_told(node: Tree) -> None:
    with pytest.raises(NvmlUnavailable) as unavailable:
        in_session(lambda pynvml: pynvml.nvmlDeviceGetHandleByIndex(7))
    assert unavailable.value.code == 2


def test_each_gpu_takes_its_time(tree: Tree) -> None:
    """Eight without persistence take half a minute; a driver to be loaded has bound none of them yet."""
    assert patience(tree.files) == 20.0
    for number in range(8):
        tree.pci("0000:%02x:00.0" % (number + 7), "0x20b0", "0x030200")
    tree.pci("0000:06:00.0", "0x1af1", "0x068000")
    tree.pci("0000:05:00.0", "0x1533", "0x020000", vendor="0x8086")
    tree.pci("0000:04:00.0", "0x2000", "0x030000", vendor="0x1a03")
    assert patience(tree.files) == 100.0


@pytest.mark.parametrize("place", [ADDRESS, "0000:08:00.0"])
def test_no_other_gpu_is_set_up_where_the_address_is_known(node: Tree, place: str) -> None:
    """A search by number would set up those before it. One that is not at its address is found by that."""
    node.write("/var/lib/gpu-simulator/gpus/0/pci_bus_id", ADDRESS + "\n")
    node.write("/proc/driver/nvidia/gpus/%s/information" % place, "GPU UUID: \t %s\n" % UUID)
    node.write("/proc/driver/nvidia/gpus/0000:09:00.0/information", "GPU UUID: \t GPU-another\n")
    assert in_session(lambda pynvml: pynvml.nvmlDeviceGetIndex(handle_of(pynvml, UUID, node.files))) == 0
    node.write("/run/gpu-simulator/faults/nvmlDeviceGetHandleByIndex_v2", "return 15\n")
    if place == ADDRESS:
        name = in_session(lambda pynvml: pynvml.nvmlDeviceGetName(handle_of(pynvml, UUID, node.files)))
        assert name == "NVIDIA A30"
        return
    with pytest.raises(NvmlUnavailable) as unavailable:
        in_session(lambda pynvml: str(handle_of(pynvml, UUID, node.files)))
    assert unavailable.value.code == 15, "as the search says"


def test_a_hanging_driver_costs_the_deadline_and_no_more(node: Tree) -> None:
    node.write("/run/gpu-simulator/faults/nvmlDeviceGetCount_v2", "hang\n")
    begin = time.monotonic()
    with pytest.raises(NvmlUnavailable) as unavailable:
        in_session(versions, deadline=0.5)
    assert "did not answer within 0.5 seconds" in unavailable.value.reason
    assert 0.5 <= time.monotonic() - begin < 5
    assert _no_children()


def test_a_hanging_child_keeps_no_lock(node: Tree, tmp_path: Path) -> None:
    with open(tmp_path / "lock", "w", encoding="utf-8") as lock:
        held = in_session(lambda _pynvml: [os.readlink("/proc/self/fd/%d" % fd) for fd in open_files()])
        assert lock.name not in held
        assert lock.name in [os.readlink("/proc/self/fd/%d" % fd) for fd in open_files()]


def open_files() -> List[int]:
    """Descriptors; the one of this listing itself is closed when it ends."""
    return [int(name) for name in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + name)]


def test_a_killed_run_takes_its_session_with_it(node: Tree, tmp_path: Path) -> None:
    seen = tmp_path / "pid"

    def sleep(_pynvml: Any) -> None:
        seen.write_text(str(os.getpid()))
        time.sleep(60)

    pid = os.fork()
    if pid == 0:
        in_session(sleep)
        os._exit(0)
    _until(lambda: seen.exists() and seen.read_text() != "")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    _until(lambda: _ended(seen.read_text()))


def _ended(pid: str) -> bool:
    """Is it gone, or does it only wait to be reaped by whoever adopted it?"""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_dying_child_is_no_answer(node: Tree, end: int) -> None:
    with pytest.raises(NvmlUnavailable) as unavailable:
        in_session(lambda _pynvml: os.kill(os.getpid(), end))
    assert unavailable.value.reason == "the process that asked NVML died without an answer"
    assert _no_children()


def test_a_crashing_library_is_no_answer(node: Tree) -> None:
    node.write("/run/gpu-simulator/faults/nvmlDeviceGetCount_v2", "crash\n")
    with pytest.raises(NvmlUnavailable) as unavailable:
        in_session(versions)
    assert "died without an answer" in unavailable.value.reason


def test_processes_on_any_gpu(node: Tree) -> None:
    node.write("/run/gpu-simulator/gpus/0/processes/%d" % os.getpid(), "C 100\n")
    assert compute_processes() == [os.getpid()]


def test_processes_where_nvml_does_not_answer(node: Tree) -> None:
    node.path("/run/gpu-simulator/module/version").unlink()
    assert compute_processes() == []


def _no_children() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return True
