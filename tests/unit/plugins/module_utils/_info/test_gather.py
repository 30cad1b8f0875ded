# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything about a node in one go: whole, in parts, and where things are missing or fail."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.labfleet.gpu.plugins.module_utils import _nvml
from ansible_collections.labfleet.gpu.plugins.module_utils._asked import OFFER
from ansible_collections.labfleet.gpu.plugins.module_utils._info.wish import ARGUMENTS, GATHER, wish_from
from ansible_collections.labfleet.gpu.plugins.module_utils._kubernetes import in_kubernetes
from ansible_collections.labfleet.gpu.plugins.module_utils._nvml_calls import NEEDED
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish
from ansible_collections.labfleet.gpu.plugins.modules import gpu_info
from ansible_collections.labfleet.gpu.tests.unit.support.check_node import MIG_TABLE
from ansible_collections.labfleet.gpu.tests.unit.support.info_node import InfoNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, T4 = "a100-sxm4-40gb", "t4"
ALWAYS = {"host", "pynvml", "reasons", "errors"}
#: What needs NVML, and is null without it.
OF_NVML = {"settings", "mig", "kubernetes", "processes"}


def pynvml_of_the_node(told: Any) -> Any:
    """Has it one, in all places that say so?"""
    return {each["pynvml"] for each in (told, told["settings"], told["mig"], told["container"])}


def test_a_whole_node(info: InfoNode) -> None:
    divided, whole = info.add(A100, mig=1, mig_profiles=MIG_TABLE), info.add(T4)
    info.divide()
    info.install("nvidia-driver-580-open")
    info.environment("/opt/conda/envs/train", "python-3.11.9-hb806964_0_cpython", torch="2.5.1+cu124")
    info.process(os.getppid(), gpu=1, memory=512, environment="SLURM_JOB_ID=77")
    # Whoever asks NVML a second time does not get in.
    info.fault("nvmlInit", "after 1 return 999")
    told = info.info()
    assert set(told) == {*GATHER, *ALWAYS} and not told["reasons"] and not told["errors"], told
    first, second = told["gpus"]
    assert first == {
        "index": 0,
        "uuid": divided,
        "name": "NVIDIA A100-SXM4-40GB",
        "address": "0000:07:00.0",
        "device_id": "20b0",
        "architecture": "ampere",
        "compute_capability": "8.0",
        "memory_mib": 40960,
        "minor": 0,
        "kernel_driver": "nvidia",
        "answers": True,
    }
    assert (second["uuid"], second["compute_capability"], second["memory_mib"]) == (whole, "7.5", 15360)
    driver = told["driver"]
    assert (driver["branch"], driver["kernel_module"], driver["source"]) == (580, "open", "nvidia")
    assert (driver["loaded_version"], driver["library_version"]) == ("570.133.20", "580.95.05")
    assert driver["held"] == ["nvidia-driver-580-open"] and driver["reboot_required"]
    assert "570.133.20" in driver["reboot_reasons"][0] and driver["load_trouble"] is None
    assert told["cuda"]["toolkits"] == {"/usr/local/cuda-12.4": {"version": "12.4.1", "origin": "package"}}
    (cudnn,) = told["cudnn"]["cudnn"].values()
    assert (cudnn["version"], cudnn["cuda"]) == ("9.5.1.17", "12")
    assert told["container"]["version"] is None and told["container"]["cdi"]["devices"] == []
    assert "check" not in told["container"]
    assert pynvml_of_the_node(told) == {True}
    (environment,) = told["environments"]
    assert (environment["name"], environment["frameworks"]) == ("train", {"pytorch": "2.5.1+cu124"})
    assert [each["profile"] for each in told["mig"]["gpus"][divided]["layout"]] == ["1g.5gb", "1g.5gb"]
    assert len(told["mig"]["devices"][divided]) == 2 and told["mig"]["boot"] == {"unit": False, "gpus": {}}
    assert told["settings"]["gpus"][whole]["power_limit"] == 70 and "boot" in told["settings"]
    assert (
        told["kubernetes"] == in_kubernetes(told["mig"]["gpus"]) and told["kubernetes"]["strategy"] == "mixed"
    )
    assert told["kubernetes"]["resources"] == {"nvidia.com/gpu": 1, "nvidia.com/mig-1g.5gb": 2}
    (process,) = told["processes"]
    assert (process["pid"], process["memory_mib"], process["job"]) == (os.getppid(), {"1": 512}, "slurm:77")
    rows = {(row["name"], row["subject"].partition(" (")[0]): row["result"] for row in told["health"]["rows"]}
    assert rows["driver_versions", "node"] == "failed" and rows["mig_devices", "GPU 0"] == "ok"
    assert rows["leftovers", "node"] == "failed" and sum(told["health"]["summary"].values()) == len(rows)
    assert not {name for name, _subject in rows} & {"gpu_model", "nvcc_runs", "cudnn_loads", "framework"}
    assert json.loads(json.dumps(told)) == told, "plain data, with keys that JSON has"


def test_dpkg_is_asked_once(info: InfoNode) -> None:
    info.info("driver", "cuda", "cudnn", "container")
    assert [line.split()[0] for line in info.machine.ran].count("dpkg-query") == 1


@pytest.mark.parametrize("name", GATHER)
def test_only_what_is_asked_for(info: InfoNode, name: str) -> None:
    info.add(A100)
    if name in ("driver", "cuda", "cudnn", "environments"):
        info.fault("nvmlInit", "return 999")
    told = info.info(name)
    assert set(told) == {name, *ALWAYS} and told[name] is not None and not told["reasons"], told
    ran = {line.split()[0] for line in info.machine.ran}
    assert ("dpkg-query" in ran) is (name in ("driver", "cuda", "cudnn", "container"))
    assert ("journalctl" in ran) is (name == "health")


def test_the_strategy_that_the_admin_has(info: InfoNode) -> None:
    info.add(A100, mig=1, mig_profiles=MIG_TABLE)
    info.divide()
    assert info.info("kubernetes")["kubernetes"]["strategy"] == "single"
    told = info.info("kubernetes", kubernetes_strategy="mixed")["kubernetes"]
    assert told["resources"] == {"nvidia.com/mig-1g.5gb": 2}


def test_a_bare_node(info: InfoNode) -> None:
    info.add(A100)
    info.tree.path("/run/gpu-simulator/module/version").unlink()
    info.tree.path("/proc/driver/nvidia/version").unlink()
    told = info.info()
    assert not told["errors"] and set(told["reasons"]) == {"gpus", "container", *OF_NVML}
    assert set(told["reasons"].values()) == {"NVML cannot be asked: there is no driver."}
    assert all(told[name] is None for name in OF_NVML)
    (gpu,) = told["gpus"]
    assert (gpu["address"], gpu["compute_capability"], gpu["answers"]) == ("0000:07:00.0", "8.0", None)
    assert gpu["uuid"] is None and gpu["memory_mib"] is None and gpu["index"] is None
    assert told["driver"]["version"] is None and told["driver"]["reboot_required"] is False
    assert told["health"]["rows"][0]["result"] == "failed"


def test_a_driver_that_is_not_loaded(info: InfoNode) -> None:
    info.add(A100)
    info.install()
    info.tree.path("/run/gpu-simulator/module/version").unlink()
    info.tree.path("/proc/driver/nvidia/version").unlink()
    reasons = info.info("gpus", "mig")["reasons"]
    assert reasons["mig"] == reasons["gpus"] == "NVML cannot be asked: NVML says: Driver Not Loaded."


def test_without_nvidia_ml_py(info: InfoNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    import pynvml

    info.add(A100)
    info.install()
    monkeypatch.delattr(pynvml, NEEDED)
    monkeypatch.setattr(_nvml, "TOOLS", str(tmp_path / "tools"))
    told = info.info("gpus", "settings", "health")
    assert "pynvml is too old" in told["reasons"]["settings"] and told["settings"] is None
    assert told["gpus"][0]["device_id"] == "20b0"
    assert not (tmp_path / "tools").exists()


def test_with_the_controllers_nvidia_ml_py(
    info: InfoNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """All is told, and everywhere that it is not the node's."""
    import pynvml

    info.add(A100)
    monkeypatch.setenv(OFFER, shutil.copy(pynvml.__file__, str(tmp_path / "pynvml.py")))
    monkeypatch.setattr(_nvml, "TOOLS", str(tmp_path / "tools"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "pynvml", pynvml)
    monkeypatch.delattr(pynvml, NEEDED)
    told = info.info()
    assert not told["reasons"] and not told["errors"] and told["settings"]["gpus"] and told["mig"]["gpus"]
    assert pynvml_of_the_node(told) == {False}


def test_a_node_without_gpus(info: InfoNode) -> None:
    info.install()
    info.environment("/opt/conda/envs/cpu", "python-3.12.1-0")
    told = info.info()
    assert not told["errors"] and told["gpus"] == []
    assert set(told["reasons"]) == {"gpus", "container", "health", *OF_NVML}
    assert set(told["reasons"].values()) == {"There is no GPU."}
    assert told["pynvml"] is None and told["container"]["pynvml"] is None, "nobody is there to answer"
    assert told["driver"]["version"] == "580.95.05" and not told["driver"]["reboot_required"]
    assert told["cuda"]["toolkits"] and told["cudnn"]["cudnn"] and told["environments"]


def test_a_gpu_that_does_not_answer(info: InfoNode) -> None:
    info.add(A100)
    info.add(T4)
    info.fault("nvmlDeviceGetHandleByIndex", "return 15 gpu 1")
    told = info.info()
    assert [gpu["answers"] for gpu in told["gpus"]] == [True, False] and told["gpus"][1]["uuid"] is None
    assert told["reasons"] == {"gpus": "Some do not answer: GPU 1: GPU is lost."}
    assert len(told["settings"]["gpus"]) == 1 and told["health"]["summary"]["failed"] >= 1


def test_one_failing_question_keeps_no_other(info: InfoNode) -> None:
    info.add(A100)
    # The first of the questions counts GPUs, and then that of the settings does.
    info.fault("nvmlDeviceGetCount", "after 1 times 1 return 999")
    told = info.info("gpus", "settings", "mig", "processes")
    assert told["settings"] is None and list(told["reasons"]) == ["settings"]
    assert "NVML says: Unknown Error" in told["reasons"]["settings"]
    assert told["gpus"][0]["uuid"] and told["mig"]["gpus"] and told["processes"] == []


def test_one_failing_component_keeps_no_other(info: InfoNode) -> None:
    info.add(A100)
    info.machine.answers["dpkg-query"] = (2, "", "dpkg-query: error: failed to open the database")
    told = info.info()
    assert set(told["errors"]) == {"driver", "cuda", "cudnn", "container"} and not told["reasons"]
    assert "failed to open the database" in told["errors"]["driver"]
    assert told["driver"] is None and told["gpus"] and told["mig"] and told["health"]["rows"]


def test_a_root_that_is_no_path() -> None:
    options = {name: each.get("default") for name, each in ARGUMENTS.items()}
    with pytest.raises(BadWish, match="write a whole path"):
        wish_from({**options, "environment_roots": ["envs"]})


def test_the_module_itself(capsys: Any) -> None:
    """On the machine that runs this, whatever that is."""
    with patch_module_args({"gather": ["gpus", "environments"]}), pytest.raises(SystemExit) as ended:
        gpu_info.main()
    told = json.loads(capsys.readouterr().out)
    assert not ended.value.code and told["changed"] is False and "ansible_facts" not in told
    assert isinstance(told["gpus"], list) and isinstance(told["environments"], list)
    assert "driver" not in told and told["host"]["machine"] == os.uname().machine
