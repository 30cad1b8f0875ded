# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG mode switched on a node that is watched and has settings: what GPUs keep, and who runs again."""

from __future__ import annotations

from typing import Any

import pytest
from cutting import cut_through
from mig_node import A100, H100, MODULE, NODE, held, layouts, names, node_with, task
from proof import proved
from scenario import Fleet

DCGM, EXPORTER = "nvidia-dcgm.service", "dcgm-exporter.service"
PERSISTENCED = "nvidia-persistenced.service"
#: A watcher as DCGM's: it has all GPUs open. A script has its own name as that of its process.
WATCHER = """#!/usr/bin/python3
import glob, os, signal
held = [os.open(path, os.O_PATH) for path in glob.glob("/dev/nvidia[0-9]*")]
signal.pause()
"""
UNITS = {
    DCGM: "[Service]\nExecStartPre=/bin/sh -c '! test -e /run/lab-watcher-broken'\n"
    "ExecStart=/usr/local/bin/nv-hostengine\n",
    EXPORTER: f"[Unit]\nBindsTo={DCGM}\nAfter={DCGM}\n[Service]\nExecStart=/bin/sleep infinity\n",
}
SETTINGS: list[dict[str, Any]] = [
    {"gpus": [0], "power_limit": 300, "gpu_clocks": [900, 1200]},
    {"gpus": [1], "power_limit": 500, "gpu_clocks": [1005, 1500]},
    {"gpus": [2], "power_limit": 250, "gpu_clocks": [900, 1110], "compute_mode": "exclusive_process"},
]


def settings(fleet: Fleet, check: bool = False, **options: Any) -> dict[str, Any]:
    """The result of a run of gpu_settings, which must succeed."""
    done = fleet.task(NODE, {"labfleet.gpu.gpu_settings": options or {"settings": SETTINGS}}, check)
    assert not done.get("failed"), done.get("msg")
    return done


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """Two A100 and an H100 between them, with less power and locked clocks, watched, and kept initialized."""
    node_with(fleet, A100, H100, A100)
    write = f"cat > /usr/local/bin/nv-hostengine <<'E'\n{WATCHER}E\nchmod 755 /usr/local/bin/nv-hostengine; "
    for name, unit in UNITS.items():
        write += f"cat > /etc/systemd/system/{name} <<'E'\n{unit}E\n"
    fleet.sh(NODE, f"{write}systemctl daemon-reload; systemctl start {DCGM} {EXPORTER} {PERSISTENCED}")
    settings(fleet, persistence=True)
    settings(fleet)
    return NODE


def all_is_there(fleet: Fleet) -> None:
    """Services run, nvidia-persistenced keeps all GPUs, and every GPU has its power limit and clocks."""
    units = f"{DCGM} {EXPORTER} {PERSISTENCED}"
    assert fleet.sh(NODE, f"systemctl is-active {units}", status=None).split() == ["active"] * 3
    found = settings(fleet, check=True)
    assert not found["changed"], found["steps"]
    assert all(gpu["persistence"] for gpu in found["after"]["gpus"].values())
    locks = fleet.sh(
        NODE, "for f in /run/gpu-simulator/gpus/*/clocks_locked_gpu_mhz; do echo $(cat $f); done"
    )
    assert locks.splitlines() == ["900 1200", "1005 1500", "900 1110"]


def started(fleet: Fleet, unit: str) -> str:
    """When a service was started last."""
    return fleet.sh(NODE, f"systemctl show --property=ExecMainStartTimestampMonotonic {unit}")


def test_a_switch_leaves_settings_and_services(fleet: Fleet, node: str) -> None:
    all_is_there(fleet)
    before = started(fleet, PERSISTENCED)
    done = proved(fleet, node, module=MODULE, gpus=[0], instances={"1g.5gb": 7})
    assert [step["what"] for step in done["steps"][:3]] == [
        f"stop {DCGM}, and {EXPORTER}, which systemd stops with that",
        "GPU 0: switch MIG mode on",
        "GPU 0: put back power limit 300 W, GPU clocks 900 to 1200 MHz",
    ]
    assert done["steps"][-1]["what"] == f"start {EXPORTER}, {DCGM}"
    assert names(done) == [["1g.5gb"] * 7, [], []]
    assert started(fleet, PERSISTENCED) == before, "the persistence daemon ran on"
    all_is_there(fleet)
    done = proved(fleet, node, module=MODULE, gpus=[0], mig=False)
    assert "put back power limit 300 W" in str(done["steps"])
    all_is_there(fleet)


@pytest.mark.parametrize(("gpu", "profile"), [(0, "1g.5gb"), (1, "1g.10gb")], ids=["ampere", "hopper"])
def test_a_run_killed_at_any_step_is_gone_on_with(fleet: Fleet, node: str, gpu: int, profile: str) -> None:
    wish = task(gpus=[gpu], instances={profile: 7})

    def run(*, check: bool = False, environment: dict[str, str] | None = None) -> dict[str, Any]:
        return fleet.task(node, wish, check, environment)

    assert cut_through(f"MIG on GPU {gpu}, watched", run) == 6
    assert layouts(run())[gpu] == [(profile, start) for start in range(7)]
    all_is_there(fleet)


def test_a_run_killed_within_the_switch_is_made_good_by_gpu_settings(fleet: Fleet, node: str) -> None:
    held(fleet, gpus=[1], instances=[])
    fleet.sh(node, "gpu-simulator fault nvmlDeviceSetMigMode times 1 hang 600 gpu 1")
    fleet.sh(
        node,
        "setsid sh -c 'until [ $(cat /run/gpu-simulator/gpus/1/persistence_mode) = 0 ]; do sleep 0.1; done; "
        "sleep 0.5; kill -9 $(cat /run/labfleet-gpu-job-*/pid)' >/dev/null 2>&1 &",
    )
    killed = fleet.task(node, task(gpus=[1], mig=False))
    assert killed.get("failed") and "ended without a result" in killed["msg"], killed
    fleet.sh(node, "gpu-simulator fault nvmlDeviceSetMigMode --clear")
    done = settings(fleet, gpus=[0], power_limit=300)
    assert sorted(step["what"] for step in done["steps"]) == [
        "GPU 1: set persistence on, power limit 500 W, GPU clocks 1005 to 1500 MHz",
        f"start {EXPORTER}, {DCGM}",
    ]
    all_is_there(fleet)
    proved(fleet, node, module=MODULE, gpus=[1], mig=False)
    all_is_there(fleet)


def test_a_service_that_does_not_start_is_for_the_next_run(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "touch /run/lab-watcher-broken")
    done = held(fleet, gpus=[2], mig=True)
    assert f"{DCGM} does not start again" in str(done["warnings"])
    assert "compute mode exclusive_process ends with MIG mode on" in str(done["warnings"])
    fleet.sh(node, "rm /run/lab-watcher-broken")
    done = proved(fleet, node, module=MODULE, gpus=[2], mig=True)
    assert [step["what"] for step in done["steps"]] == [f"start {EXPORTER}, {DCGM}"]
    assert fleet.sh(node, f"systemctl is-active {DCGM} {EXPORTER}").split() == ["active"] * 2


def test_a_service_that_will_not_stop_keeps_its_gpu_as_it_is(fleet: Fleet, node: str) -> None:
    drop_in = f"/run/systemd/system/{DCGM}.d"
    fleet.sh(node, f"mkdir -p {drop_in}; printf '[Unit]\\nRefuseManualStop=yes\\n' > {drop_in}/keep.conf")
    fleet.sh(node, "systemctl daemon-reload")
    before = held(fleet, gpus=[2], mig=True)["after"]["gpus"]
    said = fleet.task(node, task(gpus=[0], mig=False))
    assert said.get("failed") and f"stop {DCGM}" in said["msg"], said
    fleet.sh(node, f"rm -r {drop_in}; systemctl daemon-reload")
    assert fleet.sh(node, f"systemctl is-active {DCGM} {EXPORTER}").split() == ["active"] * 2
    again = held(fleet, gpus=[2], mig=True)
    assert not again["changed"] and again["after"]["gpus"] == before
