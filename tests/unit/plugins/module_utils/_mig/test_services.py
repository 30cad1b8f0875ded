# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services around a change of MIG: named before it, and left to the next run where they do not start."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._clients import STOPPED
from ansible_collections.labfleet.gpu.plugins.module_utils._deadline import HUNG
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.remembered import chosen
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import MigNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100 = "a100-sxm4-40gb"


def test_a_service_that_could_not_start_is_for_the_next_run(mig: MigNode) -> None:
    """The run that tried it ends well all the same, and the next plans to start it."""
    mig.add(A100, 1)
    mig.tree.write(STOPPED, "nvidia-dcgm.service\n")
    mig.programs.failing = "nvidia-dcgm.service"
    plan = mig.hold(gpus=[0], mig=True)
    assert [step.action for step in plan.steps] == [
        "start-gpu-services"
    ] and "could not start them" in plan.steps[0].why
    assert "nvidia-dcgm.service does not start again" in mig.warnings[0]
    noted = mig.tree.files.text(STOPPED) or ""
    mig.tree.write(STOPPED, noted.replace(str(os.getpid()), "1"))
    mig.programs.failing = ""
    assert [step.action for step in mig.hold(gpus=[0], mig=True).steps] == ["start-gpu-services"]
    assert mig.tree.files.text(STOPPED) is None and not mig.plan(gpus=[0], mig=True).steps


def watched(mig: MigNode, *dependents: str) -> None:
    """DCGM has GPU 0 open, and systemd stops its exporter and ``dependents`` with it."""
    mig.add(A100)
    mig.tree.write("/proc/1/cgroup", "0::/init.scope\n")
    for pid, name in ((14, "nv-hostengine"), (15, "dcgm-exporter"), (16, "health-agent")):
        mig.tree.write("/proc/%d/comm" % pid, name + "\n")
    mig.tree.write("/proc/14/cgroup", "0::/system.slice/nvidia-dcgm.service\n")
    mig.tree.link("/proc/14/fd/3", "/dev/nvidia0")
    names = ("dcgm-exporter.service", "multi-user.target", *dependents)
    mig.programs.dependents["nvidia-dcgm.service"] = " ".join(names)
    mig.programs.main.update({"dcgm-exporter.service": 15, "health.service": 16})


@pytest.mark.parametrize("unit", ["health.service", "prologue.service"], ids=["process", "none"])
def test_what_else_systemd_would_stop_is_asked_for(mig: MigNode, unit: str) -> None:
    """By its name or by consent to all; a service that uses no GPU is nobody's to stop for one."""
    watched(mig, unit)
    said = mig.refused(gpus=[0], mig=True)
    assert said.startswith("Services would stop that use no GPU which is to change (GPU 0; systemd stops ")
    assert "%s with nvidia-dcgm.service)" % unit in said and "exporter" not in said
    assert "name them in gpu_services: [%s], or set disrupt_running_work: true" % unit in said
    assert mig.refused(gpus=[0], mig=True, gpu_services=["nvidia-dcgm"]) == said
    for options in ({"gpu_services": [unit]}, {"disrupt_running_work": True}):
        steps = mig.plan(gpus=[0], mig=True, **options).steps
        assert unit in steps[0].what and unit in steps[-1].what
    assert not mig.plan(gpus=[0], mig=False).steps, "nothing stops where nothing changes"


def test_all_that_is_in_the_way_is_told_at_once(mig: MigNode, pid: int) -> None:
    watched(mig, "health.service")
    mig.work(0, pid)
    said = mig.refused(gpus=[0], mig=True)
    assert "used by %d" % pid in said and "health.service with nvidia-dcgm.service" in said


def test_what_systemd_stops_with_a_service_is_named_before(mig: MigNode) -> None:
    watched(mig)
    whats = [step.what for step in mig.plan(gpus=[0], mig=True).steps]
    assert whats[0] == ("stop nvidia-dcgm.service, and dcgm-exporter.service, which systemd stops with that")
    assert whats[-1] == "start dcgm-exporter.service, nvidia-dcgm.service"


def serving(mig: MigNode, unit: str, pid: int) -> None:
    """A process of a service on the only instance of GPU 0, with the GPU open as CUDA has it."""
    instance = mig.observe().gpus[0].gpu.instances[0]
    mig.work(0, pid, "%s %s" % (instance.id, instance.compute[0].id), "server")
    mig.tree.write("/proc/1/cgroup", "0::/init.scope\n")
    mig.tree.write("/proc/%d/cgroup" % pid, "0::/system.slice/%s\n" % unit)
    mig.tree.link("/proc/%d/fd/3" % pid, "/dev/nvidia0")


@pytest.mark.parametrize("options", [{"mig": False}, {"instances": ["3g.20gb"]}], ids=["mode", "instances"])
def test_a_service_that_may_stop_needs_no_other_consent(
    mig: MigNode, pid: int, options: Dict[str, Any]
) -> None:
    mig.add(A100, 1)
    mig.hold(instances=["7g.40gb"])
    serving(mig, "inference.service", pid)
    assert "set disrupt_running_work: true, or for services alone gpu_services: [inference.service]" in (
        mig.refused(**options)
    )
    assert mig.refused(gpu_services=["other"], **options) == mig.refused(**options)
    for name in ("inference", "inference.service"):
        steps = mig.plan(gpu_services=["not-on-this-node", name], **options).steps
        assert steps[0].what == "stop inference.service" and "end-gpu-work" not in str(steps)
        assert steps[-1].what == "start inference.service"
    assert not mig.plan(gpu_services=["inference"], instances=["7g.40gb"]).steps, "it goes on"


def test_what_is_restored_is_what_is_made_where_a_service_may_stop(mig: MigNode, pid: int) -> None:
    """Its instance is free to go, for the layout that is made and for the one that is remembered."""
    mig.add(A100, 1)
    mig.hold(instances={"1g.5gb": 7})
    last = max(mig.observe().gpus[0].gpu.instances, key=lambda each: each.placement.start)
    mig.work(0, pid, "%s %s" % (last.id, last.compute[0].id), "server")
    mig.tree.write("/proc/1/cgroup", "0::/init.scope\n")
    mig.tree.write("/proc/%d/cgroup" % pid, "0::/system.slice/inference.service\n")
    options: Dict[str, Any] = {
        "instances": {"3g.20gb": 1, "1g.5gb": 1},
        "gpu_services": ["inference"],
    }
    (made,) = mig.plan(**options).foretold()["gpus"].values()
    (entry,) = chosen(mig.observe(), mig.wish(**options)).entries.values()
    assert [(each["profile"], each["placement"]) for each in entry["instances"]] == [
        (each["profile"], each["start"]) for each in made["layout"]
    ]


def test_a_reset_that_hangs_leaves_no_service_stopped(mig: MigNode) -> None:
    """The run ends and says so, and the next one waits for a reboot instead of trying again."""
    mig.add(A100, 0, mig_reset_status=16)
    mig.tree.write(STOPPED, "nvidia-dcgm.service\n")
    mig.programs.nvidia_smi = (HUNG, "'nvidia-smi --gpu-reset' did not end within 300 seconds", "")
    hangs = "its reset did not end within 300 seconds: the GPU or the driver hangs."
    said = mig.failing(gpus=[0], mig=True)
    assert said.startswith("GPU 0: %s What was stopped for it starts again; " % hangs)
    assert said.endswith("reboot the node.")
    assert mig.programs.ran[-1] == ["systemctl", "start", "--", "nvidia-dcgm.service"]
    assert mig.tree.files.text(STOPPED) is None
    plan = mig.plan(gpus=[0], mig=True)
    assert plan.reboot_reasons[0].endswith("waits for a reset to switch MIG mode on: " + hangs)
    assert not plan.steps


def test_who_is_in_no_service_is_still_in_the_way(mig: MigNode, pid: int) -> None:
    mig.add(A100, 1)
    mig.hold(instances=["7g.40gb"])
    serving(mig, "inference.service", pid)
    mig.tree.link("/proc/9/fd/3", "/dev/nvidia0")
    mig.tree.write("/proc/9/comm", "python3\n")
    said = mig.refused(mig=False, gpu_services=["inference"])
    assert "9 (root, python3)" in said and "server" not in said and "gpu_services" not in said


@pytest.mark.parametrize("options", [{"mig": False}, {"instances": ["3g.20gb"]}], ids=["mode", "instances"])
def test_an_exporter_in_a_container_is_in_the_way(mig: MigNode, pid: int, options: Dict[str, Any]) -> None:
    """It is told where it runs and what to do, and ends by consent alone."""
    mig.add(A100, 1)
    mig.hold(instances=["7g.40gb"])
    serving(mig, "exporter.service", pid)
    mig.tree.write("/proc/%d/comm" % pid, "dcgm-exporter\n")
    mig.tree.write("/proc/%d/cgroup" % pid, "0::/system.slice/docker-0123456789abcdef.scope\n")
    said = mig.refused(**options)
    assert "dcgm-exporter) in container 0123456789ab" in said and "(stop the container; a pod leaves" in said
    steps = mig.plan(disrupt_running_work=True, **options).steps
    assert steps[0].action == "end-gpu-work" and "dcgm-exporter" in steps[0].what


@pytest.mark.parametrize("name", ["", "docker.socket", "gpu.target", "a b", "nvidia-*"])
def test_what_is_no_service_is_refused(mig: MigNode, name: str) -> None:
    with pytest.raises(BadWish, match="gpu_services has"):
        mig.wish(mig=False, gpu_services=[name])


def screens(mig: MigNode) -> None:
    """The module for screens is loaded, with one on an NVIDIA GPU; another screen is another module's."""
    mig.tree.write("/sys/module/nvidia_drm/parameters/modeset", "Y\n")
    for driver, name in (("nvidia/0000:07:00.0", "card0"), ("ast/0000:02:00.0", "card1")):
        mig.tree.write("/sys/bus/pci/drivers/%s/drm/%s/dev" % (driver, name))


def shows(mig: MigNode, pid: int, command: str, name: str = "card0") -> None:
    """A process of a service has a screen open."""
    mig.tree.write("/proc/1/cgroup", "0::/init.scope\n")
    mig.tree.write("/proc/%d/comm" % pid, command + "\n")
    mig.tree.write("/proc/%d/cgroup" % pid, "0::/system.slice/%s.service\n" % command)
    mig.tree.link("/proc/%d/fd/3" % pid, "/dev/dri/" + name)


def test_the_module_for_screens_is_away_for_a_switch(mig: MigNode) -> None:
    mig.add(A100)
    screens(mig)
    plan = mig.hold(gpus=[0], mig=True)
    assert [step.what for step in plan.steps] == [
        "unload nvidia_drm",
        "GPU 0: switch MIG mode on",
        "load nvidia_drm",
    ]
    assert mig.programs.ran == [["rmmod", "nvidia_drm"], ["modprobe", "nvidia_drm"]]
    mig.programs.ran.clear()
    assert "nvidia_drm" not in str(mig.hold(gpus=[0], instances=["3g.20gb"]).steps), "a layout is no switch"
    mig.tree.write("/sys/module/nvidia_drm/parameters/modeset", "N\n")
    assert "nvidia_drm" not in str(mig.plan(gpus=[0], mig=False).steps), "without modeset it holds no GPU"


def test_who_uses_a_screen_is_in_the_way_of_a_switch(mig: MigNode) -> None:
    """On whichever GPU: the module is one. Who only holds screens for others is not named."""
    mig.add(A100)
    screens(mig)
    shows(mig, 31, "systemd-logind")
    shows(mig, 32, "gnome-shell", "card1")
    assert mig.plan(mig=True).steps[0].what == "unload nvidia_drm"
    shows(mig, 33, "Xorg")
    mig.programs.dependents["Xorg.service"] = "session.service"
    said = mig.refused(mig=True)
    assert "cannot be unloaded while it is used" in said and "nvidia_drm is used by 33 (" in said
    assert "logind" not in said and "gnome" not in said and "gpu_services: [Xorg.service]" in said
    said = mig.refused(mig=True, gpu_services=["Xorg"])
    assert "session.service with Xorg.service" in said and "gpu_services: [session.service]" in said
    for options in ({"gpu_services": ["Xorg", "session"]}, {"disrupt_running_work": True}):
        whats = [step.what for step in mig.plan(mig=True, **options).steps]
        along = "and session.service, which systemd stops with that"
        assert whats[:2] == ["stop Xorg.service, " + along, "unload nvidia_drm"], whats
        assert whats[-1] == "load nvidia_drm and start Xorg.service, session.service"


def test_a_module_that_somebody_unseen_uses_stays(mig: MigNode) -> None:
    """Refused then, the reason names it, and what to do."""
    uuid = mig.add(A100, 0, mig_reset_status=16)
    screens(mig)
    mig.tree.write("/sys/module/nvidia_drm/refcnt", "1\n")
    mig.programs.failing = "rmmod"
    mig.programs.nvidia_smi = (3, "GPU 00000000:07:00.0: In use by another client.", "")
    (reason,) = mig.hold(mig=True).reboot_reasons
    assert "nvidia_drm stays loaded" in mig.warnings[0]
    assert reason.endswith(
        "In use by another client. The module nvidia_drm is loaded and may hold it: end what uses /dev/dri, "
        "'rmmod nvidia_drm', 'nvidia-smi --gpu-reset -i %s', or reboot." % uuid
    )


def test_a_switch_that_fails_gives_the_module_back(mig: MigNode) -> None:
    mig.add(A100)
    screens(mig)
    mig.fault("nvmlDeviceSetMigMode", "return 999")
    assert "nvidia_drm" not in mig.failing(mig=True), "which has nothing to do with it"
    mig.fault("nvmlDeviceSetMigMode", "return 19")
    assert "The module nvidia_drm is loaded and may hold it" in mig.failing(mig=True), "in use"
    assert mig.programs.ran[-1] == ["modprobe", "nvidia_drm"] and mig.tree.files.text(STOPPED) is None


def test_after_a_run_that_was_killed_the_module_is_loaded(mig: MigNode) -> None:
    mig.add(A100, 1)
    mig.tree.write(STOPPED, "nvidia_drm\ntriton.service\n")
    (step,) = mig.hold(mig=True).steps
    assert step.what == "load nvidia_drm and start triton.service" and "cut off" in step.why
    assert mig.programs.ran[-2:] == [
        ["modprobe", "nvidia_drm"],
        ["systemctl", "start", "--", "triton.service"],
    ]
