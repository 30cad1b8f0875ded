# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes with GPU memory: what they belong to, who of them is left over, and their end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from typing import Iterator

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._check.apply import ACTIONS
from ansible_collections.labfleet.gpu.plugins.module_utils._check.node import Holder
from ansible_collections.labfleet.gpu.plugins.module_utils._check.plan import Ending, plan
from ansible_collections.labfleet.gpu.plugins.module_utils._check.row import FAILED, OK, SKIPPED, WARNED
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.tests.unit.support.check_node import CheckNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100 = "a100-sxm4-40gb"
V2 = "/system.slice/slurmstepd.scope/job_77/step_batch/user/task_0"
POD_ID = "7712555c-ce62-454a-9e18-9ff0217b8941"
PODMAN = "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-2cf7b0992492cfc7.scope/container"
POD = (
    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod%s.slice/" % POD_ID.replace("-", "_")
    + "cri-containerd-2cf7b0992492cfc7b4c473e2d022758ee09be9dd3761b3ee2d87598eec9a045a.scope"
)


@pytest.fixture
def alive() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that lives, and is reaped when it ends."""
    with subprocess.Popen(["sleep", "60"]) as process:
        threading.Thread(target=process.wait, daemon=True).start()
        yield process
        process.kill()


def held(gpus: CheckNode) -> Holder:
    """The one process on the GPUs."""
    (holder,) = gpus.state("leftovers").holders
    return holder


@pytest.fixture
def pid(gpus: CheckNode) -> Iterator[int]:
    """A process that lives on a node with one GPU."""
    gpus.add(A100)
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def test_nobody(gpus: CheckNode) -> None:
    gpus.add(A100)
    row = gpus.row("leftovers")
    assert (row.result, row.reason) == (OK, "no process uses a GPU")


def test_an_orphan_of_somebody_who_left(gpus: CheckNode, pid: int) -> None:
    gpus.process(pid)
    row = gpus.row("leftovers")
    assert row.result == WARNED and "end_leftovers: true" in row.next
    assert row.reason == (
        "left over with GPU memory: %d (root, python3, 3 h, 2048 MiB on GPU 0), "
        "because its parent is gone, and root is not logged in (nohup looks like this too)" % pid
    )
    assert held(gpus).job == "session:7"


@pytest.mark.parametrize(
    "group, job, kept",
    [
        (POD, "kubernetes:" + POD_ID, "it is in a pod"),
        ("/kubepods/besteffort/pod%s/2cf7b" % POD_ID, "kubernetes:" + POD_ID, "it is in a pod"),
        ("/system.slice/docker-2cf7b0992492cfc7b4c4.scope", "container:2cf7b0992492", "it is in a container"),
        ("/docker/2cf7b0992492cfc7b4c4", "container:2cf7b0992492", "it is in a container"),
        (PODMAN, "container:2cf7b0992492", "it is in a container"),
        ("/system.slice/jupyterhub.service", "unit:jupyterhub.service", "it is in jupyterhub.service"),
        ("/system.slice/run-u7.scope", "unit:run-u7.scope", "it is in run-u7.scope"),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/train.service",
            "unit:train.service",
            "it is in train.service",
        ),
    ],
)
def test_those_that_somebody_is_responsible_for(
    gpus: CheckNode, pid: int, group: str, job: str, kept: str
) -> None:
    gpus.process(pid, group=group)
    assert (held(gpus).job, held(gpus).kept) == (job, kept)
    assert gpus.row("leftovers").result == OK


@pytest.mark.parametrize(
    "group, title",
    [
        (V2, "slurmstepd: [77.batch]"),
        ("/slurm/uid_1000/job_77/step_0/task_0", "slurmstepd: [77.0]"),
        ("/slurm_node7/uid_1000/job_77/step_0/task_0", "slurmstepd: [77.extern]"),
        ("/system.slice/node7_slurmstepd.scope/job_77/step_0/user/task_0", "slurmstepd: [77.0]"),
    ],
)
def test_slurm(gpus: CheckNode, pid: int, group: str, title: str) -> None:
    gpus.process(pid, group=group, parent=500)
    gpus.other(500, "slurmstepd", group="/", title=title)
    gpus.other(400, "slurmstepd", group="/system.slice/slurmstepd.scope/system", title="slurmstepd\0infinity")
    assert (held(gpus).job, held(gpus).kept) == ("slurm:77", "its job lives")
    assert gpus.row("leftovers").result == OK
    gpus.other(500, "slurmstepd", group="/", title="slurmstepd: [78.batch]")
    row = gpus.row("leftovers")
    assert row.result == FAILED and row.reason.endswith("because its Slurm job 77 is over")
    gpus.other(500, "slurmstepd", group="/", title="")
    assert gpus.row("leftovers").result == OK, "whose that is cannot be told, so no job is taken for over"
    gpus.other(500, "slurmstepd", group=V2.replace("/user/task_0", "/slurm"), title="")
    assert gpus.row("leftovers").result == OK


def test_one_that_got_out_of_its_job(gpus: CheckNode, pid: int) -> None:
    gpus.process(pid, environment="A=1 SLURM_JOB_ID=77 B=2")
    assert gpus.row("leftovers").reason.endswith("because its Slurm job 77 is over")
    gpus.other(500, "slurmstepd", title="slurmstepd: [77.batch]")
    assert gpus.row("leftovers").result == OK
    gpus.tree.path("/proc/500/comm").unlink()
    gpus.process(pid, environment="SLURM_JOB_ID=77", parent=600)
    gpus.other(600, "bash")
    assert gpus.row("leftovers").result == OK, "a shell of salloc has the number of a job too"


def test_a_parent_that_lives(gpus: CheckNode, pid: int) -> None:
    gpus.process(pid, parent=600)
    gpus.other(600, "bash")
    assert gpus.row("leftovers").result == OK


def test_an_orphan_in_no_unit(gpus: CheckNode, pid: int) -> None:
    gpus.process(pid, group="/")
    assert gpus.row("leftovers").result == WARNED and not held(gpus).job
    gpus.tree.write("/proc/%d/cgroup" % pid, "4:devices:/x\n1:name=systemd:/system.slice/a.service\n0::/\n")
    assert held(gpus).kept == "it is in a.service", "what systemd manages counts"


def test_somebody_who_is_there(gpus: CheckNode, pid: int) -> None:
    gpus.process(pid)
    answers = gpus.machine.answers
    answers["loginctl show-user"] = (0, "7 9\n", "")
    answers["loginctl show-session 7 "] = (0, "State=closing\nClass=user\n", "")
    for state, kind, result in (
        ("active", "user", OK),
        ("online", "user", OK),
        ("closing", "user", WARNED),
        ("active", "manager", WARNED),
        ("active", "background", WARNED),
    ):
        answers["loginctl show-session 9 "] = (0, "State=%s\nClass=%s\n" % (state, kind), "")
        assert gpus.row("leftovers").result == result, (state, kind)
    answers["loginctl show-user"] = (0, "\n", "")
    assert gpus.row("leftovers").result == WARNED
    for kind in ("user", "background"):
        answers["loginctl show-session 7 "] = (0, "State=active\nClass=%s\n" % kind, "")
        assert gpus.row("leftovers").result == OK, "its own session, also one of cron or su"
    assert gpus.row("leftovers").result == OK, "somebody else's session that it became another user in"
    for command in ("show-user", "show-session 7 "):
        before = answers["loginctl " + command]
        answers["loginctl " + command] = (1, "", "Failed to connect to bus: No such file or directory")
        assert gpus.row("leftovers").result == OK, "what is not known is not held against it"
        answers["loginctl " + command] = before


def test_our_own_session_is_nobody_at_work(gpus: CheckNode, pid: int) -> None:
    gpus.process(pid)
    gpus.tree.write("/proc/%d/cgroup" % os.getpid(), "0::/user.slice/user-0.slice/session-9.scope\n")
    gpus.machine.answers["loginctl show-user"] = (0, "9\n", "")
    assert gpus.row("leftovers").result == WARNED
    assert not any("show-session 9" in line for line in gpus.machine.ran)


def test_the_young_are_spared(gpus: CheckNode, pid: int) -> None:
    gpus.process(pid, hours=0.1)
    assert gpus.row("leftovers").result == OK
    assert gpus.row("leftovers", leftover_minutes=5).result == WARNED


@pytest.mark.parametrize("command", ["nvidia-persiste", "nv-hostengine", "nvidia-cuda-mps"])
def test_daemons(gpus: CheckNode, pid: int, command: str) -> None:
    gpus.process(pid, command=command)
    assert gpus.row("leftovers").result == OK and held(gpus).job == "daemon"


def test_inside_a_container_its_own_group_means_nothing(gpus: CheckNode, pid: int) -> None:
    gpus.tree.write("/proc/1/cgroup", "0::/machine.slice/machine-node1.scope/init.scope\n")
    gpus.process(pid, group="/machine.slice/machine-node1.scope/user.slice/user-0.slice/session-3.scope")
    assert gpus.row("leftovers").result == WARNED
    gpus.process(pid, group="/machine.slice/machine-other.scope/user.slice/user-0.slice/session-3.scope")
    assert gpus.row("leftovers").result == OK


def test_on_several_gpus(gpus: CheckNode, pid: int) -> None:
    gpus.add(A100)
    gpus.process(pid)
    gpus.process(pid, gpu=1, memory=10)
    assert "2048 MiB on GPU 0, 10 MiB on GPU 1" in gpus.row("leftovers").reason


def test_nvml_that_does_not_answer(gpus: CheckNode) -> None:
    gpus.add(A100)
    gpus.fault("nvmlInit", "return 999")
    assert gpus.row("leftovers").result == SKIPPED


# Their end.


def real(gpus: CheckNode, process: "subprocess.Popen[bytes]") -> None:
    """Let the node's files of a process be the kernel's, but for what it belongs to."""
    pid = process.pid
    gpus.process(pid, environment="SLURM_JOB_ID=77", command="sleep")
    with open("/proc/uptime", encoding="ascii") as stream:
        uptime = float(stream.read().split()[0])
    gpus.tree.write("/proc/uptime", "%.2f 0\n" % (uptime + 7200))
    for name in ("comm", "stat"):
        gpus.tree.path("/proc/%d/%s" % (pid, name)).unlink()
    gpus.tree.link("/proc/%d/comm" % pid, "/proc/%d/comm" % pid)
    with open("/proc/%d/stat" % pid, encoding="ascii") as stream:
        before, _parent, after = stream.read().partition(" %d " % os.getpid())
    gpus.tree.write("/proc/%d/stat" % pid, before + " 1 " + after)


def ended(gpus: CheckNode, data: Ending) -> Context:
    context = Context(gpus.commands(), gpus.tree.files, [])
    ACTIONS["end-leftovers"](context, data)
    return context


def test_they_end_by_consent_alone(gpus: CheckNode, alive: "subprocess.Popen[bytes]") -> None:
    gpus.add(A100)
    real(gpus, alive)
    assert not plan(gpus.state("leftovers"), gpus.check_wish("leftovers")).steps
    wish = gpus.check_wish("leftovers", end_leftovers=True)
    (step,) = plan(gpus.state("leftovers"), wish).steps
    assert step.what == "end %d (root, sleep)" % alive.pid
    assert step.why == "%d: its Slurm job 77 is over" % alive.pid
    assert alive.poll() is None
    ended(gpus, step.data)
    assert alive.wait(5) == -15
    assert gpus.row("leftovers").result == OK


def test_one_that_will_not_is_killed(gpus: CheckNode) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    gpus.add(A100)
    with subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        threading.Thread(target=process.wait, daemon=True).start()
        real(gpus, process)
        (step,) = plan(gpus.state("leftovers"), gpus.check_wish("leftovers", end_leftovers=True)).steps
        ended(gpus, step.data)
        assert process.wait(5) == -9


@pytest.mark.parametrize("change", ["another process", "its job lives", "it is kept"])
def test_what_is_none_any_more_is_left_alone(
    gpus: CheckNode, alive: "subprocess.Popen[bytes]", change: str
) -> None:
    gpus.add(A100)
    real(gpus, alive)
    (step,) = plan(gpus.state("leftovers"), gpus.check_wish("leftovers", end_leftovers=True)).steps
    data = step.data
    if change == "another process":
        data = replace(data, holders=(replace(data.holders[0], started=data.holders[0].started - 1),))
    elif change == "its job lives":
        gpus.other(500, "slurmstepd", title="slurmstepd: [77.batch]")
    else:
        gpus.tree.write("/proc/%d/cgroup" % alive.pid, "0::%s\n" % POD)
    context = ended(gpus, data)
    assert alive.poll() is None
    assert context.warnings[0].endswith("is not ended: it is no leftover any more")
