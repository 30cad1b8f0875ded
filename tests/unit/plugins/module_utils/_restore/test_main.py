# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the boot unit runs: each store in order, each GPU alone where one fails, another run in the way."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Set, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _command
from ansible_collections.labfleet.gpu.plugins.module_utils._asking import NO_ANSWER
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.state import text_of
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.unit import LATER, STORES, UNIT
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._component import Component
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files, Host
from ansible_collections.labfleet.gpu.plugins.module_utils._lock import HostLock
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Blocker, Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._restore import main as restore
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

#: A program that notes how it was called, and ends with what is in a file of its name.
PROGRAM = """#!/bin/sh
echo "${0##*/} $*" >> "${0%/*}/ran"
for word; do [ -e "${0%/*}/fails-$word" ] && exit 1; done
[ ! -e "${0%/*}/says" ] || cat "${0%/*}/says"
"""


@dataclass
class Gpus:
    """Two components whose GPUs are as wished once a file has their name."""

    tree: Tree
    programs: Path
    lock: Path
    broken: Set[str] = field(default_factory=set)
    silent: bool = False
    reboot: bool = False
    #: Whether a service is to start first, which fails.
    service: bool = False
    #: What happens when a component looks at its GPUs.
    looking: Any = None

    def store(self, name: str, *uuids: str) -> None:
        self.tree.write(STORES[name], text_of({uuid: {"mig": True} for uuid in uuids}))

    def restored(self) -> List[str]:
        return sorted(path.name for path in self.tree.root.glob("gpus/*"))

    def ran(self) -> List[str]:
        path = self.programs / "ran"
        return path.read_text().splitlines() if path.exists() else []

    def component(self, name: str, uuids: Sequence[str], service: bool = True) -> Component:
        files = {uuid: "/gpus/%s-%s" % (name, uuid) for uuid in uuids if uuid != "GPU-gone"}

        def observe(_commands: Commands, seen: Files, _host: Host) -> Tuple[str, ...]:
            if self.looking:
                self.looking()
            return tuple(uuid for uuid, path in files.items() if seen.exists(path))

        def plan(done: Tuple[str, ...], _wish: Any, _answers: Mapping[Any, Any]) -> Plan:
            if self.silent:
                return Plan(blockers=(Blocker(NO_ANSWER + ": it hangs", "this node", "look"),))
            steps = tuple(
                Step("gpus", "restore", "restore %s" % uuid, "it is not as stored", uuid)
                for uuid in files
                if uuid not in done
            )
            if self.service and service and steps:
                steps = (Step("service", "start", "start x.service", "it is not running"), *steps)
            reasons = ("It waits for a reset.",) if self.reboot else ()
            return Plan(steps=steps, promise={"gpus": dict.fromkeys(files, True)}, reboot_reasons=reasons)

        def act(context: Context, uuid: str) -> None:
            if uuid in self.broken:
                raise EffectError("%s does not answer" % uuid)
            self.tree.write(files[uuid])
            context.warnings.append("%s is warm." % uuid)

        def start(_context: Context, _data: Any) -> None:
            raise EffectError("x.service does not start")

        def summary(done: Tuple[str, ...]) -> Dict[str, Any]:
            return {"gpus": {uuid: uuid in done for uuid in files}}

        return Component(name, observe, plan, summary, lambda: {"restore": act, "start": start})


@pytest.fixture
def gpus(
    tree: Tree, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Gpus]:
    """A node below a directory, with a lock and programs of its own."""
    programs = tmp_path_factory.mktemp("programs")
    for name in ("systemctl", "systemd-run"):
        (programs / name).write_text(PROGRAM)
        (programs / name).chmod(0o755)
    monkeypatch.setitem(_command.ENVIRONMENT, "PATH", "%s:%s" % (programs, os.environ["PATH"]))
    monkeypatch.setenv("PATH", "%s:%s" % (programs, os.environ["PATH"]))
    monkeypatch.setattr(Files.__init__, "__defaults__", (str(tree.root),))
    monkeypatch.setattr(HostLock.__init__, "__defaults__", (str(programs / "lock"),))
    monkeypatch.setattr(sys, "path", list(sys.path))
    node = Gpus(tree, programs, programs / "lock")
    components = tuple(
        (name, partial(node.component, name), partial(node.component, name, service=False)) for name in STORES
    )
    monkeypatch.setattr(restore, "_COMPONENTS", components)
    (tree.root / "gpus").mkdir()
    before = signal.getsignal(signal.SIGTERM)
    yield node
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """What went to the journal since this was called last, by line."""

    def lines() -> List[str]:
        return capsys.readouterr().out.splitlines()

    return lines


def test_nothing_stored_is_nothing_to_do(gpus: Gpus, said: Any) -> None:
    assert restore.main() == 0
    assert said() == [] and gpus.ran() == []


def test_settings_come_first_and_each_step_is_told_as_it_begins(gpus: Gpus, said: Any) -> None:
    gpus.store("mig", "GPU-a")
    gpus.store("settings", "GPU-b", "GPU-a")
    assert restore.main() == 0
    assert gpus.restored() == ["mig-GPU-a", "settings-GPU-a", "settings-GPU-b"]
    lines = said()
    assert lines[:2] == [
        "settings: restore GPU-a (it is not as stored)",
        "settings: restore GPU-b (it is not as stored)",
    ]
    assert "settings: GPU-a is warm." in lines
    assert lines.index("mig: restore GPU-a (it is not as stored)") > lines.index("settings: GPU-b is warm.")
    assert restore.main() == 0 and [line.count("Nothing to change.") for line in said()] == [1, 1]


def test_a_store_that_cannot_be_read_keeps_no_other(gpus: Gpus, said: Any) -> None:
    gpus.tree.write(STORES["settings"], "{")
    gpus.store("mig", "GPU-a")
    assert restore.main() == 1 and gpus.restored() == ["mig-GPU-a"]
    assert said()[0].startswith("settings: %s cannot be read: " % STORES["settings"])


def test_a_gpu_that_fails_keeps_no_other(gpus: Gpus, said: Any) -> None:
    gpus.store("mig", "GPU-a", "GPU-b", "GPU-c")
    gpus.broken = {"GPU-a"}
    assert restore.main() == 1 and gpus.restored() == ["mig-GPU-b", "mig-GPU-c"]
    lines = said()
    assert any("mig of GPU-a: " in line and "does not answer" in line for line in lines)
    assert [line.partition(":")[0] for line in lines if "restore GPU-b" in line] == ["mig of GPU-b"]
    gpus.store("mig", "GPU-a")
    assert restore.main() == 1 and "mig of" not in "".join(said()), "one alone is tried once"


@pytest.mark.parametrize("uuids", [("GPU-a",), ("GPU-a", "GPU-b", "GPU-c")], ids=["one", "three"])
def test_a_service_that_fails_keeps_no_gpu(gpus: Gpus, said: Any, uuids: Tuple[str, ...]) -> None:
    gpus.store("settings", *uuids)
    gpus.store("mig", "GPU-a")
    gpus.service = True
    assert restore.main() == 1, "somebody should look at the service"
    assert gpus.restored() == ["mig-GPU-a", *("settings-" + uuid for uuid in uuids)]
    lines = said()
    assert any("x.service does not start" in line for line in lines)
    assert sum("restore GPU-a (" in line for line in lines) == 2, "of each component once"
    assert any(line.startswith("settings: Without the service: ") for line in lines)
    assert restore.main() == 0


def test_nor_does_it_with_a_gpu_that_fails(gpus: Gpus) -> None:
    gpus.store("settings", "GPU-a", "GPU-b")
    gpus.service, gpus.broken = True, {"GPU-a"}
    assert restore.main() == 1 and gpus.restored() == ["settings-GPU-b"]


def test_where_nvml_does_not_answer_no_gpu_is_tried_alone(gpus: Gpus, said: Any) -> None:
    gpus.store("settings", "GPU-a", "GPU-b")
    gpus.silent = True
    assert restore.main() == 1
    (line,) = said()
    assert NO_ANSWER in line


def test_no_gpu_is_tried_alone_without_time(gpus: Gpus, said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "_BUDGET", -1.0)
    gpus.store("mig", "GPU-a", "GPU-b")
    gpus.broken = {"GPU-a"}
    assert restore.main() == 1 and gpus.restored() == []
    assert [line for line in said() if "No time is left" in line] == [
        "mig of %s: No time is left: it is not tried alone." % uuid for uuid in ("GPU-a", "GPU-b")
    ]


def test_it_fails_where_a_gpu_is_missing_or_waits(gpus: Gpus, said: Any) -> None:
    gpus.store("mig", "GPU-a", "GPU-gone")
    assert restore.main() == 1 and gpus.restored() == ["mig-GPU-a"]
    assert "mig of" not in "".join(said()), "nothing failed"
    gpus.store("mig", "GPU-a")
    gpus.reboot = True
    assert restore.main() == 1


@pytest.mark.parametrize(
    "failing, status, words",
    [
        ((), 0, "Another run is changing this host"),
        (("--on-active=15",), 0, "Another run is changing this host"),
        (("--on-active=15", "is-active"), 1, "start %s yourself" % UNIT),
    ],
    ids=["timer", "timer is there", "no timer"],
)
def test_another_run_is_not_waited_for(
    gpus: Gpus, said: Any, failing: Sequence[str], status: int, words: str
) -> None:
    for word in failing:
        (gpus.programs / ("fails-" + word)).touch()
    gpus.store("mig", "GPU-a")
    with gpus.lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert restore.main() == status
    assert gpus.restored() == [] and words in said()[-1]
    assert "--unit=%s" % LATER in gpus.ran()[0] and gpus.ran()[0].endswith("start --no-block %s" % UNIT)


def test_nor_one_that_comes_between(gpus: Gpus) -> None:
    """It takes the lock while the second component looks at its GPUs: the first one's are restored."""
    gpus.store("settings", "GPU-a")
    gpus.store("mig", "GPU-a")
    with gpus.lock.open("w") as other:

        def looking() -> None:
            if "settings-GPU-a" in gpus.restored():
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

        # Its own last look at the GPUs is after its steps, and after it has given the lock back.
        gpus.looking = looking
        assert restore.main() == 0
    assert gpus.restored() == ["settings-GPU-a"] and "systemd-run" in gpus.ran()[-1]


def test_a_lock_that_cannot_be_had_is_a_failure(gpus: Gpus, said: Any) -> None:
    gpus.lock.mkdir()
    assert restore.main() == 1 and "cannot be opened" in said()[0] and gpus.ran() == []


def test_services_are_started_without_waiting_but_for_those_it_needs(gpus: Gpus) -> None:
    journal = restore.Journal("x")
    for unit in ("slurmd.service", "nvidia-persistenced.service"):
        journal.run_command(["systemctl", "start", "--", unit])
    journal.run_command(["systemctl", "stop", "--", "slurmd.service"])
    assert gpus.ran() == [
        "systemctl start --no-block -- slurmd.service",
        "systemctl start -- nvidia-persistenced.service",
        "systemctl stop -- slurmd.service",
    ]
    with pytest.raises(OSError):
        journal.run_command([str(gpus.programs / "nothing")])


@pytest.mark.parametrize(
    "state, loaded, waits", [("active", True, False), ("activating", True, True), ("", False, True)]
)
def test_it_waits_for_the_module_and_the_persistence_daemon(
    gpus: Gpus, monkeypatch: pytest.MonkeyPatch, state: str, loaded: bool, waits: bool
) -> None:
    monkeypatch.setattr(restore, "_PATIENCE", 0.5)
    gpus.tree.pci("0000:07:00.0", "0x20b0", "0x030200", "nvidia" if loaded else None)
    if loaded:
        gpus.tree.path("/sys/bus/pci/drivers/nvidia").mkdir(parents=True, exist_ok=True)
    (gpus.programs / "says").write_text(state + "\n")
    assert restore.main() == 0
    assert (len(gpus.ran()) > 1) is waits, gpus.ran()


def test_systemd_that_ends_it_is_told_what_becomes_of_the_rest(gpus: Gpus, said: Any) -> None:
    gpus.store("mig", "GPU-a", "GPU-b")
    gpus.looking = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        restore.main()
    assert ended.value.code == 1 and "left to the next run" in said()[-1]
