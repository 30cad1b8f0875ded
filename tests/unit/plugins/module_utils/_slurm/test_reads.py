# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether slurmd reads the file that is written: how it is started, and what it lists after its restart."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.reads import files_in
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.started import Started, started
from ansible_collections.labfleet.gpu.tests.unit.support.slurm_node import SlurmNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

compiles = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)
UNIT = """ActiveState=%s
ExecStart={ path=/opt/slurm/sbin/slurmd ; argv[]=/opt/slurm/sbin/slurmd --systemd $SLURMD_OPTIONS ; pid=0 }
Environment=LANG=C
EnvironmentFiles=/etc/default/slurmd (ignore_errors=yes)
EnvironmentFiles=/etc/sysconfig/slurmd (ignore_errors=yes)
"""
OPT = "/opt/slurm/etc/slurm.conf"


@pytest.fixture
def divided(slurm: SlurmNode) -> SlurmNode:
    """A100 with three slices; slurmctld counts them."""
    slurm.mig.add("a100-sxm4-40gb")
    slurm.mig.hold(instances=["3g.20gb", "2g.10gb", "1g.5gb"])
    slurm.cluster.gres = "gpu:2g.10gb:1,gpu:1g.5gb:1,gpu:3g.20gb:1"
    return slurm


@pytest.mark.parametrize(
    "default, found",
    [
        ("", Started("/opt/slurm/sbin/slurmd")),
        ('SLURMD_OPTIONS="--conf-server ctl:6817"\n', Started("/opt/slurm/sbin/slurmd", "ctl:6817")),
        ("# SLURMD_OPTIONS=--conf-server=ctl\n", Started("/opt/slurm/sbin/slurmd")),
        ("SLURM_CONF_SERVER=ctl\n", Started("/opt/slurm/sbin/slurmd", "ctl")),
        ("SLURMD_OPTIONS='-f %s'\n" % OPT, Started("/opt/slurm/sbin/slurmd", "", OPT, ("-f", OPT))),
        ("SLURM_CONF=%s\n" % OPT, Started("/opt/slurm/sbin/slurmd", "", OPT, ("-f", OPT))),
        ("SLURMD_OPTIONS=-Nn1\n", Started("/opt/slurm/sbin/slurmd", options=("-N", "n1"))),
    ],
)
def test_how_the_unit_starts_it(tree: Tree, default: str, found: Started) -> None:
    tree.write("/etc/default/slurmd", default)
    assert started(tree.files, UNIT % "inactive") == found


def test_how_it_runs(tree: Tree) -> None:
    tree.write("/etc/default/slurmd", "SLURM_CONF=/etc/slurm/slurm.conf\n")
    tree.write("/proc/900/comm", "slurmd\n")
    tree.write("/proc/900/cmdline", "/usr/sbin/slurmd\0-D\0--conf-server=ctl\0")
    assert started(tree.files, UNIT % "active").server == "ctl"
    tree.write("/proc/900/cmdline", "slurmd\0-D\0")
    tree.write("/proc/900/environ", "PATH=/bin\0SLURM_CONF=/var/spool/slurmd/conf-cache/slurm.conf\0")
    assert started(tree.files, UNIT % "active").server == "/var/spool/slurmd/conf-cache/slurm.conf"


def test_files_as_slurmd_lists_them() -> None:
    said = "slurmd: Gres Name=gpu Type=a Count=5 Index=0 ID=1 File=/dev/nvidia[0-2,5] Links=(null)\n"
    said += (
        "Gres Name=gpu Type=1g Count=1 Index=1 ID=1 File=/dev/nvidia6,/dev/nvidia-caps/nvidia-cap[3-4] F\n"
    )
    said += (
        "Gres Name=nic Count=1 Index=9 ID=1 File=/dev/nic Links=(null)\nGres Name=gpu Count=0 ID=1 Flags=\n"
    )
    assert files_in(said) == {
        *("/dev/nvidia%d" % each for each in (0, 1, 2, 5, 6)),
        *("/dev/nvidia-caps/nvidia-cap3", "/dev/nvidia-caps/nvidia-cap4"),
    }


@compiles
def test_a_slurmd_that_fetches_its_files(divided: SlurmNode) -> None:
    divided.process("slurmd", title="/usr/sbin/slurmd\0-D\0--conf-server\0ctl\0")
    said = divided.refused()
    assert "reads no /etc/slurm/gres.conf (ctl): put the GPUs of gpu1 into the gres.conf beside" in said
    divided.quiet(state="absent")
    divided.process("slurmd", title="/usr/sbin/slurmd\0-D\0")
    divided.hold()


@compiles
def test_a_slurmd_with_another_slurm_conf(divided: SlurmNode) -> None:
    divided.process("slurmd", title="/usr/sbin/slurmd\0-f\0%s\0" % OPT)
    assert "not /etc/slurm/gres.conf (%s): set path: /opt/slurm/etc/gres.conf" % OPT in divided.refused()
    divided.cluster.listed = lambda: (0, divided.reads("/opt/slurm/etc/gres.conf"))
    divided.hold(path="/opt/slurm/etc/gres.conf")
    assert divided.cluster.asked[-1:] == ["/usr/sbin/slurmd -G -f %s" % OPT]
    divided.tree.write("/opt/slurm/etc/gres.conf", "Include /etc/slurm/gres.conf\n")
    divided.cluster.listed = lambda: (0, divided.reads("/etc/slurm/gres.conf"))
    divided.hold()


@compiles
def test_a_slurmd_that_was_built_for_another_place(divided: SlurmNode) -> None:
    divided.cluster.listed = lambda: (0, divided.reads("/opt/slurm/etc/gres.conf"))
    plan = divided.plan()
    for _run in range(2):
        with pytest.raises(
            EffectError, match="does not have the GPUs of /etc/slurm/gres.conf .'.*slurmd -G'"
        ):
            divided.apply(plan)
        plan = divided.plan()
        assert [step.action for step in plan.steps] == ["restart-slurmd"], "it is not taken for done"
    divided.cluster.listed = lambda: (0, divided.reads("/etc/slurm/gres.conf"))
    divided.hold()


@compiles
def test_what_slurm_conf_does_not_count_is_not_listed(divided: SlurmNode) -> None:
    divided.cluster.gres, divided.cluster.listed = "gpu:1g.5gb:7", lambda: (0, "")
    divided.hold()
    assert not [each for each in divided.cluster.asked if "-G" in each]


@compiles
def test_a_slurmd_that_does_not_list(divided: SlurmNode) -> None:
    divided.cluster.listed = lambda: (1, "slurmd: fatal: Unable to find node record\n")
    divided.hold()
    assert "not known whether slurmd reads /etc/slurm/gres.conf: " in divided.warnings[0]
