# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG layouts that change under work, fail at any step, are cut off: who is named, what is put back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from mig_node import (
    A100,
    MODULE,
    alive,
    devices,
    held,
    instance_at,
    layouts,
    names,
    node_with,
    opens,
    task,
    works,
)
from proof import in_one_playbook, proved, refused
from scenario import Fleet

SEVEN: dict[str, Any] = {"gpus": [0], "instances": {"1g.5gb": 7}}


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """Three A100, none divided."""
    return node_with(fleet, A100, A100, A100)


def test_work_is_left_alone_without_consent(fleet: Fleet, node: str) -> None:
    whole: dict[str, Any] = {"gpus": [0], "instances": ["7g.40gb"]}
    held(fleet, **whole)
    pid = works(fleet, 0, "alice", f"{instance_at(fleet, 0, 0)} 0")
    said = refused(fleet, node, module=MODULE, **SEVEN)
    assert f"{pid} (alice, sleep)" in said and "disrupt_running_work: true" in said
    said = refused(fleet, node, module=MODULE, gpus=[0], mig=False)
    assert "MIG mode cannot be switched off while its instances are in use" in said and pid in said
    assert not held(fleet, **whole)["changed"] and alive(fleet, pid)
    done = proved(fleet, node, module=MODULE, disrupt_running_work=True, **SEVEN)
    assert done["steps"][0]["what"] == f"end {pid} (alice, sleep)" and len(layouts(done)[0]) == 7
    assert not alive(fleet, pid)


def test_work_that_nvml_does_not_show(fleet: Fleet, node: str) -> None:
    pid = opens(fleet, "/dev/nvidia1")
    said = refused(fleet, node, module=MODULE, gpus=[1], instances=["7g.40gb"])
    assert "MIG mode is switched on an idle GPU only" in said and f"{pid} (root, python3" in said
    fleet.sh(node, f"kill {pid}")
    two = {"gpus": [1], "instances": ["3g.20gb", "3g.20gb"]}
    done = held(fleet, **two)
    instance = f"gpu1/gi{instance_at(fleet, 1, 4)}/ci0/access"
    minor = fleet.sh(node, f"grep '^{instance} ' /proc/driver/nvidia-caps/mig-minors").split()[-1]
    path = f"/dev/nvidia-caps/nvidia-cap{minor}"
    pid = opens(fleet, path)
    assert f"{pid} (root, python3" in refused(fleet, node, module=MODULE, gpus=[1], instances=["7g.40gb"])
    around = proved(fleet, node, module=MODULE, gpus=[1], instances=["3g.20gb", "2g.10gb"])
    assert alive(fleet, pid), "beside it there was room"
    assert len(set(devices(done, 1)) & set(devices(around, 1))) == 1
    fleet.sh(node, f"kill {pid}")


DESTROY_COMPUTE, DESTROY = "nvmlComputeInstanceDestroy", "nvmlGpuInstanceDestroy"
CREATE = "nvmlDeviceCreateGpuInstanceWithPlacement"
CREATE_COMPUTE = "nvmlGpuInstanceCreateComputeInstanceWithPlacement"
SET_MODE = "nvmlDeviceSetMigMode"
#: One plan with every kind of step: what is kept on GPU 0 is in use, GPU 1 is given up, GPU 2 is new.
KEPT = {"profile": "3g.20gb", "placement": 4}
FORMER: list[dict[str, Any]] = [
    {
        "gpus": [0],
        "instances": [
            KEPT,
            {"profile": "2g.10gb", "placement": 0, "compute": ["1c.2g.10gb"] * 2},
            {"profile": "1g.5gb", "placement": 2, "compute": []},
        ],
    },
    {"gpus": [1], "instances": ["7g.40gb"]},
    {"gpus": [2], "mig": False},
]
TARGET: list[dict[str, Any]] = [
    {"gpus": [0], "instances": [KEPT, *["1g.5gb"] * 4]},
    {"gpus": [1], "mig": False},
    {"gpus": [2], "instances": ["7g.40gb"]},
]
#: Every call of that plan: step, GPU, function, how often it is called in that step.
STEPS = (
    (1, 0, DESTROY_COMPUTE, 2),
    (2, 0, DESTROY, 1),
    (3, 0, CREATE, 3),
    (4, 0, CREATE_COMPUTE, 4),
    (5, 1, DESTROY_COMPUTE, 1),
    (6, 1, DESTROY, 1),
    (7, 1, SET_MODE, 1),
    (8, 2, SET_MODE, 1),
    (9, 2, CREATE, 1),
    (10, 2, CREATE_COMPUTE, 1),
)
POINTS = [(step, gpu, call, number) for step, gpu, call, count in STEPS for number in range(count)]
#: Modes and instances of all GPUs as the driver has them.
_STANDS = (
    "for g in 0 1 2; do echo gpu $g; cat /var/lib/gpu-simulator/gpus/$g/mig_mode_current; "
    "cd /run/gpu-simulator/gpus/$g/mig 2>/dev/null || continue; "
    "for f in *; do [ ! -e $f ] || echo ${f%-ci*} $(cut -d' ' -f1-3 $f); done | sort; done"
)


def stands(*before: str) -> dict[str, Any]:
    """A task that tells how things stand, and then has the next call fail, if one is named."""
    return {"ansible.builtin.shell": "; ".join(["rm -f /run/gpu-simulator/faults/nvml*", _STANDS, *before])}


def fault(gpu: int, call: str, number: int) -> str:
    after = f"after {number} " if number else ""
    return f"gpu-simulator fault {call} {after}times 1 return 999 gpu {gpu}"


def by_gpu(told: dict[str, Any]) -> list[str]:
    return re.split(r"^gpu \d\n", told["stdout"] + "\n", flags=re.MULTILINE)[1:]


def test_a_failure_at_any_step_puts_the_former_layout_back(fleet: Fleet, node: str) -> None:
    held(fleet, layout=FORMER)
    pid = works(fleet, 0, instance=f"{instance_at(fleet, 0, 4)} 0")
    faults = [fault(*point[1:]) for point in POINTS]
    tasks = [{**task(layout=TARGET), "check_mode": True}, stands(faults[0])]
    for following in (*faults[1:], "true"):
        tasks += [task(layout=TARGET), stands(following), task(layout=FORMER)]
    foretold, before, *points, done, after = in_one_playbook(
        fleet, node, [*tasks, task(layout=TARGET), stands()]
    )
    assert len(foretold["steps"]) == len(STEPS) == STEPS[-1][0], "every step has its turn"
    for place, (step, gpu, call, number) in enumerate(POINTS):
        failed, now, back = points[3 * place : 3 * place + 3]
        point = (step, call, number, failed.get("msg"))
        assert failed.get("failed") and failed["failed_step"] == step, point
        assert f"Step {step} of {len(STEPS)} (" in failed["msg"], point
        put_back = f"The former layout of GPU {gpu} was put back: " in failed["msg"]
        assert put_back or (gpu, call) == (2, SET_MODE), point
        expected = [*by_gpu(after)[:gpu], *by_gpu(before)[gpu:]]
        if gpu == 2 and call != SET_MODE:
            expected[2] = "1\n"  # The mode was switched in a step of its own, and stays.
        assert by_gpu(now) == expected, point
        assert not back.get("failed"), back.get("msg")
    assert not done.get("failed") and layouts(done)[0][-1] == ("3g.20gb", 4)
    assert alive(fleet, pid), "work on what stays went on all the time"
    fleet.sh(node, f"kill {pid}")


def test_a_run_killed_at_any_step_is_gone_on_with(fleet: Fleet, node: str) -> None:
    held(fleet, layout=FORMER, disrupt_running_work=True)
    cut = {**task(layout=TARGET), "environment": {"LABFLEET_GPU_CRASH": "after:1"}}
    goal = {**task(layout=TARGET), "check_mode": True}
    first, *killed, done, stood = in_one_playbook(
        fleet, node, [goal, *[cut] * len(STEPS), task(layout=TARGET), stands()]
    )
    assert len(first["steps"]) == len(STEPS)
    for each in killed:
        assert each["failed"] and "after 1 steps were begun" in each["msg"] and "Run again" in each["msg"]
    assert not done["changed"] and by_gpu(stood)[1] == "0\n"
    assert names(done) == [["1g.5gb"] * 4 + ["3g.20gb"], [], ["7g.40gb"]]


def test_a_run_killed_within_a_step_is_gone_on_with(fleet: Fleet, node: str) -> None:
    held(fleet, gpus=[0], instances=[])
    fleet.sh(node, f"gpu-simulator fault {CREATE} after 2 times 1 hang 600 gpu 0")
    fleet.sh(
        node,
        "setsid sh -c 'until [ $(ls /run/gpu-simulator/gpus/0/mig | wc -l) = 2 ]; do sleep 0.1; done; "
        "sleep 0.5; kill -9 $(cat /run/labfleet-gpu-job-*/pid)' >/dev/null 2>&1 &",
    )
    killed = fleet.task(node, task(**SEVEN))
    assert killed.get("failed") and "ended without a result" in killed["msg"], killed
    fleet.sh(node, f"gpu-simulator fault {CREATE} --clear")
    done = proved(fleet, node, module=MODULE, **SEVEN)
    assert done["steps"][0]["what"] == "GPU 0: create GPU instances: 1g.5gb at 2, 3, 4, 5, 6", done["steps"]
    assert names(done)[0] == ["1g.5gb"] * 7
