# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole check with a real module: results, failures, check mode, steps, the controller's nvidia-ml-py."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator

import pynvml
import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _asked, _nvml
from ansible_collections.labfleet.gpu.plugins.module_utils._asked import OFFER
from ansible_collections.labfleet.gpu.plugins.module_utils._check.run import check
from ansible_collections.labfleet.gpu.plugins.module_utils._lock import HostLock
from ansible_collections.labfleet.gpu.plugins.module_utils._nvml_calls import NEEDED
from ansible_collections.labfleet.gpu.tests.unit.support.check_node import CheckNode
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100 = "a100-sxm4-40gb"
#: Rows that need no program of this machine.
ROWS = ("driver", "gpu_count", "memory", "mig")


@pytest.fixture(autouse=True)
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HostLock.__init__, "__defaults__", (str(tmp_path / "lock"),))


def run(
    gpus: CheckNode, capsys: Any, *rows: str, fail: bool = True, mode: bool = False, **options: Any
) -> Any:
    """The result as Ansible gets it."""
    capsys.readouterr()
    with module(_ansible_check_mode=mode) as real, pytest.raises(SystemExit) as ended:
        check(real, gpus.check_wish(*(rows or ROWS), **options), fail, gpus.tree.files)
    result: Dict[str, Any] = json.loads(capsys.readouterr().out)
    assert bool(ended.value.code) is bool(result.get("failed"))
    return result


def test_all_is_well(gpus: CheckNode, capsys: Any) -> None:
    gpus.add(A100)
    result = run(gpus, capsys, expected_gpus=1)
    assert result["summary"] == {"ok": 5, "warned": 0, "failed": 0, "skipped": 2}
    assert result["msg"] == "5 rows ok, 2 skipped." and not result["changed"] and not result["steps"]
    assert result["rows"][0] == {
        "name": "nvml",
        "subject": "node",
        "result": "ok",
        "reason": "driver 580.95.05 answers",
        "next": "",
    }
    assert result["before"] == result["after"] == {"driver_version": "580.95.05", "pynvml": True}


@pytest.mark.parametrize("mode", [False, True], ids=["run", "check mode"])
def test_a_failed_row_fails_the_task(gpus: CheckNode, capsys: Any, mode: bool) -> None:
    gpus.add(A100)
    gpus.tree.write("/var/lib/gpu-simulator/gpus/0/remapped_pending", "1\n")
    result = run(gpus, capsys, mode=mode)
    assert result["failed"] and [row["name"] for row in result["failed_rows"]] == ["remapped_rows"]
    assert result["msg"] == (
        "1 of 7 rows failed: GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0): a bad row of memory is in use "
        "until a reset remaps it (remapped_rows: reset the GPU (nvidia-smi --gpu-reset, or reboot the node))."
    )
    result = run(gpus, capsys, fail=False, mode=mode)
    assert "failed" not in result and len(result["failed_rows"]) == 1 and not result["changed"]


@pytest.fixture
def leftover(gpus: CheckNode) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of a job that is over, on the node's one GPU; its number is real."""
    gpus.add(A100)
    with subprocess.Popen(["sleep", "60"]) as process:
        gpus.process(process.pid, command="sleep", environment="SLURM_JOB_ID=77")
        path = gpus.tree.path("/proc/%d/comm" % process.pid)
        path.unlink()
        path.symlink_to("/proc/%d/comm" % process.pid)
        yield process
        process.kill()


def test_leftovers_end_in_a_run_and_not_in_check_mode(
    gpus: CheckNode, capsys: Any, leftover: "subprocess.Popen[bytes]"
) -> None:
    result = run(gpus, capsys, "leftovers")
    assert result["failed"] and not result["changed"]
    (process,) = result["processes"]
    assert process == {
        "pid": leftover.pid,
        "user": "root",
        "command": "sleep",
        "age": 10800,
        "memory_mib": {"0": 2048},
        "job": "slurm:77",
        "leftover": True,
        "reason": "its Slurm job 77 is over",
    }
    foretold = run(gpus, capsys, "leftovers", mode=True, end_leftovers=True)
    assert foretold["changed"] and foretold["failed"], "it still is there"
    assert leftover.poll() is None
    threading.Thread(target=leftover.wait, daemon=True).start()
    done = run(gpus, capsys, "leftovers", end_leftovers=True)
    assert done["steps"] == foretold["steps"] and done["changed"] and not done.get("failed"), done["msg"]
    assert done["summary"]["ok"] == 1 and not done["processes"]
    again = run(gpus, capsys, "leftovers", end_leftovers=True)
    assert not again["changed"]


def test_an_effect_that_fails_is_told_with_the_rows(
    gpus: CheckNode, capsys: Any, leftover: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostLock.__init__, "__defaults__", ("/nowhere/lock",))
    result = run(gpus, capsys, "leftovers", end_leftovers=True, fail=False)
    assert result["failed"] and not result["changed"] and "/nowhere/lock" in result["msg"]
    assert result["rows"] and leftover.poll() is None


@pytest.fixture
def old_binding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The node's nvidia-ml-py lacks a call; a whole one lies where the controller would put it."""
    offered = tmp_path / "sent/pynvml.py"
    offered.parent.mkdir()
    shutil.copy(str(pynvml.__file__), str(offered))
    monkeypatch.delattr(pynvml, NEEDED)
    monkeypatch.setitem(sys.modules, "pynvml", pynvml)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for where in (_asked, _nvml):
        monkeypatch.setattr(where, "TOOLS", str(tmp_path / "tools"))
    return offered


def test_without_a_binding(gpus: CheckNode, capsys: Any, old_binding: Path) -> None:
    gpus.add(A100)
    result = run(gpus, capsys)
    assert result["failed"] and result["before"]["pynvml"] is False, (
        "which is what the action plugin looks for"
    )
    assert "install nvidia-ml-py beside Ansible" in result["failed_rows"][0]["next"]


@pytest.mark.parametrize("mode", [True, False], ids=["check mode", "run"])
def test_with_the_controllers_binding(
    gpus: CheckNode,
    capsys: Any,
    old_binding: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: bool,
) -> None:
    gpus.add(A100)
    monkeypatch.setenv(OFFER, str(old_binding))
    gpus.tree.path("/tmp").mkdir(exist_ok=True)
    result = run(gpus, capsys, mode=mode)
    assert not result.get("failed"), result["msg"]
    assert [step["action"] for step in result["steps"]] == ["bring-pynvml"] and result["changed"]
    brought = gpus.tree.path(str(tmp_path / "tools/pynvml.py"))
    assert brought.is_file() is not mode
