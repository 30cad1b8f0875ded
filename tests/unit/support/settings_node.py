# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose GPUs have settings: observed, planned for and changed through the simulated NVML."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, differences
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.component import SETTINGS
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.node import SettingsState
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.wish import SettingsWish, wish_from
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

BOARDS = Path(__file__).resolve().parents[3] / "roles/gpu_simulator/files/boards"
VERSION = "580.95.05"
PERSISTENT, VOLATILE = "/var/lib/gpu-simulator/gpus", "/run/gpu-simulator/gpus"


class Programs:
    """Stands where AnsibleModule runs commands: systemd with the persistence daemon, and nvidia-smi."""

    def __init__(self, persistence: Callable[[bool], None], reset: Callable[[str], None]) -> None:
        self.ran: List[str] = []
        #: UnitFileState, or "" where the unit is not installed.
        self.unit_file = ""
        self.active = False
        self.covers = True
        #: What nvidia-smi --gpu-reset ends with and says; None: there is no nvidia-smi.
        self.nvidia_smi: Optional[Tuple[int, str]] = None
        self.persistence = persistence
        self.reset = reset

    def run_command(self, argv: Sequence[str], **_options: Any) -> Tuple[int, str, str]:
        if argv[:2] == ["systemctl", "show"]:
            return 0, self._shown(), ""
        self.ran.append(" ".join(argv))
        if argv[0] == "systemctl":
            self._systemctl(argv[1])
            return 0, "", ""
        if self.nvidia_smi is None:
            raise FileNotFoundError(2, "No such file or directory", "nvidia-smi")
        if self.nvidia_smi[0] == 0:
            self.reset(argv[-1])
        return self.nvidia_smi[0], self.nvidia_smi[1], ""

    def _shown(self) -> str:
        mode = "" if self.covers else " --no-persistence-mode"
        return "LoadState=%s\nUnitFileState=%s\nActiveState=%s\nExecStart={ argv[]=/usr/bin/x%s ; }\n" % (
            "loaded" if self.unit_file else "not-found",
            self.unit_file,
            "active" if self.active else "inactive",
            mode,
        )

    def _systemctl(self, verb: str) -> None:
        if verb in ("enable", "disable"):
            self.unit_file = verb + "d"
        elif verb in ("start", "stop") and self.unit_file:
            self.active = verb == "start"
            if self.covers or verb == "stop":
                self.persistence(self.active)


class SettingsNode:
    """A node below a directory, with the driver loaded."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.count = 0
        self.warnings: List[str] = []
        self.programs = Programs(self._persistence, self._reset)
        tree.write("/run/gpu-simulator/module/version", VERSION + "\n")
        tree.write("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Module  %s  x\n" % VERSION)
        tree.write("/sys/module/nvidia/initstate", "live\n")

    def add(self, board: str, persistence: int = 1, **values: object) -> str:
        """Plug in a board of the simulator; its UUID."""
        table = json.loads((BOARDS / (board + ".json")).read_text(encoding="utf-8"))
        number, self.count = self.count, self.count + 1
        uuid = "GPU-00000000-0000-4000-8000-%012x" % number
        address = "0000:%02x:00.0" % (number + 7)
        kept: Dict[str, object] = {key: each["value"] for key, each in table["attributes"].items()}
        kept.update(name=table["model"], uuid=uuid, pci_bus_id=address)
        fleeting: Dict[str, object] = {key: each["value"] for key, each in table["volatile"].items()}
        fleeting.update(minor_number=number, persistence_mode=persistence)
        if "power_limit_default_mw" in kept:
            fleeting["power_limit_mw"] = kept["power_limit_default_mw"]
        if values.pop("mig", 0):
            kept.update(mig_mode_current=1, mig_mode_pending=1, mig_device_max=7)
        kept.update(values)
        for home, these in ((PERSISTENT, kept), (VOLATILE, fleeting)):
            for key, value in these.items():
                self.tree.write("%s/%d/%s" % (home, number, key), "%s\n" % value)
        device = str(kept["pci_device_id"]).partition(":")[2]
        self.tree.pci(address, "0x" + device, "0x030200", "nvidia")
        return uuid

    def is_now(self, number: int, key: str) -> Optional[str]:
        """An attribute as the library has it."""
        for home in (VOLATILE, PERSISTENT):
            text = self.tree.files.text("%s/%d/%s" % (home, number, key))
            if text is not None:
                return text.strip()
        return None

    def put(self, number: int, key: str, value: object) -> None:
        """Set a volatile attribute behind our back."""
        self.tree.write("%s/%d/%s" % (VOLATILE, number, key), "%s\n" % value)

    def _persistence(self, on: bool) -> None:
        for number in range(self.count):
            self.put(number, "persistence_mode", int(on))

    def _reset(self, ids: str) -> None:
        """What a reset takes, and brings."""
        for number in [each for each in range(self.count) if self.is_now(each, "uuid") in ids.split(",")]:
            assert self.is_now(number, "persistence_mode") == "0", "a GPU with persistence is not reset"
            self.put(number, "compute_mode", 0)
            self.put(number, "power_limit_mw", self.is_now(number, "power_limit_default_mw"))
            for name in ("clocks_locked_gpu_mhz", "clocks_locked_memory_mhz"):
                path = self.tree.path("%s/%d/%s" % (VOLATILE, number, name))
                if path.exists():
                    path.unlink()
            pending = self.is_now(number, "ecc_mode_pending")
            if pending is not None:
                self.tree.write("%s/%d/ecc_mode_current" % (PERSISTENT, number), pending + "\n")

    def reload(self) -> None:
        """The driver is loaded anew."""
        self.tree.path("/sys/module/nvidia").rename(self.tree.path("/sys/module/gone"))
        self.tree.write("/sys/module/nvidia/initstate", "live\n")
        for name in ("clocks_locked_gpu_mhz", "clocks_locked_memory_mhz"):
            for number in range(self.count):
                path = self.tree.path("%s/%d/%s" % (VOLATILE, number, name))
                if path.exists():
                    path.unlink()

    def fault(self, function: str, order: str) -> None:
        """Let a call fail; "" ends that."""
        path = self.tree.write("/run/gpu-simulator/faults/" + function, order + "\n")
        if not order:
            path.unlink()

    def work(self, number: int, pid: int) -> None:
        """A process on a GPU."""
        self.put(number, "processes/%d" % pid, "C 10")
        self.tree.write("/proc/%d/comm" % pid, "python3\n")

    def observe(self) -> SettingsState:
        files = self.tree.files
        found: SettingsState = SETTINGS.observe(self._commands(), files, observe_host(files))
        return found

    def _commands(self) -> Commands:
        return Commands(self.programs)

    def wish(self, **options: Any) -> SettingsWish:
        return wish_from({"disrupt_running_work": False, **options})

    def plan(self, **options: Any) -> Plan:
        return SETTINGS.plan(self.observe(), self.wish(**options), {})

    def refused(self, **options: Any) -> str:
        """The blockers in words; nothing is to be done."""
        plan = self.plan(**options)
        assert (plan.blockers or plan.needs) and not (plan.blockers and plan.steps), plan
        return "; ".join(map(str, (*plan.blockers, *plan.needs)))

    def hold(self, **options: Any) -> Plan:
        """Plan and do it; the plan must come true and a second one be empty. Raises EffectError."""
        plan = self.plan(**options)
        assert not plan.blockers, plan.blockers
        self.apply(plan)
        state = self.observe()
        assert not differences(plan.promised(), SETTINGS.summary(state))
        again = SETTINGS.plan(state, self.wish(**options), {})
        assert not again.steps and not again.blockers and not again.warnings, again
        return replace(plan, reboot_reasons=again.reboot_reasons)

    def apply(self, plan: Plan) -> None:
        """The effects of a plan."""
        context = Context(self._commands(), self.tree.files, self.warnings)
        for step in plan.steps:
            SETTINGS.action(step)(context, step.data)

    def failing(self, **options: Any) -> str:
        """What is said when the plan's effects fail."""
        try:
            self.apply(self.plan(**options))
        except EffectError as exc:
            return str(exc)
        raise AssertionError("nothing failed")

    def gpu(self, uuid: str) -> Dict[str, Any]:
        """One GPU in the words of the result."""
        found: Dict[str, Any] = SETTINGS.summary(self.observe())["gpus"][uuid]
        return found
