# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booted nodes are checked: faulty boards, the kernel log, real nvcc, a real framework, Slurm's leftovers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from scenario import LAB_NUMBER, ROOT, Fleet
from slurm_node import Slurm
from test_real_nvcc import HOME, lay_out

MODULE, DRIVER = "labfleet.gpu.gpu_check", "580.95.05"
NODE, BOARDS = "node1", ("a100-sxm4-40gb", "a100-sxm4-40gb", "t4")
#: What needs no program.
LOOKING = ["driver", "gpus", "memory", "links", "clocks", "mig", "processes"]
PREFIX = "/home/alice/jax"
#: Notes who runs the environment's Python.
WHO = "import os; open('/var/tmp/who', 'a').write('%d ' % os.getuid())"


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """Two A100 and a T4 with their driver; the first check brings nvidia-ml-py."""
    fleet.reset(NODE, *BOARDS)
    bare = checked(fleet, NODE, only=LOOKING)
    assert (
        "no driver" in of(bare, "driver_versions")[0]["reason"] and of(bare, "nvml")[0]["result"] == "failed"
    )
    done = fleet.driver(NODE, version=DRIVER)
    assert not done.get("failed"), done.get("msg")
    first = checked(fleet, NODE, only=["nvml"])
    assert [step["action"] for step in first["steps"]] in ([], ["bring-pynvml"])
    return NODE


def checked(fleet: Fleet, node: str, check: bool = False, **options: Any) -> dict[str, Any]:
    """The result of one check, failed or not."""
    return fleet.task(node, {MODULE: options}, check=check)


def of(result: dict[str, Any], name: str) -> list[dict[str, str]]:
    """The rows of a name."""
    return [row for row in result["rows"] if row["name"] == name]


def failing(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Which rows failed, and of what."""
    return [(row["name"], row["subject"].partition(" (")[0]) for row in result["failed_rows"]]


def test_a_healthy_node(fleet: Fleet, node: str) -> None:
    for check in (True, False):
        done = checked(fleet, node, check, only=LOOKING, expected_gpus=3)
        assert not done.get("failed") and not done["changed"] and not done["steps"], done["msg"]
        assert done["summary"]["failed"] == 0 and done["summary"]["ok"] >= 12, done["rows"]
        assert [row["result"] for row in of(done, "xids")] == ["ok"] * 3
    wrong = checked(fleet, node, only=["gpu_count", "gpu_model"], expected_gpus=8, expected_model="A100")
    assert failing(wrong) == [("gpu_count", "node"), ("gpu_model", "GPU 2")]
    assert "NVML shows 3 GPUs, PCI 3, and 8 are expected" in wrong["msg"] and not wrong["changed"]


def test_what_boards_can_have(fleet: Fleet, node: str) -> None:
    fleet.sh(
        node, "gpu-simulator set 0 remapped_pending 1; gpu-simulator set 1 ecc_volatile_uncorrected_dram 3"
    )
    fleet.sh(node, "gpu-simulator set 1 pcie_width 4; gpu-simulator set 2 clocks_event_reasons 0x40")
    fleet.sh(
        node, "gpu-simulator xid 2 109 'pid=7, name=python3, Ch 00000008, errorString CTX SWITCH TIMEOUT'"
    )
    done = checked(fleet, node, only=LOOKING)
    assert failing(done) == [
        ("xids", "GPU 2"),
        ("ecc_errors", "GPU 1"),
        ("remapped_rows", "GPU 0"),
        ("pcie_width", "GPU 1"),
        ("throttling", "GPU 2"),
    ]
    assert all(row["next"] for row in done["failed_rows"]) and done["msg"].startswith("5 of ")
    lived_with = checked(
        fleet, node, only=LOOKING, tolerate=["memory", "throttling"], accepted_xids=[109], min_pcie_width=4
    )
    assert not lived_with.get("failed") and lived_with["summary"]["warned"] >= 3, lived_with["msg"]
    fleet.sh(node, "gpu-simulator set 0 remapped_pending 0")
    fleet.lab("reboot", node)
    assert not checked(fleet, node, only=LOOKING).get("failed"), "counts and log end with the boot"


def test_a_gpu_off_the_bus(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "gpu-simulator lose 1")
    done = checked(fleet, node, only=LOOKING, fail=False)
    assert not done.get("failed"), "it was asked for a report"
    assert failing(done) == [("gpu_count", "node"), ("gpu_answers", "GPU 1"), ("xids", "GPU at 0000:0d:00.0")]
    assert "fallen off the bus" in done["msg"]
    fleet.sh(node, "gpu-simulator restore 1")
    fleet.lab("reboot", node)


def test_the_role(fleet: Fleet, node: str) -> None:
    role = {"role": "labfleet.gpu.gpu_check", "gpu_check_only": ["gpus"], "gpu_check_expected_gpus": 4}
    path = fleet.work / "check-role.yml"
    path.write_text(json.dumps([{"hosts": node, "gather_facts": False, "become": True, "roles": [role]}]))
    run = fleet.playbook(path)
    assert run.rc != 0 and "correct gpu_check_expected_gpus" in run.output, run.output
    role["gpu_check_expected_gpus"] = 3
    path.write_text(json.dumps([{"hosts": node, "gather_facts": False, "become": True, "roles": [role]}]))
    run = fleet.playbook(path)
    assert run.rc == 0 and run.recap[node]["changed"] == 0, run.output


def test_the_real_compiler(fleet: Fleet, node: str) -> None:
    assert {row["result"] for row in checked(fleet, node, only=["toolkits"])["rows"]} == {"skipped"}
    lay_out(fleet, node)
    fleet.sh(node, "apt-get -qq update && apt-get -qq install -y --no-install-recommends g++ >/dev/null")
    done = checked(fleet, node, only=["toolkits"])
    (compiles,), (runs,) = of(done, "nvcc_compiles"), of(done, "nvcc_runs")
    assert compiles["result"] == "ok" and compiles["subject"] == f"CUDA 13.0 ({HOME})", done["msg"]
    assert compiles["reason"] == "nvcc compiles for compute capability 7.5, 8.0"
    assert runs["result"] == "failed" and "CUDA does not start: cudaError" in runs["reason"], (
        "nothing computes here"
    )
    assert not fleet.sh(node, "ls -d /tmp/labfleet* /var/tmp/labfleet* 2>/dev/null || true")
    fleet.sh(node, "gpu-simulator set 2 cuda_capability 7.0")
    (compiles,) = of(checked(fleet, node, only=["nvcc_compiles"]), "nvcc_compiles")
    fleet.sh(node, "gpu-simulator set 2 cuda_capability 7.5")
    assert (
        compiles["result"] == "failed" and "Unsupported gpu architecture 'compute_70'" in compiles["reason"]
    )
    assert compiles["next"].startswith("have a toolkit that knows these GPUs")


def test_leftovers_of_slurm(fleet: Fleet, node: str) -> None:
    slurm = Slurm(fleet, node)
    slurm.install()
    living = slurm.sh("sbatch --parsable --output=/dev/null --wrap 'exec sleep 7001'")
    over = slurm.sh(
        "sbatch --parsable --output=/dev/null --wrap 'setsid --fork sleep 7002 </dev/null >/dev/null 2>&1'"
    )
    inside, outside = running(fleet, node, "sleep 7001"), running(fleet, node, "sleep 7002")
    slurm.sh(
        f"while scontrol show job {over} | grep -q 'JobState=\\(RUNNING\\|COMPLETING\\)'; do sleep 1; done"
    )
    for gpu, pid in ((0, inside), (1, outside)):
        fleet.sh(node, f"gpu-simulator process add {gpu} --pid {pid} --memory 512")
    found = checked(fleet, node, only=["leftovers"], leftover_minutes=0)
    jobs = {each["pid"]: (each["job"], each["leftover"], each["reason"]) for each in found["processes"]}
    assert jobs == {
        int(inside): (f"slurm:{living}", False, "its job lives"),
        int(outside): (f"slurm:{over}", True, f"its Slurm job {over} is over"),
    }
    assert found["failed"] and not found["changed"] and "end_leftovers: true" in found["msg"]
    wish: dict[str, Any] = {"only": ["leftovers"], "leftover_minutes": 0, "end_leftovers": True}
    foretold = checked(fleet, node, check=True, **wish)
    assert foretold["changed"] and running(fleet, node, "sleep 7002") == outside
    done = checked(fleet, node, **wish)
    assert not done.get("failed") and done["changed"] and done["steps"] == foretold["steps"], done["msg"]
    assert (
        not fleet.sh(node, "pgrep -xf 'sleep 7002' || true") and running(fleet, node, "sleep 7001") == inside
    )
    again = checked(fleet, node, **wish)
    assert not again.get("failed") and not again["changed"]
    slurm.cancel(living)


def test_leftovers_of_logins(fleet: Fleet, node: str) -> None:
    # Real machines have it; with it, logind knows of logins.
    fleet.sh(node, "apt-get -qq update && apt-get -qq install -y libpam-systemd >/dev/null")
    fleet.sh(node, "id alice 2>/dev/null || useradd -m alice; id bob 2>/dev/null || useradd -m bob")
    fleet.sh(node, "su - alice -c 'setsid --fork sleep 7003 </dev/null >/dev/null 2>&1'")
    fleet.sh(
        node, "setsid --fork su - bob -c 'setsid --fork sleep 7004; sleep 7005' </dev/null >/dev/null 2>&1"
    )
    fleet.sh(node, "systemd-run --quiet --uid=alice sleep 7006")
    pids = {running(fleet, node, f"sleep {number}"): number for number in (7003, 7004, 7005, 7006)}
    for pid in pids:
        fleet.sh(node, f"gpu-simulator process add 0 --pid {pid} --memory 16")
    found = checked(fleet, node, only=["leftovers"], leftover_minutes=0)
    told = {pids[str(each["pid"])]: each for each in found["processes"]}
    assert told[7003]["leftover"] and told[7003]["job"].startswith("session:"), told[7003]
    assert told[7003]["reason"].startswith("its parent is gone, and alice is not logged in")
    assert not found.get("failed") and found["summary"]["warned"] == 1, "it may be somebody's nohup"
    assert not told[7004]["leftover"] and told[7004]["job"].startswith("session:"), told[7004]
    assert not told[7005]["leftover"] and told[7006]["reason"].startswith("it is in run-"), told
    done = checked(fleet, node, only=["leftovers"], leftover_minutes=0, end_leftovers=True)
    assert done["changed"] and not done.get("failed"), done["msg"]
    assert not fleet.sh(node, "pgrep -xf 'sleep 7003' || true")
    assert len(fleet.sh(node, "pgrep -xf '([^ ]*/)?sleep 700[456]'").split()) == 3
    fleet.sh(node, "pkill -xf '([^ ]*/)?sleep 700[456]'")


def running(fleet: Fleet, node: str, command: str) -> str:
    """The pid of a program, once it runs."""
    for _second in range(60):
        found = fleet.sh(node, f"pgrep -xf '([^ ]*/)?{command}' || true")
        if found:
            return found
        time.sleep(1)
    raise AssertionError(f"{command} does not run")


def test_a_real_framework(fleet: Fleet, debian: str) -> None:
    """Of a user, whose Python root does not run; the node has no driver, and the framework is for the CPU."""
    find = [sys.executable, str(ROOT / "tests/tools/environments.py"), "jax"]
    folder = subprocess.run(find, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout.strip()
    inside = [sys.executable, str(ROOT / "tests/lab/lab.py"), "--lab", LAB_NUMBER, "exec", debian, "--"]
    fleet.sh(debian, f"useradd -m alice && python3 -m venv --without-pip {PREFIX}")
    (packages,) = Path(folder).glob("lib/python3.*/site-packages")
    target = f"{PREFIX}/lib/{packages.parent.name}/site-packages"
    with subprocess.Popen(["tar", "-C", str(packages), "-c", "."], stdout=subprocess.PIPE) as packed:
        subprocess.run([*inside, "tar", "-x", "-C", target], stdin=packed.stdout, check=True, timeout=300)
    assert packed.returncode == 0
    fleet.sh(debian, f'echo "{WHO}" > {target}/who.pth; chown -R alice: {PREFIX}')
    done = checked(fleet, debian, only=["environment"], environment=PREFIX)
    results = {row["name"]: (row["result"], row["reason"]) for row in done["rows"]}
    assert results == {
        "framework": ("ok", "it is imported, and multiplies on the CPU"),
        "framework_cuda": ("failed", "this build is for the CPU alone"),
        "framework_cudnn": ("skipped", "this build is for the CPU alone"),
        "framework_gpus": ("failed", "it sees no GPU: this build is for the CPU alone"),
        "framework_product": ("skipped", "it sees no GPU"),
    }
    assert of(done, "framework")[0]["subject"] == f"JAX 0.10.2 ({PREFIX})"
    users = set(fleet.sh(debian, "cat /var/tmp/who").split())
    assert users == {fleet.sh(debian, "id -u alice")}, "root ran what a user could have written"
    fleet.sh(debian, f"echo 'raise OSError(\"broken\")' > {target}/jax/__init__.py")
    broken = checked(fleet, debian, only=["framework"], environment="jax", environment_root="/home/alice")
    assert (
        failing(broken) == [("framework", "JAX")] and "cannot be imported: OSError: broken" in broken["msg"]
    )
