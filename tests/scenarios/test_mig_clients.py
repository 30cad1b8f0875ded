# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG mode switched on a node that is watched and has settings: what GPUs keep, and who runs again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from mig_node import (
    A100,
    DCGM,
    EXPORTER,
    H100,
    MODULE,
    NODE,
    TRACES,
    WATCHERS,
    given_back,
    held,
    layouts,
    names,
    node_with,
    put,
    task,
)
from proof import proved, refused
from scenario import Fleet

PERSISTENCED = "nvidia-persistenced.service"
#: A display server, which has a screen open, and a service that works on a GPU.
SCREEN, SERVER = "my-display.service", "inference.service"
OF_THE_ADMIN = {
    "/usr/local/bin/Xorg": (
        "#!/usr/bin/python3\nimport os, signal\nos.open('/dev/dri/card1', os.O_PATH)\nsignal.pause()\n"
    ),
    f"/etc/systemd/system/{SCREEN}": "[Service]\nExecStart=/usr/local/bin/Xorg\n",
    "/usr/local/bin/inference": (
        "#!/usr/bin/python3\nimport os, signal\nos.open('/dev/nvidia0', os.O_PATH)\nsignal.pause()\n"
    ),
    f"/etc/systemd/system/{SERVER}": "[Service]\nExecStart=/usr/local/bin/inference\n",
    "/etc/modprobe.d/screens.conf": "options nvidia-drm modeset=1\n",
}
#: A service that uses no GPU and that systemd stops with DCGM.
AGENT = "health-agent.service"
MODESET = "/sys/module/nvidia_drm/parameters/modeset"
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
    put(fleet, WATCHERS)
    fleet.sh(NODE, f"systemctl start {DCGM} {EXPORTER} {PERSISTENCED}")
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
    assert fleet.sh(node, TRACES, status=None) == "", "who watched over the run has ended with it"
    all_is_there(fleet)
    done = proved(fleet, node, module=MODULE, gpus=[0], mig=False)
    assert "put back power limit 300 W" in str(done["steps"])
    all_is_there(fleet)


@pytest.mark.parametrize(
    ("gpu", "profile", "points"), [(0, "1g.5gb", range(1, 6)), (1, "1g.10gb", (2,))], ids=["ampere", "hopper"]
)
def test_a_run_killed_at_any_step_leaves_no_service_stopped(
    fleet: Fleet, node: str, gpu: int, profile: str, points: Sequence[int]
) -> None:
    """Killed after each step before the last in turn, and nobody runs again; the next run goes on."""
    wish = task(gpus=[gpu], instances={profile: 7})
    steps = [step["action"] for step in fleet.task(node, wish, check=True)["steps"]]
    assert (steps[0], steps[-1], len(steps)) == ("stop-gpu-services", "start-gpu-services", 6)
    for number in points:
        before = started(fleet, DCGM)
        killed = fleet.task(node, wish, environment={"LABFLEET_GPU_CRASH": f"after:{number}"})
        assert killed.get("failed") and "ended without a result" in killed["msg"], killed
        given_back(fleet, DCGM, EXPORTER, PERSISTENCED)
        assert started(fleet, DCGM) != before, "it had stopped"
        done = held(fleet, gpus=[gpu], instances={profile: 7})
        assert layouts(done)[gpu] == [(profile, place) for place in range(7)]
        all_is_there(fleet)
        held(fleet, gpus=[gpu], mig=False)
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
    given_back(fleet, DCGM, EXPORTER)
    fleet.sh(node, "gpu-simulator fault nvmlDeviceSetMigMode --clear")
    done = settings(fleet, gpus=[0], power_limit=300)
    assert [step["what"] for step in done["steps"]] == [
        "GPU 1: set persistence on, power limit 500 W, GPU clocks 1005 to 1500 MHz"
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
    held(fleet, gpus=[2], mig=False)
    settings(fleet)
    all_is_there(fleet)


def test_a_service_that_will_not_stop_keeps_its_gpu_as_it_is(fleet: Fleet, node: str) -> None:
    drop_in = f"/run/systemd/system/{DCGM}.d"
    fleet.sh(node, f"mkdir -p {drop_in}; printf '[Unit]\\nRefuseManualStop=yes\\n' > {drop_in}/keep.conf")
    fleet.sh(node, "systemctl daemon-reload")
    wish = task(gpus=[0], mig=True)
    before = fleet.task(node, wish, check=True)["before"]["gpus"]
    said = fleet.task(node, wish)
    assert said.get("failed") and f"stop {DCGM}" in said["msg"], said
    fleet.sh(node, f"rm -r {drop_in}; systemctl daemon-reload")
    given_back(fleet, DCGM, EXPORTER)
    assert fleet.task(node, wish, check=True)["before"]["gpus"] == before


def test_a_service_of_the_admin_stops_by_its_name_and_runs_again(fleet: Fleet, node: str) -> None:
    put(fleet, OF_THE_ADMIN)
    fleet.sh(node, f"systemctl start {SERVER}")
    pid = fleet.sh(node, f"systemctl show --property=MainPID --value {SERVER}")
    said = refused(fleet, node, module=MODULE, gpus=[0], mig=True)
    assert f"{pid} (root, inference)" in said and f"gpu_services: [{SERVER}]" in said
    wish: dict[str, Any] = {"gpus": [0], "mig": True, "gpu_services": ["inference"]}
    killed = fleet.task(node, task(**wish), environment={"LABFLEET_GPU_CRASH": "after:1"})
    assert killed.get("failed") and "ended without a result" in killed["msg"], killed
    given_back(fleet, DCGM, EXPORTER, SERVER)
    done = proved(fleet, node, module=MODULE, **wish)
    assert SERVER in done["steps"][0]["what"] and SERVER in done["steps"][-1]["what"]
    given_back(fleet, DCGM, EXPORTER, SERVER)
    held(fleet, gpus=[0], mig=False, gpu_services=["inference"])
    fleet.sh(node, f"systemctl stop {SERVER}")


def test_a_service_that_hangs_on_dcgm_stops_by_its_name(fleet: Fleet, node: str) -> None:
    unit = f"[Unit]\nRequires={DCGM}\nAfter={DCGM}\n[Service]\nExecStart=/bin/sleep infinity\n"
    put(fleet, {f"/etc/systemd/system/{AGENT}": unit})
    fleet.sh(node, f"systemctl start {AGENT}")
    before = started(fleet, AGENT)
    said = refused(fleet, node, module=MODULE, gpus=[0], mig=True)
    assert f"{AGENT} with {DCGM}" in said and f"gpu_services: [{AGENT}]" in said and EXPORTER not in said
    assert started(fleet, AGENT) == before
    done = proved(fleet, node, module=MODULE, gpus=[0], mig=True, gpu_services=["health-agent"])
    assert AGENT in done["steps"][0]["what"] and AGENT in done["steps"][-1]["what"]
    assert started(fleet, AGENT) != before
    given_back(fleet, DCGM, EXPORTER, AGENT)
    fleet.sh(node, f"systemctl stop {AGENT}")
    held(fleet, gpus=[0], mig=False)
    all_is_there(fleet)


def test_the_module_for_screens_goes_for_a_switch_and_comes_back(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "modprobe -r nvidia_drm; modprobe nvidia_drm")
    assert fleet.sh(node, f"cat {MODESET}") == "Y"
    assert "In use by another client" in fleet.sh(node, "nvidia-smi -r -i 2", status=None)
    switch, last = "GPU 0: switch MIG mode on", f"load nvidia_drm and start {EXPORTER}, {DCGM}"
    for number in (2, 3):
        cut = {"LABFLEET_GPU_CRASH": f"after:{number}"}
        killed = fleet.task(node, task(gpus=[0], mig=True), environment=cut)
        assert killed.get("failed") and "ended without a result" in killed["msg"], killed
        given_back(fleet, DCGM, EXPORTER)
        assert fleet.sh(node, f"cat {MODESET}") == "Y"
        held(fleet, gpus=[0], mig=False)
    done = proved(fleet, node, module=MODULE, gpus=[0], mig=True)
    whats = [step["what"] for step in done["steps"]]
    assert whats[1:3] == ["unload nvidia_drm", switch] and whats[-1] == last
    assert fleet.sh(node, f"cat {MODESET}") == "Y" and not done.get("warnings")
    all_is_there(fleet)


def test_a_display_server_is_named_and_stops_by_its_name_alone(fleet: Fleet, node: str) -> None:
    fleet.sh(node, f"systemctl start {SCREEN}")
    pid = fleet.sh(node, f"systemctl show --property=MainPID --value {SCREEN}")
    said = refused(fleet, node, module=MODULE, gpus=[0], mig=False)
    assert f"nvidia_drm is used by {pid} (root, Xorg)" in said and f"gpu_services: [{SCREEN}]" in said
    done = proved(fleet, node, module=MODULE, gpus=[0], mig=False, gpu_services=["my-display"])
    assert SCREEN in done["steps"][0]["what"]
    given_back(fleet, DCGM, EXPORTER, SCREEN)
    assert fleet.sh(node, f"cat {MODESET}") == "Y"
    all_is_there(fleet)
