# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads from a real server on this machine that cuts connections, ignores ranges, or has another file."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Iterator, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _download
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._download import Download, download
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, EffectError
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

CONTENT = bytes(range(256)) * 4096
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
PATH = "/var/cache/labfleet-gpu/cuda.run"
PART = PATH + ".part"


class Server(ThreadingHTTPServer):
    """``cuts``: after how many bytes the next connections end; ``asked``: the ranges asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ranges = True
        self.status: Optional[int] = None
        self.cuts: List[int] = []
        self.asked: List[str] = []
        self.silent = False
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return "http://127.0.0.1:%d/cuda.run" % self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.headers.get("Range", ""))
        if self.server.status:
            self.send_error(self.server.status)
            return
        begin = 0
        match = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if match and self.server.ranges:
            begin = int(match.group(1))
            if begin >= len(CONTENT):
                self.send_response(416)
                self.send_header("Content-Range", "bytes */%d" % len(CONTENT))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (begin, len(CONTENT) - 1, len(CONTENT)))
        else:
            self.send_response(200)
        body = CONTENT[begin:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.silent:
            self.server.over.wait(30)
            return
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(_download, "PAUSE", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as started:
        thread = threading.Thread(target=started.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield started
        started.over.set()
        started.shutdown()
        thread.join()


@pytest.fixture
def context(tree: Tree) -> Iterator[Context]:
    with module() as ansible_module:
        yield Context(Commands(ansible_module), tree.files, [])


def fetched(tree: Tree) -> bool:
    assert not tree.path(PART).exists()
    return tree.path(PATH).read_bytes() == CONTENT


def test_a_file_in_one_go_is_readable_by_all_and_not_fetched_again(
    context: Context, tree: Tree, server: Server
) -> None:
    os.umask(0o077)
    wish = Download(server.url, PATH, SHA256, len(CONTENT))
    download(context, wish)
    assert fetched(tree)
    assert stat.S_IMODE(tree.path(PATH).stat().st_mode) == 0o644
    download(context, wish)
    assert server.asked == [""], "a file that is there is not asked for"


def test_what_is_there_and_is_another_file_is_replaced(context: Context, tree: Tree, server: Server) -> None:
    tree.write(PATH, "of last year\n")
    download(context, Download(server.url, PATH, SHA256))
    assert fetched(tree)


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_connections_that_end_in_the_middle_are_gone_on_with(
    context: Context, tree: Tree, server: Server, size: Optional[int]
) -> None:
    server.cuts = [100000, 200000]
    download(context, Download(server.url, PATH, SHA256, size))
    assert fetched(tree)
    assert server.asked == ["", "bytes=100000-", "bytes=300000-"]


def test_a_part_of_an_earlier_run_is_gone_on_with(context: Context, tree: Tree, server: Server) -> None:
    tree.path(PART).parent.mkdir(parents=True)
    tree.path(PART).write_bytes(CONTENT[:5000])
    download(context, Download(server.url, PATH, SHA256))
    assert fetched(tree) and server.asked == ["bytes=5000-"]


def test_a_part_that_is_whole_already(context: Context, tree: Tree, server: Server) -> None:
    tree.path(PART).parent.mkdir(parents=True)
    tree.path(PART).write_bytes(CONTENT)
    download(context, Download(server.url, PATH, SHA256))
    assert fetched(tree), "the server has no more than that and says so"


@pytest.mark.parametrize("part", [b"spoilt" * 100, CONTENT + b"and more"], ids=["spoilt", "too long"])
@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_part_that_is_no_part_is_thrown_away(
    context: Context, tree: Tree, server: Server, part: bytes, ranges: bool, size: Optional[int]
) -> None:
    tree.path(PART).parent.mkdir(parents=True)
    tree.path(PART).write_bytes(part)
    server.ranges = ranges
    download(context, Download(server.url, PATH, SHA256, size))
    assert fetched(tree)


def test_without_a_digest_a_part_of_an_earlier_run_is_not_trusted(
    context: Context, tree: Tree, server: Server
) -> None:
    tree.path(PART).parent.mkdir(parents=True)
    tree.path(PART).write_bytes(CONTENT[:5000])
    download(context, Download(server.url, PATH, ""))
    assert fetched(tree) and server.asked == [""]


def test_a_server_without_ranges_is_asked_from_the_beginning(
    context: Context, tree: Tree, server: Server
) -> None:
    server.ranges = False
    server.cuts = [100000]
    download(context, Download(server.url, PATH, SHA256))
    assert fetched(tree) and server.asked == ["", "bytes=100000-"]


def test_a_wrong_digest_names_both_and_leaves_nothing(context: Context, tree: Tree, server: Server) -> None:
    other = "sha256:" + "0" * 64
    with pytest.raises(EffectError) as told:
        download(context, Download(server.url, PATH, other))
    for part in (server.url, other, SHA256, "run again"):
        assert part in str(told.value)
    assert tree.files.names(os.path.dirname(PATH)) == []


def test_a_wrong_size(context: Context, tree: Tree, server: Server) -> None:
    with pytest.raises(EffectError, match="it has %d bytes, and expected are 5000000" % len(CONTENT)):
        download(context, Download(server.url, PATH, SHA256, 5000000))
    assert tree.files.names(os.path.dirname(PATH)) == []


def test_md5_is_a_digest_too(context: Context, tree: Tree, server: Server) -> None:
    digest = "md5:" + hashlib.new("md5", CONTENT).hexdigest()
    download(context, Download(server.url, PATH, digest))
    assert fetched(tree)
    with pytest.raises(EffectError, match=digest):
        download(context, Download(server.url, PATH, "md5:" + "0" * 32))


@pytest.mark.parametrize("status, asked", [(404, 1), (503, _download.TRIES)])
def test_a_server_that_refuses(context: Context, server: Server, status: int, asked: int) -> None:
    server.status = status
    with pytest.raises(EffectError, match=r"cuda\.run cannot be fetched: the server answered %d" % status):
        download(context, Download(server.url, PATH, SHA256))
    assert len(server.asked) == asked


def test_a_server_that_falls_silent_is_given_up(
    context: Context, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_download, "STALL", 0.2)
    server.silent = True
    with pytest.raises(EffectError, match="timed out"):
        download(context, Download(server.url, PATH, SHA256))


def test_nobody_listens(context: Context, server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(EffectError, match="Connection refused"):
        download(context, Download(server.url, PATH, SHA256))


def test_a_file_of_the_node_itself(context: Context, tree: Tree) -> None:
    tree.path("/srv").mkdir()
    tree.path("/srv/cuda.run").write_bytes(CONTENT)
    download(context, Download("file://%s" % tree.path("/srv/cuda.run"), PATH, SHA256))
    assert fetched(tree)
    with pytest.raises(EffectError, match="No such file"):
        download(context, Download("file:///srv/there-is-none.run", PATH, "sha256:" + "0" * 64))


@pytest.mark.parametrize("url", ["ftp://example.org/cuda.run", "/srv/cuda.run"])
def test_an_address_of_another_kind(context: Context, url: str) -> None:
    with pytest.raises(EffectError, match="is not an http, https or file URL"):
        download(context, Download(url, PATH, SHA256))
