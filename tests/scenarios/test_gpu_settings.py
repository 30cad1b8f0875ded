# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPU settings on a booted node: two A100 and a board without ECC; limits, ECC, work, reboots."""

from __future__ import annotations

import json
from typing import Any

import pytest
from proof import proved, refused
from scenario import Fleet

MODULE, DRIVER = "gpu_settings", "580.95.05"
A100, RTX = "a100-sxm4-40gb", "rtx-4090"
NODE = "node1"
SERVICE = "nvidia-persistenced.service"
WISH: dict[str, Any] = {
    "gpus": [0, 1],
    "compute_mode": "exclusive_process",
    "power_limit": 300,
    "gpu_clocks": [1200, 1410],
}


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """The node with its driver, and nvidia-ml-py as the first run brings it."""
    fleet.reset(NODE, A100, A100, RTX)
    wish: dict[str, Any] = {"persistence": True, "compute_mode": "default"}
    bare = fleet.task(NODE, {f"labfleet.gpu.{MODULE}": wish}, check=True)
    assert not bare.get("failed") and bare["changed"], bare
    assert all(gpu["predicted"] for gpu in bare["after"]["gpus"].values())
    assert "no driver" in fleet.task(NODE, {f"labfleet.gpu.{MODULE}": wish})["msg"]
    done = fleet.driver(NODE, version=DRIVER)
    assert not done.get("failed"), done.get("msg")
    fleet.sh(NODE, f"systemctl disable --now {SERVICE}")
    done = held(fleet, ecc=True, gpus=[0])
    assert [step["action"] for step in done["steps"]] == ["bring-pynvml"]
    return NODE


def held(fleet: Fleet, **options: Any) -> dict[str, Any]:
    """The result of one run that must succeed."""
    done = fleet.task(NODE, {f"labfleet.gpu.{MODULE}": options})
    assert not done.get("failed"), done.get("msg")
    return done


def of_gpus(result: dict[str, Any], name: str) -> list[Any]:
    """A setting of each GPU, by index."""
    gpus = sorted(result["after"]["gpus"].values(), key=lambda gpu: gpu["index"])
    return [gpu[name] for gpu in gpus]


def test_settings_that_stay_until_the_driver_goes(fleet: Fleet, node: str) -> None:
    said = refused(fleet, node, module=MODULE, **WISH)
    assert "since persistence is off and no program uses the GPU" in said
    done = proved(fleet, node, module=MODULE, persistence=True)
    assert [step["what"] for step in done["steps"]] == [f"enable and start {SERVICE}"]
    assert of_gpus(done, "persistence") == [True, True, True] and not done.get("warnings")
    assert (
        fleet.sh(node, f"systemctl is-enabled {SERVICE}; systemctl is-active {SERVICE}") == "enabled\nactive"
    )

    done = proved(fleet, node, module=MODULE, **WISH)
    assert of_gpus(done, "power_limit") == [300, 300, None]
    assert of_gpus(done, "compute_mode") == ["exclusive_process", "exclusive_process", "default"]
    assert of_gpus(done, "gpu_clocks") == [[1200, 1410], [1200, 1410], None]
    assert len(done["steps"]) == 2 and "kept until the driver is unloaded" in done["warnings"][0]

    fleet.lab("reboot", node)
    again = proved(fleet, node, module=MODULE, **WISH)
    assert [step["what"] for step in again["steps"]] == [step["what"] for step in done["steps"]]
    assert not held(fleet, persistence=True)["changed"], "the service has started with the node"
    done = proved(
        fleet,
        node,
        module=MODULE,
        settings=[
            {"gpus": [0], "compute_mode": "default", "power_limit": "default", "gpu_clocks": "unlocked"},
            {"gpu_model": "RTX 4090", "compute_mode": "prohibited"},
        ],
    )
    assert of_gpus(done, "compute_mode") == ["default", "exclusive_process", "prohibited"]
    assert of_gpus(done, "power_limit") == [400, 300, None]


def test_what_a_gpu_does_not_allow(fleet: Fleet, node: str) -> None:
    for wish, words in (
        ({"gpus": [0], "power_limit": 500}, "power_limit is to be 500 W, and this GPU allows 100 to 400 W"),
        ({"gpus": [1], "gpu_clocks": 3000}, "gpu_clocks is to be 3000 MHz, and this GPU has 210 to 1410 MHz"),
        ({"ecc": True}, "This GPU has no ECC that could be switched on (GPU 2 (NVIDIA GeForce RTX 4090"),
        ({"gpus": [5], "ecc": True}, "There is no GPU 5 on this node, which has 0 (NVIDIA A100-SXM4-40GB"),
    ):
        assert words in refused(fleet, node, module=MODULE, **wish)
    for bad, said in (
        ({"power_limit": "much"}, "power_limit is 'much': write watts such as 300, or default."),
        (
            {"compute_mode": "one"},
            "compute_mode is 'one': write one of default, exclusive_process, prohibited.",
        ),
    ):
        assert fleet.task(node, {f"labfleet.gpu.{MODULE}": bad})["msg"] == said


def test_ecc_waits_for_a_reboot_which_the_role_makes(fleet: Fleet, node: str) -> None:
    held(fleet, persistence=True)
    held(fleet, gpus=[1], compute_mode="default", power_limit=250)
    fleet.sh(node, "gpu-simulator set 0 ecc_needs_reboot 1")
    done = held(fleet, gpus=[0], ecc=False)
    assert done["reboot_required"] and "waits for a reset to switch ECC off" in done["reboot_reasons"][0]
    again = held(fleet, gpus=[0], ecc=False)
    assert not again["changed"] and again["reboot_reasons"] == done["reboot_reasons"]
    assert of_gpus(again, "ecc")[0] == {"current": True, "pending": False}
    assert of_gpus(again, "persistence") == [True, True, True] and of_gpus(again, "power_limit")[1] == 250
    role = {
        "role": "labfleet.gpu.gpu_settings",
        "gpu_settings_gpus": [0],
        "gpu_settings_ecc": False,
        "gpu_settings_power_limit": 300,
        "gpu_settings_reboot_allowed": True,
    }
    path = fleet.work / "settings-role.yml"
    path.write_text(json.dumps([{"hosts": node, "gather_facts": False, "become": True, "roles": [role]}]))
    run = fleet.playbook(path)
    assert run.rc == 0, run.output
    now = held(fleet, gpus=[0], ecc=False, power_limit=300)
    assert not now["changed"] and not now["reboot_required"], now["steps"]
    assert of_gpus(now, "ecc") == [
        {"current": False, "pending": False},
        {"current": True, "pending": True},
        None,
    ]


def test_work_is_left_alone_without_consent(fleet: Fleet, node: str) -> None:
    pid = fleet.sh(node, "setsid sleep 3600 >/dev/null 2>&1 & echo $!")
    fleet.sh(node, f"gpu-simulator process add 1 --pid {pid} --memory 10")
    for wish in ({"compute_mode": "prohibited"}, {"ecc": False}):
        said = refused(fleet, node, module=MODULE, gpus=[1], **wish)
        assert f"{pid} (root, sleep)" in said and "disrupt_running_work: true" in said
    done = held(fleet, gpus=[1], power_limit=200)
    assert of_gpus(done, "power_limit")[1] == 200, "which disturbs nobody"
    done = held(fleet, gpus=[1], ecc=False, disrupt_running_work=True)
    assert "end-gpu-work" in [step["action"] for step in done["steps"]]
    assert fleet.sh(node, f"cat /proc/{pid}/stat 2>/dev/null || true").find(" S ") == -1
    assert of_gpus(done, "power_limit")[1] == 200 and of_gpus(done, "ecc")[1]["pending"] is False
    assert fleet.sh(node, f"systemctl is-active {SERVICE}") == "active"


def test_a_failure_midway_tells_what_stands(fleet: Fleet, node: str) -> None:
    held(fleet, gpus=[0, 1], persistence=True, power_limit="default", compute_mode="default")
    fleet.sh(node, "gpu-simulator fault nvmlDeviceSetPowerManagementLimit return 999 gpu 1")
    failed = fleet.task(node, {f"labfleet.gpu.{MODULE}": WISH})
    fleet.sh(node, "gpu-simulator fault nvmlDeviceSetPowerManagementLimit --clear")
    assert failed.get("failed") and failed["changed"], failed
    assert "GPU 1: NVML refuses power limit 300 W: Unknown Error." in failed["msg"]
    assert "What was set before it stays: compute mode exclusive_process" in failed["msg"]
    done = held(fleet, **WISH)
    assert len(done["steps"]) == 1 and "GPU 1" in done["steps"][0]["what"]


def test_persistence_off_leaves_nothing_on(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=MODULE, persistence=False)
    assert done["steps"][0]["what"] == f"disable and stop {SERVICE}"
    assert of_gpus(done, "persistence") == [False, False, False]
    assert fleet.sh(node, f"systemctl is-enabled {SERVICE} || true") == "disabled"
