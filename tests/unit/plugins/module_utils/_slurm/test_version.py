# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Slurm it is: what is written takes 20.11, and MIG devices 21.08."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.labfleet.gpu.tests.unit.support.slurm_node import SlurmNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)


@pytest.mark.parametrize(
    "slurmd, slurmctld, older",
    [
        ("slurm-wlm 19.05.5", "19.05.5", "19.05.5"),
        ("slurm 20.11.9", "21.08.5", "20.11.9"),
        ("", "20.11.6", "20.11.6"),
        ("slurm 21.08.8-2", "21.08.8-2", ""),
        ("slurm 23.11.0-0rc1", "24.05.4", ""),
        ("", "21.08.5", ""),
        ("", "(null)", ""),
    ],
)
def test_a_slurm_that_knows_no_mig_devices(slurm: SlurmNode, slurmd: str, slurmctld: str, older: str) -> None:
    slurm.mig.add("a100-sxm4-40gb")
    slurm.mig.hold(instances={"1g.5gb": 7})
    slurm.cluster.slurmd, slurm.cluster.version = slurmd, slurmctld
    if not older:
        slurm.hold()
        return
    said = "Slurm here is %s, which does not know MIG devices (gpu1): upgrade Slurm to 21.08 or" % older
    assert slurm.refused().startswith(said) and slurm.refused(autodetect="nvml").startswith(said)
    assert not slurm.gres_conf
    slurm.mig.hold(mig=False)
    if older.startswith("19."):
        assert "does not know AutoDetect for one node, which each line has (gpu1)" in slurm.refused()
    else:
        slurm.hold()
        slurm.hold(state="absent")
