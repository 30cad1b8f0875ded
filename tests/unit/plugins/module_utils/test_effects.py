# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of ours: whole or not at all, with their mode, and shown in the diff."""

from __future__ import annotations

import os
import stat
from typing import Iterator, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import (
    Context,
    RemoveFile,
    WriteFile,
    file_diffs,
    remove_file,
    write_file,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Step
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

PATH = "/etc/apt/keyrings/labfleet-gpu-nvidia.asc"


@pytest.fixture
def context(tree: Tree) -> Iterator[Context]:
    with module() as ansible_module:
        yield Context(Commands(ansible_module), tree.files, [])


def names(tree: Tree) -> List[str]:
    return tree.files.names(os.path.dirname(PATH))


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_new_file_in_a_new_directory(context: Context, tree: Tree, mode: int) -> None:
    os.umask(0o077)
    write_file(context, WriteFile(PATH, "content\n", mode))
    assert tree.path(PATH).read_text(encoding="utf-8") == "content\n"
    assert stat.S_IMODE(tree.path(PATH).stat().st_mode) == mode
    assert names(tree) == [os.path.basename(PATH)]


def test_a_file_is_replaced_and_not_written_into(context: Context, tree: Tree) -> None:
    """Who has the old file open, or has it under another name, keeps the old content."""
    old = tree.write(PATH, "old\n")
    other = old.with_name("other")
    os.link(str(old), str(other))
    write_file(context, WriteFile(PATH, "new\n"))
    assert (old.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")) == ("new\n", "old\n")


def test_bytes_that_are_no_utf_8_come_back(context: Context, tree: Tree) -> None:
    content = b"\x99\x01\xff".decode("utf-8", "surrogateescape")
    write_file(context, WriteFile(PATH, content))
    assert tree.path(PATH).read_bytes() == b"\x99\x01\xff"


def test_a_failure_leaves_nothing(context: Context, tree: Tree) -> None:
    tree.write(PATH + "/occupied")
    with pytest.raises(OSError):
        write_file(context, WriteFile(PATH, "new\n"))
    assert names(tree) == [os.path.basename(PATH)]
    assert tree.path(PATH).is_dir()


def test_a_file_goes_and_may_be_gone(context: Context, tree: Tree) -> None:
    tree.write(PATH)
    remove_file(context, RemoveFile(PATH))
    assert names(tree) == []
    remove_file(context, RemoveFile(PATH))


def test_diffs_of_files_only(tree: Tree) -> None:
    tree.write("/etc/a", "before\n")
    steps = [
        Step("x", "write-file", "", "", WriteFile("/etc/a", "after\n")),
        Step("x", "remove-file", "", "", RemoveFile("/etc/a")),
        Step("x", "write-file", "", "", WriteFile("/etc/b", "new\n")),
        Step("x", "install", "", "", None),
    ]
    assert file_diffs(tree.files, steps) == [
        {"before_header": "/etc/a", "after_header": "/etc/a", "before": "before\n", "after": "after\n"},
        {"before_header": "/etc/a", "after_header": "/etc/a", "before": "before\n", "after": ""},
        {"before_header": "/etc/b", "after_header": "/etc/b", "before": "", "after": "new\n"},
    ]
