# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading and unloading at run time on a booted node, by the real names of the commands."""

from __future__ import annotations

from typing import Iterator, List

import pytest
from bootednode import DRIVER, Booted, booted_node

STACK = "nvidia_uvm nvidia_drm nvidia_modeset nvidia"
PARAMS = "/proc/driver/nvidia/params"
HOLD = "python3 -c 'import os, time; os.open(\"/dev/{0}\", os.O_PATH); time.sleep(60)' >&- 2>&- & echo $!"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with booted_node(tmp_path_factory.mktemp("modules"), "t4*2,b200-180gb") as node:
        node.role(**DRIVER)
        yield node


@pytest.fixture
def node(machine: Booted) -> Iterator[Booted]:
    """The node with nothing but nvidia loaded, and without configuration of its own afterwards."""
    machine.shell("modprobe -r {0}; modprobe nvidia".format(STACK))
    yield machine
    machine.shell("rm -f /etc/modprobe.d/test.conf /etc/modules-load.d/test.conf; modprobe nvidia")


def used_by(node: Booted) -> List[List[str]]:
    """Name, count and users of each module that lsmod lists, oldest first."""
    lines = [line.split() for line in node.shell("lsmod").splitlines()]
    assert lines[0] == ["Module", "Size", "Used", "by"]
    return [[words[0], *words[2:]] for words in reversed(lines[1:])]


def test_a_boot_loads_the_stack_and_everybody_sees_it(machine: Booted) -> None:
    machine.reboot()
    assert used_by(machine) == [
        ["nvidia", "2", "nvidia_modeset,nvidia_uvm"],
        ["nvidia_modeset", "1", "nvidia_drm"],
        ["nvidia_drm", "0"],
        ["nvidia_uvm", "0"],
    ]
    assert machine.shell("cat /sys/module/nvidia/refcnt; ls /sys/module/nvidia/holders").split() == [
        "2",
        "nvidia_modeset",
        "nvidia_uvm",
    ]
    assert machine.shell("runuser -u admin -- lsmod").count("nvidia") == 7


def test_the_real_kmod_stays_the_package_s_and_answers(machine: Booted) -> None:
    assert machine.shell("modinfo -F version nvidia") == "580.95.05"
    assert machine.shell("modprobe --version").startswith("kmod version")
    assert "kmod" in machine.shell("dpkg-divert --list | grep gpu-simulator")
    assert machine.shell("dpkg --verify kmod; echo $?") == "0"
    assert "Module nosuch not found in directory" in machine.refused("modprobe nosuch")
    assert machine.refused("modprobe -q nosuch") == ""
    assert "Module nosuch is not currently loaded" in machine.refused("rmmod nosuch")


def test_a_stack_is_unloaded_from_the_top(node: Booted) -> None:
    node.shell("modprobe -a nvidia-drm nvidia-uvm")
    assert (
        node.refused("rmmod nvidia") == "rmmod: ERROR: Module nvidia is in use by: nvidia_modeset nvidia_uvm"
    )
    assert node.refused("modprobe -r nvidia") == "modprobe: FATAL: Module nvidia is in use."
    node.shell("modprobe -r " + STACK)
    assert used_by(node) == []
    assert node.shell("ls -d /dev/nvidia* /proc/driver/nvidia /sys/module/nvidia* 2>&1 >&- | wc -l") == "3"
    assert [gpu["kernel_driver"] for gpu in node.status()["gpus"]] == [None] * 3
    assert node.shell("modprobe -r nvidia; echo $?") == "0"
    assert node.refused("rmmod nvidia") == "rmmod: ERROR: Module nvidia is not currently loaded"


def test_what_nobody_needs_any_more_goes_as_well(node: Booted) -> None:
    node.shell("modprobe nvidia-drm")
    assert node.shell("modprobe -v -r nvidia_drm").splitlines() == [
        "rmmod nvidia_drm",
        "rmmod nvidia_modeset",
        "rmmod nvidia",
    ]
    node.shell("modprobe nvidia-uvm")
    assert used_by(node) == [["nvidia", "1", "nvidia_uvm"], ["nvidia_uvm", "0"]]
    assert "/dev/nvidia-uvm" in node.shell("ls /dev/nvidia-uvm")
    node.shell("rmmod nvidia_uvm nvidia")
    assert used_by(node) == []


@pytest.mark.parametrize("device, module", [("nvidia0", "nvidia"), ("nvidia-uvm", "nvidia_uvm")])
def test_an_open_device_file_keeps_its_module(node: Booted, device: str, module: str) -> None:
    node.shell("modprobe nvidia-uvm")
    pid = node.shell(HOLD.format(device) + " ; sleep 1")
    assert node.refused("modprobe -r " + module).startswith("modprobe: FATAL: Module {0} is".format(module))
    assert "Module {0} is in use".format(module) in node.refused("rmmod " + module)
    assert int(node.shell("cat /sys/module/{0}/refcnt".format(module))) > 0
    node.shell("kill {0}; sleep 0.2; modprobe -r nvidia_uvm nvidia".format(pid))
    assert used_by(node) == []


def test_gpu_processes_and_persistence_mode_keep_modules(node: Booted) -> None:
    node.shell("modprobe nvidia-uvm")
    pid = node.shell("sleep 60 >&- 2>&- & echo $!")
    node.shell("gpu-simulator process add 0 --pid " + pid)
    assert node.refused("rmmod nvidia_uvm") == "rmmod: ERROR: Module nvidia_uvm is in use"
    node.shell("kill {0}; sleep 0.2; rmmod nvidia_uvm".format(pid))
    node.shell("gpu-simulator set 1 persistence_mode 1")
    assert node.refused("rmmod nvidia") == "rmmod: ERROR: Module nvidia is in use"
    node.shell("gpu-simulator set 1 persistence_mode 0 && rmmod nvidia")


@pytest.mark.parametrize("daemon", ["nvidia-persistenced", "nv-fabricmanager"])
def test_daemons_keep_the_module_as_long_as_they_run(node: Booted, daemon: str) -> None:
    node.shell("cp /bin/sleep /usr/bin/" + daemon)
    pid = node.shell("/usr/bin/{0} 60 >&- 2>&- & echo $!".format(daemon))
    assert node.refused("modprobe -r nvidia") == "modprobe: FATAL: Module nvidia is in use."
    node.shell("kill {0}; rm /usr/bin/{1}; sleep 0.2; modprobe -r nvidia".format(pid, daemon))


def test_a_blacklist_hides_aliases_only(node: Booted) -> None:
    """modprobe.d(5), blacklist; -b is how udev calls modprobe."""
    node.shell("rmmod nvidia; echo 'blacklist nvidia' > /etc/modprobe.d/test.conf")
    alias = node.shell("cat /sys/bus/pci/devices/0000:07:00.0/modalias")
    node.shell("modprobe -b " + alias)
    assert used_by(node) == []
    node.shell("modprobe nvidia")
    assert used_by(node) == [["nvidia", "0"]]
    node.reboot()
    assert used_by(node) == []
    node.shell("rm /etc/modprobe.d/test.conf; modprobe -b " + alias)
    assert used_by(node) == [["nvidia", "0"]]


def test_install_and_remove_lines_hold(node: Booted) -> None:
    node.shell("rmmod nvidia")
    node.put("/etc/modprobe.d/test.conf", b"install nvidia /bin/false\n")
    assert "Error running install command '/bin/false'" in node.refused("modprobe nvidia")
    node.shell("modprobe --ignore-install nvidia && rmmod nvidia")
    lines = "install nvidia modprobe -i nvidia $CMDLINE_OPTS NVreg_EnableMSI=0\n"
    lines += "remove nvidia modprobe -r -i nvidia_uvm nvidia\n"
    node.put("/etc/modprobe.d/test.conf", lines.encode("ascii"))
    node.shell("modprobe nvidia NVreg_MemoryPoolSize=7 && modprobe nvidia_uvm")
    assert node.shell("grep -E '^(EnableMSI|MemoryPoolSize): ' " + PARAMS).split() == [
        *("EnableMSI:", "0"),
        *("MemoryPoolSize:", "7"),
    ]
    node.shell("modprobe -r nvidia")
    assert used_by(node) == []


def test_options_are_in_effect_and_unknown_ones_are_named(node: Booted) -> None:
    node.shell("rmmod nvidia")
    node.put("/etc/modprobe.d/test.conf", b"options nvidia NVreg_DeviceFileMode=0660 NVreg_Nosuch=1\n")
    node.shell("modprobe nvidia NVreg_OpenRmEnableUnsupportedGpus=0x0")
    shown = dict(line.split(": ") for line in node.shell("cat " + PARAMS).splitlines())
    assert (shown["DeviceFileMode"], shown["OpenRmEnableUnsupportedGpus"]) == ("432", "0")
    assert shown["ImexChannelCount"] == "2048" and shown["CoherentGPUMemoryMode"] == '""'
    assert node.shell("stat -c %a /dev/nvidia0") == "660"
    assert "nvidia: unknown parameter 'NVreg_Nosuch' ignored" in node.log()
    node.shell("rmmod nvidia")
    assert (
        node.refused("modprobe nvidia NVreg_EnableMSI=yes")
        == "modprobe: ERROR: could not insert 'nvidia': Invalid argument"
    )
    assert "`yes' invalid for parameter `NVreg_EnableMSI'" in node.log()


def test_a_companion_of_another_version_is_turned_away(node: Booted) -> None:
    """What an upgrade leaves: the old nvidia loaded, new files on disk."""
    node.role(gpu_simulator_driver_version="580.105.08")
    node.shell("gpu-simulator unload; gpu-simulator boot; rmmod nvidia_uvm")
    node.shell("make -C /usr/src/gpu-simulator/driver install VERSION=580.95.05 FLAVOUR=open")
    assert (
        node.refused("modprobe nvidia_uvm")
        == "modprobe: ERROR: could not insert 'nvidia_uvm': Invalid argument"
    )
    node.shell("modprobe -r nvidia_drm nvidia; modprobe nvidia_uvm")
    assert node.shell("cat /sys/module/nvidia_uvm/version") == "580.95.05"


def test_insmod_takes_a_file_and_no_dependencies(node: Booted) -> None:
    node.shell("rmmod nvidia")
    top = node.shell("dirname $(modinfo -n nvidia)")
    assert "Unknown symbol in module" in node.refused("insmod {0}/nvidia-uvm.ko".format(top))
    node.shell("insmod {0}/nvidia.ko NVreg_EnableMSI=0 && insmod {0}/nvidia-uvm.ko".format(top))
    assert used_by(node) == [["nvidia", "1", "nvidia_uvm"], ["nvidia_uvm", "0"]]
    assert "File exists" in node.refused("insmod {0}/nvidia.ko".format(top))


def test_other_users_are_turned_away(node: Booted) -> None:
    assert node.call("runuser -u admin -- /sbin/rmmod nvidia").status == 1
    assert used_by(node) == [["nvidia", "0"]]


def test_an_nvlink5_fabric_needs_its_subnet_manager(node: Booted) -> None:
    start = "gpu-simulator fabric start --version 580.95.05"
    assert "modprobe ib_umad" in node.refused(start)
    node.put("/etc/modules-load.d/test.conf", b"ib_umad\n")
    node.reboot()
    assert ["ib_umad", "0"] in used_by(node)
    assert "install the package nvlsm" in node.refused(start)
    node.shell("mkdir -p /opt/nvidia/nvlsm/sbin && cp /bin/sleep /opt/nvidia/nvlsm/sbin/nvlsm")
    assert "does not run" in node.refused(start)
    pid = node.shell("/opt/nvidia/nvlsm/sbin/nvlsm 60 >&- 2>&- & echo $!")
    assert node.refused("modprobe -r ib_umad") == "modprobe: FATAL: Module ib_umad is in use."
    node.shell(start)
    assert node.shell("gpu-simulator get 2 fabric_state") == "3"
    node.shell("kill {0}; sleep 0.2; modprobe -r ib_umad; rm -r /opt/nvidia".format(pid))
    node.shell("modprobe ib_umad && test -e /sys/module/ib_umad && modprobe -r ib_umad")
