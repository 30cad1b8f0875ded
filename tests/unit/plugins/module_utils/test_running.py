# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a GPU open, seen in /proc."""

from __future__ import annotations

import os
import pwd
from typing import Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _command
from ansible_collections.labfleet.gpu.plugins.module_utils._clients_seen import kernel_users, users
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._running import (
    gpu_clients,
    holders,
    service_of,
    what_holds,
)
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

ME = pwd.getpwuid(os.getuid()).pw_name


def process(tree: Tree, pid: int, comm: str, *targets: str) -> None:
    tree.write("/proc/%d/comm" % pid, comm + "\n")
    tree.path("/proc/%d/fd" % pid).mkdir()
    for number, target in enumerate(targets):
        tree.link("/proc/%d/fd/%d" % (pid, number), target)


@pytest.mark.parametrize("device", ["/dev/nvidia0", "/dev/nvidia15", "/dev/nvidia-uvm"])
def test_who_has_a_device_open(tree: Tree, device: str) -> None:
    process(tree, 4711, "python3", "/dev/null", device)
    process(tree, 4712, "bash", "/dev/pts/0")
    tree.write("/proc/self-made/comm", "x")
    assert [str(client) for client in gpu_clients(tree.files)] == ["4711 (%s, python3)" % ME]


@pytest.mark.parametrize("device", ["/dev/nvidiactl", "/dev/nvidia-modeset", "/tmp/nvidia0", "/dev/nvidia0x"])
def test_who_has_something_else_open(tree: Tree, device: str) -> None:
    process(tree, 4711, "python3", device)
    assert gpu_clients(tree.files) == ()


@pytest.mark.parametrize(
    "comm", ["nvidia-persiste", "nv-fabricmanage", "nvidia-powerd", "nv-hostengine", "dcgm-exporter"]
)
def test_daemons_are_nobodys_work(tree: Tree, comm: str) -> None:
    """Neither before a reboot nor for a change of a GPU."""
    process(tree, 100, comm, "/dev/nvidia0")
    grouped(tree, 1, "/init.scope")
    grouped(tree, 100, "/system.slice/%s.service" % comm)
    assert gpu_clients(tree.files) == ()
    (user,) = users(tree.files, [], kernel_users(tree.files)[0])
    assert user.daemon and not user.computes


POD_UID = "0a1b2c3d-0000-1111-2222-333344445555"
CONTAINER_ID = "0123456789ab" + 52 * "c"


@pytest.mark.parametrize("root", ["", "/machine.slice/node1/payload"])
@pytest.mark.parametrize(
    "group, inside",
    [
        ("/system.slice/docker-%s.scope" % CONTAINER_ID, "container 0123456789ab"),
        ("/docker/" + CONTAINER_ID, "container 0123456789ab"),
        ("/machine.slice/libpod-%s.scope/container" % CONTAINER_ID, "container 0123456789ab"),
        ("/kubepods.slice/kubepods-pod%s.slice/x.scope" % POD_UID.replace("-", "_"), "pod " + POD_UID),
        ("/kubepods/besteffort/pod%s/%s" % (POD_UID, CONTAINER_ID), "pod " + POD_UID),
        ("/kubepods.slice/other", "a pod"),
        ("/user.slice/user-1000.slice/session-3.scope", ""),
        ("/", ""),
    ],
)
def test_a_daemon_that_no_service_brings_back_is_work(tree: Tree, group: str, inside: str, root: str) -> None:
    """But for those that stay in any case. None of them makes a context for all that."""
    grouped(tree, 1, root + "/init.scope")
    for pid, comm in ((100, "dcgm-exporter"), (101, "nv-hostengine"), (102, "nvidia-persiste")):
        process(tree, pid, comm, "/dev/nvidia0")
        grouped(tree, pid, root + group)
    found = users(tree.files, [], kernel_users(tree.files)[0])
    assert [user.daemon for user in found] == [False, False, True]
    assert not any(user.computes for user in found)
    assert str(found[0]) == "100 (%s, dcgm-exporter)%s" % (ME, " in " + inside if inside else "")


def test_no_processes(tree: Tree) -> None:
    assert gpu_clients(tree.files) == ()


def test_a_process_that_ends_meanwhile(tree: Tree) -> None:
    tree.link("/proc/4711/fd/3", "/dev/nvidia0")
    assert gpu_clients(tree.files) == ()


# what holds the kernel modules

GROUPS_1 = "9:name=systemd:%s\n4:memory:/other\n0::/\n"
GROUPS_2 = "0::%s\n"


def grouped(tree: Tree, pid: int, group: str, groups: str = GROUPS_2) -> None:
    tree.write("/proc/%d/cgroup" % pid, groups % group)


@pytest.mark.parametrize("groups", [GROUPS_1, GROUPS_2], ids=["version 1", "version 2"])
@pytest.mark.parametrize("root", ["", "/machine.slice/node1/payload"])
@pytest.mark.parametrize(
    "group, unit",
    [
        ("/system.slice/nvidia-persistenced.service", "nvidia-persistenced.service"),
        ("/system.slice/system-trainer.slice/trainer@1.service", "trainer@1.service"),
        ("/gpu.slice/trainer.service", "trainer.service"),
        ("/system.slice/docker-0123456789ab.scope", None),
        ("/system.slice/docker.service/docker/0123456789ab", None),
        ("/system.slice/slurmstepd.scope/job_1/step_0/user/task_0", None),
        ("/user.slice/user-1000.slice/session-3.scope", None),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/jupyter.service", None),
        ("/user.slice/user-1000.slice/user@1000.service", None),
        ("/kubepods.slice/kubepods-pod1.slice/cri-containerd-ab.scope", None),
        ("/docker/0123456789ab", None),
        ("/system.slice/run-r1.service", None),
        ("/", None),
    ],
)
def test_the_service_of_a_process(
    tree: Tree, group: str, unit: Optional[str], root: str, groups: str
) -> None:
    tree.write("/run/systemd/transient/run-r1.service")
    grouped(tree, 1, root + "/init.scope", groups)
    grouped(tree, 4711, root + group, groups)
    assert service_of(tree.files, 4711) == unit


def test_a_process_outside_of_this_system_has_no_service(tree: Tree) -> None:
    grouped(tree, 1, "/machine.slice/node1/payload/init.scope")
    grouped(tree, 4711, "/system.slice/host.service")
    assert service_of(tree.files, 4711) is None
    assert service_of(tree.files, 4712) is None


@pytest.mark.parametrize(
    "device",
    ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-modeset", "/dev/nvidia-caps/nvidia-cap1", "/dev/gdrdrv"],
)
def test_who_keeps_the_modules_in_use(tree: Tree, device: str) -> None:
    process(tree, 100, "nvidia-persiste", device)
    grouped(tree, 100, "/system.slice/nvidia-persistenced.service")
    process(tree, 101, "python3", device)
    process(tree, 102, "bash", "/dev/pts/0")
    assert {client.pid: unit for client, unit in holders(tree.files).items()} == {
        100: "nvidia-persistenced.service",
        101: None,
    }


def test_the_drivers_own_daemons_keep_them_in_use_by_nature(tree: Tree) -> None:
    process(tree, 100, "nv-fabricmanage")
    process(tree, 101, "nv-hostengine")
    process(tree, 102, "sshd")
    assert [client.pid for client in holders(tree.files)] == [100, 101]


def test_a_screen_of_the_driver_and_one_of_another(tree: Tree) -> None:
    tree.write("/sys/bus/pci/drivers/nvidia/0000:07:00.0/drm/card0/dev", "226:0\n")
    tree.write("/sys/bus/pci/drivers/ast/0000:02:00.0/drm/card1/dev", "226:1\n")
    process(tree, 100, "Xorg", "/dev/dri/card0")
    process(tree, 101, "Xorg", "/dev/dri/card1")
    assert [client.pid for client in holders(tree.files)] == [100]


def test_the_service_that_we_run_in_is_not_one_to_be_stopped(tree: Tree) -> None:
    grouped(tree, os.getpid(), "/system.slice/ansible-pull.service")
    process(tree, 100, "python3", "/dev/nvidia0")
    grouped(tree, 100, "/system.slice/ansible-pull.service")
    assert list(holders(tree.files).values()) == [None]


SYSTEMCTL = """#!/bin/sh
case "$1 $*" in
show*persistenced*) echo RequiredBy=multi-user.target dcgm.service; echo ConsistsOf=idle.service;;
show*dcgm*) echo RequiredBy=exporter.service; echo BoundBy=dcgm.service; echo ConsistsOf=;;
is-active*idle*) exit 3;;
esac
"""


def test_services_that_would_be_stopped_with_them(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write("/bin/systemctl", SYSTEMCTL).chmod(0o755)
    monkeypatch.setitem(_command.ENVIRONMENT, "PATH", "%s:/usr/bin:/bin" % tree.path("/bin"))
    process(tree, 100, "nvidia-persiste", "/dev/nvidia0")
    grouped(tree, 100, "/system.slice/nvidia-persistenced.service")
    process(tree, 4711, "python3", "/dev/nvidia-uvm")
    tree.write("/sys/module/nvidia/holders/nvidia_uvm")
    tree.write("/sys/module/nvidia/holders/lustre_gds")
    with module() as ansible_module:
        found = what_holds(Commands(ansible_module), tree.files)
    assert found.units == ("nvidia-persistenced.service", "dcgm.service", "exporter.service")
    assert [client.pid for client in found.loose] == [4711]
    assert found.modules == ("lustre_gds",)
