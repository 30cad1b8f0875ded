# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is checked: NVML simulated, programs real, the kernel log and processes as files."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Dict, List, Sequence, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._check.node import CheckState
from ansible_collections.labfleet.gpu.plugins.module_utils._check.observe import observe
from ansible_collections.labfleet.gpu.plugins.module_utils._check.row import Row
from ansible_collections.labfleet.gpu.plugins.module_utils._check.rows import judged
from ansible_collections.labfleet.gpu.plugins.module_utils._check.wish import ARGUMENTS, CheckWish, wish_from
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._nvml import in_session
from ansible_collections.labfleet.gpu.tests.unit.support.settings_node import BOARDS, SettingsNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

#: How an A100 can be divided.
MIG_TABLE = "\n".join(
    json.loads((BOARDS / "a100-sxm4-40gb.json").read_text(encoding="utf-8"))["mig"]["table"]
)
#: Seconds that the node has been running.
UPTIME = 100000


class Machine:
    """Stands where AnsibleModule runs commands: journal and logind answer as told, all else is really run."""

    def __init__(self) -> None:
        #: By program: exit status, output, errors; a program that is not here is run.
        self.answers: Dict[str, Tuple[int, str, str]] = {
            "journalctl": (1, "", ""),
            "loginctl show-session": (1, "", "Failed to get session: No session '7' known"),
            "loginctl show-user": (1, "", "Failed to get user: User ID 0 is not logged in or lingering"),
        }
        self.ran: List[str] = []

    def run_command(self, argv: Sequence[str], **options: Any) -> Tuple[int, str, str]:
        line = " ".join(argv)
        self.ran.append(line)
        for start in sorted(self.answers, key=len, reverse=True):
            if line.startswith(start):
                return self.answers[start]
        environment = {**os.environ, **options.get("environ_update", {})}
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, env=environment
        )
        return done.returncode, done.stdout, done.stderr


class CheckNode(SettingsNode):
    """A node below a directory, with the driver loaded and a kernel log without Xids."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree)
        self.machine = Machine()
        tree.write("/proc/uptime", "%d.00 1.00\n" % UPTIME)
        tree.write("/proc/1/cgroup", "0::/init.scope\n")
        self.log("Linux version 6.1.0", 0)

    def log(self, text: str, second: int = 500) -> None:
        """A line of the kernel's log, as /dev/kmsg has it."""
        path = self.tree.path("/dev/kmsg")
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        self.tree.write("/dev/kmsg", before + "4,%d,%d,-;%s\n" % (len(before), second * 1000000, text))

    def commands(self) -> Commands:
        return Commands(self.machine)

    def check_wish(self, *rows: str, **options: Any) -> CheckWish:
        defaults = {name: each.get("default") for name, each in ARGUMENTS.items()}
        return wish_from({**defaults, **({"only": list(rows)} if rows else {}), **options})

    def state(self, *rows: str, **options: Any) -> CheckState:
        files = self.tree.files
        return observe(self.commands(), files, observe_host(files), self.check_wish(*rows, **options))

    def rows(self, *rows: str, **options: Any) -> List[Row]:
        """What comes of these rows or groups."""
        return judged(self.state(*rows, **options), self.check_wish(*rows, **options))

    def row(self, name: str, **options: Any) -> Row:
        """What comes of a row of which there is one."""
        (found,) = self.rows(name, **options)
        return found

    def divide(self) -> None:
        """Two MIG devices on GPU 0, which is in MIG mode and has MIG_TABLE."""

        def work(pynvml: Any) -> None:
            handle = pynvml.nvmlDeviceGetHandleByIndex(0)
            for profile in (19, 19):
                instance = pynvml.nvmlDeviceCreateGpuInstance(handle, profile)
                pynvml.nvmlGpuInstanceCreateComputeInstance(instance, 0)

        in_session(work)

    def process(
        self,
        pid: int,
        gpu: int = 0,
        memory: int = 2048,
        command: str = "python3",
        parent: int = 1,
        hours: float = 3,
        group: str = "/user.slice/user-1000.slice/session-7.scope",
        environment: str = "",
    ) -> None:
        """A process on a GPU; NVML shows it while a process of that number lives."""
        self.put(gpu, "processes/%d" % pid, "C %d" % memory)
        self.other(pid, command, parent, hours, group)
        self.tree.write("/proc/%d/environ" % pid, environment.replace(" ", "\0"))

    def other(
        self, pid: int, command: str, parent: int = 1, hours: float = 3, group: str = "/", title: str = ""
    ) -> None:
        """A process that uses no GPU."""
        started = int((UPTIME - hours * 3600) * os.sysconf("SC_CLK_TCK"))
        fields = ["S", str(parent), *["0"] * 17, str(started), *["0"] * 5]
        self.tree.write("/proc/%d/comm" % pid, command + "\n")
        self.tree.write("/proc/%d/stat" % pid, "%d (%s) %s\n" % (pid, command, " ".join(fields)))
        self.tree.write("/proc/%d/cgroup" % pid, "0::%s\n" % group)
        self.tree.write("/proc/%d/cmdline" % pid, title)
