# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nvidia-smi says and how it ends when something is wrong: words and statuses of the real one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from smi_node import SmiNode, driver

DRIVER = "580.126.09"
QUERIES = ((), ("-L",), ("-q",), ("--query-gpu=name", "--format=csv"), ("mig", "-lgi"), ("-pm", "1"))


@pytest.fixture
def node(tmp_path: Path) -> SmiNode:
    return SmiNode(tmp_path, DRIVER, "h100-sxm5-80gb", "l40s")


@pytest.mark.parametrize("words", QUERIES)
def test_every_command_says_why_there_is_no_driver(node: SmiNode, words: "tuple[str, ...]") -> None:
    assert "couldn't find libnvidia-ml.so library" in node.smi(*words, status=12, library=False)
    node.simulator.run("unload")
    said = node.smi(*words, status=9)
    assert said == (
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the "
        "latest NVIDIA driver is installed and running.\n\n"
    )


def test_a_library_newer_than_the_module(node: SmiNode) -> None:
    node.files = driver("580.173.02")
    assert node.smi(status=18) == (
        "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.173\n"
    )


def test_no_gpu(node: SmiNode) -> None:
    for gpu in ("0", "1"):
        shutil.rmtree(str(node.simulator.state / "gpus" / gpu))
    assert node.smi(status=6) == "No devices were found\n"


def test_a_gpu_that_is_not_there(node: SmiNode) -> None:
    for word in ("2", "GPU-00000000-0000-0000-0000-000000000000", "0000:99:00.0", ""):
        assert node.smi("-L", "-i", word, status=6) == "No devices were found\n"
    uuid, serial, bus = (node.value(field, 1) for field in ("uuid", "serial", "pci.bus_id"))
    for word in ("1", uuid, bus, bus.lower()[4:], "1," + uuid, *([serial] if serial != "[N/A]" else [])):
        assert node.smi("-L", "-i", word) == "GPU 1: NVIDIA L40S (UUID: {0})\n".format(uuid), word


def test_a_lost_gpu_and_the_other(node: SmiNode) -> None:
    node.simulator.run("lose", "1")
    lines = node.smi(status=15).splitlines()
    assert lines[0].startswith("Unable to determine the device handle for GPU1: GPU is lost")
    assert "|   0  NVIDIA H100 80GB HBM3" in lines[9]
    assert not any("L40S" in line for line in lines)
    alone = node.smi("-i", "1", status=15).splitlines()
    assert alone[0] == lines[0] and alone[1:] == ["No devices were found"]
    assert node.smi("-i", "0", "--query-gpu=name", "--format=csv,noheader") == "NVIDIA H100 80GB HBM3\n"


def test_faults_show_in_their_place(node: SmiNode) -> None:
    node.simulator.run("fault", "nvmlDeviceGetTemperature", "return", "999")
    assert "| N/A  ERR!    P0 " in node.smi()
    assert node.value("temperature.gpu") == "[Unknown Error]"
    assert re.search("^ {8}GPU Current Temp {31}: Unknown Error$", node.smi("-q"), re.MULTILINE)
    node.simulator.run("fault", "nvmlInit_v2", "return", "999")
    assert node.smi(status=255) == "Failed to initialize NVML: Unknown Error\n"
    node.simulator.run("fault", "nvmlInit_v2", "--clear")
    node.simulator.run("fault", "nvmlDeviceGetCount_v2", "return", "15")
    assert node.smi(status=15).startswith("Failed to query the number of GPUs: GPU is lost")


def test_words_that_do_not_fit(node: SmiNode) -> None:
    wrong = "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n\n"
    for words in (
        ("-L", "-q"),
        ("-i",),
        ("-x",),
        ("--colour",),
        ("-pm", "2"),
        ("-d", "NOISE", "-q"),
        ("-L", "-L"),
    ):
        assert node.smi(*words, status=2) == wrong, words
    assert "has no 'topo'" in node.smi("topo", "-m", status=255)
    assert "nvidia-smi mig -h" in node.smi("-h") and "-lcip" in node.smi("mig", "-h")


def test_a_report_in_a_file(node: SmiNode, tmp_path: Path) -> None:
    target = tmp_path / "report"
    assert node.smi("-q", "-x", "-f", str(target)) == ""
    assert target.read_text(encoding="utf-8").startswith('<?xml version="1.0" ?>')
