# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device files that are not there: made by nvidia-modprobe, now and before each start of slurmd."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.device_files import DROP_IN, DROP_IN_TEXT
from ansible_collections.labfleet.gpu.tests.unit.support.slurm_node import SlurmNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)


@pytest.fixture
def divided(slurm: SlurmNode) -> SlurmNode:
    slurm.mig.add("a100-sxm4-40gb")
    slurm.mig.hold(instances=["3g.20gb", "1g.5gb"])
    return slurm


def gone(slurm: SlurmNode) -> None:
    """/dev as after a boot."""
    for path in [slurm.tree.path("/dev/nvidia0"), *slurm.tree.path("/dev/nvidia-caps").iterdir()]:
        path.unlink()


def test_they_are_made_first(divided: SlurmNode) -> None:
    gone(divided)
    plan = divided.plan()
    assert [step.action for step in plan.steps] == [
        *("make-device-files", "write-slurmd-drop-in", "write-slurm-file", "restart-slurmd")
    ]
    assert "/dev/nvidia0, " in plan.steps[0].what or plan.steps[0].what.endswith(
        "/dev/nvidia0 (nvidia-modprobe)"
    )
    divided.hold()
    made, reload, *_listed = divided.cluster.asked
    assert made.startswith("nvidia-modprobe -f /proc/driver/nvidia/capabilities/gpu0/mig/gi")
    assert made.endswith(" -c 0") and made.count(" -f ") == 4 and made.count("/ci0/access") == 2
    assert reload == "systemctl daemon-reload"


def test_they_are_made_while_jobs_run(divided: SlurmNode) -> None:
    divided.hold()
    gone(divided)
    divided.cluster.state = "MIXED"
    divided.cluster.ran.clear()
    assert [step.action for step in divided.hold().steps] == ["make-device-files"]
    assert not divided.cluster.ran, "nothing restarts"


def test_what_cannot_make_them(divided: SlurmNode) -> None:
    gone(divided)
    plan = divided.plan()
    divided.cluster.makes = lambda _options: 0
    with pytest.raises(
        EffectError, match="made no .*/dev/nvidia0 .it ended with 0.: see whether ModifyDevice"
    ):
        divided.apply(plan)
    divided.tree.path("/usr/bin/nvidia-modprobe").unlink()
    assert "): install nvidia-modprobe, which the driver's packages bring" in divided.refused()
    divided.tree.write("/proc/driver/nvidia-caps/mig-minors", "config 1\n")
    assert "(a file of /dev/nvidia-caps): load the driver anew" in divided.refused()


def test_the_drop_in_goes_with_what_it_is_for(divided: SlurmNode) -> None:
    files = divided.tree.files
    divided.hold()
    assert files.text(DROP_IN) == DROP_IN_TEXT
    divided.tree.write(DROP_IN, "[Service]\n")
    divided.cluster.state = "MIXED"
    assert [step.action for step in divided.hold().steps] == ["write-slurmd-drop-in"]
    divided.cluster.state = "IDLE+DRAIN"
    divided.mig.hold(mig=False)
    assert "remove-slurmd-drop-in" in [step.action for step in divided.hold().steps]
    assert not files.exists("/etc/systemd/system/slurmd.service.d")
    divided.mig.hold(instances={"1g.5gb": 7})
    divided.hold()
    divided.tree.write("/etc/systemd/system/slurmd.service.d/site.conf", "[Service]\n")
    divided.hold(state="absent")
    assert not files.exists(DROP_IN) and files.exists("/etc/systemd/system/slurmd.service.d/site.conf")


def test_what_the_drop_in_runs(tmp_path: Path) -> None:
    """Its own words, as systemd hands them to sh, on another /proc."""
    (line,) = [each for each in DROP_IN_TEXT.splitlines() if each.startswith("ExecStartPre=-+/bin/sh -c '")]
    script = line.partition("-c '")[2][:-1].replace("$$", "$").replace("/proc/", "%s/proc/" % tmp_path)
    top = tmp_path / "proc/driver/nvidia/capabilities"
    said = tmp_path / "said"
    program = tmp_path / "nvidia-modprobe"
    program.write_text('#!/bin/sh\necho "$@" >> %s\nexit 1\n' % said)
    program.chmod(0o755)
    environment = {"PATH": "%s:/usr/bin:/bin" % tmp_path}
    subprocess.run(["sh", "-c", script], env=environment, check=True)
    assert not said.exists(), "no MIG device, no call"
    places = ["gpu0/mig/gi1", "gpu0/mig/gi1/ci0", "gpu11/mig/gi13"]
    for place in places:
        (top / place).mkdir(parents=True)
        (top / place / "access").write_text("DeviceFileMinor: 1\n")
    subprocess.run(["sh", "-c", script], env=environment, check=False)
    assert sorted(said.read_text().split()) == sorted(
        ["-f"] * 3 + ["%s/%s/access" % (top, each) for each in places]
    )
