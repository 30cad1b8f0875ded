# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose GPUs are divided for real: observed, planned for and changed through the simulated NVML."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.arguments import ARGUMENTS
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.component import MIG
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.module_wish import MigWish, wish_from
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.node import MigState
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, differences
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

BOARDS = Path(__file__).resolve().parents[3] / "roles/gpu_simulator/files/boards"
VERSION = "580.95.05"
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
        #: A service that does not start.
        self.failing = ""
        #: What its reset does to the GPU.
        self.reset: Callable[[], object] = lambda: None

    def run_command(self, argv: Sequence[str], **_options: Any) -> Tuple[int, str, str]:
        self.ran.append(argv)
        if argv[0] == "nvidia-smi":
            if self.nvidia_smi is None:
                raise FileNotFoundError(2, "No such file or directory", "nvidia-smi")
            self.reset()
            return self.nvidia_smi
        if list(argv[:2]) == ["systemctl", "show"]:
            return 0, "RequiredBy=%s\n" % self.dependents.get(argv[-1], ""), ""
        if list(argv[:2]) == ["systemctl", "start"] and argv[-1] == self.failing:
            return 1, "", "Job for %s failed." % self.failing
        return 0, "", ""


class MigNode:
    """A node below a directory."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.programs = Programs()
        self.count = 0
        self.warnings: List[str] = []
        tree.write("/run/gpu-simulator/module/version", VERSION + "\n")
        tree.write("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Module  %s  x\n" % VERSION)

    def add(self, board: str, mode: Optional[int] = 0, **hardware: object) -> str:
        """Plug in a board; its UUID."""
        device, architecture, name, memory = KINDS[board]
        number, self.count = self.count, self.count + 1
        uuid = "GPU-00000000-0000-4000-8000-%012x" % number
        address = "0000:%02x:00.0" % (number + 7)
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
            self.tree.write("/var/lib/gpu-simulator/gpus/%d/%s" % (number, key), "%s\n" % value)
        self.tree.write("/run/gpu-simulator/gpus/%d/minor_number" % number, "%d\n" % number)
        self.tree.pci(address, "0x" + device, "0x030200", "nvidia")
        return uuid

    def set(self, number: int, **values: object) -> None:
        """Give a GPU settings that its driver keeps while it is initialized."""
        for key, value in values.items():
            self.tree.write("/run/gpu-simulator/gpus/%d/%s" % (number, key), "%s\n" % value)

    def is_set(self, number: int, key: str) -> Optional[str]:
        text = self.tree.files.text("/run/gpu-simulator/gpus/%d/%s" % (number, key))
        return None if text is None else text.strip()

    def fault(self, function: str, order: str) -> None:
        """Let a call fail; "" ends that."""
        path = self.tree.write("/run/gpu-simulator/faults/" + function, order + "\n")
        if not order:
            path.unlink()

    def work(self, number: int, pid: int, instance: str = "", command: str = "python3") -> None:
        """A process on a GPU, or on "<GPU instance> <compute instance>" of it."""
        self.tree.write("/run/gpu-simulator/gpus/%d/processes/%d" % (number, pid), "C 10 %s\n" % instance)
        self.tree.write("/proc/%d/comm" % pid, command + "\n")

    def observe(self) -> MigState:
        files = self.tree.files
        found: MigState = MIG.observe(self.commands(), files, observe_host(files))
        return found

    def commands(self) -> Commands:
        return Commands(self.programs)

    def wish(self, **options: Any) -> MigWish:
        defaults = {name: each.get("default") for name, each in ARGUMENTS.items()}
        return wish_from({**defaults, **options}, self.tree.files)

    def plan(self, **options: Any) -> Plan:
        return MIG.plan(self.observe(), self.wish(**options), {})

    def refused(self, **options: Any) -> str:
        """The blockers in words; nothing is to be done."""
        plan = self.plan(**options)
        assert plan.blockers and not plan.steps, plan
        return "; ".join(map(str, plan.blockers))

    def hold(self, **options: Any) -> Plan:
        """Plan and do it; the plan must come true and a second one be empty. Raises EffectError."""
        plan = self.plan(**options)
        assert not plan.blockers, plan.blockers
        self.apply(plan)
        state = self.observe()
        assert not differences(plan.promised(), MIG.summary(state))
        again = MIG.plan(state, self.wish(**options), {})
        assert not again.steps and not again.blockers, again
        return replace(plan, reboot_reasons=again.reboot_reasons)

    def apply(self, plan: Plan) -> None:
        """The effects of a plan."""
        context = Context(self.commands(), self.tree.files, self.warnings)
        for step in plan.steps:
            MIG.action(step)(context, step.data)

    def failing(self, **options: Any) -> str:
        """What is said when the plan's effects fail."""
        try:
            self.apply(self.plan(**options))
        except EffectError as exc:
            return str(exc)
        raise AssertionError("nothing failed")

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
