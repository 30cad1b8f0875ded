# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container can get, as NVML and the kernel tell it."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._container.observe import observe
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.tests.unit.support.container_node import Programs
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import MigNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)


def test_gpus_and_mig_devices(tree: Tree, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert library
    monkeypatch.setenv("GPU_SIMULATOR_ROOT", str(tree.root))
    mig = MigNode(tree)
    mig.add("a100-sxm4-40gb")
    mig.hold(instances=["3g.20gb", "1g.5gb"])
    mig.add("t4")
    lines, number = [], 3
    for gi in range(15):
        for place in ("gi%d" % gi, "gi%d/ci0" % gi):
            lines.append("gpu0/%s/access %d" % (place, number))
            tree.write("/dev/nvidia-caps/nvidia-cap%d" % number)
            number += 1
    tree.write("/proc/driver/nvidia-caps/mig-minors", "\n".join(lines) + "\n")
    tree.write("/dev/nvidia0")
    files = tree.files
    state = observe(Commands(Programs(tree)), files, observe_host(files))
    assert state.devices is not None and state.driver == "580.95.05"
    first, second, whole = state.devices
    assert [each.place for each in state.devices] == ["0:0", "0:1", "1"]
    assert first.uuid.startswith("MIG-") and whole.uuid.startswith("GPU-") and first.uuid != second.uuid
    assert first.files[0] == second.files[0] == "/dev/nvidia0" and len(set(first.files + second.files)) == 5
    assert whole.files == (), "/dev/nvidia1 is not there"
