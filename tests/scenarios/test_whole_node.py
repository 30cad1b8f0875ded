# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole node in one call: foretold, made, proved, unchanged; drift; what one wants to run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from conda_repository import Channel
from container_node import Node
from scenario import Fleet, shown

Result = dict[str, Any]
NODE, OTHER, PLAIN = "node1", "node2", "node3"
A100, L40S = "a100-sxm4-40gb", "l40s"
PREFIX = "/opt/conda/envs/train"
#: Where the code of a look stays.
CODE = "/var/cache/labfleet-gpu/__pycache__/gpu_stack_at_rest"
SITE: Result = {
    "nvidia_driver_branch": 570,
    "nvidia_driver_hold": True,
    "cuda_toolkit_versions": ["12.8"],
    "cudnn_version": "9",
    "gpu_settings_settings": [
        {"gpus": [0, 1], "persistence": True},
        {"gpus": [2], "persistence": True, "power_limit": 300},
    ],
    "gpu_settings_persist": True,
    "mig_layout_layout": [{"gpus": [0], "instances": {"1g.5gb": 7}}],
    "mig_layout_persist": True,
    "gpu_node_reboot_allowed": True,
    "gpu_node_check": "changed",
    "gpu_check_only": ["driver", "gpus", "memory", "links", "clocks", "mig", "cudnn", "processes"],
    "gpu_check_expected_gpus": 3,
}
#: By component what somebody did by hand, and how the node shows that it is mended.
DRIFT = {
    "driver": ("apt-mark unhold libnvidia-compute-570", "apt-mark showhold | grep -c libnvidia-compute-570"),
    "cuda": (
        "apt-get -y remove cuda-nvcc-12-8",
        "/usr/local/cuda/bin/nvcc --version | grep -c 12.8",
    ),
    "cudnn": (
        "apt-get -y remove libcudnn9-dev-cuda-12",
        "dpkg -s libcudnn9-dev-cuda-12 | grep -c 'ok installed'",
    ),
    "environment train": (
        f"rm {PREFIX}/conda-meta/alpha-1.0-0.json",
        f"ls {PREFIX}/conda-meta | grep -c alpha-1.0-0.json",
    ),
    "settings": (
        "nvidia-smi -i 2 -pl 250",
        "nvidia-smi -i 2 --query-gpu=power.limit --format=csv | grep -c 300",
    ),
    "container": ("rm /run/cdi/nvidia.yaml", "ls /run/cdi | grep -c nvidia.yaml"),
    "mig": ("nvidia-smi mig -i 0 -dci -gi 7 -ci 0", "nvidia-smi -L | grep -c 'MIG 1g.5gb' | grep -cx 7"),
}


@pytest.fixture(scope="module")
def wish(fleet: Fleet) -> Iterator[Result]:
    """What the node is to be; the scenarios follow each other on it."""
    fleet.reset(NODE, A100, A100, L40S)
    channel = Channel(fleet)
    train = {"name": "train", "channels": [channel.url], "packages": ["alpha=1"]}
    mirror = Node(fleet).mirror
    yield {
        **SITE,
        "conda_gpu_env_environments": [train],
        "container_toolkit_state": "present",
        **{f"container_toolkit_{name}": value for name, value in mirror.items()},
    }


def site(fleet: Fleet, wish: Result, *words: str) -> Result:
    """A run of site.yml on the node that succeeded: its line of the recap, and what it printed."""
    run = fleet.site(NODE, *words, **wish)
    assert run.rc == 0, run.output
    return {**run.recap[NODE], "output": run.output}


def stack(fleet: Fleet, node: str, wish: Result, check: bool = False) -> Result:
    """The result of the one call with these variables."""
    return fleet.task(node, {"labfleet.gpu.gpu_stack": {"role_variables": True}, "vars": wish}, check)


def told(result: Result) -> list[tuple[str, str]]:
    """The steps but for settings: what the driver's own service sets by itself is known once it runs."""
    return [step for step in shown(result) if step[0] != "settings"]


def test_the_whole_stack_is_foretold_on_a_bare_node_and_then_made(fleet: Fleet, wish: Result) -> None:
    fleet.lab("mark", NODE, "bare")
    foretold = stack(fleet, NODE, wish, check=True)
    assert not foretold.get("failed"), foretold.get("msg")
    fleet.lab("diff", NODE, "--since", "bare")
    fleet.sh(NODE, f"! test -e {CODE}")
    components = ["driver", "cuda", "cudnn", "environment train", "settings", "mig", "container"]
    assert list(dict.fromkeys(step["component"] for step in foretold["steps"])) == components
    done = stack(fleet, NODE, wish)
    assert not done.get("failed"), done.get("msg")
    assert told(foretold) == told(done)
    for _how, mended in DRIFT.values():
        assert fleet.sh(NODE, mended) != "0"


def test_the_proof_comes_with_the_role(fleet: Fleet, wish: Result) -> None:
    """A run that changes something is followed by gpu_check, which may fail it."""
    fleet.sh(NODE, DRIFT["settings"][0])
    proved = site(fleet, wish)
    assert proved["changed"] == 1 and "TASK [labfleet.gpu.gpu_check" in proved["output"], proved["output"]
    fleet.sh(NODE, DRIFT["settings"][0])
    wrong = fleet.site(NODE, **{**wish, "gpu_check_expected_gpus": 4})
    assert wrong.rc != 0 and "gpu_count" in wrong.output, wrong.output


def test_the_second_run_changes_nothing_and_asks_no_server(fleet: Fleet, wish: Result) -> None:
    fleet.lab("mark", NODE, "held")
    requests = fleet.requests()
    again = site(fleet, wish)
    # the one module call
    assert (again["changed"], again["ok"], again["skipped"]) == (0, 1, 0), again["output"]
    assert fleet.requests() == requests
    # A look was enough, with what is restored at boot and what NVML tells.
    assert modules_of(fleet, wish) == ["gpu_stack_at_rest_kept"]
    fleet.lab("diff", NODE, "--since", "held")


def modules_of(fleet: Fleet, wish: Result, *words: str) -> list[str]:
    """The modules that a run which changes nothing sends to the node."""
    run = site(fleet, wish, "-vvv", *words)
    assert (run["changed"], run["ok"]) == (0, 1), run["output"]
    return re.findall(r"Using module file \S+/(\w+)\.py", run["output"])


def test_the_code_of_a_look_is_kept_and_made_again_where_it_is_not_right(fleet: Fleet, wish: Result) -> None:
    state = f"stat -c '%U %a %i %s %Y' {CODE}"
    kept = fleet.sh(NODE, state)
    assert kept.startswith("root 644 ")
    assert modules_of(fleet, wish) == ["gpu_stack_at_rest_kept"] and fleet.sh(NODE, state) == kept
    both = ["gpu_stack_at_rest_kept", "gpu_stack_at_rest"]
    for spoil in (f"truncate -s -1 {CODE}", f"chmod 666 {CODE}", f"chown admin {CODE}", f"rm {CODE}"):
        fleet.sh(NODE, spoil)
        spoilt = fleet.sh(NODE, f"{state} || echo none")
        assert modules_of(fleet, wish, "--check") == both, spoil
        assert fleet.sh(NODE, f"{state} || echo none") == spoilt, "nothing is written in check mode"
        assert modules_of(fleet, wish) == both, spoil
        kept = fleet.sh(NODE, state)
        assert kept.startswith("root 644 ") and modules_of(fleet, wish) == both[:1]


@pytest.mark.parametrize("component", DRIFT)
def test_drift_is_seen_by_the_very_next_run(fleet: Fleet, wish: Result, component: str) -> None:
    drift, mended = DRIFT[component]
    fleet.sh(NODE, drift)
    assert fleet.sh(NODE, mended, status=None) == "0", "what shows that it is mended shows that it is not"
    foretold = stack(fleet, NODE, wish, check=True)
    assert not foretold.get("failed"), foretold.get("msg")
    # New MIG devices make a CDI specification old.
    components = {"mig", "container"} if component == "mig" else {component}
    assert {step["component"] for step in foretold["steps"]} == components, foretold["steps"]
    done = stack(fleet, NODE, wish)
    assert not done.get("failed"), done.get("msg")
    assert shown(done) == shown(foretold)
    assert fleet.sh(NODE, mended) != "0"
    assert stack(fleet, NODE, wish)["changed"] is False


def test_an_upgrade_over_a_reboot_with_containers(fleet: Fleet, wish: Result) -> None:
    """The loaded driver has MIG instances and stays; containers see what is loaded after the reboot."""
    upgrade = {**wish, "nvidia_driver_branch": 580}
    boot = fleet.sh(NODE, "cat /proc/sys/kernel/random/boot_id")
    done = site(fleet, upgrade)
    assert done["changed"] >= 1 and fleet.sh(NODE, "cat /proc/sys/kernel/random/boot_id") != boot, done[
        "output"
    ]
    version = fleet.sh(NODE, "cat /sys/module/nvidia/version")
    assert version.startswith("580.")
    assert version in fleet.sh(NODE, "cat /run/cdi/nvidia.yaml") and "570." not in fleet.sh(
        NODE, "cat /run/cdi/nvidia.yaml"
    )
    for component in ("settings", "mig", "container"):
        assert fleet.sh(NODE, DRIFT[component][1]) != "0", component
    again = site(fleet, upgrade)
    assert (again["changed"], again["ok"]) == (0, 1), again["output"]


def test_the_node_without_a_gpu_gets_all_that_needs_none(fleet: Fleet, wish: Result) -> None:
    fleet.reset(PLAIN, "none")
    plain = {
        name: wish[name] for name in ("cuda_toolkit_versions", "cudnn_version", "conda_gpu_env_environments")
    }
    plain["nvidia_driver_state"] = "absent"
    done = stack(fleet, PLAIN, plain)
    assert not done.get("failed"), done.get("msg")
    assert fleet.sh(PLAIN, f"{PREFIX}/bin/alpha") == "alpha 1.0"
    assert stack(fleet, PLAIN, plain)["changed"] is False


def test_a_toolkit_is_one_that_knows_the_gpus(fleet: Fleet) -> None:
    """TensorFlow is built for a CUDA that does not compile for Blackwell."""
    fleet.reset(OTHER, "b200-180gb")
    mirror = {"cuda_toolkit_default": "12.8", "cudnn_components": "runtime"}
    asked = stack(fleet, OTHER, {"gpu_node_framework": {"name": "tensorflow"}, **mirror}, check=True)
    assert not asked.get("failed"), asked.get("msg")
    steps = " ".join(step["what"] for step in asked["steps"])
    assert re.search(r"install CUDA 12\.8\S+ .* install cuDNN 9\S+ 1 package ", steps), steps


def preflight(fleet: Fleet, *words: str) -> Any:
    return fleet.playbook("playbooks/preflight.yml", "-l", OTHER, *words)


def test_what_one_wants_to_run_is_enough_for_mixed_boards(fleet: Fleet) -> None:
    """The tables choose; preflight shows it before anything is touched; what needs a reboot gets it."""
    fleet.reset(OTHER, "t4", "h100-sxm5-80gb")
    framework = {"gpu_node_framework": {"name": "pytorch", "version": "2.8"}}
    fleet.lab("mark", OTHER, "bare")
    words = ("-e", json.dumps(framework))
    asked = preflight(fleet, *words)
    assert asked.rc == 0, asked.output
    assert "1 Turing, 1 Hopper" in asked.output and "none -> 595" in asked.output, asked.output
    assert "pytorch 2.8.0: Driver 595 is the newest" in asked.output, asked.output
    fleet.lab("diff", OTHER, "--since", "bare")

    older = fleet.driver(OTHER, branch=570)
    assert not older.get("failed"), older.get("msg")
    stays = stack(fleet, OTHER, framework, check=True)
    assert "is there, and drives all" in stays["framework"]["reasons"][0]
    assert "driver" not in {step["component"] for step in stays["steps"]}
    boot = fleet.sh(OTHER, "cat /proc/sys/kernel/random/boot_id")
    newest = {**framework, "nvidia_driver_update": True, "gpu_settings_persistence": True}
    assert stack(fleet, OTHER, newest)["reboot_required"]
    # nvcc of the lab compiles nothing
    proof = {"gpu_node_check": "changed", "gpu_check_only": ["driver", "gpus", "memory"]}
    run = fleet.site(OTHER, **newest, **proof, gpu_node_reboot_allowed=True)
    assert run.rc == 0, run.output
    assert "TASK [labfleet.gpu.gpu_check" in run.output, "a reboot that was due is a change to be proved"
    assert fleet.sh(OTHER, "cat /proc/sys/kernel/random/boot_id") != boot
    assert "595." in fleet.sh(OTHER, "cat /proc/driver/nvidia/version")
    again = fleet.site(OTHER, **framework, gpu_settings_persistence=True)
    assert again.recap[OTHER]["changed"] == 0, again.output

    refused = preflight(fleet, "-e", "nvidia_driver_branch=470", *words)
    assert refused.rc != 0 and f"cannot be converged as they are: {OTHER}" in refused.output, refused.output
