# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runfiles of CUDA, run in a throw-away root that has gcc 12 and libxml2."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from labvendor import runfile, toolkits
from labvendor.compile import Compiler
from served import Served
from throwaway import Node

RUNFILES = {item.version: item.runfile for item in toolkits.TOOLKITS if item.runfile}
MARKS = "ls /var/log/nvidia-installer.log /usr/bin/nvidia-uninstall 2> /dev/null || true"


@pytest.fixture
def run(node: Node, served: Served) -> Callable[..., str]:
    """Runs the file of a version with options, as root, without a terminal."""

    def call(version: str, options: str, status: int | None = 0) -> str:
        return node.run(command(node, served, version, options), status)

    return call


def command(node: Node, served: Served, version: str, options: str) -> str:
    """The command that runs the file of a version, which is brought to the node."""
    name = RUNFILES[version]
    source = served.path / "compute/cuda" / version / "local_installers" / name
    (node.root / "opt" / name).write_bytes(source.read_bytes())
    return f"sh /opt/{name} {options} < /dev/null"


def test_served_with_their_sums(served: Served) -> None:
    """Named as the real ones; the sums are where NVIDIA has them."""
    assert set(RUNFILES.values()) == {
        "cuda_11.6.2_510.47.03_linux.run",
        "cuda_12.4.1_550.54.15_linux.run",
        "cuda_13.4.1_linux.run",
    }
    for version, name in RUNFILES.items():
        where = served.path / "compute/cuda" / version
        sums = (where / "docs/sidebar/md5sum.txt").read_text()
        data = (where / "local_installers" / name).read_bytes()
        assert sums == f"{hashlib.md5(data).hexdigest()}  {name}\n"


def test_same_bytes_everywhere(tmp_path: Path) -> None:
    """Neither the place nor the moment is in a runfile."""
    first, second = (dict(runfile.files(Compiler(tmp_path / name))) for name in ("first", "second"))
    assert first == second


def test_toolkit_alone(run: Callable[..., str], node: Node) -> None:
    output = run("12.4.1", "--silent --toolkit")
    assert "Driver:   Not Selected\nToolkit:  Installed in /usr/local/cuda-12.4/\n" in output
    assert "Logfile is /var/log/cuda-installer.log" in output
    assert node.run("readlink /usr/local/cuda").strip() == "/usr/local/cuda-12.4/"
    assert "release 12.4, V12.4.131" in node.run("/usr/local/cuda/bin/nvcc --version")
    assert '"version": "12.4.1"' in node.run("cat /usr/local/cuda/version.json")
    assert "libcudart.so.12 " in node.run("ldconfig -p")
    assert node.run(MARKS) == ""


def test_help_and_refusals(run: Callable[..., str]) -> None:
    assert "--toolkitpath=<path>" in run("12.4.1", "--help")
    assert "Error opening terminal" in run("12.4.1", "--toolkit", status=1)
    assert "Unknown option: --colour" in run("12.4.1", "--silent --colour", status=1)
    assert "/nowhere" in run("12.4.1", "--silent --toolkit --tmpdir=/nowhere", status=1)


def test_another_place(run: Callable[..., str], node: Node) -> None:
    """With its own root it leaves links and loader alone."""
    run("12.4.1", "--silent --toolkit --toolkitpath=/srv/cuda --defaultroot=/srv/cuda --no-man-page")
    assert "12.4" in node.run("/srv/cuda/bin/nvcc --version")
    node.run("test ! -e /usr/local/cuda; test ! -e /usr/local/cuda-12.4; ! ldconfig -p | grep cudart")
    run("13.4.1", "--silent --toolkit --installpath=/srv/newer")
    assert "release 13.4, V13.4.59" in node.run("/srv/newer/bin/nvcc --version")


def test_the_driver_only_if_told_so(run: Callable[..., str], node: Node) -> None:
    """Without a component all come; 13.4 has no driver any more."""
    assert "Toolkit:  Not Selected" in run("12.4.1", "--silent --driver")
    assert len(node.run(MARKS).split()) == 2
    assert "550.54.15" in node.run("cat /var/log/nvidia-installer.log")
    node.run("rm /var/log/nvidia-installer.log /usr/bin/nvidia-uninstall")
    assert "Driver:   Installed\nToolkit:  Installed" in run("12.4.1", "--silent")
    assert len(node.run(MARKS).split()) == 2
    node.run("rm /var/log/nvidia-installer.log /usr/bin/nvidia-uninstall")
    assert "Driver:   Not Selected" in run("13.4.1", "--silent")
    assert "Installation failed" in run("13.4.1", "--silent --driver", status=1)
    assert node.run(MARKS) == ""


def test_a_log_that_another_user_left(node: Node, served: Served) -> None:
    """The real one dies of it, whoever is next. /tmp is new in each run, so all is one run."""
    mine = command(node, served, "12.4.1", "--silent --toolkit")
    theirs = command(node, served, "12.4.1", "--silent --toolkit --toolkitpath=/srv/free/cuda")
    output = node.run(
        "mkdir -m 777 /srv/free; cd /srv\n"
        f"setpriv --reuid=65534 --regid=65534 --clear-groups {theirs} > /srv/theirs\n"
        "stat -c 'log of %u' /tmp/cuda-installer.log\n"
        f"{mine} || echo status $?; ls -d /usr/local/cuda-12.4 || true; rm /tmp/cuda-installer.log\n"
        f"{mine} > /dev/null; ls -d /usr/local/cuda-12.4; find /tmp -type f"
    )
    assert "Logfile is /tmp/cuda-installer.log" in node.run("cat /srv/theirs")
    words = ["log of 65534", "Segmentation fault", "status 139", "cannot access '/usr/local/cuda-12.4'"]
    places = [output.index(word) for word in words]
    assert places == sorted(places)
    assert output.splitlines()[-1] == "/usr/local/cuda-12.4", "nothing is left in /tmp"


def test_it_wants_libxml2(run: Callable[..., str], node: Node) -> None:
    node.run("rm /usr/lib/x86_64-linux-gnu/libxml2.so.2*; ldconfig")
    words = "./cuda-installer: error while loading shared libraries: libxml2.so.2: cannot open shared object"
    assert words in run("12.4.1", "--silent --toolkit", status=127)


def test_compiler_check(run: Callable[..., str], node: Node) -> None:
    """11.6 takes gcc up to 11; --override takes any, and none."""
    output = run("11.6.2", "--silent --toolkit", status=1)
    assert "Failed to verify gcc version. See log at /var/log/cuda-installer.log for details." in output
    assert "unsupported compiler version: 12." in node.run("cat /var/log/cuda-installer.log")
    node.run("test ! -e /usr/local/cuda-11.6")
    run("11.6.2", "--silent --toolkit --override")
    assert "release 11.6, V11.6.124" in node.run("/usr/local/cuda-11.6/bin/nvcc -V")
    node.run("rm /usr/bin/gcc")
    run("12.4.1", "--silent --toolkit", status=1)
    assert "Missing gcc" in node.run("cat /var/log/cuda-installer.log")
    run("12.4.1", "--silent --toolkit --override")


def test_uninstaller(run: Callable[..., str], node: Node) -> None:
    """It takes its own files and link, and leaves what came beside them."""
    run("12.4.1", "--silent --toolkit")
    run("13.4.1", "--silent --toolkit")
    node.run("touch /usr/local/cuda-12.4/lib64/libcudnn.so.8")
    assert "Error opening terminal" in node.run("/usr/local/cuda-12.4/bin/cuda-uninstaller", status=1)
    output = node.run("/usr/local/cuda-12.4/bin/cuda-uninstaller --silent")
    assert "not empty: /usr/local/cuda-12.4" in output
    assert node.run("find /usr/local/cuda-12.4 ! -type d").split() == [
        "/usr/local/cuda-12.4/targets/x86_64-linux/lib/libcudnn.so.8"
    ]
    assert node.run("readlink /usr/local/cuda").strip() == "/usr/local/cuda-13.4/"
    assert node.run("ls /etc/ld.so.conf.d | grep cuda").split() == ["cuda-13-4.conf"]
    node.run("/usr/local/cuda-13.4/bin/cuda-uninstaller --silent")
    assert node.run("ls /usr/local | grep cuda").split() == ["cuda-12.4"]
    assert "libcudart" not in node.run("ldconfig -p")


def test_beside_packages(run: Callable[..., str], bare: Node) -> None:
    """The link becomes a plain one; the alternative is still there, and is broken."""
    bare.run("apt-get install -y -q cuda-nvcc-12-8 cuda-libraries-12-8")
    run("12.4.1", "--silent --toolkit")
    assert bare.run("readlink /usr/local/cuda").strip() == "/usr/local/cuda-12.4/"
    assert bare.run("readlink /etc/alternatives/cuda").strip() == "/usr/local/cuda-12.8"
    bare.run("/usr/local/cuda-12.4/bin/cuda-uninstaller --silent")
    bare.run("test ! -e /usr/local/cuda; /usr/local/cuda-12.8/bin/nvcc --version")
