# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvmlInit in its variants, nvmlShutdown, versions, error texts."""

from __future__ import annotations

import os
import subprocess
from ctypes import byref, c_int, create_string_buffer
from pathlib import Path
from typing import Any

import nodes
import pytest
from boards import A100, T4
from expect import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    GPU_NOT_FOUND,
    INSUFFICIENT_SIZE,
    INVALID_ARGUMENT,
    LIBRARY_NOT_FOUND,
    NOT_FOUND,
    UNINITIALIZED,
    VERSION_MISMATCH,
    code,
    raw,
)

INITS = ("nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags")


@pytest.mark.rule("R_MODULE_LOADED")
@pytest.mark.parametrize("init", INITS)
def test_without_the_kernel_module_the_driver_is_not_loaded(node: nodes.Node, nvml: Any, init: str) -> None:
    node.add(A100)
    assert raw(init, 0) == DRIVER_NOT_LOADED


@pytest.mark.rule("R_VERSION_MATCH")
@pytest.mark.parametrize("loaded", ["580.95.05", "570.133.2", "570.133.200", "570.133", "garbage"])
def test_another_kernel_module_is_a_mismatch(node: nodes.Node, nvml: Any, loaded: str) -> None:
    node.load_module(loaded).add(A100)
    assert code(nvml.nvmlInit) == VERSION_MISMATCH
    assert code(nvml.nvmlDeviceGetCount) == UNINITIALIZED


def test_a_mismatch_can_still_be_named(node: nodes.Node, nvml: Any) -> None:
    node.load_module("580.95.05")
    assert code(nvml.nvmlInit) == VERSION_MISMATCH
    assert nvml.nvmlSystemGetNVMLVersion() == f"12.{nodes.VERSION}"
    assert nvml.nvmlErrorString(VERSION_MISMATCH) == "Driver/library version mismatch"


@pytest.mark.rule("R_GPUS_FOUND")
def test_without_gpus_only_the_flag_lets_init_succeed(node: nodes.Node, nvml: Any) -> None:
    node.load_module()
    for init in INITS:
        assert raw(init, 0) == GPU_NOT_FOUND
    nvml.nvmlInitWithFlags(nvml.NVML_INIT_FLAG_NO_GPUS)
    assert nvml.nvmlDeviceGetCount() == 0
    assert code(nvml.nvmlDeviceGetHandleByIndex, 0) == INVALID_ARGUMENT


@pytest.mark.rule("R_INIT_V1_ALL_GOOD")
def test_only_the_first_nvml_init_looks_at_every_gpu(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(A100, T4)
    node.lose(1)
    assert raw("nvmlInit") == GPU_IS_LOST
    assert raw("nvmlInit_v2") == 0


@pytest.mark.rule("R_INIT_COUNTED", "R_INIT_FIRST", "R_SHUTDOWN_NEEDS_INIT")
def test_the_last_shutdown_ends_the_session(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(A100)
    assert code(nvml.nvmlShutdown) == UNINITIALIZED
    nvml.nvmlInit()
    nvml.nvmlInit()
    nvml.nvmlShutdown()
    assert nvml.nvmlDeviceGetCount() == 1
    nvml.nvmlShutdown()
    assert code(nvml.nvmlDeviceGetCount) == UNINITIALIZED
    assert code(nvml.nvmlShutdown) == UNINITIALIZED


def test_a_failed_init_is_not_counted(node: nodes.Node, nvml: Any) -> None:
    assert code(nvml.nvmlInit) == DRIVER_NOT_LOADED
    node.load_module().add(A100)
    nvml.nvmlInit()
    nvml.nvmlShutdown()
    assert code(nvml.nvmlShutdown) == UNINITIALIZED


def test_a_new_session_sees_the_new_driver(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(A100)
    nvml.nvmlInit()
    node.load_module("580.95.05").add(T4)
    assert nvml.nvmlDeviceGetCount() == 1, "the session keeps what it found"
    nvml.nvmlShutdown()
    assert code(nvml.nvmlInit) == VERSION_MISMATCH
    node.load_module()
    nvml.nvmlInit()
    assert nvml.nvmlDeviceGetCount() == 2


def test_versions(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(A100)
    assert nvml.nvmlSystemGetCudaDriverVersion() == 12080
    assert code(nvml.nvmlSystemGetDriverVersion) == UNINITIALIZED
    nvml.nvmlInit()
    assert nvml.nvmlSystemGetDriverVersion() == nodes.VERSION
    assert nvml.nvmlSystemGetNVMLVersion() == f"12.{nodes.VERSION}"


@pytest.mark.rule("R_LIBCUDA_FOUND")
def test_the_second_cuda_version_call_wants_libcuda(node: nodes.Node, nvml: Any) -> None:
    function = "pynvml._nvmlGetFunctionPointer('nvmlSystemGetCudaDriverVersion_v2')"
    asks = f"v = c_int(); answer = [{function}(byref(v)), v.value]"
    prologue = "from ctypes import byref, c_int; pynvml._LoadNvmlLibrary(); "
    assert node.client(prologue + asks)[0] == LIBRARY_NOT_FOUND
    libcuda = node.root / "libcuda.so.1"
    options = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-x", "c", "/dev/null", "-o", str(libcuda)]
    subprocess.run(["gcc", *options], check=True)
    there = f"import ctypes; ctypes.CDLL({str(libcuda)!r}); "
    assert node.client(there + prologue + asks) == [0, 12080]


def test_another_version_is_another_library(scratch: Path) -> None:
    nodes.build(scratch, version="580.95.05")
    built = nodes.Node(scratch / "node", scratch).load_module("580.95.05").add(A100)
    assert built.client(
        "nvmlInit(); answer = [nvmlSystemGetDriverVersion(), nvmlSystemGetNVMLVersion(), "
        "nvmlSystemGetCudaDriverVersion()]"
    ) == ["580.95.05", "13.580.95.05", 13000]


def test_an_unknown_branch_is_refused_by_the_build(scratch: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        nodes.build(scratch, version="999.1")
    assert "add the CUDA version that it reports" in refused.value.stderr


@pytest.mark.rule("R_PROCESS_EXISTS", "R_BUFFER_SIZE")
def test_process_names(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(A100)
    nvml.nvmlInit()
    own = Path("/proc/self/cmdline").read_bytes().split(b"\0")[0].decode()
    assert nvml.nvmlSystemGetProcessName(os.getpid()) == own
    with subprocess.Popen(["true"]) as gone:
        pass
    assert code(nvml.nvmlSystemGetProcessName, gone.pid) == NOT_FOUND
    assert raw("nvmlSystemGetProcessName", 1, b"        ", 0) == INVALID_ARGUMENT


@pytest.mark.rule("R_BUFFER_SIZE")
def test_short_buffers(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(A100)
    nvml.nvmlInit()
    buffer = create_string_buffer(64)
    assert raw("nvmlSystemGetDriverVersion", buffer, len(nodes.VERSION)) == INSUFFICIENT_SIZE
    assert raw("nvmlSystemGetDriverVersion", buffer, len(nodes.VERSION) + 1) == 0
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    assert raw("nvmlDeviceGetUUID", device, buffer, 40) == INSUFFICIENT_SIZE
    assert raw("nvmlDeviceGetUUID", device, buffer, 41) == 0
    assert buffer.value == b"GPU-513536b6-7d19-9063-b049-1e69664bb298"
    assert raw("nvmlDeviceGetName", device, buffer, 0) == INSUFFICIENT_SIZE


def test_error_texts(nvml: Any) -> None:
    known = {nvml.nvmlErrorString(number) for number in (*range(31), 999)}
    assert len(known) == 32, "each code has a text of its own"
    assert nvml.nvmlErrorString(9) == "Driver Not Loaded"
    assert nvml.nvmlErrorString(15) == "GPU is lost"
    assert nvml.nvmlErrorString(12345) == "Unknown Error"


def test_no_board_is_excluded(nvml: Any) -> None:
    count = c_int(7)
    assert raw("nvmlGetExcludedDeviceCount", byref(count)) == 0
    assert count.value == 0
