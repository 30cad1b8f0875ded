# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default is switched in its own way: through the alternative, or as a plain link."""

from __future__ import annotations

import os
from typing import List, Sequence

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.apply import ACTIONS
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.default import SetDefault
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

WISHED = SetDefault("/usr/local/cuda-12.4", 124)
ALTERNATIVES = "/var/lib/dpkg/alternatives/cuda"
KNOWN = "auto\n/usr/local/cuda\n\n/usr/local/cuda-12.4\n124\n/usr/local/cuda-13.0\n130\n\n"
OTHER = "auto\n/usr/local/cuda\n\n/usr/local/cuda-13.0\n130\n\n"


class Recorder:
    """Stands for AnsibleModule: what would be run on the node."""

    def __init__(self, rc: int = 0):
        self.rc = rc
        self.ran: List[List[str]] = []

    def run_command(self, argv: Sequence[str], **_more: object) -> "tuple[int, str, str]":
        self.ran.append(list(argv))
        return self.rc, "", "no such choice" if self.rc else ""


def act(tree: Tree, module: Recorder, name: str = "set-default", data: object = WISHED) -> None:
    ACTIONS[name](Context(Commands(module), tree.files, []), data)


@pytest.fixture
def alternative(tree: Tree) -> Tree:
    tree.write(ALTERNATIVES, KNOWN)
    tree.link("/usr/local/cuda", "/etc/alternatives/cuda")
    tree.link("/etc/alternatives/cuda", "/usr/local/cuda-13.0")
    return tree


def test_a_known_choice_of_an_alternative(alternative: Tree) -> None:
    module = Recorder()
    act(alternative, module)
    assert module.ran == [["update-alternatives", "--set", "cuda", "/usr/local/cuda-12.4"]]


def test_a_new_choice_of_an_alternative(alternative: Tree) -> None:
    alternative.write(ALTERNATIVES, OTHER)
    module = Recorder()
    act(alternative, module)
    assert module.ran == [
        ["update-alternatives", "--install", "/usr/local/cuda", "cuda", "/usr/local/cuda-12.4", "124"],
        ["update-alternatives", "--set", "cuda", "/usr/local/cuda-12.4"],
    ]


def test_an_alternative_that_refuses(alternative: Tree) -> None:
    with pytest.raises(CommandError, match="Failed to make /usr/local/cuda-12.4 the default"):
        act(alternative, Recorder(rc=2))


def test_a_missing_link_of_an_alternative_is_its_own_to_mend(tree: Tree) -> None:
    tree.write(ALTERNATIVES, KNOWN)
    module = Recorder()
    act(tree, module)
    assert module.ran[-1][1] == "--set"


@pytest.mark.parametrize("before", [None, "cuda-11.6", "/usr/local/cuda-12.4"])
def test_a_plain_link(tree: Tree, before: "str | None") -> None:
    tree.write("/usr/local/cuda-12.4/bin/nvcc")
    if before:
        tree.link("/usr/local/cuda", before)
    tree.link("/usr/local/cuda.labfleet-gpu", "left behind by a cut")
    module = Recorder()
    act(tree, module)
    assert module.ran == []
    assert os.readlink(tree.path("/usr/local/cuda")) == "/usr/local/cuda-12.4"


def test_a_directory_is_left_alone(tree: Tree) -> None:
    tree.write("/usr/local/cuda/bin/nvcc")
    with pytest.raises(OSError, match="is a directory and not a link"):
        act(tree, Recorder())


def test_the_linkers_cache(tree: Tree) -> None:
    module = Recorder()
    act(tree, module, "renew-linker-cache", None)
    assert module.ran == [["ldconfig"]]
