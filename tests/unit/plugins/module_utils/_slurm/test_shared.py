# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that several nodes share: nothing that another one wrote meanwhile is lost."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from contextlib import contextmanager
from typing import Iterator, List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm import shared
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.node import NOTE
from ansible_collections.labfleet.gpu.tests.unit.support.slurm_node import SlurmNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

GRES, CONF = "/etc/slurm/gres.conf", "/etc/slurm/slurm.conf"
LOCK = "/etc/slurm/.gres.conf.labfleet-gpu-lock"
OTHER = """# BEGIN labfleet.gpu slurm_gres gpu2
NodeName=gpu2 AutoDetect=off Name=gpu Type=tesla_t4 File=/dev/nvidia0
# END labfleet.gpu slurm_gres gpu2
"""
#: Takes the lock argv[2], says so, and at a word replaces argv[1] with the text argv[3], if there is one.
HOLDER = """
import fcntl, os, sys, time
path, lock, text = sys.argv[1:]
held = open(lock, "a")
fcntl.lockf(held, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
time.sleep(0.4)
if text:
    with open(path + ".new", "w") as new:
        new.write(text)
    os.rename(path + ".new", path)
"""


@contextmanager
def held_elsewhere(slurm: SlurmNode, text: str) -> "Iterator[subprocess.Popen[str]]":
    """Another node has the lock, until it is told to write this."""
    paths = [str(slurm.tree.path(each)) for each in (GRES, LOCK)]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, *paths, text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    assert holder.stdin and holder.stdout
    try:
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


@pytest.fixture
def planned(slurm: SlurmNode) -> SlurmNode:
    """One GPU; slurm.conf has a line for this node and one for another."""
    slurm.mig.add("t4")
    slurm.tree.write(CONF, "NodeName=gpu1 CPUs=2\nNodeName=gpu2 CPUs=2\n")
    return slurm


def test_a_block_that_another_node_wrote_meanwhile(planned: SlurmNode) -> None:
    plan = planned.plan()
    planned.tree.write(GRES, OTHER)
    planned.apply(plan)
    assert planned.gres_conf.startswith(OTHER) and "NodeName=gpu1 " in planned.gres_conf
    planned.quiet()


def test_one_that_another_node_is_writing(planned: SlurmNode) -> None:
    plan = planned.plan()
    with held_elsewhere(planned, OTHER) as holder:
        assert holder.stdin
        holder.stdin.write("now\n")
        holder.stdin.flush()
        planned.apply(plan)
    assert planned.gres_conf.startswith(OTHER) and "NodeName=gpu1 " in planned.gres_conf


def test_another_node_that_does_not_end(planned: SlurmNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_PATIENCE", 0.2)
    plan = planned.plan()
    with held_elsewhere(planned, ""), pytest.raises(EffectError, match="has kept .*gres.conf locked for"):
        planned.apply(plan)
    assert not planned.gres_conf and not planned.tree.files.exists(NOTE), "nothing was done or is owed"
    planned.apply(plan)
    assert "NodeName=gpu1 " in planned.gres_conf, (
        "the lock went with its process; its file is in no one's way"
    )


def test_a_file_that_is_not_empty_any_more_stays(planned: SlurmNode) -> None:
    planned.hold()
    plan = planned.plan(state="absent")
    planned.tree.write(GRES, planned.gres_conf + OTHER)
    planned.apply(plan, state="absent")
    assert planned.gres_conf == OTHER


def test_a_line_that_another_node_changed_meanwhile(planned: SlurmNode) -> None:
    plan = planned.plan(slurm_conf=CONF)
    planned.tree.write(CONF, "NodeName=gpu1 CPUs=2\nNodeName=gpu2 CPUs=2 Gres=gpu:tesla_t4:1\n")
    planned.apply(plan, slurm_conf=CONF)
    assert planned.slurm_conf == (
        "NodeName=gpu1 CPUs=2 Gres=gpu:tesla_t4:1\nNodeName=gpu2 CPUs=2 Gres=gpu:tesla_t4:1\n"
    )


@pytest.mark.parametrize(
    "path, text",
    [(GRES, "Name=gpu File=/dev/nvidia0\n"), (CONF, "NodeName=gpu[1-2] CPUs=2\n"), (CONF, "")],
)
def test_what_was_changed_about_this_node_meanwhile(planned: SlurmNode, path: str, text: str) -> None:
    plan = planned.plan(slurm_conf=CONF)
    planned.tree.write(path, text)
    with pytest.raises(EffectError, match="what %s says of this node was changed" % path):
        planned.apply(plan, slurm_conf=CONF)
    assert planned.tree.files.text(path) == text
    assert planned.refused(slurm_conf=CONF)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_it_never_has_another_owner(planned: SlurmNode, monkeypatch: pytest.MonkeyPatch) -> None:
    path = planned.tree.write(GRES, OTHER)
    os.chmod(str(path), 0o640)
    os.chown(str(path), 4711, 4712)
    seen: List[Tuple[int, int, int]] = []
    rename = os.rename

    def looked_at(source: str, target: str) -> None:
        found = os.stat(source)
        if target == str(path):
            seen.append((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)))
        rename(source, target)

    monkeypatch.setattr(os, "rename", looked_at)
    planned.hold()
    assert seen == [(4711, 4712, 0o640)], "before it has its name"
    found = os.stat(str(path))
    assert (found.st_uid, found.st_gid) == (4711, 4712)
