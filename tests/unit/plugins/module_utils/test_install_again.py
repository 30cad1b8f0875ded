# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing again what is installed: what apt makes of it, and how it is told to."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _command
from ansible_collections.labfleet.gpu.plugins.module_utils import _questions as q
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, Install, install
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
from ansible_collections.labfleet.gpu.plugins.module_utils._survey import Survey
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

OFFER = """\
Package: cuda-nvcc-12-8
Version: %s
Architecture: all
Maintainer: nobody
Installed-Size: 10
Filename: ./x.deb
Size: 1000
"""
AGAIN = """\
Package: cuda-nvcc-12-8
Status: hold ok installed
Version: 12.8.61-1
Architecture: all
Maintainer: nobody
Installed-Size: 10

Package: cuda-cudart-12-8
Status: install ok installed
Version: 12.8.57-1
Architecture: all
Maintainer: nobody
"""


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt itself is asked")
def test_apt_would_install_again_what_a_source_has(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is on hold and on offer, beside a newer one; the other is nowhere, and apt says nothing of that."""
    offers = "\n".join(OFFER % each for each in ("12.8.93-1", "12.8.61-1"))
    repository = tree.write("/srv/repository/Packages", offers).parent
    status = tree.write("/var/lib/dpkg/status", AGAIN)
    configuration = 'Dir::Etc::sourcelist "/dev/null";\nDir::State::status "%s";\n' % status
    monkeypatch.setenv("APT_CONFIG", str(tree.write("/apt.conf", configuration)))
    source = q.ConfigFile(
        "/etc/apt/sources.list.d/ours.list", "deb [trusted=yes] file://%s ./\n" % repository
    )
    targets = ("cuda-cudart-12-8=12.8.57-1", "cuda-nvcc-12-8=12.8.61-1")
    with module() as ansible_module, Survey(Commands(ansible_module), tree.files) as survey:
        again = survey.answer(q.AskTransaction((source,), targets, reinstall=True))
        plain = survey.answer(q.AskTransaction((source,), targets))
    assert isinstance(again, q.Transaction), again
    assert again.installs == (q.Change("cuda-nvcc-12-8", "12.8.61-1", "12.8.61-1"),) and not again.removals
    assert again.passed_over(targets) == ("cuda-cudart-12-8=12.8.57-1",)
    assert plain.passed_over(targets) == targets


@pytest.mark.skipif(
    not (shutil.which("apt-get") and shutil.which("dpkg-deb")), reason="apt itself is asked of a real package"
)
@pytest.mark.parametrize("more", ["Installed-Size: 10", "Depends: other"], ids=["the same", "another"])
def test_apt_would_install_again_a_file_that_is_kept(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    """No source has that version: the former driver's packages are given as files."""
    name, version = "cuda-nvcc-12-8", "12.8.61-1"
    fields = ("Package: " + name, "Version: " + version, "Architecture: all", "Maintainer: nobody", more)
    tree.write("/made/DEBIAN/control", "\n".join((*fields, "Description: x\n")))
    # As dpkg-deb wants it, whatever umask this process has by now.
    tree.path("/made/DEBIAN").chmod(0o755)
    path = str(tree.path("/%s_%s_all.deb" % (name, version)))
    make = ["dpkg-deb", "--build", str(tree.path("/made")), path]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    status = tree.write(
        "/var/lib/dpkg/status", AGAIN + "\n" + AGAIN.split("\n\n")[1].replace("cuda-cudart-12-8", "other")
    )
    configuration = 'Dir::Etc::sourcelist "/dev/null";\nDir::State::status "%s";\n' % status
    monkeypatch.setenv("APT_CONFIG", str(tree.write("/apt.conf", configuration)))
    with module() as ansible_module, Survey(Commands(ansible_module), tree.files) as survey:
        answer = survey.answer(q.AskTransaction((), (path,), unhold=(name,), reinstall=True))
    assert isinstance(answer, q.Transaction), answer
    assert answer.installs == (q.Change(name, version, version),)


@pytest.mark.parametrize("flag", [True, False])
def test_installing_again_is_said_to_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: bool) -> None:
    script = tmp_path / "apt-get"
    script.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$0.words"\n')
    script.chmod(0o755)
    monkeypatch.setitem(_command.ENVIRONMENT, "PATH", "%s:/usr/bin:/bin" % tmp_path)
    with module() as ansible_module:
        install(Context(Commands(ansible_module), Files(), []), Install(("a=1", "b=2"), reinstall=flag))
    assert not (tmp_path / "apt-mark.words").exists()
    words = (tmp_path / "apt-get.words").read_text().split()
    assert ("--reinstall" in words) is flag and words[-4:] == ["install", "--", "a=1", "b=2"]
    assert not {"--allow-change-held-packages", "--ignore-hold", "--allow-downgrades"} & set(words)


@pytest.mark.parametrize("status", [0, 100])
def test_what_is_installed_again_is_on_hold_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """dpkg lifts the hold of what it unpacks, also where apt fails afterwards."""
    for program, end in (("apt-get", status), ("apt-mark", 0)):
        script = tmp_path / program
        script.write_text('#!/bin/sh\necho "$@" > "$0.words"\nexit %d\n' % end)
        script.chmod(0o755)
    monkeypatch.setitem(_command.ENVIRONMENT, "PATH", "%s:/usr/bin:/bin" % tmp_path)
    again = Install(("a=1", "b=2"), reinstall=True, held=("a",))
    with module() as ansible_module:
        context = Context(Commands(ansible_module), Files(), [])
        with pytest.raises(CommandError) if status else contextlib.nullcontext():
            install(context, again)
    assert (tmp_path / "apt-mark.words").read_text() == "hold a\n"
