# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose GPUs have settings: observed, planned for and changed through the simulated NVML."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._settings.component import SETTINGS
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.wish import SettingsWish, wish_from
from ansible_collections.labfleet.gpu.tests.unit.support.deadline import bare
from ansible_collections.labfleet.gpu.tests.unit.support.simulated_node import (
    BOARDS,
    PERSISTENT,
    VOLATILE,
    SimulatedNode,
)
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

__all__ = ["PERSISTENT", "Programs", "SettingsNode"]


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
        #: By unit: those that systemd stops with it.
        self.dependents: Dict[str, str] = {}

    def run_command(self, argv: Sequence[str], **_options: Any) -> Tuple[int, str, str]:
        argv = bare(argv)
        if argv[-1] in self.dependents:
            return 0, "RequiredBy=%s\n" % self.dependents[argv[-1]], ""
        if argv[:2] == ["systemctl", "show"]:
            return 0, self._shown(), ""
        self.ran.append(" ".join(argv))
        if argv[0] == "systemctl":
            self._systemctl(argv[1])
            return 0, "", ""
        if self.nvidia_smi is None:
            return 127, "nvidia-smi: No such file or directory", ""
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


class SettingsNode(SimulatedNode):
    """A node below a directory."""

    component = SETTINGS
    quiet = True
    programs: Programs

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree, Programs(self._persistence, self._reset))
        tree.write("/sys/module/nvidia/initstate", "live\n")

    def add(self, board: str, persistence: int = 1, **values: object) -> str:
        """Plug in a board of the simulator; its UUID."""
        table = json.loads((BOARDS / (board + ".json")).read_text(encoding="utf-8"))
        kept: Dict[str, object] = {key: each["value"] for key, each in table["attributes"].items()}
        number, uuid, address = self.plug(str(kept["pci_device_id"]).partition(":")[2])
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
        return uuid

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

    def work(self, number: int, pid: int) -> None:
        """A process on a GPU."""
        self.put(number, "processes/%d" % pid, "C 10")
        self.tree.write("/proc/%d/comm" % pid, "python3\n")

    def wish(self, **options: Any) -> SettingsWish:
        return wish_from({"disrupt_running_work": False, **options})

    def refused(self, **options: Any) -> str:
        """The blockers in words; nothing is to be done."""
        plan = self.plan(**options)
        assert (plan.blockers or plan.needs) and not (plan.blockers and plan.steps), plan
        return "; ".join(map(str, (*plan.blockers, *plan.needs)))

    def gpu(self, uuid: str) -> Dict[str, Any]:
        """One GPU in the words of the result."""
        found: Dict[str, Any] = SETTINGS.summary(self.observe())["gpus"][uuid]
        return found
