# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-modprobe: the device files that nobody else makes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from smi_node import SmiNode

CAPS = "/proc/driver/nvidia/capabilities/"


def _maker(node: SmiNode, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(node.files / "gpu-simulator"), "nvidia-modprobe", *words],
        env={**os.environ, "GPU_SIMULATOR_ROOT": str(node.root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def node(tmp_path: Path) -> SmiNode:
    """An A100 with one MIG device whose files nobody made."""
    node = SmiNode(tmp_path, "580.126.09", "a100-sxm4-40gb")
    node.simulator.run("set", "0", "mig_device_files", "0")
    node.smi("-mig", "1")
    node.smi("mig", "-cgi", "19", "-C")
    return node


def test_files_of_an_instance_come_when_asked_for(node: SmiNode) -> None:
    caps = node.root / "dev/nvidia-caps"
    assert sorted(path.name for path in caps.iterdir()) == ["nvidia-cap1", "nvidia-cap2"]
    places = sorted((node.simulator.state / "proc/driver/nvidia/capabilities").glob("gpu0/mig/gi*/**/access"))
    assert len(places) == 2
    words = ["/proc/driver/" + str(place).partition("/proc/driver/")[2] for place in places]
    for option in ("-f", "--nvidia-capability-device-file"):
        done = _maker(node, *(word for each in words for word in (option, each)))
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        assert len(list(caps.iterdir())) == 4
        assert all((caps / path.name).stat().st_mode & 0o777 == 0o444 for path in caps.glob("nvidia-cap??*"))
    (node.root / "dev/nvidia0").unlink()
    assert _maker(node, "-c", "0", "-f=" + CAPS + "mig/config").returncode == 0
    assert (node.root / "dev/nvidia0").exists()
    node.simulator.run("unset", "0", "mig_device_files")
    node.smi("mig", "-cgi", "19", "-C")
    assert len(list(caps.iterdir())) == 6, "with the instance, where the setting is not made"


@pytest.mark.parametrize(
    "words",
    [
        ["-f", CAPS + "gpu0/mig/gi0/access"],
        ["-f", "/proc/driver/nvidia/../nvidia/params"],
        ["-f", "/etc/passwd"],
        ["-f", "/proc/driver/nvidia/params"],
    ],
)
def test_what_it_makes_nothing_of(node: SmiNode, words: "list[str]") -> None:
    done = _maker(node, *words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-x"], 'unrecognized option: "-x"'),
        (["0"], 'unrecognized option: "0"'),
        (["-f"], 'option "-f" requires an argument.'),
        (["-c", "one"], '"one" is not a valid argument for option "-c".'),
        (["-c", "0"] * 65, "Too many device files requested with -c."),
        (["--nvswitch"], "nvidia-modprobe -s is not simulated."),
    ],
)
def test_wrong_usage(tmp_path: Path, words: "list[str]", said: str) -> None:
    done = _maker(SmiNode(tmp_path, "580.126.09", "t4"), *words)
    assert done.returncode == 1 and said in done.stderr
