# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages put by: real ones, from a cache and from a repository in a folder, by the system's own apt."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.apply import ACTIONS
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.former import Keep
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import FORMER_PATH
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskFormer, Former
from ansible_collections.labfleet.gpu.plugins.module_utils._survey import Survey
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

pytestmark = pytest.mark.skipif(
    not (shutil.which("apt-get") and shutil.which("dpkg-deb")), reason="apt and dpkg themselves are used"
)

CACHE = "/var/cache/apt/archives"
VERSION = "570.172.08"
FULL = VERSION + "-0ubuntu1"


def built(tree: Tree, directory: str, name: str, version: str = FULL) -> Path:
    """A package that has nothing in it, under the name that apt gives it."""
    control = "Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody\nDescription: x\n"
    tree.write("/build/%s/DEBIAN/control" % name, control % (name, version))
    file = tree.path("%s/%s_%s_all.deb" % (directory, name, version.replace(":", "%3a")))
    file.parent.mkdir(parents=True, exist_ok=True)
    argv = ["dpkg-deb", "--build", "--root-owner-group", str(tree.path("/build/" + name)), str(file)]
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    return file


@pytest.fixture
def node(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Three packages: one only in apt's cache, one only in the repository, one of an epoch in both."""
    built(tree, CACHE, "nvidia-utils-570")
    built(tree, CACHE, "nvidia-settings", "1:" + FULL)
    repository = built(tree, "/srv/repository", "nvidia-dkms-570").parent
    built(tree, "/srv/repository", "nvidia-settings", "1:" + FULL)
    stanzas = []
    for file in sorted(repository.glob("*.deb")):
        fields = subprocess.run(
            ["dpkg-deb", "--field", str(file)], stdout=subprocess.PIPE, text=True, check=True
        )
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        more = "Filename: ./%s\nSize: %d\nSHA256: %s\n" % (file.name, file.stat().st_size, digest)
        stanzas.append(fields.stdout + more)
    (repository / "Packages").write_text("\n".join(stanzas), encoding="utf-8")
    tree.write("/etc/apt/sources.list.d/x.list", "deb [trusted=yes] file://%s ./\n" % repository)
    tree.path("/etc/apt/preferences.d").mkdir()
    tree.path("/var/lib/apt/lists/partial").mkdir(parents=True)
    tree.path("/var/cache/apt/archives/partial").mkdir(parents=True)
    places = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": tree.path("/etc/apt/sources.list.d"),
        "Dir::Etc::preferencesparts": tree.path("/etc/apt/preferences.d"),
        "Dir::State": tree.path("/var/lib/apt"),
        "Dir::State::status": tree.write("/var/lib/dkms-status"),
        "Dir::Cache": tree.path("/var/cache/apt"),
        "APT::Sandbox::User": "root",
    }
    text = "".join('%s "%s";\n' % entry for entry in places.items())
    # apt reads this file first, then /etc/apt: what takes effect on it does so on both.
    monkeypatch.setenv("APT_CONFIG", str(tree.write("/apt.conf", text)))
    subprocess.run(["apt-get", "-q", "update"], stdout=subprocess.DEVNULL, check=True)
    return tree


@pytest.fixture
def context(node: Tree) -> Iterator[Context]:
    with module() as ansible_module:
        yield Context(Commands(ansible_module), node.files, [])


PACKAGES = (
    "nvidia-dkms-570=" + FULL,
    "nvidia-settings=1:" + FULL,
    "nvidia-utils-570=" + FULL,
)


def kept(node: Tree) -> List[str]:
    return node.files.names(FORMER_PATH)


def test_from_the_cache_and_from_the_source(context: Context, node: Tree) -> None:
    ACTIONS["keep-former"](context, Keep(VERSION, PACKAGES, "580.95.05"))
    assert node.files.names(FORMER_PATH, VERSION) == [
        "nvidia-dkms-570_570.172.08-0ubuntu1_all.deb",
        "nvidia-settings_1%3a570.172.08-0ubuntu1_all.deb",
        "nvidia-utils-570_570.172.08-0ubuntu1_all.deb",
    ]
    ours = node.path("%s/%s/nvidia-utils-570_%s_all.deb" % (FORMER_PATH, VERSION, FULL))
    assert os.stat(str(ours)).st_nlink == 2, "no second copy of what apt has"
    assert node.files.names("/var/lib/labfleet-gpu") == ["former"]


def test_only_the_last_one_and_the_one_to_come_stay(context: Context, node: Tree) -> None:
    for version in ("550.54.15", "580.95.05"):
        node.write("%s/%s/x.deb" % (FORMER_PATH, version))
    ACTIONS["keep-former"](context, Keep(VERSION, PACKAGES, "580.95.05"))
    assert kept(node) == [VERSION, "580.95.05"]


def test_what_is_kept_already_is_not_gathered_again(context: Context, node: Tree) -> None:
    keep = Keep(VERSION, PACKAGES, "580.95.05")
    ACTIONS["keep-former"](context, keep)
    shutil.rmtree(str(node.path("/srv")))
    node.write("%s/590.44.01/x.deb" % FORMER_PATH)
    ACTIONS["keep-former"](context, keep)
    assert kept(node) == [VERSION] and len(node.files.names(FORMER_PATH, VERSION)) == 3


def test_what_a_cut_off_run_left_is_thrown_away(context: Context, node: Tree) -> None:
    node.write(FORMER_PATH + ".new/half.deb", "x")
    node.write("%s/%s/stale.deb" % (FORMER_PATH, VERSION), "x")
    ACTIONS["keep-former"](context, Keep(VERSION, PACKAGES, ""))
    assert len(node.files.names(FORMER_PATH, VERSION)) == 3


def test_all_or_none(context: Context, node: Tree) -> None:
    node.write("%s/550.54.15/x.deb" % FORMER_PATH)
    with pytest.raises(CommandError, match="fetch the packages of the former driver 570.172.08"):
        ACTIONS["keep-former"](context, Keep(VERSION, (*PACKAGES, "nvidia-gone=1"), ""))
    assert kept(node) == ["550.54.15"]


def test_a_file_of_the_cache_that_is_no_package(context: Context, node: Tree) -> None:
    node.write("%s/nvidia-utils-570_%s_all.deb" % (CACHE, FULL), "cut short")
    with pytest.raises(CommandError, match="read the package nvidia-utils-570"):
        ACTIONS["keep-former"](context, Keep(VERSION, PACKAGES, ""))
    assert kept(node) == []


def test_forgotten(context: Context, node: Tree) -> None:
    ACTIONS["keep-former"](context, Keep(VERSION, PACKAGES, ""))
    ACTIONS["forget-former"](context, None)
    assert node.files.names("/var/lib/labfleet-gpu") == []
    ACTIONS["forget-former"](context, None)


def test_the_survey_knows_beforehand(context: Context, node: Tree) -> None:
    with Survey(context.commands, node.files) as survey:
        answer = survey.answer(AskFormer((), PACKAGES))
        assert answer.lost == () and answer.size > 0
        lost = ("nvidia-gone=1", "nvidia-utils-570=9", "nvidia-dkms-570=9")
        assert survey.answer(AskFormer((), (*PACKAGES, *lost))) == Former(lost, 0)
