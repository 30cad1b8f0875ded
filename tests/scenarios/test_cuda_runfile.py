# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CUDA from NVIDIA's runfiles on a booted node: simulated installers that misbehave as the real ones do."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from proof import Result, proved, refused
from runfiles import FILES, wish
from scenario import MIRROR, Fleet

CUDA = "cuda_toolkit"
#: What a run may leave of itself: nothing.
TRACES = (
    "ls -d /var/cache/labfleet-gpu/cuda /var/lib/labfleet-gpu/cuda /tmp/cuda-installer.log /tmp/makeself* "
    "/tmp/selfgz* /var/log/nvidia-installer.log /usr/bin/nvidia-uninstall 2>/dev/null || true"
)


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """A node with GPUs and without a driver; the scenarios below follow each other on it."""
    fleet.reset("node1")
    return "node1"


def run(fleet: Fleet, node: str, options: dict[str, Any], **more: Any) -> Result:
    return fleet.task(node, {f"labfleet.gpu.{CUDA}": {**MIRROR, **options}}, **more)


def toolkits(result: Result) -> dict[str, tuple[str, str]]:
    return {path: (each["version"], each["origin"]) for path, each in result["after"]["toolkits"].items()}


def nvcc(fleet: Fleet, node: str) -> str:
    return fleet.sh(node, "bash -lc 'nvcc --version'")


def test_a_toolkit_alone_although_another_user_left_a_log(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "setpriv --reuid=65534 --clear-groups touch /tmp/cuda-installer.log")
    done = proved(fleet, node, module=CUDA, **wish(fleet, "12.4.1"))
    assert toolkits(done) == {"/usr/local/cuda-12.4": ("12.4.1", "runfile")}
    assert done["after"]["default_kind"] == "link" and "release 12.4" in nvcc(fleet, node)
    assert fleet.sh(node, TRACES) == "", "neither a driver nor anything of the run"
    assert "libcudart.so.12" in fleet.sh(node, "ldconfig -p")


def test_another_file_than_it_should_be_is_not_run(fleet: Fleet, node: str) -> None:
    options = wish(fleet, "13.4.1", checksum="sha256:" + "0" * 64)
    done = run(fleet, node, options)
    assert done.get("failed") and "sha256:" + "0" * 64 in done["msg"] and options["runfile"] in done["msg"]
    assert (
        fleet.sh(node, "ls -d /usr/local/cuda-13.4 /var/cache/labfleet-gpu/cuda/* 2>/dev/null || true") == ""
    )


def test_what_cannot_be_had_is_refused_with_what_there_is(fleet: Fleet, node: str) -> None:
    away = {**wish(fleet, "13.4.1"), "runfile": f"{fleet.url}/nowhere/cuda_13.4.1_linux.run"}
    assert "404" in refused(fleet, node, module=CUDA, **away)
    said = refused(fleet, node, module=CUDA, versions=["12.4.7"], source="runfile")
    assert "12.4.7" in said and "choose from" in said, said
    other = {**wish(fleet, "13.4.1"), "versions": ["13.3"]}
    assert "is 13.4.1, and versions has 13.3" in refused(fleet, node, module=CUDA, **other)
    mirror = {"versions": ["13.4"], "source": "runfile", "runfile_mirror": f"{fleet.url}/compute/cuda"}
    assert "checksum: sha256:" in refused(fleet, node, module=CUDA, **mirror)


def test_packages_and_a_runfile_beside_them(fleet: Fleet, node: str) -> None:
    """The packages make an alternative of the link; an installer takes that away, and it is given back."""
    proved(fleet, node, module=CUDA, versions=["12.8"])
    assert fleet.sh(node, "readlink /usr/local/cuda") == "/etc/alternatives/cuda"
    assert "release 12.4" in nvcc(fleet, node), "the default stays what it was"
    done = proved(fleet, node, module=CUDA, **wish(fleet, "13.4.1", keep_downloads=True))
    assert toolkits(done)["/usr/local/cuda-13.4"] == ("13.4.1", "runfile")
    assert fleet.sh(node, "readlink /usr/local/cuda") == "/etc/alternatives/cuda"
    assert "release 12.4" in nvcc(fleet, node)
    kept = fleet.sh(node, "ls /var/cache/labfleet-gpu/cuda")
    assert kept == "cuda_13.4.1_linux.run", "it was to be kept"
    proved(fleet, node, module=CUDA, **wish(fleet, "13.4.1", default="13.4"))
    assert "release 13.4" in nvcc(fleet, node)
    assert fleet.sh(node, TRACES) == "", "and now it is not"


def test_a_host_compiler_that_is_too_new_is_told_and_no_obstacle(fleet: Fleet, node: str) -> None:
    """From a file on the node."""
    path = f"/srv/{FILES['11.6.2']}"
    options = wish(fleet, "11.6.2")
    fetch = f"import urllib.request as u; u.urlretrieve('{options['runfile']}', '{path}')"
    fleet.sh(node, f'python3 -c "{fetch}"')
    done = proved(fleet, node, module=CUDA, **{**options, "runfile": path})
    assert toolkits(done)["/usr/local/cuda-11.6"] == ("11.6.2", "runfile")
    said = " ".join(fleet.said.split())
    assert "NVCC_CCBIN=/usr/bin/g++-11" in said, said
    assert fleet.sh(node, f"ls {path}") == path, "a file of the admin's stays"


def test_the_default_goes_with_its_uninstaller(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDA, versions=["13.4", "11.6"], state="absent")
    assert sorted(toolkits(done)) == ["/usr/local/cuda-12.4", "/usr/local/cuda-12.8"]
    assert done["after"]["default"] == "12.8" and "release 12.8" in nvcc(fleet, node)
    left = "ls -d /usr/local/cuda-13* /usr/local/cuda-11* /etc/ld.so.conf.d/cuda-1[13]* 2>/dev/null || true"
    assert fleet.sh(node, left) == ""
    assert "cuda-13.4" not in fleet.sh(node, "update-alternatives --query cuda")


def test_exclusive_takes_runfiles_and_leaves_no_hand_made_tree_unsaid(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "cp -a /usr/local/cuda-12.8 /usr/local/cuda-12.1; rm /usr/local/cuda-12.1/version.json")
    options: dict[str, Any] = {"versions": ["12.8"], "exclusive": True}
    assert "unpacked by hand" in refused(fleet, node, module=CUDA, **options)
    fleet.sh(node, "rm -r /usr/local/cuda-12.1; touch /usr/local/cuda-12.4/lib64/libcudnn.so.8")
    done = proved(fleet, node, module=CUDA, **options)
    assert sorted(toolkits(done)) == ["/usr/local/cuda-12.8"]
    assert "/usr/local/cuda-12.4 stays" in " ".join(fleet.said.split())
    found = fleet.sh(node, "find /usr/local/cuda-12.4 ! -type d; rm -r /usr/local/cuda-12.4")
    assert found == "/usr/local/cuda-12.4/targets/x86_64-linux/lib/libcudnn.so.8"


def test_a_run_that_is_killed_again_and_again_comes_to_its_end(fleet: Fleet, node: str) -> None:
    options = wish(fleet, "13.4.1", default="13.4")
    steps = run(fleet, node, options, check=True)["steps"]
    for step in steps:
        killed = run(fleet, node, options, environment={"LABFLEET_GPU_CRASH": "after:1"})
        assert killed.get("failed") and "Run again" in killed["msg"], (step["what"], killed["msg"])
    done = run(fleet, node, options)
    assert not done.get("failed") and done["after"]["default"] == "13.4", done
    assert done["steps"] == [] and fleet.sh(node, TRACES) == "", "each was a step further"
    proved(fleet, node, module=CUDA, versions=["13.4"], state="absent")


#: An installer that puts half of a toolkit there, takes /usr/local/cuda, and then takes its time.
SLOW = """\
for word; do case $word in --toolkitpath=*) home=${word#*=} ;; esac; done
mkdir -p $home/bin $home/lib64
echo '{"cuda": {"version": "13.4.1"}}' > $home/version.json
touch $home/lib64/libcudart.so.13 $home/bin/nvcc
ln -sfn $home/ /usr/local/cuda
echo $home/targets/x86_64-linux/lib > /etc/ld.so.conf.d/cuda-13-4.conf
sleep 600
"""
#: While it does: the end of the run by SIGKILL, and then of the installer, which outlives it.
KILL = """\
until pgrep -fx 'sleep 600'; do sleep 0.2; done
installer=$(pgrep -x flock)
kill -KILL $(ps -o ppid= -p $installer)
sleep 1
kill -KILL $installer $(pgrep -fx 'sleep 600')
"""
HOME = "/usr/local/cuda-13.4"


def test_an_installer_killed_in_the_middle_leaves_no_toolkit(fleet: Fleet, node: str) -> None:
    digest = hashlib.sha256(SLOW.encode()).hexdigest()
    fleet.sh(node, f"cat > /srv/{FILES['13.4.1']} << 'END'\n{SLOW}END\n")
    slow = wish(fleet, "13.4.1", runfile=f"/srv/{FILES['13.4.1']}", checksum=f"sha256:{digest}")
    fleet.sh(node, f"cat > /root/kill << 'END'\n{KILL}END\nnohup sh /root/kill >/dev/null 2>&1 &")
    killed = run(fleet, node, slow)
    assert killed.get("failed") and "Run again" in killed["msg"], killed
    assert fleet.sh(node, "readlink /usr/local/cuda") == f"{HOME}/", "it was cut off in the middle"
    other = run(fleet, node, {"versions": ["12.8"]})
    assert [step["action"] for step in other["steps"]][0] == "set-default", "it is given back"
    assert fleet.sh(node, "readlink /usr/local/cuda") == "/etc/alternatives/cuda"
    assert HOME not in other["after"]["toolkits"]
    assert "cut off in /usr/local/cuda-13.4" in " ".join(fleet.said.split())
    assert "left by an installer" in refused(fleet, node, module=CUDA, versions=["13.4"])
    done = proved(fleet, node, module=CUDA, **wish(fleet, "13.4.1"))
    assert toolkits(done)["/usr/local/cuda-13.4"] == ("13.4.1", "runfile")
    assert fleet.sh(node, "readlink /usr/local/cuda") == "/etc/alternatives/cuda"


def test_all_of_them_go_and_nothing_is_left(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDA, state="absent")
    assert toolkits(done) == {}
    left = "ls -d /usr/local/cuda* /etc/profile.d/*cuda* /etc/ld.so.conf.d/*cuda* /var/log/nvidia 2>/dev/null"
    assert fleet.sh(node, f"{left} || true") == "" and fleet.sh(node, TRACES) == ""
