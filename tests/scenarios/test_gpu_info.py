# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of booted nodes: bare, with a driver, divided, without a GPU; it is what the modules say."""

from __future__ import annotations

from typing import Any

import pytest
from mig_node import A100, NODE, T4, node_with, works
from proof import in_one_playbook
from scenario import MIRROR, Fleet

MODULE = "labfleet.gpu.gpu_info"
OF_NVML = {"settings", "mig", "kubernetes", "processes"}
#: Environments of the admin's, and one of alice's that only her list tells of.
LAY_OUT = """
for prefix in /opt/conda/envs/train /home/alice/own/env; do
  mkdir -p $prefix/conda-meta $prefix/lib/python3.11/site-packages/torch-2.5.1.dist-info
  echo '{}' > $prefix/conda-meta/python-3.11.9-hb806964_0_cpython.json
  echo pip > $prefix/lib/python3.11/site-packages/torch-2.5.1.dist-info/INSTALLER
done
mkdir -p /home/alice/.conda && echo /home/alice/own/env > /home/alice/.conda/environments.txt
chown -R alice: /home/alice
"""


def told(fleet: Fleet, node: str, **options: Any) -> dict[str, Any]:
    """What the module returns, in check mode and without the same, and without a trace on node or network."""
    fleet.lab("mark", node, "info")
    asked = fleet.requests()
    task = {MODULE: options}
    foretold, done = in_one_playbook(fleet, node, [{**task, "check_mode": True}, task])
    for result in (foretold, done):
        assert not result.get("failed") and not result["changed"] and not result["errors"], result
    # Its age is another one by now.
    for process in [*(foretold.get("processes") or ()), *(done.get("processes") or ())]:
        assert process.pop("age") >= 0
    for name in {"mig", "driver", "gpus", "settings", "processes", "environments", "reasons"} & set(done):
        assert foretold[name] == done[name], name
    assert fleet.requests() == asked, "it asks no server"
    fleet.lab("diff", node, "--since", "info")
    return done


def test_a_bare_node(fleet: Fleet) -> None:
    fleet.reset(NODE, A100, A100, T4)
    bare = told(fleet, NODE)
    assert set(bare["reasons"]) == {"gpus", "container", *OF_NVML} and all(
        bare[name] is None for name in OF_NVML
    )
    assert set(bare["reasons"].values()) == {"NVML cannot be asked: there is no driver."}
    assert [gpu["architecture"] for gpu in bare["gpus"]] == ["ampere", "ampere", "turing"]
    assert bare["driver"]["version"] is None and bare["cuda"]["toolkits"] == {}
    assert not fleet.sh(NODE, "ls /opt/labfleet-gpu 2>/dev/null || true"), "nothing is brought"
    assert bare["pynvml"] is None


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """A node with its driver, and nvidia-ml-py only once a test has seen it without."""
    return node_with(fleet, A100, A100, T4)


def test_without_nvidia_ml_py(fleet: Fleet, node: str) -> None:
    """The controller's answers, from the directory of the task, and nothing of it stays."""
    without = told(fleet, node)
    sections = [without[name] for name in ("settings", "mig", "container")]
    assert [each["pynvml"] for each in (without, *sections)] == [False] * 4, "the truth everywhere"
    assert not without["reasons"], without["reasons"]
    assert without["gpus"][0]["kernel_driver"] == "nvidia" and without["gpus"][0]["answers"] is True
    assert without["mig"]["gpus"] and without["processes"] == []
    assert not fleet.sh(node, "ls /opt/labfleet-gpu 2>/dev/null || true")
    assert fleet.task(node, {MODULE: {"gather": ["driver"]}})["pynvml"] is None, "NVML is not asked for that"
    fleet.put_pynvml(node)
    assert told(fleet, node)["pynvml"] is True


def test_what_the_modules_say(fleet: Fleet, node: str) -> None:
    fleet.put_pynvml(node)
    pid = works(fleet, 2, user="alice")
    fleet.sh(node, LAY_OUT)
    info = told(fleet, node, environments_of_users=True)
    assert not info["reasons"], info["reasons"]
    rows = ["driver", "gpus", "memory", "links", "clocks", "mig", "processes"]
    driver, settings, mig, checked = in_one_playbook(
        fleet,
        node,
        [
            {"labfleet.gpu.nvidia_driver": {"version": "580.95.05", **MIRROR}, "check_mode": True},
            {"labfleet.gpu.gpu_settings": {"persistence": True}, "check_mode": True},
            {"labfleet.gpu.mig_layout": {"gpus": [0], "instances": {"1g.5gb": 7}}, "check_mode": True},
            {"labfleet.gpu.gpu_check": {"only": rows, "skip": ["gpu_model"], "fail": False}},
        ],
    )
    assert driver["before"].items() <= info["driver"].items()
    assert info["driver"]["reboot_reasons"] == [] and info["driver"]["reboot_required"] is False
    assert info["settings"] == settings["before"] and info["mig"] == mig["before"]
    results = [(row["name"], row["subject"], row["result"]) for row in checked["rows"]]
    assert [(row["name"], row["subject"], row["result"]) for row in info["health"]["rows"]] == results
    (process,) = info["processes"]
    assert (process["pid"], process["user"], process["memory_mib"]) == (int(pid), "alice", {"2": 10})
    found = {each["name"]: (each["owner"], each["frameworks"]) for each in info["environments"]}
    assert found == {"train": ("root", {"pytorch": "2.5.1"}), "env": ("alice", {"pytorch": "2.5.1"})}
    assert [each["name"] for each in told(fleet, node, gather=["environments"])["environments"]] == ["train"]
    fleet.sh(node, f"kill {pid}")


def test_a_driver_that_waits_for_a_reboot(fleet: Fleet, node: str) -> None:
    """And a GPU that is lost while it waits."""
    fleet.put_pynvml(node)
    pid = works(fleet, 1)
    done = fleet.driver(node, version="580.105.08", disrupt_running_work=True)
    assert not done.get("failed") and done["reboot_required"], done.get("msg")
    info = told(fleet, node)
    assert info["driver"]["reboot_reasons"] == done["reboot_reasons"] and info["driver"]["reboot_required"]
    assert (info["driver"]["loaded_version"], info["driver"]["version"]) == ("580.95.05", "580.105.08")
    assert "version mismatch" in info["reasons"]["mig"] and info["mig"] is None
    fleet.sh(node, f"kill {pid}")
    fleet.lab("reboot", node)
    fleet.sh(node, "gpu-simulator lose 2")
    info = told(fleet, node, gather=["gpus", "driver", "health"])
    assert not info["driver"]["reboot_required"]
    assert [gpu["answers"] for gpu in info["gpus"]] == [True, True, False]
    assert info["reasons"]["gpus"].startswith("Some do not answer: GPU 2:")
    assert info["health"]["summary"]["failed"] >= 1
    fleet.sh(node, "gpu-simulator restore 2")


def test_a_divided_node(fleet: Fleet, node: str) -> None:
    fleet.put_pynvml(node)
    divide = {"labfleet.gpu.mig_layout": {"gpus": [0], "instances": {"3g.20gb": 2}, "persist": True}}
    done = fleet.task(node, divide)
    assert not done.get("failed"), done.get("msg")
    info = told(fleet, node, gather=["gpus", "mig", "kubernetes"])
    assert set(info) & {"driver", "settings", "health"} == set()
    assert info["mig"] == done["after"] and info["mig"]["boot"]["unit"] is True
    uuid = info["gpus"][0]["uuid"]
    assert len(info["mig"]["devices"][uuid]) == 2 and all(info["mig"]["devices"][uuid])
    assert info["kubernetes"]["strategy"] == "mixed"
    assert info["kubernetes"]["resources"] == {"nvidia.com/gpu": 2, "nvidia.com/mig-3g.20gb": 2}
    one = told(fleet, node, gather=["kubernetes"], kubernetes_strategy="single")["kubernetes"]
    assert one["reason"] and not one["resources"], "not every GPU is divided"


def test_a_node_without_gpus(fleet: Fleet, debian: str) -> None:
    fleet.reset(debian, "none")
    info = told(fleet, debian)
    assert info["gpus"] == [] and info["host"]["distribution"] == "debian"
    assert set(info["reasons"].values()) == {"There is no GPU."}
    assert set(info["reasons"]) == {"gpus", "container", "health", *OF_NVML}
    assert info["environments"] == [] and info["cudnn"]["cudnn"] == {}
