# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks, owners, updates and the cache, with real packages and a real solver."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.export import NoLock, export
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.history import revisions
from ansible_collections.labfleet.gpu.tests.unit.support.conda_channel import (
    index,
    movable_python,
    package,
    wheel,
)
from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting, and giving away, needs root")
needs_python = pytest.mark.skipif(not movable_python(), reason="Debian's own Python cannot be packed")
NOBODY = 65534


def output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def lock_of(envs: Environments, name: str = "train") -> str:
    return export(envs.files, str(envs.root / name)).lock


def from_file(envs: Environments, text: str, name: str = "train"):  # type: ignore[no-untyped-def]
    path = envs.root.parent / "asked"
    path.write_text(text)
    return envs.wish(name=name, file=str(path))


def test_a_lock_makes_the_same_packages(envs: Environments, channel: Path) -> None:
    envs.converge(envs.wish("alpha=1"))
    lock = lock_of(envs)
    # What is newer by now is of no interest.
    package(channel, "alpha", "1.5", {"share/alpha": (b"new", 0o644)})
    index(channel)
    assert envs.converge(from_file(envs, lock, "other")) == ["stage", "transact", "seal"]
    assert lock_of(envs, "other") == lock
    # The first environment is what its own lock says; that is noted, and no engine asked any more.
    assert envs.converge(from_file(envs, lock)) == ["note"]
    with pytest.raises(NoLock, match="There is no conda environment"):
        lock_of(envs, "third")


def test_a_lock_whose_packages_became_others_is_refused(envs: Environments, channel: Path) -> None:
    envs.converge(envs.wish("alpha=1"))
    lock = lock_of(envs)
    package(channel, "alpha", "1.0", {"share/alpha": (b"another", 0o644)})
    # What is there by its name is not looked at again.
    shutil.rmtree(str(channel / "linux-64/shards"))
    for path in channel.glob("linux-64/repodata*"):
        path.unlink()
    index(channel)
    (blocker,) = envs.planned(from_file(envs, lock, "other")).blockers
    assert "has another content than in the lock" in blocker.which
    (channel / "linux-64" / "alpha-1.0-0.conda").unlink()
    index(channel)
    (blocker,) = envs.planned(from_file(envs, lock, "other")).blockers
    assert "has no linux-64/alpha-1.0-0.conda any more" in blocker.which


@needs_root
def test_a_lock_means_the_very_packages(envs: Environments, channel: Path) -> None:
    """Of the same name, version and build, another content is another package."""
    other = channel.parent / "other"
    package(other, "alpha", "1.0", {"share/alpha": (b"another", 0o644)})
    envs.converge(envs.wish("alpha=1", name="other", channels=(index(other),)))
    envs.converge(envs.wish("alpha=1"))
    lock = lock_of(envs, "other")
    assert lock_of(envs) != lock
    found = envs.planned(from_file(envs, lock))
    assert found.steps[1].what == "replace packages that have another content"
    assert envs.converge(from_file(envs, lock)) == ["stage", "transact", "seal", "sweep"]
    assert lock_of(envs) == lock and envs.path("share/alpha").read_text() == "another"


@needs_root
def test_what_a_lock_does_not_have_goes(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=1"))
    lock = lock_of(envs)
    envs.converge(envs.wish("alpha=2"))
    found = envs.planned(from_file(envs, lock))
    assert "remove 1 package: beta 1.0 (0)" in found.steps[1].what
    envs.converge(from_file(envs, lock))
    assert envs.state().packages == ("alpha=1.0=0",)


def test_an_environment_file(envs: Environments) -> None:
    text = "channels: [%s]\ndependencies:\n  - alpha >=2\n" % envs.channel
    wish = replace(from_file(envs, text), channels=("file:///no/where",))
    assert envs.converge(wish)
    assert envs.state().packages == ("alpha=2.0=0", "beta=1.0=0")
    # Wished for by options, it is the same.
    assert envs.planned(envs.wish("alpha >=2")).steps == ()


@needs_root
def test_update_takes_the_newest(envs: Environments, channel: Path) -> None:
    envs.converge(envs.wish("beta"))
    package(channel, "beta", "1.1", {"share/beta": (b"b", 0o644)})
    index(channel)
    assert envs.converge(envs.wish("beta")) == []
    newest = envs.wish("beta", update=True)
    assert envs.converge(newest) == ["stage", "transact", "seal", "sweep"]
    assert envs.state().packages == ("beta=1.1=0",)
    assert envs.converge(newest) == []


@needs_python
def test_update_is_at_rest_with_a_range_of_pip(with_python: None, envs: Environments) -> None:
    newest = envs.wish("python", pip=("tool >=1.0",), update=True)
    assert envs.converge(newest) == ["stage", "transact", "pip-install", "seal"]
    assert envs.state().pip == ("tool==2.0",)
    assert envs.planned(newest).steps == ()


def test_a_cache_that_is_not_kept(envs: Environments) -> None:
    cache = envs.root / ".labfleet-gpu/packages"
    envs.converge(envs.wish("alpha=1"))
    assert cache.is_dir()
    frugal = envs.wish("alpha=1", keep_cache=False)
    assert envs.converge(frugal) == ["drop-cache"]
    assert not cache.exists() and output(str(envs.path("bin/alpha"))) == "alpha 1.0"
    other = envs.wish("beta", name="other", keep_cache=False)
    assert envs.converge(other) == ["stage", "transact", "seal", "drop-cache"]
    assert not cache.exists()


@needs_root
def test_an_owner_has_all_of_it_and_no_more(envs: Environments, tmp_path: Path) -> None:
    for each in (tmp_path, *list(tmp_path.parents)[:-2]):
        each.chmod(each.stat().st_mode | 0o011)
    wish = envs.wish("alpha=1", owner=str(NOBODY), mode=0o750)
    assert envs.converge(wish) == ["stage", "transact", "seal", "own"]
    found = [path.lstat() for path in envs.path("").rglob("*")]
    assert {(status.st_uid, status.st_gid) for status in found} == {(NOBODY, NOBODY)}
    assert envs.path("").stat().st_mode & 0o7777 == 0o750
    # Its files are not those of root's environments.
    assert envs.converge(replace(wish, packages=("alpha=2",))) == ["stage", "transact", "seal", "sweep"]
    assert envs.path("share/beta").stat().st_uid == NOBODY
    envs.converge(envs.wish("beta", name="other"))
    assert envs.path("share/beta", "other").stat().st_uid == 0
    # Given away later: what it shared with root's cache becomes its own.
    given = envs.wish("beta", name="other", owner=str(NOBODY))
    assert envs.converge(given) == ["own"]
    assert envs.path("share/beta", "other").stat().st_uid == NOBODY
    cached = envs.root / ".labfleet-gpu/packages/beta-1.0-0/share/beta"
    assert cached.stat().st_uid == 0
    # Without a word it stays whosever it is.
    assert envs.converge(envs.wish("beta", name="other")) == []
    (blocker,) = envs.planned(envs.wish("beta", owner="no-such-user")).blockers
    assert blocker.which == "no-such-user"


@needs_root
def test_packages_have_the_rights_of_the_owner_alone(
    envs: Environments, channel: Path, tmp_path: Path
) -> None:
    """Whoever owns an environment cannot have root write elsewhere through a link in it."""
    for each in (tmp_path, *list(tmp_path.parents)[:-2]):
        each.chmod(each.stat().st_mode | 0o011)
    secret = tmp_path / "roots"
    secret.mkdir(mode=0o755)
    wish = envs.wish("alpha=1", owner=str(NOBODY))
    envs.converge(wish)
    os.symlink(str(secret), str(envs.path("share")))
    os.lchown(str(envs.path("share")), NOBODY, NOBODY)
    found = envs.planned(replace(wish, packages=("alpha=2",)))
    with pytest.raises(Exception, match="install the packages"):
        envs.apply(found)
    assert list(secret.iterdir()) == [] and output(str(envs.path("bin/alpha"))) == "alpha 1.0"


@needs_root
@needs_python
def test_a_lock_has_what_pip_installed(
    with_python: None, envs: Environments, channel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    envs.converge(envs.wish("python", pip=("tool",)))
    found = export(envs.files, str(envs.root / "train"))
    place = "file://%s/wheels/tool-2.0-py3-none-any.whl" % channel
    assert "# pip tool @ %s --hash=sha256:" % place in found.lock and found.unknown == ()
    # Neither an index nor a newer version matters.
    wheel(channel / "wheels", "tool", "3.0")
    monkeypatch.delenv("PIP_FIND_LINKS")
    other = from_file(envs, found.lock, "other")
    assert envs.converge(other) == ["stage", "transact", "pip-install", "seal"]
    assert envs.state("other").pip == ("tool==2.0",) and lock_of(envs, "other") == found.lock
    copy = envs.wish(name="copy", clone=str(envs.root / "train"))
    assert envs.converge(copy) and lock_of(envs, "copy") == found.lock
    # What somebody adds with pip goes again.
    monkeypatch.setenv("PIP_FIND_LINKS", str(channel / "wheels"))
    wheel(channel / "wheels", "extra", "1.0")
    output(str(envs.path("bin/python", "other")), "-m", "pip", "install", "extra")
    assert envs.state("other").pip == ("extra==1.0", "tool==2.0")
    removal = envs.planned(other)
    assert removal.steps[1].what == "remove with pip: extra"
    envs.converge(other)
    assert envs.state("other").pip == ("tool==2.0",)
    assert len(revisions(envs.path("conda-meta/history", "other").read_text())) == 1
    # Another content at the same address is refused by its hash.
    shutil.copy(
        str(channel / "wheels/tool-3.0-py3-none-any.whl"), str(channel / "wheels/tool-2.0-py3-none-any.whl")
    )
    third = envs.planned(from_file(envs, found.lock, "third"))
    with pytest.raises(Exception, match="(?i)hash"):
        envs.apply(third)
    assert not envs.path("", "third").exists()
