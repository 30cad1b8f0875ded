# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An installer and its uninstaller at work in a tree: cut off, lying, failing, among others' files."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from typing import Any, List, Sequence, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda import clearing, installer, records
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.apply import ACTIONS
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.default import SetDefault
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.observe import (
    observe_default,
    observe_toolkits,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.runfile import Installer, Uninstaller
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import ALTERNATIVE, Default
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, EffectError
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

HOME = "/usr/local/cuda-12.4"
FILE = "/var/cache/labfleet-gpu/cuda/cuda_12.4.1_linux.run"
MANIFEST = "/var/log/nvidia/.uninstallManifests/uninstallManifest-cuda-12.4.1"
#: What the real one leaves behind, with the root of the tree in the place of @ROOT@.
RUNFILE = r"""
for word; do
    case $word in
    --toolkitpath=*) home=${word#*=} ;;
    --tmpdir=*) [ -d "${word#*=}" ] && touch "${word#*=}/unpacked" || exit 3 ;;
    esac
    echo "$word" | sed 's/=.*//' >> @ROOT@/options
done
@EARLY@
mkdir -p $home/bin $home/lib64 @ROOT@/etc/ld.so.conf.d @ROOT@/var/log/nvidia/.uninstallManifests
printf '#!/bin/sh\necho "Cuda compilation tools, release @RELEASE@, V12.4.131"\n' > $home/bin/nvcc
echo '{"cuda": {"version": "@LABEL@"}}' > $home/version.json
touch $home/lib64/libcudart.so.12 @ROOT@@MANIFEST@
printf '#!/bin/sh\nrm -rf @ROOT@/usr/local/cuda-12.4/bin @ROOT@/usr/local/cuda-12.4/version.json \\
@ROOT@@MANIFEST@ @ROOT@/usr/local/cuda-12.4/lib64/libcudart.so.12 @ROOT@/etc/ld.so.conf.d/cuda-12-4.conf
rmdir @ROOT@/usr/local/cuda-12.4/lib64 @ROOT@/usr/local/cuda-12.4\n' > $home/bin/cuda-uninstaller
chmod 755 $home/bin/*
ln -sfn $home/ @ROOT@/usr/local/cuda
echo $home/targets/x86_64-linux/lib > @ROOT@/etc/ld.so.conf.d/cuda-12-4.conf
(cd $home && ls bin/* version.json lib64/libcudart.so.12) | sed "s,^,$home/," > @ROOT@@MANIFEST@
"""


class Node:
    """Stands for AnsibleModule: programs run, but for those that would change this machine."""

    def __init__(self) -> None:
        self.kept_back: List[List[str]] = []

    def run_command(self, argv: Sequence[str], **_more: object) -> Tuple[int, str, str]:
        if argv[0] in ("ldconfig", "update-alternatives"):
            self.kept_back.append(list(argv))
            return 0, "", ""
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def machine() -> Node:
    return Node()


@pytest.fixture
def context(tree: Tree, machine: Node) -> Context:
    tree.path("/usr/local").mkdir(parents=True)
    return Context(Commands(machine), tree.files, [])


def bring(tree: Tree, early: str = "", release: str = "12.4", label: str = "12.4.1") -> Installer:
    """The runfile on the node, and what to do with it."""
    text = RUNFILE.replace("@EARLY@", early).replace("@MANIFEST@", MANIFEST).replace("@ROOT@", str(tree.root))
    text = text.replace("@RELEASE@", release).replace("@LABEL@", label)
    tree.write(FILE, text)
    return Installer(HOME, "12.4.1", FILE, "sha256:" + hashlib.sha256(text.encode()).hexdigest())


def act(context: Context, data: Any) -> None:
    ACTIONS["run-installer" if isinstance(data, Installer) else "run-uninstaller"](context, data)


def found(tree: Tree) -> List[Tuple[str, str, str]]:
    toolkits = observe_toolkits(tree.files, (), records.read_all(tree.files))
    return [(toolkit.path, toolkit.version, toolkit.origin) for toolkit in toolkits]


WHOLE = [(HOME, "12.4.1", "runfile")]


def link(tree: Tree) -> "str | None":
    return tree.files.link("/usr/local/cuda")


def left(tree: Tree) -> List[str]:
    """Files and links that are there but for the runfile and what the test's own programs noted."""
    names = []
    for folder, folders, files in os.walk(str(tree.root)):
        here = [*files, *(name for name in folders if os.path.islink(os.path.join(folder, name)))]
        names += [os.path.relpath(os.path.join(folder, name), str(tree.root)) for name in here]
    return sorted(name for name in names if name not in (FILE[1:], "options"))


def test_installed_verified_and_nothing_of_the_run_is_left(
    context: Context, tree: Tree, machine: Node
) -> None:
    tree.write("/tmp/cuda-installer.log", "of another user")
    tree.write("/var/log/cuda-installer.log", "of another day")
    act(context, bring(tree))
    assert found(tree) == WHOLE and link(tree) is None, "the default has a step of its own"
    options = tree.path("/options").read_text(encoding="utf-8").split()
    assert options == ["--silent", "--toolkit", "--override", "--toolkitpath", "--tmpdir"]
    assert machine.kept_back == [["ldconfig"]]
    assert tree.files.names("/var/cache/labfleet-gpu/cuda") == [os.path.basename(FILE)]
    assert not tree.files.exists("/var/lib/labfleet-gpu/cuda")
    assert not tree.files.exists("/tmp/cuda-installer.log")
    assert not tree.files.exists("/var/log/cuda-installer.log")


@pytest.mark.parametrize("before", ["/etc/alternatives/cuda", "/usr/local/cuda-11.6/", None])
@pytest.mark.parametrize("early", ["", "exit 1"])
def test_the_default_stays_whatever_the_installer_does(
    context: Context, tree: Tree, before: "str | None", early: str
) -> None:
    if before:
        tree.link("/usr/local/cuda", before)
    data = bring(tree, early and "ln -sfn $home/ %s/usr/local/cuda; exit 1" % tree.root)
    if early:
        with pytest.raises(EffectError):
            act(context, data)
    else:
        act(context, data)
    assert link(tree) == before


def test_another_file_is_not_run(context: Context, tree: Tree) -> None:
    data = bring(tree)
    tree.write(FILE, "touch %s/options" % tree.root)
    with pytest.raises(EffectError, match="is not the runfile that it should be.*" + data.digest):
        act(context, data)
    tree.path(FILE).unlink()
    with pytest.raises(EffectError, match="is not there: run again"):
        act(context, data)
    assert not tree.files.exists("/options") and found(tree) == []


def test_an_installer_that_fails_is_quoted_and_its_tree_is_no_toolkit(context: Context, tree: Tree) -> None:
    log = tree.write("/var/log/cuda-installer.log")
    early = "mkdir -p $home/bin; touch $home/bin/nvcc; echo '[ERROR]: no room' > %s; exit 9" % log
    with pytest.raises(EffectError, match=r"ended with 9 and said: \[ERROR\]: no room; mend that"):
        act(context, bring(tree, early))
    assert tree.files.exists(HOME, "bin/nvcc") and found(tree) == []
    act(context, bring(tree))
    assert found(tree) == WHOLE


@pytest.mark.parametrize(
    "lie, told",
    [
        ({"label": "12.4.0"}, "version.json says 12.4.0"),
        ({"label": "none"}, "version.json says none"),
        ({"release": "12.3"}, "nvcc says Cuda compilation tools, release 12.3"),
        ({"early": "exit 0"}, "version.json says nothing"),
    ],
)
def test_a_success_that_is_none(context: Context, tree: Tree, lie: Any, told: str) -> None:
    with pytest.raises(EffectError, match=told):
        act(context, bring(tree, **lie))
    assert found(tree) == [], "a tree that was not verified is no toolkit"


def test_a_version_json_that_does_not_tell_the_release(context: Context, tree: Tree) -> None:
    """Some have the day of the build. It is remembered what was installed, until it is another's."""
    act(context, bring(tree, label="12.4.20240328"))
    assert found(tree) == WHOLE
    tree.write(HOME + "/version.json", json.dumps({"cuda": {"version": "12.4.20240219"}}))
    assert found(tree) == [(HOME, "12.4", "runfile")]
    act(context, Uninstaller(HOME, "12.4.1"))
    assert left(tree) == []


def test_a_tree_that_was_cut_off_is_done_anew(context: Context, tree: Tree) -> None:
    """SIGKILL left the record, half of the tree, the link and the loader's file."""
    tree.link("/usr/local/cuda", "/usr/local/cuda-12.4/")
    tree.write(HOME + "/bin/nvcc")
    tree.write(HOME + "/lib64/libcudart.so.12.half")
    tree.write("/etc/ld.so.conf.d/cuda-12-4.conf", "%s/targets/x86_64-linux/lib\n" % tree.path(HOME))
    record = records.Record(HOME, "12.4.1", records.INSTALL, True, "/etc/alternatives/cuda")
    installer.keep(context, record)
    assert found(tree) == []
    act(context, bring(tree))
    assert found(tree) == WHOLE and link(tree) == "/etc/alternatives/cuda"
    assert not tree.files.exists(HOME, "lib64/libcudart.so.12.half")


def test_what_a_cut_installer_has_taken_is_given_back(context: Context, tree: Tree, machine: Node) -> None:
    tree.link("/usr/local/cuda", "/usr/local/cuda-12.4/")
    tree.link("/etc/alternatives/cuda", "/usr/local/cuda-12.8")
    installer.keep(context, records.Record(HOME, "12.4.1", records.INSTALL, True, "/etc/alternatives/cuda"))
    known = records.read_all(tree.files)
    assert observe_default(tree.files, known) == Default(ALTERNATIVE, "/usr/local/cuda-12.8", taken=HOME)
    ACTIONS["set-default"](context, SetDefault("/usr/local/cuda-12.8", 128))
    assert link(tree) == "/etc/alternatives/cuda" and machine.kept_back == []
    assert observe_default(tree.files, known).taken is None


@pytest.mark.parametrize("before", [None, "/usr/local/cuda-12.4/", "/etc/alternatives/cuda"])
def test_an_unfinished_tree_is_removed(context: Context, tree: Tree, before: "str | None") -> None:
    tree.link("/usr/local/cuda", "/usr/local/cuda-12.4/")
    tree.write(HOME + "/bin/nvcc")
    tree.write(MANIFEST)
    tree.write("/etc/ld.so.conf.d/cuda-12-4.conf", "%s/targets/x86_64-linux/lib\n" % tree.path(HOME))
    tree.write("/var/cache/labfleet-gpu/cuda/unpack/half")
    installer.keep(context, records.Record(HOME, "12.4.1", records.INSTALL, True, before))
    act(context, Uninstaller(HOME, "12.4.1"))
    assert left(tree) == (["usr/local/cuda"] if before == "/etc/alternatives/cuda" else [])
    assert link(tree) in (None, before) and context.warnings == []


def test_files_of_somebody_else_survive_a_cut_installation(context: Context, tree: Tree) -> None:
    tree.write(HOME + "/lib64/libcudnn.so.8", "mine")
    with pytest.raises(EffectError):
        act(context, bring(tree, "mkdir -p $home/bin; touch $home/bin/nvcc; exit 1"))
    act(context, bring(tree))
    assert found(tree) == WHOLE
    act(context, Uninstaller(HOME, "12.4.1"))
    assert left(tree) == ["usr/local/cuda-12.4/lib64/libcudnn.so.8"]
    assert "/usr/local/cuda-12.4 stays" in context.warnings[0]


def test_removed_with_its_own_uninstaller_and_out_of_the_alternatives(
    context: Context, tree: Tree, machine: Node
) -> None:
    act(context, bring(tree))
    tree.link("/usr/local/cuda", "/etc/alternatives/cuda")
    known = "manual\n/usr/local/cuda\n\n/usr/local/cuda-12.4\n124\n/usr/local/cuda-12.8\n128\n\n"
    tree.write("/var/lib/dpkg/alternatives/cuda", known)
    act(context, Uninstaller(HOME, "12.4.1"))
    assert ["update-alternatives", "--remove", "cuda", HOME] in machine.kept_back
    assert found(tree) == [] and not tree.files.exists(HOME) and not tree.files.exists("/var/log/nvidia")
    assert link(tree) == "/etc/alternatives/cuda", "that is for the alternatives to decide"


def test_an_uninstaller_that_leaves_the_toolkit_is_a_failure(context: Context, tree: Tree) -> None:
    act(context, bring(tree))
    program = tree.path(HOME + "/bin/cuda-uninstaller")
    program.write_text("#!/bin/sh\necho Nothing to uninstall\nexit 1\n", encoding="utf-8")
    tree.write(HOME + "/lib64/libcudnn.so.8", "mine")
    tree.write("/var/log/cuda-uninstaller.log", "of another day")
    before = left(tree)
    for _again in range(3):
        with pytest.raises(EffectError, match="ended with 1, said 'Nothing to uninstall'"):
            act(context, Uninstaller(HOME, "12.4.1"))
        assert left(tree) == [name for name in before if name != "var/log/cuda-uninstaller.log"]


def test_an_uninstaller_that_is_gone_is_a_failure_and_nothing_is_removed(
    context: Context, tree: Tree
) -> None:
    act(context, bring(tree))
    tree.path(HOME + "/bin/cuda-uninstaller").unlink()
    before = left(tree)
    with pytest.raises(EffectError, match="has no uninstaller any more"):
        act(context, Uninstaller(HOME, "12.4.1"))
    assert left(tree) == before


@pytest.mark.parametrize("foreign", [[], ["usr/local/cuda-12.4/lib64/libcudnn.so.8"]])
def test_an_uninstaller_that_was_cut_off_after_it_had_removed_itself(
    context: Context, tree: Tree, foreign: List[str]
) -> None:
    act(context, bring(tree))
    for name in foreign:
        tree.write("/" + name, "mine")
    clearing.keep_list(context, HOME)
    tree.path(HOME + "/bin/cuda-uninstaller").unlink()
    installer.keep(context, records.Record(HOME, "12.4.1", records.REMOVE))
    assert found(tree) == []
    act(context, Uninstaller(HOME, "12.4.1"))
    assert left(tree) == foreign and len(context.warnings) == len(foreign)


def test_lists_in_folders_by_component_are_found(context: Context, tree: Tree) -> None:
    """As a real installer of CUDA 11.8 keeps them, to judge by a log of one."""
    listed = "/var/log/nvidia/.uninstallManifests/CUDA_Toolkit_12.4-components/CUDA_Libraries_12.4/manifest"
    tree.write(HOME + "/lib64/libcudart.so.12")
    tree.write(HOME + "/lib64/libcudnn.so.8", "mine")
    tree.write(listed, "%s\n/usr/local/other\n" % tree.path(HOME + "/lib64/libcudart.so.12"))
    clearing.keep_list(context, HOME)
    assert clearing.clear_listed(context, HOME)
    clearing.forget_list(context, HOME)
    clearing.clear_folders(context)
    assert left(tree) == ["usr/local/cuda-12.4/lib64/libcudnn.so.8"]


def test_another_release_in_its_place(context: Context, tree: Tree) -> None:
    act(context, bring(tree))
    tree.link("/usr/local/cuda", "/usr/local/cuda-12.4")
    tree.write(HOME + "/bin/of-the-old-release")
    data = bring(tree, "test ! -e $home || exit 4")
    act(context, Installer(data.path, data.release, data.file, data.digest, True))
    assert found(tree) == WHOLE and link(tree) == "/usr/local/cuda-12.4"
    assert not tree.files.exists(HOME, "bin/of-the-old-release")


def test_an_installer_that_outlived_its_run_is_waited_for(context: Context, tree: Tree) -> None:
    """Two of them at once would write over each other."""
    data = bring(tree)
    folder = tree.path("/var/lib/labfleet-gpu/cuda")
    folder.mkdir(parents=True)
    mark = tree.path("/ended")
    orphan = subprocess.Popen(["flock", str(folder), "sh", "-c", "sleep 0.5; touch %s" % mark])
    while subprocess.run(["flock", "-n", str(folder), "true"], check=False).returncode == 0:
        assert orphan.poll() is None, "the orphan was to hold the lock"
    act(context, bring(tree, "test -e %s || exit 5" % mark))
    assert orphan.wait() == 0 and found(tree) == WHOLE and data.path == HOME


def test_the_last_download_takes_its_directory_with_it(context: Context, tree: Tree) -> None:
    bring(tree)
    tree.write("/var/cache/labfleet-gpu/cuda/other.run")
    for path in (FILE, FILE, "/var/cache/labfleet-gpu/cuda/other.run"):
        assert tree.files.exists("/var/cache/labfleet-gpu/cuda")
        ACTIONS["remove-download"](context, path)
    assert not tree.files.exists("/var/cache/labfleet-gpu/cuda")
