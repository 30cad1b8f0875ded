# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The library asked, downloads, notes and alternatives: what has an effect beside the archives."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn import apply
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.outcome import InstallCudnn, Verify
from ansible_collections.labfleet.gpu.plugins.module_utils._download import Download
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError, Install
from ansible_collections.labfleet.gpu.tests.unit.support.cudnn_archives import (
    TOOLKIT,
    Recorder,
    context,
    cudnn,
    header,
    packed,
    the_list,
    toolkit,
)
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree


@pytest.fixture
def node(tree: Tree) -> Tree:
    return toolkit(tree)


def asked(tree: Tree, module: Recorder, **changes: Any) -> None:
    tree.write(TOOLKIT + "/include/cudnn_version.h", header("9.5.1"))
    data = Verify(TOOLKIT + "/lib64/libcudnn.so.9", TOOLKIT + "/include/cudnn_version.h", "9.5.1", TOOLKIT)
    apply.verify_cudnn(context(tree, module), replace(data, **changes))


def test_the_library_is_asked_in_a_process_of_its_own(node: Tree) -> None:
    apply.unpack_archive(context(node), packed(node, cudnn("9.5.1")))
    module = Recorder("90501\n")
    asked(node, module)
    (argv,) = module.ran
    assert argv[-1] == str(node.path(TOOLKIT + "/lib64/libcudnn.so.9"))
    assert module.environments[0]["LD_LIBRARY_PATH"] == str(node.path(TOOLKIT + "/lib64"))
    assert the_list(node).verified
    asked(node, module, toolkit="", header="")
    assert "LD_LIBRARY_PATH" not in module.environments[1]


@pytest.mark.parametrize(
    "module, changes, words",
    [
        (Recorder("90500\n"), {}, "says that it is cuDNN 9.5.0, and 9.5.1 is wished"),
        (Recorder("8907\n"), {}, "says that it is cuDNN 8.9.7"),
        (Recorder("90600\n"), {"version": "9.6"}, "is of cuDNN 9.5.1, and the library of 9.6.0"),
        (Recorder("90501\n"), {"header": "/none.h"}, "is of cuDNN no version"),
        (
            Recorder(rc=1, err="Traceback\nOSError: libz.so.1: cannot open"),
            {},
            "OSError: libz.so.1: cannot open",
        ),
    ],
)
def test_an_answer_that_does_not_agree(node: Tree, module: Recorder, changes: Any, words: str) -> None:
    with pytest.raises(EffectError, match=words):
        asked(node, module, **changes)


def test_packages_are_noted_until_they_were_tried_out(node: Tree) -> None:
    module = Recorder("90501\n")
    data = InstallCudnn(Install(("libcudnn9-cuda-12=9.5.1.17-1",)), "9")
    apply.install_cudnn(context(node, module), data)
    assert module.ran[-1][-1] == "libcudnn9-cuda-12=9.5.1.17-1"
    note = node.path("/var/lib/labfleet-gpu/cudnn/untried")
    assert note.read_text() == "9\n"
    with pytest.raises(EffectError):
        asked(node, Recorder("8907\n"), toolkit="")
    assert note.exists()
    asked(node, module, toolkit="")
    assert not node.path("/var/lib/labfleet-gpu").exists()


def test_downloads_leave_nothing_behind(tree: Tree) -> None:
    source = tree.write("/srv/a", b"content")
    path = "/var/cache/labfleet-gpu/cudnn/a"
    good = "sha256:" + hashlib.sha256(b"content").hexdigest()
    with pytest.raises(EffectError, match="thrown away"):
        apply.download(context(tree), Download(source.as_uri(), path, "sha256:" + "0" * 64))
    assert not tree.path("/var/cache/labfleet-gpu").exists()
    apply.download(context(tree), Download(source.as_uri(), path, good))
    assert tree.path(path).read_bytes() == b"content"
    apply.forget(context(tree), path)
    assert not tree.path("/var/cache/labfleet-gpu").exists()
    tree.write(TOOLKIT + "/.labfleet-gpu-cudnn/lib64/x")
    apply.forget(context(tree), TOOLKIT + "/.labfleet-gpu-cudnn")
    assert os.listdir(str(tree.path(TOOLKIT))) == []


def test_the_headers_are_those_of_the_alternative(tree: Tree) -> None:
    module = Recorder()
    apply.set_headers(context(tree, module), "/usr/include/x86_64-linux-gnu/cudnn_v8.h")
    assert module.ran == [
        ["update-alternatives", "--set", "libcudnn", "/usr/include/x86_64-linux-gnu/cudnn_v8.h"]
    ]
