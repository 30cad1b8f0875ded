# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments made, changed and removed for real, by py-rattler from a channel with real packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import tree
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.export import export
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import leaving_of, staging_of
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.tests.unit.support.conda_channel import (
    index,
    movable_python,
    package,
)
from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments

#: A change is worked on in a mount namespace.
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def history(envs: Environments) -> List[str]:
    lines = envs.path("conda-meta/history").read_text().splitlines()
    return [line for line in lines if line[0] in "+-"]


def test_a_new_environment_is_an_ordinary_one(envs: Environments) -> None:
    assert envs.converge(envs.wish("alpha=1")) == ["stage", "transact", "seal"]
    assert output(str(envs.path("bin/alpha"))) == "alpha 1.0"
    assert "# %s\n" % (envs.root / "train") in envs.path("bin/alpha").read_text()
    assert history(envs) == ["+%s/linux-64::alpha-1.0-0" % envs.channel]
    assert "# update specs: ['alpha=1']" in envs.path("conda-meta/history").read_text()
    # Everybody may read what is there, and conda takes only records for packages.
    for path in envs.path("conda-meta").iterdir():
        assert path.stat().st_mode & 0o444 == 0o444
    assert [path.name for path in envs.path("conda-meta").glob("*.json")] == ["alpha-1.0-0.json"]
    assert sorted(path.name for path in envs.root.iterdir()) == [".labfleet-gpu", "train"]
    # The same files as in the cache: no byte is copied.
    cached = envs.root / ".labfleet-gpu/packages/alpha-1.0-0/lib/libalpha.so"
    assert cached.exists()


def test_files_are_shared_with_the_cache(envs: Environments) -> None:
    envs.converge(envs.wish("beta"))
    assert envs.path("share/beta").stat().st_nlink == 2


@needs_root
def test_a_change_is_seen_whole_and_in_its_final_place(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=1"))
    assert envs.converge(envs.wish("alpha=2")) == ["stage", "transact", "seal", "sweep"]
    assert output(str(envs.path("bin/alpha"))) == "alpha 2.0"
    assert envs.path("share/beta").exists()
    found = output("grep", "-rlF", "--binary-files=text", str(envs.root / "train"), str(envs.path("")))
    assert str(envs.path("lib/libalpha.so")) in found
    assert subprocess.call(["grep", "-rqF", ".labfleet-gpu/train", str(envs.path("bin"))]) == 1
    prefix = envs.channel + "/linux-64::"
    assert history(envs) == ["+" + prefix + "alpha-1.0-0"] + [
        sign + prefix + name
        for sign, name in (("-", "alpha-1.0-0"), ("+", "alpha-2.0-0"), ("+", "beta-1.0-0"))
    ]
    assert sorted(os.listdir(str(envs.root / ".labfleet-gpu"))) == ["lock", "packages"]
    revision = envs.wish(revision=0)
    assert envs.converge(revision) == ["stage", "transact", "seal", "sweep"]
    assert envs.state().packages == ("alpha=1.0=0",)


@needs_root
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_change_that_is_cut_leaves_a_whole_environment(envs: Environments, after: int) -> None:
    envs.converge(envs.wish("alpha=1"))
    envs.cut(envs.wish("alpha=2"), after)
    assert output(str(envs.path("bin/alpha"))) == ("alpha 2.0" if after == 3 else "alpha 1.0")
    assert envs.state().packages == (("alpha=2.0=0", "beta=1.0=0") if after == 3 else ("alpha=1.0=0",))
    envs.converge(envs.wish("alpha=2"))
    assert output(str(envs.path("bin/alpha"))) == "alpha 2.0"
    assert envs.state().leftovers == ()


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_creation_that_is_cut_is_none(envs: Environments, after: int) -> None:
    envs.cut(envs.wish("alpha=2"), after)
    assert not envs.state().usable
    envs.converge(envs.wish("alpha=2"))
    assert output(str(envs.path("bin/alpha"))) == "alpha 2.0"


@needs_root
def test_an_exchange_in_two_moves_that_was_cut(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=1"))
    prefix = str(envs.root / "train")
    found = envs.planned(envs.wish("alpha=2"))
    envs.apply(found, 3)
    # As if the second move were still to come.
    os.rename(staging_of(prefix), leaving_of(prefix))
    os.rename(prefix, staging_of(prefix))
    assert envs.converge(envs.wish("alpha=2")) == ["put-back", "sweep"]
    assert output(str(envs.path("bin/alpha"))) == "alpha 2.0"


def test_exchange(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name / name).mkdir(parents=True)
    tree.exchange(str(tmp_path / "one"), str(tmp_path / "other"), str(tmp_path / "aside"))
    assert (tmp_path / "one" / "other").is_dir() and (tmp_path / "other" / "one").is_dir()
    assert not (tmp_path / "aside").exists()


def test_the_cuda_of_the_node_decides(envs: Environments) -> None:
    (blocker,) = envs.planned(envs.wish("gpu-thing")).blockers
    assert "__cuda >=12" in blocker.which
    (blocker,) = envs.planned(envs.wish("gpu-thing", cuda="11.8")).blockers
    assert "__cuda >=12" in blocker.which
    assert envs.converge(envs.wish("gpu-thing", cuda="12.2"))


def test_what_cannot_be_solved_leaves_nothing(envs: Environments) -> None:
    for wish in (envs.wish("alpha=9"), envs.wish("alpha>>1"), envs.wish("a", channels=("file:///no/where",))):
        (blocker,) = envs.planned(wish).blockers
        assert blocker.which
    assert list(envs.root.iterdir()) == []


def test_a_corrupt_package_leaves_nothing(envs: Environments, tmp_path: Path) -> None:
    root = tmp_path / "own"
    package(root, "gamma", "1", {"share/gamma": (b"g" * 1000, 0o644)})
    address = index(root)
    (path,) = root.glob("linux-64/*.conda")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    found = envs.planned(envs.wish("gamma", channels=(address,)))
    with pytest.raises(EffectError, match="install the packages"):
        envs.apply(found)
    assert not envs.path("").exists()


@pytest.fixture
def private(tmp_path: Path, channel: Path) -> Iterator[str]:
    """The channel at an address with a token in it."""
    index(channel)
    (tmp_path / "served" / "t" / "to-12-ken").mkdir(parents=True)
    (tmp_path / "served" / "t" / "to-12-ken" / "team").symlink_to(channel)
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    command += ["--directory", str(tmp_path / "served")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        port = server.stdout.readline().split(" port ")[1].split()[0]
        try:
            yield "http://127.0.0.1:%s/t/to-12-ken/team" % port
        finally:
            server.kill()


def test_a_token_is_written_nowhere_that_others_read(envs: Environments, private: str) -> None:
    wish = envs.wish("alpha=2", channels=(private,))
    assert envs.converge(wish)
    assert subprocess.call(["grep", "-rqF", "to-12-ken", str(envs.root / "train")]) == 1
    assert (envs.root / ".labfleet-gpu/packages").stat().st_mode & 0o077 == 0
    record = json.loads(envs.path("conda-meta/alpha-2.0-0.json").read_text())
    assert record["url"].endswith("/team/linux-64/alpha-2.0-0.conda") and "/t/" not in record["url"]
    (blocker,) = envs.planned(envs.wish("alpha=2", name="other", channels=(private + "/no",))).blockers
    assert "to-12-ken" not in str(blocker) and "team/no" in str(blocker)


def test_a_lock_and_a_copy_go_by_the_token_of_the_wish(envs: Environments, private: str) -> None:
    """Neither has it, and nothing is in the cache: as on another node."""
    envs.converge(envs.wish("alpha=2", channels=(private,)))
    lock = envs.root.parent / "train.lock"
    lock.write_text(export(envs.files, str(envs.root / "train")).lock)
    assert "to-12-ken" not in lock.read_text()
    for name, source in (("locked", {"file": str(lock)}), ("copy", {"clone": str(envs.root / "train")})):
        shutil.rmtree(envs.root / ".labfleet-gpu/packages")
        made = ["stage", "transact", "seal"]
        assert envs.converge(envs.wish(name=name, channels=(private,), **source)) == made
        assert output(str(envs.path("bin/alpha", name))) == "alpha 2.0"
        assert subprocess.call(["grep", "-rqF", "to-12-ken", str(envs.root / name)]) == 1


def test_somebody_elses_environment_will_do(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=2"))
    envs.path("conda-meta/labfleet-gpu").unlink()
    found = envs.planned(envs.wish("alpha <2"))
    assert found.steps[1].what == "change alpha from 2.0 (0) to 1.0 (0)"
    wish = envs.wish("alpha >=1.5", "beta")
    assert envs.converge(wish) == ["note"]
    assert plan(envs.state(), wish, {}) == Plan()
    # What was wished for is ours from then on, and goes when it is not wished for any more.
    found = envs.planned(envs.wish("alpha <2"))
    assert found.steps[1].what.endswith("; remove 1 package: beta 1.0 (0)")


@needs_root
def test_who_changes_it_meanwhile_loses_nothing(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=1"))
    found = envs.planned(envs.wish("alpha=2"))
    envs.apply(found, 2)
    theirs = envs.path("conda-meta/theirs-1-0.json")
    theirs.write_text("{}")
    with pytest.raises(EffectError, match="is as they left it"):
        envs.apply(replace(found, steps=found.steps[2:]))
    assert theirs.exists() and output(str(envs.path("bin/alpha"))) == "alpha 1.0"
    with pytest.raises(EffectError, match="changed by another run"):
        envs.apply(found)


def test_a_link_is_not_changed(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=1"))
    envs.path("", "other").symlink_to(envs.root / "train")
    assert envs.planned(envs.wish("alpha=1", name="other")).steps == ()
    for wish in (envs.wish("alpha=2", name="other"), envs.wish(name="other", state="absent")):
        (blocker,) = envs.planned(wish).blockers
        assert "link" in blocker.what


@pytest.mark.parametrize("linked", [False, True], ids=["as it is", "below a link"])
def test_what_runs_is_seen_below_a_link_too(envs: Environments, tmp_path: Path, linked: bool) -> None:
    envs.converge(envs.wish("alpha=1"))
    shutil.copy(os.path.realpath("/bin/sleep"), envs.path("bin/sleep"))
    if linked:
        (tmp_path / "linked").symlink_to(envs.root)
        envs.root = tmp_path / "linked"
    with subprocess.Popen([str(envs.path("bin/sleep")), "60"]) as running:
        try:
            for wish in (envs.wish("alpha=2"), envs.wish(state="absent")):
                (blocker,) = envs.planned(wish).blockers
                assert "%d (" % running.pid in blocker.which
        finally:
            running.kill()
    assert not envs.planned(envs.wish(state="absent")).blockers


def test_absent(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=1"))
    assert envs.converge(envs.wish(state="absent")) == ["remove-environment"]
    assert not envs.path("").exists()
    assert envs.converge(envs.wish(state="absent")) == []


def test_a_stranger_in_its_place_is_not_touched(envs: Environments) -> None:
    envs.path("").mkdir()
    envs.path("thesis.tex").write_text("x")
    assert envs.planned(envs.wish("alpha")).blockers and envs.planned(envs.wish(state="absent")).blockers


def test_a_satisfied_environment_takes_milliseconds(envs: Environments) -> None:
    envs.converge(envs.wish("alpha=1"))
    # As large as one with PyTorch: 300 packages, records of 200 KiB, as many distributions.
    site = envs.path("lib/python3.11/site-packages")
    for number in range(300):
        name = "filler%d-1.0-py311_0.json" % number
        envs.path("conda-meta/" + name).write_text(json.dumps({"files": ["x" * 100] * 2000}))
        (site / ("filler%d-1.0.dist-info" % number)).mkdir(parents=True)
        (site / ("filler%d-1.0.dist-info/INSTALLER" % number)).write_text("conda\n")
    wish = envs.wish("alpha=1")
    start = time.perf_counter()
    found = plan(envs.state(), wish, {})
    seconds = time.perf_counter() - start
    assert (found.steps, found.questions) == ((), ())
    assert seconds < 0.3


@needs_root
@pytest.mark.skipif(not movable_python(), reason="Debian's own Python cannot be packed")
def test_a_real_python_and_pip(with_python: None, envs: Environments) -> None:
    """Programs of pip, sysconfig and what Python compiles show the final path, after a change too."""
    prefix = str(envs.root / "train")
    wish = envs.wish("python", pip=("tool==1.0",))
    assert envs.converge(wish) == ["stage", "transact", "pip-install", "seal"]
    assert envs.state().pip == ("tool==1.0",)
    later = envs.wish("python", "beta", pip=("tool==2.0",))
    assert envs.converge(later) == ["stage", "transact", "pip-install", "seal", "sweep"]
    assert envs.path("bin/tool").read_text().startswith("#!%s/bin/python" % prefix)
    version, place = output(str(envs.path("bin/tool"))).split()
    assert version == "2.0" and place.startswith(prefix + "/lib/")
    ask = "import sys, sysconfig; print(sys.prefix, sysconfig.get_config_var('prefix'), sys.executable)"
    shown = output(str(envs.path("bin/python")), "-c", ask).split()
    assert shown[:2] == [prefix, prefix] and shown[2].startswith(prefix + "/bin/python")
    assert subprocess.call(["grep", "-rqF", ".labfleet-gpu/train", prefix + "/lib", prefix + "/bin"]) == 1
    # A copy has the same, at its own place.
    copy = envs.wish(name="copy", clone=prefix)
    assert envs.converge(copy) == ["stage", "transact", "pip-install", "seal"]
    assert envs.path("bin/tool", "copy").read_text().startswith("#!%s/bin/python" % (envs.root / "copy"))
    assert envs.state("copy").packages == envs.state().packages
    # What runs is not disturbed.
    running = subprocess.Popen([str(envs.path("bin/python")), "-c", "import time; time.sleep(60)"])
    try:
        deadline = time.monotonic() + 10
        while not envs.planned(envs.wish(state="absent")).blockers and time.monotonic() < deadline:
            time.sleep(0.05)
        (blocker,) = envs.planned(envs.wish(state="absent")).blockers
        assert str(running.pid) in blocker.which
    finally:
        running.kill()
        running.wait()
