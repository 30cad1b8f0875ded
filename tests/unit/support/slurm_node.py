# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node of a Slurm cluster with divided GPUs: what Slurm's commands say of it, as Slurm 22.05 prints it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, differences
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.component import slurm
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.wish import ARGUMENTS, SlurmWish, wish_from
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import MigNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

NODE = "gpu1"
_SHOWN = """NodeName=%s Arch=x86_64 CoresPerSocket=1
   CPUAlloc=0 CPUTot=2 CPULoad=0.10
   Gres=%s
   NodeAddr=gpu1 NodeHostName=gpu1 Version=22.05.8
   State=%s ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
"""
_SETTINGS = """Configuration data as of 2026-01-01T00:00:00
GresTypes               = %s
PluginDir               = /usr/lib/x86_64-linux-gnu/slurm-wlm
SLURM_VERSION           = %s
"""
_REFUSED = "slurm_load_node error: Unable to contact slurm controller (connect failure)\n"


class Cluster:
    """Stands where AnsibleModule runs commands."""

    def __init__(self) -> None:
        self.ran: List[str] = []
        #: What slurmctld has; None where it does not answer, "" where it knows no such node.
        self.state: "str | None" = "IDLE+DRAIN"
        self.gres = "(null)"
        self.types = "gpu"
        self.jobs: List[str] = []
        self.version = "22.05.8"
        #: What the node's own slurmd calls itself; "" where there is none.
        self.slurmd = "slurm-wlm 22.05.8"
        self.units: Dict[str, str] = {"slurmd.service": "active", "slurmctld.service": "inactive"}
        #: What systemd says besides of slurmd's unit, and what slurmd -G lists: a status and text.
        self.unit = "ExecStart={ path=/usr/sbin/slurmd ; argv[]=/usr/sbin/slurmd -D $SLURMD_OPTIONS ; pid=9 }"
        self.listed: Callable[[], Tuple[int, str]] = lambda: (0, "")
        self.asked: List[str] = []
        #: What nvidia-modprobe does with its options.
        self.makes: Callable[[Sequence[str]], int] = lambda _options: 1
        #: Units that do not stay up.
        self.broken: Tuple[str, ...] = ()
        #: What slurmctld has once it restarted or reconfigured.
        self.next_gres = ""

    def run_command(self, argv: Sequence[str], **_options: Any) -> Tuple[int, str, str]:
        words = list(argv[2:] if argv[0] == "timeout" else argv)
        if words[:2] == ["systemctl", "show"] and "--value" not in words:
            return 0, "ActiveState=%s\n%s\n" % (self.units.get(words[-1], "inactive"), self.unit), ""
        if words[:2] == ["systemctl", "show"]:
            return 0, self.units.get(words[-1], "inactive") + "\n", ""
        if words[:2] == ["systemctl", "is-active"]:
            return (3 if words[-1] in self.broken else 0), "", ""
        if words[0] == "squeue":
            return 0, "\n".join(self.jobs), ""
        if words[:3] == ["scontrol", "show", "node"]:
            return self._node()
        if words[:3] == ["scontrol", "show", "config"]:
            shown = _SETTINGS % (self.types, self.version)
            return (1, "", _REFUSED) if self.state is None else (0, shown, "")
        if words == ["slurmd", "-V"]:
            return (0, self.slurmd + "\n", "") if self.slurmd else (127, "", "no slurmd at 127.0.0.1\n")
        if words[0] == "nvidia-modprobe":
            self.asked.append(" ".join(words))
            return self.makes(words[1:]), "", ""
        if words == ["systemctl", "daemon-reload"]:
            self.asked.append(" ".join(words))
            return 0, "", ""
        if words[1:2] == ["-G"]:
            self.asked.append(" ".join(words))
            status, said = self.listed()
            return status, "", said
        self.ran.append(" ".join(words))
        if words[0] == "systemctl":
            self.units[words[-1]] = "active"
        if words[0] == "scontrol" or words[-1] == "slurmctld.service":
            self.gres = self.next_gres or self.gres
        return 0, "", ""

    def _node(self) -> Tuple[int, str, str]:
        if self.state is None:
            return 1, "", _REFUSED
        if not self.state:
            return 1, "Node %s not found\n" % NODE, ""
        return 0, _SHOWN % (NODE, self.gres, self.state), ""


class SlurmNode:
    """A node below a directory, in a cluster."""

    def __init__(self, tree: Tree, mig: MigNode):
        self.tree, self.mig, self.cluster = tree, mig, Cluster()
        self.warnings: List[str] = []
        number, lines = 3, []
        for gpu in range(4):
            for gi in range(15):
                for place in ("gi%d" % gi, *("gi%d/ci%d" % (gi, ci) for ci in range(8))):
                    lines.append("gpu%d/%s/access %d" % (gpu, place, number))
                    tree.write("/dev/nvidia-caps/nvidia-cap%d" % number)
                    number += 1
            tree.write("/dev/nvidia%d" % gpu)
        tree.write("/proc/driver/nvidia-caps/mig-minors", "config 1\nmonitor 2\n%s\n" % "\n".join(lines))
        tree.write("/etc/slurm/cgroup.conf", "ConstrainDevices=yes\n")
        self.tree.write("/usr/bin/nvidia-modprobe")
        self.cluster.makes = self.modprobe
        self.process("slurmd")
        self.cluster.listed = lambda: (0, self.reads("/etc/slurm/gres.conf"))

    def process(self, command: str, pid: int = 900, title: str = "") -> None:
        """A process of Slurm; "" ends it. ``title``: its words, a NUL after each, or what it calls itself."""
        self.tree.write("/proc/%d/comm" % pid, command + "\n")
        self.tree.write("/proc/%d/cmdline" % pid, title)

    def reads(self, path: str) -> str:
        """What slurmd -G says of a gres.conf that it reads."""
        lines = [line for line in (self.tree.files.text(path) or "").splitlines() if line[:1] != "#"]
        said = ""
        for number, line in enumerate(lines):
            option = dict(word.partition("=")[::2] for word in line.split())
            file = option.get("MultipleFiles", option.get("File"))
            said += (
                "Gres Name=gpu Type=%s Count=1 Index=%d ID=7696487 File=%s Links=(null) Flags=HAS_FILE\n"
                % (*(option.get("Type"), number, file),)
            )
        return said

    def modprobe(self, options: Sequence[str]) -> int:
        """The device files of -c and -f; the numbers are those that the driver gives."""
        text = self.tree.files.text("/proc/driver/nvidia-caps/mig-minors") or ""
        numbers = dict(line.split() for line in text.splitlines())
        for option, of in zip(options[::2], options[1::2]):
            place = of.replace("/proc/driver/nvidia/capabilities/", "").replace("/mig/", "/")
            name = "nvidia" + of if option == "-c" else "nvidia-caps/nvidia-cap" + numbers[place]
            self.tree.write("/dev/" + name)
        return 0

    @property
    def gres_conf(self) -> str:
        return self.tree.files.text("/etc/slurm/gres.conf") or ""

    @property
    def slurm_conf(self) -> str:
        return self.tree.files.text("/etc/slurm/slurm.conf") or ""

    def wish(self, **options: Any) -> SlurmWish:
        defaults = {name: each.get("default") for name, each in ARGUMENTS.items()}
        return wish_from({**defaults, "node_name": NODE, **options})

    def plan(self, **options: Any) -> Plan:
        wish = self.wish(**options)
        component = slurm(wish)
        files = self.tree.files
        return component.plan(component.observe(Commands(self.cluster), files, observe_host(files)), wish, {})

    def refused(self, **options: Any) -> str:
        """The blockers in words; nothing is to be done."""
        plan = self.plan(**options)
        assert plan.blockers and not plan.steps, plan
        return "; ".join(map(str, plan.blockers))

    def quiet(self, **options: Any) -> None:
        plan = self.plan(**options)
        assert not plan.steps and not plan.blockers, plan

    def hold(self, **options: Any) -> Plan:
        """Plan and do it; the plan must come true and a second one be empty."""
        plan = self.plan(**options)
        assert not plan.blockers, plan.blockers
        self.apply(plan, **options)
        wish, files = self.wish(**options), self.tree.files
        component = slurm(wish)
        state = component.observe(Commands(self.cluster), files, observe_host(files))
        assert not differences(plan.promised(), component.summary(state))
        self.quiet(**options)
        return plan

    def apply(self, plan: Plan, steps: int = 99, **options: Any) -> None:
        """The first effects of a plan."""
        context = Context(Commands(self.cluster), self.tree.files, self.warnings)
        for step in plan.steps[:steps]:
            slurm(self.wish(**options)).action(step)(context, step.data)
