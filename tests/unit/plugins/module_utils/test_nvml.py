# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVML in a child with a deadline, against the library that the simulated driver ships."""

from __future__ import annotations

import os
import shutil
import signal
import time
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._nvml import (
    NvmlUnavailable,
    compute_processes,
    in_session,
)
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

VERSION = "580.95.05"

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


def test_a_hanging_driver_costs_the_deadline_and_no_more(node: Tree) -> None:
    node.write("/run/gpu-simulator/faults/nvmlDeviceGetCount_v2", "hang\n")
    begin = time.monotonic()
    with pytest.raises(NvmlUnavailable) as unavailable:
        in_session(versions, deadline=0.5)
    assert "did not answer within 0.5 seconds" in unavailable.value.reason
    assert 0.5 <= time.monotonic() - begin < 5
    assert _no_children()


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
