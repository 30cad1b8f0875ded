# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose GPUs are divided for real: observed, planned for and changed through the simulated NVML."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._mig.arguments import ARGUMENTS
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.component import MIG
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.module_wish import MigWish, wish_from
from ansible_collections.labfleet.gpu.tests.unit.support.deadline import bare
from ansible_collections.labfleet.gpu.tests.unit.support.simulated_node import (
    BOARDS,
    PERSISTENT,
    VERSION,
    SimulatedNode,
)
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

__all__ = ["KINDS", "VERSION", "MigNode", "Programs"]

#: PCI id and architecture of the boards that tests plug in.
KINDS = {
    "a100-sxm4-40gb": ("20b0", "ampere", "NVIDIA A100-SXM4-40GB", 40960),
    "a30-24gb": ("20b7", "ampere", "NVIDIA A30", 24576),
    "h100-sxm5-80gb": ("2330", "hopper", "NVIDIA H100 80GB HBM3", 81559),
    "t4": ("1eb8", "turing", "Tesla T4", 15360),
}


class Programs:
    """Stands where AnsibleModule runs commands: nvidia-smi answers as told, None that there is none."""

    def __init__(self) -> None:
        self.ran: List[Sequence[str]] = []
        self.nvidia_smi: Optional[Tuple[int, str, str]] = None
        #: By unit: those that systemd stops with it.
        self.dependents: Dict[str, str] = {}
        #: By unit: its main process.
        self.main: Dict[str, int] = {}
        #: A service that does not start, or a program that fails.
        self.failing = ""
        #: What its reset does to the GPU.
        self.reset: Callable[[], object] = lambda: None

    def run_command(self, argv: Sequence[str], **_options: Any) -> Tuple[int, str, str]:
        argv = bare(argv)
        self.ran.append(argv)
        if argv[0] == "nvidia-smi":
            if self.nvidia_smi is None:
                return 127, "nvidia-smi: No such file or directory", ""
            self.reset()
            return self.nvidia_smi
        if list(argv[:3]) == ["systemctl", "show", "--property=MainPID"]:
            return 0, "MainPID=%d\n" % self.main.get(argv[-1], 0), ""
        if list(argv[:2]) == ["systemctl", "show"]:
            return 0, "RequiredBy=%s\n" % self.dependents.get(argv[-1], ""), ""
        if list(argv[:2]) == ["systemctl", "start"] and argv[-1] == self.failing:
            return 1, "", "Job for %s failed." % self.failing
        if argv[0] == self.failing:
            return 1, "", "%s failed." % self.failing
        return 0, "", ""


class MigNode(SimulatedNode):
    """A node below a directory."""

    component = MIG
    programs: Programs

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree, Programs())

    def add(self, board: str, mode: Optional[int] = 0, **hardware: object) -> str:
        """Plug in a board; its UUID."""
        device, architecture, name, memory = KINDS[board]
        number, uuid, address = self.plug(device)
        values: Dict[str, object] = {
            "name": name,
            "uuid": uuid,
            "architecture": architecture,
            "pci_bus_id": address,
            "pci_device_id": "10de:" + device,
            "memory_mib": memory,
            **hardware,
        }
        if mode is not None and board != "t4":
            table = json.loads((BOARDS / (board + ".json")).read_text(encoding="utf-8"))["mig"]["table"]
            values.update(
                mig_profiles="\n".join(table), mig_mode_current=mode, mig_mode_pending=mode, mig_device_max=7
            )
        for key, value in values.items():
            self.tree.write("%s/%d/%s" % (PERSISTENT, number, key), "%s\n" % value)
        self.put(number, "minor_number", number)
        return uuid

    def work(self, number: int, pid: int, instance: str = "", command: str = "python3") -> None:
        """A process on a GPU, or on "<GPU instance> <compute instance>" of it."""
        self.put(number, "processes/%d" % pid, "C 10 %s" % instance)
        self.tree.write("/proc/%d/comm" % pid, command + "\n")

    def wish(self, **options: Any) -> MigWish:
        defaults = {name: each.get("default") for name, each in ARGUMENTS.items()}
        return wish_from({**defaults, **options}, self.tree.files)

    def refused(self, **options: Any) -> str:
        """The blockers in words; nothing is to be done."""
        plan = self.plan(**options)
        assert plan.blockers and not plan.steps, plan
        return "; ".join(map(str, plan.blockers))

    def layout(self, uuid: str) -> List[Tuple[str, int, List[str]]]:
        """(profile, start, compute instances) of a GPU."""
        shown = MIG.summary(self.observe())["gpus"][uuid]["layout"]
        return [(each["profile"], each["start"], each["compute"]) for each in shown]

    def names(self, uuid: str) -> List[str]:
        return [profile for profile, _start, _compute in self.layout(uuid)]

    def modes(self, uuid: str) -> Tuple[Optional[bool], Optional[bool]]:
        """Current and pending."""
        mode = MIG.summary(self.observe())["gpus"][uuid]["mig"]
        return mode["current"], mode["pending"]
