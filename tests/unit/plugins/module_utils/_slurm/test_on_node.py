# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Slurm is told of GPUs that are there: written, changed, refused, cut off."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.node import NOTE
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.observe import controller
from ansible_collections.labfleet.gpu.tests.unit.support.slurm_node import SlurmNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, T4 = "a100-sxm4-40gb", "t4"
CONF = "/etc/slurm/slurm.conf"
MIXED = ["3g.20gb", "1g.5gb", "2g.10gb", "1g.5gb"]
GRES = "gpu:2g.10gb:1,gpu:1g.5gb:2,gpu:3g.20gb:1"


def actions(plan: Any) -> List[str]:
    """But for the drop-in of slurmd's unit, of which test_device_files tells."""
    return [step.action for step in plan.steps if not step.action.endswith("-drop-in")]


def divided(slurm: SlurmNode) -> None:
    slurm.mig.add(A100)
    slurm.mig.hold(instances=MIXED)
    slurm.cluster.next_gres = GRES


def ours(slurm: SlurmNode) -> List[str]:
    return [line for line in slurm.gres_conf.splitlines() if not line.startswith("#")]


def test_mig_devices_with_their_files(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.mig.add(T4)
    plan = slurm.hold()
    assert actions(plan) == ["write-slurm-file", "restart-slurmd"]
    found = [dict(word.split("=") for word in line.split()) for line in ours(slurm)]
    assert [each["Type"] for each in found] == ["2g.10gb", "1g.5gb", "1g.5gb", "3g.20gb", "tesla_t4"]
    assert found[-1]["File"] == "/dev/nvidia1"
    for each in found[:-1]:
        gpu, instance, compute = each["MultipleFiles"].split(",")
        assert gpu == "/dev/nvidia0"
        minors = [int(path.rpartition("cap")[2]) for path in (instance, compute)]
        assert (minors[0] - 3) % 9 == 0 and minors[1] == minors[0] + 1, "an instance and its compute instance"
    assert len({each["MultipleFiles"] for each in found[:-1]}) == 4
    assert plan.foretold()["node_line"] == "NodeName=gpu1 Gres=%s,gpu:tesla_t4:1" % GRES
    assert all(each["uuid"].startswith("MIG-") for each in plan.foretold()["gres"][:-1])
    assert slurm.cluster.ran == ["systemctl restart -- slurmd.service"]


def test_types_as_slurm_detects_them(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.hold(types="autodetect")
    assert "Type=nvidia_a100_3g.20gb " in slurm.gres_conf


def test_a_new_layout(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.hold()
    slurm.mig.hold(instances={"1g.5gb": 7})
    assert len(ours(slurm)) == 4
    slurm.hold()
    assert len(ours(slurm)) == 7 and {line.split()[3] for line in ours(slurm)} == {"Type=1g.5gb"}
    slurm.mig.hold(mig=False)
    slurm.hold()
    assert ours(slurm) == ["NodeName=gpu1 AutoDetect=off Name=gpu Type=a100-sxm4-40gb File=/dev/nvidia0"]


def test_mig_mode_without_devices_is_told(slurm: SlurmNode) -> None:
    slurm.mig.add(A100, mode=1)
    plan = slurm.hold()
    assert not ours(slurm) and "GPU 0 (NVIDIA A100-SXM4-40GB) is in MIG mode without" in plan.warnings[0]


@pytest.mark.parametrize(
    "state, jobs, drained",
    [
        ("IDLE+DRAIN", [], True),
        ("IDLE*+DRAIN", [], True),
        ("DOWN*+DRAIN+NOT_RESPONDING", [], True),
        ("IDLE+DRAIN+INVALID_REG", [], True),
        ("IDLE", [], False),
        ("DOWN", [], False),
        ("MIXED+DRAIN", ["7 (alice, train)"], False),
        ("ALLOCATED+DRAIN", [], False),
        ("IDLE+COMPLETING+DRAIN", [], False),
        ("IDLE+DRAIN", ["7 (alice, train)"], False),
    ],
)
def test_only_on_a_drained_node(slurm: SlurmNode, state: str, jobs: List[str], drained: bool) -> None:
    divided(slurm)
    slurm.cluster.state, slurm.cluster.jobs = state, jobs
    if drained:
        slurm.hold()
        return
    said = slurm.refused()
    assert said.startswith("The GPUs of a node change only while it is drained (gpu1 is %s" % state)
    assert "'scontrol update NodeName=gpu1 State=DRAIN Reason=GPUs'" in said
    assert all(job in said for job in jobs)
    slurm.cluster.state, slurm.cluster.jobs = "IDLE+DRAIN", []
    slurm.hold()
    slurm.cluster.state = state
    slurm.quiet()


@pytest.mark.parametrize(
    "title", ["slurmstepd: [7.batch]", "slurmstepd: [7.0]", "/usr/sbin/slurmstepd\0infinity\0007\0", ""]
)
def test_a_job_that_slurmctld_does_not_list(slurm: SlurmNode, title: str) -> None:
    divided(slurm)
    slurm.process("slurmstepd", 901, title)
    assert "only while it is drained" in slurm.refused()


@pytest.mark.parametrize("program", ["/usr/sbin/slurmstepd", "slurmstepd"])
def test_what_keeps_the_scope_of_jobs_is_none(slurm: SlurmNode, program: str) -> None:
    """As Debian's slurmd 22.05 starts it; it stays when slurmd ends."""
    divided(slurm)
    slurm.process("slurmstepd", 901, program + "\0infinity\0")
    slurm.hold()
    slurm.mig.hold(instances={"1g.5gb": 7})
    slurm.process("")
    slurm.cluster.state, slurm.cluster.units["slurmd.service"] = None, "inactive"
    assert actions(slurm.hold()) == ["write-slurm-file"]


def test_a_controller_that_does_not_answer(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.cluster.state = None
    assert slurm.refused().startswith(
        "It cannot be told whether the node is drained (gpu1: slurm_load_node error"
    )
    slurm.process("")
    slurm.cluster.units["slurmd.service"] = "inactive"
    assert actions(slurm.hold()) == ["write-slurm-file"], (
        "without Slurm there are no jobs, and nothing restarts"
    )


def test_a_name_that_slurmctld_does_not_know(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.cluster.state = ""
    assert "set node_name: NAME" in slurm.refused()
    with pytest.raises(BadWish):
        slurm.wish(node_name="gpu[1-2]")
    with pytest.raises(BadWish):
        slurm.wish(path="gres.conf")


def test_lines_of_others(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.tree.write("/etc/slurm/gres.conf", "Name=gpu File=/dev/nvidia0\nName=nic Count=1\n")
    assert "(line 1, Name=gpu File=/dev/nvidia0): remove them, or set take_over: true" in slurm.refused()
    slurm.hold(take_over=True, backup=True)
    assert slurm.gres_conf.startswith("Name=nic Count=1\n# BEGIN") and len(ours(slurm)) == 5
    assert (slurm.tree.files.text("/etc/slurm/gres.conf~") or "").startswith("Name=gpu")
    slurm.tree.write("/etc/slurm/gres.conf", "NodeName=gpu[1-2] Name=gpu File=/dev/nvidia0\n")
    assert "take gpu1 out of it" in slurm.refused(take_over=True)


def test_the_line_of_slurm_conf(slurm: SlurmNode) -> None:
    divided(slurm)
    assert "add 'NodeName=gpu1 Gres=%s', with" % GRES in slurm.refused(slurm_conf=CONF)
    path = slurm.tree.write(CONF, "NodeName=gpu[1-2] CPUs=2\n")
    assert "give the node a line of its own" in slurm.refused(slurm_conf=CONF)
    path.write_text("NodeName=gpu1 CPUs=2 Gres=nic:1\n")
    os.chmod(str(path), 0o640)
    plan = slurm.hold(slurm_conf=CONF)
    assert actions(plan) == ["write-slurm-file", "write-slurm-file", "reconfigure-slurm", "restart-slurmd"]
    assert slurm.slurm_conf == "NodeName=gpu1 CPUs=2 Gres=%s,nic:1\n" % GRES
    assert os.stat(str(path)).st_mode & 0o777 == 0o640
    assert slurm.cluster.ran == ["scontrol reconfigure", "systemctl restart -- slurmd.service"]


def test_a_controller_on_the_node(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.cluster.units["slurmctld.service"] = "active"
    slurm.tree.write(CONF, "NodeName=gpu1 CPUs=2\n")
    slurm.hold(slurm_conf=CONF)
    assert slurm.cluster.ran == [
        "systemctl restart -- slurmctld.service",
        "systemctl restart -- slurmd.service",
    ]


def test_a_controller_that_keeps_the_former_line(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.cluster.next_gres = "gpu:1g.5gb:7"
    slurm.tree.write(CONF, "NodeName=gpu1 CPUs=2\n")
    slurm.hold(slurm_conf=CONF)
    assert slurm.warnings == ["slurmctld still has Gres=gpu:1g.5gb:7 for gpu1: restart it where it runs."]


def test_a_line_that_is_kept_elsewhere(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.cluster.gres = "gpu:1g.5gb:7"
    plan = slurm.plan()
    assert "put 'NodeName=gpu1 Gres=%s' into slurm.conf on the controller" % GRES in plan.warnings[-1]
    slurm.cluster.gres = "gpu:3g.20gb:1(S:0),gpu:2g.10gb:1(S:0),gpu:1g.5gb:2(S:0)"
    assert not slurm.plan().warnings
    slurm.cluster.types = "(null)"
    assert "add GresTypes=gpu" in slurm.plan().warnings[-1]


def test_out_again(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.tree.write(CONF, "NodeName=gpu1 CPUs=2\n")
    slurm.hold(slurm_conf=CONF)
    slurm.hold(slurm_conf=CONF, state="absent")
    assert not slurm.tree.files.exists("/etc/slurm/gres.conf")
    assert slurm.slurm_conf == "NodeName=gpu1 CPUs=2\n"


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("wish", [{}, {"state": "absent"}])
def test_a_run_that_is_cut_off(slurm: SlurmNode, steps: int, wish: Dict[str, Any]) -> None:
    divided(slurm)
    slurm.tree.write(CONF, "NodeName=gpu1 CPUs=2\n")
    if wish:
        slurm.hold(slurm_conf=CONF)
        slurm.cluster.next_gres = "(null)"
    slurm.cluster.ran.clear()
    slurm.apply(slurm.plan(slurm_conf=CONF, **wish), steps, slurm_conf=CONF, **wish)
    if steps < 5:
        slurm.hold(slurm_conf=CONF, **wish)
    assert slurm.cluster.ran.count("systemctl restart -- slurmd.service") == 1
    assert slurm.cluster.ran.count("scontrol reconfigure") == 1
    slurm.quiet(slurm_conf=CONF, **wish)


def test_a_daemon_that_does_not_stay_up(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.cluster.broken = ("slurmd.service",)
    with pytest.raises(EffectError, match="slurmd.service does not stay up"):
        slurm.apply(slurm.plan())
    slurm.cluster.broken = ()
    assert actions(slurm.hold()) == ["restart-slurmd"], "it is still owed"


def test_a_controller_that_does_not_come_back(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.cluster.units["slurmctld.service"] = "active"
    slurm.tree.write(CONF, "NodeName=gpu1 CPUs=2\n")
    plan = slurm.plan(slurm_conf=CONF)
    slurm.cluster.state = None
    with pytest.raises(EffectError, match="does not answer after its restart .slurm_load_node error"):
        slurm.apply(plan)
    slurm.cluster.state = "IDLE+DRAIN"
    assert actions(slurm.hold(slurm_conf=CONF)) == ["restart-slurmctld", "restart-slurmd"]


def test_a_registration_that_slurmctld_refuses(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.cluster.state = "IDLE+DRAIN+INVALID_REG"
    slurm.hold()
    assert "takes gpu1 for invalid (IDLE+DRAIN+INVALID_REG)" in slurm.warnings[0]
    assert "takes gpu1 for invalid" in slurm.plan().warnings[0], "a run that changes nothing says so too"


def test_a_daemon_that_failed_before(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.hold()
    slurm.cluster.units["slurmd.service"], slurm.cluster.state = "failed", "DOWN*"
    slurm.process("")
    plan = slurm.plan()
    assert actions(plan) == ["restart-slurmd"] and "slurmd failed" in plan.steps[0].why
    slurm.cluster.units["slurmd.service"] = "inactive"
    slurm.quiet()


def test_nvml_in_slurm(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.tree.write("/usr/lib/x86_64-linux-gnu/slurm-wlm/gres_gpu.so")
    assert "Slurm has no gpu_nvml.so here" in slurm.refused(autodetect="nvml")
    slurm.tree.write("/usr/lib/x86_64-linux-gnu/slurm-wlm/gpu_nvml.so")
    slurm.hold(autodetect="nvml")
    assert ours(slurm) == ["NodeName=gpu1 AutoDetect=nvml"]
    slurm.mig.hold(instances={"1g.5gb": 7})
    assert actions(slurm.hold(autodetect="nvml")) == ["write-slurm-file", "restart-slurmd"]
    slurm.mig.hold(instances=[])
    slurm.mig.hold(instances={"1g.5gb": 7})
    plan = slurm.hold(autodetect="nvml")
    assert actions(plan) == ["restart-slurmd"] and "not those that slurmd found" in plan.steps[0].why
    slurm.tree.path(NOTE).unlink()
    slurm.quiet(autodetect="nvml")


def test_numbers_without_a_fence(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.tree.write("/etc/slurm/cgroup.conf", "#ConstrainDevices=yes\n")
    (warning,) = [each for each in slurm.plan().warnings if "ConstrainDevices" in each]
    assert warning.startswith("/etc/slurm/cgroup.conf has no ConstrainDevices=yes")


def test_no_driver(slurm: SlurmNode) -> None:
    slurm.tree.path("/run/gpu-simulator/module/version").unlink()
    slurm.tree.path("/proc/driver/nvidia/version").unlink()
    plan = slurm.plan()
    assert not plan.steps and plan.needs, plan
    slurm.quiet(state="absent")


def test_a_file_behind_a_link(slurm: SlurmNode) -> None:
    divided(slurm)
    slurm.tree.write("/shared/gres.conf", "NodeName=gpu2 Name=gpu File=/dev/nvidia0\n")
    slurm.tree.link("/etc/slurm/gres.conf", "../../shared/gres.conf")
    slurm.hold()
    assert slurm.tree.path("/etc/slurm/gres.conf").is_symlink()
    assert "NodeName=gpu1" in (slurm.tree.files.text("/shared/gres.conf") or "")


def test_what_slurmctld_says(slurm: SlurmNode) -> None:
    slurm.cluster.gres, slurm.cluster.jobs = "gpu:a:1(S:0,1),nic:2", ["7 (alice, train)"]
    seen = controller(Commands(slurm.cluster), slurm.tree.files, "gpu1")
    assert seen.gres == ("gpu:a:1(S:0,1)", "nic:2") and seen.jobs == ("7 (alice, train)",)
    assert (seen.state, seen.has_nvml, seen.gpus_counted) == ("IDLE+DRAIN", None, True)
