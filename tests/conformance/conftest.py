# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: the library under test, a node of file trees, and nvidia-ml-py on it.

The tests run as root, in the namespace of `unshare --map-root-user` where the user is not root.
NVML_LIBRARY names a directory with a library that is already built (mutate.py uses it).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import nodes
from boards import Board


def pytest_addoption(parser: pytest.Parser) -> None:
    """--rule R_NAME runs the tests that hold that rule."""
    parser.addoption("--rule", default=None, help="only the tests marked with this rule of rules.h")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; become root."""
    config.addinivalue_line("markers", "rule(*names): the rules of rules.h that this test holds")
    if os.geteuid() == 0:
        return
    unshare = shutil.which("unshare")
    if unshare is None:
        raise pytest.UsageError(
            "The conformance tests set modes as root: run them as root, or install unshare."
        )
    config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
    arguments = config.invocation_params.args
    os.execv(unshare, [unshare, "--map-root-user", sys.executable, "-m", "pytest", *map(str, arguments)])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of one rule, if one is asked for."""
    wanted = config.getoption("--rule")
    if wanted is not None:
        items[:] = [item for item in items if any(wanted in mark.args for mark in item.iter_markers("rule"))]


@pytest.fixture(scope="session")
def library() -> Iterator[Path]:
    """The directory with libnvidia-ml.so.1, loaded, so that nvidia-ml-py finds it by its SONAME."""
    given = os.environ.get("NVML_LIBRARY")
    out = Path(given) if given else Path(tempfile.mkdtemp(prefix="nvml-"))
    out.chmod(0o755)
    if not given:
        nodes.build(out)
    ctypes.CDLL(str(out / "libnvidia-ml.so.1"))
    yield out
    if not given:
        shutil.rmtree(out)


@pytest.fixture(scope="session")
def builds() -> Iterator[Callable[[str], Path]]:
    """The library of other versions, built when asked for, and as broken as the one under test."""
    with tempfile.TemporaryDirectory(prefix="nvml-other-") as folder:
        Path(folder).chmod(0o755)

        def build(version: str) -> Path:
            out = Path(folder) / version
            return out if out.is_dir() else nodes.build(out, version, os.environ.get("NVML_MUTATE", ""))

        yield build


@pytest.fixture()
def driver(builds: Callable[[str], Path]) -> Iterator[nodes.Driver]:
    """A node whose driver and library have that version."""
    with ExitStack() as stack:

        def make(version: str, board: Board) -> nodes.Node:
            node = stack.enter_context(nodes.temporary(builds(version)))
            return node.load_module(version).add(board)

        yield make


@pytest.fixture()
def scratch() -> Iterator[Path]:
    """A directory of this test; pytest's own are not usable in a user namespace where root has run before."""
    with tempfile.TemporaryDirectory(prefix="scratch-") as folder:
        yield Path(folder)


@pytest.fixture()
def node(library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[nodes.Node]:
    """An empty node: no module, no GPU."""
    with nodes.temporary(library) as fresh:
        monkeypatch.setenv("GPU_SIMULATOR_ROOT", str(fresh.root))
        yield fresh


@pytest.fixture()
def nvml(node: nodes.Node) -> Iterator[Any]:
    """nvidia-ml-py, shut down afterwards as often as the test initialized it."""
    import pynvml

    _load(pynvml)
    yield pynvml
    for _turn in range(8):
        try:
            pynvml.nvmlShutdown()
        except pynvml.NVMLError:
            break


def _load(pynvml: ModuleType) -> None:
    """Calls before nvmlInit must reach the library, not end in the binding."""
    pynvml._LoadNvmlLibrary()
