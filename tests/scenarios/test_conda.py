# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conda environments on booted nodes: real packages of a channel in the lab, a real solver, a real pip."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conda_repository import Channel
from proof import Result, proved, refused
from scenario import Fleet
from test_interrupted import wait_for

MODULE = "conda_gpu_env"
ROOT = "/opt/conda/envs"
TRAIN = f"{ROOT}/train"
FIRST, SECOND = "node1", "node2"


@pytest.fixture(scope="module")
def channel(fleet: Fleet) -> Iterator[Channel]:
    """The channel; both nodes are new, and the scenarios follow each other on them."""
    for node in (FIRST, SECOND):
        fleet.reset(node)
    yield Channel(fleet)


def wish(channel: Channel, *packages: str, name: str = "train", **more: Any) -> dict[str, Any]:
    return {"name": name, "channels": [channel.url], "packages": list(packages), **more}


def held(fleet: Fleet, node: str, **options: Any) -> Result:
    """The result of one run that succeeded."""
    result = fleet.task(node, {f"labfleet.gpu.{MODULE}": options})
    assert not result.get("failed"), result.get("msg")
    return result


def says(fleet: Fleet, program: str = f"{TRAIN}/bin/alpha", node: str = FIRST) -> str:
    return fleet.sh(node, program)


def left_over(fleet: Fleet) -> set[str]:
    """What lies beside the environments but lock and caches."""
    names = fleet.sh(FIRST, f"ls {ROOT}/.labfleet-gpu").split()
    return {name for name in names if name != "lock" and not name.startswith("packages")}


def test_a_new_environment(fleet: Fleet, channel: Channel) -> None:
    """The node has neither conda nor py-rattler; the second run asks no server and changes no file."""
    assert fleet.sh(FIRST, "ls /opt/labfleet-gpu 2>/dev/null | wc -l") == "0"
    done = proved(fleet, FIRST, module=MODULE, **wish(channel, "alpha=1"))
    assert [step["action"] for step in done["steps"]] == ["bring-engine", "stage", "transact", "seal"]
    assert done["after"]["packages"] == ["alpha=1.0=0"] and says(fleet) == "alpha 1.0"
    history = fleet.sh(FIRST, f"cat {TRAIN}/conda-meta/history")
    assert f"+{channel.url}/linux-64::alpha-1.0-0" in history


def test_a_change(fleet: Fleet, channel: Channel) -> None:
    done = proved(fleet, FIRST, module=MODULE, **wish(channel, "alpha=2"))
    assert done["steps"][1]["what"] == "install 1 package: beta 1.0 (0); change alpha from 1.0 (0) to 2.0 (0)"
    assert says(fleet) == "alpha 2.0"
    assert left_over(fleet) == set()


def test_a_copy_does_not_follow(fleet: Fleet, channel: Channel) -> None:
    done = proved(fleet, FIRST, module=MODULE, name="copy", clone="train")
    assert done["after"]["packages"] == ["alpha=2.0=0", "beta=1.0=0"]
    assert TRAIN not in fleet.sh(FIRST, f"cat {ROOT}/copy/bin/alpha")


def test_back_to_a_revision(fleet: Fleet, channel: Channel) -> None:
    done = proved(fleet, FIRST, module=MODULE, name="train", revision=0)
    assert done["after"]["packages"] == ["alpha=1.0=0"] and says(fleet) == "alpha 1.0"
    assert says(fleet, f"{ROOT}/copy/bin/alpha") == "alpha 2.0"
    said = refused(fleet, FIRST, module=MODULE, name="train", revision=7)
    assert "take one that is there: 0 to 2" in said


@pytest.fixture
def python(fleet: Fleet, channel: Channel) -> None:
    """Environments with a Python and a pip that asks the lab's index."""
    if not channel.python:
        pytest.skip("the Python that runs this is Debian's own, which cannot be packed")
    for node in (FIRST, SECOND):
        channel.index_for_pip(fleet, node)


def test_export_and_the_same_on_another_node(fleet: Fleet, channel: Channel, python: None) -> None:
    """Python, pip and what pip installed: equal hashes, and every path is the final one."""
    held(fleet, FIRST, **wish(channel, "alpha=1", "python", pip=["tool==1.0"], name="lab"))
    lock = f"{ROOT}/lab.lock"
    export = {"labfleet.gpu.conda_gpu_env_export": {"name": "lab", "path": lock}}
    exported = fleet.task(FIRST, export)
    assert exported["changed"] and exported["unknown"] == [], exported
    assert fleet.sh(FIRST, f"cat {lock}") == exported["lock"].strip()
    assert not fleet.task(FIRST, export)["changed"]
    assert (
        f"# pip tool @ {channel.url}/simple/tool/tool-1.0-py3-none-any.whl --hash=sha256:" in exported["lock"]
    )
    # By now there is something newer.
    channel.add("alpha", "1.1")
    channel.publish()
    fleet.sh(SECOND, f"mkdir -p {ROOT}")
    put = {"content": exported["lock"], "dest": lock, "mode": "0644"}
    assert not fleet.task(SECOND, {"ansible.builtin.copy": put}).get("failed")
    done = proved(fleet, SECOND, module=MODULE, name="other", file=lock)
    assert done["after"]["pip"] == ["tool==1.0"] and "alpha=1.0=0" in done["after"]["packages"]
    replayed = fleet.task(SECOND, {"labfleet.gpu.conda_gpu_env_export": {"name": "other"}})
    assert replayed["lock"] == exported["lock"], "every package has the same hash"
    asked = (
        "import sys, sysconfig, tool; print(sys.prefix, sysconfig.get_config_var('prefix'), tool.__file__)"
    )
    shown = fleet.sh(SECOND, f'{ROOT}/other/bin/python -c "{asked}"').split()
    assert shown[:2] == [f"{ROOT}/other"] * 2 and shown[2].startswith(f"{ROOT}/other/lib/")
    assert fleet.sh(SECOND, f"head -n 1 {ROOT}/other/bin/tool").startswith(f"#!{ROOT}/other/bin/python")


def test_running_work_is_not_disturbed(fleet: Fleet, channel: Channel, python: None) -> None:
    fleet.sh(FIRST, f"systemd-run -q --unit work {ROOT}/lab/bin/python -c 'import time; time.sleep(600)'")
    wait_for(fleet, FIRST, f"grep -l {ROOT}/lab/ /proc/[0-9]*/maps 2>/dev/null")
    said = refused(fleet, FIRST, module=MODULE, name="lab", state="absent")
    assert "Programs of this environment are running" in said and "python" in said
    done = held(fleet, FIRST, name="lab", state="absent", disrupt_running_work=True)
    assert done["changed"]
    fleet.sh(FIRST, "systemctl stop work")


def test_an_environment_of_a_user(fleet: Fleet, channel: Channel, python: None) -> None:
    """All of it is theirs, pip and packages had no more rights than they have, and they go on themselves."""
    fleet.sh(FIRST, "useradd -m ada")
    own = wish(channel, "python", "pip", name="ada", pip=["tool==1.0"], owner="ada", mode="0750")
    done = proved(fleet, FIRST, module=MODULE, **own)
    assert (done["after"]["owner"], done["after"]["mode"]) == ("ada:ada", "0750")
    assert fleet.sh(FIRST, f"find {ROOT}/ada ! -user ada | wc -l") == "0"
    fleet.sh(FIRST, f"su ada -c '{ROOT}/ada/bin/python -m pip install -q tool==2.0'")
    assert fleet.sh(FIRST, f"su ada -c {ROOT}/ada/bin/tool").startswith("2.0 ")
    proved(fleet, FIRST, module=MODULE, **own)
    assert fleet.sh(FIRST, f"{ROOT}/ada/bin/tool").startswith("1.0 ")
    assert fleet.sh(FIRST, f"find {ROOT}/ada ! -user ada | wc -l") == "0"
    held(fleet, FIRST, name="ada", state="absent")


def test_absent(fleet: Fleet, channel: Channel) -> None:
    done = proved(fleet, FIRST, module=MODULE, name="copy", state="absent")
    assert not done["after"]["exists"] and fleet.sh(FIRST, f"ls {ROOT}").split() == ["lab.lock", "train"]


def test_what_cannot_be_is_refused(fleet: Fleet, channel: Channel) -> None:
    """Before any step, with the cause; the environment stays as it is."""
    for more, cause in (
        ({"packages": ["alpha=9"]}, "alpha"),
        ({"packages": ["alpha"], "channels": [channel.url + "/no/such"]}, "a channel cannot be read"),
        ({"packages": ["alpha"], "channels": ["http://127.0.0.1:9/x"]}, "a channel cannot be read"),
        ({"framework": {"name": "pytorch", "version": "99"}}, "pytorch 99 is not known"),
        ({"file": "/no/such.lock"}, "cannot be read on the node"),
    ):
        given: dict[str, Any] = {"name": "train", "channels": [channel.url], "exclusive": True, **more}
        said = refused(fleet, FIRST, module=MODULE, **given)
        assert cause in said, said
    assert says(fleet) == "alpha 1.0"


def test_a_corrupt_package_changes_nothing(fleet: Fleet, channel: Channel) -> None:
    channel.add("gamma", "1.0")
    channel.publish()
    channel.spoil("gamma-1.0-0.conda")
    before = fleet.sh(FIRST, f"find {TRAIN} | sort | md5sum")
    failed = fleet.task(FIRST, {f"labfleet.gpu.{MODULE}": wish(channel, "alpha=1", "gamma")})
    assert failed["failed"] and "install the packages" in failed["msg"], failed["msg"]
    assert fleet.sh(FIRST, f"find {TRAIN} | sort | md5sum") == before and says(fleet) == "alpha 1.0"
    assert left_over(fleet) == set()


def points(fleet: Fleet, options: dict[str, Any]) -> list[str]:
    """Where to cut what there is to do now: before and after each step, or every third of these points."""
    foretold = fleet.task(FIRST, {f"labfleet.gpu.{MODULE}": options}, check=True)
    numbers = range(1, len(foretold["steps"]) + 1)
    assert numbers, foretold
    every = [f"{moment}:{number}" for number in numbers for moment in ("before", "after")]
    return every if os.environ.get("ALL_CRASH_POINTS") else every[::3]


def cut(fleet: Fleet, point: str, options: dict[str, Any]) -> None:
    print(f"cut {point}")
    environment = {"LABFLEET_GPU_CRASH": point}
    killed = fleet.task(FIRST, {f"labfleet.gpu.{MODULE}": options}, environment=environment)
    assert killed.get("failed") and "Run again" in killed["msg"], (point, killed)


@pytest.mark.in_full
def test_a_change_that_is_cut_leaves_one_of_the_two(fleet: Fleet, channel: Channel) -> None:
    old, new = wish(channel, "alpha=1.0"), wish(channel, "alpha=2")
    held(fleet, FIRST, **old)
    tried = points(fleet, new)
    for point in tried:
        cut(fleet, point, new)
        assert says(fleet) in ("alpha 1.0", "alpha 2.0"), "it can be used"
        held(fleet, FIRST, **new)
        assert says(fleet) == "alpha 2.0"
        assert not held(fleet, FIRST, **new)["changed"]
        assert left_over(fleet) == set()
        held(fleet, FIRST, **old)
    print(f"change: {len(tried)} of {len(tried)} crash points survived")


@pytest.mark.in_full
def test_a_creation_that_is_cut_is_begun_anew(fleet: Fleet, channel: Channel) -> None:
    fresh = wish(channel, "alpha=2", name="fresh")
    tried = points(fleet, fresh)
    for point in tried:
        cut(fleet, point, fresh)
        held(fleet, FIRST, **fresh)
        assert says(fleet, f"{ROOT}/fresh/bin/alpha") == "alpha 2.0"
        held(fleet, FIRST, name="fresh", state="absent")
    print(f"creation: {len(tried)} of {len(tried)} crash points survived")


def test_a_run_that_is_killed_while_it_unpacks(fleet: Fleet, channel: Channel) -> None:
    held(fleet, FIRST, **wish(channel, "alpha=1.0"))
    large = wish(channel, "alpha=1.0", "large")
    job = "/run/labfleet-gpu-job-*"
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(fleet.task, FIRST, {f"labfleet.gpu.{MODULE}": large})
        wait_for(fleet, FIRST, f"grep -l transact {job}/progress 2>/dev/null")
        fleet.sh(FIRST, f"kill -KILL $(cat {job}/pid)")
        killed = run.result(timeout=120)
    assert killed["failed"] and "Run again: it goes on from what is there" in killed["msg"], killed
    assert says(fleet) == "alpha 1.0" and fleet.sh(FIRST, f"ls {TRAIN}/share 2>/dev/null | wc -l") == "0"
    held(fleet, FIRST, **large)
    assert fleet.sh(FIRST, f"stat -c %s {TRAIN}/share/large") == "120000000"


def test_a_satisfied_environment_costs_little(fleet: Fleet, channel: Channel) -> None:
    """The difference that ten more calls make, by ssh and all, beside that of a ping; and no request."""
    before = fleet.requests()
    satisfied = cost(fleet, {f"labfleet.gpu.{MODULE}": wish(channel, "alpha=1.0", "large")})
    ping = cost(fleet, {"ansible.builtin.ping": {}})
    print(f"satisfied: {satisfied * 1000:.0f} ms a call, a ping {ping * 1000:.0f} ms")
    assert satisfied < ping + 0.3, "solver and network are not asked"
    assert fleet.requests() == before


def cost(fleet: Fleet, task: dict[str, Any]) -> float:
    """Seconds of one call that changes nothing, without what a playbook costs."""
    seconds = []
    for count in (1, 11):
        tasks = [{"name": f"Call {number}", **task} for number in range(count)]
        play = {"hosts": FIRST, "gather_facts": False, "become": True, "tasks": tasks}
        path = fleet.work / "calls.yml"
        path.write_text(json.dumps([play]))
        begun = time.monotonic()
        run = fleet.playbook(path)
        seconds.append(time.monotonic() - begun)
        assert run.recap[FIRST]["ok"] == count and run.recap[FIRST]["changed"] == 0, run.output
    return (seconds[1] - seconds[0]) / 10


#: With the interface of Miniforge's installers.
INSTALLER = """#!/bin/bash
while getopts bup: option; do [ $option = p ] && prefix=$OPTARG; done
mkdir -p $prefix/bin $prefix/conda-meta $prefix/etc/profile.d
touch $prefix/bin/conda && chmod +x $prefix/bin/conda
echo 'conda() { echo it is there; }' > $prefix/etc/profile.d/conda.sh
"""


def test_a_miniforge_for_people(fleet: Fleet, tmp_path: Path) -> None:
    """It is nobody's shell's business until that is wished for, and then login shells know it."""
    fleet.reset(FIRST)
    folder = fleet.inventory.parent / "www/miniforge/24.11.3-0"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"Miniforge3-24.11.3-0-Linux-{fleet.sh(FIRST, 'uname -m')}.sh"
    (folder / name).write_text(INSTALLER)
    digest = hashlib.sha256(INSTALLER.encode()).hexdigest()
    (folder / f"{name}.sha256").write_text(f"{digest}  ./{name}\n")

    def play(shells: bool) -> bool:
        """Whether the role changed something."""
        given = {"miniforge": "24.11.3-0", "miniforge_url": f"{fleet.url}/miniforge"}
        variables: dict[str, object] = {f"conda_gpu_env_{key}": value for key, value in given.items()}
        variables["conda_gpu_env_miniforge_shell_initialisation"] = shells
        role = {"role": "labfleet.gpu.conda_gpu_env", "vars": variables}
        book = tmp_path / "miniforge.yml"
        book.write_text(
            json.dumps([{"hosts": FIRST, "become": True, "gather_facts": False, "roles": [role]}])
        )
        done = fleet.playbook(book)
        assert done.rc == 0, done.output
        return done.recap[FIRST]["changed"] > 0

    users = "cat /root/.bashrc /root/.profile /etc/bash.bashrc /etc/profile | sha256sum"
    login = "bash -lc 'type -t conda' || true"
    before = fleet.sh(FIRST, users)
    assert play(False) and not play(False)
    assert fleet.sh(FIRST, login) == "" and fleet.sh(FIRST, "ls /opt/miniforge3/bin") == "conda"
    assert play(True) and not play(True)
    assert fleet.sh(FIRST, login) == "function"
    assert play(False) and fleet.sh(FIRST, login) == ""
    assert fleet.sh(FIRST, users) == before
    said = refused(fleet, FIRST, module=MODULE, name="plain", engine="conda", packages=["alpha"])
    assert "/opt/miniforge3/bin/conda cannot be run" in said
