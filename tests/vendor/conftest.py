# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built tree, served over HTTP, and throw-away nodes."""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parent
sys.path.insert(0, str(VENDOR))

import throwaway  # noqa: E402
from served import Served  # noqa: E402
from steps import subscribe  # noqa: E402


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep requests out of the test's output."""


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Runs build.py into a new directory. Keys are the session's own; compiled parts outlive it, by hash."""
    state = tmp_path_factory.mktemp("state")
    (state / "compiled").symlink_to(throwaway.compiled_cache())

    def run(name: str, *options: str) -> Path:
        out = tmp_path_factory.mktemp(name) / "tree"
        subprocess.run(
            [sys.executable, str(VENDOR / "build.py"), "--out", str(out), "--state", str(state), *options],
            check=True,
            stdout=subprocess.PIPE,
        )
        return out

    return run


@pytest.fixture(scope="session")
def served(build: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The tree, built for the address that serves it."""
    directory = tmp_path_factory.mktemp("served") / "tree"
    directory.mkdir()
    handler = functools.partial(_Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        directory.rmdir()
        build("served", "--base-url", url).rename(directory)
        yield Served(directory, url)
        server.shutdown()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[throwaway.Node]:
    """A fresh node."""
    made = throwaway.Node(throwaway.base_root(), tmp_path / "node")
    yield made
    made.remove()


@pytest.fixture
def bare(node: throwaway.Node, served: Served) -> throwaway.Node:
    """A node that knows the repositories and has no kernel headers."""
    subscribe(node, served)
    node.run("apt-get update -q")
    return node


@pytest.fixture
def ready(bare: throwaway.Node) -> throwaway.Node:
    """The same with kernel headers and image."""
    bare.run("apt-get install -y -q linux-headers-generic linux-image-generic")
    return bare
