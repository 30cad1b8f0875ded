# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives in toolkits of a file tree: what goes in comes out, and what is cut off can be gone on with."""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn import apply
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.tests.unit.support.cudnn_archives import (
    TOOLKIT,
    TOP,
    Recorder,
    context,
    cudnn,
    listing,
    member,
    packed,
    the_list,
    toolkit,
)
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree


@pytest.fixture
def node(tree: Tree) -> Tree:
    return toolkit(tree)


def test_what_goes_in_comes_out_again(node: Tree) -> None:
    data = packed(node, cudnn("9.5.1"))
    before = listing(node)
    module = Recorder()
    apply.unpack_archive(context(node, module), data)
    lib = node.path(TOOLKIT) / "lib64"
    assert sorted(path.name for path in lib.iterdir()) == [
        "libcudart.so.12",
        "libcudnn.so",
        "libcudnn.so.9",
        "libcudnn.so.9.5.1",
        "libcudnn_ops.so",
        "libcudnn_ops.so.9",
        "libcudnn_ops.so.9.5.1",
    ]
    assert os.readlink(str(lib / "libcudnn.so")) == "libcudnn.so.9", "a link that the archive lacks"
    assert oct((lib / "libcudnn.so.9.5.1").stat().st_mode)[-3:] == "755"
    assert oct((node.path(TOOLKIT) / "include/cudnn.h").stat().st_mode)[-3:] == "644"
    assert (lib / "libcudnn.so.9.5.1").stat().st_uid == os.geteuid()
    assert module.ran == [["ldconfig"]]
    made = the_list(node)
    assert (made.version, made.complete, made.verified) == ("9.5.1.17", True, False)
    assert {entry.now for entry in made.entries} == {"ours"} and len(made.entries) == 8
    apply.remove_archive(context(node, module), TOOLKIT)
    # What held our own directory stays: only that is ours.
    after = {path: text for path, text in listing(node).items() if not path.startswith("var")}
    assert after == {path: text for path, text in before.items() if not path.startswith("var")}
    assert not node.path("/var/lib/labfleet-gpu").exists()
    apply.remove_archive(context(node, module), TOOLKIT)


@pytest.mark.parametrize("form", ["xz", "gz", "bz2", ""])
def test_components_and_forms(node: Tree, form: str) -> None:
    data = packed(node, cudnn("9.5.1"), form)
    apply.unpack_archive(context(node), replace(data, components="runtime"))
    assert not (node.path(TOOLKIT) / "include/cudnn_version.h").exists()
    apply.unpack_archive(context(node), replace(data, components="static"))
    assert (node.path(TOOLKIT) / "lib64/libcudnn_static_v9.a").exists()
    assert (node.path(TOOLKIT) / "include/cudnn.h").exists()


def test_a_directory_that_was_not_there_goes_again(tree: Tree) -> None:
    tree.write(TOOLKIT + "/version.json")
    apply.unpack_archive(context(tree), packed(tree, cudnn("9.5.1")))
    assert the_list(tree).directories == ("include", "lib64")
    apply.remove_archive(context(tree), TOOLKIT)
    assert os.listdir(str(tree.path(TOOLKIT))) == ["version.json"]


def test_another_version_leaves_nothing_of_the_former(node: Tree) -> None:
    apply.unpack_archive(
        context(node),
        packed(node, cudnn("8.9.7")) and replace(packed(node, cudnn("8.9.7")), version="8.9.7.29"),
    )
    apply.unpack_archive(context(node), packed(node, cudnn("9.5.1")))
    assert not [name for name in os.listdir(str(node.path(TOOLKIT) / "lib64")) if "so.8" in name]
    assert the_list(node).version == "9.5.1.17"


def test_what_a_lost_toolkit_left_is_found(tree: Tree) -> None:
    """Its packages took the link lib64 with them; the directory behind it stayed, with our files."""
    tree.write(TOOLKIT + "/targets/x86_64-linux/lib/libcudart.so.12", "cudart")
    tree.link(TOOLKIT + "/lib64", "targets/x86_64-linux/lib")
    apply.unpack_archive(context(tree), packed(tree, cudnn("9.5.1")))
    tree.path(TOOLKIT + "/lib64").unlink()
    tree.path(TOOLKIT + "/targets/x86_64-linux/lib/libcudart.so.12").unlink()
    assert {entry.now for entry in the_list(tree).entries} == {"ours"}
    apply.remove_archive(context(tree), TOOLKIT)
    assert os.listdir(str(tree.path("/usr/local"))) == []


def test_files_that_somebody_changed_stay(node: Tree) -> None:
    apply.unpack_archive(context(node), packed(node, cudnn("9.5.1")))
    changed = node.path(TOOLKIT) / "include/cudnn.h"
    changed.write_text("theirs")
    apply.remove_archive(context(node), TOOLKIT)
    assert changed.read_text() == "theirs" and not (node.path(TOOLKIT) / "lib64/libcudnn.so").exists()


def test_nothing_of_somebody_else_is_overwritten_without_consent(node: Tree) -> None:
    theirs = node.write(TOOLKIT + "/include/cudnn.h", "theirs")
    left = node.write(TOOLKIT + "/targets/lib/libcudnn.so.8.6.0", "theirs")
    data = packed(node, cudnn("9.5.1"))
    before = listing(node)
    with pytest.raises(
        EffectError, match="include/cudnn.h is there, and this collection did not put it there"
    ):
        apply.unpack_archive(context(node), data)
    assert listing(node) == before
    consent = ("include/cudnn.h", "lib64/libcudnn.so.8.6.0")
    apply.unpack_archive(context(node), replace(data, replaced=consent))
    assert theirs.read_text() == "cudnn" and not left.exists()


EVIL = [
    (member(TOP + "/../../../etc/passwd", b"x"), "which no cuDNN has"),
    (member("/etc/passwd", b"x"), "which no cuDNN has"),
    (member(TOP + "/lib/libcudnn.so.9.5.1.x", link="/etc/passwd"), "leads out of its directory"),
    (member(TOP + "/lib/libcudnn_x.so", link="../../../../etc/passwd"), "leads out of its directory"),
    (member(TOP + "/lib/libcudnn_y.so", link=TOP + "/LICENSE", kind=tarfile.LNKTYPE), "which no cuDNN has"),
    (member(TOP + "/lib/libcudnn_z.so", kind=tarfile.FIFOTYPE), "which no cuDNN has"),
    (member("other/lib/libcudnn_a.so", b"x"), "one folder"),
]


@pytest.mark.parametrize("evil, words", EVIL, ids=range(len(EVIL)))
def test_an_archive_that_reaches_out_leaves_the_node_as_it_was(node: Tree, evil: Any, words: str) -> None:
    data = packed(node, [*cudnn("9.5.1"), evil])
    before = listing(node)
    with pytest.raises(EffectError, match=words):
        apply.unpack_archive(context(node), data)
    assert listing(node) == before


@pytest.mark.parametrize(
    "members, words",
    [
        (cudnn("9.5.1", head="9.5.0"), "library of cuDNN 9.5.1 and the headers of 9.5.0"),
        (cudnn("9.6.0"), "and 9.5.1.17 is wished"),
        (cudnn("9.5.1")[:3], "lacks lib/libcudnn.so.X.Y.Z"),
        (cudnn("9.5.1")[:2] + cudnn("9.5.1")[3:], "lacks include/cudnn_version.h"),
        ([], "lacks"),
    ],
)
def test_an_archive_of_something_else(node: Tree, members: Any, words: str) -> None:
    data = packed(node, members)
    before = listing(node)
    with pytest.raises(EffectError, match=words):
        apply.unpack_archive(context(node), data)
    assert listing(node) == before


def test_a_file_that_is_none_and_one_of_another_digest(node: Tree) -> None:
    data = packed(node, cudnn("9.5.1"))
    whole = node.path("/srv/archive").read_bytes()
    before = listing(node)
    with pytest.raises(EffectError, match="and expected is sha256:0"):
        apply.unpack_archive(context(node), replace(data, checksum="sha256:0"))
    assert listing(node) == before
    for spoilt in (b"no archive at all", whole[: len(whole) // 2]):
        node.path("/srv/archive").write_bytes(spoilt)
        checksum = "sha256:" + hashlib.sha256(spoilt).hexdigest()
        with pytest.raises(EffectError, match="cannot be unpacked"):
            apply.unpack_archive(context(node), replace(data, checksum=checksum))
        node.path("/srv/archive").write_bytes(whole)
        assert listing(node) == before


@pytest.mark.parametrize("cut", range(1, 11, 2))
def test_an_exchange_that_is_cut_off_is_gone_on_with(
    node: Tree, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two files: all that is there is ours, and the next run ends as an uncut one."""
    old = replace(packed(node, cudnn("9.5.0")), version="9.5.0.50")
    apply.unpack_archive(context(node), old)
    data = packed(node, cudnn("9.5.1"))
    moves = [0]

    def until_the_cut(real: Any) -> Any:
        def move(*names: Any, **more: Any) -> None:
            if TOOLKIT in str(names[-1]):
                moves[0] += 1
                if moves[0] == cut:
                    raise KeyboardInterrupt
            real(*names, **more)

        return move

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            patch.setattr(os, name, until_the_cut(getattr(os, name)))
        with pytest.raises(KeyboardInterrupt):
            apply.unpack_archive(context(node), data)
    found = the_list(node)
    assert not found.complete and "changed" not in {entry.now for entry in found.entries}
    apply.unpack_archive(context(node), data)
    assert not [name for name in os.listdir(str(node.path(TOOLKIT) / "lib64")) if "9.5.0" in name]
    assert {entry.now for entry in the_list(node).entries} == {"ours"} and the_list(node).complete
    apply.remove_archive(context(node), TOOLKIT)
    assert os.listdir(str(node.path(TOOLKIT) / "lib64")) == ["libcudart.so.12"]
