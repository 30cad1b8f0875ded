# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG over the life of a node: what the program gpu-simulator and the library make of it together."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import mig
import pytest
from expect import IN_USE
from machine import Machine

# A100 at 07:00.0, H100 at 0d:00.0.
BOARDS = "a100-sxm4-40gb\nh100-sxm5-80gb\n"
DIVIDE = """
nvmlInit()
answer = []
for index in range(2):
    device = nvmlDeviceGetHandleByIndex(index)
    answer.append(nvmlDeviceSetMigMode(device, 1))
    instance = nvmlDeviceCreateGpuInstance(device, 9)
    nvmlGpuInstanceCreateComputeInstance(instance, 2)
"""
LOOK = """
nvmlInit()
answer = []
for index in range(2):
    device = nvmlDeviceGetHandleByIndex(index)
    left = nvmlDeviceGetGpuInstanceRemainingCapacity(device, 9)
    answer.append([nvmlDeviceGetMigMode(device), left])
"""


@pytest.fixture()
def machine(library: Path, scratch: Path) -> Machine:
    """Nothing is divided."""
    return Machine(scratch, library, BOARDS)


def test_a_reboot_ends_instances_and_from_hopper_on_the_mode(machine: Machine) -> None:
    assert machine.client(LOOK) == [[[0, 0], 2], [[0, 0], 2]]
    assert machine.client(DIVIDE) == [0, 0]
    assert machine.client(LOOK) == [[[1, 1], 1], [[1, 1], 1]]
    machine.run("boot")
    assert machine.client(LOOK) == [[[1, 1], 2], [[0, 0], 2]]


def test_so_does_a_driver_that_is_loaded_again(machine: Machine) -> None:
    machine.client(DIVIDE)
    machine.run("unload")
    machine.run("load")
    assert machine.client(LOOK) == [[[1, 1], 2], [[0, 0], 2]]


def test_a_reset_ends_instances_and_keeps_the_mode(machine: Machine) -> None:
    machine.client(DIVIDE)
    machine.run("reset", "all")
    assert machine.client(LOOK) == [[[1, 1], 2], [[1, 1], 2]]


def test_a_pending_mode_waits_for_the_reset(machine: Machine) -> None:
    machine.run("process", "add", "0", "--pid", str(os.getpid()))
    mode = "nvmlInit(); answer = nvmlDeviceSetMigMode(nvmlDeviceGetHandleByIndex(0), 1)"
    assert machine.client(mode) == IN_USE
    assert machine.client(LOOK)[0] == [[0, 1], 2]
    refused = machine.call("reset", "0")
    assert refused.returncode == 1 and f"in use by process {os.getpid()}" in refused.stderr
    machine.run("process", "remove", "0", "--pid", str(os.getpid()))
    machine.run("reset", "0")
    assert machine.client(LOOK)[0] == [[1, 1], 2]


def test_the_module_for_screens_holds_all_gpus_with_modeset(machine: Machine) -> None:
    """github NVIDIA/mig-parted#181."""
    parameter = machine.state / "sys/module/nvidia_drm/parameters/modeset"
    parameter.parent.mkdir(parents=True)
    mode = "nvmlInit(); answer = nvmlDeviceSetMigMode(nvmlDeviceGetHandleByIndex(%d), 1)"
    parameter.write_text("Y\n", encoding="ascii")
    assert [machine.client(mode % gpu) for gpu in (0, 1)] == [IN_USE] * 2
    assert [look[0] for look in machine.client(LOOK)] == [[0, 1], [0, 0]], "before Hopper it is pending"
    parameter.write_text("N\n", encoding="ascii")
    assert [machine.client(mode % gpu) for gpu in (0, 1)] == [0] * 2
    assert [look[0] for look in machine.client(LOOK)] == [[1, 1], [1, 1]]


def test_a_process_on_a_part(machine: Machine) -> None:
    machine.client(DIVIDE)
    with mig.sleeper() as pid:
        add = ["process", "add", "0", "--pid", str(pid), "--memory", "10", "--instance"]
        assert "no compute instance 0 in a GPU instance 9" in machine.call(*add, "9", "0").stderr
        machine.run(*add, "1", "0")
        seen = """
nvmlInit()
part = nvmlDeviceGetMigDeviceHandleByIndex(nvmlDeviceGetHandleByIndex(0), 0)
answer = [process.pid for process in nvmlDeviceGetComputeRunningProcesses(part)]
"""
        assert machine.client(seen) == [pid]


def test_capabilities_of_the_driver_and_of_instances(machine: Machine) -> None:
    proc, dev = machine.state / "proc/driver", machine.root / "dev"
    minors = dict(
        line.split() for line in (proc / "nvidia-caps/mig-minors").read_text(encoding="ascii").splitlines()
    )
    # Public capture, driver 580.126.09; and the second GPU's numbers follow on the first one's.
    assert (minors["config"], minors["monitor"], minors["gpu0/gi2/access"]) == ("1", "2", "21")
    assert (minors["gpu0/gi3/access"], minors["gpu0/gi3/ci0/access"]) == ("30", "31")
    assert minors["gpu0/gi9/access"] == "84" and minors["gpu1/gi0/access"] == "138"
    modes = [(dev / f"nvidia-caps/nvidia-cap{minor}").stat().st_mode & 0o777 for minor in (1, 2)]
    assert modes == [0o400, 0o444]
    top = proc / "nvidia/capabilities"
    # An H100 80GB HBM3 with driver 580.159.04, MIG off, asked 2026-11-22.
    assert {path.name for path in top.iterdir()} == {"mig", "gpu0", "gpu1", "fabric-imex-mgmt"}
    assert list((top / "gpu0").iterdir()) == [top / "gpu0/mig"] and not list((top / "gpu0/mig").iterdir())
    assert (top / "fabric-imex-mgmt").read_text(encoding="ascii").startswith("DeviceFileMinor: 4323\n")
    machine.client(DIVIDE)
    shown = {str(path.relative_to(top)): path.read_text(encoding="ascii") for path in top.rglob("access")}
    assert set(shown) == {
        f"{instance}/{access}"
        for instance in ("gpu0/mig/gi1", "gpu1/mig/gi2")
        for access in ("access", "ci0/access")
    }
    for name, text in shown.items():
        minor = minors[name.replace("/mig/", "/")]
        assert text.splitlines()[0] == f"DeviceFileMinor: {minor}"
        # As the driver's own: a plain file where the container makes no others.
        first, file = ((dev / f"nvidia-caps/nvidia-cap{number}").stat() for number in (1, minor))
        assert stat.S_IMODE(file.st_mode) == 0o444 and stat.S_IFMT(file.st_mode) == stat.S_IFMT(first.st_mode)
        if stat.S_ISCHR(file.st_mode):
            assert (os.major(file.st_rdev), os.minor(file.st_rdev)) == (os.major(first.st_rdev), int(minor))
    machine.run("reset", "all")
    assert list(top.rglob("access")) == [] and (top / "gpu1/mig").is_dir()
    machine.run("unload")
    assert not (proc / "nvidia-caps").exists() and not list(dev.glob("nvidia*"))
