# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node below a directory whose GPUs answer through the simulated NVML: planned for and changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, List, Optional

from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._converge import Component
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, differences
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

BOARDS = Path(__file__).resolve().parents[3] / "roles/gpu_simulator/files/boards"
VERSION = "580.95.05"
PERSISTENT, VOLATILE = "/var/lib/gpu-simulator/gpus", "/run/gpu-simulator/gpus"


class SimulatedNode:
    """A node with the driver loaded; ``programs`` stands where AnsibleModule runs commands."""

    component: Component
    #: Whether a run that has nothing to do says nothing.
    quiet = False

    def __init__(self, tree: Tree, programs: Any) -> None:
        self.tree = tree
        self.programs = programs
        self.count = 0
        self.warnings: List[str] = []
        tree.write("/run/gpu-simulator/module/version", VERSION + "\n")
        tree.write("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Module  %s  x\n" % VERSION)

    def plug(self, device: str) -> "tuple[int, str, str]":
        """A place for a board of that PCI id: its number, UUID and address."""
        number, self.count = self.count, self.count + 1
        address = "0000:%02x:00.0" % (number + 7)
        self.tree.pci(address, "0x" + device, "0x030200", "nvidia")
        return number, "GPU-00000000-0000-4000-8000-%012x" % number, address

    def put(self, number: int, key: str, value: object) -> None:
        """Set a volatile attribute behind our back."""
        self.tree.write("%s/%d/%s" % (VOLATILE, number, key), "%s\n" % value)

    def is_now(self, number: int, key: str) -> Optional[str]:
        """An attribute as the library has it."""
        for home in (VOLATILE, PERSISTENT):
            text = self.tree.files.text("%s/%d/%s" % (home, number, key))
            if text is not None:
                return text.strip()
        return None

    def fault(self, function: str, order: str) -> None:
        """Let a call fail; "" ends that."""
        path = self.tree.write("/run/gpu-simulator/faults/" + function, order + "\n")
        if not order:
            path.unlink()

    def commands(self) -> Commands:
        return Commands(self.programs)

    def observe(self) -> Any:
        files = self.tree.files
        return self.component.observe(self.commands(), files, observe_host(files))

    def wish(self, **options: Any) -> Any:
        raise NotImplementedError

    def plan(self, **options: Any) -> Plan:
        return self.component.plan(self.observe(), self.wish(**options), {})

    def hold(self, **options: Any) -> Plan:
        """Plan and do it; the plan must come true and a second one be empty. Raises EffectError."""
        plan = self.plan(**options)
        assert not plan.blockers, plan.blockers
        self.apply(plan)
        state = self.observe()
        assert not differences(plan.promised(), self.component.summary(state))
        again = self.component.plan(state, self.wish(**options), {})
        assert not again.steps and not again.blockers and not (self.quiet and again.warnings), again
        return replace(plan, reboot_reasons=again.reboot_reasons)

    def apply(self, plan: Plan) -> None:
        """The effects of a plan."""
        context = Context(self.commands(), self.tree.files, self.warnings)
        for step in plan.steps:
            self.component.action(step)(context, step.data)

    def failing(self, **options: Any) -> str:
        """What is said when the plan's effects fail."""
        try:
            self.apply(self.plan(**options))
        except EffectError as exc:
            return str(exc)
        raise AssertionError("nothing failed")
