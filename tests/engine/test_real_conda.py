# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""engine: conda with a real conda: its dry run is shown, its explicit list is what is done."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from old_channel import OldChannel

if TYPE_CHECKING:
    from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments

#: A change is worked on in a mount namespace.
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def output(path: Path) -> str:
    return subprocess.run([str(path)], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def history(envs: Environments) -> list[str]:
    lines = envs.path("conda-meta/history").read_text().splitlines()
    return [line for line in lines if line[0] in "+-"]


def test_a_new_environment(envs: Environments, channel: OldChannel, conda: str) -> None:
    wish = envs.wish("alpha=1")
    step = envs.planned(wish).steps[1]
    assert step.what == f"install 1 package: alpha 1.1 (0); with conda 4.3.16 ({conda})"
    assert envs.converge(wish) == ["stage", "transact", "seal"]
    assert output(envs.path("bin/alpha")) == "alpha 1.1"
    assert f"# {envs.root}/train\n" in envs.path("bin/alpha").read_text()
    assert history(envs) == [f"+{channel.url}/linux-64::alpha-1.1-0"]
    record = json.loads(envs.path("conda-meta/alpha-1.1-0.json").read_text())
    known = channel.rows["linux-64"]["alpha-1.1-0.tar.bz2"]
    # Given an address alone, this conda writes neither: an export needs them.
    assert (record["md5"], record["sha256"], record["channel"]) == (
        known["md5"],
        known["sha256"],
        channel.url,
    )
    assert envs.planned(wish).steps == ()


def test_what_the_owner_adds_to_each_new_environment_is_left_out(envs: Environments, tmp_path: Path) -> None:
    with (tmp_path / "home/.condarc").open("a") as stream:
        stream.write("create_default_packages:\n- gamma\n")
    envs.converge(envs.wish("alpha=1"))
    assert envs.state().packages == ("alpha=1.1=0",)


def test_a_change_keeps_what_fits_and_drops_what_nothing_needs(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=2"))
    assert envs.state().packages == ("alpha=2.0=0", "beta=1.0=0")
    inode = envs.path("conda-meta/beta-1.0-0.json").stat().st_ino
    assert envs.converge(envs.wish("alpha=2", "gamma")) == ["stage", "transact", "seal", "sweep"]
    assert envs.path("conda-meta/beta-1.0-0.json").stat().st_ino == inode
    step = envs.planned(envs.wish("alpha=1.0")).steps[1]
    assert step.what.startswith(
        "change alpha from 2.0 (0) to 1.0 (0); remove 2 packages: beta 1.0 (0), gamma 1.0 (0); with conda"
    )
    envs.converge(envs.wish("alpha=1.0"))
    assert output(envs.path("bin/alpha")) == "alpha 1.0" and not envs.path("share/beta").exists()
    # One change is one revision, whatever the program did in how many transactions.
    assert len(envs.state().revisions) == 3
    assert envs.converge(envs.wish(revision=0)) == ["stage", "transact", "seal", "sweep"]
    assert envs.state().packages == ("alpha=2.0=0", "beta=1.0=0")


def test_the_newest_is_taken_only_where_it_is_wished_for(envs: Environments, channel: OldChannel) -> None:
    envs.converge(envs.wish("alpha=1"))
    channel.add("alpha", "1.2", {"bin/alpha": "#!/bin/sh\necho alpha 1.2\n"})
    channel.publish()
    assert envs.planned(envs.wish("alpha=1")).steps == ()
    assert envs.converge(envs.wish("alpha=1", "gamma"))[1] == "transact"
    assert envs.state().by_name()["alpha"] == "alpha=1.1=0"
    envs.converge(envs.wish("alpha=1", "gamma", update=True))
    assert envs.state().by_name()["alpha"] == "alpha=1.2=0"


def test_what_somebody_else_made_is_noted_and_then_asked_no_more(envs: Environments, conda: str) -> None:
    path = envs.root / "train"
    (path / "conda-meta").mkdir(parents=True)
    (path / "conda-meta/history").touch()
    subprocess.run(
        [conda, "install", "-y", "-p", str(path), "alpha=1", "gamma"], check=True, capture_output=True
    )
    before = envs.path("conda-meta/history").read_bytes()
    assert envs.converge(envs.wish("alpha=1")) == ["note"]
    assert envs.path("conda-meta/history").read_bytes() == before
    # By now no program is needed to tell.
    assert envs.planned(envs.wish("alpha=1", conda_executable="/nowhere/conda")).steps == ()
    only = envs.wish("alpha=1", exclusive=True)
    assert "remove 1 package: gamma" in envs.planned(only).steps[1].what
    envs.converge(only)
    assert envs.state().packages == ("alpha=1.1=0",)


def test_a_lock_takes_no_solver(envs: Environments, channel: OldChannel, tmp_path: Path) -> None:
    row = channel.rows["linux-64"]["alpha-1.0-0.tar.bz2"]
    lock = tmp_path / "a.lock"
    lock.write_text(f"@EXPLICIT\n{channel.url}/linux-64/alpha-1.0-0.tar.bz2#{row['md5']}\n")
    for subdir in channel.rows:
        for file in (channel.folder / subdir).glob("repodata*"):
            file.unlink()
    wish = replace(envs.wish(), file=str(lock))
    assert envs.converge(wish) == ["stage", "transact", "seal"]
    assert output(envs.path("bin/alpha")) == "alpha 1.0"


def test_a_copy(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=2"))
    copy = replace(envs.wish(name="copy"), clone=str(envs.root / "train"))
    assert envs.converge(copy) == ["stage", "transact", "seal"]
    assert f"# {envs.root}/copy\n" in envs.path("bin/alpha", "copy").read_text()


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_change_that_is_cut(envs: Environments, after: int) -> None:
    envs.converge(envs.wish("alpha=1"))
    before = envs.path("conda-meta/history").read_text()
    envs.cut(envs.wish("alpha=2"), after)
    said = output(envs.path("bin/alpha"))
    assert said == ("alpha 1.1" if after < 3 else "alpha 2.0")
    if after < 3:
        assert envs.path("conda-meta/history").read_text() == before
    envs.converge(envs.wish("alpha=2"))
    assert output(envs.path("bin/alpha")) == "alpha 2.0"


def test_refusals(envs: Environments, channel: OldChannel, conda: str, tmp_path: Path) -> None:
    def refused(*packages: str, **more: Any) -> str:
        (blocker,) = envs.planned(envs.wish(*packages, **more)).blockers
        return str(blocker)

    assert f"conda 4.3.16 ({conda}): Package missing in current" in refused("nowhere")
    envs.converge(envs.wish("alpha=2"))
    channel.add("delta", "1.0", {"share/delta": "d"}, ["beta <1"])
    channel.add("beta", "0.9", {"share/beta": "b"})
    channel.publish()
    assert "it cannot be solved" in refused("alpha=2", "delta")
    assert envs.state().packages == ("alpha=2.0=0", "beta=1.0=0")
    assert "/nowhere/conda cannot be run" in refused("gamma", conda_executable="/nowhere/conda")
    assert "adds the channel defaults" in refused("gamma", channels=(channel.url,))
    said = refused("gamma", channels=("https://ada:geheim@conda.example/lab",))
    assert "password or token" in said and "geheim" not in said
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho hello\n")
    other.chmod(0o755)
    assert "does not say which conda" in refused("gamma", conda_executable=str(other))
    (tmp_path / "home/.condarc").write_text("channels:\n- http://ada:geheim@127.0.0.1:9/lab\n")
    said = refused("gamma")
    assert "a channel cannot be read" in said and "geheim" not in said


def test_a_package_that_is_not_what_was_told(envs: Environments, channel: OldChannel) -> None:
    path = channel.folder / "linux-64/alpha-1.1-0.tar.bz2"
    found = envs.planned(envs.wish("alpha=1"))
    path.write_bytes((channel.folder / "linux-64/gamma-1.0-0.tar.bz2").read_bytes())
    with pytest.raises(Exception, match="could not be worked on"):
        envs.apply(found)
    assert not envs.path("").exists()
