# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conda environments that are found, and what is told of them; users may put anything into theirs."""

from __future__ import annotations

import os
import pwd

from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import NOTE, UNFINISHED
from ansible_collections.labfleet.gpu.plugins.module_utils._info.environments import (
    LISTED,
    OrdinaryFiles,
    environments,
    homes,
)
from ansible_collections.labfleet.gpu.tests.unit.support.info_node import InfoNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

ROOT, HOME = "/opt/conda/envs", "/home/alice"


def test_what_is_told(tree: Tree) -> None:
    node = InfoNode(tree)
    node.environment(
        ROOT + "/train", "python-3.11.9-hb806964_0_cpython", "pytorch-2.5.1-cuda126_py311", "jax-0.4.35-py"
    )
    node.environment(ROOT + "/piped", "python-3.11.14-0", tensorflow="2.18.0", numpy="2.0.2")
    node.environment(ROOT + "/r", "r-base-4.4.1-0")
    tree.write("%s/train/%s" % (ROOT, NOTE), "{}")
    tree.write("%s/r/%s" % (ROOT, UNFINISHED))
    tree.write(ROOT + "/.labfleet-gpu/train.new/conda-meta/history")
    tree.write(ROOT + "/no-environment/file")
    found = {each["name"]: each for each in environments(str(tree.root), [ROOT, "/nowhere"])}
    assert sorted(found) == ["piped", "r", "train"]
    assert found["train"] == {
        "name": "train",
        "prefix": ROOT + "/train",
        "owner": pwd.getpwuid(os.getuid()).pw_name,
        "managed": True,
        "complete": True,
        "python": "3.11.9",
        "frameworks": {"pytorch": "2.5.1", "jax": "0.4.35"},
    }
    assert (found["piped"]["frameworks"], found["piped"]["managed"]) == ({"tensorflow": "2.18.0"}, False)
    assert (found["r"]["python"], found["r"]["complete"]) == (None, False)


def test_what_users_have_listed(tree: Tree) -> None:
    node = InfoNode(tree)
    for prefix in (ROOT + "/train", HOME + "/miniforge3", HOME + "/own/env"):
        node.environment(prefix, "python-3.12.1-0")
    lines = [HOME + "/miniforge3", ROOT + "/train", HOME + "/own/../own/env", "/gone", "relative", ""]
    tree.write("%s/%s" % (HOME, LISTED), "\n".join(lines))
    assert len(environments(str(tree.root), [ROOT])) == 1
    found = [each["prefix"] for each in environments(str(tree.root), [ROOT], [HOME, "/home/bob"])]
    assert found == [ROOT + "/train", HOME + "/miniforge3", HOME + "/own/env"], "each of them once"


def test_the_homes_of_this_machine() -> None:
    assert pwd.getpwuid(os.getuid()).pw_dir in homes() and len(set(homes())) == len(homes())


def test_only_ordinary_files_are_opened(tree: Tree) -> None:
    """Reading a pipe that nobody writes to would never end."""
    node = InfoNode(tree)
    tree.path(HOME + "/.conda").mkdir(parents=True)
    os.mkfifo(tree.path("%s/%s" % (HOME, LISTED)))
    node.environment(ROOT + "/odd", "python-3.12.1-0", torch="2.5.1")
    installer = tree.path(ROOT + "/odd/lib/python3.11/site-packages/torch-2.5.1.dist-info/INSTALLER")
    installer.unlink()
    os.mkfifo(installer)
    (found,) = environments(str(tree.root), [ROOT], [HOME])
    assert found["name"] == "odd" and found["frameworks"] == {}
    os.symlink("/dev/zero", tree.path("/device"))
    assert OrdinaryFiles(str(tree.root)).text("/device") is None and OrdinaryFiles("/").text("/dev") is None
    with open(tree.write("/giant"), "wb") as giant:
        giant.truncate(17 << 20)
    assert OrdinaryFiles(str(tree.root)).text("/giant") is None
    tree.write("/small", "x")
    tree.link("/link", "small")
    assert OrdinaryFiles(str(tree.root)).text("/small") == OrdinaryFiles(str(tree.root)).text("/link") == "x"
    assert OrdinaryFiles(str(tree.root)).text("/missing") is None
