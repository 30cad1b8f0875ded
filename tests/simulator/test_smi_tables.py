# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi without a command, -L and --version, beside captures of the real one."""

from __future__ import annotations

import os
import re
from pathlib import Path

from smi_node import SmiNode, sample


def _masked(text: str) -> str:
    """Amounts of memory, which are right-aligned, and error counts as signs of the same width."""
    text = re.sub(r" *\d+MiB", lambda found: "#" * len(found.group()), text)
    return re.sub(r" +(?:\d+|N/A) \|(?=  \d   \d)", lambda found: "#" * len(found.group()), text)


def test_the_table_of_a_whole_gpu_is_the_capture(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "510.47.03", "a100-sxm4-40gb")
    node.set(0, name="NVIDIA A100-PCIE-40GB", pci_bus_id="0000:0f:00.0", persistence_mode=1)
    node.set(0, temperature_c=44, power_mw=41200, power_limit_mw=250000, utilization_gpu=0)
    shown, captured = node.smi().splitlines(), sample("table_a100_510").splitlines()
    assert re.match(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} {7}$", shown[0])
    assert [line.rstrip() for line in shown[1:]] == [line.rstrip() for line in captured[1:]]


def test_the_table_of_a_divided_gpu_has_the_form_of_the_capture(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "580.126.09", "a100-sxm4-40gb")
    node.set(0, pci_bus_id="0000:10:1c.0", persistence_mode=1, temperature_c=40, power_mw=43100)
    node.smi("-mig", "1")
    node.smi("mig", "-cgi", "5,14,19")
    node.smi("mig", "-gi", "2,9", "-cci")
    node.smi("mig", "-gi", "3", "-cci", "0,0")
    shown, captured = node.smi().splitlines(), sample("table_a100_mig_580").splitlines()
    # There is no libcuda to tell a CUDA version.
    shown[2] = shown[2].replace("N/A ", "13.0")
    assert [_masked(line) for line in shown[1:]] == [_masked(line) for line in captured[1:]]

    listed, captured = node.smi("-L").splitlines(), sample("L_mig_a100").splitlines()
    hide = re.compile(r"(GPU|MIG)-[-0-9a-f]{36}")
    assert [hide.sub("UUID", line) for line in listed] == [hide.sub("UUID", line) for line in captured]


def test_the_head_of_610(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "610.43.02", "l40s")
    shown = [line.replace("Version: N/A ", "Version: 13.3") for line in node.smi().splitlines()]
    assert shown[1:8] == sample("banner_r610").splitlines()
    assert node.smi("--version").splitlines() == [
        "NVIDIA-SMI version  : 610.43.02",
        "NVML version        : 610.43",
        'DRIVER version      : Deprecated, see "KMD version" instead',
        'CUDA version        : Deprecated, see "CUDA UMD version" instead',
        "KMD version         : 610.43.02",
        "CUDA UMD version    : N/A",
    ]


def test_processes_and_long_names_stay_in_their_columns(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "580.126.09", "h100-sxm5-80gb")
    node.set(0, name="NVIDIA RTX PRO 6000 Blackwell Server Edition")
    node.simulator.run("process", "add", "0", "--pid", str(os.getpid()), "--memory", "2048")
    lines = node.smi().splitlines()
    assert {len(line) for line in lines[1:]} == {0, 91}
    assert "|   0  NVIDIA RTX PRO 6000 Blac...    Off |" in lines[8]
    (row,) = [line for line in lines if " C   " in line]
    assert re.match(r"\|    0   N/A  N/A {1,15}\d+      C   .{32} +2048MiB \|$", row)
    shown = node.smi("--query-compute-apps=pid,used_memory,gpu_uuid", "--format=csv").splitlines()
    assert shown == [
        "pid, used_gpu_memory [MiB], gpu_uuid",
        "{0}, 2048 MiB, {1}".format(os.getpid(), node.value("uuid")),
    ]
    assert "        Process ID                        : {0}\n".format(os.getpid()) in node.smi(
        "-q", "-d", "PIDS"
    )


def test_what_users_may_not_see(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "580.126.09", "a100-sxm4-40gb")
    node.smi("-mig", "1")
    row = node.smi(user=True).splitlines()[9]
    assert row[42:68] == "|                  N/A   |"
