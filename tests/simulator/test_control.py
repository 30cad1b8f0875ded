# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting values, faults, processes and the fabric; and what is refused."""

from __future__ import annotations

import shutil
import subprocess
from typing import Callable, Iterator, List

import pytest
from simnode import Node


@pytest.fixture
def running(node: Node) -> Node:
    node.module("580.95.05", "open")
    node.boot("h100-sxm5-80gb*2", "t4")
    return node


@pytest.fixture
def client() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "60"])
    yield process.pid
    process.kill()
    process.wait()


def test_values_go_where_the_library_writes_them(running: Node) -> None:
    running.run("set", "1", "power_mw", "123456")
    running.run("set", "1", "serial", "42")
    assert (running.state / "gpus/1/power_mw").read_text(encoding="utf-8") == "123456\n"
    assert (running.hardware / "gpus/1/serial").read_text(encoding="utf-8") == "42\n"


def test_a_gpu_is_named_by_number_address_uuid_or_all(running: Node) -> None:
    uuid = running.status()["gpus"][1]["uuid"]
    for name, value in (("1", "50"), ("0000:0d:00.0", "51"), (uuid, "52")):
        running.run("set", name, "temperature_c", value)
        assert running.value(1, "temperature_c") == value
    running.run("set", "all", "temperature_c", "60")
    assert {running.value(gpu, "temperature_c") for gpu in range(3)} == {"60"}


def test_unset_takes_an_attribute_away(running: Node) -> None:
    running.run("unset", "0", "temperature_memory_c")
    assert "NOT_SUPPORTED" in running.refused("get", "0", "temperature_memory_c")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("set", "0", "memory_mb", "1"), "did you mean 'memory_mib'"),
        (("set", "0", "memory_mib", "much"), "'much' is no value for 'memory_mib', which takes a number"),
        (("set", "0", "persistence_mode", "2"), "takes a switch"),
        (("set", "0", "uuid", "GPU-1"), "comes with the slot"),
        (("set", "3", "temperature_c", "1"), "no GPU '3' in the chassis of 3"),
        (("fault", "nvmlInit_v2", "explode"), "is no fault"),
        (("fault", "nvmlInit_v2"), "is no fault"),
        (("fault", "Init", "crash"), "no NVML function"),
        (("process", "add", "0", "--pid", "4194305"), "no process 4194305"),
        (("process", "add", "0", "--pid", "1", "--type", "X"), "no process type"),
        (("process", "remove", "0", "--pid", "1"), "no process 1"),
        (("fabric", "start", "--version", "570.133.20"), "exactly that version"),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(running: Node, arguments: tuple, says: str) -> None:
    assert says in running.refused(*arguments)


def test_driver_state_needs_a_driver(node: Node) -> None:
    node.boot("t4")
    assert "run 'gpu-simulator load' first" in node.refused("set", "0", "temperature_c", "50")
    node.run("set", "0", "ecc_aggregate_corrected_dram", "5")


@pytest.mark.parametrize(
    "words",
    [
        "return 15",
        "hang",
        "hang 30",
        "crash",
        "after 3 return 15",
        "after 1 times 2 hang 1 gpu 0",
        "crash gpu 1",
    ],
)
def test_faults_have_the_documented_form(running: Node, words: str) -> None:
    running.run("fault", "nvmlDeviceGetTemperature", *words.split())
    path = running.state / "faults/nvmlDeviceGetTemperature"
    assert path.read_text(encoding="utf-8") == words + "\n"
    running.run("fault", "nvmlDeviceGetTemperature", "--clear")
    assert not path.exists()


def test_processes_are_shown_while_they_live(running: Node, client: int) -> None:
    running.run("process", "add", "0", "--pid", str(client), "--memory", "1024", "--type", "C+G")
    assert running.status()["gpus"][0]["processes"] == {str(client): "C+G 1024"}
    running.run("process", "remove", "0", "--pid", str(client))
    assert running.status()["gpus"][0]["processes"] == {}


def test_fabric_completes_when_its_manager_starts(running: Node) -> None:
    assert running.value(0, "fabric_state") == "2"
    assert running.value(0, "nvlink_active_mask") == "0x3ffff"
    running.run("fabric", "start", "--version", "580.95.05")
    assert [running.value(gpu, "fabric_state") for gpu in (0, 1)] == ["3", "3"]
    assert "NOT_SUPPORTED" in running.refused("get", "2", "fabric_state")


@pytest.fixture
def nvlink5(node: Node) -> Node:
    node.module("580.95.05", "open")
    node.boot("b200-180gb*2")
    return node


@pytest.fixture
def nvlsm(node: Node) -> Iterator[Callable[[], None]]:
    """Start a program in the place of nvlsm."""
    path = node.root / "opt/nvidia/nvlsm/sbin/nvlsm"
    started: List["subprocess.Popen[bytes]"] = []

    def start() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/sleep", str(path))
        started.append(subprocess.Popen([str(path), "60"]))

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_an_nvlink5_fabric_needs_ib_umad_and_nvlsm(nvlink5: Node, nvlsm: Callable[[], None]) -> None:
    start = ("fabric", "start", "--version", "580.95.05")
    assert '"ib_umad" has not been loaded' in nvlink5.refused(*start)
    nvlink5.run("load", "ib_umad")
    assert "install the package nvlsm" in nvlink5.refused(*start)
    assert nvlink5.value(0, "fabric_state") == "2", "what is refused completes nothing"
    assert nvlink5.states() == ["running"] * 2, "all else looks healthy"
    nvlink5.write("opt/nvidia/nvlsm/sbin/nvlsm", "installed only")
    assert "does not run" in nvlink5.refused(*start)
    (nvlink5.root / "opt/nvidia/nvlsm/sbin/nvlsm").unlink()
    nvlsm()
    nvlink5.run(*start)
    assert [nvlink5.value(gpu, "fabric_state") for gpu in (0, 1)] == ["3", "3"]


@pytest.mark.parametrize(
    "files, loaded",
    [
        ({}, False),
        ({"etc/modules-load.d/fabric.conf": "# for Fabric Manager\nib-umad"}, True),
        ({"usr/lib/modules-load.d/fabric.conf": "ib_umad"}, True),
        ({"usr/lib/modules-load.d/fabric.conf": "ib_umad", "etc/modules-load.d/fabric.conf": ""}, False),
        ({"etc/modules-load.d/fabric.conf": "#ib_umad"}, False),
        (
            {"etc/modules-load.d/fabric.conf": "ib_umad", "etc/modprobe.d/no.conf": "blacklist ib_umad"},
            False,
        ),
    ],
)
def test_a_boot_loads_what_modules_load_names(
    nvlink5: Node, nvlsm: Callable[[], None], files: dict, loaded: bool
) -> None:
    nvlsm()
    nvlink5.run("load", "ib_umad")
    for path, text in files.items():
        nvlink5.write(path, text)
    nvlink5.boot()
    assert nvlink5.call("fabric", "start", "--version", "580.95.05").returncode == (0 if loaded else 1)


def test_any_user_may_count_calls_for_a_fault(running: Node) -> None:
    assert (running.state / "faults/calls").stat().st_mode & 0o7777 == 0o1777


def test_fabric_manager_has_nothing_to_do_without_switches(node: Node) -> None:
    node.module("580.95.05", "open")
    node.boot("l40s")
    assert "NV_WARN_NOTHING_TO_DO" in node.refused("fabric", "start", "--version", "580.95.05")


def test_status_table_names_every_gpu(running: Node) -> None:
    table = running.run("status")
    assert "580.95.05 (open)" in table
    for gpu in running.status()["gpus"]:
        assert gpu["uuid"] in table


def records(node: Node) -> List[str]:
    """The kernel log as /dev/kmsg has it, the numbers of its records checked."""
    lines = (node.state / "kmsg").read_text(encoding="utf-8").splitlines()
    assert [int(line.split(",")[1]) for line in lines] == list(range(len(lines)))
    times = [int(line.split(",")[2]) for line in lines]
    assert times == sorted(times) and times[0] == 0
    return [line.partition(";")[2] for line in lines]


def test_xids_are_in_the_kernel_log(running: Node) -> None:
    assert records(running)[0].startswith("Linux version ")
    running.run("xid", "1", "31", "pid=7, name=python3, Ch 0000000d, MMU Fault")
    running.run("xid", "0", "109")
    running.run("lose", "2")
    found = [line for line in records(running) if "Xid" in line]
    assert found == [
        "NVRM: Xid (PCI:0000:0d:00): 31, pid=7, name=python3, Ch 0000000d, MMU Fault",
        "NVRM: Xid (PCI:0000:07:00): 109, pid='<unknown>', name=<unknown>",
        "NVRM: Xid (PCI:0000:13:00): 79, GPU has fallen off the bus.",
    ]
    running.run("boot")
    assert not [line for line in records(running) if "Xid" in line], "a new start, a new log"
