# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of an environment by the names of its files."""

from __future__ import annotations

import grp
import json
import os
import pwd

from ansible_collections.labfleet.gpu.plugins.module_utils._conda.observe import note_in, observe
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import CondaState, Note, summary
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

HOST = Host("debian", "12", "bookworm", "Debian 12", "x86_64", "6.1")
PREFIX = "/srv/envs/train"


def seen(tree: Tree) -> CondaState:
    return observe(tree.files, HOST, PREFIX)


def test_nothing(tree: Tree) -> None:
    assert seen(tree) == CondaState(HOST, PREFIX, False)
    tree.path(PREFIX).mkdir(parents=True)
    # An empty directory is in nobody's way.
    assert not seen(tree).foreign


def test_an_environment(tree: Tree) -> None:
    tree.write(PREFIX + "/conda-meta/python-3.11.9-hb806964_0_cpython.json", "not even JSON")
    tree.write(PREFIX + "/conda-meta/ca-certificates-2024.2.2-hbcca054_0.json")
    tree.write(PREFIX + "/conda-meta/history", "==> 2024-01-01 00:00:00 <==\n+c/noarch::a-1-0\n")
    tree.write(PREFIX + "/conda-meta/state")
    site = PREFIX + "/lib/python3.11/site-packages/"
    tree.write(site + "Flask_Cors-4.0.dist-info/INSTALLER", "pip\n")
    tree.write(site + "numpy-1.26.4.dist-info/INSTALLER", "conda\n")
    tree.write(site + "six-1.16.dist-info/METADATA")
    tree.path(PREFIX).chmod(0o750)
    os.chown(str(tree.path(PREFIX)), os.getuid(), os.getgid())
    state = seen(tree)
    assert state.usable and not state.foreign and not state.link
    assert state.packages == ("ca-certificates=2024.2.2=hbcca054_0", "python=3.11.9=hb806964_0_cpython")
    assert state.pip == ("flask-cors==4.0",)
    assert len(state.revisions) == 1 and state.note is None
    assert summary(state) == {
        "prefix": PREFIX,
        "exists": True,
        "packages": list(state.packages),
        "pip": ["flask-cors==4.0"],
        "owner": "%s:%s" % (pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name),
        "mode": "0750",
    }


def test_what_pip_installed_for_a_former_python_does_not_count(tree: Tree) -> None:
    tree.write(PREFIX + "/conda-meta/python-3.12.1-hb806964_0_cpython.json")
    for python, version in (("3.11", "1.0"), ("3.12", "2.0")):
        site = "%s/lib/python%s/site-packages/" % (PREFIX, python)
        tree.write("%stool-%s.dist-info/INSTALLER" % (site, version), "pip\n")
    assert seen(tree).pip == ("tool==2.0",)


def test_what_is_not_finished_is_none(tree: Tree) -> None:
    tree.write(PREFIX + "/conda-meta/labfleet-gpu.unfinished")
    state = seen(tree)
    assert state.there and state.unfinished and not state.usable


def test_something_else_in_its_place(tree: Tree) -> None:
    tree.write(PREFIX + "/thesis.tex")
    assert seen(tree).foreign


def test_a_file_in_its_place(tree: Tree) -> None:
    tree.write(PREFIX)
    assert seen(tree).foreign


def test_leftovers(tree: Tree) -> None:
    tree.write("/srv/envs/.labfleet-gpu/train.new/conda-meta/x")
    tree.write("/srv/envs/.labfleet-gpu/other.new/conda-meta/x")
    assert seen(tree).leftovers == ("/srv/envs/.labfleet-gpu/train.new",)
    assert not seen(tree).displaced
    tree.write("/srv/envs/.labfleet-gpu/train.old/conda-meta/x")
    assert seen(tree).displaced


def test_our_note() -> None:
    told = {"wished": ["python 3.11"], "packages": ["a=1=0"], "pip": []}
    assert note_in(json.dumps(told)) == Note(("python 3.11",), ("a=1=0",), ())
    for broken in (None, "", "{", "[]", "null", json.dumps({"wished": []}), json.dumps(dict(told, pip=3))):
        assert note_in(broken) is None
