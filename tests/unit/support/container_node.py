# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with container engines below a directory, and what dpkg, apt, systemd, Docker, nvidia-ctk do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.container import PACKAGES
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._container.component import container
from ansible_collections.labfleet.gpu.plugins.module_utils._container.spec import GpuDevice
from ansible_collections.labfleet.gpu.plugins.module_utils._container.state import ContainerState
from ansible_collections.labfleet.gpu.plugins.module_utils._container.steps import AskContainers, Containers
from ansible_collections.labfleet.gpu.plugins.module_utils._container.wish import (
    ARGUMENTS,
    ContainerWish,
    wish_from,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.plugins.module_utils._host import observe_host
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, differences
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskKey,
    AskPurge,
    AskRecords,
    AskSpace,
    Change,
    Key,
    Record,
    Records,
    Space,
    Transaction,
)
from ansible_collections.labfleet.gpu.tests.unit.support.containerd_daemon import Containerd
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

NVIDIA = "https://nvidia.github.io/libnvidia-container/stable/deb/amd64/"
OFFERED = ("1.20.1-1", "1.18.2-1", "1.17.9-1", "1.17.8-1")
DAEMON = "/etc/docker/daemon.json"
DRIVER = "580.95.05"
GIB = 1024**3
#: Programs, each with the package that has it.
CONTENTS = {
    "/usr/bin/nvidia-ctk": "nvidia-container-toolkit-base",
    "/usr/bin/nvidia-container-cli": "libnvidia-container-tools",
}


class Programs:
    """Stands where AnsibleModule runs commands."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.ran: List[str] = []
        self.installed: Dict[str, str] = {}
        self.holds: "set[str]" = set()
        #: Properties of docker.service and containerd.service.
        self.units = {
            "docker": {"ActiveState": "active", "Requires": "docker.socket", "ExecStart": "/usr/bin/dockerd"},
            "containerd": {"ActiveState": "active", "ExecStart": "/usr/bin/containerd"},
        }
        #: What Docker read when it last loaded its file; whether it takes a new one over.
        self.runtimes: "set[str]" = {"runc"}
        self.reads = True
        self.containerd = Containerd(tree)
        #: Whether the toolkit's service writes the specification, and what GPUs it would find.
        self.refreshes = True
        self.devices: Tuple[GpuDevice, ...] = ()

    def run_command(self, argv: Sequence[str], **_options: Any) -> Tuple[int, str, str]:
        words = list(argv[2:] if argv[0] == "timeout" else argv)
        if words[0] == "dpkg-query":
            rows = ("%s\t%s\t%s\tinstalled" % (*pair, self._want(pair[0])) for pair in self.installed.items())
            return 0, "\n".join(rows), ""
        if words[:2] == ["systemctl", "show"]:
            return 0, "\n\n".join(map(self._shown, ("docker", "containerd"))), ""
        if words[:2] == ["docker", "info"]:
            return 0, json.dumps({name: {} for name in self.runtimes}), ""
        if words[:2] == ["systemctl", "is-active"]:
            return 0 if self.containerd.active else 3, "", ""
        if words[0] == "ctr":
            return self.containerd.ctr()
        if words[0] == "journalctl":
            return 0, "\n".join(self.containerd.journal), ""
        self.ran.append(" ".join(words[:3] if words[0] == "apt-get" else words))
        if words[0] in ("apt-get", "apt-mark"):
            self._apt(words)
        if words == ["systemctl", "restart", "--", "containerd.service"]:
            return self.containerd.start(self.installed["containerd"] >= "2"), "", ""
        if words[:2] == ["systemctl", "reload"] and self.reads:
            self.runtimes = {"runc", *json.loads(self.tree.files.text(DAEMON) or "{}").get("runtimes", {})}
        if words[-1] == "nvidia-cdi-refresh.service" and self.refreshes:
            self.generate("/run/cdi/nvidia.yaml")
        if words[0] == "nvidia-ctk":
            self.generate(words[-1].partition("=")[2].replace("/var/run", "/run"))
        if words[:2] in (["podman", "run"], ["docker", "run"]):
            return 0, "\n".join("GPU 0: x (UUID: %s)" % each.uuid for each in self.devices), ""
        return 0, "", ""

    def _want(self, name: str) -> str:
        return "hold" if name in self.holds else "install"

    def _shown(self, name: str) -> str:
        values = dict(self.units[name])
        values["ExecStart"] = "{ path=x ; argv[]=%s ; ignore_errors=no }" % values["ExecStart"]
        return "\n".join("%s=%s" % pair for pair in values.items())

    def _apt(self, words: List[str]) -> None:
        names = words[words.index("--") + 1 :] if "--" in words else words[2:]
        if "install" in words:
            self.installed.update(dict(target.split("=") for target in names))
            for path in CONTENTS:
                if any(target.startswith(CONTENTS[path] + "=") for target in names):
                    self.tree.write(path)
                    self.tree.write("/var/lib/dpkg/info/%s.list" % CONTENTS[path], "/usr/bin\n%s\n" % path)
            self.holds -= {target.partition("=")[0] for target in names}
            if self.installed["nvidia-container-toolkit-base"] >= "1.18":
                self.tree.write("/lib/systemd/system/nvidia-cdi-refresh.service")
            else:
                self.tree.path("/lib/systemd/system/nvidia-cdi-refresh.service").unlink(missing_ok=True)
        if "purge" in words:
            for name in names:
                del self.installed[name]
        if words[0] == "apt-mark":
            (self.holds.update if words[1] == "hold" else self.holds.difference_update)(names)

    def generate(self, path: str, sort: bool = False) -> None:
        """A specification of the GPUs, with a name before or after the edits."""
        lines = ["---", "cdiVersion: 0.5.0", "kind: nvidia.com/gpu", "devices:"]
        everything = [(("all",), [file for each in self.devices for file in each.files])]
        for names, files in [((each.place, each.uuid), each.files) for each in self.devices] + everything:
            for name in names:
                edits = ["containerEdits:", "  deviceNodes:", *("  - path: %s" % file for file in files)]
                entry = [*edits, 'name: "%s"' % name] if sort else ['name: "%s"' % name, *edits]
                lines += ["- " + entry[0], *("  " + line for line in entry[1:])]
        lines += ["containerEdits:", "  mounts:", "  - hostPath: /usr/lib/x/libnvidia-ml.so." + DRIVER]
        self.tree.write(path, "\n".join(lines) + "\n")


class ContainerNode:
    """Debian 12 with Docker, containerd and Podman, and two GPUs."""

    def __init__(self, tree: Tree) -> None:
        self.tree, self.programs = tree, Programs(tree)
        self.warnings: List[str] = []
        self.ending: Tuple[str, ...] = ()
        self.offered: Tuple[str, ...] = OFFERED
        self.dependents: Tuple[str, ...] = ()
        self.driver: Optional[str] = DRIVER
        tree.write("/etc/os-release", "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n")
        for engine, version in {"docker.io": "20.10.24+dfsg1-1", "podman": "4.3.1+ds1-8"}.items():
            self.programs.installed[engine] = version
        self.programs.installed["containerd"] = "1.6.20~ds1-1+deb12u1"
        for program in ("dockerd", "containerd", "podman"):
            tree.write("/usr/bin/" + program)
        for number in range(2):
            tree.pci("0000:0%d:00.0" % (number + 7), "0x20b0", "0x030200", "nvidia")
        self.gpus(("0", "GPU-a", "/dev/nvidia0"), ("1", "GPU-b", "/dev/nvidia1"))

    def gpus(self, *rows: Tuple[str, ...]) -> None:
        """What a container can get: place, UUID, device files."""
        self.programs.devices = tuple(GpuDevice(place, uuid, tuple(files)) for place, uuid, *files in rows)

    def without(self, *programs: str) -> None:
        for program in programs:
            self.tree.path("/usr/bin/" + program).unlink()

    def text(self, path: str) -> Optional[str]:
        return self.tree.files.text(path)

    def docker(self) -> Dict[str, Any]:
        found: Dict[str, Any] = json.loads(self.text(DAEMON) or "{}")
        return found

    def wish(self, **options: Any) -> ContainerWish:
        defaults = {name: each.get("default") for name, each in ARGUMENTS.items()}
        return wish_from({**defaults, **options})

    def state(self) -> ContainerState:
        component, files = container(self.wish()), self.tree.files
        found: ContainerState = component.observe(Commands(self.programs), files, observe_host(files))
        devices = self.programs.devices if self.driver else None
        trouble = "" if self.driver else "the driver is not loaded"
        return replace(found, devices=devices, driver=self.driver, binding="", trouble=trouble)

    def plan(self, wish: Optional[ContainerWish] = None, **options: Any) -> Plan:
        """The plan when all its questions are answered."""
        wish = wish or self.wish(**options)
        answers: Dict[Any, Any] = {}
        while True:
            found = container(wish).plan(self.state(), wish, answers)
            if not found.questions:
                return found
            for question in found.questions:
                assert question not in answers, "asked twice: %r" % (question,)
                answers[question] = self.answer(question)

    def answer(self, question: Any) -> Any:
        if isinstance(question, AskKey):
            assert len(question.fingerprint) == 40 and question.url.endswith("/gpgkey")
            return Key("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
        if isinstance(question, AskSpace):
            return Space({path: ("/", 50 * GIB) for path in question.paths})
        if isinstance(question, AskContainers):
            return Containers(self.ending)
        if isinstance(question, AskRecords):
            (uri,) = question.required
            return Records(tuple(Record(name, v, uri, {}) for name in PACKAGES for v in self.offered))
        if isinstance(question, AskPurge):
            gone = [*question.names, *self.dependents]
            return Transaction((), tuple(Change(name, "1", "") for name in gone), 0, 0)
        wanted = [target.split("=") for target in question.install]
        changes = tuple(Change(name, self.programs.installed.get(name, ""), v) for name, v in wanted)
        return Transaction(changes, (), GIB, GIB)

    def apply(self, plan: Plan, steps: int = 99) -> None:
        """The first effects of a plan."""
        component = container(self.wish())
        context = Context(Commands(self.programs), self.tree.files, self.warnings)
        for step in plan.steps[:steps]:
            component.action(step)(context, step.data)

    def hold(self, **options: Any) -> Plan:
        """Plan and do it; the plan must come true and a second one be empty."""
        plan = self.plan(**options)
        assert not plan.blockers, plan.blockers
        self.apply(plan)
        self.holds(plan, **options)
        return plan

    def holds(self, plan: Plan, **options: Any) -> None:
        wish = replace(self.wish(**options), update=False)
        found = container(wish).summary(self.state())
        assert not differences(plan.promised(), found), differences(plan.promised(), found)
        again = self.plan(wish)
        assert not again.steps and not again.blockers, again

    def refused(self, **options: Any) -> str:
        """The blockers in words; nothing is to be done."""
        plan = self.plan(**options)
        assert plan.blockers and not plan.steps, plan
        return "; ".join(map(str, plan.blockers))


def actions(plan: Plan) -> List[str]:
    return [step.action for step in plan.steps]
